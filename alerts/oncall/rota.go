package oncall

import (
	"slices"
	"time"
)

// rota is the layers and overrides of a schedule, made ready.
type rota struct {
	loc       *time.Location
	zone      zone
	layers    []layer
	overrides []override
}

type layer struct {
	turn        []string
	first       int // the day of the first shift, as dayOf counts
	days        int // of one turn
	handover    int // minute of the day
	from, until int // minutes of the day; until is more than a day where it is after midnight
	weekdays    []time.Weekday
}

type override struct {
	who         string
	from, until time.Time
}

// who is on call at t; empty: nobody.
func (r *rota) who(t time.Time) string {
	for _, o := range r.overrides {
		if !t.Before(o.from) && t.Before(o.until) {
			return o.who
		}
	}
	for _, l := range r.layers {
		if r.covers(l, t) {
			return l.turn[(r.turns(l, t)%len(l.turn)+len(l.turn))%len(l.turn)]
		}
	}
	return ""
}

// covers says whether t is in the layer's hours, those of the day before included.
func (r *rota) covers(l layer, t time.Time) bool {
	today := dayOf(t, r.loc)
	for day := today - 1; day <= today+1; day++ {
		if len(l.weekdays) > 0 && !slices.Contains(l.weekdays, wallAt(day, 0).Weekday()) {
			continue
		}
		if !t.Before(r.zone(wallAt(day, l.from))) && t.Before(r.zone(wallAt(day, l.until))) {
			return true
		}
	}
	return false
}

// turns counts the handovers between the layer's first one and t.
func (r *rota) turns(l layer, t time.Time) int {
	day := dayOf(t, r.loc)
	for t.Before(r.zone(wallAt(day, l.handover))) {
		day--
	}
	for !t.Before(r.zone(wallAt(day+1, l.handover))) {
		day++
	}
	return floorDiv(day-l.first, l.days)
}

// edges are the moments of one day at which somebody else may be on call.
func (r *rota) edges(day int) []time.Time {
	var out []time.Time
	for _, l := range r.layers {
		for _, minute := range []int{l.handover, l.from, l.until} {
			out = append(out, r.zone(wallAt(day, minute%(24*60))))
		}
	}
	for _, o := range r.overrides {
		for _, t := range []time.Time{o.from, o.until} {
			if dayOf(t, r.loc) == day {
				out = append(out, t)
			}
		}
	}
	return out
}

// horizon is how many days a change is looked for: a rota of one person never has any.
const horizon = 400

// shift is the time around t with nobody else on call. Where no end is in sight From or Until is zero.
func (r *rota) shift(t time.Time) Shift {
	who := r.who(t)
	s := Shift{}
	if who != "" {
		s.People = []string{who}
	}
	today := dayOf(t, r.loc)
	for n := -1; n < horizon && s.Until.IsZero(); n++ {
		for _, at := range r.edges(today + n) {
			if at.After(t) && r.who(at) != who && (s.Until.IsZero() || at.Before(s.Until)) {
				s.Until = at.In(r.loc)
			}
		}
	}
	for n := 1; n > -horizon && s.From.IsZero(); n-- {
		for _, at := range r.edges(today + n) {
			if !at.After(t) && r.who(at.Add(-time.Nanosecond)) != who && at.After(s.From) {
				s.From = at.In(r.loc)
			}
		}
	}
	return s
}
