package alerts

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/alerts/alertmanager"
	"github.com/drey-ops/drey/bot"
)

// Silence is a silence that drey made for an incident, or the part of one in the Alertmanager of one source. Op is minted and stored before Alertmanager is asked, and stands in
// the comment there: so a silence whose answer was lost is found again instead of made twice.
type Silence struct {
	Op       string                `json:"op"`
	With     string                `json:"with,omitempty"`   // the same in all parts of what a person asked for
	Source   string                `json:"source,omitempty"` // whose Alertmanager has it; empty: the incident's source
	Also     []string              `json:"also,omitempty"`   // other sources with the same Alertmanager
	ID       string                `json:"id,omitempty"`     // in Alertmanager; empty while it is not made yet
	Matchers alertmanager.Matchers `json:"matchers"`
	From     time.Time             `json:"from"`
	Until    time.Time             `json:"until"`
	By       bot.Actor             `json:"by"`
	Comment  string                `json:"comment,omitempty"`
	Asked    time.Time             `json:"asked"`         // when a person last asked for it, or for its end
	Told     time.Time             `json:"told,omitzero"` // the end that the thread was last told
	EndedBy  *bot.Actor            `json:"ended_by,omitempty"`
	Ended    bool                  `json:"ended,omitempty"`  // it ran out or was ended: nothing is wanted of it any more
	Ending   bool                  `json:"ending,omitempty"` // to be ended in Alertmanager
	Remade   int                   `json:"remade,omitempty"` // how often Alertmanager had lost it
	// Keep makes it hold until the incident resolves: Until is renewed until then, at most to Bound.
	Keep  bool      `json:"keep,omitempty"`
	Bound time.Time `json:"bound,omitzero"`
	// Noted is the end that the thread was told is near.
	Noted time.Time `json:"noted,omitzero"`
	// Prior is how it lives in Alertmanager while something else is asked for; nil: as it is wanted.
	Prior *prior `json:"prior,omitempty"`
}

// prior is how a silence was before a person asked for another end.
type prior struct {
	Keep  bool      `json:"keep,omitempty"`
	Bound time.Time `json:"bound,omitzero"`
	By    bot.Actor `json:"by"`
	Asked time.Time `json:"asked"`
}

// change asks for another end of a silence.
func (s *Silence) change(until time.Time, keep bool, by bot.Actor, now time.Time) {
	if s.ID != "" && s.Prior == nil {
		s.Prior = &prior{s.Keep, s.Bound, s.By, s.Asked}
	}
	s.Until, s.Keep, s.Bound, s.By, s.Asked = until, keep, time.Time{}, by, now
}

// made notes that Alertmanager has the silence as it is wanted.
func (s *Silence) made(id string) { s.ID, s.Told, s.Prior = id, s.Until, nil }

// refuse takes in that Alertmanager does not take what is wanted. The silence that lives there, if any, goes on as it was; where
// nobody asked for another end it was to be kept, and now runs out.
func (s *Silence) refuse(lives alertmanager.Silence) {
	if lives.ID == "" {
		s.Ended = true
		return
	}
	was := s.Prior
	if was == nil {
		was = &prior{By: s.By, Asked: s.Asked}
	}
	s.Keep, s.Bound, s.By, s.Asked = was.Keep, was.Bound, was.By, was.Asked
	s.Until = lives.EndsAt
	s.made(lives.ID)
}

// Suppressed says why Alertmanager keeps quiet about the incident, other than by drey's own silence.
type Suppressed struct {
	By        string    `json:"by,omitempty"`
	Comment   string    `json:"comment,omitempty"`
	Until     time.Time `json:"until,omitzero"`
	Inhibited bool      `json:"inhibited,omitempty"` // by another alert
}

// marker is what tells our silences from others in Alertmanager's list.
func marker(op string) string { return "drey:" + op }

// timeSlack is what two looks at the same end of a silence may differ by.
const timeSlack = 2 * time.Second

// opAnnotation is where the op of a silence stands in an Alertmanager that keeps annotations.
const opAnnotation = "drey/op"

// opOf is the op of a silence of drey's in Alertmanager, or nothing.
func opOf(s alertmanager.Silence) string {
	if op := s.Annotations[opAnnotation]; op != "" {
		return op
	}
	if at := strings.LastIndex(s.Comment, "["+marker("")); at >= 0 {
		op, _, _ := strings.Cut(s.Comment[at+len("["+marker("")):], "]")
		return op
	}
	return ""
}

