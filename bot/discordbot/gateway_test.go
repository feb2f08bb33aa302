package discordbot

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/discordbot/discordtest"
	"github.com/drey-ops/drey/config/secret"
)

// world is a Bot that listens to the gateway of a Discord.
type world struct {
	t       *testing.T
	d       *discordtest.Discord
	b       *Bot
	sink    *sinkOf
	channel string
	ended   chan error

	mu      sync.Mutex
	refused []string
	tries   []int
	hold    func() // before the next connection
}

// newGateway starts the Bot and waits for its session.
func newGateway(t *testing.T, o discordtest.Options) *world {
	t.Helper()
	w := &world{t: t, d: discordtest.New(t, o), sink: newSink(), ended: make(chan error, 1)}
	w.b = newIn(t, w.d, ModeGateway, func(o *Options) {
		o.Guilds = []string{w.d.Guild()}
		o.OnRefused = func(reason string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.refused = append(w.refused, reason)
		}
	})
	w.b.pauses = pauses{
		retry: func(try int) time.Duration {
			w.mu.Lock()
			w.tries = append(w.tries, try)
			hold := w.hold
			w.mu.Unlock()
			if hold != nil {
				hold()
			}
			return 20 * time.Millisecond
		},
		invalid: func() time.Duration { return 30 * time.Millisecond },
	}
	w.sink.answer = func(ev bot.Event) {
		go func() {
			if err := w.b.Reply(context.WithoutCancel(t.Context()), ev, bot.Message{Private: true, Blocks: []bot.Block{bot.Textf("done")}}); err != nil {
				t.Error(err)
			}
		}()
	}
	w.channel = w.d.Channel("ops")
	if _, err := w.b.Register(t.Context(), treeSpecs(t), false); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		w.ended <- w.b.Receive(ctx, w.sink)
	}()
	t.Cleanup(func() { cancel(); <-stopped })
	w.connected()
	return w
}

// until polls: the state is that of the Discord.
func (w *world) until(what string, cond func() bool) {
	w.t.Helper()
	for end := time.Now().Add(20 * time.Second); !cond(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("%s: waited in vain", what)
		}
	}
}

func (w *world) connected() { w.until("a session", func() bool { return w.d.Sessions() == 1 }) }

// lost waits until the connection was found to have ended, n times since the start.
func (w *world) lost(n int) {
	w.until("the end of a connection", func() bool { return w.lostTimes() >= n })
}

func (w *world) lostTimes() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.tries)
}

// says checks that a command gets through and is answered, once.
func (w *world) says() {
	w.t.Helper()
	before := len(w.sink.events())
	if err := w.d.Slash("olga", w.channel, "drey help", nil); err != nil {
		w.t.Fatal(err)
	}
	if n := len(w.sink.events()) - before; n != 1 {
		w.t.Errorf("delivered %d times", n)
	}
}

func TestGatewayDelivers(t *testing.T) {
	w := newGateway(t, discordtest.Options{NoLimits: true})
	for range 3 {
		w.says()
	}
	w.sink.choices = []bot.Choice{{Value: "prod/orders"}}
	got, err := w.d.Complete("olga", w.channel, "flink job", "job", "ord", nil)
	if err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
}

// TestGatewayComesBack ends the connection in every way that can be mended.
func TestGatewayComesBack(t *testing.T) {
	for name, c := range map[string]struct {
		end    func(d *discordtest.Discord)
		counts string
	}{
		"asked to":          {func(d *discordtest.Discord) { d.Reconnect() }, ""},
		"closed, resumable": {func(d *discordtest.Discord) { d.CloseGateway(4000) }, ""},
		"closed, timed out": {func(d *discordtest.Discord) { d.CloseGateway(4009) }, ""},
		"closed normally":   {func(d *discordtest.Discord) { d.CloseGateway(1000) }, ""},
		"invalid session":   {func(d *discordtest.Discord) { d.InvalidSession() }, ""},
		"malformed frame":   {func(d *discordtest.Discord) { d.MalformedFrame() }, "gateway_malformed"},
		"frozen":            {func(d *discordtest.Discord) { d.FreezeGateway() }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := discordtest.Options{NoLimits: true}
			if name == "frozen" {
				o.Heartbeat = 400 * time.Millisecond
			}
			w := newGateway(t, o)
			w.says()
			c.end(w.d)
			w.lost(1)
			w.connected()
			w.says()
			w.mu.Lock()
			defer w.mu.Unlock()
			if c.counts != "" && !slices.Contains(w.refused, c.counts) {
				t.Errorf("counted %q, want %q", w.refused, c.counts)
			}
		})
	}
}

// TestGatewayMissesNothing sends commands while the connection is down; Discord sends them when the session is resumed.
func TestGatewayMissesNothing(t *testing.T) {
	w := newGateway(t, discordtest.Options{NoLimits: true})
	hold, down := make(chan struct{}), make(chan struct{})
	w.mu.Lock()
	w.hold = sync.OnceFunc(func() { close(down); <-hold })
	w.mu.Unlock()
	w.d.CloseGateway(4000)
	<-down
	const n = 20
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			if err := w.d.Slash("olga", w.channel, "drey whoami", nil); err != nil {
				t.Error(err)
			}
		})
	}
	close(hold)
	all.Wait()
	ids := map[string]int{}
	for _, ev := range w.sink.wait(t, n) {
		ids[ev.ID]++
	}
	if len(ids) != n || len(w.sink.events()) != n {
		t.Errorf("%d events of %d commands", len(w.sink.events()), len(ids))
	}
}

