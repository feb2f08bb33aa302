package storage

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// loader returns up to page elements of each of the given lists, those after the last one seen (nil: from the start).
type loader[E any] func(ctx context.Context, want []shard, after *[shards]*E, page int) (map[shard]part[E], error)

// part is a page of one list; more says that another may follow.
type part[E any] struct {
	items []E
	more  bool
}

// merge walks the sorted lists of all shards as one, loading each a page at a time.
type merge[E any] struct {
	page  int
	load  loader[E]
	less  func(a, b E) int
	lists [shards][]E
	last  [shards]*E
	ended [shards]bool
}

// take returns the next n elements, fewer only at the end.
func (m *merge[E]) take(ctx context.Context, n int) ([]E, error) {
	var out []E
	for len(out) < n {
		if err := m.fill(ctx); err != nil {
			return nil, err
		}
		best := -1
		for s := range m.lists {
			if len(m.lists[s]) > 0 && (best < 0 || m.less(m.lists[s][0], m.lists[best][0]) < 0) {
				best = s
			}
		}
		if best < 0 {
			break
		}
		out = append(out, m.lists[best][0])
		m.lists[best] = m.lists[best][1:]
	}
	return out, nil
}

func (m *merge[E]) fill(ctx context.Context) error {
	var want []shard
	for s := range m.lists {
		if len(m.lists[s]) == 0 && !m.ended[s] {
			want = append(want, shard(s))
		}
	}
	if len(want) == 0 {
		return nil
	}
	got, err := m.load(ctx, want, &m.last, m.page)
	if err != nil {
		return err
	}
	for _, s := range want {
		items := got[s].items
		m.lists[s], m.ended[s] = items, !got[s].more
		if len(items) > 0 {
			last := items[len(items)-1]
			m.last[s] = &last
		}
	}
	return nil
}

// ranked is one member of a table's index.
type ranked struct {
	id string
	at float64
}

func newer(a, b ranked) int { return cmp.Or(cmp.Compare(b.at, a.at), cmp.Compare(a.id, b.id)) }

func names(in []ranked) []string {
	out := make([]string, len(in))
	for i, r := range in {
		out[i] = r.id
	}
	return out
}

func clamp(n, low, high int) int { return max(low, min(n, high)) }

// rankedPage loads from a table's index by score, not by rank: ranks move while others put. Members with the score that
// the last page ended in come again and are dropped, and a page of nothing else is asked for again, larger.
func (db *DB) rankedPage(table string) loader[ranked] {
	seen := map[string]bool{}
	return func(ctx context.Context, want []shard, after *[shards]*ranked, page int) (map[shard]part[ranked], error) {
		out := map[shard]part[ranked]{}
		for ; len(want) > 0; page *= 4 {
			cmds, err := db.ranges(ctx, table, want, after, page)
			if err != nil {
				return nil, err
			}
			var again []shard
			for i, s := range want {
				got := part[ranked]{more: len(cmds[i]) == page}
				for _, z := range cmds[i] {
					if id, _ := z.Member.(string); !seen[id] {
						seen[id] = true
						got.items = append(got.items, ranked{id, z.Score})
					}
				}
				if len(got.items) == 0 && got.more {
					again = append(again, s)
				}
				out[s] = got
			}
			want = again
		}
		return out, nil
	}
}

func (db *DB) ranges(ctx context.Context, table string, want []shard, after *[shards]*ranked, page int) ([][]redis.Z, error) {
	out := make([][]redis.Z, len(want))
	err := db.do(ctx, "list", func(ctx context.Context) error {
		cmds := make([]*redis.ZSliceCmd, len(want))
		_, err := db.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, s := range want {
				by := redis.ZRangeBy{Min: "-inf", Max: "+inf", Count: int64(page)}
				if last := after[s]; last != nil {
					by.Max = strconv.FormatFloat(last.at, 'f', 0, 64)
				}
				cmds[i] = p.ZRevRangeByScoreWithScores(ctx, s.key("i", table), &by)
			}
			return nil
		})
		for i, c := range cmds {
			out[i] = c.Val()
		}
		return err
	})
	return out, err
}

// under lists the ids with one root, newest first. '0' is the byte after '/'.
func (db *DB) under(ctx context.Context, table, root string) ([]ranked, error) {
	s := shardOf(root)
	var out []ranked
	err := db.do(ctx, "list", func(ctx context.Context) error {
		var self, below *redis.StringSliceCmd
		_, err := db.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			key := s.key("k", table)
			self = p.ZRangeByLex(ctx, key, &redis.ZRangeBy{Min: "[" + root, Max: "[" + root})
			below = p.ZRangeByLex(ctx, key, &redis.ZRangeBy{Min: "[" + root + "/", Max: "(" + root + "0"})
			return nil
		})
		ids := append(self.Val(), below.Val()...)
		if err != nil || len(ids) == 0 {
			return err
		}
		out = out[:0]
		for chunk := range slices.Chunk(ids, 1000) {
			at, err := db.rdb.ZMScore(ctx, s.key("i", table), chunk...).Result()
			if err != nil {
				return err
			}
			for i, id := range chunk {
				out = append(out, ranked{id, at[i]})
			}
		}
		return nil
	})
	slices.SortFunc(out, newer)
	return out, err
}
