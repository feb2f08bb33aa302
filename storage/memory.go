package storage

import (
	"context"
	"net"
	"sync"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// openMemory runs a Redis written in Go within this process, reached through pipes: no port, and usable in a
// testing/synctest bubble.
func (db *DB) openMemory() {
	m := miniredis.NewMiniRedis()
	m.ClockTTL(true) // else nothing ever expires
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
