package bot

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/drey-ops/drey/storage"
)

// keep makes sure that half of the lease is left.
func (j *job) keep(ctx context.Context) bool {
	if time.Since(j.c.since) < j.o.lease/2 {
		return true
	}
	if err := j.extend(ctx); err != nil {
		if !errors.Is(err, storage.ErrConflict) {
			j.o.log.Error("lease not kept", "key", j.c.ID, "error", err)
		}
		return false // another worker has it, or will
	}
	return true
}

func (j *job) extend(ctx context.Context) error {
	now := time.Now()
	err := j.o.db.Extend(ctx, j.c.Item, j.o.lease)
	if err == nil {
		j.c.since = now
	}
	return err
}

// hold keeps the lease while the network is asked, which may take longer, and ends ctx when it is lost. Until the returned
// function has returned, nobody else may use j's lease.
func (j *job) hold(ctx context.Context) (held context.Context, end func()) {
	held, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(j.o.lease / 3)
		defer tick.Stop()
		for {
			select {
			case <-held.Done():
				return
			case <-tick.C:
			}
			if errors.Is(j.extend(held), storage.ErrConflict) {
				cancel()
			}
		}
	})
	return held, func() {
		cancel()
		wg.Wait()
	}
}
