package slackbot

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
)

// What Reply knows of a gesture. A gesture may be answered while its modal is being opened, hence the lock.

func (g *gesture) modal() openView {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.view
}

func (g *gesture) setModal(v openView) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.view = v
}

// waits says whether the transport still waits for the body of the acknowledgement.
func (g *gesture) waits() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ack != nil && !g.acked
}

func (g *gesture) tell() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.told = true
}

func (g *gesture) wasTold() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.told
}

// answered notes where the public answer stands.
func (g *gesture) answered(ref bot.MessageRef) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.posted, g.since = ref, time.Time{}
}

func (g *gesture) publicAnswer() bot.MessageRef {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.posted
}

// trying notes that the public answer is on its way; zero: it surely did not arrive.
func (g *gesture) trying(since time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.since = since
}

func (g *gesture) tryingSince() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.since
}

func (g *gesture) bar() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.barred = true
}

func (g *gesture) isBarred() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.barred
}

// alone says that nobody but the person reads along: what is said in their direct messages with drey stays there and can
// be edited, which is better than what is shown to them alone elsewhere.
func (g *gesture) alone() bool { return g.kind == mention && strings.HasPrefix(g.channel, "D") }

// mark is the name of the public answer for everybody: see markOf.
func (g *gesture) mark() string {
	return markOf("reply " + g.user + " " + g.channel + " " + g.trigger + " " + g.origin + " " + g.born.UTC().Format(time.RFC3339Nano))
}

// under notes the thread that a public answer belongs in, where the pressed button says so.
func (g *gesture) under(at bot.Place) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.thread == "" && at.Channel == g.channel {
		g.below = at.Thread
	}
}

// root is the thread of the public answer; empty in the channel.
func (g *gesture) root() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return cmp.Or(g.thread, g.below)
}

// opened waits until the modal that openSoon opens is there, or is known not to be.
func (g *gesture) opened(ctx context.Context) {
	g.mu.Lock()
	opening := g.opening
	g.mu.Unlock()
	if opening == nil {
		return
	}
	select {
	case <-opening:
	case <-ctx.Done():
	}
}
