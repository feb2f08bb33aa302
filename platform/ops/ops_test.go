package ops

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/saga"
)

func TestSameRequestTwice(t *testing.T) {
	r := newRig(t, memory(t), "prod")
	r.fake.add("0a", "orders", 2)
	first := r.start("event-1", Stop{Job: r.target("orders")})
	if second := r.start("event-1", Stop{Job: r.target("orders")}); second.ID != first.ID {
		t.Errorf("%s and %s", first.ID, second.ID)
	}
	op := r.finish(first.ID)
	r.ended(op, saga.Done, "stopped")
	if again := r.start("event-1", Stop{Job: r.target("orders")}); again.ID != first.ID || again.Status != saga.Done {
		t.Errorf("after the end: %s %s", again.ID, again.Status)
	}
	r.effects("stop orders")
	if string(op.Meta) != `{"place":"ops"}` || op.By != "olga" || op.Short != short(op.ID) || op.Ended.IsZero() {
		t.Errorf("%+v", op)
	}
	if got, want := steps(op), "ask for a stop with savepoint: done; wait until the savepoint is written: done; see the job ended: done"; got != want {
		t.Errorf("steps %s", got)
	}
	card, _, err := storage.Table[Operation]{DB: r.db, Name: "card"}.Get(t.Context(), op.ID)
	if err != nil || card.Status != saga.Done {
		t.Errorf("card %+v, %v", card, err)
	}
}

func TestBusy(t *testing.T) {
	r := newRig(t, memory(t), "prod")
	r.fake.add("0a", "orders", 2)
	op := r.start("event-1", Savepoint{Job: r.target("orders")})
	_, err := r.ops.Start(t.Context(), Origin{Key: "event-2", By: "rita"}, Cancel{Job: r.target("orders")})
	var busy *BusyError
	if !errors.As(err, &busy) || busy.Op != op.ID || busy.Kind != KindSavepoint || busy.By != "olga" {
		t.Fatalf("%v", err)
	}
	if _, err := r.ops.Check(t.Context(), Cancel{Job: r.target("orders")}); !errors.As(err, &busy) {
		t.Errorf("check: %v", err)
	}
	live, err := r.ops.Live(t.Context(), r.target("orders"))
	if err != nil || live.ID != op.ID {
		t.Errorf("live %v %v", live.ID, err)
	}
	r.finish(op.ID)
	r.ended(r.run("event-2", Cancel{Job: r.target("orders")}), saga.Done, "cancelled")
	if _, err := r.ops.Live(t.Context(), r.target("orders")); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("live after the end: %v", err)
	}
	byShort, err := r.ops.ByShort(t.Context(), " #"+strings.ToUpper(op.Short))
	if err != nil || byShort.ID != op.ID {
		t.Errorf("by short: %v %v", byShort.ID, err)
	}
	if all, err := r.ops.List(t.Context(), 10); err != nil || len(all) != 2 || all[0].Kind != KindCancel {
		t.Errorf("list %v %v", all, err)
	}
}

// An answer that is lost after the effect: the step asks again under the same id.
func TestLostAnswers(t *testing.T) {
	for _, op := range []platform.Op{platform.OpStop, platform.OpSubmitSQL, platform.OpCancel} {
		t.Run(string(op), func(t *testing.T) {
			r := newRig(t, memory(t), "prod")
			r.submitted("orders", 2)
			r.fake.failsAt = 4
			r.fake.loseAfter = op
			var end Operation
			if op == platform.OpCancel {
				end = r.run("event", Cancel{Job: r.target("orders")})
				r.ended(end, saga.Done, "cancelled")
				r.effects("cancel orders")
				return
			}
			end = r.run("event", Scale{Job: r.target("orders"), Parallelism: 4})
			r.ended(end, saga.Failed, "rolled back")
			r.effects("stop orders", "submit orders at 4", "submit orders at 2")
			if !end.Result.RolledBack || !strings.Contains(steps(end), "submit again from the savepoint: failed; see a checkpoint completed: skipped; go back to the old parallelism: done") {
				t.Errorf("%+v: %s", end.Result, steps(end))
			}
		})
	}
}

