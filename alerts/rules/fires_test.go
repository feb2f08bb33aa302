package rules_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/drey-ops/drey/alerts/rules"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/local"
	"github.com/drey-ops/drey/platform/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fired is an alert as it leaves Prometheus.
type fired struct {
	Labels   map[string]string `json:"labels"`
	StartsAt time.Time         `json:"startsAt"`
}

// pager stands where Alertmanager would, and keeps every alert that ever fired.
type pager struct {
	*httptest.Server
	mu    sync.Mutex
	began time.Time
	all   map[string]fired
	came  chan struct{} // holds one when something came since it was read
}

func newPager(t *testing.T) *pager {
	p := &pager{began: time.Now(), all: map[string]fired{}, came: make(chan struct{}, 1)}
	p.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var list []fired
		if err := json.NewDecoder(r.Body).Decode(&list); err != nil {
			t.Errorf("alerts of Prometheus: %v", err)
		}
		p.take(t, list)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *pager) take(t *testing.T, list []fired) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range list {
		key := a.StartsAt.String() + strings.Join(slices.Sorted(maps.Values(a.Labels)), "\x00")
		if _, ok := p.all[key]; !ok {
			p.all[key] = a
			p.says(t, strings.TrimSpace(a.Labels["alertname"]+" "+a.Labels["job_name"]+" "+a.Labels["task_name"]))
		}
	}
	select {
	case p.came <- struct{}{}:
	default:
	}
}

// says logs how the time was spent.
func (p *pager) says(t *testing.T, what string) {
	t.Logf("%5.1fs  %s", time.Since(p.began).Seconds(), what)
}

// about returns what fired about a job, or about none.
func (p *pager) about(job string) (out []fired) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.all {
		if a.Labels["job_name"] == job || job == "*" && a.Labels["job_name"] != "" {
			out = append(out, a)
		}
	}
	return out
}

// missing are those of a stage that have not fired yet since then.
func (p *pager) missing(s stage, since time.Time) (out []expected) {
	for _, e := range s.want {
		if !slices.ContainsFunc(p.about(e.job), func(a fired) bool { return a.Labels["alertname"] == e.alert && a.StartsAt.After(since) }) {
			out = append(out, e)
		}
	}
	return out
}

func (p *pager) await(t *testing.T, s stage, within time.Duration) {
	t.Helper()
	since := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	for len(p.missing(s, since)) > 0 {
		select {
		case <-p.came:
		case <-ctx.Done():
			t.Fatalf("%s: did not fire within %s: %v", s.name, within, p.missing(s, since))
		}
	}
}

// bed is a cluster with two TaskManagers, found by Prometheus through a file.
type bed struct {
	flink   *local.Cluster
	driver  *session.Driver
	targets string            // the file
	ids     map[string]string // job name to id
	mu      sync.Mutex
}

