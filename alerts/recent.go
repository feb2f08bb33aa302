package alerts

import "time"

// Change is an operation of drey's on a job, as Hooks.Changes tells it.
type Change struct {
	At        time.Time // when it began
	Ended     time.Time // zero while it is at work
	Kind      string    // "restart", "scale", "stop" …
	By        string    // who asked for it, as shown to people
	Outcome   string    // "done", "failed", "canceled"; empty while it is at work
	Operation string    // its short name, as in /ops show
	Line      string    // what it did, in a few words without who and when: "restarted", "scaled 2 → 4"
}
