package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// tries and pause bound how long a call hides that the server is away: about two seconds. The
// client itself dials only once a second when it often could not.
const (
	tries    = 8
	pauseMin = 10 * time.Millisecond
	pauseMax = 400 * time.Millisecond
)

// do runs one call that may be repeated without harm, a few times while the server is away. The client's own repeating is
// off: it would send a Tx twice without telling, and take its own first try for somebody else's change.
func (db *DB) do(ctx context.Context, call string, fn func(context.Context) error) error {
	pause := pauseMin
	for try := 1; ; try++ {
		if db.before != nil {
			db.before()
		}
		start := time.Now()
		err := explain(fn(ctx))
		if db.onCall != nil {
			db.onCall(call, time.Since(start), err)
		}
		if err == nil {
			return nil
		}
		if try == tries || !errors.Is(err, ErrUnavailable) || !sleep(ctx, pause/2+rand.N(pause)) {
			return fmt.Errorf("%s: %w", call, err)
		}
		pause = min(pause*3, pauseMax)
	}
}

// sleep says whether the pause passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// states are the answers of a server that cannot serve now. They are looked for anywhere in the message: Redis 6.2 wraps
// the ones a script runs into.
var states = [...]struct{ word, means string }{ //nolint:gochecknoglobals // a constant table
	{"LOADING", "redis is still loading its data"},
	{"READONLY", "redis is a read-only replica; a failover may be under way"},
	{"MASTERDOWN", "redis lost its master"},
	{"MISCONF", "redis cannot write to its disk and takes no changes"},
	{"CLUSTERDOWN", "the redis cluster does not serve all its slots"},
	{"TRYAGAIN", "the redis cluster moves this slot"},
	{"NOREPLICAS", "redis has too few replicas to take changes"},
	{"OOM ", "redis is out of memory and takes no changes"},
	{"BUSY ", "redis is busy with a script"},
	{"max number of clients reached", "redis has no connection left"},
	{"redis: all sentinels specified in configuration are unreachable", "no sentinel answers"},
}

var refusals = [...]string{"NOAUTH", "WRONGPASS", "NOPERM", "invalid password", "without any password configured"} //nolint:gochecknoglobals // a constant table

// explain turns what the client returns into an error of this package. redis.Nil and the context's own errors pass.
func explain(err error) error {
	if err == nil || errors.Is(err, redis.Nil) || errors.Is(err, ErrUnavailable) {
		return err
	}
	text := err.Error()
	for _, s := range states {
		if strings.Contains(text, s.word) {
			return fmt.Errorf("%w: %s", ErrUnavailable, s.means)
		}
	}
	for _, r := range refusals {
		if strings.Contains(text, r) {
			return errors.New("storage: redis refuses the user or password, or does not allow a command")
		}
	}
	var netErr *net.OpError
	switch {
	case errors.As(err, &netErr) && netErr.Op == "dial":
		return fmt.Errorf("%w: redis cannot be reached: %w", ErrUnavailable, netErr.Err)
	case errors.Is(err, context.Canceled), errors.Is(err, redis.ErrClosed):
		return err
	case errors.As(err, new(net.Error)), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, redis.ErrPoolTimeout), errors.Is(err, redis.ErrPoolExhausted), errors.Is(err, io.ErrClosedPipe):
		return fmt.Errorf("%w: redis does not answer: %w", ErrUnavailable, err)
	}
	return fmt.Errorf("storage: %w", err)
}
