package storage

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// openMemory runs a Redis written in Go within this process, reached through pipes: no port, and usable in a
// testing/synctest bubble.
func (db *DB) openMemory() {
	m := miniredis.NewMiniRedis()
	c := &ager{m: m, last: time.Now()}
	db.before = c.age
	o := baseOptions()
	o.Dialer = func(context.Context, string, string) (net.Conn, error) {
		c, err := m.Dial()
		if err != nil {
			return nil, err
		}
		return newEager(c), nil
	}
	db.rdb = redis.NewUniversalClient(&o)
	db.kind = "memory only: state is lost on exit"
	db.stop = func() error { m.Close(); return nil }
}

// ager lets keys expire. miniredis's own clock, ClockTTL, sorts all keys at every command of a script; looking every few
// milliseconds takes 3% of the time. A key may go that much early.
type ager struct {
	m    *miniredis.Miniredis
	mu   sync.Mutex
	last time.Time
	cost time.Duration // of the last look
}

func (a *ager) age() {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	if d := now.Sub(a.last); d >= max(5*time.Millisecond, 30*a.cost) {
		a.m.FastForward(d)
		a.last, a.cost = now, time.Since(now)
	}
}

// eager is a pipe whose Write does not wait for the reader. A pipe has no buffer: a client that sends a long pipeline
// before it reads, and a server that answers the first command before it reads the second, would wait for each other.
type eager struct {
	net.Conn
	out  chan []byte
	quit chan struct{}
	once sync.Once
}

func newEager(c net.Conn) *eager {
	e := &eager{Conn: c, out: make(chan []byte, 256), quit: make(chan struct{})}
	go e.pump()
	return e
}

func (e *eager) pump() {
	for {
		select {
		case <-e.quit:
			return
		case b := <-e.out:
			if _, err := e.Conn.Write(b); err != nil {
				e.Conn.Close() // the reader sees it
				return
			}
		}
	}
}

func (e *eager) Write(p []byte) (int, error) {
	select {
	case <-e.quit:
		return 0, net.ErrClosed
	case e.out <- append([]byte(nil), p...):
		return len(p), nil
	}
}

func (e *eager) Close() error {
	e.once.Do(func() { close(e.quit) })
	return e.Conn.Close()
}