func TestClusterDown(t *testing.T) {
	r := newRig(t, memory(t), "prod")
	r.submitted("orders", 2)
	id := r.start("event", Restart{Job: r.target("orders")}).ID
	for _, at := range []string{"begin-stop", "poll-stop", "confirm", "pick", "begin-new", "await-new"} {
		r.step(id, at)
		r.fake.down = true
		for range 3 {
			op := r.turn(id)
			if at != "pick" && !strings.Contains(op.Note, "does not answer, waiting; nothing is lost") {
				t.Errorf("%s: note %q", at, op.Note)
			}
			if op.Status != saga.Running || op.Error != "" {
				t.Errorf("%s: %s %s", at, op.Status, op.Error)
			}
		}
		r.fake.down = false
	}
	r.ended(r.finish(id), saga.Done, "runs again from file:/savepoints/")
	r.effects("stop orders", "submit orders at 2")
	r.fake.down = true
	_, err := r.ops.Start(t.Context(), Origin{Key: "later"}, Stop{Job: r.target("orders")})
	if platform.KindOf(err) != platform.Unavailable || !strings.Contains(err.Error(), "nothing was changed") {
		t.Errorf("%v", err)
	}
	if ops, _ := r.ops.List(t.Context(), 0); len(ops) != 2 {
		t.Errorf("%d operations", len(ops))
	}
}

// A JobManager that failed over has forgotten the trigger; the job tells what came of it.
func TestTriggerForgotten(t *testing.T) {
	for name, completed := range map[string]bool{"after it was done": true, "before": false} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, memory(t), "prod")
			r.fake.add("0a", "orders", 2)
			id := r.start("event", Stop{Job: r.target("orders")}).ID
			r.step(id, "poll-stop")
			r.fake.restart(completed)
			op := r.finish(id)
			r.ended(op, saga.Done, "stopped")
			r.effects("stop orders")
			if sp, ok := r.known("orders").Newest(); !ok || sp.Path != op.Result.Savepoint || sp.Path == "" {
				t.Errorf("%+v, %+v", sp, op.Result)
			}
		})
	}
}

func TestJobVanished(t *testing.T) {
	r := newRig(t, memory(t), "prod")
	r.submitted("orders", 2)
	r.run("before", Savepoint{Job: r.target("orders")})
	id := r.start("event", Stop{Job: r.target("orders")}).ID
	r.step(id, "poll-stop")
	r.fake.lose()
	op := r.finish(id)
	r.ended(op, saga.Failed, "is gone from cluster prod")
	if !strings.Contains(op.Error, "restart resumes from it") || r.known("orders").Current != "" {
		t.Errorf("%s; current %q", op.Error, r.known("orders").Current)
	}
	r.fake.effects = nil
	r.ended(r.run("after", Restart{Job: r.target("orders")}), saga.Done, "runs again from file:/savepoints/")
	r.effects("submit orders at 2")
}

