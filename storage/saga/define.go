package saga

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"
)

// What a Step's zero Deadline and MaxTries mean.
const (
	defaultDeadline = 30 * time.Second
	defaultMaxTries = 200
)

// Definition is a procedure with its state type erased.
type Definition struct {
	Kind    string
	Version int
	Steps   []string

	migrate func(from int, raw json.RawMessage) (json.RawMessage, error)
	stages  []stage
}

// stage is a Step with its state type erased.
type stage struct {
	name     string
	deadline time.Duration
	maxTries int
	do       func(ctx context.Context, r Record) outcome
}

// Define builds a Definition; it panics on a repeated or empty step name. migrate, which may be nil, turns a state of an
// older version into the newest form.
func Define[S any](kind string, version int, migrate func(from int, raw json.RawMessage) (json.RawMessage, error), steps ...Step[S]) *Definition {
	d := &Definition{Kind: kind, Version: version, migrate: migrate}
	if kind == "" || len(steps) == 0 {
		panic(fmt.Sprintf("saga: definition %q with %d steps", kind, len(steps)))
	}
	for _, s := range steps {
		if s.Name == "" || s.Do == nil || slices.Contains(d.Steps, s.Name) {
			panic(fmt.Sprintf("saga %s: step %q is empty or repeated", kind, s.Name))
		}
		d.Steps = append(d.Steps, s.Name)
		d.stages = append(d.stages, stage{
			name: s.Name, do: erase(s.Do),
			deadline: orDefault(s.Deadline, defaultDeadline), maxTries: orDefault(s.MaxTries, defaultMaxTries),
		})
	}
	return d
}

func orDefault[N int | time.Duration](n, def N) N {
	if n <= 0 {
		return def
	}
	return n
}

// erase hides the state type. Every call starts from the stored JSON, so what would not survive storing is noticed in
// the first test and not after the first crash.
func erase[S any](do func(context.Context, *Run[S]) (Next, error)) func(context.Context, Record) outcome {
	return func(ctx context.Context, r Record) (out outcome) {
		out.note = r.Note
		defer func() {
			if p := recover(); p != nil {
				out.err = fmt.Errorf("panic in step %s: %v", r.Step, p)
				out.stack = string(debug.Stack())
			}
		}()
		state := new(S)
		if out.err = json.Unmarshal(r.State, state); out.err != nil {
			out.err = Ask(fmt.Errorf("the stored state does not fit: %w", out.err))
			return out
		}
		run := &Run[S]{ID: r.ID, Try: r.Try, Since: r.StepSince, Cancel: r.Cancel, State: state}
		run.Note = func(text string) { out.note = text }
		run.Signal = func(name string) (json.RawMessage, bool) { v, ok := r.Signals[name]; return v, ok }
		if out.next, out.err = do(ctx, run); out.err != nil {
			return out
		}
		out.state, out.err = json.Marshal(state)
		return out
	}
}

// find returns the stage of the record, and the record with its state in the newest form. The error says in words for a
// person why this program cannot go on with it.
func (d *Definition) find(r Record) (stage, Record, error) {
	if r.Version > d.Version {
		return stage{}, r, fmt.Errorf("state version %d of %s is newer than this drey, which knows %d: update drey, then resume", r.Version, r.Kind, d.Version)
	}
	if r.Version < d.Version {
		state, err := d.upgrade(r)
		if err != nil {
			return stage{}, r, fmt.Errorf("state version %d of %s could not be turned into %d: %w", r.Version, r.Kind, d.Version, err)
		}
		r.State, r.Version = state, d.Version
	}
	i := slices.Index(d.Steps, r.Step)
	if i < 0 {
		return stage{}, r, fmt.Errorf("this drey knows no step %q of %s", r.Step, r.Kind)
	}
	return d.stages[i], r, nil
}

func (d *Definition) upgrade(r Record) (state json.RawMessage, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	if d.migrate == nil {
		return nil, errors.New("no migration is defined")
	}
	return d.migrate(r.Version, r.State)
}

type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent marks an error that no retry mends: the run fails.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

type ask struct{ error }

func (a ask) Unwrap() error { return a.error }

// Ask marks an outcome that cannot be looked up: the run becomes stuck and a person decides.
func Ask(err error) error {
	if err == nil {
		return nil
	}
	return ask{err}
}
