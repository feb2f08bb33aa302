package discordbot

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/drey-ops/drey/bot"
)

// zero is a space without width. It stands between characters that would mean something together.
const zero = "\u200b"

// cut is bot.Shorten; nothing is left where there is no room at all.
func cut(s string, max int) string {
	if max <= 0 {
		return ""
	}
	return bot.Shorten(s, max)
}

// escape makes Discord show s as it is. Discord takes a backslash away before any character but letters, digits and
// spaces.
func escape(s string) string {
	if !strings.ContainsAny(s, "\\*_~`|<>@:[]()#-+/.\u200b") {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + len(s)/4)
	start := true // of a line, but for spaces and what may stand before a list
	for i, r := range s {
		next, _ := utf8.DecodeRuneInString(s[i+utf8.RuneLen(r):])
		if active(s[:i], r, next, start) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
		start = r == '\n' || start && (r == ' ' || r == '\t' || r >= '0' && r <= '9')
	}
	return b.String()
}

// active says whether r means something to Discord where it stands, or may.
func active(before string, r, next rune, start bool) bool {
	switch r {
	case '\\', '*', '_', '~', '`', '|', '<', '>', '[', ']':
		return true
	case '(', ')':
		return strings.HasSuffix(before, "]") || r == ')' && strings.Contains(before, "](")
	case '@':
		return next == 'e' || next == 'h' || next == '&' || next == '!' || next >= '0' && next <= '9'
	case ':':
		return next != ' ' && next != '\n' && next != utf8.RuneError
	case '#', '-', '+':
		return start
	case '.':
		return start && strings.TrimRight(before, "0123456789") != before
	case '/':
		return namesDiscord(before)
	}
	return false
}

// namesDiscord says whether the word that before ends in is an address of Discord's: with a path it may become an
// invitation, even without its scheme.
func namesDiscord(before string) bool {
	word := before[strings.LastIndexAny(before, " \n\t/")+1:]
	return len(word) <= 64 && strings.Contains(strings.ToLower(word), "discord")
}

// codeSpan is s in a fixed font, within a line. Nothing in it is active, but for the backticks: single ones go between
// double ones, and runs of them are broken.
func codeSpan(s string) string {
	if !strings.Contains(s, "`") {
		return "`" + s + "`"
	}
	for strings.Contains(s, "``") {
		s = strings.ReplaceAll(s, "``", "`"+zero+"`")
	}
	if strings.HasPrefix(s, "`") {
		s = " " + s // Discord takes these spaces away
	}
	if strings.HasSuffix(s, "`") {
		s += " "
	}
	return "``" + s + "``"
}

// codeBlock is s in a fixed font, on lines of its own. Runs of backticks in it are broken, so that it cannot be left.
func codeBlock(lang, s string, max int) string {
	open, end := "```"+lang+"\n", "\n```"
	s = cut(fenced(s), max-len(open)-len(end))
	if s == "" {
		return ""
	}
	return open + s + end
}

func fenced(s string) string {
	for strings.Contains(s, "```") {
		s = strings.ReplaceAll(s, "```", "``"+zero+"`")
	}
	if strings.HasSuffix(s, "`") {
		s += zero // else it would become a part of the fence
	}
	return s
}

// markdownOf renders spans within max units. A link that does not fit loses its address before its text is cut.
func markdownOf(spans []bot.Span, max int) string { return markdownBy(spanOf, spans, max) }

// markdownBy is markdownOf with a way of its own to render one span.
func markdownBy(spanOf func(bot.Span) string, spans []bot.Span, max int) string {
	var b strings.Builder
	left := max
	for i, s := range spans {
		keep := 0
		if i < len(spans)-1 {
			keep = 1 // for the sign that something is missing
		}
		text := spanOf(s)
		if bot.Length(text) > left-keep {
			text = spanOf(bot.Span{Text: s.Text, Bold: s.Bold, Code: s.Code})
		}
		if bot.Length(text) > left-keep {
			b.WriteString(spanWithin(s, left))
			break
		}
		if join(b.String(), text) {
			text = zero + text
		}
		b.WriteString(text)
		left -= bot.Length(text)
	}
	return b.String()
}

// join says whether two rendered spans would be read as one mark: ** beside **, or ` beside `.
func join(before, text string) bool {
	if before == "" || text == "" {
		return false
	}
	last, first := before[len(before)-1], text[0]
	return last == first && (first == '`' || first == '*')
}

func spanOf(s bot.Span) string {
	switch {
	case s.Mention != "":
		if id, ok := mentioned(s.Mention); ok {
			return id
		}
	case !s.At.IsZero():
		return when(s.At)
	case s.In.Network == Network && isSnowflake(s.In.Channel):
		return "<#" + s.In.Channel + ">"
	case s.URL != "":
		return linked(s)
	}
	return styled(s)
}

func styled(s bot.Span) string {
	blank := strings.TrimSpace(s.Text) == ""
	out := escape(s.Text)
	if s.Code && !blank {
		out = codeSpan(s.Text)
	}
	if s.Bold && !blank {
		out = bold(out)
	}
	return out
}

// bold keeps spaces outside of the marks, where Discord would not see them as marks.
func bold(s string) string {
	in := strings.TrimSpace(s)
	i := strings.Index(s, in)
	return s[:i] + "**" + in + "**" + s[i+len(in):]
}

// spanWithin is as much of s as fits into max units, with "…".
func spanWithin(s bot.Span, max int) string {
	plain := bot.Span{Text: s.Text, Bold: s.Bold, Code: s.Code}
	if out := styled(plain); bot.Length(out) <= max {
		return out
	}
	low, high := 0, bot.Length(s.Text)
	for low < high { // the longest text whose rendering fits
		mid := (low + high + 1) / 2
		plain.Text = cut(s.Text+"…", mid)
		if bot.Length(styled(plain)) <= max {
			low = mid
		} else {
			high = mid - 1
		}
	}
	if low == 0 {
		return ""
	}
	plain.Text = cut(s.Text+"…", low)
	return styled(plain)
}

// linked shows a text that leads to an address. A text that looks like an address itself is not made to lead elsewhere:
// Discord refuses that, and rightly.
func linked(s bot.Span) string {
	url := strings.ReplaceAll(s.URL, `\`, "%5C")
	switch {
	case s.Text == s.URL || s.Text == "":
		return "<" + url + ">"
	case strings.Contains(s.Text, "://"):
		return styled(bot.Span{Text: s.Text, Bold: s.Bold, Code: s.Code}) + " (<" + url + ">)"
	}
	return "[" + styled(bot.Span{Text: s.Text, Bold: s.Bold, Code: s.Code}) + "](<" + url + ">)"
}

// when is a time in the reader's zone and language.
func when(t time.Time) string { return fmt.Sprintf("<t:%d:f>", t.Unix()) }

// hour is a time without its day.
func hour(t time.Time) string { return fmt.Sprintf("<t:%d:t>", t.Unix()) }

// ago is a time with how long ago it was, or is to come.
func ago(t time.Time) string { return fmt.Sprintf("<t:%d:f> (<t:%d:R>)", t.Unix(), t.Unix()) }

// mentioned renders a mention of the configuration.
func mentioned(m string) (string, bool) {
	kind, id, _ := strings.Cut(m, ":")
	if !isSnowflake(id) {
		return "", false
	}
	if kind == "group" {
		return "<@&" + id + ">", true
	}
	return "<@" + id + ">", true
}
