package ops

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/platform"
)

func TestRefusedBeforehand(t *testing.T) {
	cases := []struct {
		name    string
		prepare func(r *rig)
		req     func(j Target) Request
		kind    platform.Kind
		words   string
	}{
		{"unknown job", nil, func(Target) Request { return Stop{Job: Target{Cluster: "prod", Name: "nope"}} }, platform.NotFound, "knows no running job nope"},
		{"unknown cluster", nil, func(Target) Request { return Stop{Job: Target{Cluster: "test", Name: "nope"}} }, platform.NotFound, "no cluster"},
		{"ended job", func(r *rig) { r.fake.jobs["0a"].State = platform.Finished }, func(j Target) Request { j.JobID = "0a"; return Stop{Job: j} }, platform.Invalid, "has ended already (FINISHED)"},
		{"too few slots", nil, func(j Target) Request { return Scale{Job: j, Parallelism: 20} }, platform.Invalid, "needs 20 slots; the job holds 2 and 6 are free"},
		{"above the maximum", nil, func(j Target) Request { return Scale{Job: j, Parallelism: 200} }, platform.Invalid, "above the maximum of 128"},
		{"the same", nil, func(j Target) Request { return Scale{Job: j, Parallelism: 2} }, platform.Invalid, "at parallelism 2 already"},
		{"none", nil, func(j Target) Request { return Scale{Job: j} }, platform.Invalid, "not possible"},
		{"not ours to submit again", nil, func(j Target) Request { return Scale{Job: j, Parallelism: 3} }, platform.Unsupported, "not submitted through drey"},
		{"unknown vertex", nil, func(j Target) Request { return Scale{Job: j, Parallelism: 3, Vertex: "x"} }, platform.Invalid, "it has: Source"},
		{"scale of a restarting job", func(r *rig) { r.fake.jobs["0a"].State = platform.Restarting }, func(j Target) Request { return Scale{Job: j, Parallelism: 3} }, platform.Busy, "when it is RUNNING"},
		{"restart of a foreign job", nil, func(j Target) Request { return Restart{Job: j} }, platform.Unsupported, "not submitted through drey"},
		{"restart of nothing", nil, func(Target) Request { return Restart{Job: Target{Cluster: "prod", Name: "nope"}} }, platform.NotFound, "neither cluster prod nor drey"},
		{"unknown savepoint", func(r *rig) { r.submitted("mine", 1) }, func(Target) Request {
			return Restart{Job: Target{Cluster: "prod", Name: "mine"}, Savepoint: "tuesday"}
		}, platform.Invalid, `no savepoint "tuesday"`},
		{"fresh and from a savepoint", func(r *rig) { r.submitted("mine", 1) }, func(Target) Request {
			return Restart{Job: Target{Cluster: "prod", Name: "mine"}, Savepoint: "file:/x", Fresh: true}
		}, platform.Invalid, "one or the other"},
		{"nothing to resume from", func(r *rig) {
			r.fake.jobs[r.submitted("mine", 1)].State = platform.Failed
		}, func(Target) Request { return Restart{Job: Target{Cluster: "prod", Name: "mine"}} }, platform.Invalid, "a fresh restart would"},
		{"name taken", nil, func(Target) Request {
			return SubmitSQL{Cluster: "prod", Name: "orders", Statement: "INSERT INTO t SELECT 1"}
		}, platform.Invalid, "a job of this name is RUNNING"},
		{"no statement", nil, func(Target) Request { return SubmitSQL{Cluster: "prod", Name: "x"} }, platform.Invalid, "no statement"},
		{"ambiguous name", func(r *rig) { r.fake.add("0b", "orders", 1) }, func(j Target) Request { return Stop{Job: j} }, platform.Invalid, "2 running jobs have this name"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, memory(t), "prod")
			r.fake.add("0a", "orders", 2)
			if c.prepare != nil {
				c.prepare(r)
			}
			_, err := r.ops.Check(t.Context(), c.req(r.target("orders")))
			if err == nil || platform.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.words) {
				t.Errorf("%v (%s), want %s with %q", err, platform.KindOf(err), c.kind, c.words)
			}
			r.effects()
		})
	}
}

