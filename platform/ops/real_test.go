package ops

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/local"
	"github.com/drey-ops/drey/platform/session"
	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/saga"
	"github.com/drey-ops/drey/storage/storagetest"
)

// TestRealFlink kills workers where an effect has happened and nobody knows yet, and counts the effects at the cluster.
// DREY_TEST_FLINK="adaptive=URL|GATEWAY,default=URL|GATEWAY" uses clusters that run already.
func TestRealFlink(t *testing.T) {
	if testing.Short() || os.Getenv("DREY_TEST_SHORT") != "" {
		t.Skip("needs a Flink cluster")
	}
	t.Run("adaptive", func(t *testing.T) {
		t.Parallel()
		b := newBed(t, "adaptive")
		b.group(t, "stop", b.stops, "after begin-stop", "after poll-stop", "after confirm")
		b.group(t, "submit and cancel", b.submits, "after begin-submit", "after begin-cancel")
		b.group(t, "restart", b.restarts, "after poll-stop", "after begin-new")
		b.group(t, "run a jar", b.runsJar, "after mint-submit", "after begin-submit", "after begin-new")
		b.group(t, "scale in place", b.scalesInPlace, "after begin-rescale")
	})
	t.Run("default", func(t *testing.T) {
		t.Parallel()
		b := newBed(t, "default")
		b.group(t, "scale by resubmission", b.scales, "after begin-stop", "after poll-stop", "after begin-new", "after checkpoint")
		t.Run("scale rolled back", b.rollsBack)
	})
}

// bed is an Ops that runs against a real Flink and a real Redis.
type bed struct {
	ops     *Ops
	cluster *platform.Cluster

	mu     sync.Mutex
	crash  map[string]bool // points at which a worker still has to die
	before func()          // called once, before a job is submitted again
}

