package alerts

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/bot"
)

// What drey does to a job stands in the job's episode, whoever asked for it and wherever; but not twice.
func TestOperationIsTold(t *testing.T) {
	_, w, s, out, c := plannedService(t, nil)
	take(t, s, webhook("FlinkJobCrashLoop", orders(), Firing))
	op := restartOf("orders", c.now())
	for _, kind := range []string{"savepoint", "restart"} {
		op.Kind = kind
		w.put(t, s, op)
		tend(t, s)
	}
	c.pass(42 * time.Second)
	op.Ended = c.now()
	for range 2 {
		w.put(t, s, op)
		tend(t, s)
	}
	want := []string{"Restart by Olga (operation 7f3k2a)", "Restart is done after 42 s (operation 7f3k2a)"}
	if d := cmp.Diff(want, texts(out.stories(t))); d != "" {
		t.Error(d)
	}
	other := restartOf("orders", c.now())
	other.Short, other.Card = "8g4m3b", bot.Place{Network: "web", Channel: "oncall", Thread: "t1"}
	w.put(t, s, other)
	tend(t, s)
	if n := len(out.stories(t)); n != 2 {
		t.Errorf("%d stories: one begun in a thread tells itself", n)
	}
}
