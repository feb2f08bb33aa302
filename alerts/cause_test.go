package alerts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/platform"
)

func boom(at time.Time, value string) platform.Exception {
	return platform.Exception{At: at, Root: "java.lang.NumberFormatException: For input string: '" + value + "'"}
}

func ref(job string) platform.JobRef { return platform.JobRef{Cluster: "prod", Job: job} }

// What is read again, in any order and after any crash, counts once.
func TestSightedOnce(t *testing.T) {
	s, _, c := newService(t, testOptions(), Hooks{})
	at := c.t
	first := []platform.Exception{boom(at.Add(2*time.Minute), "c"), boom(at.Add(time.Minute), "b"), boom(at, "a")}
	for range 3 {
		v, err := s.sighted(t.Context(), ref("orders"), "r1", first)
		if err != nil || v.Count != 3 || len(v.Jobs) != 1 || !v.First.Equal(at) {
			t.Fatalf("%+v, %v", v, err)
		}
	}
	other := platform.Exception{At: at.Add(4 * time.Minute), Root: "java.lang.IllegalStateException: no"}
	if v, err := s.sighted(t.Context(), ref("orders"), "r1", []platform.Exception{other, boom(at.Add(3*time.Minute), "d"), first[0]}); err != nil || v.Count != 1 || v.Text != other.Root {
		t.Fatalf("another cause: %+v, %v", v, err)
	}
	v, err := s.sighted(t.Context(), ref("rates"), "r2", []platform.Exception{boom(at.Add(time.Second), "x")})
	if err != nil || v.Count != 5 || v.Jobs["prod/rates"] != 1 || v.Jobs["prod/orders"] != 4 {
		t.Fatalf("in another job: %+v, %v", v, err)
	}
	list, err := s.Causes(t.Context(), at.Add(-time.Hour), 10)
	if err != nil || len(list) != 2 || list[0].Count != 5 || len(list[0].Jobs) != 2 || list[1].Count != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
}

// A run that was forgotten is not counted anew.
func TestSightingIsBounded(t *testing.T) {
	var v sighting
	at := newClock().t
	for i := range 500 {
		run, when := platform.JobID(fmt.Sprint(i)), at.Add(time.Duration(i)*24*time.Hour)
		if !v.counts(run, when) {
			t.Fatalf("run %d does not count", i)
		}
		v.add(fmt.Sprint("prod/job-", i), run, when)
		if v.counts(run, when) || v.counts("0", at) {
			t.Fatalf("after run %d one counts twice", i)
		}
	}
	if v.Count != 500 || len(v.Jobs) != sightingJobs || !v.MoreJobs || len(v.Runs) != sightingRuns || len(v.Days) != sightingDays {
		t.Errorf("%d seen, %d jobs, %d runs, %d days", v.Count, len(v.Jobs), len(v.Runs), len(v.Days))
	}
}

func TestCauseInWords(t *testing.T) {
	at := newClock().t
	x := boom(at, "boom")
	for name, tc := range map[string]struct {
		v       sighting
		watched time.Duration
		want    string
		isNew   bool
	}{
		"new":        {sighting{Count: 1, First: at, Jobs: map[string]int{"a": 1}}, 90 * 24 * time.Hour, "New: not seen before in 90 d", true},
		"new, young": {sighting{Count: 3, First: at, Jobs: map[string]int{"a": 3}}, time.Hour, "New: not seen before; 3× since 2026-11-20 23:57 UTC", true},
		"new, after a deploy": {
			sighting{Count: 1, First: at, Jobs: map[string]int{"a": 1}, After: &deploy{"submit", "prod/orders", at.Add(-8 * time.Minute), "7f3k2a"}},
			48 * time.Hour, "New: not seen before in 2 d; first after the deploy of prod/orders at 2026-11-20 23:49 UTC (operation 7f3k2a)", true,
		},
		"known": {sighting{Count: 14, First: at.Add(-3 * time.Hour), Jobs: map[string]int{"a": 9, "b": 4, "c": 1}}, time.Hour, "Seen 14× in 3 jobs since 2026-11-20 20:57 UTC", false},
		"here":  {sighting{Count: 14, First: at.Add(-3 * time.Hour), Jobs: map[string]int{"a": 14}}, time.Hour, "Seen 14× in this job alone since 2026-11-20 20:57 UTC", false},
	} {
		t.Run(name, func(t *testing.T) {
			got := causeOf(tc.v, x, at, tc.watched)
			if got.Seen != tc.want || got.New != tc.isNew {
				t.Errorf("%q, new %v; want %q", got.Seen, got.New, tc.want)
			}
		})
	}
}

