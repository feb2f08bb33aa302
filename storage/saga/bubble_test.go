package saga_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/saga"
)

// TestBubble lets hours pass within a moment: pauses, deadlines of waits and leases follow the clock of a synctest bubble.
func TestBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, err := storage.Open(t.Context(), storage.Options{Memory: true}, nil)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		var at []time.Duration
		e := saga.New(db, nil, saga.Options{}, saga.Define("p", 1, nil,
			step{Name: "pause", Do: func(_ context.Context, r *run) (saga.Next, error) {
				at = append(at, time.Since(began).Round(2*time.Second))
				if r.State.A++; r.State.A == 1 {
					return saga.Next{After: time.Hour}, nil
				}
				return saga.Next{}, nil
			}},
			step{Name: "wait", Do: func(_ context.Context, r *run) (saga.Next, error) {
				at = append(at, time.Since(began).Round(2*time.Second))
				if r.State.A++; r.State.A == 3 {
					return saga.Next{Wait: "never", Until: time.Now().Add(30 * time.Minute)}, nil
				}
				return saga.Next{}, nil
			}}))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- e.Run(ctx) }()
		tx := db.Begin("x")
		if err := e.Start(tx, "x", "p", counts{}, nil); err != nil {
			t.Fatal(err)
		}
		if err := db.Commit(ctx, tx); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		r, err := e.Get(ctx, "x")
		if err != nil || r.Status != saga.Done || len(at) != 4 || at[1] != time.Hour || at[3] != 90*time.Minute {
			t.Errorf("%s at %v, %v", r.Status, at, err)
		}
		time.Sleep(31 * 24 * time.Hour / 100) // not yet forgotten
		if _, err := e.Get(ctx, "x"); err != nil {
			t.Error(err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}
