package ops

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRecent(t *testing.T) {
	r := newRig(t, memory(t), "prod")
	recent := func(job Target, since time.Time) []string {
		t.Helper()
		cs, err := r.ops.Recent(t.Context(), job, since)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, c := range cs {
			if c.At.IsZero() || c.Operation == "" || c.Ended.IsZero() != (c.Outcome == "under way") {
				t.Errorf("not whole: %+v", c)
			}
			out = append(out, c.Line)
		}
		return out
	}
	check := func(got []string, want ...string) {
		t.Helper()
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	}
	long := time.Now().Add(-time.Hour)
	check(recent(r.target("orders"), long))
	job := r.submitted("orders", 2)
	r.submitted("others", 1)
	r.run("savepoint", Savepoint{Job: r.target("orders")})
	r.start("stop", Stop{Job: r.target("orders")})
	check(recent(r.target("orders"), long), "Stop with savepoint by olga, under way", "Submit by olga, done")
	check(recent(Target{Cluster: r.name, Name: "orders", JobID: job}, long), "Stop with savepoint by olga, under way", "Submit by olga, done")
	check(recent(r.target("others"), long), "Submit by olga, done")
	check(recent(r.target("orders"), time.Now().Add(time.Hour)))
}
