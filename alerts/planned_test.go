package alerts

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drey-ops/drey/alerts/alertmanager"
	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
)

// works are drey's operations in a test.
type works struct {
	mu   sync.Mutex
	byID map[string]Operation
}

func (w *works) get(_ context.Context, id string) (Operation, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	op, ok := w.byID[id]
	if !ok {
		return op, fmt.Errorf("%w: %s", storage.ErrNotFound, id)
	}
	return op, nil
}

func (w *works) put(t *testing.T, s *Service, op Operation) {
	t.Helper()
	w.mu.Lock()
	w.byID[op.ID] = op
	w.mu.Unlock()
	tx := s.db.Begin(storage.Root(op.ID))
	PlanChange(tx, op.ID, op.Kind)
	if err := s.db.Commit(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
}

func restartOf(job string, at time.Time) Operation {
	return Operation{ID: "root/7f3k2a", Short: "7f3k2a", Title: "Restart", Kind: "restart", Cluster: "prod", Job: job, Runs: []platform.JobID{"a1"}, By: "Olga", Started: at,
		Card: bot.Place{Network: "web", Channel: "oncall"}, CardKey: "root/7f3k2a/card"}
}

// planned service is one with an Alertmanager, two clusters and drey's operations.
func plannedService(t *testing.T, clusters map[string]*platform.Cluster) (*moody, *works, *Service, *kept, *clock) {
	t.Helper()
	m, w := &moody{firing: []map[string]string{}}, &works{byID: map[string]Operation{}}
	srv := httptest.NewServer(m)
	t.Cleanup(srv.Close)
	o := testOptions()
	o.Sources["main"] = Source{Token: testToken, Alertmanager: Addresses{srv.URL}}
	s, out, c := newService(t, o, Hooks{Operation: w.get, Clusters: clusters})
	return m, w, s, out, c
}

// tend looks at the operations now, whenever they are due.
func tend(t *testing.T, s *Service) {
	t.Helper()
	it, err := s.db.Take(t.Context(), plannedQueue, "root/7f3k2a", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.tendPlan(t.Context(), it); err != nil {
		t.Fatal(err)
	}
}

func (m *moody) live() []alertmanager.Silence {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.silences), func(s alertmanager.Silence) bool { return !s.Live() })
}

func flinks(names ...string) map[string]*platform.Cluster {
	out := map[string]*platform.Cluster{}
	for _, name := range names {
		c, job, _ := strings.Cut(name, "=")
		d := &cluster{}
		if job != "" {
			d.jobs = []platform.Job{{ID: platform.JobID("of-" + c), Name: job, State: platform.Running}}
		}
		out[c] = platform.Open(c, nil, d, platform.Options{})
	}
	return out
}

// While drey restarts a job its alerts are silent, and after that they are not.
func TestPlannedSilence(t *testing.T) {
	m, w, s, _, c := plannedService(t, flinks("prod", "test"))
	op := restartOf("orders", c.t)
	w.put(t, s, op)
	m.lose = 1
	tend(t, s) // the answer is lost
	tend(t, s)
	live := m.live()
	if len(m.silences) != 1 || len(live) != 1 || matcherText(live[0].Matchers) != `cluster="prod", job_name="orders"` {
		t.Fatalf("%+v", m.silences)
	}
	if want := "planned change: Restart of prod/orders by Olga [drey:plan-7f3k2a]"; live[0].Comment != want || live[0].EndsAt.Sub(c.t) > 10*time.Minute {
		t.Errorf("%q until %s", live[0].Comment, live[0].EndsAt)
	}
	for range 20 {
		c.pass(30 * time.Second)
		tend(t, s)
		if live := m.live(); len(m.silences) != 1 || live[0].EndsAt.Sub(c.t) < plannedFor/2-time.Second {
			t.Fatalf("not renewed: %+v at %s", m.silences, c.t)
		}
	}
	m.silences = nil // Alertmanager lost it
	c.pass(30 * time.Second)
	tend(t, s)
	if len(m.live()) != 1 {
		t.Error("a lost silence is not made again")
	}
	op.Ended = c.t
	w.put(t, s, op)
	m.lose = 1
	tend(t, s) // the answer is lost
	if live := m.live(); len(live) != 0 {
		t.Errorf("after its end: %+v", live)
	}
	if n, _, err := s.db.Depth(t.Context(), plannedQueue); err != nil || n != 0 {
		t.Errorf("%d operations are still looked at, %v", n, err)
	}
}

func TestPlannedSilenceEndsWithAFailure(t *testing.T) {
	m, w, s, _, c := plannedService(t, flinks("prod"))
	op := restartOf("orders", c.t)
	w.put(t, s, op)
	tend(t, s)
	if len(m.live()) != 1 {
		t.Fatal("no silence")
	}
	op.Failed = true // it waits for a person
	w.put(t, s, op)
	tend(t, s)
	if len(m.live()) != 0 {
		t.Error("the alerts of a job whose operation failed are silent")
	}
}

