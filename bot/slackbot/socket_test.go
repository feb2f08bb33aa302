package slackbot

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/slackbot/slacktest"
	"github.com/drey-ops/drey/config/secret"
)

// plugged is drey at the sockets of a fake Slack.
type plugged struct {
	t     *testing.T
	slack *slacktest.Slack
	bot   *Bot
	sink  *catcher
	end   func() error
	ended chan struct{} // closed when Receive returned
	ops   string
	ann   string

	mu      sync.Mutex
	refused map[string]int
}

func plug(t *testing.T, o slacktest.Options, change ...func(*slacktest.Slack, *Options)) *plugged {
	t.Helper()
	s := slacktest.New(t, o)
	w := &plugged{t: t, slack: s, sink: newCatcher(), ops: s.Channel("ops"), ann: s.User("ann"), refused: map[string]int{}}
	opts := Options{
		Mode: ModeSocket, BotToken: secret.Text(s.BotToken()), AppToken: secret.Text(s.AppToken()), APIURL: s.APIURL(),
		OnRefused: func(why string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.refused[why]++
		},
	}
	for _, fn := range change {
		fn(s, &opts)
	}
	w.bot = New(nil, slog.New(slog.DiscardHandler), opts)
	if err := w.bot.Publish(t.Context(), specsForTest()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.ended = make(chan struct{})
	var err error
	go func() {
		defer close(w.ended)
		err = w.bot.Receive(ctx, w.sink)
	}()
	w.end = sync.OnceValue(func() error {
		cancel()
		<-w.ended
		w.bot.client.http.CloseIdleConnections()
		return err
	})
	t.Cleanup(func() { w.end() })
	return w
}

func (w *plugged) connected() {
	w.t.Helper()
	eventually(w.t, "two connections", func() bool { return w.slack.Sockets() == sockets })
}

func (w *plugged) slash(line string) bot.Event {
	w.t.Helper()
	if _, err := w.slack.Slash(w.ann, w.ops, line); err != nil {
		w.t.Fatal(err)
	}
	return w.sink.next(w.t)
}

func TestSocketGestures(t *testing.T) {
	t.Parallel()
	w := plug(t, slacktest.Options{})
	w.slack.Group("ops", w.ann)
	w.connected()
	ev := w.slash("/flink job orders")
	want := bot.Actor{Network: Network, ID: w.ann, Name: "ann", Groups: []string{"S0OPS"}}
	if ev.Call.Line != "/flink job orders" || ev.Place.Channel != w.ops || ev.Actor.String() != want.String() || len(ev.Actor.Groups) != 1 || ev.Actor.Outside {
		t.Errorf("%+v", ev)
	}
	if err := w.slack.Repeat(); err != nil {
		t.Error(err)
	}
	if again := w.sink.next(t); again.ID != ev.ID {
		t.Errorf("the repeat is another event: %q, %q", ev.ID, again.ID)
	}
	if err := w.slack.Mention(w.ann, w.ops, "", "jobs prod"); err != nil {
		t.Error(err)
	}
	if ev := w.sink.next(t); ev.Call.Line != "jobs prod" || ev.Place.Thread == "" {
		t.Errorf("%+v", ev)
	}
	if err := w.slack.DM(w.ann, "sql\n```SELECT 1```"); err != nil {
		t.Error(err)
	}
	if ev := w.sink.next(t); ev.Call.Line != "sql\n```\nSELECT 1\n```" || ev.Place.Thread != "" {
		t.Errorf("%+v", ev)
	}
	if err := w.slack.OpenHome(w.ann); err != nil {
		t.Error(err)
	}
	if ev := w.sink.next(t); ev.Call.Path != "drey home" {
		t.Errorf("%+v", ev)
	}
	if err := w.end(); err != nil {
		t.Error(err)
	}
}

func TestSocketsAreRenewed(t *testing.T) {
	t.Parallel()
	for name, fn := range map[string]func(*slacktest.Slack){
		"refresh": (*slacktest.Slack).RefreshSockets, "warning": (*slacktest.Slack).WarnSockets, "killed": (*slacktest.Slack).KillSockets,
		"malformed": (*slacktest.Slack).MalformedFrame,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := plug(t, slacktest.Options{})
			w.connected()
			fn(w.slack)
			eventually(t, "drey hears again", func() bool {
				_, err := w.slack.Slash(w.ann, w.ops, "/flink jobs")
				return err == nil
			})
			w.sink.next(t)
			if err := w.end(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestFrozenSockets: nothing but silence tells that a connection is dead.
func TestFrozenSockets(t *testing.T) {
	t.Parallel()
	w := plug(t, slacktest.Options{AckWithin: time.Second})
	w.connected()
	w.slack.FreezeSockets()
	eventually(t, "drey hears again", func() bool {
		_, err := w.slack.Slash(w.ann, w.ops, "/flink jobs")
		return err == nil
	})
	w.sink.next(t)
}

func TestSocketModeSwitchedOff(t *testing.T) {
	t.Parallel()
	w := plug(t, slacktest.Options{})
	w.connected()
	w.slack.LinkDisabled()
	eventually(t, "no connection is left", func() bool { return w.slack.Sockets() == 0 })
	if err := w.end(); err != nil { // it does not wait for the pause
		t.Error(err)
	}
}

func TestTokenThatSlackRefuses(t *testing.T) {
	t.Parallel()
	w := plug(t, slacktest.Options{}, func(_ *slacktest.Slack, o *Options) { o.AppToken = "xapp-wrong" })
	<-w.ended
	var fatal *fatalError
	if err := w.end(); !errors.As(err, &fatal) || fatal.code != "invalid_auth" || strings.Contains(err.Error(), "xapp") {
		t.Errorf("error %v", err)
	}
}

func TestRevokedAppToken(t *testing.T) {
	t.Parallel()
	w := plug(t, slacktest.Options{})
	w.connected()
	w.bot.Rotate(Options{BotToken: secret.Text(w.slack.BotToken()), AppToken: secret.Text(w.slack.AppToken())}) // nothing new
	w.slash("/flink jobs")
	w.slack.Fault("apps.connections.open", slacktest.Fault{Code: "token_revoked", Times: 2})
	w.slack.KillSockets()
	<-w.ended
	if err := w.end(); err == nil || !strings.Contains(err.Error(), "token_revoked") {
		t.Errorf("error %v", err)
	}
}

// TestRotatedAppToken: a token that is refused ends Receive only while it is the one in force, and a new one is used at once.
func TestRotatedAppToken(t *testing.T) {
	t.Parallel()
	gate := make(chan chan struct{}) // each of the first requests leaves a word here, and waits for its answer's turn
	w := plug(t, slacktest.Options{}, func(s *slacktest.Slack, o *Options) {
		real, err := url.Parse(strings.TrimSuffix(s.APIURL(), "/api/"))
		if err != nil {
			t.Fatal(err)
		}
		proxy := httputil.NewSingleHostReverseProxy(real)
		proxy.Transport = &http.Transport{DisableKeepAlives: true}
		front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer xapp-old" {
				proxy.ServeHTTP(w, r)
				return
			}
			turn := make(chan struct{})
			gate <- turn
			<-turn
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"ok":false,"error":"invalid_auth"}`)
		}))
		t.Cleanup(front.Close)
		o.AppToken, o.APIURL = "xapp-old", front.URL+"/api/"
	})
	first, second := <-gate, <-gate
	w.bot.Rotate(Options{BotToken: secret.Text(w.slack.BotToken()), AppToken: secret.Text(w.slack.AppToken())})
	close(first)
	close(second)
	w.connected()
	w.slash("/flink jobs")
	was := len(w.slack.Calls("apps.connections.open"))
	w.bot.Rotate(Options{BotToken: secret.Text(w.slack.BotToken()), AppToken: "xapp-newer"})
	<-w.ended // the new one was tried
	if len(w.slack.Calls("apps.connections.open")) == was {
		t.Error("the new token was not tried")
	}
	if err := w.end(); err == nil {
		t.Error("the new token is wrong, and Receive ended well")
	}
}

// TestNoGapAtRefresh: Slack warns before it ends a connection, and the next one is there before.
func TestNoGapAtRefresh(t *testing.T) {
	t.Parallel()
	w := plug(t, slacktest.Options{})
	w.connected()
	w.slack.WarnSockets()
	for w.slack.Sockets() < 2*sockets {
		w.slash("/flink jobs")
	}
	w.slack.KillSockets() // the new ones too; those that were left already end quietly
	eventually(t, "drey hears again", func() bool {
		_, err := w.slack.Slash(w.ann, w.ops, "/flink jobs")
		return err == nil
	})
}

func TestModalOverSocket(t *testing.T) {
	t.Parallel()
	w := plug(t, slacktest.Options{})
	w.connected()
	in := w.bot.receiving()
	payload := []byte(`{"type":"view_submission","user":{"id":"` + w.ann + `"},"trigger_id":"1.2.3","view":{"id":"V1","private_metadata":"{\"c\":\"C1\",\"f\":\"form1\"}","title":{"text":"Run"}}}`)
	answers := make(chan any, 1)
	go func() {
		body, _ := w.bot.takeInteraction(in, payload, ackMax)
		answers <- body
	}()
	ev := w.sink.next(t)
	g := w.bot.gestures.Find(ev.Token, w.bot.o.Now())
	if g.acknowledge(map[string]string{"response_action": strings.Repeat("x", ackMax)}) {
		t.Error("a body was taken that Slack drops")
	}
	raw, err := json.Marshal(<-answers)
	if err != nil || !strings.HasPrefix(string(raw), `{"response_action":"update"`) {
		t.Errorf("answered with %s, %v", raw, err)
	}
}

func TestBackoff(t *testing.T) {
	last := time.Duration(0)
	for range 20 {
		last = backoff(last, errSilent)
		if last < redialLeast/2 || last > redialMost {
			t.Errorf("pause %s", last)
		}
	}
	if last < redialMost/4 {
		t.Errorf("pause %s after twenty", last)
	}
	if d := backoff(0, &bot.SendError{After: time.Minute}); d < time.Minute {
		t.Errorf("pause %s, Slack asked for a minute", d)
	}
}

func TestConnectable(t *testing.T) {
	safe := New(nil, slog.New(slog.DiscardHandler), Options{})
	local := New(nil, slog.New(slog.DiscardHandler), Options{APIURL: "http://127.0.0.1:1/api/"})
	for address, want := range map[string][2]bool{
		"wss://wss-primary.slack.com/link/?ticket=x": {true, true}, "ws://127.0.0.1:1/link": {false, true}, "http://x": {}, "": {}, "wss://": {}, "%": {},
	} {
		if got := [2]bool{safe.connectable(address), local.connectable(address)}; got != want {
			t.Errorf("%q: %v", address, got)
		}
	}
}
