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
// come or not, with a real redis-server that writes its file at every commit, and prints how long the 200 takes.
func BenchmarkWebhook(b *testing.B) {
	const rate = 500
	url, _ := storagetest.Redis(b)
	db := storagetest.With(b, storage.Options{Redis: url})
	out := bot.NewOutbox(db, quietLog(), bot.OutboxOptions{}, bottest.NewMemory("web", bottest.Roomy()))
	s, err := New(db, out, quietLog(), testOptions(), Hooks{})
	if err != nil {
		b.Fatal(err)
	}
	hook := httptest.NewServer(s.Receiver())
	defer hook.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	send := func(n int) (time.Duration, error) {
		body := webhook(fmt.Sprintf("Alert%d", n), map[string]string{"job_id": "a1", "job_name": "orders", "cluster": "prod", "severity": "critical"}, Firing)
		req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, hook.URL+"/webhooks/alertmanager/main", bytes.NewReader(body))
		if err != nil {
			return 0, err
		}
		req.Header.Set("Authorization", "Bearer "+testToken)
		start := time.Now()
		res, err := client.Do(req)
		if err != nil {
			return 0, err
		}
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return 0, fmt.Errorf("answer %s", res.Status)
		}
		return time.Since(start), nil
	}
	for n := range 100 { // warm: connections, scripts
		if _, err := send(1_000_000 + n); err != nil {
			b.Fatal(err)
		}
	}
	var mu sync.Mutex
	var took []time.Duration
	next := 0
	b.ResetTimer()
	for b.Loop() {
		var wg sync.WaitGroup
		tick := time.NewTicker(time.Second / rate)
		for range rate {
			<-tick.C
			next++
			n := next
			wg.Go(func() {
				d, err := send(n)
				mu.Lock()
				defer mu.Unlock()
				if took = append(took, d); err != nil {
					b.Error(err)
				}
			})
		}
		tick.Stop()
		wg.Wait()
	}
	b.StopTimer()
	slices.Sort(took)
	at := func(p float64) float64 { return float64(took[int(p*float64(len(took)-1))].Microseconds()) / 1000 }
	b.ReportMetric(at(0.5), "p50-ms")
	b.ReportMetric(at(0.99), "p99-ms")
	b.ReportMetric(at(0.99)/10, "p99:target-10ms")
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
		p, err := NewPipeline(testOptions())
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
