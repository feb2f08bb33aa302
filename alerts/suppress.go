package alerts

import (
	"slices"

	"github.com/drey-ops/drey/bot"
)

// suppress notes whether all that fires is kept quiet at its source, and by whom if not by drey. While a source is not heard that
// stays as it was, unless another one speaks.
func (i *Incident) suppress(looks map[string]*look) []story {
	var ids []string
	hidden, unheard, firing := 0, 0, 0
	for fp, a := range i.Alerts {
		source := i.sourceOf(a)
		if a.Status != Firing || source == ownSource {
			continue // what only drey itself sees Alertmanager cannot silence
		}
		firing++
		l := looks[source]
		if l == nil || l.answered == 0 {
			unheard++
			continue
		}
		if got, there := l.alerts[fp]; there && a.Hidden && !l.forPlan(got) {
			hidden++
			ids = append(ids, got.Status.SilencedBy...)
		}
	}
	was := i.Suppressed
	if unheard > 0 && (was != nil && hidden == firing-unheard || was == nil) {
		return nil
	}
	i.Suppressed = nil
	if firing > 0 && hidden == firing {
		i.Suppressed = i.suppressor(looks, ids)
	}
	switch {
	case i.Suppressed != nil && was == nil && i.Suppressed.Inhibited:
		return []story{{kind: storySilenced, tone: bot.Muted, text: bot.Textf("**Inhibited** by another alert")}}
	case i.Suppressed != nil && (was == nil || *was != *i.Suppressed):
		return []story{{kind: storySilenced, tone: bot.Muted, text: bot.Textf("**Silenced** in Alertmanager by %s until %v", clip(i.Suppressed.By, 80), moment(i.Suppressed.Until))}}
	case i.Suppressed == nil && was != nil && i.ownSilence() == nil:
		return []story{{kind: storyUnsilent, tone: bot.Warn, text: bot.Textf("**No longer silenced** in Alertmanager")}}
	}
	return nil
}

// suppressor is the silence that holds longest among ids; nil where drey's own hide all that fires.
func (i *Incident) suppressor(looks map[string]*look, ids []string) *Suppressed {
	var out *Suppressed
	own := func(id string) bool {
		return slices.ContainsFunc(i.Silences, func(x Silence) bool { return x.ID == id && x.inForce() })
	}
	if i.allHushed() && slices.ContainsFunc(ids, own) {
		return nil
	}
	for _, l := range looks {
		for _, p := range l.peers {
			for _, s := range p.silences {
				if slices.Contains(ids, s.ID) && !own(s.ID) && (out == nil || s.EndsAt.After(out.Until)) {
					out = &Suppressed{By: s.CreatedBy, Comment: clip(s.Comment, 300), Until: s.EndsAt}
				}
			}
		}
	}
	if out == nil {
		return &Suppressed{Inhibited: len(ids) == 0}
	}
	return out
}
