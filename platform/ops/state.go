package ops

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"time"

	"github.com/drey-ops/drey/platform"
)

// way is which of its ways a procedure takes; it is chosen by Check, with what the cluster said then.
type way string

const (
	inPlace  way = "in-place"  // scale: the scheduler does it
	resubmit way = "resubmit"  // stop with savepoint, submit again
	noStop   way = "no-stop"   // restart: there is nothing to stop
	byCancel way = "by-cancel" // restart: no savepoint can be had, resume from an older restore point
)

// state is what every procedure keeps between its steps. It is stored as JSON: fields are only ever added.
type state struct {
	Key    string         `json:"key"` // Origin.Key
	Kind   Kind           `json:"kind"`
	By     string         `json:"by,omitempty"`
	Known  Known          `json:"known"`
	Job    platform.JobID `json:"job,omitempty"` // the run of the job that the operation began with
	Way    way            `json:"way,omitempty"`
	Asked  asked          `json:"asked,omitzero"`
	Safety string         `json:"safety,omitempty"`

	Trigger change `json:"trigger,omitzero"` // of a savepoint, a stop or a rescale in place
	End     change `json:"end,omitzero"`     // of a cancel
	New     change `json:"new,omitzero"`     // of a submission
	Back    change `json:"back,omitzero"`    // of the submission that rolls back

	Was     int    `json:"was,omitempty"`     // parallelism before a scale
	Restore string `json:"restore,omitempty"` // where New resumes from
	Down    int    `json:"down,omitempty"`    // looks in a row at a cluster that did not answer

	Trail   []string `json:"trail,omitempty"`   // steps that came to an outcome
	Broke   string   `json:"broke,omitempty"`   // the step that made a scale turn back
	Trouble string   `json:"trouble,omitempty"` // why it turned back
	Turned  bool     `json:"turned,omitempty"`  // it turned back because a person asked to
	Failure string   `json:"failure,omitempty"` // why the operation failed
	Result  Result   `json:"result,omitzero"`
}

// asked is what the person asked for.
type asked struct {
	Canonical   bool   `json:"canonical,omitempty"`
	Drain       bool   `json:"drain,omitempty"`
	Fresh       bool   `json:"fresh,omitempty"`
	Savepoint   string `json:"savepoint,omitempty"`
	Parallelism int    `json:"parallelism,omitempty"`
	Vertex      string `json:"vertex,omitempty"`
}

// change is one effect on the cluster: its id is committed before it is begun.
type change struct {
	ID     string           `json:"id,omitempty"`
	Job    platform.JobID   `json:"job,omitempty"` // of a submission
	At     time.Time        `json:"at,omitzero"`   // when the id was minted
	Ticket *platform.Ticket `json:"ticket,omitempty"`
	Tries  int              `json:"tries,omitempty"`
	Done   bool             `json:"done,omitempty"`
	Down   bool             `json:"down,omitempty"`  // the job was being restarted at the last look
	Falls  int              `json:"falls,omitempty"` // how often it was seen to fall
}

const (
	pastMax       = 20
	savepointsMax = 50
)

// point records a place to restore from, once.
func (k *Known) point(ref SavepointRef) {
	same := func(s SavepointRef) bool { return s.Path == ref.Path }
	if ref.Path == "" || slices.ContainsFunc(k.Savepoints, same) {
		return
	}
	if ref.Kind == ByCheckpoint { // Flink deletes a run's older checkpoint when a newer one is complete
		k.Savepoints = slices.DeleteFunc(k.Savepoints, func(s SavepointRef) bool { return s.Kind == ByCheckpoint && s.JobID == ref.JobID })
	}
	i := len(k.Savepoints) // kept in order of time: a checkpoint may be older than a savepoint already known
	for i > 0 && k.Savepoints[i-1].At.After(ref.At) {
		i--
	}
	k.Savepoints = slices.Insert(k.Savepoints, i, ref)
	if n := len(k.Savepoints); n > savepointsMax {
		k.Savepoints = slices.Delete(k.Savepoints, 0, n-savepointsMax)
	}
}

// began notes that the job now lives under id.
func (k *Known) began(id platform.JobID, at time.Time) {
	if k.Current == id {
		return
	}
	k.Current, k.Since = id, at
}

// ended notes that the run under id is over.
func (k *Known) ended(id platform.JobID, at time.Time, why string) {
	if id == "" || slices.ContainsFunc(k.Past, func(r Run) bool { return r.JobID == id }) {
		return
	}
	run := Run{JobID: id, End: at, Why: why}
	if k.Current == id {
		run.Start, k.Current, k.Since = k.Since, "", time.Time{}
	}
	k.Past = append(k.Past, run)
	if n := len(k.Past); n > pastMax {
		k.Past = slices.Delete(k.Past, 0, n-pastMax)
	}
}

// owns says whether id is or was a run of this job.
func (k *Known) owns(id platform.JobID) bool {
	return k.Current == id || slices.ContainsFunc(k.Past, func(r Run) bool { return r.JobID == id })
}

// mint makes the id of an effect: 32 hex digits, as Flink wants its trigger and job ids.
func mint() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b[:])
}

// change turns a source into the submission of one run.
func (s *Source) change(name string, id platform.JobID, parallelism int, restore string) platform.Change {
	if s.Jar != nil {
		return platform.SubmitJar{JobID: id, Jar: s.Jar.Jar, EntryClass: s.Jar.EntryClass, Args: s.Jar.Args,
			Parallelism: parallelism, Savepoint: restore, Config: retaining(s.Jar.Config)}
	}
	return platform.SubmitSQL{JobID: id, Name: name, Prelude: s.SQL.Prelude, Statement: s.SQL.Statement,
		Parallelism: parallelism, Savepoint: restore, Config: retaining(s.SQL.Config)}
}

func (s *Source) config() map[string]string {
	if s.Jar != nil {
		return s.Jar.Config
	}
	return s.SQL.Config
}

const retention = "execution.checkpointing.externalized-checkpoint-retention"

// retaining makes Flink keep the last checkpoint of a cancelled job, unless the source says otherwise. Without that, a
// failing job could not be restarted: no savepoint can be had of it, and cancelling it would delete the rest.
func retaining(config map[string]string) map[string]string {
	out := map[string]string{retention: "RETAIN_ON_CANCELLATION"}
	for k, v := range config {
		out[k] = v
	}
	return out
}

// retains says whether cancelling the job leaves its last checkpoint.
func (s *Source) retains() bool { return retaining(s.config())[retention] == "RETAIN_ON_CANCELLATION" }
