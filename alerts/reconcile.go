package alerts

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
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
	// partAbsent is how long an alert must be absent where only a part of the Alertmanagers can tell: the others may have it.
	partAbsent = 10 * time.Minute
)

// look is a view with the alerts in it.
type look struct {
	*view
	alerts  map[string]alertmanager.Alert // by fingerprint, heard of before suppressed
	settled bool                          // an Alertmanager that answered is old enough to know everything
	fresh   bool                          // and another one is not
}

// whole says whether every Alertmanager of the source answered and is old enough to know everything.
func (l *look) whole() bool { return l.settled && !l.fresh && l.answered >= len(l.peers) }

// reconcile compares incidents with what Alertmanager has.
func (s *Service) reconcile(ctx context.Context, items []storage.Item) {
	var list []claimed
	n := map[string]int{} // incidents by source
	for _, it := range items {
		inc, _, err := s.current.Get(ctx, it.ID)
		switch {
		case errors.Is(err, storage.ErrNotFound):
			err = s.finish(ctx, it)
		case err == nil:
			list = append(list, claimed{it, inc})
			for _, source := range inc.asked(s.hooks.Now()) {
				n[source]++
			}
		}
		s.warn(ctx, it, err)
	}
	limit, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	seen := s.glances(limit, n)
	for _, c := range list {
		looks := map[string]*look{}
		for _, source := range c.inc.asked(s.hooks.Now()) {
			looks[source] = s.lookFor(limit, seen[source], source, &c.inc)
		}
		s.warn(ctx, c.item, s.reconcileOne(ctx, limit, c, looks))
	}
}

// learnAPI makes the incidents known to reconcile that were opened before an Alertmanager was configured for their sources.
func (s *Service) learnAPI(ctx context.Context) {
	for e, err := range s.current.Newest(ctx, 0) {
		if err == nil && e.Value.gainsAPI(s.pipeline) {
			_, err = s.change(ctx, e.ID, func(i *Incident, tx *storage.Tx) ([]story, error) {
				if !i.gainsAPI(s.pipeline) {
					return nil, errSame
				}
				i.NoAPI = false
				s.schedule(tx, i, s.hooks.Now())
				return nil, nil
			})
			err = unchanged(err)
		}
		if err != nil {
			if ctx.Err() == nil {
				s.log.Warn("incidents from before their Alertmanager was configured", "err", err)
			}
			return // a webhook that repeats one does the same
		}
	}
}

// gainsAPI says whether an open incident has an Alertmanager to be asked by now, and had none.
func (i *Incident) gainsAPI(p *Pipeline) bool {
	return i.NoAPI && i.Open() && slices.ContainsFunc(i.sources(), p.hasAPI)
}

// glance is what a source's Alertmanagers were asked once for a whole batch.
type glance struct {
	view  *view
	whole *look // nil: each incident asks by itself
}

// glances asks the Alertmanagers of all the sources at once; of one source one after the other.
func (s *Service) glances(ctx context.Context, incidents map[string]int) map[string]glance {
	var mu sync.Mutex
	var wg sync.WaitGroup
	out := map[string]glance{}
	for source, n := range incidents {
		wg.Go(func() {
			g := glance{view: s.view(ctx, source)}
			if n >= askWhole {
				g.whole = s.look(ctx, g.view, nil, "")
			}
			mu.Lock()
			defer mu.Unlock()
			out[source] = g
		})
	}
	wg.Wait()
	return out
}

// asked are the sources whose Alertmanagers have anything to do with the incident: its own, and those with its silences.
func (i *Incident) asked(now time.Time) []string {
	out := i.sources()
	for _, x := range i.Silences {
		if at := i.at(x); !x.Ended && !slices.Contains(out, at) {
			out = append(out, at)
		}
	}
	for _, a := range i.Alerts {
		if a.doubted(now) && !slices.Contains(out, i.sourceOf(a)) {
			out = append(out, i.sourceOf(a))
		}
	}
	return out
}

// compares says whether there is an alert of the source to compare.
func (i *Incident) compares(source string, now time.Time) bool {
	for _, a := range i.Alerts {
		if (a.Status == Firing || a.doubted(now)) && i.sourceOf(a) == source {
			return true
		}
	}
	return false
}

// lookFor is what a source has of an incident; of one of which nothing fires the silences are enough.
func (s *Service) lookFor(ctx context.Context, g glance, source string, i *Incident) *look {
	l := g.whole
	switch {
	case l == nil && i.About != aboutGroup && !i.compares(source, s.hooks.Now()):
		l = &look{view: g.view, alerts: map[string]alertmanager.Alert{}}
	case l == nil:
		labels, receiver := i.ask(source, s.hooks.Now())
		l = s.look(ctx, g.view, labels, receiver)
	}
	s.noteAway(source, l.answered == 0)
	return l
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
		old := s.hooks.Now().Sub(p.started) >= s.options.SettleAfter
		l.settled, l.fresh = l.settled || old, l.fresh || !old
		for _, a := range as {
			if old, ok := l.alerts[a.Fingerprint]; !ok || old.Status.State == "suppressed" {
				l.alerts[a.Fingerprint] = a
			}
		}
	}
	return l
}

