package slackbot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/drey-ops/drey/bot"
)

const (
	// patient is the longest a call waits for its pace by default.
	patient = 5 * time.Second
	// pauseWait is the longest a call waits because Slack asked for it: whoever sends has better things to do meanwhile.
	pauseWait = 2 * time.Second
	// channelPace is the gap between two messages in one channel. Slack allows one a second, and counts when they arrive rather
	// than when they are sent: so the next one may go arrivedPace after the answer to the last, where that is earlier.
	channelPace = 1050 * time.Millisecond
	arrivedPace = 1001 * time.Millisecond
	// channelsMax bounds memory: the channels whose pace is remembered.
	channelsMax = 5000
)

// errPace says that a call had to wait longer than it may.
var errPace = errors.New("slack's limit for this method is used up")

// pacer keeps calls within Slack's limits. Each replica has its own: together they may be faster than Slack likes, and
// its refusals slow them down.
type pacer struct {
	gap time.Duration // between two messages in one channel
	off bool          // only what Slack itself asks for is waited for

	mu       sync.Mutex
	methods  map[string]*rate.Limiter
	channels map[string]*turns
	until    map[string]time.Time // methods Slack wants to be left alone with
}

func newPacer(off bool) *pacer {
	return &pacer{off: off, gap: channelPace, methods: map[string]*rate.Limiter{}, channels: map[string]*turns{}, until: map[string]time.Time{}}
}

// wait returns when r may be sent. Where that is later than r's patience or ctx's deadline, it returns a
// bot.SendError at once, which says when.
func (p *pacer) wait(ctx context.Context, r request) error {
	now := time.Now()
	longest := r.patience
	if longest == 0 {
		longest = patient
	}
	if end, ok := ctx.Deadline(); ok {
		longest = min(longest, end.Sub(now))
	}
	delay, paused, undo := p.reserve(r, now)
	if delay > max(0, longest) || paused > pauseWait {
		undo()
		return &bot.SendError{After: delay, Paced: true, Err: fmt.Errorf("%s: %w", r.method, errPace)}
	}
	if delay <= 0 {
		p.sending(r)
		return nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		p.sending(r)
		return nil
	case <-ctx.Done():
		undo()
		return fmt.Errorf("%s: wait for its turn: %w", r.method, context.Cause(ctx))
	}
}

// reserve takes a turn, and says in how long it comes, and how much of that Slack asked for; undo gives it back.
func (p *pacer) reserve(r request, now time.Time) (delay, paused time.Duration, undo func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := now
	if until, ok := p.until[r.method]; ok {
		if until.After(at) {
			at = until
		} else {
			delete(p.until, r.method)
		}
	}
	if p.off {
		return at.Sub(now), at.Sub(now), func() {}
	}
	taken := p.method(r.method).ReserveN(at, 1)
	delay = at.Sub(now) + taken.DelayFrom(at)
	if r.channel == "" {
		return delay, at.Sub(now), func() { taken.CancelAt(now) }
	}
	c := p.channel(r.channel, now)
	before := *c
	c.last = latest(at, c.next)
	c.next = c.last.Add(p.gap)
	mine := *c
	return max(delay, c.last.Sub(now)), at.Sub(now), func() {
		taken.CancelAt(now)
		p.mu.Lock()
		defer p.mu.Unlock()
		if *c == mine { // else others have queued up behind
			*c = before
		}
	}
}

// turns are those of one channel.
type turns struct {
	last time.Time // the latest that was taken
	next time.Time // the first that is free
}

// sending notes that a turn is used, on a busy machine later than it came.
func (p *pacer) sending(r request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.channels[r.channel]; c != nil && !c.last.After(time.Now()) {
		c.next = latest(c.next, time.Now().Add(p.gap))
	}
}

// answered notes that Slack has what was sent.
func (p *pacer) answered(r request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.channels[r.channel]; c != nil && !c.last.After(time.Now()) {
		c.next = earliest(c.next, time.Now().Add(arrivedPace))
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (p *pacer) method(name string) *rate.Limiter {
	l := p.methods[name]
	if l == nil {
		every, burst := paceOf(name)
		l = rate.NewLimiter(rate.Every(every), burst)
		p.methods[name] = l
	}
	return l
}

func (p *pacer) channel(id string, now time.Time) *turns {
	c := p.channels[id]
	if c == nil {
		if len(p.channels) >= channelsMax {
			maps.DeleteFunc(p.channels, func(_ string, c *turns) bool { return !c.next.After(now) })
		}
		c = &turns{}
		p.channels[id] = c
	}
	return c
}

// pause leaves a method alone for a while, as Slack asked.
func (p *pacer) pause(method string, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := time.Now().Add(d); until.After(p.until[method]) {
		p.until[method] = until
	}
}

// The tiers of Slack's limits: calls a minute of one method, over all channels.
const (
	tier1 = 1
	tier2 = 20
	tier3 = 50
	tier4 = 100
	// authTier and postTier are special. Slack names no number for all messages of a workspace but "several hundred".
	authTier = 600
	postTier = 300
)

// tierOf is how often a method may be called in a minute, from Slack's documentation of the method.
func tierOf(method string) int {
	switch method {
	case methodPost:
		return postTier
	case "auth.test":
		return authTier
	case methodEphemeral, methodViewOpen, methodViewUpdate, methodViewPublish, "users.info", methodUploadURL, methodUploaded,
		"files.info":
		return tier4
	case methodUpdate, methodUnfurl, "conversations.info", methodHistory, methodReplies, "conversations.open":
		return tier3
	case "conversations.list", "users.list", "usergroups.list", "usergroups.users.list", "users.conversations":
		return tier2
	case methodSocket:
		return tier1
	}
	return tier4
}

// paceOf makes a bucket of a tier: what it holds and what it gains in a minute are together no more than the tier.
func paceOf(method string) (every time.Duration, burst int) {
	if method == methodRespond || method == methodUpload {
		return time.Millisecond, 1000 // not part of the Web API: a response URL has its own budget, an upload address is used once
	}
	if method == methodSocket {
		return time.Minute, 6 // an app with all its connections has to be able to start again
	}
	tier := tierOf(method)
	burst = max(1, tier/4)
	return time.Minute / time.Duration(max(1, tier-burst)), burst
}
