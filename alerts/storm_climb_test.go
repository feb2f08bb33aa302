package alerts

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

// steep are options of a storm after three incidents whose route has an escalation of three steps, in two channels.
func steep() Options {
	o := climbing()
	o.Storm = StormOptions{From: 3}
	return o
}

// tendAfter lets time go by and looks at the storms.
func tendAfter(t *testing.T, s *Service, c *clock, d time.Duration) {
	t.Helper()
	c.pass(d)
	tendNow(t, s)
}

// steps are what escalations said about storms in a place.
func steps(t *testing.T, out *kept, place string) (said []string) {
	t.Helper()
	for _, d := range out.stories(t) {
		if strings.HasPrefix(d.Key, stormRoot) && d.To.String() == place && strings.HasPrefix(d.Message.Fallback, "Escalated") {
			said = append(said, d.Message.Fallback)
		}
	}
	return said
}

func shorts(t *testing.T, out *kept) map[string]bot.Message {
	t.Helper()
	got := map[string]bot.Message{}
	for _, d := range out.kind(t, "short") {
		got[d.To.String()] = d.Message
	}
	return got
}

func ackStorm(t *testing.T, s *Service) {
	t.Helper()
	for e, err := range s.storms.Newest(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.AckStorm(t.Context(), e.Value.ID, olga(), func(*Incident) bool { return true }); err != nil {
			t.Fatal(err)
		}
	}
}

// A storm escalates once for all that it counts: in the threads of its digests, and in one short message elsewhere.
func TestStormEscalates(t *testing.T) {
	s, out, c := newService(t, steep(), Hooks{})
	storm(t, s, 1, 20, Firing)
	tendNow(t, s)
	if m := theDigestIn(t, out, "web:oncall"); !strings.Contains(m.Plain(), "Escalates: 2026-11-20 23:58 UTC, step 1 of 3") {
		t.Error(m.Plain())
	}
	tendAfter(t, s, c, 59*time.Second)
	if got := steps(t, out, "web:oncall"); len(got) != 0 {
		t.Errorf("too early: %q", got)
	}
	for range 11 {
		tendAfter(t, s, c, time.Minute)
	}
	want := []string{
		"Escalated (step 1 of 3) after 1 min: 17 of the storm's incidents fire and nobody has acknowledged them: 5 critical, 12 warning. On call in primary: olga. @olga",
		"Escalated (step 2 of 3) after 5 min: 17 of the storm's incidents fire and nobody has acknowledged them: 5 critical, 12 warning. On call in primary: ben.",
		"Escalated (step 3 of 3) after 10 min: 17 of the storm's incidents fire and nobody has acknowledged them: 5 critical, 12 warning. Posted to slack:C0BOSS. Direct message to who is on call in primary: ben.",
	}
	if d := cmp.Diff(want, steps(t, out, "web:oncall")); d != "" {
		t.Error(d)
	}
	// The storm of the other channel calls the people of its network, and tells nobody else twice.
	got := steps(t, out, "slack:C0ONCALL")
	if len(got) != 3 || !strings.HasSuffix(got[0], "olga. @U0OLGA") || !strings.HasSuffix(got[1], "ben. @S0LEADS @U0BEN") || strings.Contains(got[2], "Posted") {
		t.Errorf("%q", got)
	}
	if got := steps(t, out, "slack:C0BOSS"); !slices.Equal(got, want[2:]) {
		t.Errorf("in the other place: %q", got)
	}
	places := shorts(t, out)
	if len(places) != 3 {
		t.Errorf("%d other places: %v", len(places), places)
	}
	m := places["slack:C0BOSS"]
	if plain := m.Plain(); m.Title != "Storm: 20 firing of 20 incidents" || !strings.Contains(plain, "The digest is in web:oncall.") || !strings.Contains(plain, "[Show firing] [Ack all]") {
		t.Error(plain)
	}
	for _, d := range out.stories(t) {
		if strings.HasPrefix(d.Key, stormRoot) && !strings.Contains(d.Message.Plain(), "Cluster: prod ×17") {
			t.Errorf("%s lacks the causes: %s", d.Key, d.Message.Plain())
		}
	}
	// Each incident from before the storm goes its own way, those that it counts do not.
	for _, i := range list(t, s) {
		if run := i.nextStep() != nil; run != i.Targets[0].Own {
			t.Errorf("%s escalates by itself: %v", i.ID, run)
		}
	}
	storm(t, s, 1, 20, Resolved)
	tendAfter(t, s, c, 6*time.Minute)
	tendNow(t, s)
	if m := shorts(t, out)["slack:C0BOSS"]; m.Title != "Storm over: all 20 incidents resolved" || !m.Closed {
		t.Errorf("at the end the other place reads: %s", m.Plain())
	}
}

func theDigestIn(t testing.TB, out *kept, place string) bot.Message {
	t.Helper()
	for _, d := range digests(t, out) {
		if d.To.String() == place {
			return d.Message
		}
	}
	t.Fatalf("no digest in %s", place)
	return bot.Message{}
}

