package ops

import (
	"cmp"
	"context"
	"errors"
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
	Outcome   string // in words: "done", "failed", "under way"
	Operation string // the short name that people type
	Line      string // all of it but the time: "Scale to 4 by Olga, failed"
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
		out = append(out, changeOf(o.view(r, st)))
	}
	slices.SortStableFunc(out, func(a, b Change) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Operation, b.Operation)) })
	return out, nil
}

func changeOf(op Operation) Change {
	c := Change{At: op.Started, Ended: op.Ended, Kind: op.Kind, By: op.By, Outcome: outcome(op), Operation: op.Short}
	c.Line = op.Title + by(op.By) + ", " + c.Outcome
	return c
}

// outcome is how an operation ended, or stands, in a word or two.
func outcome(op Operation) string {
	switch op.Status {
	case saga.Done:
		return "done"
	case saga.Failed:
		if op.Result.RolledBack {
			return "failed and rolled back"
		}
		return "failed"
	case saga.Canceled:
		return "cancelled"
	case saga.Stuck:
		return "waits for a person"
	default: // running, waiting
		return "under way"
	}
}
