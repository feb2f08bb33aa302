package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/drey-ops/drey/bot/slackbot/slacktest"
)

// slackChat is the fake Slack; drey speaks to it as to the real one.
type slackChat struct{ slack *slacktest.Slack }

func newSlackChat(port int) (*slackChat, error) {
	o := slacktest.Options{RequestURL: fmt.Sprintf("http://127.0.0.1:%d", port)}
	if sockets() {
		o.RequestURL = ""
	}
	s, err := slacktest.Start(o)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"ops", "oncall", "analytics"} {
		s.Channel(name)
	}
	for _, shown := range []string{"Olga", "Vera", "Rita"} { // they stand in the menu of people before they come
		s.User(strings.ToLower(shown), func(u *slacktest.UserState) { u.Name, u.RealName = shown, shown })
	}
	s.User("robot", func(u *slacktest.UserState) { u.Bot = true })
	s.User("gone", func(u *slacktest.UserState) { u.Deleted = true })
	return &slackChat{s}, nil
}

func (c *slackChat) section() string {
	if sockets() {
		return "\nslack: { mode: socket, bot_token: \"${env:SLACK_BOT_TOKEN}\", app_token: \"${env:SLACK_APP_TOKEN}\", api_url: \"${env:SLACK_API}\" }\n"
	}
	return "\nslack: { mode: http, bot_token: \"${env:SLACK_BOT_TOKEN}\", signing_secret: \"${env:SLACK_SECRET}\", api_url: \"${env:SLACK_API}\" }\n"
}

func (c *slackChat) env() map[string]string {
	return map[string]string{
		"OPS": "slack:" + c.slack.Channel("ops"), "ONCALL": "slack:" + c.slack.Channel("oncall"), "ANALYTICS": "slack:" + c.slack.Channel("analytics"),
		"SLACK_BOT_TOKEN": c.slack.BotToken(), "SLACK_SECRET": c.slack.SigningSecret(), "SLACK_API": c.slack.APIURL(),
		"SLACK_APP_TOKEN": c.slack.AppToken(), "GONE": c.slack.User("gone"),
	}
}

func (c *slackChat) join(_ context.Context, _ *testscript.TestScript, name string) (person, error) {
	shown := strings.ToUpper(name[:1]) + name[1:]
	return &slackPerson{c.slack, c.slack.User(name, func(u *slacktest.UserState) { u.Name, u.RealName = shown, shown }), name}, nil
}

func (c *slackChat) here() error {
	if sockets() && c.slack.Sockets() == 0 {
		return errNotHere
	}
	return nil
}

func (c *slackChat) end(restarted bool) []string {
	c.slack.Close()
	return unpaced(restarted, c.slack.Violations(), "called more often than Slack allows")
}

// slackPerson is somebody in the fake Slack.
type slackPerson struct {
	slack    *slacktest.Slack
	id, name string
}

// say types a slash command; a line that is none of drey's, Slack would not pass on, is said to @drey instead.
func (p *slackPerson) say(_ context.Context, channel, line string) error {
	at := p.slack.Channel(channel)
	switch root, _, _ := strings.Cut(line, " "); root {
	case "/flink", "/alerts", "/drey":
		_, err := p.slack.Slash(p.id, at, line)
		return err
	}
	return p.slack.Mention(p.id, at, "", line)
}

func (p *slackPerson) read(_ context.Context, channel, thread string) ([]heard, error) {
	var out []heard
	for _, m := range p.sees(channel, thread) {
		out = append(out, heard{m.ID, slackText(m), thread == ""})
	}
	if text, err := p.form(context.Background(), channel); err == nil { // it stands before everything else
		out = append(out, heard{text: "Only you can see this " + text})
	}
	return out, nil
}

// sees is what drey said, the answers under what somebody said to @drey with it.
func (p *slackPerson) sees(channel, thread string) []slacktest.Seen {
	at := p.slack.Channel(channel)
	var out []slacktest.Seen
	for _, m := range p.slack.See(p.id, at, thread) {
		switch {
		case m.ID == thread:
		case m.Author == p.slack.BotUser():
			out = append(out, m)
		case thread == "":
			out = append(out, slices.DeleteFunc(p.slack.See(p.id, at, m.ID), func(r slacktest.Seen) bool { return r.ID == m.ID })...)
		}
	}
	return out
}

func slackText(m slacktest.Seen) string {
	text := m.Text + " " + strings.Join(m.Buttons, " ")
	if m.Private {
		text = "Only you can see this " + text
	}
	return oneLine(text)
}

func (p *slackPerson) find(_ context.Context, channel, thread, label string) (button, error) {
	seen := p.sees(channel, thread)
	for i := len(seen) - 1; i >= 0; i-- {
		for _, l := range seen[i].Buttons {
			if labelled(l, label) {
				return button{channel, thread, seen[i].ID, l}, nil
			}
		}
	}
	return button{}, fmt.Errorf("no button %q for %s in #%s", label, p.name, channel)
}

func (p *slackPerson) press(_ context.Context, b button) error {
	at := p.slack.Channel(b.channel)
	if m, ok := p.slack.Message(at, b.message); !ok || !slices.Contains(m.Buttons, b.id) {
		return &errGone{"the button is no longer there. Nothing was done"}
	}
	return p.slack.ClickOn(p.id, at, b.message, b.id)
}

func (p *slackPerson) hold(b button) (func() error, error) {
	return p.slack.Hold(p.id, p.slack.Channel(b.channel), b.message, b.id)
}

func (p *slackPerson) form(_ context.Context, _ string) (string, error) {
	v, ok := p.slack.View(p.id)
	if !ok {
		return "", fmt.Errorf("%s has no modal open", p.name)
	}
	text := v.Text
	for _, in := range v.Inputs {
		text += " " + in.Error
	}
	return oneLine(text), nil
}

func (p *slackPerson) fill(_ context.Context, _ string, values map[string]string) error {
	if v, ok := p.slack.View(p.id); !ok || len(v.Buttons) == 0 {
		return fmt.Errorf("%s has no form open", p.name)
	}
	return p.slack.Submit(p.id, values)
}
