package alerts

import (
	"context"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

const (
	muteQueue storage.Queue = "alerts-mute"
	// muteBatch is how many incidents are looked at in one go when their mutes end.
	muteBatch = 64
)

// hush notes in which channels the incident is muted now, by mute times or for maintenance, or held back, and says where that
// changed.
func (rs *routes) hush(i *Incident, windows []openWindow, now time.Time) []story {
	var out []story
	held, why := i.held(now)
	i.Maintenance = rs.upkeep(i, windows, now)
	for n := range i.Targets {
		t := &i.Targets[n]
		was := t.Quiet
		t.Quiet = rs.mutes.until(t.Mute, now)
		if m := i.Maintenance; m != nil && m.Until.After(t.Quiet) {
			t.Quiet = m.Until
		}
		if held.After(t.Quiet) {
			t.Quiet = held
		}
		switch {
		case was.IsZero() && !held.IsZero():
			out = append(out, story{kind: storyMuted, quiet: true, text: bot.Textf("**Kept back** in %v: %s", t.Place, why)})
		case was.IsZero() && !t.Quiet.IsZero():
			text := bot.Textf("**Muted** in %v until %v by %s", t.Place, moment(t.Quiet), rs.muters(i, t, now))
			out = append(out, story{kind: storyMuted, quiet: true, text: text})
		case !was.IsZero() && t.Quiet.IsZero() && i.Open():
			out = append(out, story{kind: storyUnmuted, quiet: true, text: bot.Textf("**No longer muted** in %v", t.Place)})
		}
	}
	return out
}

// muters are the mute times that hold in a place, and the maintenance.
func (rs *routes) muters(i *Incident, t *Target, now time.Time) string {
	var names []string
	if i.Maintenance != nil {
		text := "maintenance of " + i.Maintenance.By
		if also := rs.muters(&Incident{}, t, now); also != "" {
			text += ", " + also
		}
		return text
	}
	for _, list := range t.Mute {
		names = append(names, list...)
	}
	return rs.mutes.named(unique(names), now)
}

// muteStage finds out which of the channels are in a mute time.
func (p *Pipeline) muteStage(ctx context.Context, b Batch) (Batch, error) {
	if b.Incident == nil {
		return b, nil
	}
	b.Stories = append(b.Stories, p.routes.hush(b.Incident, p.windows.now(ctx), b.At)...)
	if held, why := b.Incident.held(b.At); !held.IsZero() {
		b.note("kept back everywhere: %s", why)
		return b, nil
	}
	for _, t := range b.Incident.Targets {
		if !t.Quiet.IsZero() {
			b.note("%s is muted by %s until %s: posted then, if it is still open", t.Place, p.routes.muters(b.Incident, &t, b.At), clockText(t.Quiet))
		}
	}
	return b, nil
}

// loudAt is when the first of the incident's mutes ends, or when to look at what holds it; zero when there is none to wait for.
func (i *Incident) loudAt(now time.Time) time.Time {
	var out time.Time
	sooner := func(t time.Time) {
		if i.Open() && !t.IsZero() && (out.IsZero() || t.Before(out)) {
			out = t
		}
	}
	for _, t := range i.Targets {
		sooner(t.Quiet)
	}
	for _, h := range i.Holds {
		if !h.Known && h.Kind == holdCluster {
			sooner(now) // the cluster's incident has not been told yet
		}
		sooner(h.Until)
	}
	return out
}

// unmute posts what mutes kept back of the incidents whose time has come.
func (s *Service) unmute(ctx context.Context, items []storage.Item) {
	for _, it := range items {
		s.warn(ctx, it, s.unheld(ctx, it))
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
