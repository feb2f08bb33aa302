package slackbot

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/bottest"
	"github.com/drey-ops/drey/bot/slackbot/slacktest"
	"github.com/drey-ops/drey/config/secret"
	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/storagetest"
)

func TestConformanceHTTP(t *testing.T)   { t.Parallel(); conform(t, ModeHTTP) }
func TestConformanceSocket(t *testing.T) { t.Parallel(); conform(t, ModeSocket) }

// conform keeps to Slack's limits, a message a second and channel, over HTTP; once is enough.
func conform(t *testing.T, mode string) {
	bottest.Run(t, func(t *testing.T) bottest.Harness {
		if testing.Short() || mode == ModeSocket {
			return newSwiftWorkspace(t, mode).harness()
		}
		return newWorkspace(t, mode, nil).harness()
	})
}

// workspace is drey in a fake Slack, with the channel ops and the people ann and bob.
type workspace struct {
	t       *testing.T
	slack   *slacktest.Slack
	bot     *Bot
	db      *storage.DB
	ops     string
	ann, bo string
}

func newWorkspace(t *testing.T, mode string, change func(*Options)) *workspace {
	t.Helper()
	return workspaceIn(t, slacktest.Options{}, mode, change)
}

// newSwiftWorkspace is one without the limits that make most tests wait.
func newSwiftWorkspace(t *testing.T, mode string) *workspace {
	t.Helper()
	w := workspaceIn(t, slacktest.Options{NoLimits: true}, mode, nil)
	w.bot.client.pace.gap = time.Millisecond
	return w
}

func workspaceIn(t *testing.T, fake slacktest.Options, mode string, change func(*Options)) *workspace {
	t.Helper()
	// Whether drey acknowledges in time is tested where it receives; a busy machine must not decide it here.
	fake.AckWithin = 15 * time.Second
	w := &workspace{t: t, slack: slacktest.New(t, fake), db: storagetest.Open(t)}
	w.ops, w.ann, w.bo = w.slack.Channel("ops"), w.slack.User("ann"), w.slack.User("bob")
	o := Options{
		Mode: mode, BotToken: secret.Text(w.slack.BotToken()), AppToken: secret.Text(w.slack.AppToken()),
		SigningSecret: secret.Text(w.slack.SigningSecret()), APIURL: w.slack.APIURL(),
	}
	if change != nil {
		change(&o)
	}
	w.bot = New(w.db, slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelWarn})), o)
	t.Cleanup(w.bot.client.http.CloseIdleConnections)
	if mode == ModeHTTP {
		srv := httptest.NewServer(w.bot.Handler())
		t.Cleanup(srv.Close)
		w.slack.SetRequestURL(srv.URL)
	}
	return w
}

// testLog shows what drey logged beside the test's own words.
type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(string(p))
	return len(p), nil
}

func (w *workspace) place(thread string) bot.Place {
	return bot.Place{Network: Network, Channel: w.ops, Thread: thread}
}

// receive runs Receive until the test ends.
func (w *workspace) receive(sink bot.Sink) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.bot.Receive(ctx, sink) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("Receive: %v", err)
		}
	})
	w.listening(w.t)
}

// listening waits until drey can be reached.
func (w *workspace) listening(t testing.TB) {
	t.Helper()
	eventually(t, "drey receives", func() bool {
		return w.bot.receiving() != nil && (w.bot.o.Mode == ModeHTTP || w.slack.Sockets() > 0)
	})
}

func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func (w *workspace) user(name string) string { return w.slack.User(name) }

func (w *workspace) harness() bottest.Harness {
	ok := func(t testing.TB, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	return bottest.Harness{
		Network: w.bot, Place: w.place(""), Nowhere: bot.Place{Network: Network, Channel: "C0NOWHERE"}, Lingers: true,
		Type: func(t testing.TB, who, line string) {
			t.Helper()
			w.listening(t)
			_, err := w.slack.Slash(w.user(who), w.ops, line)
			ok(t, err)
		},
		Press: func(t testing.TB, who, label string) {
			t.Helper()
			w.listening(t)
			ok(t, w.slack.Click(w.user(who), w.ops, label))
		},
		// A sent modal is acknowledged with what Reply says, which the suite does only after Submit.
		Submit: func(t testing.TB, who string, values map[string]string) {
			t.Helper()
			eventually(t, who+" has a form", func() bool { v, open := w.slack.View(w.user(who)); return open && len(v.Inputs) > 0 })
			sent := make(chan error, 1)
			go func() { sent <- w.slack.Submit(w.user(who), values) }()
			w.t.Cleanup(func() { ok(w.t, <-sent) })
		},
		Read: func(_ testing.TB, who, thread string) []bottest.Seen { return w.read(who, thread) },
		Repeat: func(t testing.TB) {
			t.Helper()
			ok(t, w.slack.Repeat())
		},
		Remove: func(_ testing.TB, ref bot.MessageRef) { w.slack.Delete(ref.Place.Channel, ref.ID) },
	}
}

// read is the channel or thread, and the modal that lies over it.
func (w *workspace) read(who, thread string) []bottest.Seen {
	all := w.slack.See(w.user(who), w.ops, thread)
	if v, ok := w.slack.View(w.user(who)); ok {
		all = append(all, v)
	}
	out := make([]bottest.Seen, len(all))
	for i, s := range all {
		out[i] = bottest.Seen{ID: s.ID, Text: s.Text, Buttons: s.Buttons, Live: s.Live}
	}
	return out
}
