package alerts

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/bottest"
	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/storagetest"
)

// BenchmarkWebhook sends webhooks of one alert, each the first of its group, at 500 a second over loopback whether the answers
// come or not, with a real redis-server that writes its file at every commit, and prints how long the 200 takes: p50 and
// p99 of 2,500. In turn with them, second by second, the same requests go to a handler that commits one small record and
// nothing else: the floor of the machine at that moment. p50:floor and p99:floor are what drey adds to it. One stall of the
// machine of 60 ms is the p99 of the whole; p99-median-ms is the median of the p99 of the single seconds, which such a stall
// does not move.
func BenchmarkWebhook(b *testing.B) {
	url, _ := storagetest.Redis(b)
	db := storagetest.With(b, storage.Options{Redis: url})
	out := bot.NewOutbox(db, quietLog(), bot.OutboxOptions{}, bottest.NewMemory("web", bottest.Roomy()))
	s, err := New(db, out, quietLog(), testOptions(), Hooks{})
	if err != nil {
		b.Fatal(err)
	}
	hook, floor := httptest.NewServer(s.Receiver()), httptest.NewServer(floorHandler(db))
	defer hook.Close()
	defer floor.Close()
	ours, least := &load{b: b, url: hook.URL}, &load{b: b, url: floor.URL}
	ours.second(100) // warm: connections, scripts
	least.second(100)
	ours.reset()
	least.reset()
	b.ResetTimer()
	for b.Loop() {
		for range 5 {
			ours.second(500)
			least.second(500)
		}
	}
	b.StopTimer()
	b.ReportMetric(ours.at(0.5), "p50-ms")
	b.ReportMetric(ours.at(0.99), "p99-ms")
	b.ReportMetric(least.at(0.5), "floor-p50-ms")
	b.ReportMetric(least.at(0.99), "floor-p99-ms")
	b.ReportMetric(ours.medianSecond(), "p99-median-ms")
	b.ReportMetric(least.medianSecond(), "floor-p99-median-ms")
	b.ReportMetric(ours.at(0.5)/least.at(0.5), "p50:floor")
	b.ReportMetric(ours.at(0.99)/least.at(0.99), "p99:floor")
}

func floorHandler(db *storage.DB) http.Handler {
	table := storage.Table[string]{DB: db, Name: "floor"}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		tx := db.Begin(storage.NewID())
		table.Put(tx, tx.Root(), "x", storage.New)
		if err := db.Commit(r.Context(), tx); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
}

// load sends webhooks at a steady rate.
type load struct {
	b    *testing.B
	url  string
	next int

	client http.Client
	mu     sync.Mutex
	took   []time.Duration
	p99    []float64 // of each second
}

func (l *load) reset() { l.took, l.p99 = nil, nil }

// second sends n webhooks evenly over a second and waits for the answers.
func (l *load) second(n int) {
	if l.client.Transport == nil {
		l.client.Transport = &http.Transport{MaxIdleConnsPerHost: 64}
	}
	var wg sync.WaitGroup
	begin, before := time.Now(), len(l.took)
	for k := range n {
		time.Sleep(time.Until(begin.Add(time.Duration(k) * time.Second / time.Duration(n))))
		l.next++
		body := webhook(fmt.Sprintf("Alert%d", l.next), map[string]string{"job_id": "a1", "job_name": "orders", "cluster": "prod", "severity": "critical"}, Firing)
		wg.Go(func() { l.send(body) })
	}
	wg.Wait()
	if l.b.Failed() {
		l.b.FailNow()
	}
	l.p99 = append(l.p99, percentile(l.took[before:], 0.99))
}

