package storage

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/drey-ops/drey/config/secret"
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
	// ErrUnavailable says that the server does not answer, or answers that it cannot serve now. Later may be better.
	ErrUnavailable = errors.New("storage: unavailable")
	// ErrLocked says that another drey uses the folder of the embedded server.
	ErrLocked = errors.New("storage: folder in use by another drey")
)

// Options say where the state lives. The zero Options start an embedded server.
type Options struct {
	// Redis is redis://, rediss://, redis+sentinel:// or redis+cluster://; empty means embedded.
	Redis string `yaml:"redis"`
	// Dir holds the append-only file of the embedded server; empty means a user cache folder.
	Dir string `yaml:"dir"`
	// Key seals secrets in the stored texts of people: 32 bytes in hex or base64; the embedded server makes its own.
	Key secret.Text `yaml:"key"`
	// Memory forces the in-process store whose state is lost on exit (tests, last resort).
	Memory bool `yaml:"-"`
	// OnCall, when set, is told the duration of every round trip (metrics).
	OnCall func(call string, d time.Duration, err error) `yaml:"-"`
}

// Validate says what is wrong with the options without connecting to anything. It never quotes the URL or the key.
func (o Options) Validate() error {
	var errs []error
	if o.Redis != "" {
		if _, err := parseURL(o.Redis); err != nil {
			errs = append(errs, errors.New("redis: "+strings.TrimPrefix(err.Error(), "storage: redis URL: ")))
		}
	}
	if o.Key != "" {
		if _, err := readKey(string(o.Key)); err != nil {
			errs = append(errs, fmt.Errorf("key: %w", err))
		}
	}
	return errors.Join(errs...)
}

// Version counts the writes to one record since it was last new. New means that the record must not exist yet, Any overwrites whatever is there.
type Version int64

// The two special versions of Put and Delete.
const (
	New Version = 0
	Any Version = -1
)

// DB is the one store. It may be used by many goroutines.
type DB struct {
	rdb    redis.UniversalClient
	joint  together
	log    *slog.Logger
	onCall func(call string, d time.Duration, err error)
	kind   string
	lua    scripts
	seal   *sealer      // nil without a key
	before func()       // runs before every call; may be nil
	stop   func() error // ends the embedded or in-process server; nil with an outside one

	mu     sync.Mutex
	wakes  map[Queue]chan struct{}
	closed bool
}

// Close ends the connections, and the embedded server if Open started it. Closing twice is harmless.
func (db *DB) Close() error {
	db.mu.Lock()
	was := db.closed
	db.closed = true
	db.mu.Unlock()
	if was {
		return nil
	}
	err := db.rdb.Close()
	if db.stop != nil {
		err = errors.Join(err, db.stop())
	}
	return err
}

// Ping asks the server, on a Cluster every node that holds a shard, whether it answers and takes writes.
func (db *DB) Ping(ctx context.Context) error {
	return db.do(ctx, "ping", func(ctx context.Context) error {
		_, err := db.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			for s := range shards {
				p.Set(ctx, shard(s).key("ping", ""), 1, time.Second)
			}
			return nil
		})
		return err
	})
}

// Kind says what the state is kept in, in words for a person: "redis 7.0.15 at 127.0.0.1:6379",
// "embedded redis 7.0.15 in DIR", "memory only: state is lost on exit".
func (db *DB) Kind() string { return db.kind }

// Now is the server's clock, the only one that leases and timers look at.
func (db *DB) Now(ctx context.Context) (time.Time, error) {
	var t time.Time
	err := db.do(ctx, "time", func(ctx context.Context) (err error) {
		t, err = db.rdb.Time(ctx).Result()
		return err
	})
	return t, err
}

// NewID returns a fresh id of 16 lower-case base32 characters, sortable by nothing, guessable by nobody.
func NewID() string {
	var b [10]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}