// outside is the silence as Alertmanager takes it. The op goes into an annotation where those are kept, else into the comment.
func (s Silence) outside(annotations bool) alertmanager.Silence {
	comment := s.Comment
	if comment == "" {
		comment = "silenced from chat"
	}
	out := alertmanager.Silence{ID: s.ID, Matchers: s.Matchers, StartsAt: s.From, EndsAt: s.Until, CreatedBy: who(s.By), Comment: comment}
	if annotations {
		out.Annotations = map[string]string{opAnnotation: s.Op}
		return out
	}
	out.Comment = fmt.Sprintf("%s [%s]", comment, marker(s.Op))
	return out
}

// ownSilence is drey's silence in force, or nil.
func (i *Incident) ownSilence() *Silence {
	for n := len(i.Silences) - 1; n >= 0; n-- {
		if s := &i.Silences[n]; s.inForce() {
			return s
		}
	}
	return nil
}

func (s *Silence) inForce() bool { return s.ID != "" && !s.Ended && !s.Ending }

// hushed says how many of the alerts that fire drey's silences hide, each at its own source. A silence may be for some of them,
// and others may come later. What drey itself sees does not count, as nobody can silence it.
func (i *Incident) hushed() (n, of int) {
	hides := map[string][]func(map[string]string) bool{} // by source
	for k := range i.Silences {
		if s := &i.Silences[k]; s.inForce() {
			if f, err := s.Matchers.Compile(); err == nil {
				for _, source := range append([]string{i.at(*s)}, s.Also...) {
					hides[source] = append(hides[source], f)
				}
			}
		}
	}
	for _, a := range i.Alerts {
		source := i.sourceOf(a)
		if a.Status != Firing || source == ownSource {
			continue
		}
		of++
		if slices.ContainsFunc(hides[source], func(hides func(map[string]string) bool) bool { return hides(a.Labels) }) {
			n++
		}
	}
	return n, of
}

// allHushed says whether a silence of drey's is in force and nothing that fires gets past it.
func (i *Incident) allHushed() bool {
	if i.ownSilence() == nil {
		return false
	}
	n, of := i.hushed()
	return n == of
}

func (i *Incident) silence(op string) *Silence {
	for n := range i.Silences {
		if i.Silences[n].Op == op {
			return &i.Silences[n]
		}
	}
	return nil
}

// Silenced is drey's silence in force, or nil.
func (i *Incident) Silenced() *Silence { return i.ownSilence() }

// Matchers are those that hide exactly the incident's alerts of its main source.
func (i *Incident) Matchers() alertmanager.Matchers { return i.matchers() }

// liveSilences are those that something is still wanted of.
func (i *Incident) liveSilences(now time.Time) []Silence {
	return slices.DeleteFunc(slices.Clone(i.Silences), func(s Silence) bool { return s.Ended || !s.Ending && now.After(s.Until) })
}

// matchers are those of the main source's alerts.
func (i *Incident) matchers() alertmanager.Matchers {
	if parts := i.parts(); len(parts) > 0 {
		return parts[0].Matchers
	}
	return nil
}

// endText says when a silence ends, after the words before it.
func (s Silence) endText() bot.Text {
	if s.Keep {
		return bot.Textf("until it resolves, at most until %v", moment(s.Bound))
	}
	return bot.Textf("until %v", moment(s.Until))
}

func (i *Incident) silenceText() bot.Text {
	if s := i.ownSilence(); s != nil {
		t := bot.Textf("by %s %v", who(s.By), s.endText())
		if n, of := i.hushed(); n < of && i.Suppressed == nil {
			t = bot.Textf("%d of %d, by %s %v", n, of, who(s.By), s.endText())
		}
		if all, missing := i.among(*s); len(missing) > 0 {
			t.Spans = append(t.Spans, bot.Textf("; not yet in %s", theirs(missing, all)).Spans...)
		}
		return t
	}
	s := i.Suppressed
	switch {
	case s == nil:
		return bot.Text{}
	case s.Inhibited:
		return bot.Textf("inhibited by another alert")
	case s.By == "":
		return bot.Textf("in Alertmanager")
	}
	t := bot.Textf("in Alertmanager by %s until %v", clip(s.By, 80), moment(s.Until))
	if s.Comment != "" {
		t.Spans = append(t.Spans, bot.Span{Text: ": " + clip(s.Comment, 200)})
	}
	return t
}

// matcherText writes matchers as Alertmanager's own forms do.
func matcherText(ms []alertmanager.Matcher) string {
	var out []string
	for _, m := range ms {
		out = append(out, fmt.Sprintf("%s%s%q", m.Name, m.Is(), clip(m.Value, 100)))
	}
	return strings.Join(out, ", ")
}
