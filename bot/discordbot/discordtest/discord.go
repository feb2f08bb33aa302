package discordtest

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Options say how a Discord is to behave. The zero value is a Discord that speaks over the gateway.
type Options struct {
	// RequestURL is drey's HTTP address: interactions are posted to it, signed. Empty: they go over the gateway.
	RequestURL string
	// Now is the clock of interactions and messages; nil means time.Now. Rate limits always run in real time.
	Now func() time.Time
	// NoLimits takes the rate limits away.
	NoLimits bool
	// OldEdits is how many edits an hour a channel takes of messages older than an hour; 0 means 20. Discord has such a limit
	// and does not say how high it is.
	OldEdits int
	// Heartbeat is the interval that the gateway asks for; 0 means 41.25 s.
	Heartbeat time.Duration
	// Violation is told of every offence against Discord's rules; nil: they are only kept.
	Violation func(msg string)
}

// Discord is one guild with its channels and people. Its methods may be called concurrently.
type Discord struct {
	o       Options
	srv     *httptest.Server
	client  *http.Client
	key     ed25519.PrivateKey
	judge   *judge
	stop    context.CancelFunc
	done    context.Context
	sockets sync.WaitGroup

	mu           sync.Mutex
	changed      chan struct{} // closed and replaced with every change
	requestURL   string
	token        string
	lastID       int64
	app          string
	bot          string
	guild        string
	channels     map[string]*channel
	users        map[string]*user
	roles        []*role
	messages     map[string]*message
	uploads      map[string][]byte // by path
	global       []map[string]any
	local        []map[string]any
	registered   int
	rests        map[string]string
	interactions map[string]*interaction // by token
	newest       *interaction
	modals       map[string]*interaction // the one whose answer opened the modal, by user
	faults       []*fault
	calls        []Call
	violations   []string
	limits       map[string]*bucket
	gateway      gateway
	alter        func(map[string]any)
}

// Start starts a Discord on a free port of this machine.
func Start(o Options) (*Discord, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.OldEdits == 0 {
		o.OldEdits = 20
	}
	if o.Heartbeat == 0 {
		o.Heartbeat = 41250 * time.Millisecond
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key pair: %w", err)
	}
	j, err := newJudge(Specs())
	if err != nil {
		return nil, err
	}
	d := &Discord{
		o: o, key: key, judge: j, requestURL: strings.TrimSuffix(o.RequestURL, "/"), changed: make(chan struct{}), client: &http.Client{Transport: &http.Transport{}},
		channels: map[string]*channel{}, users: map[string]*user{}, messages: map[string]*message{}, uploads: map[string][]byte{},
		interactions: map[string]*interaction{}, modals: map[string]*interaction{}, limits: map[string]*bucket{}, rests: map[string]string{},
	}
	d.done, d.stop = context.WithCancel(context.Background())
	d.app, d.guild = d.newID(), d.newID()
	d.bot = d.app // as it is for every application made since 2016
	d.users[d.bot] = &user{id: d.bot, name: "drey", bot: true}
	d.roles = []*role{{id: d.guild, name: "@everyone"}}
	d.token = newToken(d.bot)
	d.srv = httptest.NewServer(d.routes())
	return d, nil
}

// New is Start for a test: offences fail it, and the Discord is closed at its end.
func New(t testing.TB, o Options) *Discord {
	t.Helper()
	if o.Violation == nil {
		o.Violation = func(msg string) { t.Errorf("discord: %s", msg) }
	}
	d, err := Start(o)
	if err != nil {
		t.Fatalf("start a discord: %v", err)
	}
	t.Cleanup(d.Close)
	return d
}

// Close ends every connection and waits for what still runs.
func (d *Discord) Close() {
	d.stop()
	d.srv.Close()
	d.sockets.Wait()
	d.client.CloseIdleConnections()
}

// APIURL is the base of the REST API, ending in a slash.
func (d *Discord) APIURL() string { return d.srv.URL + "/api/v10/" }

// BotToken is the token that the REST API and the gateway take.
func (d *Discord) BotToken() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.token
}

// PublicKey proves signatures, in hex.
func (d *Discord) PublicKey() string {
	return hex.EncodeToString(d.key.Public().(ed25519.PublicKey)) //nolint:forcetypeassert // an ed25519 key has no other
}

// ApplicationID is the id of drey's application.
func (d *Discord) ApplicationID() string { return d.app }

// Guild is the id of the one guild.
func (d *Discord) Guild() string { return d.guild }

// Rotate makes a new bot token; the old one is refused from now on.
func (d *Discord) Rotate() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.token = newToken(d.bot)
}

// SetRequestURL changes where interactions are posted to; empty: they go over the gateway.
func (d *Discord) SetRequestURL(u string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.requestURL = strings.TrimSuffix(u, "/")
}

// Violations are the offences against Discord's rules so far.
func (d *Discord) Violations() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.violations)
}

// Commands is what is registered for the guild and for all, in that order, as one JSON array.
func (d *Discord) Commands() json.RawMessage {
	d.mu.Lock()
	defer d.mu.Unlock()
	return mustJSON(d.known())
}

// Registrations is how many times the commands were overwritten in bulk.
func (d *Discord) Registrations() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.registered
}

// offend notes an offence. It must not be called with the lock held.
func (d *Discord) offend(format string, args ...any) {
	msg := fmt.Sprintf(format, args...)
	d.mu.Lock()
	d.violations = append(d.violations, msg)
	d.mu.Unlock()
	if d.o.Violation != nil {
		d.o.Violation(msg)
	}
}

// notify wakes those that wait for a change. It needs the lock.
func (d *Discord) notify() {
	close(d.changed)
	d.changed = make(chan struct{})
}

func newToken(id string) string {
	return fmt.Sprintf("%x.%s.%s", id, rand.Text()[:6], rand.Text()+rand.Text()[:12])
}
