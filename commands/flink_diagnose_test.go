package commands

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

func TestDiagnosisNamesTheCauseFirst(t *testing.T) {
	now := time.Now()
	boom := platform.Exception{At: now.Add(-time.Minute), Root: "java.lang.NumberFormatException: For input string: 'boom'"}
	expired := platform.Checkpoint{Status: "FAILED", At: now, Failure: "Checkpoint expired before completing."}
	good := func(ago, took time.Duration, bytes int64) platform.Checkpoint {
		return platform.Checkpoint{Status: "COMPLETED", At: now.Add(-ago), Duration: took, Size: bytes}
	}
	slow := running(1, "orders")
	slow.Vertices = []platform.Vertex{
		{Name: "Source", Parallelism: 2, Backpressured: 1, Busy: math.NaN()}, {Name: "Agg", Parallelism: 2, Backpressured: 0.9, Busy: 0.1},
		{Name: "Slow calc", Parallelism: 2, Backpressured: 0, Busy: 1},
	}
	falls := running(1, "orders")
	falls.State, falls.Restarts, falls.Tasks.Running = platform.Restarting, 7, 0
	waits := running(1, "orders")
	waits.State, waits.Tasks, waits.Parallelism = platform.Created, platform.Tasks{}, 12
	for name, tc := range map[string]struct {
		job  platform.Job
		exs  []platform.Exception
		cps  platform.Checkpoints
		want []string
	}{
		"well":      {job: running(1, "orders"), cps: platform.Checkpoints{Interval: time.Minute}, want: []string{"Nothing wrong was seen.", "[Savepoint]", "[Open in Flink]"}},
		"failed":    {job: ended(1, "orders", platform.Failed, time.Hour), exs: []platform.Exception{boom}, want: []string{"Likely cause: The job failed for good 1 h 0 min ago: java.lang.NumberFormatException", "drey does not have its source"}},
		"cancelled": {job: ended(1, "orders", platform.Canceled, time.Hour), want: []string{"it was ended, it did not fail"}},
		"crashloop": {job: falls, exs: []platform.Exception{boom}, want: []string{"Likely cause: The job fails and is started again, 7 restarts so far. The newest cause, 1 min ago: java.lang", "Next: /flink errors prod/orders", "[Errors]"}},
		"no slots":  {job: waits, want: []string{"Likely cause: The job waits for slots: it needs 12 slots, and 8 of 8 are free", "smaller parallelism"}},
		"bottleneck": {job: slow, cps: platform.Checkpoints{Interval: time.Minute, Timeout: 2 * time.Second, History: []platform.Checkpoint{expired, expired, good(time.Hour, time.Second, 1)}}, want: []string{
			"Likely cause: Slow calc cannot keep up: it is busy 100 % of the time and holds back Agg.", "Next: /flink scale prod/orders 4",
			"Also: The newest 2 checkpoints failed: Checkpoint expired before completing. None has completed yet", "[Scale…]",
		}},
		"slower": {job: running(1, "orders"), cps: platform.Checkpoints{Interval: time.Minute, Timeout: time.Minute, History: []platform.Checkpoint{
			good(0, 40*time.Second, 9e9), good(time.Minute, 30*time.Second, 7e9), good(2*time.Minute, 20*time.Second, 5e9), good(3*time.Minute, 10*time.Second, 1e9),
		}}, want: []string{"Checkpoints become slower: 40 s now, 10 s 3 min before; they fail at 1 min.", "The state grows too, from 1.0 GB to 9.0 GB"}},
		"off": {job: running(1, "orders"), want: []string{"Likely cause: Checkpoints are off"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeFlink(tc.job)
			f.exceptions, f.points = tc.exs, tc.cps
			r := newRig(t, map[string]*fakeFlink{"prod": f})
			wants(t, r.says("olga", "/flink diagnose orders"), tc.want...)
		})
	}
}

// seenBefore answers for causes that were seen before.
type seenBefore struct{ job string }

func (s seenBefore) Seen(_ context.Context, job platform.JobRef, _ platform.JobID, exs []platform.Exception, may func(string) bool) (bot.Text, error) {
	if job.String() != s.job || len(exs) == 0 || !may("prod/orders") {
		return bot.Text{}, errors.New("asked for another job")
	}
	return bot.Textf("Seen **14×** in 3 jobs"), nil
}

func TestHowOftenACauseWasSeen(t *testing.T) {
	f := newFakeFlink(running(1, "orders"))
	f.exceptions = []platform.Exception{{At: time.Now().Add(-time.Minute), Root: "java.lang.NumberFormatException: For input string: 'boom'"}}
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	r.deps.Causes = seenBefore{"prod/orders"}
	for path, c := range map[string]*Command{"flink errors": flinkErrors(r.deps), "flink diagnose": flinkDiagnose(r.deps)} {
		m, err := c.run(t.Context(), r.env("olga", path), &jobArgs{Job: platform.JobRef{Cluster: "prod", Job: "orders"}})
		if err != nil {
			t.Fatal(err)
		}
		wants(t, m, "Seen 14× in 3 jobs")
	}
}

func TestDiagnosisSaysWhatWasNotTold(t *testing.T) {
	f := newFakeFlink(running(1, "orders"))
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	f.silent = []string{"checkpoints", "describe"}
	m := r.says("olga", "/flink diagnose orders")
	wants(t, m, "Nothing wrong was seen in what the cluster told", "Not told in time: slots, checkpoints")
	wants(t, r.says("nobody", "/flink diagnose orders"), "You may not do that here")
}

func TestCheckpointsAreListed(t *testing.T) {
	f := newFakeFlink(running(1, "orders"))
	f.points = platform.Checkpoints{Interval: time.Minute, Completed: 1, Failed: 1, History: []platform.Checkpoint{
		{ID: 8, Status: "FAILED", At: time.Now(), Failure: "Checkpoint expired before completing."}, {ID: 7, Status: "COMPLETED", At: time.Now().Add(-time.Hour), Duration: time.Second, Size: 2000},
	}}
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	wants(t, r.says("vera", "/flink checkpoints orders"), "Checkpoints of prod/orders", "Every: 1 min", "8 | failed | just now", "Checkpoint expired", "7 | completed | 1 h 0 min ago | 1 s | 2.0 kB", "[Diagnose]")
}

func TestAPageIsTurnedInPlace(t *testing.T) {
	var jobs []platform.Job
	for i := range 30 {
		jobs = append(jobs, running(i+1, "orders"+string(rune('a'+i))))
	}
	r := newRig(t, map[string]*fakeFlink{"prod": newFakeFlink(jobs...)})
	first := r.says("vera", "/flink jobs")
	if first.Instead {
		t.Error("a typed list takes the place of something")
	}
	press := func(call bot.Call) bot.Message {
		return r.router.Handle(t.Context(), bot.Event{ID: "e" + string(call.Args), Actor: web("vera"), Place: webOps(), Call: call, Button: "b"}, nil)
	}
	if m := press(CallOf("flink jobs", jobsArgs{Page: 2})); !m.Instead || !slices.Contains(labels(m), "Previous page") {
		t.Errorf("page 2 comes beside the first:\n%s", shown(m))
	}
	if press(CallOf("flink jobs", nil)).Instead {
		t.Error("a list takes the place of what its button stood in")
	}
}
