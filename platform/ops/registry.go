package ops

import (
	"time"

	"github.com/drey-ops/drey/platform"
)

// Known is what drey knows of a job whatever its present Flink job id is. A job that drey did not submit is adopted by the
// first operation on it, and has no Source.
type Known struct {
	Key         string         `json:"key"` // root of everything stored about the job
	Cluster     string         `json:"cluster"`
	Name        string         `json:"name"`
	Source      *Source        `json:"source,omitempty"`
	Current     platform.JobID `json:"current,omitempty"`    // empty: not running, as far as drey knows
	Since       time.Time      `json:"since,omitzero"`       // when Current began, or was first seen
	Past        []Run          `json:"past,omitempty"`       // the newest last, at most 20
	Savepoints  []SavepointRef `json:"savepoints,omitempty"` // the newest last, at most 50
	Owner       string         `json:"owner,omitempty"`      // who submitted it
	Parallelism int            `json:"parallelism,omitempty"`
	UpdatedAt   time.Time      `json:"updated_at"`
}

// Newest returns the newest restore point that drey recorded.
func (k Known) Newest() (SavepointRef, bool) {
	if len(k.Savepoints) == 0 {
		return SavepointRef{}, false
	}
	return k.Savepoints[len(k.Savepoints)-1], true
}

// Source is how a job was submitted: one of the two is set. What people wrote into it (statements, values of the
// configuration, arguments) stands here as storage.DB.SealText makes it.
type Source struct {
	SQL *SQLSource `json:"sql,omitempty"`
	Jar *JarSource `json:"jar,omitempty"`
}

// SQLSource is a job made of SQL.
type SQLSource struct {
	Prelude   []string          `json:"prelude,omitempty"`
	Statement string            `json:"statement"`
	Config    map[string]string `json:"config,omitempty"`
}

// JarSource is a job made of a program.
type JarSource struct {
	Jar        string            `json:"jar"`
	EntryClass string            `json:"entry_class,omitempty"`
	Args       []string          `json:"args,omitempty"`
	Config     map[string]string `json:"config,omitempty"`
}

// WithoutDrey is the Why of a Run that no operation of drey's ended.
const WithoutDrey = "ended without drey"

// Run is one past life of a job under one Flink job id.
type Run struct {
	JobID platform.JobID `json:"job_id"`
	Start time.Time      `json:"start,omitzero"`
	End   time.Time      `json:"end"`
	Why   string         `json:"why"` // "stopped by olga"
}

// RestoreKind says what a restore point is.
type RestoreKind string

// The kinds of restore point.
const (
	BySavepoint  RestoreKind = "savepoint"
	ByStop       RestoreKind = "stop" // the savepoint that a job was stopped with
	ByCheckpoint RestoreKind = "checkpoint"
)

// SavepointRef is a place to restore a job from.
type SavepointRef struct {
	Path  string         `json:"path"`
	At    time.Time      `json:"at"`
	JobID platform.JobID `json:"job_id"`
	By    string         `json:"by,omitempty"`
	Size  int64          `json:"size,omitempty"` // bytes, where the cluster told
	Kind  RestoreKind    `json:"kind"`
}
