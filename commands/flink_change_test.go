package commands

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

func TestAChangeIsMadeOnceForAGesture(t *testing.T) {
	f := newFakeFlink(running(1, "orders"))
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	ev := bot.Event{ID: "gesture-1", Actor: web("olga"), Place: webOps(), Call: bot.Call{Line: "/flink savepoint orders"}}
	first := r.router.Handle(t.Context(), ev, nil)
	wants(t, first, "Started: Savepoint of prod/orders, operation")
	if !first.Private || len(first.Blocks) != 1 || first.Title != "" {
		t.Errorf("more than a line: %s", shown(first))
	}
	// Past the Dispatcher, which drops repeats, the same gesture comes to the same operation.
	if again := r.router.Handle(t.Context(), ev, nil); shown(again) != shown(first) {
		t.Errorf("the same gesture:\n%s\n%s", shown(first), shown(again))
	}
	r.card("Savepoint: prod/orders", "Savepoint written: s3://bucket/savepoint-1", "olga")
	if got := f.did(); !slices.Equal(got, []string{"savepoint orders"}) {
		t.Errorf("effects %v", got)
	}
	if list, err := r.deps.Ops.List(t.Context(), 0); err != nil || len(list) != 1 {
		t.Errorf("%d operations, %v", len(list), err)
	}
}

func TestAPressTwice(t *testing.T) {
	f := newFakeFlink(running(1, "orders"))
	f.points = platform.Checkpoints{Latest: &platform.Checkpoint{At: time.Now()}}
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	ev := r.chat.Type("olga", "ops", "/flink job orders")
	r.chat.Answer(t, ev)
	ask := r.chat.PressAnswer(t, "olga", ev, "Stop…")
	wants(t, r.chat.Answer(t, ask), "Stop prod/orders?", "A savepoint is written first", "Last checkpoint 0 s ago")
	one, two := r.chat.Submit(t, "olga", ask, nil), r.chat.Submit(t, "olga", ask, nil)
	answers := []string{shown(r.chat.Answer(t, one)), shown(r.chat.Answer(t, two))}
	if n := strings.Count(strings.Join(answers, ""), "Started"); n != 1 {
		t.Errorf("%d started:\n%s", n, strings.Join(answers, "\n"))
	}
	r.card("Stop with savepoint: prod/orders", "s3://bucket/savepoint-1", "[Restart from savepoint…]")
	if got := f.did(); !slices.Equal(got, []string{"stop orders"}) {
		t.Errorf("effects %v", got)
	}
}

func TestChangesNeedTheirRight(t *testing.T) {
	f := newFakeFlink(running(1, "orders"))
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	for _, line := range []string{"/flink savepoint orders", "/flink stop orders", "/flink cancel orders confirm=orders", "/flink scale orders 4", "/flink restart orders"} {
		wants(t, r.says("vera", line), "You may not do that here", "operator")
		wants(t, r.saysIn("analytics", "olga", line), "You may not do that here", "web:ops")
	}
	if len(f.did()) > 0 {
		t.Errorf("effects %v", f.did())
	}
}

func TestCancelAsksForTheName(t *testing.T) {
	f := newFakeFlink(running(1, "orders"))
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	ev := r.chat.Type("olga", "ops", "/flink cancel orders")
	wants(t, r.chat.Answer(t, ev), "Cancel prod/orders?", "No savepoint is written", "/flink stop")
	if len(f.did()) > 0 {
		t.Fatalf("effects %v", f.did())
	}
	sent := r.chat.Submit(t, "olga", ev, map[string]string{"confirm": "orders"})
	wants(t, r.chat.Answer(t, sent), "Started")
	r.card("Cancel without savepoint: prod/orders")
	eventually(t, "cancelled", func() bool { return slices.Equal(f.did(), []string{"cancel orders"}) })
}

