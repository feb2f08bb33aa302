package discordbot

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage/storagetest"
)

// channelOfTests is one channel of Discord's with its limits, in virtual time: five posts and five edits within five
// seconds. It keeps what its messages show.
type channelOfTests struct {
	strict
	shown map[string]string // content by message id
	n     int
}

func (c *channelOfTests) RoundTrip(r *http.Request) (*http.Response, error) {
	raw, _ := io.ReadAll(r.Body)
	key, _ := routeKey(r.Method, strings.TrimPrefix(r.URL.Path, "/api/v10/"))
	asked := r.Clone(r.Context())
	asked.URL.Path = key
	status, header, answer := c.answer(asked)
	header.Set("X-RateLimit-Bucket", key)
	if status == http.StatusOK {
		var said struct{ Content string }
		_ = json.Unmarshal(raw, &said)
		c.mu.Lock()
		id := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
		if r.Method == http.MethodPost {
			c.n++
			id = idAt(time.Date(2026, 11, 21, 0, 0, c.n, 0, time.UTC), c.n)
		}
		c.shown[id] = said.Content
		c.mu.Unlock()
		answer = fmt.Sprintf(`{"id":%q}`, id)
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(bytes.NewBufferString(answer)), Request: r}, nil
}

// settled says whether nothing was asked of the channel for a while.
func (c *channelOfTests) settled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.second) > 0 && time.Since(c.second[len(c.second)-1]) > 6*time.Second
}

// TestStorm is a thousand incidents in one channel at once, each of which changes while it waits, and half of them once
// more when they stand.
func TestStorm(t *testing.T) {
	for name, keys := range map[string]int{"posts": 1000, "posts and edits": 200} {
		if testing.Short() {
			keys /= 10
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { storm(t, keys, name != "posts") })
		})
	}
}

func storm(t *testing.T, keys int, later bool) {
	db := storagetest.Open(t)
	b := New(db, slog.New(slog.DiscardHandler), Options{Mode: ModeGateway, ApplicationID: "100", BotToken: "token"})
	d := &channelOfTests{shown: map[string]string{}, strict: strict{calls: 5, window: 5 * time.Second, used: map[string]int{}, ends: map[string]time.Time{}}}
	b.sender.client.Transport = d
	o := bot.NewOutbox(db, slog.New(slog.DiscardHandler), bot.OutboxOptions{}, b)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = o.Run(ctx) })
	defer running.Wait()
	defer cancel()

	put := func(k int, state string) {
		tx := db.Begin(fmt.Sprintf("inc%d", k))
		o.Put(tx, bot.Delivery{Key: fmt.Sprintf("inc%d/head", k), To: bot.Place{Network: Network, Channel: "600"}, Message: bot.Message{Title: fmt.Sprintf("%d %s", k, state)}})
		if err := db.Commit(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
	}
	shows := func(k int, state string) bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		want := fmt.Sprintf("**%d %s**", k, state)
		n := 0
		for _, s := range d.shown {
			if s == want {
				n++
			}
		}
		return n == 1
	}
	start := time.Now()
	for _, state := range []string{"one", "two", "three"} {
		for k := range keys {
			put(k, state)
		}
		time.Sleep(time.Second)
	}
	last := "three"
	bound := time.Duration(keys/5-1) * 5 * time.Second // the first five go at once
	if later {
		time.Sleep(bound / 2)
		last = "four"
		for k := range keys / 2 {
			put(k, last)
		}
	}
	for {
		time.Sleep(time.Second)
		if d.settled() && shows(keys-1, "three") && shows(keys/2-1, last) && shows(0, last) {
			break
		}
		if time.Since(start) > 3*bound {
			t.Fatalf("not done after %s", time.Since(start))
		}
	}
	took := time.Since(start)
	for k := range keys {
		want := "three"
		if k < keys/2 {
			want = last
		}
		if !shows(k, want) {
			t.Fatalf("incident %d does not show its newest state", k)
		}
	}
	t.Logf("%d incidents in %s, Discord allows %s: %.2f; %d calls, %d refused", keys, took, bound, took.Seconds()/bound.Seconds(), d.served, d.refused)
	if d.refused > 0 || len(d.shown) != keys || took > bound*12/10+10*time.Second {
		t.Errorf("%d refused, %d messages, %s", d.refused, len(d.shown), took)
	}
}