func TestCancelAtSafePoints(t *testing.T) {
	cases := []struct {
		name, at string
		req      func(t Target) Request
		status   saga.Status
		words    string
		effects  []string
	}{
		{"stop, before", "mint-stop", func(j Target) Request { return Stop{Job: j} }, saga.Canceled, "before anything was touched", nil},
		{"stop, after", "poll-stop", func(j Target) Request { return Stop{Job: j} }, saga.Done, "stopped", []string{"stop orders"}},
		{"scale, before", "mint-stop", func(j Target) Request { return Scale{Job: j, Parallelism: 4} }, saga.Canceled, "before anything", nil},
		{"scale, stopped", "confirm", func(j Target) Request { return Scale{Job: j, Parallelism: 4} }, saga.Canceled, "runs as before",
			[]string{"stop orders", "submit orders at 2"}},
		{"scale, submitted", "await-new", func(j Target) Request { return Scale{Job: j, Parallelism: 4} }, saga.Canceled, "runs as before",
			[]string{"stop orders", "submit orders at 4", "cancel orders", "submit orders at 2"}},
		{"restart, stopped", "confirm", func(j Target) Request { return Restart{Job: j} }, saga.Done, "runs again", []string{"stop orders", "submit orders at 2"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, memory(t), "prod")
			r.submitted("orders", 2)
			id := r.start("event", c.req(r.target("orders"))).ID
			r.step(id, c.at)
			if err := r.ops.Cancel(t.Context(), id, "rita changed her mind"); err != nil {
				t.Fatal(err)
			}
			if op := r.get(id); !op.Cancel || !strings.Contains(op.Note, "cancel asked for") {
				t.Errorf("note %q", op.Note)
			}
			op := r.finish(id)
			r.ended(op, c.status, c.words)
			r.effects(c.effects...)
		})
	}
}

func TestSubmitWaitsForSlots(t *testing.T) {
	r := newRig(t, memory(t), "prod")
	r.fake.add("0a", "other", 7)
	req := SubmitSQL{Cluster: "prod", Statement: "insert  into `sink` select 1", Parallelism: 4}
	plan, err := r.ops.Check(t.Context(), req)
	if err != nil || plan.Target.Name != "insert-into-sink" || len(plan.Warnings) != 1 {
		t.Fatalf("%+v, %v", plan, err)
	}
	id := r.start("event", req).ID
	r.step(id, "await-submit")
	op := r.turn(id)
	if op.Note != "waiting for slots (needs 4, 1 free)" {
		t.Errorf("note %q", op.Note)
	}
	if err := r.ops.Cancel(t.Context(), id, ""); err != nil {
		t.Fatal(err)
	}
	r.ended(r.finish(id), saga.Canceled, "withdrawn")
	r.effects("submit insert-into-sink at 4", "cancel insert-into-sink")

	r.fake.effects = nil
	r.hurry()
	req.Name = "patient"
	r.ended(r.run("event-2", req), saga.Done, "not running after")
}

func TestSubmitIntoALoop(t *testing.T) {
	r := newRig(t, memory(t), "prod")
	r.fake.loopsAt = 2
	op := r.run("event", SubmitSQL{Cluster: "prod", Name: "orders", Statement: "INSERT INTO t SELECT 1", Parallelism: 2})
	r.ended(op, saga.Failed, "fails and is started again: java.lang.RuntimeException: boom. The cluster goes on trying")
	if k := r.known("orders"); k.Current != op.Result.JobID || k.Current == "" {
		t.Errorf("the job lives: %+v", k)
	}
}

func TestScaleInPlaceCapped(t *testing.T) {
	r := newRig(t, memory(t), "prod")
	r.hurry()
	r.fake.adaptive, r.fake.capAt = true, 3
	r.fake.add("0a", "orders", 2)
	op := r.run("event", Scale{Job: r.target("orders"), Parallelism: 5})
	r.ended(op, saga.Done, "runs at 3 instead of 5")
	if op.Result.Parallelism != 3 || r.known("orders").Parallelism != 3 {
		t.Errorf("%+v", op.Result)
	}
}

