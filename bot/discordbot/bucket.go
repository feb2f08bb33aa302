package discordbot

import (
	"container/list"
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	bucketsMax    = 1024
	globalRate    = 45                      // calls within globalSpan; Discord takes 50 a second
	globalSpan    = 1100 * time.Millisecond // with some time for calls that are held up on their way
	turnedMost    = time.Minute             // nobody is sent away for longer because of others
	invalidWindow = 10 * time.Minute
	invalidMax    = 5000 // refused calls within the window; Discord shuts out whoever has 10,000
)

// bucket is what Discord said about one class of calls.
type bucket struct {
	key       string
	limit     int
	remaining int // less those that were promised to calls under way
	reset     time.Time
	known     bool // Discord told; until then one call goes at a time
	flying    int
	window    time.Duration // how long the last one was, as far as it was seen
	turned    int           // calls that were told to come back, in this window
}

// limits are what Discord allows, as far as it told. All calls share a rate, every route with its channel has a bucket, and
// routes may share one, of which Discord tells the name. Calls on interactions have no rate of their own, and are one
// class together: a bucket for each of their tokens would be a bucket for every click.
type limits struct {
	mu      sync.Mutex
	names   map[string]*list.Element // by route and channel, of *named
	recent  *list.List
	buckets map[string]*bucket
	changed chan struct{} // closed when something became free

	paused  time.Time             // nothing goes before
	calls   [globalRate]time.Time // the newest ones, in a ring
	next    int                   // the oldest of them
	invalid []time.Time           // of calls that Discord refused, oldest first
}

// named is which bucket a route belongs to.
type named struct {
	route string
	key   string
}

func newLimits() *limits {
	return &limits{names: map[string]*list.Element{}, recent: list.New(), buckets: map[string]*bucket{}, changed: make(chan struct{})}
}

// bucketOf returns the bucket of a route, the least recently used one making room.
func (l *limits) bucketOf(route string) *bucket {
	if e, ok := l.names[route]; ok {
		l.recent.MoveToFront(e)
		n, _ := e.Value.(*named)
		if b := l.buckets[n.key]; b != nil {
			return b
		}
		b := &bucket{key: n.key}
		l.buckets[n.key] = b
		return b
	}
	for l.recent.Len() >= bucketsMax {
		e := l.recent.Back()
		n, _ := e.Value.(*named)
		l.recent.Remove(e)
		delete(l.names, n.route)
		if b := l.buckets[n.key]; b == nil || b.flying == 0 {
			delete(l.buckets, n.key)
		}
	}
	b := &bucket{key: route}
	l.names[route] = l.recent.PushFront(&named{route, route})
	l.buckets[route] = b
	return b
}

// ask takes a place for a call, or says how long to wait before asking again. A wait of 0 with ok false is until something
// becomes free. Calls that are exempt wait only while everything does.
func (l *limits) ask(route string, exempt bool, now time.Time) (wait time.Duration, ok bool) {
	if wait = l.paused.Sub(now); wait > 0 {
		return wait, false
	}
	if exempt {
		return 0, true
	}
	b := l.bucketOf(route)
	if b.known && !now.Before(b.reset) {
		// A new window. Those under way may count in it; until Discord tells, it is taken to be short.
		b.remaining, b.reset, b.turned = b.limit-b.flying, now.Add(time.Second), 0
	}
	switch {
	case !b.known && b.flying > 0:
		return 0, false
	case b.known && b.remaining <= 0:
		return max(b.reset.Sub(now), time.Millisecond), false
	}
	if wait = l.calls[l.next].Add(globalSpan).Sub(now); wait > 0 {
		return wait, false
	}
	l.calls[l.next], l.next = now, (l.next+1)%globalRate
	b.flying++
	b.remaining--
	return 0, true
}

