package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// JobID is the backend's own id of one run of a job: 32 hex digits for Flink. It changes at every resubmission.
type JobID string

// JobRef names a job for people: its cluster and its name, or its JobID where names repeat. Its text form is
// "cluster/job", or "job" alone while the cluster is not known yet.
type JobRef struct{ Cluster, Job string }

// UnmarshalText reads "cluster/job" or "job".
func (r *JobRef) UnmarshalText(b []byte) error {
	c, j, ok := strings.Cut(string(b), "/")
	if !ok {
		c, j = "", string(b)
	}
	if j == "" {
		return fmt.Errorf("want CLUSTER/JOB or JOB, have %q", b)
	}
	r.Cluster, r.Job = c, j
	return nil
}

// MarshalText is the inverse of UnmarshalText.
func (r JobRef) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

func (r JobRef) String() string {
	if r.Cluster == "" {
		return r.Job
	}
	return r.Cluster + "/" + r.Job
}

// JobState is the state that Flink reports.
type JobState string

// The states seen on live clusters. Unknown ones pass through as they are.
const (
	Initializing JobState = "INITIALIZING"
	Created      JobState = "CREATED" // with the adaptive scheduler: waiting for slots
	Running      JobState = "RUNNING" // not yet healthy: compare Tasks.Running with Tasks.Total
	Restarting   JobState = "RESTARTING"
	Failing      JobState = "FAILING"
	Failed       JobState = "FAILED"
	Cancelling   JobState = "CANCELLING"
	Canceled     JobState = "CANCELED"
	Finished     JobState = "FINISHED"
	Suspended    JobState = "SUSPENDED"
)

// Terminal says whether a job in this state will never run again.
func (s JobState) Terminal() bool { return s == Failed || s == Canceled || s == Finished }

// Tasks counts the subtasks of a job by state.
type Tasks struct{ Running, Total int }

// Job is one run of a job as the cluster sees it. Jobs fills the part up to Tasks in a constant number of requests;
// Job fills all.
type Job struct {
	ID         JobID
	Name       string
	State      JobState
	Start, End time.Time // End zero while it runs
	Tasks      Tasks
	Restarts   int // -1: not known

	Parallelism    int // largest over the vertices; 0: not known
	MaxParallelism int // smallest over the vertices; 0: not known
	Adaptive       bool
	Vertices       []Vertex
}

// Healthy says whether every task runs.
func (j Job) Healthy() bool {
	return j.State == Running && j.Tasks.Total > 0 && j.Tasks.Running == j.Tasks.Total
}

// Vertex is one operator chain of a job.
type Vertex struct {
	ID                          string
	Name                        string
	State                       JobState
	Parallelism, MaxParallelism int
	ReadRecords, WriteRecords   int64
	Backpressured, Busy         float64 // 0..1, NaN when not known
}

// Op names a kind of change.
type Op string

// The kinds of change.
const (
	OpSubmitSQL Op = "submit-sql"
	OpSubmitJar Op = "submit-jar"
	OpStop      Op = "stop"
	OpCancel    Op = "cancel"
	OpSavepoint Op = "savepoint"
	OpDispose   Op = "dispose-savepoint"
	OpRescale   Op = "rescale" // in place
)

// Change is one change of a cluster; a closed set.
type Change interface {
	Op() Op
	change()
}

// SubmitSQL submits a job. The ticket's job is JobID when that is set: 32 hex digits minted by the caller, which make the
// submission idempotent.
type SubmitSQL struct {
	JobID       JobID
	Name        string            // pipeline.name; empty: the cluster's choice
	Prelude     []string          // SET, CREATE, USE … run first, in the same session
	Statement   string            // one INSERT, EXECUTE STATEMENT SET or CREATE TABLE AS
	Parallelism int               // 0: the cluster's default
	Savepoint   string            // restore from it; empty: start afresh
	Config      map[string]string // further settings of this submission
}

