package ops

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/saga"
)

// recentMax is how many changes Recent tells of: a list for people.
const recentMax = 20

// Change is one operation that changed a job, in short: for those who ask why a job is not as it was.
type Change struct {
	At        time.Time // when it began
	Ended     time.Time // zero while it goes on
	Kind      Kind
	By        string // who asked for it
	Outcome   string // "done", "failed", "rolled back", "canceled", "stuck"; empty while it is at work
	Operation string // the short name that people type
	Line      string // what it did, without who and when: "scaled 2 → 4"
}

// Recent returns what changed a job through drey since the given time, the newest first, at most 20: operations that began,
// moved on or ended since. A savepoint changes nothing and is left out. A job that drey never had to do with has none. The
// cost is that of the operations it returns, and of the savepoints between them.
func (o *Ops) Recent(ctx context.Context, job Target, since time.Time) ([]Change, error) {
	k, err := o.Known(ctx, job)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []Change
	for r, err := range o.engine.Under(ctx, k.Key) {
		if err != nil {
			return nil, err
		}
		if r.UpdatedAt.Before(since) || len(out) == recentMax {
			break
		}
		if o.procs[Kind(r.Kind)].steps == nil || Kind(r.Kind) == KindSavepoint {
			continue
		}
		st, err := read(r)
		if err != nil {
			return nil, err
		}
		out = append(out, changeOf(o.view(r, st), st))
	}
	slices.SortStableFunc(out, func(a, b Change) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Operation, b.Operation)) })
	return out, nil
}

func changeOf(op Operation, st *state) Change {
	c := Change{At: op.Started, Ended: op.Ended, Kind: op.Kind, By: op.By, Operation: op.Short, Line: deed(st)}
	switch {
	case op.Result.RolledBack:
		c.Outcome = "rolled back"
	case op.Status.Final() || op.Status == saga.Stuck:
		c.Outcome = string(op.Status)
	}
	return c
}

// deed is what an operation does, as one says it afterwards.
func deed(st *state) string {
	switch {
	case st.Kind == KindSubmit && st.Restore != "":
		return "submitted from a savepoint"
	case st.Kind == KindSubmit:
		return "submitted"
	case st.Kind == KindStop && st.Asked.Drain:
		return "drained and stopped"
	case st.Kind == KindStop:
		return "stopped with a savepoint"
	case st.Kind == KindCancel:
		return "cancelled without a savepoint"
	case st.Kind == KindScale && st.Was > 0:
		return fmt.Sprintf("scaled %d → %d", st.Was, st.Asked.Parallelism)
	case st.Kind == KindScale:
		return fmt.Sprintf("scaled to %d", st.Asked.Parallelism)
	case st.Kind == KindRestart && st.Asked.Fresh:
		return "restarted without state"
	case st.Kind == KindRestart:
		return "restarted"
	}
	return string(st.Kind)
}
