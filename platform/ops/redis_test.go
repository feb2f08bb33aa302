package ops

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/saga"
	"github.com/drey-ops/drey/storage/storagetest"
)

// TestRedisKilled kills the store where an effect has happened and its commit is still to come.
func TestRedisKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a redis-server")
	}
	url, srv := storagetest.Redis(t)
	r := newRig(t, storagetest.With(t, storage.Options{Redis: url}), "prod")
	r.submitted("orders", 2)
	var wg sync.WaitGroup
	var mu sync.Mutex
	points := map[string]bool{"after begin-stop": true, "after poll-stop": true, "after begin-new": true, "before checkpoint": true}
	r.boot(func(at string) {
		mu.Lock()
		defer mu.Unlock()
		if !points[at] {
			return
		}
		delete(points, at)
		srv.Kill()
		wg.Go(func() {
			time.Sleep(300 * time.Millisecond)
			srv.Start(t)
		})
	})
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan error, 1)
	id := r.start("event", Scale{Job: r.target("orders"), Parallelism: 4}).ID
	go func() { over <- r.ops.Run(ctx) }()
	var op Operation
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		var err error
		if op, err = r.ops.Get(context.Background(), id); err == nil && !op.Status.Live() {
			break
		}
	}
	stop()
	if err := <-over; err != nil {
		t.Error(err)
	}
	wg.Wait()
	if len(points) > 0 {
		t.Errorf("never reached %v", points)
	}
	r.ended(op, saga.Done, "completed a checkpoint")
	r.effects("stop orders", "submit orders at 4")
	if sp, ok := r.known("orders").Newest(); !ok || !strings.HasPrefix(op.Result.Savepoint, "file:/savepoints/") {
		t.Errorf("%+v", sp)
	}
}
