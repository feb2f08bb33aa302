package alerts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/drey-ops/drey/alerts/alertmanager"
	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
)

// The bounds of a silence.
const (
	minSilence = time.Minute
	maxSilence = 90 * 24 * time.Hour
	// silenceWithin is how long a person waits for Alertmanager.
	silenceWithin = 4 * time.Second
	// silenceAgain is when the reconcile worker takes over what was asked for: safely after silenceWithin, so that the two
	// never make the same silence at once.
	silenceAgain = 15 * time.Second
)

// Silence keeps the incident's group quiet in Alertmanager for d from now, with exactly the group's matchers. Asked again it
// only ever lengthens the silence that is there. When Alertmanager does not answer the silence stays wanted: the answer is
// Pending, and the thread tells when it is made.
func (s *Service) Silence(ctx context.Context, id string, actor bot.Actor, d time.Duration, comment string) (Answer, error) {
	if d < minSilence || d > maxSilence {
		return Answer{}, platform.Errorf(platform.Invalid, "silence "+clip(id, 40), "a silence lasts from %s to %s", span(minSilence), span(maxSilence))
	}
	var op string
	inc, err := s.act(ctx, "silence", id, false, func(i *Incident, tx *storage.Tx) ([]story, error) {
		ms := i.matchers()
		switch {
		case len(s.peers[i.Source]) == 0:
			return nil, platform.Errorf(platform.Unsupported, "silence "+i.ID, "no Alertmanager is configured for the source %s (alerts.sources.%s.alertmanager)", i.Source, i.Source)
		case len(ms) == 0:
			return nil, platform.Errorf(platform.Unsupported, "silence "+i.ID, "its alerts have no label in common, so a silence would hide others too")
		}
		now := s.hooks.Now()
		until := now.Add(d).UTC().Truncate(time.Second)
		have := i.wantedSilence()
		switch {
		case have != nil && have.ID != "" && !until.After(have.Until.Add(time.Second)):
			return nil, errSame
		case have != nil:
			have.Until, have.Asked, have.By, op = until, now, plainActor(actor), have.Op
		default:
			op = storage.NewID()[:10]
			i.Silences = append(i.Silences, Silence{Op: op, Matchers: ms, From: now.UTC().Truncate(time.Second), Until: until, By: plainActor(actor), Comment: clip(comment, 300), Asked: now})
		}
		tx.Enqueue(reconcileQueue, i.root(), now.Add(silenceAgain))
		return nil, nil
	})
	if errors.Is(err, errSame) {
		have := inc.wantedSilence()
		return Answer{Incident: inc, Already: true, Say: fmt.Sprintf("%s was already silenced by %s until %s.", inc.ID, who(have.By), clockText(have.Until))}, nil
	}
	if err != nil {
		return Answer{Incident: inc}, err
	}
	return s.silenceNow(ctx, inc, op)
}

// silenceNow asks Alertmanager for a silence that is stored as wanted, and says what came of it.
func (s *Service) silenceNow(ctx context.Context, inc Incident, op string) (Answer, error) {
	limit, cancel := context.WithTimeout(ctx, silenceWithin)
	defer cancel()
	want := *inc.silence(op)
	v := s.view(limit, inc.Source)
	id, err := v.place(limit, want)
	refused := platform.KindOf(err) == platform.Invalid
	if pending := !refused && err != nil; pending {
		return Answer{Incident: inc, Pending: true, Say: "Alertmanager did not answer. The silence stays wanted: drey tries on, and the thread tells when it is made."}, nil
	}
	got, serr := s.change(ctx, inc.root(), func(i *Incident, _ *storage.Tx) ([]story, error) {
		have := i.silence(op)
		if have == nil {
			return nil, errSame
		}
		if refused {
			have.Ended = true
			return nil, nil
		}
		return i.silenceMade(have, id), nil
	})
	switch {
	case refused:
		return Answer{Incident: got}, err
	case serr != nil && !errors.Is(serr, errSame):
		return Answer{Incident: got}, serr
	}
	return Answer{Incident: got, Say: fmt.Sprintf("%s is silenced until %s (%s).", got.ID, clockText(want.Until), matcherText(want.Matchers))}, nil
}