func newBed(t *testing.T, scheduler string) *bed {
	t.Helper()
	jm, gw := realFlink(t, scheduler)
	d, err := session.New(session.Options{URL: jm, SQLGateway: gw})
	if err != nil {
		t.Fatal(err)
	}
	url, _ := storagetest.Redis(t)
	b := &bed{cluster: platform.Open("real", nil, d, platform.Options{}), crash: map[string]bool{}}
	tm := timing{check: 20 * time.Second, points: 20 * time.Second, settle: 10 * time.Second}
	b.ops = New(storagetest.With(t, storage.Options{Redis: url}), fleet{"real": b.cluster}, nil,
		Options{Lease: 2 * time.Second, Workers: 16, timing: tm, Crash: b.die})
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- b.ops.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-over; err != nil {
			t.Error(err)
		}
		if err := b.cluster.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// realFlink returns the addresses of a cluster.
func realFlink(t *testing.T, scheduler string) (jm, gw string) {
	t.Helper()
	if given := os.Getenv("DREY_TEST_FLINK"); given != "" {
		for _, one := range strings.Split(given, ",") {
			if name, urls, _ := strings.Cut(one, "="); name == scheduler {
				jm, gw, _ = strings.Cut(urls, "|")
				return jm, gw
			}
		}
		t.Skip("DREY_TEST_FLINK names no cluster " + scheduler)
	}
	home, err := local.Fetch(t.Context(), local.DefaultVersion, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := local.Start(t.Context(), local.Options{Home: home, Scheduler: scheduler, Slots: 6, Config: map[string]string{
		"jobmanager.adaptive-scheduler.executing.cooldown-after-rescaling":       "1s",
		"jobmanager.adaptive-scheduler.executing.resource-stabilization-timeout": "1s",
		"jobmanager.adaptive-scheduler.rescale-trigger.max-delay":                "2s",
		"slot.request.timeout": "3000",
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	return c.URL(), c.GatewayURL()
}

// die is the engine's crash hook.
func (b *bed) die(at string) {
	b.mu.Lock()
	now := b.crash[at]
	delete(b.crash, at)
	before := b.before
	if at == "before begin-new" {
		b.before = nil
	}
	b.mu.Unlock()
	if before != nil && at == "before begin-new" {
		before()
	}
	if now {
		panic(crashed(at))
	}
}

// group runs one procedure on one job; at each point the worker dies.
func (b *bed) group(t *testing.T, name string, one func(t *testing.T, job string), points ...string) {
	t.Run(name, func(t *testing.T) {
		began := time.Now()
		b.mu.Lock()
		for _, p := range points {
			b.crash[p] = true
		}
		b.mu.Unlock()
		one(t, fmt.Sprintf("%s-%d", strings.ReplaceAll(name, " ", "-"), began.UnixNano()%1e6))
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.crash) > 0 {
			t.Errorf("nobody died at %v", b.crash)
		}
		clear(b.crash)
		t.Logf("%d workers killed, %s", len(points), time.Since(began).Round(time.Second))
	})
}

func (b *bed) target(job string) Target { return Target{Cluster: "real", Name: job} }

// run starts an operation and waits for its end.
func (b *bed) run(t *testing.T, key string, req Request, status saga.Status) Operation {
	t.Helper()
	op, err := b.ops.Start(t.Context(), Origin{Key: key, By: "olga"}, req)
	if err != nil {
		t.Error(err)
		return op
	}
	for end := time.Now().Add(2 * time.Minute); op.Status.Live() && time.Now().Before(end); {
		time.Sleep(200 * time.Millisecond)
		if got, err := b.ops.Get(t.Context(), op.ID); err == nil {
			op = got
		}
	}
	if op.Status != status {
		t.Errorf("%s: %s at %s: %s %s\n%+v", key, op.Status, steps(op), op.Note, op.Error, op.Story)
	}
	t.Logf("%s: %s", key, op.Ended.Sub(op.Started).Round(100*time.Millisecond))
	return op
}

// submit brings up a job through drey.
func (b *bed) submit(t *testing.T, job string, parallelism int) Operation {
	t.Helper()
	return b.run(t, "submit "+job, SubmitSQL{
		Cluster: "real", Name: job, Parallelism: parallelism,
		Prelude: prelude(), Statement: insert,
	}, saga.Done)
}

// runs are all the runs of a job that the cluster ever had.
func (b *bed) runs(t *testing.T, job string, want ...platform.JobState) []platform.Job {
	t.Helper()
	all, err := b.cluster.Jobs(t.Context())
	if err != nil {
		t.Error(err)
	}
	var out []platform.Job
	for _, j := range all {
		if j.Name == job {
			out = append([]platform.Job{j}, out...) // the oldest first
		}
	}
	var got []platform.JobState
	for _, j := range out {
		got = append(got, j.State)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: runs %v, want %v", job, got, want)
		return nil
	}
	return out
}

// saved checks that the run ended with exactly one savepoint, and that drey recorded it.
func (b *bed) saved(t *testing.T, job string, run platform.Job) {
	t.Helper()
	time.Sleep(3500 * time.Millisecond) // Flink's own view of a job may be 3 s old
	cps, err := b.cluster.Checkpoints(t.Context(), run.ID)
	if err != nil {
		t.Error(err)
		return
	}
	n := 0
	for _, cp := range cps.History {
		if cp.Savepoint && cp.Status == "COMPLETED" {
			n++
		}
	}
	k, err := b.ops.Known(t.Context(), b.target(job))
	if err != nil || n != 1 || len(k.Savepoints) != 1 || k.Savepoints[0].Path != cps.LatestSavepoint.Path {
		t.Errorf("%s: %d savepoints at the cluster, recorded %+v, %v", job, n, k.Savepoints, err)
	}
}

func (b *bed) cancel(t *testing.T, job string) {
	t.Helper()
	b.run(t, "cancel "+job, Cancel{Job: b.target(job)}, saga.Done)
}

func (b *bed) stops(t *testing.T, job string) {
	b.submit(t, job, 1)
	b.run(t, "stop "+job, Stop{Job: b.target(job)}, saga.Done)
	if rs := b.runs(t, job, platform.Finished); rs != nil {
		b.saved(t, job, rs[0])
	}
}

func (b *bed) submits(t *testing.T, job string) {
	b.submit(t, job, 1)
	b.runs(t, job, platform.Running)
	b.cancel(t, job)
	b.runs(t, job, platform.Canceled)
}

// runsJar submits a program twice in its life: anew, and again from the savepoint that it was stopped with.
func (b *bed) runsJar(t *testing.T, _ string) {
	file, err := local.ExamplesJar(t.Context(), local.DefaultVersion, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	ask := SubmitJar{Cluster: "real", EntryClass: "org.apache.flink.streaming.examples.statemachine.StateMachineExample", Args: []string{"--rps", "5"}, Parallelism: 1}
	if ask.Jar, err = b.cluster.UploadJar(t.Context(), "examples.jar", info.Size(), f); err != nil {
		t.Fatal(err)
	}
	if ask.Name, err = b.cluster.PlanJar(t.Context(), platform.SubmitJar{Jar: ask.Jar, EntryClass: ask.EntryClass, Args: ask.Args}); err != nil {
		t.Fatal(err)
	}
	bad := ask
	bad.EntryClass, bad.Name = "no.such.Main", "never"
	if op := b.run(t, "run no program", bad, saga.Failed); !strings.Contains(op.Error, "no.such.Main") {
		t.Errorf("%+v", op)
	}
	op := b.run(t, "run a jar", ask, saga.Done)
	if rs := b.runs(t, ask.Name, platform.Running); rs != nil && op.Result.JobID != rs[0].ID {
		t.Errorf("%+v", op.Result)
	}
	b.run(t, "restart a jar", Restart{Job: b.target(ask.Name)}, saga.Done)
	if rs := b.runs(t, ask.Name, platform.Finished, platform.Running); rs != nil {
		b.saved(t, ask.Name, rs[0])
	}
	b.cancel(t, ask.Name)
	if err := b.cluster.DeleteJar(t.Context(), ask.Jar); err != nil {
		t.Error(err)
	}
}

func (b *bed) scalesInPlace(t *testing.T, job string) {
	b.submit(t, job, 1)
	op := b.run(t, "scale "+job, Scale{Job: b.target(job), Parallelism: 2}, saga.Done)
	if rs := b.runs(t, job, platform.Running); rs != nil && op.Result.Parallelism != 2 {
		t.Errorf("%+v", op)
	}
	b.cancel(t, job)
}

func (b *bed) scales(t *testing.T, job string) {
	b.submit(t, job, 1)
	op := b.run(t, "scale "+job, Scale{Job: b.target(job), Parallelism: 2}, saga.Done)
	if rs := b.runs(t, job, platform.Finished, platform.Running); rs != nil {
		b.saved(t, job, rs[0])
		if rs[1].ID != op.Result.JobID || op.Result.Parallelism != 2 {
			t.Errorf("%+v", op.Result)
		}
	}
	b.cancel(t, job)
}

func (b *bed) restarts(t *testing.T, job string) {
	b.submit(t, job, 1)
	b.run(t, "restart "+job, Restart{Job: b.target(job)}, saga.Done)
	if rs := b.runs(t, job, platform.Finished, platform.Running); rs != nil {
		b.saved(t, job, rs[0])
	}
	b.cancel(t, job)
}

// rollsBack lets another job take the slots after the check, so that the job cannot come up at 3. Two workers die.
func (b *bed) rollsBack(t *testing.T) {
	began := time.Now()
	job, hog := fmt.Sprintf("rolled-back-%d", began.UnixNano()%1e6), platform.JobID(mint())
	b.submit(t, job, 1)
	b.mu.Lock()
	b.crash["after begin-undo"], b.crash["after begin-back"] = true, true
	b.before = func() { b.fill(t, hog, 5) }
	b.mu.Unlock()
	op := b.run(t, "scale "+job, Scale{Job: b.target(job), Parallelism: 3}, saga.Failed)
	if !op.Result.RolledBack || op.Result.Parallelism != 1 || !strings.Contains(op.Error, "nothing is lost") {
		t.Errorf("%+v", op)
	}
	if rs := b.runs(t, job, platform.Finished, platform.Canceled, platform.Running); rs != nil {
		b.saved(t, job, rs[0])
	}
	b.cancel(t, job)
	if _, err := b.cluster.Begin(t.Context(), mint(), platform.Cancel{Job: hog}); err != nil {
		t.Error(err)
	}
	if len(b.crash) > 0 {
		t.Errorf("nobody died at %v", b.crash)
	}
	t.Logf("%s; %s", op.Error, time.Since(began).Round(time.Second))
}

// fill takes slots.
func (b *bed) fill(t *testing.T, id platform.JobID, n int) {
	_, err := b.cluster.Begin(t.Context(), mint(), platform.SubmitSQL{
		JobID: id, Name: "hog-" + string(id), Parallelism: n, Prelude: prelude(), Statement: insert,
	})
	if err != nil {
		t.Error(err)
	}
	for range 100 {
		if j, err := b.cluster.Job(t.Context(), id); err == nil && j.Healthy() {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
	t.Error("the slots could not be filled")
}

func prelude() []string {
	return []string{
		"SET 'execution.checkpointing.interval' = '1s'",
		"CREATE TABLE orders (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '20', 'fields.id.min' = '0', 'fields.id.max' = '9')",
		"CREATE TABLE totals (id BIGINT, n BIGINT) WITH ('connector' = 'blackhole')",
	}
}

const insert = "INSERT INTO totals SELECT id, COUNT(*) FROM orders GROUP BY id"
