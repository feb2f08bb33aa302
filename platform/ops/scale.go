package ops

import (
	"context"
	"fmt"
	"time"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage/saga"
)

func (o *Ops) scale() procedure {
	choose := o.step("choose", true, func(_ context.Context, _ *platform.Cluster, r *run) (saga.Next, error) {
		if r.State.Way == inPlace {
			return saga.Next{Goto: "mint-rescale"}, nil
		}
		return saga.Next{Goto: "mint-stop"}, nil
	})
	steps := append([]step{choose}, o.rescaleSteps()...)
	steps = append(steps, o.resubmitSteps()...)
	steps = append(steps, o.rollBackSteps()...)
	moved := func(st *state) bool { return st.Way == resubmit }
	return procedure{
		kind: KindScale, title: func(st *state) string {
			if st.Asked.Parallelism == 0 {
				return "Scale"
			}
			return fmt.Sprintf("Scale to %d", st.Asked.Parallelism)
		},
		stages: []stage{
			{label: "ask the scheduler", steps: []string{"choose", "mint-rescale", "begin-rescale"}, when: func(st *state) bool { return st.Way == inPlace }},
			{label: "wait for the new parallelism", steps: []string{"poll-rescale"}, when: func(st *state) bool { return st.Way == inPlace }},
			{label: "stop with savepoint", steps: []string{"choose", "mint-stop", "begin-stop", "poll-stop", "confirm"}, when: moved},
			{label: "submit again from the savepoint", steps: []string{"mint-new", "begin-new", "accept-new", "await-new"}, when: moved},
			{label: "see a checkpoint completed", steps: []string{"checkpoint"}, when: moved},
			{label: "go back to the old parallelism", steps: []string{"mint-undo", "begin-undo", "poll-undo", "mint-back", "begin-back", "accept-back", "await-back"}, when: moved, detour: true},
		},
		check: checkScale,
		steps: steps,
	}
}

// rescaleSteps change the parallelism in place. What is asked for is a target and not a step towards it, so that it is
// harmless to ask twice.
func (o *Ops) rescaleSteps() []step {
	return []step{
		o.step("mint-rescale", true, func(_ context.Context, _ *platform.Cluster, r *run) (saga.Next, error) {
			r.State.Trigger = change{ID: mint(), At: o.now()}
			return saga.Next{}, nil
		}),
		o.step("begin-rescale", false, func(ctx context.Context, c *platform.Cluster, r *run) (saga.Next, error) {
			st := r.State
			ticket, err := c.Begin(ctx, st.Trigger.ID, platform.Rescale{Job: st.Job, Parallelism: st.Asked.Parallelism, Vertex: st.Asked.Vertex})
			if transient(err) || platform.KindOf(err) == platform.Ambiguous {
				return saga.Next{}, err
			}
			if err != nil {
				return failed(r, "not scaled: %s. The job goes on as before.", words(err))
			}
			st.Trigger.Ticket = &ticket
			r.Note("the scheduler has the new parallelism, waiting until it is in force")
			return saga.Next{}, nil
		}),
		o.step("poll-rescale", false, o.pollRescale),
	}
}

func (o *Ops) pollRescale(ctx context.Context, c *platform.Cluster, r *run) (saga.Next, error) {
	st := r.State
	out, err := c.Poll(ctx, *st.Trigger.Ticket)
	if err != nil && (transient(err) || platform.KindOf(err) == platform.Other) {
		return saga.Next{}, err
	}
	s, found, serr := stateOf(ctx, c, st.Job)
	switch {
	case serr != nil:
		return saga.Next{}, serr
	case !found:
		return o.vanished(r)
	case s.Terminal():
		st.Known.ended(st.Job, o.now(), "ended as "+string(s)+" during a scale")
		return failed(r, "the job ended as %s while it was scaled: %s. %s", s, rootCause(ctx, c, st.Job), st.Known.hint())
	case err != nil:
		return failed(r, "not scaled: %s. The job is %s.", words(err), s)
	}
	job, err := c.Job(ctx, st.Job)
	if err != nil {
		return saga.Next{}, err
	}
	got := parallelism(job, st.Asked.Vertex)
	switch {
	case out.Done && got == st.Asked.Parallelism:
		st.ran(job)
		return done(r, "runs at parallelism %d", got)
	case time.Since(r.Since) <= o.opt.timing.inPlace:
		r.Note(orElse(out.Note, fmt.Sprintf("runs at %d, waiting for %d", got, st.Asked.Parallelism)))
		return o.again(r), nil
	case got != st.Was && got > 0:
		st.ran(job)
		return done(r, "runs at %d instead of %d: the cluster has no more free slots; the scheduler goes up by itself when there are", got, st.Asked.Parallelism)
	}
	return failed(r, "the job is %s and still at parallelism %d after %s; the scheduler keeps the wish for %d and may follow it later", s, got, o.opt.timing.inPlace, st.Asked.Parallelism)
}

// parallelism of one vertex, or of the job.
func parallelism(job platform.Job, vertex string) int {
	for _, v := range job.Vertices {
		if vertex != "" && v.ID == vertex {
			return v.Parallelism
		}
	}
	return job.Parallelism
}

