package oncall

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func people(names ...string) map[string]Person {
	out := map[string]Person{}
	for _, n := range names {
		out[n] = Person{"slack:user:U0" + strings.ToUpper(n)}
	}
	return out
}

func one(t *testing.T, o Options) *Schedule {
	t.Helper()
	b, bad := New(map[string]Options{"primary": o})
	if len(bad) > 0 {
		t.Fatal(bad)
	}
	return b.Schedule("primary")
}

func load(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// Over a whole year, somebody is on call at every instant, and only one; a turn lasts from one handover on the wall to the next,
// whatever the clocks do.
func TestOneOnCallAllYear(t *testing.T) {
	for _, zone := range []string{"Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"} {
		loc := load(t, zone)
		for name, o := range map[string]Options{
			"weekly":     {Layers: []Layer{{Turn: []string{"ann", "ben", "cleo"}, Start: "2026-01-05", Handover: "monday 09:00"}}},
			"two weeks":  {Layers: []Layer{{Turn: []string{"ann", "ben"}, Start: "2026-01-05", Handover: "sun 02:30", Every: "2 weeks"}}},
			"three days": {Layers: []Layer{{Turn: []string{"ann", "ben"}, Start: "2026-06-05", Handover: "00:00", Every: "3d"}}},
			"day and night": {Layers: []Layer{
				{Turn: []string{"ann", "ben"}, Start: "2026-01-05", Handover: "monday 09:00", Hours: "09:00-21:00"},
				{Turn: []string{"cleo", "dora", "ann"}, Start: "2026-01-05", Every: "day", Hours: "21:00-09:00"},
			}},
		} {
			t.Run(zone+" "+name, func(t *testing.T) {
				o.TimeZone, o.People = zone, people("ann", "ben", "cleo", "dora")
				s := one(t, o)
				at := time.Date(2026, 1, 10, 0, 0, 0, 0, loc)
				for end := at.AddDate(1, 0, 0); at.Before(end); {
					sh := s.At(at)
					if len(sh.People) != 1 {
						t.Fatalf("%s: on call are %v", at, sh.People)
					}
					if sh.From.After(at) || !sh.Until.After(at) {
						t.Fatalf("%s is not in the shift %v", at, sh)
					}
					for x := at; x.Before(sh.Until); x = x.Add(7 * time.Hour) {
						if got := s.Who(x); !slices.Equal(got, sh.People) {
							t.Fatalf("%s: %v, in the middle of the shift %v", x, got, sh)
						}
					}
					if last := s.Who(sh.Until.Add(-1)); !slices.Equal(last, sh.People) || slices.Equal(s.Who(sh.Until), sh.People) {
						t.Fatalf("the shift %v does not end at its end", sh)
					}
					checkWall(t, name, sh.Until.In(loc))
					at = sh.Until
				}
			})
		}
	}
}

// checkWall says that a shift ends when the clock on the wall says so.
func checkWall(t *testing.T, name string, end time.Time) {
	t.Helper()
	clock := end.Format("15:04")
	want := map[string][]string{"weekly": {"09:00"}, "two weeks": {"02:30", "03:30", "03:00"}, "three days": {"00:00"}, "day and night": {"09:00", "21:00"}}[name]
	if !slices.Contains(want, clock) {
		t.Errorf("a shift ends at %s", end)
	}
	if name == "weekly" && end.Weekday() != time.Monday {
		t.Errorf("a week ends on %s", end)
	}
}

func TestLongAndShortNights(t *testing.T) {
	s := one(t, Options{TimeZone: "Europe/Berlin", People: people("ann", "ben"), Layers: []Layer{
		{Turn: []string{"ann"}, Start: "2026-01-05", Hours: "09:00-21:00"}, {Turn: []string{"ben"}, Start: "2026-01-05", Hours: "21:00-09:00"},
	}})
	loc := load(t, "Europe/Berlin")
	for day, hours := range map[time.Time]int{
		time.Date(2026, 3, 28, 22, 0, 0, 0, loc):  11,
		time.Date(2026, 10, 24, 22, 0, 0, 0, loc): 13,
		time.Date(2026, 7, 1, 22, 0, 0, 0, loc):   12,
	} {
		if sh := s.At(day); sh.Until.Sub(sh.From) != time.Duration(hours)*time.Hour || !slices.Equal(sh.People, []string{"ben"}) {
			t.Errorf("night of %s: %v, %s; want %d hours of ben", day, sh, sh.Until.Sub(sh.From), hours)
		}
	}
	days := one(t, Options{TimeZone: "Europe/Berlin", People: people("ann", "ben"), Layers: []Layer{{Turn: []string{"ann", "ben"}, Start: "2026-01-05", Handover: "00:00"}}})
	for day, hours := range map[time.Time]int{time.Date(2026, 3, 29, 12, 0, 0, 0, loc): 23, time.Date(2026, 10, 25, 12, 0, 0, 0, loc): 25} {
		if sh := days.At(day); sh.Until.Sub(sh.From) != time.Duration(hours)*time.Hour {
			t.Errorf("%s: a day of %s, want %d hours", day, sh.Until.Sub(sh.From), hours)
		}
	}
}

func TestTurns(t *testing.T) {
	s := one(t, Options{TimeZone: "Europe/Berlin", People: people("ann", "ben", "cleo"),
		Layers: []Layer{
			{Turn: []string{"cleo"}, Start: "2026-01-01", Handover: "00:00", Weekdays: []string{"Saturday", "sun"}},
			{Turn: []string{"ann", "ben"}, Start: "2026-01-07", Handover: "monday 09:00"},
		},
		Overrides: []Override{{Who: "ben", From: "2026-01-14 10:00", Until: "2026-01-14 12:30"}},
	})
	for at, want := range map[string]string{
		"2026-01-12 08:59": "ben", "2026-01-12 09:00": "ann", "2026-01-19 09:00": "ben", "2026-01-26 09:00": "ann",
		"2026-01-14 09:59": "ann", "2026-01-14 10:00": "ben", "2026-01-14 12:29": "ben", "2026-01-14 12:30": "ann",
		"2026-01-17 00:00": "cleo", "2026-01-18 23:59": "cleo", "2026-01-19 00:00": "ann", "2025-12-29 12:00": "ann", "2025-12-24 12:00": "ben",
	} {
		wall, err := parseWall(at)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Who(in(s.zone)(wall)); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %v, want %s", at, got, want)
		}
	}
	next, ok := s.Next(in(s.zone)(time.Date(2026, 1, 14, 11, 0, 0, 0, time.UTC)))
	if got := fmt.Sprint(next.People, next.From.Format(" 15:04"), next.Until.Format(" 2006-01-02 15:04")); !ok || got != "[ann] 12:30 2026-01-17 00:00" {
		t.Errorf("next: %s", got)
	}
	if ids := s.IDs([]string{"ben", "ann", "ben"}); !slices.Equal(ids, []string{"slack:user:U0ANN", "slack:user:U0BEN"}) {
		t.Error(ids)
	}
}

