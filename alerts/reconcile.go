package alerts

import (
	"context"
	"errors"
	"time"

	"github.com/drey-ops/drey/alerts/alertmanager"
	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

const (
	// reconcileBatch is how many incidents are compared with Alertmanager in one go.
	reconcileBatch = 256
	// askWhole is the number of incidents of one source from which all alerts are asked for at once: 10,000 of them are half a
	// second's work for Alertmanager, a filter is 20 ms.
	askWhole = 12
	// lookWithin bounds what one batch may wait for the Alertmanagers of a source; less than lease.
	lookWithin = 15 * time.Second
)

// look is a view with the alerts in it.
type look struct {
	*view
	alerts  map[string]alertmanager.Alert // by fingerprint, heard of before suppressed
	settled bool                          // an Alertmanager that answered is old enough to know everything
}

// reconcile compares incidents with what Alertmanager has.
func (s *Service) reconcile(ctx context.Context, items []storage.Item) {
	bySource := map[string][]claimed{}
	for _, it := range items {
		inc, _, err := s.current.Get(ctx, it.ID)
		switch {
		case errors.Is(err, storage.ErrNotFound):
			err = s.finish(ctx, it)
		case err == nil:
			bySource[inc.Source] = append(bySource[inc.Source], claimed{it, inc})
		}
		s.warn(ctx, it, err)
	}
	for source, list := range bySource {
		s.reconcileSource(ctx, source, list)
	}
}

// claimed is an item with the incident as it was when it was claimed.
type claimed struct {
	item storage.Item
	inc  Incident
}

// warn logs what went wrong with one item: its lease runs out, and it comes again.
func (s *Service) warn(ctx context.Context, it storage.Item, err error) {
	if err != nil && ctx.Err() == nil && !errors.Is(err, storage.ErrConflict) {
		s.log.Warn("alerts worker", "queue", string(it.Queue), "incident", it.ID, "err", err)
	}
}

func (s *Service) reconcileSource(ctx context.Context, source string, list []claimed) {
	limit, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	v := s.view(limit, source)
	var whole *look
	if len(list) >= askWhole {
		whole = s.look(limit, v, nil, "")
	}
	for _, c := range list {
		l := whole
		if l == nil {
			l = s.look(limit, v, c.inc.GroupLabels, c.inc.Receiver)
		}
		s.noteAway(source, l.answered == 0)
		s.warn(ctx, c.item, s.reconcileOne(ctx, limit, c, l))
	}
}

// noteAway logs when the Alertmanagers of a source go away and come back, once each.
func (s *Service) noteAway(source string, away bool) {
	s.mu.Lock()
	was := s.away[source]
	s.away[source] = away
	s.mu.Unlock()
	switch {
	case away && !was:
		s.log.Warn("alertmanager does not answer; incidents stay as they are", "source", source)
	case !away && was:
		s.log.Info("alertmanager answers again", "source", source)
	}
}

// look asks for the alerts with the given labels, of all the Alertmanagers that answered so far.
func (s *Service) look(ctx context.Context, v *view, labels map[string]string, receiver string) *look {
	l := &look{view: &view{peers: v.peers}, alerts: map[string]alertmanager.Alert{}}
	for _, p := range v.peers {
		if p.err != nil {
			continue
		}
		as, err := p.client.Alerts(ctx, labels, receiver)
		if err != nil {
			continue
		}
		l.answered++
		l.settled = l.settled || s.hooks.Now().Sub(p.started) >= s.options.SettleAfter
		for _, a := range as {
			if old, ok := l.alerts[a.Fingerprint]; !ok || old.Status.State == "suppressed" {
				l.alerts[a.Fingerprint] = a
			}
		}
	}
	return l
}

func (s *Service) reconcileOne(ctx, limit context.Context, c claimed, l *look) error {
	did := map[string]silenced{}
	if l.answered > 0 {
		did = s.tendSilences(limit, c.inc, l)
	}
	_, err := s.change(ctx, c.item.ID, func(i *Incident, tx *storage.Tx) ([]story, error) {
		now := s.hooks.Now()
		before := digestOf(i)
		if l.answered == 0 {
			i.unanswered(now, s.options.ReconcileEvery)
		} else {
			i.Unseen, i.Blind = time.Time{}, time.Time{}
		}
		stories := i.applySilences(did)
		if l.answered > 0 && i.Open() {
			stories = append(stories, i.compare(l, now, s.options.ReconcileEvery)...)
		}
		if before == digestOf(i) && len(stories) == 0 {
			return nil, errSame
		}
		s.letGo(tx, c.item, i, now)
		return stories, nil
	})
	if errors.Is(err, errSame) {
		tx := s.db.Begin(c.item.ID)
		s.letGo(tx, c.item, &c.inc, s.hooks.Now())
		err = s.db.Commit(ctx, tx)
	}
	return err
}

// letGo makes the incident come again while there is anything to compare.
func (s *Service) letGo(tx *storage.Tx, it storage.Item, i *Incident, now time.Time) {
	if !i.Open() && len(i.liveSilences(now)) == 0 {
		tx.Finish(it)
		return
	}
	tx.Release(it, now.Add(s.options.ReconcileEvery))
}

// unanswered notes that nobody answered, and says so in the head when that lasts.
func (i *Incident) unanswered(now time.Time, every time.Duration) {
	switch {
	case !i.Open():
	case i.Unseen.IsZero():
		i.Unseen = now
	case i.Blind.IsZero() && now.Sub(i.Unseen) >= every/2:
		i.Blind = i.Unseen
	}
}

// compare takes in what Alertmanager has. An alert counts as over when two looks in a row did not find it.
func (i *Incident) compare(l *look, now time.Time, every time.Duration) []story {
	joined := i.fill(l, now)
	ended := 0
	for fp, a := range i.Alerts {
		if a.Status != Firing {
			continue
		}
		got, there := l.alerts[fp]
		switch {
		case there:
			a.Absent, a.Hidden = time.Time{}, got.Status.State == "suppressed"
		case !l.settled || now.Sub(a.Changed) < every/2:
		case a.Absent.IsZero():
			a.Absent = now
		case now.Sub(a.Absent) >= every/2:
			a.Status, a.EndsAt, a.Changed, a.Absent = Resolved, now, now, time.Time{}
			ended++
		}
		i.Alerts[fp] = a
	}
	silenced := i.State() == Silenced
	stories := i.suppress(l)
	if ended == 0 && !joined {
		return stories
	}
	i.forget()
	i.refresh()
	if i.FiringCount() > 0 {
		return append(stories, story{kind: storyMembers, text: bot.Textf("Now %d of %d fire: %s", i.FiringCount(), len(i.Alerts), i.members(nil)), quiet: silenced})
	}
	note := "Alertmanager no longer has it; no resolve reached drey."
	if silenced {
		note = "It ended while it was silenced."
	}
	i.close(now, note)
	return append(stories, story{kind: storyResolved, tone: bot.Good, text: bot.Textf("**Resolved** after %s. %s", span(i.Over.Sub(i.Since)), note)})
}

// fill adds the firing alerts of the group that a webhook was too short for.
func (i *Incident) fill(l *look, now time.Time) bool {
	if i.Cut == 0 {
		return false
	}
	added := false
	for fp, a := range l.alerts {
		if _, known := i.Alerts[fp]; known || !alertmanager.Has(a.Labels, i.GroupLabels) || !a.For(i.Receiver) {
			continue
		}
		i.Alerts[fp] = Alert{Status: Firing, Labels: a.Labels, Annotations: a.Annotations, StartsAt: a.StartsAt, GeneratorURL: a.GeneratorURL, Changed: now}
		added = true
	}
	i.Cut = 0
	return added
}

// suppress notes whether all that fires is kept quiet, and by whom if not by drey.
func (i *Incident) suppress(l *look) []story {
	var ids []string
	hidden, firing := 0, 0
	for fp, a := range i.Alerts {
		if a.Status != Firing {
			continue
		}
		firing++
		if got, there := l.alerts[fp]; there && a.Hidden {
			hidden++
			ids = append(ids, got.Status.SilencedBy...)
		}
	}
	was := i.Suppressed
	i.Suppressed = nil
	if firing > 0 && hidden == firing {
		i.Suppressed = l.suppressor(i, ids)
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

// suppressor is the silence that holds longest among ids; nil when it is drey's own.
func (l *look) suppressor(i *Incident, ids []string) *Suppressed {
	var out *Suppressed
	for _, p := range l.peers {
		for _, s := range p.silences {
			for _, id := range ids {
				if s.ID != id {
					continue
				}
				if own := i.ownSilence(); own != nil && own.ID == id {
					return nil
				}
				if out == nil || s.EndsAt.After(out.Until) {
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
