package platformtest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/platform"
)

// changes has one change of every kind, of a job.
func changes(job platform.JobID, submit platform.SubmitSQL) []platform.Change {
	return []platform.Change{
		submit,
		platform.SubmitJar{Jar: "none.jar", EntryClass: "no.Main"},
		platform.Stop{Job: job},
		platform.Cancel{Job: job},
		platform.Savepoint{Job: job},
		platform.Dispose{Path: "file:///none"},
		platform.Rescale{Job: job, Parallelism: 1},
	}
}

func (s *suite) describe(t *testing.T) {
	if s.info.Kind == "" || s.info.Version == "" {
		t.Errorf("kind %q, version %q", s.info.Kind, s.info.Version)
	}
	if s.info.SlotsFree > s.info.SlotsTotal {
		t.Errorf("%d slots free of %d", s.info.SlotsFree, s.info.SlotsTotal)
	}
	for op, why := range s.info.Cannot {
		if len(strings.Fields(why)) < 3 {
			t.Errorf("cannot %s: %q is no reason in words", op, why)
		}
	}
}

// denied checks that what Describe denies is refused. The job is an unknown one: a refusal for that would be NotFound.
func (s *suite) denied(t *testing.T) {
	d := s.open(t)
	for _, c := range changes(platform.JobID(newID()), s.Job("drey-denied")) {
		if s.can(c.Op()) || c.Op() == platform.OpRescale { // rescale needs a live job: in Life
			continue
		}
		_, err := d.Begin(t.Context(), newID(), c)
		wantError(t, err, platform.Unsupported)
	}
}

func (s *suite) wrongIDs(t *testing.T) {
	d := s.open(t)
	unknown := platform.JobID(newID())
	for _, c := range changes(unknown, platform.SubmitSQL{}) {
		switch c.Op() {
		case platform.OpSubmitSQL, platform.OpSubmitJar, platform.OpDispose:
			continue
		}
		if !s.can(c.Op()) && c.Op() != platform.OpRescale {
			continue
		}
		_, err := d.Begin(t.Context(), newID(), c)
		wantError(t, err, platform.NotFound)
	}
	_, err := d.Job(t.Context(), unknown)
	wantError(t, err, platform.NotFound)
	_, err = d.Job(t.Context(), "../overview")
	wantError(t, err, platform.Invalid)
	_, err = d.Begin(t.Context(), "not-hex", platform.Cancel{Job: unknown})
	wantError(t, err, platform.Invalid)
	_, err = d.Poll(t.Context(), platform.Ticket{Op: "no-such-op", ID: newID()})
	wantError(t, err, platform.Unsupported)
	_, err = d.Poll(t.Context(), platform.Ticket{Op: platform.OpStop, ID: newID(), Job: unknown})
	wantError(t, err, platform.Ambiguous)
	if r, ok := d.(platform.Stater); ok {
		_, err = r.State(t.Context(), unknown)
		wantError(t, err, platform.NotFound)
	}
	if r, ok := d.(platform.ExceptionReader); ok {
		_, err = r.Exceptions(t.Context(), unknown, 3)
		wantError(t, err, platform.NotFound)
	}
	if r, ok := d.(platform.CheckpointReader); ok {
		_, err = r.Checkpoints(t.Context(), unknown)
		wantError(t, err, platform.NotFound)
	}
	if r, ok := d.(platform.MetricReader); ok {
		_, err = r.Metrics(t.Context(), unknown, []string{"numRestarts"})
		wantError(t, err, platform.NotFound)
	}
	if r, ok := d.(platform.LogReader); ok {
		_, err = r.Logs(t.Context(), unknown, 1000)
		wantError(t, err, platform.NotFound)
	}
	if r, ok := d.(platform.Rescaler); ok {
		_, _, err = r.CanRescale(t.Context(), unknown)
		wantError(t, err, platform.NotFound)
	}
}

func (s *suite) unreachable(t *testing.T) {
	d := s.Unreachable(t)
	defer closeDriver(t, d)
	start := time.Now()
	for name, f := range calls(d, s.Job("drey-unreachable")) {
		t.Run(name, func(t *testing.T) { wantError(t, f(t.Context()), platform.Unavailable) })
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %s", took)
	}
}

func (s *suite) canceledContext(t *testing.T) {
	d := s.open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	start := time.Now()
	for name, f := range calls(d, s.Job("drey-canceled")) {
		t.Run(name, func(t *testing.T) { wantError(t, f(ctx), platform.Unavailable) })
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %s", took)
	}
	if n, err := s.Runs(t.Context(), "drey-canceled"); n > 0 || err != nil {
		t.Errorf("%d jobs (%v) of a submission whose context had ended before", n, err)
	}
}

// calls has one call of each method that the cluster must answer.
func calls(d platform.Driver, submit platform.SubmitSQL) map[string]func(context.Context) error {
	job := platform.JobID(newID())
	m := map[string]func(context.Context) error{
		"Describe": func(ctx context.Context) error { _, err := d.Describe(ctx); return err },
		"Jobs":     func(ctx context.Context) error { _, err := d.Jobs(ctx); return err },
		"Job":      func(ctx context.Context) error { _, err := d.Job(ctx, job); return err },
	}
	for _, c := range changes(job, submit) {
		m["Begin "+string(c.Op())] = func(ctx context.Context) error { _, err := d.Begin(ctx, newID(), c); return err }
	}
	for _, op := range []platform.Op{platform.OpSubmitSQL, platform.OpStop, platform.OpCancel, platform.OpSavepoint} {
		m["Poll "+string(op)] = func(ctx context.Context) error {
			_, err := d.Poll(ctx, platform.Ticket{Op: op, ID: newID(), Job: job})
			return err
		}
	}
	if r, ok := d.(platform.Queryer); ok {
		m["Query"] = func(ctx context.Context) error {
			return r.Query(ctx, platform.SQLStatement{Text: "SHOW TABLES"}, platform.QueryLimits{}, func(platform.Page) {})
		}
		m["Complete"] = func(ctx context.Context) error {
			_, err := r.Complete(ctx, platform.SQLStatement{Text: "SELECT"}, 3)
			return err
		}
	}
	return m
}
