package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/drey-ops/drey/bot/discordbot/discordtest"
)

// discordChat is the fake Discord; drey speaks to it as to the real one.
type discordChat struct{ discord *discordtest.Discord }

func newDiscordChat(port int) (*discordChat, error) {
	o := discordtest.Options{RequestURL: fmt.Sprintf("http://127.0.0.1:%d", port)}
	if sockets() {
		o.RequestURL = ""
	}
	d, err := discordtest.Start(o)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"ops", "oncall", "analytics"} {
		d.Channel(name)
	}
	d.App("robot")
	d.Leave("gone")
	d.Rest("flink sql", "text")
	d.Rest("flink explain", "text")
	return &discordChat{d}, nil
}

func (c *discordChat) section() string {
	mode := "http"
	if sockets() {
		mode = "gateway"
	}
	return "\ndiscord: { mode: " + mode + ", application_id: \"${env:DISCORD_APP}\", public_key: \"${env:DISCORD_KEY}\", bot_token: \"${env:DISCORD_TOKEN}\", api_url: \"${env:DISCORD_API}\", guilds: [\"${env:DISCORD_GUILD}\"] }\n"
}

func (c *discordChat) env() map[string]string {
	env := map[string]string{
		"OPS": "discord:" + c.discord.Channel("ops"), "ONCALL": "discord:" + c.discord.Channel("oncall"), "ANALYTICS": "discord:" + c.discord.Channel("analytics"),
		"DISCORD_APP": c.discord.ApplicationID(), "DISCORD_KEY": c.discord.PublicKey(), "DISCORD_TOKEN": c.discord.BotToken(),
		"DISCORD_API": c.discord.APIURL(), "DISCORD_GUILD": c.discord.Guild(), "GONE": c.discord.User("gone"),
	}
	for _, name := range []string{"olga", "vera", "rita"} {
		env["DISCORD_"+strings.ToUpper(name)] = c.discord.User(strings.ToUpper(name[:1]) + name[1:])
	}
	return env
}

// join registers the commands, as whoever sets drey up does, for the first person who comes.
func (c *discordChat) join(ctx context.Context, ts *testscript.TestScript, name string) (person, error) {
	if c.discord.Registrations() == 0 {
		if err := ts.Exec("drey", "discord", "register", "-c", "drey.yaml"); err != nil {
			return nil, fmt.Errorf("register the commands: %w", err)
		}
	}
	return &discordPerson{discord: c.discord, name: strings.ToUpper(name[:1]) + name[1:], asked: map[string]bool{}}, nil
}

func (c *discordChat) here() error {
	if sockets() && c.discord.Connections() == 0 {
		return errNotHere
	}
	return nil
}

func (c *discordChat) end(restarted bool) []string {
	c.discord.Close()
	return unpaced(restarted, c.discord.Violations(), "You are being rate limited")
}

// discordPerson is somebody in the fake Discord.
type discordPerson struct {
	discord *discordtest.Discord
	name    string

	mu    sync.Mutex
	asked map[string]bool // questions that were answered, by the message's id
}

// say calls a command. What Discord's client would not let a person send, a wrong command or a wrong value, is sent as a
// line to be read by drey.
func (p *discordPerson) say(_ context.Context, channel, line string) error {
	at := p.discord.Channel(channel)
	err := p.discord.Line(p.name, at, line)
	if err != nil && !errors.Is(err, discordtest.ErrNoAnswer) {
		return p.discord.Slash(p.name, at, "drey do", map[string]any{"line": line})
	}
	return err
}

func (p *discordPerson) sees(channel, thread string) []discordtest.Seen {
	return slices.DeleteFunc(p.discord.See(p.name, p.discord.Channel(channel), thread), func(m discordtest.Seen) bool { return m.Pending })
}

