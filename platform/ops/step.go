package ops

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage/saga"
)

type (
	run  = saga.Run[state]
	step = saga.Step[state]
	// act is the body of a step. It returns an error only for what may be asked again (Unavailable, Busy, unforeseen) or
	// for what saga.Ask made; how an operation fails is said by failed, so that what the state has learned is kept.
	act func(ctx context.Context, c *platform.Cluster, r *run) (saga.Next, error)
)

// tries is how often a step meets an unforeseen error before it asks a person.
const tries = 10

// step makes a durable step of do. It knows the cluster, waits while that does not answer, and, where safe says that nothing
// was begun yet, honours a wish to cancel.
func (o *Ops) step(name string, safe bool, do act) step {
	return step{Name: name, MaxTries: tries, Do: func(ctx context.Context, r *run) (saga.Next, error) {
		if safe && r.Cancel {
			r.Note("cancelled before anything was touched")
			return saga.Next{End: saga.Canceled}, nil
		}
		c, err := o.clusters.Cluster(r.State.Known.Cluster)
		if err != nil {
			return saga.Next{}, saga.Ask(fmt.Errorf("cluster %s is not configured any more; put it back and resume, or cancel the operation", r.State.Known.Cluster))
		}
		next, err := o.guard(ctx, c, r, do)
		if err == nil && !slices.Contains(r.State.Trail, name) {
			r.State.Trail = append(r.State.Trail, name)
		}
		return next, err
	}}
}

// guard calls do and turns an absent cluster into a pause that is told, and counts as no failed try.
func (o *Ops) guard(ctx context.Context, c *platform.Cluster, r *run, do act) (saga.Next, error) {
	st, noted, note := r.State, false, r.Note
	r.Note = func(text string) { noted = true; note(text) }
	next, err := do(ctx, c, r)
	switch kind := platform.KindOf(err); {
	case err == nil:
		if st.Down > 0 && !noted {
			note("cluster " + st.Known.Cluster + " answers again")
		}
		st.Down = 0
		return next, nil
	case errors.Is(err, context.Canceled):
		return saga.Next{}, err
	case kind == platform.Unavailable:
		who := "cluster " + st.Known.Cluster
		if strings.Contains(err.Error(), "SQL Gateway") {
			who = "the SQL Gateway of " + who
		}
		note(who + " does not answer, waiting; nothing is lost")
	case kind == platform.Busy:
		note("cluster " + st.Known.Cluster + " is busy, waiting: " + words(err))
	case kind == platform.Ambiguous:
		return saga.Next{}, saga.Ask(fmt.Errorf("%s; look at the cluster, then resume to go on from here, or cancel the operation", words(err)))
	default:
		return saga.Next{}, err
	}
	pause := o.opt.timing.downMax
	if st.Down < 10 {
		pause = min(pause, o.opt.timing.poll<<st.Down)
	}
	st.Down++
	return saga.Next{After: pause}, nil
}

// failed ends the operation. The words say what happened, what was kept, and what to do next.
func failed(r *run, format string, args ...any) (saga.Next, error) {
	r.State.Failure = fmt.Sprintf(format, args...)
	r.Note(r.State.Failure)
	return saga.Next{End: saga.Failed}, nil
}

// done ends the operation well.
func done(r *run, format string, args ...any) (saga.Next, error) {
	r.Note(fmt.Sprintf(format, args...))
	return saga.Next{End: saga.Done}, nil
}

// again looks once more after a pause that grows with the time already waited.
func (o *Ops) again(r *run) saga.Next {
	return saga.Next{After: min(max(time.Since(r.Since)/8, o.opt.timing.poll), o.opt.timing.pollMax)}
}

// transient says whether guard makes a pause of err.
func transient(err error) bool {
	k := platform.KindOf(err)
	return k == platform.Unavailable || k == platform.Busy || errors.Is(err, context.Canceled)
}

// stateOf looks at a job; found is false when the cluster does not know it.
func stateOf(ctx context.Context, c *platform.Cluster, id platform.JobID) (s platform.JobState, found bool, err error) {
	s, err = c.State(ctx, id)
	if platform.KindOf(err) == platform.NotFound {
		return "", false, nil
	}
	return s, err == nil, err
}

// rootCause is why a job failed, in one line, or words that say that nobody knows.
func rootCause(ctx context.Context, c *platform.Cluster, id platform.JobID) string {
	if ex, err := c.Exceptions(ctx, id, 1); err == nil && len(ex) > 0 && ex[0].Root != "" {
		return platform.Redact(ex[0].Root)
	}
	return "the cluster names no cause"
}

func (o *Ops) now() time.Time { return time.Now().UTC() }

// words are what an error says without the trail of what was attempted on what, which an operation shows anyway.
func words(err error) string {
	var e *platform.Error
	for errors.As(err, &e) {
		err = e.Err
	}
	return platform.Redact(err.Error()) // below the words that were fit for people are those that were not
}