// turnAway says how much later than the next window a call is to come back, so that not all of them come for its few
// places.
func (l *limits) turnAway(route string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucketOf(route)
	if !b.known || b.limit <= 0 {
		return 0
	}
	b.turned++
	return min(time.Duration((b.turned-1)/b.limit)*b.window, turnedMost)
}

// learn notes what Discord said with the answer to a call that had a place, and lets others go on. Without an answer header
// is nil.
func (l *limits) learn(route string, exempt bool, header http.Header, now time.Time) {
	if exempt {
		return // each token has a bucket of its own
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucketOf(route)
	b.flying = max(0, b.flying-1)
	defer l.wake()
	name := header.Get("X-RateLimit-Bucket")
	if name == "" {
		return
	}
	limit, err1 := strconv.Atoi(header.Get("X-RateLimit-Limit"))
	remaining, err2 := strconv.Atoi(header.Get("X-RateLimit-Remaining"))
	after, err3 := strconv.ParseFloat(header.Get("X-RateLimit-Reset-After"), 64)
	if err1 != nil || err2 != nil || err3 != nil {
		return
	}
	b = l.rename(b, route, name)
	reset := now.Add(time.Duration(after * float64(time.Second)))
	if !b.known || reset.Sub(b.reset) > time.Second/2 {
		b.remaining = max(0, remaining-b.flying) // a new window, of which this is the first word
		b.window = reset.Sub(now)
	} else {
		b.remaining = min(b.remaining, max(0, remaining-b.flying))
	}
	b.known, b.limit, b.reset = true, limit, reset
}

// rename moves a route into the bucket that Discord named. Buckets are by channel, so the channel stays in the key.
func (l *limits) rename(b *bucket, route, name string) *bucket {
	key := name + " " + major(route)
	if b.key == key {
		return b
	}
	if l.buckets[b.key] == b {
		delete(l.buckets, b.key)
	}
	n, _ := l.names[route].Value.(*named)
	n.key = key
	if other := l.buckets[key]; other != nil {
		other.flying += b.flying
		return other
	}
	b.key = key
	l.buckets[key] = b
	return b
}

// empty notes a 429 of one bucket.
func (l *limits) empty(route string, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucketOf(route)
	b.known, b.remaining, b.limit = true, 0, max(1, b.limit)
	if until.After(b.reset) {
		b.reset = until
	}
}

// pause stops everything, as after a global 429.
func (l *limits) pause(until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until.After(l.paused) {
		l.paused = until
	}
}

// refused counts a call that Discord holds against us.
func (l *limits) refused(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.invalid = append(l.invalid, now)
}

// shut says for how long we refuse calls ourselves, before Discord shuts us out.
func (l *limits) shut(now time.Time) time.Duration {
	for len(l.invalid) > 0 && now.Sub(l.invalid[0]) > invalidWindow {
		l.invalid = l.invalid[1:]
	}
	if len(l.invalid) < invalidMax {
		return 0
	}
	return l.invalid[0].Add(invalidWindow).Sub(now)
}

func (l *limits) wake() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// enter waits until a call may go. When that would take longer than patience or ctx, it returns the wait at once.
func (l *limits) enter(ctx context.Context, route string, exempt bool, patience time.Duration) (time.Duration, error) {
	end := time.Now().Add(patience)
	if by, ok := ctx.Deadline(); ok && by.Before(end) {
		end = by
	}
	for {
		now := time.Now()
		l.mu.Lock()
		if wait := l.shut(now); wait > 0 {
			l.mu.Unlock()
			return wait, errShut
		}
		wait, ok := l.ask(route, exempt, now)
		changed := l.changed
		l.mu.Unlock()
		if ok {
			return 0, nil
		}
		if now.Add(wait).After(end) || wait == 0 && !now.Before(end) {
			return max(wait, 100*time.Millisecond) + l.turnAway(route), errLimited
		}
		if wait == 0 {
			wait = end.Sub(now)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
			timer.Stop()
			return 0, ctx.Err()
		}
		timer.Stop()
	}
}
