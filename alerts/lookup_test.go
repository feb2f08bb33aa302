package alerts

import (
	"testing"
	"time"

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
