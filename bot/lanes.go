package bot

import (
	"strings"
	"sync"
	"time"

	"github.com/drey-ops/drey/storage"
)

const (
	laneForget   = 5 * time.Minute // idle lanes are forgotten after it
	failMin      = 500 * time.Millisecond
	failMax      = time.Minute
	laneFailMax  = 10 * time.Second
	ticketForget = time.Minute
	triesMax     = 4096
)

// claimed is an item with the time its lease began at the latest.
type claimed struct {
	storage.Item
	since time.Time
	read  records
}

// lanes keep the pace of every channel, in the memory of this replica: one post or edit at a time, posts PostEvery apart,
// none while the network asked to be left alone. Two replicas keep their paces apart; the network's own refusals bring
// them together. All methods take now, and nothing in here waits.
type lanes struct {
	mu     sync.Mutex
	lanes  map[string]*lane
	edited map[string]time.Time // by message id: its last edit
	tries  map[string]int       // by key: failed tries since the last success
	nets   map[NetworkID]*trouble
}

// lane is one channel.
type lane struct {
	net     *trouble
	busy    bool
	held    []claimed // came while busy; whoever is in the lane takes them on
	used    time.Time
	last    time.Time // last post
	blocked time.Time // the network wants to be left alone until then
	fails   int       // failures in a row
	tickets int
	waiting map[string]*ticket // by key: posts that have to wait for the channel's pace
}

// ticket is the place of a key among those that wait to be posted. It is kept until the key is delivered, so that nothing
// that goes wrong meanwhile makes it lose its place.
type ticket struct {
	n      int
	at     time.Time // when it was told to come back
	parked time.Time // it failed and rests until then; others may go before
	since  time.Time
}

func newLanes() *lanes {
	return &lanes{lanes: map[string]*lane{}, edited: map[string]time.Time{}, tries: map[string]int{}, nets: map[NetworkID]*trouble{}}
}

func (l *lanes) lane(name string, now time.Time) *lane {
	n := l.lanes[name]
	if n == nil {
		if len(l.lanes) > 256 {
			l.prune(now)
		}
		n = &lane{net: l.net(name), waiting: map[string]*ticket{}}
		l.lanes[name] = n
	}
	n.used = now
	return n
}

// net is what is known of the network that a lane, "NETWORK:CHANNEL", leads to.
func (l *lanes) net(lane string) *trouble {
	name, _, _ := strings.Cut(lane, ":")
	id := NetworkID(name)
	if l.nets[id] == nil {
		l.nets[id] = &trouble{}
	}
	return l.nets[id]
}

func (l *lanes) prune(now time.Time) {
	for name, n := range l.lanes {
		n.drop(now)
		if !n.busy && len(n.waiting) == 0 && now.Sub(n.used) > laneForget && now.After(n.blocked) {
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

// post says how long key has to wait before it may be posted; 0 is the permission, given once. Who has to wait is told
// when all before it will be through, so that it need not ask more often.
func (l *lanes) post(name, key string, every time.Duration, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lane(name, now)
	t := n.waiting[key]
	if t == nil {
		t = &ticket{n: n.tickets, since: now}
		n.tickets++
		n.waiting[key] = t
	}
	before := 0
	for _, o := range n.waiting {
		if o.n < t.n && !o.parked.After(now) && now.Sub(o.at) < every+time.Second { // else another replica has it
			before++
		}
	}
	gate := n.net.gate(n.fails > 0)
	if !gate.IsZero() && t.parked.IsZero() {
		gate = gate.Add(freshLater)
	}
	t.at = latest(now, n.last.Add(every), n.blocked, gate).Add(time.Duration(before) * every)
	if wait := t.at.Sub(now); wait > 0 {
		return wait
	}
	n.net.take(now)
	n.last = now
	return 0
}

// drop forgets tickets that nobody came back with: another replica posted those.
func (n *lane) drop(now time.Time) {
	for key, t := range n.waiting {
		if now.Sub(t.at) > ticketForget {
			delete(n.waiting, key)
		}
	}
}

// edit says how long a message has to wait before it may be edited; 0 counts as an edit.
func (l *lanes) edit(name, message string, every time.Duration, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lane(name, now)
	message = name + "/" + message
	if at := latest(l.edited[message].Add(every), n.blocked, n.net.gate(n.fails > 0)); now.Before(at) {
		return at.Sub(now)
	}
	n.net.take(now)
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

// block leaves the channel alone until a time: the network said so when key was to be sent, or, with paced, its adapter did
// before.
func (l *lanes) block(name, key string, paced bool, until, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lane(name, now)
	if !paced {
		n.fails++
		n.net.failed(n.fails == 1, now, until)
	}
	n.blocked = latest(n.blocked, until)
	n.park(key, until)
}

func (n *lane) park(key string, until time.Time) {
	if t := n.waiting[key]; t != nil {
		t.at, t.parked = until, until
	}
}

// failed counts a failure that may pass, and returns how often key failed in a row and when to try again. The channel
// rests for a shorter while: others may have more luck than key. While it is the whole network that takes nothing, that is not
// held against the channel and the key.
func (l *lanes) failed(name, key string, now time.Time) (tries int, pause time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lane(name, now)
	n.fails++
	n.net.failed(n.fails == 1, now, time.Time{})
	if n.net.lasts() && now.Sub(n.net.since) < troubleLong {
		n.park(key, n.net.next)
		return l.tries[key], n.net.next.Sub(now)
	}
	n.blocked = latest(n.blocked, now.Add(backoff(n.fails, laneFailMax)))
	if len(l.tries) > triesMax {
		clear(l.tries) // what others delivered stays behind in it; no more than a pause is lost
	}
	l.tries[key]++
	pause = backoff(l.tries[key], failMax)
	n.park(key, now.Add(pause))
	return l.tries[key], pause
}

// tried says how often key failed since its last success.
func (l *lanes) tried(key string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tries[key]
}

// well notes that the network took a message of key.
func (l *lanes) well(name, key string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lane(name, now)
	n.fails = 0
	n.net.over()
	delete(l.tries, key)
}

// done forgets key, which has nothing left to send.
func (l *lanes) done(name, key string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.lane(name, now).waiting, key)
	delete(l.tries, key)
}

// oldest is the start of the longest wait for a channel's pace (zero: none waits).
func (l *lanes) oldest(now time.Time) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	var first time.Time
	for _, n := range l.lanes {
		n.drop(now)
		for _, t := range n.waiting {
			if first.IsZero() || t.since.Before(first) {
				first = t.since
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
