package bot

import (
	"fmt"
	"strings"
)

// Textf makes a Text. The format is ours and may hold **bold** and `code`; the arguments are outside text and are taken
// as they are, in the style of the place they stand in. A Span or Text among the arguments keeps its own style, and a Place
// is shown as its network names it. Verbs are those of fmt without argument indexes and without * as width; a % for which
// there is no argument is a percent sign.
func Textf(format string, args ...any) Text { return Text{spans(format, args)} }

// Notef is Textf in small print.
func Notef(format string, args ...any) Note { return Note{spans(format, args)} }

// F is a short fact made from one plain value.
func F(name string, value any) Field {
	switch v := value.(type) {
	case Text:
		return Field{name, v}
	case Span:
		return Field{name, Text{[]Span{v}}}
	case Place:
		return Field{name, Text{[]Span{v.span()}}}
	}
	return Field{name, Text{[]Span{{Text: fmt.Sprint(value)}}}}
}

func (p Place) span() Span {
	return Span{Text: p.String(), In: Place{Network: p.Network, Channel: p.Channel}}
}

// Places is a list of places as ParsePlace reads them, each shown as its network names it.
func Places(list []string) Text {
	var t Text
	for i, s := range list {
		if i > 0 {
			t.Spans = append(t.Spans, Span{Text: ", "})
		}
		if p, err := ParsePlace(s); err == nil {
			t.Spans = append(t.Spans, p.span())
			continue
		}
		t.Spans = append(t.Spans, Span{Text: s})
	}
	return t
}

// Plain returns the spans' text without style.
func (t Text) Plain() string { return plain(t.Spans) }

// Plain returns the spans' text without style.
func (n Note) Plain() string { return plain(n.Spans) }

func plain(ss []Span) string {
	var b strings.Builder
	for _, s := range ss {
		b.WriteString(s.Text)
	}
	return b.String()
}

// spans cuts the format at its marks, then fills each piece with the arguments that its verbs take.
func spans(format string, args []any) []Span {
	var out []Span
	var cur Span
	rest := format
	for rest != "" {
		i := strings.IndexAny(rest, "*`%")
		if i < 0 {
			i = len(rest)
		}
		cur.Text += rest[:i]
		rest = rest[i:]
		switch {
		case rest == "":
		case strings.HasPrefix(rest, "**") && !cur.Code:
			out, cur, rest = flush(out, cur), Span{Bold: !cur.Bold}, rest[2:]
		case rest[0] == '`':
			out, cur, rest = flush(out, cur), Span{Code: !cur.Code, Bold: cur.Bold}, rest[1:]
		case strings.HasPrefix(rest, "%%"):
			cur.Text, rest = cur.Text+"%", rest[2:]
		case rest[0] == '%':
			n := verb(rest)
			if n == 0 || len(args) == 0 {
				cur.Text, rest = cur.Text+"%", rest[1:]
				continue
			}
			switch arg := args[0].(type) {
			case Span:
				out = append(flush(out, cur), arg)
				cur.Text = ""
			case Text:
				out = append(flush(out, cur), arg.Spans...)
				cur.Text = ""
			case Place:
				out = append(flush(out, cur), arg.span())
				cur.Text = ""
			default:
				cur.Text += fmt.Sprintf(rest[:n], arg)
			}
			args, rest = args[1:], rest[n:]
		default:
			cur.Text, rest = cur.Text+rest[:1], rest[1:]
		}
	}
	return flush(out, cur)
}

// verb is the length of the verb that s begins with, or 0 when it is none.
func verb(s string) int {
	i := 1
	for i < len(s) && strings.IndexByte("+-# 0123456789.", s[i]) >= 0 {
		i++
	}
	if i == len(s) || (s[i]|0x20) < 'a' || (s[i]|0x20) > 'z' {
		return 0
	}
	return i + 1
}

func flush(out []Span, s Span) []Span {
	if s.Text == "" {
		return out
	}
	return append(out, s)
}

// Word is the tone in a word, for networks to show beside its sign and colour; empty for Plain.
func (t Tone) Word() string {
	switch t {
	case Good:
		return "OK"
	case Busy:
		return "Working"
	case Warn:
		return "Warning"
	case Bad:
		return "Problem"
	case Muted:
		return "Quiet"
	}
	return ""
}

// Word is what is to stand before the title: the tone's word, or nothing where the title says how things stand.
func (m Message) Word() string {
	if m.Stated && m.Title != "" {
		return ""
	}
	return m.Tone.Word()
}

// Word is the state in a word or two.
func (s StepState) Word() string {
	switch s {
	case Doing:
		return "running"
	case Did:
		return "done"
	case Failed:
		return "failed"
	case Skipped:
		return "skipped"
	}
	return "to do"
}
