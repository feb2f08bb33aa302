package alerts

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// silenceEnd is when a silence is to end: at a time, or when its incident resolves.
type silenceEnd struct {
	at   time.Time
	keep bool
}

// untilHelp is what people may write.
const untilHelp = "say how long, such as 30m, 2h or 1d, or until when, such as 18:00, tomorrow 09:00, 2026-11-22 09:00 Europe/Berlin, or resolved"

var (
	lengthPart = regexp.MustCompile(`^(\d{1,5})\s*(weeks?|w|days?|d|hours?|hrs?|h|minutes?|mins?|m)\s*`)
	dayForm    = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)
	clockForm  = regexp.MustCompile(`^(\d{1,2})(?::(\d{2}))?\s*(am|pm)?$`)
)

// parseUntil reads how long a silence is to last, or until when. zone is that of times that name none. What is past is an
// error.
func parseUntil(text string, now time.Time, zone *time.Location) (silenceEnd, error) {
	said := strings.Join(strings.Fields(text), " ")
	s := strings.ToLower(said)
	for _, lead := range []string{"for ", "until ", "till ", "to "} {
		if rest, ok := strings.CutPrefix(s, lead); ok {
			s, said = rest, said[len(said)-len(rest):]
		}
	}
	switch s {
	case "":
		return silenceEnd{}, errors.New(untilHelp)
	case "resolved", "it resolves", "it is resolved", "resolve":
		return silenceEnd{keep: true}, nil
	}
	for _, read := range []func(string) (time.Duration, bool){length, goLength} {
		if d, ok := read(s); ok {
			return silenceEnd{at: now.Add(d)}, nil
		}
	}
	if t, err := time.Parse(time.RFC3339, strings.ToUpper(said)); err == nil {
		return future(t, now, said)
	}
	words := strings.Fields(said)
	if last := words[len(words)-1]; len(words) > 1 && !clockForm.MatchString(strings.ToLower(last)) && !strings.EqualFold(last, "am") && !strings.EqualFold(last, "pm") {
		loc, err := time.LoadLocation(zoneName(last))
		if err != nil || last == "Local" {
			if _, err := dayAndTime(strings.ToLower(strings.Join(words[:len(words)-1], " ")), now.In(zone)); err != nil {
				return silenceEnd{}, fmt.Errorf("%q is neither a duration nor a time; %s", clip(said, 60), untilHelp)
			}
			return silenceEnd{}, fmt.Errorf("%q is no time zone that drey knows; want a name such as Europe/Berlin or UTC", clip(last, 40))
		}
		zone, words = loc, words[:len(words)-1]
	}
	t, err := dayAndTime(strings.ToLower(strings.Join(words, " ")), now.In(zone))
	if err != nil {
		return silenceEnd{}, err
	}
	return future(t, now, said)
}

// zoneName takes "utc" for UTC; other names are as the time zone database has them.
func zoneName(s string) string {
	if strings.EqualFold(s, "utc") || strings.EqualFold(s, "gmt") || strings.EqualFold(s, "z") {
		return "UTC"
	}
	return s
}

// length reads "2h", "1d 12h", "90 minutes".
func length(s string) (time.Duration, bool) {
	var d time.Duration
	for s != "" {
		m := lengthPart.FindStringSubmatch(s)
		if m == nil {
			return 0, false
		}
		n, _ := strconv.Atoi(m[1])
		unit := map[byte]time.Duration{'w': 7 * 24 * time.Hour, 'd': 24 * time.Hour, 'h': time.Hour, 'm': time.Minute}[m[2][0]]
		d, s = d+time.Duration(n)*unit, s[len(m[0]):]
	}
	return d, d > 0
}

// goLength reads what Go writes: 1h30m0s.
func goLength(s string) (time.Duration, bool) {
	d, err := time.ParseDuration(s)
	return d, err == nil && d > 0
}

// dayAndTime reads a time on a day: "18:00", "tomorrow 09:00", "friday 9:30", "2026-11-22 09:00".
func dayAndTime(s string, now time.Time) (time.Time, error) {
	day, clock, ok := strings.Cut(s, " ")
	if d, c, t := strings.Cut(s, "t"); t && dayForm.MatchString(d) { // 2026-11-22t09:00
		day, clock, ok = d, c, true
	}
	if !ok && clockForm.MatchString(s) && (strings.Contains(s, ":") || strings.HasSuffix(s, "m")) || clockForm.MatchString(s) && strings.HasSuffix(s, "m") {
		day, clock = "today", s
	}
	y, mon, d := now.Date()
	next := true // that a weekday means the next one when today's time is past
	switch {
	case day == "today":
		next = false
	case day == "tomorrow":
		d, next = d+1, false
	case dayForm.MatchString(day):
		t, err := time.Parse("2006-01-02", day)
		if err != nil {
			return t, fmt.Errorf("%q is no day of the calendar; want one such as 2026-11-22", clip(day, 40))
		}
		y, mon, d = t.Date()
		next = false
	case weekdayOf(day) >= 0:
		d += (weekdayOf(day) - int(now.Weekday()) + 7) % 7
	default:
		return time.Time{}, fmt.Errorf("%q is neither a duration nor a time; %s", clip(s, 60), untilHelp)
	}
	if clock == "" {
		return time.Time{}, fmt.Errorf(`%q is a day without a time; say one too, such as "%s 09:00" (in a command with the quotes)`, clip(day, 40), clip(day, 40))
	}
	h, m, err := clockOf(clock)
	if err != nil {
		return time.Time{}, err
	}
	t := time.Date(y, mon, d, h, m, 0, 0, now.Location())
	if next && !t.After(now) {
		t = time.Date(y, mon, d+7, h, m, 0, 0, now.Location())
	}
	if t.Hour() != h || t.Minute() != m {
		return t, fmt.Errorf("%02d:%02d does not exist on that day in %s: clocks are put forward then", h, m, now.Location())
	}
	return t, nil
}

func weekdayOf(s string) int {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if name := strings.ToLower(d.String()); s == name || s == name[:3] {
			return int(d)
		}
	}
	return -1
}

func clockOf(s string) (h, m int, err error) {
	f := clockForm.FindStringSubmatch(s)
	if f == nil || f[2] == "" && f[3] == "" {
		return 0, 0, fmt.Errorf("%q is no time of day; want one such as 18:00", clip(s, 40))
	}
	h, _ = strconv.Atoi(f[1])
	m, _ = strconv.Atoi(f[2])
	switch {
	case m > 59 || h > 23 || f[3] != "" && (h < 1 || h > 12):
		return 0, 0, fmt.Errorf("%q is no time of day; want one such as 18:00", clip(s, 40))
	case f[3] == "pm" && h < 12:
		h += 12
	case f[3] == "am" && h == 12:
		h = 0
	}
	return h, m, nil
}

func future(t, now time.Time, said string) (silenceEnd, error) {
	if !t.After(now) {
		here := now.In(t.Location())
		hint := ""
		if t.Sub(now) > -24*time.Hour && len(said) <= 8 {
			hint = "; did you mean tomorrow " + t.Format("15:04") + "?"
		}
		return silenceEnd{}, fmt.Errorf("%s is past: it is %s in %s now%s", clip(said, 60), here.Format("2006-01-02 15:04"), here.Location(), hint)
	}
	return silenceEnd{at: t}, nil
}
