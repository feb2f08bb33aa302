package saga_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/saga"
	"github.com/drey-ops/drey/storage/storagetest"
)

type rawMessage = json.RawMessage

func jsonUnmarshal(raw []byte, v any) error { return json.Unmarshal(raw, v) }

// cluster is the outside world of the crash tests: effects with a known id happen once, as with real servers.
type cluster struct {
	mu      sync.Mutex
	effects map[string]int // by id
	calls   int
}

func newCluster() *cluster { return &cluster{effects: map[string]int{}} }

func (c *cluster) do(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	c.effects[id] = 1
}

func (c *cluster) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.effects)
}

// procedure mints an id, commits it, acts under it, waits for the effect, acts again.
func (c *cluster) procedure() []step {
	mint := func(_ context.Context, r *run) (saga.Next, error) {
		r.State.ID = storage.NewID()
		return saga.Next{}, nil
	}
	return []step{
		{Name: "mint", Do: mint},
		{Name: "stop", Do: func(_ context.Context, r *run) (saga.Next, error) {
			c.do("stop " + r.State.ID)
			return saga.Next{}, nil
		}},
		{Name: "wait", Do: func(_ context.Context, r *run) (saga.Next, error) {
			if r.State.A++; r.State.A < 3 {
				return saga.Next{After: time.Millisecond}, nil
			}
			return saga.Next{}, nil
		}},
		{Name: "submit", Do: func(_ context.Context, r *run) (saga.Next, error) {
			c.do("submit " + r.State.ID)
			return saga.Next{}, nil
		}},
	}
}

// crash is a panic that stands for the death of the process.
type crash struct{ at string }

func TestCrashEverywhere(t *testing.T) {
	for point := 1; ; point++ {
		c := newCluster()
		n, died := 0, ""
		w := newWorld(t, saga.Options{Crash: func(at string) {
			if n++; n == point {
				died = at
				panic(crash{at})
			}
		}}, c.procedure()...)
		w.start("x")
		turns := 0
		for w.get("x").Status.Live() {
			if turns++; turns > 20 {
				t.Fatalf("crash %q: the run does not end", died)
			}
			func() {
				defer func() {
					if p := recover(); p != nil {
						if _, ok := p.(crash); !ok {
							panic(p)
						}
					}
				}()
				w.turn("x")
			}()
		}
		if r := w.get("x"); r.Status != saga.Done || c.count() != 2 {
			t.Errorf("crash %q: %s with %d effects: %v", died, r.Status, c.count(), c.effects)
		}
		if died == "" { // beyond the last point
			if point < 15 {
				t.Errorf("only %d crash points", point-1)
			}
			return
		}
	}
}

func TestTwoEnginesFight(t *testing.T) {
	c := newCluster()
	w := newWorld(t, saga.Options{}, c.procedure()...)
	o := saga.Options{Backoff: quick, Lease: 100 * time.Millisecond}
	def := func() *saga.Definition { return saga.Define("p", 1, nil, c.procedure()...) }
	w.run(saga.New(w.db, nil, o, def()), saga.New(w.db, nil, o, def()))
	const n = 60
	for i := range n {
		w.start(fmt.Sprint("r", i))
	}
	for i := range n {
		w.until(fmt.Sprint("r", i), saga.Done)
	}
	if c.count() != 2*n {
		t.Errorf("%d effects, want %d", c.count(), 2*n)
	}
}

// TestDyingWorkers lets a tenth of all crash points kill a worker, whose leases run out.
func TestDyingWorkers(t *testing.T) {
	c := newCluster()
	var points atomic.Int64
	o := saga.Options{Lease: 60 * time.Millisecond, Workers: 4, Crash: func(at string) {
		if points.Add(1)%10 == 0 {
			panic(crash{at})
		}
	}}
	w := newWorld(t, o, c.procedure()...)
	w.run(w.e)
	const n = 30
	for i := range n {
		w.start(fmt.Sprint("r", i))
	}
	for i := range n {
		w.until(fmt.Sprint("r", i), saga.Done)
	}
	if c.count() != 2*n {
		t.Errorf("%d effects, want %d", c.count(), 2*n)
	}
}

func TestLostLeaseCancelsStep(t *testing.T) {
	entered, cause := make(chan bool), make(chan error, 1)
	w := newWorld(t, saga.Options{Lease: 60 * time.Millisecond}, step{Name: "a", Do: func(ctx context.Context, r *run) (saga.Next, error) {
		if r.State.A++; r.Signal != nil {
			if _, ok := r.Signal("second"); ok {
				return saga.Next{}, nil
			}
		}
		close(entered)
		<-ctx.Done()
		cause <- context.Cause(ctx)
		return saga.Next{}, ctx.Err()
	}})
	w.run(w.e)
	w.start("x")
	<-entered
	it, err := w.db.Take(t.Context(), "saga", "x", time.Minute)
	w.must(err)
	if err := <-cause; err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("cause %v", err)
	}
	if r := w.get("x"); r.Try != 0 {
		t.Errorf("%d tries were counted", r.Try)
	}
	w.must(w.e.Signal(t.Context(), "x", "second", 1))
	tx := w.db.Begin("x")
	tx.Release(it, time.Time{})
	w.must(w.db.Commit(t.Context(), tx))
	w.until("x", saga.Done)
}

