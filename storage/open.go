package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Open connects, or starts the embedded server, and checks that it answers. The log may be nil.
func Open(ctx context.Context, o Options, log *slog.Logger) (*DB, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	db := &DB{log: log, onCall: o.OnCall, lua: newScripts()}
	err := db.connect(ctx, o)
	if err == nil {
		err = db.Ping(ctx)
	}
	if err == nil {
		err = db.describe(ctx)
	}
	if err != nil {
		if db.rdb != nil {
			err = errors.Join(err, db.Close())
		}
		return nil, fmt.Errorf("open storage: %w", err)
	}
	return db, nil
}

func (db *DB) connect(ctx context.Context, o Options) error {
	if o.Memory {
		db.openMemory()
		return db.openKey(o, freshKey)
	}
	if o.Redis != "" {
		t, err := parseURL(o.Redis)
		if err != nil {
			return err
		}
		db.rdb = redis.NewUniversalClient(&t.opts)
		db.kind = "%s at " + strings.ReplaceAll(t.where, "%", "%%")
		return db.openKey(o, nil)
	}
	program, err := exec.LookPath("redis-server")
	if err != nil {
		db.openMemory()
		db.log.Warn("state is kept in memory only and lost on exit: no redis-server on PATH and no storage.redis configured")
		return db.openKey(o, freshKey)
	}
	return db.openEmbedded(ctx, program, o)
}

// describe puts the server's name and version into kind, and warns of a server that forgets on its own.
func (db *DB) describe(ctx context.Context) error {
	if !strings.Contains(db.kind, "%s") {
		return nil
	}
	var info string
	err := db.do(ctx, "info", func(ctx context.Context) (err error) {
		info, err = db.rdb.Info(ctx, "server", "memory").Result()
		if err != nil && !errors.Is(explain(err), ErrUnavailable) { // Redis 6.2 takes one section; some services refuse INFO
			info, err = db.rdb.Info(ctx).Result()
		}
		return err
	})
	if errors.Is(err, ErrUnavailable) {
		return err
	}
	fields := map[string]string{}
	for line := range strings.Lines(info) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		fields[key] = value
	}
	name := strings.TrimSpace("redis " + fields["redis_version"])
	if v := fields["valkey_version"]; v != "" {
		name = "valkey " + v
	}
	db.kind = fmt.Sprintf(db.kind, name)
	if p := fields["maxmemory_policy"]; p != "" && p != "noeviction" {
		db.log.Warn("redis may throw away state when its memory is full: set maxmemory-policy noeviction", "policy", p)
	}
	return nil
}
