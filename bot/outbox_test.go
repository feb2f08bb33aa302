package bot_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/bottest"
	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/storagetest"
)

var silent = slog.New(slog.DiscardHandler)

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

func to(n *bottest.Memory, key, text string) bot.Delivery {
	return bot.Delivery{Key: key, To: n.Place("ops"), Message: say(text)}
}

func titles(said []bottest.Said) string {
	var out []string
	for _, s := range said {
		out = append(out, s.Message.Title)
	}
	return strings.Join(out, " ")
}

// bubble runs fn in virtual time with a store, a network and a running outbox.
func bubble(t *testing.T, c bot.Caps, fn func(t *testing.T, db *storage.DB, n *bottest.Memory, o *bot.Outbox)) {
	synctest.Test(t, func(t *testing.T) {
		db, n := storagetest.Open(t), bottest.NewMemory("mem", c)
		o := bot.NewOutbox(db, silent, bot.OutboxOptions{}, n)
		run(t, o)
		fn(t, db, n, o)
	})
}

func TestOutboxPostsThenEdits(t *testing.T) {
	bubble(t, bottest.Roomy(), func(t *testing.T, db *storage.DB, n *bottest.Memory, o *bot.Outbox) {
		put(t, db, o, to(n, "inc1/head", "one"))
		time.Sleep(2 * time.Second)
		put(t, db, o, to(n, "inc1/head", "two"))
		time.Sleep(2 * time.Second)
		put(t, db, o, to(n, "inc1/head", "two")) // nothing new: nothing sent
		time.Sleep(2 * time.Second)
		if got := n.Said("ops"); len(got) != 1 || got[0].Message.Title != "two" || len(n.Calls("")) != 2 {
			t.Fatalf("got %+v after %d calls", got, len(n.Calls("")))
		}
		said, _ := n.Find("inc1/head")
		if ref, err := o.Posted(t.Context(), "inc1/head"); err != nil || ref != said.Ref {
			t.Fatalf("Posted: %v, %v", ref, err)
		}
		if left, _, err := o.Depth(t.Context()); left != 0 || err != nil {
			t.Fatalf("depth %d, %v", left, err)
		}
	})
}

func TestOutboxThreadWaitsForParent(t *testing.T) {
	bubble(t, bottest.Roomy(), func(t *testing.T, db *storage.DB, n *bottest.Memory, o *bot.Outbox) {
		first, second := to(n, "inc1/a", "child"), to(n, "other/b", "grandchild")
		first.Parent, second.Parent, second.After = "inc1/head", "inc1/head", "inc1/a"
		put(t, db, o, second, first)
		time.Sleep(20 * time.Second)
		if got := n.Said("ops"); len(got) != 0 {
			t.Fatalf("posted before the parent: %+v", got)
		}
		start := time.Now()
		put(t, db, o, to(n, "inc1/head", "head"))
		n.Until(t, "three posts", func() bool { return len(n.Said("ops")) == 3 })
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("woken only after %s", d)
		}
		head, _ := n.Find("inc1/head")
		if got := titles(n.Thread(head.Ref)); got != "child grandchild" {
			t.Fatalf("thread %s", got)
		}
	})
}

func TestOutboxParentThatNobodyPut(t *testing.T) {
	bubble(t, bottest.Roomy(), func(t *testing.T, db *storage.DB, n *bottest.Memory, o *bot.Outbox) {
		d := to(n, "inc1/a", "child")
		d.Parent = "inc1/head"
		put(t, db, o, d)
		time.Sleep(3 * time.Minute)
		if got := titles(n.Said("ops")); got != "child" {
			t.Fatalf("got %q", got)
		}
	})
}

// A thousand incidents in one channel at a message a second, each changing state three times while it waits.
func TestOutboxStorm(t *testing.T) {
	keys := 1000
	if testing.Short() {
		keys = 100
	}
	c := bottest.Roomy()
	c.PostEvery, c.EditEvery = time.Second, time.Second
	bubble(t, c, func(t *testing.T, db *storage.DB, n *bottest.Memory, o *bot.Outbox) {
		start := time.Now()
		for state := range 3 {
			for k := range keys {
				put(t, db, o, to(n, fmt.Sprintf("inc%d/head", k), fmt.Sprintf("%d", state)))
			}
			time.Sleep(time.Second)
		}
		other := to(n, "else/head", "else")
		other.To.Channel = "quiet"
		before := time.Now()
		put(t, db, o, other)
		for len(n.Said("quiet")) == 0 {
			time.Sleep(10 * time.Millisecond)
		}
		if d := time.Since(before); d > 100*time.Millisecond {
			t.Errorf("the storm delayed another channel by %s", d)
		}
		if _, oldest, err := o.Depth(t.Context()); err != nil || oldest.IsZero() || time.Since(oldest) < 2*time.Second {
			t.Errorf("oldest %s, %v", oldest, err)
		}
		for len(n.Said("ops")) < keys {
			time.Sleep(time.Second)
		}
		t.Logf("%d posts in %s", keys, time.Since(start))
		if d := time.Since(start); d > time.Duration(keys+30)*time.Second {
			t.Errorf("took %s", d)
		}
		time.Sleep(10 * time.Second)
		last := time.Time{}
		for _, s := range n.Said("ops") {
			if s.At.Sub(last) < time.Second {
				t.Fatalf("posts %s apart", s.At.Sub(last))
			}
			last = s.At
			if s.Message.Title != "2" {
				t.Fatalf("%s stands at %s", s.Key, s.Message.Title)
			}
		}
		if calls := len(n.Calls("")); calls > keys+20 {
			t.Errorf("%d calls for %d keys", calls, keys+1)
		}
	})
}

