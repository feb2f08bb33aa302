package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/drey-ops/drey/bot/slackbot/slacktest"
)

const (
	slackRate     = 200 // commands a second
	slackPaced    = 10 * time.Second
	slackMany     = 100_000
	slackClients  = 32
	slackBenchers = 64 // people: each may have a few commands under way
)

// BenchmarkSlack is the whole drey under signed slash commands: how soon each is acknowledged at 200 a second while their
// answers are made and sent, and what 100,000 of them leave behind.
func BenchmarkSlack(b *testing.B) {
	for b.Loop() {
		slack, err := slacktest.Start(slacktest.Options{NoLimits: true})
		if err != nil {
			b.Fatal(err)
		}
		s := newServed(b)
		f, err := os.OpenFile(s.conf, os.O_APPEND|os.O_WRONLY, 0o600)
		s.check(err)
		fmt.Fprintf(f, "slack: { mode: http, bot_token: %q, signing_secret: %q, api_url: %q }\n", slack.BotToken(), peerSecret, slack.APIURL())
		s.check(f.Close())
		s.start()
		load := newSlackLoad(s, slack)
		load.run(2000) // warm
		took := load.paced(slackRate, slackPaced)
		b.ReportMetric(ms(took[len(took)/2]), "p50-ms")
		b.ReportMetric(ms(took[len(took)*99/100]), "p99-ms")

		load.run(slackMany / 10)
		before, rss := load.goroutines(), s.resident("VmRSS")
		begin := time.Now()
		load.run(slackMany)
		b.ReportMetric(slackMany/time.Since(begin).Seconds(), "commands/s")
		time.Sleep(3 * time.Second)
		b.ReportMetric(load.goroutines()-before, "goroutines-more")
		b.ReportMetric(s.resident("VmRSS")-rss, "MB-more")
		s.stop()
		slack.Close()
	}
}

// slackLoad posts commands of many people.
type slackLoad struct {
	s       *served
	url     string
	channel string
	users   []string
	client  *http.Transport
	respond string // where answers go
	n, done atomic.Int64
}

func newSlackLoad(s *served, slack *slacktest.Slack) *slackLoad {
	l := &slackLoad{s: s, url: s.base + "/slack/commands", channel: slack.Channel("ops"), client: &http.Transport{MaxIdleConnsPerHost: 64}}
	for i := range slackBenchers {
		l.users = append(l.users, slack.User(fmt.Sprintf("bench%d", i)))
	}
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		l.done.Add(1)
	}))
	l.respond = sink.URL
	s.b.Cleanup(func() {
		l.client.CloseIdleConnections()
		sink.Close()
	})
	return l
}

// slackAhead is how many commands may be unanswered: more are refused by a drey that has enough to do.
const slackAhead = 500

func (l *slackLoad) one() error {
	n := l.n.Add(1)
	return postCommand(l.client, l.url, l.channel, l.users[int(n)%len(l.users)], fmt.Sprintf("bench.%d", n), l.respond)
}

// run posts n commands as fast as they are answered, and waits for the last answer.
func (l *slackLoad) run(n int) {
	var left atomic.Int64
	left.Store(int64(n))
	var g errgroup.Group
	for range slackClients {
		g.Go(func() error {
			for left.Add(-1) >= 0 {
				for l.n.Load()-l.done.Load() > slackAhead {
					time.Sleep(time.Millisecond)
				}
				if err := l.one(); err != nil {
					return err
				}
			}
			return nil
		})
	}
	l.s.check(g.Wait())
	for end := time.Now().Add(time.Minute); l.done.Load() < l.n.Load(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			l.s.check(fmt.Errorf("%d of %d commands were answered", l.done.Load(), l.n.Load()))
		}
	}
}

// paced posts at a fixed rate, whether answers come or not, and returns how long each took, sorted.
func (l *slackLoad) paced(rate int, during time.Duration) []time.Duration {
	total := int(during.Seconds()) * rate
	took := make([]time.Duration, total)
	var mu sync.Mutex
	var failed error
	var wg sync.WaitGroup
	begin := time.Now()
	for i := range total {
		time.Sleep(time.Until(begin.Add(time.Duration(i) * time.Second / time.Duration(rate))))
		wg.Go(func() {
			sent := time.Now()
			err := l.one()
			took[i] = time.Since(sent)
			if err != nil {
				mu.Lock()
				failed = err
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	l.s.check(failed)
	slices.Sort(took)
	return took
}

func (l *slackLoad) goroutines() float64 {
	_, body, err := fetch(l.s.b.Context(), l.s.base+"/metrics")
	l.s.check(err)
	return metric(body, "go_goroutines")
}
