package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/storage"
)

// thing is what the suite stores.
type thing struct {
	Name string `json:"name"`
	N    int    `json:"n"`
}

// Run is what every kind of store must pass. open returns a store that only this test uses; it may hold records of
// earlier subtests, since the suite uses fresh names.
func Run(t *testing.T, open func(t testing.TB) *storage.DB) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, db *storage.DB)
	}{
		{"record", testRecord}, {"versions", testVersions}, {"all or nothing", testAtomic}, {"cross root", testCrossRoot},
		{"once", testOnce}, {"names", testNames}, {"newest", testNewest}, {"under", testUnder}, {"ttl", testTTL}, {"unlisted", testUnlisted},
		{"update", testUpdate}, {"log", testLog}, {"recommit", testRecommit}, {"together", testTogether},
		{"queue due", testQueueDue}, {"queue lease", testQueueLease}, {"queue lost", testQueueLost}, {"queue again", testQueueAgain}, {"queue earlier", testQueueEarlier},
		{"queue max", testQueueMax}, {"queue race", testQueueRace}, {"wake", testWake}, {"depth", testDepth}, {"ping", testPing}, {"backup", testBackup},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

// table returns a table that no other test uses.
func table(db *storage.DB) storage.Table[thing] {
	return storage.Table[thing]{DB: db, Name: "t-" + storage.NewID()}
}

func queue() storage.Queue { return storage.Queue("q-" + storage.NewID()) }

func commit(t testing.TB, db *storage.DB, root string, fill func(tx *storage.Tx)) {
	t.Helper()
	if err := try(t, db, root, fill); err != nil {
		t.Fatal(err)
	}
}

func try(t testing.TB, db *storage.DB, root string, fill func(tx *storage.Tx)) error {
	t.Helper()
	tx := db.Begin(root)
	fill(tx)
	return db.Commit(t.Context(), tx)
}

func want(t testing.TB, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("got error %v, want %v", err, target)
	}
}

func same(t testing.TB, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("(-want +got)\n%s", d)
	}
}

func testRecord(t *testing.T, db *storage.DB) {
	tab := table(db)
	_, _, err := tab.Get(t.Context(), "a")
	want(t, err, storage.ErrNotFound)
	commit(t, db, "a", func(tx *storage.Tx) { tab.Put(tx, "a", thing{"ä\n\x00\"", 1}, storage.New) })
	got, v, err := tab.Get(t.Context(), "a")
	want(t, err, nil)
	same(t, got, thing{"ä\n\x00\"", 1})
	same(t, v, storage.Version(1))
	commit(t, db, "a", func(tx *storage.Tx) { tab.Delete(tx, "a", v) })
	_, _, err = tab.Get(t.Context(), "a")
	want(t, err, storage.ErrNotFound)
	n, err := tab.Len(t.Context())
	want(t, err, nil)
	same(t, n, 0)
}

func testVersions(t *testing.T, db *storage.DB) {
	for _, c := range []struct {
		name   string
		exists bool
		was    storage.Version
		ok     bool
	}{
		{"new on none", false, storage.New, true}, {"any on none", false, storage.Any, true}, {"1 on none", false, 1, false},
		{"new on 1", true, storage.New, false}, {"any on 1", true, storage.Any, true}, {"1 on 1", true, 1, true}, {"2 on 1", true, 2, false},
	} {
		for what, op := range map[string]func(tab storage.Table[thing], tx *storage.Tx){
			"put":    func(tab storage.Table[thing], tx *storage.Tx) { tab.Put(tx, "x/y", thing{N: 2}, c.was) },
			"delete": func(tab storage.Table[thing], tx *storage.Tx) { tab.Delete(tx, "x/y", c.was) },
			"check":  func(tab storage.Table[thing], tx *storage.Tx) { tab.Check(tx, "x/y", c.was) },
		} {
			tab := table(db)
			if c.exists {
				commit(t, db, "x", func(tx *storage.Tx) { tab.Put(tx, "x/y", thing{N: 1}, storage.New) })
			}
			err := try(t, db, "x", func(tx *storage.Tx) { op(tab, tx) })
			if c.ok && err != nil || !c.ok && !errors.Is(err, storage.ErrConflict) {
				t.Errorf("%s %s: error %v", what, c.name, err)
			}
		}
	}
}

