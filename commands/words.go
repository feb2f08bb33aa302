package commands

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

func shortID(id platform.JobID) string { return string(id)[:min(8, len(id))] }

// ago says a time as people do: "3 min ago".
func ago(now, t time.Time) string {
	switch d := now.Sub(t); {
	case t.IsZero():
		return "–"
	case d < 3*time.Second: // or a clock that goes ahead
		return "just now"
	default:
		return span(d) + " ago"
	}
}

// span says a duration in its one or two largest units.
func span(d time.Duration) string {
	switch d = d.Abs(); {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// roughly is span in its largest unit alone: "2 h".
func roughly(d time.Duration) string {
	if d < time.Minute {
		return "just now"
	}
	word, rest, _ := strings.Cut(span(d), " ")
	unit, _, _ := strings.Cut(rest, " ")
	return word + " " + unit
}

func stamp(t time.Time) bot.Span {
	if t.IsZero() {
		return bot.Span{Text: "–"}
	}
	return bot.Span{Text: t.UTC().Format("2006-01-02 15:04:05 UTC"), At: t}
}

// minute is a stamp of a time that people agree on: to the minute.
func minute(t time.Time) bot.Span {
	return bot.Span{Text: t.UTC().Format("2006-01-02 15:04 UTC"), At: t.Truncate(time.Minute)}
}

func firstTime(ts ...time.Time) time.Time {
	for _, t := range ts {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// size says bytes in the unit that fits.
func size(n int64) string {
	f, units := float64(n), []string{"B", "kB", "MB", "GB", "TB"}
	i := 0
	for f >= 1000 && i < len(units)-1 {
		f, i = f/1000, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, units[i])
}

// amount says a count of records in at most four figures.
func amount(n int64) string {
	f, units := float64(n), []string{"", " k", " M", " G", " T"}
	i := 0
	for f >= 1000 && i < len(units)-1 {
		f, i = f/1000, i+1
	}
	if i == 0 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%.1f%s", f, units[i])
}

func percent(f float64) string {
	if math.IsNaN(f) {
		return "–"
	}
	return fmt.Sprintf("%.0f %%", 100*f)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// saidOf is an error in one line, as people are told it.
func saidOf(err error) string {
	for _, b := range Explain(err).Blocks {
		if t, ok := b.(bot.Text); ok {
			return topLine(t.Plain())
		}
	}
	return "it did not work"
}

func topLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// fileName is s with only what every file system takes.
func fileName(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == '.' || unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return '_'
	}, clip(s, 80))
}