func TestGapsAndForEver(t *testing.T) {
	s := one(t, Options{People: people("ann"), Layers: []Layer{{Turn: []string{"ann"}, Start: "2026-01-01", Hours: "09:00-17:00"}}})
	night := time.Date(2026, 5, 5, 20, 0, 0, 0, time.UTC)
	sh := s.At(night)
	if next, ok := s.Next(night); len(sh.People) != 0 || sh.Until.Hour() != 9 || !ok || next.From != sh.Until {
		t.Errorf("%v, then %v", sh, next)
	}
	alone := one(t, Options{People: people("ann"), Layers: []Layer{{Turn: []string{"ann"}, Start: "2026-01-01", Handover: "monday 09:00"}}})
	if sh := alone.At(night); len(sh.People) != 1 || !sh.Until.IsZero() || !sh.From.IsZero() {
		t.Errorf("%v", sh)
	}
	if _, ok := alone.Next(night); ok {
		t.Error("somebody comes after the only one")
	}
}

func TestProblems(t *testing.T) {
	ok := Layer{Turn: []string{"ann"}, Start: "2026-01-05", Handover: "monday 09:00"}
	with := func(f func(*Layer)) Options {
		l := ok
		f(&l)
		return Options{People: people("ann"), Layers: []Layer{l}}
	}
	for want, o := range map[string]Options{
		"primary.layers: no layer":                    {People: people("ann")},
		"primary.people: nobody":                      {Layers: []Layer{ok}},
		"primary.people.ann: has no id":               {People: map[string]Person{"ann": nil}, Layers: []Layer{ok}},
		"primary.time_zone: unknown":                  {TimeZone: "Europa/Berlin", People: people("ann"), Layers: []Layer{ok}},
		"layers[0].turn[1]: unknown person \"bob\"":   with(func(l *Layer) { l.Turn = []string{"ann", "bob"} }),
		"layers[0].turn: nobody":                      with(func(l *Layer) { l.Turn = nil }),
		"layers[0].start: want a date":                with(func(l *Layer) { l.Start = "5.1.2026" }),
		"layers[0].handover: when":                    with(func(l *Layer) { l.Handover = "" }),
		"layers[0].handover: unknown weekday":         with(func(l *Layer) { l.Handover = "moonday 09:00" }),
		"layers[0].handover: want a time":             with(func(l *Layer) { l.Handover = "monday 9" }),
		"layers[0].every: a handover on one":          with(func(l *Layer) { l.Every = "3 days" }),
		"layers[0].every: want day":                   with(func(l *Layer) { l.Every = "fortnight" }),
		"layers[0].hours: want":                       with(func(l *Layer) { l.Hours = "9-5" }),
		"layers[0].weekdays[0]: unknown":              with(func(l *Layer) { l.Weekdays = []string{"funday"} }),
		"overrides[0].until: 2026-01-01 is not after": {People: people("ann"), Layers: []Layer{ok}, Overrides: []Override{{Who: "ann", From: "2026-01-02", Until: "2026-01-01"}}},
		"overrides[0].who: unknown person":            {People: people("ann"), Layers: []Layer{ok}, Overrides: []Override{{Who: "zoe", From: "2026-01-02", Until: "2026-01-03"}}},
		"ical: a schedule is a calendar, or":          {People: people("ann"), Layers: []Layer{ok}, Ical: "https://c.example/x.ics"},
		"ical: want the https address":                {People: people("ann"), Ical: "calendar.ics"},
		"ical: http sends the calendar's token":       {People: people("ann"), Ical: "http://c.example/x.ics"},
		"refresh: want 10s to 24h":                    {People: people("ann"), Layers: []Layer{ok}, Refresh: time.Second},
	} {
		_, bad := New(map[string]Options{"primary": o})
		var all []string
		for _, p := range bad {
			all = append(all, p.Key+": "+p.Msg)
		}
		if len(all) != 1 || !strings.Contains(all[0], want) {
			t.Errorf("want %q, have %q", want, all)
		}
	}
	if _, bad := New(map[string]Options{"on call": {People: people("ann"), Layers: []Layer{ok}}}); len(bad) != 1 {
		t.Error(bad)
	}
}
