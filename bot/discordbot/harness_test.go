package discordbot

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/storagetest"
)

// sinkOf takes what a Bot delivers.
type sinkOf struct {
	mu      sync.Mutex
	all     []bot.Event
	asked   []bot.Ask
	news    chan struct{}
	answer  func(ev bot.Event) // may be nil
	choices []bot.Choice
}

func newSink() *sinkOf { return &sinkOf{news: make(chan struct{}, 1000)} }

func (s *sinkOf) Deliver(_ context.Context, ev bot.Event) {
	s.mu.Lock()
	s.all = append(s.all, ev)
	answer := s.answer
	s.mu.Unlock()
	if answer != nil {
		answer(ev)
	}
	select {
	case s.news <- struct{}{}:
	default:
	}
}

func (s *sinkOf) Suggest(_ context.Context, a bot.Ask) bot.Suggestions {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, a)
	return bot.Suggestions{Choices: s.choices}
}

func (s *sinkOf) events() []bot.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}

// wait waits for a number of events.
func (s *sinkOf) wait(t *testing.T, n int) []bot.Event {
	t.Helper()
	for limit := time.After(20 * time.Second); ; {
		if got := s.events(); len(got) >= n {
			return got
		}
		select {
		case <-s.news:
		case <-limit:
			t.Fatalf("%d events, want %d", len(s.events()), n)
		}
	}
}

// httpWorld is a Bot behind its HTTP endpoint, with the key that Discord signs with.
type httpWorld struct {
	key  ed25519.PrivateKey
	now  time.Time
	sink *sinkOf

	mu      sync.Mutex
	reasons []string
}

func (h *httpWorld) reason() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.reasons) == 0 {
		return ""
	}
	last := h.reasons[len(h.reasons)-1]
	h.reasons = nil
	return last
}

func (h *httpWorld) options() Options {
	return Options{
		Mode: ModeHTTP, ApplicationID: "100", BotToken: "token", PublicKey: hex.EncodeToString(h.key.Public().(ed25519.PublicKey)),
		APIURL: "http://127.0.0.1:9/api/v10/", Now: func() time.Time { return h.now },
		OnRefused: func(reason string) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.reasons = append(h.reasons, reason)
		},
	}
}

func newHTTP(t testing.TB) (*Bot, *httpWorld) { return newHTTPWith(t, func(*Options) {}) }

// newHTTPWith returns a Bot that receives, and knows the commands of testdata.
func newHTTPWith(t testing.TB, change func(*Options)) (*Bot, *httpWorld) {
	t.Helper()
	h := &httpWorld{key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, 32)), now: time.Now(), sink: newSink()}
	o := h.options()
	change(&o)
	b := New(storagetest.With(t, storage.Options{Memory: true}), slog.New(slog.DiscardHandler), o)
	if err := b.Publish(t.Context(), treeSpecs(t)); err != nil {
		t.Fatal(err)
	}
	detach, err := b.attach(context.Background(), h.sink)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(detach)
	return b, h
}

// at once answers every event that is delivered with its first response.
func (h *httpWorld) answerAll(b *Bot) {
	h.sink.answer = func(ev bot.Event) {
		if g := b.gestures.Find(ev.Token, b.o.Now()); g != nil {
			g.respond(whisper("done"))
		}
	}
}

// post sends an interaction, signed.
func (h *httpWorld) post(b *Bot, body any) *httptest.ResponseRecorder {
	raw, ok := body.(string)
	if !ok {
		j, _ := json.Marshal(body)
		raw = string(j)
	}
	return send(b, signed(h.key, h.now, raw))
}

// treeSpecs are the commands of drey, as commands.All has them.
func treeSpecs(t testing.TB) []bot.CommandSpec {
	t.Helper()
	raw, err := os.ReadFile("testdata/specs.json")
	if err != nil {
		t.Fatal(err)
	}
	var out []bot.CommandSpec
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// object is a piece of an interaction.
type object = map[string]any

// idAt is an id of Discord's that was made at a time; n tells those of one moment apart.
func idAt(at time.Time, n int) string {
	return strconv.FormatInt((at.UnixMilli()-discordEpoch)<<22|int64(n&0x3fffff), 10)
}

// interactionOf is what Discord sends of a member of server 500 in channel 600; data and the rest are merged into it.
func (h *httpWorld) interactionOf(n, kind int, data object, more object) object {
	o := object{
		"id": idAt(h.now, n), "application_id": "100", "type": kind, "token": "tok-" + strconv.Itoa(n), "version": 1,
		"guild_id": "500", "channel_id": "600", "channel": object{"id": "600", "type": 0, "name": "ops"},
		"member": object{
			"nick": "Olga", "roles": []string{"701", "702"}, "user": object{"id": "800", "username": "olga.k", "global_name": "Olga K"},
		},
		"authorizing_integration_owners": object{"0": "500"}, "data": data,
	}
	for k, v := range more {
		if v == nil {
			delete(o, k)
			continue
		}
		o[k] = v
	}
	return o
}

// slashOf is the data of a slash command.
func slashOf(path []string, options ...object) object {
	for i := len(path) - 1; i > 0; i-- {
		kind := 1
		if i < len(path)-1 {
			kind = 2
		}
		options = []object{{"name": path[i], "type": kind, "options": options}}
	}
	return object{"id": "900", "name": path[0], "type": 1, "options": options}
}

// mute is a sink that answers at once and keeps nothing.
type mute struct {
	b *Bot
	n int
}

func (m *mute) Deliver(_ context.Context, ev bot.Event) {
	m.n++
	if g := m.b.gestures.Find(ev.Token, m.b.o.Now()); g != nil {
		g.respond(whisper("done"))
	}
}

func (m *mute) Suggest(context.Context, bot.Ask) bot.Suggestions { return bot.Suggestions{} }
