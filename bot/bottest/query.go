package bottest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
)

// patience bounds every wait of a test for something that should happen soon.
const patience = time.Minute

// Attach makes gestures go to s. Receive does so too; tests that call the sink's owner directly need no Receive.
func (m *Memory) Attach(s bot.Sink) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sink = s
	m.notify()
}

// Type is a person typing a line in a channel.
func (m *Memory) Type(who, channel, line string) bot.Event {
	return m.Send(bot.Event{Actor: m.actor(who), Place: m.Place(channel), Call: bot.Call{Line: line}})
}

// Press is a person pressing a button, found by its label, of a posted message.
func (m *Memory) Press(t testing.TB, who string, ref bot.MessageRef, label string) bot.Event {
	t.Helper()
	m.mu.Lock()
	s := m.find(ref.ID)
	var msg bot.Message
	if s != nil {
		msg = s.Message
	}
	m.mu.Unlock()
	b, ok := FindButton(msg, label)
	if !ok {
		t.Fatalf("message %s has no button %q to press: %s", ref.ID, label, Plain(msg))
	}
	return m.Send(bot.Event{Actor: m.actor(who), Place: ref.Place, Button: b.ID, Origin: &ref})
}

// PressAnswer is Press on the newest reply to ev.
func (m *Memory) PressAnswer(t testing.TB, who string, ev bot.Event, label string) bot.Event {
	t.Helper()
	msg := m.Answer(t, ev)
	b, ok := FindButton(msg, label)
	if !ok {
		t.Fatalf("the answer has no button %q to press: %s", label, Plain(msg))
	}
	return m.Send(bot.Event{Actor: m.actor(who), Place: ev.Place, Button: b.ID, Origin: &bot.MessageRef{Place: ev.Place, ID: "reply-" + ev.ID}})
}

// Submit is a person sending the form that the answer to ev opened. Fields without a value keep the form's.
func (m *Memory) Submit(t testing.TB, who string, ev bot.Event, values map[string]string) bot.Event {
	t.Helper()
	msg := m.Answer(t, ev)
	if msg.Form == nil {
		t.Fatalf("the answer opened no form: %s", Plain(msg))
	}
	form := map[string]string{}
	for _, f := range msg.Form.Fields {
		form[f.Name] = f.Value
		if v, ok := values[f.Name]; ok {
			form[f.Name] = v
		}
	}
	return m.Send(bot.Event{Actor: m.actor(who), Place: ev.Place, Button: msg.Form.ID, Form: form})
}

// Send delivers ev, with an ID and a time if it has none. It panics when nothing is attached.
func (m *Memory) Send(ev bot.Event) bot.Event {
	m.mu.Lock()
	sink := m.sink
	if ev.ID == "" {
		m.lastEvent++
		ev.ID = "e" + strconv.Itoa(m.lastEvent)
	}
	if ev.At.IsZero() {
		ev.At = time.Now()
	}
	if _, repeat := m.asked[ev.ID]; !repeat {
		m.asked[ev.ID] = asked{ev, m.count()}
	}
	m.mu.Unlock()
	if sink == nil {
		panic("bottest: Send before Receive or Attach")
	}
	sink.Deliver(context.Background(), ev)
	return ev
}

// Place is a channel of this network.
func (m *Memory) Place(channel string) bot.Place { return bot.Place{Network: m.id, Channel: channel} }

func (m *Memory) actor(who string) bot.Actor { return bot.Actor{Network: m.id, ID: who, Name: who} }

// Said returns the messages of a channel, threads included, in the order they were posted.
func (m *Memory) Said(channel string) []Said {
	return m.filter(func(s *Said) bool { return s.Ref.Place.Channel == channel })
}

// Thread returns the messages of the thread under a message.
func (m *Memory) Thread(root bot.MessageRef) []Said {
	return m.filter(func(s *Said) bool { return s.Ref.Place.Channel == root.Place.Channel && s.Ref.Place.Thread == root.ID })
}

func (m *Memory) filter(keep func(*Said) bool) []Said {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Said
	for _, s := range m.said {
		if keep(s) {
			out = append(out, *s)
		}
	}
	return out
}

// Find returns the message that was posted with key.
func (m *Memory) Find(key string) (Said, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.byKey[key]; s != nil && slices.Contains(m.said, s) {
		return *s, true
	}
	return Said{}, false
}

// Calls returns every call of method so far; an empty method means all.
func (m *Memory) Calls(method string) []Call {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Call
	for _, c := range m.calls {
		if method == "" || c.Method == method {
			out = append(out, c)
		}
	}
	return out
}

// Commands returns what was published last.
func (m *Memory) Commands() []bot.CommandSpec {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.commands
}

// Replies returns all replies to ev in their order, interim ones included.
func (m *Memory) Replies(ev bot.Event) []bot.Message {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.replies[ev.ID])
}

// Answer waits for a reply to ev that is not Pending, and returns the newest.
func (m *Memory) Answer(t testing.TB, ev bot.Event) bot.Message {
	t.Helper()
	var got bot.Message
	m.Until(t, "an answer to "+ev.ID, func() bool {
		all := m.Replies(ev)
		if len(all) == 0 {
			return false
		}
		got = all[len(all)-1]
		return !got.Pending
	})
	return got
}

// Until waits until cond holds, looking after every change, and fails the test when it takes too long.
func (m *Memory) Until(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		m.mu.Lock()
		changed := m.changed
		m.mu.Unlock()
		if cond() {
			return
		}
		select {
		case <-changed:
		case <-deadline.C:
			t.Fatalf("no %s after %s; calls so far: %s", what, patience, summary(m.Calls("")))
		}
	}
}

func summary(calls []Call) string {
	var b strings.Builder
	for _, c := range calls[max(0, len(calls)-20):] {
		fmt.Fprintf(&b, "\n  %s %s%s%s %q %v", c.Method, c.Key, c.Event, c.Ref.ID, Plain(c.Message), c.Err)
	}
	return b.String()
}

// FindButton returns the button with the given label.
func FindButton(m bot.Message, label string) (bot.Button, bool) {
	for _, block := range m.Blocks {
		if actions, ok := block.(bot.Actions); ok {
			for _, b := range actions {
				if b.Label == label {
					return b, true
				}
			}
		}
	}
	return bot.Button{}, false
}
