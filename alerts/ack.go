package alerts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
)

// AckOptions say what becomes of an acknowledgement with time.
type AckOptions struct {
	// RemindAfter is how long after an acknowledgement its owner is reminded in the thread while the incident is open, then
	// again after twice as long each time; 0 means 30 minutes, and less than 0 never.
	RemindAfter time.Duration `yaml:"remind_after"`
	// ExpireAfter is how long an acknowledgement holds: then nobody owns the incident any more, and it calls people again. 0
	// means for as long as the incident lasts.
	ExpireAfter time.Duration `yaml:"expire_after"`
}

func (o AckOptions) withDefaults() AckOptions {
	if o.RemindAfter == 0 {
		o.RemindAfter = 30 * time.Minute
	}
	return o
}

func (o AckOptions) validate(p *Problems) {
	if d := o.RemindAfter; d > 0 && (d < time.Second || d > 7*24*time.Hour) {
		p.add("ack.remind_after", "want 1s to 168h, or less than 0 for never; have %s", d)
	}
	if d := o.ExpireAfter; d != 0 && (d < time.Second || d > 7*24*time.Hour) {
		p.add("ack.expire_after", "want 1s to 168h, or 0 for never; have %s", d)
	}
}

// Mark says who takes care of an incident, and since when.
type Mark struct {
	By       bot.Actor  `json:"by"`
	At       time.Time  `json:"at"`
	From     *bot.Actor `json:"from,omitempty"`     // who gave it to By, where that was somebody else
	Remind   time.Time  `json:"remind,omitzero"`    // when By is reminded next
	Reminded int        `json:"reminded,omitempty"` // how often they were, since they last said that they are on it
	Expires  time.Time  `json:"expires,omitzero"`   // when it ends by itself
}

// Who is the name to show.
func (m Mark) Who() string { return who(m.By) }

// newMark is an acknowledgement that begins now, with its timers.
func (o AckOptions) newMark(by bot.Actor, now time.Time) *Mark {
	m := &Mark{By: plainActor(by), At: now}
	o.wind(m, now)
	return m
}

// wind sets the timers of an acknowledgement as if it began now.
func (o AckOptions) wind(m *Mark, now time.Time) {
	m.Reminded, m.Remind, m.Expires = 0, time.Time{}, time.Time{}
	if o.RemindAfter > 0 {
		m.Remind = now.Add(o.RemindAfter)
	}
	if o.ExpireAfter > 0 {
		m.Expires = now.Add(o.ExpireAfter)
	}
}

// until says in the thread when an acknowledgement ends by itself, if it does.
func (m *Mark) until() bot.Text {
	if m.Expires.IsZero() {
		return bot.Text{}
	}
	return bot.Textf(", until %v: then it calls again", moment(m.Expires))
}

// disown ends an acknowledgement, whoever or whatever ends it: nobody takes care of the incident from here on.
func (i *Incident) disown() { i.Acked = nil }

// Ack notes that actor takes care of the incident. From its owner it means that they are still on it: the timers begin anew.
func (s *Service) Ack(ctx context.Context, id string, actor bot.Actor) (Answer, error) {
	renewed := false
	inc, err := s.act(ctx, "acknowledge", id, false, func(i *Incident, _ *storage.Tx) ([]story, error) {
		now := s.hooks.Now()
		renewed = i.Acked != nil && samePerson(i.Acked.By, actor) && (i.Acked.Reminded > 0 || !i.Acked.Expires.IsZero())
		switch {
		case renewed:
			s.options.Ack.wind(i.Acked, now)
			return []story{{kind: storyAcked, by: actor.String(), quiet: true, text: bot.Textf("%s is still on it", who(actor))}}, nil
		case i.Acked != nil:
			return nil, errSame
		}
		i.Acked = s.options.Ack.newMark(actor, now)
		return []story{{kind: storyAcked, by: actor.String(), text: bot.Textf("**Acknowledged** by %s%v", who(actor), i.Acked.until())}}, nil
	})
	switch {
	case errors.Is(err, errSame):
		say := fmt.Sprintf("%s was already acknowledged by %s at %s.", inc.ID, inc.Acked.Who(), inc.Acked.At.UTC().Format("15:04 UTC"))
		if !samePerson(inc.Acked.By, actor) {
			say += fmt.Sprintf(" To take it over: /alerts assign %s me", inc.ID)
		}
		return Answer{Incident: inc, Already: true, Say: say}, nil
	case err != nil:
		return Answer{Incident: inc}, err
	case renewed:
		return Answer{Incident: inc, Say: fmt.Sprintf("%s stays yours.%s", inc.ID, nextOf(inc.Acked))}, nil
	}
	return Answer{Incident: inc, Say: fmt.Sprintf("%s is acknowledged: %s.%s", inc.ID, inc.Title, nextOf(inc.Acked))}, nil
}

// nextOf says what the timers of an acknowledgement will do.
func nextOf(m *Mark) string {
	switch {
	case !m.Expires.IsZero():
		return fmt.Sprintf(" It holds until %s; then the incident calls again.", clockText(m.Expires))
	case !m.Remind.IsZero():
		return fmt.Sprintf(" You are reminded at %s if it is still open.", m.Remind.UTC().Format("15:04 UTC"))
	}
	return ""
}

