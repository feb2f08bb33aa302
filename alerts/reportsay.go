package alerts

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
)

// Message is the report for a channel: what a person who takes over wants to know, in the order in which they want it, short
// enough for a phone. All incidents are in the file.
func (r Report) Message() bot.Message {
	m := bot.Message{Title: "Alerts of the last " + stretch(r.To.Sub(r.From)), Tone: bot.Plain}
	m.Blocks = append(m.Blocks, bot.Textf("**%s**, %d resolved, **%d still open** at %v.", opened(r.Opened), r.Resolved, len(r.Open), moment(r.To)))
	var f bot.Fields
	if len(r.Severities) > 0 {
		f = append(f, bot.F("Severity", tallied(r.Severities)))
	}
	if r.Ack.N > 0 {
		f = append(f, bot.F("Time to acknowledge", r.Ack.String()))
	}
	if r.Resolve.N > 0 {
		f = append(f, bot.F("Time to resolve", r.Resolve.String()))
	}
	if r.Untaken > 0 {
		f = append(f, bot.F("Resolved untaken", r.Untaken))
	}
	if len(f) > 0 {
		m.Blocks = append(m.Blocks, f)
	}
	section := func(title string, all int, line func(n int) bot.Text) {
		if all > 0 {
			m.Blocks = append(m.Blocks, bulleted(title, all, line))
		}
	}
	section("Still open, the oldest first", len(r.Open), func(n int) bot.Text { return r.openLine(&r.Open[n]) })
	section("Most frequent", len(r.Names), func(n int) bot.Text { return r.Names[n].line() })
	section("Root causes", len(r.Causes), func(n int) bot.Text { return r.Causes[n].line() })
	section("Came and went", len(r.Noisy), func(n int) bot.Text {
		i := r.Noisy[n]
		return bot.Textf("%s: fired %d times (`%s`)", clip(i.Title, 80), i.Episodes, i.ID)
	})
	section("No savepoint for more than "+stretch(r.BareAfter), len(r.Bare), func(n int) bot.Text { return r.bareLine(r.Bare[n]) })
	section("Maintenance", len(r.Windows), func(n int) bot.Text { return r.windowLine(r.Windows[n]) })
	if r.Opened+r.Resolved+len(r.Open) == 0 {
		m.Tone, m.Blocks[0] = bot.Good, bot.Textf("A quiet time: no incident until %v.", moment(r.To))
	}
	if r.Cut {
		m.Blocks = append(m.Blocks, bot.Notef("There are more incidents than are looked at: those of the %d groups that changed last are counted.", reportMost))
	}
	if len(r.rows) > 0 {
		m.Blocks = append(m.Blocks, bot.File{Name: "alerts-" + r.To.UTC().Format("2006-01-02-1504") + ".csv", MIME: "text/csv", Data: r.csv()})
	}
	m.Fallback = fmt.Sprintf("%s: %s, %d resolved, %d still open.", m.Title, opened(r.Opened), r.Resolved, len(r.Open))
	return m
}

// stretch is a span of whole days or of one as people say it: "24 h", "7 days".
func stretch(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d == day:
		return "24 h"
	case d > day && d%day == 0:
		return fmt.Sprintf("%d days", d/day)
	}
	return span(d)
}

func opened(n int) string { return incidents(n) + " opened" }

// String says them with how many there were.
func (d Durations) String() string {
	if d.N == 1 {
		return span(d.Median) + " (1 incident)"
	}
	return fmt.Sprintf("median %s, mean %s (%s)", span(d.Median), span(d.Mean), incidents(d.N))
}

func bulleted(title string, all int, line func(n int) bot.Text) bot.Text {
	t := bot.Text{Spans: []bot.Span{{Text: title, Bold: true}}}
	for n := range min(all, reportLines) {
		t.Spans = append(append(t.Spans, bot.Span{Text: "\n• "}), line(n).Spans...)
	}
	if more := all - reportLines; more > 0 {
		t.Spans = append(t.Spans, bot.Span{Text: fmt.Sprintf("\n• %d more", more)})
	}
	return t
}

// openLine is an incident that is open, with who has it or who keeps it quiet, and for how long.
func (r Report) openLine(i *Incident) bot.Text {
	t := bot.Textf("%s, %s", clip(i.Title, 80), span(r.To.Sub(i.First)))
	if i.Severity != "" {
		t.Spans = append(t.Spans, bot.Textf(", %s", clip(i.Severity, 20)).Spans...)
	}
	if i.Acked != nil {
		t.Spans = append(t.Spans, bot.Textf("; with %s for %s", i.Acked.Who(), span(r.To.Sub(i.Acked.At))).Spans...)
	} else if i.Open() && i.State() == Firing {
		t.Spans = append(t.Spans, bot.Textf("; **nobody has it**").Spans...)
	}
	if s := i.silenceText(); len(s.Spans) > 0 {
		t.Spans = append(append(t.Spans, bot.Span{Text: "; silenced "}), s.Spans...)
	}
	return bot.Text{Spans: append(t.Spans, bot.Textf(" (`%s`)", i.ID).Spans...)}
}

func (c Tally) line() bot.Text { return bot.Textf("%d× %s%s", c.N, c.What, c.in()) }

func (c Tally) in() string {
	switch n := len(c.In); {
	case n == 0:
		return ""
	case n <= 2:
		return " in " + clip(strings.Join(c.In, ", "), 80)
	default:
		return fmt.Sprintf(" in %s and %d more", clip(strings.Join(c.In[:2], ", "), 80), n-2)
	}
}

func tallied(list []Tally) string {
	var out []string
	for _, c := range list[:min(len(list), reportLines)] {
		out = append(out, fmt.Sprintf("%d %s", c.N, c.What))
	}
	return strings.Join(out, ", ")
}

func (r Report) bareLine(p JobPoint) bot.Text {
	if p.At.IsZero() {
		return bot.Textf("%s/%s: none that drey knows of", p.Cluster, p.Job)
	}
	return bot.Textf("%s/%s: the last is %s old", p.Cluster, p.Job, span(r.To.Sub(p.At)))
}

func (r Report) windowLine(w Window) bot.Text {
	if w.Live(r.To) {
		return bot.Textf("%s until %v by %s", w.Scope.String(), moment(w.Until), w.Who())
	}
	return bot.Textf("%s from %v until %v by %s", w.Scope.String(), moment(w.From), moment(w.Until), w.Who())
}

// csv is every incident of the period, the oldest first.
func (r Report) csv() []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	stamp := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339)
	}
	seconds := func(from, to time.Time) string {
		if to.IsZero() {
			return ""
		}
		return strconv.Itoa(int(max(0, to.Sub(from)).Seconds()))
	}
	_ = w.Write([]string{"id", "title", "severity", "source", "opened", "acknowledged", "resolved", "seconds_to_acknowledge", "seconds_to_resolve", "episodes", "state", "owner"}) // into memory: cannot fail
	for _, i := range r.rows {
		owner := ""
		if i.Acked != nil {
			owner = i.Acked.Who()
		}
		ack := r.acks[i.ID]
		_ = w.Write([]string{
			i.ID, cell(i.Title), cell(i.Severity), cell(i.Source), stamp(i.First), stamp(ack), stamp(i.Over), seconds(i.First, ack), seconds(i.First, i.Over),
			strconv.Itoa(i.Episodes), i.State(), cell(owner),
		})
	}
	w.Flush()
	return b.Bytes()
}

// cell keeps outside text from being a formula in a spreadsheet.
func cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
