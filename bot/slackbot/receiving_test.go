package slackbot

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/config/secret"
)

// catcher is a Sink that keeps what it gets.
type catcher struct {
	events  chan bot.Event
	suggest func(bot.Ask) bot.Suggestions
}

func newCatcher() *catcher { return &catcher{events: make(chan bot.Event, 10_000)} }

func (c *catcher) Deliver(_ context.Context, ev bot.Event) { c.events <- ev }

func (c *catcher) Suggest(_ context.Context, a bot.Ask) bot.Suggestions {
	if c.suggest == nil {
		return bot.Suggestions{}
	}
	return c.suggest(a)
}

// next waits for an event.
func (c *catcher) next(t testing.TB) bot.Event {
	t.Helper()
	select {
	case ev := <-c.events:
		return ev
	case <-time.After(20 * time.Second):
		t.Fatal("no event came")
		return bot.Event{}
	}
}

// none says that no event came.
func (c *catcher) none(t testing.TB) {
	t.Helper()
	select {
	case ev := <-c.events:
		t.Errorf("an event came: %+v", ev)
	default:
	}
}

// register is a directory of a test.
type register struct {
	mu     sync.Mutex
	users  map[string]member
	groupd map[string][]string
	down   bool
	hold   chan struct{} // lookups wait for it
	asked  int
}

func newRegister() *register {
	return &register{
		users: map[string]member{
			"U1": {id: "U1", name: "ann", team: "T1"}, "U2": {id: "U2", name: "bob", team: "T1"},
			"UGUEST": {id: "UGUEST", name: "guest", team: "T1", guest: true}, "UOTHER": {id: "UOTHER", name: "other", team: "T2"},
			"UGRID": {id: "UGRID", name: "grid", team: "T3", enterprise: "E1"}, "UGONE": {id: "UGONE", team: "T1", gone: true},
		},
		groupd: map[string][]string{"U1": {"S0OPS"}},
	}
}

func (r *register) ask(ctx context.Context) error {
	r.mu.Lock()
	hold, down := r.hold, r.down
	r.asked++
	r.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if down {
		return errors.New("slack is down")
	}
	return nil
}

// count is how often it was asked.
func (r *register) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

func (r *register) user(ctx context.Context, id string) (member, error) {
	if err := r.ask(ctx); err != nil {
		return member{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	m, ok := r.users[id]
	if !ok {
		return m, errors.New("user_not_found")
	}
	return m, nil
}

func (r *register) groups(ctx context.Context) (map[string][]string, error) {
	if err := r.ask(ctx); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string][]string{}
	for k, v := range r.groupd {
		out[k] = v
	}
	return out, nil
}

func (r *register) self(ctx context.Context) (self, error) {
	return self{team: "T1", enterprise: "E1", user: "UDREY"}, r.ask(ctx)
}

func (r *register) change(fn func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fn()
}

const testSecret = "8f742231b10e8888abcd99yyyzzz85a5"

// bench is a Bot that receives requests, with a register for Slack's.
type bench struct {
	t       testing.TB
	bot     *Bot
	sink    *catcher
	people  *register
	handler http.Handler
	stop    func()

	mu      sync.Mutex
	refused map[string]int
	clock   time.Time // zero: the real one
}

func newBench(t testing.TB, change ...func(*Options)) *bench {
	t.Helper()
	w := &bench{t: t, sink: newCatcher(), people: newRegister(), refused: map[string]int{}}
	o := Options{
		Mode: ModeHTTP, BotToken: "xoxb-1", SigningSecret: testSecret, APIURL: "http://127.0.0.1:1/api/", Now: w.now,
		OnRefused: func(why string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.refused[why]++
		},
	}
	for _, fn := range change {
		fn(&o)
	}
	w.bot = New(nil, slog.New(slog.DiscardHandler), o)
	w.bot.people = newPeople(w.people, o.Guests, w.now)
	if err := w.bot.Publish(t.Context(), specsForTest()); err != nil {
		t.Fatal(err)
	}
	w.handler = w.bot.Handler()
	w.receive()
	return w
}

func specsForTest() []bot.CommandSpec {
	return []bot.CommandSpec{
		{Path: "flink jobs"}, {Path: "flink job"},
		{Path: "flink sql", Opens: true, Shortcut: &bot.Shortcut{Label: "Run as SQL", Text: "text", Args: []byte(`{"cluster":"prod"}`)}},
		{Path: "alerts ack", Shortcut: &bot.Shortcut{Label: "Acknowledge"}},
	}
}

// receive runs Receive until the test ends, or stop.
func (w *bench) receive() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.bot.Receive(ctx, w.sink) }()
	for w.bot.receiving() == nil {
		time.Sleep(time.Millisecond)
	}
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("Receive: %v", err)
		}
	})
	w.t.Cleanup(w.stop)
}

func (w *bench) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.clock.IsZero() {
		return time.Now()
	}
	return w.clock
}

func (w *bench) pass(d time.Duration) {
	now := w.now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = now.Add(d)
}

func (w *bench) count(why reason) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.refused[string(why)]
}

// sign returns the headers that Slack would send.
func sign(key secret.Text, stamp string, body []byte) http.Header {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte("v0:" + stamp + ":"))
	mac.Write(body)
	h := http.Header{}
	h.Set("X-Slack-Request-Timestamp", stamp)
	h.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	return h
}

func stampOf(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// post sends a body as Slack would.
func (w *bench) post(path string, body []byte) *httptest.ResponseRecorder {
	return w.request(http.MethodPost, path, body, sign(testSecret, stampOf(w.now()), body))
}

func (w *bench) request(method, path string, body []byte, h http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, bytes.NewReader(body))
	for k, v := range h {
		r.Header[k] = v
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	return rec
}

func form(pairs ...string) []byte {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return []byte(v.Encode())
}

func slashBody(user, line string) []byte {
	command, text, _ := strings.Cut(line, " ")
	return form("command", command, "text", text, "user_id", user, "channel_id", "C1", "team_id", "T1", "trigger_id", "1.2."+user+line,
		"response_url", "https://hooks.example/commands/1/2/3")
}

// interact sends an interaction.
func (w *bench) interact(payload string) *httptest.ResponseRecorder {
	w.t.Helper()
	rec := w.post(pathInteractions, form("payload", payload))
	if rec.Code != http.StatusOK {
		w.t.Errorf("interaction answered with %d", rec.Code)
	}
	return rec
}
