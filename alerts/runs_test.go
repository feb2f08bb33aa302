package alerts

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// byID are labels that name a job by its id alone.
func byID(id string) map[string]string {
	return map[string]string{"cluster": "prod", "job_id": id, "severity": "warning"}
}

func knows(name string) fakeJobs {
	return func(_ context.Context, _, id, _ string) (JobFacts, error) {
		if id == "" {
			id = "a1"
		}
		return JobFacts{Ref: platform.JobRef{Cluster: "prod", Job: name}, Name: name, ID: platform.JobID(id), State: platform.Running}, nil
	}
}

// note makes the store know a run.
func note(t *testing.T, s *Service, cluster, id, name string) {
	t.Helper()
	if err := s.noteRuns(t.Context(), cluster, map[platform.JobID]string{platform.JobID(id): name}); err != nil {
		t.Fatal(err)
	}
}

// threads are the incidents with their jobs and the names of their alerts.
func threads(t *testing.T, s *Service) []string {
	t.Helper()
	var out []string
	for _, i := range list(t, s) {
		var names []string
		for _, a := range i.Alerts {
			names = append(names, strings.TrimPrefix(a.Labels["alertname"], "Flink"))
		}
		slices.Sort(names)
		out = append(out, i.jobName()+": "+strings.Join(names, " ")+", "+i.State())
	}
	slices.Sort(out)
	return out
}

func TestRunNames(t *testing.T) {
	both := runNames{Names: map[string]string{"prod": "orders", "test": "orders-test"}}
	one := runNames{Names: map[string]string{"prod": "orders"}}
	known := []string{"prod", "test"}
	for _, tt := range []struct {
		what, cluster string
		run           runNames
		want          jobAt
		ok            bool
	}{
		{"its cluster", "test", both, jobAt{"test", "orders-test"}, true},
		{"no cluster, two jobs", "", both, jobAt{}, false},
		{"no cluster, one job", "", one, jobAt{"prod", "orders"}, true},
		{"a cluster of drey's that has no such job", "test", one, jobAt{}, false},
		{"a word for a cluster that drey does not know", "eu-1", one, jobAt{"eu-1", "orders"}, true},
		{"never seen", "prod", runNames{}, jobAt{}, false},
	} {
		if got, ok := tt.run.job(tt.cluster, known); got != tt.want || ok != tt.ok {
			t.Errorf("%s: %v, %t", tt.what, got, ok)
		}
	}
}

// What drey has seen of a job is enough to bring an alert with the id alone into the job's thread.
func TestAlertByIDJoins(t *testing.T) {
	s, out, _ := newService(t, testOptions(), Hooks{})
	note(t, s, "prod", "A1", "my orders")
	take(t, s, webhook("FlinkJobCrashLoop", map[string]string{"cluster": "prod", "job_name": "my_orders"}, Firing))
	take(t, s, webhook("FlinkLag", byID("a1"), Firing))
	if d := cmp.Diff([]string{"prod/my orders: JobCrashLoop Lag, firing"}, threads(t, s)); d != "" {
		t.Error(d)
	}
	take(t, s, webhook("FlinkLag", byID("a1"), Resolved))
	take(t, s, webhook("FlinkLag", byID("b2"), Firing)) // never seen: a thread of its own
	want := []string{"prod/b2: Lag, firing", "prod/my orders: JobCrashLoop Lag, firing"}
	if got := threads(t, s); !slices.Equal(got, want) || len(out.heads(t)) != 2 {
		t.Errorf("%q", got)
	}
}

// One webhook may say both, the id alone and the id with the name.
func TestWebhookNamesItsRun(t *testing.T) {
	s, out, _ := newService(t, testOptions(), Hooks{})
	named := byID("a1")
	named["job_name"], named["severity"] = "orders", "critical"
	take(t, s, webhookOf("FlinkLag", Firing, byID("a1"), named))
	if len(out.heads(t)) != 1 {
		t.Errorf("%q", threads(t, s))
	}
}

