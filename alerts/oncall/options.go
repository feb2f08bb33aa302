package oncall

import (
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/config/secret"
)

// Options are one schedule: a rota of Layers, or a calendar.
type Options struct {
	// TimeZone is that of all local times here, such as Europe/Berlin; the default is UTC.
	TimeZone string `yaml:"time_zone"`
	// People are who can be on call, each with who they are on the chat networks: "slack:user:U0OLGA". In a calendar the name, or
	// an e-mail address in its stead, is what an event's summary or attendees must hold.
	People map[string]Person `yaml:"people"`
	// Layers say whose turn it is: the first that covers a moment counts.
	Layers []Layer `yaml:"layers"`
	// Overrides go before the layers, the first that covers a moment before the others.
	Overrides []Override `yaml:"overrides"`
	// Ical is the https address of a calendar, or the path of its file, in place of layers. Such addresses bear a token of their
	// own: write "${env:X}" or "${file:/p}".
	Ical secret.Text `yaml:"ical"`
	// Refresh is how often the calendar is read; 0 means 5 minutes.
	Refresh time.Duration `yaml:"refresh"`
}

// Person is who somebody is on the chat networks, one or several of "slack:user:U0OLGA", "discord:user:1200000000000000001",
// "web:user:olga".
type Person []string

// UnmarshalText reads the form of one id; several may be parted by spaces or commas.
func (p *Person) UnmarshalText(b []byte) error {
	*p = strings.FieldsFunc(string(b), func(r rune) bool { return r == ' ' || r == ',' })
	return nil
}

// Layer is a turn of people.
type Layer struct {
	Turn []string `yaml:"turn"` // names from people, in the order of their turn
	// Start is the day of the first one's first shift, such as 2026-01-05; with a weekday in handover the first such day from then.
	Start string `yaml:"start"`
	// Handover is when the next one takes over: "monday 09:00", or "09:00" for every so many days.
	Handover string `yaml:"handover"`
	// Every is how long a turn is: "week" (the default with a weekday), "2 weeks", "day" (the default else), "3 days".
	Every string `yaml:"every"`
	// Hours are the part of the day that the layer covers, such as "09:00-21:00" or, over midnight, "21:00-09:00"; the default is
	// all of it.
	Hours string `yaml:"hours"`
	// Weekdays are the days that the layer covers, such as [saturday, sunday]; hours over midnight belong to the day on which they
	// begin. The default is all.
	Weekdays []string `yaml:"weekdays"`
}

// Override puts somebody on call for a time, by the local clock: "2026-12-24 09:00".
type Override struct {
	Who   string `yaml:"who"`
	From  string `yaml:"from"`
	Until string `yaml:"until"`
}

// Problem is one mistake in a schedule; Key is where, as "primary.layers[0].turn".
type Problem struct{ Key, Msg string }

// reader reads one schedule and gathers what is wrong with it.
type reader struct {
	name string
	o    Options
	bad  []Problem
}

func (r *reader) problem(key, format string, args ...any) {
	r.bad = append(r.bad, Problem{strings.TrimSuffix(r.name+"."+key, "."), fmt.Sprintf(format, args...)})
}

func (r *reader) schedule() *Schedule {
	s := &Schedule{Name: r.name, zone: time.UTC, people: r.o.People, every: r.o.Refresh}
	if ok, _ := regexp.MatchString(`^[A-Za-z0-9][A-Za-z0-9_-]{0,40}$`, r.name); !ok {
		r.problem("", "the name of a schedule is typed in chat: up to 41 letters, digits, - and _")
	}
	if z, err := time.LoadLocation(r.o.TimeZone); err != nil || r.o.TimeZone == "Local" {
		r.problem("time_zone", "unknown time zone %q; want a name such as Europe/Berlin", r.o.TimeZone)
	} else {
		s.zone = z
	}
	if len(r.o.People) == 0 {
		r.problem("people", `nobody; write people: { olga: ["slack:user:U0OLGA"] }`)
	}
	for _, name := range slices.Sorted(maps.Keys(r.o.People)) {
		if len(r.o.People[name]) == 0 {
			r.problem("people."+name, `has no id on any chat network; write ["slack:user:U0OLGA"]`)
		}
	}
	switch calendar := r.o.Ical != ""; {
	case calendar && len(r.o.Layers)+len(r.o.Overrides) > 0:
		r.problem("ical", "a schedule is a calendar, or has layers and overrides; not both")
	case calendar:
		r.calendar(s)
	case len(r.o.Layers) == 0:
		r.problem("layers", "no layer and no ical; write layers: [{ turn: [olga, ben], start: 2026-01-05, handover: monday 09:00 }]")
	default:
		s.rota = r.rota(s.zone)
	}
	if r.o.Refresh != 0 && (r.o.Refresh < 10*time.Second || r.o.Refresh > 24*time.Hour) {
		r.problem("refresh", "want 10s to 24h, have %s", r.o.Refresh)
	}
	return s
}