// The whole head of an incident of a job in trouble, and what it says when nobody answers about a part.
func TestHeadTellsWhatIsKnown(t *testing.T) {
	var mine *clock
	facts := JobFacts{
		Ref: ref("orders"), Name: "orders", ID: "a1", State: platform.Running, Running: 4, Total: 4, Restarts: 7,
		Load: "backpressured: Join[3]; bottleneck downstream: Sink: kafka, busy 98 %",
	}
	var changesErr error
	s, out, c := newService(t, testOptions(), Hooks{
		Jobs: fakeJobs(func(context.Context, string, string, string) (JobFacts, error) { return facts, nil }),
		Changes: func(_ context.Context, cluster, job string, since time.Time) ([]Change, error) {
			if cluster != "prod" || job != "orders" {
				t.Errorf("asked for the changes of %s/%s", cluster, job)
			}
			at := mine.t.Add(-12 * time.Minute)
			return []Change{{At: at, Kind: "restart", Outcome: "done", Operation: "7f3k2a", Line: "Restart by Olga, done"}}, changesErr
		},
	})
	mine = c
	began := c.t.Add(-time.Minute)
	facts.Checkpoints, facts.Checkpoint, facts.CheckpointSize, facts.Savepoint, facts.Trend = true, began.Add(-time.Minute), 1_200_000_000, began.Add(-3*time.Hour), "checkpoints take 4 min and grow (60 s 60 min before), timeout 10 min"
	facts.Thrown = []platform.Exception{boom(began, "boom"), boom(began.Add(-time.Minute), "bam")}
	facts.RootCause, facts.RootAt = facts.Thrown[0].Root, facts.Thrown[0].At
	take(t, s, webhook("FlinkJobCrashLoop", orders(), Firing))
	enrichNow(t, s)
	want := `Firing: FlinkJobCrashLoop on prod/orders
FlinkJobCrashLoop happened
Since 2026-11-20 23:57 UTC, critical
Job state: RUNNING, 7 restarts
Root cause: java.lang.NumberFormatException: For input string: 'boom'
New: not seen before; 2× since 2026-11-20 23:55 UTC; first after the restart at 2026-11-20 23:45 UTC
State: a restart resumes from the checkpoint of 2026-11-20 23:55 UTC, 1.2 GB, replaying about 2 min; last savepoint 2026-11-20 20:56 UTC
Alerts: 1 of 1 fires
Checkpoints: checkpoints take 4 min and grow (60 s 60 min before), timeout 10 min
Load: backpressured: Join[3]; bottleneck downstream: Sink: kafka, busy 98 %
Changed through drey: Restart by Olga, done, 11 min before it began (7f3k2a)
Incident ` + one(t, s).ID + ` · Prometheus · Alertmanager
[Ack Diagnose Restart… Savepoint Logs Scale… Stop… Assign…]`
	if d := cmp.Diff(want, plainHead(out.heads(t)[0])); d != "" {
		t.Error(d)
	}
	if n := len(out.heads(t)[0].Message.Blocks); n > 8 { // Discord takes 10 in one message, and the affected and the runbook may come
		t.Errorf("the head has %d blocks", n)
	}
	if cause := one(t, s).Cause; cause == nil || !cause.New || cause.Count != 2 || cause.Fingerprint == "" {
		t.Errorf("cause %+v", cause)
	}
	c.pass(2 * time.Minute)
	facts.Checkpoints, facts.Checkpoint, facts.Trend, facts.Untold = false, time.Time{}, "", []string{aboutCheckpoints, aboutLoad}
	enrichNow(t, s)
	h := plainHead(out.heads(t)[0])
	for _, want := range []string{"State: a restart resumes from the checkpoint", "The cluster prod did not answer about the checkpoints and the load of the job."} {
		if !strings.Contains(h, want) {
			t.Errorf("%q is not in\n%s", want, h)
		}
	}
	c.pass(2 * time.Minute)
	changesErr = errors.New("store away")
	enrichNow(t, s)
	if h := plainHead(out.heads(t)[0]); !strings.Contains(h, "Restart by Olga") {
		t.Errorf("what was known is gone:\n%s", h)
	}
}

