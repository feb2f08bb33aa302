package commands

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// safeFlink is a cluster with one job whose checkpoints it keeps.
func safeFlink() *fakeFlink {
	f := newFakeFlink(running(1, "orders"))
	now := time.Now()
	f.points = platform.Checkpoints{
		Completed: 3, InProgress: 1, Interval: time.Minute, Retention: platform.RetainOnCancellation,
		Latest:          &platform.Checkpoint{At: now.Add(-3 * time.Minute), Size: 3_140_000, Path: "s3://bucket/chk-3"},
		LatestSavepoint: &platform.Checkpoint{At: now.Add(-5 * time.Hour), Size: 2_900_000, Path: "s3://bucket/savepoint-0"},
		History:         []platform.Checkpoint{{ID: 4, Status: "IN_PROGRESS", At: now.Add(-20 * time.Second)}},
	}
	return f
}

func TestWhatStopsAJobAsksFirst(t *testing.T) {
	f := safeFlink()
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	facts := []string{"Last checkpoint 3 min ago (3.1 MB)", "a checkpoint is being written for 20 s", "last savepoint 5 h ago (2.9 MB)", "checkpoints are kept when the job is cancelled"}
	for line, want := range map[string][]string{
		"/flink stop orders":            {"Stop prod/orders?", "A savepoint is written first, so nothing is lost or read again."},
		"/flink stop orders drain=true": {"Drain and stop prod/orders?", "Draining emits the results of all open windows"},
		"/flink cancel orders":          {"Cancel prod/orders?", "No savepoint is written: after a restart about 3 min are read again.", "use /flink stop instead"},
	} {
		wants(t, r.says("olga", line), append(want, facts...)...)
	}
	wants(t, r.says("olga", "/flink stop nowhere"), "There is no job")
	if got := f.did(); len(got) > 0 {
		t.Fatalf("effects %v", got)
	}
	wants(t, r.says("olga", "/flink stop orders confirm=orders"), "Started") // said beforehand
	r.card("Stop with savepoint: prod/orders", "s3://bucket/savepoint-1")
	wants(t, r.says("olga", "/flink stop orders"), "has ended already")
	if got := f.did(); !slices.Equal(got, []string{"stop orders"}) {
		t.Errorf("effects %v", got)
	}
}

func TestASlowLookKeepsNobodyFromStopping(t *testing.T) {
	f := safeFlink()
	f.silent = []string{"checkpoints"}
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	wants(t, r.says("olga", "/flink stop orders"), "Stop prod/orders?", "A savepoint is written first", "The cluster did not say how old the last checkpoint is")
}

func TestAnAnswerCountsForItsQuestionAlone(t *testing.T) {
	f := safeFlink()
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	answer := func(typed string) bot.Message {
		t.Helper()
		call := CallOf("flink stop", stopArgs{Job: platform.JobRef{Cluster: "prod", Job: "orders"}})
		call.Args = withArg(call.Args, confirmKey, typed)
		ev := bot.Event{ID: "press-" + typed, Actor: web("olga"), Place: webOps(), Call: call, Button: "b"}
		return r.router.Handle(t.Context(), ev, nil)
	}
	now, run := time.Now(), f.jobs[0].ID
	wants(t, answer(writeAnswer(run, now.Add(-time.Hour))), "Stop prod/orders?", "You were asked 1 h 0 min ago. This is how it stands now.")
	wants(t, answer(writeAnswer("0123", now)), "Stop prod/orders?", "The job has been started anew since you were asked.")
	wants(t, answer("yes:nonsense"), "Stop prod/orders?")
	typed := r.says("olga", "/flink stop orders confirm="+writeAnswer(run, now))
	wants(t, typed, "Stop prod/orders?") // what is typed is no press
	if got := f.did(); len(got) > 0 {
		t.Fatalf("effects %v", got)
	}
	m := answer(writeAnswer(run, now))
	if wants(t, m, "Started"); !m.Instead {
		t.Error("the question stays")
	}
	eventually(t, "stopped", func() bool { return slices.Equal(f.did(), []string{"stop orders"}) })
	if m := answer(writeAnswer(run, now)); !strings.Contains(shown(m), "ended already") && !strings.Contains(shown(m), "Already under way") {
		t.Errorf("pressed again: %s", shown(m))
	}
}
