package ops

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage/saga"
)

// trigger is the part that savepoint, stop, scale and restart share: ask Flink for a savepoint, or a stop with one, until
// its path is recorded. Its steps are mint-NAME, begin-NAME and poll-NAME.
type trigger struct {
	name   string // "savepoint" or "stop"
	kind   RestoreKind
	change func(st *state) platform.Change
	// failed is called when there is no savepoint and the job lives on.
	failed func(r *run, cause error) (saga.Next, error)
}

// triggerTries is how often a savepoint is asked for. Each try has a trigger id of its own: Flink remembers failed ones.
const triggerTries = 5

func (o *Ops) triggerSteps(t trigger) []step {
	return []step{
		o.step("mint-"+t.name, true, func(_ context.Context, _ *platform.Cluster, r *run) (saga.Next, error) {
			was := r.State.Trigger
			if pause := time.Duration(was.Tries) * o.opt.timing.retry; was.Tries > 0 && time.Since(was.At) < pause {
				return saga.Next{After: pause - time.Since(was.At)}, nil
			}
			r.State.Trigger = change{ID: mint(), At: o.now(), Tries: was.Tries + 1}
			r.Note("asking for a savepoint")
			return saga.Next{}, nil
		}),
		o.step("begin-"+t.name, false, func(ctx context.Context, c *platform.Cluster, r *run) (saga.Next, error) {
			ticket, err := c.Begin(ctx, r.State.Trigger.ID, t.change(r.State))
			if err != nil {
				return o.noSavepoint(ctx, c, r, t, err)
			}
			r.State.Trigger.Ticket = &ticket
			r.Note("savepoint under way")
			return saga.Next{}, nil
		}),
		o.step("poll-"+t.name, false, func(ctx context.Context, c *platform.Cluster, r *run) (saga.Next, error) {
			if r.State.Trigger.Done {
				return saga.Next{}, nil
			}
			out, err := c.Poll(ctx, *r.State.Trigger.Ticket)
			switch {
			case err != nil:
				return o.noSavepoint(ctx, c, r, t, err)
			case out.Savepoint != "": // for a stop, the job may still be ending
				o.saved(r, t, out.Savepoint, o.now())
				return saga.Next{}, nil
			case !out.Done:
				r.Note(orElse(out.Note, "savepoint under way"))
				return o.again(r), nil
			default:
				return o.noSavepoint(ctx, c, r, t, platform.Errorf(platform.Ambiguous, "", "the cluster reports a savepoint without saying where"))
			}
		}),
	}
}

// saved records the savepoint; it is durable with the step's commit.
func (o *Ops) saved(r *run, t trigger, path string, at time.Time) {
	st := r.State
	st.Trigger.Done = true
	st.Result.Savepoint = path
	st.Known.point(SavepointRef{Path: path, At: at, JobID: st.Job, By: st.By, Kind: t.kind})
	r.Note("savepoint written: " + path)
}

// noSavepoint finds out what a failed or lost trigger means. A JobManager that was restarted has forgotten the trigger id, so
// the job itself and its checkpoint history are the witnesses.
func (o *Ops) noSavepoint(ctx context.Context, c *platform.Cluster, r *run, t trigger, cause error) (saga.Next, error) {
	kind := platform.KindOf(cause)
	if transient(cause) && kind != platform.Busy { // busy is the job here, which may never be less so
		return saga.Next{}, cause
	}
	st := r.State
	s, found, err := stateOf(ctx, c, st.Job)
	if err != nil {
		return saga.Next{}, err
	}
	lost := kind == platform.Ambiguous || kind == platform.NotFound
	if found && (lost || s.Terminal()) {
		cps, err := c.Checkpoints(ctx, st.Job)
		if transient(err) {
			return saga.Next{}, err
		}
		if sp := cps.LatestSavepoint; err == nil && st.ours(sp) {
			o.saved(r, t, sp.Path, sp.At)
			return saga.Next{}, nil
		}
	}
	switch {
	case !found:
		return o.vanished(r)
	case s.Terminal():
		st.Known.ended(st.Job, o.now(), "ended as "+string(s)+" while drey asked for a savepoint")
		return failed(r, "the job ended as %s before a savepoint was written: %s. %s", s, words(cause), st.Known.hint())
	case lost && st.Trigger.Tries < triggerTries:
		r.Note("the cluster forgot the request (it was restarted); asking again")
		return saga.Next{Goto: "mint-" + t.name}, nil
	case (kind == platform.Busy || s != platform.Running) && !st.Asked.Canonical && st.Trigger.Tries < triggerTries:
		r.Note(fmt.Sprintf("no savepoint can be had at the moment, the job is %s; asking again", s))
		return saga.Next{Goto: "mint-" + t.name}, nil
	}
	return t.failed(r, cause)
}

// ours says whether a savepoint in the job's history can be the one that was asked for: new enough, and not known before.
func (st *state) ours(sp *platform.Checkpoint) bool {
	if sp == nil || sp.Path == "" || sp.At.Before(st.Trigger.At.Add(-clockSkew)) {
		return false
	}
	return !slices.ContainsFunc(st.Known.Savepoints, func(s SavepointRef) bool { return s.Path == sp.Path })
}

// clockSkew is how far apart the clocks of drey and a cluster may be.
const clockSkew = 30 * time.Second

// vanished ends an operation whose job the cluster does not know any more.
func (o *Ops) vanished(r *run) (saga.Next, error) {
	st := r.State
	st.Known.ended(st.Job, o.now(), "vanished from the cluster")
	return failed(r, "job %s is gone from cluster %s, which was probably restarted and has lost it. Whether the savepoint was finished cannot be looked up. %s",
		st.Known.Name, st.Known.Cluster, st.Known.hint())
}

// hint says what there is to restore the job from.
func (k *Known) hint() string {
	sp, ok := k.Newest()
	switch {
	case !ok:
		return "No restore point of it is recorded."
	case k.Source == nil:
		return fmt.Sprintf("Newest recorded restore point: %s (%s).", sp.Path, sp.At.Format("2006-01-02 15:04 MST"))
	}
	return fmt.Sprintf("Newest recorded restore point: %s (%s); restart resumes from it.", sp.Path, sp.At.Format("2006-01-02 15:04 MST"))
}

func orElse(s, other string) string {
	if s != "" {
		return s
	}
	return other
}
