package platform

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Options tune a Cluster; the zero value works.
type Options struct {
	// Read bounds one look at the cluster, its second try included; 0 means 2.5 s: people are told of a silent cluster
	// within three.
	Read time.Duration
	// Change bounds Begin and Poll; 0 means 30 s. A submission runs its prelude within it.
	Change time.Duration
	// Observe, when set, is told of every call: code is "ok" or the kind of the error.
	Observe func(cluster, call, code string, d time.Duration)
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Cluster is a named driver plus the rules that hold for every backend: deadlines, one second try of reads, refusal of
// what the backend cannot do, and a short memory of its silence. All methods may be called concurrently. Errors name the
// cluster.
type Cluster struct {
	Name   string
	Labels map[string]string

	d Driver
	o Options

	mu     sync.Mutex
	info   Info
	infoAt time.Time
	silent time.Time // until when reads are refused without asking
	why    error
}

const (
	// infoFresh is how long Describe answers from memory.
	infoFresh = 5 * time.Second
	// silence is how long a cluster that did not answer is not asked again by reads: a page of five looks must not wait
	// five times.
	silence = 2 * time.Second
)

// Open names a driver. The Cluster owns it from now on: Close closes it.
func Open(name string, labels map[string]string, d Driver, o Options) *Cluster {
	if o.Read == 0 {
		o.Read = 2500 * time.Millisecond
	}
	if o.Change == 0 {
		o.Change = 30 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Cluster{Name: name, Labels: labels, d: d, o: o}
}

// Close closes the driver.
func (c *Cluster) Close() error { return c.d.Close() }

// read runs one look with its deadline and, where the backend did not answer quickly, a second try within it.
func read[T any](ctx context.Context, c *Cluster, call string, fn func(ctx context.Context) (T, error)) (T, error) {
	if err := c.quiet(); err != nil {
		var none T
		return none, err
	}
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, c.o.Read)
	defer cancel()
	v, err := observed(ctx, c, call, fn)
	if KindOf(err) == Unavailable && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
			v, err = observed(ctx, c, call, fn)
		}
	}
	// A caller who has gone away says nothing of the cluster.
	if caller.Err() == nil {
		c.heard(err)
	}
	return v, c.named(call, err)
}

// observed runs one call and tells Observe.
func observed[T any](ctx context.Context, c *Cluster, call string, fn func(ctx context.Context) (T, error)) (T, error) {
	began := c.o.Now()
	v, err := fn(ctx)
	if c.o.Observe != nil {
		code := "ok"
		if err != nil {
			code = KindOf(err).String()
		}
		c.o.Observe(c.Name, call, code, c.o.Now().Sub(began))
	}
	return v, err
}

// quiet refuses a read while the cluster is known to be silent.
func (c *Cluster) quiet() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.o.Now().Before(c.silent) {
		return c.why
	}
	return nil
}

func (c *Cluster) heard(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if KindOf(err) != Unavailable {
		c.silent = time.Time{}
		return
	}
	c.silent, c.why = c.o.Now().Add(silence), c.named("ask", err)
}

// named puts the cluster's name in front of an error, and gives every error a kind.
func (c *Cluster) named(call string, err error) error {
	if err == nil {
		return nil
	}
	var amb *AmbiguousJob
	var unk *UnknownJob
	if errors.As(err, &amb) || errors.As(err, &unk) {
		return err
	}
	var pe *Error
	if !errors.As(err, &pe) {
		pe = &Error{Op: call, Kind: KindOf(err), Err: err}
		if errors.Is(err, context.DeadlineExceeded) {
			pe.Err = reworded{"no answer in time", err}
		}
		err = pe
	}
	return &Error{Op: "cluster " + c.Name, Kind: pe.Kind, Err: clean(err), Detail: Redact(pe.Detail)}
}

// Describe asks the cluster what it is; it answers from memory for a few seconds.
func (c *Cluster) Describe(ctx context.Context) (Info, error) {
	c.mu.Lock()
	info, at := c.info, c.infoAt
	c.mu.Unlock()
	if !at.IsZero() && c.o.Now().Sub(at) < infoFresh {
		return info, nil
	}
	return c.DescribeNow(ctx)
}

// DescribeNow asks the cluster, whatever is remembered: slots change within seconds.
func (c *Cluster) DescribeNow(ctx context.Context) (Info, error) {
	info, err := read(ctx, c, "describe", c.d.Describe)
	if err == nil {
		c.mu.Lock()
		c.info, c.infoAt = info, c.o.Now()
		c.mu.Unlock()
	}
	return info, err
}

// Jobs lists the jobs that the cluster still knows, the newest start first.
func (c *Cluster) Jobs(ctx context.Context) ([]Job, error) { return read(ctx, c, "jobs", c.d.Jobs) }

