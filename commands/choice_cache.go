package commands

import (
	"sync"
	"time"

	"github.com/drey-ops/drey/bot"
)

// choiceCache keeps the answers of completers for a moment, and lets equal questions share one.
type choiceCache struct {
	mu     sync.Mutex
	calls  map[string]*choiceCall
	asking sync.WaitGroup
	closed bool
}

type choiceCall struct {
	asked   time.Time
	done    chan struct{}
	choices []bot.Choice // may be read when done is closed
}

func newChoiceCache() *choiceCache { return &choiceCache{calls: map[string]*choiceCall{}} }

// get returns the call of key, and asks when there is none that is fresh.
func (c *choiceCache) get(key string, now time.Time, ask func() []bot.Choice) *choiceCall {
	c.mu.Lock()
	defer c.mu.Unlock()
	if call := c.calls[key]; call != nil && now.Sub(call.asked) < completeFresh {
		return call
	}
	if len(c.calls) >= completeKeep {
		clear(c.calls)
	}
	call := &choiceCall{asked: now, done: make(chan struct{})}
	if c.closed {
		close(call.done)
		return call
	}
	c.calls[key] = call
	c.asking.Go(func() {
		defer close(call.done)
		call.choices = ask()
	})
	return call
}

// wait refuses new questions, and waits for those under way.
func (c *choiceCache) wait() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.asking.Wait()
}
