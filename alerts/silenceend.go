package alerts

import (
	"time"

	"github.com/drey-ops/drey/bot"
)

const (
	// noteBefore is how long before the end of a silence the thread is told; those shorter than noteFrom are not worth it.
	noteBefore = 10 * time.Minute
	noteFrom   = 25 * time.Minute
)

// renewed is when a silence that is kept is to end next, unless it is renewed again after SilenceOptions.KeepFor.
func (s Silence) renewed(now time.Time, keepFor time.Duration) time.Time {
	t := now.Add(keepFor).UTC().Truncate(time.Second)
	if s.Bound.Before(t) {
		return s.Bound
	}
	return t
}

// kept says whether a silence is to be renewed from now on.
func (s Silence) kept(now time.Time) bool {
	return s.Keep && !s.Ended && !s.Ending && now.Before(s.Bound)
}

// tendKept says what a silence needs that holds until its incident resolves: nothing (rest), or to be placed as next.
func (l *look) tendKept(want Silence, now time.Time, keepFor time.Duration) (next Silence, did silenced, rest bool) {
	found, at := l.find(want.Op)
	switch {
	case at != nil && found.Live() && (found.EndsAt.Sub(now) > keepFor/2 || !found.EndsAt.Before(want.Bound.Add(-timeSlack))):
		return want, silenced{id: found.ID, until: found.EndsAt, asked: want.Asked, renewed: true}, true
	case at != nil && !found.Live() && found.EndsAt.Before(want.Until.Add(-timeSlack)):
		return want, silenced{ended: true, outside: true}, true
	}
	want.Until = want.renewed(now, keepFor)
	return want, silenced{until: want.Until, asked: want.Asked, renewed: at != nil, lost: at == nil}, false
}

// endKept makes the silences end that were to hold until the incident resolves: it has.
func (i *Incident) endKept() {
	for n := range i.Silences {
		if s := &i.Silences[n]; s.Keep && !s.Ended {
			s.Ending = true
		}
	}
}

// silenceOver tells that a silence is over. Alertmanager itself says nothing until its repeat_interval is over; so where the
// alerts still fire and nobody has taken them, people are called as when it fires anew.
func (i *Incident) silenceOver(s Silence) story {
	out := story{kind: storyUnsilent, tone: bot.Muted}
	left := "nothing fires"
	if i.Open() && i.FiringCount() > 0 {
		left = i.stillFires()
		out.tone = bot.Warn
		if i.State() != Silenced {
			out.acts = bot.Actions{i.opening("Silence…", "alerts silence")}
		}
		if i.State() == Firing {
			out.acts = append(bot.Actions{i.button("Ack", "alerts ack", bot.Primary)}, out.acts...)
		}
	}
	switch {
	case s.EndedBy != nil:
		out.by = s.EndedBy.String()
		out.text = bot.Textf("**Silence ended** by %s: %s", who(*s.EndedBy), left)
		out.acts = nil // the head has them
	case !i.Open():
		out.quiet, out.text = true, bot.Textf("The silence of %s ended with the incident", who(s.By))
	default:
		out.rings = i.State() == Firing && i.FiringCount() > 0
		out.text = bot.Textf("**The silence of %s is over**: %s", who(s.By), left)
	}
	return out
}

// noteAt is when the thread is told that drey's silence ends; zero: never.
func (i *Incident) noteAt() time.Time {
	s := i.ownSilence()
	if s == nil || !i.Open() || s.Noted.Equal(s.Until) || s.Until.Sub(s.Asked) < noteFrom || s.Keep && s.Until.Before(s.Bound) {
		return time.Time{}
	}
	return s.Until.Add(-noteBefore)
}

// noteEnd tells that drey's silence ends soon, while there is time to lengthen it.
func (i *Incident) noteEnd(now time.Time) []story {
	at := i.noteAt()
	if at.IsZero() || now.Before(at) {
		return nil
	}
	s := i.ownSilence()
	s.Noted = s.Until
	if i.FiringCount() == 0 || !now.Before(s.Until) {
		return []story{{kind: storySilenced, quiet: true, text: bot.Textf("The silence ends at %v", moment(s.Until))}}
	}
	return []story{{
		kind: storySilenced, tone: bot.Warn, calls: &s.By,
		text: bot.Textf("**The silence ends** at %v, in %s, and %s: extend it, or it calls again.", moment(s.Until), span(s.Until.Sub(now)), i.stillFires()),
		acts: bot.Actions{i.opening("Extend…", "alerts silence"), i.button("End silence", "alerts unsilence", bot.Normal)},
	}}
}
