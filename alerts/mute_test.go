package alerts

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

func weekends() map[string][]TimeInterval {
	return map[string][]TimeInterval{"weekend": {{Weekdays: []string{"saturday", "sunday"}}}}
}

// muted are options whose one route is muted from 00:00 to 06:00 UTC. The test clock starts three minutes before.
func muted() Options {
	o := testOptions()
	o.MuteTimes = map[string][]TimeInterval{"nights": {{Times: []TimeRange{{"00:00", "06:00"}}}}}
	o.Routes[0].Mute = []string{"nights"}
	return o
}

// unmuteDue does what the worker does when the first mute ends, and returns how many incidents it was.
func unmuteDue(t *testing.T, s *Service, c *clock, at time.Time) {
	t.Helper()
	c.t = at
	// The queue goes by the store's clock: what is due in the test's future is claimed by asking for all of it.
	tx := s.db.Begin(one(t, s).root())
	tx.Enqueue(muteQueue, one(t, s).root(), time.Time{})
	if err := s.db.Commit(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	items, _, err := s.db.Claim(t.Context(), muteQueue, 10, time.Minute)
	if err != nil || len(items) != 1 {
		t.Fatal(len(items), err)
	}
	s.unmute(t.Context(), items)
}

func TestMutedIsPostedAtTheEnd(t *testing.T) {
	s, out, c := newService(t, muted(), Hooks{})
	c.pass(time.Hour)
	take(t, s, webhook("Down", nil, Firing))
	if n := len(out.all(t)); n != 0 {
		t.Errorf("%d messages while muted", n)
	}
	i := one(t, s)
	if i.State() != Firing || len(i.Lines) != 2 || !strings.HasPrefix(i.Lines[1].Text, "Muted in web:oncall until 2026-11-21 06:00 UTC by nights") {
		t.Errorf("%s: %+v", i.State(), i.Lines)
	}
	if said := i.Lines[1].Said(); !slices.ContainsFunc(said.Spans, func(x bot.Span) bool { return x.In == bot.Place{Network: "web", Channel: "oncall"} }) || said.Plain() != i.Lines[1].Text {
		t.Errorf("the line does not name its channel as networks do: %+v", said.Spans)
	}
	if _, err := s.Ack(t.Context(), i.ID, olga()); err != nil || len(out.all(t)) != 0 {
		t.Errorf("an acknowledgement is told: %v", err)
	}
	if _, err := s.Unack(t.Context(), i.ID, olga()); err != nil {
		t.Fatal(err)
	}
	unmuteDue(t, s, c, time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC))
	if n := len(out.all(t)); n != 0 {
		t.Errorf("woken too early it posted %d messages", n)
	}
	unmuteDue(t, s, c, time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC))
	if h := out.heads(t); len(h) != 1 || len(out.stories(t)) != 0 || !strings.HasPrefix(h[0].Message.Title, "Firing: Down") {
		t.Errorf("heads %v, stories %q", h, texts(out.stories(t)))
	}
	if got := one(t, s).Targets[0]; got.Held || !got.Headed || !got.Quiet.IsZero() {
		t.Errorf("%+v", got)
	}
}

func TestMutedAndOverIsNotPosted(t *testing.T) {
	s, out, c := newService(t, muted(), Hooks{})
	c.pass(time.Hour)
	take(t, s, webhook("Down", nil, Firing))
	c.pass(time.Hour)
	take(t, s, webhook("Down", nil, Resolved))
	unmuteDue(t, s, c, time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC))
	if n := len(out.all(t)); n != 0 || one(t, s).State() != Resolved {
		t.Errorf("%d messages, %s", n, one(t, s).State())
	}
	// Within the window it fires again in the daytime, in the same incident: now it is posted.
	c.t = time.Date(2026, 11, 21, 6, 5, 0, 0, time.UTC)
	if kind := take(t, s, at(webhook("Down", nil, Firing), "2026-11-21T06:04:00Z")); kind == kindRepeat {
		t.Fatal(kind)
	}
	if h := out.heads(t); len(h) != 1 {
		t.Errorf("%d heads", len(h))
	}
}

// A thread that stands is edited through the night, and told in the morning what it missed.
func TestMuteBeginsInTheMiddle(t *testing.T) {
	s, out, c := newService(t, muted(), Hooks{})
	take(t, s, webhookOf("Lag", Firing, map[string]string{"instance": "a"}))
	c.pass(time.Hour)
	take(t, s, webhookOf("Lag", Firing, map[string]string{"instance": "a"}, map[string]string{"instance": "b"}))
	if got := texts(out.stories(t)); len(got) != 0 {
		t.Errorf("told in the night: %q", got)
	}
	if h := plainHead(out.heads(t)[0]); !strings.Contains(h, "Alerts: 2 of 2") {
		t.Errorf("the head is not edited: %s", h)
	}
	if _, err := s.Ack(t.Context(), one(t, s).ID, olga()); err != nil {
		t.Fatal(err)
	}
	unmuteDue(t, s, c, time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC))
	got := texts(out.stories(t))
	if len(got) != 1 || got[0] != "The mute is over, 2 messages kept back. Now 2 of 2 fire: a, b" {
		t.Errorf("in the morning: %q", got)
	}
	c.pass(time.Minute)
	take(t, s, webhookOf("Lag", Resolved, map[string]string{"instance": "a"}, map[string]string{"instance": "b"}))
	if got := texts(out.stories(t)); len(got) != 2 || !strings.HasPrefix(got[1], "Resolved") {
		t.Errorf("the end: %q", got)
	}
}

