package bottest

import (
	"context"
	"errors"
	"time"

	"github.com/drey-ops/drey/bot"
)

// ErrLost makes a call of Memory take effect while its caller is told that it went wrong: the answer got lost.
var ErrLost = errors.New("bottest: the answer was lost")

// RateLimited is what a network answers that wants to be left alone for a while.
func RateLimited(after time.Duration) error {
	return &bot.SendError{After: after, Err: errors.New("rate limited")}
}

// Gone is what a network answers when the channel or the message is no more.
func Gone() error { return &bot.SendError{Gone: true, Err: errors.New("no such channel or message")} }

// Rejected is what a network answers to a message that it will never take.
func Rejected() error { return &bot.SendError{Rejected: true, Err: errors.New("malformed message")} }

// Fail makes the next calls of method ("post", "edit", "reply") end with errs, one each. A nil lets its call pass, ErrLost
// lets it pass and tells its caller otherwise.
func (m *Memory) Fail(method string, errs ...error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.next[method] = append(m.next[method], errs...)
}

// Script asks fn about every call before it takes effect; an error other than ErrLost prevents it. fn may block: a slow
// network. It is not asked about calls that Fail has an error for. A nil fn ends the script.
func (m *Memory) Script(fn func(ctx context.Context, c Call) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.script = fn
}

// Remove deletes a posted message, as a person may; edits of it then fail as Gone.
func (m *Memory) Remove(ref bot.MessageRef) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, s := range m.said {
		if s.Ref.ID == ref.ID {
			m.said = append(m.said[:i:i], m.said[i+1:]...)
			break
		}
	}
	m.notify()
}
