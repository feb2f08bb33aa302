package alerts

import (
	"context"
	"errors"
	"time"

	"github.com/drey-ops/drey/storage"
)

const (
	// lease is how long a worker may be silent before another replica takes its items.
	lease = 30 * time.Second
	// giveBackWithin bounds how long a worker that stops waits for the store.
	giveBackWithin = 2 * time.Second
)

// work claims due items and hands them to do, a batch at a time. What do has not settled when ctx ends is due again at once: another
// replica need not wait for the leases to end.
func (s *Service) work(ctx context.Context, q storage.Queue, max int, do func(context.Context, []storage.Item)) {
	for ctx.Err() == nil {
		items, next, err := s.db.Claim(ctx, q, max, lease)
		if err != nil && ctx.Err() == nil {
			s.log.Warn("alerts worker waits for the store", "queue", string(q), "err", err)
			next = time.Second
		}
		if len(items) > 0 {
			if ctx.Err() == nil {
				do(ctx, items)
			}
			if ctx.Err() != nil {
				s.giveBack(ctx, items)
			}
			continue
		}
		select {
		case <-ctx.Done():
		case <-s.db.Wake(q):
		case <-time.After(next):
		}
	}
}

// giveBack makes items due again that a worker which stops still holds. Of the others the lease is over: they stay as they are.
func (s *Service) giveBack(ctx context.Context, items []storage.Item) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveBackWithin)
	defer cancel()
	for _, it := range items {
		tx := s.db.Begin(it.ID)
		tx.Release(it, time.Time{})
		if err := s.db.Commit(ctx, tx); err != nil && !errors.Is(err, storage.ErrConflict) {
			s.log.Warn("alerts worker gives an item back", "queue", string(it.Queue), "id", it.ID, "err", err)
			return // the leases of the others run out
		}
	}
}
