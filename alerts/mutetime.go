package alerts

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"
	"go.yaml.in/yaml/v3"
)

// TimeInterval is when a mute time holds, in the words of Alertmanager's time_interval: all parts that are given must hold,
// and of each part one of its ranges. Without a location it is in UTC.
type TimeInterval struct {
	Times       []TimeRange `yaml:"times,omitempty"`         // of the day
	Weekdays    []string    `yaml:"weekdays,omitempty"`      // "saturday", "monday:friday"
	DaysOfMonth []string    `yaml:"days_of_month,omitempty"` // "1:5"; "-3:-1" are the last three
	Months      []string    `yaml:"months,omitempty"`        // "december", "1:3"
	Years       []string    `yaml:"years,omitempty"`         // "2026", "2026:2028"
	Location    string      `yaml:"location,omitempty"`      // "Europe/Berlin"
}

// TimeRange is a part of a day, the end excluded: a night is two of them, 22:00 to 24:00 and 00:00 to 06:00.
type TimeRange struct {
	StartTime string `yaml:"start_time"` // "22:00"
	EndTime   string `yaml:"end_time"`   // "24:00"
}

// muteTimes are the mute times of the configuration by name.
type muteTimes map[string][]timeinterval.TimeInterval

func compileMuteTimes(in map[string][]TimeInterval, p *Problems) muteTimes {
	out := muteTimes{}
	for _, name := range slices.Sorted(maps.Keys(in)) {
		key := "mute_times." + name
		if len(in[name]) == 0 {
			p.add(key, "no interval: it would never hold")
		}
		for i, ti := range in[name] {
			made, err := ti.compile()
			if err != nil {
				p.add(fmt.Sprintf("%s[%d]", key, i), "%v", err)
			}
			out[name] = append(out[name], made)
		}
	}
	return out
}

// compile has Alertmanager's own parser read the interval.
func (t TimeInterval) compile() (timeinterval.TimeInterval, error) {
	var out timeinterval.TimeInterval
	raw, err := yaml.Marshal(t)
	if err != nil {
		return out, fmt.Errorf("write the interval: %w", err)
	}
	if string(raw) == "{}\n" {
		return out, fmt.Errorf("empty: it would hold always")
	}
	err = yaml.Unmarshal(raw, &out)
	return out, err
}

// holds says whether one of the named mute times contains t. A name that the configuration no longer has holds never.
func (m muteTimes) holds(names []string, t time.Time) bool {
	for _, n := range names {
		for _, ti := range m[n] {
			if ti.ContainsTime(t.UTC()) {
				return true
			}
		}
	}
	return false
}

// named are those of names that contain t, for people.
func (m muteTimes) named(names []string, t time.Time) string {
	var out []string
	for _, n := range names {
		if m.holds([]string{n}, t) {
			out = append(out, n)
		}
	}
	return strings.Join(out, ", ")
}

// mutedDays bounds how far into the future the end of a mute is looked for.
const mutedDays = 366

// until is when a place becomes loud again that is muted by all of lists at t; zero when it is not muted then. An end further
// away than a year is told as a day from now: to be looked at again then.
func (m muteTimes) until(lists [][]string, t time.Time) time.Time {
	muted := func(at time.Time) bool {
		return len(lists) > 0 && !slices.ContainsFunc(lists, func(names []string) bool { return !m.holds(names, at) })
	}
	if !muted(t) {
		return time.Time{}
	}
	for day := range mutedDays {
		for _, at := range m.edges(lists, t, day) {
			if at.After(t) && !muted(at) {
				return at
			}
		}
	}
	return t.Add(24 * time.Hour)
}

// edges are the moments of one day at which an interval of lists may begin or end, in order. Where clocks are put back or
// forward a time of the day is meant twice or never: an hour to both sides is looked at too.
func (m muteTimes) edges(lists [][]string, from time.Time, day int) []time.Time {
	var out []time.Time
	for _, names := range lists {
		for _, n := range names {
			for _, ti := range m[n] {
				loc := time.UTC
				if ti.Location != nil {
					loc = cmp.Or(ti.Location.Location, loc)
				}
				local := from.In(loc)
				minutes := []int{0}
				for _, r := range ti.Times {
					minutes = append(minutes, r.StartMinute, r.EndMinute)
				}
				for _, min := range minutes {
					at := time.Date(local.Year(), local.Month(), local.Day()+day, 0, min, 0, 0, loc)
					out = append(out, at.Add(-time.Hour), at, at.Add(time.Hour))
				}
			}
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	return out
}
