package slackbot

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drey-ops/drey/bot/slackbot/slacktest"
)

// seeds are the payloads that Slack publishes, by the place they are posted to.
func seeds(f *testing.F, add func(path string, payload []byte)) {
	dir := filepath.Join(slacktest.Specs(), "json-logs")
	for path, pattern := range map[string]string{
		pathEvents: "events/*.json", pathInteractions: "app-backend/*/*.json",
	} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			add(path, raw)
		}
	}
	add(pathEvents, eventOf("app_mention", `,"text":"<@UDREY> jobs"`))
	add(pathEvents, eventOf("app_mention", richFields(`{"type":"rich_text_list","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"x"}]}]}`)))
	add(pathEvents, eventOf("link_shared", `,"links":[{"url":"https://x.example"}]`))
	add(pathInteractions, []byte(`{"type":"block_actions","user":{"id":"U1"},"actions":[{"action_id":"p:x","action_ts":"1.2"}]}`))
	add(pathInteractions, []byte(`{"type":"message_action","user":{"id":"U1"},"trigger_id":"1","callback_id":"flink-sql","message":{"text":"`+"```x```"+`"}}`))
	add(pathInteractions, []byte(`{"type":"block_suggestion","user":{"id":"U1"},"action_id":"ask:flink stop:job","value":"x"}`))
	add(pathCommands, slashBody("U1", "/flink sql <https://x.example|x> ```y``` &lt;"))
}

// FuzzPayloads: whatever is signed is answered with 200, and nothing panics.
func FuzzPayloads(f *testing.F) {
	n := 0
	seeds(f, func(path string, payload []byte) {
		f.Add(path, payload)
		n++
	})
	if n < 10 {
		f.Log("Slack's own payloads are not at hand")
	}
	w := newBench(f)
	f.Fuzz(func(t *testing.T, path string, payload []byte) {
		body := payload
		if path == pathInteractions || path == pathOptions {
			body = form("payload", string(payload))
		}
		if strings.Contains(string(payload), "view_submission") {
			return // it waits for its answer
		}
		for _, p := range []string{pathCommands, pathInteractions, pathEvents, pathOptions} {
			if rec := w.post(p, body); rec.Code != http.StatusOK {
				t.Errorf("%s: answered with %d", p, rec.Code)
			}
		}
		if w.count(refusedPanic) > 0 {
			t.Errorf("a panic: %s", payload)
		}
		for len(w.sink.events) > 0 {
			if ev := <-w.sink.events; ev.ID == "" || ev.Place.Network != Network || ev.Place.Channel == "" || ev.Actor.ID == "" || ev.Token == "" {
				t.Errorf("event %+v", ev)
			}
		}
	})
}

// TestPublishedPayloads mutates what Slack publishes: each value in turn becomes another type.
func TestPublishedPayloads(t *testing.T) {
	w := newBench(t)
	files, err := filepath.Glob(filepath.Join(slacktest.Specs(), "json-logs", "*", "*.json"))
	if err != nil || len(files) == 0 {
		t.Skip("Slack's own payloads are not at hand")
	}
	more, err := filepath.Glob(filepath.Join(slacktest.Specs(), "json-logs", "*", "*", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, more...) {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		filled := strings.ReplaceAll(string(raw), `""`, `"U1"`)
		for _, text := range []string{
			filled, string(raw), strings.ReplaceAll(filled, `"U1"`, `7`), strings.ReplaceAll(filled, `"U1"`, `null`), strings.ReplaceAll(filled, `"U1"`, `["x"]`),
			strings.ReplaceAll(filled, `"U1"`, `{"id":"U1"}`), strings.ReplaceAll(filled, `{}`, `[]`), strings.ReplaceAll(filled, `false`, `"no"`), strings.ReplaceAll(filled, `[`, `[null,`),
		} {
			if strings.Contains(text, `"view_submission"`) {
				continue
			}
			for path, body := range map[string][]byte{pathEvents: []byte(text), pathInteractions: form("payload", text)} {
				if rec := w.post(path, body); rec.Code != http.StatusOK {
					t.Errorf("%s: answered with %d", filepath.Base(file), rec.Code)
				}
			}
		}
	}
	if n := w.count(refusedPanic); n > 0 {
		t.Errorf("%d panics", n)
	}
}