func newBed(t *testing.T, version string) *bed {
	t.Helper()
	home, err := local.Fetch(t.Context(), version, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := local.Start(t.Context(), local.Options{
		Home: home, TaskManagers: 2, Slots: 5, CheckpointEvery: 500 * time.Millisecond,
		Config: map[string]string{
			"heartbeat.interval":                                           "1s",
			"restart-strategy.fixed-delay.delay":                           "1s",
			"execution.checkpointing.min-pause":                            "200ms",
			"jobmanager.adaptive-scheduler.resource-stabilization-timeout": "500ms",
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	d, err := session.New(session.Options{URL: c.URL(), SQLGateway: c.GatewayURL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return &bed{flink: c, driver: d, ids: map[string]string{}}
}

func (b *bed) submit(t *testing.T, job platform.SubmitSQL) {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // never fails
	ticket, err := b.driver.Begin(t.Context(), hex.EncodeToString(raw), job)
	if err != nil {
		t.Errorf("submit %s: %v", job.Name, err)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ids[job.Name] = string(ticket.Job)
}

// runs waits until all tasks of a job run.
func (b *bed) runs(t *testing.T, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		j, err := b.driver.Job(ctx, platform.JobID(b.ids[name]))
		if err == nil && j.Healthy() {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s does not run: %v", name, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// prometheus starts one that watches the bed and a recorded scrape with the quickened rules, and tells the pager.
func (b *bed) prometheus(t *testing.T, set rules.Set, p *pager) {
	t.Helper()
	raw, err := rules.Read(set)
	if err == nil {
		raw, err = rules.Shorten(raw, quick(set))
	}
	file := filepath.Join(t.TempDir(), "quick.rules.yml")
	if err == nil {
		err = os.WriteFile(file, raw, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	recorded := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join("testdata", "kafka-2.3.0.prom"))
	}))
	t.Cleanup(recorded.Close)
	jm, tms := b.flink.PromPorts()
	b.targets = filepath.Join(t.TempDir(), "targets.json")
	b.discover(t, append(tms, recorded.Listener.Addr().String())...)
	prom, err := local.Prometheus(t.Context(), local.PrometheusOptions{
		Targets: map[string][]string{"flink-jobmanager": {jm}}, TargetFiles: map[string]string{"flink-taskmanager": b.targets},
		Labels: map[string]string{"cluster": "test"}, RuleFiles: []string{file}, Alertmanager: p.URL, Every: 2 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(prom.Stop)
}

// discover has Prometheus scrape these as TaskManagers, and no others.
func (b *bed) discover(t *testing.T, addresses ...string) {
	t.Helper()
	raw, err := json.Marshal([]map[string][]string{{"targets": addresses}})
	if err == nil {
		err = os.WriteFile(b.targets+".new", raw, 0o644)
	}
	if err == nil {
		err = os.Rename(b.targets+".new", b.targets) // at once, so that no half is read
	}
	must(t, err)
}

// TestFires brings every situation about that the rules know, on a real cluster watched by a real Prometheus, and waits
// for the alerts with the labels that drey finds the job by. It takes about a minute and a half; DREY_TEST_FIRES=all runs it on
// the older Flink too.
func TestFires(t *testing.T) {
	if testing.Short() || os.Getenv("DREY_TEST_SHORT") != "" {
		t.Skip("needs Flink and Prometheus")
	}
	t.Run("2.x", func(t *testing.T) { fires(t, local.DefaultVersion, rules.Flink2) })
	if os.Getenv("DREY_TEST_FIRES") == "all" {
		t.Run("1.20", func(t *testing.T) { fires(t, local.OldVersion, rules.Flink1) })
	}
}

func fires(t *testing.T, version string, set rules.Set) {
	p := newPager(t)
	b := newBed(t, version)
	b.submit(t, healthy())
	b.runs(t, "healthy")
	var wg sync.WaitGroup
	for _, job := range troubled(t) {
		wg.Go(func() { b.submit(t, job) })
	}
	b.prometheus(t, set, p)
	wg.Wait()
	p.says(t, "all jobs are submitted")
	for i, s := range stages() {
		switch i {
		case 1:
			b.wellSoFar(t, p)
			_, tms := b.flink.PromPorts()
			b.discover(t, tms[0])
			must(t, b.flink.KillTaskManager(1))
		case 2:
			must(t, b.flink.KillTaskManager(0))
		case 3:
			b.flink.StopJobManager()
		}
		p.await(t, s, 2*time.Minute)
		p.says(t, s.name+": all seen")
	}
	b.rightLabels(t, p)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wellSoFar says that nothing fired about the job that is well, nor about the cluster beyond the lowered limits. Before the
// first scrape there are no data, which counts after some seconds already.
func (b *bed) wellSoFar(t *testing.T, p *pager) {
	t.Helper()
	for _, a := range p.about("healthy") {
		t.Errorf("fired about a job that is well: %v", a.Labels)
	}
	for _, a := range p.about("") {
		if name := a.Labels["alertname"]; name != "FlinkNoData" && !slices.Contains(stages()[0].want, expected{name, ""}) {
			t.Errorf("fired while the cluster was well: %v", a.Labels)
		}
	}
}

// rightLabels says that each alert about a job names it, with its cluster.
func (b *bed) rightLabels(t *testing.T, p *pager) {
	t.Helper()
	for _, a := range append(p.about("*"), p.about("")...) {
		if a.Labels["cluster"] != "test" || a.Labels["severity"] == "" {
			t.Errorf("labels %v", a.Labels)
		}
		if id, ours := b.ids[a.Labels["job_name"]]; ours && a.Labels["job_id"] != id {
			t.Errorf("job %s is %s: %v", a.Labels["job_name"], id, a.Labels)
		}
	}
}

// TestStagesHoldEveryRule says that no rule is left out of TestFires.
func TestStagesHoldEveryRule(t *testing.T) {
	all := load(t, rules.Flink2)
	for _, s := range stages() {
		for _, e := range s.want {
			if _, ok := all[e.alert]; !ok {
				t.Errorf("there is no rule %s", e.alert)
			}
			delete(all, e.alert)
		}
	}
	for name := range all {
		t.Errorf("no stage provokes %s", name)
	}
}
