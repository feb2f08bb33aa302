package ops

import (
	"fmt"
	"strings"
	"time"

	"github.com/drey-ops/drey/platform"
)

// safety is how safe the state of a job is before an operation, and what the operation makes of that.
type safety struct {
	facts   []string // "last checkpoint 12 s ago (3.1 MB)"
	outlook string   // "a savepoint is written first, so nothing is lost or read again"
}

func (s safety) String() string {
	if len(s.facts) == 0 {
		return s.outlook
	}
	return strings.Join(s.facts, ", ") + "; " + s.outlook
}

// safetyOf judges what is known of a job. cps is nil when the cluster does not tell.
func safetyOf(st *state, live bool, cps *platform.Checkpoints, now time.Time) safety {
	if st.Kind == KindSubmit {
		if st.Restore == "" {
			return safety{outlook: "the job starts without state"}
		}
		return safety{outlook: "the job resumes from " + st.Restore}
	}
	var s safety
	fact := func(format string, args ...any) { s.facts = append(s.facts, fmt.Sprintf(format, args...)) }
	var at points
	switch {
	case cps != nil && cps.Latest != nil:
		at.checkpoint, at.newest = cps.Latest.At, cps.Latest.At
		if cps.Retention == "" || cps.Retention == platform.RetainOnCancellation {
			at.kept = cps.Latest.At
		}
		fact("last checkpoint %s (%s)", ago(now.Sub(at.checkpoint)), size(cps.Latest.Size))
	case cps != nil:
		fact("no checkpoint completed")
	case live:
		at.unknown = true
		fact("the cluster did not say how old the last checkpoint is")
	}
	if cps != nil && live {
		s.facts = append(s.facts, underWay(cps, now)...)
	}
	if sp, ok := newestSavepoint(st.Known, cps); ok {
		told := ""
		if sp.Size > 0 {
			told = " (" + size(sp.Size) + ")"
		}
		fact("last savepoint %s%s%s", ago(now.Sub(sp.At)), by(sp.By), told)
		at.newest, at.kept = latest(at.newest, sp.At), latest(at.kept, sp.At)
	} else {
		fact("no savepoint recorded")
	}
	if cps != nil && live {
		s.facts = append(s.facts, kept(cps)...)
	}
	s.outlook = outlook(st, live, at, now)
	return s
}

// points are the times of the restore points there are; zero for none.
type points struct {
	checkpoint time.Time // the newest checkpoint: a restart by the scheduler goes by it, and by no savepoint
	newest     time.Time // of both
	kept       time.Time // the newest that is left when the job is cancelled
	unknown    bool      // the cluster did not tell of its checkpoints
}

// underWay tells of a checkpoint or savepoint that is being written.
func underWay(cps *platform.Checkpoints, now time.Time) []string {
	for _, c := range cps.History {
		if c.Status == "IN_PROGRESS" {
			what := "a checkpoint"
			if c.Savepoint {
				what = "a savepoint"
			}
			return []string{fmt.Sprintf("%s is being written for %s", what, span(now.Sub(c.At)))}
		}
	}
	return nil
}

// kept says whether cancelling the job would leave its checkpoints.
func kept(cps *platform.Checkpoints) []string {
	switch cps.Retention {
	case platform.RetainOnCancellation:
		return []string{"checkpoints are kept when the job is cancelled"}
	case platform.DeleteOnCancellation:
		return []string{"checkpoints are deleted when the job is cancelled"}
	case platform.NoRetention:
		return []string{"checkpoints are deleted when the job ends"}
	}
	return nil
}

// outlook says what is replayed or lost.
func outlook(st *state, live bool, at points, now time.Time) string {
	switch {
	case st.Kind == KindSavepoint:
		return "the job goes on while the savepoint is written"
	case st.Kind == KindStop:
		return "a savepoint is written first, so nothing is lost or read again"
	case st.Kind == KindScale && st.Way == inPlace:
		return "the scheduler restarts the job from its last checkpoint: " + at.replayed(at.checkpoint, now)
	case st.Kind == KindScale:
		return "the job is stopped with a savepoint and resumed from it, so nothing is lost or read again"
	case st.Asked.Fresh:
		return "it starts without state, which stays in the restore point it leaves"
	case st.Kind == KindRestart && st.Asked.Savepoint != "":
		return "it resumes from the given restore point: what came after that is read again"
	case st.Kind == KindRestart && live && at.kept.IsZero() && !at.unknown:
		return "it is stopped with a savepoint and resumed from it; if none can be had, it is left as it is"
	case st.Kind == KindRestart && live:
		return "it is stopped with a savepoint and resumed from it; if none can be had, " + at.replayed(at.kept, now)
	case st.Kind == KindCancel && at.unknown:
		return "no savepoint is written: after a restart " + at.replayed(at.kept, now)
	case st.Kind == KindCancel && !at.newest.IsZero() && at.kept.IsZero():
		return "no savepoint is written, and the checkpoints are deleted with the job: its state is lost"
	case at.newest.IsZero():
		return "no savepoint is written: the state of the job is lost"
	case st.Kind == KindCancel:
		return "no savepoint is written: after a restart " + at.replayed(at.kept, now)
	}
	return "it resumes from the newest of them: " + at.replayed(at.newest, now)
}

// replayed says how much comes again after a restart from a restore point of that time.
func (at points) replayed(from, now time.Time) string {
	d := now.Sub(from)
	switch {
	case at.unknown:
		return "how much is read again depends on the age of the last checkpoint"
	case from.IsZero():
		return "everything since its start is read again"
	case d < 2*time.Second:
		return "hardly anything is read again"
	}
	return "about " + span(d) + " are read again"
}

func newestSavepoint(k Known, cps *platform.Checkpoints) (SavepointRef, bool) {
	var best SavepointRef
	for _, s := range k.Savepoints {
		if s.Kind != ByCheckpoint && s.At.After(best.At) {
			best = s
		}
	}
	if cps == nil || cps.LatestSavepoint == nil {
		return best, !best.At.IsZero()
	}
	sp := cps.LatestSavepoint
	switch {
	case best.Path != "" && best.Path == sp.Path:
		best.Size = sp.Size
	case sp.At.After(best.At.Add(clockSkew)):
		best = SavepointRef{Path: sp.Path, At: sp.At, Size: sp.Size}
	}
	return best, !best.At.IsZero()
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// size is a number of bytes as one says it: "3.1 MB".
func size(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	f, unit := float64(n), ""
	for _, unit = range []string{"kB", "MB", "GB", "TB"} {
		if f /= 1000; f < 1000 {
			break
		}
	}
	return fmt.Sprintf("%.1f %s", f, unit)
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
