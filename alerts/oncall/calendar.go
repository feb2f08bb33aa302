package oncall

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	ics "github.com/arran4/golang-ical"
	"github.com/teambition/rrule-go"
)

const (
	// maxCalendar bounds what is read of a calendar, and maxEvents what is taken of it.
	maxCalendar = 8 << 20
	maxEvents   = 20000
	// around is how far to both sides of a moment repeating events are expanded.
	around = 100 * 24 * time.Hour
	// maxShift is the longest time on call that is understood.
	maxShift = 366 * 24 * time.Hour
)

// calendar is the events of one, made ready.
type calendar struct {
	events []event

	mu   sync.Mutex
	when time.Time // the middle of the present expansion
	duty []duty
}

// event is one, or a row of repeating ones.
type event struct {
	uid    string
	who    []string
	text   string // of one that names nobody
	zone   zone
	start  time.Time // on the wall
	length time.Duration
	exact  bool // that length is time passed, and not on the wall
	rule   *rrule.ROption
	also   []time.Time        // RDATE, on the wall
	not    map[time.Time]bool // moments of EXDATE and of occurrences that were changed
}

// duty is one occurrence.
type duty struct {
	who         []string
	text        string
	from, until time.Time
}

// parseCalendar reads a calendar. loc is the zone of times that name none; people are whom its events may mean.
func parseCalendar(raw []byte, loc *time.Location, people map[string]Person) (c *calendar, err error) {
	defer func() { // a parser of other people's, given bytes of anybody's
		if p := recover(); p != nil {
			c, err = nil, fmt.Errorf("not understood: %v", p)
		}
	}()
	if !bytes.Contains(raw, []byte("BEGIN:VCALENDAR")) {
		return nil, fmt.Errorf("no calendar (there is no BEGIN:VCALENDAR)")
	}
	cal, err := ics.ParseCalendar(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("not a calendar of iCalendar's form: %w", err)
	}
	p := &parsing{zones: readZones(cal), loc: loc, people: people}
	moved := map[string][]time.Time{} // of a row the occurrences that are events of their own
	c = &calendar{}
	for _, e := range cal.Events() {
		if len(c.events) == maxEvents {
			return nil, fmt.Errorf("more than %d events", maxEvents)
		}
		ev, instead, err := p.event(e)
		if err != nil && len(ev.who) == 0 {
			continue // whatever it is, it puts nobody on call
		}
		if err != nil {
			return nil, fmt.Errorf("event %.60q: %w", valueOf(e, "SUMMARY"), err)
		}
		if !instead.IsZero() {
			moved[ev.uid] = append(moved[ev.uid], instead)
		}
		if status := valueOf(e, "STATUS"); !strings.EqualFold(status, "CANCELLED") {
			c.events = append(c.events, ev)
		}
	}
	for n, ev := range c.events {
		if ev.rule == nil && len(ev.also) == 0 {
			continue
		}
		for _, at := range moved[ev.uid] {
			c.events[n].not[at] = true
		}
	}
	return c, nil
}

// parsing is what the events of one calendar are read with.
type parsing struct {
	zones  map[string]zone
	loc    *time.Location
	people map[string]Person
}

func valueOf(e *ics.VEvent, name string) string {
	if p := e.GetProperty(ics.ComponentProperty(name)); p != nil {
		return p.Value
	}
	return ""
}

// event reads one; instead is the moment of the occurrence that it takes the place of.
func (p *parsing) event(e *ics.VEvent) (ev event, instead time.Time, err error) {
	ev = event{uid: valueOf(e, "UID"), not: map[time.Time]bool{}}
	ev.who = p.named(e)
	if len(ev.who) == 0 {
		ev.text = clip(cmp.Or(valueOf(e, "SUMMARY"), "(no title)"))
	}
	start := e.GetProperty(ics.ComponentPropertyDtStart)
	if start == nil {
		return ev, instead, fmt.Errorf("it has no DTSTART")
	}
	var day bool
	if ev.start, ev.zone, day, err = p.time(start.Value, start.ICalParameters); err != nil {
		return ev, instead, err
	}
	if err := p.length(e, &ev, day); err != nil {
		return ev, instead, err
	}
	if id := e.GetProperty("RECURRENCE-ID"); id != nil {
		at, z, _, err := p.time(id.Value, id.ICalParameters)
		return ev, z(at).UTC(), err
	}
	for _, prop := range e.GetProperties("EXDATE") {
		for _, v := range strings.Split(prop.Value, ",") {
			at, z, _, err := p.time(v, prop.ICalParameters)
			if err != nil {
				return ev, instead, err
			}
			ev.not[z(at).UTC()] = true
		}
	}
	for _, prop := range e.GetProperties("RDATE") {
		for _, v := range strings.Split(prop.Value, ",") {
			v, _, _ = strings.Cut(v, "/") // of a period its start
			at, z, _, err := p.time(v, prop.ICalParameters)
			if err != nil {
				return ev, instead, err
			}
			ev.also = append(ev.also, onEventWall(z(at), ev))
		}
	}
	if r := valueOf(e, "RRULE"); r != "" {
		ev.rule, err = p.rule(r, ev)
	}
	return ev, instead, err
}

