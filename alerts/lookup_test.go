package alerts

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/platform"
)

func TestChoose(t *testing.T) {
	start := newClock().t
	job := func(id, name string, st platform.JobState, age time.Duration) platform.Job {
		return platform.Job{ID: platform.JobID(id), Name: name, State: st, Start: start.Add(-age)}
	}
	jobs := []platform.Job{
		job("a1", "orders", platform.Failed, 3*time.Hour),
		job("a2", "orders", platform.Running, time.Hour),
		job("b1", "demo-late", platform.Running, time.Hour),
		job("c1", "twice", platform.Running, time.Hour),
		job("c2", "twice", platform.Running, time.Minute),
		job("d1", "ended", platform.Failed, time.Hour),
		job("d2", "ended", platform.Canceled, 2*time.Hour),
	}
	for _, tt := range []struct {
		id, name, want string
		only           bool
	}{
		{"a2", "", "a2", true},
		{"A2", "", "a2", true},
		{"a1", "", "a2", true},        // it was submitted again
		{"zz", "orders", "a2", true},  // an id that the cluster has forgotten
		{"", "demo_late", "b1", true}, // mangled by the reporter
		{"c1", "twice", "c1", false},  // an id is exact, but its name is not enough for a command
		{"", "twice", "c2", false},    // the newest
		{"", "ended", "d1", true},     // over, the newest
		{"d2", "ended", "d2", true},   // over, and no live one
		{"zz", "nope", "", false},
		{"zz", "", "", false},
	} {
		got, only, ok := choose(jobs, tt.id, tt.name)
		if string(got.ID) != tt.want || ok != (tt.want != "") || ok && only != tt.only {
			t.Errorf("%q %q: got %q, only %v; want %q, %v", tt.id, tt.name, got.ID, only, tt.want, tt.only)
		}
	}
}

// cluster is a driver that knows a few jobs.
type cluster struct {
	platform.Driver
	jobs  []platform.Job
	down  bool
	asked int
}

func (c *cluster) Describe(context.Context) (platform.Info, error) {
	return platform.Info{Cannot: map[platform.Op]string{platform.OpRescale: "no", platform.OpStop: "no"}}, nil
}

func (c *cluster) Jobs(context.Context) ([]platform.Job, error) {
	if c.down {
		return nil, platform.Errorf(platform.Unavailable, "", "nobody answers")
	}
	c.asked++
	return c.jobs, nil
}

func (c *cluster) Exceptions(context.Context, platform.JobID, int) ([]platform.Exception, error) {
	return []platform.Exception{{Root: "java.io.IOException: disk full"}}, nil
}

func (c *cluster) Checkpoints(context.Context, platform.JobID) (platform.Checkpoints, error) {
	return platform.Checkpoints{Completed: 1, Latest: &platform.Checkpoint{At: newClock().t}}, nil
}

func TestLookup(t *testing.T) {
	prod := &cluster{jobs: []platform.Job{{ID: "a2", Name: "orders", State: platform.Running, Restarts: 3}}}
	test := &cluster{jobs: []platform.Job{{ID: "b2", Name: "late", State: platform.Running}}}
	l := NewLookup(map[string]*platform.Cluster{
		"prod": platform.Open("prod", nil, prod, platform.Options{}), "test": platform.Open("test", nil, test, platform.Options{}),
	}, map[string]string{"prod": "https://flink.example/"})
	got, err := l.Lookup(t.Context(), "prod", "a2", "")
	want := JobFacts{
		Ref: platform.JobRef{Cluster: "prod", Job: "orders"}, Name: "orders", ID: "a2", State: platform.Running, Restarts: 3, RootCause: "java.io.IOException: disk full",
		Checkpoints: true, Checkpoint: newClock().t, Thrown: []platform.Exception{{Root: "java.io.IOException: disk full"}}, URL: "https://flink.example/#/job/running/a2/overview", Cannot: []platform.Op{platform.OpRescale, platform.OpStop},
	}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Error(d, err)
	}
	for range 50 {
		if got, err := l.Lookup(t.Context(), "unknown-label", "", "late"); err != nil || got.Ref.Cluster != "test" {
			t.Fatal(got.Ref, err)
		}
	}
	if prod.asked > 10 || test.asked > 10 { // once each, unless the machine is slow
		t.Errorf("asked for jobs %d and %d times", prod.asked, test.asked)
	}
	if _, err := l.Lookup(t.Context(), "", "", "nope"); platform.KindOf(err) != platform.NotFound {
		t.Errorf("nobody has it: %v", err)
	}
	down := NewLookup(map[string]*platform.Cluster{
		"prod": platform.Open("prod", nil, &cluster{down: true}, platform.Options{}), "test": platform.Open("test", nil, test, platform.Options{}),
	}, nil)
	if _, err := down.Lookup(t.Context(), "", "", "orders"); platform.KindOf(err) != platform.Unavailable {
		t.Errorf("a cluster is down, so nobody knows: %v", err)
	}
	if got, err := down.Lookup(t.Context(), "", "", "late"); err != nil || got.ID != "b2" {
		t.Errorf("another has it: %v, %v", got.ID, err)
	}
}
