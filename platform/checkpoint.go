package platform

import (
	"context"
	"time"
)

// Checkpoint is one checkpoint or savepoint of a job.
type Checkpoint struct {
	ID        int64
	Status    string // COMPLETED, FAILED, IN_PROGRESS
	Savepoint bool
	At        time.Time // triggered
	Duration  time.Duration
	Size      int64  // bytes
	Path      string // usable for a restore, where retained
	Failure   string
}

// Retention says what becomes of a job's checkpoints when it ends; empty: not known.
type Retention string

// The retentions, as Flink's configuration names them.
const (
	RetainOnCancellation Retention = "RETAIN_ON_CANCELLATION"
	DeleteOnCancellation Retention = "DELETE_ON_CANCELLATION"      // kept only when the job fails
	NoRetention          Retention = "NO_EXTERNALIZED_CHECKPOINTS" // deleted however the job ends
)

// Checkpoints is a job's recent checkpoint history.
type Checkpoints struct {
	Completed, Failed, InProgress int
	Interval, Timeout             time.Duration
	Retention                     Retention
	Latest                        *Checkpoint // newest completed one, savepoints not counted
	LatestSavepoint               *Checkpoint
	History                       []Checkpoint // the newest first
}

// CheckpointReader reads the checkpoint history.
type CheckpointReader interface {
	Checkpoints(ctx context.Context, id JobID) (Checkpoints, error)
}
