package discordbot

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/discordbot/discordtest"
)

// talk is a server that receives, with what came in.
type talk struct {
	*server
	events chan bot.Event
	skew   *atomic.Int64
}

func newTalk(t *testing.T, mode string) *talk {
	t.Helper()
	skew := new(atomic.Int64)
	now := func() time.Time { return time.Now().Add(time.Duration(skew.Load())) }
	k := &talk{newServer(t, mode, discordtest.Options{NoLimits: true, Now: now}), make(chan bot.Event, 10), skew}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := k.bot.Receive(ctx, k); err != nil && ctx.Err() == nil {
			t.Errorf("receive: %v", err)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return k
}

// Deliver implements bot.Sink.
func (k *talk) Deliver(_ context.Context, ev bot.Event) { k.events <- ev }

// Suggest implements bot.Sink.
func (k *talk) Suggest(context.Context, bot.Ask) bot.Suggestions { return bot.Suggestions{} }

func (k *talk) gesture(what string, fn func() error) bot.Event {
	k.t.Helper()
	k.do(k.t, what, fn)
	select {
	case ev := <-k.events:
		return ev
	case <-time.After(10 * time.Second):
		k.t.Fatalf("%s: no event", what)
		return bot.Event{}
	}
}

func (k *talk) line(line string) bot.Event {
	k.t.Helper()
	return k.gesture(line, func() error { return k.d.Line("ann", k.channel, line) })
}

func (k *talk) press(label string) bot.Event {
	k.t.Helper()
	return k.gesture(label, func() error { return k.d.Click("ann", k.channel, label) })
}

func (k *talk) reply(ev bot.Event, m bot.Message) {
	k.t.Helper()
	parts := bot.Fit(m, k.bot.Caps())
	if err := k.bot.Reply(k.t.Context(), ev, parts[0]); err != nil {
		k.t.Fatalf("reply: %v", err)
	}
}

// texts is what who sees, "!" before what is for them alone.
func (k *talk) texts(who string) []string {
	var out []string
	for _, m := range k.d.See(who, k.channel, "") {
		s := m.Text
		if m.Pending {
			s = "…"
		}
		if m.Private {
			s = "!" + s
		}
		out = append(out, s)
	}
	return out
}

func (k *talk) wants(who string, want ...string) {
	k.t.Helper()
	k.await(k.t, strings.Join(want, " | "), func() bool { return slices.Equal(k.texts(who), want) })
}

func text(s string) bot.Message { return bot.Message{Blocks: []bot.Block{bot.Textf("%s", s)}} }

func alone(m bot.Message) bot.Message { m.Private = true; return m }

func pending(m bot.Message) bot.Message { m.Pending = true; return m }

func both(t *testing.T, run func(k *talk)) {
	for _, mode := range []string{ModeHTTP, ModeGateway} {
		t.Run(mode, func(t *testing.T) { run(newTalk(t, mode)) })
	}
}

func TestRepliesReplaceEachOther(t *testing.T) {
	type step struct {
		m   bot.Message
		ann []string
		bob []string
	}
	wait := pending(alone(text("wait")))
	for name, steps := range map[string][]step{
		"promise, private":        {{wait, []string{"!…"}, nil}, {alone(text("a")), []string{"!a"}, nil}, {alone(text("b")), []string{"!b"}, nil}},
		"promise, public":         {{wait, []string{"!…"}, nil}, {pending(text("a")), []string{"a"}, []string{"a"}}, {text("b"), []string{"b"}, []string{"b"}}},
		"public, private":         {{pending(text("a")), []string{"a"}, []string{"a"}}, {alone(text("b")), []string{"!b"}, nil}, {alone(text("c")), []string{"!c"}, nil}},
		"private, public":         {{alone(text("a")), []string{"!a"}, nil}, {text("b"), []string{"b"}, []string{"b"}}},
		"public posted, private":  {{wait, []string{"!…"}, nil}, {text("a"), []string{"a"}, []string{"a"}}, {alone(text("b")), []string{"!b"}, nil}, {text("c"), []string{"c"}, []string{"c"}}},
		"promise, private, again": {{wait, []string{"!…"}, nil}, {pending(alone(text("a"))), []string{"!a"}, nil}, {text("b"), []string{"b"}, []string{"b"}}},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(k *talk) {
				ev := k.line("/flink jobs prod")
				for _, s := range steps {
					k.reply(ev, s.m)
					k.wants("ann", s.ann...)
					k.wants("bob", s.bob...)
				}
			})
		})
	}
}

