package alerts

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/alerts/oncall"
	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
)

const escalateQueue storage.Queue = "alerts-escalate"

const (
	escalateBatch  = 64
	storyEscalated = "escalated"
)

// Climb is how far an incident has come in an escalation.
type Climb struct {
	Chain   string    `json:"chain"`
	Since   time.Time `json:"since"` // when it began
	Next    int       `json:"next"`  // the first step not yet done, counted from 0
	Steps   int       `json:"steps"` // how many there are
	Due     time.Time `json:"due,omitzero"`
	Stopped bool      `json:"stopped,omitempty"` // somebody has it, or it is silenced, muted or over
	ByHand  bool      `json:"by_hand,omitempty"` // no route asked for it
}

// Left says whether the chain has steps still to be done.
func (c Climb) Left() bool { return c.Next < c.Steps }

// startEscalation begins the chains that the incident's routes ask for, stops them when they are not wanted any more, and lets
// them begin anew after that. It depends on the incident's state alone, so it is right after every change.
func (rs *routes) startEscalation(i *Incident, now time.Time) {
	climbs := slices.Clone(i.Climbs)
	for _, name := range i.Escalate {
		if _, ok := rs.chains[name]; ok && !slices.ContainsFunc(climbs, func(c Climb) bool { return c.Chain == name }) {
			climbs = append(climbs, Climb{Chain: name, Stopped: true})
		}
	}
	climbs = slices.DeleteFunc(climbs, func(c Climb) bool {
		_, ok := rs.chains[c.Chain]
		return !ok || !c.ByHand && !slices.Contains(i.Escalate, c.Chain)
	})
	for n := range climbs {
		c := &climbs[n]
		made := rs.chains[c.Chain]
		runs := i.loud() && (i.State() == Firing || i.State() == Acked && made.despiteAck)
		switch {
		case !runs:
			c.Stopped = true
		case c.Stopped && !c.ByHand:
			*c = Climb{Chain: c.Chain, Since: now}
		}
		c.Steps, c.Due = len(made.steps), time.Time{}
		if !c.Stopped && c.Left() {
			c.Due = c.Since.Add(made.steps[c.Next].after)
		}
	}
	i.Climbs = climbs
	if len(climbs) == 0 {
		i.Climbs = nil
	}
}

// loud says whether any of the channels that routes chose is not muted, and tells of the incident by itself. What a storm's digest
// only counts calls nobody of its own: the storm does (Ascent), those from before it do, and what gets a thread of its own does from then.
func (i *Incident) loud() bool {
	return i.Open() && slices.ContainsFunc(i.Targets, func(t Target) bool { return !t.Called && t.Quiet.IsZero() && (t.Storm == "" || t.Own) })
}

// nextStep is the chain whose turn it is, and when; nil when none waits.
func (i *Incident) nextStep() *Climb {
	return soonest(i.Climbs, func(c *Climb) time.Time { return c.Due })
}

// soonest is the one that is due first; nil when none waits.
func soonest[C any](climbs []C, due func(c *C) time.Time) *C {
	var out *C
	for n := range climbs {
		if c := &climbs[n]; !due(c).IsZero() && (out == nil || due(c).Before(due(out))) {
			out = c
		}
	}
	return out
}

// escalateStage begins the chains of an incident, and tells a trace of them.
func (p *Pipeline) escalateStage(_ context.Context, b Batch) (Batch, error) {
	if b.Incident == nil {
		return b, nil
	}
	p.routes.startEscalation(b.Incident, b.At)
	if b.trace == nil {
		return b, nil
	}
	for _, c := range b.Incident.Climbs {
		if c.Stopped && b.Incident.State() == Firing && slices.ContainsFunc(b.Incident.Targets, func(t Target) bool { return t.escalates() }) {
			b.note("escalation %q does not run for it alone: the storm that counts it escalates for all", c.Chain)
			continue
		}
		if c.Stopped {
			b.note("escalation %q does not run: the incident is %s", c.Chain, cmp.Or(map[bool]string{true: b.Incident.State()}[b.Incident.State() != Firing], "muted"))
			continue
		}
		made := p.routes.chains[c.Chain]
		for n, s := range made.steps {
			b.note("escalation %q step %d of %d after %s: %s", c.Chain, n+1, len(made.steps), s.after, p.routes.plan(s, c.Since.Add(s.after)))
		}
	}
	return b, nil
}

// plan says what a step would do at a moment.
func (rs *routes) plan(s chainStep, at time.Time) string {
	var out []string
	who := func(verb string, c callees) {
		for _, m := range c.ids {
			out = append(out, fmt.Sprintf("%s %s", verb, m))
		}
		for _, name := range c.schedules {
			out = append(out, fmt.Sprintf("%s who is on call in %s then, %s", verb, name, rs.named(name, at)))
		}
	}
	who("mentions", s.calls)
	for _, p := range s.to {
		out = append(out, "posts to "+p.String())
	}
	who("sends a direct message to", s.dm)
	if s.webhook != "" {
		out = append(out, "calls the webhook")
	}
	return strings.Join(out, "; ")
}

