package alerts

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/platform"
)

// Planned says what drey's own operations have to do with a run of a job.
type Planned struct {
	Live  bool // one is at work on the job
	Ended bool // one ended this run
}

// The troubles that the watcher knows, by the names of their alerts.
const (
	troubleFailed     = "FlinkJobFailed"
	troubleCanceled   = "FlinkJobCanceled"
	troubleVanished   = "FlinkJobVanished"
	troubleRestarting = "FlinkJobRestarting"
	troubleNoPoint    = "FlinkJobNoCheckpoint"
	troubleNoMetrics  = "FlinkJobNoMetrics"
	troubleSilent     = "FlinkClusterSilent"
	troubleLost       = "FlinkClusterLostJobs"
)

const (
	// watchFresh is how old the last look may be for a missing job to count as vanished: Flink forgets an ended job after an
	// hour.
	watchFresh = 30 * time.Minute
	// watchPatience is how long drey waits for a job that ended to run again.
	watchPatience = 24 * time.Hour
	// pointFloor is how long without a checkpoint is never too long.
	pointFloor = time.Minute
	// metricsFloor is how long a running job may tell no metrics.
	metricsFloor = 5 * time.Minute
)

// watched is what the watcher remembers of a cluster.
type watched struct {
	Cluster string                         `json:"cluster"`
	At      time.Time                      `json:"at"`              // of the last look
	Silent  time.Time                      `json:"silent,omitzero"` // since when none is
	Told    bool                           `json:"told,omitempty"`  // that it is silent
	Lost    bool                           `json:"lost,omitempty"`  // the same, that it lost its jobs
	Jobs    map[platform.JobID]*watchedJob `json:"jobs,omitempty"`
}

// watchedJob is one run of a job. It is remembered until it ended as planned, or is well again under any id.
type watchedJob struct {
	ID       platform.JobID     `json:"id"`
	Name     string             `json:"name"`
	State    platform.JobState  `json:"state"`
	Ran      bool               `json:"ran,omitempty"` // it was seen running
	First    time.Time          `json:"first"`         // when drey saw it first, and last alive
	Seen     time.Time          `json:"seen"`
	Off      time.Time          `json:"off,omitzero"` // since when it is missing or cancelled
	Restarts []tally            `json:"restarts,omitempty"`
	Points   int                `json:"points,omitempty"` // completed checkpoints, and since when so many
	PointAt  time.Time          `json:"point_at,omitzero"`
	Interval time.Duration      `json:"interval,omitempty"` // between checkpoints
	ReadAt   time.Time          `json:"read_at,omitzero"`   // when the checkpoints were read
	Mute     time.Time          `json:"mute,omitzero"`      // since when it runs and tells no metrics
	Troubles map[string]trouble `json:"troubles,omitempty"` // by name
	Grouped  bool               `json:"grouped,omitempty"`  // told as one of those that its cluster lost
	Own      bool               `json:"own,omitempty"`      // told in an incident of drey's own
}

// tally is how often a job had restarted from a time on.
type tally struct {
	At time.Time `json:"at"`
	N  int       `json:"n"`
}

type trouble struct {
	Since time.Time `json:"since"`
	Say   string    `json:"say"`
}

// sight is one answered look at a cluster.
type sight struct {
	jobs     map[platform.JobID]platform.Job
	restarts map[platform.JobID]int
	mute     map[platform.JobID]bool // asked for metrics, their clusters have none
	points   map[platform.JobID]platform.Checkpoints
	planned  map[platform.JobID]Planned
}

// names are those of the jobs.
func (s sight) names() map[platform.JobID]string {
	out := map[platform.JobID]string{}
	for id, j := range s.jobs {
		out[id] = j.Name
	}
	return out
}

// ended are the troubles of a job that are over.
type ended struct {
	job      watchedJob
	troubles []string
	say      string // how it stands with the job
	gaveUp   bool   // nobody started it again for so long that drey stops waiting
}

// see takes one look in, and returns what is over.
func (w *watched) see(s sight, o Watch, now time.Time) []ended {
	stale := now.Sub(w.At) > watchFresh
	w.At, w.Silent = now, time.Time{}
	if w.Jobs == nil {
		w.Jobs = map[platform.JobID]*watchedJob{}
	}
	for id, j := range s.jobs {
		if w.Jobs[id] == nil && !j.State.Terminal() {
			w.Jobs[id] = &watchedJob{ID: id, Name: j.Name, First: now}
		}
	}
	var out []ended
	for _, id := range slices.Sorted(maps.Keys(w.Jobs)) {
		j := w.Jobs[id]
		before := slices.Sorted(maps.Keys(j.Troubles))
		replaced := w.replaced(s, j)
		keep := j.see(s, o, now, stale, replaced)
		gaveUp := keep && len(j.Troubles) > 0 && !j.Off.IsZero() && now.Sub(j.Off) > watchPatience
		if !keep || gaveUp {
			delete(w.Jobs, id)
			j.Troubles = nil
		}
		over := slices.DeleteFunc(before, func(name string) bool { _, still := j.Troubles[name]; return still })
		if len(over) > 0 {
			out = append(out, ended{*j, over, j.outcome(s, keep || replaced, gaveUp), gaveUp})
		}
	}
	w.group()
	return out
}