func TestReplyWithFiles(t *testing.T) {
	both(t, func(k *talk) {
		m := text("see the file")
		m.Blocks = append(m.Blocks, bot.File{Name: "a b.txt", MIME: "text/plain", Data: []byte("hello\n")})
		for _, m := range []bot.Message{m, alone(m)} {
			k.reply(k.line("/flink jobs prod"), m)
		}
		seen := k.d.See("ann", k.channel, "")
		if len(seen) != 2 || !slices.Equal(seen[0].Files, []string{"a_b.txt"}) || seen[0].Private || !seen[1].Private || len(seen[1].Files) != 1 {
			k.t.Errorf("ann sees %+v", seen)
		}
	})
}

// TestReplyAfterTheToken: Discord takes answers to an interaction for 15 minutes.
func TestReplyAfterTheToken(t *testing.T) {
	both(t, func(k *talk) {
		shown, promised, hidden := k.line("/flink jobs prod"), k.line("/flink stop orders"), k.line("/flink sql")
		k.reply(shown, pending(text("one")))
		k.reply(shown, pending(text("one, further")))
		k.reply(promised, pending(alone(text("wait"))))
		k.reply(hidden, pending(alone(text("wait"))))
		k.under.Wait()
		k.skew.Store(int64(20 * time.Minute))
		k.reply(shown, text("one, done"))
		k.reply(shown, text("one, indeed"))
		k.reply(promised, text("two"))
		k.reply(hidden, alone(text("secret")))
		k.await(k.t, "answers", func() bool { return len(k.texts("bob")) == 3 })
		got := k.texts("bob")
		if got[0] != "one, indeed" || got[1] != "two" || !strings.Contains(got[2], "@ann The answer came too late") || strings.Contains(strings.Join(got, ""), "secret") {
			k.t.Errorf("bob sees %q", got)
		}
	})
}

func TestReplyAfterARestart(t *testing.T) {
	k := newTalk(t, ModeHTTP)
	ev := k.line("/flink jobs prod")
	k.reply(ev, pending(alone(text("wait"))))
	ev.Token = "unknown"
	k.reply(ev, text("done"))
	k.reply(ev, text("done"))
	k.wants("bob", "done")
}

func TestConfirmedPress(t *testing.T) {
	both(t, func(k *talk) {
		m := text("card")
		m.Blocks = append(m.Blocks, bot.Actions{{ID: strings.Repeat("s", 24), Label: "Stop orders", Style: bot.Danger, Confirm: "Stop *prod/orders*?"}})
		ref, err := k.bot.Post(t.Context(), k.place(), "k/1", m)
		if err != nil {
			t.Fatal(err)
		}
		k.ready(t)
		ask := func() { // no event comes of it
			k.t.Helper()
			k.do(k.t, "ask", func() error { return k.d.ClickOn("ann", k.channel, ref.ID, "Stop orders") })
		}
		ask()
		k.wants("ann", "card", "!⚠️ Stop *prod/orders*?")
		if err := k.d.Click("ann", k.channel, "Cancel"); err != nil {
			k.t.Fatal(err)
		}
		k.wants("ann", "card", "!Nothing was done.")
		ask()
		k.await(k.t, "question", func() bool { return len(k.texts("ann")) == 3 && k.sees("ann", "Cancel") })
		ev := k.press("Stop orders")
		if ev.Button != strings.Repeat("s", 24) || ev.Origin == nil || ev.Origin.ID != ref.ID {
			k.t.Errorf("got %+v of %+v", ev, ev.Origin)
		}
		k.reply(ev, text("stopped"))
		k.wants("ann", "card", "!Nothing was done.", "stopped")
		k.wants("bob", "card", "stopped")
	})
}

func TestInsteadOfAPrivateMessage(t *testing.T) {
	both(t, func(k *talk) {
		page := func(s string) bot.Message {
			m := alone(text(s))
			m.Instead, m.Blocks = true, append(m.Blocks, bot.Actions{{ID: strings.Repeat("n", 24), Label: "Next"}})
			return m
		}
		k.reply(k.line("/flink jobs prod"), page("page 1"))
		k.await(k.t, "page 1", func() bool { return k.sees("ann", "Next") })
		k.reply(k.press("Next"), page("page 2"))
		k.wants("ann", "!page 2")
		ev := k.press("Next")
		k.reply(ev, pending(alone(text("wait"))))
		k.reply(ev, page("page 3"))
		k.wants("ann", "!page 3")
		ev = k.press("Next")
		k.reply(ev, pending(alone(text("wait"))))
		k.reply(ev, alone(text("an answer")))
		k.wants("ann", "!page 3", "!an answer")
	})
}

