package platformtest

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drey-ops/drey/platform"
)

// submitOnce begins one submission many times, at once and again, with several drivers.
func (s *suite) submitOnce(t *testing.T) {
	d := s.open(t)
	name := "drey-once-" + newID()[:8]
	c := s.Job(name)
	c.JobID = platform.JobID(newID())
	id := newID()
	s.cancelAfter(t, c.JobID)
	errs := make([]error, 3)
	var wg sync.WaitGroup
	for i := range errs {
		other := s.open(t)
		wg.Go(func() { _, errs[i] = other.Begin(t.Context(), id, c) })
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("attempt %d at once: %v", i, err)
		}
	}
	ticket := begin(t, d, id, c)
	if out := done(t, s.open(t), ticket); out.Job != c.JobID {
		t.Errorf("job %q, want %q", out.Job, c.JobID)
	}
	if n, err := s.Runs(t.Context(), name); n != 1 || err != nil {
		t.Errorf("the cluster has seen %d jobs (%v), want 1", n, err)
	}
	done(t, d, begin(t, d, newID(), platform.Cancel{Job: c.JobID}))
	// The id stays used after the job's end.
	begin(t, s.open(t), id, c)
	if n, err := s.Runs(t.Context(), name); n != 1 || err != nil {
		t.Errorf("after its end and a repeat the cluster has seen %d jobs (%v), want 1", n, err)
	}
}

func (s *suite) submitInvalid(t *testing.T) {
	d := s.open(t)
	good := s.Job("drey-invalid-" + newID()[:8])
	for _, tc := range []struct {
		name string
		edit func(*platform.SubmitSQL)
		want string
	}{
		{"validation", func(c *platform.SubmitSQL) { c.Statement = "INSERT INTO no_such_table SELECT 1" }, "no_such_table"},
		{"position", func(c *platform.SubmitSQL) { c.Statement = "INSERT INTO x SELECT FROM y" }, "line 1, column"},
		{"query", func(c *platform.SubmitSQL) { c.Name, c.Statement = "drey-query-as-job", "SELECT 1" }, ""},
		{"no job", func(c *platform.SubmitSQL) { c.Statement = "SHOW TABLES" }, ""},
		{"prelude", func(c *platform.SubmitSQL) { c.Prelude = append(c.Prelude, "CREATE TABEL t (a INT)") }, fmt.Sprintf("statement %d", len(good.Prelude)+1)},
		{"setting", func(c *platform.SubmitSQL) { c.Config = map[string]string{"parallelism.default": "abc"} }, "parallelism.default"},
		{"job id", func(c *platform.SubmitSQL) { c.JobID = "abc" }, "32 hex"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := good
			tc.edit(&c)
			_, err := d.Begin(t.Context(), newID(), c)
			wantError(t, err, platform.Invalid)
			if err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %q does not say %q", err, tc.want)
			}
		})
	}
	if n, err := s.Runs(t.Context(), good.Name); n != 0 || err != nil {
		t.Errorf("the cluster has seen %d jobs (%v), want none", n, err)
	}
}

// life takes one job from its submission through savepoint, rescale and stop to a restore.
func (s *suite) life(t *testing.T) {
	d := s.open(t)
	name := "drey-life-" + newID()[:8]
	c := s.Job(name)
	c.Parallelism = 1
	job := s.running(t, d, c)
	s.listed(t, d, job, name)
	s.reads(t, d, job)
	if s.can(platform.OpSavepoint) {
		s.savepoint(t, d, job)
	}
	t.Run("Rescale", func(t *testing.T) { s.rescale(t, d, job) })
	if !s.can(platform.OpStop) {
		return
	}
	path := s.stop(t, d, job)
	t.Run("Restore", func(t *testing.T) {
		c := c
		c.JobID, c.Savepoint = "", path
		again := s.running(t, d, c)
		if again == job {
			t.Error("the restored job has the old id")
		}
		s.cancelTwice(t, d, again)
	})
	if n, err := s.Runs(t.Context(), name); n != 2 || err != nil {
		t.Errorf("the cluster has seen %d jobs (%v), want 2", n, err)
	}
}

