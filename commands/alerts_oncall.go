package commands

import (
	"context"
	"strings"
	"time"

	"github.com/drey-ops/drey/alerts/oncall"
	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

type oncallArgs struct {
	Schedule string `json:"schedule" help:"only this one, with its next shifts" optional:"true"`
}

// shiftsShown is how many shifts of one schedule are listed.
const shiftsShown = 6

func alertsOncall(d Deps) *Command {
	return New(Spec{
		Path: "alerts oncall", Help: "Say who is on call now, and who is next",
		Examples:   []string{"/alerts oncall", "/alerts oncall primary"},
		Permission: "alert.read", Effect: Reads,
	}, func(_ context.Context, e *Env, a oncallArgs) (bot.Message, error) {
		book := d.Alerts.Schedules()
		names := book.Names()
		switch s := book.Schedule(a.Schedule); {
		case len(names) == 0:
			return bot.Message{Title: "No schedule", Blocks: []bot.Block{bot.Textf("The configuration has none: `alerts.oncall` says who is on call when.")}}, nil
		case a.Schedule == "":
			return bookMessage(book, e.Now), nil
		case s == nil:
			return bot.Message{}, platform.Errorf(platform.NotFound, "", "there is no schedule %q; there are: %s", clip(a.Schedule, 40), strings.Join(names, ", "))
		default:
			return scheduleMessage(s, e.Now), nil
		}
	})
}

// bookMessage is who is on call everywhere.
func bookMessage(book *oncall.Book, now time.Time) bot.Message {
	m := bot.Message{Title: "On call"}
	t := bot.Table{Columns: []string{"Schedule", "On call", "Until", "Then"}, Foot: "Times are those of each schedule's place."}
	var notes []bot.Block
	for _, name := range book.Names() {
		s := book.Schedule(name)
		sh := s.At(now)
		then := "–"
		if next, ok := s.Next(now); ok {
			then = namesOf(next)
			if !next.From.Equal(sh.Until) {
				then += " from " + localTime(next.From, s, now)
			}
		}
		t.Rows = append(t.Rows, []string{name, namesOf(sh), localTime(sh.Until, s, now), then})
		notes = append(notes, sourceNotes(s, now)...)
	}
	m.Blocks = append([]bot.Block{t}, notes...)
	return m
}

// scheduleMessage is one schedule with its next shifts.
func scheduleMessage(s *oncall.Schedule, now time.Time) bot.Message {
	sh := s.At(now)
	m := bot.Message{Title: "On call in " + s.Name + ": " + namesOf(sh)}
	if len(sh.People) == 0 {
		m.Tone = bot.Warn
	}
	t := bot.Table{Columns: []string{"From", "Until", "On call"}, Foot: "Times are those of " + s.Zone().String() + "."}
	for range shiftsShown {
		t.Rows = append(t.Rows, []string{localTime(sh.From, s, now), localTime(sh.Until, s, now), namesOf(sh)})
		if sh.Until.IsZero() {
			break
		}
		sh = s.At(sh.Until)
	}
	m.Blocks = append([]bot.Block{t}, sourceNotes(s, now)...)
	return m
}

// sourceNotes say how old a calendar is, and what is wrong with it.
func sourceNotes(s *oncall.Schedule, now time.Time) []bot.Block {
	read, failed, unknown, calendar := s.Source(now)
	if !calendar {
		return nil
	}
	var out []bot.Block
	switch {
	case read.IsZero() && failed == "":
		out = append(out, bot.Notef("The calendar of %s is being read.", s.Name))
	case read.IsZero():
		out = append(out, bot.Textf("**The calendar of %s could never be read**, so nobody is on call there: %s.", s.Name, failed))
	case failed != "":
		out = append(out, bot.Textf("**The calendar of %s cannot be read**; this is the copy of %s: %s.", s.Name, ago(now, read), failed))
	default:
		out = append(out, bot.Notef("The calendar of %s was read %s.", s.Name, ago(now, read)))
	}
	if n := len(unknown); n > 0 {
		out = append(out, bot.Notef("%s of the next two weeks in %s name nobody of its people: %s", count(n, "event"), s.Name, clip(strings.Join(unknown, ", "), 200)))
	}
	return out
}

func namesOf(s oncall.Shift) string {
	if len(s.People) == 0 {
		return "nobody"
	}
	return strings.Join(s.People, ", ")
}

// localTime is a time as the clock shows it where the schedule is.
func localTime(t time.Time, s *oncall.Schedule, now time.Time) string {
	switch t = t.In(s.Zone()); {
	case t.IsZero():
		return "–"
	case t.Sub(now).Abs() < 6*24*time.Hour:
		return t.Format("Mon 15:04 MST")
	}
	return t.Format("Mon 2006-01-02 15:04 MST")
}
