package session

import (
	"context"
	"errors"
	"time"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/flinkhttp"
	"github.com/drey-ops/drey/platform/sqlgateway"
)

// How the job behind a query is ended.
const (
	endWithin    = 25 * time.Second       // all of it, whatever became of the caller's ctx
	openWithin   = 12 * time.Second       // waiting until it is safe to cancel
	closedWithin = 2 * time.Second        // what closing the operation needs to cancel the job
	settleWithin = 500 * time.Millisecond // a statement cut short while it is planned may still submit its job
)

// end closes the operation and sees to it that the query's job is gone from the cluster. It goes on after the end of ctx.
func (r *query) end(ctx context.Context, o sqlgateway.Operation) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer cancel()
	if r.page.Columns != nil && r.page.Job == "" {
		closeOperation(ctx, r.d.gw, o) // a statement without a job
		return nil
	}
	if r.page.Job != "" {
		r.job = r.page.Job
	}
	err := r.d.opened(ctx, r.job)
	if o.ID != "" {
		closeOperation(ctx, r.d.gw, o)
	}
	if err == nil {
		err = r.d.gone(ctx, r.job)
	}
	if err != nil {
		return platform.Errorf(platform.Ambiguous, "query", "its job %s could not be seen to end; cancel it if it still runs (%w)", r.job, err)
	}
	return nil
}

// opened waits until a query's job may be cancelled. A task with a collect sink that is cancelled before the sink was
// opened takes its whole TaskManager down with a NullPointerException (FLINK-39330; seen on 2.3.0), and every job on it.
// A job that waits for slots has no tasks yet and may be cancelled, and one that does not get its tasks to run is
// cancelled after a while in any case.
func (d *Driver) opened(ctx context.Context, id platform.JobID) error {
	late, cancel := context.WithTimeout(ctx, openWithin)
	defer cancel()
	wait, first := newBackoff(), time.Now()
	for {
		list, err := d.jm.Jobs(late)
		if err != nil && late.Err() == nil {
			return mapped("query", err)
		}
		known := false
		for _, j := range list {
			if j.ID != string(id) {
				continue
			}
			known = true
			s := platform.JobState(j.State)
			if s.Terminal() || s == platform.Running && j.Tasks.Total > 0 && j.Tasks.Running+j.Tasks.Finished == j.Tasks.Total {
				return nil
			}
			// One look may fall between the slots' coming and the tasks' start.
			if s == platform.Created && time.Since(first) > openWithin/4 {
				return nil
			}
		}
		if !known && err == nil && time.Since(first) > settleWithin {
			return nil
		}
		if wait.sleep(late) != nil {
			return nil
		}
	}
}

// gone waits until a job has ended, and cancels it when it does not by itself. A job that never was is gone.
func (d *Driver) gone(ctx context.Context, id platform.JobID) error {
	wait, began, asked := newBackoff(), time.Now(), false
	for {
		s, err := d.jm.Status(ctx, string(id))
		switch {
		case unknown(err), err == nil && platform.JobState(s).Terminal():
			return nil
		case err == nil && !asked && time.Since(began) > closedWithin:
			asked = true
			if err := d.jm.Cancel(ctx, string(id)); err != nil && status(err) != 409 && !unknown(err) {
				return mapped("query", err)
			}
		}
		if wait.sleep(ctx) != nil {
			return errors.Join(mapped("query", err), notGone(s))
		}
	}
}

func notGone(state string) error {
	if state == "" {
		return nil
	}
	return &flinkhttp.Error{Root: "the job is " + state}
}
