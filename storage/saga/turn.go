package saga

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/drey-ops/drey/storage"
)

// Why a step's context ended, other than its deadline.
var (
	errLost  = errors.New("saga: the lease was lost")
	errDrain = errors.New("saga: the engine stops")
)

// commitFor is how long the outcome of a step is kept in hand while the store is away. The longer, the less often a step
// runs twice.
const commitFor = time.Minute

// Turn runs one step of one run here and now, and returns the run's record after it: for tests of procedures, which step
// through a run and crash it at every point. It does not wait until the run is due, and takes the lease from whoever holds
// it. A run that is not live is returned as it is. A panic of Options.Crash comes out of it.
func (e *Engine) Turn(ctx context.Context, id string) (Record, error) {
	r, was, err := e.runs("").Get(ctx, id)
	if err != nil || !r.Status.Live() {
		return r, err
	}
	it, err := e.db.Take(ctx, queue, id, e.o.Lease)
	if errors.Is(err, storage.ErrNotFound) && r.Status == Waiting { // without Until it is in no queue
		tx := e.db.Begin(id)
		tx.Enqueue(queue, id, time.Time{})
		if err := e.db.Commit(ctx, tx); err != nil {
			return r, err
		}
		it, err = e.db.Take(ctx, queue, id, e.o.Lease)
	}
	if err != nil {
		return r, fmt.Errorf("turn %s: %w", id, err)
	}
	t := &turn{e: e, item: it, r: r, was: was, stopping: func() bool { return true }}
	_, err = t.step(ctx)
	return t.r, err
}

// turn is a worker's hold on one run.
type turn struct {
	e    *Engine
	item storage.Item
	r    Record
	was  storage.Version
	// stopping says to give the lease back even when the next step could follow at once.
	stopping func() bool
}

// work runs steps of a claimed run for as long as they follow each other at once. stop ends when the engine drains,
// ctx when it has waited long enough.
func (e *Engine) work(ctx, stop context.Context, it storage.Item) {
	log := e.log.With("op", it.ID)
	defer func() {
		if p := recover(); p != nil { // of Observe or Crash: the lease runs out, and the step runs again
			log.Error("panic while working on a run", "panic", p)
		}
	}()
	r, was, err := e.runs("").Get(ctx, it.ID)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		err = e.giveBack(ctx, it, -1)
	case err != nil && errors.Is(err, storage.ErrUnavailable):
	case err != nil: // a record that cannot be read must neither spin nor be forgotten
		err = errors.Join(err, e.giveBack(ctx, it, time.Minute))
	case !r.Status.Live():
		err = e.giveBack(ctx, it, -1)
	default:
		t := &turn{e: e, item: it, r: r, was: was, stopping: func() bool { return stop.Err() != nil }}
		for more := true; more && err == nil; {
			more, err = t.step(ctx)
		}
	}
	if err != nil {
		log.Warn("a run could not be worked on", "err", err)
	}
}

// giveBack lets a lease go without a change of the run: due again after a pause, or, below zero, out of the queue.
func (e *Engine) giveBack(ctx context.Context, it storage.Item, after time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	tx := e.db.Begin(it.ID)
	if after < 0 {
		tx.Finish(it)
	} else {
		tx.ReleaseAfter(it, after)
	}
	return e.db.Commit(ctx, tx)
}

// step runs one step and commits its outcome. more says that the lease is still held and the next step can follow.
func (t *turn) step(ctx context.Context) (more bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := t.heartbeat(ctx, cancel)
	defer stop()
	defer cancel(nil)

	d := t.e.defs[t.r.Kind]
	if d == nil {
		return t.stick(ctx, fmt.Errorf("this drey knows no procedure of kind %q", t.r.Kind))
	}
	s, before, err := d.find(t.r)
	if err != nil {
		return t.stick(ctx, err)
	}
	t.e.o.Crash("before " + s.name)
	out := call(ctx, s, before)
	t.e.o.Crash("after " + s.name)
	if out.err != nil {
		t.report(s, out)
		switch cause := context.Cause(ctx); {
		case errors.Is(cause, errLost):
			return false, fmt.Errorf("step %s: %w", s.name, errLost)
		case errors.Is(cause, errDrain): // not the step's fault: no try is counted
			return false, t.e.giveBack(ctx, t.item, 0)
		}
	}
	more, err = t.commit(ctx, func(r Record) (Record, plan) {
		return d.apply(s, before, r, out, time.Now().UTC(), t.e.o.Backoff)
	})
	if err == nil {
		t.e.o.Crash("committed " + s.name)
	}
	return more, err
}

