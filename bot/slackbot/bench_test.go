package slackbot

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
)

// nothing is a Sink that does nothing.
type nothing struct{ n atomic.Int64 }

func (s *nothing) Deliver(context.Context, bot.Event)             { s.n.Add(1) }
func (*nothing) Suggest(context.Context, bot.Ask) bot.Suggestions { return bot.Suggestions{} }

// bare checks the signature and answers; it is what drey is measured against.
func bare(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		http.Error(w, "size", http.StatusRequestEntityTooLarge)
		return
	}
	stamp := r.Header.Get("X-Slack-Request-Timestamp")
	sec, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || time.Since(time.Unix(sec, 0)).Abs() > 5*time.Minute {
		http.Error(w, "timestamp", http.StatusUnauthorized)
		return
	}
	mac := hmac.New(sha256.New, []byte(testSecret))
	mac.Write([]byte("v0:" + stamp + ":"))
	mac.Write(body)
	got, err := hex.DecodeString(strings.TrimPrefix(r.Header.Get("X-Slack-Signature"), "v0="))
	if err != nil || !hmac.Equal(mac.Sum(nil), got) {
		http.Error(w, "signature", http.StatusUnauthorized)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// BenchmarkSlashHTTP measures how many signed slash commands are verified and acknowledged over real connections: by drey,
// which decodes and delivers them too, and by a bare handler that does nothing more.
func BenchmarkSlashHTTP(b *testing.B) {
	b.Run("drey", func(b *testing.B) {
		w := newBench(b)
		sink := &nothing{}
		w.stop()
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- w.bot.Receive(ctx, sink) }()
		defer func() { cancel(); <-done }()
		for w.bot.receiving() == nil {
			time.Sleep(time.Millisecond)
		}
		w.post(pathCommands, slashBody("U1", "/flink jobs"))
		for sink.n.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		measure(b, w.handler)
		if n := sink.n.Load(); n < int64(b.N) {
			b.Errorf("%d of %d delivered", n, b.N)
		}
	})
	b.Run("bare", func(b *testing.B) { measure(b, http.HandlerFunc(bare)) })
}

func measure(b *testing.B, h http.Handler) {
	srv := httptest.NewServer(h)
	defer srv.Close()
	tr := &http.Transport{MaxIdleConnsPerHost: 64}
	defer tr.CloseIdleConnections()
	client := &http.Client{Transport: tr}
	body := slashBody("U1", "/flink savepoint orders")
	header := sign(testSecret, stampOf(time.Now()), body)
	header.Set("Content-Type", "application/x-www-form-urlencoded")
	b.ReportAllocs()
	b.SetParallelism(8)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r, err := http.NewRequest(http.MethodPost, srv.URL+pathCommands, bytes.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			r.Header = header
			resp, err := client.Do(r)
			if err != nil {
				b.Error(err)
				return
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				b.Errorf("answered with %d", resp.StatusCode)
				return
			}
		}
	})
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}

// BenchmarkSlashHandler is the handler alone, without connections.
func BenchmarkSlashHandler(b *testing.B) {
	w := newBench(b, func(o *Options) { o.Now = time.Now })
	w.bot.log = slog.New(slog.DiscardHandler)
	w.actor("U1")
	body := slashBody("U1", "/flink savepoint orders")
	header := sign(testSecret, stampOf(time.Now()), body)
	for name, h := range map[string]http.Handler{"drey": w.handler, "bare": http.HandlerFunc(bare)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, pathCommands, bytes.NewReader(body))
				r.Header = header
				h.ServeHTTP(httptest.NewRecorder(), r)
				for len(w.sink.events) > 0 {
					<-w.sink.events
				}
			}
		})
	}
}
