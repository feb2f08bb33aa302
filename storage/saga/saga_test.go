package saga_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/saga"
	"github.com/drey-ops/drey/storage/storagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// counts is the state of most procedures here.
type counts struct {
	A  int    `json:"a"`
	ID string `json:"id"`
}

type run = saga.Run[counts]
type step = saga.Step[counts]

func quick(try int) time.Duration { return time.Millisecond }

// world is a store and an engine with one procedure of kind "p".
type world struct {
	*testing.T
	db *storage.DB
	e  *saga.Engine
}

func newWorld(t *testing.T, o saga.Options, steps ...step) world {
	if o.Backoff == nil {
		o.Backoff = quick
	}
	db := storagetest.Open(t)
	return world{t, db, saga.New(db, nil, o, saga.Define("p", 1, nil, steps...))}
}

func (w world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w world) start(id string) {
	w.Helper()
	tx := w.db.Begin(id)
	w.must(w.e.Start(tx, id, "p", counts{}, nil))
	w.must(w.db.Commit(w.Context(), tx))
}

func (w world) turn(id string) saga.Record {
	w.Helper()
	r, err := w.e.Turn(w.Context(), id)
	w.must(err)
	return r
}

func (w world) get(id string) saga.Record {
	w.Helper()
	r, err := w.e.Get(w.Context(), id)
	w.must(err)
	return r
}

// run lets engines work until the test ends, or stop is called.
func (w world) run(engines ...*saga.Engine) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, len(engines))
	for _, e := range engines {
		go func() { done <- e.Run(ctx) }()
	}
	stopped := false
	stop = func() {
		cancel()
		for range engines {
			if !stopped {
				if err := <-done; err != nil {
					w.Error(err)
				}
			}
		}
		stopped = true
	}
	w.Cleanup(stop)
	return stop
}

// until waits for the run to reach the status.
func (w world) until(id string, want saga.Status) saga.Record {
	w.Helper()
	var r saga.Record
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		var err error
		if r, err = w.e.Get(w.Context(), id); err == nil && r.Status == want {
			return r
		}
	}
	w.Fatalf("%s is %s, want %s: %+v", id, r.Status, want, r)
	return r
}

func pass(context.Context, *run) (saga.Next, error) { return saga.Next{}, nil }

func TestOutcomes(t *testing.T) {
	boom := errors.New("boom")
	do := func(n saga.Next, err error) func(context.Context, *run) (saga.Next, error) {
		return func(_ context.Context, r *run) (saga.Next, error) { r.State.A++; return n, err }
	}
	type end struct {
		Status saga.Status
		Step   string
		Try, A int
		Error  string
	}
	for name, c := range map[string]struct {
		steps []step
		turns int
		want  end
	}{
		"all steps":      {[]step{{Name: "a", Do: do(saga.Next{}, nil)}, {Name: "b", Do: do(saga.Next{}, nil)}}, 2, end{saga.Done, "b", 0, 2, ""}},
		"pause":          {[]step{{Name: "a", Do: do(saga.Next{After: time.Hour}, nil)}}, 3, end{saga.Running, "a", 0, 3, ""}},
		"goto":           {[]step{{Name: "a", Do: do(saga.Next{Goto: "c"}, nil)}, {Name: "b", Do: pass}, {Name: "c", Do: do(saga.Next{Goto: "b"}, nil)}}, 2, end{saga.Running, "b", 0, 2, ""}},
		"goto nowhere":   {[]step{{Name: "a", Do: do(saga.Next{Goto: "z"}, nil)}}, 1, end{saga.Stuck, "a", 0, 1, `step a goes to "z", which p has not: a bug in drey`}},
		"end":            {[]step{{Name: "a", Do: do(saga.Next{End: saga.Failed}, nil)}, {Name: "b", Do: pass}}, 1, end{saga.Failed, "a", 0, 1, ""}},
		"stop":           {[]step{{Name: "a", Do: do(saga.Stop(), nil)}, {Name: "b", Do: pass}}, 1, end{saga.Canceled, "a", 0, 1, ""}},
		"end not final":  {[]step{{Name: "a", Do: do(saga.Next{End: saga.Waiting}, nil)}}, 1, end{saga.Stuck, "a", 0, 1, `step a ended the run with status "waiting", which is not final: a bug in drey`}},
		"error":          {[]step{{Name: "a", Do: do(saga.Next{}, boom)}}, 2, end{saga.Running, "a", 2, 0, "boom"}},
		"max tries":      {[]step{{Name: "a", Do: do(saga.Next{}, boom), MaxTries: 3}}, 3, end{saga.Stuck, "a", 3, 0, "boom"}},
		"permanent":      {[]step{{Name: "a", Do: do(saga.Next{}, saga.Permanent(boom))}}, 1, end{saga.Failed, "a", 1, 0, "boom"}},
		"wrapped":        {[]step{{Name: "a", Do: do(saga.Next{}, fmt.Errorf("so: %w", saga.Permanent(boom)))}}, 1, end{saga.Failed, "a", 1, 0, "so: boom"}},
		"ask":            {[]step{{Name: "a", Do: do(saga.Next{}, saga.Ask(boom))}}, 1, end{saga.Stuck, "a", 1, 0, "boom"}},
		"panic":          {[]step{{Name: "a", Do: func(context.Context, *run) (saga.Next, error) { panic("ouch") }}}, 1, end{saga.Running, "a", 1, 0, "panic in step a: ouch"}},
		"wait":           {[]step{{Name: "a", Do: do(saga.Next{Wait: "go"}, nil)}}, 1, end{saga.Waiting, "a", 0, 1, ""}},
		"turn of a wait": {[]step{{Name: "a", Do: do(saga.Next{Wait: "go"}, nil)}}, 2, end{saga.Waiting, "a", 0, 2, ""}},
		"deadline": {[]step{{Name: "a", Deadline: 10 * time.Millisecond, Do: func(ctx context.Context, _ *run) (saga.Next, error) { <-ctx.Done(); return saga.Next{}, ctx.Err() }}},
			1, end{saga.Running, "a", 1, 0, "after 10ms: context deadline exceeded"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, saga.Options{}, c.steps...)
			w.start("x/1")
			var r saga.Record
			for range c.turns {
				r = w.turn("x/1")
			}
			if d := cmp.Diff(r, w.get("x/1")); d != "" {
				t.Errorf("turn and get differ: %s", d)
			}
			var s counts
			w.must(jsonUnmarshal(r.State, &s))
			if d := cmp.Diff(c.want, end{r.Status, r.Step, r.Try, s.A, r.Error}); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			n, _, err := w.db.Depth(t.Context(), "saga")
			w.must(err)
			if wantN := r.Status == saga.Running; (n == 1) != wantN {
				t.Errorf("%d in the queue of a run that is %s", n, r.Status)
			}
		})
	}
}

