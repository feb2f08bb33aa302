package oncall

import (
	"fmt"
	"strings"
	"time"
)

// A time on the wall is a time.Time in UTC whose date and clock are those of some place.

// zone makes a moment of a time on the wall.
type zone func(wall time.Time) time.Time

// in is the zone of a location.
func in(loc *time.Location) zone {
	return func(wall time.Time) time.Time {
		before, after := offset(wall.Add(-15*time.Hour), loc), offset(wall.Add(15*time.Hour), loc)
		first, second := wall.Add(-max(before, after)), wall.Add(-min(before, after))
		for _, t := range []time.Time{first, second} {
			if onWall(t, loc).Equal(wall) {
				return t.In(loc)
			}
		}
		return wall.Add(-before).In(loc) // there is no such time
	}
}

func offset(t time.Time, loc *time.Location) time.Duration {
	_, s := t.In(loc).Zone()
	return time.Duration(s) * time.Second
}

// onWall is what the clock shows at t.
func onWall(t time.Time, loc *time.Location) time.Time {
	t = t.In(loc)
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// dayOf is the date of a moment as a count of days.
func dayOf(t time.Time, loc *time.Location) int {
	return floorDiv(int(onWall(t, loc).Unix()), 24*60*60)
}

// wallAt is a time of the day on a day counted as dayOf does.
func wallAt(day, minute int) time.Time {
	return time.Unix(int64(day)*24*60*60, 0).UTC().Add(time.Duration(minute) * time.Minute)
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// parseClock reads "09:00" as minutes since midnight; 24:00 is the end of the day.
func parseClock(s string) (int, error) {
	var h, m int
	if n, err := fmt.Sscanf(s, "%02d:%02d", &h, &m); err != nil || n != 2 || len(s) != 5 || h < 0 || h > 24 || m < 0 || m > 59 || h == 24 && m > 0 {
		return 0, fmt.Errorf("want a time of the day such as 09:00, have %q", s)
	}
	return h*60 + m, nil
}

// parseWeekday reads "monday" or "mon".
func parseWeekday(s string) (time.Weekday, bool) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if name := strings.ToLower(d.String()); s == name || s == name[:3] {
			return d, true
		}
	}
	return 0, false
}

// parseDate reads "2026-01-05".
func parseDate(s string) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return t, fmt.Errorf("want a date such as 2026-01-05, have %q", s)
	}
	return t, nil
}

// parseWall reads "2026-12-24 09:00", or a date for its midnight.
func parseWall(s string) (time.Time, error) {
	for _, form := range []string{"2006-01-02 15:04", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.Parse(form, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("want a local time such as 2026-12-24 09:00, have %q", s)
}
