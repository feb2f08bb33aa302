package bot_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/bottest"
	"github.com/drey-ops/drey/storage"
)

// A network that takes longer than a lease is not asked by another replica meanwhile.
func TestOutboxLongSend(t *testing.T) {
	bubble(t, bottest.Roomy(), func(t *testing.T, db *storage.DB, n *bottest.Memory, o *bot.Outbox) {
		run(t, bot.NewOutbox(db, silent, bot.OutboxOptions{}, n))
		n.Script(func(context.Context, bottest.Call) error {
			time.Sleep(13 * time.Second)
			return nil
		})
		put(t, db, o, to(n, "inc1/head", "one"))
		time.Sleep(time.Minute)
		if got := len(n.Calls("post")); got != 1 || titles(n.Said("ops")) != "one" {
			t.Fatalf("%d posts: %s", got, titles(n.Said("ops")))
		}
	})
}

// A network that takes nothing is tried with a message at a time, and has all of them soon after.
func TestOutboxTrouble(t *testing.T) {
	bubble(t, bottest.Roomy(), func(t *testing.T, db *storage.DB, n *bottest.Memory, o *bot.Outbox) {
		away := errors.New("away")
		n.Script(func(context.Context, bottest.Call) error { return away })
		for i := range 50 {
			d := to(n, fmt.Sprintf("inc%d/head", i), "x")
			d.To = n.Place(fmt.Sprintf("c%d", i%5))
			put(t, db, o, d)
		}
		time.Sleep(30 * time.Second)
		if got := len(n.Calls("post")); got < 10 || got > 40 {
			t.Errorf("%d tries in 30 s", got)
		}
		n.Script(nil)
		time.Sleep(5 * time.Second)
		said := 0
		for i := range 5 {
			said += len(n.Said(fmt.Sprintf("c%d", i)))
		}
		if left, _, err := o.Depth(t.Context()); said != 50 || left != 0 || err != nil {
			t.Errorf("%d of 50 were posted, %d are left, %v", said, left, err)
		}
	})
}

// Trouble in one channel is not the network's.
func TestOutboxTroubleInOneChannel(t *testing.T) {
	bubble(t, bottest.Roomy(), func(t *testing.T, db *storage.DB, n *bottest.Memory, o *bot.Outbox) {
		n.Script(func(_ context.Context, c bottest.Call) error {
			if c.Place.Channel == "bad" {
				return errors.New("no")
			}
			return nil
		})
		for i := range 10 {
			d := to(n, fmt.Sprintf("bad%d/head", i), "x")
			d.To = n.Place("bad")
			put(t, db, o, d)
		}
		time.Sleep(time.Minute)
		start := time.Now()
		put(t, db, o, to(n, "inc1/head", "one"))
		for titles(n.Said("ops")) != "one" && time.Since(start) < time.Minute {
			time.Sleep(10 * time.Millisecond)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("another channel waited %s", took)
		}
	})
}
