package discordbot

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drey-ops/drey/bot"
)

func TestPing(t *testing.T) {
	b, h := newHTTP(t)
	w := h.post(b, pingBody)
	if got := strings.TrimSpace(w.Body.String()); w.Code != http.StatusOK || got != `{"type":1}` || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%d %s %s", w.Code, w.Header().Get("Content-Type"), got)
	}
}

func TestRequestsThatAreNone(t *testing.T) {
	b, h := newHTTP(t)
	r := signed(h.key, h.now, pingBody)
	r.Method = http.MethodGet
	if w := send(b, r); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", w.Code)
	}
	large := strings.Repeat("x", bodyMax+1)
	if w := h.post(b, large); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("large: %d", w.Code)
	}
	r = signed(h.key, h.now, large)
	r.ContentLength = -1
	if w := send(b, r); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("large, of unknown length: %d", w.Code)
	}
	for _, body := range []string{"", "null", "[]", "{", `{"id":"1"}`, `"x"`} {
		if w := h.post(b, body); w.Code != http.StatusBadRequest {
			t.Errorf("%q: %d, want 400", body, w.Code)
		}
	}
}

func TestNotReceiving(t *testing.T) {
	b, h := newHTTP(t)
	idle := New(b.db, b.log, h.options())
	if w := h.post(idle, h.interactionOf(1, 2, slashOf([]string{"drey", "help"}), nil)); w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d, want 503", w.Code)
	}
	if w := h.post(idle, pingBody); w.Code != http.StatusOK {
		t.Errorf("ping: %d", w.Code)
	}
}

func TestFirstResponseIsInline(t *testing.T) {
	b, h := newHTTP(t)
	h.answerAll(b)
	w := h.post(b, h.interactionOf(1, 2, slashOf([]string{"drey", "help"}), nil))
	var got firstResponse
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK || got.Type != respondMessage {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	// The same request once more is a replay.
	if w := h.post(b, h.interactionOf(1, 2, slashOf([]string{"drey", "help"}), nil)); w.Code != http.StatusUnauthorized || h.reason() != "repeated" {
		t.Errorf("replay: %d", w.Code)
	}
	if n := len(h.sink.events()); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
}

// TestNobodyAnswers waits as long as Discord does, less a little.
func TestNobodyAnswers(t *testing.T) {
	b, h := newHTTP(t)
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		w := h.post(b, h.interactionOf(1, 2, slashOf([]string{"drey", "help"}), nil))
		if took := time.Since(start); took != firstWait {
			t.Errorf("answered after %s", took)
		}
		var got struct {
			Type int
			Data struct{ Flags int }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Type != respondDeferred || got.Data.Flags != flagEphemeral {
			t.Errorf("%s", w.Body)
		}
		g := b.gestures.Find(h.sink.events()[0].Token, b.o.Now())
		if !g.answered || !g.deferred || !g.private {
			t.Errorf("the gesture does not know of the promise: %+v", g.answered)
		}
		if first, _ := g.respond("late"); first {
			t.Error("a second first response")
		}
	})
}

// BenchmarkInteractionHTTP is a slash command over HTTP from the request to its first response, beside a handler that
// checks the signature alone.
func BenchmarkInteractionHTTP(b *testing.B) {
	dc, h := newHTTP(b)
	h.sink.answer = func(ev bot.Event) { dc.gestures.Find(ev.Token, dc.o.Now()).respond(whisper("done")) }
	n := 0
	next := func() *http.Request {
		n++
		body, _ := json.Marshal(h.interactionOf(n, 2, slashOf([]string{"flink", "savepoint"}, object{"name": "job", "type": 3, "value": "prod/orders"}), nil))
		return signed(h.key, h.now, string(body))
	}
	serve := func(handler http.Handler) time.Duration {
		r, w := next(), httptest.NewRecorder()
		start := time.Now()
		handler.ServeHTTP(w, r)
		took := time.Since(start)
		if w.Code != http.StatusOK {
			b.Fatalf("answer %d: %s", w.Code, w.Body)
		}
		return took
	}
	// They take turns, so that what else runs on the machine slows both; medians leave out what it holds up altogether.
	both := map[string][]time.Duration{}
	handlers := map[string]http.Handler{"drey": dc.Handler(), "bare": bare(dc.keys.Load())}
	for b.Loop() {
		for name, handler := range handlers {
			both[name] = append(both[name], serve(handler))
		}
		h.sink.mu.Lock()
		h.sink.all = nil
		h.sink.mu.Unlock()
	}
	middle := func(name string) float64 {
		slices.Sort(both[name])
		return float64(both[name][len(both[name])/2])
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(middle("drey"), "drey-ns")
	b.ReportMetric(middle("bare"), "bare-ns")
	b.ReportMetric(100*middle("bare")/middle("drey"), "%ofbare")
}

// bare checks the signature and answers.
func bare(k *keys) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _, err := bodyOf(w, r)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		p, err := proofOf(r.Header, time.Now())
		if err != nil || k.check(p, body, time.Now()) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{"type":5}`))
	})
}

func TestReceiveEnds(t *testing.T) {
	b, h := newHTTP(t)
	other := New(b.db, b.log, h.options())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- other.Receive(ctx, newSink()) }()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, _, ok := other.receiving(); ok {
		t.Error("still receiving")
	}
	if err := b.Receive(t.Context(), h.sink); err == nil {
		t.Error("a second Receive began")
	}
}
