package alerts

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/drey-ops/drey/platform"
)

// JobFacts are what a cluster says about the job behind an alert.
type JobFacts struct {
	Ref            platform.JobRef    `json:"ref"` // names it for commands
	Name           string             `json:"name,omitempty"`
	ID             platform.JobID     `json:"id"`
	State          platform.JobState  `json:"state"`
	Running        int                `json:"running"` // tasks
	Total          int                `json:"total"`
	Restarts       int                `json:"restarts"`       // -1: not known
	RootCause      string             `json:"root,omitempty"` // of the newest exception
	RootAt         time.Time          `json:"root_at,omitzero"`
	Checkpoints    bool               `json:"has_checkpoints,omitempty"` // that it is known to make any
	Off            bool               `json:"no_checkpoints,omitempty"`  // that it is known to make none
	Checkpoint     time.Time          `json:"checkpoint,omitzero"`       // the newest completed one
	CheckpointSize int64              `json:"checkpoint_size,omitempty"` // bytes
	Retention      platform.Retention `json:"retention,omitempty"`       // what becomes of its checkpoints when it ends
	Savepoint      time.Time          `json:"savepoint,omitzero"`        // the newest
	Trend          string             `json:"trend,omitempty"`           // how checkpoints go, where it is worth a word: "checkpoints take 4 min and grow (1 min 1 h before), timeout 10 min"
	Load           string             `json:"load,omitempty"`            // what holds it back: "backpressured: Join[3]; bottleneck downstream: Sink, busy 98 %"
	URL            string             `json:"url,omitempty"`             // for people
	Cannot         []platform.Op      `json:"cannot,omitempty"`          // what its cluster cannot do
	At             time.Time          `json:"at,omitzero"`               // when the cluster was asked
	Untold         []string           `json:"untold,omitempty"`          // what the cluster did not answer about: "exceptions", "checkpoints", "load"

	Thrown []platform.Exception `json:"-"` // those that the cluster remembers, the newest first
}

// Jobs finds the job behind an alert. Lookup tries the id, then the name, in the named cluster, or in all for "" and
// for a cluster it does not know. It returns an error of kind NotFound when the clusters answered and none has it.
type Jobs interface {
	Lookup(ctx context.Context, cluster, jobID, jobName string) (JobFacts, error)
}

func (f *JobFacts) stateText() string {
	if f.Total > 0 && f.State == platform.Running && f.Running < f.Total {
		return fmt.Sprintf("%s, %d of %d tasks", f.State, f.Running, f.Total)
	}
	return string(f.State)
}

// can says whether a button for op can work: not what the cluster lacks, nor what needs a job that runs when it is over.
func (f *JobFacts) can(op platform.Op) bool {
	if slices.Contains(f.Cannot, op) {
		return false
	}
	return !f.State.Terminal() || op == platform.OpSubmitSQL
}

// same says whether the difference between two looks at a job is not worth an edit at once: checkpoints complete all the time, and
// load changes.
func (f *JobFacts) same(g *JobFacts) bool {
	if f == nil || g == nil {
		return f == g
	}
	still := func(f *JobFacts) string {
		return fmt.Sprint(f.Ref, f.ID, f.State, f.Running, f.Total, f.Restarts, f.RootCause, f.URL, f.Cannot, f.Untold, f.Checkpoints, f.Off,
			f.Checkpoint.IsZero(), f.Savepoint, f.Trend == "", f.Load == "")
	}
	return still(f) == still(g)
}

// keep takes over from an earlier look what the cluster did not answer about now.
func (f *JobFacts) keep(old *JobFacts) {
	if old == nil || old.ID != f.ID {
		return
	}
	for _, what := range f.Untold {
		switch what {
		case aboutExceptions:
			f.RootCause, f.RootAt = old.RootCause, old.RootAt
		case aboutCheckpoints:
			f.Checkpoints, f.Off, f.Trend, f.Retention = old.Checkpoints, old.Off, old.Trend, old.Retention
			f.Checkpoint, f.CheckpointSize, f.Savepoint = old.Checkpoint, old.CheckpointSize, old.Savepoint
		case aboutLoad:
			f.Load = old.Load
		}
	}
}
