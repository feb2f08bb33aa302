package storagetest

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drey-ops/drey/storage"
)

func ids(items []storage.Item) []string {
	out := []string{}
	for _, it := range items {
		out = append(out, it.ID)
	}
	slices.Sort(out)
	return out
}

func claim(t testing.TB, db *storage.DB, q storage.Queue, max int, lease time.Duration) []storage.Item {
	t.Helper()
	got, _, err := db.Claim(t.Context(), q, max, lease)
	want(t, err, nil)
	return got
}

func testQueueDue(t *testing.T, db *storage.DB) {
	q := queue()
	now, err := db.Now(t.Context())
	want(t, err, nil)
	commit(t, db, "a", func(tx *storage.Tx) { tx.Enqueue(q, "a/1", time.Time{}) })
	commit(t, db, "a", func(tx *storage.Tx) { tx.Enqueue(q, "a/2", now.Add(300*time.Millisecond)) }) // behind one that is due
	got, next, err := db.Claim(t.Context(), q, 10, time.Minute)
	want(t, err, nil)
	same(t, ids(got), []string{"a/1"})
	if next <= 0 || next > 301*time.Millisecond {
		t.Errorf("next is %s", next)
	}
	time.Sleep(next)
	same(t, ids(claim(t, db, q, 10, time.Minute)), []string{"a/2"})
	got, next, err = db.Claim(t.Context(), q, 10, time.Minute)
	want(t, err, nil)
	same(t, ids(got), []string{})
	same(t, next, time.Second)
}

// A claim tells of a lease that nobody gave back, however often that happened.
func testQueueLost(t *testing.T, db *storage.DB) {
	q := queue()
	commit(t, db, "a", func(tx *storage.Tx) { tx.Enqueue(q, "a", time.Time{}) })
	take := func() storage.Item {
		it, err := db.Take(t.Context(), q, "a", time.Minute)
		want(t, err, nil)
		return it
	}
	first := claim(t, db, q, 1, 50*time.Millisecond)[0]
	now, err := db.Now(t.Context())
	want(t, err, nil)
	if began := time.UnixMilli(first.Fence); !first.Lost.IsZero() || began.After(now) || now.Sub(began) > time.Minute {
		t.Errorf("first claim: lost %v, fence %v at %v", first.Lost, began, now)
	}
	time.Sleep(60 * time.Millisecond)
	second, third := claim(t, db, q, 1, time.Minute)[0], take()
	same(t, second.Lost.UnixMilli(), first.Fence)
	same(t, third.Lost.UnixMilli(), first.Fence)
	commit(t, db, "a", func(tx *storage.Tx) { tx.Release(third, time.Time{}) })
	same(t, take().Lost.IsZero(), true)
}

func testQueueLease(t *testing.T, db *storage.DB) {
	q := queue()
	commit(t, db, "a", func(tx *storage.Tx) { tx.Enqueue(q, "a", time.Time{}) })
	first := claim(t, db, q, 1, 100*time.Millisecond)[0]
	want(t, db.Extend(t.Context(), first, 300*time.Millisecond), nil)
	time.Sleep(150 * time.Millisecond)
	same(t, len(claim(t, db, q, 1, time.Minute)), 0)
	time.Sleep(200 * time.Millisecond)
	second := claim(t, db, q, 1, time.Minute)[0]
	if second.Fence <= first.Fence {
		t.Errorf("fence %d after %d", second.Fence, first.Fence)
	}
	want(t, db.Extend(t.Context(), first, time.Second), storage.ErrConflict)
	want(t, try(t, db, "a", func(tx *storage.Tx) { tx.Finish(first) }), storage.ErrConflict)
	want(t, try(t, db, "a", func(tx *storage.Tx) { tx.Release(first, time.Time{}) }), storage.ErrConflict)
	commit(t, db, "a", func(tx *storage.Tx) { tx.Release(second, time.Time{}) })
	third := claim(t, db, q, 1, time.Minute)[0]
	commit(t, db, "a", func(tx *storage.Tx) { tx.Finish(third) })
	want(t, try(t, db, "a", func(tx *storage.Tx) { tx.Finish(third) }), storage.ErrConflict)
	n, _, err := db.Depth(t.Context(), q)
	want(t, err, nil)
	same(t, n, 0)
}

func testQueueAgain(t *testing.T, db *storage.DB) {
	q := queue()
	enqueue := func(tx *storage.Tx) { tx.Enqueue(q, "a", time.Time{}) }
	for name, give := range map[string]func(tx *storage.Tx, it storage.Item){
		"finish":  func(tx *storage.Tx, it storage.Item) { tx.Finish(it) },
		"release": func(tx *storage.Tx, it storage.Item) { tx.Release(it, time.Now().Add(time.Hour)) },
	} {
		commit(t, db, "a", enqueue)
		it := claim(t, db, q, 1, time.Minute)[0]
		commit(t, db, "a", enqueue)
		same(t, len(claim(t, db, q, 1, time.Minute)), 0)
		commit(t, db, "a", func(tx *storage.Tx) { give(tx, it) })
		got := claim(t, db, q, 1, time.Minute)
		if len(got) != 1 {
			t.Fatalf("%s: what was enqueued during the lease was lost", name)
		}
		commit(t, db, "a", func(tx *storage.Tx) { tx.Finish(got[0]) })
		same(t, len(claim(t, db, q, 1, time.Minute)), 0)
	}
}

