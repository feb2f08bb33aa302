// Package saga runs durable procedures made of named steps, and finishes them after a crash. A step may run more than
// once, so every outside effect carries an id that an earlier step minted and committed.
package saga

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/drey-ops/drey/storage"
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
	Version   int                        `json:"version"` // of the state's form; see Definition.Migrate
	Step      string                     `json:"step"`
	State     json.RawMessage            `json:"state"`
	Meta      json.RawMessage            `json:"meta"` // the starter's own; never changed by the engine
	Status    Status                     `json:"status"`
	Note      string                     `json:"note"`  // progress, in words for a person
	Error     string                     `json:"error"` // last error, in words for a person
	Try       int                        `json:"try"`   // failed tries of the current step
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

// Run is what a step sees of its run.
type Run[S any] struct {
	ID     string
	Try    int
	Since  time.Time // when the current step was first entered
	Cancel bool      // somebody asked to cancel: a step that can still turn back returns Stop
	State  *S
	Note   func(text string)                         // progress for people; committed with the step's outcome
	Signal func(name string) (json.RawMessage, bool) // a signal that arrived
}

// Next says what follows a step. The zero Next moves on to the following step at once.
type Next struct {
	After time.Duration // run this step again after a pause (not counted as a failed try)
	Wait  string        // run this step again when the named signal arrives
	Until time.Time     // with Wait: run it again at this time all the same
	Goto  string        // go to the named step
	End   Status        // end with this final status; the note says why
}

// Step is one named stage of a procedure whose state is S.
type Step[S any] struct {
	Name string
	// Do may run more than once. An error of kind Permanent ends the run as failed, Ask makes it stuck, any other is
	// tried again with backoff, MaxTries times, and then stuck.
	Do func(ctx context.Context, r *Run[S]) (Next, error)
	// Deadline bounds one call of Do; 0 means 30 s.
	Deadline time.Duration
	// MaxTries is how many failed tries make the run stuck; 0 means 200 (hours, with backoff to a minute).
	MaxTries int
}

// Definition is a procedure with its state type erased.
type Definition struct {
	Kind    string
	Version int
	Steps   []string
	defImpl
}

// Define builds a Definition; it panics on a repeated or empty step name. migrate, which may be nil, turns a state of an
// older version into the newest form.
func Define[S any](kind string, version int, migrate func(from int, raw json.RawMessage) (json.RawMessage, error), steps ...Step[S]) *Definition {
	panic("saga: not yet")
}

// Permanent marks an error that no retry mends: the run fails.
func Permanent(err error) error { panic("saga: not yet") }

// Ask marks an outcome that cannot be looked up: the run becomes stuck and a person decides.
func Ask(err error) error { panic("saga: not yet") }

// Options of an engine; the zero value works.
type Options struct {
	Workers int           // runs worked on at once; 0 means 8
	Lease   time.Duration // 0 means 10 s
	Backoff func(try int) time.Duration
	// Observe, when set, adds to every transaction that changes a run: the card in the outbox, the audit entry.
	// It must be pure but for tx.
	Observe func(tx *storage.Tx, r Record) error
	// Crash, when set, is called before and after every step and commit (tests); it may panic.
	Crash func(at string)
}

// Engine works on runs.
type Engine struct{ engImpl }

// New returns an engine for the given procedures.
func New(db *storage.DB, log *slog.Logger, o Options, defs ...*Definition) *Engine {
	panic("saga: not yet")
}

// Start adds a new run to tx; the Commit of tx fails with storage.ErrConflict when a run of that id exists.
// state and meta are stored as JSON.
func (e *Engine) Start(tx *storage.Tx, id, kind string, state, meta any) error {
	panic("saga: not yet")
}

// Run works until ctx ends, then waits for the steps under way to reach their commit.
func (e *Engine) Run(ctx context.Context) error { panic("saga: not yet") }

// Get returns one run, or storage.ErrNotFound.
func (e *Engine) Get(ctx context.Context, id string) (Record, error) { panic("saga: not yet") }

// List returns up to max runs, the newest first.
func (e *Engine) List(ctx context.Context, max int) ([]Record, error) { panic("saga: not yet") }

// Signal stores a named signal and wakes the run. Repeating it is harmless. Final runs refuse it with storage.ErrConflict.
func (e *Engine) Signal(ctx context.Context, id, name string, v any) error { panic("saga: not yet") }

// Cancel asks the run to stop at its next safe point; a stuck run ends canceled at once.
func (e *Engine) Cancel(ctx context.Context, id, why string) error { panic("saga: not yet") }

// Resume sets a stuck run going again from the step it is stuck in.
func (e *Engine) Resume(ctx context.Context, id string) error { panic("saga: not yet") }

type defImpl struct{}
type engImpl struct{}
