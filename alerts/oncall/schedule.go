package oncall

import (
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/drey-ops/drey/config/secret"
)

// Schedule says who is on call. Its methods may be called concurrently.
type Schedule struct {
	Name string

	zone    *time.Location
	people  map[string]Person
	rota    *rota // nil where it is a calendar
	address secret.Text
	every   time.Duration
	copy    atomic.Pointer[kept] // the last good copy of the calendar
	failed  atomic.Pointer[string]
}

// kept is a calendar as it was read.
type kept struct {
	calendar *calendar
	at       time.Time
}

// Shift is a time in which the same people are on call: nobody where People is empty, and in a calendar there may be several
// at once. From or Until is zero where none is in sight.
type Shift struct {
	People      []string
	From, Until time.Time
}

// Who are the people on call at t. Of a calendar that could never be read they are nobody.
func (s *Schedule) Who(t time.Time) []string {
	if s.rota != nil {
		if who := s.rota.who(t); who != "" {
			return []string{who}
		}
		return nil
	}
	if k := s.copy.Load(); k != nil {
		return k.calendar.who(t)
	}
	return nil
}

// At is the shift that t falls into.
func (s *Schedule) At(t time.Time) Shift {
	if s.rota != nil {
		return s.rota.shift(t)
	}
	if k := s.copy.Load(); k != nil {
		return k.calendar.shift(t, s.zone)
	}
	return Shift{}
}

// Next is the first shift of somebody else after the one that t falls into. It is false where none is in sight.
func (s *Schedule) Next(t time.Time) (Shift, bool) {
	for now := s.At(t); !now.Until.IsZero(); now = s.At(now.Until) {
		if next := s.At(now.Until); len(next.People) > 0 {
			return next, true
		}
	}
	return Shift{}, false
}

// IDs are who the named people are on the chat networks, in order.
func (s *Schedule) IDs(people []string) []string {
	var out []string
	for _, name := range people {
		out = append(out, s.people[name]...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// AllIDs are those of everybody in the schedule, by the key at which the configuration has them.
func (s *Schedule) AllIDs() map[string][]string {
	out := map[string][]string{}
	for name, ids := range s.people {
		out["people."+name] = ids
	}
	return out
}

// Zone is where its local times are meant.
func (s *Schedule) Zone() *time.Location { return s.zone }

// Source tells of a calendar when its copy was read, zero for never, why it could not be read since, and which of its events
// near t name nobody of the schedule's people. Of a rota it is false.
func (s *Schedule) Source(t time.Time) (read time.Time, failed string, unknown []string, ok bool) {
	if s.rota != nil {
		return time.Time{}, "", nil, false
	}
	if f := s.failed.Load(); f != nil {
		failed = *f
	}
	if k := s.copy.Load(); k != nil {
		read, unknown = k.at, k.calendar.unknown(t)
	}
	return read, failed, unknown, true
}

// Book is all schedules by name.
type Book struct{ list map[string]*Schedule }

// New makes the schedules ready; calendars are empty until Run reads them. A Book with problems is not to be used.
func New(o map[string]Options) (*Book, []Problem) {
	b := &Book{list: map[string]*Schedule{}}
	var bad []Problem
	for _, name := range slices.Sorted(maps.Keys(o)) {
		r := &reader{name: name, o: o[name]}
		b.list[name] = r.schedule()
		bad = append(bad, r.bad...)
	}
	return b, bad
}

// Schedule finds one by its name; nil where there is none.
func (b *Book) Schedule(name string) *Schedule { return b.list[name] }

// Names are those of all schedules, sorted.
func (b *Book) Names() []string { return slices.Sorted(maps.Keys(b.list)) }
