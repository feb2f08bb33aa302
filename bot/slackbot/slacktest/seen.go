package slacktest

import (
	"encoding/json"
	"slices"
	"strings"
)

// Seen is a message, a modal or a home as a person sees it.
type Seen struct {
	ID       string // ts of a message, id of a view
	Thread   string // ts of its thread's root
	Author   string // user id
	Text     string // all that can be read, markup and escapes resolved; buttons are not in it
	Fallback string // what notifications and screen readers say
	Buttons  []string
	Live     []string // what Slack acts on: mentions, links, and markup in text
	Private  bool     // for this person alone
	Color    string   // of the first attachment with one
	Edited   bool
	Blocks   json.RawMessage
	Files    []string
	Inputs   []SeenInput // of a view
}

// SeenInput is a field of a view.
type SeenInput struct {
	Name    string // the block's id
	Action  string // the element's id
	Label   string
	Value   string
	Error   string
	Options []string // values to choose from
}

// See is what a user sees, oldest first: the channel, or, with the ts of a root, its thread with the root first.
// Messages that were broadcast are in both.
func (s *Slack) See(user, channel, thread string) []Seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[channel]
	if c == nil {
		return nil
	}
	var out []Seen
	for _, m := range c.messages {
		switch {
		case m.only != "" && m.only != user:
		case thread == "" && (m.thread == "" || m.thread == m.ts || m.broadcast), thread != "" && (m.thread == thread || m.ts == thread):
			out = append(out, s.look(m))
		}
	}
	return out
}

// Message is one message, whoever sees it.
func (s *Slack) Message(channel, ts string) (Seen, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.channels[channel]; c != nil {
		for _, m := range c.messages {
			if m.ts == ts {
				return s.look(m), true
			}
		}
	}
	return Seen{}, false
}

// look renders a message.
func (s *Slack) look(m *message) Seen {
	r := &renderer{reader: reader{s: s}}
	if len(m.blocks) == 0 {
		if m.plain {
			r.text.WriteString(unescape(m.text))
		} else {
			r.read(m.text, false)
		}
		r.line()
	}
	r.blocks(m.blocks)
	color := ""
	for _, a := range append(slices.Clone(m.attachments), unfurled(m)...) {
		if c := text(a, "color"); color == "" {
			color = c
		}
		r.attachment(a)
	}
	var files []string
	for _, f := range m.files {
		files = append(files, f.name)
		r.plain(f.title)
		if f.title != f.name {
			r.plain(f.name)
		}
	}
	fallback := &reader{s: s}
	fallback.raw(m.text)
	if len(m.blocks) > 0 {
		r.live = append(r.live, fallback.live...)
	}
	return Seen{
		ID: m.ts, Thread: m.thread, Author: m.user, Text: strings.TrimRight(r.text.String(), "\n"), Fallback: fallback.text.String(), Buttons: r.buttons,
		Live: r.live, Private: m.only != "", Color: color, Edited: m.edited != "", Blocks: encode(m.blocks), Files: files,
	}
}

// unfurled are the cards of a message's links.
func unfurled(m *message) []any {
	var out []any
	for _, u := range sortedKeys(m.unfurls) {
		out = append(out, m.unfurls[u])
	}
	return out
}

// View is the modal that a user has on top.
func (s *Slack) View(user string) (Seen, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stack := s.stacks[user]
	if len(stack) == 0 {
		return Seen{}, false
	}
	return s.lookView(stack[len(stack)-1]), true
}

// Home is the home tab of a user, as it was published last.
func (s *Slack) Home(user string) (Seen, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.homes[user]
	if v == nil {
		return Seen{}, false
	}
	return s.lookView(v), true
}

func (s *Slack) lookView(v *view) Seen {
	r := &renderer{reader: reader{s: s}}
	r.object(v.body["title"])
	r.blocks(list(v.body, "blocks"))
	out := Seen{ID: v.id, Author: botUser, Private: true, Buttons: r.buttons, Live: r.live, Blocks: encode(v.body["blocks"])}
	if submit := text(v.body, "submit", "text"); submit != "" {
		out.Buttons = append(out.Buttons, submit)
	}
	for _, in := range v.inputs() {
		seen := SeenInput{Name: in.block, Action: in.action, Label: in.label, Value: in.shown(v.state[in.block][in.action]), Error: v.errors[in.block]}
		for _, o := range in.options() {
			seen.Options = append(seen.Options, text(o, "value"))
		}
		if in.kind == "users_select" {
			r.plain(s.named(seen.Value))
		} else {
			r.plain(seen.Value)
		}
		r.plain(seen.Error)
		out.Inputs = append(out.Inputs, seen)
	}
	out.Text = strings.TrimRight(r.text.String(), "\n")
	return out
}
