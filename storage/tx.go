package storage

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"
)

// Tx collects writes that happen together or not at all. Every id in it must have the same root: the part before the
// first '/'. Ids with one root live in one shard, so that one script can change them together, on a Redis Cluster too.
//
// A Tx is for one goroutine and one Commit. The first mistake in it is what Commit returns.
type Tx struct {
	root  string
	shard shard
	keys  []string
	args  []any
	what  []string // names each operation, for errors
	wakes map[int]Queue
	err   error
}

const defaultLogMax = 10_000

// Begin returns an empty Tx for ids under the given root.
func (db *DB) Begin(root string) *Tx {
	tx := &Tx{root: Root(root), shard: shardOf(root), keys: []string{""}, args: []any{0}}
	tx.fail(checkID(root))
	return tx
}

// Root is the root that Begin was given: the only one that ids in tx may have.
func (t *Tx) Root() string { return t.root }

// Append adds v, as JSON, to the end of a log, kept to about max newest entries of the shard (0 means 10,000).
func (t *Tx) Append(log string, v any, max int64) {
	data, err := json.Marshal(v)
	t.fail(checkName("log", log), err)
	if max <= 0 {
		max = defaultLogMax
	}
	t.add("append to "+log, "a", t.key(t.shard.key("l", log)), max, data)
}

// Once makes the whole Tx fail with ErrSeen when mark was set within ttl before; else it sets it. A mark is known in
// the shard of the Tx's root only: to be told apart, what may come twice must come under the same root.
func (t *Tx) Once(mark string, ttl time.Duration) {
	if ttl < time.Millisecond {
		t.fail(fmt.Errorf("storage: once %q: ttl %s is too short", mark, ttl))
	}
	if mark == "" {
		t.fail(errors.New("storage: once: empty mark"))
	}
	name := mark
	if len(name) > maxID || !utf8.ValidString(name) { // a mark may be anything that came from outside
		name = fmt.Sprintf("sha256-%x", sha256.Sum256([]byte(name)))
	}
	t.add(fmt.Sprintf("once %.80q", mark), "o", t.key(t.shard.key("o", name)), ttl.Milliseconds())
}

// Enqueue makes id due in queue at the given time (zero: at once). Earlier of two times wins. While a worker holds the
// lease of id, the worker keeps it, and id becomes due again when the worker lets go.
func (t *Tx) Enqueue(q Queue, id string, at time.Time) {
	t.check(id)
	t.add("enqueue "+id, "e", t.queue(q), id, millis(at))
}

// EnqueueAfter makes id due after a pause by the server's clock, and is like Enqueue else.
func (t *Tx) EnqueueAfter(q Queue, id string, pause time.Duration) {
	t.check(id)
	t.add("enqueue "+id, "e", t.queue(q), id, -pauseMillis(pause))
}

// Release gives a claimed item back: due again at the given time, or earlier if it was enqueued meanwhile.
// The Tx fails with ErrConflict when the lease was lost.
func (t *Tx) Release(it Item, at time.Time) {
	t.check(it.ID)
	t.add("release "+it.ID, "r", t.queue(it.Queue), it.ID, it.Fence, millis(at))
}

// ReleaseAfter gives a claimed item back after a pause by the server's clock, and is like Release else.
func (t *Tx) ReleaseAfter(it Item, pause time.Duration) {
	t.check(it.ID)
	t.add("release "+it.ID, "r", t.queue(it.Queue), it.ID, it.Fence, -pauseMillis(pause))
}

// Finish takes a claimed item out of its queue, unless it was enqueued meanwhile: then it becomes due at that time.
// The Tx fails with ErrConflict when the lease was lost.
func (t *Tx) Finish(it Item) {
	t.check(it.ID)
	t.add("finish "+it.ID, "f", t.queue(it.Queue), it.ID, it.Fence)
}

// Keep goes on holding a claimed item for another lease: for a worker that commits a part of its work. The Tx fails with
// ErrConflict when the lease was lost.
func (t *Tx) Keep(it Item, lease time.Duration) {
	t.check(it.ID)
	t.add("keep "+it.ID, "h", t.queue(it.Queue), it.ID, it.Fence, lease.Milliseconds())
}

func (t *Tx) put(table, id string, was Version, unlisted bool, ttl time.Duration, v any) {
	t.check(id)
	data, err := json.Marshal(v)
	t.fail(checkName("table", table), err)
	rec, tab := t.record(table, id, unlisted)
	t.add("put "+table+" "+id, "p", rec, id, int64(was), tab, ttl.Milliseconds(), data)
}

