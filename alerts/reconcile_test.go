package alerts

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/alerts/alertmanager"
)

func openIncident(now time.Time, fps ...string) Incident {
	i := Incident{ID: "k3x9q2", Seq: 1, Receiver: "drey", GroupLabels: map[string]string{"alertname": "Down"}, Since: now, Alerts: map[string]Alert{}}
	for _, fp := range fps {
		i.Alerts[fp] = Alert{Status: Firing, Labels: map[string]string{"alertname": "Down", "instance": fp}, Changed: now}
	}
	i.refresh()
	return i
}

func looking(as ...alertmanager.Alert) *look {
	l := &look{view: &view{answered: 1}, alerts: map[string]alertmanager.Alert{}, settled: true}
	for _, a := range as {
		l.alerts[a.Fingerprint] = a
	}
	return l
}

// from are the looks of an incident with one source.
func from(l *look) map[string]*look { return map[string]*look{"": l} }

func seen(fp, state string, by ...string) alertmanager.Alert {
	a := alertmanager.Alert{Fingerprint: fp, Labels: map[string]string{"alertname": "Down", "instance": fp}}
	a.Status.State, a.Status.SilencedBy = state, by
	a.Receivers = append(a.Receivers, struct {
		Name string `json:"name"`
	}{"drey"})
	return a
}

func told(ss []story) (out []string) {
	for _, s := range ss {
		out = append(out, s.text.Plain())
	}
	return out
}

const every = 30 * time.Second

// One look that does not find an alert is not believed: Alertmanager may have been asked in a moment of its own.
func TestAbsentTwice(t *testing.T) {
	now := newClock().t
	i := openIncident(now, "a", "b")
	now = now.Add(time.Minute)
	if got := i.compare(from(looking(seen("a", "active"))), now, every); len(got) != 0 || i.FiringCount() != 2 {
		t.Errorf("after one look: %q", told(got))
	}
	if got := i.compare(from(looking(seen("a", "active"), seen("b", "active"))), now.Add(every), every); len(got) != 0 || !i.Alerts["b"].Absent.IsZero() {
		t.Errorf("it was back: %q", told(got))
	}
	i.compare(from(looking(seen("a", "active"))), now.Add(2*every), every)
	if got := told(i.compare(from(looking(seen("a", "active"))), now.Add(3*every), every)); !slices.Equal(got, []string{"Now 1 of 2 fire: a"}) {
		t.Errorf("after two looks: %q", got)
	}
	i.compare(from(looking()), now.Add(4*every), every)
	got := told(i.compare(from(looking()), now.Add(5*every), every))
	if i.Open() || len(got) != 1 || !strings.HasSuffix(got[0], "Alertmanager no longer has it; no resolve reached drey.") {
		t.Errorf("all gone: %q", got)
	}
}

// An Alertmanager that has just started knows nothing yet.
func TestFreshAlertmanager(t *testing.T) {
	now := newClock().t
	i := openIncident(now, "a")
	l := looking()
	l.settled = false
	for n := range 10 {
		i.compare(from(l), now.Add(time.Duration(n+1)*every), every)
	}
	if !i.Open() {
		t.Error("closed because a fresh Alertmanager did not know of it")
	}
}

func TestSuppressed(t *testing.T) {
	now := newClock().t
	i := openIncident(now, "a", "b")
	l := looking(seen("a", "suppressed", "s1"), seen("b", "active"))
	l.peers = []*peerView{{silences: []alertmanager.Silence{{ID: "s1", CreatedBy: "vera", EndsAt: now.Add(time.Hour), Comment: "known"}}}}
	if got := i.compare(from(l), now, every); len(got) != 0 || i.State() != Firing {
		t.Errorf("half of it silenced: %q, %s", told(got), i.State())
	}
	l.alerts["b"] = seen("b", "suppressed", "s1")
	got := told(i.compare(from(l), now, every))
	if i.State() != Silenced || !slices.Equal(got, []string{"Silenced in Alertmanager by vera until 2026-11-21 00:57 UTC"}) {
		t.Errorf("all of it silenced: %q, %s", got, i.State())
	}
	if got := i.compare(from(l), now, every); len(got) != 0 {
		t.Errorf("told again: %q", told(got))
	}
	if head := i.silenceText().Plain(); head != "in Alertmanager by vera until 2026-11-21 00:57 UTC: known" {
		t.Error(head)
	}
	got = told(i.compare(from(looking(seen("a", "active"), seen("b", "active"))), now, every))
	if i.State() != Firing || !slices.Equal(got, []string{"No longer silenced in Alertmanager"}) {
		t.Errorf("heard again: %q, %s", got, i.State())
	}
	i.compare(from(looking(seen("a", "suppressed"), seen("b", "suppressed"))), now, every)
	if i.silenceText().Plain() != "inhibited by another alert" {
		t.Error(i.silenceText().Plain())
	}
}

func TestBlindOnce(t *testing.T) {
	now := newClock().t
	i := openIncident(now, "a")
	i.unanswered([]string{"main"}, now, every)
	if !i.Blind.IsZero() {
		t.Error("told after one look")
	}
	for n := range 3 {
		i.unanswered([]string{"main"}, now.Add(time.Duration(n+1)*every), every)
	}
	if !i.Blind.Equal(now) {
		t.Errorf("blind since %s", i.Blind)
	}
}

