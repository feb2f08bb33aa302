package storage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Names within the folder of the embedded server.
const (
	lockFile = "drey.lock"
	markFile = "redis.json"
	logFile  = "redis.log"
)

// startMax bounds how long an embedded server may take to start, most of it reading the append-only file, and to stop.
const (
	startMax = 2 * time.Minute
	stopMax  = 20 * time.Second
)

// leftover is what a drey writes down about its server, for the next drey to find one that outlived its parent.
type leftover struct {
	PID    int    `json:"pid"`
	Socket string `json:"socket"`
}

// embedded is a redis-server of our own, reached through a unix socket only.
type embedded struct {
	db      *DB
	program string
	dir     string
	socket  string
	unlock  func() error
	up      chan struct{} // closed once the server answered
	quit    chan struct{} // closed to end the server
	done    chan struct{} // closed when it ended
}

// openEmbedded starts program with its append-only file, and the key, in o.Dir.
func (db *DB) openEmbedded(ctx context.Context, program string, o Options) error {
	dir, err := dataDir(o.Dir)
	if err != nil {
		return fmt.Errorf("embedded redis: %w", err)
	}
	unlock, err := lockDir(filepath.Join(dir, lockFile))
	if err != nil {
		return fmt.Errorf("embedded redis in %s: %w", dir, err)
	}
	e := &embedded{db: db, program: program, dir: dir, unlock: unlock, up: make(chan struct{}), quit: make(chan struct{}), done: make(chan struct{})}
	err = db.openKey(o, func() ([]byte, error) { return keyIn(dir) })
	if err == nil {
		err = e.start(ctx)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("embedded redis in %s: %w", dir, err), unlock())
	}
	return nil
}

func dataDir(dir string) (string, error) {
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("set storage.dir: %w", err)
		}
		dir = filepath.Join(cache, "drey", "redis")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o700)
}

func (e *embedded) start(ctx context.Context) error {
	if err := e.endLeftover(ctx); err != nil {
		return err
	}
	socket, err := socketPath()
	if err != nil {
		return err
	}
	e.socket = socket
	o := baseOptions()
	o.Addrs = []string{socket} // the client takes what begins with '/' for a unix socket
	e.db.rdb = redis.NewUniversalClient(&o)
	e.db.kind = "embedded %s in " + strings.ReplaceAll(e.dir, "%", "%%")
	first := make(chan error, 1)
	go e.supervise(first)
	if err := <-first; err != nil {
		<-e.done
		return errors.Join(err, os.RemoveAll(filepath.Dir(socket)))
	}
	if err := e.ready(ctx); err != nil {
		return errors.Join(err, e.end())
	}
	close(e.up)
	e.db.stop = func() error { return errors.Join(e.end(), e.unlock()) }
	return nil
}

// socketPath makes a folder of its own under the temporary folder: the data folder's name may be longer than the 108
// bytes that a socket's path may have.
func socketPath() (string, error) {
	dir, err := os.MkdirTemp("", "drey-")
	if err == nil && len(dir) > 90 {
		os.Remove(dir)
		dir, err = os.MkdirTemp("/tmp", "drey-")
	}
	return filepath.Join(dir, "redis.sock"), err
}

// ready waits until the server has read its append-only file.
func (e *embedded) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startMax)
	defer cancel()
	for {
		_, err := os.Stat(e.socket)
		if err == nil {
			err = e.db.rdb.Ping(ctx).Err()
		}
		if err == nil {
			return nil
		}
		select {
		case <-e.done:
			return fmt.Errorf("redis-server ended: %s", e.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("redis-server does not answer: %s: %w", e.lastWords(), explain(err))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// args configure the server by flags alone, so that no file is left to be edited. Persistence is an append-only file
// flushed once a second: a crash of the machine loses a second, a crash of a process loses nothing.
func (e *embedded) args() []string {
	return []string{"--port", "0", "--unixsocket", e.socket, "--unixsocketperm", "700", "--dir", e.dir,
		"--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--daemonize", "no", "--maxmemory-policy", "noeviction",
		"--logfile", filepath.Join(e.dir, logFile), "--loglevel", "notice", "--databases", "1"}
}

// lastWords are the end of the server's log, for an error.
func (e *embedded) lastWords() string {
	data, err := os.ReadFile(filepath.Join(e.dir, logFile))
	if err != nil {
		return "it wrote no log"
	}
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-3):], []byte("; ")))
}

func (e *embedded) mark(pid int) error {
	data, err := json.Marshal(leftover{PID: pid, Socket: e.socket})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(e.dir, markFile), data, 0o600)
}

// end stops the server and takes away what says where it is.
func (e *embedded) end() error {
	close(e.quit)
	<-e.done
	return errors.Join(os.RemoveAll(filepath.Dir(e.socket)), os.Remove(filepath.Join(e.dir, markFile)))
}

// endLeftover ends a server that a killed drey left behind in this folder: two servers must never write one file. We
// hold the folder's lock, so nobody uses it. It is asked to stop first, which flushes its file.
func (e *embedded) endLeftover(ctx context.Context) error {
	name := filepath.Join(e.dir, markFile)
	data, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var old leftover
	if err != nil || json.Unmarshal(data, &old) != nil {
		return errors.Join(err, os.Remove(name))
	}
	if ownServer(old) {
		e.db.log.Warn("ending the redis-server of a drey that was killed", "pid", old.PID)
		if err := e.shutdown(ctx, old); err != nil {
			return err
		}
	}
	if d := filepath.Dir(old.Socket); strings.HasPrefix(filepath.Base(d), "drey-") {
		os.RemoveAll(d)
	}
	return os.Remove(name)
}

func (e *embedded) shutdown(ctx context.Context, old leftover) error {
	rdb := redis.NewClient(&redis.Options{Network: "unix", Addr: old.Socket, MaxRetries: -1, DialTimeout: time.Second})
	defer func() { _ = rdb.Close() }()
	asked := rdb.Shutdown(ctx).Err()
	end := time.Now().Add(stopMax)
	for ownServer(old) {
		if time.Now().After(end) {
			return fmt.Errorf("redis-server %d of a killed drey does not end: stop it by hand", old.PID)
		}
		if asked != nil {
			terminate(old.PID)
		}
		if !sleep(ctx, 20*time.Millisecond) {
			return context.Cause(ctx)
		}
	}
	return nil
}