// TestFormAfterAPromise: a form that comes too late to be opened waits behind a button.
func TestFormAfterAPromise(t *testing.T) {
	both(t, func(k *talk) {
		form := &bot.Form{ID: strings.Repeat("f", 24), Title: "Cancel", Fields: []bot.Input{{Name: "why", Label: "Why", Kind: "line"}}}
		ev := k.line("/flink cancel orders")
		k.reply(ev, pending(alone(text("wait"))))
		k.reply(ev, bot.Message{Form: form})
		k.await(k.t, "button", func() bool { return k.sees("ann", "Open form") })
		if err := k.d.Click("ann", k.channel, "Open form"); err != nil {
			k.t.Fatal(err)
		}
		got := k.gesture("submit", func() error { return k.d.Submit("ann", map[string]string{"why": "because"}) })
		if got.Button != form.ID || got.Form["why"] != "because" {
			k.t.Errorf("got %+v", got)
		}
		k.reply(got, alone(text("fine")))
		k.under.Wait()
		k.skew.Store(int64(time.Hour))
		if err := k.d.Click("ann", k.channel, "Open form"); err != nil {
			k.t.Fatal(err)
		}
		k.await(k.t, "apology", func() bool { return strings.Contains(strings.Join(k.texts("ann"), ""), "no longer kept") })
	})
}

// TestNotAllowedToWrite: the answer that everybody should see is at least seen by the one who asked.
func TestNotAllowedToWrite(t *testing.T) {
	both(t, func(k *talk) {
		k.d.ChangeChannel(k.channel, func(c *discordtest.ChannelState) { c.Missing = append(c.Missing, "SEND_MESSAGES") })
		ev := k.line("/flink jobs prod")
		k.reply(ev, pending(alone(text("wait"))))
		k.reply(ev, text("the answer"))
		got := k.texts("ann")
		if len(got) != 1 || !strings.HasPrefix(got[0], "!the answer") || !strings.Contains(got[0], "may not write") {
			k.t.Errorf("ann sees %q", got)
		}
	})
}

// TestConfirmedPressThatOpens: the question of a button that opens a form is put away once the form is sent.
func TestConfirmedPressThatOpens(t *testing.T) {
	both(t, func(k *talk) {
		form := &bot.Form{ID: strings.Repeat("f", 24), Title: "Cancel", Fields: []bot.Input{{Name: "why", Label: "Why", Kind: "line"}}}
		m := text("card")
		m.Blocks = append(m.Blocks, bot.Actions{{ID: strings.Repeat("s", 24), Label: "Cancel orders", Style: bot.Danger, Confirm: "Cancel prod/orders?", Opens: true}})
		ref, err := k.bot.Post(t.Context(), k.place(), "k/1", m)
		if err != nil {
			t.Fatal(err)
		}
		k.ready(t)
		k.do(k.t, "ask", func() error { return k.d.ClickOn("ann", k.channel, ref.ID, "Cancel orders") })
		k.wants("ann", "card", "!⚠️ Cancel prod/orders?")
		k.reply(k.press("Cancel orders"), bot.Message{Form: form})
		k.await(k.t, "form", func() bool { _, open := k.d.Modal("ann"); return open })
		ev := k.gesture("submit", func() error { return k.d.Submit("ann", map[string]string{"why": "because"}) })
		k.wants("ann", "card", "!Confirmed: Cancel orders")
		if ev.Origin == nil || ev.Origin.ID != ref.ID || ev.Form["why"] != "because" {
			k.t.Errorf("got %+v, origin %+v", ev, ev.Origin)
		}
		k.reply(ev, text("cancelled"))
		k.wants("bob", "card", "cancelled")
	})
}

// TestRolesOfEachPress: a press has the roles of its moment, not those of when the message came.
func TestRolesOfEachPress(t *testing.T) {
	both(t, func(k *talk) {
		m := text("card")
		m.Blocks = append(m.Blocks, bot.Actions{{ID: strings.Repeat("s", 24), Label: "Show"}})
		k.post(k.place(), "k/1", m)
		k.ready(t)
		for _, roles := range [][]string{{"operators"}, {}, {"operators", "viewers"}} {
			k.d.SetRoles("ann", roles...)
			ev := k.press("Show")
			k.reply(ev, alone(text("shown")))
			var want []string
			for _, r := range roles {
				want = append(want, k.d.Role(r))
			}
			if !slices.Equal(ev.Actor.Groups, want) {
				k.t.Errorf("roles %v, want %v", ev.Actor.Groups, want)
			}
		}
	})
}
