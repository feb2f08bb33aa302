package ops

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"time"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/saga"
)

// Clusters finds a cluster by its configured name.
type Clusters interface {
	Cluster(name string) (*platform.Cluster, error)
}

// Options of Ops; the zero value works.
type Options struct {
	// Observe adds to every transaction that starts or changes an operation: the card in the outbox, the audit entry. It
	// must be pure but for tx, and ids in tx must be under storage.Root(op.ID).
	Observe func(tx *storage.Tx, op Operation) error
	Workers int           // operations worked on at once; 0 means 8
	Lease   time.Duration // of the engine; 0 means its default
	// Crash is handed to the engine (tests).
	Crash func(at string)

	timing timing
}

// Origin says where a request comes from.
type Origin struct {
	Key  string          // the same key with the same target starts once, however often it comes; a chat event's id
	By   string          // who asks, as shown to people
	Meta json.RawMessage // the starter's own, given back as Operation.Meta
}

// Procedure describes one kind of operation.
type Procedure struct {
	Kind  Kind
	Title string
	Steps []string // names of the durable steps, in order
}

// Ops starts operations and works on them.
type Ops struct {
	db       *storage.DB
	clusters Clusters
	log      *slog.Logger
	opt      Options
	engine   *saga.Engine
}

func short(id string) string {
	_, op, _ := strings.Cut(id, "/")
	return op
}

// New returns an Ops. Nothing moves until Run.
func New(db *storage.DB, clusters Clusters, log *slog.Logger, o Options) *Ops { panic("ops: not yet") }

// Run works on operations, this process's and those that a dead one left, until ctx ends; then it waits for the steps
// under way to reach their commit.
func (o *Ops) Run(ctx context.Context) error { return o.engine.Run(ctx) }

// Check says what req would do and touches nothing. Everything that can be refused beforehand is refused here: a job in the
// wrong state, too few slots, a parallelism above the maximum, a cluster that is down. It answers within about 3 s.
// Errors are *platform.Error or *BusyError.
func (o *Ops) Check(ctx context.Context, req Request) (Plan, error) { panic("ops: not yet") }

// Start checks req, and starts it. The same Origin.Key and target again returns the operation that the first call started, at whatever
// point it is. Errors are as those of Check, or storage's.
func (o *Ops) Start(ctx context.Context, from Origin, req Request) (Operation, error) {
	panic("ops: not yet")
}

// Get returns one operation, or storage.ErrNotFound.
func (o *Ops) Get(ctx context.Context, id string) (Operation, error) { panic("ops: not yet") }

// ByShort finds an operation by the short name that people type, or storage.ErrNotFound.
func (o *Ops) ByShort(ctx context.Context, name string) (Operation, error) { panic("ops: not yet") }

// List returns up to max operations, the newest first.
func (o *Ops) List(ctx context.Context, max int) ([]Operation, error) { panic("ops: not yet") }

// Live returns the operation that has the job now, or storage.ErrNotFound.
func (o *Ops) Live(ctx context.Context, job Target) (Operation, error) { panic("ops: not yet") }

// Cancel asks an operation to turn back at its next safe point; Operation.Cancel is set until it comes. A stuck operation
// ends at once, and whatever it had done stays done.
func (o *Ops) Cancel(ctx context.Context, id, why string) error { return o.engine.Cancel(ctx, id, why) }

// Resume sets a stuck operation going again from the step it is stuck in.
func (o *Ops) Resume(ctx context.Context, id string) error { return o.engine.Resume(ctx, id) }

// Signal hands a named value to an operation that waits for it.
func (o *Ops) Signal(ctx context.Context, id, name string, v any) error {
	return o.engine.Signal(ctx, id, name, v)
}

// Known returns what the registry holds of a job, or storage.ErrNotFound.
func (o *Ops) Known(ctx context.Context, job Target) (Known, error) { panic("ops: not yet") }

// Jobs returns up to max jobs of the registry (0: all), the most recently changed first.
func (o *Ops) Jobs(ctx context.Context, max int) ([]Known, error) { panic("ops: not yet") }

// Procedures lists every kind of operation.
func (o *Ops) Procedures() []Procedure { panic("ops: not yet") }
