package ops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	procs    map[Kind]procedure
	engine   *saga.Engine
}

// New returns an Ops. Nothing moves until Run. The log may be nil.
func New(db *storage.DB, clusters Clusters, log *slog.Logger, o Options) *Ops {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	o.timing = o.timing.orDefault()
	ops := &Ops{db: db, clusters: clusters, log: log, opt: o, procs: map[Kind]procedure{}}
	var defs []*saga.Definition
	for _, p := range ops.all() {
		ops.procs[p.kind] = p
		defs = append(defs, p.define())
	}
	ops.engine = saga.New(db, log, saga.Options{Workers: o.Workers, Lease: o.Lease, Observe: ops.observe, Crash: o.Crash}, defs...)
	return ops
}

// observe writes what becomes durable together with a run: the job's registry record, the end of its lock, and what the
// caller adds. The operation holds the lock until its last commit, so nobody else writes the record meanwhile.
func (o *Ops) observe(tx *storage.Tx, r saga.Record) error {
	st, err := read(r)
	if err != nil {
		return err
	}
	root := storage.Root(r.ID)
	st.Known.UpdatedAt = r.UpdatedAt
	o.knowns().Put(tx, root+"/known", st.Known, storage.Any)
	if r.Status.Final() {
		o.locks().Delete(tx, root+"/lock", storage.Any)
	}
	if o.opt.Observe == nil {
		return nil
	}
	return o.opt.Observe(tx, o.view(r, st))
}

// Run works on operations, this process's and those that a dead one left, until ctx ends; then it waits for the steps
// under way to reach their commit.
func (o *Ops) Run(ctx context.Context) error { return o.engine.Run(ctx) }

// Check says what req would do and touches nothing. Everything that can be refused beforehand is refused here: a job in the
// wrong state, too few slots, a parallelism above the maximum, a cluster that is down. It answers within about 3 s.
// Errors are *platform.Error or *BusyError, or storage's.
func (o *Ops) Check(ctx context.Context, req Request) (Plan, error) {
	v, err := o.look(ctx, "", req)
	if err != nil {
		return Plan{}, err
	}
	return v.plan, nil
}

// Get returns one operation, or storage.ErrNotFound.
func (o *Ops) Get(ctx context.Context, id string) (Operation, error) {
	r, err := o.engine.Get(ctx, id)
	if err != nil {
		return Operation{}, fmt.Errorf("operation %s: %w", id, err)
	}
	st, err := read(r)
	if err != nil {
		return Operation{}, err
	}
	return o.view(r, st), nil
}

// ByShort finds an operation by the short name that people type, or storage.ErrNotFound.
func (o *Ops) ByShort(ctx context.Context, name string) (Operation, error) {
	name = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(name), "#"))
	p, _, err := o.pointers().Get(ctx, name)
	if err != nil {
		return Operation{}, fmt.Errorf("operation %s: %w", name, err)
	}
	return o.Get(ctx, p.ID)
}

// List returns up to max operations (0: all), those that changed last first.
func (o *Ops) List(ctx context.Context, max int) ([]Operation, error) {
	rs, err := o.engine.List(ctx, max)
	if err != nil {
		return nil, err
	}
	out := make([]Operation, 0, len(rs))
	for _, r := range rs {
		if o.procs[Kind(r.Kind)].steps == nil { // of another part of drey, or another version
			continue
		}
		st, err := read(r)
		if err != nil {
			return nil, err
		}
		out = append(out, o.view(r, st))
	}
	return out, nil
}

// Live returns the operation that has the job now, or storage.ErrNotFound.
func (o *Ops) Live(ctx context.Context, job Target) (Operation, error) {
	k, err := o.Known(ctx, job)
	if err != nil {
		return Operation{}, err
	}
	l, _, err := o.locks().Get(ctx, k.Key+"/lock")
	if err != nil {
		return Operation{}, fmt.Errorf("operation on %s: %w", job, err)
	}
	return o.Get(ctx, l.Op)
}

// Cancel asks an operation to turn back at its next safe point; Operation.Cancel is set until it comes. A stuck operation
// ends at once, and whatever it had done stays done. One that has ended is a storage.ErrConflict.
func (o *Ops) Cancel(ctx context.Context, id, why string) error { return o.engine.Cancel(ctx, id, why) }

// Resume sets a stuck operation going again from the step it is stuck in; another is a storage.ErrConflict.
func (o *Ops) Resume(ctx context.Context, id string) error { return o.engine.Resume(ctx, id) }

// Signal hands a named value to an operation that waits for it.
func (o *Ops) Signal(ctx context.Context, id, name string, v any) error {
	return o.engine.Signal(ctx, id, name, v)
}

// Known returns what the registry holds of a job, or storage.ErrNotFound.
func (o *Ops) Known(ctx context.Context, job Target) (Known, error) {
	k, _, err := o.knowns().Get(ctx, Key(job.Cluster, job.Name)+"/known")
	if job.JobID != "" && (err != nil || !k.owns(job.JobID)) {
		own, _, ownErr := o.knowns().Get(ctx, Key(job.Cluster, job.Name+"#"+string(job.JobID))+"/known")
		if ownErr == nil || !errors.Is(ownErr, storage.ErrNotFound) {
			k, err = own, ownErr
		}
	}
	if err != nil {
		return Known{}, fmt.Errorf("job %s: %w", job, err)
	}
	return k, nil
}

// Jobs returns up to max jobs of the registry (0: all), the most recently changed first.
func (o *Ops) Jobs(ctx context.Context, max int) ([]Known, error) {
	var out []Known
	for e, err := range o.knowns().Newest(ctx, max) {
		if err != nil {
			return nil, err
		}
		out = append(out, e.Value)
	}
	return out, nil
}

// Procedures lists every kind of operation.
func (o *Ops) Procedures() []Procedure {
	var out []Procedure
	for _, p := range o.all() {
		d := Procedure{Kind: p.kind, Title: p.title(&state{})}
		for _, s := range p.steps {
			d.Steps = append(d.Steps, s.Name)
		}
		out = append(out, d)
	}
	return out
}
