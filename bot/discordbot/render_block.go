package discordbot

import (
	"slices"
	"strings"

	"github.com/rivo/uniseg"

	"github.com/drey-ops/drey/bot"
)

// signOf is the tone as a sign, with which its word and colour go.
func signOf(t bot.Tone) string {
	switch t {
	case bot.Good:
		return "✅"
	case bot.Busy:
		return "⏳"
	case bot.Warn:
		return "⚠️"
	case bot.Bad:
		return "🔴"
	case bot.Muted:
		return "⚪"
	case bot.Plain:
	}
	return ""
}

// colorOf is the colour of a card's edge; 0 is Discord's own.
func colorOf(t bot.Tone) int {
	switch t {
	case bot.Good:
		return 0x2d9d5c
	case bot.Busy:
		return 0x4a7ddb
	case bot.Warn:
		return 0xe0a000
	case bot.Bad:
		return 0xd23b3b
	case bot.Muted:
		return 0x8a8f98
	case bot.Plain:
	}
	return 0
}

func stepSign(s bot.StepState) string {
	switch s {
	case bot.ToDo:
		return "▫️"
	case bot.Doing:
		return "⏳"
	case bot.Did:
		return "✅"
	case bot.Failed:
		return "❌"
	case bot.Skipped:
		return "➖"
	}
	return "▫️"
}

// steps shows a line for each. The state has its word where the sign alone may not tell.
func (r *renderer) steps(in bot.Steps) {
	var lines []string
	left := r.room()
	for _, s := range in {
		line := stepSign(s.State) + " " + escape(s.Label)
		if s.State == bot.Doing || s.State == bot.Failed || s.State == bot.Skipped {
			line += " · " + s.State.Word()
		}
		if s.Note != "" {
			line += " · " + escape(s.Note)
		}
		if left -= bot.Length(line) + 1; left < 2 {
			lines = append(lines, "…")
			break
		}
		lines = append(lines, line)
	}
	r.text(strings.Join(lines, "\n"), "\n\n")
}

// The columns of a fixed font that a card has room for.
const (
	phoneWidth   = 38
	largeWidth   = 44 // of a large phone
	desktopWidth = 58
	cellMin      = 20 // a cell is cut to no less
)

// table shows t in a fixed font. Where it is wider than a phone, or else than a desktop, it gives up space between columns
// and then the ends of long cells.
func (r *renderer) table(t bot.Table) {
	foot := note(cutEscaped(t.Foot, 500))
	gap := 2
	widths := columnWidths(t)
	if total(widths, gap) > phoneWidth {
		gap = 1
	}
	for _, width := range []int{phoneWidth, largeWidth, desktopWidth} {
		if less, ok := narrowed(widths, total(widths, gap)-width); ok {
			widths = less
			break
		}
	}
	var lines []string
	for _, cells := range append([][]string{t.Columns}, t.Rows...) {
		lines = append(lines, tableLine(cells, widths, t.Numeric, gap))
	}
	body := strings.Join(lines, "\n")
	max := r.room() - bot.Length(foot) - 2
	if len(strings.TrimSpace(lines[0])) == 0 {
		body = strings.Join(lines[1:], "\n")
	}
	if bot.Length(fenced(body))+10 > max {
		body = cutTable(lines, max-10)
	}
	r.text(codeBlock("", body, max), "\n")
	r.text(foot, "\n")
}

// cutTable is as many lines as fit.
func cutTable(lines []string, max int) string {
	n, used := 0, 0
	for n < len(lines) && used+bot.Length(fenced(lines[n]))+1 <= max-2 {
		used += bot.Length(fenced(lines[n])) + 1
		n++
	}
	return strings.Join(append(lines[:n:n], "…"), "\n")
}

func columnWidths(t bot.Table) []int {
	w := make([]int, len(t.Columns))
	for _, cells := range append([][]string{t.Columns}, t.Rows...) {
		for i, c := range cells {
			if i < len(w) {
				w[i] = max(w[i], uniseg.StringWidth(c))
			}
		}
	}
	return w
}

func total(widths []int, gap int) int {
	n := -gap
	for _, w := range widths {
		n += w + gap
	}
	return n
}

// narrowed takes over from the widest columns. It is false when that is not enough: a cut that does not make the table
// fit only hides something.
func narrowed(widths []int, over int) ([]int, bool) {
	out := slices.Clone(widths)
	for ; over > 0; over-- {
		widest := 0
		for i := range out {
			if out[i] > out[widest] {
				widest = i
			}
		}
		if out[widest] <= cellMin {
			return nil, false
		}
		out[widest]--
	}
	return out, true
}

func tableLine(cells []string, widths []int, numeric []bool, gap int) string {
	var b strings.Builder
	for i, w := range widths {
		c := ""
		if i < len(cells) {
			c = cutWidth(cells[i], w)
		}
		pad := strings.Repeat(" ", max(0, w-uniseg.StringWidth(c)))
		if i < len(numeric) && numeric[i] {
			c = pad + c
		} else {
			c += pad
		}
		if i > 0 {
			b.WriteString(strings.Repeat(" ", gap))
		}
		b.WriteString(c)
	}
	return strings.TrimRight(b.String(), " ")
}

// cutWidth shortens s to a number of columns.
func cutWidth(s string, max int) string {
	if uniseg.StringWidth(s) <= max {
		return s
	}
	var b strings.Builder
	width, state := 0, -1
	for rest := s; rest != ""; {
		var g string
		var w int
		g, rest, w, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if width += w; width > max-1 {
			break
		}
		b.WriteString(g)
	}
	return b.String() + "…"
}

// cutEscaped escapes s; what is longer than max then is cut before it is escaped.
func cutEscaped(s string, max int) string {
	return markdownOf([]bot.Span{{Text: s}}, max)
}
