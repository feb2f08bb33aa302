package bot_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/bottest"
	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/storagetest"
)

// A replica stops between the post and writing it down, and comes back to life after another has taken over.
func TestOutboxCrashAfterPost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, n := storagetest.Open(t), bottest.NewMemory("mem", bottest.Roomy())
		frozen := make(chan struct{})
		one := &freezer{Memory: n, thaw: frozen}
		ctx, freeze := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			bot.NewOutbox(db, silent, bot.OutboxOptions{}, one).Run(ctx)
		}()
		put(t, db, bot.NewOutbox(db, silent, bot.OutboxOptions{}, n), to(n, "inc1/head", "one"))
		time.Sleep(time.Second)
		if got := titles(n.Said("ops")); got != "one" {
			t.Fatal(got)
		}
		freeze()
		two := bot.NewOutbox(db, silent, bot.OutboxOptions{}, n)
		run(t, two)
		put(t, db, two, to(n, "inc1/head", "two"))
		time.Sleep(time.Minute)
		if got := titles(n.Said("ops")); got != "two" {
			t.Fatalf("after the lease ended: %q", got)
		}
		close(frozen)
		<-done
		put(t, db, two, to(n, "inc1/head", "three"))
		time.Sleep(time.Minute)
		if got := titles(n.Said("ops")); got != "three" {
			t.Fatalf("after the dead came back: %q", got)
		}
		if left, _, err := two.Depth(t.Context()); left != 0 || err != nil {
			t.Fatalf("%d left, %v", left, err)
		}
	})
}

// freezer posts, and then does not return until it is thawed.
type freezer struct {
	*bottest.Memory
	thaw chan struct{}
}

func (f *freezer) Post(ctx context.Context, at bot.Place, key string, m bot.Message) (bot.MessageRef, error) {
	ref, err := f.Memory.Post(ctx, at, key, m)
	<-f.thaw
	return ref, err
}

// family is a delivery of one of seven parents, or of their children.
func family(n *bottest.Memory, k int, text string) bot.Delivery {
	d := to(n, fmt.Sprintf("inc%d/%d", k%7, k), text)
	if k >= 7 {
		d.Parent = fmt.Sprintf("inc%d/%d", k%7, k%7)
	}
	return d
}

// drained waits until nothing is left to deliver.
func drained(t *testing.T, o *bot.Outbox) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		left, _, err := o.Depth(t.Context())
		if err == nil && left == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d left, %v", left, err)
		}
	}
}

// Replicas die and are born all the time, at any moment, while states are put. Every key ends in its newest state, in one
// message, under its parent.
func TestOutboxReplicasDie(t *testing.T) {
	url, _ := storagetest.Redis(t)
	db := storagetest.With(t, storage.Options{Redis: url})
	n := bottest.NewMemory("mem", bottest.Roomy())
	quiet := bot.NewOutbox(db, silent, bot.OutboxOptions{}, n)
	n.Script(func(context.Context, bottest.Call) error {
		time.Sleep(rand.N(2 * time.Millisecond))
		if rand.N(20) == 0 {
			return bottest.ErrLost
		}
		return nil
	})
	const keys = 60
	newest := make([]string, keys)
	for round := range 12 {
		store, err := storage.Open(t.Context(), storage.Options{Redis: url}, silent)
		if err != nil {
			t.Fatal(err)
		}
		replica := bot.NewOutbox(store, silent, bot.OutboxOptions{}, n)
		replica.SetLease(300 * time.Millisecond)
		stop := run(t, replica)
		for range keys / 2 {
			k := rand.N(keys)
			newest[k] = fmt.Sprintf("%d in round %d", k, round)
			put(t, db, quiet, family(n, k, newest[k]))
		}
		time.Sleep(rand.N(60 * time.Millisecond))
		store.Close() // from here on nothing it does reaches the store
		stop()
	}
	for k := range keys { // every parent at least once
		if newest[k] == "" || k < 7 {
			newest[k] = fmt.Sprintf("%d at last", k)
			put(t, db, quiet, family(n, k, newest[k]))
		}
	}
	survivor := bot.NewOutbox(db, silent, bot.OutboxOptions{}, n)
	survivor.SetLease(time.Second)
	n.Script(nil)
	run(t, survivor)
	drained(t, survivor)
	if got := len(n.Said("ops")); got != keys {
		t.Errorf("%d messages for %d keys", got, keys)
	}
	for k := range keys {
		got, _ := n.Find(fmt.Sprintf("inc%d/%d", k%7, k))
		root, _ := n.Find(fmt.Sprintf("inc%d/%d", k%7, k%7))
		if got.Message.Title != newest[k] || k >= 7 && got.Ref.Place.Thread != root.Ref.ID {
			t.Errorf("key %d stands at %q in thread %q, want %q in %q", k, got.Message.Title, got.Ref.Place.Thread, newest[k], root.Ref.ID)
		}
	}
}

