package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/drey-ops/drey/storage"
)

const (
	replyTimeout = 10 * time.Second // of one try
	replyTries   = 5
	replyPause   = 200 * time.Millisecond
	pauseLongest = 30 * time.Second
	showEvery    = 500 * time.Millisecond
	ackDefault   = 3 * time.Second
)

// Why a handler's context ended early.
var (
	errTooLong  = errors.New("call took too long")
	errStopping = errors.New("drey is stopping")
)

// conversation is one event and the answer to it. Two goroutines: work runs the call, run alone speaks to the network,
// so that replies never overtake each other.
type conversation struct {
	d     *Dispatcher
	n     Network
	ev    Event
	log   *slog.Logger
	start time.Time
	late  bool // came after Drain

	result  chan outcome  // from work; one value
	started chan struct{} // closed when the handler starts
	news    chan struct{} // says that interim holds something new

	shown Message // the newest interim answer that everybody may see and that was sent; only run looks at it

	mu      sync.Mutex
	interim *Message
	path    string // of the call, once it is known
	thread  string // where the answer belongs, when the pressed button says so
}

// outcome is how a call ended. An empty message is nothing to say: somebody else answers.
type outcome struct {
	message Message
	path    string
	result  string
}

func (c *conversation) run(ctx context.Context) {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.result <- c.work(ctx)
	}()
	out := c.follow(ctx, cancel)
	if !empty(out.message) {
		c.answer(context.WithoutCancel(ctx), out.message)
	}
	cancel(nil)
	c.d.o.OnHandled(c.n.ID(), out.path, out.result, time.Since(c.start))
	c.reap(done)
}

// reap waits for a handler that was given up. One that ignores its context keeps its turn until it returns.
func (c *conversation) reap(done <-chan struct{}) {
	select {
	case <-done:
		return
	case <-time.After(handlerGrace):
		c.log.Error("handler ignores that its context ended", "path", c.called(""))
	}
	<-done
}

// follow keeps the person up to date until there is a last word.
func (c *conversation) follow(ctx context.Context, cancel context.CancelCauseFunc) outcome {
	every, within := c.n.Caps().EditEvery, c.n.Caps().AckWithin
	if every <= 0 {
		every = showEvery
	}
	if within <= 0 {
		within = ackDefault
	}
	ack := time.NewTimer(within*6/10 - time.Since(c.start))
	defer ack.Stop()
	var limit, gate <-chan time.Time
	var free time.Time // when the next interim answer may go
	started := c.started
	for {
		select {
		case out := <-c.result:
			return out
		case <-c.news:
			if gate == nil {
				gate = time.After(time.Until(free))
			}
		case <-gate:
			gate = nil
			ack.Stop()
			pause := c.try(ctx, c.takeInterim())
			free = time.Now().Add(max(every, pause))
		case <-ack.C:
			pause := c.try(ctx, c.pending())
			free = time.Now().Add(max(every, pause))
		case <-started:
			started, limit = nil, time.After(c.d.o.Timeout)
		case <-limit:
			cancel(errTooLong)
			return outcome{tooLong(c.d.o.Timeout), c.called(""), "timeout"}
		case <-c.d.stop:
			cancel(errStopping)
			return outcome{stopping(), c.called(""), "stopping"}
		}
	}
}

// work does everything but speak.
func (c *conversation) work(ctx context.Context) outcome {
	ev := c.ev // its own: run reads c.ev
	first, err := c.d.first(ctx, ev)
	if err != nil {
		c.log.Error("event not marked, so not acted on", "error", err)
		return outcome{unavailable(), c.called(ev.Call.Path), "unavailable"}
	}
	if !first {
		return outcome{path: c.called(ev.Call.Path), result: "repeat"}
	}
	if c.late {
		return outcome{stopping(), c.called(ev.Call.Path), "stopping"}
	}
	actor := ev.Actor.String()
	turn, ok := c.d.turns.enter(actor)
	if !ok {
		return outcome{busy(), c.called(ev.Call.Path), "busy"}
	}
	defer c.d.turns.leave(actor, turn)
	select {
	case <-turn:
	case <-ctx.Done():
		return outcome{}
	case <-time.After(c.d.o.Timeout):
		return outcome{busy(), c.called(ev.Call.Path), "busy"}
	}
	close(c.started)
	if ev.Button != "" {
		call, refused := c.resolve(ctx)
		if refused.result != "" {
			return refused
		}
		ev.Call = call
		if o := ev.Origin; call.InThread && ev.Place.Thread == "" && o != nil {
			ev.Place.Thread = cmp.Or(o.Place.Thread, o.ID)
			c.mu.Lock()
			c.thread = ev.Place.Thread
			c.mu.Unlock()
		}
	}
	if ev.Among != nil {
		call, refused := c.pick(ctx)
		if refused.result != "" {
			return refused
		}
		ev.Call = call
	}
	c.called(ev.Call.Path)
	return c.handle(ctx, ev)
}

