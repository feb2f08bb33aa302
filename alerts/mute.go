package alerts

import (
	"context"
	"errors"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

const (
	muteQueue storage.Queue = "alerts-mute"
	// muteBatch is how many incidents are looked at in one go when their mutes end.
	muteBatch = 64
)

// hush notes in which channels the incident is muted now, and says where that changed.
func (rs *routes) hush(i *Incident, now time.Time) []story {
	var out []story
	for n := range i.Targets {
		t := &i.Targets[n]
		was := t.Quiet
		t.Quiet = rs.mutes.until(t.Mute, now)
		switch {
		case was.IsZero() && !t.Quiet.IsZero():
			text := bot.Textf("**Muted** in %s until %v by %s", t.Place.String(), moment(t.Quiet), rs.muters(t, now))
			out = append(out, story{kind: storyMuted, quiet: true, text: text})
		case !was.IsZero() && t.Quiet.IsZero() && i.Open():
			out = append(out, story{kind: storyUnmuted, quiet: true, text: bot.Textf("**No longer muted** in %s", t.Place.String())})
		}
	}
	return out
}

// muters are the mute times that hold in a place.
func (rs *routes) muters(t *Target, now time.Time) string {
	var names []string
	for _, list := range t.Mute {
		names = append(names, list...)
	}
	return rs.mutes.named(unique(names), now)
}

// muteStage finds out which of the channels are in a mute time.
func (p *Pipeline) muteStage(_ context.Context, b Batch) (Batch, error) {
	if b.Incident == nil {
		return b, nil
	}
	b.Stories = append(b.Stories, p.routes.hush(b.Incident, b.At)...)
	for _, t := range b.Incident.Targets {
		if !t.Quiet.IsZero() {
			b.note("%s is muted by %s until %s: posted then, if it is still open", t.Place, p.routes.muters(&t, b.At), clockText(t.Quiet))
		}
	}
	return b, nil
}

// loudAt is when the first of the incident's mutes ends; zero when there is none to wait for.
func (i *Incident) loudAt() time.Time {
	var out time.Time
	for _, t := range i.Targets {
		if i.Open() && !t.Quiet.IsZero() && (out.IsZero() || t.Quiet.Before(out)) {
			out = t.Quiet
		}
	}
	return out
}

// unmute posts what mutes kept back of the incidents whose time has come.
func (s *Service) unmute(ctx context.Context, items []storage.Item) {
	for _, it := range items {
		_, err := s.change(ctx, it.ID, func(_ *Incident, tx *storage.Tx) ([]story, error) {
			tx.Finish(it) // saving it makes it due again where a mute goes on
			return nil, nil
		})
		if errors.Is(err, storage.ErrNotFound) {
			err = s.finish(ctx, it)
		}
		s.warn(ctx, it, err)
	}
}

// missed is what a thread is told when a mute is over that kept stories back.
func (i *Incident) missed(n int) story {
	what := "one message"
	if n > 1 {
		what = bot.Textf("%d messages", n).Plain()
	}
	return story{kind: storyUnmuted, tone: toneOf(i), text: bot.Textf("**The mute is over**, %s kept back. Now %d of %d fire: %s", what, i.FiringCount(), len(i.Alerts), i.members(nil))}
}
