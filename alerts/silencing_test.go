package alerts

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/alerts/alertmanager"
	"github.com/drey-ops/drey/storage"
)

// moody is an Alertmanager's API that can do a thing and lose the answer.
type moody struct {
	mu       sync.Mutex
	silences []alertmanager.Silence
	lose     int // answers of POST and DELETE still to be lost
	refuse   bool
	deny     bool
	away     bool                // it does not answer
	firing   []map[string]string // the labels of its alerts; nil: one that is Down
}

func (m *moody) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	state := func(s string) *struct {
		State string `json:"state"`
	} {
		return &struct {
			State string `json:"state"`
		}{s}
	}
	if m.away {
		panic(http.ErrAbortHandler)
	}
	var out any
	switch path := strings.TrimPrefix(r.URL.Path, "/api/v2/"); {
	case path == "status":
		out = map[string]any{"uptime": newClock().t.Add(-time.Hour)}
	case path == "alerts":
		list := []any{}
		firing := m.firing
		if firing == nil {
			firing = []map[string]string{{"alertname": "Down"}}
		}
		for _, l := range firing {
			if r.URL.Query().Get("active") == "false" {
				if by := m.hiding(l); len(by) > 0 {
					list = append(list, alertmanager.Alert{Fingerprint: hashOf(sortedPairs(l)...)[:16], Labels: l, Status: alertmanager.AlertStatus{State: "suppressed", SilencedBy: by}})
				}
				continue
			}
			list = append(list, map[string]any{"fingerprint": hashOf(sortedPairs(l)...)[:16], "labels": l, "receivers": []any{map[string]string{"name": "drey"}}, "status": map[string]any{"state": "active"}})
		}
		out = list
	case r.Method == http.MethodGet:
		out = m.silences
	case m.deny:
		w.WriteHeader(http.StatusForbidden)
		return
	case m.refuse:
		http.Error(w, `"matchers are no good"`, http.StatusBadRequest)
		return
	case r.Method == http.MethodPost:
		var s alertmanager.Silence
		if err := json.NewDecoder(r.Body).Decode(&s); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		m.silences = slices.DeleteFunc(m.silences, func(x alertmanager.Silence) bool { return x.ID == s.ID })
		if s.ID == "" {
			s.ID = storage.NewID()
		}
		s.Status = state("active")
		m.silences = append(m.silences, s)
		out = map[string]string{"silenceID": s.ID}
	case r.Method == http.MethodDelete:
		for i := range m.silences {
			if strings.HasSuffix(path, m.silences[i].ID) {
				m.silences[i].Status = state("expired")
			}
		}
	}
	if r.Method != http.MethodGet && m.lose > 0 {
		m.lose--
		panic(http.ErrAbortHandler)
	}
	_ = json.NewEncoder(w).Encode(out)
}

// hiding are the ids of the silences that hide an alert.
func (m *moody) hiding(labels map[string]string) (ids []string) {
	for _, x := range m.silences {
		if hides, err := alertmanager.Matchers(x.Matchers).Compile(); err == nil && x.Live() && hides(labels) {
			ids = append(ids, x.ID)
		}
	}
	return ids
}

func moodyService(t *testing.T) (*moody, *Service, *kept, *clock) {
	t.Helper()
	m := &moody{}
	srv := httptest.NewServer(m)
	t.Cleanup(srv.Close)
	o := testOptions()
	o.Sources["main"] = Source{Token: testToken, Alertmanager: Addresses{srv.URL}}
	s, out, c := newService(t, o, Hooks{})
	take(t, s, webhook("Down", nil, Firing))
	return m, s, out, c
}

func reconcileNow(t *testing.T, s *Service) {
	t.Helper()
	items, _, err := s.db.Claim(t.Context(), reconcileQueue, 10, time.Minute)
	if err != nil || len(items) == 0 {
		t.Fatal("nothing to reconcile", err)
	}
	s.reconcile(t.Context(), items)
}

