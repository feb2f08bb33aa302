package discordbot

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMemoryStaysFlat takes many interactions: what is kept of them is bounded.
func TestMemoryStaysFlat(t *testing.T) {
	n := 100_000
	if testing.Short() {
		n = 44_000
	}
	b, h := newHTTP(t)
	sink := &mute{b: b}
	b.mu.Lock()
	b.sink = sink
	b.mu.Unlock()
	req := httptest.NewRequest(http.MethodPost, "/discord/interactions", nil)
	templates := make([]string, 0, 3)
	for _, o := range []object{
		h.interactionOf(0, 2, slashOf([]string{"flink", "job"}, object{"name": "job", "type": 3, "value": "orders"}), object{"id": "ID"}),
		h.interactionOf(0, 4, slashOf([]string{"flink", "job"}, object{"name": "job", "type": 3, "value": "o", "focused": true}), object{"id": "ID"}),
		h.interactionOf(0, 3, object{"custom_id": "drey.b.abc", "component_type": 2}, object{"id": "ID", "message": object{"id": "1000"}}),
	} {
		raw, _ := json.Marshal(o)
		templates = append(templates, string(raw))
	}
	take := func(i int) {
		h.now = h.now.Add(10 * time.Millisecond)
		body := strings.Replace(templates[i%len(templates)], `"ID"`, strconv.Quote(idAt(h.now, i)), 1)
		w := httptest.NewRecorder()
		b.answer(w, req, []byte(body))
		if w.Code != http.StatusOK {
			t.Fatalf("interaction %d: %d", i, w.Code)
		}
	}
	for i := range n / 2 {
		take(i)
	}
	heap, routines := used(), runtime.NumGoroutine()
	for i := range n / 2 {
		take(n/2 + i)
	}
	if now := used(); now > heap+heap/4+4<<20 {
		t.Errorf("the heap grew from %d to %d bytes", heap, now)
	}
	if now := runtime.NumGoroutine(); now > routines {
		t.Errorf("goroutines grew from %d to %d", routines, now)
	}
	if kept := b.gestures.Len(); kept > gesturesMax {
		t.Errorf("%d gestures are kept", kept)
	}
	if sink.n == 0 {
		t.Error("nothing was delivered")
	}
}

func used() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
