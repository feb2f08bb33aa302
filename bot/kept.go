package bot

import (
	"sync"
	"time"

	"github.com/drey-ops/drey/storage"
)

// Kept holds in memory what an answer may still need, under tokens of drey's own: for adapters, whose gestures can be
// answered for a while. It may be used by many goroutines.
type Kept[T any] struct {
	age  time.Duration
	most int

	mu  sync.Mutex
	all map[string]kept[T]
	old []string // tokens in the order they came
}

type kept[T any] struct {
	value T
	at    time.Time
}

// NewKept returns an empty Kept. What is older than age is forgotten, and the oldest when there would be more than most.
func NewKept[T any](age time.Duration, most int) *Kept[T] {
	return &Kept[T]{age: age, most: most, all: map[string]kept[T]{}}
}

// Keep holds v from at on, and returns its token.
func (k *Kept[T]) Keep(v T, at time.Time) string {
	token := storage.NewID()
	k.mu.Lock()
	defer k.mu.Unlock()
	for len(k.old) > 0 && (len(k.old) >= k.most || at.Sub(k.all[k.old[0]].at) > k.age) {
		delete(k.all, k.old[0])
		k.old = k.old[1:]
	}
	k.all[token], k.old = kept[T]{v, at}, append(k.old, token)
	return token
}

// Find returns what a token stands for at a time; the zero value when it is unknown or too old.
func (k *Kept[T]) Find(token string, now time.Time) T {
	k.mu.Lock()
	defer k.mu.Unlock()
	v := k.all[token]
	if now.Sub(v.at) > k.age {
		v = kept[T]{}
	}
	return v.value
}

// Len is how much is held.
func (k *Kept[T]) Len() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.all)
}
