package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/storage"
)

// soakAlert is an alert as Prometheus knows it; it is the truth.
type soakAlert struct {
	sid    string // its label of that name, unique
	about  string // what its incident is about: a job or an alert group
	labels map[string]string

	firing, same bool          // same: with a start before its last end
	skew         time.Duration // of the sender's clock
	starts, ends time.Time
	since        time.Time // of firing, by the true clock
}

// soakMust is a time of firing that must have been heard of: everything that it takes was well for long enough.
type soakMust struct {
	sid      string
	from, to time.Time
}

// soakWorld is what is true, and what drey was seen to know of it.
type soakWorld struct {
	mu     sync.Mutex
	alerts []*soakAlert
	musts  []soakMust
	upset  time.Time // since then nothing is in the way of an alert; the future while something is
	hushed map[string]bool
	heard  map[string][]time.Time // by sid: when drey was seen to take it as firing
}

const (
	soakJobs, soakGroups = 3, 4
	// soakSureAfter is how long an alert fires, with all well, before it has to be known.
	soakSureAfter = 12 * time.Second
	// soakGrace is how long after trouble everything takes to be well again.
	soakGrace = 10 * time.Second
)

func newSoakWorld() *soakWorld {
	w := &soakWorld{hushed: map[string]bool{}, heard: map[string][]time.Time{}}
	add := func(about string, labels map[string]string) {
		a := &soakAlert{sid: fmt.Sprintf("s%03d", len(w.alerts)), about: about, labels: labels}
		labels["sid"], labels["severity"], labels["team"] = a.sid, []string{"critical", "warning"}[len(w.alerts)%2], "orders"
		w.alerts = append(w.alerts, a)
	}
	for j := range soakJobs {
		job := fmt.Sprintf("soak-job-%d", j)
		for _, name := range []string{"JobRestarts", "JobLag", "JobCheckpoints"} {
			add(job, map[string]string{"alertname": name, "job_name": job, "cluster": "prod"})
		}
	}
	for g := range soakGroups {
		name := fmt.Sprintf("SoakGroup%d", g)
		for i := range 3 {
			add(name, map[string]string{"alertname": name, "instance": fmt.Sprintf("host-%d", i)})
		}
	}
	return w
}

// about are all that incidents can be about.
func (w *soakWorld) about() []string {
	seen := map[string]bool{}
	for _, a := range w.alerts {
		seen[a.about] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// set makes alerts fire or end. With same they fire again as if they had never ended: Prometheus with a for of 0 and a gap in
// its data sends that.
func (w *soakWorld) set(as []*soakAlert, firing, same bool, skew time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	for _, a := range as {
		switch {
		case a.firing == firing:
		case firing:
			a.firing, a.since = true, now
			if a.same = same && !a.starts.IsZero() || now.Add(skew).Before(a.ends); !same || a.starts.IsZero() {
				a.skew, a.starts = skew, now.Add(skew)
			}
		default:
			w.owe(a, now)
			a.firing = false
			if a.ends = now.Add(a.skew); a.ends.Before(a.starts) {
				a.ends = a.starts.Add(time.Millisecond)
			}
		}
	}
}

// owe notes what must have been heard of, now that it ends.
func (w *soakWorld) owe(a *soakAlert, now time.Time) {
	from := a.since
	if w.upset.After(from) {
		from = w.upset
	}
	// what fires again with its old start is late news for a minute
	if now.Sub(from) >= soakSureAfter && !w.hushed[a.about] && !a.same {
		w.musts = append(w.musts, soakMust{a.sid, from, now})
	}
}

// disturb says that something is in the way of alerts until a time.
func (w *soakWorld) disturb(until time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	for _, a := range w.alerts {
		if a.firing && now.After(w.upset) {
			w.owe(a, now)
		}
	}
	if until = until.Add(soakGrace); until.After(w.upset) {
		w.upset = until
	}
}

func (w *soakWorld) hush(about string, yes bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hushed[about] = yes
}

// some picks alerts of one subject that fire, or do not.
func (w *soakWorld) some(rng *rand.Rand, firing bool) []*soakAlert {
	w.mu.Lock()
	defer w.mu.Unlock()
	about := w.about()
	var out []*soakAlert
	for tries := 0; len(out) == 0 && tries < 4; tries++ {
		name := about[rng.IntN(len(about))]
		for _, a := range w.alerts {
			if a.about == name && a.firing == firing {
				out = append(out, a)
			}
		}
	}
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	if len(out) > 0 && rng.IntN(3) > 0 {
		out = out[:1+rng.IntN(len(out))]
	}
	return out
}

// soakForget is how long an end is sent again.
const soakForget = 90 * time.Second

// sent is what Prometheus tells every Alertmanager again and again.
func (w *soakWorld) sent(now time.Time) []map[string]any {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []map[string]any
	for _, a := range w.alerts {
		if a.starts.IsZero() || !a.firing && now.Sub(a.ends) > soakForget {
			continue
		}
		ends := a.ends
		if a.firing {
			ends = now.Add(40*time.Second + a.skew)
		}
		out = append(out, map[string]any{
			"labels": a.labels, "annotations": map[string]string{"summary": a.about + " is in trouble", "description": "It fell behind."},
			"startsAt": a.starts.UTC(), "endsAt": ends.UTC(), "generatorURL": "http://prometheus.example/graph",
		})
	}
	return out
}

// run is Prometheus, and somebody who looks at what drey knows, until ctx ends.
func (w *soakWorld) run(ctx context.Context, r *soakRig) {
	client := &http.Client{Timeout: 2 * time.Second}
	defer client.CloseIdleConnections()
	var wg sync.WaitGroup
	defer wg.Wait()
	every := func(d time.Duration, do func()) {
		wg.Go(func() {
			tick := time.NewTicker(d)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
					do()
				}
			}
		})
	}
	every(500*time.Millisecond, func() { r.post(client, w.sent(time.Now())) })
	every(800*time.Millisecond, func() { w.look(ctx, r.db) })
}

// look notes what drey takes for firing.
func (w *soakWorld) look(ctx context.Context, db *storage.DB) {
	all, err := soakIncidents(ctx, db, "incidents")
	if err != nil {
		return // the schedule may have taken the store away
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	for _, i := range all {
		for _, a := range i.Alerts {
			if a.Status == alerts.Firing {
				w.heard[a.Labels["sid"]] = append(w.heard[a.Labels["sid"]], now)
			}
		}
	}
}

// soakIncidents are all incidents of a table.
func soakIncidents(ctx context.Context, db *storage.DB, table string) ([]alerts.Incident, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	var out []alerts.Incident
	for e, err := range (storage.Table[alerts.Incident]{DB: db, Name: table}).Newest(ctx, 1000) {
		if err != nil {
			return nil, err
		}
		out = append(out, e.Value)
	}
	return out, nil
}

// unheard are the times of firing that drey never knew of.
func (w *soakWorld) unheard() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, m := range w.musts {
		if !slices.ContainsFunc(w.heard[m.sid], func(at time.Time) bool { return !at.Before(m.from) && at.Before(m.to.Add(5*time.Second)) }) {
			out = append(out, fmt.Sprintf("%s fired from %s to %s with all well, and drey never knew", m.sid, clockOf(m.from), clockOf(m.to)))
		}
	}
	w.musts = nil
	return out
}

func clockOf(t time.Time) string { return t.Format("15:04:05.000") }
