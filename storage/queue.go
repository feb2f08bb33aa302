package storage

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Queue names a set of things that become due.
type Queue string

// Item is one claimed thing, held until its lease ends.
type Item struct {
	Queue Queue
	ID    string
	Fence int64 // larger at every claim of the queue
	// Lost is when the first of the leases before this one began, by the server's clock, that nobody gave back: whoever held it
	// died, or is slow, and may have begun what the item asks for. Zero: none.
	Lost time.Time
}

// counted is more than any fence of those that were once counted from 1, and tell no time.
const counted = 100_000_000_000

func (it *Item) leased(fence, lost int64) {
	it.Fence = fence
	if lost > counted {
		it.Lost = time.UnixMilli(lost)
	}
}

// idlePoll is the longest that Claim tells to wait: something enqueued by another replica is seen by then. What this process
// makes due earlier wakes its workers.
const idlePoll = time.Second

func queueKeys(s shard, q Queue) []string {
	return []string{s.key("q", string(q)), s.key("f", string(q)), s.key("a", string(q))}
}

// Claim takes up to max due items and hides them until the lease ends. next is how long until the queue's next item is
// due (at most a second).
func (db *DB) Claim(ctx context.Context, q Queue, max int, lease time.Duration) (got []Item, next time.Duration, err error) {
	if err := checkName("queue", string(q)); err != nil || max <= 0 {
		return nil, idlePoll, err
	}
	p, err := db.peek(ctx, q, false)
	if err != nil {
		return nil, idlePoll, err
	}
	due := p.due()
	for len(due) > 0 && len(got) < max {
		n := p.enough(due, max-len(got))
		full, err := db.claim(ctx, q, due[:n], max-len(got), lease, &got)
		if err != nil {
			return got, 0, err
		}
		due = append(due[n:], full...)
	}
	if len(got) == max {
		return got, 0, nil
	}
	return got, p.next(), nil
}

// Take claims the item id of q whether it is due or not, and whoever holds it: the holder finds its lease lost. It
// returns ErrNotFound when id is not in q. It is for tools and tests that do one thing now; workers use Claim.
func (db *DB) Take(ctx context.Context, q Queue, id string, lease time.Duration) (Item, error) {
	if err := errors.Join(checkName("queue", string(q)), checkID(id)); err != nil {
		return Item{}, err
	}
	it := Item{Queue: q, ID: id}
	err := db.do(ctx, "take", func(ctx context.Context) error {
		got, err := db.lua.take.Run(ctx, db.rdb, queueKeys(shardOf(id), q), id, lease.Milliseconds()).Int64Slice()
		if err == nil {
			it.leased(got[0], got[1])
		}
		return err
	})
	if err == nil && it.Fence == 0 {
		err = fmt.Errorf("%w: %s in queue %s", ErrNotFound, id, q)
	}
	return it, err
}

