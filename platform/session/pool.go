package session

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"sync"
	"time"

	"github.com/drey-ops/drey/platform/sqlgateway"
)

const (
	// idleMost is how long a session waits for its next query: well below the gateway's own 10 minutes.
	idleMost = 4 * time.Minute
	// idleSessions bounds the waiting sessions; the gateway keeps a catalog in memory for each.
	idleSessions = 16
)

// setup names what was run in a session, in order.
type setup [sha256.Size]byte

func setupOf(statements []string) setup {
	h := sha256.New()
	for _, s := range statements {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	return setup(h.Sum(nil))
}

// pool keeps idle gateway sessions for the next query that stands on the same prelude. A session in use belongs to one
// query alone.
type pool struct {
	gw *sqlgateway.Client

	mu     sync.Mutex
	idle   []idleSession // the longest idle first
	closed bool
}

type idleSession struct {
	id    sqlgateway.Session
	setup setup
	since time.Time
}

func newPool(gw *sqlgateway.Client) *pool { return &pool{gw: gw} }

// take returns an idle session in which exactly the prelude was run, or opens one.
func (p *pool) take(ctx context.Context, op string, prelude []string) (s sqlgateway.Session, reused bool, err error) {
	if s, ok := p.waiting(ctx, setupOf(prelude)); ok {
		return s, true, nil
	}
	s, err = p.open(ctx, op, prelude)
	return s, false, err
}

func (p *pool) waiting(ctx context.Context, want setup) (sqlgateway.Session, bool) {
	p.mu.Lock()
	var old []idleSession
	for len(p.idle) > 0 && time.Since(p.idle[0].since) > idleMost {
		old, p.idle = append(old, p.idle[0]), p.idle[1:]
	}
	// The most recently used is the least likely to be lost.
	found, ok := idleSession{}, false
	for i, s := range slices.Backward(p.idle) {
		if s.setup == want {
			found, ok = s, true
			p.idle = slices.Delete(p.idle, i, i+1)
			break
		}
	}
	p.mu.Unlock()
	p.end(ctx, old)
	return found.id, ok
}

func (p *pool) open(ctx context.Context, op string, prelude []string) (sqlgateway.Session, error) {
	s, err := p.gw.Open(ctx, "drey", nil)
	if err != nil {
		return "", mappedSQL(op, err)
	}
	if err := prepare(ctx, p.gw, s, op, prelude); err != nil {
		p.end(ctx, []idleSession{{id: s}})
		return "", err
	}
	return s, nil
}

// put gives a session back, in which exactly these statements were run.
func (p *pool) put(ctx context.Context, s sqlgateway.Session, statements []string) {
	p.mu.Lock()
	var over []idleSession
	if p.closed {
		over = []idleSession{{id: s}}
	} else {
		p.idle = append(p.idle, idleSession{id: s, setup: setupOf(statements), since: time.Now()})
		if n := len(p.idle) - idleSessions; n > 0 {
			over, p.idle = slices.Clone(p.idle[:n]), p.idle[n:]
		}
	}
	p.mu.Unlock()
	p.end(ctx, over)
}

// drop closes a session whose state is not known.
func (p *pool) drop(ctx context.Context, s sqlgateway.Session) { p.end(ctx, []idleSession{{id: s}}) }

// end closes sessions. One that cannot be closed times out at the gateway.
func (p *pool) end(ctx context.Context, list []idleSession) {
	if len(list) == 0 {
		return
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanup)
	defer cancel()
	var wg sync.WaitGroup
	for _, s := range list {
		wg.Go(func() { _ = p.gw.CloseSession(late, s.id) })
	}
	wg.Wait()
}

// close ends the idle sessions; those in use end when they are put back.
func (p *pool) close() {
	p.mu.Lock()
	list := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	p.end(context.Background(), list)
}