// An exception of long ago is not why an alert fires now.
func TestOldExceptionIsNotTheCause(t *testing.T) {
	facts := JobFacts{Ref: ref("orders"), Name: "orders", ID: "a1", State: platform.Running}
	s, out, c := newService(t, testOptions(), Hooks{Jobs: fakeJobs(func(context.Context, string, string, string) (JobFacts, error) { return facts, nil })})
	facts.Thrown = []platform.Exception{boom(c.t.Add(-50*time.Hour), "boom")}
	facts.RootCause, facts.RootAt = facts.Thrown[0].Root, facts.Thrown[0].At
	take(t, s, webhook("FlinkJobCrashLoop", orders(), Firing))
	enrichNow(t, s)
	if h := plainHead(out.heads(t)[0]); !strings.Contains(h, "Last exception, 2 d 1 h before it began: java.lang.Number") || one(t, s).Cause != nil {
		t.Error(h)
	}
}

func TestHowCheckpointsGo(t *testing.T) {
	at := newClock().t
	good := func(ago, took time.Duration, size int64) platform.Checkpoint {
		return platform.Checkpoint{Status: "COMPLETED", At: at.Add(-ago), Duration: took, Size: size}
	}
	bad := platform.Checkpoint{Status: "FAILED", At: at, Failure: "Checkpoint expired before completing."}
	for want, history := range map[string][]platform.Checkpoint{
		"": {good(0, time.Second, 1), good(time.Hour, time.Second, 1)},
		"the newest checkpoint failed: Checkpoint expired before completing, timeout 10 min":    {bad, good(time.Hour, time.Second, 1)},
		"the newest 2 checkpoints failed: Checkpoint expired before completing, timeout 10 min": {{Status: "IN_PROGRESS"}, bad, bad, good(time.Hour, time.Second, 1), bad},
		"checkpoints take 4 min and grow (60 s 1 h before), timeout 10 min":                     {good(0, 4*time.Minute, 1), good(20*time.Minute, 3*time.Minute, 1), good(40*time.Minute, 2*time.Minute, 1), good(time.Hour, time.Minute, 1)},
		"checkpoints take 4 min and grow (5 s 1 h before), timeout 10 min; the state grew from 1.0 GB to 9.0 GB": {
			good(0, 4*time.Minute, 9e9), good(20*time.Minute, 3*time.Minute, 1), good(40*time.Minute, 2*time.Minute, 1), good(time.Hour, 5*time.Second, 1e9),
		},
	} {
		if got := trendText(platform.Checkpoints{Interval: time.Minute, Timeout: 10 * time.Minute, History: history}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestSafetyLine(t *testing.T) {
	at := newClock().t
	for want, f := range map[string]JobFacts{
		"": {},
		"State: a restart begins afresh: checkpoints are off and there is no savepoint":     {Off: true},
		"State: a restart begins afresh: no checkpoint completed, no savepoint of this run": {Checkpoints: true},
		"State: a restart resumes from the savepoint of 2026-11-20 23:56 UTC, replaying about 60 s; last checkpoint 2026-11-20 23:54 UTC": {
			At: at, State: platform.Running, Checkpoints: true, Checkpoint: at.Add(-3 * time.Minute), Savepoint: at.Add(-time.Minute),
		},
	} {
		text, ok := f.safety()
		if got := text.Plain(); got != want || ok != (want != "") {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// What a command says of a cause is what a head says, in the same words, and reading it counts nothing twice.
func TestSeenForACommand(t *testing.T) {
	var mine *clock
	s, _, c := newService(t, testOptions(), Hooks{
		Changes: func(context.Context, string, string, time.Time) ([]Change, error) {
			return []Change{{At: mine.t.Add(-12 * time.Minute), Kind: "restart", Outcome: "done", Operation: "7f3k2a"}}, nil
		},
	})
	mine = c
	exs := []platform.Exception{boom(c.t, "boom"), boom(c.t.Add(-time.Minute), "bam")}
	seen := func(job string, may bool) string {
		t.Helper()
		text, err := s.Seen(t.Context(), ref(job), platform.JobID("run-"+job), exs, func(string) bool { return may })
		if err != nil {
			t.Fatal(err)
		}
		return text.Plain()
	}
	const first = "New: not seen before; 2× since 2026-11-20 23:56 UTC; first after the restart at 2026-11-20 23:45 UTC (operation 7f3k2a)"
	for range 2 {
		if got := seen("orders", false); got != first {
			t.Errorf("%q, want %q", got, first)
		}
	}
	if got, want := seen("clicks", false), "Seen 4× in 2 jobs since 2026-11-20 23:56 UTC"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := seen("clicks", true), "Seen 4× in 2 jobs since 2026-11-20 23:56 UTC; first after the restart of prod/orders at 2026-11-20 23:45 UTC (operation 7f3k2a)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if text, err := s.Seen(t.Context(), ref("orders"), "x", nil, nil); err != nil || len(text.Spans) > 0 {
		t.Error(text, err)
	}
}
