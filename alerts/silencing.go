package alerts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drey-ops/drey/alerts/alertmanager"
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

// Silence keeps the alerts quiet that a plan names, in the Alertmanager of every source that it names. Asked again for the same ones
// it lengthens the silence that is there, or makes nothing. Where an Alertmanager does not answer the silence stays wanted: the
// answer says so, Pending when none did, and the thread tells when it is made.
func (s *Service) Silence(ctx context.Context, p SilencePlan, actor bot.Actor) (Answer, error) {
	var ops []string
	var same Silence
	inc, err := s.act(ctx, "silence", p.Incident.ID, false, func(i *Incident, tx *storage.Tx) ([]story, error) {
		if len(p.Parts) == 0 {
			return nil, noPeer(i)
		}
		now, with := s.hooks.Now(), storage.NewID()[:10]
		ops = nil
		for _, part := range p.Parts {
			have := i.silenceOf(part)
			if have != nil && have.ID != "" && have.Keep == p.Keep && (p.Keep || !p.Until.After(have.Until.Add(time.Second))) {
				have.With, same = with, *have
				continue
			}
			if have == nil {
				i.Silences = append(i.Silences, Silence{
					Op: storage.NewID()[:10], Source: part.Source, Also: part.Also, Matchers: part.Matchers, From: now.UTC().Truncate(time.Second), Comment: clip(p.Comment, 300),
				})
				have = &i.Silences[len(i.Silences)-1]
			}
			have.With = with
			have.change(p.Until, p.Keep, plainActor(actor), now)
			if p.Keep {
				have.Bound = p.Until
				have.Until = have.renewed(now, s.options.Silence.KeepFor)
			}
			ops = append(ops, have.Op)
		}
		if len(ops) == 0 {
			return nil, errSame
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
	return s.silenceNow(ctx, inc, ops, p.Bare)
}

// endWords is Silence.endText for an answer.
func (s *Service) endWords(x Silence) string {
	if x.Keep {
		return "until it resolves, at most until " + s.clock(x.Bound)
	}
	return "until " + s.clock(x.Until)
}

// askAll does something for silences at the Alertmanagers of their sources, all sources at once, while a person waits. The
// answers come by op.
func (s *Service) askAll(ctx context.Context, inc *Incident, ops []string, do func(ctx context.Context, v *view, x Silence) asked) map[string]asked {
	limit, cancel := context.WithTimeout(ctx, silenceWithin)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	bySource := map[string][]Silence{}
	for _, op := range ops {
		x := *inc.silence(op)
		bySource[inc.at(x)] = append(bySource[inc.at(x)], x)
	}
	out := map[string]asked{}
	for source, list := range bySource {
		wg.Go(func() {
			v := s.view(limit, source)
			for _, x := range list {
				a := do(limit, v, x)
				a.source, a.at = source, x.Asked
				mu.Lock()
				out[x.Op] = a
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return out
}

// asked is what an Alertmanager answered about one part of a silence.
type asked struct {
	source string
	at     time.Time // when the person asked
	id     string
	err    error
	lives  alertmanager.Silence // what it has all the same, where it refused
}

// silenceNow asks for the parts of a silence that is stored as wanted, and says what came of it.
func (s *Service) silenceNow(ctx context.Context, inc Incident, ops, bare []string) (Answer, error) {
	got := s.askAll(ctx, &inc, ops, func(ctx context.Context, v *view, x Silence) (a asked) {
		a.id, a.err = v.place(ctx, x)
		a.lives = v.living(x.Op)
		return a
	})
	ids, refused := map[string]string{}, map[string]string{}
	var all []string
	var pending missed
	var first error // of those that were refused
	for _, op := range ops {
		a := got[op]
		all = append(all, a.source)
		switch {
		case a.err == nil:
			ids[op] = a.id
		case platform.KindOf(a.err) == platform.Invalid:
			refused[op], first = reason(a.err), cmp.Or(first, a.err)
		default:
			pending.add(a)
		}
	}
	if len(pending.sources) == len(ops) {
		return Answer{Incident: inc, Pending: true, Say: pending.say(all) + ". The silence stays wanted: drey tries on, and the thread tells when it is made."}, nil
	}
	after, err := s.change(ctx, inc.root(), func(i *Incident, _ *storage.Tx) ([]story, error) {
		var ts turns
		for n := range i.Silences {
			x := &i.Silences[n]
			why := refused[x.Op]
			if why == "" || !x.Asked.Equal(got[x.Op].at) {
				continue
			}
			x.refuse(got[x.Op].lives)
			if len(ids) > 0 { // else the person is told, and nobody need know
				ts.refused(i, *x, why)
			}
		}
		i.made(ids, &ts)
		return ts.stories(i), nil
	})
	switch {
	case err != nil:
		return Answer{Incident: after}, err
	case len(ids) == 0 && len(pending.sources) == 0:
		return Answer{Incident: after}, first
	}
	return Answer{Incident: after, Say: s.silencedSay(&after, ops, ids, refused, pending, bare)}, nil
}

// silencedSay says what was silenced, and where it was not.
func (s *Service) silencedSay(i *Incident, ops []string, ids, refused map[string]string, pending missed, bare []string) string {
	var made, all []string
	var last Silence
	for _, op := range ops {
		x := *i.silence(op)
		all = append(all, i.at(x))
		if ids[op] != "" {
			last = x
			made = append(made, matcherText(x.Matchers))
		}
	}
	say := fmt.Sprintf("%s is silenced %s (%s).", i.ID, s.endWords(last), strings.Join(unique(made), "; "))
	if len(ids) == 0 {
		say = i.ID + " is not silenced yet."
	}
	if len(pending.sources) > 0 {
		say += fmt.Sprintf(" %s. Drey tries on, and the thread tells when it is silenced there too.", pending.say(all))
	}
	for _, op := range slices.Sorted(maps.Keys(refused)) {
		say += fmt.Sprintf(" %s: %s.", upper(theirs([]string{i.at(*i.silence(op))}, all)), refused[op])
	}
	if len(bare) > 0 {
		say += fmt.Sprintf(" Alerts of %s go on: no Alertmanager is configured for it.", strings.Join(bare, ", "))
	}
	return say
}

// missed are the sources whose Alertmanagers did not do what they were asked for, and may yet.
type missed struct {
	sources []string
	err     error // of one of them
}

func (m *missed) add(a asked) { m.sources, m.err = append(m.sources, a.source), a.err }

// say tells why: they did not answer, or they refused. all are the sources that were asked.
func (m missed) say(all []string) string {
	whose := upper(theirs(m.sources, all))
	switch kind := platform.KindOf(m.err); {
	case kind != platform.Denied && kind != platform.Busy && kind != platform.NotFound:
		return whose + " did not answer"
	case len(unique(all)) > 1:
		return whose + ": " + reason(m.err)
	}
	return reason(m.err)
}

func clockText(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

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
	return s.unsilenceNow(ctx, inc, ops)
}

// unsilenceNow ends silences that are stored as to be ended, and says what came of it.
func (s *Service) unsilenceNow(ctx context.Context, inc Incident, ops []string) (Answer, error) {
	got := s.askAll(ctx, &inc, ops, func(ctx context.Context, v *view, x Silence) asked { return asked{err: v.end(ctx, x.Op)} })
	var all []string
	var pending missed
	for _, op := range ops {
		all = append(all, got[op].source)
		if got[op].err != nil {
			pending.add(got[op])
		}
	}
	if len(pending.sources) == len(ops) {
		return Answer{Incident: inc, Pending: true, Say: pending.say(all) + ". The silence stays to be ended: drey tries on, and the thread tells when it is done."}, nil
	}
	inc, err := s.change(ctx, inc.root(), func(i *Incident, _ *storage.Tx) ([]story, error) {
		var out []story
		for _, op := range ops {
			if have := i.silence(op); have != nil && !have.Ended && got[op].err == nil {
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
	say := inc.ID + " is no longer silenced."
	if len(pending.sources) > 0 {
		say += fmt.Sprintf(" %s. Drey tries on, and the thread tells when the silence is ended there too.", pending.say(all))
	}
	return Answer{Incident: inc, Say: say}, nil
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
