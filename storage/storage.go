package storage

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"log/slog"
	"time"
)

// Errors that callers test with errors.Is.
var (
	// ErrNotFound says that no record has that id.
	ErrNotFound = errors.New("storage: not found")
	// ErrConflict says that the record was changed, or the lease taken, by someone else; nothing of the Tx was applied.
	ErrConflict = errors.New("storage: changed by someone else")
	// ErrSeen says that a Once mark of the Tx was set before; nothing of the Tx was applied.
	ErrSeen = errors.New("storage: seen before")
	// ErrCrossShard says that a Tx touched two roots; it is a bug in the caller.
	ErrCrossShard = errors.New("storage: transaction over two roots")
)

// Options say where the state lives. The zero Options start an embedded server.
type Options struct {
	// Redis is redis://, rediss://, redis+sentinel:// or redis+cluster://; empty means embedded.
	Redis string `yaml:"redis"`
	// Dir holds the append-only file of the embedded server; empty means a user cache folder.
	Dir string `yaml:"dir"`
	// Memory forces the in-process store whose state is lost on exit (tests, last resort).
	Memory bool `yaml:"-"`
	// OnCall, when set, is told the duration of every round trip (metrics).
	OnCall func(call string, d time.Duration, err error) `yaml:"-"`
}

// Version counts the writes to one record. New means that the record must not exist yet, Any overwrites whatever is there.
type Version int64

// The two special versions of Put and Delete.
const (
	New Version = 0
	Any Version = -1
)

// DB is the one store. It may be used by many goroutines.
type DB struct{ impl }

// Open connects, or starts the embedded server, and checks that it answers.
func Open(ctx context.Context, o Options, log *slog.Logger) (*DB, error) { panic("storage: not yet") }

// Close ends the connections, and the embedded server if Open started it.
func (db *DB) Close() error { panic("storage: not yet") }

// Ping asks the server whether it answers and takes writes.
func (db *DB) Ping(ctx context.Context) error { panic("storage: not yet") }

// Kind says what the state is kept in, in words for a person: "redis 7.0.15 at 127.0.0.1:6379",
// "embedded redis 7.0.15 in DIR", "memory only: state is lost on exit".
func (db *DB) Kind() string { panic("storage: not yet") }

// Now is the server's clock, the only one that leases and timers look at.
func (db *DB) Now(ctx context.Context) (time.Time, error) { panic("storage: not yet") }

// NewID returns a fresh id of 16 lower-case base32 characters, sortable by nothing, guessable by nobody.
func NewID() string { panic("storage: not yet") }

// Tx collects writes that happen together or not at all. Every id in it must have the same root: the part before the
// first '/'. Ids with one root live in one shard, so that one script can change them together, on a Redis Cluster too.
type Tx struct{ txImpl }

// Append adds v, as JSON, to the end of a log, kept to about max newest entries of the shard (0 means 10,000).
func (t *Tx) Append(log string, v any, max int64) { panic("storage: not yet") }

// Once makes the whole Tx fail with ErrSeen when mark was set within ttl before; else it sets it.
func (t *Tx) Once(mark string, ttl time.Duration) { panic("storage: not yet") }

// Enqueue makes id due in queue at the given time (zero: at once). Earlier of two times wins. While a worker holds the
// lease of id, the worker keeps it, and id becomes due again when the worker lets go.
func (t *Tx) Enqueue(q Queue, id string, at time.Time) { panic("storage: not yet") }

// Release gives a claimed item back: due again at the given time, or earlier if it was enqueued meanwhile.
// The Tx fails with ErrConflict when the lease was lost.
func (t *Tx) Release(it Item, at time.Time) { panic("storage: not yet") }

// Finish takes a claimed item out of its queue, unless it was enqueued meanwhile: then it becomes due at that time.
// The Tx fails with ErrConflict when the lease was lost.
func (t *Tx) Finish(it Item) { panic("storage: not yet") }

// Begin returns an empty Tx for ids under the given root.
func (db *DB) Begin(root string) *Tx { panic("storage: not yet") }

// Commit applies tx in one script, or returns ErrConflict, ErrSeen or a connection error. After a connection error the
// Tx may or may not have been applied: read again before repeating one that is not harmless to repeat.
func (db *DB) Commit(ctx context.Context, tx *Tx) error { panic("storage: not yet") }

// Table is the records of one kind, kept as JSON. The zero TTL keeps them for ever.
type Table[T any] struct {
	DB   *DB
	Name string
	TTL  time.Duration // counted from the last Put
}

// Get returns the record and the version to pass back to Put. It returns ErrNotFound.
func (t Table[T]) Get(ctx context.Context, id string) (T, Version, error) { panic("storage: not yet") }

// Put writes v within tx if the record is still at version was.
func (t Table[T]) Put(tx *Tx, id string, v T, was Version) { panic("storage: not yet") }

// Delete removes the record within tx if it is still at version was.
func (t Table[T]) Delete(tx *Tx, id string, was Version) { panic("storage: not yet") }

// Newest yields up to max records (0: all) of the table over all shards, the most recently put first, with their ids.
func (t Table[T]) Newest(ctx context.Context, max int) iter.Seq2[Entry[T], error] { panic("storage: not yet") }

// Under yields the records whose id has the given root, the most recently put first.
func (t Table[T]) Under(ctx context.Context, root string) iter.Seq2[Entry[T], error] { panic("storage: not yet") }

// Len counts the records of the table.
func (t Table[T]) Len(ctx context.Context) (int, error) { panic("storage: not yet") }

// Update reads, changes and writes one record in a Tx of its own, again on conflict. fn gets the zero T and New when
// there is none; it may add to tx; returning an error stops without a write.
func (t Table[T]) Update(ctx context.Context, id string, fn func(tx *Tx, v *T, was Version) error) error {
	panic("storage: not yet")
}

// Entry is one record with its id.
type Entry[T any] struct {
	ID      string
	Version Version
	Value   T
}

// LogEntry is one entry of a log.
type LogEntry struct {
	At   time.Time
	Data json.RawMessage
}

// ReadLog yields up to max entries of a log over all shards, newest first.
func (db *DB) ReadLog(ctx context.Context, log string, max int) iter.Seq2[LogEntry, error] {
	panic("storage: not yet")
}

// Queue names a set of things that become due.
type Queue string

// Item is one claimed thing, held until its lease ends. Fence is larger at every claim of the queue.
type Item struct {
	Queue Queue
	ID    string
	Fence int64
}

// Claim takes up to max due items and hides them until the lease ends. next is how long until the queue's next item is
// due (at most a second).
func (db *DB) Claim(ctx context.Context, q Queue, max int, lease time.Duration) (got []Item, next time.Duration, err error) {
	panic("storage: not yet")
}

// Extend keeps a claimed item for another lease, or returns ErrConflict if it was lost.
func (db *DB) Extend(ctx context.Context, it Item, lease time.Duration) error { panic("storage: not yet") }

// Wake returns a channel that gets a value when a Tx of this process enqueued something due at once in q.
func (db *DB) Wake(q Queue) <-chan struct{} { panic("storage: not yet") }

// Depth counts the items of q, due or not, and tells when the oldest due one became due (zero: none).
func (db *DB) Depth(ctx context.Context, q Queue) (n int, oldest time.Time, err error) { panic("storage: not yet") }

type impl struct{}
type txImpl struct{}
