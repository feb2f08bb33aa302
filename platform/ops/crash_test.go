package ops

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/saga"
)

// scenario is one course of one procedure. Every procedure has at least one; TestCrash fails for one that has none.
type scenario struct {
	name    string
	kind    Kind
	prepare func(r *rig) Request
	effects []string
	status  saga.Status
	words   string
	check   func(r *rig, op Operation)
}

func scenarios() []scenario {
	adopt := func(r *rig) Target {
		r.fake.add("0a", "orders", 2)
		return r.target("orders")
	}
	own := func(r *rig) Target {
		r.submitted("orders", 2)
		return r.target("orders")
	}
	return []scenario{
		{"savepoint", KindSavepoint, func(r *rig) Request { return Savepoint{Job: adopt(r)} },
			[]string{"savepoint orders"}, saga.Done, "savepoint written", hasPoint(BySavepoint)},
		{"savepoint refused", KindSavepoint, func(r *rig) Request {
			r.fake.noSave = platform.Errorf(platform.Other, "", "no space left")
			return Savepoint{Job: adopt(r)}
		}, nil, saga.Failed, "no space left", nil},
		{"stop", KindStop, func(r *rig) Request { return Stop{Job: adopt(r)} },
			[]string{"stop orders"}, saga.Done, "stopped", hasPoint(ByStop)},
		{"cancel", KindCancel, func(r *rig) Request { return Cancel{Job: adopt(r)} },
			[]string{"cancel orders"}, saga.Done, "cancelled", hasPoint(ByCheckpoint)},
		{"submit", KindSubmit, func(r *rig) Request {
			return SubmitSQL{Cluster: r.name, Name: "orders", Statement: "INSERT INTO t SELECT 1", Parallelism: 2}
		}, []string{"submit orders at 2"}, saga.Done, "running", runsAt(2)},
		{"submit fails", KindSubmit, func(r *rig) Request {
			r.fake.failsAt = 2
			return SubmitSQL{Cluster: r.name, Name: "orders", Statement: "INSERT INTO t SELECT 1", Parallelism: 2}
		}, []string{"submit orders at 2"}, saga.Failed, "boom", nil},
		{"scale in place", KindScale, func(r *rig) Request {
			r.fake.adaptive = true
			return Scale{Job: adopt(r), Parallelism: 4}
		}, []string{"rescale orders to 4"}, saga.Done, "parallelism 4", runsAt(4)},
		{"scale by resubmission", KindScale, func(r *rig) Request { return Scale{Job: own(r), Parallelism: 4} },
			[]string{"stop orders", "submit orders at 4"}, saga.Done, "completed a checkpoint", runsAt(4)},
		{"scale rolled back", KindScale, func(r *rig) Request {
			r.fake.failsAt = 4
			return Scale{Job: own(r), Parallelism: 4}
		}, []string{"stop orders", "submit orders at 4", "submit orders at 2"}, saga.Failed, "rolled back", runsAt(2)},
		{"scale into a loop", KindScale, func(r *rig) Request {
			r.fake.loopsAt = 4
			return Scale{Job: own(r), Parallelism: 4}
		}, []string{"stop orders", "submit orders at 4", "cancel orders", "submit orders at 2"}, saga.Failed, "boom", runsAt(2)},
		{"restart", KindRestart, func(r *rig) Request { return Restart{Job: own(r)} },
			[]string{"stop orders", "submit orders at 2"}, saga.Done, "runs again", runsAt(2)},
		{"restart of a failing job", KindRestart, func(r *rig) Request {
			job := own(r)
			r.fake.jobs[r.known("orders").Current].State = platform.Restarting
			r.fake.jobs[r.known("orders").Current].points.Latest = &platform.Checkpoint{At: r.ops.now(), Path: "file:/chk/kept"}
			return Restart{Job: job}
		}, []string{"cancel orders", "submit orders at 2"}, saga.Done, "file:/chk/kept", runsAt(2)},
		{"restart of a failed job", KindRestart, func(r *rig) Request {
			job := own(r)
			j := r.fake.jobs[r.known("orders").Current]
			j.State, j.points.Latest = platform.Failed, &platform.Checkpoint{At: r.ops.now(), Path: "file:/chk/kept"}
			return Restart{Job: job}
		}, []string{"submit orders at 2"}, saga.Done, "file:/chk/kept", runsAt(2)},
	}
}

