package slackbot

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/slackbot/slacktest"
)

func specimens() []bot.CommandSpec {
	return []bot.CommandSpec{
		{Path: "flink jobs", Help: "All jobs"}, {Path: "flink stop", Help: "Stop a job"}, {Path: "flink catalog tables"}, {Path: "flink catalog databases"},
		{Path: "alerts ack", Help: strings.Repeat("Acknowledge an alert. ", 20), Shortcut: &bot.Shortcut{Label: "Acknowledge the alert"}},
		{Path: "flink sql", Help: "Run SQL", Opens: true, Shortcut: &bot.Shortcut{Label: "Run as SQL", Text: "text"}}, {Path: "drey help"},
	}
}

// The manifest is judged by Slack's own schema of manifests.
func TestManifestSchema(t *testing.T) {
	if slacktest.Specs() == "" {
		t.Log("Slack's schema is not to be had (DREY_SPECS, ../shared/specs)")
	}
	for _, o := range []Options{
		{Mode: ModeHTTP, ExternalURL: "https://drey.example.com/", UnfurlDomains: []string{"flink.example.com"}}, {Mode: ModeSocket},
	} {
		raw, err := Manifest(specimens(), o)
		if err != nil {
			t.Fatal(err)
		}
		if err := slacktest.Manifest(raw); err != nil {
			t.Errorf("mode %s: %v\n%s", o.Mode, err, raw)
		}
	}
}

func TestManifestContent(t *testing.T) {
	read := func(o Options) manifest {
		t.Helper()
		raw, err := Manifest(specimens(), o)
		if err != nil {
			t.Fatal(err)
		}
		var m manifest
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	m := read(Options{Mode: ModeHTTP, ExternalURL: "https://drey.example.com/"})
	if n := len(m.Features.Commands); n != 3 {
		t.Fatalf("%d slash commands, want /alerts, /drey and /flink", n)
	}
	if c := m.Features.Commands[2]; c.Command != "/flink" || c.URL != "https://drey.example.com/slack/commands" || !c.Escape || c.Hint != "jobs | stop | catalog | sql" {
		t.Errorf("got %+v", c)
	}
	if m.Settings.Socket || m.Settings.Events.URL != "https://drey.example.com/slack/events" || m.Settings.Interactivity.Options != "https://drey.example.com/slack/options" {
		t.Errorf("got %+v", m.Settings)
	}
	if s := m.Features.Shortcuts; len(s) != 2 || s[0].Type != "message" || s[0].Callback != shortcutID("alerts ack") {
		t.Errorf("got %+v", s)
	}
	if !slices.Contains(m.OAuth.Scopes.Bot, "chat:write") || slices.Contains(m.OAuth.Scopes.Bot, "channels:history") {
		t.Errorf("got %+v", m.OAuth.Scopes)
	}
	socket := read(Options{Mode: ModeSocket, ExternalURL: "https://drey.example.com"})
	if !socket.Settings.Socket || socket.Settings.Events.URL != "" || socket.Features.Commands[0].URL != "" {
		t.Errorf("mode socket names an address: %+v", socket.Settings)
	}
}

func TestManifestRefusals(t *testing.T) {
	for _, c := range []struct {
		name  string
		o     Options
		specs []bot.CommandSpec
		want  string
	}{
		{"no address", Options{Mode: ModeHTTP}, nil, "external_url"},
		{"too many domains", Options{Mode: ModeSocket, UnfurlDomains: []string{"a.x", "b.x", "c.x", "d.x", "e.x", "f.x"}}, nil, "6 domains"},
		{"long label", Options{Mode: ModeSocket}, []bot.CommandSpec{{Path: "a b", Shortcut: &bot.Shortcut{Label: strings.Repeat("x", 25)}}}, "24 characters"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Manifest(c.specs, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error about %q", err, c.want)
			}
		})
	}
}
