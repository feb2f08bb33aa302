// Package ops holds the durable procedures that change Flink jobs (savepoint, stop, cancel, submit, scale, restart), and
// the registry of jobs whose identity outlives Flink's job id.
//
// A procedure is a list of small steps on the engine of storage/saga. A step may run more than once, so each outside effect
// carries an id (a savepoint trigger id, a Flink job id) that an earlier step minted and committed: Flink does it once.
// At no instant is a job stopped by drey without its savepoint being recorded, or about to be, under a trigger id that is.
//
// # Records
//
// The root of a job is a short hash of its cluster and name. Under it stand, and change together in one transaction:
//
//	job     ROOT/known   Known: source, current and past Flink job ids, savepoints, owner
//	oplock  ROOT/lock    which operation has the job; one at a time
//	saga    ROOT/OP      the run; OP is six characters made from the request's key, so that a request told twice starts once
//	        ROOT/…       what Options.Observe adds: the card in the outbox, the audit entry
//
// and apart from it opshort OP, a pointer that finds an operation by its short name.
//
// Statements, configuration values and arguments may hold passwords: they are sealed before the Source enters a record
// or a state, and read only to be submitted. Where there is no key, Check refuses a source with a secret.
//
// # Design
//
// The registry record of a job travels inside the state of the operation that holds the job's lock, and is written out
// with each of its commits. So a savepoint's path, the step that learned it and the card that tells it become durable
// in one instant, and there is no "record" step that a crash could come before. Only the lock's holder writes the record.
//
// Start takes an Origin instead of a bare key, because the person's name belongs into the lock, the savepoints and the
// words of a refusal, and the caller's Meta is not ours to read.
//
// A trigger id lives in the JobManager's memory. When it is forgotten, the job is the witness: its state and the newest
// savepoint in its history tell whether the savepoint was written; if the job still runs and nothing was, it is asked for
// again under a new id. Only what nobody can look up becomes a question to a person.
//
// Jobs are submitted with retained checkpoints unless their own configuration says otherwise: a job that fails again and
// again gives no savepoint, and cancelling it would delete the only thing to restart it from.
//
// A job that falls three times before it ever ran ends the following of it. The lock would otherwise keep people from
// stopping it for as long as the procedure waits.
//
// The one gap: Flink forgets a job an hour after its end. A drey that dies between a submission and its commit, and stays
// away for longer, submits a job that has finished meanwhile a second time.
//
// A cluster that does not answer is not a failed try: the step is asked again after a growing pause for as long as it
// takes, and the card says so. Nothing that was begun is forgotten meanwhile.
package ops
