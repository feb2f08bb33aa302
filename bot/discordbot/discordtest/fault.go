package discordtest

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
)

// Fault is something that goes wrong with calls of a route.
type Fault struct {
	Status     int           // the call is answered so, and has no effect; 0: it is served
	Code       int           // of Discord's errors, with Status
	RetryAfter time.Duration // with Status 429
	Global     bool          // with Status 429
	Scope      string        // with Status 429: user, global or shared
	HTML       bool          // the answer is a page of the proxy before Discord, not JSON
	Delay      time.Duration // before anything happens
	Lost       bool          // the call takes effect, and its answer gets lost
	Times      int           // how many calls; 0 means one, below zero means all
}

type fault struct {
	Fault
	route string
	left  int
}

// Fault makes calls of a route go wrong. Routes are named as for Calls.
func (d *Discord) Fault(route string, f Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := f.Times
	if n == 0 {
		n = 1
	}
	d.faults = append(d.faults, &fault{f, route, n})
}

// Heal ends all faults.
func (d *Discord) Heal() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = nil
}

func (d *Discord) takeFault(pattern string, r *http.Request) *fault {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.faults {
		if f.left != 0 && matches(f.route, pattern, r.Method+" "+r.URL.Path) {
			f.left--
			return f
		}
	}
	return nil
}

// wait is the delay; false: the asker or the Discord has gone meanwhile.
func (f *fault) wait(asker, discord context.Context) bool {
	if f.Delay == 0 {
		return true
	}
	t := time.NewTimer(f.Delay)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-asker.Done():
	case <-discord.Done():
	}
	return false
}

func (f *fault) write(w http.ResponseWriter) {
	h := w.Header()
	if f.Status == http.StatusTooManyRequests {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
		if f.Scope != "" {
			h.Set("X-RateLimit-Scope", f.Scope)
		}
		if f.Global {
			h.Set("X-RateLimit-Global", "true")
		}
	}
	if f.HTML {
		h.Set("Content-Type", "text/html; charset=UTF-8")
		w.WriteHeader(f.Status)
		fmt.Fprintf(w, "<!doctype html><title>Error %d</title><p>error code: 1015\n", f.Status)
		return
	}
	body := object{"message": fmt.Sprintf("%d: %s", f.Status, http.StatusText(f.Status)), "code": f.Code}
	switch {
	case f.Status == http.StatusTooManyRequests:
		body["message"], body["retry_after"], body["global"] = "You are being rate limited.", f.RetryAfter.Seconds(), f.Global
	case f.Code != 0:
		if e := asRefusal(known(f.Code)); e.message != "" {
			body["message"] = e.message
		}
	}
	write(w, f.Status, body)
}
