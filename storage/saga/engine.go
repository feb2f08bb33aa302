package saga

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"math/rand/v2"
	"time"

	"github.com/drey-ops/drey/storage"
)

// queue holds the live runs that are due some time.
const queue storage.Queue = "saga"

// keepFinal is how long a run can be looked at after its end.
const keepFinal = 30 * 24 * time.Hour

// Options of an engine; the zero value works.
type Options struct {
	Workers int           // runs worked on at once; 0 means 8
	Lease   time.Duration // 0 means 10 s
	// Drain is how long Run waits for steps under way after its context ended, before it cancels theirs; 0 means 20 s.
	Drain   time.Duration
	Backoff func(try int) time.Duration // pause after the try-th failure; nil means doubling to a minute, with jitter
	// Observe, when set, adds to every transaction that changes a run: the card in the outbox, the audit entry.
	// It must be pure but for tx: it may be called twice for one change.
	Observe func(tx *storage.Tx, r Record) error
	// Crash, when set, is called with "before STEP", "after STEP" and "committed STEP" (tests). When it panics, Turn passes
	// the panic on, and a worker of Run does what a dead one would: nothing more, its lease runs out.
	Crash func(at string)
}

// Engine works on runs.
type Engine struct {
	db   *storage.DB
	log  *slog.Logger
	o    Options
	defs map[string]*Definition
}

// New returns an engine for the given procedures. It panics when two are of one kind. The log may be nil.
func New(db *storage.DB, log *slog.Logger, o Options, defs ...*Definition) *Engine {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	o.Workers = orDefault(o.Workers, 8)
	o.Lease = orDefault(o.Lease, 10*time.Second)
	o.Drain = orDefault(o.Drain, 20*time.Second)
	if o.Backoff == nil {
		o.Backoff = backoff
	}
	if o.Crash == nil {
		o.Crash = func(string) {}
	}
	if o.Observe == nil {
		o.Observe = func(*storage.Tx, Record) error { return nil }
	}
	e := &Engine{db: db, log: log, o: o, defs: map[string]*Definition{}}
	for _, d := range defs {
		if e.defs[d.Kind] != nil {
			panic("saga: two procedures of kind " + d.Kind)
		}
		e.defs[d.Kind] = d
	}
	return e
}

// backoff doubles from a quarter of a second to a minute, less up to a quarter so that runs do not march in step.
func backoff(try int) time.Duration {
	d := min(time.Minute, 250*time.Millisecond<<min(max(try-1, 0), 8))
	return d - rand.N(d/4)
}

// runs is the table as a record of the given status is put into it.
func (e *Engine) runs(s Status) storage.Table[Record] {
	t := storage.Table[Record]{DB: e.db, Name: "runs"}
	if s.Final() {
		t.TTL = keepFinal
	}
	return t
}

// Start adds a new run to tx; the Commit of tx fails with storage.ErrConflict when a run of that id exists.
// state and meta are stored as JSON.
func (e *Engine) Start(tx *storage.Tx, id, kind string, state, meta any) error {
	d := e.defs[kind]
	if d == nil {
		return fmt.Errorf("start %s: no procedure of kind %q", id, kind)
	}
	rawState, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("start %s: state: %w", id, err)
	}
	rawMeta, err := json.Marshal(meta)
	if err != nil {
		return fmt.Errorf("start %s: meta: %w", id, err)
	}
	now := time.Now().UTC()
	r := Record{ID: id, Kind: kind, Version: d.Version, Step: d.Steps[0], State: rawState, Meta: rawMeta, Status: Running,
		CreatedAt: now, UpdatedAt: now, StepSince: now}
	e.runs(Running).Put(tx, id, r, storage.New)
	tx.Enqueue(queue, id, time.Time{})
	if err := e.o.Observe(tx, r); err != nil {
		return fmt.Errorf("start %s: %w", id, err)
	}
	return nil
}

// Get returns one run, or storage.ErrNotFound.
func (e *Engine) Get(ctx context.Context, id string) (Record, error) {
	r, _, err := e.runs("").Get(ctx, id)
	return r, err
}

// List returns up to max runs (0: all), the newest first: those that changed last.
func (e *Engine) List(ctx context.Context, max int) ([]Record, error) {
	var out []Record
	for entry, err := range e.runs("").Newest(ctx, max) {
		if err != nil {
			return nil, fmt.Errorf("list runs: %w", err)
		}
		out = append(out, entry.Value)
	}
	return out, nil
}

