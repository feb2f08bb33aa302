package discordbot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/discordbot/discordtest"
)

// tripper is a Discord without a network, for virtual time.
type tripper func(r *http.Request) (status int, header http.Header, body string)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
	status, header, body := f(r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func newTestSender(f tripper) (*sender, *tally, *bytes.Buffer) {
	var buf bytes.Buffer
	told := &tally{n: map[string]int{}}
	o := Options{APIURL: "https://discord.test/api/v10/", OnRequest: told.add}.withDefaults()
	s := newSender(o, func() string { return "the-token" }, slog.New(slog.NewTextHandler(&buf, &slog.HandlerOptions{Level: slog.LevelDebug})))
	s.client.Transport = f
	return s, told, &buf
}

// tally counts calls by their code.
type tally struct {
	mu sync.Mutex
	n  map[string]int
}

func (t *tally) add(_, code string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n[code]++
}

// strict is Discord's limits as headers tell them: calls a window for each channel, and 50 a second in all.
type strict struct {
	mu      sync.Mutex
	calls   int
	window  time.Duration
	used    map[string]int
	ends    map[string]time.Time
	second  []time.Time
	refused int
	served  int
}

func (s *strict) answer(r *http.Request) (int, http.Header, string) {
	time.Sleep(40 * time.Millisecond) // on the way
	defer time.Sleep(40 * time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for len(s.second) > 0 && now.Sub(s.second[0]) >= time.Second {
		s.second = s.second[1:]
	}
	h := http.Header{}
	if s.second = append(s.second, now); len(s.second) > 50 {
		s.refused++
		h.Set("X-RateLimit-Global", "true")
		return 429, h, `{"message":"You are being rate limited.","retry_after":1,"global":true}`
	}
	key := r.URL.Path
	if !now.Before(s.ends[key]) {
		s.used[key], s.ends[key] = 0, now.Add(s.window)
	}
	s.used[key]++
	h.Set("X-RateLimit-Bucket", "create")
	h.Set("X-RateLimit-Limit", strconv.Itoa(s.calls))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(max(0, s.calls-s.used[key])))
	h.Set("X-RateLimit-Reset-After", fmt.Sprintf("%.3f", s.ends[key].Sub(now).Seconds()))
	if s.used[key] > s.calls {
		s.refused++
		h.Set("X-RateLimit-Scope", "user")
		return 429, h, fmt.Sprintf(`{"message":"You are being rate limited.","retry_after":%.3f,"global":false}`, s.ends[key].Sub(now).Seconds())
	}
	s.served++
	return 200, h, `{"id":"1"}`
}

// TestPacesItself posts more than Discord takes at once: nothing is refused.
func TestPacesItself(t *testing.T) {
	for _, tc := range []struct {
		name               string
		channels, messages int
	}{{"one channel", 1, 200}, {"many channels", 40, 400}} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &strict{calls: 5, window: 5 * time.Second, used: map[string]int{}, ends: map[string]time.Time{}}
				s, told, _ := newTestSender(d.answer)
				var wg sync.WaitGroup
				work := make(chan int)
				for range 16 {
					wg.Go(func() {
						for i := range work {
							path := fmt.Sprintf("channels/%d/messages", 1000+i%tc.channels)
							for {
								err := s.do(t.Context(), "create message", "POST", path, object{"content": "x"}, nil)
								if err == nil {
									break
								}
								se := new(bot.SendError)
								if !errors.As(err, &se) || se.After <= 0 {
									t.Errorf("call %d: %v", i, err)
									break
								}
								time.Sleep(se.After)
							}
						}
					})
				}
				start := time.Now()
				for i := range tc.messages {
					work <- i
				}
				close(work)
				wg.Wait()
				if d.served != tc.messages || d.refused != 0 {
					t.Errorf("%d served, %d refused by Discord in %s (%v)", d.served, d.refused, time.Since(start), told.n)
				}
				if ideal := time.Duration(tc.messages/tc.channels/5) * 5 * time.Second; time.Since(start) > ideal*3/2+5*time.Second {
					t.Errorf("took %s, where Discord allows %s", time.Since(start), ideal)
				}
			})
		})
	}
}