// A silence whose answer was lost is found again, not made twice; and so is its end.
func TestLostAnswers(t *testing.T) {
	m, s, out, c := moodyService(t)
	id := one(t, s).ID
	m.set(func() { m.lose = 1 })
	a, err := silenceFor(t, s, id, olga(), time.Hour, "")
	if err != nil || !a.Pending {
		t.Fatal(a.Say, err)
	}
	reconcileNow(t, s)
	if one(t, s).State() != Firing {
		t.Error("the worker was in the way of the person")
	}
	c.pass(20 * time.Second)
	reconcileNow(t, s)
	if i := one(t, s); i.State() != Silenced || len(m.silences) != 1 {
		t.Fatalf("%s, %d silences", i.State(), len(m.silences))
	}
	if got := labels(out.heads(t)[0]); got != "Extend… End silence" {
		t.Errorf("buttons %q", got)
	}
	longer, err := silenceFor(t, s, id, olga(), 3*time.Hour, "")
	if err != nil || longer.Already || len(m.silences) != 1 || !m.silences[0].EndsAt.Equal(one(t, s).Silences[0].Until) {
		t.Errorf("lengthened: %q, %v, %+v", longer.Say, err, m.silences)
	}
	m.set(func() { m.lose = 1 })
	if a, err = s.Unsilence(t.Context(), id, olga()); err != nil {
		t.Fatal(err)
	}
	c.pass(20 * time.Second)
	reconcileNow(t, s)
	if i := one(t, s); i.State() != Firing || m.silences[0].Live() {
		t.Errorf("%s after Unsilence (%s)", i.State(), a.Say)
	}
	want := []string{"Silenced by Olga until 2026-11-21 00:57 UTC", "Silence changed by Olga until 2026-11-21 02:58 UTC", "Silence ended by Olga: it still fires"}
	if got := texts(out.stories(t)); !slices.Equal(got, want) {
		t.Errorf("stories %q", got)
	}
}

// A person asks again for longer while the first answer is lost: what is made, and told, is the longer one.
func TestLostAnswerThenLonger(t *testing.T) {
	m, s, out, c := moodyService(t)
	id := one(t, s).ID
	for _, d := range []time.Duration{time.Hour, 3 * time.Hour} {
		m.set(func() { m.lose = 1 })
		if a, err := silenceFor(t, s, id, olga(), d, ""); err != nil || !a.Pending {
			t.Fatal(a.Say, err)
		}
	}
	m.set(func() { m.silences[0].EndsAt = c.t.Add(time.Hour) }) // the second one did not arrive
	c.pass(20 * time.Second)
	reconcileNow(t, s)
	want := c.t.Add(-20 * time.Second).Add(3 * time.Hour)
	if i := one(t, s); i.State() != Silenced || len(m.silences) != 1 || m.silences[0].EndsAt.Sub(want).Abs() > time.Second {
		t.Errorf("%s, %d silences, the first ends %s, want %s", i.State(), len(m.silences), m.silences[0].EndsAt, want)
	}
	if got := texts(out.stories(t)); !slices.Equal(got, []string{"Silenced by Olga until 2026-11-21 02:57 UTC"}) {
		t.Errorf("stories %q", got)
	}
}

// Alertmanager's clock goes ahead of drey's: a silence that ran out there was ended by nobody.
func TestSilenceRunsOutByAnotherClock(t *testing.T) {
	m, s, out, c := moodyService(t)
	if _, err := silenceFor(t, s, one(t, s).ID, olga(), time.Hour, ""); err != nil {
		t.Fatal(err)
	}
	c.pass(59*time.Minute + 30*time.Second)
	m.silences[0].Status.State = "expired"
	reconcileNow(t, s)
	if got := texts(out.stories(t)); len(got) != 2 || got[1] != "The silence of Olga is over: it still fires" {
		t.Errorf("stories %q", got)
	}
}

func TestSilenceRefused(t *testing.T) {
	m, s, out, _ := moodyService(t)
	m.refuse = true
	_, err := silenceFor(t, s, one(t, s).ID, olga(), time.Hour, "")
	if err == nil || !strings.Contains(err.Error(), "matchers are no good") || one(t, s).State() != Firing || len(out.stories(t)) != 0 {
		t.Errorf("%v, %s", err, one(t, s).State())
	}
	if _, err := silenceFor(t, s, one(t, s).ID, olga(), time.Second, ""); err == nil {
		t.Error("a silence of a second")
	}
}

