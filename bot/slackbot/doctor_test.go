package slackbot

import (
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/slackbot/slacktest"
	"github.com/drey-ops/drey/config/secret"
)

func TestDoctor(t *testing.T) {
	t.Parallel()
	required := func(without string) (out []string) {
		for _, s := range scopes() {
			if s.name != without && !s.optional {
				out = append(out, s.name)
			}
		}
		return out
	}
	for _, c := range []struct {
		name   string
		change func(*workspace)
		opts   func(*Options)
		ill    []string // what is not well, with its mend
	}{
		{name: "all is well"},
		{name: "tokens swapped", opts: func(o *Options) { o.BotToken, o.AppToken = o.AppToken, o.BotToken }, ill: []string{"bot token: swap", "app token: swap"}},
		{name: "user's token", opts: func(o *Options) { o.BotToken = "xoxp-1" }, ill: []string{"bot token: use the Bot User OAuth Token"}},
		{name: "revoked", change: func(w *workspace) { w.slack.Rotate() }, ill: []string{"bot token: install the app"}},
		{name: "wrong app token", opts: func(o *Options) { o.AppToken = "xapp-1-A0OTHER" }, ill: []string{"app token: make a new"}},
		{name: "clock", opts: func(o *Options) { o.Now = func() time.Time { return time.Now().Add(-3 * time.Minute) } }, ill: []string{"clock: synchronise"}},
		{name: "scope", change: func(w *workspace) { w.slack.Scopes(required("links:write")...) }, ill: []string{"scope links:write: add it"}},
		{name: "not in channel", change: func(w *workspace) {
			w.slack.Scopes(required("")...)
			w.slack.ChangeChannel(w.ops, func(s *slacktest.ChannelState) { s.NotIn = true })
		}, ill: []string{"channel #ops: type /invite @drey in #ops"}},
		{name: "archived", change: func(w *workspace) {
			w.bot.Resolve(w.t.Context(), []string{"#ops"})
			w.slack.ChangeChannel(w.ops, func(s *slacktest.ChannelState) { s.Archived = true })
		}, ill: []string{"channel #ops: unarchive"}},
		{name: "Slack is away", opts: func(o *Options) { o.APIURL = "http://127.0.0.1:1/" }, ill: []string{"Web API: let drey reach Slack"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorkspace(t, ModeSocket, c.opts)
			group := w.slack.Group("ops", w.ann)
			if c.change != nil {
				c.change(w)
			}
			var ill []string
			for _, f := range w.bot.Doctor(t.Context(), []string{"#ops", homeChannel}, []string{group}) {
				if f.OK {
					continue
				}
				if f.Note == "" || f.Mend == "" {
					t.Errorf("%+v says too little", f)
				}
				ill = append(ill, strings.TrimPrefix(f.What, "Slack: ")+": "+f.Mend)
			}
			if len(ill) != len(c.ill) {
				t.Fatalf("got %q, want %q", ill, c.ill)
			}
			for i := range ill {
				if !strings.HasPrefix(ill[i], c.ill[i]) {
					t.Errorf("got %q, want %q", ill[i], c.ill[i])
				}
			}
		})
	}
}

// What cannot be found is named, and no finding tells a token.
func TestDoctorNames(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, ModeHTTP, nil)
	var all []bot.Finding
	for _, f := range w.bot.Doctor(t.Context(), []string{"#opps", "C0NOWHERE"}, []string{"S0NOBODY"}) {
		if !f.OK {
			all = append(all, f)
		}
	}
	if len(all) != 3 || !strings.Contains(all[0].Note, "#ops") || !strings.Contains(all[1].What, "C0NOWHERE") || !strings.Contains(all[2].What, "S0NOBODY") {
		t.Errorf("got %+v", all)
	}
	w.bot.Rotate(Options{BotToken: secret.Text("not-a-token-of-any-kind"), SigningSecret: "x"})
	if got := w.bot.Doctor(t.Context(), nil, nil); len(got) != 1 || strings.Contains(got[0].Note+got[0].Mend, "of-any-kind") {
		t.Errorf("got %+v", got)
	}
}