func TestDefinePanics(t *testing.T) {
	for name, steps := range map[string][]step{
		"none": {}, "empty name": {{Do: pass}}, "no do": {{Name: "a"}}, "repeated": {{Name: "a", Do: pass}, {Name: "a", Do: pass}},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			saga.Define("p", 1, nil, steps...)
		})
	}
}

func TestStartTwice(t *testing.T) {
	w := newWorld(t, saga.Options{}, step{Name: "a", Do: pass})
	w.start("x")
	tx := w.db.Begin("x")
	w.must(w.e.Start(tx, "x", "p", counts{}, nil))
	if err := w.db.Commit(t.Context(), tx); !errors.Is(err, storage.ErrConflict) {
		t.Errorf("second start: %v", err)
	}
	if err := w.e.Start(w.db.Begin("y"), "y", "other", nil, nil); err == nil {
		t.Error("an unknown kind was started")
	}
}

func TestStory(t *testing.T) {
	n := 0
	w := newWorld(t, saga.Options{}, step{Name: "a", Do: func(_ context.Context, r *run) (saga.Next, error) {
		n++
		switch n {
		case 1:
			r.Note("one")
			return saga.Next{After: time.Hour}, nil
		case 2:
			r.Note("one")
			return saga.Next{After: time.Hour}, nil
		case 3:
			r.Note("two")
			return saga.Next{}, errors.New("boom")
		}
		return saga.Next{}, nil
	}}, step{Name: "b", Do: pass})
	w.start("x")
	for range 5 {
		w.turn("x")
	}
	var got []string
	for _, b := range w.get("x").Story {
		got = append(got, b.Text)
	}
	if d := cmp.Diff([]string{"one", "two", "a", "b"}, got); d != "" {
		t.Error(d)
	}
}

func TestUnknownIsStuck(t *testing.T) {
	w := newWorld(t, saga.Options{}, step{Name: "a", Do: pass}, step{Name: "b", Do: pass})
	for name, e := range map[string]*saga.Engine{
		"kind":    saga.New(w.db, nil, saga.Options{}, saga.Define("q", 1, nil, step{Name: "a", Do: pass})),
		"step":    saga.New(w.db, nil, saga.Options{}, saga.Define("p", 1, nil, step{Name: "z", Do: pass})),
		"newer":   saga.New(w.db, nil, saga.Options{}, saga.Define("p", 0, nil, step{Name: "a", Do: pass})),
		"migrate": saga.New(w.db, nil, saga.Options{}, saga.Define("p", 2, nil, step{Name: "a", Do: pass})),
	} {
		w.start(name)
		r, err := e.Turn(t.Context(), name)
		w.must(err)
		if r.Status != saga.Stuck || r.Error == "" {
			t.Errorf("%s: %s %q", name, r.Status, r.Error)
		}
		w.must(w.e.Resume(t.Context(), name)) // by the drey that knows it
		w.turn(name)
		if r := w.turn(name); r.Status != saga.Done {
			t.Errorf("%s after resume: %s %q", name, r.Status, r.Error)
		}
	}
}