// named are the people on call, for people.
func (rs *routes) named(schedule string, at time.Time) string {
	s := rs.book.Schedule(schedule)
	if s == nil {
		return "which is no more"
	}
	if who := s.Who(at); len(who) > 0 {
		return strings.Join(who, ", ")
	}
	if read, _, _, isCalendar := s.Source(at); isCalendar && read.IsZero() {
		return "by a calendar that has not been read"
	}
	return "nobody"
}

// escalate does the steps whose time has come.
func (s *Service) escalate(ctx context.Context, items []storage.Item) {
	for _, it := range items {
		s.warn(ctx, it, s.escalateOne(ctx, it))
	}
}

// escalateOne does in one transaction what is due of an incident and takes it off the queue: what is repeated after a crash
// finds nothing due any more. Saving the incident makes it due again for its next step.
func (s *Service) escalateOne(ctx context.Context, it storage.Item) error {
	var left time.Duration
	_, err := s.change(ctx, it.ID, func(i *Incident, tx *storage.Tx) ([]story, error) {
		now, rs := s.hooks.Now(), &s.pipeline.routes
		stories := rs.hush(i, s.pipeline.windows.now(ctx), now)
		rs.startEscalation(i, now)
		c := i.nextStep()
		if left = 0; c != nil {
			left = max(c.Due.Sub(now), dueAgain)
		}
		if len(stories) == 0 && (c == nil || c.Due.After(now)) {
			return nil, errSame // woken by an earlier plan, or by a clock that goes ahead of ours
		}
		for ; c != nil && !c.Due.After(now); c = i.nextStep() {
			stories = append(stories, s.step(tx, i, c, nil))
			rs.startEscalation(i, now)
		}
		tx.Finish(it)
		return stories, nil
	})
	return s.putBack(ctx, it, left, err)
}

// step does the next step of c, for actor or by the clock, and says so.
func (s *Service) step(tx *storage.Tx, i *Incident, c *Climb, actor *bot.Actor) story {
	now, rs := s.hooks.Now(), &s.pipeline.routes
	what := rs.chains[c.Chain].steps[c.Next]
	c.Next++
	out := story{kind: storyEscalated, tone: bot.Warn, shown: true, pages: rs.calledNow(what.calls, now)}
	text := bot.Textf("**Escalated** (step %d of %d): nobody %s for %s.", c.Next, c.Steps, map[bool]string{false: "acknowledged", true: "resolved it"}[rs.chains[c.Chain].despiteAck], span(now.Sub(c.Since)))
	if actor != nil {
		out.by = actor.String()
		text = bot.Textf("**Escalated** by %s (step %d of %d).", who(*actor), c.Next, c.Steps)
	}
	does, places := rs.does(what, now)
	text.Spans = slices.Concat(text.Spans, does.Spans)
	for _, p := range places {
		i.call(p, c.Chain)
	}
	if what.webhook != "" {
		s.callOut(tx, i, c)
	}
	out.text = text
	return out
}

// does says what a step does beside the mentions, a blank before every sentence, and what places it tells.
func (rs *routes) does(what chainStep, now time.Time) (says bot.Text, places []bot.Place) {
	add := func(t bot.Text) { says.Spans = slices.Concat(says.Spans, []bot.Span{{Text: " "}}, t.Spans) }
	for _, name := range what.calls.schedules {
		add(bot.Textf("On call in %s: %s.", name, rs.named(name, now)))
	}
	for _, p := range what.to {
		places = append(places, p)
		add(bot.Textf("Posted to %v.", p))
	}
	for _, name := range what.dm.schedules {
		add(bot.Textf("Direct message to who is on call in %s: %s.", name, rs.named(name, now)))
	}
	if len(what.dm.ids) > 0 {
		add(bot.Textf("Direct message to %d more.", len(what.dm.ids)))
		if len(what.dm.schedules) == 0 {
			says.Spans[len(says.Spans)-1].Text = fmt.Sprintf("Direct message to %d.", len(what.dm.ids))
		}
	}
	for _, m := range rs.calledNow(what.dm, now) {
		if id, ok := strings.CutPrefix(m.Who, "user:"); ok && m.Network != "web" {
			places = append(places, bot.Direct(m.Network, id))
		}
	}
	if what.webhook != "" {
		add(bot.Textf("The webhook is called."))
	}
	return says, places
}

// call makes a place one of the incident's channels.
func (i *Incident) call(p bot.Place, chain string) {
	if !slices.ContainsFunc(i.Targets, func(t Target) bool { return t.Place == p }) {
		i.Targets = append(slices.Clip(i.Targets), Target{Place: p, Route: "escalation " + chain, Called: true})
	}
}