// A refused extension leaves the silence that lives as it is, whoever is answered: the person, or the worker later.
func TestExtensionRefused(t *testing.T) {
	for _, tt := range []struct {
		name  string
		first string // until when
		wish  string
		late  bool // Alertmanager is away when the person asks
		told  string
	}{
		{"at once", "1h", "3h", false, ""},
		{"later", "1h", "3h", true, "The silence is not changed: make a silence: Alertmanager answers 400: matchers are no good. It holds until 2026-11-21 00:57 UTC"},
		{"kept, at once", "resolved", "30m", false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, s, out, c := moodyService(t)
			id := one(t, s).ID
			wish := func(until string) (Answer, error) {
				p, err := s.Plan(t.Context(), id, Wish{Until: until})
				if err != nil {
					t.Fatal(err)
				}
				return s.Silence(t.Context(), p, olga())
			}
			if _, err := wish(tt.first); err != nil {
				t.Fatal(err)
			}
			before := one(t, s).Silences[0]
			m.set(func() { m.refuse, m.away = true, tt.late })
			if a, err := wish(tt.wish); (err == nil) != tt.late || a.Pending != tt.late {
				t.Errorf("the answer was %q, %v", a.Say, err)
			}
			m.set(func() { m.away = false })
			c.pass(20 * time.Second)
			reconcileNow(t, s)
			i := one(t, s)
			before.With = i.Silences[0].With
			if d := cmp.Diff(before, i.Silences[0]); i.State() != Silenced || d != "" {
				t.Errorf("it is %s; the silence: %s", i.State(), d)
			}
			got := texts(out.stories(t))
			if got = got[1:]; strings.Join(got, " | ") != tt.told {
				t.Errorf("told %q", got)
			}
			m.set(func() { m.refuse = false })
			if a, err := wish("5h"); err != nil || one(t, s).Silences[0].Prior != nil || m.silences[0].EndsAt.Sub(c.t) < 4*time.Hour {
				t.Errorf("longer at last: %q, %v", a.Say, err)
			}
		})
	}
}

// A silence that is kept and cannot be renewed runs out by itself.
func TestRenewalRefused(t *testing.T) {
	m, s, out, c := moodyService(t)
	p, err := s.Plan(t.Context(), one(t, s).ID, Wish{Until: "resolved"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Silence(t.Context(), p, olga()); err != nil {
		t.Fatal(err)
	}
	m.set(func() { m.refuse = true })
	for range 2 {
		c.pass(31 * time.Minute)
		reconcileNow(t, s)
	}
	if i := one(t, s); i.State() != Silenced || i.Silences[0].Keep || len(out.stories(t)) != 2 {
		t.Errorf("%s, %+v, told %q", i.State(), i.Silences[0], texts(out.stories(t)))
	}
}

// An Alertmanager that does not let drey answers: that is what the person is told.
func TestSilenceDenied(t *testing.T) {
	m, s, _, _ := moodyService(t)
	m.deny = true
	a, err := silenceFor(t, s, one(t, s).ID, olga(), time.Hour, "")
	if err != nil || !a.Pending || !strings.HasPrefix(a.Say, "Alertmanager answers 403. The silence stays wanted") {
		t.Error(a.Say, err)
	}
}

// A group whose alerts have only a severity in common: its silence hides more than anybody sees, so it is shown first.
func TestSilenceOfABroadGroupAsks(t *testing.T) {
	_, s, _, _ := moodyService(t)
	body := strings.Replace(string(webhookOf("Down", Firing, map[string]string{"severity": "critical"}, map[string]string{"severity": "critical", "alertname": "Other"})), `"groupLabels":{"alertname":"Down"}`, `"groupLabels":{"severity":"critical"}`, 1)
	take(t, s, []byte(body))
	list, err := s.List(t.Context(), Filter{Severity: "critical"})
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	p, err := s.Plan(t.Context(), list[0].ID, Wish{Until: "1h"})
	if err != nil || p.Matchers.String() != `severity="critical"` || !p.Ask() {
		t.Errorf("%s, asks %v, %v", p.Matchers, p.Ask(), err)
	}
}

// A silence ends by itself: the head says so.
func TestSilenceRunsOut(t *testing.T) {
	m, s, out, c := moodyService(t)
	if _, err := silenceFor(t, s, one(t, s).ID, olga(), time.Hour, ""); err != nil {
		t.Fatal(err)
	}
	c.pass(61 * time.Minute)
	m.silences[0].Status.State = "expired"
	m.silences = m.silences[:1]
	reconcileNow(t, s)
	if got := texts(out.stories(t)); len(got) != 2 || got[1] != "The silence of Olga is over: it still fires" {
		t.Errorf("stories %q", got)
	}
}
