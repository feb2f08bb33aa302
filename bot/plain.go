package bot

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Plain is all that can be read of m, without style: a line for each part, labels of buttons in [brackets].
func (m Message) Plain() string {
	var b strings.Builder
	writeLine(&b, m.Title)
	for _, block := range m.Blocks {
		writeLine(&b, plainBlock(block))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Summary is one line for notifications and screen readers: the Fallback, or the title and the first words; those of a table
// say nothing by themselves.
func (m Message) Summary() string {
	if m.Fallback != "" {
		return m.Fallback
	}
	first := ""
	for _, block := range m.Blocks {
		switch block.(type) {
		case Actions, Table, Image, File: // no sentence
			continue
		}
		first, _, _ = strings.Cut(plainBlock(block), "\n")
		break
	}
	switch {
	case m.Title == "" && first == "":
		first, _, _ = strings.Cut(m.Plain(), "\n")
		return first
	case m.Title == "":
		return first
	case first == "":
		return m.Title
	}
	return m.Title + ": " + first
}

func writeLine(b *strings.Builder, s string) {
	if s = strings.TrimRight(s, "\n "); s != "" {
		b.WriteString(s + "\n")
	}
}

func plainBlock(block Block) string {
	var b strings.Builder
	switch v := block.(type) {
	case Text:
		return v.Plain()
	case Note:
		return v.Plain()
	case Fields:
		for _, f := range v {
			writeLine(&b, f.Name+": "+f.Value.Plain())
		}
	case Table:
		b.WriteString(aligned(v))
		writeLine(&b, v.Foot)
	case Code:
		return v.Body
	case Image:
		return "(picture: " + v.Alt + ")"
	case File:
		return "(file: " + v.Name + ")"
	case Steps:
		for _, s := range v {
			writeLine(&b, strings.TrimSpace(stepSign(s.State)+" "+s.Label+" "+s.Note))
		}
	case Actions:
		labels := make([]string, len(v))
		for i, a := range v {
			labels[i] = "[" + a.Label + "]"
		}
		return strings.Join(labels, " ")
	}
	return b.String()
}

func stepSign(s StepState) string {
	switch s {
	case ToDo:
		return "[ ]"
	case Doing:
		return "[…]"
	case Did:
		return "[x]"
	case Failed:
		return "[!]"
	case Skipped:
		return "[-]"
	}
	return fmt.Sprintf("[%d]", s)
}

// widths are the widest cells by column.
func widths(t Table, rows int) []int {
	w := make([]int, len(t.Columns))
	grow := func(cells []string) {
		for i, c := range cells {
			if i < len(w) {
				w[i] = max(w[i], Length(c))
			}
		}
	}
	grow(t.Columns)
	for _, r := range t.Rows[:rows] {
		grow(r)
	}
	return w
}

// aligned renders t in a fixed font, two spaces between columns.
func aligned(t Table) string {
	w := widths(t, len(t.Rows))
	var b strings.Builder
	row := func(cells []string) {
		var line strings.Builder
		for i, c := range cells {
			if i >= len(w) {
				break
			}
			pad := strings.Repeat(" ", max(0, w[i]-Length(c)))
			if i < len(t.Numeric) && t.Numeric[i] {
				line.WriteString(pad + c + "  ")
			} else {
				line.WriteString(c + pad + "  ")
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	row(t.Columns)
	for _, r := range t.Rows {
		row(r)
	}
	return b.String()
}

// plainest is m with nothing in it that a network could take exception to.
func plainest(m Message) Message {
	text := m
	text.Title = ""
	body := text.Plain()
	if m.Fallback != "" {
		body = m.Fallback
	}
	if !utf8.ValidString(body) {
		body = strings.ToValidUTF8(body, "\uFFFD")
	}
	out := m
	out.Blocks, out.Form = nil, nil
	if body != "" {
		out.Blocks = []Block{Text{[]Span{{Text: body}}}}
	}
	return out
}

// empty says whether there is nothing in m to see.
func empty(m Message) bool { return m.Title == "" && len(m.Blocks) == 0 && m.Form == nil }
