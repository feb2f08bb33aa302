package ops

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/saga"
	"github.com/drey-ops/drey/storage/storagetest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// go-redis dials a second longer after its pool was closed while the server was away.
		goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

// fast are the times of tests against the fake: quick looks, and limits that a loaded machine does not reach.
func fast() timing {
	return timing{
		poll: time.Millisecond, pollMax: 5 * time.Millisecond, retry: time.Millisecond, downMax: 5 * time.Millisecond,
		follow: time.Minute, settle: time.Minute, inPlace: time.Minute, end: time.Minute, check: 20 * time.Second, points: 20 * time.Second,
	}
}

// impatient are the times of tests in which a limit passes.
func impatient() timing {
	t := fast()
	t.follow, t.settle, t.inPlace, t.end = 30*time.Millisecond, 30*time.Millisecond, 30*time.Millisecond, 30*time.Millisecond
	return t
}

// fleet is a set of clusters by name.
type fleet map[string]*platform.Cluster

func (f fleet) Cluster(name string) (*platform.Cluster, error) {
	if c := f[name]; c != nil {
		return c, nil
	}
	return nil, platform.Errorf(platform.NotFound, "", "no cluster is named %q", name)
}

// rig is an Ops over a store and one fake cluster.
type rig struct {
	t    testing.TB
	db   *storage.DB
	fake *fake
	ops  *Ops
	name string // of the cluster
	time timing
}

func newRig(t testing.TB, db *storage.DB, cluster string) *rig {
	r := &rig{t: t, db: db, fake: newFake(), name: cluster, time: fast()}
	r.boot(nil)
	return r
}

// hurry starts drey again with short limits.
func (r *rig) hurry() {
	r.time = impatient()
	r.boot(nil)
}

// boot starts drey, or starts it again.
func (r *rig) boot(crash func(string)) {
	r.ops = New(r.db, fleet{r.name: newCluster(r.name, r.fake)}, nil, Options{
		timing: r.time, Crash: crash,
		Observe: func(tx *storage.Tx, op Operation) error {
			storage.Table[Operation]{DB: r.db, Name: "card"}.Put(tx, op.ID, op, storage.Any)
			return nil
		},
	})
}

func (r *rig) target(name string) Target { return Target{Cluster: r.name, Name: name} }

func (r *rig) start(key string, req Request) Operation {
	r.t.Helper()
	op, err := r.ops.Start(r.t.Context(), Origin{Key: key, By: "olga", Meta: json.RawMessage(`{"place":"ops"}`)}, req)
	if err != nil {
		r.t.Fatalf("start: %v", err)
	}
	return op
}

// turn runs one step.
func (r *rig) turn(id string) Operation {
	r.t.Helper()
	if _, err := r.ops.engine.Turn(context.Background(), id); err != nil {
		r.t.Fatalf("turn: %v", err)
	}
	return r.get(id)
}

func (r *rig) get(id string) Operation {
	r.t.Helper()
	op, err := r.ops.Get(context.Background(), id)
	if err != nil {
		r.t.Fatal(err)
	}
	return op
}

// finish runs steps until the operation is not live any more.
func (r *rig) finish(id string) Operation {
	r.t.Helper()
	for range 2000 {
		if op := r.get(id); !op.Status.Live() {
			return op
		}
		r.turn(id)
		time.Sleep(200 * time.Microsecond)
	}
	r.t.Fatalf("no end: %+v", r.get(id))
	return Operation{}
}

// until runs steps until ok says so.
func (r *rig) until(id string, ok func(saga.Record) bool) saga.Record {
	r.t.Helper()
	for range 2000 {
		rec, err := r.ops.engine.Get(context.Background(), id)
		if err != nil {
			r.t.Fatal(err)
		}
		if ok(rec) {
			return rec
		}
		r.turn(id)
	}
	r.t.Fatalf("never there: %+v", r.get(id))
	return saga.Record{}
}

func (r *rig) step(id, name string) {
	r.t.Helper()
	r.until(id, func(rec saga.Record) bool { return rec.Step == name })
}

// run starts and finishes an operation.
func (r *rig) run(key string, req Request) Operation {
	r.t.Helper()
	return r.finish(r.start(key, req).ID)
}

func (r *rig) known(name string) Known {
	r.t.Helper()
	k, err := r.ops.Known(context.Background(), r.target(name))
	if err != nil {
		r.t.Fatal(err)
	}
	return k
}

// submitted brings up a job through drey and forgets what that took.
func (r *rig) submitted(name string, parallelism int) platform.JobID {
	r.t.Helper()
	op := r.run("submit-"+name, SubmitSQL{Cluster: r.name, Name: name, Statement: "INSERT INTO t SELECT 1", Parallelism: parallelism})
	if op.Status != saga.Done || !strings.HasPrefix(op.Note, "running") {
		r.t.Fatalf("submit: %s %s", op.Note, op.Error)
	}
	r.fake.effects = nil
	return op.Result.JobID
}

func (r *rig) effects(want ...string) {
	r.t.Helper()
	if got := r.fake.did(); !slices.Equal(got, want) {
		r.t.Errorf("effects:\n got %q\nwant %q", got, want)
	}
}

func (r *rig) ended(op Operation, status saga.Status, words string) {
	r.t.Helper()
	if op.Status != status || !strings.Contains(op.Note+" "+op.Error, words) {
		r.t.Errorf("ended %s: note %q, error %q; want %s with %q", op.Status, op.Note, op.Error, status, words)
	}
	if op.Status.Final() {
		if err := r.ops.busy(context.Background(), storage.Root(op.ID), Target{}); err != nil {
			r.t.Errorf("the lock is held after the end: %v", err)
		}
	}
}

// steps renders the stages of an operation.
func steps(op Operation) string {
	var out []string
	for _, s := range op.Steps {
		out = append(out, fmt.Sprintf("%s: %s", s.Label, s.State))
	}
	return strings.Join(out, "; ")
}

func memory(t testing.TB) *storage.DB { return storagetest.Open(t) }
