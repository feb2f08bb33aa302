package alerts

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/alerts/alertmanager"
	"github.com/drey-ops/drey/bot"
)

// listedSilences is a list of silences in short.
func listedSilences(t *testing.T, s *Service) []string {
	t.Helper()
	got, err := s.Silences(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, l := range got.Lines {
		of := "elsewhere"
		switch {
		case l.Incident != nil:
			of = l.Incident.Title
		case l.Operation != nil:
			of = l.Operation.Title
		}
		line := fmt.Sprintf("%s: %s by %s %q hides %d", of, l.Matchers, l.By, l.Comment, l.Hides)
		for word, is := range map[string]bool{" keep": l.Keep, " pending": l.Pending, " ending": l.Ending, " unmade": l.ID == ""} {
			if is {
				line += word
			}
		}
		out = append(out, line)
	}
	for _, a := range got.Away {
		out = append(out, fmt.Sprintf("%s: %d of %d away", a.Source, a.Silent, a.Of))
	}
	return out
}

func foreign(id, state string, from, until time.Time, ms string) alertmanager.Silence {
	x := alertmanager.Silence{ID: id, StartsAt: from, EndsAt: until, CreatedBy: "bob", Comment: "disk swap"}
	x.Matchers, _ = alertmanager.ParseMatchers(ms)
	x.Status = &struct {
		State string `json:"state"`
	}{state}
	return x
}

func TestSilencesAreListed(t *testing.T) {
	m, s, _, c := moodyService(t)
	m.firing = []map[string]string{{"alertname": "Down"}, {"alertname": "Disk", "instance": "a"}, {"alertname": "Disk", "instance": "b"}}
	id := one(t, s).ID
	if _, err := silenceFor(t, s, id, olga(), 2*time.Hour, ""); err != nil {
		t.Fatal(err)
	}
	now := c.t
	m.silences = append(m.silences,
		foreign("f1", "active", now.Add(-time.Hour), now.Add(time.Hour), `alertname="Disk"`),
		foreign("f2", "pending", now.Add(time.Hour), now.Add(2*time.Hour), `alertname="Later"`),
		foreign("f3", "expired", now.Add(-2*time.Hour), now.Add(-time.Hour), `alertname="Past"`))
	want := []string{
		`elsewhere: alertname="Disk" by bob "disk swap" hides 2`,
		`Down: alertname="Down" by Olga "" hides 1`,
		`elsewhere: alertname="Later" by bob "disk swap" hides 0 pending`,
	}
	if got := listedSilences(t, s); !slices.Equal(got, want) {
		t.Errorf("listed\n%s", strings.Join(got, "\n"))
	}

	// One that holds until its incident resolves comes first, with the latest end.
	p, err := s.Plan(t.Context(), id, Wish{Until: "resolved", Matchers: `alertname="Down", cluster=""`, Comment: "why"})
	if err == nil {
		_, err = s.Silence(t.Context(), p, olga())
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := listedSilences(t, s); len(got) != 4 || got[0] != `Down: alertname="Down", cluster="" by Olga "why" hides 1 keep` {
		t.Errorf("listed\n%s", strings.Join(got, "\n"))
	}
	got, _ := s.Silences(t.Context())
	if until := got.Lines[0].Until.Sub(c.t); until < 29*24*time.Hour {
		t.Errorf("until resolved at most for %s", until)
	}
}

func TestSilencesWhileAlertmanagerIsAway(t *testing.T) {
	m := &moody{}
	srv := httptest.NewServer(m)
	o := testOptions()
	o.Sources["main"] = Source{Token: testToken, Alertmanager: Addresses{srv.URL}}
	s, _, _ := newService(t, o, Hooks{})
	take(t, s, webhook("Down", nil, Firing))
	if _, err := silenceFor(t, s, one(t, s).ID, olga(), 2*time.Hour, ""); err != nil {
		t.Fatal(err)
	}
	srv.Close()
	want := []string{`Down: alertname="Down" by Olga "" hides -1 unmade`, "main: 1 of 1 away"}
	if got := listedSilences(t, s); !slices.Equal(got, want) {
		t.Errorf("listed\n%s", strings.Join(got, "\n"))
	}
}

func TestStateWords(t *testing.T) {
	now := time.Date(2026, 11, 21, 16, 0, 0, 0, time.UTC)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	quiet := func(until ...time.Time) (out []Target) {
		for _, u := range until {
			out = append(out, Target{Quiet: u})
		}
		return out
	}
	silence := func(x Silence) []Silence { x.ID = "x"; return []Silence{x} }
	for want, i := range map[string]Incident{
		"firing":                        {},
		"acked":                         {Acked: &Mark{By: bot.Actor{ID: "olga"}}},
		"resolved":                      {Over: now, Targets: quiet(now.Add(time.Hour))},
		"silenced until 18:00":          {Silences: silence(Silence{Until: now.Add(time.Hour)})},
		"silenced until resolved":       {Silences: silence(Silence{Keep: true, Until: now.Add(time.Hour)})},
		"silenced until tomorrow 00:30": {Suppressed: &Suppressed{By: "bob", Until: now.Add(7*time.Hour + 30*time.Minute)}},
		"silenced":                      {Suppressed: &Suppressed{}},
		"inhibited":                     {Suppressed: &Suppressed{Inhibited: true}},
		"kept back":                     {Holds: []Hold{{Why: "the cluster prod is down"}}, Targets: quiet(now.Add(time.Hour))},
		"firing, muted until Wed 17:00": {Targets: quiet(now.Add(4*24*time.Hour), now.Add(5*24*time.Hour))},
		"acked, muted until 2026-12-11": {Acked: &Mark{}, Targets: quiet(now.Add(20 * 24 * time.Hour))},
		"firing ":                       {Targets: quiet(now.Add(time.Hour), time.Time{})},
	} {
		if got := i.StateWords(now, berlin); got != strings.TrimSpace(want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