// resubmitSteps stop the job with a savepoint and bring it up at the new parallelism.
func (o *Ops) resubmitSteps() []step {
	stop := o.stopTrigger(func(r *run, cause error) (saga.Next, error) {
		return failed(r, "not scaled, since no savepoint could be written: %s. The job goes on as before.", words(cause))
	})
	confirm := o.confirm(func(r *run) (saga.Next, error) {
		r.State.Restore = r.State.Result.Savepoint
		return saga.Next{}, nil
	})
	up := leg{
		name: "new", limit: o.opt.timing.settle,
		get:         func(st *state) *change { return &st.New },
		parallelism: func(st *state) int { return st.Asked.Parallelism },
		up: func(r *run, job platform.Job) (saga.Next, error) {
			if job.State == platform.Finished {
				return done(r, "the job was resumed at parallelism %d and has finished already", r.State.Asked.Parallelism)
			}
			r.Note("running, waiting for a checkpoint")
			return saga.Next{Goto: "checkpoint"}, nil
		},
		broken: func(r *run, _ bool, why error) (saga.Next, error) {
			return turnBack(r, "await-new", why.Error())
		},
		turn: func(r *run) (saga.Next, error) {
			r.State.Turned = true
			return turnBack(r, "", "a person asked to")
		},
	}
	steps := append(o.triggerSteps(stop), confirm)
	steps = append(steps, o.legSteps(up)...)
	return append(steps, o.step("checkpoint", false, o.proven))
}

// turnBack begins the way back to the old parallelism. broke names the step to blame.
func turnBack(r *run, broke, why string) (saga.Next, error) {
	r.State.Broke, r.State.Trouble = broke, why
	r.Note("going back to parallelism " + fmt.Sprint(r.State.Was) + ": " + why)
	if r.State.New.ID == "" { // nothing was submitted yet
		return saga.Next{Goto: "mint-back"}, nil
	}
	return saga.Next{Goto: "mint-undo"}, nil
}

// proven waits for the checkpoint that shows that the job works at the new parallelism.
func (o *Ops) proven(ctx context.Context, c *platform.Cluster, r *run) (saga.Next, error) {
	st := r.State
	s, found, err := stateOf(ctx, c, st.New.Job)
	switch {
	case err != nil:
		return saga.Next{}, err
	case !found:
		return turnBack(r, "checkpoint", "the job is gone from the cluster")
	case s == platform.Finished:
		st.Known.ended(st.New.Job, o.now(), "finished")
		return done(r, "the job was resumed at parallelism %d and has finished", st.Asked.Parallelism)
	case s.Terminal():
		return turnBack(r, "checkpoint", rootCause(ctx, c, st.New.Job))
	case r.Cancel:
		st.Turned = true
		return turnBack(r, "", "a person asked to")
	}
	cps, err := c.Checkpoints(ctx, st.New.Job)
	if err != nil {
		return saga.Next{}, err
	}
	if cps.Completed == 0 && cps.Interval > 0 {
		if time.Since(r.Since) > o.opt.timing.settle+2*cps.Interval {
			return turnBack(r, "checkpoint", fmt.Sprintf("no checkpoint was completed at parallelism %d (%d failed)", st.Asked.Parallelism, cps.Failed))
		}
		r.Note("running, waiting for a checkpoint")
		return o.again(r), nil
	}
	job, err := c.Job(ctx, st.New.Job)
	if err != nil {
		return saga.Next{}, err
	}
	st.ran(job)
	if cps.Interval == 0 {
		return done(r, "runs at parallelism %d; the job makes no checkpoints, so none was waited for", job.Parallelism)
	}
	return done(r, "runs at parallelism %d and has completed a checkpoint", job.Parallelism)
}

// rollBackSteps end the job that did not come up and resume the old one from the same savepoint.
func (o *Ops) rollBackSteps() []step {
	undo := ending{
		name: "undo",
		why:  func(st *state) string { return fmt.Sprintf("given up on at parallelism %d", st.Asked.Parallelism) },
		job:  func(st *state) platform.JobID { return st.New.Job },
		then: func(*run, platform.JobState) (saga.Next, error) { return saga.Next{}, nil },
	}
	back := leg{
		name: "back", limit: o.opt.timing.settle,
		get:         func(st *state) *change { return &st.Back },
		parallelism: func(st *state) int { return st.Was },
		up: func(r *run, job platform.Job) (saga.Next, error) {
			st := r.State
			st.ran(job)
			st.Result.RolledBack = true
			if st.Turned {
				r.Note(fmt.Sprintf("turned back: the job runs as before, at parallelism %d", st.Was))
				return saga.Next{End: saga.Canceled}, nil
			}
			return failed(r, "rolled back: the job did not come up at %d (%s). It runs again at %d from the same savepoint; nothing is lost.", st.Asked.Parallelism, st.Trouble, st.Was)
		},
		broken: func(r *run, live bool, why error) (saga.Next, error) {
			st := r.State
			is := "is stopped"
			if live {
				is = "is submitted, but does not run yet"
			}
			return failed(r, "the job did not come up at %d (%s), and not at %d either (%s). It %s; its savepoint is kept: %s. Restart resumes from it.",
				st.Asked.Parallelism, st.Trouble, st.Was, why, is, st.Restore)
		},
	}
	return append(o.endSteps(undo), o.legSteps(back)...)
}