func TestStubbornJobAsksAPerson(t *testing.T) {
	r := newRig(t, memory(t), "prod")
	r.hurry()
	r.fake.stubborn = true
	r.fake.add("0a", "orders", 2)
	id := r.start("event", Stop{Job: r.target("orders")}).ID
	r.until(id, func(rec saga.Record) bool { time.Sleep(time.Millisecond); return !rec.Status.Live() })
	op := r.get(id)
	r.ended(op, saga.Stuck, "resume to look again")
	if len(r.known("orders").Savepoints) != 1 {
		t.Error("the savepoint is not recorded")
	}
	r.fake.jobs["0a"].State = platform.Finished
	if err := r.ops.Resume(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	r.ended(r.finish(id), saga.Done, "stopped")
}

func TestStuckGivenUp(t *testing.T) {
	r := newRig(t, memory(t), "prod")
	r.hurry()
	r.fake.stubborn = true
	r.fake.add("0a", "orders", 2)
	id := r.start("event", Stop{Job: r.target("orders")}).ID
	r.until(id, func(rec saga.Record) bool { time.Sleep(time.Millisecond); return rec.Status == saga.Stuck })
	if err := r.ops.Cancel(t.Context(), id, ""); err != nil {
		t.Fatal(err)
	}
	op := r.get(id)
	r.ended(op, saga.Canceled, "the savepoint is kept: file:/savepoints/")
	r.ended(r.run("next", Savepoint{Job: r.target("orders")}), saga.Done, "written")
}

// Two jobs of one name are two jobs: neither is restored from the other's savepoint.
func TestNamesakes(t *testing.T) {
	r := newRig(t, memory(t), "prod")
	mine := r.submitted("orders", 1)
	r.fake.add("0b", "orders", 1)
	other := Target{Cluster: "prod", Name: "orders", JobID: "0b"}
	r.ended(r.run("event", Savepoint{Job: other}), saga.Done, "written")
	if k := r.known("orders"); len(k.Savepoints) != 0 || k.Current != mine {
		t.Errorf("mine: %+v", k)
	}
	if k, err := r.ops.Known(t.Context(), other); err != nil || len(k.Savepoints) != 1 || k.Source != nil {
		t.Errorf("other: %+v, %v", k, err)
	}
	if _, err := r.ops.Check(t.Context(), Restart{Job: other}); platform.KindOf(err) != platform.Unsupported {
		t.Errorf("restart of the other: %v", err)
	}
	if _, err := r.ops.Check(t.Context(), Stop{Job: r.target("orders")}); err != nil {
		t.Errorf("by name it is the one that drey knows: %v", err)
	}
}

func TestRestartWithoutRestorePoint(t *testing.T) {
	r := newRig(t, memory(t), "prod")
	id := r.submitted("orders", 1)
	j := r.fake.jobs[id]
	j.State, j.points = platform.Restarting, platform.Checkpoints{}
	r.ended(r.run("event", Restart{Job: r.target("orders")}), saga.Failed, "It is left as it is")
	r.effects()
	r.ended(r.run("event-2", Restart{Job: r.target("orders"), Fresh: true}), saga.Done, "without state")
	r.effects("cancel orders", "submit orders at 1")
}

func TestRunWorksAlone(t *testing.T) {
	r := newRig(t, memory(t), "prod")
	r.submitted("orders", 2)
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() { over <- r.ops.Run(ctx) }()
	id := r.start("event", Scale{Job: r.target("orders"), Parallelism: 4}).ID
	for end := time.Now().Add(20 * time.Second); r.get(id).Status.Live() && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	stop()
	if err := <-over; err != nil {
		t.Error(err)
	}
	r.ended(r.get(id), saga.Done, "completed a checkpoint")
	r.effects("stop orders", "submit orders at 4")
}

func TestRestartFromWhatIsNotThere(t *testing.T) {
	r := newRig(t, memory(t), "prod")
	r.submitted("orders", 3)
	r.fake.failsAt = 3
	op := r.run("event", Restart{Job: r.target("orders"), Savepoint: "file:/nowhere"})
	r.ended(op, saga.Failed, "did not come up from file:/nowhere")
	if sp := op.Result.Savepoint; sp == "" || !strings.Contains(op.Error, "kept: "+sp) || op.Result.JobID != "" {
		t.Errorf("the savepoint that it was stopped with is told: %+v, %s", op.Result, op.Error)
	}
}
