package bot

import "sync"

const (
	perActor  = 8   // gestures of one person under way or waiting
	waitMax   = 512 // gestures waiting in all
	queueLong = 16  // waiting gestures from which on a person is told
)

// turns admits a bounded number of calls at once. Waiting ones are taken from one person after the other, so that one
// who sends many delays only their own.
type turns struct {
	mu      sync.Mutex
	free    int
	each    int // calls of one person at once
	waiting int
	lines   map[string]*line
	ring    []*line // people with a call waiting; the first is next
}

type line struct {
	actor   string
	running int
	waiting []chan struct{}
}

func newTurns(n int) *turns {
	return &turns{free: n, each: min(perActor, max(1, n/2)), lines: map[string]*line{}}
}

// enter asks for a turn, which begins when ready is closed. When ok is false the actor, or everybody together, has too
// many already.
func (t *turns) enter(actor string) (ready chan struct{}, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.lines[actor]
	if l == nil {
		l = &line{actor: actor}
	}
	if l.running+len(l.waiting) >= perActor || t.waiting >= waitMax {
		return nil, false
	}
	t.lines[actor] = l
	ready = make(chan struct{})
	if len(l.waiting) == 0 {
		t.ring = append(t.ring, l)
	}
	l.waiting = append(l.waiting, ready)
	t.waiting++
	t.grant()
	return ready, true
}

// leave ends a turn, or gives up waiting for it.
func (t *turns) leave(actor string, ready chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.lines[actor]
	select {
	case <-ready:
		l.running--
		t.free++
	default:
		for i, c := range l.waiting {
			if c == ready {
				l.waiting = append(l.waiting[:i:i], l.waiting[i+1:]...)
				t.waiting--
				break
			}
		}
	}
	t.grant()
	if l.running == 0 && len(l.waiting) == 0 {
		delete(t.lines, actor)
	}
}

// long says whether a person who waits should be told why.
func (t *turns) long() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting < queueLong {
		return 0
	}
	return t.waiting
}

// grant goes around the ring once for every turn it can give.
func (t *turns) grant() {
	for tried := 0; t.free > 0 && tried < len(t.ring); {
		l := t.ring[0]
		t.ring = t.ring[1:]
		if len(l.waiting) == 0 {
			continue
		}
		if l.running >= t.each {
			t.ring = append(t.ring, l)
			tried++
			continue
		}
		close(l.waiting[0])
		l.waiting = l.waiting[1:]
		l.running++
		t.free--
		t.waiting--
		if len(l.waiting) > 0 {
			t.ring = append(t.ring, l)
		}
		tried = 0
	}
}
