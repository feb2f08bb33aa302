package ops

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage/saga"
)

// leg is the part that submit, scale and restart share: submit the job's own source under a Flink job id of our minting and
// follow it until every task runs. Its steps are mint-NAME, begin-NAME, accept-NAME and await-NAME.
type leg struct {
	name        string
	safe        bool // a wish to cancel is honoured before it begins
	get         func(st *state) *change
	parallelism func(st *state) int
	limit       time.Duration // for reaching RUNNING
	up          func(r *run, job platform.Job) (saga.Next, error)
	// broken is called when the job did not come up: live says whether the cluster may still have it, in whatever state.
	broken func(r *run, live bool, why error) (saga.Next, error)
	// turn, when set, is called instead of waiting on when somebody asked to cancel.
	turn func(r *run) (saga.Next, error)
}

// fallsMax is how often a job may fall before it ran: then following it longer would only keep people from acting on it.
const fallsMax = 3

// fell counts the falls of a job from one look to the next.
func (ch *change) fell(down bool) int {
	if down && !ch.Down {
		ch.Falls++
	}
	ch.Down = down
	return ch.Falls
}

// lostTries is how often a job that vanished before it ran is submitted again.
const lostTries = 2

func (o *Ops) legSteps(l leg) []step {
	return []step{
		o.step("mint-"+l.name, l.safe, func(_ context.Context, _ *platform.Cluster, r *run) (saga.Next, error) {
			if l.turn != nil && r.Cancel {
				return l.turn(r)
			}
			*l.get(r.State) = change{ID: mint(), Job: platform.JobID(mint()), At: o.now()}
			r.Note("submitting")
			return saga.Next{}, nil
		}),
		o.step("begin-"+l.name, false, func(ctx context.Context, c *platform.Cluster, r *run) (saga.Next, error) {
			if l.turn != nil && r.Cancel { // a gateway that never answers must not hold a person for ever
				return l.turn(r)
			}
			st, ch := r.State, l.get(r.State)
			src, err := o.source(st)
			if err != nil {
				return saga.Next{}, err
			}
			ticket, err := c.Begin(ctx, ch.ID, src.change(st.Known.Name, ch.Job, l.parallelism(st), st.Restore))
			if err != nil {
				return o.notAccepted(ctx, c, r, l, err)
			}
			ch.Ticket = &ticket
			st.Known.began(ch.Job, o.now())
			r.Note("submitted, waiting for the cluster to take it")
			return saga.Next{}, nil
		}),
		o.step("accept-"+l.name, false, func(ctx context.Context, c *platform.Cluster, r *run) (saga.Next, error) {
			st, ch := r.State, l.get(r.State)
			if ch.Done {
				return saga.Next{}, nil
			}
			out, err := c.Poll(ctx, *ch.Ticket)
			if err != nil {
				return o.notAccepted(ctx, c, r, l, err)
			}
			if !out.Done {
				r.Note(orElse(out.Note, "waiting for the cluster to take the job"))
				return o.again(r), nil
			}
			if out.Job != "" && out.Job != ch.Job { // a backend that gives ids itself
				st.Known.ended(ch.Job, o.now(), "never began")
				ch.Job = out.Job
			}
			o.accepted(r, l)
			return saga.Next{}, nil
		}),
		o.step("await-"+l.name, false, func(ctx context.Context, c *platform.Cluster, r *run) (saga.Next, error) {
			return o.await(ctx, c, r, l)
		}),
	}
}

func (o *Ops) accepted(r *run, l leg) {
	st, ch := r.State, l.get(r.State)
	ch.Done = true
	st.Known.began(ch.Job, o.now())
	st.Result.JobID = ch.Job
	r.Note("the cluster has the job, waiting until it runs")
}

// notAccepted finds out what a failed or unanswered submission means: the cluster knows the job id, or it does not.
func (o *Ops) notAccepted(ctx context.Context, c *platform.Cluster, r *run, l leg, cause error) (saga.Next, error) {
	if transient(cause) {
		return saga.Next{}, cause
	}
	st, ch := r.State, l.get(r.State)
	_, found, err := stateOf(ctx, c, ch.Job)
	switch {
	case err != nil:
		return saga.Next{}, err
	case found:
		o.accepted(r, l)
		return saga.Next{Goto: "await-" + l.name}, nil
	case platform.KindOf(cause) == platform.Ambiguous:
		return saga.Next{}, saga.Ask(fmt.Errorf("%s. The submission may still arrive: resume asks again under the same job id, which is harmless; cancel gives up", words(cause)))
	}
	if st.Known.Current == ch.Job {
		st.Known.ended(ch.Job, o.now(), "refused by the cluster")
	}
	return l.broken(r, false, errors.New(words(cause)))
}

