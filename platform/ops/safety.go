package ops

import (
	"fmt"
	"strings"
	"time"

	"github.com/drey-ops/drey/platform"
)

// safety says how safe the state of a job is: the age of its last checkpoint and savepoint, and what the operation makes of
// that. cps is nil when the cluster does not tell.
func safety(st *state, live bool, cps *platform.Checkpoints, now time.Time) string {
	if st.Kind == KindSubmit {
		if st.Restore == "" {
			return "the job starts without state"
		}
		return "the job resumes from " + st.Restore
	}
	var parts []string
	var last time.Time
	if cps != nil && cps.Latest != nil {
		last = cps.Latest.At
		parts = append(parts, "last checkpoint "+ago(now.Sub(last)))
	} else if cps != nil {
		parts = append(parts, "no checkpoint completed")
	}
	if sp, ok := newestSavepoint(st.Known, cps); ok {
		parts = append(parts, "last savepoint "+ago(now.Sub(sp.At))+by(sp.By))
		if sp.At.After(last) {
			last = sp.At
		}
	} else {
		parts = append(parts, "no savepoint recorded")
	}
	return strings.Join(parts, ", ") + "; " + outlook(st, live, last, now)
}

// outlook says what is replayed or lost. last is the newest restore point, or zero.
func outlook(st *state, live bool, last, now time.Time) string {
	replay := "everything since is read again"
	if !last.IsZero() {
		replay = "about " + span(now.Sub(last)) + " are read again"
	}
	switch {
	case st.Kind == KindSavepoint:
		return "the job goes on while the savepoint is written"
	case st.Kind == KindStop:
		return "a savepoint is written first, so nothing is lost or read again"
	case st.Kind == KindScale && st.Way == inPlace:
		return "the scheduler restarts the job from its last checkpoint: " + replay
	case st.Kind == KindScale:
		return "the job is stopped with a savepoint and resumed from it, so nothing is lost or read again"
	case st.Asked.Fresh:
		return "it starts without state, which stays in the restore point it leaves"
	case st.Kind == KindRestart && st.Asked.Savepoint != "":
		return "it resumes from the given restore point: what came after that is read again"
	case st.Kind == KindRestart && live:
		return "it is stopped with a savepoint and resumed from it; if none can be had, " + replay
	case last.IsZero():
		return "no savepoint is written: the state of the job is lost"
	case st.Kind == KindCancel:
		return "no savepoint is written: after a restart " + replay
	}
	return "it resumes from the newest of them: " + replay
}

func newestSavepoint(k Known, cps *platform.Checkpoints) (SavepointRef, bool) {
	var best SavepointRef
	for _, s := range k.Savepoints {
		if s.Kind != ByCheckpoint && s.At.After(best.At) {
			best = s
		}
	}
	if cps != nil && cps.LatestSavepoint != nil && cps.LatestSavepoint.At.After(best.At.Add(clockSkew)) {
		best = SavepointRef{Path: cps.LatestSavepoint.Path, At: cps.LatestSavepoint.At}
	}
	return best, !best.At.IsZero()
}

func ago(d time.Duration) string { return span(d) + " ago" }

// span is a duration as one says it: "12 s", "3 min", "5 h", "2 days".
func span(d time.Duration) string {
	switch d = max(d, 0); {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}
