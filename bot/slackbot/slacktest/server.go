package slacktest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Options shape a Slack. The zero value is one that speaks Socket Mode, with rate limits.
type Options struct {
	// RequestURL is where drey listens ("http://127.0.0.1:8080"): requests go to RequestURL+"/slack/commands",
	// "/slack/interactions", "/slack/events", "/slack/options". Empty: Socket Mode.
	RequestURL string
	// Now is the clock of triggers, response URLs, rate limits and timestamps; nil: time.Now.
	Now func() time.Time
	// NoLimits switches the rate limits off. With them, a 429 that the test did not ask for (Fault) is a violation.
	NoLimits bool
	// Violation is told of each violation, from any goroutine; nil: they are collected, see Violations. It must not call
	// the Slack.
	Violation func(msg string)
	// PingEvery is the gap between the pings of Socket Mode; 0: 5 s.
	PingEvery time.Duration
	// AckWithin is how long a gesture waits for its acknowledgement; 0: 3 s as the real one.
	AckWithin time.Duration
}

// Slack is one workspace with one app, drey, installed in it. Its methods may be called concurrently.
type Slack struct {
	o      Options
	judge  *judge
	base   string // http://127.0.0.1:PORT
	srv    *http.Server
	client *http.Client // towards drey
	wg     sync.WaitGroup
	done   chan struct{} // closed when Close begins
	once   sync.Once

	mu         sync.Mutex
	closed     bool
	request    string // where drey listens
	generation int    // of tokens and secrets
	scopes     []string
	lastTS     int64 // microseconds
	lastID     int
	people     people
	channels   map[string]*channel
	views      map[string]*view   // by id; open ones and homes
	stacks     map[string][]*view // open modals by user, the topmost last
	homes      map[string]*view   // by user
	triggers   map[string]*trigger
	hooks      map[string]*hook
	files      map[string]*file
	rates      map[string]*bucket
	calls      []Call
	faults     map[string][]*Fault
	violations []string
	newest     *delivery
	sockets    sockets
}

// Start listens on 127.0.0.1, on a free port below those that the system uses for outgoing connections.
func Start(o Options) (*Slack, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.PingEvery == 0 {
		o.PingEvery = 5 * time.Second
	}
	if o.AckWithin == 0 {
		o.AckWithin = 3 * time.Second
	}
	judge, err := newJudge(Specs())
	if err != nil {
		return nil, err
	}
	ln, err := listen()
	if err != nil {
		return nil, err
	}
	s := &Slack{
		o: o, judge: judge, base: "http://" + ln.Addr().String(), done: make(chan struct{}), request: strings.TrimSuffix(o.RequestURL, "/"),
		client: &http.Client{Transport: &http.Transport{}}, scopes: allScopes(), people: newPeople(), channels: map[string]*channel{},
		views: map[string]*view{}, stacks: map[string][]*view{}, homes: map[string]*view{}, triggers: map[string]*trigger{}, hooks: map[string]*hook{},
		files: map[string]*file{}, rates: map[string]*bucket{}, faults: map[string][]*Fault{}, sockets: newSockets(),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/{method}", s.serveAPI)
	mux.HandleFunc("POST /hook/{id}", s.serveHook)
	mux.HandleFunc("POST /upload/{id}", s.serveUpload)
	mux.HandleFunc("GET /files/{id}/{name}", s.serveFile)
	mux.HandleFunc("GET /link", s.serveSocket)
	s.srv = &http.Server{Handler: s.gate(mux), ReadHeaderTimeout: time.Minute}
	s.wg.Go(func() {
		if err := s.srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			s.violate("the fake Slack stopped serving: %v", err)
		}
	})
	return s, nil
}

// New is Start for a test: it fails t at each violation, and closes at its end.
func New(t testing.TB, o Options) *Slack {
	t.Helper()
	if o.Violation == nil {
		o.Violation = func(msg string) { t.Errorf("slack: %s", msg) }
	}
	s, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// gate makes Close wait for the handlers that are running.
func (s *Slack) gate(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		closed := s.closed
		if !closed {
			s.wg.Add(1)
		}
		s.mu.Unlock()
		if closed {
			panic(http.ErrAbortHandler)
		}
		defer s.wg.Done()
		h.ServeHTTP(w, r)
	})
}

func listen() (net.Listener, error) {
	var lc net.ListenConfig
	var last error
	for range 200 {
		ln, err := lc.Listen(context.Background(), "tcp", fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(12_000)))
		if err == nil {
			return ln, nil
		}
		last = err
	}
	return nil, fmt.Errorf("listen for the fake Slack: %w", last)
}

// Close ends the server and every socket, and waits until they have ended. A second Close does nothing.
func (s *Slack) Close() {
	s.once.Do(func() {
		close(s.done)
		s.mu.Lock()
		s.closed = true // from now on no handler begins
		s.mu.Unlock()
		s.KillSockets()
		s.srv.Close()
		s.wg.Wait()
		s.client.CloseIdleConnections()
	})
}

// APIURL is the address of the Web API, with the slash at its end that the client library needs.
func (s *Slack) APIURL() string { return s.base + "/api/" }

// BotToken is the bot token in force.
func (s *Slack) BotToken() string { return s.secret("xoxb-1-bot-%d") }

// AppToken is the app-level token for Socket Mode; Rotate leaves it alone.
func (s *Slack) AppToken() string { return "xapp-1-A0DREY-socket" }

// SigningSecret is what requests to drey are signed with.
func (s *Slack) SigningSecret() string { return s.secret("signing-secret-of-the-fake-%d") }

func (s *Slack) secret(format string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprintf(format, s.generation)
}

// BotUser is drey's own user id.
func (s *Slack) BotUser() string { return botUser }

// BotID is the id of drey's bot.
func (s *Slack) BotID() string { return botID }

// Team is the workspace's id.
func (s *Slack) Team() string { return teamID }

const (
	botUser   = "U0DREY"
	botID     = "B0DREY"
	appID     = "A0DREY"
	teamID    = "T0TEAM"
	otherTeam = "T0OTHER"
)

// Rotate makes a new bot token and signing secret. The old token answers token_revoked from now on.
func (s *Slack) Rotate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generation++
}

// SetRequestURL changes where drey listens; empty means Socket Mode.
func (s *Slack) SetRequestURL(u string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.request = strings.TrimSuffix(u, "/")
}

// Violations returns all violations so far; none when Options.Violation takes them.
func (s *Slack) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.violations)
}

// violate must be called without the lock.
func (s *Slack) violate(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.violateLocked(format, args...)
}

func (s *Slack) violateLocked(format string, args ...any) {
	msg := fmt.Sprintf(format, args...)
	if s.o.Violation != nil {
		s.o.Violation(msg)
		return
	}
	s.violations = append(s.violations, msg)
}

// ts makes the next message timestamp: unique and increasing, also when the clock stands still.
func (s *Slack) ts() string {
	s.lastTS = max(s.lastTS+100, s.o.Now().Unix()*1_000_000+100)
	return fmt.Sprintf("%d.%06d", s.lastTS/1_000_000, s.lastTS%1_000_000)
}

// id makes a unique id such as V0000012.
func (s *Slack) id(prefix string) string {
	s.lastID++
	return fmt.Sprintf("%s%07d", prefix, s.lastID)
}
