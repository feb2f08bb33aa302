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
	Ref         platform.JobRef   `json:"ref"` // names it for commands
	ID          platform.JobID    `json:"id"`
	State       platform.JobState `json:"state"`
	Running     int               `json:"running"` // tasks
	Total       int               `json:"total"`
	Restarts    int               `json:"restarts"` // -1: not known
	RootCause   string            `json:"root,omitempty"`
	Checkpoints bool              `json:"has_checkpoints,omitempty"` // that it is known whether there are any
	Checkpoint  time.Time         `json:"checkpoint,omitzero"`       // the newest completed one
	URL         string            `json:"url,omitempty"`             // for people
	Cannot      []platform.Op     `json:"cannot,omitempty"`          // what its cluster cannot do
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

// same says whether the difference between two looks at a job is not worth an edit at once: checkpoints complete
// all the time.
func (f *JobFacts) same(g *JobFacts) bool {
	if f == nil || g == nil {
		return f == g
	}
	a, b := *f, *g
	a.Checkpoint, b.Checkpoint = time.Time{}, time.Time{}
	a.Cannot, b.Cannot = nil, nil
	return fmt.Sprint(a) == fmt.Sprint(b) && slices.Equal(f.Cannot, g.Cannot)
}
