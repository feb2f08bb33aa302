package bot

import (
	"context"
	"log/slog"
	"time"

	"github.com/drey-ops/drey/storage"
)

// Delivery is a message on its way to a place. Key is "ROOT/…" with the root of the record it speaks of, so that both
// commit together; a second Delivery of the same Key edits the message of the first.
type Delivery struct {
	Key     string  `json:"key"`
	Parent  string  `json:"parent,omitempty"` // Key of the message in whose thread this one goes
	After   string  `json:"after,omitempty"`  // Key of a message that must be posted before this one
	To      Place   `json:"to"`
	Message Message `json:"message"`
}

// OutboxOptions tune an Outbox; the zero value works.
type OutboxOptions struct {
	Workers int // posts under way at once; 0 means 8
	// OnDelivered is told of every message posted or edited, with the time since its Delivery was put (metrics).
	OnDelivered func(n NetworkID, method string, d time.Duration, err error)
}

// Outbox is the one road out for everything that is not an immediate reply.
type Outbox struct{ outboxImpl }

// NewOutbox returns an Outbox that posts to the given networks.
func NewOutbox(db *storage.DB, log *slog.Logger, o OutboxOptions, networks ...Network) *Outbox {
	panic("bot: not yet")
}

// Put adds d to tx: the newest state of a Key wins, and is posted or edited in by Run, after a crash too.
func (o *Outbox) Put(tx *storage.Tx, d Delivery) { panic("bot: not yet") }

// Posted returns where the message of key stands, or storage.ErrNotFound while it is not posted.
func (o *Outbox) Posted(ctx context.Context, key string) (MessageRef, error) { panic("bot: not yet") }

// Run delivers until ctx ends, then waits for the posts under way.
func (o *Outbox) Run(ctx context.Context) error { panic("bot: not yet") }

// DispatcherOptions tune a Dispatcher; the zero value works.
type DispatcherOptions struct {
	Concurrency int           // calls handled at once; 0 means 64; more wait, and are told so when the queue is long
	Timeout     time.Duration // of one call; 0 means 2 min
	OnHandled   func(n NetworkID, path, result string, d time.Duration)
}

// Dispatcher is the Sink between the networks and the Handler: it drops repeated events, finds the call behind a button,
// keeps the network's deadline, bounds concurrency, and recovers from panics.
type Dispatcher struct{ dispatcherImpl }

// NewDispatcher returns a Dispatcher in front of h.
func NewDispatcher(db *storage.DB, log *slog.Logger, o DispatcherOptions, h Handler, networks ...Network) *Dispatcher {
	panic("bot: not yet")
}

// Deliver implements Sink.
func (d *Dispatcher) Deliver(ctx context.Context, ev Event) { panic("bot: not yet") }

// Suggest implements Sink.
func (d *Dispatcher) Suggest(ctx context.Context, a Ask) Suggestions { panic("bot: not yet") }

// Drain refuses new events with a polite word and waits for those under way, or for ctx.
func (d *Dispatcher) Drain(ctx context.Context) { panic("bot: not yet") }

// Fit cuts and degrades m to what c allows; pure. The result has at least one message; what is cut is named ("12 more
// rows") and kept as a file where the network takes files. Only the last message carries actions and form.
func Fit(m Message, c Caps) []Message { panic("bot: not yet") }

type outboxImpl struct{}
type dispatcherImpl struct{}