// outcome says how it stands with a job of which a trouble is over. goes: drey goes on looking at it, or at another run of it.
func (j *watchedJob) outcome(s sight, goes, gaveUp bool) string {
	_, there := s.jobs[j.ID]
	switch {
	case gaveUp:
		return j.Name + " was not started again"
	case !goes && s.jobs[j.ID].State == platform.Finished:
		return j.Name + " has finished"
	case !goes && s.planned[j.ID].Ended:
		return j.Name + " was ended by an operation of drey's"
	case !goes && !there:
		return j.Name + " was gone when drey looked again"
	case len(j.Troubles) > 0 && j.down():
		return j.Name + " no longer runs"
	}
	return j.Name + " is well again"
}

// see takes in what a look says about one job. It returns false when there is nothing to remember any more.
func (j *watchedJob) see(s sight, o Watch, now time.Time, stale, replaced bool) bool {
	job, there := s.jobs[j.ID]
	if there && !job.State.Terminal() {
		j.State, j.Seen, j.Off, j.Grouped = job.State, now, time.Time{}, false
		j.Ran = j.Ran || job.State == platform.Running || job.State == platform.Restarting
		j.clear(troubleVanished, troubleFailed, troubleCanceled)
		j.countRestarts(s, o, now)
		j.hearMetrics(s, now)
		j.countPoints(s, o, now)
		return true
	}
	j.Mute = time.Time{}
	switch {
	case replaced || !j.Ran || there && job.State == platform.Finished:
		return false
	case s.planned[j.ID].Live:
		return true // judged when the operation is over
	case s.planned[j.ID].Ended || !there && stale && !j.down():
		return false
	}
	first := j.Off.IsZero()
	if first {
		j.Off = now
	}
	switch {
	case j.down():
	case there && job.State == platform.Failed:
		j.State = job.State
		j.trouble(troubleFailed, now, "%s failed", j.Name)
	case first: // a job cancelled by hand is often about to be started again, and a JobManager that has just started finds its jobs
		return true // what was wrong before is not over for that
	case there:
		j.State = job.State
		j.trouble(troubleCanceled, now, "%s was cancelled, and not by drey", j.Name)
	default:
		j.trouble(troubleVanished, now, "%s has vanished: its cluster no longer knows it", j.Name)
	}
	j.clear(troubleRestarting, troubleNoPoint, troubleNoMetrics) // now it is told as what it has come to
	return true
}

// down says whether it is told that the job does not run.
func (j *watchedJob) down() bool {
	return slices.ContainsFunc([]string{troubleFailed, troubleCanceled, troubleVanished}, func(name string) bool { _, is := j.Troubles[name]; return is })
}

// replaced says whether a job of the same name runs in place of j: one that drey saw first when j was no longer alive, or any
// where somebody cancelled j.
func (w *watched) replaced(s sight, j *watchedJob) bool {
	canceled := s.jobs[j.ID].State == platform.Canceled
	for id, other := range s.jobs {
		if id != j.ID && other.Name == j.Name && other.State == platform.Running && (canceled || w.Jobs[id] != nil && w.Jobs[id].First.After(j.Seen)) {
			return true
		}
	}
	return false
}

// trouble notes one, unless it is known: its words stay, or the head of its incident would be edited at every look.
func (j *watchedJob) trouble(name string, now time.Time, format string, args ...any) {
	if j.Troubles == nil {
		j.Troubles = map[string]trouble{}
	}
	if _, known := j.Troubles[name]; !known {
		j.Troubles[name] = trouble{now, fmt.Sprintf(format, args...)}
	}
}

func (j *watchedJob) clear(names ...string) {
	for _, n := range names {
		delete(j.Troubles, n)
	}
}

