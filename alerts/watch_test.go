package alerts

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/local"
	"github.com/drey-ops/drey/platform/session"
	"github.com/drey-ops/drey/storage"
)

// herd is a cluster in memory for the watcher.
type herd struct {
	platform.Driver
	mu       sync.Mutex
	jobs     []platform.Job
	down     bool
	restarts float64
	mute     bool
}

func (h *herd) set(down bool, jobs ...platform.Job) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.down, h.jobs = down, jobs
}

func (h *herd) Jobs(context.Context) ([]platform.Job, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down {
		return nil, platform.Errorf(platform.Unavailable, "", "nobody answers")
	}
	return slices.Clone(h.jobs), nil
}

func (h *herd) Metrics(context.Context, platform.JobID, []string) (map[string]float64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.mute {
		return nil, nil
	}
	return map[string]float64{"numRestarts": h.restarts}, nil
}

func (h *herd) Checkpoints(context.Context, platform.JobID) (platform.Checkpoints, error) {
	return platform.Checkpoints{}, nil
}

// watchRig is a Service that looks at one cluster when it is told to.
type watchRig struct {
	t       *testing.T
	s       *Service
	out     *kept
	clock   *clock
	herd    *herd
	cluster *platform.Cluster
}

func newWatchRig(t *testing.T) *watchRig {
	t.Helper()
	r := &watchRig{t: t, herd: &herd{}}
	var c *clock
	r.cluster = platform.Open("prod", map[string]string{"env": "live"}, r.herd, platform.Options{Now: func() time.Time { return c.now() }})
	o := testOptions()
	o.Watch.Enabled = true
	r.s, r.out, c = newService(t, o, Hooks{Clusters: map[string]*platform.Cluster{"prod": r.cluster}})
	r.clock = c
	root := watchRoot("prod")
	tx := r.s.db.Begin(root)
	tx.Enqueue(watchQueue, root, time.Time{})
	if err := r.s.db.Commit(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	return r
}

// item is the lease of the cluster.
func (r *watchRig) item() storage.Item {
	r.t.Helper()
	it, err := r.s.db.Take(r.t.Context(), watchQueue, watchRoot("prod"), time.Minute)
	if err != nil {
		r.t.Fatal(err)
	}
	return it
}

// look looks n times, 15 s apart.
func (r *watchRig) look(n int) {
	r.t.Helper()
	for range n {
		if err := r.s.watchOne(r.t.Context(), r.item(), r.cluster); err != nil {
			r.t.Fatal(err)
		}
		r.clock.pass(15 * time.Second)
	}
}

func (r *watchRig) expect(heads, stories []string) {
	r.t.Helper()
	got := texts(r.out.heads(r.t))
	slices.Sort(got)
	if d := cmp.Diff(heads, got); d != "" {
		r.t.Error("heads", d)
	}
	if d := cmp.Diff(stories, texts(r.out.stories(r.t))); d != "" {
		r.t.Error("stories", d)
	}
}

const firstID, nextID = "11111111111111111111111111111111", "22222222222222222222222222222222"

func TestWatchedJobFails(t *testing.T) {
	r := newWatchRig(t)
	r.herd.set(false, seenRun(firstID, "orders", platform.Running))
	r.look(2)
	r.expect(nil, nil)
	r.herd.set(false, seenRun(firstID, "orders", platform.Failed))
	r.look(8)
	r.expect([]string{"Firing: FlinkJobFailed on prod/orders (critical). orders failed"}, nil)
	i := one(t, r.s)
	if i.Source != "drey" || i.Labels["env"] != "live" || i.Job == nil || *i.Job != (Binding{"prod", firstID, "orders"}) || !i.NoAPI {
		t.Errorf("%+v", i)
	}
	r.herd.set(false, seenRun(firstID, "orders", platform.Failed), seenRun(nextID, "orders", platform.Running))
	r.look(2)
	r.expect([]string{"Resolved: FlinkJobFailed on prod/orders (critical)"}, []string{"Resolved after 2 min"})
}

func TestWatchedJobRestarts(t *testing.T) {
	r := newWatchRig(t)
	r.herd.set(false, seenRun(firstID, "orders", platform.Running))
	for range 4 {
		r.look(1)
		r.herd.restarts++
	}
	r.expect([]string{"Firing: FlinkJobRestarting on prod/orders (critical). orders restarts again and again: 3 times in 10 min"}, nil)
	r.look(45)
	r.expect([]string{"Resolved: FlinkJobRestarting on prod/orders (critical)"}, []string{"Resolved after 10 min"})
}

func TestWatchedJobTellsNoMetrics(t *testing.T) {
	r := newWatchRig(t)
	r.herd.set(false, seenRun(firstID, "orders", platform.Running))
	r.herd.mute = true
	r.look(20)
	r.expect(nil, nil)
	r.look(1)
	r.expect([]string{"Firing: FlinkJobNoMetrics on prod/orders (warning). orders runs and has told no metrics for 5 min: rules that look at them see nothing"}, nil)
	r.herd.mute = false
	r.look(1)
	r.expect([]string{"Resolved: FlinkJobNoMetrics on prod/orders (warning)"}, []string{"Resolved after 15 s"})
}

// What drey sees and what Alertmanager says about a job are one thread, whoever was first.
func TestWatchedJobHasAnAlert(t *testing.T) {
	r := newWatchRig(t)
	r.herd.set(false, seenRun(firstID, "orders-v2", platform.Running))
	r.look(1)
	about := map[string]string{"cluster": "prod", "job_name": "orders_v2"} // as Flink's reporter writes it
	take(t, r.s, webhook("FlinkJobCrashLoop", about, Firing))
	r.herd.set(false, seenRun(firstID, "orders-v2", platform.Failed))
	r.look(3)
	r.expect([]string{"Firing: FlinkJobFailed and others on prod/orders-v2 (critical). orders-v2 failed (and one more alert)"}, []string{"Also firing: FlinkJobFailed (critical): orders-v2 failed"})
	take(t, r.s, webhook("FlinkJobCrashLoop", about, Resolved)) // the series of a failed job vanish, and so does its alert
	r.look(2)
	r.expect([]string{"Firing: FlinkJobFailed on prod/orders-v2 (critical). orders-v2 failed"},
		[]string{"Also firing: FlinkJobFailed (critical): orders-v2 failed", "Now 1 of 2 fire: FlinkJobFailed; ended: FlinkJobCrashLoop"})
}

// With a thread for each group, an alert's thread gets a line; when that is over and the job is not, drey opens its own.
func TestWatchedJobHasAGroup(t *testing.T) {
	r := newWatchRig(t)
	r.s.pipeline.options.OneThreadPer = perGroup
	r.herd.set(false, seenRun(firstID, "orders-v2", platform.Running))
	r.look(1)
	about := map[string]string{"cluster": "prod", "job_name": "orders_v2"} // as Flink's reporter writes it
	take(t, r.s, webhook("FlinkJobCrashLoop", about, Firing))
	r.herd.set(false, seenRun(firstID, "orders-v2", platform.Failed))
	r.look(3)
	r.expect([]string{"Firing: FlinkJobCrashLoop on prod/orders_v2. FlinkJobCrashLoop happened"}, []string{"drey sees: orders-v2 failed"})
	take(t, r.s, webhook("FlinkJobCrashLoop", about, Resolved)) // the series of a failed job vanish, and so does its alert
	r.look(2)
	r.expect([]string{"Firing: FlinkJobFailed on prod/orders-v2 (critical). orders-v2 failed", "Resolved: FlinkJobCrashLoop on prod/orders_v2"},
		[]string{"drey sees: orders-v2 failed", "Resolved after 61 s"})
}

// With a thread for each group, drey's own gives way to that of an alert.
func TestAlertAfterTheWatcher(t *testing.T) {
	r := newWatchRig(t)
	r.s.pipeline.options.OneThreadPer = perGroup
	r.herd.set(false, seenRun(firstID, "orders", platform.Running))
	r.look(1)
	r.herd.set(false, seenRun(firstID, "orders", platform.Failed))
	r.look(2)
	take(t, r.s, webhook("FlinkJobGone", map[string]string{"cluster": "prod", "job_id": firstID}, Firing))
	r.look(3)
	heads := texts(r.out.heads(t))
	slices.Sort(heads)
	if len(heads) != 2 || !strings.HasPrefix(heads[0], "Firing: FlinkJobGone") || !strings.HasPrefix(heads[1], "Resolved: FlinkJobFailed") {
		t.Errorf("heads %q", heads)
	}
	r.herd.set(false, seenRun(nextID, "orders", platform.Running))
	r.look(2)
	stories := strings.Join(texts(r.out.stories(t)), "\n")
	for _, want := range []string{"drey sees: orders failed", "drey sees that this is over: orders is well again", "An alert came about the same job: it goes on in its thread"} {
		if strings.Count(stories, want) != 1 {
			t.Errorf("%q is not there once:\n%s", want, stories)
		}
	}
}

func TestClusterSilent(t *testing.T) {
	r := newWatchRig(t)
	a, b := seenRun(firstID, "orders", platform.Running), seenRun(nextID, "late", platform.Running)
	r.herd.set(false, a, b)
	r.look(1)
	r.herd.set(true)
	r.look(4)
	r.expect(nil, nil)
	r.look(6)
	r.expect([]string{"Firing: FlinkClusterSilent on prod (critical). The cluster prod does not answer"}, nil)
	if d := annotation(one(t, r.s).shown(), "description"); d != "Its 2 jobs when last seen: late, orders" {
		t.Errorf("it says %q", d)
	}
	r.herd.set(false) // back, without its jobs
	r.look(3)
	heads := texts(r.out.heads(t))
	if len(heads) != 1 || heads[0] != "Firing: FlinkClusterLostJobs on prod (critical). The cluster prod has lost its 2 jobs" {
		t.Errorf("heads %q", heads)
	}
	r.herd.set(false, a, b)
	r.look(2)
	if i := one(t, r.s); i.State() != Resolved {
		t.Errorf("%s is %s", i.ID, i.State())
	}
}

// Two replicas that both believe to hold the lease: the thread is one, and one of them learns that it is late.
func TestWatchedTwice(t *testing.T) {
	r := newWatchRig(t)
	r.herd.set(false, seenRun(firstID, "orders", platform.Running))
	r.look(1)
	r.herd.set(false, seenRun(firstID, "orders", platform.Failed))
	late, mine := r.item(), r.item()
	if err := r.s.watchOne(t.Context(), late, r.cluster); !errors.Is(err, storage.ErrConflict) {
		t.Errorf("late: %v", err)
	}
	if err := r.s.watchOne(t.Context(), mine, r.cluster); err != nil {
		t.Error(err)
	}
	r.expect([]string{"Firing: FlinkJobFailed on prod/orders (critical). orders failed"}, nil)
}

func TestWatchLooksAreTold(t *testing.T) {
	r := newWatchRig(t)
	var told []string
	r.s.hooks.OnLook = func(cluster string, ok bool) { told = append(told, fmt.Sprint(cluster, " ", ok)) }
	r.look(2)
	r.herd.set(true)
	r.look(1)
	if d := cmp.Diff([]string{"prod true", "prod true", "prod false"}, told); d != "" {
		t.Error(d)
	}
}

// A store that does not answer is not taken for a silent cluster.
func TestWatchWithoutItsOwnOperations(t *testing.T) {
	r := newWatchRig(t)
	r.s.hooks.Planned = func(context.Context, string, string, platform.JobID) (Planned, error) {
		return Planned{}, fmt.Errorf("read: %w", storage.ErrUnavailable)
	}
	r.herd.set(false, seenRun(firstID, "orders", platform.Running))
	r.look(1)
	r.herd.set(false)
	if err := r.s.watchOne(t.Context(), r.item(), r.cluster); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	r.expect(nil, nil)
}

func TestWatchOptions(t *testing.T) {
	o := testOptions()
	o.Watch = Watch{Enabled: true, Every: time.Millisecond, SilentAfter: -1, Restarts: -1, RestartsWithin: time.Second, Checkpoints: -3}
	o.Sources["drey"] = Source{Token: "x"}
	o.Routes = nil
	err := fmt.Sprint(o.Validate())
	for _, key := range []string{"watch.every", "watch.silent_after", "watch.restarts:", "watch.restarts_within", "watch.checkpoints", "watch.enabled", "sources.drey"} {
		if !strings.Contains(err, "alerts."+key) {
			t.Errorf("%s is let through: %s", key, err)
		}
	}
	o = testOptions()
	o.Watch.Enabled = true
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
}

// TestWatchFlink: a job of a real cluster is cancelled by hand, through Flink's own REST API, and drey alarms.
func TestWatchFlink(t *testing.T) {
	if testing.Short() || os.Getenv("DREY_TEST_SHORT") != "" {
		t.Skip("needs a Flink cluster")
	}
	home, err := local.Fetch(t.Context(), local.DefaultVersion, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	flink, err := local.Start(t.Context(), local.Options{Home: home, Slots: 2, CheckpointEvery: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(flink.Stop)
	d, err := session.New(session.Options{URL: flink.URL(), SQLGateway: flink.GatewayURL()})
	if err != nil {
		t.Fatal(err)
	}
	c := platform.Open("prod", nil, d, platform.Options{})
	t.Cleanup(func() { _ = c.Close() })
	submit := func(name, id string) {
		t.Helper()
		ticket, err := c.Begin(t.Context(), id, platform.SubmitSQL{JobID: platform.JobID(id), Name: name, Prelude: []string{
			"CREATE TEMPORARY TABLE s (id BIGINT) WITH ('connector'='datagen', 'rows-per-second'='5')", "CREATE TEMPORARY TABLE k (id BIGINT) WITH ('connector'='blackhole')",
		}, Statement: "INSERT INTO k SELECT id FROM s"})
		for out := (platform.Outcome{}); err == nil && !out.Done; time.Sleep(50 * time.Millisecond) {
			out, err = c.Poll(t.Context(), ticket)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	o := testOptions()
	o.Watch = Watch{Enabled: true, Every: time.Second}
	s, out := working(t, o, Hooks{Clusters: map[string]*platform.Cluster{"prod": c}})
	until := func(what string, ok func(w watched) bool) {
		t.Helper()
		for limit := time.Now().Add(60 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			w, _, err := s.watchTable().Get(t.Context(), watchRoot("prod"))
			if err == nil && ok(w) {
				return
			}
			if time.Now().After(limit) {
				t.Fatalf("not in a minute: %s; %+v, %v", what, w, err)
			}
		}
	}
	submit("orders", firstID)
	until("seen running, with its restarts and checkpoints", func(w watched) bool {
		j := w.Jobs[firstID]
		return j != nil && j.Ran && j.Points > 0 && j.Interval == time.Second && len(j.Restarts) > 0
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, flink.URL()+"/jobs/"+firstID+"?mode=cancel", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	head := awaitKind(t, out, "head")
	if want := "Firing: FlinkJobCanceled on prod/orders (warning). orders was cancelled, and not by drey"; head.Message.Fallback != want {
		t.Errorf("head %q", head.Message.Fallback)
	}
	for _, status := range []string{Firing, Resolved} { // what has no more than the id of the run is about this job
		take(t, s, webhook("FlinkLag", map[string]string{"cluster": "prod", "job_id": firstID}, status))
		if i := one(t, s); len(i.Alerts) != 2 || !i.Open() {
			t.Errorf("%d alerts, %s", len(i.Alerts), i.State())
		}
	}
	submit("orders", nextID)
	until("well again", func(w watched) bool { return w.Jobs[firstID] == nil && w.Jobs[nextID] != nil && w.Jobs[nextID].Ran })
	if i := one(t, s); i.State() != Resolved {
		t.Errorf("%s is %s", i.ID, i.State())
	}
	flink.StopJobManager()
	until("the cluster is silent", func(w watched) bool { return !w.Silent.IsZero() })
}
