package slackbot

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
)

// homeChannel stands in places for the home tab, which is a person's own, and for what is called from no channel at all. The
// place's Space is the person then, wherever something can be said to them: it goes into their direct messages with drey.
const homeChannel = "home"

// placeOf is a channel, or the home tab of the person whose id stands in a channel's stead.
func placeOf(channel, thread string) bot.Place {
	if isUser(channel) {
		return bot.Place{Network: Network, Space: channel, Channel: homeChannel}
	}
	return bot.Place{Network: Network, Channel: channel, Thread: thread}
}

// channelOf undoes placeOf, and takes a person for their direct messages.
func channelOf(p bot.Place) string {
	if p.Channel == homeChannel && p.Space != "" {
		return p.Space
	}
	if id, ok := p.Person(); ok {
		return id
	}
	return p.Channel
}

// decoder makes gestures of what Slack sends. It reads but the fields it knows: Slack adds others, and changes those that
// nobody relies on.
type decoder struct {
	now   time.Time
	specs []bot.CommandSpec
	self  string // drey's own user id; empty while it is not known
	open  opener
}

func (b *Bot) decoder() decoder {
	return decoder{now: b.o.Now(), specs: b.published(), self: b.people.self(), open: b.openUpload}
}

// lenient decodes what can be decoded: a field of a type nobody expected is left out.
func lenient(raw []byte, into any) error {
	err := json.Unmarshal(raw, into)
	if odd := (*json.UnmarshalTypeError)(nil); errors.As(err, &odd) && len(bytes.TrimSpace(raw)) > 0 {
		return nil
	}
	return err
}

// timeOf reads "1795219404.000100".
func timeOf(ts string) time.Time {
	sec, frac, _ := strings.Cut(ts, ".")
	n, err := strconv.ParseInt(sec, 10, 64)
	if err != nil || n <= 0 {
		return time.Time{}
	}
	micros, err := strconv.ParseInt((frac + "000000")[:6], 10, 64)
	if err != nil {
		micros = 0
	}
	return time.Unix(n, micros*1000)
}

// gesture is one of a person at a place.
func (d decoder) gesture(k kind, user, channel, thread string) *gesture {
	return &gesture{kind: k, born: d.now, user: user, channel: channel, thread: thread}
}

// event is that of a gesture: all but the call.
func (d decoder) event(id string, at time.Time, g *gesture) bot.Event {
	if at.IsZero() {
		at = d.now
	}
	return bot.Event{ID: id, At: at, Place: placeOf(g.channel, g.thread)}
}

// slashCommand is a typed slash command: a form over HTTP, JSON over a socket.
type slashCommand struct {
	Command string `json:"command"`
	Text    string `json:"text"`
	User    string `json:"user_id"`
	Channel string `json:"channel_id"`
	Trigger string `json:"trigger_id"`
	Respond string `json:"response_url"`
	Check   string `json:"ssl_check"`
}

// field is where a form's value belongs; nil for those that nobody asks for.
func (c *slashCommand) field(key string) *string {
	switch key {
	case "command":
		return &c.Command
	case "text":
		return &c.Text
	case "user_id":
		return &c.User
	case "channel_id":
		return &c.Channel
	case "trigger_id":
		return &c.Trigger
	case "response_url":
		return &c.Respond
	case "ssl_check":
		return &c.Check
	}
	return nil
}

// slash decodes a slash command.
func (d decoder) slash(c slashCommand) ([]taken, reason) {
	switch {
	case c.Check != "":
		return nil, ""
	case c.Command == "" || c.User == "" || c.Channel == "" || c.Trigger == "":
		return nil, refusedMalformed
	}
	g := d.gesture(slash, c.User, c.Channel, "")
	g.trigger, g.respond = c.Trigger, c.Respond
	ev := d.event("slash/"+c.Trigger, time.Time{}, g)
	ev.Call.Line = strings.TrimSpace(c.Command + " " + typed(c.Text))
	g.opens = d.opensForm(ev.Call.Line)
	return []taken{{g, ev}}, ""
}

// opensForm says whether a line is a command and nothing more, and that command then asks for the rest in a form.
func (d decoder) opensForm(line string) bool {
	if len(line) > 100 {
		return false
	}
	path := strings.ToLower(strings.Join(strings.Fields(strings.TrimPrefix(line, "/")), " "))
	s := d.spec(path)
	return s != nil && s.Opens
}

// spec is the command of a path, or nil.
func (d decoder) spec(path string) *bot.CommandSpec {
	for i := range d.specs {
		if d.specs[i].Path == path {
			return &d.specs[i]
		}
	}
	return nil
}

// published are the commands that Slack was told of.
func (b *Bot) published() []bot.CommandSpec {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.specs
}

// takeSlash takes a slash command; false when there is no room for it.
func (b *Bot) takeSlash(in *reception, c slashCommand) bool {
	all, why := b.decoder().slash(c)
	return b.took(in, all, why)
}

// took delivers what was decoded, or counts why there is nothing; false when there is no room for it.
func (b *Bot) took(in *reception, all []taken, why reason) bool {
	if why != "" {
		b.refuse(why, b.o.Mode)
	}
	all = slices.DeleteFunc(all, func(t taken) bool { return b.openHeld(in, t) })
	for _, t := range all {
		if t.g.opens {
			b.openSoon(in, t.g)
		}
	}
	return b.deliver(in, all)
}

// takeInteraction takes an interaction and returns the body of its acknowledgement, for which it waits where a person looks
// at a modal or a list. most bounds that body in bytes, 0 does not. took is false when there is no room for it.
func (b *Bot) takeInteraction(in *reception, payload []byte, most int) (answer any, took bool) {
	var p interaction
	if err := lenient(payload, &p); err != nil {
		b.refuse(refusedMalformed, b.o.Mode)
		return nil, true
	}
	if p.Type == "block_suggestion" {
		return b.suggest(in, p), true
	}
	all, why := b.decoder().interaction(p)
	if p.Type != "view_submission" || len(all) == 0 {
		return nil, b.took(in, all, why)
	}
	g := all[0].g
	g.ack, g.ackMax = make(chan any, 1), most
	if !b.deliver(in, all) {
		return nil, false
	}
	return answered(g, p.View), true
}

// takeEvent takes an event of the Events API; false when there is no room for it.
func (b *Bot) takeEvent(in *reception, payload []byte) bool {
	var e envelopeEvent
	if err := lenient(payload, &e); err != nil {
		b.refuse(refusedMalformed, b.o.Mode)
		return true
	}
	if b.notice(e) {
		return true
	}
	all, why := b.decoder().fromEvent(e)
	return b.took(in, all, why)
}