func (s *Service) reconcileOne(ctx, limit context.Context, c claimed, looks map[string]*look) error {
	did := s.tendSilences(limit, c.inc, looks)
	var filled []Fill
	for _, f := range c.inc.Fills {
		if s.fill(limit, f, looks) {
			filled = append(filled, f)
		}
	}
	if err := s.refire(limit, &c.inc, looks); err != nil {
		return err // the lease runs out, and somebody tries again
	}
	_, err := s.change(ctx, c.item.ID, func(i *Incident, tx *storage.Tx) ([]story, error) {
		now := s.hooks.Now()
		before := digestOf(i)
		i.unanswered(s.unheard(i, looks), now, s.options.ReconcileEvery)
		if len(filled) > 0 {
			i.filled(filled)
			i.Cut = 0
		}
		stories, over := i.applySilences(did)
		if i.Open() {
			stories = append(stories, i.compare(looks, now, s.options.ReconcileEvery)...)
		}
		for _, x := range over { // after the look: it says what still fires
			stories = append(stories, i.silenceOver(x))
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

// fill takes in, as a webhook would bring them, the alerts of a group that its webhook was too short for. It says whether that
// is done.
func (s *Service) fill(ctx context.Context, f Fill, looks map[string]*look) bool {
	now := s.hooks.Now()
	if now.Before(f.Since) {
		return false
	}
	l := looks[f.Source]
	if l == nil || l.answered == 0 {
		return false
	}
	l = s.look(ctx, l.view, f.Labels, f.Receiver)
	if l.answered == 0 {
		return false
	}
	p := Payload{Version: "4", Receiver: f.Receiver, Status: Firing, GroupLabels: f.Labels}
	for _, fp := range slices.Sorted(maps.Keys(l.alerts)) {
		a := l.alerts[fp]
		p.Alerts = append(p.Alerts, PayloadAlert{Status: Firing, Labels: a.Labels, Annotations: a.Annotations, StartsAt: a.StartsAt, GeneratorURL: a.GeneratorURL, Fingerprint: fp})
	}
	if len(p.Alerts) == 0 {
		return true
	}
	read, err := s.pipeline.nameStage(ctx, Batch{At: now, asked: true, Source: f.Source, Payload: p})
	if err == nil {
		_, err = s.parts(ctx, s.pipeline.split(read))
	}
	if err != nil && ctx.Err() == nil {
		s.log.Warn("take in what a webhook left out", "source", f.Source, "err", err)
	}
	return err == nil
}

// letGo makes the incident come again while there is anything to compare.
func (s *Service) letGo(tx *storage.Tx, it storage.Item, i *Incident, now time.Time) {
	if !i.Open() && len(i.Fills) == 0 && len(i.liveSilences(now)) == 0 && !i.doubted(now) {
		tx.Finish(it)
		return
	}
	at := now.Add(s.options.ReconcileEvery)
	if !i.Open() && len(i.Fills) > 0 {
		at = later(at, i.fillAt())
	}
	for _, x := range i.liveSilences(now) {
		if end := x.Until.Add(time.Second); end.After(now) && end.Before(at) {
			at = end
		}
	}
	tx.Release(it, at)
}

// unheard are the sources of an incident of whose Alertmanagers none answered.
func (s *Service) unheard(i *Incident, looks map[string]*look) []string {
	return slices.DeleteFunc(i.sources(), func(source string) bool {
		l := looks[source]
		return len(s.peers[source]) == 0 || l == nil || l.answered > 0
	})
}

// unanswered notes of which sources nobody answered, and says so in the head when that lasts.
func (i *Incident) unanswered(sources []string, now time.Time, every time.Duration) {
	switch i.Unheard = sources; {
	case len(sources) == 0:
		i.Unseen, i.Blind, i.Unheard = time.Time{}, time.Time{}, nil
	case !i.Open():
	case i.Unseen.IsZero():
		i.Unseen = now
	case i.Blind.IsZero() && now.Sub(i.Unseen) >= every/2:
		i.Blind = i.Unseen
	}
}

// partNote is added to what rests on a part of the Alertmanagers.
const partNote = "Another Alertmanager of the same source could not tell for 10 min."

// compare takes in what Alertmanager has, by source. An alert counts as over when two looks in a row did not find it; where not
// every Alertmanager of a pair can tell, it may be known to the other, and counts as over after partAbsent.
func (i *Incident) compare(looks map[string]*look, now time.Time, every time.Duration) []story {
	ended, part := 0, false
	for fp, a := range i.Alerts {
		l := looks[i.sourceOf(a)]
		if a.Status != Firing || l == nil || l.answered == 0 {
			continue
		}
		got, there := l.alerts[fp]
		switch {
		case there:
			a.Absent, a.Hidden = time.Time{}, got.Status.State == "suppressed"
		case !l.settled || now.Sub(a.Changed) < every/2:
		case a.Absent.IsZero():
			a.Absent = now
		case now.Sub(a.Absent) >= every/2 && (l.whole() || now.Sub(a.Absent) >= partAbsent):
			part = part || !l.whole()
			a.Status, a.EndsAt, a.Changed, a.Absent, a.Polled = Resolved, now, now, time.Time{}, now
			ended++
		}
		i.Alerts[fp] = a
	}
	silenced := i.State() == Silenced
	stories := i.suppress(looks)
	if ended == 0 {
		return stories
	}
	i.forget()
	i.refresh()
	if i.FiringCount() > 0 {
		text := bot.Textf("Now %d of %d fire: %s", i.FiringCount(), len(i.Alerts), i.members(nil))
		if part {
			text.Spans = append(text.Spans, bot.Textf(". %s", partNote).Spans...)
		}
		return append(stories, story{kind: storyMembers, text: text, quiet: silenced})
	}
	note := "Alertmanager no longer has it; no resolve reached drey."
	if silenced {
		note = "It ended while it was silenced."
	}
	if part {
		note += " " + partNote
	}
	i.close(now, note)
	return append(stories, story{kind: storyResolved, tone: bot.Good, text: bot.Textf("**Resolved** after %s. %s", span(i.Over.Sub(i.Since)), note)})
}