// countRestarts compares the number of restarts with that of a while ago. The trouble is over when there was none for as long.
func (j *watchedJob) countRestarts(s sight, o Watch, now time.Time) {
	n, known := s.restarts[j.ID]
	if !known {
		return
	}
	last := len(j.Restarts) - 1
	// A JobManager counts anew when it starts, and an older Flink counts a rescale, which drey may be about.
	if last < 0 || n < j.Restarts[last].N || n > j.Restarts[last].N && s.planned[j.ID].Live {
		j.Restarts = []tally{{now, n}}
	} else if n > j.Restarts[last].N {
		j.Restarts = append(j.Restarts, tally{now, n})
	}
	for len(j.Restarts) > 1 && now.Sub(j.Restarts[1].At) >= o.RestartsWithin {
		j.Restarts = j.Restarts[1:]
	}
	// Of a job that restarts all the time no more is needed than what makes it a trouble.
	if most := o.Restarts + 2; len(j.Restarts) > most {
		j.Restarts = append(j.Restarts[:1:1], j.Restarts[len(j.Restarts)-most+1:]...)
	}
	switch more := n - j.Restarts[0].N; {
	case more >= o.Restarts:
		j.trouble(troubleRestarting, now, "%s restarts again and again: %d times in %s", j.Name, more, span(o.RestartsWithin))
	case more == 0:
		j.clear(troubleRestarting)
	}
}

// hearMetrics notes since when a running job tells no metrics: nothing that Prometheus watches would alarm then.
func (j *watchedJob) hearMetrics(s sight, now time.Time) {
	switch {
	case !s.mute[j.ID] || j.State != platform.Running:
		j.Mute = time.Time{}
		j.clear(troubleNoMetrics)
	case j.Mute.IsZero():
		j.Mute = now
	case now.Sub(j.Mute) >= metricsFloor:
		j.trouble(troubleNoMetrics, now, "%s runs and has told no metrics for %s: rules that look at them see nothing", j.Name, span(now.Sub(j.Mute)))
	}
}

// countPoints notes when a checkpoint completed, by drey's own clock: that of the cluster may differ.
func (j *watchedJob) countPoints(s sight, o Watch, now time.Time) {
	if cps, read := s.points[j.ID]; read {
		if cps.Completed != j.Points || j.PointAt.IsZero() {
			j.Points, j.PointAt = cps.Completed, now
		}
		j.Interval, j.ReadAt = cps.Interval, now
	}
	if j.State != platform.Running { // a job that starts anew has its time again
		j.PointAt = now
		return
	}
	limit := max(time.Duration(o.Checkpoints)*j.Interval, pointFloor)
	switch without := now.Sub(j.PointAt); {
	case j.Interval == 0 || j.PointAt.IsZero() || without <= limit && j.ReadAt.Equal(now):
		j.clear(troubleNoPoint)
	case without > limit && j.ReadAt.Equal(now):
		j.trouble(troubleNoPoint, now, "%s has completed no checkpoint for %s; it should every %s", j.Name, span(without), span(j.Interval))
	}
}

// pointsDue says whether the checkpoints are to be read again.
func (j *watchedJob) pointsDue(now time.Time) bool {
	pause := time.Minute
	if j.Interval > 0 {
		pause = min(pause, j.Interval/2)
	}
	return j.State == platform.Running && now.Sub(j.ReadAt) >= pause
}

// group makes one trouble of a cluster of the jobs that it lost all at once, as in a restart of its JobManager.
func (w *watched) group() {
	var lost []*watchedJob
	left := 0
	for _, j := range w.Jobs {
		_, vanished := j.Troubles[troubleVanished]
		switch {
		case vanished:
			lost = append(lost, j)
		case j.Ran && j.Off.IsZero():
			left++
		}
	}
	fresh := slices.ContainsFunc(lost, func(j *watchedJob) bool { return !j.Own && !j.Grouped })
	if fresh && len(lost) > 1 && left == 0 {
		for _, j := range lost {
			j.Grouped = j.Grouped || !j.Own
		}
	}
}

// grouped are the jobs that the cluster lost all at once.
func (w *watched) grouped() []*watchedJob {
	var out []*watchedJob
	for _, j := range w.Jobs {
		if j.Grouped {
			out = append(out, j)
		}
	}
	slices.SortFunc(out, func(a, b *watchedJob) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(string(a.ID), string(b.ID)))
	})
	return out
}

// maxListed bounds the jobs that a cluster's incident names.
const maxListed = 20

// listed names jobs, bounded.
func listed(jobs []*watchedJob) string {
	var names []string
	for _, j := range jobs {
		names = append(names, clip(j.Name, 80))
	}
	slices.Sort(names)
	if n := len(names) - maxListed; n > 0 {
		names = append(names[:maxListed], fmt.Sprintf("%d more", n))
	}
	return strings.Join(names, ", ")
}
