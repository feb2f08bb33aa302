package alerts

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/platform"
)

func TestSilenceEndIsNoted(t *testing.T) {
	m, s, out, c := moodyService(t)
	id := one(t, s).ID
	if _, err := silenceFor(t, s, id, olga(), time.Hour, ""); err != nil {
		t.Fatal(err)
	}
	dueNow(t, s, c, 49*time.Minute)
	dueNow(t, s, c, time.Minute)
	dueNow(t, s, c, 0)
	st := out.stories(t)
	if got := texts(st)[1:]; !slices.Equal(got, []string{"The silence ends at 2026-11-21 00:57 UTC, in 10 min, and it still fires: extend it, or it calls again. @Olga"}) {
		t.Fatalf("stories %q", got)
	}
	if got := labels(st[1]); got != "Extend… End silence" || called(st[1]) != "user:olga" {
		t.Errorf("buttons %q, calls %q", got, called(st[1]))
	}
	if a, err := silenceFor(t, s, id, vera(), time.Hour, ""); err != nil || a.Already {
		t.Fatal(a, err)
	}
	dueNow(t, s, c, 11*time.Minute)
	if n := len(out.stories(t)); n != 3 {
		t.Errorf("a silence that was lengthened is told to end: %q", texts(out.stories(t)))
	}
	dueNow(t, s, c, 39*time.Minute)
	if n := len(out.stories(t)); n != 4 || len(m.silences) != 1 {
		t.Errorf("the longer one: %q, %d silences", texts(out.stories(t)), len(m.silences))
	}
}

