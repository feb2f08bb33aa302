package alerts

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/drey-ops/drey/storage"
)

// A replica that stops gives back what it has not done: another one goes on at once, not when the leases end.
func TestWorkGivesBack(t *testing.T) {
	s, _, _ := newService(t, testOptions(), Hooks{})
	const q storage.Queue = "alerts-test"
	ids := []string{"aaaaaa", "bbbbbb", "cccccc"}
	for _, id := range ids {
		tx := s.db.Begin(id)
		tx.Enqueue(q, id, time.Time{})
		if err := s.db.Commit(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	var done string
	s.work(ctx, q, len(ids), func(ctx context.Context, items []storage.Item) {
		for _, it := range items {
			if ctx.Err() != nil {
				return
			}
			if err := s.finish(ctx, it); err != nil {
				t.Error(err)
			}
			done = it.ID
			stop()
		}
	})
	again, _, err := s.db.Claim(t.Context(), q, 10, time.Minute)
	var got []string
	for _, it := range again {
		got = append(got, it.ID)
	}
	slices.Sort(got)
	want := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == done })
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("due again: %v, want %v (%v)", got, want, err)
	}
}