func clockText(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// silenceMade notes the id that a silence has in Alertmanager, and tells it once.
func (i *Incident) silenceMade(have *Silence, id string) []story {
	if have.ID == id && have.Told.Equal(have.Until) {
		return nil
	}
	again := have.ID != ""
	have.ID, have.Told = id, have.Until
	verb := "Silenced"
	if again {
		verb = "Silence changed"
	}
	t := bot.Textf("**%s** by %s until %v", verb, who(have.By), moment(have.Until))
	if have.Comment != "" {
		t.Spans = append(t.Spans, bot.Span{Text: ": " + have.Comment})
	}
	return []story{{kind: storySilenced, by: have.By.String(), tone: bot.Muted, text: t}}
}

// Unsilence ends drey's silence of the incident.
func (s *Service) Unsilence(ctx context.Context, id string, actor bot.Actor) (Answer, error) {
	var op string
	inc, err := s.act(ctx, "unsilence", id, true, func(i *Incident, tx *storage.Tx) ([]story, error) {
		have := i.wantedSilence()
		switch {
		case have == nil && i.Suppressed != nil && !i.Suppressed.Inhibited:
			return nil, platform.Errorf(platform.Invalid, "unsilence "+i.ID, "the silence was made in Alertmanager, not by drey: end it there")
		case have == nil:
			return nil, errSame
		}
		by := plainActor(actor)
		have.Ending, have.EndedBy, op = true, &by, have.Op
		now := s.hooks.Now()
		have.Asked = now
		tx.Enqueue(reconcileQueue, i.root(), now.Add(silenceAgain))
		return nil, nil
	})
	switch {
	case errors.Is(err, errSame):
		return Answer{Incident: inc, Already: true, Say: inc.ID + " is not silenced."}, nil
	case err != nil:
		return Answer{Incident: inc}, err
	}
	limit, cancel := context.WithTimeout(ctx, silenceWithin)
	defer cancel()
	if pending := s.view(limit, inc.Source).end(limit, op) != nil; pending {
		return Answer{Incident: inc, Pending: true, Say: "Alertmanager did not answer. The silence stays to be ended: drey tries on, and the thread tells when it is done."}, nil
	}
	inc, err = s.change(ctx, inc.root(), func(i *Incident, _ *storage.Tx) ([]story, error) {
		have := i.silence(op)
		if have == nil || have.Ended {
			return nil, errSame
		}
		return have.over(), nil
	})
	if err != nil && !errors.Is(err, errSame) {
		return Answer{Incident: inc}, err
	}
	return Answer{Incident: inc, Say: inc.ID + " is no longer silenced."}, nil
}

// over notes that nothing is wanted of a silence any more.
func (s *Silence) over() []story {
	s.Ended, s.Ending = true, false
	if s.EndedBy != nil {
		return []story{{kind: storyUnsilent, by: s.EndedBy.String(), tone: bot.Warn, text: bot.Textf("**Silence ended** by %s", who(*s.EndedBy))}}
	}
	return []story{{kind: storyUnsilent, tone: bot.Warn, text: bot.Textf("**The silence** of %s is over", who(s.By))}}
}

// wantedSilence is the silence in force or asked for, or nil.
func (i *Incident) wantedSilence() *Silence {
	for n := len(i.Silences) - 1; n >= 0; n-- {
		if s := &i.Silences[n]; !s.Ended && !s.Ending {
			return s
		}
	}
	return nil
}

// view is what the Alertmanagers of a source say now.
type view struct {
	peers    []*peerView
	answered int
}

type peerView struct {
	client   *alertmanager.Client
	silences []alertmanager.Silence
	started  time.Time
	err      error
}

// view asks every Alertmanager of the source for its silences and its age.
func (s *Service) view(ctx context.Context, source string) *view {
	v := &view{}
	for _, c := range s.peers[source] {
		p := &peerView{client: c}
		if p.silences, p.err = c.Silences(ctx); p.err == nil {
			var st alertmanager.Status
			st, p.err = c.Status(ctx)
			p.started = st.Started
		}
		if p.err == nil {
			v.answered++
		}
		v.peers = append(v.peers, p)
	}
	return v
}

// err is why nobody answered, or nil.
func (v *view) err() error {
	if v.answered > 0 {
		return nil
	}
	for _, p := range v.peers {
		return p.err
	}
	return errors.New("no Alertmanager is configured")
}

// find looks for drey's silence with an op; a live one before an ended one.
func (v *view) find(op string) (found alertmanager.Silence, at *peerView) {
	for _, p := range v.peers {
		for _, s := range p.silences {
			if strings.Contains(s.Comment, "["+marker(op)+"]") && (at == nil || s.Live() && !found.Live()) {
				found, at = s, p
			}
		}
	}
	return found, at
}

// place makes sure that a silence is in Alertmanager until its end and returns its id. Repeating it is harmless as long as
// v is fresh: what an earlier try made is found by its op.
func (v *view) place(ctx context.Context, want Silence) (string, error) {
	if err := v.err(); err != nil {
		return "", err
	}
	sil := want.outside()
	sil.ID = ""
	found, at := v.find(want.Op)
	if at != nil && found.Live() {
		if found.EndsAt.Sub(want.Until).Abs() < 2*time.Second {
			return found.ID, nil
		}
		sil.ID, sil.StartsAt = found.ID, found.StartsAt
		return at.client.SetSilence(ctx, sil)
	}
	var err error
	for _, p := range v.peers {
		if p.err != nil {
			continue
		}
		var id string
		if id, err = p.client.SetSilence(ctx, sil); err == nil {
			return id, nil
		}
		if platform.KindOf(err) == platform.Unavailable {
			return "", err // it may have been made all the same: look again before another try
		}
	}
	return "", err
}

// end expires every live silence with an op. One that is not there is ended.
func (v *view) end(ctx context.Context, op string) error {
	if err := v.err(); err != nil {
		return err
	}
	for _, p := range v.peers {
		for _, s := range p.silences {
			if !s.Live() || !strings.Contains(s.Comment, "["+marker(op)+"]") {
				continue
			}
			// Members of one cluster share their silences: what another has ended meanwhile is no error.
			if err := p.client.Expire(ctx, s.ID); err != nil && platform.KindOf(err) == platform.Unavailable && !gone(ctx, p.client, s.ID) {
				return err
			}
		}
	}
	return nil
}

// gone says whether a silence does not live any more.
func gone(ctx context.Context, c *alertmanager.Client, id string) bool {
	all, err := c.Silences(ctx)
	if err != nil {
		return false
	}
	for _, s := range all {
		if s.ID == id && s.Live() {
			return false
		}
	}
	return true
}