func testAtomic(t *testing.T, db *storage.DB) {
	tab, q := table(db), queue()
	commit(t, db, "r", func(tx *storage.Tx) { tab.Put(tx, "r/old", thing{}, storage.New) })
	err := try(t, db, "r", func(tx *storage.Tx) {
		tab.Put(tx, "r/a", thing{}, storage.New)
		tx.Enqueue(q, "r/a", time.Time{})
		tx.Append("l-"+string(q), 1, 0)
		tx.Once(string(q), time.Minute)
		tab.Put(tx, "r/old", thing{}, storage.New) // the conflict comes last
	})
	want(t, err, storage.ErrConflict)
	_, _, err = tab.Get(t.Context(), "r/a")
	want(t, err, storage.ErrNotFound)
	n, _, err := db.Depth(t.Context(), q)
	want(t, err, nil)
	same(t, n, 0)
	for range db.ReadLog(t.Context(), "l-"+string(q), 0) {
		t.Fatal("the log holds an entry")
	}
	commit(t, db, "r", func(tx *storage.Tx) { tx.Once(string(q), time.Minute) })
}

func testCrossRoot(t *testing.T, db *storage.DB) {
	tab, q := table(db), queue()
	for _, fill := range []func(tx *storage.Tx){
		func(tx *storage.Tx) { tab.Put(tx, "b/x", thing{}, storage.Any) },
		func(tx *storage.Tx) { tab.Delete(tx, "ab", storage.Any) },
		func(tx *storage.Tx) { tx.Enqueue(q, "b", time.Time{}) },
		func(tx *storage.Tx) { tx.Release(storage.Item{Queue: q, ID: "b"}, time.Time{}) },
		func(tx *storage.Tx) { tx.Finish(storage.Item{Queue: q, ID: "b"}) },
	} {
		want(t, try(t, db, "a", fill), storage.ErrCrossShard)
	}
}

func testOnce(t *testing.T, db *storage.DB) {
	mark := storage.NewID()
	once := func(tx *storage.Tx) { tx.Once(mark, 300*time.Millisecond) }
	commit(t, db, "r", once)
	want(t, try(t, db, "r", once), storage.ErrSeen)
	time.Sleep(400 * time.Millisecond)
	commit(t, db, "r", once)
	if try(t, db, "r", func(tx *storage.Tx) { tx.Once("m", 0) }) == nil {
		t.Error("a mark without a ttl was accepted")
	}
}

func testNames(t *testing.T, db *storage.DB) {
	for _, id := range []string{"", "/", "/a", "a\n", "a\x00b", "\xff", string(make([]byte, 600))} {
		if err := try(t, db, id, func(tx *storage.Tx) { table(db).Put(tx, id, thing{}, storage.Any) }); err == nil {
			t.Errorf("id %q was accepted", id)
		}
	}
	for _, name := range []string{"", "A", "a:b", "a b", "{x}", "ä"} {
		tab := storage.Table[thing]{DB: db, Name: name}
		if err := try(t, db, "r", func(tx *storage.Tx) { tab.Put(tx, "r", thing{}, storage.Any) }); err == nil {
			t.Errorf("table %q was accepted", name)
		}
		if err := try(t, db, "r", func(tx *storage.Tx) { tx.Enqueue(storage.Queue(name), "r", time.Time{}) }); err == nil {
			t.Errorf("queue %q was accepted", name)
		}
		if _, _, err := db.Claim(t.Context(), storage.Queue(name), 1, time.Second); err == nil {
			t.Errorf("claim of queue %q was accepted", name)
		}
		if err := try(t, db, "r", func(tx *storage.Tx) { tx.Append(name, 1, 0) }); err == nil {
			t.Errorf("log %q was accepted", name)
		}
	}
	tab := table(db)
	id := `slack:C0/{}:{alertname="X y"}/ä%*?[`
	commit(t, db, id, func(tx *storage.Tx) { tab.Put(tx, id, thing{N: 7}, storage.New) })
	got, _, err := tab.Get(t.Context(), id)
	want(t, err, nil)
	same(t, got.N, 7)
}

