package saga

import (
	"context"
	"errors"
	"sync"
	"time"
)

// leaveAfter is how long Run waits for steps whose context it canceled. One that does not listen is left behind: its lease
// runs out, and its commit is refused if somebody else went on.
const leaveAfter = 2 * time.Second

// Run works until ctx ends, then waits for the steps under way to reach their commit. Those that take longer than
// Options.Drain have their context canceled. Their leases are given back, so that another replica goes on at once.
func (e *Engine) Run(ctx context.Context) error {
	steps, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	var wg sync.WaitGroup
	free := make(chan struct{}, e.o.Workers)
	for range e.o.Workers {
		free <- struct{}{}
	}
	for ctx.Err() == nil {
		n := acquire(ctx, free)
		if n == 0 {
			break
		}
		got, next, err := e.db.Claim(ctx, queue, n, e.o.Lease)
		for range n - len(got) {
			free <- struct{}{}
		}
		for _, it := range got {
			wg.Go(func() {
				defer func() { free <- struct{}{} }()
				e.work(steps, ctx, it)
			})
		}
		e.rest(ctx, len(got) == n, next, err)
	}
	return e.drain(&wg, cancel)
}

// acquire waits for one free worker and takes all that are free.
func acquire(ctx context.Context, free chan struct{}) (n int) {
	select {
	case <-ctx.Done():
		return 0
	case <-free:
		n = 1
	}
	for {
		select {
		case <-free:
			n++
		default:
			return n
		}
	}
}

// rest waits until another claim may bring something.
func (e *Engine) rest(ctx context.Context, full bool, next time.Duration, err error) {
	if err != nil && ctx.Err() == nil {
		e.log.Warn("cannot look for due runs", "err", err)
		pause(ctx, time.Second)
		return
	}
	if full {
		return
	}
	t := time.NewTimer(max(next, time.Millisecond))
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	case <-e.db.Wake(queue):
	}
}

func (e *Engine) drain(wg *sync.WaitGroup, cancel context.CancelCauseFunc) error {
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-time.After(e.o.Drain):
	}
	cancel(errDrain)
	select {
	case <-done:
		return nil
	case <-time.After(leaveAfter):
		return errors.New("saga: a step did not end with its context and was left behind")
	}
}