func TestLimitsAreHeeded(t *testing.T) {
	header := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Set(pairs[i], pairs[i+1])
		}
		return h
	}
	for _, tc := range []struct {
		name      string
		header    http.Header
		body      string
		same      time.Duration // how long the same channel waits
		other     time.Duration // and another one
		countable bool
	}{
		{"user", header("X-RateLimit-Scope", "user"), `{"retry_after":3.5,"global":false}`, 3500 * time.Millisecond, 0, true},
		{"shared", header("X-RateLimit-Scope", "shared"), `{"retry_after":2,"global":false}`, 2 * time.Second, 0, false},
		{"global", header("X-RateLimit-Global", "true", "X-RateLimit-Scope", "global"), `{"retry_after":2,"global":true}`, 2 * time.Second, 2 * time.Second, true},
		{"page of the proxy", header("Retry-After", "30", "Content-Type", "text/html"), "<html>1015</html>", 30 * time.Second, 30 * time.Second, true},
		{"page without a time", nil, "<html>1015</html>", time.Minute, time.Minute, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				first := true
				s, _, _ := newTestSender(func(*http.Request) (int, http.Header, string) {
					if first {
						first = false
						return 429, tc.header, tc.body
					}
					return 200, nil, `{}`
				})
				call := func(channel string) time.Duration {
					for start := time.Now(); ; {
						err := s.do(t.Context(), "create message", "POST", "channels/"+channel+"/messages", object{}, nil)
						if err == nil {
							return time.Since(start)
						}
						se := new(bot.SendError)
						if !errors.As(err, &se) || se.After <= 0 {
							t.Fatal(err)
						}
						time.Sleep(se.After)
					}
				}
				err := s.do(t.Context(), "create message", "POST", "channels/1/messages", object{}, nil)
				if se := new(bot.SendError); !errors.As(err, &se) || se.After != tc.same {
					t.Fatalf("got %v, want to wait for %s", err, tc.same)
				}
				if got := call("2"); got != tc.other {
					t.Errorf("another channel waits for %s, want %s", got, tc.other)
				}
				if tc.other == 0 {
					if got := call("1"); got != tc.same {
						t.Errorf("the channel waits for %s, want %s", got, tc.same)
					}
				}
				if got := len(s.limits.invalid) > 0; got != tc.countable {
					t.Errorf("counted as invalid: %v", got)
				}
			})
		})
	}
}

func TestWaitingHeedsItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, told, _ := newTestSender(func(*http.Request) (int, http.Header, string) { return 200, nil, `{}` })
		s.limits.pause(time.Now().Add(3 * time.Second))
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		err := s.do(ctx, "create message", "POST", "channels/1/messages", object{}, nil)
		se := new(bot.SendError)
		if !errors.As(err, &se) || se.After != 3*time.Second || time.Since(start) > 100*time.Millisecond {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, stop)
		start = time.Now()
		if err := s.do(ctx, "create message", "POST", "channels/1/messages", object{}, nil); !errors.Is(err, context.Canceled) || time.Since(start) != time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		if told.n["ok"] != 0 {
			t.Error("a call was made")
		}
	})
}

// TestRefusesBeforeDiscordDoes: whoever has 10,000 calls refused within ten minutes is shut out.
func TestRefusesBeforeDiscordDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		s, _, _ := newTestSender(func(*http.Request) (int, http.Header, string) {
			calls++
			return 403, nil, `{"code":50013,"message":"Missing Permissions"}`
		})
		for range invalidMax + 100 {
			_ = s.do(t.Context(), "create message", "POST", fmt.Sprintf("channels/%d/messages", 1+calls%40), object{}, nil)
		}
		err := s.do(t.Context(), "create message", "POST", "channels/1/messages", object{}, nil)
		if calls > invalidMax || !errors.Is(err, errShut) {
			t.Errorf("%d calls, then %v", calls, err)
		}
		time.Sleep(invalidWindow)
		_ = s.do(t.Context(), "create message", "POST", "channels/1/messages", object{}, nil)
		if calls <= invalidMax-1 {
			t.Errorf("no call is made after the window")
		}
	})
}

