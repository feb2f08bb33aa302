package bot

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/drey-ops/drey/storage"
)

const (
	eventAge     = 15 * time.Minute // older gestures are not acted on: the person has moved on
	eventMark    = time.Hour        // how long an event's ID is remembered
	markTimeout  = 5 * time.Second
	suggestIn    = 100 * time.Millisecond
	suggestsMax  = 64
	underWayMax  = 2048 // gestures in all, refusals included; more are dropped
	handlerGrace = 30 * time.Second
)

// DispatcherOptions tune a Dispatcher; the zero value works.
type DispatcherOptions struct {
	Concurrency int           // calls handled at once; 0 means 64; more wait, and are told so when the queue is long
	Timeout     time.Duration // of one call; 0 means 2 min
	// OnHandled is told of every gesture (metrics). path is empty for a typed line; result is one of answered, error,
	// panic, timeout, busy, expired, mismatch, unavailable, stopping, late, repeat.
	OnHandled func(n NetworkID, path, result string, d time.Duration)
}

// Dispatcher is the Sink between the networks and the Handler: it drops repeated events, finds the call behind a button,
// keeps the network's deadline, bounds concurrency, and recovers from panics.
type Dispatcher struct {
	db       *storage.DB
	log      *slog.Logger
	o        DispatcherOptions
	h        Handler
	networks map[NetworkID]Network
	binder   *Binder
	seen     *recent
	turns    *turns
	suggests chan struct{} // bounds questions under way
	stop     chan struct{} // closed when Drain gives up waiting

	mu       sync.Mutex
	active   int
	draining bool
	stopped  bool
	idle     chan struct{} // closed when draining and active is 0
}

// NewDispatcher returns a Dispatcher in front of h.
func NewDispatcher(db *storage.DB, log *slog.Logger, o DispatcherOptions, h Handler, networks ...Network) *Dispatcher {
	if o.Concurrency <= 0 {
		o.Concurrency = 64
	}
	if o.Timeout <= 0 {
		o.Timeout = 2 * time.Minute
	}
	if o.OnHandled == nil {
		o.OnHandled = func(NetworkID, string, string, time.Duration) {}
	}
	return &Dispatcher{
		db: db, log: log, o: o, h: h, networks: byID(networks), binder: NewBinder(db), seen: newRecent(8192, eventMark),
		turns: newTurns(o.Concurrency), suggests: make(chan struct{}, suggestsMax), stop: make(chan struct{}), idle: make(chan struct{}),
	}
}

func byID(networks []Network) map[NetworkID]Network {
	out := make(map[NetworkID]Network, len(networks))
	for _, n := range networks {
		out[n.ID()] = n
	}
	return out
}

// Deliver implements Sink. An event whose ID was delivered within the last hour, to this replica or another, is dropped.
func (d *Dispatcher) Deliver(ctx context.Context, ev Event) {
	start := time.Now()
	n := d.networks[ev.Place.Network]
	log := d.log.With("network", ev.Place.Network, "event", ev.ID, "actor", ev.Actor.String())
	switch {
	case n == nil:
		log.Error("event from a network that is not ours")
	case ev.ID == "":
		log.Error("event without an id")
	case !ev.At.IsZero() && start.Sub(ev.At) > eventAge:
		log.Warn("event too old to act on", "age", start.Sub(ev.At).Round(time.Second))
		d.o.OnHandled(n.ID(), ev.Call.Path, "late", 0)
	case d.seen.mark(string(n.ID())+"/"+ev.ID, start):
		d.o.OnHandled(n.ID(), ev.Call.Path, "repeat", 0)
	default:
		accepted, late := d.begin()
		if !accepted {
			log.Warn("event dropped: stopped, or too many under way")
			d.o.OnHandled(n.ID(), ev.Call.Path, "busy", 0)
			return
		}
		// The transport's context ends with its request; the call goes on.
		c := &conversation{d: d, n: n, ev: ev, log: log, start: start, late: late, result: make(chan outcome, 1), news: make(chan struct{}, 1), started: make(chan struct{})}
		go func() {
			defer d.end()
			c.run(context.WithoutCancel(ctx))
		}()
	}
}

// begin counts a piece of work, unless there is too much of it or nobody waits for it any more. late says that it came
// after Drain.
func (d *Dispatcher) begin() (accepted, late bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped || d.active >= underWayMax {
		return false, d.draining
	}
	d.active++
	return true, d.draining
}

func (d *Dispatcher) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.active--
	d.settle()
}

// settle runs with the lock held.
func (d *Dispatcher) settle() {
	if d.draining && d.active == 0 && !d.stopped {
		d.stopped = true
		close(d.idle)
	}
}

// Drain refuses new events with a polite word and waits for those under way. When ctx ends first, it cancels them, tells
// the people who wait, and waits a little longer for that.
func (d *Dispatcher) Drain(ctx context.Context) {
	d.mu.Lock()
	first := !d.draining
	d.draining = true
	d.settle()
	d.mu.Unlock()
	select {
	case <-d.idle:
		return
	case <-ctx.Done():
	}
	if first {
		close(d.stop)
	}
	select {
	case <-d.idle:
	case <-time.After(replyTimeout):
		d.log.Error("calls still under way after drain")
	}
}

// Suggest implements Sink: it answers within 100 ms, with nothing when the Handler has no answer by then.
func (d *Dispatcher) Suggest(ctx context.Context, a Ask) Suggestions {
	none := Suggestions{From: a.At, To: a.At}
	select {
	case d.suggests <- struct{}{}:
	default:
		return none
	}
	if ok, _ := d.begin(); !ok {
		<-d.suggests
		return none
	}
	ctx, cancel := context.WithTimeout(ctx, suggestIn)
	defer cancel()
	got := make(chan Suggestions, 1)
	go func() {
		defer d.end()
		defer func() {
			<-d.suggests
			if p := recover(); p != nil {
				d.log.Error("panic while suggesting", "panic", p, "path", a.Path, "stack", string(debug.Stack()))
				got <- none
			}
		}()
		got <- d.h.Suggest(ctx, a)
	}()
	select {
	case s := <-got:
		return s
	case <-ctx.Done():
		return none
	}
}

// first marks the event for every replica, and says whether it is the first to see it.
func (d *Dispatcher) first(ctx context.Context, ev Event) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, markTimeout)
	defer cancel()
	mark := "ev/" + string(ev.Place.Network) + "/" + ev.ID
	// A mark is known in one shard; the root made of its hash spreads marks over the shards, and stays a valid id whatever
	// the network put into the event's.
	sum := sha256.Sum256([]byte(mark))
	tx := d.db.Begin("ev-" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:5])))
	tx.Once(mark, eventMark)
	err := d.db.Commit(ctx, tx)
	if errors.Is(err, storage.ErrSeen) {
		return false, nil
	}
	return err == nil, err
}
