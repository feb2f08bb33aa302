package alerts

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// filtering is a moody Alertmanager that minds the filter by alert name.
type filtering struct {
	*moody
	whole *sync.Mutex
}

func (f filtering) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.whole.Lock()
	defer f.whole.Unlock()
	f.mu.Lock()
	all := f.firing
	f.firing = slices.DeleteFunc(slices.Clone(all), func(l map[string]string) bool {
		return slices.ContainsFunc(r.URL.Query()["filter"], func(m string) bool {
			name, ok := strings.CutPrefix(m, "alertname=")
			return ok && strings.Trim(name, `"`) != l["alertname"]
		})
	})
	f.mu.Unlock()
	f.moody.ServeHTTP(w, r)
	f.mu.Lock()
	f.firing = all
	f.mu.Unlock()
}

func filteringService(t *testing.T, firing ...map[string]string) (*Service, *clock) {
	t.Helper()
	srv := httptest.NewServer(filtering{&moody{firing: firing}, &sync.Mutex{}})
	t.Cleanup(srv.Close)
	o := testOptions()
	o.Sources["main"] = Source{Token: testToken, Alertmanager: Addresses{srv.URL}}
	s, _, c := newService(t, o, Hooks{})
	return s, c
}

func alertOf(name string) map[string]string {
	l := about("orders", "warning")
	l["alertname"] = name
	return l
}

// Alerts of several groups are about one job. Those that seem to be old news are asked about group by group.
func TestAskedAboutEveryGroup(t *testing.T) {
	s, c := filteringService(t, alertOf("Slow"), alertOf("Stuck"))
	both := func(status string) {
		take(t, s, webhook("Slow", about("orders", "warning"), status))
		take(t, s, webhook("Stuck", about("orders", "warning"), status))
	}
	both(Firing)
	both(Resolved)
	c.pass(10 * time.Second)
	both(Firing)
	both(Firing)
	if i := one(t, s); i.Open() || len(i.Fills) != 2 {
		t.Fatalf("%s, to be asked %+v", i.State(), i.Fills)
	}
	c.pass(lateFor)
	reconcileNow(t, s)
	if i := one(t, s); !i.Open() || i.FiringCount() != 2 || len(i.Fills) != 0 {
		t.Errorf("%s: %d fire, still to be asked %+v", i.State(), i.FiringCount(), i.Fills)
	}
}

// What Alertmanager has now fires, however short a time ago its end came in; an end that came in after it was asked holds.
func TestAskedIsNoOldNews(t *testing.T) {
	s, c := filteringService(t, alertOf("Slow"))
	say := func(status string) { take(t, s, webhook("Slow", about("orders", "warning"), status)) }
	say(Firing)
	say(Resolved)
	c.pass(10 * time.Second)
	say(Firing) // to be asked about at 70 s
	c.pass(52 * time.Second)
	say(Firing)
	c.pass(2 * time.Second)
	say(Resolved)
	c.pass(7 * time.Second)
	reconcileNow(t, s)
	if i := one(t, s); !i.Open() || len(i.Fills) != 0 {
		t.Errorf("%s, to be asked %+v", i.State(), i.Fills)
	}

	say(Resolved)
	i := one(t, s)
	asked := Batch{At: c.now().Add(-time.Second), asked: true, Known: i, Payload: Payload{Alerts: []PayloadAlert{{Status: Firing, Fingerprint: firstOf(i)}}}}
	if b, err := dedupeStage(t.Context(), asked); err != nil || len(b.Fresh) != 0 {
		t.Errorf("an answer from before the end counts: %v, %v", b.Fresh, err)
	}
}

// An incident that fires again is compared with Alertmanager from then on, and not only when there is something to ask about.
func TestFiresAgainWhileAsked(t *testing.T) {
	o := testOptions()
	o.ReconcileEvery = time.Nanosecond
	o.Sources["main"] = Source{Token: testToken, Alertmanager: Addresses{"http://127.0.0.1:9"}}
	s, _, c := newService(t, o, Hooks{})
	c.t = time.Now() // the store has a clock of its own
	say := func(name, status string) { take(t, s, webhook(name, about("orders", "warning"), status)) }
	due := func() int {
		items, _, err := s.db.Claim(t.Context(), reconcileQueue, 10, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		s.reconcile(t.Context(), items)
		return len(items)
	}
	say("Slow", Firing)
	say("Slow", Resolved)
	say("Slow", Firing) // to be asked about in a minute
	if due(); one(t, s).fillAt().IsZero() || due() != 0 {
		t.Fatalf("it is due before %s", one(t, s).fillAt())
	}
	say("Stuck", Firing)
	if n := due(); !one(t, s).Open() || n != 1 {
		t.Errorf("%s, %d due", one(t, s).State(), n)
	}
}

func firstOf(i *Incident) string {
	for fp := range i.Alerts {
		return fp
	}
	return ""
}