// The queue knows when to look again, and forgets what is over.
func TestMuteIsQueued(t *testing.T) {
	s, _, c := newService(t, muted(), Hooks{})
	c.t = time.Now().UTC().Add(-100 * 24 * time.Hour).Truncate(24 * time.Hour).Add(time.Hour) // the mute ended long ago by the store's clock
	take(t, s, webhook("Down", nil, Firing))
	look := func() {
		t.Helper()
		it, err := s.db.Take(t.Context(), muteQueue, one(t, s).root(), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		s.unmute(t.Context(), []storage.Item{it})
	}
	look() // still muted by drey's own clock
	if items, _, err := s.db.Claim(t.Context(), muteQueue, 10, time.Minute); err != nil || len(items) != 0 {
		t.Fatal("looked at again and again", len(items), err)
	}
	c.pass(6 * time.Hour)
	look()
	if _, err := s.db.Take(t.Context(), muteQueue, one(t, s).root(), time.Minute); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("looked at for ever: %v", err)
	}
}

// A place that two routes lead to is muted only while both are.
func TestMuteOfTwoRoutes(t *testing.T) {
	o := muted()
	o.Routes[0].Continue = true
	o.Routes = append(o.Routes, Route{Name: "loud", Match: `severity == "critical"`, To: []string{"web:oncall"}})
	for severity, want := range map[string]int{"critical": 1, "info": 0} {
		s, out, c := newService(t, o, Hooks{})
		c.pass(time.Hour)
		take(t, s, webhook("Down", map[string]string{"severity": severity}, Firing))
		if n := len(out.heads(t)); n != want {
			t.Errorf("%s: %d heads", severity, n)
		}
	}
}

func TestMutedUntil(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	night := TimeInterval{Times: []TimeRange{{"22:00", "24:00"}, {"00:00", "06:00"}}, Location: "Europe/Berlin"}
	var p Problems
	m := compileMuteTimes(map[string][]TimeInterval{
		"night": {night}, "weekend": {{Weekdays: []string{"saturday", "sunday"}, Location: "Europe/Berlin"}},
		"small": {{Times: []TimeRange{{"01:00", "02:30"}}, Location: "Europe/Berlin"}}, "ever": {{Years: []string{"2000:3000"}}},
		"xmas": {{Months: []string{"december"}, DaysOfMonth: []string{"24:26"}}}, "odd": {{Times: []TimeRange{{"00:00", "00:01"}}}},
	}, &p)
	if len(p) > 0 {
		t.Fatal(p)
	}
	local := func(month time.Month, day, hour, min int) time.Time {
		return time.Date(2026, month, day, hour, min, 0, 0, berlin)
	}
	for _, tt := range []struct {
		names    string
		at, want time.Time
	}{
		{"night", local(11, 21, 21, 59), time.Time{}},
		{"night", local(11, 21, 22, 0), local(11, 22, 6, 0)},
		{"night weekend", local(11, 20, 23, 0), local(11, 23, 6, 0)},         // Friday night to Monday morning
		{"night", local(3, 28, 23, 0), local(3, 29, 6, 0)},                   // clocks go forward: seven hours
		{"night", local(10, 24, 23, 0), local(10, 25, 6, 0)},                 // and back: eight
		{"small", local(10, 25, 1, 30), local(10, 25, 1, 30).Add(time.Hour)}, // 02:30 the first time
		{"ever", local(1, 1, 0, 0), local(1, 2, 0, 0)},                       // no end in sight: look again in a day
		{"xmas", time.Date(2026, 12, 25, 12, 0, 0, 0, time.UTC), time.Date(2026, 12, 27, 0, 0, 0, 0, time.UTC)},
		{"odd", time.Date(2026, 1, 1, 0, 0, 59, 0, time.UTC), time.Date(2026, 1, 1, 0, 1, 0, 0, time.UTC)},
		{"gone", local(1, 1, 0, 0), time.Time{}},
	} {
		if got := m.until([][]string{strings.Fields(tt.names)}, tt.at); !got.Equal(tt.want) {
			t.Errorf("%s at %s: until %s, want %s", tt.names, tt.at, got.In(berlin), tt.want.In(berlin))
		}
	}
}

// Minute by minute through the years' odd days, the end that until names is the first loud minute.
func TestMutedUntilIsTheFirstLoudMinute(t *testing.T) {
	var p Problems
	m := compileMuteTimes(map[string][]TimeInterval{
		"a": {{Times: []TimeRange{{"01:30", "02:15"}, {"23:00", "24:00"}}, Location: "Europe/Berlin"}},
		"b": {{Times: []TimeRange{{"00:45", "03:05"}}, Location: "America/New_York"}},
		"c": {{Weekdays: []string{"sunday"}, Times: []TimeRange{{"01:00", "05:00"}}}},
	}, &p)
	lists := [][]string{{"a", "b"}, {"c", "b", "a"}}
	muted := func(at time.Time) bool { return m.holds(lists[0], at) && m.holds(lists[1], at) }
	for _, day := range []time.Time{time.Date(2026, 3, 28, 20, 0, 0, 0, time.UTC), time.Date(2026, 10, 24, 20, 0, 0, 0, time.UTC), time.Date(2026, 3, 7, 20, 0, 0, 0, time.UTC), time.Date(2026, 10, 31, 20, 0, 0, 0, time.UTC)} {
		for at := day; at.Before(day.Add(20 * time.Hour)); at = at.Add(time.Minute) {
			want := time.Time{}
			if muted(at) {
				for want = at.Add(time.Minute); muted(want); want = want.Add(time.Minute) {
				}
			}
			if got := m.until(lists, at); !got.Equal(want) {
				t.Fatalf("at %s: until %s, want %s", at, got.UTC(), want)
			}
		}
	}
}
