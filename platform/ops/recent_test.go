package ops

import (
	"strings"
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
			if c.At.IsZero() || c.Operation == "" || c.By != "olga" || c.Ended.IsZero() != (c.Outcome == "") {
				t.Errorf("not whole: %+v", c)
			}
			out = append(out, strings.TrimSpace(c.Line+" "+c.Outcome))
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
	r.submitted("orders", 2)
	r.submitted("others", 1)
	r.run("savepoint", Savepoint{Job: r.target("orders")})
	r.run("scale", Scale{Job: r.target("orders"), Parallelism: 4})
	job := r.known("orders").Current
	r.start("stop", Stop{Job: r.target("orders")})
	check(recent(r.target("orders"), long), "stopped with a savepoint", "scaled 2 → 4 done", "submitted done")
	check(recent(Target{Cluster: r.name, Name: "orders", JobID: job}, long), "stopped with a savepoint", "scaled 2 → 4 done", "submitted done")
	check(recent(r.target("others"), long), "submitted done")
	check(recent(r.target("orders"), time.Now().Add(time.Hour)))
}
