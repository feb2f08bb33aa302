package oncall

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"
	"github.com/teambition/rrule-go"
)

// readZones finds what every TZID of a calendar means.
func readZones(cal *ics.Calendar) map[string]zone {
	out := map[string]zone{}
	local := func(id string) (zone, bool) {
		// "/freeassociation.sourceforge.net/Europe/Berlin" is a way to write Europe/Berlin.
		parts := strings.Split(strings.Trim(id, "/"), "/")
		for i := range parts {
			if z, err := time.LoadLocation(strings.Join(parts[i:], "/")); err == nil && parts[i] != "" && parts[i] != "Local" {
				return in(z), true
			}
		}
		return nil, false
	}
	for _, c := range cal.Components {
		var props []ics.IANAProperty
		switch x := c.(type) {
		case *ics.VTimezone:
			props = x.Properties
			id := propOf(props, "TZID")
			if z, ok := local(id); ok {
				out[id] = z
			} else if z, ok := local(propOf(props, "X-LIC-LOCATION")); ok {
				out[id] = z
			} else if z, err := ownZone(x); err == nil {
				out[id] = z
			}
		case *ics.VEvent:
			props = x.Properties
		}
		for _, p := range props {
			if id := first(p.ICalParameters["TZID"]); id != "" && out[id] == nil {
				if z, ok := local(id); ok {
					out[id] = z
				}
			}
		}
	}
	return out
}

func propOf(ps []ics.IANAProperty, name string) string {
	for _, p := range ps {
		if strings.EqualFold(p.IANAToken, name) {
			return p.Value
		}
	}
	return ""
}

// change is a moment, on the wall from before, from which another offset holds.
type change struct {
	at       time.Time
	from, to time.Duration
}

// lastYear is until when the rules of a VTIMEZONE are followed.
const lastYear = 2100

// ownZone is a zone by the rules that a calendar brings along.
func ownZone(v *ics.VTimezone) (zone, error) {
	var all []change
	for _, c := range v.Components {
		var props []ics.IANAProperty
		switch x := c.(type) {
		case *ics.Standard:
			props = x.Properties
		case *ics.Daylight:
			props = x.Properties
		default:
			continue
		}
		got, err := changes(props)
		if err != nil {
			return nil, err
		}
		all = append(all, got...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("a VTIMEZONE without rules")
	}
	slices.SortFunc(all, func(a, b change) int { return a.at.Compare(b.at) })
	return func(wall time.Time) time.Time {
		off := all[0].from
		for _, c := range all {
			if wall.Before(c.at) {
				break
			}
			off = c.to
			if wall.Before(c.at.Add(c.to - c.from)) { // there is no such time
				off = c.from
			}
		}
		return wall.Add(-off).In(time.UTC)
	}, nil
}

func changes(props []ics.IANAProperty) ([]change, error) {
	from, err := parseOffset(propOf(props, "TZOFFSETFROM"))
	if err != nil {
		return nil, err
	}
	to, err := parseOffset(propOf(props, "TZOFFSETTO"))
	if err != nil {
		return nil, err
	}
	start, err := time.Parse("20060102T150405", propOf(props, "DTSTART"))
	if err != nil {
		return nil, fmt.Errorf("the start of a VTIMEZONE's rule: %w", err)
	}
	out := []change{{start, from, to}}
	if raw := propOf(props, "RRULE"); raw != "" {
		o, err := rrule.StrToROptionInLocation(raw, time.UTC)
		if err != nil || o.Freq != rrule.YEARLY {
			return nil, fmt.Errorf("rule %.80q of a VTIMEZONE: %w", raw, err)
		}
		o.Dtstart = start
		if o.Until.IsZero() || o.Until.Year() > lastYear {
			o.Until = time.Date(lastYear, 12, 31, 0, 0, 0, 0, time.UTC)
		} else if untilIsUTC(raw) {
			o.Until = o.Until.Add(from)
		}
		rule, err := rrule.NewRRule(*o)
		if err != nil {
			return nil, fmt.Errorf("rule %.80q of a VTIMEZONE: %w", raw, err)
		}
		for _, at := range rule.All() {
			out = append(out, change{at, from, to})
		}
	}
	for _, p := range props {
		if p.IANAToken != "RDATE" {
			continue
		}
		for _, v := range strings.Split(p.Value, ",") {
			if at, err := time.Parse("20060102T150405", v); err == nil {
				out = append(out, change{at, from, to})
			}
		}
	}
	return out, nil
}

// parseOffset reads "+0130".
func parseOffset(s string) (time.Duration, error) {
	m := regexp.MustCompile(`^([+-])(\d\d)(\d\d)(\d\d)?$`).FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("%.20q is no offset", s)
	}
	var d time.Duration
	for i, unit := range []time.Duration{time.Hour, time.Minute, time.Second} {
		n, _ := strconv.Atoi(m[i+2])
		d += time.Duration(n) * unit
	}
	if m[1] == "-" {
		d = -d
	}
	return d, nil
}

// parseDuration reads "P1DT12H". Days are days of the calendar, hours are time passed; with both it counts as time passed.
func parseDuration(s string) (d time.Duration, exact bool, err error) {
	m := regexp.MustCompile(`^\+?P(?:(\d{1,4})W)?(?:(\d{1,4})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,7})M)?(?:(\d{1,9})S)?)?$`).FindStringSubmatch(s)
	if m == nil {
		return 0, false, fmt.Errorf("%.40q is no length of time", s)
	}
	for i, unit := range []time.Duration{7 * 24 * time.Hour, 24 * time.Hour, time.Hour, time.Minute, time.Second} {
		n, _ := strconv.Atoi(m[i+1])
		d += time.Duration(n) * unit
		exact = exact || n > 0 && i >= 2
	}
	return d, exact, nil
}