// onEventWall is what an event's own clock shows at t. It is looked for: a zone says only the other way round.
func onEventWall(t time.Time, ev event) time.Time {
	for _, off := range []time.Duration{t.Sub(ev.zone(t.UTC())), t.Sub(ev.zone(t.UTC().Add(time.Hour))) + time.Hour, t.Sub(ev.zone(t.UTC().Add(-time.Hour))) - time.Hour} {
		if wall := t.UTC().Add(off); ev.zone(wall).Equal(t) {
			return wall
		}
	}
	return t.UTC()
}

// time reads a DATE or DATE-TIME with its zone, as a time on the wall.
func (p *parsing) time(v string, params map[string][]string) (wall time.Time, z zone, day bool, err error) {
	v, z = strings.TrimSpace(v), in(p.loc)
	if id := first(params["TZID"]); id != "" {
		if named, ok := p.zones[id]; ok {
			z = named
		} else {
			return wall, z, false, fmt.Errorf("unknown time zone %.60q, and no VTIMEZONE for it", id)
		}
	}
	if utc, ok := strings.CutSuffix(v, "Z"); ok {
		v, z = utc, in(time.UTC)
	}
	if wall, err = time.Parse("20060102T150405", v); err == nil {
		return wall, z, false, nil
	}
	if wall, err = time.Parse("20060102", v); err == nil {
		return wall, in(p.loc), true, nil // a date is a day where the schedule is
	}
	return wall, z, false, fmt.Errorf("%.40q is no time", v)
}

func first(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return strings.Trim(s[0], `"`)
}

// length reads how long an event lasts.
func (p *parsing) length(e *ics.VEvent, ev *event, day bool) error {
	end := e.GetProperty(ics.ComponentPropertyDtEnd)
	switch {
	case end != nil:
		wall, z, _, err := p.time(end.Value, end.ICalParameters)
		if err != nil {
			return err
		}
		ev.length = wall.Sub(ev.start)
		if !z(wall).Equal(ev.zone(wall)) { // it ends by another clock than it begins by
			ev.length, ev.exact = z(wall).Sub(ev.zone(ev.start)), true
		}
	case valueOf(e, "DURATION") != "":
		var err error
		if ev.length, ev.exact, err = parseDuration(valueOf(e, "DURATION")); err != nil {
			return err
		}
	case day:
		ev.length = 24 * time.Hour
	}
	if ev.length < 0 || ev.length > maxShift {
		return fmt.Errorf("it lasts %s", ev.length)
	}
	return nil
}

// rule reads a RRULE. It is expanded by the clock on the wall, as if that were UTC, so that no change of the clocks is met.
func (p *parsing) rule(raw string, ev event) (*rrule.ROption, error) {
	o, err := rrule.StrToROptionInLocation(raw, time.UTC)
	if err != nil {
		return nil, fmt.Errorf("RRULE %.80q: %w", raw, err)
	}
	if o.Freq > rrule.DAILY {
		return nil, fmt.Errorf("RRULE %.80q: a shift repeats by days or longer", raw)
	}
	if !o.Until.IsZero() && untilIsUTC(raw) {
		o.Until = onEventWall(o.Until, ev)
	}
	if o.Freq == rrule.DAILY && ev.start.Year() < 1970 {
		return nil, fmt.Errorf("it repeats daily since %d", ev.start.Year())
	}
	o.Dtstart = ev.start
	_, err = rrule.NewRRule(*o)
	return o, err
}