func testNewest(t *testing.T, db *storage.DB) {
	tab := table(db)
	const n = 150
	for i := range n {
		commit(t, db, fmt.Sprint("r", i), func(tx *storage.Tx) { tab.Put(tx, fmt.Sprint("r", i), thing{N: i}, storage.New) })
		if i%10 == 0 {
			time.Sleep(2 * time.Millisecond) // the order is by ms
		}
	}
	list := func(max int) []int {
		var out []int
		for e, err := range tab.Newest(t.Context(), max) {
			want(t, err, nil)
			same(t, e.ID, fmt.Sprint("r", e.Value.N))
			out = append(out, e.Value.N)
		}
		return out
	}
	all := list(0)
	same(t, len(all), n)
	for i, v := range all {
		if v/10 > (n-1-i)/10+1 || v/10 < (n-1-i)/10-1 {
			t.Fatalf("place %d holds %d: not newest first: %v", i, v, all)
		}
	}
	same(t, list(20), all[:20])
	same(t, len(list(n+5)), n)
	time.Sleep(2 * time.Millisecond)
	commit(t, db, "r3", func(tx *storage.Tx) { tab.Put(tx, "r3", thing{N: 3}, 1) })
	same(t, list(1), []int{3})
	got, err := tab.Len(t.Context())
	want(t, err, nil)
	same(t, got, n)
}

func testUnder(t *testing.T, db *storage.DB) {
	tab := table(db)
	for _, id := range []string{"a/1", "ab", "a", "a/2", "a0", "a-", "b/a", "a/2/3"} {
		commit(t, db, id, func(tx *storage.Tx) { tab.Put(tx, id, thing{}, storage.New) })
		time.Sleep(2 * time.Millisecond)
	}
	var got []string
	for e, err := range tab.Under(t.Context(), "a") {
		want(t, err, nil)
		got = append(got, e.ID)
	}
	same(t, got, []string{"a/2/3", "a/2", "a", "a/1"})
}

func testTTL(t *testing.T, db *storage.DB) {
	keep := table(db)
	gone := keep
	gone.TTL = 150 * time.Millisecond
	for _, id := range []string{"r/1", "r/2", "r/3"} {
		commit(t, db, "r", func(tx *storage.Tx) { gone.Put(tx, id, thing{}, storage.New) })
	}
	commit(t, db, "r", func(tx *storage.Tx) { keep.Put(tx, "r/3", thing{}, 1) }) // kept after all
	n, err := keep.Len(t.Context())
	want(t, err, nil)
	same(t, n, 3)
	time.Sleep(250 * time.Millisecond)
	_, _, err = keep.Get(t.Context(), "r/1")
	want(t, err, storage.ErrNotFound)
	n, err = keep.Len(t.Context())
	want(t, err, nil)
	same(t, n, 1)
	var got []string
	for e, err := range keep.Newest(t.Context(), 5) {
		want(t, err, nil)
		got = append(got, e.ID)
	}
	same(t, got, []string{"r/3"})
	commit(t, db, "r", func(tx *storage.Tx) { keep.Put(tx, "r/1", thing{}, storage.New) }) // an expired one is new
	time.Sleep(time.Second)
	commit(t, db, "r", func(tx *storage.Tx) { gone.Put(tx, "r/4", thing{}, storage.New) }) // prunes r/2
	n, err = keep.Len(t.Context())
	want(t, err, nil)
	same(t, n, 3)
}