// Redis is killed and started again while the outbox works. What was committed is posted; nothing is posted twice even
// by a network that forgets keys, as long as this process lives.
func TestOutboxRedisKilled(t *testing.T) {
	url, srv := storagetest.Redis(t)
	db := storagetest.With(t, storage.Options{Redis: url})
	n := bottest.NewMemory("mem", bottest.Roomy())
	o := bot.NewOutbox(db, silent, bot.OutboxOptions{}, forgetful{n})
	o.SetLease(2 * time.Second)
	run(t, o)
	n.Script(func(context.Context, bottest.Call) error { time.Sleep(5 * time.Millisecond); return nil })
	var wg sync.WaitGroup
	var committed sync.Map
	ctx, cancel := context.WithCancel(t.Context())
	for w := range 3 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				key := fmt.Sprintf("w%d-%d/head", w, i)
				tx := db.Begin(storage.Root(key))
				o.Put(tx, to(n, key, key))
				if db.Commit(ctx, tx) == nil {
					committed.Store(key, true)
				}
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	for range 3 {
		time.Sleep(300 * time.Millisecond)
		srv.Kill()
		time.Sleep(200 * time.Millisecond)
		srv.Start(t)
	}
	time.Sleep(300 * time.Millisecond)
	cancel()
	wg.Wait()
	drained(t, o)
	said := map[string]int{}
	for _, s := range n.Said("ops") {
		said[s.Message.Title]++
	}
	count := 0
	committed.Range(func(k, _ any) bool {
		if count++; said[k.(string)] != 1 {
			t.Errorf("%s posted %d times", k, said[k.(string)])
		}
		return true
	})
	t.Logf("%d committed, %d posted", count, len(said))
}

// forgetful is a network that cannot know that a post is a repeat.
type forgetful struct{ *bottest.Memory }

var posts atomic.Int64

func (f forgetful) Post(ctx context.Context, at bot.Place, key string, m bot.Message) (bot.MessageRef, error) {
	return f.Memory.Post(ctx, at, fmt.Sprintf("%s-%d", key, posts.Add(1)), m)
}

func BenchmarkPutDeliver(b *testing.B) {
	for _, kind := range []string{"memory", "redis"} {
		b.Run(kind, func(b *testing.B) {
			o := storage.Options{Memory: true}
			if kind == "redis" {
				url, _ := storagetest.Redis(b)
				o = storage.Options{Redis: url}
			}
			db, n := storagetest.With(b, o), &counter{Memory: bottest.NewMemory("mem", bottest.Roomy())}
			out := bot.NewOutbox(db, silent, bot.OutboxOptions{}, n)
			run(b, out)
			for i := 0; b.Loop(); i++ {
				put(b, db, out, bot.Delivery{Key: fmt.Sprintf("inc%d/head", i), To: bot.Place{Network: "mem", Channel: fmt.Sprint(i % 10)}, Message: incidentCard()})
				for n.posts.Load() < int64(i-50) {
					time.Sleep(time.Millisecond)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(max(1, n.posts.Load())), "ms/post")
		})
	}
}

// counter counts posts and keeps none.
type counter struct {
	*bottest.Memory
	posts atomic.Int64
}

func (c *counter) Post(_ context.Context, at bot.Place, key string, _ bot.Message) (bot.MessageRef, error) {
	c.posts.Add(1)
	return bot.MessageRef{Place: at, ID: key}, nil
}
