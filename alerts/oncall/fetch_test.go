package oncall

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drey-ops/drey/config/secret"
	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/storagetest"
)

// server is a calendar's server whose answer can be changed.
type server struct {
	*httptest.Server
	mu    sync.Mutex
	code  int
	who   string
	asked chan bool
}

func newServer(t *testing.T) *server {
	s := &server{code: 200, who: "ann", asked: make(chan bool, 100)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if r.URL.Query().Get("token") != "s3cret" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.WriteHeader(s.code)
		fmt.Fprintf(w, "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:%s\r\nDTSTART:20260101T000000Z\r\nDTEND:20261231T000000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", s.who)
		s.asked <- true
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) set(code int, who string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.code, s.who = code, who
}

// run keeps the calendar until the returned function is called.
func run(t *testing.T, db *storage.DB, srv *server, log *bytes.Buffer) (*Schedule, func()) {
	t.Helper()
	b, bad := New(map[string]Options{"primary": {People: people("ann", "ben"), Ical: secret.Text(srv.URL + "/cal.ics?token=s3cret")}})
	if len(bad) > 0 {
		t.Fatal(bad)
	}
	s := b.Schedule("primary")
	s.every = 20 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan bool)
	go func() {
		defer close(done)
		Keeper{DB: db, Log: slog.New(slog.NewTextHandler(log, nil)), HTTP: srv.Client()}.Run(ctx, b)
	}()
	stop := sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return s, stop
}

// until waits for what the keeper does after the server has answered.
func until(t *testing.T, what string, fn func() bool) {
	t.Helper()
	for range 2000 {
		if fn() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("%s: not seen", what)
}

func TestKeeper(t *testing.T) {
	db, srv := storagetest.Open(t), newServer(t)
	var log bytes.Buffer
	at := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	s, stop := run(t, db, srv, &log)
	until(t, "the calendar", func() bool { return slices.Equal(s.Who(at), []string{"ann"}) })
	srv.set(200, "ben")
	until(t, "its change", func() bool { return slices.Equal(s.Who(at), []string{"ben"}) })

	srv.set(500, "ann")
	until(t, "its failure", func() bool { _, failed, _, _ := s.Source(at); return strings.Contains(failed, "answers 500") })
	if read, _, _, ok := s.Source(at); !ok || read.IsZero() || !slices.Equal(s.Who(at), []string{"ben"}) {
		t.Errorf("the last good copy does not count: %v", s.Who(at))
	}
	stop()

	// Another process finds the copy in the store before it reaches the server.
	s, stop = run(t, db, srv, &log)
	until(t, "the kept copy", func() bool { return slices.Equal(s.Who(at), []string{"ben"}) })
	until(t, "its failure", func() bool { _, failed, _, _ := s.Source(at); return failed != "" })
	stop()
	if strings.Contains(log.String(), "s3cret") || strings.Contains(log.String(), srv.Listener.Addr().String()) {
		t.Errorf("the log tells the address:\n%s", &log)
	}
}

func TestFetchLimits(t *testing.T) {
	outside := func(target string) error {
		from, to := &http.Request{URL: &url.URL{Scheme: "https", Host: "cal.example"}}, &http.Request{}
		to.URL, _ = url.Parse(target)
		return client().CheckRedirect(to, []*http.Request{from})
	}
	for target, bad := range map[string]bool{"https://other.example/x": false, "http://other.example/x": true, "https://127.0.0.1/x": true, "https://localhost:9/x": true, "https://[::1]/": true, "https://[::]/": true} {
		if err := outside(target); (err != nil) != bad {
			t.Errorf("%s: %v", target, err)
		}
	}
	big := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range maxCalendar>>10 + 1 {
			if _, err := w.Write(bytes.Repeat([]byte("x"), 1<<10)); err != nil {
				return
			}
		}
	}))
	defer big.Close()
	k := Keeper{HTTP: big.Client()}
	if _, err := k.read(t.Context(), &Schedule{address: secret.Text(big.URL)}); err == nil || !strings.Contains(err.Error(), "larger than 8 MB") {
		t.Error(err)
	}
	for _, address := range []string{"http://127.0.0.1:1/token", "/nowhere/token.ics"} {
		if _, err := k.read(t.Context(), &Schedule{address: secret.Text(address)}); err == nil || strings.Contains(err.Error(), "token") || strings.Contains(err.Error(), "127") {
			t.Error(err)
		}
	}
}