func untilIsUTC(raw string) bool {
	_, rest, _ := strings.Cut(strings.ToUpper(raw), "UNTIL=")
	until, _, _ := strings.Cut(rest, ";")
	return strings.HasSuffix(until, "Z")
}

// named are the people that an event means: by the mail of an attendee, or as words of the summary. Of names that are part
// of one another the longest counts.
func (p *parsing) named(e *ics.VEvent) []string {
	var out []string
	summary := words(valueOf(e, "SUMMARY"))
	for name := range p.people {
		if strings.Contains(name, "@") {
			for _, a := range e.GetProperties("ATTENDEE") {
				if _, mail, _ := strings.Cut(strings.ToLower(a.Value), "mailto:"); mail == strings.ToLower(name) {
					out = append(out, name)
				}
			}
		} else if strings.Contains(summary, words(name)) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(slices.Clone(out)), func(name string) bool {
		return slices.ContainsFunc(out, func(o string) bool { return o != name && strings.Contains(words(o), words(name)) })
	})
}

// words is s in lower case with one blank round every word.
func words(s string) string {
	return " " + strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return strings.ContainsRune(" \t\n,;:()[]/|-–", r) }), " ") + " "
}

func clip(s string) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) > 60 {
		return string(r[:59]) + "…"
	}
	return string(r)
}

// occurrences are those of an event that touch the time from from to until.
func (ev event) occurrences(from, until time.Time) []duty {
	walls := []time.Time{ev.start}
	if ev.rule != nil {
		walls = nil
		o := *ev.rule
		if last := until.Add(48 * time.Hour).UTC(); o.Until.IsZero() || o.Until.After(last) {
			o.Until = last // a rule that never holds would be looked at until the year 9999
		}
		if rule, err := rrule.NewRRule(o); err == nil { // as it was when the calendar was read
			next := rule.Iterator()
			for w, ok := next(); ok; w, ok = next() {
				if w.Add(ev.length).After(from.Add(-48 * time.Hour)) {
					walls = append(walls, w)
				}
			}
		}
	}
	var out []duty
	for _, w := range append(walls, ev.also...) {
		d := duty{who: ev.who, text: ev.text, from: ev.zone(w)}
		d.until = ev.zone(w.Add(ev.length))
		if ev.exact {
			d.until = d.from.Add(ev.length)
		}
		if !ev.not[d.from.UTC()] && d.until.After(from) && d.from.Before(until) {
			out = append(out, d)
		}
	}
	return out
}

// expand returns what is on near t.
func (c *calendar) expand(t time.Time) []duty {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d := t.Sub(c.when); !c.when.IsZero() && d.Abs() < around/4 {
		return c.duty
	}
	c.when, c.duty = t, nil
	for _, ev := range c.events {
		c.duty = append(c.duty, ev.occurrences(t.Add(-around), t.Add(around))...)
	}
	return c.duty
}

func (c *calendar) who(t time.Time) []string { return whoOf(c.expand(t), t) }

func whoOf(ds []duty, t time.Time) []string {
	seen := map[string]bool{}
	for _, d := range ds {
		if !t.Before(d.from) && t.Before(d.until) {
			for _, w := range d.who {
				seen[w] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

func (c *calendar) shift(t time.Time, loc *time.Location) Shift {
	ds := c.expand(t)
	s := Shift{People: whoOf(ds, t)}
	for _, d := range ds {
		for _, at := range []time.Time{d.from, d.until} {
			switch {
			case len(d.who) == 0:
			case at.After(t) && (s.Until.IsZero() || at.Before(s.Until)) && !slices.Equal(whoOf(ds, at), s.People):
				s.Until = at.In(loc)
			case !at.After(t) && at.After(s.From) && !slices.Equal(whoOf(ds, at.Add(-time.Nanosecond)), s.People):
				s.From = at.In(loc)
			}
		}
	}
	return s
}

// unknown are the events of the next two weeks that name nobody.
func (c *calendar) unknown(t time.Time) []string {
	seen := map[string]bool{}
	for _, d := range c.expand(t) {
		if len(d.who) == 0 && d.until.After(t) && d.from.Before(t.Add(14*24*time.Hour)) {
			seen[d.text] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}
