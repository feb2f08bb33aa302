package saga

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

// Status is where a run stands.
type Status string

// The statuses. Running and Waiting are live, Stuck waits for a person (resume or cancel), the others are final.
const (
	Running  Status = "running"
	Waiting  Status = "waiting" // for a signal
	Stuck    Status = "stuck"   // tried too often, or an outcome nobody can look up
	Done     Status = "done"
	Failed   Status = "failed"
	Canceled Status = "canceled"
)

// Live says whether the engine still works on a run of this status.
func (s Status) Live() bool { return s == Running || s == Waiting }

// Final says whether nothing will change a run of this status any more.
func (s Status) Final() bool { return s == Done || s == Failed || s == Canceled }

// Record is the stored form of one run. Its id is ROOT/NAME or NAME; everything committed with it shares the root.
type Record struct {
	ID        string                     `json:"id"`
	Kind      string                     `json:"kind"`
	Version   int                        `json:"version"` // of the state's form; see Define
	Step      string                     `json:"step"`
	State     json.RawMessage            `json:"state"`
	Meta      json.RawMessage            `json:"meta"` // the starter's own; never changed by the engine
	Status    Status                     `json:"status"`
	Waits     string                     `json:"waits,omitempty"` // the signal that a Waiting run waits for
	Note      string                     `json:"note"`            // progress, in words for a person
	Error     string                     `json:"error"`           // last error, in words for a person
	Try       int                        `json:"try"`             // failed tries of the current step
	Cancel    bool                       `json:"cancel,omitempty"`
	Signals   map[string]json.RawMessage `json:"signals,omitempty"`
	Story     []Beat                     `json:"story"` // one per step finished or note changed, the newest last, at most 50
	CreatedAt time.Time                  `json:"created_at"`
	UpdatedAt time.Time                  `json:"updated_at"`
	StepSince time.Time                  `json:"step_since"`
}

// Beat is one line of a run's story.
type Beat struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

const storyMax = 50

// tell adds a line. The slice is a new one: the record may be a copy of one that somebody else reads.
func (r *Record) tell(now time.Time, text string) {
	r.Story = append(slices.Clone(r.Story), Beat{At: now, Text: text})
	r.Story = r.Story[max(0, len(r.Story)-storyMax):]
}

// Run is what a step sees of its run.
type Run[S any] struct {
	ID     string
	Try    int
	Since  time.Time // when the current step was first entered
	Cancel bool      // somebody asked to cancel: a step that can still turn back returns Stop
	State  *S
	Note   func(text string)                         // progress for people; committed with the step's outcome, an error too
	Signal func(name string) (json.RawMessage, bool) // a signal that arrived before this call of Do
}

// Next says what follows a step. The zero Next moves on to the following step at once; after the last step the run is
// Done.
type Next struct {
	After time.Duration // run this step again after a pause (not counted as a failed try)
	Wait  string        // run this step again when the named signal arrives; with After, after the pause all the same
	Until time.Time     // with Wait: run it again at this time all the same
	Goto  string        // go to the named step
	End   Status        // end with this final status; the note says why
}

// Stop is the Next of a step that turned back because the run was canceled.
func Stop() Next { return Next{End: Canceled} }

// Step is one named stage of a procedure whose state is S.
type Step[S any] struct {
	Name string
	// Do may run more than once. An error of kind Permanent ends the run as failed, Ask makes it stuck, any other is
	// tried again with backoff, MaxTries times, and then stuck. A panic is an error like others. What Do did to the state
	// before it returned an error is forgotten.
	Do func(ctx context.Context, r *Run[S]) (Next, error)
	// Deadline bounds one call of Do; 0 means 30 s.
	Deadline time.Duration
	// MaxTries is how many failed tries make the run stuck; 0 means 200 (hours, with backoff to a minute).
	MaxTries int
}