func TestSilencesFollowAlertmanager(t *testing.T) {
	now := newClock().t
	until := now.Add(time.Hour)
	for _, tt := range []struct {
		name  string
		did   silenced
		told  string
		ended bool
	}{
		{"still there", silenced{id: "s1", until: until}, "", false},
		{"lost", silenced{id: "s2", until: until, lost: true}, "Silenced again: Alertmanager had lost the silence of Olga until 2026-11-21 00:57 UTC", false},
		{"ended outside", silenced{ended: true, outside: true}, "The silence of Olga was ended in Alertmanager", true},
		{"ran out", silenced{ended: true}, "The silence of Olga is over: it still fires", true},
		{"refused", silenced{ended: true, refused: "bad matcher"}, "Not silenced: bad matcher", true},
		{"moved", silenced{id: "s1", until: until.Add(time.Hour)}, "The silence of Olga was changed in Alertmanager: it ends 2026-11-21 01:57 UTC", false},
	} {
		i := openIncident(now, "a")
		i.Silences = []Silence{{Op: "op", ID: "s1", Until: until, Told: until, By: olga()}}
		out, over := i.applySilences(map[string]silenced{"op": tt.did})
		for _, x := range over {
			out = append(out, i.silenceOver(x))
		}
		got := strings.Join(told(out), " | ")
		if got != tt.told || i.Silences[0].Ended != tt.ended {
			t.Errorf("%s: %q, ended %v", tt.name, got, i.Silences[0].Ended)
		}
	}
}

// The matchers of a silence are the group's, with the alert's name where all share it.
func TestMatchers(t *testing.T) {
	i := openIncident(newClock().t, "a", "b")
	i.GroupLabels = map[string]string{"cluster": "prod"}
	i.refresh()
	if got := matcherText(i.matchers()); got != `alertname="Down", cluster="prod"` {
		t.Error(got)
	}
	i.GroupLabels = nil
	i.refresh()
	if got := matcherText(i.matchers()); got != `alertname="Down"` {
		t.Error(got)
	}
}

// What was opened before an Alertmanager was configured is compared with it from then on: at the next start, or with the next repeat.
func TestAlertmanagerConfiguredLater(t *testing.T) {
	m := &moody{}
	srv := httptest.NewServer(m)
	t.Cleanup(srv.Close)
	for name, learn := range map[string]func(s *Service, c *clock){
		"start":  func(s *Service, _ *clock) { s.learnAPI(t.Context()) },
		"repeat": func(s *Service, c *clock) { c.pass(2 * time.Minute); take(t, s, webhook("Down", nil, Firing)) },
	} {
		t.Run(name, func(t *testing.T) {
			old, out, c := newService(t, testOptions(), Hooks{})
			take(t, old, webhook("Down", nil, Firing))
			o := testOptions()
			o.Sources["main"] = Source{Token: testToken, Alertmanager: Addresses{srv.URL}}
			s, err := New(old.db, out, quietLog(), o, Hooks{Now: c.now})
			if err != nil {
				t.Fatal(err)
			}
			if !one(t, s).NoAPI {
				t.Fatal("it had an Alertmanager")
			}
			learn(s, c)
			n, _, err := s.db.Depth(t.Context(), reconcileQueue)
			if err != nil || n != 1 || one(t, s).NoAPI {
				t.Errorf("%d to reconcile, %+v, %v", n, one(t, s).NoAPI, err)
			}
		})
	}
}

// Absence at one half of a pair is no absence while the other half cannot tell: it may have the alert.
func TestAbsentAtOneHalf(t *testing.T) {
	pair := func(answered int, fresh bool) *look {
		l := looking()
		l.peers, l.answered, l.fresh = make([]*peerView, 2), answered, fresh
		return l
	}
	for _, tt := range []struct {
		name  string
		look  *look
		after time.Duration // that it counts as over
		told  string
	}{
		{"both answer", pair(2, false), every, "Resolved after 90 s. Alertmanager no longer has it; no resolve reached drey."},
		{"one is away", pair(1, false), partAbsent, "Resolved after 11 min. Alertmanager no longer has it; no resolve reached drey. Another Alertmanager of the same source could not tell for 10 min."},
		{"one has just started", pair(2, true), partAbsent, "Resolved after 11 min. Alertmanager no longer has it; no resolve reached drey. Another Alertmanager of the same source could not tell for 10 min."},
	} {
		now := newClock().t
		i := openIncident(now, "a")
		first := now.Add(2 * every)
		var got []string
		n := time.Duration(0)
		for ; i.Open() && n < time.Hour; n += every {
			got = told(i.compare(from(tt.look), first.Add(n), every))
		}
		if n-every != tt.after || !slices.Equal(got, []string{tt.told}) {
			t.Errorf("%s: over after %s: %q", tt.name, n-every, got)
		}
	}
	now := newClock().t
	i := openIncident(now, "a", "b")
	l := looking(seen("a", "active"))
	l.peers = make([]*peerView, 2)
	i.compare(from(l), now.Add(every), every)
	if got := told(i.compare(from(l), now.Add(every+partAbsent), every)); !slices.Equal(got, []string{"Now 1 of 2 fire: a. Another Alertmanager of the same source could not tell for 10 min."}) {
		t.Errorf("one of two: %q", got)
	}
}