func (s *suite) listed(t *testing.T, d platform.Driver, job platform.JobID, name string) {
	jobs, err := d.Jobs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for i, j := range jobs {
		if i > 0 && j.Start.After(jobs[i-1].Start) {
			t.Errorf("job %s is not in order, newest start first", j.ID)
		}
		if j.ID != job {
			continue
		}
		found = true
		if j.Name != name || j.State != platform.Running || j.Start.IsZero() || !j.End.IsZero() || j.Tasks.Total == 0 {
			t.Errorf("listed as %+v", j)
		}
	}
	if !found {
		t.Errorf("job %s is not listed", job)
	}
	j, err := d.Job(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	if j.Name != name || len(j.Vertices) == 0 || j.Parallelism != 1 || j.MaxParallelism < 1 {
		t.Errorf("job is %+v", j)
	}
	if r, ok := d.(platform.Stater); ok {
		if state, err := r.State(t.Context(), job); err != nil || state != platform.Running {
			t.Errorf("state %s, %v", state, err)
		}
	}
}

func (s *suite) reads(t *testing.T, d platform.Driver, job platform.JobID) {
	if r, ok := d.(platform.CheckpointReader); ok {
		var cp platform.Checkpoints
		err := within(t, 30*time.Second, func() (done bool, err error) {
			cp, err = r.Checkpoints(t.Context(), job)
			return cp.Completed > 0, err
		})
		if err != nil || cp.Latest == nil || cp.Interval <= 0 || len(cp.History) == 0 {
			t.Errorf("checkpoints %+v, %v", cp, err)
		} else if cp.Latest.Size <= 0 || cp.Retention != "" && cp.Retention != platform.RetainOnCancellation {
			t.Errorf("last checkpoint of %d bytes, retention %q", cp.Latest.Size, cp.Retention)
		}
	}
	if r, ok := d.(platform.ExceptionReader); ok {
		if xs, err := r.Exceptions(t.Context(), job, 5); err != nil || len(xs) != 0 {
			t.Errorf("exceptions of a healthy job: %v, %v", xs, err)
		}
	}
	if r, ok := d.(platform.MetricReader); ok {
		err := within(t, 30*time.Second, func() (bool, error) {
			m, err := r.Metrics(t.Context(), job, []string{"numRestarts", "numRecordsOut", "no.such.metric"})
			_, invented := m["no.such.metric"]
			if invented {
				t.Error("a metric that does not exist has a value")
			}
			out, ok := m["numRecordsOut"]
			restarts, ok2 := m["numRestarts"]
			return ok && ok2 && out > 0 && !math.IsNaN(restarts), err
		})
		if err != nil {
			t.Errorf("metrics: %v", err)
		}
	}
}

func (s *suite) savepoint(t *testing.T, d platform.Driver, job platform.JobID) {
	before, err := s.Savepoints(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	id := newID()
	var wg sync.WaitGroup
	for range 3 {
		other := s.open(t)
		wg.Go(func() {
			if _, err := other.Begin(t.Context(), id, platform.Savepoint{Job: job}); err != nil {
				t.Errorf("begin at once: %v", err)
			}
		})
	}
	wg.Wait()
	ticket := begin(t, d, id, platform.Savepoint{Job: job})
	first := done(t, s.open(t), ticket)
	begin(t, d, id, platform.Savepoint{Job: job})
	second := done(t, d, ticket)
	if first.Savepoint == "" || first.Savepoint != second.Savepoint {
		t.Errorf("savepoints %q and %q", first.Savepoint, second.Savepoint)
	}
	if after, err := s.Savepoints(t.Context(), job); err != nil || after != before+1 {
		t.Errorf("%d savepoints before, %d after (%v)", before, after, err)
	}
	_, err = settle(t, d, platform.Ticket{Op: platform.OpSavepoint, Job: job, ID: newID()})
	wantError(t, err, platform.Ambiguous)
	if s.can(platform.OpDispose) {
		id := newID()
		ticket := begin(t, d, id, platform.Dispose{Path: first.Savepoint})
		done(t, s.open(t), ticket)
		done(t, d, begin(t, d, id, platform.Dispose{Path: first.Savepoint}))
	}
}

func (s *suite) rescale(t *testing.T, d platform.Driver, job platform.JobID) {
	if r, ok := d.(platform.Rescaler); ok {
		can, why, err := r.CanRescale(t.Context(), job)
		if err != nil || can != s.can(platform.OpRescale) || can == (why != "") {
			t.Errorf("can rescale: %v, %q, %v; described: %q", can, why, err, s.info.Cannot[platform.OpRescale])
		}
	}
	if !s.can(platform.OpRescale) {
		_, err := d.Begin(t.Context(), newID(), platform.Rescale{Job: job, Parallelism: 2})
		wantError(t, err, platform.Unsupported)
		return
	}
	for _, n := range []int{0, -1, 100_000, s.info.SlotsTotal + 1} {
		_, err := d.Begin(t.Context(), newID(), platform.Rescale{Job: job, Parallelism: n})
		wantError(t, err, platform.Invalid)
	}
	for _, n := range []int{2, 2, 1} {
		id := newID()
		begin(t, d, id, platform.Rescale{Job: job, Parallelism: n})
		ticket := begin(t, s.open(t), id, platform.Rescale{Job: job, Parallelism: n})
		done(t, s.open(t), ticket)
		if j, err := d.Job(t.Context(), job); err != nil || j.Parallelism != n || !j.Healthy() {
			t.Errorf("rescaled to %d, the job is %+v, %v", n, j, err)
		}
	}
}

func (s *suite) stop(t *testing.T, d platform.Driver, job platform.JobID) (path string) {
	before, err := s.Savepoints(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	id := newID()
	ticket := begin(t, d, id, platform.Stop{Job: job})
	begin(t, s.open(t), id, platform.Stop{Job: job})
	first := done(t, s.open(t), ticket)
	if first.Savepoint == "" {
		t.Error("stopped without a savepoint")
	}
	if r, ok := d.(platform.Stater); ok {
		if state, err := r.State(t.Context(), job); err != nil || !state.Terminal() {
			t.Errorf("stopped, but the job is %s, %v", state, err)
		}
	}
	// Again after the end, and by a ticket whose trigger the cluster has forgotten.
	for _, again := range []platform.Ticket{
		begin(t, s.open(t), id, platform.Stop{Job: job}),
		{Op: platform.OpStop, Job: job, ID: newID()},
	} {
		if out := done(t, d, again); out.Savepoint != first.Savepoint {
			t.Errorf("savepoint %q, then %q", first.Savepoint, out.Savepoint)
		}
	}
	if after, err := s.Savepoints(t.Context(), job); err != nil || after != before+1 {
		t.Errorf("%d savepoints before the stop, %d after (%v)", before, after, err)
	}
	_, err = d.Begin(t.Context(), newID(), platform.Savepoint{Job: job})
	wantError(t, err, platform.Invalid)
	// What has ended by itself needs no cancelling.
	if out := done(t, d, begin(t, d, newID(), platform.Cancel{Job: job})); out.Note == "" {
		t.Error("cancelling a stopped job leaves no note")
	}
	return first.Savepoint
}

func (s *suite) cancelTwice(t *testing.T, d platform.Driver, job platform.JobID) {
	id := newID()
	ticket := begin(t, d, id, platform.Cancel{Job: job})
	begin(t, s.open(t), id, platform.Cancel{Job: job})
	done(t, s.open(t), ticket)
	begin(t, d, id, platform.Cancel{Job: job})
	_, err := d.Begin(t.Context(), newID(), platform.Stop{Job: job})
	wantError(t, err, platform.Invalid)
}

// failure checks that a failed job tells why.
func (s *suite) failure(t *testing.T) {
	d := s.open(t)
	r, ok := d.(platform.ExceptionReader)
	if !ok {
		t.Skip("the driver reads no exceptions")
	}
	c := s.Failing("drey-failing-" + newID()[:8])
	c.JobID = platform.JobID(newID())
	s.cancelAfter(t, c.JobID)
	done(t, d, begin(t, d, newID(), c))
	var xs []platform.Exception
	err := within(t, time.Minute, func() (done bool, err error) {
		xs, err = r.Exceptions(t.Context(), c.JobID, 3)
		return len(xs) > 0, err
	})
	if err != nil {
		t.Fatal(err)
	}
	if x := xs[0]; !strings.Contains(x.Root, "boom") || strings.Contains(x.Root, "\n") || x.At.IsZero() || len(x.Stack) < len(x.Root) {
		t.Errorf("exception %q at %s", x.Root, x.At)
	}
	logs(t, d, c.JobID)
	restore := s.Job("drey-badpath-" + newID()[:8])
	restore.JobID, restore.Savepoint = platform.JobID(newID()), "file:///no/such/savepoint"
	s.cancelAfter(t, restore.JobID)
	// The adaptive scheduler takes the job and lets it fail, the default one refuses the statement: both must say why.
	if _, err := d.Begin(t.Context(), newID(), restore); err != nil {
		wantError(t, err, platform.Invalid)
		return
	}
	err = within(t, time.Minute, func() (done bool, err error) {
		xs, err = r.Exceptions(t.Context(), restore.JobID, 3)
		return len(xs) > 0, err
	})
	if err != nil || !strings.Contains(xs[0].Root, "/no/such/savepoint") {
		t.Errorf("exceptions of a job restored from nowhere: %v, %v", xs, err)
	}
}

// logs checks that the logs of a failed job tell why it failed.
func logs(t *testing.T, d platform.Driver, job platform.JobID) {
	t.Helper()
	r, ok := d.(platform.LogReader)
	if !ok {
		return
	}
	const most = 200 << 10
	list, err := r.Logs(t.Context(), job, most)
	told := false
	for _, l := range list {
		if l.Missed != "" || l.Source == "" || l.Tail == "" || len(l.Tail) > 2*most || l.Size <= 0 {
			t.Errorf("log of %q: %d bytes, %d of them shown, %s", l.Source, l.Size, len(l.Tail), l.Missed)
		}
		told = told || strings.Contains(l.Tail, "boom")
	}
	if err != nil || !told {
		t.Errorf("%d logs do not say why the job failed, %v", len(list), err)
	}
}