// A run that nobody knew yet has a thread by its id; once its name is known that is the job's thread, for all that comes by name.
func TestRunIsLearnt(t *testing.T) {
	s, out, c := newService(t, testOptions(), Hooks{Jobs: knows("orders")})
	take(t, s, webhook("FlinkLag", byID("a1"), Firing))
	first := one(t, s).ID
	enrichNow(t, s)
	if i := one(t, s); i.Title != "FlinkLag on prod/orders" || i.Job.String() != "prod/orders" || i.Job.ID != "a1" || i.Facts == nil {
		t.Errorf("%q, job %v", i.Title, i.Job)
	}
	take(t, s, webhook("FlinkBackpressure", byID("a1"), Firing))
	take(t, s, webhook("FlinkJobCrashLoop", about("orders", "critical"), Firing))
	note(t, s, "prod", "b2", "orders") // it was started again
	take(t, s, webhook("FlinkWatermark", byID("b2"), Firing))
	if err := s.JobStory(t.Context(), "prod", "orders", "7f3/begun", "web:olga", bot.Busy, bot.Textf("Restart")); err != nil {
		t.Fatal(err)
	}
	if i := one(t, s); i.ID != first || i.FiringCount() != 4 || len(out.heads(t)) != 1 || !slices.Contains(texts(out.stories(t)), "Restart") {
		t.Errorf("%d firing, %q", i.FiringCount(), texts(out.stories(t)))
	}
	if m := one(t, s).Facts; m.Name != "orders" {
		t.Errorf("%+v", m)
	}
	// When it is over for good, the job's next incident is under its name.
	for _, b := range [][]byte{
		webhook("FlinkLag", byID("a1"), Resolved), webhook("FlinkBackpressure", byID("a1"), Resolved),
		webhook("FlinkJobCrashLoop", about("orders", "critical"), Resolved), webhook("FlinkWatermark", byID("b2"), Resolved),
	} {
		take(t, s, b)
	}
	c.pass(time.Minute)
	s.work1(t)
	c.pass(time.Hour)
	take(t, s, at(webhook("FlinkLag", byID("a1"), Firing), "2026-11-21T02:00:00Z"))
	take(t, s, at(webhook("FlinkJobCrashLoop", about("orders", "critical"), Firing), "2026-11-21T02:00:00Z"))
	want := []string{"prod/orders: Backpressure JobCrashLoop Lag Watermark, resolved", "prod/orders: JobCrashLoop Lag, firing"}
	if d := cmp.Diff(want, threads(t, s)); d != "" {
		t.Error(d)
	}
}

// Two threads that there are already both go on, and the one by the id says where the other is.
func TestRunIsLearntLate(t *testing.T) {
	s, out, c := newService(t, testOptions(), Hooks{Jobs: knows("orders")})
	take(t, s, webhook("FlinkJobCrashLoop", about("orders", "critical"), Firing))
	named := one(t, s).ID
	take(t, s, webhook("FlinkLag", byID("a1"), Firing))
	enrichNow(t, s)
	enrichNow2(t, s, c)
	told := texts(out.stories(t))
	if len(told) != 1 || !strings.Contains(told[0], "what else is known of it stands in the thread of "+named) {
		t.Errorf("%q", told)
	}
	take(t, s, webhookOf("FlinkLag", Firing, byID("a1"), map[string]string{"cluster": "prod", "job_id": "a1", "severity": "info"}))
	take(t, s, webhook("FlinkBackpressure", about("orders", "critical"), Firing))
	want := []string{"prod/orders: Backpressure JobCrashLoop, firing", "prod/orders: Lag Lag, firing"}
	if d := cmp.Diff(want, threads(t, s)); d != "" {
		t.Error(d)
	}
	// Each ends where it began, and what comes then by the id goes to the job's.
	take(t, s, webhookOf("FlinkLag", Resolved, byID("a1"), map[string]string{"cluster": "prod", "job_id": "a1", "severity": "info"}))
	take(t, s, webhook("FlinkWatermark", byID("a1"), Firing))
	want = []string{"prod/orders: Backpressure JobCrashLoop Watermark, firing", "prod/orders: Lag Lag, resolved"}
	if d := cmp.Diff(want, threads(t, s)); d != "" {
		t.Error(d)
	}
}

// enrichNow2 looks once more, a minute later.
func enrichNow2(t *testing.T, s *Service, c *clock) {
	t.Helper()
	c.pass(enrichEvery)
	s.work1(t)
}

// The watcher and drey's operations write down the ids that they see.
func TestRunsAreNoted(t *testing.T) {
	r := newWatchRig(t)
	r.herd.set(false, seenRun(firstID, "orders", platform.Running))
	r.look(1)
	take(t, r.s, webhook("FlinkLag", byID(firstID), Firing))
	r.expect([]string{"Firing: FlinkLag on prod/orders (warning). FlinkLag happened"}, nil)

	_, w, s, out, c := plannedService(t, flinks("prod"))
	op := restartOf("orders", c.t)
	op.Ended = c.t.Add(-time.Hour)
	op.Runs = []platform.JobID{"a1", "b2"}
	w.put(t, s, op)
	tend(t, s)
	take(t, s, webhook("FlinkLag", byID("a1"), Firing))
	take(t, s, webhook("FlinkBackpressure", byID("b2"), Firing))
	if d := cmp.Diff([]string{"prod/orders: Backpressure Lag, firing"}, threads(t, s)); d != "" || len(out.heads(t)) != 1 {
		t.Error(d)
	}
}

// With a real Alertmanager: two groups about one run, of which one has only the id, are one thread.
func TestRunInAlertmanager(t *testing.T) {
	r := newRig(t, 1)
	note(t, r.service, "prod", firstID, "orders")
	lag := byID(firstID)
	lag["alertname"] = "FlinkLag"
	r.send(0, time.Minute, lag, crashLoop())
	r.until("both came", func() bool { return r.count(resultAccepted) == 2 })
	r.until("one thread", func() bool { i := r.one(); return len(r.said("head")) == 1 && i.FiringCount() == 2 })
	r.send(0, -time.Millisecond, lag, crashLoop())
	r.until("its end", func() bool { return strings.HasPrefix(r.said("head")[0], "Resolved: ") })
}
