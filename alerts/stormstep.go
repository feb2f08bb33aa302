package alerts

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

// echo is a place that an escalation has told of a storm: it has a short message with a thread.
type echo struct {
	Place   bot.Place `json:"place"`
	Chain   string    `json:"chain"`
	Head    string    `json:"head,omitempty"` // digest of its message as last put
	Stories int       `json:"stories,omitempty"`
}

// escalateStorm does the steps whose time has come, with the transaction that writes down that they are done.
func (s *Service) escalateStorm(tx *storage.Tx, r *roll, now time.Time) (did bool) {
	rs := &s.pipeline.routes
	rs.climb(r, now)
	for a := r.nextStep(); a != nil && !a.Due.After(now); a = r.nextStep() {
		s.stormStep(tx, r, a, now)
		rs.climb(r, now)
		did = true
	}
	return did
}

func (s *Service) stormStep(tx *storage.Tx, r *roll, a *Ascent, now time.Time) {
	rs := &s.pipeline.routes
	made, part := rs.chains[a.Chain], r.of(a.Chain)
	what := made.steps[a.Next]
	if !slices.ContainsFunc(part.members, func(e rowEntry) bool { return e.Value.Lead && e.Value.State != Resolved }) {
		what = chainStep{calls: what.calls}
	}
	a.Next++
	text := bot.Textf("**Escalated** (step %d of %d) after %s: %v.", a.Next, a.Steps, span(now.Sub(a.Since)), part.untaken(made.despiteAck))
	does, places := rs.does(what, now)
	text.Spans = slices.Concat(text.Spans, does.Spans)
	for _, p := range places {
		r.echo(p, a.Chain)
	}
	if what.webhook != "" {
		s.stormCallOut(tx, r, part, a)
	}
	st := story{kind: storyEscalated, tone: bot.Warn, text: text, shown: true, pages: rs.calledNow(what.calls, now)}
	for _, d := range r.tell(st, part.causes()) {
		s.out.Put(tx, d)
	}
	tx.Append(storyLog, Entry{Incident: r.ID, Title: r.title(r.tally()), Line: Line{At: now, Kind: st.kind, Text: st.plain()}}, 0)
}

// untaken says how many of the storm's incidents a chain runs for: r has those alone.
func (r *roll) untaken(despiteAck bool) bot.Text {
	n := r.tally()
	open, what := n[Firing], "fire and nobody has acknowledged them"
	if despiteAck {
		open, what = n[Firing]+n[Acked], "are not resolved"
	}
	out := bot.Textf("%s of the storm's incidents %s", thousands(open), what)
	if open == 1 {
		out = bot.Textf("1 of the storm's incidents %s", map[bool]string{false: "fires and nobody has acknowledged it", true: "is not resolved"}[despiteAck])
	}
	if by := r.severities(); len(by.Spans) > 0 {
		out.Spans = slices.Concat(out.Spans, []bot.Span{{Text: ": "}}, by.Spans)
	}
	return out
}

// echo makes p a place that is told of the storm.
func (r *roll) echo(p bot.Place, chain string) {
	if p != r.Place && !slices.ContainsFunc(r.Echoes, func(e echo) bool { return e.Place == p }) {
		r.Echoes = append(slices.Clip(r.Echoes), echo{Place: p, Chain: chain})
	}
}

// tell is a story in the threads of the digest and of every other message about the storm, with more below it.
func (r *roll) tell(st story, more ...bot.Text) []bot.Delivery {
	r.Stories++
	out := []bot.Delivery{r.story(r.Place, "", r.Stories, st, more)}
	r.Echoes = slices.Clone(r.Echoes)
	for n := range r.Echoes {
		e := &r.Echoes[n]
		e.Stories++
		out = append(out, r.story(e.Place, e.path(), e.Stories, st, more))
	}
	return out
}

func (e *echo) path() string { return "at/" + e.Place.String() + "/" }

// story is the nth message in a thread about the storm: that of the digest, or that of an echo with its path.
func (r *roll) story(to bot.Place, path string, n int, st story, more []bot.Text) bot.Delivery {
	t, head := Target{Place: to}, "digest"
	if path != "" {
		head = path + "short"
	}
	st.text.Spans = append(slices.Clip(st.text.Spans), t.called(st.pages)...)
	m := bot.Message{Tone: st.tone, Blocks: []bot.Block{st.text}, Fallback: st.text.Plain(), Broadcast: st.shown && !t.direct()}
	for _, b := range more {
		if len(b.Spans) > 0 {
			m.Blocks = append(m.Blocks, b)
		}
	}
	d := bot.Delivery{Key: r.key(path + "story/" + strconv.Itoa(n)), Parent: r.key(head), To: to, Message: m}
	if n > 1 {
		d.After = r.key(path + "story/" + strconv.Itoa(n-1))
	}
	return d
}

// short is what another place is told of the storm: how it stands, and where the digest is.
func (r *roll) short(e echo) bot.Message {
	m := r.digest()
	n := r.tally()
	first := bot.Textf("The digest is in %v.", r.Place)
	if n[Firing] > 0 && !m.Closed {
		first = bot.Textf("%v. %v", r.severities(), first)
	}
	m.Blocks = []bot.Block{first}
	if t := r.causes(); len(t.Spans) > 0 {
		m.Blocks = append(m.Blocks, t)
	}
	m.Blocks = append(m.Blocks, bot.Notef("Told here by the escalation `%s`. Storm `%s`", e.Chain, r.ID))
	acts := slices.DeleteFunc(r.buttons(n), func(b bot.Button) bool { return b.Call.Path == "alerts expand" })
	if len(acts) > 0 {
		m.Blocks = append(m.Blocks, acts)
	}
	return m
}

// echoed puts the messages in other places where they changed.
func (s *Service) echoed(tx *storage.Tx, r *roll) (did bool) {
	r.Echoes = slices.Clone(r.Echoes)
	for n := range r.Echoes {
		e := &r.Echoes[n]
		m := r.short(*e)
		if d := bot.Sum(m); d != e.Head {
			e.Head, did = d, true
			s.out.Put(tx, bot.Delivery{Key: r.key(e.path() + "short"), To: e.Place, Message: m, Sum: d})
		}
	}
	return did
}

// stormCallOut puts the webhook of the step that a has just done on its way.
func (s *Service) stormCallOut(tx *storage.Tx, r, part *roll, a *Ascent) {
	m := r.digest()
	c := Callout{
		Version: "1", ID: r.key(fmt.Sprintf("%s/%d/%d", a.Chain, a.Since.UnixMilli(), a.Next)), Incident: r.ID, Title: m.Title, Text: m.Fallback,
		State: m.State, Since: r.Since, Chain: a.Chain, Step: a.Next, Steps: a.Steps, At: s.hooks.Now(), Incidents: len(r.members),
	}
	if len(part.members) > 0 {
		c.Severity = part.members[0].Value.Severity
	}
	if why := part.causes().Plain(); why != "" {
		c.Text += " " + clip(why, 500)
	}
	s.callings().Put(tx, c.ID, calling{Body: c}, storage.Any)
	tx.Enqueue(calloutQueue, c.ID, time.Time{})
}
