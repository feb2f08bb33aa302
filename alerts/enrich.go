package alerts

import (
	"context"
	"errors"
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
	limit, cancel := context.WithTimeout(ctx, s.options.EnrichWithin)
	facts, err := s.hooks.Jobs.Lookup(limit, asked.Cluster, asked.ID, asked.Name)
	cancel()
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
			i.learn(facts, err, now)
			stories = i.settle(&facts, err, now)
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

// learn takes what a look at the clusters brought.
func (i *Incident) learn(f JobFacts, err error, now time.Time) {
	where := "the cluster"
	if i.Job.Cluster != "" {
		where = "the cluster " + clip(i.Job.Cluster, 60)
	}
	switch {
	case err == nil:
		if !i.Facts.same(&f) || now.Sub(i.HeadAt) >= calmly {
			i.Facts = &f
		}
		i.FactsAt, i.NoFacts, i.Gone = now, "", false
	case platform.KindOf(err) == platform.NotFound:
		i.Facts, i.FactsAt, i.Gone = nil, now, true
		i.NoFacts = upper(where) + " does not know this job: it may be over, or gone with a restart of the cluster."
	default:
		i.FactsAt = now
		i.NoFacts = upper(where) + " did not answer"
		if i.Facts != nil {
			i.NoFacts += "; the job's facts are from before"
		}
		i.NoFacts += "."
	}
}

func upper(s string) string { return string(s[0]-'a'+'A') + s[1:] }

// finish takes an item off its queue.
func (s *Service) finish(ctx context.Context, it storage.Item) error {
	tx := s.db.Begin(it.ID)
	tx.Finish(it)
	return s.db.Commit(ctx, tx)
}
