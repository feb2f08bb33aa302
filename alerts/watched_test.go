package alerts

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/platform"
)

func seenRun(id, name string, st platform.JobState) platform.Job {
	return platform.Job{ID: platform.JobID(id), Name: name, State: st}
}

func looked(jobs ...platform.Job) sight {
	s := sight{jobs: map[platform.JobID]platform.Job{}, restarts: map[platform.JobID]int{}, points: map[platform.JobID]platform.Checkpoints{}, planned: map[platform.JobID]Planned{}}
	for _, j := range jobs {
		s.jobs[j.ID] = j
	}
	return s
}

// troubles lists what a cluster has, and what is over after the last look.
func (w *watched) troubles(over []ended) string {
	var out []string
	for _, j := range w.Jobs {
		for name := range j.Troubles {
			out = append(out, string(j.ID)+" "+strings.TrimPrefix(name, "FlinkJob"))
		}
	}
	for _, e := range over {
		for _, name := range e.troubles {
			out = append(out, string(e.job.ID)+" no longer "+strings.TrimPrefix(name, "FlinkJob"))
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func TestJobsThatEnd(t *testing.T) {
	live, failed, canceled, finished := seenRun("a", "orders", platform.Running), seenRun("a", "orders", platform.Failed), seenRun("a", "orders", platform.Canceled), seenRun("a", "orders", platform.Finished)
	next := seenRun("b", "orders", platform.Running)
	plan := func(s sight, p Planned) sight { s.planned["a"] = p; return s }
	for _, tt := range []struct {
		name  string
		looks []sight
		want  []string
	}{
		{"failed, and started again", []sight{looked(live), looked(failed), looked(failed), looked(failed, next)}, []string{"", "a Failed", "a Failed", "a no longer Failed"}},
		{"failed before drey looked", []sight{looked(failed), looked(failed)}, []string{"", ""}},
		{"failed and never ran", []sight{looked(seenRun("a", "orders", platform.Created)), looked(failed)}, []string{"", ""}},
		{"seen restarting, then failed", []sight{looked(seenRun("a", "orders", platform.Restarting)), looked(failed)}, []string{"", "a Failed"}},
		{"failed and then forgotten", []sight{looked(live), looked(failed), looked(), looked()}, []string{"", "a Failed", "a Failed", "a Failed"}},
		{"finished", []sight{looked(live), looked(finished), looked()}, []string{"", "", ""}},
		{"cancelled by hand", []sight{looked(live), looked(canceled), looked(canceled), looked(canceled, next)}, []string{"", "", "a Canceled", "a no longer Canceled"}},
		{"cancelled by hand and started at once", []sight{looked(live), looked(canceled), looked(canceled, next), looked(canceled, next)}, []string{"", "", "", ""}},
		{"being stopped by drey", []sight{looked(live), plan(looked(canceled), Planned{Live: true}), plan(looked(canceled), Planned{Live: true}), plan(looked(canceled), Planned{Ended: true}), looked()}, []string{"", "", "", "", ""}},
		{"failed while drey was about it", []sight{looked(live), plan(looked(failed), Planned{Live: true}), looked(failed)}, []string{"", "", "a Failed"}},
		{"vanished, and there again", []sight{looked(live, seenRun("c", "other", platform.Running)), looked(seenRun("c", "other", platform.Running)), looked(seenRun("c", "other", platform.Running)), looked(live)}, []string{"", "", "a Vanished", "a no longer Vanished"}},
		{"missing once", []sight{looked(live), looked(), looked(live)}, []string{"", "", ""}},
		{"a namesake goes on", []sight{looked(live, next), looked(failed, next)}, []string{"", "a Failed"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w watched
			now := newClock()
			var got []string
			for _, s := range tt.looks {
				got = append(got, w.troubles(w.see(s, Watch{}.withDefaults(), now.t)))
				now.pass(15 * time.Second)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestRestarts(t *testing.T) {
	for _, tt := range []struct {
		name   string
		counts string // one restart count a minute; -: not known; !: while drey works on the job
		want   string // from which look to which the trouble is there
	}{
		{"many before drey", "77777777", ""},
		{"two", "0012222222222222", ""},
		{"three in a row", "0123333333333333", "3-12"},
		{"slowly", "000011111122222233333344444", ""},
		{"again and again", "01234567898765", "3-9"},
		{"counted anew", "55550000", ""},
		{"by drey", "0001!2!3!33333", ""},
		{"not known for a while", "01--23333333333333", "5-14"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w watched
			now := newClock()
			from, to, i := -1, -1, 0
			for _, c := range strings.ReplaceAll(tt.counts, "!", "") {
				s := looked(seenRun("a", "orders", platform.Running))
				if c != '-' {
					s.restarts["a"] = int(c - '0')
				}
				s.planned["a"] = Planned{Live: strings.Contains(tt.counts, string(c)+"!")}
				w.see(s, Watch{}.withDefaults(), now.t)
				if len(w.Jobs["a"].Troubles) > 0 {
					if to = i; from < 0 {
						from = i
					}
				}
				i++
				now.pass(time.Minute)
			}
			got := ""
			if from >= 0 {
				got = fmt.Sprintf("%d-%d", from, to)
			}
			if got != tt.want {
				t.Errorf("trouble %q, want %q", got, tt.want)
			}
		})
	}
}

// What was wrong with a job is not over because the job is gone, and nothing is said to be well that is not.
func TestRestartsAndIsGone(t *testing.T) {
	live, failed, canceled, finished := seenRun("a", "orders", platform.Running), seenRun("a", "orders", platform.Failed), seenRun("a", "orders", platform.Canceled), seenRun("a", "orders", platform.Finished)
	plan := func(s sight, p Planned) sight { s.planned["a"] = p; return s }
	for _, tt := range []struct {
		name  string
		looks []sight
		want  []string // of each look, and what was said of what is over
	}{
		{"vanishes", []sight{looked(), looked()}, []string{"a Restarting", "a Vanished, a no longer Restarting: orders no longer runs"}},
		{"fails", []sight{looked(failed)}, []string{"a Failed, a no longer Restarting: orders no longer runs"}},
		{"finishes", []sight{looked(finished)}, []string{"a no longer Restarting: orders has finished"}},
		{"is missing once", []sight{looked(), looked(live)}, []string{"a Restarting", "a Restarting"}},
		{"is stopped by drey", []sight{plan(looked(canceled), Planned{Live: true}), plan(looked(canceled), Planned{Ended: true})}, []string{"a Restarting", "a no longer Restarting: orders was ended by an operation of drey's"}},
		{"is started anew", []sight{plan(looked(canceled), Planned{Live: true}), looked(canceled, seenRun("b", "orders", platform.Running))}, []string{"a Restarting", "a no longer Restarting: orders is well again"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w watched
			now := newClock()
			var got []string
			for n := range 4 {
				s := looked(live)
				s.restarts["a"] = n
				w.see(s, Watch{}.withDefaults(), now.t)
				now.pass(15 * time.Second)
			}
			for _, s := range tt.looks {
				over := w.see(s, Watch{}.withDefaults(), now.t)
				line := w.troubles(over)
				for _, e := range over {
					line += ": " + e.say
				}
				got = append(got, line)
				now.pass(15 * time.Second)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestNoCheckpoint(t *testing.T) {
	var w watched
	now := newClock()
	look := func(st platform.JobState, completed int, interval time.Duration) string {
		s := looked(seenRun("a", "orders", st))
		s.points["a"] = platform.Checkpoints{Completed: completed, Interval: interval}
		got := w.troubles(w.see(s, Watch{}.withDefaults(), now.t))
		now.pass(time.Minute)
		return got
	}
	var got []string
	for range 7 {
		got = append(got, look(platform.Running, 4, time.Minute))
	}
	got = append(got, look(platform.Running, 5, time.Minute))
	for range 7 {
		got = append(got, look(platform.Restarting, 5, time.Minute))
	}
	got = append(got, look(platform.Running, 5, 0))
	want := append(make([]string, 6), "a NoCheckpoint", "a no longer NoCheckpoint")
	if d := cmp.Diff(append(want, make([]string, 8)...), got); d != "" {
		t.Error(d)
	}
}

// A cluster that loses all its jobs at once has one trouble, until the last of them runs again.
func TestClusterLosesAll(t *testing.T) {
	var w watched
	now := newClock()
	see := func(jobs ...platform.Job) string {
		w.see(looked(jobs...), Watch{}.withDefaults(), now.t)
		now.pass(15 * time.Second)
		return listed(w.grouped())
	}
	a, b := seenRun("a", "orders", platform.Running), seenRun("b", "late", platform.Running)
	got := []string{see(a, b), see(), see(), see(seenRun("c", "orders", platform.Running)), see(seenRun("c", "orders", platform.Running), seenRun("d", "late", platform.Running))}
	if d := cmp.Diff([]string{"", "", "late, orders", "late", ""}, got); d != "" {
		t.Error(d)
	}
}

// After a long time away drey cannot know how the missing jobs ended.
func TestLongAway(t *testing.T) {
	var w watched
	now := newClock()
	w.see(looked(seenRun("a", "orders", platform.Running)), Watch{}.withDefaults(), now.t)
	now.pass(2 * time.Hour)
	for range 3 {
		if got := w.troubles(w.see(looked(), Watch{}.withDefaults(), now.t)); got != "" || len(w.Jobs) != 0 {
			t.Error(got)
		}
		now.pass(15 * time.Second)
	}
}

func TestGivesUp(t *testing.T) {
	var w watched
	now := newClock()
	w.see(looked(seenRun("a", "orders", platform.Running)), Watch{}.withDefaults(), now.t)
	w.see(looked(seenRun("a", "orders", platform.Failed)), Watch{}.withDefaults(), now.t)
	now.pass(watchPatience + time.Second)
	over := w.see(looked(), Watch{}.withDefaults(), now.t)
	if len(over) != 1 || !over[0].gaveUp || len(w.Jobs) != 0 {
		t.Errorf("%+v", over)
	}
}