// Who waits for the channel's pace keeps their place when the network wants to be left alone, or stumbles.
func TestOutboxOrderIsKept(t *testing.T) {
	c := bottest.Roomy()
	c.PostEvery = time.Second
	bubble(t, c, func(t *testing.T, db *storage.DB, n *bottest.Memory, o *bot.Outbox) {
		n.Fail("post", nil, nil, bottest.RateLimited(10*time.Second), nil, errors.New("502"), errors.New("502"), nil, nil, bottest.RateLimited(5*time.Second))
		var want []string
		for i := range 30 {
			want = append(want, fmt.Sprint(i))
			put(t, db, o, to(n, fmt.Sprintf("inc%d/head", i), want[i]))
			time.Sleep(5 * time.Millisecond)
		}
		start := time.Now()
		for len(n.Said("ops")) < 30 {
			time.Sleep(100 * time.Millisecond)
		}
		if got := titles(n.Said("ops")); got != strings.Join(want, " ") {
			t.Errorf("order %s", got)
		}
		if d := time.Since(start); d > 55*time.Second {
			t.Errorf("took %s", d)
		}
	})
}

func TestOutboxErrors(t *testing.T) {
	for _, c := range []struct {
		name   string
		script func(n *bottest.Memory)
		want   string
		posts  int
		within time.Duration
	}{
		{"rate limited", func(n *bottest.Memory) { n.Fail("post", bottest.RateLimited(7*time.Second)) }, "m", 2, 12 * time.Second},
		{"passing", func(n *bottest.Memory) { n.Fail("post", errors.New("502"), errors.New("502")) }, "m", 3, 10 * time.Second},
		{"answer lost", func(n *bottest.Memory) { n.Fail("post", bottest.ErrLost) }, "m", 2, 10 * time.Second},
		{"rejected", func(n *bottest.Memory) { n.Fail("post", bottest.Rejected()) }, "m", 2, 5 * time.Second},
		{"rejected twice", func(n *bottest.Memory) { n.Fail("post", bottest.Rejected(), bottest.Rejected()) }, "", 2, time.Hour},
		{"gone", func(n *bottest.Memory) { n.Fail("post", bottest.Gone()) }, "", 1, time.Hour},
		{"panic", func(n *bottest.Memory) {
			var once sync.Once
			n.Script(func(context.Context, bottest.Call) error { once.Do(func() { panic("adapter") }); return nil })
		}, "m", 1, 10 * time.Second},
		{"hangs", func(n *bottest.Memory) {
			var once sync.Once
			n.Script(func(ctx context.Context, _ bottest.Call) error {
				once.Do(func() { <-ctx.Done() })
				return nil
			})
		}, "m", 2, 40 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, bottest.Roomy(), func(t *testing.T, db *storage.DB, n *bottest.Memory, o *bot.Outbox) {
				c.script(n)
				m := say("m")
				m.Blocks = append(m.Blocks, bot.Actions{button("Stop")})
				put(t, db, o, bot.Delivery{Key: "inc1/head", To: n.Place("ops"), Message: m})
				time.Sleep(c.within)
				if got := titles(n.Said("ops")); got != c.want {
					t.Errorf("said %q, want %q", got, c.want)
				}
				if got := len(n.Calls("post")); got != c.posts {
					t.Errorf("%d posts, want %d", got, c.posts)
				}
				if left, _, err := o.Depth(t.Context()); left != 0 || err != nil {
					t.Errorf("%d left, %v", left, err)
				}
			})
		})
	}
}

func TestOutboxDeadLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, n := storagetest.Open(t), bottest.NewMemory("mem", bottest.Roomy())
		var dead []string
		o := bot.NewOutbox(db, silent, bot.OutboxOptions{OnDelivered: func(t bot.Try) {
			method, err := t.Method, t.Err
			if method == "dead" {
				dead = append(dead, err.Error())
			}
		}}, n)
		run(t, o)
		n.Fail("post", bottest.Gone())
		child := to(n, "inc1/a", "child")
		child.Parent = "inc1/head"
		put(t, db, o, to(n, "inc1/head", "head"), child)
		time.Sleep(time.Minute)
		if got := titles(n.Said("ops")); len(dead) != 1 || got != "child" {
			t.Fatalf("dead %q, said %q", dead, got)
		}
		entries := 0
		for e, err := range db.ReadLog(t.Context(), "outbox-dead", 0) {
			if err != nil || !strings.Contains(string(e.Data), "inc1/head") {
				t.Fatal(string(e.Data), err)
			}
			entries++
		}
		put(t, db, o, to(n, "inc1/head", "head again"))
		time.Sleep(time.Minute)
		if got := titles(n.Said("ops")); entries != 1 || got != "child head again" {
			t.Fatalf("%d letters, said %q", entries, got)
		}
	})
}