// TestGatewayTakesNothingTwice gives the same interaction twice, as a resumed session may.
func TestGatewayTakesNothingTwice(t *testing.T) {
	b, h := newHTTP(t)
	h.answerAll(b)
	g := &gateway{b: b, s: h.sink, taking: make(chan struct{}, 2)}
	h.sink.answer = func(ev bot.Event) { b.gestures.Find(ev.Token, b.o.Now()).respond("") }
	raw, _ := json.Marshal(h.interactionOf(1, 2, slashOf([]string{"drey", "help"}), nil))
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // nobody waits for first responses
	g.take(ctx, raw)
	g.take(ctx, raw)
	g.work.Wait()
	if n := len(h.sink.events()); n != 1 {
		t.Errorf("delivered %d times", n)
	}
	for range cap(g.taking) {
		g.taking <- struct{}{}
	}
	g.take(ctx, raw)
	if got := h.reason(); got != "busy" {
		t.Errorf("with all hands full: %q", got)
	}
}

// TestGatewayGivesUp closes the connection in the ways that no other connection mends.
func TestGatewayGivesUp(t *testing.T) {
	for _, code := range []int{4004, 4010, 4011, 4012, 4013, 4014} {
		w := newGateway(t, discordtest.Options{})
		w.d.CloseGateway(code)
		select {
		case err := <-w.ended:
			if ce := new(websocket.CloseError); err == nil || errors.As(err, &ce) {
				t.Errorf("%d: %v", code, err)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%d: still trying", code)
		}
	}
}

// TestGatewayRotation replaces the token, upon which Discord closes the connection.
func TestGatewayRotation(t *testing.T) {
	w := newGateway(t, discordtest.Options{NoLimits: true})
	w.d.Rotate()
	w.b.Rotate(Options{BotToken: secret.Text(w.d.BotToken()), PublicKey: w.d.PublicKey()})
	w.d.CloseGateway(4004)
	w.lost(1)
	w.connected()
	w.says()
	// A token that nobody told drey of is the end.
	w.d.Rotate()
	w.d.CloseGateway(4009)
	select {
	case err := <-w.ended:
		if err == nil || !strings.Contains(err.Error(), "token") {
			t.Errorf("%v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("still trying")
	}
}

// TestGatewayOutage lets Discord's API be down for a while.
func TestGatewayOutage(t *testing.T) {
	w := newGateway(t, discordtest.Options{NoLimits: true})
	w.d.Fault("GET /gateway/bot", discordtest.Fault{Status: http.StatusServiceUnavailable, HTML: true, Times: 3})
	w.d.CloseGateway(1000)
	w.lost(4)
	w.connected()
	w.says()
	w.mu.Lock()
	defer w.mu.Unlock()
	if want := []int{0, 1, 2, 3}; !slices.Equal(w.tries[:4], want) {
		t.Errorf("tries %v, want %v: the waits do not grow", w.tries, want)
	}
}

func TestGatewayWaits(t *testing.T) {
	p := defaultPauses()
	for try, most := range map[int]time.Duration{0: 2 * time.Second, 3: 6 * time.Second, 9: waitLongest, 1000: waitLongest} {
		for range 100 {
			if d := p.retry(try); d < waitShortest || d > most {
				t.Fatalf("try %d waits %s", try, d)
			}
		}
	}
	for range 100 {
		if d := p.invalid(); d < time.Second || d > 5*time.Second {
			t.Fatalf("after an invalid session it waits %s", d)
		}
	}
}

// TestGatewayAddress takes no address that would send the token elsewhere than over TLS.
func TestGatewayAddress(t *testing.T) {
	answer := ""
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(answer)) }))
	defer srv.Close()
	b, _ := newHTTPWith(t, func(o *Options) { o.APIURL = srv.URL })
	defer b.sender.client.CloseIdleConnections()
	g := &gateway{b: b}
	for _, c := range []struct{ answer, want string }{
		{`{"url":"wss://gateway.example.com"}`, "wss://gateway.example.com/?v=10&encoding=json"},
		{`{"url":"ws://127.0.0.1:1/ws"}`, "ws://127.0.0.1:1/ws?v=10&encoding=json"},
		{`{"url":"https://gateway.example.com"}`, ""},
		{`{"url":""}`, ""},
		{`{"url":"wss://gateway.example.com","session_start_limit":{"remaining":0,"reset_after":5000}}`, ""},
	} {
		answer = c.answer
		got, err := g.address(t.Context())
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v", c.answer, got, err)
		}
		if later := new(laterError); strings.Contains(c.answer, "limit") && (!errors.As(err, &later) || later.wait != 5*time.Second) {
			t.Errorf("%v", err)
		}
	}
	b.o.APIURL = defaultAPI
	g.session, g.resume = "s", "ws://gateway.example.com"
	if _, err := g.address(t.Context()); err == nil {
		t.Error("a resumed session goes without TLS")
	}
}
