package discordbot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/bottest"
	"github.com/drey-ops/drey/bot/discordbot/discordtest"
	"github.com/drey-ops/drey/config/secret"
	"github.com/drey-ops/drey/storage/storagetest"
)

func TestConformance(t *testing.T) {
	for _, mode := range []string{ModeHTTP, ModeGateway} {
		t.Run(mode, func(t *testing.T) {
			bottest.Run(t, func(t *testing.T) bottest.Harness {
				s := newServer(t, mode, discordtest.Options{NoLimits: true})
				return s.harness()
			})
		})
	}
}

// server is drey in a Discord for tests.
type server struct {
	t       *testing.T
	d       *discordtest.Discord
	bot     *Bot
	channel string
	under   sync.WaitGroup // gestures that wait for their first response
}

// suiteCommands are those that the suite types.
func suiteCommands() []bot.CommandSpec {
	job := []bot.ParamSpec{{Name: "job", Help: "which job", Type: "job", Required: true}}
	return []bot.CommandSpec{
		{Path: "flink jobs", Help: "Lists jobs", Params: []bot.ParamSpec{{Name: "cluster", Help: "which cluster", Type: "cluster"}}},
		{Path: "flink stop", Help: "Stops a job", Params: job},
		{Path: "flink cancel", Help: "Cancels a job", Params: job, Opens: true},
		{Path: "flink sql", Help: "Runs SQL", Params: []bot.ParamSpec{{Name: "sql", Help: "a statement", Type: "text"}}},
		{Path: "drey whoami", Help: "Tells who you are"},
	}
}

func newServer(t *testing.T, mode string, o discordtest.Options) *server {
	t.Helper()
	s := &server{t: t}
	handler := make(chan http.Handler, 1)
	if mode == ModeHTTP {
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := <-handler
			handler <- h
			h.ServeHTTP(w, r)
		}))
		t.Cleanup(web.Close)
		o.RequestURL = web.URL
	}
	s.d = discordtest.New(t, o)
	s.bot = New(storagetest.Open(t), slog.New(slog.NewTextHandler(io.Discard, nil)), Options{
		Mode: mode, ApplicationID: s.d.ApplicationID(), PublicKey: s.d.PublicKey(), BotToken: secret.Text(s.d.BotToken()), Guilds: []string{s.d.Guild()},
		APIURL: s.d.APIURL(), DirectMessages: true, Now: o.Now,
	})
	t.Cleanup(s.bot.sender.client.CloseIdleConnections)
	handler <- s.bot.Handler()
	s.channel = s.d.Channel("ops")
	for _, who := range []string{"ann", "bob"} {
		s.d.Admin(who)
	}
	if err := s.bot.Publish(t.Context(), suiteCommands()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.bot.Register(t.Context(), suiteCommands(), true); err != nil {
		t.Fatalf("register: %v", err)
	}
	return s
}

func (s *server) place() bot.Place { return bot.Place{Network: Network, Channel: s.channel} }

// do makes a gesture. The suite answers when drey has delivered it, which is before the gesture is over.
func (s *server) do(t testing.TB, what string, gesture func() error) {
	t.Helper()
	s.ready(t)
	done := make(chan error, 1)
	s.under.Add(1)
	go func() {
		defer s.under.Done()
		err := gesture()
		for end := time.Now().Add(5 * time.Second); err != nil && strings.Contains(err.Error(), "no session is open") && time.Now().Before(end); {
			time.Sleep(5 * time.Millisecond) // drey is still connecting
			err = gesture()
		}
		done <- err
	}()
	t.Cleanup(func() {
		if err := <-done; err != nil && !errors.Is(err, discordtest.ErrNoAnswer) { // the suite leaves some without an answer
			t.Errorf("%s: %v", what, err)
		}
	})
}

func (s *server) ready(t testing.TB) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, _, ok := s.bot.receiving(); ok {
			return
		}
		if time.Now().After(end) {
			t.Fatal("drey does not receive")
		}
	}
}

func (s *server) await(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %s; ann sees %q", what, s.read("ann", ""))
		}
	}
}

func (s *server) read(who, thread string) []bottest.Seen {
	var out []bottest.Seen
	for _, m := range s.d.See(who, s.channel, thread) {
		out = append(out, bottest.Seen{ID: m.ID, Text: m.Text, Buttons: m.Buttons, Live: m.Live})
	}
	return out
}

// sees says whether who sees a button that can be pressed.
func (s *server) sees(who, label string) bool {
	return slices.ContainsFunc(s.d.See(who, s.channel, ""), func(m discordtest.Seen) bool {
		return slices.Contains(m.Buttons, label) && !slices.Contains(m.Disabled, label)
	})
}

func (s *server) harness() bottest.Harness {
	return bottest.Harness{
		Network: s.bot, Place: s.place(), Nowhere: bot.Place{Network: Network, Channel: "99999999999999999"},
		Type: func(t testing.TB, who, line string) {
			s.do(t, line, func() error { return s.d.Line(who, s.channel, line) })
		},
		Press: func(t testing.TB, who, label string) {
			s.do(t, "press "+label, func() error { return s.d.Click(who, s.channel, label) })
		},
		Submit: func(t testing.TB, who string, values map[string]string) {
			s.await(t, "form", func() bool {
				_, open := s.d.Modal(who)
				return open || s.sees(who, "Correct…")
			})
			if _, open := s.d.Modal(who); !open {
				if err := s.d.Click(who, s.channel, "Correct…"); err != nil {
					t.Fatal(err)
				}
			}
			s.do(t, "submit", func() error { return s.d.Submit(who, values) })
		},
		Read: func(_ testing.TB, who, thread string) []bottest.Seen { return s.read(who, thread) },
		Remove: func(t testing.TB, ref bot.MessageRef) {
			err := s.bot.sender.do(context.Background(), "delete message", "DELETE", fmt.Sprintf("channels/%s/messages/%s", ref.Place.Channel, ref.ID), nil, nil)
			if err != nil {
				t.Fatal(err)
			}
		},
	}
}

var _ bot.Network = (*Bot)(nil)