func TestMigrate(t *testing.T) {
	w := newWorld(t, saga.Options{}, step{Name: "a", Do: pass})
	w.start("x")
	var from int
	e := saga.New(w.db, nil, saga.Options{}, saga.Define("p", 3, func(v int, raw rawMessage) (rawMessage, error) {
		from = v
		return rawMessage(`{"a":41}`), nil
	}, step{Name: "a", Do: func(_ context.Context, r *run) (saga.Next, error) { r.State.A++; return saga.Next{}, nil }}))
	r, err := e.Turn(t.Context(), "x")
	w.must(err)
	if from != 1 || r.Version != 3 || string(r.State) != `{"a":42,"id":""}` {
		t.Errorf("from %d to %d: %s", from, r.Version, r.State)
	}
}

func TestCancel(t *testing.T) {
	w := newWorld(t, saga.Options{}, step{Name: "a", Do: func(_ context.Context, r *run) (saga.Next, error) {
		if r.Cancel {
			return saga.Stop(), nil
		}
		return saga.Next{Wait: "never"}, nil
	}})
	w.run(w.e)
	w.start("x")
	w.until("x", saga.Waiting)
	w.must(w.e.Cancel(t.Context(), "x", "wrong job"))
	w.until("x", saga.Canceled)
	for what, err := range map[string]error{
		"cancel": w.e.Cancel(t.Context(), "x", ""), "signal": w.e.Signal(t.Context(), "x", "s", 1), "resume": w.e.Resume(t.Context(), "x"),
	} {
		if !errors.Is(err, storage.ErrConflict) {
			t.Errorf("%s of a final run: %v", what, err)
		}
	}
	if err := w.e.Cancel(t.Context(), "none", ""); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("cancel of none: %v", err)
	}
}

func TestStuckCancelResume(t *testing.T) {
	broken := true
	w := newWorld(t, saga.Options{}, step{Name: "a", Do: func(context.Context, *run) (saga.Next, error) {
		if broken {
			return saga.Next{}, saga.Ask(errors.New("did it or not?"))
		}
		return saga.Next{}, nil
	}})
	w.start("x")
	w.start("y")
	w.turn("x")
	w.turn("y")
	w.must(w.e.Cancel(t.Context(), "x", ""))
	if r := w.get("x"); r.Status != saga.Canceled {
		t.Errorf("x is %s", r.Status)
	}
	w.must(w.e.Signal(t.Context(), "y", "s", 1))
	broken = false
	w.must(w.e.Resume(t.Context(), "y"))
	if r := w.turn("y"); r.Status != saga.Done {
		t.Errorf("y is %s", r.Status)
	}
}

func TestWaitUntil(t *testing.T) {
	w := newWorld(t, saga.Options{}, step{Name: "a", Do: func(_ context.Context, r *run) (saga.Next, error) {
		if r.State.A++; r.State.A == 1 {
			return saga.Next{Wait: "never", Until: time.Now().Add(50 * time.Millisecond)}, nil
		}
		return saga.Next{}, nil
	}})
	w.run(w.e)
	w.start("x")
	w.until("x", saga.Done)
}

func TestObserve(t *testing.T) {
	var seen []saga.Status
	o := saga.Options{Observe: func(tx *storage.Tx, r saga.Record) error {
		seen = append(seen, r.Status)
		tx.Append("audit", r.Status, 0)
		return nil
	}}
	w := newWorld(t, o, step{Name: "a", Do: func(_ context.Context, r *run) (saga.Next, error) {
		if _, ok := r.Signal("go"); ok {
			return saga.Next{}, nil
		}
		return saga.Next{Wait: "go"}, nil
	}})
	w.start("x")
	w.turn("x")
	w.must(w.e.Signal(t.Context(), "x", "go", true))
	w.turn("x")
	want := []saga.Status{saga.Running, saga.Waiting, saga.Waiting, saga.Done}
	if d := cmp.Diff(want, seen); d != "" {
		t.Error(d)
	}
	var logged []string
	for e, err := range w.db.ReadLog(t.Context(), "audit", 0) {
		w.must(err)
		logged = append(logged, string(e.Data))
	}
	if d := cmp.Diff([]string{`"done"`, `"waiting"`, `"waiting"`, `"running"`}, logged); d != "" {
		t.Error(d)
	}
}
