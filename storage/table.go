package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Table is the records of one kind, kept as JSON. The zero TTL keeps them for ever.
type Table[T any] struct {
	DB   *DB
	Name string
	TTL  time.Duration // counted from the last Put
	// Unlisted records are found by their ids alone, and cost the server half as much to write: there is no Newest, Under and
	// Len of them.
	Unlisted bool
}

// listed refuses what only an index can answer.
func (t Table[T]) listed() error {
	if t.Unlisted {
		return fmt.Errorf("storage: table %s is unlisted", t.Name)
	}
	return checkName("table", t.Name)
}

// Entry is one record with its id.
type Entry[T any] struct {
	ID      string
	Version Version
	Value   T
}

// Get returns the record and the version to pass back to Put. It returns ErrNotFound.
func (t Table[T]) Get(ctx context.Context, id string) (T, Version, error) {
	var none T
	if err := errors.Join(checkName("table", t.Name), checkID(id)); err != nil {
		return none, 0, err
	}
	rows, err := t.DB.fetch(ctx, []string{id}, t.Name)
	if err != nil {
		return none, 0, fmt.Errorf("get %s %s: %w", t.Name, id, err)
	}
	if len(rows) == 0 {
		return none, 0, fmt.Errorf("%w: %s %s", ErrNotFound, t.Name, id)
	}
	e, err := decode[T](t.Name, rows[0])
	return e.Value, e.Version, err
}

