package bot_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/storagetest"
)

func bind(t *testing.T, b *bot.Binder, m bot.Message) bot.Message {
	t.Helper()
	out, err := b.Bind(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestBinder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var commits atomic.Int64
		db := storagetest.With(t, storage.Options{Memory: true, OnCall: func(call string, _ time.Duration, _ error) {
			if call == "commit" {
				commits.Add(1)
			}
		}})
		b := bot.NewBinder(db)
		m := everything()
		m.Blocks = []bot.Block{bot.Actions{button("Stop"), button("Start"), {Label: "UI", URL: "https://x.example"}, {Label: "Danger", Call: button("Stop").Call, Style: bot.Danger}}}
		m.Form.ID = ""
		before, _ := json.Marshal(m)
		first := bind(t, b, m)
		if after, _ := json.Marshal(m); string(before) != string(after) {
			t.Fatal("Bind changed its argument")
		}
		ids := map[string]bool{first.Form.ID: true}
		for _, a := range first.Blocks[0].(bot.Actions) {
			ids[a.ID] = true
		}
		if len(ids) != 5 || first.Form.Fields[0].Value != "v" || commits.Load() != 4 {
			t.Fatalf("ids %v after %d commits", ids, commits.Load())
		}
		for range 100 { // an edit a second
			bind(t, b, m)
		}
		m.Form.Fields[0].Value = "typed" // does not make it another form
		if again := bind(t, bot.NewBinder(db), m); again.Form.ID != first.Form.ID || again.Form.Fields[0].Value != "typed" {
			t.Fatal("another replica gives another id")
		}
		if bind(t, b, first).Form.ID != first.Form.ID || commits.Load() != 8 {
			t.Fatalf("%d commits", commits.Load())
		}
		time.Sleep(25 * time.Hour)
		bind(t, b, m)
		if commits.Load() != 12 {
			t.Fatalf("%d commits after a day", commits.Load())
		}
	})
}

func TestBinderWithoutStore(t *testing.T) {
	db := storagetest.Open(t)
	db.Close()
	got, err := bot.NewBinder(db).Bind(context.Background(), bot.Message{Title: "x", Blocks: []bot.Block{bot.Actions{button("Stop"), {Label: "UI", URL: "https://x.example"}}}})
	if err == nil || !strings.Contains(got.Plain(), "[UI]\nButtons are left out") {
		t.Fatalf("%v\n%s", err, got.Plain())
	}
}