// SubmitJar runs an uploaded JAR. JobID as in SubmitSQL.
type SubmitJar struct {
	JobID       JobID
	Jar         string
	EntryClass  string
	Args        []string
	Parallelism int
	Savepoint   string
	Config      map[string]string
}

// Stop ends a job with a savepoint. Drain also sends the last watermark: not meant to be resumed.
type Stop struct {
	Job   JobID
	Drain bool
	Dir   string // empty: the cluster's configured folder
}

// Cancel ends a job without a savepoint.
type Cancel struct{ Job JobID }

// Savepoint writes a savepoint of a running job.
type Savepoint struct {
	Job       JobID
	Dir       string
	Canonical bool // default is the native format, which every job survives
}

// Dispose deletes a savepoint.
type Dispose struct{ Path string }

// Rescale changes the parallelism of a running job in place; the driver polls until the vertices really have it.
type Rescale struct {
	Job         JobID
	Parallelism int
	Vertex      string // empty: all
}

// Op implements Change.
func (SubmitSQL) Op() Op { return OpSubmitSQL }

// Op implements Change.
func (SubmitJar) Op() Op { return OpSubmitJar }

// Op implements Change.
func (Stop) Op() Op { return OpStop }

// Op implements Change.
func (Cancel) Op() Op { return OpCancel }

// Op implements Change.
func (Savepoint) Op() Op { return OpSavepoint }

// Op implements Change.
func (Dispose) Op() Op { return OpDispose }

// Op implements Change.
func (Rescale) Op() Op { return OpRescale }

func (SubmitSQL) change() {}
func (SubmitJar) change() {}
func (Stop) change()      {}
func (Cancel) change()    {}
func (Savepoint) change() {}
func (Dispose) change()   {}
func (Rescale) change()   {}

// Ticket is what Begin returns and Poll takes. It is data: it survives a restart of drey as JSON.
type Ticket struct {
	Op   Op              `json:"op"`
	Job  JobID           `json:"job,omitempty"`
	ID   string          `json:"id"`             // the caller's id of the change
	Data json.RawMessage `json:"data,omitempty"` // the driver's own
}

// Outcome is what a change came to so far.
type Outcome struct {
	Done      bool
	Savepoint string // path, for Stop and Savepoint
	Job       JobID  // for submissions
	Note      string // progress in words, when not done
}

// Info is what a driver says about its cluster.
type Info struct {
	Kind    string // "session"
	Version string // of Flink
	// Cannot names what this cluster cannot do and why, in words for the user; what is absent it can.
	Cannot map[Op]string
	// SlotsTotal and SlotsFree are -1 when the backend has no such notion.
	SlotsTotal, SlotsFree, TaskManagers int
	JobsRunning                         int
}

// Driver is all that a backend must do. All methods may be called concurrently, and must honour ctx. They must not retry:
// Cluster does that for reads. Errors are *Error where the kind is known.
type Driver interface {
	// Describe asks the cluster what it is.
	Describe(ctx context.Context) (Info, error)
	// Jobs lists the jobs the cluster still knows, live and ended, the newest start first.
	Jobs(ctx context.Context) ([]Job, error)
	// Job returns one job with its vertices, or an Error of kind NotFound.
	Job(ctx context.Context, id JobID) (Job, error)
	// Begin starts a change and returns at once. The same id (32 hex digits) twice acts once, during and after the first.
	Begin(ctx context.Context, id string, c Change) (Ticket, error)
	// Poll looks at a change. A change that failed is an error; one whose outcome cannot be looked up is Ambiguous.
	// A submission is done as soon as the cluster has taken the job, not when it runs.
	Poll(ctx context.Context, t Ticket) (Outcome, error)
	Close() error
}

// Stater is the cheap and fresh look at one job's state that some drivers have; Cluster falls back to Job.
type Stater interface {
	State(ctx context.Context, id JobID) (JobState, error)
}