// Both reads ids from two tables in one round trip. What does not exist is not in the maps.
func Both[A, B any](ctx context.Context, a Table[A], b Table[B], ids []string) (map[string]Entry[A], map[string]Entry[B], error) {
	as, bs := make(map[string]Entry[A], len(ids)), make(map[string]Entry[B], len(ids))
	rows, err := a.DB.fetch(ctx, ids, a.Name, b.Name)
	if err != nil {
		return nil, nil, fmt.Errorf("get %s and %s: %w", a.Name, b.Name, err)
	}
	for _, r := range rows {
		if r.table == a.Name {
			as[r.id], err = decode[A](r.table, r)
		} else {
			bs[r.id], err = decode[B](r.table, r)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return as, bs, nil
}

// Put writes v within tx if the record is still at version was.
func (t Table[T]) Put(tx *Tx, id string, v T, was Version) {
	tx.put(t.Name, id, was, t.Unlisted, t.TTL, v)
}

// Delete removes the record within tx if it is still at version was.
func (t Table[T]) Delete(tx *Tx, id string, was Version) { tx.delete(t.Name, id, was, t.Unlisted) }

// Check makes tx fail with ErrConflict unless the record is still at version was, and changes nothing: for writes that
// rest on what another record said.
func (t Table[T]) Check(tx *Tx, id string, was Version) { tx.expect(t.Name, id, was) }

// Newest yields up to max records (0: all) of the table over all shards, the most recently put first, with their ids.
// A record that is put while the loop runs may come twice in time, but is yielded once.
func (t Table[T]) Newest(ctx context.Context, max int) iter.Seq2[Entry[T], error] {
	return func(yield func(Entry[T], error) bool) {
		if err := t.listed(); err != nil {
			yield(Entry[T]{}, err)
			return
		}
		left := max
		if max <= 0 {
			left = int(^uint(0) >> 1)
		}
		m := merge[ranked]{page: clamp(left, 16, 256), load: t.DB.rankedPage(t.Name), less: newer}
		for left > 0 {
			ids, err := m.take(ctx, min(left, fetchMax))
			if err == nil && len(ids) == 0 {
				return
			}
			n, ok := t.yield(ctx, names(ids), err, yield)
			if !ok {
				return
			}
			left -= n
		}
	}
}

// Under yields the records whose id has the given root, the most recently put first.
func (t Table[T]) Under(ctx context.Context, root string) iter.Seq2[Entry[T], error] {
	return func(yield func(Entry[T], error) bool) {
		err := errors.Join(t.listed(), checkID(root))
		var ids []ranked
		if err == nil {
			ids, err = t.DB.under(ctx, t.Name, Root(root))
		}
		if err != nil {
			yield(Entry[T]{}, err)
			return
		}
		for part := range slices.Chunk(ids, fetchMax) {
			if _, ok := t.yield(ctx, names(part), nil, yield); !ok {
				return
			}
		}
	}
}

// yield passes on the records of ids that still exist, and says how many, and whether to go on.
func (t Table[T]) yield(ctx context.Context, ids []string, err error, yield func(Entry[T], error) bool) (n int, more bool) {
	var rows []row
	if err == nil {
		rows, err = t.DB.fetch(ctx, ids, t.Name)
	}
	if err != nil {
		yield(Entry[T]{}, fmt.Errorf("list %s: %w", t.Name, err))
		return 0, false
	}
	for _, r := range rows {
		e, err := decode[T](t.Name, r)
		if !yield(e, err) || err != nil {
			return n, false
		}
		n++
	}
	return n, true
}

// Len counts the records of the table.
func (t Table[T]) Len(ctx context.Context) (int, error) {
	if err := t.listed(); err != nil {
		return 0, err
	}
	return t.DB.count(ctx, t.Name)
}

// updateTries is how often Update reads again. Under contention each round lets at least one writer through.
const updateTries = 50

// Update reads, changes and writes one record in a Tx of its own, again on conflict. fn gets the zero T and New when
// there is none; it may add to tx; returning an error stops without a write. fn runs again after a conflict.
func (t Table[T]) Update(ctx context.Context, id string, fn func(tx *Tx, v *T, was Version) error) error {
	pause := time.Millisecond
	for try := 1; ; try++ {
		v, was, err := t.Get(ctx, id)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		tx := t.DB.Begin(Root(id))
		if err := fn(tx, &v, was); err != nil {
			return err
		}
		t.Put(tx, id, v, was)
		err = t.DB.Commit(ctx, tx)
		if !errors.Is(err, ErrConflict) || try == updateTries {
			return err
		}
		if !sleep(ctx, pause/2+rand.N(pause)) {
			return fmt.Errorf("update %s %s: %w", t.Name, id, context.Cause(ctx))
		}
		pause = min(2*pause, 50*time.Millisecond)
	}
}

// fetchMax is how many records one round trip reads.
const fetchMax = 64

// row is one record as stored.
type row struct {
	table   string
	id      string
	version Version
	data    string
}

func decode[T any](table string, r row) (Entry[T], error) {
	e := Entry[T]{ID: r.id, Version: r.version}
	if err := json.Unmarshal([]byte(r.data), &e.Value); err != nil {
		return e, fmt.Errorf("storage: %s %s holds what this version cannot read: %w", table, r.id, err)
	}
	return e, nil
}

// fetch reads the records of some tables that exist, in the order of ids.
func (db *DB) fetch(ctx context.Context, ids []string, tables ...string) ([]row, error) {
	var rows []row
	err := db.do(ctx, "get", func(ctx context.Context) error {
		rows = rows[:0]
		cmds := make([]*redis.SliceCmd, 0, len(ids)*len(tables))
		err := db.joint.run(ctx, db.rdb, func(p redis.Pipeliner) {
			for _, id := range ids {
				for _, table := range tables {
					cmds = append(cmds, p.HMGet(ctx, recordKey(shardOf(id), table, id), "v", "d"))
				}
			}
		})
		if err != nil {
			return err
		}
		for i, c := range cmds {
			if err := c.Err(); err != nil {
				return err
			}
			v, _ := c.Val()[0].(string)
			d, ok := c.Val()[1].(string)
			if n, err := strconv.ParseInt(v, 10, 64); ok && err == nil {
				rows = append(rows, row{table: tables[i%len(tables)], id: ids[i/len(tables)], version: Version(n), data: d})
			}
		}
		return nil
	})
	return rows, err
}

func (db *DB) count(ctx context.Context, table string) (int, error) {
	var n int64
	err := db.do(ctx, "len", func(ctx context.Context) error {
		now, err := db.rdb.Time(ctx).Result()
		if err != nil {
			return err
		}
		var all, old [shards]*redis.IntCmd
		_, err = db.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			for s := range all {
				all[s] = p.ZCard(ctx, shard(s).key("i", table))
				old[s] = p.ZCount(ctx, shard(s).key("x", table), "-inf", strconv.FormatInt(now.UnixMilli(), 10))
			}
			return nil
		})
		n = 0
		for s := range all {
			n += all[s].Val() - old[s].Val()
		}
		return err
	})
	return int(n), err
}
