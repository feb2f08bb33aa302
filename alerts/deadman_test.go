package alerts

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/storage"
)

func TestDeadmanLook(t *testing.T) {
	start := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	d := deadman{within: 5 * time.Minute}
	type step struct {
		after  time.Duration
		beat   bool
		ended  time.Duration // since the start; of a watchdog that comes as resolved
		silent bool
		say    string
	}
	for name, steps := range map[string][]step{
		"never seen, never alarms": {{after: time.Hour}, {after: 48 * time.Hour}},
		"comes, stays away, comes again": {
			{beat: true}, {after: 4 * time.Minute},
			{after: 5*time.Minute + 15*time.Second, silent: true, say: "No watchdog from main for 5 min"},
			{after: 6 * time.Minute, beat: true},
		},
		"drey was away: a whole within more": {
			{beat: true}, {after: time.Hour}, {after: time.Hour + 4*time.Minute + 59*time.Second},
			{after: time.Hour + 5*time.Minute + time.Second, silent: true, say: "No watchdog from main for 1 h 5 min"},
		},
		"resolved: at once, and again well with the next": {
			{beat: true}, {after: time.Minute, ended: 50 * time.Second, silent: true, say: "The watchdog of main has ended: Prometheus no longer sends it"},
			{after: 2 * time.Minute, beat: true},
		},
		"resolved, but the other half of a pair still sends it": {
			{beat: true}, {after: time.Minute, beat: true}, {after: 61 * time.Second, ended: 30 * time.Second},
		},
		"resolved before any was seen": {{ended: time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			h := heartbeat{Source: "main"}
			last := time.Duration(0)
			for n, s := range steps {
				now := start.Add(s.after)
				// Between the steps drey looks as often as it should, but for a gap of an hour.
				for at := last + d.every(); at < s.after && s.after-last < 30*time.Minute; at += d.every() {
					h.look(d, start.Add(at))
				}
				last = s.after
				if s.beat {
					h.hear(pulse{firing: true}, now)
				}
				if s.ended > 0 {
					h.hear(pulse{ended: start.Add(s.ended)}, now)
				}
				if say, silent := h.look(d, now); silent != s.silent || say != s.say {
					t.Errorf("step %d: %q, %t", n, say, silent)
				}
			}
		})
	}
}

func withDeadman() Options {
	o := testOptions()
	main := o.Sources["main"]
	main.Deadman = Deadman{Match: `labels.alertname == "Watchdog"`}
	o.Sources["main"] = main
	return o
}

// lookNow does what the worker does when a look is due, until none is due at once.
func lookNow(t *testing.T, s *Service) {
	t.Helper()
	it, err := s.db.Take(t.Context(), deadmanQueue, deadmanRoot("main"), time.Minute)
	if err == nil {
		err = s.lookAtDeadman(t.Context(), it, "main")
	}
	if err != nil {
		t.Fatal(err)
	}
}

// lookFor looks again and again for a while.
func lookFor(t *testing.T, s *Service, c *clock, d time.Duration) {
	t.Helper()
	for end := c.t.Add(d); c.t.Before(end); c.pass(15 * time.Second) {
		lookNow(t, s)
	}
	lookNow(t, s)
}

func TestDeadmanOpensAnIncident(t *testing.T) {
	s, out, c := newService(t, withDeadman(), Hooks{})
	dog := webhook("Watchdog", map[string]string{"severity": "none"}, Firing)
	if kind := take(t, s, dog); kind != kindWatchdog {
		t.Errorf("taken as %s", kind)
	}
	lookFor(t, s, c, 4*time.Minute)
	take(t, s, dog)
	lookFor(t, s, c, 4*time.Minute)
	if n := len(out.all(t)); n != 0 {
		t.Fatalf("%d messages while it comes", n)
	}
	lookFor(t, s, c, 2*time.Minute)
	h := out.heads(t)
	if len(h) != 1 || h[0].Message.Fallback != "Firing: AlertsPathSilent (critical). No watchdog from main for 5 min" {
		t.Fatalf("%q", texts(h))
	}
	before := plainHead(h[0])
	lookFor(t, s, c, 3*time.Minute)
	if d := cmp.Diff(before, plainHead(out.heads(t)[0])); d != "" {
		t.Error("the head is edited while nothing changes:", d)
	}
	dogs, err := s.Watchdogs(t.Context())
	if err != nil || len(dogs) != 1 || !dogs[0].Silent || dogs[0].Count != 2 || dogs[0].String() != "silent; the last came at 2026-11-21 00:01 UTC" {
		t.Errorf("%+v, %v", dogs, err)
	}
	take(t, s, dog)
	lookNow(t, s)
	if h := out.heads(t); !strings.HasPrefix(h[0].Message.Title, "Resolved: AlertsPathSilent") {
		t.Errorf("%q", h[0].Message.Title)
	}
	take(t, s, webhook("Watchdog", nil, Resolved)) // ended before it last came: old news
	lookNow(t, s)
	if one(t, s).Open() {
		t.Error("alarmed by old news")
	}
	c.pass(time.Minute)
	gone := at(webhook("Watchdog", nil, Resolved), c.t.Format(time.RFC3339))
	take(t, s, []byte(strings.ReplaceAll(string(gone), newClock().t.Format(time.RFC3339), c.t.Format(time.RFC3339))))
	lookNow(t, s)
	if i := one(t, s); !i.Open() || !strings.Contains(summary(i.shown()), "has ended") {
		t.Errorf("%s: %s", i.State(), summary(i.shown()))
	}
}

// In a group with others the others count as always.
func TestDeadmanAmongOthers(t *testing.T) {
	s, out, _ := newService(t, withDeadman(), Hooks{})
	body := webhookOf("Odd", Firing, map[string]string{"alertname": "Watchdog"}, map[string]string{"alertname": "Lag"})
	if kind := take(t, s, body); kind != kindNew || len(out.heads(t)) != 1 || len(one(t, s).Alerts) != 1 {
		t.Errorf("%s: %+v", kind, one(t, s).Alerts)
	}
	tr := s.Explain
	if got := tr(t.Context(), "main", webhook("Watchdog", nil, Firing)).String(); !strings.Contains(got, "are the watchdog") {
		t.Error(got)
	}
}

// A replica that is killed between the alarm and its record leaves the alarm to be told again, which changes nothing.
func TestDeadmanToldTwice(t *testing.T) {
	s, out, c := newService(t, withDeadman(), Hooks{})
	take(t, s, webhook("Watchdog", nil, Firing))
	lookFor(t, s, c, 6*time.Minute)
	if err := deadmanTable(s.db).Update(t.Context(), deadmanRoot("main"), func(_ *storage.Tx, h *heartbeat, _ storage.Version) error {
		h.Told = false
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	c.pass(15 * time.Second)
	lookNow(t, s)
	if i := one(t, s); len(out.all(t)) != 1 || i.Episodes != 1 || len(i.Alerts) != 1 {
		t.Errorf("%d messages, %d episodes", len(out.all(t)), i.Episodes)
	}
}

func TestDeadmanIsValidated(t *testing.T) {
	o := withDeadman()
	o.Sources["drey"] = Source{Token: "x", Deadman: Deadman{Match: "labels.x", Within: time.Second}}
	err := o.Validate()
	for _, want := range []string{"sources.drey.deadman.match: ", "sources.drey.deadman.within: want 10s to 24h, have 1s", "the name \"drey\" is drey's own"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want %q", err, want)
		}
	}
}
