package ops

import (
	"context"
	"strings"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage/saga"
)

func (o *Ops) restart() procedure {
	stop := o.stopTrigger(func(r *run, _ error) (saga.Next, error) {
		r.State.Trigger.Ticket = nil
		r.Note("no savepoint can be had of the job as it is; looking for an older restore point")
		return saga.Next{Goto: "weigh"}, nil
	})
	confirm := o.confirm(func(r *run) (saga.Next, error) { return saga.Next{Goto: "pick"}, nil })
	end := ending{
		name: "cancel", safe: true,
		why:  func(st *state) string { return "cancelled for a restart" + by(st.By) },
		job:  func(st *state) platform.JobID { return st.Job },
		then: func(*run, platform.JobState) (saga.Next, error) { return saga.Next{}, nil },
	}
	steps := append([]step{o.step("choose", true, o.chooseRestart)}, o.triggerSteps(stop)...)
	steps = append(steps, confirm, o.step("weigh", true, o.weigh))
	steps = append(steps, o.endSteps(end)...)
	steps = append(steps, o.step("pick", false, o.pick))
	return procedure{
		kind: KindRestart, title: func(*state) string { return "Restart" },
		stages: []stage{
			{label: "stop with savepoint", steps: []string{"choose", "mint-stop", "begin-stop", "poll-stop", "confirm"}, when: func(st *state) bool { return st.Way != noStop }},
			{label: "cancel it, keeping its last restore point", steps: []string{"weigh", "mint-cancel", "begin-cancel", "poll-cancel"}, detour: true},
			{label: "submit again", steps: []string{"pick", "mint-new", "begin-new", "accept-new"}},
			{label: "wait until it runs", steps: []string{"await-new"}},
		},
		check: checkRestart,
		steps: append(steps, o.legSteps(o.restartLeg())...),
	}
}

func (o *Ops) restartLeg() leg {
	return leg{
		name: "new", limit: o.opt.timing.follow,
		get:         func(st *state) *change { return &st.New },
		parallelism: func(st *state) int { return st.Was },
		up: func(r *run, job platform.Job) (saga.Next, error) {
			if job.State == platform.Finished {
				return done(r, "the job was resumed and has finished already")
			}
			r.State.ran(job)
			if r.State.Restore == "" {
				return done(r, "runs again, without state")
			}
			return done(r, "runs again from %s", r.State.Restore)
		},
		broken: func(r *run, live bool, why error) (saga.Next, error) {
			if live && r.State.New.Falls >= fallsMax {
				return failed(r, "the job was submitted again, but %s. The cluster goes on trying; stop or cancel ends that.", why)
			}
			if live {
				return done(r, "submitted again, but %s; it is no longer followed here, and starts by itself when it can", why)
			}
			r.State.Result.JobID = ""
			cause := strings.TrimRight(why.Error(), ".")
			if r.State.Restore == "" {
				return failed(r, "the job did not come up: %s. It is stopped.", cause)
			}
			if sp := r.State.Result.Savepoint; sp != "" && sp != r.State.Restore {
				return failed(r, "the job did not come up from %s: %s. It is stopped; its state as it was then is kept: %s", r.State.Restore, cause, sp)
			}
			return failed(r, "the job did not come up: %s. It is stopped; what it was to resume from is kept: %s", cause, r.State.Restore)
		},
	}
}

// chooseRestart looks whether there is still something to stop.
func (o *Ops) chooseRestart(ctx context.Context, c *platform.Cluster, r *run) (saga.Next, error) {
	st := r.State
	if st.Job == "" {
		st.Way = noStop
		return saga.Next{Goto: "pick"}, nil
	}
	s, found, err := stateOf(ctx, c, st.Job)
	switch {
	case err != nil:
		return saga.Next{}, err
	case !found:
		st.Known.ended(st.Job, o.now(), "vanished from the cluster")
	case s.Terminal():
		st.Known.ended(st.Job, o.now(), "ended as "+string(s))
	default:
		return saga.Next{Goto: "mint-stop"}, nil
	}
	st.Way = noStop
	return saga.Next{Goto: "pick"}, nil
}

// weigh decides whether a job of which no savepoint can be had may be cancelled: only when there is something to resume from
// that the cancelling leaves alone.
func (o *Ops) weigh(ctx context.Context, c *platform.Cluster, r *run) (saga.Next, error) {
	st := r.State
	if err := o.notePoints(ctx, c, st, st.Job); err != nil {
		return saga.Next{}, err
	}
	st.Way = byCancel
	if st.Asked.Fresh || st.Asked.Savepoint != "" {
		return saga.Next{}, nil
	}
	src, err := o.source(st)
	if err != nil {
		return saga.Next{}, err
	}
	sp, ok := st.Known.Newest()
	if ok && sp.Kind == ByCheckpoint && sp.JobID == st.Job && !src.retains() {
		return failed(r, "not restarted: no savepoint can be had of the job as it is, and its configuration deletes its checkpoints when it is cancelled. It is left as it is.")
	}
	if !ok {
		return failed(r, "not restarted: no savepoint can be had of the job as it is, and there is no checkpoint to resume from. It is left as it is; a fresh restart would begin without state.")
	}
	return saga.Next{}, nil
}

// pick chooses what to resume from, after the job has ended: its last checkpoint may be newer than the one seen before.
func (o *Ops) pick(ctx context.Context, c *platform.Cluster, r *run) (saga.Next, error) {
	st := r.State
	if r.Cancel && st.Way == noStop {
		r.Note("cancelled before anything was touched")
		return saga.Stop(), nil
	}
	if st.Job != "" && st.Result.Savepoint == "" {
		if err := o.notePoints(ctx, c, st, st.Job); err != nil {
			return saga.Next{}, err
		}
	}
	newest, ok := st.Known.Newest()
	switch {
	case st.Asked.Fresh:
	case st.Asked.Savepoint != "":
		st.Restore = st.Asked.Savepoint
	case st.Result.Savepoint != "":
		st.Restore = st.Result.Savepoint
	case ok:
		st.Restore = newest.Path
	default:
		return failed(r, "there is nothing to resume the job from; a fresh restart would begin without state")
	}
	r.Note(orElse(st.Restore, "no restore point: starting without state"))
	return saga.Next{}, nil
}