// Unack takes the acknowledgement back, whoever gave it.
func (s *Service) Unack(ctx context.Context, id string, actor bot.Actor) (Answer, error) {
	inc, err := s.act(ctx, "un-acknowledge", id, false, func(i *Incident, _ *storage.Tx) ([]story, error) {
		if i.Acked == nil {
			return nil, errSame
		}
		i.disown()
		return []story{{kind: storyUnacked, by: actor.String(), tone: bot.Warn, text: bot.Textf("**No longer acknowledged**: taken back by %s", who(actor))}}, nil
	})
	switch {
	case errors.Is(err, errSame):
		return Answer{Incident: inc, Already: true, Say: inc.ID + " is not acknowledged."}, nil
	case err != nil:
		return Answer{Incident: inc}, err
	}
	return Answer{Incident: inc, Say: inc.ID + " is no longer acknowledged."}, nil
}

// Assign makes the person the owner of the incident, as if they had acknowledged it themselves, and calls them once in the
// thread. Assigned again to its owner it changes nothing.
func (s *Service) Assign(ctx context.Context, id string, to, by bot.Actor) (Answer, error) {
	if to.ID == "" {
		return Answer{}, platform.Errorf(platform.Invalid, "assign "+clip(id, 40), "nobody is named; nothing was changed")
	}
	self := samePerson(to, by)
	inc, err := s.act(ctx, "assign", id, false, func(i *Incident, _ *storage.Tx) ([]story, error) {
		was := i.Acked
		if was != nil && samePerson(was.By, to) {
			return nil, errSame
		}
		i.Acked = s.options.Ack.newMark(to, s.hooks.Now())
		text := bot.Textf("**Acknowledged** by %s%v", who(to), i.Acked.until())
		if self && was != nil {
			text = bot.Textf("**Taken over** by %s from %s%v", who(to), was.Who(), i.Acked.until())
		}
		if self {
			return []story{{kind: storyAcked, by: by.String(), text: text}}, nil
		}
		from := plainActor(by)
		i.Acked.From = &from
		text = bot.Textf("**Assigned** to %s by %s%v", who(to), who(by), i.Acked.until())
		return []story{{kind: storyAssigned, by: by.String(), text: text, calls: &to}}, nil
	})
	switch {
	case errors.Is(err, errSame):
		return Answer{Incident: inc, Already: true, Say: fmt.Sprintf("%s is already with %s.", inc.ID, inc.Acked.Who())}, nil
	case err != nil:
		return Answer{Incident: inc}, err
	}
	return Answer{Incident: inc, Say: fmt.Sprintf("%s is assigned to %s.", inc.ID, who(to))}, nil
}

func samePerson(a, b bot.Actor) bool { return a.Network == b.Network && a.ID == b.ID }

// ackDue is when something is to be done about the acknowledgement; zero: never. A silence keeps reminders back: while it
// holds, nothing rings.
func (i *Incident) ackDue() time.Time {
	a := i.Acked
	if a == nil || !i.Open() {
		return time.Time{}
	}
	if i.State() == Silenced {
		return a.Expires
	}
	return sooner(a.Remind, a.Expires)
}

// stillFires says how much of the incident fires: "it still fires", "3 of 5 still fire".
func (i *Incident) stillFires() string {
	if len(i.Alerts) == 1 && i.FiringCount() == 1 {
		return "it still fires"
	}
	return fmt.Sprintf("%d of %d still fire", i.FiringCount(), len(i.Alerts))
}

// sooner is the first of two times, of which a zero one never comes.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// tendAck ends an acknowledgement whose time is over, or reminds its owner.
func (i *Incident) tendAck(o AckOptions, now time.Time) []story {
	at := i.ackDue()
	if at.IsZero() || now.Before(at) {
		return nil
	}
	a := i.Acked
	if !a.Expires.IsZero() && !now.Before(a.Expires) {
		i.disown()
		return []story{{
			kind: storyUnacked, tone: bot.Warn, rings: true,
			text: bot.Textf("**No longer acknowledged**: %s took it %s ago and %s. Who takes it?", a.Who(), span(now.Sub(a.At)), i.stillFires()),
			acts: bot.Actions{i.button("Ack", "alerts ack", bot.Primary)},
		}}
	}
	a.Reminded++
	a.Remind = time.Time{}
	if o.RemindAfter > 0 {
		a.Remind = now.Add(o.RemindAfter << min(a.Reminded, 10))
	}
	return []story{{
		kind: storyReminded, tone: bot.Warn, calls: &a.By,
		text: bot.Textf("**Reminder** for %s: yours for %s, and %s%v", a.Who(), span(now.Sub(a.At)), i.stillFires(), a.until()),
		acts: bot.Actions{i.button("Still on it", "alerts ack", bot.Normal), i.button("Un-ack", "alerts unack", bot.Normal)},
	}}
}
