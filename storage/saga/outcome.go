package saga

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// outcome is what one call of a step came to.
type outcome struct {
	state json.RawMessage // nil with err
	next  Next
	note  string
	err   error
	stack string // of a panic, for the log
}

// plan is what becomes of the run's place in the queue.
type plan struct {
	gone  bool          // not due any more, unless somebody enqueues it
	after time.Duration // due again after a pause, by the server's clock
	at    time.Time     // due again at this time; zero with zero after: at once
}

func (p plan) now() bool { return !p.gone && p.after == 0 && p.at.IsZero() }

// apply makes the record that follows. before is the record as the step saw it, r the record as it is now: the same but for
// signals and a cancel request that arrived meanwhile. It is pure.
func (d *Definition) apply(s stage, before, r Record, out outcome, now time.Time, backoff func(int) time.Duration) (Record, plan) {
	r.State, r.Version, r.UpdatedAt = before.State, before.Version, now // in the newest form
	noted := out.note != r.Note
	r.Note = out.note
	if out.err != nil {
		if noted {
			r.tell(now, r.Note)
		}
		return failed(s, r, out.err, now, backoff)
	}
	r.State, r.Error, r.Try, r.Status, r.Waits = out.state, "", 0, Running, ""
	again := out.next.Wait != "" || out.next.After > 0
	switch {
	case noted:
		r.tell(now, r.Note)
	case !again:
		r.tell(now, r.Step)
	}
	return d.follow(before, r, out.next, now)
}

func (d *Definition) follow(before, r Record, next Next, now time.Time) (Record, plan) {
	switch {
	case next.End != "":
		if !next.End.Final() {
			return stick(r, fmt.Errorf("step %s ended the run with status %q, which is not final: a bug in drey", r.Step, next.End), now)
		}
		r.Status = next.End
		return r, plan{gone: true}
	case next.Wait != "":
		return wait(before, r, next)
	case next.After > 0:
		return r, plan{after: next.After}
	}
	i := slices.Index(d.Steps, r.Step) + 1
	if next.Goto != "" {
		i = slices.Index(d.Steps, next.Goto)
	}
	switch {
	case i < 0:
		return stick(r, fmt.Errorf("step %s goes to %q, which %s has not: a bug in drey", r.Step, next.Goto, r.Kind), now)
	case i == len(d.Steps):
		r.Status = Done
		return r, plan{gone: true}
	}
	r.Step, r.StepSince = d.Steps[i], now
	return r, plan{}
}

// wait lets the run wait, unless the signal, or a cancel request, arrived after the step looked.
func wait(before, r Record, next Next) (Record, plan) {
	was, had := before.Signals[next.Wait]
	is, has := r.Signals[next.Wait]
	if has && (!had || !bytes.Equal(was, is)) || r.Cancel && !before.Cancel {
		return r, plan{}
	}
	r.Status, r.Waits = Waiting, next.Wait
	if next.Until.IsZero() && next.After <= 0 {
		return r, plan{gone: true}
	}
	if !next.Until.IsZero() {
		return r, plan{at: next.Until}
	}
	return r, plan{after: next.After}
}

func failed(s stage, r Record, err error, now time.Time, backoff func(int) time.Duration) (Record, plan) {
	r.Error = err.Error()
	r.Try++
	r.Status, r.Waits = Running, ""
	switch {
	case errors.As(err, new(permanent)):
		r.Status = Failed
		r.tell(now, "failed: "+r.Error)
		return r, plan{gone: true}
	case errors.As(err, new(ask)), r.Try >= s.maxTries:
		return stick(r, err, now)
	}
	return r, plan{after: max(time.Millisecond, backoff(r.Try))}
}

// stick hands the run to a person.
func stick(r Record, err error, now time.Time) (Record, plan) {
	r.Status, r.Waits, r.Error, r.UpdatedAt = Stuck, "", err.Error(), now
	r.tell(now, "stuck: "+r.Error)
	return r, plan{gone: true}
}
