package ops

import (
	"time"

	"github.com/drey-ops/drey/platform"
)

// Standing is how a job stood at a look: what the cost of an operation rests on, for those who look again before they act.
type Standing struct {
	Run       platform.JobID     `json:"run,omitempty"`
	State     platform.JobState  `json:"state,omitempty"`
	Points    bool               `json:"points,omitempty"`    // that the cluster told of its checkpoints
	Point     time.Time          `json:"point,omitzero"`      // the newest checkpoint or savepoint
	Retention platform.Retention `json:"retention,omitempty"` // what becomes of its checkpoints when it ends
}

func (v *sight) standing() Standing {
	s := Standing{Run: v.st.Job, State: v.state, Points: v.cps != nil}
	if v.cps == nil {
		return s
	}
	s.Retention = v.cps.Retention
	for _, c := range []*platform.Checkpoint{v.cps.Latest, v.cps.LatestSavepoint} {
		if c != nil && c.At.After(s.Point) {
			s.Point = c.At
		}
	}
	return s
}
