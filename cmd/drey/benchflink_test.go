package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/config"
	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/storagetest"
)

// fakeFlink answers like a Flink 2.3 with any number of jobs, from recorded answers, and counts the requests.
type fakeFlink struct {
	url      string
	requests atomic.Int64
}

func fakeName(i int) string { return fmt.Sprintf("orders-enrichment-%03d", i) }

func newFakeFlink(b *testing.B, jobs int) *fakeFlink {
	b.Helper()
	src, err := os.ReadFile(filepath.Join("..", "..", "platform", "flinkrest", "testdata", "2.3.0.json"))
	if err != nil {
		b.Fatal(err)
	}
	var recorded []struct {
		Name string
		Body json.RawMessage
	}
	if err := json.Unmarshal(src, &recorded); err != nil {
		b.Fatal(err)
	}
	answer := map[string][]byte{}
	for _, r := range recorded {
		answer[r.Name] = r.Body
	}
	answer["jobs_overview"] = manyJobs(b, answer["jobs_overview"], jobs)
	f := &fakeFlink{}
	mux := http.NewServeMux()
	for path, name := range map[string]string{
		"/config": "config", "/overview": "overview", "/jobs/overview": "jobs_overview", "/jobs/{id}": "job_details", "/jobs/{id}/status": "job_status",
		"/jobs/{id}/exceptions": "exceptions_with_restart", "/jobs/{id}/checkpoints": "checkpoints", "/jobs/{id}/checkpoints/config": "checkpoints_config",
		"/jobs/{id}/metrics": "job_metrics_get", "/jobs/{id}/vertices/{vertex}/backpressure": "backpressure_second",
	} {
		if answer[name] == nil {
			b.Fatalf("nothing is recorded as %s", name)
		}
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(answer[name])
		})
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.requests.Add(1)
		mux.ServeHTTP(w, r)
	}))
	b.Cleanup(srv.Close)
	f.url = srv.URL
	return f
}

// manyJobs makes n running jobs of the first of a recorded list.
func manyJobs(b *testing.B, list []byte, n int) []byte {
	var got struct {
		Jobs []map[string]any `json:"jobs"`
	}
	if err := json.Unmarshal(list, &got); err != nil {
		b.Fatal(err)
	}
	jobs := make([]map[string]any, n)
	for i := range jobs {
		j := map[string]any{}
		for k, v := range got.Jobs[0] {
			j[k] = v
		}
		j["jid"], j["name"] = fmt.Sprintf("%032x", i+1), fakeName(i)
		jobs[i] = j
	}
	out, err := json.Marshal(map[string]any{"jobs": jobs})
	if err != nil {
		b.Fatal(err)
	}
	return out
}

// newBenchApp is the whole drey with its real router and driver, on a real Redis, over a Flink of so many jobs.
func newBenchApp(b *testing.B, jobs int) (*app, *fakeFlink) {
	b.Helper()
	f := newFakeFlink(b, jobs)
	url, _ := storagetest.Redis(b)
	cfg, err := config.Parse("drey.yaml", fmt.Appendf(nil, benchConf, 8080, url, f.url))
	if err != nil {
		b.Fatal(err)
	}
	a, err := newApp(b.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = a.close() })
	return a, f
}

var benchOps = bot.Place{Network: "web", Channel: "ops"}

// listJobs is one /flink jobs.
func (a *app) listJobs(b *testing.B, jobs int) {
	m := a.router.Handle(b.Context(), bot.Event{ID: storage.NewID(), Actor: bot.Actor{Network: "web", ID: "olga"}, Place: benchOps, Call: bot.Call{Line: "/flink jobs"}}, nil)
	if want := fmt.Sprintf("%d live jobs", jobs); !strings.HasPrefix(m.Title, want) {
		b.Fatalf("answer %q %v, want %s", m.Title, m.Blocks, want)
	}
}

// BenchmarkFlinkJobs is /flink jobs from the typed line to the answer, over 5 and over 500 jobs, with its entry in the audit
// trail. requests is how many HTTP requests one call makes to Flink; it must not grow with the jobs.
func BenchmarkFlinkJobs(b *testing.B) {
	requests := map[int]float64{}
	for _, jobs := range []int{5, benchJobs} {
		b.Run(fmt.Sprint(jobs), func(b *testing.B) {
			a, f := newBenchApp(b, jobs)
			a.listJobs(b, jobs)
			before, n := f.requests.Load(), 0
			for b.Loop() {
				a.listJobs(b, jobs)
				n++
			}
			requests[jobs] = float64(f.requests.Load()-before) / float64(n)
			b.ReportMetric(requests[jobs], "requests")
			b.ReportMetric(ms(b.Elapsed())/float64(n), "ms/call")
		})
	}
	if few, many := requests[5], requests[benchJobs]; few > 0 && many > few {
		b.Fatalf("%g requests for %d jobs, %g for 5", many, benchJobs, few)
	}
}

// BenchmarkComplete completes a job's name over 500 jobs while a command is typed: cold is the first letter, for which Flink
// is asked; warm is the same again within some seconds. A person waits for 80 ms at most and is then shown nothing, so
// every answer must hold its 25 choices.
func BenchmarkComplete(b *testing.B) {
	for _, how := range []string{"cold", "warm"} {
		b.Run(how, func(b *testing.B) {
			a, f := newBenchApp(b, benchJobs)
			complete := func(who string) {
				line := "/flink job orders"
				got := a.router.Suggest(b.Context(), bot.Ask{Actor: bot.Actor{Network: "web", ID: who}, Place: benchOps, Line: line, At: len(line)})
				if len(got.Choices) != 25 {
					b.Fatalf("%d choices for %s", len(got.Choices), who)
				}
			}
			complete("olga")
			before, n, slowest := f.requests.Load(), 0, time.Duration(0)
			for b.Loop() {
				who := "olga"
				if how == "cold" {
					who = fmt.Sprint("person", n)
				}
				begin := time.Now()
				complete(who)
				slowest = max(slowest, time.Since(begin))
				n++
			}
			b.ReportMetric(float64(f.requests.Load()-before)/float64(n), "requests")
			b.ReportMetric(ms(b.Elapsed())/float64(n), "ms/call")
			b.ReportMetric(ms(slowest), "max-ms")
		})
	}
}
