package bottest

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/drey-ops/drey/bot"
)

// Sees is what a person sees in a channel, or in the thread under a message: posts and the newest of the replies to each
// gesture, oldest first. A reply that is private is seen by the one who asked alone.
func (m *Memory) Sees(who, channel, thread string) []Seen {
	m.mu.Lock()
	defer m.mu.Unlock()
	type item struct {
		at   int
		seen Seen
	}
	var all []item
	for _, s := range m.said {
		if s.Ref.Place.Channel == channel && s.Ref.Place.Thread == thread {
			all = append(all, item{s.seq, seen(s.Ref.ID, s.Message)})
		}
	}
	for id, a := range m.asked {
		r := m.replies[id]
		if len(r) == 0 || a.ev.Place.Channel != channel || a.ev.Place.Thread != thread {
			continue
		}
		last := r[len(r)-1]
		if last.Form != nil && last.Form.ID != "" && len(last.Blocks) == 0 || last.Private && a.ev.Actor.ID != who {
			continue
		}
		all = append(all, item{a.seq, seen("reply-"+id, last)})
	}
	slices.SortFunc(all, func(a, b item) int { return cmp.Compare(a.at, b.at) })
	out := make([]Seen, len(all))
	for i, x := range all {
		out[i] = x.seen
	}
	return out
}

func seen(id string, m bot.Message) Seen {
	s := Seen{ID: id, Text: Plain(m)}
	for _, block := range m.Blocks {
		if actions, ok := block.(bot.Actions); ok {
			for _, a := range actions {
				s.Buttons = append(s.Buttons, a.Label)
			}
		}
	}
	return s
}

// Harness makes Memory drive itself, for Run.
func (m *Memory) Harness(channel string) Harness {
	var last bot.Event
	newest := func(t testing.TB, want string, match func(bot.Message) bool) (ev bot.Event, msg bot.Message, ref bot.MessageRef) {
		m.mu.Lock()
		defer m.mu.Unlock()
		best := -1
		for _, s := range m.said {
			if s.seq > best && match(s.Message) {
				best, msg, ref = s.seq, s.Message, s.Ref
			}
		}
		for id, a := range m.asked {
			if r := m.replies[id]; len(r) > 0 && a.seq > best && match(r[len(r)-1]) {
				best, ev, msg, ref = a.seq, a.ev, r[len(r)-1], bot.MessageRef{Place: a.ev.Place, ID: "reply-" + id}
			}
		}
		if best < 0 {
			t.Fatalf("no message with %s", want)
		}
		return ev, msg, ref
	}
	ready := func(t testing.TB) {
		m.Until(t, "sink", func() bool { m.mu.Lock(); defer m.mu.Unlock(); return m.sink != nil })
	}
	return Harness{
		Network: m, Place: m.Place(channel),
		Type: func(t testing.TB, who, line string) { ready(t); last = m.Type(who, channel, line) },
		Press: func(t testing.TB, who, label string) {
			ready(t)
			_, msg, ref := newest(t, "button "+label, func(msg bot.Message) bool { _, ok := FindButton(msg, label); return ok })
			b, _ := FindButton(msg, label)
			last = m.Send(bot.Event{Actor: m.actor(who), Place: ref.Place, Button: b.ID, Origin: &ref})
		},
		Submit: func(t testing.TB, who string, values map[string]string) {
			ev, _, _ := newest(t, "form", func(msg bot.Message) bool { return msg.Form != nil })
			last = m.Submit(t, who, ev, values)
		},
		Read:   func(_ testing.TB, who, thread string) []Seen { return m.Sees(who, channel, thread) },
		Repeat: func(testing.TB) { m.Send(last) },
		Remove: func(_ testing.TB, ref bot.MessageRef) { m.Remove(ref) },
	}
}

// Text is all that who sees in a channel, for tests that only look for words.
func (m *Memory) Text(who, channel string) string {
	var b strings.Builder
	for _, s := range m.Sees(who, channel, "") {
		b.WriteString(s.Text + "\n")
	}
	return b.String()
}
