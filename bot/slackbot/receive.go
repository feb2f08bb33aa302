package slackbot

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"sync"

	"github.com/drey-ops/drey/bot"
)

// reason says why something that came in was not taken; a closed set, for metrics.
type reason string

const (
	refusedMethod    reason = "method"
	refusedSize      reason = "size"
	refusedUnsigned  reason = "unsigned"  // a header is missing, or is there twice
	refusedStamp     reason = "timestamp" // not a number, or not of now
	refusedSignature reason = "signature"
	refusedMalformed reason = "malformed" // signed, but not what Slack sends
	refusedUnknown   reason = "unknown"   // of a type that drey knows nothing of
	refusedBusy      reason = "busy"      // too much under way
	refusedIdle      reason = "not receiving"
	refusedPerson    reason = "deactivated" // of a deactivated user, or of a bot
	refusedPanic     reason = "panic"
)

// refuse counts what was not taken. Content never gets into the log.
func (b *Bot) refuse(why reason, by string) {
	b.o.OnRefused(string(why))
	b.log.Debug("request from Slack not taken", "reason", string(why), "transport", by)
}

// reception is one Receive: the sink, and the work that it started.
type reception struct {
	sink bot.Sink
	ctx  context.Context // ends with Receive; what is delivered outlives the request that brought it
	end  context.CancelCauseFunc
	crew *crew
}

// Receive implements bot.Network. It waits for what it began before it returns.
func (b *Bot) Receive(ctx context.Context, s bot.Sink) error {
	ctx, end := context.WithCancelCause(ctx)
	in := &reception{sink: s, ctx: ctx, end: end, crew: newCrew(b.log, b.refuse)}
	if !b.reception.CompareAndSwap(nil, in) {
		end(nil)
		return errors.New("slackbot: Receive runs already")
	}
	defer func() {
		end(nil)
		b.reception.Store(nil)
		in.crew.wait()
	}()
	in.crew.run(func() { b.runHome(ctx) })
	if b.o.Mode == ModeSocket {
		return b.runSockets(in)
	}
	<-ctx.Done()
	return nil
}

// receiving returns the Receive that runs, or nil.
func (b *Bot) receiving() *reception {
	in := b.reception.Load()
	if in == nil || in.ctx.Err() != nil {
		return nil
	}
	return in
}

// taken is one thing that somebody did, decoded: all of an event but who it was.
type taken struct {
	g  *gesture
	ev bot.Event
}

// deliver hands gestures over as soon as it is known who made them. That is at once for somebody seen lately; else it
// goes on in the crew, so that nobody's acknowledgement waits for it. It says whether there was room for that.
func (b *Bot) deliver(in *reception, all []taken) bool {
	if len(all) == 0 {
		return true
	}
	if p, ok := b.people.known(all[0].g.user); ok {
		b.hand(in, all, p)
		return true
	}
	return in.crew.help(func() { b.hand(in, all, b.people.find(in.ctx, in.crew, all[0].g.user)) })
}

// hand delivers gestures of one person.
func (b *Bot) hand(in *reception, all []taken, p person) {
	if p.gone {
		b.refuse(refusedPerson, b.o.Mode)
		for _, t := range all {
			t.g.acknowledge(nil)
		}
		return
	}
	for _, t := range all {
		t.ev.Actor = p.actor
		t.ev.Token = b.gestures.Keep(t.g, t.g.born)
		in.sink.Deliver(in.ctx, t.ev)
	}
}

// crewMax bounds what is under way beside the Sink: lookups of people, socket envelopes, modals that wait.
const crewMax = 1024

// crew owns the goroutines of one Receive.
type crew struct {
	log    *slog.Logger
	refuse func(reason, string)
	mu     sync.Mutex
	n      int
	closed bool
	idle   chan struct{} // closed when closed and n is 0
}

func newCrew(log *slog.Logger, refuse func(reason, string)) *crew {
	return &crew{log: log, refuse: refuse, idle: make(chan struct{})}
}

// begin counts work that runs in the caller's goroutine; false when there is too much of it, or when it is over.
func (c *crew) begin() bool { return c.add(crewMax, false) }

func (c *crew) add(most int, late bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed && !late || c.n >= most {
		return false
	}
	c.n++
	return true
}

// end undoes begin.
func (c *crew) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n--; c.closed && c.n == 0 {
		close(c.idle)
	}
}

// run does fn in a goroutine of its own. A panic ends fn alone.
func (c *crew) run(fn func()) bool { return c.begin() && c.start(fn) }

// help is run for a part of work that was begun: it is done even when nothing new begins.
func (c *crew) help(fn func()) bool { return c.add(2*crewMax, true) && c.start(fn) }

func (c *crew) start(fn func()) bool {
	go func() {
		defer c.end()
		c.guard(fn)
	}()
	return true
}

// guard runs fn and keeps its panic from going further.
func (c *crew) guard(fn func()) {
	defer func() {
		if p := recover(); p != nil {
			c.refuse(refusedPanic, "")
			c.log.Error("panic while receiving", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	fn()
}

// wait ends the crew: nothing more begins, and what was begun is waited for.
func (c *crew) wait() {
	c.mu.Lock()
	if c.closed = true; c.n == 0 {
		close(c.idle)
	}
	c.mu.Unlock()
	<-c.idle
}
