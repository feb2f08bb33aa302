package ops

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage/saga"
)

// Operation is one run of a procedure, as people see it.
type Operation struct {
	ID      string // ROOT/SHORT
	Short   string // "7f3k2a"
	Kind    Kind
	Title   string // "Stop with savepoint"
	Cluster string
	Job     string
	JobID   platform.JobID // the run of the job that the operation began with; empty for a submission that is not in yet
	By      string
	Status  saga.Status
	Steps   []Step
	Note    string // where it stands, or how it ended
	Error   string // why it failed or what keeps it, and what to do next
	Safety  string // what was known of the job's state when the operation started
	Cancel  bool   // somebody asked to cancel, and the next safe point has not come yet
	Result  Result
	Meta    json.RawMessage // the starter's own
	Story   []saga.Beat
	Started time.Time
	Updated time.Time
	Ended   time.Time // zero while it is not final
}

// Step is one stage of an operation that a person would name.
type Step struct {
	Label string
	State StepState
	Note  string
}

// StepState is where a stage stands.
type StepState string

// The states of a stage.
const (
	StepTodo    StepState = "todo"
	StepDoing   StepState = "doing"
	StepDone    StepState = "done"
	StepFailed  StepState = "failed"
	StepSkipped StepState = "skipped"
)

// Result is what an operation has come to; its fields are filled as soon as they are known.
type Result struct {
	Savepoint   string         `json:"savepoint,omitempty"`
	JobID       platform.JobID `json:"job_id,omitempty"` // of the job that runs now
	Parallelism int            `json:"parallelism,omitempty"`
	RolledBack  bool           `json:"rolled_back,omitempty"` // a scale failed, and the job runs as before
}

// Plan is what an operation would do.
type Plan struct {
	Kind   Kind
	Title  string
	Target Target
	Steps  []string
	// Safety says how safe the job's state is: age and size of the last checkpoint and savepoint, what is kept, and what would
	// be replayed or lost. Facts and Outlook are its parts, for those who lay them out themselves.
	Safety   string
	Facts    []string // "last checkpoint 12 s ago (3.1 MB)"
	Outlook  string   // "after a restart about 12 s are read again"
	Warnings []string
	Standing Standing
}

// BusyError says that another operation has the job.
type BusyError struct {
	Op    string // its id
	Kind  Kind
	By    string
	Since time.Time
	Job   Target
}

func (e *BusyError) Error() string {
	by := ""
	if e.By != "" {
		by = " of " + e.By
	}
	return "job " + e.Job.String() + " is busy with " + string(e.Kind) + by + " (operation " + short(e.Op) + "); wait for it or cancel it first"
}

// short is the name of an operation for people: the part of its id after the job's root.
func short(id string) string {
	_, op, _ := strings.Cut(id, "/")
	return op
}
