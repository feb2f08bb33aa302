package alerts

import (
	"context"
	"errors"
	"time"

	"github.com/drey-ops/drey/storage"
)

// dueQueue holds the incidents at which the clock has something to say: reminders, acknowledgements and silences that end.
const dueQueue storage.Queue = "alerts-due"

const (
	dueBatch = 64
	// dueAgain bounds how often an incident is looked at whose time has not come by this replica's clock: the queue goes by
	// the store's.
	dueAgain = time.Second
)

// dueAt is when the clock has something to say about the incident; zero: never.
func (i *Incident) dueAt() time.Time { return sooner(i.ackDue(), i.noteAt()) }

// due does what the clock asks for.
func (s *Service) due(ctx context.Context, items []storage.Item) {
	for _, it := range items {
		s.warn(ctx, it, s.dueOne(ctx, it))
	}
}

func (s *Service) dueOne(ctx context.Context, it storage.Item) error {
	var left time.Duration
	_, err := s.change(ctx, it.ID, func(i *Incident, tx *storage.Tx) ([]story, error) {
		now := s.hooks.Now()
		stories := append(i.tendAck(s.options.Ack, now), i.noteEnd(now)...)
		if len(stories) == 0 {
			left = 0
			if at := i.dueAt(); !at.IsZero() {
				left = max(at.Sub(now), dueAgain)
			}
			return nil, errSame
		}
		tx.Finish(it) // saving it makes it due again where there is more to come
		return stories, nil
	})
	return s.putBack(ctx, it, left, err)
}

// putBack is what follows a change that an item asked for: where it changed nothing the item comes again after left, or is done with
// when that is zero or the incident is gone.
func (s *Service) putBack(ctx context.Context, it storage.Item, left time.Duration, err error) error {
	switch {
	case errors.Is(err, errSame) && left > 0:
		tx := s.db.Begin(it.ID)
		tx.ReleaseAfter(it, left)
		return s.db.Commit(ctx, tx)
	case errors.Is(err, errSame), errors.Is(err, storage.ErrNotFound):
		return s.finish(ctx, it)
	}
	return err
}