func (r *reader) calendar(s *Schedule) {
	s.address = r.o.Ical
	if s.every == 0 {
		s.every = 5 * time.Minute
	}
	raw := string(r.o.Ical)
	if filepath.IsAbs(raw) {
		return
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "webcal" {
		r.problem("ical", "want the https address of a calendar, or the absolute path of its file")
	} else if u.Scheme == "http" && !loopback(u) {
		r.problem("ical", "http sends the calendar's token in the clear; want https")
	}
}

func (r *reader) known(key, who string) {
	if _, ok := r.o.People[who]; !ok && len(r.o.People) > 0 {
		r.problem(key, "unknown person %q; people has: %s", who, strings.Join(slices.Sorted(maps.Keys(r.o.People)), ", "))
	}
}

func (r *reader) rota(loc *time.Location) *rota {
	out := &rota{loc: loc, zone: in(loc)}
	for i, l := range r.o.Layers {
		out.layers = append(out.layers, r.layer(fmt.Sprintf("layers[%d]", i), l))
	}
	for i, v := range r.o.Overrides {
		key := fmt.Sprintf("overrides[%d]", i)
		r.known(key+".who", v.Who)
		from, err := parseWall(v.From)
		if err != nil {
			r.problem(key+".from", "%v", err)
		}
		until, err := parseWall(v.Until)
		if err != nil {
			r.problem(key+".until", "%v", err)
		} else if !until.After(from) {
			r.problem(key+".until", "%s is not after %s", v.Until, v.From)
		}
		out.overrides = append(out.overrides, override{v.Who, out.zone(from), out.zone(until)})
	}
	return out
}

func (r *reader) layer(key string, l Layer) layer {
	out := layer{turn: l.Turn, days: 1, until: 24 * 60}
	if len(l.Turn) == 0 {
		r.problem(key+".turn", "nobody; write turn: [olga, ben]")
	}
	for i, who := range l.Turn {
		r.known(fmt.Sprintf("%s.turn[%d]", key, i), who)
	}
	start, err := parseDate(l.Start)
	if err != nil {
		r.problem(key+".start", "%v: the day of the first one's first shift", err)
	}
	out.first = dayOf(start, time.UTC)
	r.hours(key, l, &out)
	out.handover = out.from
	day, clock, weekly := strings.Cut(strings.ToLower(strings.TrimSpace(l.Handover)), " ")
	if !weekly {
		day, clock = "", day
	}
	if l.Handover != "" {
		if out.handover, err = parseClock(strings.TrimSpace(clock)); err != nil {
			r.problem(key+".handover", "%v; with a weekday: monday 09:00", err)
		}
	} else if l.Hours == "" {
		r.problem(key+".handover", "when does the next one take over? such as monday 09:00")
	}
	if weekly {
		wd, ok := parseWeekday(day)
		if !ok {
			r.problem(key+".handover", "unknown weekday %q", day)
		}
		out.first += (int(wd) - int(start.Weekday()) + 7) % 7
		out.days = 7
	}
	if l.Every != "" {
		if out.days, err = parseEvery(l.Every); err != nil {
			r.problem(key+".every", "%v", err)
		} else if weekly && out.days%7 != 0 {
			r.problem(key+".every", "a handover on one weekday every %s? want a number of weeks, or a handover without a weekday", l.Every)
		}
	}
	return out
}

func (r *reader) hours(key string, l Layer, out *layer) {
	if l.Hours != "" {
		from, until, ok := strings.Cut(strings.ReplaceAll(l.Hours, " ", ""), "-")
		var err, err2 error
		out.from, err = parseClock(from)
		out.until, err2 = parseClock(until)
		if !ok || err != nil || err2 != nil || out.from == out.until || out.from == 24*60 {
			r.problem(key+".hours", "want a part of the day such as 09:00-21:00 or 21:00-09:00, have %q", l.Hours)
		}
		if out.until <= out.from {
			out.until += 24 * 60
		}
	}
	for i, name := range l.Weekdays {
		wd, ok := parseWeekday(strings.ToLower(name))
		if !ok {
			r.problem(fmt.Sprintf("%s.weekdays[%d]", key, i), "unknown weekday %q; want monday to sunday", name)
		}
		out.weekdays = append(out.weekdays, wd)
	}
}

// parseEvery reads a number of days or weeks.
func parseEvery(s string) (days int, err error) {
	m := regexp.MustCompile(`^(\d{0,3}) ?(day|days|d|week|weeks|w)$`).FindStringSubmatch(strings.TrimSpace(strings.ToLower(s)))
	if m == nil {
		return 1, fmt.Errorf("want day, 3 days, week or 2 weeks, have %q", s)
	}
	n := 1
	if m[1] != "" {
		if _, err := fmt.Sscan(m[1], &n); err != nil || n < 1 || n > 366 {
			return 1, fmt.Errorf("want at least one day and at most 366, have %q", s)
		}
	}
	if m[2][0] == 'w' {
		n *= 7
	}
	return n, nil
}