// Escalate does the next step of an incident's escalation now: of chain, or of the one that runs, or of the only one that there
// is. step is the number of the step that is meant, for presses of one button by several people; 0 means the next one.
func (s *Service) Escalate(ctx context.Context, id string, actor bot.Actor, name string, step int) (Answer, error) {
	var told story
	var done Climb
	inc, err := s.act(ctx, "escalate", id, false, func(i *Incident, tx *storage.Tx) ([]story, error) {
		rs := &s.pipeline.routes
		rs.startEscalation(i, s.hooks.Now())
		c, err := rs.chosen(i, name, s.hooks.Now())
		if err != nil {
			return nil, err
		}
		if done = *c; !c.Left() || step > 0 && step != c.Next+1 {
			return nil, errSame
		}
		told = s.step(tx, i, c, &actor)
		done = *c
		return []story{told}, nil
	})
	switch {
	case errors.Is(err, errSame) && done.Left():
		return Answer{Incident: inc, Already: true, Say: fmt.Sprintf("Step %d of %s is done already; step %d is next.", step, done.Chain, done.Next+1)}, nil
	case errors.Is(err, errSame):
		return Answer{Incident: inc, Already: true, Say: fmt.Sprintf("All %d steps of %s are done.", done.Steps, done.Chain)}, nil
	case err != nil:
		return Answer{Incident: inc}, err
	}
	return Answer{Incident: inc, Say: fmt.Sprintf("%s is escalated: step %d of %d of %s is done.", inc.ID, done.Next, done.Steps, done.Chain)}, nil
}

// Schedules are those of the configuration: who is on call when.
func (s *Service) Schedules() *oncall.Book { return s.pipeline.routes.book }

// chosen is the chain that a person means; one that no route asked for begins here, and goes on by the clock.
func (rs *routes) chosen(i *Incident, name string, now time.Time) (*Climb, error) {
	var names []string
	for n := range rs.chains {
		names = append(names, n)
	}
	slices.Sort(names)
	op := "escalate " + i.ID
	if name == "" {
		for n := range i.Climbs {
			if i.Climbs[n].Left() {
				return &i.Climbs[n], nil
			}
		}
		switch {
		case len(i.Climbs) > 0:
			return &i.Climbs[0], nil
		case len(names) == 0:
			return nil, platform.Errorf(platform.Invalid, op, "there is no escalation; alerts.escalations in the configuration says what to do")
		case len(names) > 1:
			return nil, platform.Errorf(platform.Invalid, op, "no route gives it an escalation; say which: %s", strings.Join(names, ", "))
		}
		name = names[0]
	}
	made, ok := rs.chains[name]
	if !ok {
		return nil, platform.Errorf(platform.Invalid, op, "there is no escalation %s; there are: %s", clip(name, 40), orNone(names))
	}
	n := slices.IndexFunc(i.Climbs, func(c Climb) bool { return c.Chain == name })
	if n < 0 {
		i.Climbs = append(slices.Clip(i.Climbs), Climb{Chain: name, Since: now, ByHand: true, Steps: len(made.steps), Stopped: i.State() != Firing})
		n = len(i.Climbs) - 1
	}
	return &i.Climbs[n], nil
}

// called are the spans that call people in a thread of their network, each after a blank. A direct message needs none.
func (t *Target) called(ms []Mention) []bot.Span {
	if t.direct() {
		return nil
	}
	var who []string
	for _, m := range ms {
		if m.Network == t.Place.Network {
			who = append(who, m.Who)
		}
	}
	return (&Target{Mentions: who}).mentions()
}

// line is a story for the records.
func (s story) line(now time.Time) Line {
	l := Line{At: now, Kind: s.kind, By: s.by, Text: s.plain()}
	if slices.ContainsFunc(s.text.Spans, func(x bot.Span) bool { return x.In != (bot.Place{}) || !x.At.IsZero() }) {
		l.Spans = slices.Concat(s.text.Spans, []bot.Span{{Text: s.whom()}})
	}
	return l
}

// plain is a story for the records: with those whom it calls.
func (s story) plain() string { return s.text.Plain() + s.whom() }

// whom ends a story with those whom it calls; nothing for one that calls nobody.
func (s story) whom() string {
	if len(s.pages) == 0 {
		return ""
	}
	var who []string
	for _, m := range s.pages {
		who = append(who, m.String())
	}
	return " Calls " + strings.Join(who, ", ") + "."
}

// direct says whether it is somebody's direct messages.
func (t *Target) direct() bool {
	_, ok := t.Place.Person()
	return ok
}

// escalateButton does the next step now. It is that step's alone: pressed twice it does no two.
func (i *Incident) escalateButton() bot.Actions {
	if !i.Open() || i.State() == Silenced {
		return nil
	}
	for _, c := range i.Climbs {
		if c.Left() {
			args, _ := json.Marshal(map[string]any{"incident": i.ID, "chain": c.Chain, "step": c.Next + 1})
			return bot.Actions{{Label: "Escalate", Call: bot.Call{Path: "alerts escalate", Args: args}}}
		}
	}
	return nil
}
