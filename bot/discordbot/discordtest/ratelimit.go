package discordtest

import (
	"fmt"
	"hash/fnv"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// bucket is one rate limit: so many calls from the first one on until its window ends.
type bucket struct {
	used int
	ends time.Time
}

// allowance is the rate limit of a route. Discord says in its headers what holds; these are the figures it is known for.
func allowance(pattern string) (calls int, window time.Duration) {
	switch {
	case strings.HasPrefix(pattern, "POST /interactions"):
		return 5, time.Second
	case strings.Contains(pattern, "/webhooks/"):
		return 5, 2 * time.Second
	case strings.HasSuffix(pattern, "/messages"), strings.HasPrefix(pattern, "PATCH"), strings.HasSuffix(pattern, "/threads"):
		return 5, 5 * time.Second
	case strings.HasPrefix(pattern, "PUT"):
		return 5, 20 * time.Second
	}
	return 10, 5 * time.Second
}

const (
	globalCalls  = 50
	globalWindow = time.Second
)

// limit counts the call and sets the headers; it refuses what is too much.
func (d *Discord) limit(w http.ResponseWriter, q *request, e endpoint) error {
	if d.o.NoLimits {
		return nil
	}
	calls, window := allowance(e.pattern)
	major := q.PathValue("channel") + q.PathValue("guild") + q.PathValue("token")
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !e.open {
		if left := d.count("global", now, globalCalls, globalWindow); left < 0 {
			after := d.limits["global"].ends.Sub(now)
			w.Header().Set("X-RateLimit-Global", "true")
			w.Header().Set("X-RateLimit-Scope", "global")
			return tooMany(w, after, true)
		}
	}
	key := e.pattern + " " + major
	left := d.count(key, now, calls, window)
	b := d.limits[key]
	after := b.ends.Sub(now)
	h := w.Header()
	h.Set("X-RateLimit-Limit", strconv.Itoa(calls))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(max(left, 0)))
	h.Set("X-RateLimit-Reset", fmt.Sprintf("%.3f", float64(b.ends.UnixMilli())/1000))
	h.Set("X-RateLimit-Reset-After", fmt.Sprintf("%.3f", math.Ceil(after.Seconds()*1000)/1000))
	h.Set("X-RateLimit-Bucket", bucketName(e.pattern))
	if left < 0 {
		h.Set("X-RateLimit-Scope", "user")
		return tooMany(w, after, false)
	}
	return nil
}

// count takes one call from a bucket and returns what is left of it, below zero if there was nothing. It needs the lock.
func (d *Discord) count(key string, now time.Time, calls int, window time.Duration) int {
	b := d.limits[key]
	if b == nil {
		b = &bucket{}
		d.limits[key] = b
	}
	if !now.Before(b.ends) {
		b.used, b.ends = 0, now.Add(window)
	}
	if b.used < calls {
		b.used++
		return calls - b.used
	}
	return -1
}

func tooMany(w http.ResponseWriter, after time.Duration, global bool) error {
	secs := math.Ceil(after.Seconds()*1000) / 1000
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(secs))))
	return &refusal{status: http.StatusTooManyRequests, message: "You are being rate limited.", offence: true, after: max(secs, 0.001), global: global}
}

func bucketName(pattern string) string {
	h := fnv.New128a()
	h.Write([]byte(pattern))
	return fmt.Sprintf("%x", h.Sum(nil))
}
