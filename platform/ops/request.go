package ops

import "github.com/drey-ops/drey/platform"

// Kind names a kind of operation.
type Kind string

// The kinds of operation; SubmitSQL and SubmitJar are both KindSubmit.
const (
	KindSavepoint Kind = "savepoint"
	KindStop      Kind = "stop"
	KindCancel    Kind = "cancel"
	KindSubmit    Kind = "submit"
	KindScale     Kind = "scale"
	KindRestart   Kind = "restart"
)

// Target is a job, resolved by the caller. JobID may be empty for a job that only the registry knows any more; then, and
// only then, Name alone decides.
type Target struct {
	Cluster string         `json:"cluster"`
	Name    string         `json:"name"`
	JobID   platform.JobID `json:"job_id,omitempty"`
}

func (t Target) String() string { return t.Cluster + "/" + t.Name }

// Request asks for one operation; a closed set.
type Request interface {
	Kind() Kind
	target() Target
}

// Savepoint writes a savepoint of a running job.
type Savepoint struct {
	Job       Target
	Canonical bool // the portable format; the default is the native one, which every job survives
}

// Stop ends a job with a savepoint. Drain also sends the last watermark: it is not meant to be resumed.
type Stop struct {
	Job   Target
	Drain bool
}

// Cancel ends a job without a savepoint.
type Cancel struct{ Job Target }

// SubmitSQL submits a SQL job and follows it until it runs.
type SubmitSQL struct {
	Cluster     string
	Name        string   // empty: made from the table the statement writes to
	Prelude     []string // run first, in the same session
	Statement   string   // one INSERT, EXECUTE STATEMENT SET or CREATE TABLE AS
	Parallelism int      // 0: the cluster's default
	Savepoint   string   // restore from it; empty: start afresh
	Config      map[string]string
}

// SubmitJar runs an uploaded JAR and follows it until it runs. Name must be the one that the program gives its job.
type SubmitJar struct {
	Cluster     string
	Name        string
	Jar         string // the cluster's id of the uploaded file
	EntryClass  string
	Args        []string
	Parallelism int
	Savepoint   string
	Config      map[string]string
}

// Scale changes the parallelism: in place where the scheduler can, else by a stop with savepoint and a resubmission, rolled
// back when it does not come up.
type Scale struct {
	Job         Target
	Parallelism int
	Vertex      string // id or name of one vertex; empty: all. Only in place.
}

// Restart submits the job's own source again, from Savepoint or the newest restore point; a job that still runs is stopped
// with a savepoint before, and resumed from that.
type Restart struct {
	Job       Target
	Savepoint string // empty: the newest restore point
	Fresh     bool   // start without state; not together with Savepoint
}

// Kind implements Request.
func (Savepoint) Kind() Kind { return KindSavepoint }

// Kind implements Request.
func (Stop) Kind() Kind { return KindStop }

// Kind implements Request.
func (Cancel) Kind() Kind { return KindCancel }

// Kind implements Request.
func (SubmitSQL) Kind() Kind { return KindSubmit }

// Kind implements Request.
func (SubmitJar) Kind() Kind { return KindSubmit }

// Kind implements Request.
func (Scale) Kind() Kind { return KindScale }

// Kind implements Request.
func (Restart) Kind() Kind { return KindRestart }

func (r Savepoint) target() Target { return r.Job }
func (r Stop) target() Target      { return r.Job }
func (r Cancel) target() Target    { return r.Job }
func (r SubmitSQL) target() Target { return Target{Cluster: r.Cluster, Name: r.Name} }
func (r SubmitJar) target() Target { return Target{Cluster: r.Cluster, Name: r.Name} }
func (r Scale) target() Target     { return r.Job }
func (r Restart) target() Target   { return r.Job }