func hasPoint(kind RestoreKind) func(r *rig, op Operation) {
	return func(r *rig, op Operation) {
		k := r.known("orders")
		sp, ok := k.Newest()
		if !ok || sp.Kind != kind || kind != ByCheckpoint && sp.Path != op.Result.Savepoint {
			r.t.Errorf("restore points %+v, want a %s at %s", k.Savepoints, kind, op.Result.Savepoint)
		}
		if len(k.Savepoints) != 1 {
			r.t.Errorf("%d restore points: %+v", len(k.Savepoints), k.Savepoints)
		}
	}
}

func runsAt(n int) func(r *rig, op Operation) {
	return func(r *rig, op Operation) {
		k := r.known("orders")
		if k.Parallelism != n || k.Current != op.Result.JobID || r.fake.jobs[k.Current] == nil || r.fake.jobs[k.Current].State != platform.Running {
			r.t.Errorf("known %+v, result %+v", k, op.Result)
		}
		live := 0
		for _, j := range r.fake.jobs {
			if !j.State.Terminal() {
				live++
			}
		}
		if live != 1 {
			r.t.Errorf("%d jobs run", live)
		}
	}
}

type crashed string

// TestCrash kills the engine before and after every step and after every commit of every procedure, lets another one
// finish, and counts the effects at the cluster.
func TestCrash(t *testing.T) {
	db := memory(t)
	var tried []Kind
	for _, sc := range scenarios() {
		tried = append(tried, sc.kind)
		t.Run(sc.name, func(t *testing.T) {
			points := crashAt(t, db, sc, -1, "")
			for i, at := range points {
				if t.Failed() {
					return
				}
				crashAt(t, db, sc, i, at)
			}
			t.Logf("%d crash points", len(points))
		})
	}
	for _, p := range newRig(t, db, "any").ops.all() {
		if !slices.Contains(tried, p.kind) {
			t.Errorf("procedure %s has no scenario: add one", p.kind)
		}
	}
}

// crashAt runs a scenario with a crash at the n-th point, or none, and returns the points it passed.
func crashAt(t *testing.T, db *storage.DB, sc scenario, n int, at string) []string {
	r := newRig(t, db, fmt.Sprintf("%s %d", strings.ReplaceAll(sc.name, " ", "-"), n))
	req := sc.prepare(r)
	var points []string
	r.boot(func(at string) {
		points = append(points, at)
		if len(points) == n+1 {
			panic(crashed(at))
		}
	})
	id := r.start("press", req).ID
	if n >= 0 {
		func() {
			defer func() {
				if p := recover(); p != nil {
					if _, ours := p.(crashed); !ours {
						panic(p)
					}
				}
			}()
			for range 2000 {
				rec, err := r.ops.engine.Turn(context.Background(), id)
				r.safe(rec)
				if err != nil || !rec.Status.Live() {
					break
				}
			}
		}()
		rec, err := r.ops.engine.Get(context.Background(), id)
		if err != nil {
			t.Fatal(err)
		}
		r.safe(rec)
		r.boot(nil)
		if again := r.start("press", req); again.ID != id {
			t.Errorf("the same press started %s beside %s", again.ID, id)
		}
	}
	op := r.finish(id)
	r.ended(op, sc.status, sc.words)
	r.effects(sc.effects...)
	if sc.check != nil {
		sc.check(r, op)
	}
	if t.Failed() {
		t.Logf("crash at %d, %s: %+v", n, at, op)
	}
	return points
}

// safe checks the promise: a job that a stop has ended has its savepoint recorded, or the trigger id by which it is found.
func (r *rig) safe(rec saga.Record) {
	st, err := read(rec)
	if err != nil {
		return
	}
	for id, tr := range r.fake.triggers {
		if tr.op == platform.OpStop && tr.path != "" && st.Trigger.ID != id && st.Result.Savepoint != tr.path {
			r.t.Errorf("job %s is stopped with %s, and the record knows neither trigger nor path", tr.job, tr.path)
		}
	}
}