// Under yields the runs whose id has the given root, those that changed last first.
func (e *Engine) Under(ctx context.Context, root string) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for entry, err := range e.runs("").Under(ctx, root) {
			if err != nil {
				err = fmt.Errorf("list runs under %s: %w", root, err)
			}
			if !yield(entry.Value, err) || err != nil {
				return
			}
		}
	}
}

// Signal stores a named signal and wakes the run. Repeating it is harmless. Final runs refuse it with storage.ErrConflict.
// A stuck run keeps it for when it is resumed.
func (e *Engine) Signal(ctx context.Context, id, name string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil || name == "" {
		return fmt.Errorf("signal %q to %s: %w", name, id, errors.Join(err, errors.New("want a name and a value that is JSON")))
	}
	return e.change(ctx, "signal "+name+" to", id, func(r *Record, now time.Time) (wake bool, err error) {
		if r.Status.Final() {
			return false, fmt.Errorf("%w: the run has ended: %s", storage.ErrConflict, r.Status)
		}
		r.Signals = maps.Clone(r.Signals)
		if r.Signals == nil {
			r.Signals = map[string]json.RawMessage{}
		}
		r.Signals[name] = raw
		return r.Status == Running || r.Status == Waiting && r.Waits == name, nil
	})
}

// Cancel asks the run to stop at its next safe point; a stuck run ends canceled at once. Final runs refuse it with
// storage.ErrConflict.
func (e *Engine) Cancel(ctx context.Context, id, why string) error {
	return e.change(ctx, "cancel", id, func(r *Record, now time.Time) (wake bool, err error) {
		if r.Status.Final() {
			return false, fmt.Errorf("%w: the run has ended: %s", storage.ErrConflict, r.Status)
		}
		text := "cancel asked for"
		if why != "" {
			text += ": " + why
		}
		r.tell(now, text)
		r.Cancel = true
		if r.Status == Stuck {
			r.Status = Canceled
		}
		return r.Status.Live(), nil
	})
}

// Resume sets a stuck run going again from the step it is stuck in. Others refuse it with storage.ErrConflict.
func (e *Engine) Resume(ctx context.Context, id string) error {
	return e.change(ctx, "resume", id, func(r *Record, now time.Time) (wake bool, err error) {
		if r.Status != Stuck {
			return false, fmt.Errorf("%w: the run is not stuck: %s", storage.ErrConflict, r.Status)
		}
		r.Status, r.Try, r.Error = Running, 0, ""
		r.tell(now, "resumed")
		return true, nil
	})
}

// changeTries bounds how often change starts over. Only the commits of the run's own steps and other callers get between.
const changeTries = 50

// refused is an error of fn, told from the conflict of a commit, which is tried again.
type refused struct{ error }

func (r refused) Unwrap() error { return r.error }

// change commits what fn makes of the run's record, with what Observe adds.
func (e *Engine) change(ctx context.Context, what, id string, fn func(r *Record, now time.Time) (wake bool, err error)) error {
	for try := 1; ; try++ {
		err := e.changeOnce(ctx, id, fn)
		if err == nil {
			return nil
		}
		if !errors.Is(err, storage.ErrConflict) || errors.As(err, new(refused)) || try == changeTries {
			return fmt.Errorf("%s %s: %w", what, id, err)
		}
		if !pause(ctx, time.Duration(1+rand.N(10*min(try, 5)))*time.Millisecond) {
			return fmt.Errorf("%s %s: %w", what, id, context.Cause(ctx))
		}
	}
}

func (e *Engine) changeOnce(ctx context.Context, id string, fn func(r *Record, now time.Time) (wake bool, err error)) error {
	r, was, err := e.runs("").Get(ctx, id)
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	wake, err := fn(&r, now)
	if err != nil {
		return refused{err}
	}
	r.UpdatedAt = now
	tx := e.db.Begin(id)
	e.runs(r.Status).Put(tx, id, r, was)
	if wake {
		tx.Enqueue(queue, id, time.Time{})
	}
	if err := e.o.Observe(tx, r); err != nil {
		return refused{err}
	}
	return e.db.Commit(ctx, tx)
}

// pause says whether d passed before ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
