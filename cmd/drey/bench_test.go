package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/drey-ops/drey/storage/storagetest"
)

const (
	benchIncidents = 1000
	benchJobs      = 500
	benchStarts    = 7
)

// BenchmarkServe runs the program as people do, a process of its own, with a real redis-server and a Flink of 500 jobs
// outside of it, and reports what it takes:
//
//	MB-idle       resident memory some seconds after the start, with nothing to do
//	MB-1000       the same when 1,000 incidents came by webhook, each bound to its job, and stand in the console, read by
//	              somebody who has the channel open all the time
//	MB-peak       the most it ever had on the way there (Linux only)
//	hook-p50-ms, hook-p99-ms  how long these webhooks took, 500 a second, while drey delivers them, asks Flink about their
//	              jobs and shows them, all on the same machine: beyond the target's conditions, to be seen beside them
//	ready-ms      from the start of the process to the first 200 of /readyz, on the store with these incidents: the median
//	ready-max-ms  the slowest of the starts
//	floor-ms      the same program printing its version: what the machine needs for any process of this size
//	page-ms       the first page of that channel after such a start, when nothing of it is in memory yet
//
// MB are 1,000,000 bytes.
func BenchmarkServe(b *testing.B) {
	for b.Loop() {
		s := newServed(b)
		s.start()
		time.Sleep(3 * time.Second)
		b.ReportMetric(s.resident("VmRSS"), "MB-idle")

		olga := s.signIn()
		watched := s.watch(olga)
		took := s.post(benchIncidents)
		b.ReportMetric(ms(took[len(took)/2]), "hook-p50-ms")
		b.ReportMetric(ms(took[len(took)*99/100]), "hook-p99-ms")
		s.settle(benchIncidents)
		b.ReportMetric(s.resident("VmRSS"), "MB-1000")
		if peak := s.resident("VmHWM"); peak > 0 {
			b.ReportMetric(peak, "MB-peak")
		}
		s.stop()
		watched()

		var ready, page, floor []time.Duration
		for range benchStarts {
			floor = append(floor, s.version())
			ready = append(ready, s.start())
			page = append(page, s.firstPage(olga))
			s.stop()
		}
		b.ReportMetric(ms(median(ready)), "ready-ms")
		b.ReportMetric(ms(slices.Max(ready)), "ready-max-ms")
		b.ReportMetric(ms(median(floor)), "floor-ms")
		b.ReportMetric(ms(median(page)), "page-ms")
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func median(ds []time.Duration) time.Duration {
	slices.Sort(ds)
	return ds[len(ds)/2]
}

const benchConf = `
server: { listen: "127.0.0.1:%d" }
storage: { redis: "%s" }
web:
  users: [ { id: olga, name: Olga, role: operator, token: "token-of-olga-0123456789" } ]
clusters:
  prod: { driver: session, url: "%s" }
alerts:
  sources: { main: { token: "webhook-0123456789" } }
  storm: { from: -1 } # every incident is to be told by itself
  routes:
    - { name: critical, match: 'labels.severity == "critical"', to: ["web:oncall"] }
    - { name: rest, match: "true", to: ["web:ops"] }
roles:
  operator: { web_users: [olga] }
  viewer: { everyone: true }
policy:
  - { allow: ["*.read"], roles: [viewer] }
  - { allow: ["job.*", "savepoint.*", "sql.*", "alert.*", "operation.*"], roles: [operator] }
`

// served is the program, built and with all it needs.
type served struct {
	b       *testing.B
	program string
	conf    string
	base    string
	log     string
	cmd     *exec.Cmd
}

func newServed(b *testing.B) *served {
	b.Helper()
	dir := b.TempDir()
	s := &served{b: b, program: buildDrey(b, dir), conf: filepath.Join(dir, "drey.yaml"), log: filepath.Join(dir, "drey.log")}
	url, _ := storagetest.Redis(b)
	port := storagetest.FreePort(b)
	s.base = fmt.Sprintf("http://127.0.0.1:%d", port)
	s.check(os.WriteFile(s.conf, fmt.Appendf(nil, benchConf, port, url, newFakeFlink(b, benchJobs).url), 0o600))
	b.Cleanup(func() {
		if s.cmd != nil {
			_ = s.cmd.Process.Kill()
			_ = s.cmd.Wait()
		}
	})
	return s
}

// buildDrey builds the program as a release has it.
func buildDrey(t testing.TB, dir string) string {
	t.Helper()
	program := filepath.Join(dir, "drey")
	if out, err := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build drey: %v\n%s", err, out)
	}
	return program
}

func (s *served) check(err error) {
	s.b.Helper()
	if err != nil {
		words, _ := os.ReadFile(s.log)
		s.b.Fatalf("%v\n%.3000s", err, words)
	}
}

// start starts the program and waits until it is ready; it returns how long that took.
func (s *served) start() time.Duration {
	out, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	s.check(err)
	defer out.Close()
	s.cmd = exec.Command(s.program, "serve", "-c", s.conf)
	s.cmd.Stdout, s.cmd.Stderr = out, out
	begin := time.Now()
	s.check(s.cmd.Start())
	for {
		status, _, err := fetch(context.Background(), s.base+"/readyz")
		if err == nil && strings.HasPrefix(status, "200") {
			return time.Since(begin)
		}
		if time.Since(begin) > time.Minute {
			s.check(fmt.Errorf("drey is not ready: %s, %w", status, err))
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func (s *served) stop() {
	s.check(s.cmd.Process.Signal(syscall.SIGTERM))
	s.check(s.cmd.Wait())
	s.cmd = nil
}

// version runs drey version.
func (s *served) version() time.Duration {
	begin := time.Now()
	s.check(exec.Command(s.program, "version").Run())
	return time.Since(begin)
}

// resident is the memory of a process in MB.
func resident(t testing.TB, pid int) float64 {
	t.Helper()
	out, err := exec.Command("ps", "-o", "rss=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		t.Fatal(err)
	}
	kb, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	return float64(kb) * 1024 / 1e6
}

// resident reads a line of the process's memory in MB; 0 where the system does not tell.
func (s *served) resident(key string) float64 {
	if runtime.GOOS != "linux" {
		if key != "VmRSS" {
			return 0
		}
		return resident(s.b, s.cmd.Process.Pid)
	}
	pid := strconv.Itoa(s.cmd.Process.Pid)
	status, err := os.ReadFile("/proc/" + pid + "/status")
	s.check(err)
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); f[0] == key+":" {
			kb, err := strconv.Atoi(f[1])
			s.check(err)
			return float64(kb) * 1024 / 1e6
		}
	}
	return 0
}

func (s *served) signIn() *console {
	c, err := signIn(context.Background(), s.base, "olga", "token-of-olga-0123456789")
	s.check(err)
	return c
}

// watch opens the channel as a browser does, with its stream of changes; the stream ends with drey.
func (s *served) watch(c *console) (wait func()) {
	_, err := c.page(context.Background(), "oncall", "")
	s.check(err)
	client := *c.client
	client.Timeout = 0
	done := make(chan struct{})
	resp, err := client.Get(s.base + "/events")
	s.check(err)
	go func() {
		defer close(done)
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
	}()
	return func() { <-done }
}

func (s *served) firstPage(c *console) time.Duration {
	begin := time.Now()
	page, err := c.page(context.Background(), "oncall", "")
	s.check(err)
	if n := len(article.FindAllString(page, -1)); n < 10 {
		s.check(fmt.Errorf("the first page shows %d messages", n))
	}
	return time.Since(begin)
}

// post sends n webhooks, each the first of its incident, 500 a second whether the answers come or not, and returns how long
// these took.
func (s *served) post(n int) []time.Duration {
	var g errgroup.Group
	took := make([]time.Duration, n)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	begin := time.Now()
	for i := range n {
		time.Sleep(time.Until(begin.Add(time.Duration(i) * 2 * time.Millisecond)))
		g.Go(func() error {
			sent := time.Now()
			err := s.postOne(client, i)
			took[i] = time.Since(sent)
			return err
		})
	}
	s.check(g.Wait())
	slices.Sort(took)
	return took
}

func (s *served) postOne(client *http.Client, i int) error {
	labels := map[string]string{
		"alertname": fmt.Sprintf("FlinkJobCrashLoop%d", i), "severity": "critical", "cluster": "prod", "job_name": fakeName(i % benchJobs), "namespace": "streaming", "team": "orders",
	}
	about := map[string]string{
		"summary":     "Job " + labels["job_name"] + " restarts again and again",
		"description": "7 restarts within 10 minutes. It falls back to its last checkpoint each time; output is late.", "runbook_url": "https://runbooks.example/crash-loop",
	}
	raw, err := json.Marshal(map[string]any{
		"version": "4", "receiver": "drey", "status": "firing", "groupKey": "{}:{" + labels["alertname"] + "}", "truncatedAlerts": 0, "groupLabels": map[string]string{"alertname": labels["alertname"]},
		"commonLabels": labels, "commonAnnotations": about, "externalURL": "http://alertmanager.example",
		"alerts": []map[string]any{{
			"status": "firing", "labels": labels, "annotations": about, "startsAt": time.Now().Add(-time.Minute).UTC(), "endsAt": "0001-01-01T00:00:00Z",
			"generatorURL": "http://prometheus.example/graph?g0.expr=flink", "fingerprint": fmt.Sprintf("%016x", i),
		}},
	})
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPost, s.base+"/webhooks/alertmanager/main", bytes.NewReader(raw))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer webhook-0123456789")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("webhook %d: %s: %s", i, resp.Status, answer)
	}
	return nil
}

// settle waits until n incidents stand in the console and nothing more comes.
func (s *served) settle(n int) {
	var before, quiet float64
	for end := time.Now().Add(2 * time.Minute); quiet < 4; time.Sleep(500 * time.Millisecond) {
		_, body, err := fetch(context.Background(), s.base+"/metrics")
		s.check(err)
		posts := metric(body, `drey_chat_requests_total{code="ok",method="post",network="web"}`)
		edits := metric(body, `drey_chat_requests_total{code="ok",method="edit",network="web"}`)
		if posts+edits == before && posts >= float64(n) && metric(body, "drey_outbox_pending") == 0 && metric(body, `drey_incidents{state="firing"}`) == float64(n) {
			quiet++
		} else {
			quiet = 0
		}
		before = posts + edits
		if time.Now().After(end) {
			s.check(fmt.Errorf("%g posts and %g edits of %d incidents within two minutes", posts, edits, n))
		}
	}
}

// metric is the value of a series, -1 when there is none.
func metric(body, series string) float64 {
	for line := range strings.Lines(body) {
		if v, ok := strings.CutPrefix(line, series+" "); ok {
			if f, err := strconv.ParseFloat(strings.TrimSpace(v), 64); err == nil {
				return f
			}
		}
	}
	return -1
}