func TestHeartbeatKeepsLongStep(t *testing.T) {
	var calls atomic.Int64
	o := saga.Options{Lease: 60 * time.Millisecond, Backoff: quick}
	w := newWorld(t, o, step{Name: "a", Do: pass})
	def := func() *saga.Definition {
		return saga.Define("p", 1, nil, step{Name: "a", Do: func(context.Context, *run) (saga.Next, error) {
			calls.Add(1)
			time.Sleep(400 * time.Millisecond)
			return saga.Next{}, nil
		}})
	}
	w.e = saga.New(w.db, nil, o, def())
	w.run(w.e, saga.New(w.db, nil, o, def()))
	w.start("x")
	w.until("x", saga.Done)
	if calls.Load() != 1 {
		t.Errorf("the step ran %d times", calls.Load())
	}
}

// TestSignalRaces sends signals at any moment to runs that wait for them: none may be lost.
func TestSignalRaces(t *testing.T) {
	const rounds = 5
	w := newWorld(t, saga.Options{}, step{Name: "a", Do: func(_ context.Context, r *run) (saga.Next, error) {
		if _, ok := r.Signal(fmt.Sprint("s", r.State.A)); ok {
			if r.State.A++; r.State.A == rounds {
				return saga.Next{}, nil
			}
			return saga.Next{Goto: "a"}, nil
		}
		return saga.Next{Wait: fmt.Sprint("s", r.State.A)}, nil
	}})
	w.run(w.e)
	const n = 30
	var wg sync.WaitGroup
	for i := range n {
		id := fmt.Sprint("r", i)
		w.start(id)
		for s := range rounds {
			wg.Go(func() {
				time.Sleep(time.Duration((i*7+s*3)%20) * time.Millisecond / 4)
				if err := w.e.Signal(t.Context(), id, fmt.Sprint("s", s), s); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	for i := range n {
		w.until(fmt.Sprint("r", i), saga.Done)
	}
}

// TestCancelRaces cancels at any moment: every run ends done or canceled, and none keeps waiting.
func TestCancelRaces(t *testing.T) {
	w := newWorld(t, saga.Options{}, step{Name: "a", Do: pass}, step{Name: "b", Do: func(_ context.Context, r *run) (saga.Next, error) {
		if r.Cancel {
			return saga.Stop(), nil
		}
		return saga.Next{Wait: "never"}, nil
	}})
	w.run(w.e)
	for i := range 40 {
		w.start(fmt.Sprint("r", i))
		time.Sleep(time.Duration(i%10) * time.Millisecond / 3)
		w.must(w.e.Cancel(t.Context(), fmt.Sprint("r", i), "race"))
	}
	for i := range 40 {
		w.until(fmt.Sprint("r", i), saga.Canceled)
	}
}

func TestDrainHandsOver(t *testing.T) {
	entered := make(chan bool, 9)
	block := func(ctx context.Context, r *run) (saga.Next, error) {
		entered <- true
		<-ctx.Done()
		return saga.Next{}, ctx.Err()
	}
	w := newWorld(t, saga.Options{Lease: time.Hour, Drain: 20 * time.Millisecond}, step{Name: "a", Do: block, Deadline: time.Minute})
	stop := w.run(w.e)
	w.start("x")
	<-entered
	stop()
	if r := w.get("x"); r.Try != 0 {
		t.Errorf("%d tries were counted", r.Try)
	}
	other := saga.New(w.db, nil, saga.Options{}, saga.Define("p", 1, nil, step{Name: "a", Do: pass}))
	w.run(other)
	began := time.Now()
	w.until("x", saga.Done)
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("took over after %s", d)
	}
}

func TestRedisKilledMidRun(t *testing.T) {
	url, srv := storagetest.Redis(t)
	db := storagetest.With(t, storage.Options{Redis: url})
	c := newCluster()
	o := saga.Options{Backoff: quick, Lease: 500 * time.Millisecond}
	w := world{t, db, saga.New(db, nil, o, saga.Define("p", 1, nil, c.procedure()...))}
	w.run(w.e)
	const n = 100
	for i := range n {
		w.start(fmt.Sprint("r", i))
		if i == n/2 || i == n-1 {
			srv.Kill()
			time.Sleep(300 * time.Millisecond)
			srv.Start(t)
		}
	}
	for i := range n {
		w.until(fmt.Sprint("r", i), saga.Done)
	}
	if c.count() != 2*n {
		t.Errorf("%d effects, want %d", c.count(), 2*n)
	}
}

func TestSoak(t *testing.T) {
	n := 1000
	if testing.Short() {
		n = 100
	}
	c := newCluster()
	w := newWorld(t, saga.Options{Workers: 16}, c.procedure()...)
	w.run(w.e)
	for i := range n {
		w.start(fmt.Sprint("r", i%100, "/", i))
	}
	for i := range n {
		w.until(fmt.Sprint("r", i%100, "/", i), saga.Done)
	}
	if c.count() != 2*n {
		t.Errorf("%d effects, want %d", c.count(), 2*n)
	}
	all, err := w.e.List(t.Context(), 0)
	w.must(err)
	if len(all) != n {
		t.Errorf("%d runs are listed, want %d", len(all), n)
	}
}