// A silence that would hide others is not made, and the operation's thread says so.
func TestPlannedSilenceIsNarrow(t *testing.T) {
	l := func(kv ...string) map[string]string {
		out := map[string]string{"alertname": "X"}
		for i := 0; i < len(kv); i += 2 {
			out[kv[i]] = kv[i+1]
		}
		return out
	}
	for name, tc := range map[string]struct {
		job      string
		clusters map[string]*platform.Cluster
		firing   []map[string]string
		want     string // the matchers
		why      string
	}{
		"nothing fires":                 {"orders", flinks("prod", "test"), nil, `cluster="prod", job_name="orders"`, ""},
		"mangled":                       {"my orders", flinks("prod"), nil, `cluster="prod", job_name="my_orders"`, ""},
		"another cluster's too":         {"orders", flinks("prod", "test=orders"), []map[string]string{l("job_name", "orders", "cluster", "prod"), l("job_name", "orders", "cluster", "test")}, `cluster="prod", job_name="orders"`, ""},
		"by another label":              {"orders", flinks("prod", "test"), []map[string]string{l("job_name", "orders", "flink_cluster", "prod", "cluster", "k8s-1")}, `flink_cluster="prod", job_name="orders"`, ""},
		"one cluster, other word":       {"orders", flinks("prod"), []map[string]string{l("job_name", "orders", "cluster", "flink-eu")}, `cluster="flink-eu", job_name="orders"`, ""},
		"no cluster label":              {"orders", flinks("prod", "test"), []map[string]string{l("job_name", "orders")}, `job_name="orders"`, ""},
		"no cluster label, and another": {"orders", flinks("prod", "test=orders"), []map[string]string{l("job_name", "orders")}, "", "its alerts do not name their cluster, and the name may be that of a job on test too"},
		"no job label":                  {"orders", flinks("prod"), []map[string]string{l("job_id", "a1", "cluster", "prod")}, "", "its alerts have no label job_name"},
		"two of the name":               {"orders", flinks("prod=orders"), nil, "", "another job of the same name, of-prod, runs on prod"},
	} {
		t.Run(name, func(t *testing.T) {
			m, w, s, out, c := plannedService(t, tc.clusters)
			m.firing = append(m.firing, tc.firing...)
			w.put(t, s, restartOf(tc.job, c.t))
			tend(t, s)
			got := ""
			if live := m.live(); len(live) > 0 {
				got = matcherText(live[0].Matchers)
			}
			if got != tc.want {
				t.Errorf("silence %q, want %q", got, tc.want)
			}
			tend(t, s)
			said := ""
			for _, d := range out.all(t) {
				if d.Parent == "root/7f3k2a/card" {
					said += plainHead(d)
				}
			}
			if (tc.why == "") != (said == "") || !strings.Contains(said, tc.why) {
				t.Errorf("said %q, want %q", said, tc.why)
			}
		})
	}
}

// What a planned change sets off is told only if it stays.
func TestPlannedChangeKeepsBack(t *testing.T) {
	for name, tc := range map[string]struct {
		end   func(op *Operation, at time.Time)
		then  func(t *testing.T, s *Service)
		after time.Duration
		told  int
	}{
		"at work":         {func(*Operation, time.Time) {}, nil, 20 * time.Minute, 0},
		"just done":       {func(op *Operation, at time.Time) { op.Ended = at }, nil, 30 * time.Second, 0},
		"done, and fires": {func(op *Operation, at time.Time) { op.Ended = at }, nil, 2 * time.Minute, 1},
		"failed":          {func(op *Operation, at time.Time) { op.Ended, op.Failed = at, true }, nil, time.Second, 1},
		"stuck":           {func(op *Operation, _ time.Time) { op.Failed = true }, nil, time.Second, 1},
		"endless":         {func(*Operation, time.Time) {}, nil, 2 * time.Hour, 1},
		"done, and over": {func(op *Operation, at time.Time) { op.Ended = at }, func(t *testing.T, s *Service) {
			take(t, s, webhook("FlinkJobDown", orders(), Resolved))
		}, 2 * time.Minute, 0},
	} {
		t.Run(name, func(t *testing.T) {
			_, w, s, out, c := plannedService(t, flinks("prod"))
			op := restartOf("orders", c.t)
			w.put(t, s, op)
			tend(t, s)
			take(t, s, webhook("FlinkJobDown", orders(), Firing))
			if i := one(t, s); len(out.heads(t)) != 0 || len(i.Holds) != 1 {
				t.Fatalf("%d heads, held by %v", len(out.heads(t)), i.Holds)
			}
			c.pass(time.Minute)
			tc.end(&op, c.t)
			w.put(t, s, op)
			tend(t, s)
			if tc.then != nil {
				tc.then(t, s)
			}
			c.pass(tc.after)
			it, err := s.db.Take(t.Context(), muteQueue, one(t, s).root(), time.Minute)
			if err == nil {
				err = s.unheld(t.Context(), it)
			}
			if err != nil && tc.then == nil {
				t.Fatal(err)
			}
			if n := len(out.heads(t)); n != tc.told {
				t.Errorf("%d heads, want %d", n, tc.told)
			}
		})
	}
}

// Another job's incident is told whatever drey does to this one.
func TestPlannedChangeKeepsOthers(t *testing.T) {
	_, w, s, out, c := plannedService(t, flinks("prod"))
	w.put(t, s, restartOf("rates", c.t))
	tend(t, s)
	take(t, s, webhook("FlinkJobDown", orders(), Firing))
	if len(out.heads(t)) != 1 {
		t.Error("an incident of another job is kept back")
	}
}