// Exception is one failure of a job.
type Exception struct {
	At         time.Time
	Root       string // the root cause in one line: "java.lang.NumberFormatException: For input string: 'boom'"
	Stack      string // whole
	Task, Host string // where known
}

// ExceptionReader reads why a job failed, the newest first; a job that never started still has its cause.
type ExceptionReader interface {
	Exceptions(ctx context.Context, id JobID, max int) ([]Exception, error)
}

// MetricReader reads named metrics of a job, summed up over it; absent names are left out. NaN is possible.
type MetricReader interface {
	Metrics(ctx context.Context, id JobID, names []string) (map[string]float64, error)
}

// Rescaler says whether a job can be rescaled in place, by a look that changes nothing.
type Rescaler interface {
	CanRescale(ctx context.Context, id JobID) (bool, string, error)
}

// Column is one column of a query's result.
type Column struct{ Name, Type string }

// Page is what a query has shown so far. Rows is the folded view: updates and deletes are applied.
type Page struct {
	Columns []Column
	Rows    [][]string
	Job     JobID
	More    bool // rows were cut at the limit
	Done    bool
	Elapsed time.Duration
}

// QueryLimits bound a query; zero fields get defaults of 1,000 rows and 60 s.
type QueryLimits struct {
	Rows int
	Time time.Duration
}

// SQLStatement is one SQL statement with what it stands on. Prelude is run first, in order, in the same session (SET, CREATE,
// USE …); drivers may keep and reuse a session in which exactly this prelude was run.
type SQLStatement struct {
	Prelude []string
	Text    string
	Config  map[string]string
}

// Queryer runs SQL statements that start no lasting job.
type Queryer interface {
	// Query runs one statement. emit is called with growing pages, from one goroutine, at most about once a second and
	// once at the end. When the limits or ctx end it, the job behind it is cancelled at the cluster before Query returns.
	// An error of the prelude says which of its statements failed.
	Query(ctx context.Context, q SQLStatement, lim QueryLimits, emit func(Page)) error
	// Complete suggests continuations of q.Text at a byte offset.
	Complete(ctx context.Context, q SQLStatement, at int) ([]string, error)
}

// Kind classes an error by what the caller can do about it.
type Kind uint8

// The kinds of error.
const (
	Other       Kind = iota
	Invalid          // the request is wrong: tell the person
	NotFound         // no such job, savepoint, jar
	Denied           // the backend refuses us
	Busy             // try again later
	Unsupported      // this backend cannot
	Unavailable      // nobody answered, or only an error page: try again; nothing happened, or it is harmless to repeat
	Ambiguous        // it may have happened and cannot be looked up: ask a person
)

func (k Kind) String() string {
	names := [...]string{"other", "invalid", "not found", "denied", "busy", "unsupported", "unavailable", "ambiguous"}
	if int(k) < len(names) {
		return names[k]
	}
	return "other"
}

// Error is an error of a known kind. Err is meant for people: one line, no URL, no host, no stack.
type Error struct {
	Op     string // what was attempted and on what: "stop prod/orders"
	Kind   Kind
	Err    error
	Detail string // the backend's whole text, for a file; may be long
}

func (e *Error) Error() string {
	if e.Op == "" {
		return e.Err.Error()
	}
	return e.Op + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the outermost *Error in err; a context's end is Unavailable.
func KindOf(err error) Kind {
	var e *Error
	var unknown *UnknownJob
	var several *AmbiguousJob
	switch {
	case errors.As(err, &unknown):
		return NotFound
	case errors.As(err, &several):
		return Invalid
	case errors.As(err, &e):
		return e.Kind
	case errors.Is(err, context.DeadlineExceeded):
		return Unavailable
	}
	return Other
}

// Errorf makes an *Error; it wraps like fmt.Errorf.
func Errorf(k Kind, op, format string, args ...any) *Error {
	return &Error{Op: op, Kind: k, Err: fmt.Errorf(format, args...)}
}
