package storage

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// togetherMax is how many calls share a round trip: no answer waits long for those before it.
const togetherMax = 64

// together lets calls that are made at the same time share a round trip: while one is under way those that come form the next.
// A call that comes alone goes at once. What a round trip costs, on both ends, is mostly the same for one command as for many.
type together struct {
	mu      sync.Mutex
	busy    bool
	waiting []*joined
}

// joined is a call that waits for its round trip.
type joined struct {
	add  func(p redis.Pipeliner)
	turn chan struct{} // it is to make the next round trip, with all that wait by then
	done chan struct{} // somebody made it
}

// run sends the commands that add puts into p; each holds its own answer, or error, afterwards. It returns an error when
// nothing was sent, as ctx ended before.
func (t *together) run(ctx context.Context, rdb redis.UniversalClient, add func(p redis.Pipeliner)) error {
	j := &joined{add: add, turn: make(chan struct{}), done: make(chan struct{})}
	t.mu.Lock()
	t.waiting = append(t.waiting, j)
	first := !t.busy
	t.busy = true
	t.mu.Unlock()
	if !first {
		select {
		case <-j.done:
			return nil
		case <-j.turn:
		case <-ctx.Done():
			if t.leave(j) {
				return context.Cause(ctx)
			}
			select { // it is being sent, or its turn has just come
			case <-j.done:
				return nil
			case <-j.turn:
			}
		}
	}
	batch := t.take()
	send(ctx, rdb.Pipeline(), batch)
	t.pass()
	for _, b := range batch {
		close(b.done)
	}
	return nil
}

// leave takes j out of those that wait; false when it is not among them, or its turn has come.
func (t *together) leave(j *joined) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-j.turn:
		return false
	default:
	}
	for i, w := range t.waiting {
		if w == j {
			t.waiting = append(t.waiting[:i:i], t.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// take returns those whose turn it is: whoever asks is the first of them.
func (t *together) take() []*joined {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := min(len(t.waiting), togetherMax)
	batch := t.waiting[:n:n]
	t.waiting = append([]*joined(nil), t.waiting[n:]...)
	return batch
}

// pass gives the turn to the first that waits.
func (t *together) pass() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.busy = len(t.waiting) > 0; t.busy {
		close(t.waiting[0].turn)
	}
}

// send makes the round trip, within the deadline of whoever makes it; the others see an error that says to ask again.
func send(ctx context.Context, p redis.Pipeliner, batch []*joined) {
	deadline, ok := ctx.Deadline()
	ctx = context.WithoutCancel(ctx)
	if ok && time.Until(deadline) > 0 { // else it is made for the others alone
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	for _, b := range batch {
		b.add(p)
	}
	_, _ = p.Exec(ctx) // each command holds its own error
}