func TestPlan(t *testing.T) {
	r := newRig(t, memory(t), "prod")
	r.submitted("orders", 2)
	plan, err := r.ops.Check(t.Context(), Scale{Job: r.target("orders"), Parallelism: 4})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"stop with savepoint", "submit again from the savepoint", "see a checkpoint completed"}
	if diff := cmp.Diff(want, plan.Steps); diff != "" {
		t.Error(diff)
	}
	if plan.Title != "Scale to 4" || len(plan.Warnings) != 1 || !strings.Contains(plan.Warnings[0], "not in place") {
		t.Errorf("%+v", plan)
	}
	r.fake.adaptive = true
	plan, err = r.ops.Check(t.Context(), Scale{Job: r.target("orders"), Parallelism: 4})
	if diff := cmp.Diff([]string{"ask the scheduler", "wait for the new parallelism"}, plan.Steps); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestSafety(t *testing.T) {
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	cps := &platform.Checkpoints{Completed: 3, Latest: &platform.Checkpoint{At: now.Add(-12 * time.Second), Path: "file:/chk-3"}}
	keeping := func(r platform.Retention, more ...platform.Checkpoint) *platform.Checkpoints {
		out := *cps
		out.Latest = &platform.Checkpoint{At: now.Add(-12 * time.Second), Path: "file:/chk-3", Size: 3_140_000}
		out.LatestSavepoint = &platform.Checkpoint{At: now.Add(-3 * time.Hour), Path: "file:/s", Size: 980}
		out.Retention, out.History = r, more
		return &out
	}
	with := Known{Savepoints: []SavepointRef{{Path: "file:/s", At: now.Add(-3 * time.Hour), By: "olga", Kind: BySavepoint}}}
	cases := []struct {
		st   state
		live bool
		cps  *platform.Checkpoints
		want string
	}{
		{state{Kind: KindStop, Known: with}, true, cps, "last checkpoint 12 s ago (0 B), last savepoint 3 h ago by olga; a savepoint is written first, so nothing is lost or read again"},
		{state{Kind: KindCancel}, true, cps, "last checkpoint 12 s ago (0 B), no savepoint recorded; no savepoint is written: after a restart about 12 s are read again"},
		{state{Kind: KindCancel}, true, &platform.Checkpoints{}, "no checkpoint completed, no savepoint recorded; no savepoint is written: the state of the job is lost"},
		{state{Kind: KindSavepoint}, true, nil, "the cluster did not say how old the last checkpoint is, no savepoint recorded; the job goes on while the savepoint is written"},
		{state{Kind: KindScale, Way: inPlace}, true, cps, "last checkpoint 12 s ago (0 B), no savepoint recorded; the scheduler restarts the job from its last checkpoint: about 12 s are read again"},
		{state{Kind: KindRestart, Known: with}, false, nil, "last savepoint 3 h ago by olga; it resumes from the newest of them: about 3 h are read again"},
		{state{Kind: KindRestart, Asked: asked{Fresh: true}}, false, nil, "no savepoint recorded; it starts without state, which stays in the restore point it leaves"},
		{state{Kind: KindSubmit}, false, nil, "the job starts without state"},
		{state{Kind: KindStop, Known: with}, true, keeping(platform.RetainOnCancellation, platform.Checkpoint{Status: "IN_PROGRESS", At: now.Add(-4 * time.Second)}),
			"last checkpoint 12 s ago (3.1 MB), a checkpoint is being written for 4 s, last savepoint 3 h ago by olga (980 B), " +
				"checkpoints are kept when the job is cancelled; a savepoint is written first, so nothing is lost or read again"},
		{state{Kind: KindStop}, true, nil, "the cluster did not say how old the last checkpoint is, no savepoint recorded; a savepoint is written first, so nothing is lost or read again"},
		{state{Kind: KindCancel}, true, nil, "the cluster did not say how old the last checkpoint is, no savepoint recorded; no savepoint is written: " +
			"after a restart how much is read again depends on the age of the last checkpoint"},
		{state{Kind: KindScale, Way: inPlace, Known: Known{Savepoints: []SavepointRef{{Path: "file:/s", At: now, Kind: BySavepoint}}}}, true, cps,
			"last checkpoint 12 s ago (0 B), last savepoint 0 s ago; the scheduler restarts the job from its last checkpoint: about 12 s are read again"},
		{state{Kind: KindCancel, Known: Known{Savepoints: []SavepointRef{{Path: "file:/s", At: now, Kind: BySavepoint}}}}, true, cps,
			"last checkpoint 12 s ago (0 B), last savepoint 0 s ago; no savepoint is written: after a restart hardly anything is read again"},
		{state{Kind: KindCancel, Known: with}, true, keeping(platform.DeleteOnCancellation),
			"last checkpoint 12 s ago (3.1 MB), last savepoint 3 h ago by olga (980 B), checkpoints are deleted when the job is cancelled; " +
				"no savepoint is written: after a restart about 3 h are read again"},
		{state{Kind: KindCancel}, true, &platform.Checkpoints{Latest: cps.Latest, Retention: platform.NoRetention},
			"last checkpoint 12 s ago (0 B), no savepoint recorded, checkpoints are deleted when the job ends; no savepoint is written, and the checkpoints are deleted with the job: its state is lost"},
		{state{Kind: KindRestart}, true, keeping(platform.RetainOnCancellation),
			"last checkpoint 12 s ago (3.1 MB), last savepoint 3 h ago (980 B), checkpoints are kept when the job is cancelled; " +
				"it is stopped with a savepoint and resumed from it; if none can be had, about 12 s are read again"},
		{state{Kind: KindRestart}, true, &platform.Checkpoints{Latest: cps.Latest, Retention: platform.NoRetention},
			"last checkpoint 12 s ago (0 B), no savepoint recorded, checkpoints are deleted when the job ends; it is stopped with a savepoint and resumed from it; if none can be had, it is left as it is"},
	}
	for _, c := range cases {
		if got := safetyOf(&c.st, c.live, c.cps, now).String(); got != c.want {
			t.Errorf("\n got %s\nwant %s", got, c.want)
		}
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{-time.Second: "0 s", 90 * time.Second: "90 s", 5 * time.Minute: "5 min", 3 * time.Hour: "3 h", 72 * time.Hour: "3 days"} {
		if got := span(d); got != want {
			t.Errorf("%s: %s", d, got)
		}
	}
}