// claim leases from the given shards, no more than want, in one round trip, at most want items in all, and returns the
// shards that may hold more. Each gets an even part of want, so that a busy shard does not starve the others.
func (db *DB) claim(ctx context.Context, q Queue, due []shard, want int, lease time.Duration, got *[]Item) (full []shard, err error) {
	share := want / len(due)
	replies := make([]*redis.Cmd, len(due))
	err = db.do(ctx, "claim", func(ctx context.Context) error {
		_, err := db.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, s := range due {
				replies[i] = db.lua.claim.EvalSha(ctx, p, queueKeys(s, q), share, lease.Milliseconds())
			}
			return nil
		})
		if err != nil && !redis.HasErrorPrefix(err, "NOSCRIPT") {
			return err
		}
		for i, s := range due {
			if redis.HasErrorPrefix(replies[i].Err(), "NOSCRIPT") { // once after each start of the server
				replies[i] = db.lua.claim.Eval(ctx, db.rdb, queueKeys(s, q), share, lease.Milliseconds())
			}
			if err := replies[i].Err(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i, s := range due {
		list, err := replies[i].Slice()
		if err != nil {
			return full, fmt.Errorf("claim: %w", err)
		}
		for j := 0; j+2 < len(list); j += 3 {
			id, _ := list[j].(string)
			fence, _ := list[j+1].(int64)
			lost, _ := list[j+2].(int64)
			it := Item{Queue: q, ID: id}
			it.leased(fence, lost)
			*got = append(*got, it)
		}
		if len(list) == 3*share {
			full = append(full, s)
		}
	}
	return full, nil
}

// peekMax is how many items of a shard a peek sees: the more are taken from one shard at a time, the less a backlog costs.
const peekMax = 4

// peek is what a queue looks like from outside: the earliest time of every shard, and the server's clock.
type peek struct {
	now   int64
	first [shards]int64 // ms; 0: the shard is empty
	ready [shards]int   // how many are due, up to peekMax
	later int64         // the earliest time that is not due yet; now, where there may be one that was not seen
	count int64         // where it was asked for
}

func (db *DB) peek(ctx context.Context, q Queue, counting bool) (peek, error) {
	var out peek
	err := db.do(ctx, "peek", func(ctx context.Context) error {
		var first [shards]*redis.ZSliceCmd
		var count [shards]*redis.IntCmd
		var now *redis.TimeCmd
		_, err := db.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			now = p.Time(ctx)
			for s := range first {
				key := queueKeys(shard(s), q)[0]
				first[s] = p.ZRangeWithScores(ctx, key, 0, peekMax-1)
				if counting {
					count[s] = p.ZCard(ctx, key)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		out = peek{now: now.Val().UnixMilli(), later: math.MaxInt64}
		for s := range first {
			for i, z := range first[s].Val() {
				at := int64(z.Score)
				if i == 0 {
					out.first[s] = at
				}
				if at <= out.now {
					out.ready[s]++
				} else {
					out.later = min(out.later, at)
				}
			}
			if out.ready[s] == peekMax {
				out.later = out.now
			}
			if counting {
				out.count += count[s].Val()
			}
		}
		return nil
	})
	return out, err
}

// due lists the shards with something due, beginning anywhere, so that replicas do not all fight for the first.
func (p *peek) due() []shard {
	var out []shard
	start := rand.N(shards)
	for i := range shards {
		s := (start + i) % shards
		if p.first[s] != 0 && p.first[s] <= p.now {
			out = append(out, shard(s))
		}
	}
	return out
}

// enough is how many of the first of some shards, each with something due, seem to hold want items.
func (p *peek) enough(due []shard, want int) int {
	for i, s := range due {
		if want -= p.ready[s]; want <= 0 {
			return i + 1
		}
	}
	return len(due)
}

// next is the time until something that is not due now becomes due.
func (p *peek) next() time.Duration {
	return time.Duration(min(p.later-p.now, idlePoll.Milliseconds())) * time.Millisecond
}

// Extend keeps a claimed item for another lease, or returns ErrConflict if it was lost.
func (db *DB) Extend(ctx context.Context, it Item, lease time.Duration) error {
	var kept int
	err := db.do(ctx, "extend", func(ctx context.Context) (err error) {
		kept, err = db.lua.extend.Run(ctx, db.rdb, queueKeys(shardOf(it.ID), it.Queue), it.ID, strconv.FormatInt(it.Fence, 10), lease.Milliseconds()).Int()
		return err
	})
	if err == nil && kept == 0 {
		err = fmt.Errorf("%w: lease of %s", ErrConflict, it.ID)
	}
	return err
}

// Wake returns a channel that gets a value when a Tx of this process enqueued something in q that is due sooner than a Claim
// from before may have told. All callers for one queue share the channel, which holds one value: take it, then Claim until
// nothing is due.
func (db *DB) Wake(q Queue) <-chan struct{} { return db.wakeChan(q) }

func (db *DB) wakeChan(q Queue) chan struct{} {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.wakes == nil {
		db.wakes = map[Queue]chan struct{}{}
	}
	c := db.wakes[q]
	if c == nil {
		c = make(chan struct{}, 1)
		db.wakes[q] = c
	}
	return c
}

func (db *DB) wake(q Queue) {
	select {
	case db.wakeChan(q) <- struct{}{}:
	default: // one is waiting to be taken already
	}
}

// Depth counts the items of q, due or not, and tells when the oldest due one became due (zero: none).
func (db *DB) Depth(ctx context.Context, q Queue) (n int, oldest time.Time, err error) {
	if err := checkName("queue", string(q)); err != nil {
		return 0, time.Time{}, err
	}
	p, err := db.peek(ctx, q, true)
	if err != nil {
		return 0, time.Time{}, err
	}
	first := p.now + 1
	for _, at := range p.first {
		if at != 0 {
			first = min(first, at)
		}
	}
	if first <= p.now {
		oldest = time.UnixMilli(first)
	}
	return int(p.count), oldest, nil
}