func TestErrors(t *testing.T) {
	f := newFakeFlink(running(1, "a/b"))
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	wants(t, r.says("vera", "/flink errors prod/a/b"), "No errors: prod/a/b")
	boom := platform.Exception{At: time.Now().Add(-time.Minute), Root: "java.lang.RuntimeException: boom", Stack: "whole stack", Task: "Source"}
	f.exceptions = []platform.Exception{boom, boom, {At: time.Now().Add(-time.Hour), Root: "java.io.IOException: gone"}, boom}
	m := r.says("vera", "/flink errors prod/a/b")
	wants(t, m, "Errors of prod/a/b", "java.lang.RuntimeException: boom", "3 of the newest 4 failures, the last 1 min ago, in task Source.",
		"java.io.IOException: gone | 1 | 1 h 0 min ago", "2 causes of the newest 4 failures", "whole stack")
	if i := slices.IndexFunc(m.Blocks, func(b bot.Block) bool { f, ok := b.(bot.File); return ok && f.Name == "a_b-exception.txt" }); i < 0 {
		t.Errorf("no file in %s", shown(m))
	}
	f.exceptions = []platform.Exception{boom, boom}
	m = r.says("vera", "/flink errors prod/a/b")
	wants(t, m, "All of the newest 2 failures")
	lacks(t, m, "Cause")
}

func TestCompletersHonourRights(t *testing.T) {
	r := newRig(t, map[string]*fakeFlink{
		"dev":  newFakeFlink(running(1, "orders"), running(2, "payments")),
		"prod": newFakeFlink(running(3, "orders")),
	})
	ask := func(who, path, kind string) string {
		got := values(r.deps.Completers()[kind](t.Context(), r.env(who, path), ""))
		return strings.Join(got, " ")
	}
	for _, tc := range []struct{ who, path, kind, want string }{
		{"olga", "flink stop", "job", "dev/orders dev/payments prod/orders"},
		{"dora", "flink stop", "job", "dev/orders"},
		{"vera", "flink stop", "job", ""},
		{"nobody", "flink job", "job", ""},
		{"olga", "flink sql", "cluster", "dev prod"},
	} {
		if got := ask(tc.who, tc.path, tc.kind); got != tc.want {
			t.Errorf("%s %s %s: %q, want %q", tc.who, tc.path, tc.kind, got, tc.want)
		}
	}
	wants(t, r.says("olga", "/flink savepoint prod/orders"), "Started")
	r.card("Savepoint: prod/orders", "Savepoint written")
	if got := ask("vera", "drey operation", "operation"); got == "" {
		t.Error("vera may see operations")
	}
	if got := ask("dora", "drey operation", "operation"); got != "" {
		t.Errorf("dora sees %s", got)
	}
	if got := ask("olga", "drey operation cancel", "operation"); got != "" {
		t.Errorf("an operation that ended is offered: %s", got)
	}
}

func TestOperations(t *testing.T) {
	r := newRig(t, map[string]*fakeFlink{"prod": newFakeFlink(running(1, "orders"))})
	wants(t, r.says("vera", "/drey operations"), "No operation under way", "None was started yet")
	wants(t, r.says("olga", "/flink savepoint orders"), "Started")
	r.card("Savepoint: prod/orders", "Savepoint written")
	m := r.says("vera", "/drey operations")
	wants(t, m, "No operation under way", "Savepoint | prod/orders | Done | olga")
	lacks(t, r.says("dora", "/drey operations"), "prod/orders")
	id := column(tableOf(t, m), "Id")[0]
	wants(t, r.says("vera", "/drey operation "+id), "Savepoint: prod/orders", "Times in UTC")
	wants(t, r.says("dora", "/drey operation "+id), "Not found", "There is no operation")
	wants(t, r.says("dora", "/drey operation cancel "+id), "Not found")
	wants(t, r.says("vera", "/drey operation cancel "+id), "You may not do that here")
	wants(t, r.says("olga", "/drey operation cancel "+id+" too late"), "Already ended")
	wants(t, r.says("olga", "/drey operation resume "+id), "Not stuck")
	wants(t, r.says("olga", "/drey operation zzzzzz"), "Not found")
	wants(t, r.says("vera", "/drey status"), "drey is up", "Version: test")
}
