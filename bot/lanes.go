package bot

import (
	"sync"
	"time"

	"github.com/drey-ops/drey/storage"
)

const (
	laneForget  = 5 * time.Minute // idle lanes are forgotten after it
	failMin     = 500 * time.Millisecond
	failMax     = time.Minute
	laneFailMax = 10 * time.Second
)

// claimed is an item with the time its lease began at the latest.
type claimed struct {
	storage.Item
	since time.Time
}

// lanes keep the pace of every channel, in the memory of this replica: one post or edit at a time, posts PostEvery apart,
// none while the network asked to be left alone. Two replicas keep their paces apart; the network's own refusals bring
// them together. All methods take now, and nothing in here waits.
type lanes struct {
	mu     sync.Mutex
	lanes  map[string]*lane
	edited map[string]time.Time // by message id: its last edit
	tries  map[string]int       // by key: failed tries since the last success
}

// lane is one channel.
type lane struct {
	busy    bool
	held    []claimed // came while busy; whoever is in the lane takes them on
	used    time.Time
	last    time.Time            // last post
	next    time.Time            // first slot that nobody has
	blocked time.Time            // the network wants to be left alone until then
	fails   int                  // failures in a row
	slots   map[string]time.Time // by key: when it may be posted
	since   map[string]time.Time // by key: how long it has waited for its slot
}

func newLanes() *lanes {
	return &lanes{lanes: map[string]*lane{}, edited: map[string]time.Time{}, tries: map[string]int{}}
}

func (l *lanes) lane(name string, now time.Time) *lane {
	n := l.lanes[name]
	if n == nil {
		if len(l.lanes) > 256 {
			l.prune(now)
		}
		n = &lane{slots: map[string]time.Time{}, since: map[string]time.Time{}}
		l.lanes[name] = n
	}
	n.used = now
	return n
}

func (l *lanes) prune(now time.Time) {
	for name, n := range l.lanes {
		if !n.busy && len(n.slots) == 0 && now.Sub(n.used) > laneForget && now.After(n.blocked) {
			delete(l.lanes, name)
		}
	}
}

// enter takes the lane for c. When it is taken, c is held for whoever is in it, in place of an older claim of the same
// item, and enter returns false.
func (l *lanes) enter(name string, c claimed, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lane(name, now)
	if !n.busy {
		n.busy = true
		return true
	}
	for i := range n.held {
		if n.held[i].ID == c.ID {
			n.held[i] = c
			return false
		}
	}
	n.held = append(n.held, c)
	return false
}

// leave hands the lane to the next held item, or frees it.
func (l *lanes) leave(name string, now time.Time) (next claimed, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lane(name, now)
	if len(n.held) == 0 {
		n.busy, n.held = false, nil
		return claimed{}, false
	}
	next, n.held = n.held[0], n.held[1:]
	return next, true
}

// unhold empties the lane's waiting room.
func (l *lanes) unhold(name string, now time.Time) []claimed {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lane(name, now)
	held := n.held
	n.held = nil
	return held
}

// post says how long key has to wait before it may be posted, and keeps a slot for it; 0 uses the slot up.
func (l *lanes) post(name, key string, every time.Duration, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lane(name, now)
	at, ok := n.slots[key]
	if !ok {
		at = latest(now, n.next, n.blocked)
	}
	if free := latest(n.last.Add(every), n.blocked); !now.Before(at) && now.Before(free) {
		at = free
		// A little late is jitter, and keeps its place. Who missed the slot goes to the end: else all late ones would
		// come back together, again and again.
		if free.Sub(now) > every/2 {
			at, ok = latest(free, n.next), false
		}
	}
	if !ok && at.Add(every).After(n.next) {
		n.next = at.Add(every)
	}
	if now.Before(at) {
		n.slots[key] = at
		if n.since[key].IsZero() {
			n.since[key] = now
		}
		return at.Sub(now)
	}
	n.forget(key)
	n.last = now
	n.next = latest(n.next, now.Add(every))
	return 0
}

func (n *lane) forget(key string) {
	delete(n.slots, key)
	delete(n.since, key)
}

// edit says how long a message has to wait before it may be edited; 0 counts as an edit.
func (l *lanes) edit(name, message string, every time.Duration, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lane(name, now)
	message = name + "/" + message
	if at := latest(l.edited[message].Add(every), n.blocked); now.Before(at) {
		return at.Sub(now)
	}
	if every > 0 {
		if len(l.edited) > 4096 {
			for id, at := range l.edited {
				if now.Sub(at) > every {
					delete(l.edited, id)
				}
			}
		}
		l.edited[message] = now
	}
	return 0
}

// block leaves the channel alone until a time.
func (l *lanes) block(name string, until, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lane(name, now)
	n.blocked = latest(n.blocked, until)
}

// failed counts a failure that may pass, and returns how often key failed in a row and when to try again. The channel
// rests for a shorter while: others may have more luck than key.
func (l *lanes) failed(name, key string, now time.Time) (tries int, pause time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lane(name, now)
	n.fails++
	n.blocked = latest(n.blocked, now.Add(backoff(n.fails, laneFailMax)))
	l.tries[key]++
	return l.tries[key], backoff(l.tries[key], failMax)
}

// tried says how often key failed since its last success.
func (l *lanes) tried(key string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tries[key]
}

// done forgets what was kept for key; well says that the network took a message.
func (l *lanes) done(name, key string, well bool, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lane(name, now)
	n.forget(key)
	delete(l.tries, key)
	if well {
		n.fails = 0
	}
}

// oldest is the start of the longest wait for a slot (zero: none waits).
func (l *lanes) oldest() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	var first time.Time
	for _, n := range l.lanes {
		for _, at := range n.since {
			if first.IsZero() || at.Before(first) {
				first = at
			}
		}
	}
	return first
}

func backoff(tries int, most time.Duration) time.Duration {
	return min(most, failMin<<min(tries-1, 16))
}

func latest(ts ...time.Time) time.Time {
	last := ts[0]
	for _, t := range ts[1:] {
		if t.After(last) {
			last = t
		}
	}
	return last
}
