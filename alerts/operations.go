package alerts

import (
	"context"
	"slices"

	"github.com/drey-ops/drey/bot"
)

// tells says whether a kind of operation is a line in the episode of its job.
func tells(kind string) bool {
	return disturbs(kind) || slices.Contains([]string{"savepoint", "submit"}, kind)
}

// tellOperation tells in the open episode of a job what drey's own operation does to it: its beginning and its end, each once. One
// whose own message stands in a thread was started there and tells itself.
func (s *Service) tellOperation(ctx context.Context, op Operation) error {
	if op.Card.Thread != "" {
		return nil
	}
	by := ""
	if op.By != "" {
		by = " by " + clip(op.By, 60)
	}
	if err := s.JobStory(ctx, op.Cluster, op.Job, op.Short+"/begun", op.By, bot.Plain, bot.Textf("**%s**%s (operation `%s`)", op.Title, by, op.Short)); err != nil || op.Ended.IsZero() {
		return err
	}
	tone, what := bot.Good, "is done"
	if op.Failed {
		tone, what = bot.Bad, "failed"
	}
	text := bot.Textf("**%s** %s after %s (operation `%s`)", op.Title, what, span(op.Ended.Sub(op.Started)), op.Short)
	return s.JobStory(ctx, op.Cluster, op.Job, op.Short+"/ended", op.By, tone, text)
}
