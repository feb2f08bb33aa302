package alerts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
)

// The bounds of a silence.
const (
	minSilence = time.Minute
	// silenceWithin is how long a person waits for Alertmanager.
	silenceWithin = 4 * time.Second
	// silenceAgain is when the reconcile worker takes over what was asked for: safely after silenceWithin, so that the two
	// never make the same silence at once.
	silenceAgain = 15 * time.Second
)

// Silence keeps the alerts quiet in Alertmanager that a plan names. Asked again for the same ones it lengthens the silence
// that is there, or makes nothing. When Alertmanager does not answer the silence stays wanted: the answer is Pending, and the
// thread tells when it is made.
func (s *Service) Silence(ctx context.Context, p SilencePlan, actor bot.Actor) (Answer, error) {
	var op string
	var same Silence
	inc, err := s.act(ctx, "silence", p.Incident.ID, false, func(i *Incident, tx *storage.Tx) ([]story, error) {
		if len(s.peers[i.Source]) == 0 {
			return nil, noPeer(i)
		}
		now := s.hooks.Now()
		have := i.silenceOf(p.Matchers)
		if have != nil && have.ID != "" && have.Keep == p.Keep && (p.Keep || !p.Until.After(have.Until.Add(time.Second))) {
			same = *have
			return nil, errSame
		}
		if have == nil {
			i.Silences = append(i.Silences, Silence{Op: storage.NewID()[:10], Matchers: p.Matchers, From: now.UTC().Truncate(time.Second), Comment: clip(p.Comment, 300)})
			have = &i.Silences[len(i.Silences)-1]
		}
		have.Until, have.Keep, have.Bound, have.By, have.Asked, op = p.Until, p.Keep, time.Time{}, plainActor(actor), now, have.Op
		if p.Keep {
			have.Bound = p.Until
			have.Until = have.renewed(now, s.options.Silence.KeepFor)
		}
		tx.Enqueue(reconcileQueue, i.root(), now.Add(silenceAgain))
		return nil, nil
	})
	if errors.Is(err, errSame) {
		return Answer{Incident: inc, Already: true, Say: fmt.Sprintf("%s was already silenced by %s %s.", inc.ID, who(same.By), s.endWords(same))}, nil
	}
	if err != nil {
		return Answer{Incident: inc}, err
	}
	return s.silenceNow(ctx, inc, op)
}

// endWords is Silence.endText for an answer.
func (s *Service) endWords(x Silence) string {
	if x.Keep {
		return "until it resolves, at most until " + s.clock(x.Bound)
	}
	return "until " + s.clock(x.Until)
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
		return Answer{Incident: inc, Pending: true, Say: noAnswer(err) + ". The silence stays wanted: drey tries on, and the thread tells when it is made."}, nil
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
	return Answer{Incident: got, Say: fmt.Sprintf("%s is silenced %s (%s).", got.ID, s.endWords(want), matcherText(want.Matchers))}, nil
}

// noAnswer says why Alertmanager did not do what it was asked for: it did not answer, or it refused.
func noAnswer(err error) string {
	if kind := platform.KindOf(err); kind == platform.Denied || kind == platform.Busy || kind == platform.NotFound {
		return reason(err)
	}
	return "Alertmanager did not answer"
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
	t := bot.Textf("**%s** by %s %v", verb, who(have.By), have.endText())
	if have.Comment != "" {
		t.Spans = append(t.Spans, bot.Span{Text: ": " + have.Comment})
	}
	return []story{{kind: storySilenced, by: have.By.String(), tone: bot.Muted, text: t}}
}

// Unsilence ends drey's silences of the incident.
func (s *Service) Unsilence(ctx context.Context, id string, actor bot.Actor) (Answer, error) {
	var ops []string
	inc, err := s.act(ctx, "unsilence", id, true, func(i *Incident, tx *storage.Tx) ([]story, error) {
		have := i.wantedSilence()
		switch {
		case have == nil && i.Suppressed != nil && !i.Suppressed.Inhibited:
			return nil, platform.Errorf(platform.Invalid, "unsilence "+i.ID, "the silence was made in Alertmanager, not by drey: end it there")
		case have == nil:
			return nil, errSame
		}
		by, now := plainActor(actor), s.hooks.Now()
		ops = nil
		for n := range i.Silences {
			if x := &i.Silences[n]; !x.Ended && !x.Ending {
				x.Ending, x.EndedBy, x.Asked = true, &by, now
				ops = append(ops, x.Op)
			}
		}
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
	v := s.view(limit, inc.Source)
	var failed error
	if pending := slices.ContainsFunc(ops, func(op string) bool { failed = v.end(limit, op); return failed != nil }); pending {
		return Answer{Incident: inc, Pending: true, Say: noAnswer(failed) + ". The silence stays to be ended: drey tries on, and the thread tells when it is done."}, nil
	}
	inc, err = s.change(ctx, inc.root(), func(i *Incident, _ *storage.Tx) ([]story, error) {
		var out []story
		for _, op := range ops {
			if have := i.silence(op); have != nil && !have.Ended {
				have.Ended, have.Ending = true, false
				out = append(out, i.silenceOver(*have))
			}
		}
		if len(out) == 0 {
			return nil, errSame
		}
		return out[:1], nil // one person, one word
	})
	if err != nil && !errors.Is(err, errSame) {
		return Answer{Incident: inc}, err
	}
	return Answer{Incident: inc, Say: inc.ID + " is no longer silenced."}, nil
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
