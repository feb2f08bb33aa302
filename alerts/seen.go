package alerts

import (
	"context"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// Seen says of the newest of a run's exceptions what an incident's head says of its cause: how often and since when it was seen, in
// how many jobs, and first after what. Exceptions are given the newest first, and count once whoever reads them. may says whether
// the reader may hear of another job; the answer is empty where nothing is known.
func (s *Service) Seen(ctx context.Context, job platform.JobRef, run platform.JobID, exs []platform.Exception, may func(job string) bool) (bot.Text, error) {
	ctx, cancel := context.WithTimeout(ctx, changesWithin)
	defer cancel()
	v, err := s.sighted(ctx, job, run, exs)
	if err != nil || v.Count == 0 {
		return bot.Text{}, err
	}
	c := causeOf(v, exs[0], exs[0].At, s.watchedFor(ctx))
	if c.After != nil && c.After.Job != job.String() && !may(c.After.Job) {
		c.After = nil
	}
	return c.seen(job.String(), nil), nil
}