// Whoever takes the storm stops it; what comes after that calls anew. What only flaps goes on where it was.
func TestStormEscalationStops(t *testing.T) {
	o := steep()
	o.Routes[0].To = []string{"web:oncall"}
	s, out, c := newService(t, o, Hooks{})
	said := func(n int, what string) {
		t.Helper()
		if got := steps(t, out, "web:oncall"); len(got) != n || !strings.Contains(got[n-1], what) {
			t.Errorf("want %d, the last with %q: %q", n, what, got)
		}
	}
	storm(t, s, 1, 10, Firing)
	tendNow(t, s)
	tendAfter(t, s, c, time.Minute)
	ackStorm(t, s)
	tendAfter(t, s, c, 3*time.Minute)
	said(1, "7 of the storm's incidents")

	storm(t, s, 11, 11, Firing) // nobody has this one
	tendAfter(t, s, c, time.Second)
	tendAfter(t, s, c, time.Minute)
	said(2, "step 1 of 3) after 60 s: 1 of the storm's incidents fires and nobody has acknowledged it")
	storm(t, s, 11, 11, Resolved)
	tendAfter(t, s, c, 2*time.Minute)
	if m := theDigestIn(t, out, "web:oncall"); strings.Contains(m.Plain(), "Escalates") {
		t.Error(m.Plain())
	}
	for range 60 {
		tendAfter(t, s, c, time.Minute)
	}
	said(2, "step 1 of 3")

	i, err := s.Unack(t.Context(), memberOf(t, s, "Down8"), olga())
	if err != nil {
		t.Fatal(err)
	}
	tendAfter(t, s, c, time.Second)
	tendAfter(t, s, c, time.Minute)
	said(3, "step 1 of 3")
	// One with a thread of its own goes its own way.
	if _, err := s.Expand(t.Context(), Expansion{What: i.Incident.ID, May: func(*Incident) bool { return true }}); err != nil {
		t.Fatal(err)
	}
	tendAfter(t, s, c, time.Hour)
	said(3, "step 1 of 3")
	if own, err := s.Get(t.Context(), i.Incident.ID); err != nil || own.nextStep() == nil {
		t.Errorf("the expanded one does not escalate: %v", err)
	}
}

// Without anybody's acknowledgement every step is done once, however often all is over and begins again.
func TestStormEscalationFlaps(t *testing.T) {
	o := steep()
	o.Routes[0].To = []string{"web:oncall"}
	o.Storm.Calm = time.Hour
	s, out, c := newService(t, o, Hooks{})
	storm(t, s, 1, 10, Firing)
	tendNow(t, s)
	for range 10 {
		tendAfter(t, s, c, time.Minute)
		storm(t, s, 4, 10, Resolved)
		tendAfter(t, s, c, 0)
		c.pass(2 * time.Minute)
		storm(t, s, 4, 10, Firing)
		tendAfter(t, s, c, 0)
	}
	got := steps(t, out, "web:oncall")
	if len(got) != 3 || !strings.Contains(got[1], "step 2 of 3) after 5 min") {
		t.Errorf("%q", got)
	}
}

func memberOf(t *testing.T, s *Service, title string) string {
	t.Helper()
	for _, i := range list(t, s) {
		if strings.HasPrefix(i.Title, title+" ") {
			return i.ID
		}
	}
	t.Fatalf("no %s", title)
	return ""
}

// A chain that goes on until the end is not stopped by an acknowledgement, and a mute keeps an incident out of it.
func TestStormEscalationUntilResolved(t *testing.T) {
	o := steep()
	o.Routes[0].To = []string{"web:oncall"}
	o.Escalations["night"] = Escalation{Until: "resolve", Steps: []EscalationStep{{After: time.Minute, OnCall: "primary", RepeatEvery: 10 * time.Minute, Repeat: 2}}}
	s, out, c := newService(t, o, Hooks{})
	storm(t, s, 1, 10, Firing)
	ackStorm(t, s)
	tendNow(t, s)
	for range 40 {
		tendAfter(t, s, c, time.Minute)
	}
	if got := steps(t, out, "web:oncall"); len(got) != 3 || !strings.HasPrefix(got[2], "Escalated (step 3 of 3) after 21 min: 7 of the storm's incidents are not resolved.") {
		t.Errorf("%q", got)
	}
}

// The webhook of a step is called once for the storm, and what it is told says that it is one.
func TestStormCallsWebhook(t *testing.T) {
	o := steep()
	o.Escalations["night"] = Escalation{Steps: []EscalationStep{{After: time.Minute, Webhook: "http://127.0.0.1:1/page"}}}
	s, out, c := newService(t, o, Hooks{})
	storm(t, s, 1, 10, Firing)
	tendNow(t, s)
	tendAfter(t, s, c, 5*time.Minute)
	var sent []Callout
	for e, err := range s.callings().Newest(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := stormKey(e.Value.Body.Incident); ok {
			sent = append(sent, e.Value.Body)
		}
	}
	if len(sent) != 1 || sent[0].Incidents != 10 || sent[0].Severity != "critical" || sent[0].Title != "Storm: 10 firing of 10 incidents" || !strings.Contains(sent[0].Text, "Cluster: prod ×7") {
		t.Fatalf("%+v", sent)
	}
	// Given up, it is told in the digest's thread.
	it, err := s.db.Take(t.Context(), calloutQueue, sent[0].ID, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	last, was, err := s.callings().Get(t.Context(), it.ID)
	if err != nil {
		t.Fatal(err)
	}
	last.Tries = calloutTries
	tx := s.db.Begin(storage.Root(it.ID))
	s.callings().Put(tx, it.ID, last, was)
	if err := s.db.Commit(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	s.callouts(t.Context(), []storage.Item{it})
	if got := texts(out.stories(t)); !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "Webhook not delivered (step 1 of 1") }) {
		t.Errorf("%q", got)
	}
}

func TestExplainStormEscalation(t *testing.T) {
	s, _, _ := newService(t, steep(), Hooks{})
	storm(t, s, 1, 4, Firing)
	if got := s.Explain(t.Context(), "main", webhook("New", nil, Firing)).String(); !strings.Contains(got, `escalation "night" does not run for it alone: the storm that counts it escalates for all`) {
		t.Error(got)
	}
}