func TestRemedies(t *testing.T) {
	for _, tc := range []struct {
		status, code   int
		gone, rejected bool
		after          time.Duration
	}{
		{404, 10003, true, false, 0}, {404, 10008, true, false, 0}, {403, 50001, true, false, 0}, {403, 50013, true, false, 0}, {400, 160005, true, false, 0},
		{404, 0, true, false, 0}, {400, 50035, false, true, 0}, {400, 50006, false, true, 0}, {429, 30046, false, false, oldRest}, {500, 0, false, false, 0},
		{413, 40005, false, true, 0}, {503, 0, false, false, 0},
	} {
		s, told, log := newTestSender(func(*http.Request) (int, http.Header, string) {
			return tc.status, nil, fmt.Sprintf(`{"code":%d,"message":"why","retry_after":20,"errors":{"content":{"_errors":[{"code":"X","message":"too long"}]}}}`, tc.code)
		})
		err := s.do(t.Context(), "create message", "POST", "webhooks/1/the-secret-token", object{}, nil)
		se := new(bot.SendError)
		if !errors.As(err, &se) {
			se = &bot.SendError{}
		}
		if err == nil || se.Gone != tc.gone || se.Rejected != tc.rejected || se.After != tc.after {
			t.Errorf("%d %d: %+v (%v)", tc.status, tc.code, se, err)
		}
		if said := fmt.Sprint(err) + log.String(); strings.Contains(said, "secret-token") || strings.Contains(said, "the-token") || strings.Contains(said, "discord.test") {
			t.Errorf("a secret or an address in %q", said)
		}
		if tc.code != 0 && told.n[strconv.Itoa(tc.code)] != 1 {
			t.Errorf("told %v", told.n)
		}
	}
}

func TestBrokenConnectionsTellNoAddress(t *testing.T) {
	s, told, _ := newTestSender(nil)
	s.client.Transport = http.DefaultTransport
	s.base = "http://127.0.0.1:1/api/"
	err := s.do(t.Context(), "edit reply", "PATCH", "webhooks/1/the-secret-token/messages/@original", object{}, nil)
	if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "127.0.0.1") || told.n["network"] != 1 {
		t.Errorf("%v, told %v", err, told.n)
	}
}

// TestAnswerLost: a repeat with the same key is one message, whatever was known of the first.
func TestAnswerLost(t *testing.T) {
	for _, tc := range []struct {
		name  string
		later time.Duration
		fault discordtest.Fault
	}{
		{"at once", 0, discordtest.Fault{Lost: true}}, {"when the nonce is forgotten", time.Hour, discordtest.Fault{Lost: true}},
		{"server error", 0, discordtest.Fault{Status: 500}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var skew atomic.Int64
			o := discordtest.Options{NoLimits: true, Now: func() time.Time { return time.Now().Add(time.Duration(skew.Load())) }}
			s := newServer(t, ModeGateway, o)
			s.d.Fault("POST /channels/{channel}/messages", tc.fault)
			m := bot.Message{Title: "once", Blocks: []bot.Block{bot.Textf("only")}}
			if _, err := s.bot.Post(t.Context(), s.place(), "k/1", m); err == nil {
				t.Fatal("no error")
			}
			skew.Store(int64(tc.later))
			ref, err := s.bot.Post(t.Context(), s.place(), "k/1", m)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.read("ann", ""); len(got) != 1 || got[0].ID != ref.ID {
				t.Errorf("%+v in %+v", ref, got)
			}
		})
	}
}
