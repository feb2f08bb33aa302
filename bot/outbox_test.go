package bot_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/bottest"
	"github.com/drey-ops/drey/storage"
)

func open(t testing.TB) *storage.DB {
	t.Helper()
	db, err := storage.Open(t.Context(), storage.Options{Memory: true}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// run starts an outbox that ends with the test, or when the returned function is called.
func run(t testing.TB, o *bot.Outbox) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := o.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

func say(text string) bot.Message {
	return bot.Message{Title: text, Blocks: []bot.Block{bot.Textf("%s", text)}}
}

func put(t testing.TB, db *storage.DB, o *bot.Outbox, ds ...bot.Delivery) {
	t.Helper()
	for _, d := range ds {
		tx := db.Begin(storage.Root(d.Key))
		o.Put(tx, d)
		if err := db.Commit(context.Background(), tx); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOutboxPostsThenEdits(t *testing.T) {
	db, n := open(t), bottest.NewMemory("mem", bottest.Roomy())
	o := bot.NewOutbox(db, slog.New(slog.DiscardHandler), bot.OutboxOptions{}, n)
	run(t, o)
	d := bot.Delivery{Key: "inc1/head", To: n.Place("ops"), Message: say("one")}
	put(t, db, o, d)
	n.Until(t, "post", func() bool { return len(n.Said("ops")) == 1 })
	d.Message = say("two")
	put(t, db, o, d)
	n.Until(t, "edit", func() bool { return n.Said("ops")[0].Message.Title == "two" })
	if got := n.Said("ops"); len(got) != 1 || got[0].Edits != 1 {
		t.Fatalf("got %+v", got)
	}
}

func TestOutboxThreadWaitsForParent(t *testing.T) {
	db, n := open(t), bottest.NewMemory("mem", bottest.Roomy())
	o := bot.NewOutbox(db, slog.New(slog.DiscardHandler), bot.OutboxOptions{}, n)
	run(t, o)
	put(t, db, o,
		bot.Delivery{Key: "inc1/a", Parent: "inc1/head", To: n.Place("ops"), Message: say("child")},
		bot.Delivery{Key: "other/b", Parent: "inc1/head", After: "inc1/a", To: n.Place("ops"), Message: say("grandchild")})
	time.Sleep(200 * time.Millisecond)
	if got := n.Said("ops"); len(got) != 0 {
		t.Fatalf("posted before the parent: %+v", got)
	}
	put(t, db, o, bot.Delivery{Key: "inc1/head", To: n.Place("ops"), Message: say("head")})
	n.Until(t, "three posts", func() bool { return len(n.Said("ops")) == 3 })
	head, _ := n.Find("inc1/head")
	if got := n.Thread(head.Ref); len(got) != 2 || got[0].Message.Title != "child" {
		t.Fatalf("thread %+v", got)
	}
}
