package alerts

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
)

const (
	// enrichEvery is the least time between two looks at an incident's job.
	enrichEvery = time.Minute
	// enrichBatch is how many jobs are asked about at once.
	enrichBatch = 32
	// calmly is how long a head may show an older checkpoint than the newest: each edit costs one of the channel's.
	calmly = 5 * time.Minute
)

// enrich adds to each incident what its cluster says about the job. It fails soft: what is not known is said so.
func (s *Service) enrich(ctx context.Context, items []storage.Item) {
	var wg sync.WaitGroup
	for _, it := range items {
		wg.Go(func() {
			s.warn(ctx, it, s.enrichOne(ctx, it))
		})
	}
	wg.Wait()
}

func (s *Service) enrichOne(ctx context.Context, it storage.Item) error {
	inc, _, err := s.current.Get(ctx, it.ID)
	if errors.Is(err, storage.ErrNotFound) || err == nil && (!inc.Open() && !inc.unsettled(s.hooks.Now()) || inc.Job == nil) {
		return s.finish(ctx, it)
	}
	if err != nil {
		return err // the lease runs out, and somebody tries again
	}
	asked := *inc.Job
	seen := s.lookAt(ctx, &inc)
	if ctx.Err() != nil {
		return nil //nolint:nilerr // drey stops: the lease runs out, and somebody tries again
	}
	_, err = s.change(ctx, it.ID, func(i *Incident, tx *storage.Tx) ([]story, error) {
		now := s.hooks.Now()
		if !i.Open() && !i.unsettled(now) || i.Job == nil {
			tx.Finish(it)
			return nil, nil
		}
		var stories []story
		if *i.Job == asked { // else the webhook that changed it has asked for another look
			i.learn(seen, now)
			if seen.err == nil && seen.facts.Name != "" {
				stories = i.rename(seen.facts.Name, seen.other)
			}
			stories = append(stories, i.settle(&seen.facts, seen.err, now)...)
		}
		if !i.Settled.IsZero() {
			tx.Finish(it)
		} else {
			tx.Release(it, now.Add(enrichEvery))
		}
		return stories, nil
	})
	return err
}

// learned is what a look at an incident's job brought.
type learned struct {
	facts   JobFacts
	err     error // why there are no facts
	changes []Change
	cause   *Cause    // of the newest exception, where it is the incident's
	own     error     // why drey's own records did not tell
	other   *Incident // the open one that the job has beside this one
}

// lookAt asks the cluster of an incident, and drey's own records. Each has a deadline of its own.
func (s *Service) lookAt(ctx context.Context, i *Incident) learned {
	var l learned
	limit, cancel := context.WithTimeout(ctx, s.options.EnrichWithin)
	l.facts, l.err = s.hooks.Jobs.Lookup(limit, i.Job.Cluster, i.Job.ID, i.Job.Name)
	cancel()
	known := i.Facts
	if l.err == nil {
		l.facts.At = s.hooks.Now()
		l.facts.keep(i.Facts)
		known = &l.facts
	}
	var changesErr, causeErr, runErr error
	l.changes, changesErr = s.changes(ctx, i, known)
	if l.err == nil {
		l.other, runErr = s.learnRun(ctx, i, &l.facts)
	}
	if l.err == nil && len(l.facts.Thrown) > 0 {
		l.cause, causeErr = s.causeFor(ctx, i, &l.facts)
	}
	l.own = errors.Join(changesErr, causeErr, runErr)
	if l.own != nil && ctx.Err() == nil {
		s.log.Warn("what drey knows of an incident's job", "incident", i.ID, "err", l.own)
	}
	return l
}

// causeFor counts the exceptions of the incident's job, and returns the newest as its cause, unless it is older than that.
func (s *Service) causeFor(ctx context.Context, i *Incident, f *JobFacts) (*Cause, error) {
	ctx, cancel := context.WithTimeout(ctx, changesWithin)
	defer cancel()
	v, err := s.sighted(ctx, platform.JobRef{Cluster: f.Ref.Cluster, Job: cmp.Or(f.Name, f.Ref.Job)}, f.ID, f.Thrown)
	if err != nil || v.Count == 0 || f.RootAt.Before(i.Since.Add(-causeBefore)) {
		return nil, err
	}
	return causeOf(v, f.Thrown[0], i.Since, s.watchedFor(ctx)), nil
}

// learn takes what a look brought.
func (i *Incident) learn(l learned, now time.Time) {
	where := "the cluster"
	if i.Job.Cluster != "" {
		where = "the cluster " + clip(i.Job.Cluster, 60)
	}
	i.FactsAt = now
	if l.own == nil {
		i.Changes = l.changes
	}
	switch {
	case l.err == nil:
		if !i.Facts.same(&l.facts) || now.Sub(i.HeadAt) >= calmly {
			i.Facts = &l.facts
			if l.cause != nil || l.own == nil && len(l.facts.Untold) == 0 {
				i.Cause = l.cause
			}
		}
		i.NoFacts, i.Gone = "", false
		if u := l.facts.Untold; len(u) > 0 {
			i.NoFacts = upper(where) + " did not answer about the " + strings.Join(u, " and the ") + " of the job."
		}
	case platform.KindOf(l.err) == platform.NotFound:
		i.Facts, i.Gone = nil, true
		i.NoFacts = upper(where) + " does not know this job: it may be over, or gone with a restart of the cluster."
	default:
		i.NoFacts = upper(where) + " did not answer"
		if i.Facts != nil {
			i.NoFacts += "; the job's facts are from before"
		}
		i.NoFacts += "."
	}
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// finish takes an item off its queue.
func (s *Service) finish(ctx context.Context, it storage.Item) error {
	tx := s.db.Begin(it.ID)
	tx.Finish(it)
	return s.db.Commit(ctx, tx)
}
