package bot

import (
	"sync"
	"time"
)

// recent remembers between max and 2·max of the newest marks: when the young generation is full it becomes the old one,
// and the old one is forgotten.
type recent struct {
	mu         sync.Mutex
	young, old map[string]time.Time
	max        int
	ttl        time.Duration
}

func newRecent(max int, ttl time.Duration) *recent {
	return &recent{young: map[string]time.Time{}, max: max, ttl: ttl}
}

// mark notes key, and says whether it was noted within the ttl before.
func (r *recent) mark(key string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.has(key, now) {
		return true
	}
	if len(r.young) >= r.max {
		r.young, r.old = make(map[string]time.Time, r.max), r.young
	}
	r.young[key] = now
	return false
}

// known says whether key was noted within the ttl before.
func (r *recent) known(key string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.has(key, now)
}

func (r *recent) has(key string, now time.Time) bool {
	at, ok := r.young[key]
	if !ok {
		at, ok = r.old[key]
	}
	return ok && now.Sub(at) < r.ttl
}