func (t *Tx) delete(table, id string, was Version, unlisted bool) {
	t.check(id)
	t.fail(checkName("table", table))
	rec, tab := t.record(table, id, unlisted)
	t.add("delete "+table+" "+id, "d", rec, id, int64(was), tab)
}

func (t *Tx) expect(table, id string, was Version) {
	t.check(id)
	t.fail(checkName("table", table))
	t.add("check "+table+" "+id, "c", t.key(recordKey(t.shard, table, id)), id, int64(was))
}

func recordKey(s shard, table, id string) string { return s.key("r", table+":"+id) }

// record returns the places of a record and of its table's indexes: 0 where it has none.
func (t *Tx) record(table, id string, unlisted bool) (rec, tab int) {
	rec = t.key(recordKey(t.shard, table, id))
	if unlisted {
		return rec, 0
	}
	return rec, t.group(t.shard.key("i", table), t.shard.key("k", table), t.shard.key("x", table))
}

func (t *Tx) queue(q Queue) int {
	t.fail(checkName("queue", string(q)))
	i := t.group(queueKeys(t.shard, q)...)
	if t.wakes == nil {
		t.wakes = map[int]Queue{}
	}
	t.wakes[i] = q
	return i
}

// key returns the place of a key among the script's KEYS, which count from 1.
func (t *Tx) key(k string) int { return t.group(k) }

// group returns the place of the first of some keys that always come together.
func (t *Tx) group(ks ...string) int {
	if i := slices.Index(t.keys, ks[0]); i >= 0 {
		return i + 1
	}
	t.keys = append(t.keys, ks...)
	return len(t.keys) - len(ks) + 1
}

func (t *Tx) add(what string, args ...any) {
	t.what = append(t.what, what)
	t.args = append(t.args, args...)
}

func (t *Tx) check(id string) {
	t.fail(checkID(id))
	if Root(id) != t.root {
		t.fail(fmt.Errorf("%w: %q in a transaction for %q", ErrCrossShard, id, t.root))
	}
}

func (t *Tx) fail(errs ...error) {
	if t.err == nil {
		t.err = errors.Join(errs...)
	}
}

// millis rounds up: a timer must not fire before its time. The zero time is 0, which scripts take for now.
func millis(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return max(1, at.Add(time.Millisecond-time.Nanosecond).UnixMilli())
}

// pauseMillis rounds up, too.
func pauseMillis(d time.Duration) int64 {
	return max(0, (d + time.Millisecond - time.Nanosecond).Milliseconds())
}

// Commit applies tx in one script, or returns ErrConflict, ErrSeen or a connection error. After a connection error the
// Tx may or may not have been applied: read again before repeating one that is not harmless to repeat.
//
// A lost answer alone is not a connection error: Commit then asks again, under a nonce that tells whether the first try
// was applied. Committing the same tx again within a minute is harmless for the same reason.
func (db *DB) Commit(ctx context.Context, tx *Tx) error {
	if tx.err != nil || len(tx.what) == 0 {
		return tx.err
	}
	tx.name()
	var reply []int64
	err := db.do(ctx, "commit", func(ctx context.Context) (err error) {
		reply, err = db.apply(ctx, tx)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", strings.Join(tx.what, ", "), err)
	}
	return db.committed(tx, reply)
}

func (db *DB) apply(ctx context.Context, tx *Tx) ([]int64, error) {
	var cmd *redis.Cmd
	err := db.joint.run(ctx, db.rdb, func(p redis.Pipeliner) { cmd = db.lua.tx.EvalSha(ctx, p, tx.keys, tx.args...) })
	if err != nil {
		return nil, err
	}
	tx.args[0] = 1                                   // from now on, look for the receipt first
	if redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") { // once after each start of the server
		cmd = db.lua.tx.Eval(ctx, db.rdb, tx.keys, tx.args...)
	}
	return cmd.Int64Slice()
}

// name gives the Tx its receipt.
func (t *Tx) name() {
	if t.keys[0] == "" {
		t.keys[0] = t.shard.key("t", NewID())
	}
}

// committed reads the script's answer.
func (db *DB) committed(tx *Tx, reply []int64) error {
	switch reply[0] {
	case 1:
		return fmt.Errorf("%w: %s", ErrConflict, tx.what[reply[1]-1])
	case 2:
		return fmt.Errorf("%w: %s", ErrSeen, tx.what[reply[1]-1])
	}
	for _, i := range reply[1:] {
		db.wake(tx.wakes[int(i)])
	}
	return nil
}
