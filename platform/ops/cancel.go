package ops

import (
	"context"
	"time"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage/saga"
)

// ending is the part that cancel, and the ways back of submit, scale and restart share: end a job without a savepoint. Its steps are
// mint-NAME, begin-NAME and poll-NAME. Each may find that the job has ended already, and goes on.
type ending struct {
	name string
	safe bool // a wish to cancel is honoured before it begins
	job  func(st *state) platform.JobID
	why  func(st *state) string
	then func(r *run, s platform.JobState) (saga.Next, error) // s is empty when the cluster does not know the job any more
}

func (o *Ops) endSteps(e ending) []step {
	return []step{
		o.step("mint-"+e.name, e.safe, func(ctx context.Context, c *platform.Cluster, r *run) (saga.Next, error) {
			r.State.End = change{ID: mint(), Job: e.job(r.State), At: o.now()}
			// The last checkpoint must be on record before the job is gone, and with it the only way to look it up.
			if err := o.notePoints(ctx, c, r.State, r.State.End.Job); err != nil {
				return saga.Next{}, err
			}
			r.Note("cancelling the job")
			return saga.Next{}, nil
		}),
		o.step("begin-"+e.name, false, func(ctx context.Context, c *platform.Cluster, r *run) (saga.Next, error) {
			end := &r.State.End
			ticket, err := c.Begin(ctx, end.ID, platform.Cancel{Job: end.Job})
			if err == nil {
				end.Ticket = &ticket
				return saga.Next{}, nil
			}
			if transient(err) {
				return saga.Next{}, err
			}
			s, found, serr := stateOf(ctx, c, end.Job)
			if serr == nil && found && !s.Terminal() {
				serr = err
			}
			return saga.Next{}, serr
		}),
		o.step("poll-"+e.name, false, func(ctx context.Context, c *platform.Cluster, r *run) (saga.Next, error) {
			st := r.State
			if st.End.Ticket != nil {
				// A backend may need to be asked for the change to move on; whether it has is read from the job.
				if _, err := c.Poll(ctx, *st.End.Ticket); transient(err) {
					return saga.Next{}, err
				}
			}
			s, found, err := stateOf(ctx, c, st.End.Job)
			if err != nil {
				return saga.Next{}, err
			}
			if found && !s.Terminal() {
				if time.Since(r.Since) > o.opt.timing.end {
					return saga.Next{}, saga.Ask(platform.Errorf(platform.Other, "", "the job was asked to end and is still %s; resume to look again, or cancel the operation", s))
				}
				r.Note("the job is ending")
				return o.again(r), nil
			}
			st.Known.ended(st.End.Job, o.now(), e.why(st))
			return e.then(r, s)
		}),
	}
}

// notePoints records the newest checkpoint and the newest savepoint that the cluster knows of a job among its restore points.
func (o *Ops) notePoints(ctx context.Context, c *platform.Cluster, st *state, job platform.JobID) error {
	cps, err := c.Checkpoints(ctx, job)
	if transient(err) {
		return err
	}
	// With any other error the job, or its history, is gone: what is recorded is all there is.
	if cp := cps.Latest; err == nil && cp != nil && cp.Path != "" {
		st.Known.point(SavepointRef{Path: cp.Path, At: cp.At, JobID: job, Size: cp.Size, Kind: ByCheckpoint})
	}
	if sp := cps.LatestSavepoint; err == nil && sp != nil && sp.Path != "" {
		st.Known.point(SavepointRef{Path: sp.Path, At: sp.At, JobID: job, Size: sp.Size, Kind: BySavepoint})
	}
	return nil
}

func (o *Ops) cancel() procedure {
	return procedure{
		kind: KindCancel, title: func(*state) string { return "Cancel without savepoint" },
		stages: []stage{
			{label: "cancel the job", steps: []string{"mint-cancel", "begin-cancel"}},
			{label: "see the job ended", steps: []string{"poll-cancel"}},
		},
		check: checkCancel,
		steps: o.endSteps(ending{
			name: "cancel", safe: true,
			why: func(st *state) string { return "cancelled" + by(st.By) },
			job: func(st *state) platform.JobID { return st.Job },
			then: func(r *run, s platform.JobState) (saga.Next, error) {
				switch s {
				case platform.Canceled:
					return done(r, "cancelled, without a savepoint. %s", r.State.Known.hint())
				case "":
					return done(r, "the cluster does not know the job any more. %s", r.State.Known.hint())
				default:
					return done(r, "the job had already ended as %s. %s", s, r.State.Known.hint())
				}
			},
		}),
	}
}