func testQueueEarlier(t *testing.T, db *storage.DB) {
	q := queue()
	hour := time.Now().Add(time.Hour)
	commit(t, db, "a", func(tx *storage.Tx) { tx.Enqueue(q, "a", hour) })
	commit(t, db, "a", func(tx *storage.Tx) { tx.Enqueue(q, "a", time.Time{}) })
	commit(t, db, "a", func(tx *storage.Tx) { tx.Enqueue(q, "a", hour) })
	same(t, len(claim(t, db, q, 1, time.Minute)), 1)
}

func testQueueMax(t *testing.T, db *storage.DB) {
	q := queue()
	for i := range 60 {
		id := fmt.Sprint("r", i%20, "/", i)
		commit(t, db, id, func(tx *storage.Tx) { tx.Enqueue(q, id, time.Time{}) })
	}
	seen := map[string]bool{}
	for _, max := range []int{1, 7, 20, 2, 100} {
		got := claim(t, db, q, max, time.Minute)
		if len(got) > max || max < 30 && len(got) < max {
			t.Errorf("claim of %d returned %d", max, len(got))
		}
		for _, it := range got {
			if seen[it.ID] {
				t.Errorf("%s was claimed twice", it.ID)
			}
			seen[it.ID] = true
		}
	}
	same(t, len(seen), 60)
}

func testQueueRace(t *testing.T, db *storage.DB) {
	q := queue()
	const n = 80
	for i := range n {
		id := fmt.Sprint("r", i)
		commit(t, db, id, func(tx *storage.Tx) { tx.Enqueue(q, id, time.Time{}) })
	}
	var done atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for done.Load() < n && t.Context().Err() == nil {
				got, _, err := db.Claim(t.Context(), q, 5, time.Minute)
				if err != nil {
					t.Error(err)
					return
				}
				for _, it := range got {
					tx := db.Begin(it.ID)
					tx.Finish(it)
					if err := db.Commit(t.Context(), tx); err != nil {
						t.Error(err)
					}
					done.Add(1)
				}
			}
		})
	}
	wg.Wait()
	same(t, done.Load(), int64(n))
}

func testWake(t *testing.T, db *storage.DB) {
	q := queue()
	woken := func() bool {
		select {
		case <-db.Wake(q):
			return true
		default:
			return false
		}
	}
	commit(t, db, "a", func(tx *storage.Tx) { tx.Enqueue(q, "a", time.Now().Add(time.Hour)) })
	same(t, woken(), false)
	commit(t, db, "a", func(tx *storage.Tx) { tx.Enqueue(q, "a", time.Time{}) })
	same(t, woken(), true)
	same(t, woken(), false)
}

func testDepth(t *testing.T, db *storage.DB) {
	q := queue()
	n, oldest, err := db.Depth(t.Context(), q)
	want(t, err, nil)
	same(t, n, 0)
	same(t, oldest.IsZero(), true)
	commit(t, db, "a", func(tx *storage.Tx) { tx.Enqueue(q, "a", time.Now().Add(time.Hour)) })
	n, oldest, err = db.Depth(t.Context(), q)
	want(t, err, nil)
	same(t, n, 1)
	same(t, oldest.IsZero(), true)
	at := time.Now().Add(-time.Minute)
	commit(t, db, "b", func(tx *storage.Tx) { tx.Enqueue(q, "b", at) })
	n, oldest, err = db.Depth(t.Context(), q)
	want(t, err, nil)
	same(t, n, 2)
	if d := oldest.Sub(at); d < 0 || d > time.Millisecond {
		t.Errorf("oldest is %s off", d)
	}
}

func testPing(t *testing.T, db *storage.DB) {
	want(t, db.Ping(t.Context()), nil)
	if db.Kind() == "" {
		t.Error("no kind")
	}
	now, err := db.Now(t.Context())
	want(t, err, nil)
	if d := time.Since(now).Abs(); d > 5*time.Second {
		t.Errorf("clock is %s off", d)
	}
}

func testUnlisted(t *testing.T, db *storage.DB) {
	tab := table(db)
	tab.Unlisted, tab.TTL = true, 300*time.Millisecond
	keep := tab
	keep.TTL = 0
	commit(t, db, "u", func(tx *storage.Tx) { tab.Put(tx, "u/1", thing{N: 1}, storage.New) })
	commit(t, db, "u", func(tx *storage.Tx) { tab.Put(tx, "u/2", thing{N: 2}, storage.Any) })
	commit(t, db, "u", func(tx *storage.Tx) { tab.Put(tx, "u/1", thing{N: 3}, 1) })
	tx := db.Begin("u")
	tab.Put(tx, "u/1", thing{}, 1)
	want(t, db.Commit(t.Context(), tx), storage.ErrConflict)
	got, v, err := tab.Get(t.Context(), "u/1")
	want(t, err, nil)
	same(t, got.N, 3)
	same(t, v, storage.Version(2))
	commit(t, db, "u", func(tx *storage.Tx) { tab.Delete(tx, "u/1", 2) })
	_, _, err = tab.Get(t.Context(), "u/1")
	want(t, err, storage.ErrNotFound)
	commit(t, db, "u", func(tx *storage.Tx) { tab.Put(tx, "u/3", thing{}, storage.New) })
	commit(t, db, "u", func(tx *storage.Tx) { keep.Put(tx, "u/3", thing{}, 1) }) // kept after all
	time.Sleep(400 * time.Millisecond)
	_, _, err = tab.Get(t.Context(), "u/2")
	want(t, err, storage.ErrNotFound)
	_, _, err = tab.Get(t.Context(), "u/3")
	want(t, err, nil)
	if _, err = tab.Len(t.Context()); err == nil {
		t.Error("an unlisted table was counted")
	}
}
