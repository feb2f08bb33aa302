package slackbot

import (
	"encoding/json"
	"strings"

	"github.com/slack-go/slack"

	"github.com/drey-ops/drey/bot"
)

// interaction is a pressed button, a sent modal, a shortcut, or the question for a list's options.
type interaction struct {
	Type      string    `json:"type"`
	Trigger   string    `json:"trigger_id"`
	Callback  string    `json:"callback_id"`
	Respond   string    `json:"response_url"`
	MessageTS string    `json:"message_ts"`
	ActionTS  string    `json:"action_ts"`
	User      idOnly    `json:"user"`
	Channel   idOnly    `json:"channel"`
	Container container `json:"container"`
	Message   message   `json:"message"`
	Actions   []action  `json:"actions"`
	View      shownView `json:"view"`

	// Of a block_suggestion.
	ActionID string `json:"action_id"`
	BlockID  string `json:"block_id"`
	Value    string `json:"value"`
}

type idOnly struct {
	ID string `json:"id"`
}

// container is what a button stands in.
type container struct {
	Type      string `json:"type"`
	MessageTS string `json:"message_ts"`
	ThreadTS  string `json:"thread_ts"`
	ChannelID string `json:"channel_id"`
	Ephemeral bool   `json:"is_ephemeral"`
}

// message is somebody's message, or drey's.
type message struct {
	TS          string            `json:"ts"`
	ThreadTS    string            `json:"thread_ts"`
	Text        string            `json:"text"`
	Blocks      []json.RawMessage `json:"blocks"`
	Attachments []struct {
		Text   string            `json:"text"`
		Blocks []json.RawMessage `json:"blocks"`
	} `json:"attachments"`
}

// blocks are all of a message's, those in attachments included.
func (m message) blocks() []json.RawMessage {
	all := m.Blocks
	for _, a := range m.Attachments {
		all = append(all[:len(all):len(all)], a.Blocks...)
	}
	return all
}

// action is a pressed button, or the choice in a menu.
type action struct {
	ID       string `json:"action_id"`
	TS       string `json:"action_ts"`
	Selected struct {
		Value string `json:"value"`
	} `json:"selected_option"`
}

// shownView is a modal or the home tab.
type shownView struct {
	ID    string `json:"id"`
	Type  string `json:"type"`
	Hash  string `json:"hash"`
	Meta  string `json:"private_metadata"`
	Title struct {
		Text string `json:"text"`
	} `json:"title"`
	State struct {
		Values map[string]map[string]field `json:"values"`
	} `json:"state"`
}

// field is what was filled in.
type field struct {
	Value    string `json:"value"`
	Selected struct {
		Value string `json:"value"`
	} `json:"selected_option"`
	User string `json:"selected_user"`
}

// values are those of a modal's fields.
func (v shownView) values() map[string]string {
	state := &slack.ViewState{Values: map[string]map[string]slack.BlockAction{}}
	for block, fields := range v.State.Values {
		state.Values[block] = map[string]slack.BlockAction{}
		for id, f := range fields {
			state.Values[block][id] = slack.BlockAction{Value: f.Value, SelectedOption: slack.OptionBlockObject{Value: f.Selected.Value}, SelectedUser: f.User}
		}
	}
	return formValues(&slack.View{State: state})
}

// decodeBlocks decodes blocks one by one: one that slack-go does not know takes no others with it.
func decodeBlocks(raw []json.RawMessage) []slack.Block {
	var out []slack.Block
	for _, r := range raw {
		var one slack.Blocks
		if err := json.Unmarshal(append(append([]byte{'['}, r...), ']'), &one); err == nil {
			out = append(out, one.BlockSet...)
		}
	}
	return out
}

// interaction decodes all interactions but block_suggestion.
func (d decoder) interaction(p interaction) ([]taken, reason) {
	if p.User.ID == "" {
		return nil, refusedMalformed
	}
	switch p.Type {
	case "block_actions":
		return d.presses(p)
	case "view_submission":
		return d.submission(p)
	case "message_action", "shortcut":
		return d.shortcut(p)
	case "view_closed":
		return nil, ""
	}
	return nil, refusedUnknown
}

// place is where an interaction belongs: its channel, and the thread there that its message stands in. A message that
// heads a thread does not stand in it.
func (p interaction) place() (channel, thread string) {
	channel = firstOf(p.Container.ChannelID, p.Channel.ID)
	thread = firstOf(p.Container.ThreadTS, p.Message.ThreadTS)
	if thread == p.ts() {
		thread = ""
	}
	return channel, thread
}

// ts is that of the interaction's message.
func (p interaction) ts() string { return firstOf(p.Container.MessageTS, p.MessageTS, p.Message.TS) }

func firstOf(all ...string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}