func call(ctx context.Context, s stage, r Record) outcome {
	ctx, cancel := context.WithTimeout(ctx, s.deadline)
	defer cancel()
	out := s.do(ctx, r)
	if out.err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		out.err = fmt.Errorf("after %s: %w", s.deadline, out.err)
	}
	return out
}

func (t *turn) report(s stage, out outcome) {
	log := t.e.log.With("op", t.r.ID, "kind", t.r.Kind, "step", s.name, "try", t.r.Try+1, "err", out.err)
	if out.stack != "" {
		log.Error("a step panicked", "stack", out.stack)
		return
	}
	log.Info("a step returned an error")
}

func (t *turn) stick(ctx context.Context, why error) (bool, error) {
	t.e.log.Warn("a run is stuck", "op", t.r.ID, "kind", t.r.Kind, "step", t.r.Step, "err", why)
	return t.commit(ctx, func(r Record) (Record, plan) { return stick(r, why, time.Now().UTC()) })
}

// commit stores what apply makes of the run's record. A record that changed meanwhile is read again and apply with it; when
// it did not change, the conflict was about the lease.
//
// It goes on after ctx ended: the step has been done, and forgetting it means doing it twice.
func (t *turn) commit(ctx context.Context, apply func(Record) (Record, plan)) (more bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitFor)
	defer cancel()
	for {
		next, p := apply(t.r)
		keep := p.now() && !t.stopping()
		tx, err := t.prepare(next, p, keep)
		if err != nil {
			return false, errors.Join(err, t.e.giveBack(ctx, t.item, 5*time.Second))
		}
		err = t.send(ctx, tx)
		if err == nil {
			t.r, t.was = next, t.was+1
			return keep, nil
		}
		if !errors.Is(err, storage.ErrConflict) {
			return false, err
		}
		r, was, err := t.e.runs("").Get(ctx, t.r.ID)
		if err != nil {
			return false, err
		}
		if was == t.was {
			return false, fmt.Errorf("commit step %s: %w", t.r.Step, errLost)
		}
		t.r, t.was = r, was
	}
}

func (t *turn) prepare(next Record, p plan, keep bool) (*storage.Tx, error) {
	tx := t.e.db.Begin(t.item.ID)
	t.e.runs(next.Status).Put(tx, next.ID, next, t.was)
	switch {
	case keep:
		tx.Keep(t.item, t.e.o.Lease)
	case p.gone:
		tx.Finish(t.item)
	case !p.at.IsZero():
		tx.Release(t.item, p.at)
	default:
		tx.ReleaseAfter(t.item, p.after)
	}
	if err := t.e.o.Observe(tx, next); err != nil {
		return nil, fmt.Errorf("observe step %s: %w", t.r.Step, err)
	}
	return tx, nil
}

// send repeats the commit while the store is away, which is harmless with one and the same tx.
func (t *turn) send(ctx context.Context, tx *storage.Tx) error {
	for {
		err := t.e.db.Commit(ctx, tx)
		if !errors.Is(err, storage.ErrUnavailable) || !pause(ctx, 200*time.Millisecond) {
			return err
		}
	}
}

// heartbeat extends the lease every third of it, and cancels the step when the lease was lost, or may have been, since the
// store has not answered for as long. The returned function ends it and waits.
func (t *turn) heartbeat(ctx context.Context, cancel context.CancelCauseFunc) (stop func()) {
	quit := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(t.e.o.Lease / 3)
		defer tick.Stop()
		for last := time.Now(); ; {
			select {
			case <-quit:
				return
			case <-tick.C:
			}
			began := time.Now()
			err := t.extend(ctx)
			switch {
			case err == nil:
				last = began
			case errors.Is(err, storage.ErrConflict), time.Since(last) > t.e.o.Lease:
				cancel(errLost)
				return
			}
		}
	})
	return func() { close(quit); wg.Wait() }
}

func (t *turn) extend(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.e.o.Lease/3)
	defer cancel()
	return t.e.db.Extend(ctx, t.item, t.e.o.Lease)
}