// At its end people are called who were not while it held, unless somebody has taken the incident.
func TestSilenceOverCalls(t *testing.T) {
	for _, acked := range []bool{false, true} {
		m, s, out, c := moodyService(t)
		id := one(t, s).ID
		if acked {
			if _, err := s.Ack(t.Context(), id, olga()); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := silenceFor(t, s, id, olga(), 10*time.Minute, ""); err != nil {
			t.Fatal(err)
		}
		c.pass(11 * time.Minute)
		m.silences[0].Status.State = "expired"
		reconcileNow(t, s)
		st := out.stories(t)
		last := st[len(st)-1].Message
		if last.Broadcast == acked || (labels(st[len(st)-1]) != "Ack Silence…") != acked {
			t.Errorf("acked %v: broadcast %v, %q", acked, last.Broadcast, labels(st[len(st)-1]))
		}
	}
}

func TestUntilResolved(t *testing.T) {
	m, s, out, c := moodyService(t)
	id := one(t, s).ID
	p, err := s.Plan(t.Context(), id, Wish{Until: "until it resolves"})
	if err != nil || !p.Keep {
		t.Fatal(p, err)
	}
	a, err := s.Silence(t.Context(), p, olga())
	if err != nil || !strings.Contains(a.Say, "until it resolves, at most until 2026-12-20 23:57 UTC") {
		t.Fatal(a.Say, err)
	}
	if got := m.silences[0].EndsAt.Sub(c.t).Round(time.Minute); got != time.Hour {
		t.Errorf("Alertmanager's silence lasts %s", got)
	}
	for range 6 {
		c.pass(20 * time.Minute)
		reconcileNow(t, s)
		again(t, s, c)
	}
	if len(m.silences) != 1 || m.silences[0].EndsAt.Sub(c.t) <= time.Hour/2 || one(t, s).State() != Silenced {
		t.Errorf("%d silences, ends %s at %s", len(m.silences), m.silences[0].EndsAt, c.t)
	}
	m.silences = nil // Alertmanager crashed and lost it
	reconcileNow(t, s)
	again(t, s, c)
	if len(m.silences) != 1 || one(t, s).Silences[0].Remade != 1 {
		t.Errorf("%d silences after the crash", len(m.silences))
	}
	take(t, s, webhook("Down", nil, Resolved))
	again(t, s, c)
	reconcileNow(t, s)
	if i := one(t, s); i.State() != Resolved || m.silences[0].Live() || !i.Silences[0].Ended {
		t.Errorf("%s, silence %+v", i.State(), i.Silences[0])
	}
	want := []string{
		"Silenced by Olga until it resolves, at most until 2026-12-20 23:57 UTC",
		"Silenced again: Alertmanager had lost the silence of Olga until it resolves, at most until 2026-12-20 23:57 UTC", "Resolved after 2 h",
	}
	if got := texts(out.stories(t)); !slices.Equal(got, want) {
		t.Errorf("stories %q", got)
	}
}

// again makes the incident due for the reconcile worker, however the store's clock stands.
func again(t *testing.T, s *Service, _ *clock) {
	t.Helper()
	tx := s.db.Begin(one(t, s).root())
	tx.Enqueue(reconcileQueue, one(t, s).root(), time.Time{})
	if err := s.db.Commit(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
}

func TestPlan(t *testing.T) {
	m, s, _, _ := moodyService(t)
	id := one(t, s).ID
	for _, tt := range []struct{ until, matchers, field, says string }{
		{"1h", "", "", ""},
		{"yesterday", "", "duration", "neither a duration nor a time; say how long"},
		{"20:00", "", "duration", "is past"},
		{"30d 1h", "", "duration", "a silence lasts from 1 min to 30 d; nothing was silenced"},
		{"1h", "alertname~x", "matchers", "want them as Alertmanager writes them"},
		{"1h", `alertname=~".*"`, "matchers", "names nothing exactly"},
		{"1h", `severity="critical"`, "matchers", "severity alone is too broad"},
	} {
		p, err := s.Plan(t.Context(), id, Wish{Until: tt.until, Matchers: tt.matchers})
		field := ""
		if fe, ok := err.(*FieldError); ok { //nolint:errorlint // it is never wrapped
			field = fe.Field
		}
		if field != tt.field || err != nil && !strings.Contains(err.Error(), tt.says) || err != nil && platform.KindOf(err) != platform.Invalid {
			t.Errorf("%q %q: %q %v", tt.until, tt.matchers, field, err)
		}
		if err == nil && (!p.Exact || p.Ask() || p.Matchers.String() != `alertname="Down"`) {
			t.Errorf("plan %+v", p)
		}
	}
	p, err := s.Plan(t.Context(), id, Wish{Until: "1h", Matchers: `{alertname="Down", instance!="b"}`})
	if err != nil || p.Exact || !p.Ask() {
		t.Fatal(p, err)
	}
	if p, err = s.Preview(t.Context(), p); err != nil || p.Hides == nil || p.Hides.Own != 1 || len(p.Hides.Others) != 0 {
		t.Errorf("%+v, %v", p.Hides, err)
	}
	if got := p.Text().Plain(); !strings.HasPrefix(got, "Hides 1 alert of 1 incident now, until 2026-11-21 00:57 UTC:\n• "+id+" Down (1 alert): this one") {
		t.Error(got)
	}
	m.mu.Lock() // it does not answer in time
	p, err = s.Preview(t.Context(), SilencePlan{Incident: p.Incident, Parts: p.Parts})
	m.mu.Unlock()
	if err != nil || p.Hides != nil || !strings.HasPrefix(p.Text().Plain(), "What it hides is not known: Alertmanager did not answer in time") {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestHides(t *testing.T) {
	now := newClock().t
	own, other := openIncident(now, "a", "b"), openIncident(now, "c", "d")
	own.ID, other.ID, other.Title = "aaaaaa", "bbbbbb", "Other"
	h := hides(&own, []Incident{own, other}, map[string]map[string]bool{"": {"a": true, "c": true, "d": true, "x": true}})
	got := SilencePlan{Incident: own, Hides: h}.Text().Plain()
	for _, want := range []string{"Hides 4 alerts of 2 incidents", "• aaaaaa", "(1 alert): this one", "• bbbbbb Other (2 alerts)", "• 1 alert that drey has no incident for", "1 of the 2 alerts of this incident go on firing."} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q: %s", want, got)
		}
	}
}

// Where Alertmanager keeps annotations the op stands there, and the comment is the person's alone.
func TestOpInAnnotation(t *testing.T) {
	for version, want := range map[string]bool{"0.25.0": false, "0.31.9": false, "0.32.0": true, "1.0.0": true, "": false, "main": false} {
		if got := atLeast(version, 0, 32); got != want {
			t.Errorf("%q: %v", version, got)
		}
	}
	sil := Silence{Op: "op1", Comment: "why", By: olga()}
	for _, annotates := range []bool{false, true} {
		out := sil.outside(annotates)
		if opOf(out) != "op1" || (out.Comment == "why") != annotates {
			t.Errorf("%+v", out)
		}
	}
}