// presses decodes pressed buttons and choices in menus.
func (d decoder) presses(p interaction) ([]taken, reason) {
	var all []taken
	why := refusedUnknown
	for _, a := range p.Actions {
		id, opens, ok := pressed(&slack.BlockAction{ActionID: a.ID, SelectedOption: slack.OptionBlockObject{Value: a.Selected.Value}})
		if !ok {
			why = "" // a link, or a field of a form: there is nothing to do
			continue
		}
		all = append(all, d.press(p, a, id, opens))
	}
	if len(all) > 0 {
		why = ""
	}
	return all, why
}

func (d decoder) press(p interaction, a action, id string, opens bool) taken {
	channel, thread := p.place()
	g := d.gesture(press, p.User.ID, channel, thread)
	g.trigger, g.respond, g.opens, g.hidden = p.Trigger, p.Respond, opens, p.Container.Ephemeral
	g.origin = p.ts()
	switch p.View.Type {
	case "modal":
		m, _ := readMeta(p.View.Meta)
		g.channel, g.thread, g.origin, g.hidden = firstOf(m.Channel, p.User.ID), m.Thread, m.Origin, m.Hidden
		g.view = openView{id: p.View.ID, hash: p.View.Hash, form: m.Form}
	case "home":
		g.channel, g.thread, g.origin = p.User.ID, "", "" // what follows goes into their direct messages
	}
	at := firstOf(a.TS, p.ActionTS)
	ev := d.event("press/"+strings.Join([]string{p.User.ID, firstOf(at, p.Trigger), a.ID}, "/"), timeOf(at), g)
	ev.Button = id
	ev.Origin = g.ref()
	return taken{g, ev}
}

// ref is the message that a gesture was made on. It is nil where there is none, and where that message is one for the
// person alone: nobody can answer in a thread below it.
func (g *gesture) ref() *bot.MessageRef {
	if g.origin == "" || g.hidden {
		return nil
	}
	return &bot.MessageRef{Place: bot.Place{Network: Network, Channel: g.channel, Thread: g.thread}, ID: g.origin}
}

// submission decodes a sent modal.
func (d decoder) submission(p interaction) ([]taken, reason) {
	m, ok := readMeta(p.View.Meta)
	if !ok || m.Form == "" || p.View.ID == "" {
		return nil, refusedUnknown
	}
	g := d.gesture(submit, p.User.ID, firstOf(m.Channel, p.User.ID), m.Thread)
	g.trigger, g.origin, g.hidden = p.Trigger, m.Origin, m.Hidden
	g.view = openView{id: p.View.ID, hash: p.View.Hash, form: m.Form}
	ev := d.event("submit/"+strings.Join([]string{p.View.ID, p.View.Hash, p.Trigger}, "/"), d.now, g)
	ev.Button, ev.Form, ev.Origin = m.Form, p.View.values(), g.ref()
	return []taken{{g, ev}}, ""
}

// shortcutID is the callback_id of a command's shortcut.
func shortcutID(path string) string { return strings.ReplaceAll(path, " ", "-") }

// shortcut decodes a shortcut, on a message or elsewhere.
func (d decoder) shortcut(p interaction) ([]taken, reason) {
	var spec *bot.CommandSpec
	for i := range d.specs {
		if shortcutID(d.specs[i].Path) == p.Callback {
			spec = &d.specs[i]
		}
	}
	if spec == nil || p.Trigger == "" {
		return nil, refusedUnknown
	}
	channel, thread := p.place()
	g := d.gesture(shortcut, p.User.ID, firstOf(channel, p.User.ID), thread)
	g.trigger, g.respond = p.Trigger, p.Respond
	if channel != "" {
		g.origin = p.ts()
	}
	ev := d.event("shortcut/"+p.Trigger, timeOf(p.ActionTS), g)
	ev.Call.Path, ev.Origin = spec.Path, g.ref()
	switch s := spec.Shortcut; {
	case p.Type == "shortcut" || s == nil:
		g.opens = spec.Opens
	case s.Text != "":
		args, err := withText(s.Args, s.Text, p.Message.plain())
		if err != nil {
			return nil, refusedMalformed
		}
		ev.Call.Args, g.opens = args, spec.Opens
	default:
		ev.Among = append([]string{}, buttonsOf(decodeBlocks(p.Message.blocks()))...)
	}
	return []taken{{g, ev}}, ""
}

// withText returns args with one more.
func withText(args json.RawMessage, name, text string) (json.RawMessage, error) {
	all := map[string]json.RawMessage{}
	if len(args) > 0 {
		if err := json.Unmarshal(args, &all); err != nil {
			return nil, err
		}
	}
	raw, err := json.Marshal(text)
	if err != nil {
		return nil, err
	}
	if all == nil { // args were null
		all = map[string]json.RawMessage{}
	}
	all[name] = raw
	return json.Marshal(all)
}
