package platformtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/platform"
)

// Cluster is what the suite needs of a real cluster. Its counts come from the cluster itself, by another way than the
// driver under test.
type Cluster interface {
	// Open returns a new driver, as after a restart of drey. The suite closes it.
	Open(t testing.TB) platform.Driver
	// Unreachable returns a driver of a cluster whose address nobody answers.
	Unreachable(t testing.TB) platform.Driver
	// Job is an endless streaming job with state, of that name, with checkpoints each second that stay when it
	// is cancelled; its JobID is empty.
	Job(name string) platform.SubmitSQL
	// Failing is a job that fails at run time with the word "boom" in the root cause, and does not restart.
	Failing(name string) platform.SubmitSQL
	// Runs counts the jobs of that name that the cluster has seen.
	Runs(ctx context.Context, name string) (int, error)
	// Savepoints counts the savepoints that the cluster has completed for a job.
	Savepoints(ctx context.Context, job platform.JobID) (int, error)
}

// suite is one run of the conformance suite.
type suite struct {
	Cluster
	info platform.Info
}

// Run tests the driver of c. It leaves no job running. It needs three free slots.
func Run(t *testing.T, c Cluster) {
	s := &suite{Cluster: c}
	d := c.Open(t)
	defer closeDriver(t, d)
	info, err := d.Describe(t.Context())
	if err != nil {
		t.Fatalf("describe: %v", err)
	}
	s.info = info
	t.Run("Describe", s.describe)
	t.Run("Denied", s.denied)
	t.Run("WrongIDs", s.wrongIDs)
	t.Run("Unreachable", s.unreachable)
	t.Run("CanceledContext", s.canceledContext)
	if s.can(platform.OpSubmitSQL) {
		t.Run("SubmitOnce", s.submitOnce)
		t.Run("SubmitInvalid", s.submitInvalid)
		t.Run("Life", s.life)
		t.Run("Failure", s.failure)
	}
	if _, ok := d.(platform.Queryer); ok {
		t.Run("Query", s.query)
	}
}

func (s *suite) can(op platform.Op) bool { return s.info.Cannot[op] == "" }

// open returns a driver that is closed at the end of t.
func (s *suite) open(t testing.TB) platform.Driver {
	d := s.Open(t)
	t.Cleanup(func() { closeDriver(t, d) })
	return d
}

func closeDriver(t testing.TB, d platform.Driver) {
	if err := d.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// newID mints the id of a change or job.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// begin starts a change and returns its ticket as it comes back from storage.
func begin(t testing.TB, d platform.Driver, id string, c platform.Change) platform.Ticket {
	t.Helper()
	ticket, err := d.Begin(t.Context(), id, c)
	if err != nil {
		t.Fatalf("begin %s: %v", c.Op(), err)
	}
	if ticket.Op != c.Op() || ticket.ID != id {
		t.Errorf("ticket of %s %s has op %s, id %s", c.Op(), id, ticket.Op, ticket.ID)
	}
	b, err := json.Marshal(ticket)
	if err != nil {
		t.Fatal(err)
	}
	var back platform.Ticket
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

// settle polls until the change is done or failed.
func settle(t testing.TB, d platform.Driver, ticket platform.Ticket) (platform.Outcome, error) {
	t.Helper()
	var out platform.Outcome
	err := within(t, time.Minute, func() (done bool, err error) {
		out, err = d.Poll(t.Context(), ticket)
		return out.Done, err
	})
	return out, err
}

// done is settle for a change that must work.
func done(t testing.TB, d platform.Driver, ticket platform.Ticket) platform.Outcome {
	t.Helper()
	out, err := settle(t, d, ticket)
	if err != nil {
		t.Fatalf("poll %s: %v", ticket.Op, err)
	}
	return out
}

// within repeats f until it says done or fails; too long is fatal.
func within(t testing.TB, limit time.Duration, f func() (bool, error)) error {
	t.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(100 * time.Millisecond) {
		ok, err := f()
		if ok || err != nil {
			return err
		}
		if time.Now().After(end) {
			t.Fatalf("not done within %s", limit)
		}
	}
}

// running submits c and waits until all its tasks run. The job is cancelled at the end of t.
func (s *suite) running(t testing.TB, d platform.Driver, c platform.SubmitSQL) platform.JobID {
	t.Helper()
	if c.JobID == "" {
		c.JobID = platform.JobID(newID())
	}
	s.cancelAfter(t, c.JobID)
	out := done(t, d, begin(t, d, newID(), c))
	if out.Job != c.JobID {
		t.Errorf("outcome of the submission names job %q, want %q", out.Job, c.JobID)
	}
	err := within(t, time.Minute, func() (bool, error) {
		j, err := d.Job(t.Context(), c.JobID)
		return j.Healthy(), err
	})
	if err != nil {
		t.Fatalf("wait for job: %v", err)
	}
	return c.JobID
}

// cancelAfter cancels a job at the end of t, whatever became of it.
func (s *suite) cancelAfter(t testing.TB, id platform.JobID) {
	t.Cleanup(func() {
		d := s.Open(t)
		defer closeDriver(t, d)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if _, err := d.Begin(ctx, newID(), platform.Cancel{Job: id}); err != nil && platform.KindOf(err) != platform.NotFound {
			t.Errorf("cancel job %s: %v", id, err)
		}
	})
}

var address = regexp.MustCompile(`(?i)https?://|127\.0\.0\.1|localhost|\tat |\(\w+\.java:\d+\)`)

// wantError checks an error's kind and that it is fit for people.
func wantError(t testing.TB, err error, want platform.Kind) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one of kind %q", want)
		return
	}
	if got := platform.KindOf(err); got != want {
		t.Errorf("error %q has kind %q, want %q", err, got, want)
	}
	if msg := err.Error(); strings.ContainsAny(msg, "\n\r\t") || address.MatchString(msg) || strings.TrimSpace(msg) == "" {
		t.Errorf("error is not one line without addresses and stack: %q", msg)
	}
}