func (c *conversation) handle(ctx context.Context, ev Event) (out outcome) {
	path := ev.Call.Path
	defer func() {
		if p := recover(); p != nil {
			ref := storage.NewID()[:6]
			c.log.Error("panic while handling", "ref", ref, "panic", p, "path", path, "stack", string(debug.Stack()))
			out = outcome{panicked(ref), path, "panic"}
		}
	}()
	m := c.d.h.Handle(ctx, ev, c.show)
	switch {
	case empty(m):
		c.log.Error("handler gave an empty answer", "path", path)
		return outcome{Message{Tone: Good, Blocks: []Block{Textf("Done.")}, Private: true}, path, "answered"}
	case m.Tone == Bad:
		return outcome{m, path, "error"}
	}
	return outcome{m, path, "answered"}
}

// resolve finds the call behind a pressed button or a submitted form, or says why it cannot.
func (c *conversation) resolve(ctx context.Context) (call Call, refused outcome) {
	call, again, err := c.d.binder.Find(ctx, c.ev.Button, c.ev.Form)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		refused = outcome{expired(), "", "expired"}
	case err != nil:
		c.log.Error("button not found", "error", err)
		refused = outcome{unavailable(), "", "unavailable"}
	case again != nil:
		refused = outcome{mismatched(again), again.Call.Path, "mismatch"}
	}
	return call, refused
}

// pick finds the call that a shortcut on a message means.
func (c *conversation) pick(ctx context.Context) (call Call, refused outcome) {
	path := c.ev.Call.Path
	call, err := c.d.binder.Pick(ctx, c.ev.Among, path)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		refused = outcome{notHere(path), path, "expired"}
	case err != nil:
		c.log.Error("button not found", "error", err)
		refused = outcome{unavailable(), path, "unavailable"}
	}
	return call, refused
}

// called notes the path once it is known, and returns it.
func (c *conversation) called(path string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if path != "" {
		c.path = path
	}
	return c.path
}

// show keeps the newest interim answer for run to send; it never blocks the handler.
func (c *conversation) show(m Message) {
	m.Pending = true
	c.mu.Lock()
	c.interim = &m
	c.mu.Unlock()
	select {
	case c.news <- struct{}{}:
	default: // run has yet to look at the last one
	}
}

func (c *conversation) takeInterim() Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	return *c.interim
}

func (c *conversation) pending() Message {
	m := Message{Tone: Busy, Pending: true, Private: true, Blocks: []Block{Textf("Working on it…")}}
	if n := c.d.turns.long(); n > 0 {
		m.Blocks = []Block{Textf("%d requests are waiting; yours will have its turn…", n)}
	}
	return m
}

// try sends an interim answer once, and returns how long the network wants to be left alone after it.
func (c *conversation) try(ctx context.Context, m Message) time.Duration {
	err := c.send(ctx, m)
	if err == nil {
		if !m.Private {
			c.shown = m
		}
		return 0
	}
	c.log.Debug("interim reply not sent", "error", err)
	if se := new(SendError); errors.As(err, &se) {
		return min(se.After, pauseLongest)
	}
	return 0
}

// answer sends the last word, again when it went wrong in a way that may pass.
func (c *conversation) answer(ctx context.Context, m Message) {
	if m.Private && !empty(c.shown) {
		c.leave(ctx)
	}
	pause := replyPause
	for try := 1; ; try++ {
		err := c.send(ctx, m)
		if err == nil {
			return
		}
		after := pause
		if se := new(SendError); errors.As(err, &se) {
			switch {
			case se.Gone:
				try = replyTries
			case se.Rejected:
				m = plainest(m)
			case se.After > 0:
				after = min(se.After, pauseLongest)
			}
		}
		if try >= replyTries {
			c.log.Error("reply not sent", "error", err, "tries", try)
			return
		}
		select {
		case <-time.After(after):
		case <-c.d.stop:
			try = replyTries - 1 // one last time, at once
		}
		pause = min(2*pause, pauseLongest)
	}
}

// leave ends what everybody saw growing, since the last word is for the person who asked alone: on networks that can
// replace an answer by a private one it vanishes next, on others it stays.
func (c *conversation) leave(ctx context.Context) {
	m := c.shown
	m.Pending, m.Tone = false, Muted
	m.Blocks = append(m.Blocks[:len(m.Blocks):len(m.Blocks)], Notef("This went no further; the person who asked was told why."))
	if err := c.send(ctx, m); err != nil {
		c.log.Debug("interim reply not ended", "error", err)
	}
}

// send fits and binds m and replies with it. Without the state store it goes without buttons.
func (c *conversation) send(ctx context.Context, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	m, err := c.d.binder.Bind(ctx, fitOne(m, c.n.Caps()))
	if err != nil {
		c.log.Error("reply without its buttons", "error", err)
		m = fitOne(m, c.n.Caps())
	}
	ev := c.ev
	c.mu.Lock()
	ev.Place.Thread = cmp.Or(ev.Place.Thread, c.thread)
	c.mu.Unlock()
	if err := c.n.Reply(ctx, ev, m); err != nil {
		return fmt.Errorf("reply to %s: %w", c.ev.ID, err)
	}
	return nil
}
