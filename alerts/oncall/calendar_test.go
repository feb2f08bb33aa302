package oncall

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func calendarOf(t *testing.T, events string) *calendar {
	t.Helper()
	body := "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\n" + outlook + strings.TrimSpace(events) + "\nEND:VCALENDAR\n"
	c, err := parseCalendar([]byte(strings.ReplaceAll(body, "\n", "\r\n")), load(t, "Europe/Berlin"), people("Olga", "Olga Ivanova", "ben@example.org", "Ben"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// outlook is a zone as Microsoft writes them: with a name that no zone database has.
const outlook = `BEGIN:VTIMEZONE
TZID:W. Europe Standard Time
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
`

func TestCalendar(t *testing.T) {
	for _, test := range []struct {
		name, events string
		want         map[string]string // local time in Berlin to who, parted by commas
	}{
		{"single, in UTC, with a mail", `
BEGIN:VEVENT
UID:1
SUMMARY:on duty
ATTENDEE;CN=Ben;PARTSTAT=ACCEPTED:mailto:BEN@example.org
DTSTART:20260301T080000Z
DTEND:20260301T100000Z
END:VEVENT`, map[string]string{"2026-03-01 08:59": "", "2026-03-01 09:00": "ben@example.org", "2026-03-01 10:59": "ben@example.org", "2026-03-01 11:00": ""}},
		{"weekly over the change of the clocks, named zone, one excepted, one moved", `
BEGIN:VEVENT
UID:2
SUMMARY:On Call: Olga (primary)
DTSTART;TZID=Europe/Berlin:20260316T210000
DTEND;TZID=Europe/Berlin:20260317T090000
RRULE:FREQ=WEEKLY;BYDAY=MO,SA
EXDATE;TZID=Europe/Berlin:20260323T210000
END:VEVENT
BEGIN:VEVENT
UID:2
SUMMARY:Ben instead of somebody else
RECURRENCE-ID;TZID=Europe/Berlin:20260330T210000
DTSTART;TZID=Europe/Berlin:20260330T220000
DTEND;TZID=Europe/Berlin:20260331T090000
END:VEVENT`, map[string]string{
			"2026-03-16 20:59": "", "2026-03-16 21:00": "Olga", "2026-03-17 08:59": "Olga", "2026-03-17 09:00": "",
			"2026-03-23 22:00": "", "2026-03-28 21:00": "Olga", "2026-03-29 08:59": "Olga", "2026-03-29 09:00": "",
			"2026-03-30 21:30": "", "2026-03-30 22:00": "Ben", "2026-04-06 21:00": "Olga",
			"2026-10-25 08:59": "Olga", "2026-10-25 09:00": "", "2026-10-26 20:59": "", "2026-10-26 21:00": "Olga",
		}},
		{"Outlook's zone and an end by count", `
BEGIN:VEVENT
UID:3
SUMMARY:Olga Ivanova
DTSTART;TZID="W. Europe Standard Time":20260327T090000
DTEND;TZID="W. Europe Standard Time":20260327T170000
RRULE:FREQ=DAILY;COUNT=4
END:VEVENT`, map[string]string{"2026-03-27 09:00": "Olga Ivanova", "2026-03-28 08:59": "", "2026-03-29 09:00": "Olga Ivanova", "2026-03-29 16:59": "Olga Ivanova",
			"2026-03-29 17:00": "", "2026-03-30 09:00": "Olga Ivanova", "2026-03-31 09:00": ""}},
		{"all day", `
BEGIN:VEVENT
UID:4
SUMMARY:Ben
DTSTART;VALUE=DATE:20260328
DTEND;VALUE=DATE:20260330
END:VEVENT
BEGIN:VEVENT
UID:5
SUMMARY:Olga
DTSTART;VALUE=DATE:20260330
END:VEVENT
BEGIN:VEVENT
UID:6
STATUS:CANCELLED
SUMMARY:Olga
DTSTART;VALUE=DATE:20260328
END:VEVENT`, map[string]string{"2026-03-27 23:59": "", "2026-03-28 00:00": "Ben", "2026-03-29 23:59": "Ben", "2026-03-30 00:00": "Olga", "2026-03-30 23:59": "Olga", "2026-03-31 00:00": ""}},
		{"two at once, a duration, an end by date, an extra day", `
BEGIN:VEVENT
UID:7
SUMMARY:Olga
DTSTART;TZID=Europe/Berlin:20260401T090000
DURATION:P1D
RRULE:FREQ=WEEKLY;UNTIL=20260415T070000Z
RDATE;TZID=Europe/Berlin:20260420T090000
END:VEVENT
BEGIN:VEVENT
UID:8
SUMMARY:Ben
DTSTART;TZID=Europe/Berlin:20260401T100000
DURATION:PT1H30M
END:VEVENT`, map[string]string{"2026-04-01 10:00": "Ben,Olga", "2026-04-01 11:30": "Olga", "2026-04-15 09:00": "Olga", "2026-04-22 09:00": "", "2026-04-20 10:00": "Olga", "2026-04-21 09:00": ""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := calendarOf(t, test.events)
			loc := load(t, "Europe/Berlin")
			for at, want := range test.want {
				wall, err := parseWall(at)
				if err != nil {
					t.Fatal(err)
				}
				if got := strings.Join(c.who(in(loc)(wall)), ","); got != want {
					t.Errorf("%s: %q, want %q", at, got, want)
				}
			}
		})
	}
}

func TestCalendarShift(t *testing.T) {
	c := calendarOf(t, `
BEGIN:VEVENT
UID:1
SUMMARY:Olga
DTSTART;TZID=Europe/Berlin:20260301T000000
DTEND;TZID=Europe/Berlin:20260302T000000
RRULE:FREQ=DAILY;INTERVAL=2
END:VEVENT
BEGIN:VEVENT
UID:2
SUMMARY:Somebody's holiday
DTSTART;VALUE=DATE:20260326
END:VEVENT
BEGIN:VEVENT
UID:3
SUMMARY:Ben
DTSTART;TZID=Europe/Berlin:20260302T000000
DTEND;TZID=Europe/Berlin:20260303T000000
RRULE:FREQ=DAILY;INTERVAL=2
END:VEVENT`)
	loc := load(t, "Europe/Berlin")
	for at := time.Date(2026, 3, 20, 12, 0, 0, 0, loc); at.Year() == 2026; {
		sh := c.shift(at, loc)
		if len(sh.People) != 1 || sh.From.Format("15:04") != "00:00" || sh.Until.Format("15:04") != "00:00" || sh.From.AddDate(0, 0, 1) != sh.Until {
			t.Fatalf("%s: %v", at, sh)
		}
		at = sh.Until
	}
	if got := c.unknown(time.Date(2026, 3, 20, 0, 0, 0, 0, loc)); !slices.Equal(got, []string{"Somebody's holiday"}) {
		t.Error(got)
	}
}

// The zone that a calendar brings along is the same as that of the zone database, at every hour of a year.
func TestOwnZone(t *testing.T) {
	c := calendarOf(t, "BEGIN:VEVENT\nUID:1\nSUMMARY:Olga\nDTSTART;TZID=W. Europe Standard Time:20260101T000000\nEND:VEVENT")
	berlin := in(load(t, "Europe/Berlin"))
	for w := time.Date(2026, 1, 1, 0, 30, 0, 0, time.UTC); w.Year() == 2026; w = w.Add(time.Hour) {
		if got, want := c.events[0].zone(w), berlin(w); !got.Equal(want) {
			t.Errorf("%s: %s, want %s", w, got, want)
		}
	}
}

func TestBadCalendars(t *testing.T) {
	event := func(lines string) string {
		return "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Ben\r\n" + lines + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	}
	for name, body := range map[string]string{
		"empty": "", "a page": "<html>Sign in</html>",
		"no start": event("DTEND:20260101T000000Z"), "no time": event("DTSTART:tomorrow"), "backwards": event("DTSTART:20260102T000000Z\r\nDTEND:20260101T000000Z"),
		"for ever": event("DTSTART:20260102T000000Z\r\nDTEND:20460101T000000Z"), "every second": event("DTSTART:20260102T000000Z\r\nRRULE:FREQ=SECONDLY"),
		"no rule": event("DTSTART:20260102T000000Z\r\nRRULE:EVERY=DAY"), "no zone": event("DTSTART;TZID=Mars/Base:20260102T000000"),
		"no duration": event("DTSTART:20260102T000000Z\r\nDURATION:long"), "cut short": "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMM",
	} {
		if c, err := parseCalendar([]byte(body), time.UTC, people("Ben")); err == nil {
			t.Errorf("%s: taken, with %d events", name, len(c.events))
		}
	}
	// What puts nobody on call may be anything. A rule that never holds ends.
	c, err := parseCalendar([]byte(strings.Replace(event("DTSTART:tomorrow"), "Ben", "Lunch", 1)), time.UTC, people("Ben"))
	if err != nil || len(c.events) != 0 {
		t.Errorf("%v", err)
	}
	c, err = parseCalendar([]byte(event("DTSTART:20260101T000000Z\r\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30")), time.UTC, people("Ben"))
	if err != nil || len(c.who(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC))) != 0 {
		t.Errorf("%v", err)
	}
}

func FuzzCalendar(f *testing.F) {
	f.Add([]byte("BEGIN:VCALENDAR\r\n" + strings.ReplaceAll(outlook, "\n", "\r\n") + "BEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Ben\r\nDTSTART;TZID=W. Europe Standard Time:20260101T000000\r\nDURATION:PT2H\r\nRRULE:FREQ=WEEKLY;BYDAY=MO\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"))
	if b, err := os.ReadFile("testdata/export.ics"); err == nil {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseCalendar(b, time.UTC, people("Ben"))
		if err == nil {
			c.shift(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), time.UTC)
		}
	})
}
