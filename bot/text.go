package bot

import (
	"fmt"
	"strings"
)

// Textf makes a Text. The format is ours and may hold **bold** and `code`; the arguments are outside text and are taken
// as they are, in the style of the place they stand in. A Span among the arguments of a bare %v keeps its own style.
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
	}
	return Field{name, Text{[]Span{{Text: fmt.Sprint(value)}}}}
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
			n := 1 + strings.IndexFunc(rest[1:], func(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }) + 1
			var arg any = "%!missing"
			if len(args) > 0 {
				arg, args = args[0], args[1:]
			}
			if s, ok := arg.(Span); ok {
				out = append(flush(out, cur), s)
				cur.Text = ""
			} else {
				cur.Text += fmt.Sprintf(rest[:n], arg)
			}
			rest = rest[n:]
		default:
			cur.Text, rest = cur.Text+rest[:1], rest[1:]
		}
	}
	return flush(out, cur)
}

func flush(out []Span, s Span) []Span {
	if s.Text == "" {
		return out
	}
	return append(out, s)
}