// Job returns one job with its vertices.
func (c *Cluster) Job(ctx context.Context, id JobID) (Job, error) {
	return read(ctx, c, "job", func(ctx context.Context) (Job, error) { return c.d.Job(ctx, id) })
}

// State returns the freshest state of a job.
func (c *Cluster) State(ctx context.Context, id JobID) (JobState, error) {
	s, ok := c.d.(Stater)
	if !ok {
		j, err := c.Job(ctx, id)
		return j.State, err
	}
	return read(ctx, c, "state", func(ctx context.Context) (JobState, error) { return s.State(ctx, id) })
}

// Begin starts a change; the same id twice acts once. It is never tried a second time here: whoever holds the id may.
func (c *Cluster) Begin(ctx context.Context, id string, ch Change) (Ticket, error) {
	info, err := c.Describe(ctx)
	if err != nil {
		return Ticket{}, err
	}
	if why, no := info.Cannot[ch.Op()]; no {
		return Ticket{}, c.named("begin", &Error{Op: string(ch.Op()), Kind: Unsupported, Err: errors.New(why)})
	}
	ctx, cancel := context.WithTimeout(ctx, c.o.Change)
	defer cancel()
	t, err := observed(ctx, c, "begin "+string(ch.Op()), func(ctx context.Context) (Ticket, error) { return c.d.Begin(ctx, id, ch) })
	return t, c.named("begin", err)
}

// Poll looks at a change.
func (c *Cluster) Poll(ctx context.Context, t Ticket) (Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.Change)
	defer cancel()
	out, err := observed(ctx, c, "poll "+string(t.Op), func(ctx context.Context) (Outcome, error) { return c.d.Poll(ctx, t) })
	return out, c.named("poll", err)
}

// Exceptions reads why a job failed, the newest first.
func (c *Cluster) Exceptions(ctx context.Context, id JobID, max int) ([]Exception, error) {
	r, ok := c.d.(ExceptionReader)
	if !ok {
		return nil, c.cannot("exceptions")
	}
	return read(ctx, c, "exceptions", func(ctx context.Context) ([]Exception, error) { return r.Exceptions(ctx, id, max) })
}

// Checkpoints reads a job's checkpoint history.
func (c *Cluster) Checkpoints(ctx context.Context, id JobID) (Checkpoints, error) {
	r, ok := c.d.(CheckpointReader)
	if !ok {
		return Checkpoints{}, c.cannot("checkpoints")
	}
	return read(ctx, c, "checkpoints", func(ctx context.Context) (Checkpoints, error) { return r.Checkpoints(ctx, id) })
}

// Metrics reads named metrics of a job.
func (c *Cluster) Metrics(ctx context.Context, id JobID, names []string) (map[string]float64, error) {
	r, ok := c.d.(MetricReader)
	if !ok {
		return nil, c.cannot("metrics")
	}
	return read(ctx, c, "metrics", func(ctx context.Context) (map[string]float64, error) { return r.Metrics(ctx, id, names) })
}

// CanRescale says whether a job can be rescaled in place, and if not why.
func (c *Cluster) CanRescale(ctx context.Context, id JobID) (bool, string, error) {
	r, ok := c.d.(Rescaler)
	if !ok {
		return false, "this kind of cluster cannot rescale a running job", nil
	}
	why := ""
	can, err := read(ctx, c, "can rescale", func(ctx context.Context) (can bool, err error) {
		can, why, err = r.CanRescale(ctx, id)
		return can, err
	})
	return can, why, err
}

// Query runs one SQL statement; see Queryer. Its deadline is that of lim and ctx.
func (c *Cluster) Query(ctx context.Context, q SQLStatement, lim QueryLimits, emit func(Page)) error {
	r, ok := c.d.(Queryer)
	if !ok {
		return c.cannot("SQL")
	}
	if err := c.quiet(); err != nil {
		return err
	}
	_, err := observed(ctx, c, "query", func(ctx context.Context) (struct{}, error) { return struct{}{}, r.Query(ctx, q, lim, emit) })
	return c.named("query", err)
}

// Complete suggests continuations of a statement.
func (c *Cluster) Complete(ctx context.Context, q SQLStatement, at int) ([]string, error) {
	r, ok := c.d.(Queryer)
	if !ok {
		return nil, c.cannot("SQL")
	}
	if err := c.quiet(); err != nil {
		return nil, err
	}
	// Not a read as the others: the SQL Gateway may be silent while the cluster is not.
	ctx, cancel := context.WithTimeout(ctx, c.o.Read)
	defer cancel()
	list, err := observed(ctx, c, "complete", func(ctx context.Context) ([]string, error) { return r.Complete(ctx, q, at) })
	return list, c.named("complete", err)
}

func (c *Cluster) cannot(what string) error {
	return c.named(what, &Error{Op: what, Kind: Unsupported, Err: fmt.Errorf("this kind of cluster has no %s", what)})
}