func testUpdate(t *testing.T, db *storage.DB) {
	tab := table(db)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				err := tab.Update(t.Context(), "c", func(tx *storage.Tx, v *thing, was storage.Version) error { v.N++; return nil })
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got, v, err := tab.Get(t.Context(), "c")
	want(t, err, nil)
	same(t, got.N, 40)
	same(t, v, storage.Version(40))
	stop := errors.New("stop")
	err = tab.Update(t.Context(), "c", func(tx *storage.Tx, v *thing, was storage.Version) error { v.N = 0; return stop })
	want(t, err, stop)
	got, _, err = tab.Get(t.Context(), "c")
	want(t, err, nil)
	same(t, got.N, 40)
}

func testLog(t *testing.T, db *storage.DB) {
	log := "l-" + storage.NewID()
	for i := range 60 {
		commit(t, db, fmt.Sprint(i), func(tx *storage.Tx) { tx.Append(log, i, 0) })
		time.Sleep(time.Millisecond + 100*time.Microsecond)
	}
	for _, max := range []int{0, 1, 25, 60, 100} {
		var got []string
		var last time.Time
		for e, err := range db.ReadLog(t.Context(), log, max) {
			want(t, err, nil)
			if !last.IsZero() && e.At.After(last) {
				t.Fatal("not newest first")
			}
			last = e.At
			got = append(got, string(e.Data))
		}
		var exp []string
		for i := range 60 {
			exp = append(exp, fmt.Sprint(59-i))
		}
		if max > 0 {
			exp = exp[:min(max, 60)]
		}
		same(t, got, exp)
	}
}

func testRecommit(t *testing.T, db *storage.DB) {
	tab := table(db)
	tx := db.Begin("r")
	tab.Put(tx, "r", thing{N: 1}, storage.New)
	tx.Once(tab.Name, time.Minute)
	for range 3 { // as after a lost answer
		want(t, db.Commit(t.Context(), tx), nil)
	}
	_, v, err := tab.Get(t.Context(), "r")
	want(t, err, nil)
	same(t, v, storage.Version(1))
	want(t, db.Commit(t.Context(), db.Begin("r")), nil)
}

func testBackup(t *testing.T, db *storage.DB) {
	tab := table(db)
	for i := range 20 {
		id := fmt.Sprint("r", i)
		commit(t, db, id, func(tx *storage.Tx) { tab.Put(tx, id, thing{N: i}, storage.New) })
	}
	var file bytes.Buffer
	want(t, db.Backup(t.Context(), &file), nil)
	tab.DB = Open(t)
	want(t, tab.DB.Restore(t.Context(), &file), nil)
	n, err := tab.Len(t.Context())
	want(t, err, nil)
	same(t, n, 20)
	got, _, err := tab.Get(t.Context(), "r7")
	want(t, err, nil)
	same(t, got.N, 7)
}

// Calls that are made at once share round trips: each gets its own answer, and one that fails disturbs no other.
func testTogether(t *testing.T, db *storage.DB) {
	tab := storage.Table[thing]{DB: db, Name: "together"}
	const n = 200
	for i := 0; i < n; i += 3 {
		id := fmt.Sprint("r", i)
		commit(t, db, id, func(tx *storage.Tx) { tab.Put(tx, id, thing{"old", i}, storage.New) })
	}
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() {
			id := fmt.Sprint("r", i)
			tx := db.Begin(id)
			tab.Put(tx, id, thing{"new", i}, storage.New)
			errs[i] = db.Commit(t.Context(), tx)
			if got, _, err := tab.Get(t.Context(), id); err != nil || got.N != i || (got.Name == "old") != (i%3 == 0) {
				t.Errorf("%s is %v, %v", id, got, err)
			}
		})
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 { // who asks too late disturbs nobody either
		wg.Go(func() { _, _, _ = tab.Get(over, "r1") })
	}
	wg.Wait()
	for i, err := range errs {
		if (i%3 == 0) != errors.Is(err, storage.ErrConflict) || i%3 != 0 && err != nil {
			t.Errorf("r%d: %v", i, err)
		}
	}
}