func (l *load) send(body []byte) {
	req, err := http.NewRequestWithContext(l.b.Context(), http.MethodPost, l.url+"/webhooks/alertmanager/main", bytes.NewReader(body))
	if err != nil {
		l.b.Error(err)
		return
	}
	req.Header.Set("Authorization", "Bearer "+testToken)
	start := time.Now()
	res, err := l.client.Do(req)
	if err != nil {
		l.b.Error(err)
		return
	}
	_, _ = io.Copy(io.Discard, res.Body)
	res.Body.Close()
	d := time.Since(start)
	if res.StatusCode != http.StatusOK {
		l.b.Errorf("answer %s", res.Status)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took = append(l.took, d)
}

// at is a percentile of all.
func (l *load) at(p float64) float64 { return percentile(l.took, p) }

// medianSecond is the p99 of the median second.
func (l *load) medianSecond() float64 {
	slices.Sort(l.p99)
	return l.p99[len(l.p99)/2]
}

// percentile is in milliseconds.
func percentile(took []time.Duration, p float64) float64 {
	sorted := slices.Sorted(slices.Values(took))
	return float64(sorted[int(p*float64(len(sorted)-1))].Microseconds()) / 1000
}

// BenchmarkTake is the pipeline with its commits, one webhook after the other: the first of a group, and a mere repeat.
func BenchmarkTake(b *testing.B) {
	url, _ := storagetest.Redis(b)
	db := storagetest.With(b, storage.Options{Redis: url})
	out := bot.NewOutbox(db, quietLog(), bot.OutboxOptions{}, bottest.NewMemory("web", bottest.Roomy()))
	s, err := New(db, out, quietLog(), testOptions(), Hooks{})
	if err != nil {
		b.Fatal(err)
	}
	l := map[string]string{"job_id": "a1", "job_name": "orders", "cluster": "prod", "severity": "critical"}
	b.Run("new", func(b *testing.B) {
		n := 0
		for b.Loop() {
			n++
			if _, err := s.Take(b.Context(), "main", webhook(fmt.Sprintf("New%d-%d", b.N, n), l, Firing)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("repeat", func(b *testing.B) {
		body := webhook("Again", l, Firing)
		for b.Loop() {
			if _, err := s.Take(b.Context(), "main", body); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("explain", func(b *testing.B) {
		p, err := NewPipeline(testOptions(), nil, nil)
		if err != nil {
			b.Fatal(err)
		}
		body := webhook("Again", l, Firing)
		for b.Loop() {
			if t := p.Explain(b.Context(), "main", body, time.Now()); t.Err != nil {
				b.Fatal(t.Err)
			}
		}
	})
}

// manyRoutes are the shapes that people write, each about another service.
func manyRoutes(n int) []Route {
	var out []Route
	for i := range n {
		match := fmt.Sprintf(`labels.service == "svc-%d"`, i)
		switch i % 4 {
		case 1:
			match += ` && severityAtLeast("warning") && cluster startsWith "prod"`
		case 2:
			match = fmt.Sprintf(`labels.service in ["svc-%d", "svc-%d"] && (hour >= 8 && hour < 18 || severity == "critical")`, i, i+1_000_000)
		case 3:
			match = fmt.Sprintf(`owner == "team-%d" || owner == "svc-%d"`, i, i)
		}
		out = append(out, Route{Name: fmt.Sprintf("r%d", i), Match: match, To: []string{"web:ops"}})
	}
	return out
}

// BenchmarkRoutes prints what matching against 10,000 routes costs in units of one.
func BenchmarkRoutes(b *testing.B) {
	many := manyRoutes(10_000)
	l := map[string]string{"service": "svc-50", "severity": "critical", "cluster": "prod", "job_name": "orders", "owner": "data"}
	cost := func(list []Route) float64 {
		p, err := NewPipeline(Options{Routes: list}, nil, nil)
		if err != nil {
			b.Fatal(err)
		}
		i := p.Test(b.Context(), Question{Labels: l, At: time.Now()}).Incident
		const rounds = 5000
		start := time.Now()
		for range rounds {
			i.Targets = nil
			got, err := p.matchStage(b.Context(), Batch{At: start, Incident: i, Kind: kindNew})
			if err != nil || len(got.Incident.Targets) != 1 {
				b.Fatal(got.Incident.Targets, err)
			}
		}
		return float64(time.Since(start).Nanoseconds()) / rounds
	}
	for b.Loop() {
		one, all := cost(many[50:51]), cost(many)
		b.ReportMetric(one, "ns/1-route")
		b.ReportMetric(all, "ns/10k-routes")
		b.ReportMetric(all/one, "ratio-10k:1")
	}
}
