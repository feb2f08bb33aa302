package alerts

import "time"

// Cause is the root cause of an incident: the newest exception of its job, and what is known of others like it.
type Cause struct {
	// Fingerprint is the same for exceptions that differ only in numbers, ids, paths and the like.
	Fingerprint string `json:"fingerprint"`
	// Text is the exception in one line, as the job had it.
	Text string `json:"text"`
	// At is when the job had it, by the cluster's clock.
	At time.Time `json:"at,omitzero"`
	// Seen says in words how often and where it was seen: "Seen 14× in 3 jobs since 09:10".
	Seen string `json:"seen,omitempty"`
	// New says that it had not been seen before this incident.
	New bool `json:"new,omitempty"`
}
