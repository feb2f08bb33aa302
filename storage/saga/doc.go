// Package saga runs durable procedures made of named steps, and finishes them after a crash. A step may run more than
// once, so every outside effect carries an id that an earlier step minted and committed.
//
// A run is a record in the table "runs" and, while it is live, an item of the queue "saga". A worker claims the item under
// a lease, runs one step, and commits in one transaction the new state, when the run is due again, and what
// Options.Observe adds. The transaction holds only with the newest fence of the lease, so that of two workers who both
// believe they own a run one commits.
//
//	Start ─► running ─┬─► done, failed, canceled      kept for 30 days
//	          ▲  ▲    ├─► waiting ─ Signal, Cancel, Until ─► running
//	          │  └────┘
//	        Resume ◄──── stuck ─ Cancel ─► canceled
//
// # What a step must know
//
// Do gets the state as last committed and may change it. When Do returns an error, panics, or its process dies, the change
// is forgotten and Do runs again with the old state: it must find out, by the ids in the state, what it did the last
// time. The context ends at the step's deadline, when the lease is lost, and when the engine's shutdown takes too long.
//
// # Design
//
// Signals and cancel requests change the record while a step runs. The step's commit then fails once, is applied on top of
// the changed record, and goes in: a step's outcome is a function from record to record. A signal that came while the
// step decided to wait for it is seen there, which is why no wake-up is lost.
//
// A worker that goes straight on to the next step keeps the lease within the same transaction, so a step costs one round
// trip.
package saga
