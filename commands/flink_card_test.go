package commands

import (
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform/ops"
	"github.com/drey-ops/drey/storage/saga"
)

func TestOpCardOfEveryStatus(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	path := "s3://bucket/savepoint-1"
	base := ops.Operation{
		ID: "root/abc123", Short: "abc123", Kind: ops.KindStop, Title: "Stop with savepoint", Cluster: "prod", Job: "orders", By: "olga", Started: began,
		Safety: "last checkpoint 8 s ago; nothing is lost",
		Steps:  []ops.Step{{Label: "ask for a stop", State: ops.StepDone}, {Label: "wait until it is written", State: ops.StepDoing, Note: "writing"}, {Label: "see the job ended", State: ops.StepTodo}},
	}
	with := func(change func(*ops.Operation)) ops.Operation {
		op := base
		change(&op)
		if op.Status.Final() {
			op.Ended = began.Add(70 * time.Second)
		}
		return op
	}
	for _, tc := range []struct {
		name string
		op   ops.Operation
		tone bot.Tone
		want string
	}{
		{"running", with(func(o *ops.Operation) { o.Status, o.Note = saga.Running, "waiting for the savepoint" }), bot.Busy, `Stop with savepoint: prod/orders
Waiting for the savepoint
[x] Ask for a stop
[…] Wait until it is written writing
[ ] See the job ended
Last checkpoint 8 s ago; nothing is lost.
Operation abc123 · olga · started 2026-01-02 03:04:05 UTC
[Cancel operation]`},
		{"waiting, turning back", with(func(o *ops.Operation) {
			o.Status, o.Note, o.Cancel = saga.Waiting, "waiting (cancel asked for)", true
		}), bot.Busy, `Stop with savepoint: prod/orders
Waiting (cancel asked for)
[x] Ask for a stop
[…] Wait until it is written writing
[ ] See the job ended
Last checkpoint 8 s ago; nothing is lost.
Operation abc123 · olga · started 2026-01-02 03:04:05 UTC`},
		{"stuck", with(func(o *ops.Operation) {
			o.Status, o.Error, o.Result.Savepoint = saga.Stuck, "the job is still RUNNING; resume to look again", path
		}), bot.Warn, `Stop with savepoint: prod/orders
Needs a person. The job is still RUNNING; resume to look again
[x] Ask for a stop
[…] Wait until it is written writing
[ ] See the job ended
Savepoint: s3://bucket/savepoint-1
Last checkpoint 8 s ago; nothing is lost.
Operation abc123 · olga · started 2026-01-02 03:04:05 UTC
[Try again] [Give up]`},
		{"done", with(func(o *ops.Operation) {
			o.Status, o.Note, o.Result.Savepoint = saga.Done, "stopped; savepoint: "+path, path
			o.Steps = []ops.Step{{Label: "ask for a stop", State: ops.StepDone}}
		}), bot.Good, `Stop with savepoint: prod/orders
Stopped; savepoint: s3://bucket/savepoint-1
Operation abc123 · olga · took 1 min
[Restart from savepoint…]`},
		{"submitted", with(func(o *ops.Operation) {
			o.Kind, o.Title, o.Status, o.Note, o.By = ops.KindSubmit, "Submit", saga.Done, "running, parallelism 4", ""
			o.Result, o.Steps = ops.Result{JobID: "0123456789abcdef0123456789abcdef", Parallelism: 4}, nil
		}), bot.Good, `Submit: prod/orders
Running, parallelism 4
Operation abc123 · Job id 0123456789abcdef0123456789abcdef · drey · took 1 min
[Show job] [Savepoint] [Stop job…]`},
		{"failed and rolled back", with(func(o *ops.Operation) {
			o.Kind, o.Title, o.Status, o.Error = ops.KindScale, "Scale to 8", saga.Failed, "it did not come up at parallelism 8; it runs as before"
			o.Result = ops.Result{RolledBack: true, Parallelism: 2}
			o.Steps = []ops.Step{{Label: "resubmit", State: ops.StepFailed, Note: "no slots"}, {Label: "roll back", State: ops.StepDone}}
		}), bot.Bad, `Scale to 8: prod/orders
Failed. It did not come up at parallelism 8; it runs as before
[!] Resubmit no slots
[x] Roll back
Parallelism: 2
Operation abc123 · olga · took 1 min
[Show errors]`},
		{"cancelled", with(func(o *ops.Operation) { o.Status, o.Note, o.Steps = saga.Canceled, "nothing was begun", nil }), bot.Muted, `Stop with savepoint: prod/orders
Cancelled. Nothing was begun
Operation abc123 · olga · took 1 min`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := OpCard(tc.op)
			if got := m.Plain(); got != tc.want || m.Tone != tc.tone {
				t.Errorf("tone %d, want %d:\n%s\nwant:\n%s", m.Tone, tc.tone, got, tc.want)
			}
			if m.Fallback == "" || m.Private {
				t.Errorf("fallback %q, private %v", m.Fallback, m.Private)
			}
		})
	}
}

func TestSpans(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		-time.Second: "just now", 653 * time.Millisecond: "just now", 3 * time.Second: "3 s ago", 90 * time.Second: "1 min ago", 3*time.Hour + 5*time.Minute: "3 h 5 min ago", 72 * time.Hour: "3 days ago",
	} {
		if got := ago(now, now.Add(-d)); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
	if got := ago(now, time.Time{}); got != "–" {
		t.Error(got)
	}
}