func (p *discordPerson) read(_ context.Context, channel, thread string) ([]heard, error) {
	var out []heard
	for _, m := range p.sees(channel, thread) {
		text := m.Text + " " + strings.Join(m.Buttons, " ")
		if m.Private {
			text = "Only you can see this " + text
		}
		out = append(out, heard{m.ID, oneLine(text), m.Thread != ""})
	}
	if v, ok := p.discord.Modal(p.name); ok {
		out = append(out, heard{text: "Only you can see this " + oneLine(v.Text)})
	}
	return out, nil
}

func (p *discordPerson) find(_ context.Context, channel, thread, label string) (button, error) {
	for _, m := range slices.Backward(p.sees(channel, thread)) {
		for _, l := range m.Buttons {
			if labelled(l, label) && !slices.Contains(m.Disabled, l) {
				return button{channel, thread, m.ID, l}, nil
			}
		}
	}
	return button{}, fmt.Errorf("no button %q for %s in #%s", label, p.name, channel)
}

func (p *discordPerson) press(_ context.Context, b button) error {
	i := slices.IndexFunc(p.sees(b.channel, b.thread), func(m discordtest.Seen) bool { return m.ID == b.message && slices.Contains(m.Buttons, b.id) })
	if i < 0 {
		return &errGone{"the button is no longer there. Nothing was done"}
	}
	at := p.discord.Channel(b.channel)
	if err := p.discord.ClickOn(p.name, at, b.message, b.id); err != nil {
		return err
	}
	if q, ok := p.question(b); ok { // Discord has no question before a press: drey asks it
		return p.discord.ClickOn(p.name, at, q, b.id)
	}
	return nil
}

func (p *discordPerson) hold(b button) (func() error, error) {
	return p.discord.Hold(p.name, b.message, b.id)
}

// question finds the newest question before a press that was not answered. No other press gets it.
func (p *discordPerson) question(b button) (id string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, q := range slices.Backward(p.sees(b.channel, b.thread)) {
		if q.Private && q.ID != b.message && slices.Equal(q.Buttons, []string{b.id, "Cancel"}) && len(q.Disabled) == 0 && !p.asked[q.ID] {
			p.asked[q.ID] = true
			return q.ID, true
		}
	}
	return "", false
}

// opens says whether a form is come back to, or sent, by a button of this label.
func opens(label string) bool {
	return slices.Contains([]string{"Correct…", "Open form"}, label)
}

// offered is the newest message that has such a button, in the channel or else in a thread of it.
func (p *discordPerson) offered(channel string) (m discordtest.Seen, label string, ok bool) {
	all := p.sees(channel, "")
	var threads []discordtest.Seen
	for _, root := range all {
		if root.Thread != "" {
			threads = append(threads, p.sees(channel, root.Thread)...)
		}
	}
	for _, m := range slices.Backward(append(threads, all...)) {
		if len(m.Buttons) == 2 && m.Buttons[1] == "Not now" && len(m.Disabled) == 0 { // there is nothing to fill in
			return m, m.Buttons[0], true
		}
		for _, l := range m.Buttons {
			if opens(l) && !slices.Contains(m.Disabled, l) {
				return m, l, true
			}
		}
	}
	return m, "", false
}

func (p *discordPerson) form(_ context.Context, channel string) (string, error) {
	if v, ok := p.discord.Modal(p.name); ok {
		return oneLine(v.Text), nil
	}
	if m, _, ok := p.offered(channel); ok {
		return oneLine(m.Text), nil
	}
	return "", fmt.Errorf("%s has no form open", p.name)
}

func (p *discordPerson) fill(_ context.Context, channel string, values map[string]string) error {
	if _, ok := p.discord.Modal(p.name); !ok {
		m, label, ok := p.offered(channel)
		if !ok {
			return fmt.Errorf("%s has no form open", p.name)
		}
		err := p.discord.ClickOn(p.name, p.discord.Channel(channel), m.ID, label)
		if _, opened := p.discord.Modal(p.name); err != nil || !opened {
			return err
		}
	}
	return p.discord.Submit(p.name, values)
}
