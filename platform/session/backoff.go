package session

import (
	"context"
	"time"
)

// backoff spaces polls of one server: soon at first, since most answers come within 0.2 s, then rarely.
type backoff struct{ next, most time.Duration }

func newBackoff() *backoff {
	return &backoff{next: 20 * time.Millisecond, most: 500 * time.Millisecond}
}

// sleep waits for the next poll or the end of ctx.
func (b *backoff) sleep(ctx context.Context) error {
	t := time.NewTimer(b.next)
	defer t.Stop()
	b.next = min(b.next*3/2, b.most)
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return stopped(ctx)
	}
}