// await follows a job that the cluster has taken until every task runs.
func (o *Ops) await(ctx context.Context, c *platform.Cluster, r *run, l leg) (saga.Next, error) {
	st, ch := r.State, l.get(r.State)
	s, found, err := stateOf(ctx, c, ch.Job)
	switch {
	case err != nil:
		return saga.Next{}, err
	case !found && ch.Tries < lostTries:
		ch.Tries++
		ch.Done = false
		r.Note("the cluster has lost the job, it was probably restarted; submitting it again under the same id")
		return saga.Next{Goto: "begin-" + l.name}, nil
	case !found:
		st.Known.ended(ch.Job, o.now(), "vanished from the cluster")
		return l.broken(r, false, errors.New("the job is gone from the cluster, which was probably restarted and has lost it"))
	case s == platform.Finished:
		st.Known.ended(ch.Job, o.now(), "finished")
		return l.up(r, platform.Job{ID: ch.Job, State: s})
	case s.Terminal():
		why := errors.New("somebody cancelled it")
		if s == platform.Failed {
			why = errors.New(rootCause(ctx, c, ch.Job))
		}
		st.Known.ended(ch.Job, o.now(), "ended as "+string(s))
		return l.broken(r, false, why)
	}
	job, err := c.Job(ctx, ch.Job)
	if err != nil && platform.KindOf(err) != platform.NotFound { // what Flink knows in detail is a few seconds old
		return saga.Next{}, err
	}
	if s == platform.Running && job.Healthy() {
		return l.up(r, job)
	}
	if r.Cancel && l.turn != nil {
		return l.turn(r)
	}
	why := o.waiting(ctx, c, s, job, l.parallelism(st))
	if falls := ch.fell(s == platform.Restarting || s == platform.Failing); max(falls, job.Restarts) >= fallsMax {
		ch.Falls = fallsMax
		return l.broken(r, true, errors.New(falling+rootCause(ctx, c, ch.Job)))
	}
	if time.Since(r.Since) > l.limit {
		return l.broken(r, true, fmt.Errorf("not running after %s: %s", l.limit, why))
	}
	r.Note(why)
	return o.again(r), nil
}

const falling = "the job fails and is started again: "

// waiting says in words what keeps a job from running.
func (o *Ops) waiting(ctx context.Context, c *platform.Cluster, s platform.JobState, job platform.Job, want int) string {
	need := max(want, job.Parallelism, 1)
	switch s {
	case platform.Restarting, platform.Failing:
		return falling + rootCause(ctx, c, job.ID)
	case platform.Created, platform.Running:
		info, err := c.DescribeNow(ctx)
		if err == nil && info.SlotsFree >= 0 && info.SlotsFree < need && (s == platform.Created || job.Tasks.Running == 0) {
			return fmt.Sprintf("waiting for slots (needs %d, %d free)", need, info.SlotsFree)
		}
	default:
	}
	if job.Tasks.Total > 0 {
		return fmt.Sprintf("starting: %d of %d tasks run", job.Tasks.Running, job.Tasks.Total)
	}
	return "starting"
}

func (o *Ops) submit() procedure {
	l := leg{
		name: "submit", safe: true, limit: o.opt.timing.follow,
		get:         func(st *state) *change { return &st.New },
		parallelism: func(st *state) int { return st.Asked.Parallelism },
		up: func(r *run, job platform.Job) (saga.Next, error) {
			if job.State == platform.Finished {
				return done(r, "the job ran and has finished already")
			}
			r.State.ran(job)
			return done(r, "running, parallelism %d", job.Parallelism)
		},
		broken: func(r *run, live bool, why error) (saga.Next, error) {
			if live && r.State.New.Falls >= fallsMax {
				return failed(r, "the job was submitted, but %s. The cluster goes on trying; stop or cancel ends that.", why)
			}
			if live {
				return done(r, "submitted, but %s; it is no longer followed here, and starts by itself when it can", why)
			}
			r.State.Result.JobID = ""
			return failed(r, "the job did not come up: %s", why)
		},
		turn: func(r *run) (saga.Next, error) {
			r.Note("withdrawing the job")
			return saga.Next{Goto: "mint-withdraw"}, nil
		},
	}
	withdraw := o.endSteps(ending{
		name: "withdraw",
		why:  func(st *state) string { return "withdrawn" + by(st.By) },
		job:  func(st *state) platform.JobID { return st.New.Job },
		then: func(r *run, _ platform.JobState) (saga.Next, error) {
			r.State.Result.JobID = ""
			r.Note("withdrawn before it ran")
			return saga.Next{End: saga.Canceled}, nil
		},
	})
	return procedure{
		kind: KindSubmit, title: func(*state) string { return "Submit" },
		stages: []stage{
			{label: "submit the job", steps: []string{"mint-submit", "begin-submit", "accept-submit"}},
			{label: "wait until it runs", steps: []string{"await-submit"}},
			{label: "withdraw it", steps: []string{"mint-withdraw", "begin-withdraw", "poll-withdraw"}, detour: true},
		},
		check: checkSubmit,
		steps: append(o.legSteps(l), withdraw...),
	}
}

// ran notes a job that was seen running.
func (st *state) ran(job platform.Job) {
	st.Result.JobID, st.Result.Parallelism = job.ID, job.Parallelism
	if job.Parallelism > 0 {
		st.Known.Parallelism = job.Parallelism
	}
}
