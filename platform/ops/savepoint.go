package ops

import (
	"context"
	"time"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage/saga"
)

func (o *Ops) savepoint() procedure {
	t := trigger{
		name: "savepoint", kind: BySavepoint,
		change: func(st *state) platform.Change {
			return platform.Savepoint{Job: st.Job, Canonical: st.Asked.Canonical}
		},
		failed: func(r *run, cause error) (saga.Next, error) {
			return failed(r, "no savepoint was written: %s. The job goes on as before.", words(cause))
		},
	}
	steps := o.triggerSteps(t)
	finish := o.step("finish", false, func(_ context.Context, _ *platform.Cluster, r *run) (saga.Next, error) {
		return done(r, "savepoint written: %s", r.State.Result.Savepoint)
	})
	return procedure{
		kind: KindSavepoint, title: func(*state) string { return "Savepoint" },
		stages: []stage{
			{label: "ask for a savepoint", steps: []string{"mint-savepoint", "begin-savepoint"}},
			{label: "wait until it is written", steps: []string{"poll-savepoint", "finish"}},
		},
		check: checkSavepoint,
		steps: append(steps, finish),
	}
}

// stopTrigger is the stop with savepoint that stop, scale and restart have in common.
func (o *Ops) stopTrigger(failed func(r *run, cause error) (saga.Next, error)) trigger {
	return trigger{
		name: "stop", kind: ByStop, failed: failed,
		change: func(st *state) platform.Change { return platform.Stop{Job: st.Job, Drain: st.Asked.Drain} },
	}
}

// confirm waits until the job that was stopped has ended; its savepoint is recorded by then.
func (o *Ops) confirm(then func(r *run) (saga.Next, error)) step {
	return o.step("confirm", false, func(ctx context.Context, c *platform.Cluster, r *run) (saga.Next, error) {
		st := r.State
		s, found, err := stateOf(ctx, c, st.Job)
		if err != nil {
			return saga.Next{}, err
		}
		if found && !s.Terminal() {
			if time.Since(r.Since) > o.opt.timing.end {
				return saga.Next{}, saga.Ask(platform.Errorf(platform.Other, "",
					"the savepoint is written and recorded, but the job is still %s; resume to look again, or cancel the operation and the job goes on", s))
			}
			r.Note("savepoint written, the job is ending")
			return o.again(r), nil
		}
		st.Known.ended(st.Job, o.now(), "stopped with a savepoint"+by(st.By))
		return then(r)
	})
}

func by(who string) string {
	if who == "" {
		return ""
	}
	return " by " + who
}

func (o *Ops) stop() procedure {
	t := o.stopTrigger(func(r *run, cause error) (saga.Next, error) {
		return failed(r, "not stopped, since no savepoint could be written: %s. The job goes on as before; cancel ends it without one.", words(cause))
	})
	confirm := o.confirm(func(r *run) (saga.Next, error) {
		return done(r, "stopped; savepoint: %s", r.State.Result.Savepoint)
	})
	return procedure{
		kind: KindStop, title: func(st *state) string {
			if st.Asked.Drain {
				return "Drain and stop with savepoint"
			}
			return "Stop with savepoint"
		},
		stages: []stage{
			{label: "ask for a stop with savepoint", steps: []string{"mint-stop", "begin-stop"}},
			{label: "wait until the savepoint is written", steps: []string{"poll-stop"}},
			{label: "see the job ended", steps: []string{"confirm"}},
		},
		check: checkStop,
		steps: append(o.triggerSteps(t), confirm),
	}
}