func TestOutboxRemovedMessageIsPostedAnewOnce(t *testing.T) {
	bubble(t, bottest.Roomy(), func(t *testing.T, db *storage.DB, n *bottest.Memory, o *bot.Outbox) {
		for i, want := range []string{"0", "1", "", ""} {
			put(t, db, o, to(n, "inc1/head", fmt.Sprint(i)))
			time.Sleep(5 * time.Second)
			if got := titles(n.Said("ops")); got != want {
				t.Fatalf("state %d: said %q, want %q", i, got, want)
			}
			for _, s := range n.Said("ops") {
				n.Remove(s.Ref)
			}
		}
		if got := len(n.Calls("post")); got != 2 {
			t.Fatalf("%d posts", got)
		}
	})
}

func TestOutboxParts(t *testing.T) {
	c := tight()
	c.PostEvery, c.EditEvery = time.Second, time.Second
	long := func(n int, word string) bot.Message {
		m := bot.Message{Title: "T"}
		for i := range n {
			m.Blocks = append(m.Blocks, bot.Textf("%s%d", word, i))
		}
		m.Blocks = append(m.Blocks, bot.Actions{button("Stop")})
		return m
	}
	bubble(t, c, func(t *testing.T, db *storage.DB, n *bottest.Memory, o *bot.Outbox) {
		check := func(want ...string) {
			t.Helper()
			time.Sleep(15 * time.Second)
			var got []string
			for _, s := range n.Said("ops") {
				got = append(got, strings.ReplaceAll(s.Message.Plain(), "\n", " "))
			}
			if strings.Join(got, "|") != strings.Join(want, "|") {
				t.Fatalf("got %q, want %q", got, want)
			}
		}
		d := bot.Delivery{Key: "op/card", To: n.Place("ops"), Message: long(6, "a")}
		put(t, db, o, d)
		check("T a0 a1 a2 a3", "a4 a5 [Stop]")
		if _, ok := n.Find("op/card#2"); !ok {
			t.Fatal("no part with its own key")
		}
		d.Message = long(2, "b")
		put(t, db, o, d)
		check("T b0 b1 [Stop]", "–")
		d.Message = long(6, "c")
		put(t, db, o, d)
		check("T c0 c1 c2 c3", "c4 c5 [Stop]")
	})
}

// A channel whose network hangs must not keep others waiting.
func TestOutboxSlowChannel(t *testing.T) {
	bubble(t, bottest.Roomy(), func(t *testing.T, db *storage.DB, n *bottest.Memory, o *bot.Outbox) {
		n.Script(func(ctx context.Context, c bottest.Call) error {
			if c.Place.Channel == "slow" {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		})
		for i := range 50 {
			d := to(n, fmt.Sprintf("s%d/head", i), "slow")
			d.To.Channel = "slow"
			put(t, db, o, d)
		}
		time.Sleep(3 * time.Second)
		for i := range 20 {
			start := time.Now()
			put(t, db, o, to(n, fmt.Sprintf("q%d/head", i), "quick"))
			for len(n.Said("ops")) <= i {
				time.Sleep(time.Millisecond)
			}
			if d := time.Since(start); d > 50*time.Millisecond {
				t.Fatalf("post %d took %s", i, d)
			}
			time.Sleep(3 * time.Second)
		}
		n.Script(nil)
		time.Sleep(3 * time.Minute)
		if got := len(n.Said("slow")); got != 50 {
			t.Fatalf("%d of 50 posted after the channel recovered", got)
		}
	})
}

// TestOutboxAWaitOfOneMessage: where the network holds up one message alone, its channel goes on.
func TestOutboxAWaitOfOneMessage(t *testing.T) {
	bubble(t, bottest.Roomy(), func(t *testing.T, db *storage.DB, n *bottest.Memory, o *bot.Outbox) {
		put(t, db, o, to(n, "inc1/head", "one"))
		time.Sleep(2 * time.Second)
		put(t, db, o, to(n, "inc2/head", "two"))
		time.Sleep(2 * time.Second)
		n.Fail("edit", &bot.SendError{After: time.Hour, Alone: true, Err: errors.New("too old")})
		put(t, db, o, to(n, "inc1/head", "one, changed"))
		time.Sleep(2 * time.Second)
		put(t, db, o, to(n, "inc2/head", "two, changed"), to(n, "inc3/head", "three"))
		time.Sleep(2 * time.Second)
		if got := titles(n.Said("ops")); got != "one two, changed three" {
			t.Errorf("said %q", got)
		}
		time.Sleep(time.Hour)
		if got := titles(n.Said("ops")); got != "one, changed two, changed three" {
			t.Errorf("said %q", got)
		}
	})
}
