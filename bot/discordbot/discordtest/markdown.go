package discordtest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// reader reads Discord's markdown as the client shows it.
type reader struct {
	d       *Discord
	allowed object   // allowed_mentions; nil: everything pings
	live    []string // what the client acts on, bold and code left out
}

func (p *reader) act(format string, args ...any) {
	p.live = append(p.live, fmt.Sprintf(format, args...))
}

var (
	fence     = regexp.MustCompile("^```(?:([A-Za-z0-9_+\\-.#]+?)\n)?\n*([^\n](?s:.*?))\n*```")
	heading   = regexp.MustCompile(`^(#{1,3})[ \t]+([^\n]+)`)
	subtext   = regexp.MustCompile(`^-#[ \t]+([^\n]+)`)
	item      = regexp.MustCompile(`^[ \t]*(?:[-*]|\d{1,9}\.)[ \t]+\S`)
	quote     = regexp.MustCompile(`^(>>> |> )`)
	maskedURL = regexp.MustCompile(`^\[((?:\\.|[^\[\]\\]|\[[^\[\]]*\])+)\]\(\s*(<)?(https?://[^\s<>]*?)>?(?:\s+"[^"]*")?\s*\)`)
	autoURL   = regexp.MustCompile(`^<(?:[^: >]+:/[^ >]+)>`)
	bareURL   = regexp.MustCompile(`^(?:https?|steam)://[^\s<]+[^<.,:;"'\]\s]`)
	mention   = regexp.MustCompile(`^<(@!?|@&|#)(\d{15,20})>`)
	moment    = regexp.MustCompile(`^<t:(-?\d{1,17})(?::[tTdDfFRsS])?>`)
	emoji     = regexp.MustCompile(`^<a?:(\w+):\d{15,20}>`)
	slashRef  = regexp.MustCompile(`^</([^:>]{1,100}):\d{15,20}>`)
	guildRef  = regexp.MustCompile(`^<(id:[a-z-]+)>`)
)

// read is a whole text.
func (p *reader) read(s string) string {
	if m := heading.FindStringSubmatch(s); m != nil && len(m[0]) == len(strings.TrimRight(s, "\n")) {
		return p.inline(m[2]) // a text that is a heading and nothing else is a title
	}
	return p.blocks(s)
}

// blocks reads a text whose lines may begin blocks.
func (p *reader) blocks(s string) string {
	var out strings.Builder
	start := true // of a line
	from := 0     // of what is still to be read as inline text
	flush := func(to int) {
		out.WriteString(p.inline(s[from:to]))
		from = to
	}
	for i := 0; i < len(s); {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i += 2
			start = false
			continue
		case fence.MatchString(s[i:]):
			m := fence.FindStringSubmatch(s[i:])
			flush(i)
			out.WriteString(m[2])
			i += len(m[0])
			from, start = i, false
			continue
		case s[i] == '`':
			i += max(1, len(codeSpan(s[i:])))
			start = false
			continue
		}
		if start {
			if n, shown, ok := p.line(s[i:]); ok {
				flush(i)
				out.WriteString(shown)
				i += n
				from, start = i, false
				continue
			}
		}
		start = s[i] == '\n'
		i++
	}
	flush(len(s))
	return out.String()
}

// line reads what makes the beginning of a line special; n is how much of it is read.
func (p *reader) line(s string) (n int, shown string, ok bool) {
	if m := quote.FindString(s); m != "" {
		p.act("quote %s", firstLine(s))
		return len(m), "", true
	}
	if m := subtext.FindStringSubmatch(s); m != nil {
		return len(m[0]) - len(m[1]), "", true // small print
	}
	if m := heading.FindStringSubmatch(s); m != nil {
		p.act("heading %s", m[0])
		return len(m[0]) - len(m[2]), "", true
	}
	if item.MatchString(s) {
		p.act("list %s", firstLine(s))
		at := strings.IndexAny(s, "-*0123456789")
		end := at + strings.IndexAny(s[at:], " \t")
		if s[at] == '-' || s[at] == '*' {
			return end + 1, "• ", true
		}
		return end + 1, s[at:end] + " ", true
	}
	return 0, "", false
}

func firstLine(s string) string { l, _, _ := strings.Cut(s, "\n"); return l }

// codeSpan is the code in backticks that s begins with; empty if there is none.
func codeSpan(s string) string {
	n := len(s) - len(strings.TrimLeft(s, "`"))
	if n == 0 {
		return ""
	}
	for i := n; i < len(s); {
		k := strings.IndexByte(s[i:], '`')
		if k < 0 {
			return ""
		}
		i += k
		run := len(s[i:]) - len(strings.TrimLeft(s[i:], "`"))
		if run == n && i > n {
			return s[:i+run]
		}
		i += run
	}
	return ""
}

// inline reads text within a line or several.
func (p *reader) inline(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); {
		n, shown := p.token(s[i:], i > 0 && word0(s[i-1]))
		out.WriteString(shown)
		i += n
	}
	return out.String()
}

func word0(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

// token reads the first thing in s; after says that a letter stands before it.
func (p *reader) token(s string, after bool) (n int, shown string) {
	switch s[0] {
	case '\\':
		if len(s) > 1 && s[1] < 0x80 && !word0(s[1]) && s[1] > ' ' || len(s) > 1 && s[1] == '_' {
			return 2, s[1:2]
		}
	case '`':
		if span := codeSpan(s); span != "" {
			ticks := len(s) - len(strings.TrimLeft(s, "`"))
			return len(span), trimTicks(span[ticks : len(span)-ticks])
		}
		run := len(s) - len(strings.TrimLeft(s, "`"))
		return run, s[:run]
	case '<':
		if n, shown := p.angle(s); n > 0 {
			return n, shown
		}
	case '[':
		if m := maskedURL.FindStringSubmatch(s); m != nil {
			if m[2] == "" {
				p.act("link %s", m[0])
			}
			return len(m[0]), p.inline(m[1])
		}
	case 'h', 's':
		if m := bareURL.FindString(s); m != "" && !after {
			p.act("link %s", m)
			return len(m), m
		}
	case '@':
		for _, all := range []string{"@everyone", "@here"} {
			if strings.HasPrefix(s, all) {
				if p.parses("everyone") {
					p.act("mention %s", all)
				}
				return len(all), all
			}
		}
	}
	if n, shown := p.styled(s, after); n > 0 {
		return n, shown
	}
	return 1, s[:1]
}

// trimTicks takes off the space that keeps a backtick from the delimiter of its code.
func trimTicks(s string) string {
	if t := strings.TrimLeft(s, " "); len(t) < len(s) && strings.HasPrefix(t, "`") {
		s = s[1:]
	}
	if t := strings.TrimRight(s, " "); len(t) < len(s) && strings.HasSuffix(t, "`") {
		s = s[:len(s)-1]
	}
	return s
}

// angle reads what stands in angle brackets.
func (p *reader) angle(s string) (int, string) {
	if m := mention.FindStringSubmatch(s); m != nil {
		return len(m[0]), p.mention(m[1], m[2])
	}
	if m := moment.FindStringSubmatch(s); m != nil {
		if sec, err := strconv.ParseInt(m[1], 10, 64); err == nil {
			return len(m[0]), time.Unix(sec, 0).UTC().Format("2006-01-02 15:04 UTC")
		}
	}
	if m := emoji.FindStringSubmatch(s); m != nil {
		p.act("emoji %s", m[0])
		return len(m[0]), ":" + m[1] + ":"
	}
	if m := slashRef.FindStringSubmatch(s); m != nil {
		p.act("mention %s", m[0])
		return len(m[0]), "/" + m[1]
	}
	if m := guildRef.FindStringSubmatch(s); m != nil {
		p.act("mention %s", m[0])
		return len(m[0]), m[1]
	}
	if m := autoURL.FindString(s); m != "" {
		p.act("link %s", m)
		return len(m), m[1 : len(m)-1]
	}
	return 0, ""
}

// parses says whether allowed_mentions lets all mentions of a kind ping.
func (p *reader) parses(kind string) bool {
	return p.allowed == nil || slices.Contains(texts(p.allowed["parse"]), kind)
}

func (p *reader) mention(sign, id string) string {
	kind, shown := "users", "@unknown-user"
	switch sign {
	case "@&":
		kind, shown = "roles", "@unknown-role"
		for _, r := range p.d.roles {
			if r.id == id {
				shown = "@" + r.name
			}
		}
	case "#":
		kind, shown = "", "#unknown"
		if c := p.d.channels[id]; c != nil {
			shown = "#" + c.Name
		}
	default:
		if u := p.d.users[id]; u != nil {
			shown = "@" + u.name
		}
	}
	if kind == "" || p.parses(kind) || slices.Contains(texts(p.allowed[kind]), id) {
		p.act("mention <%s%s>", sign, id)
	}
	return shown
}

// styles are the delimiters of text in a style, longest first; no name: it is no offence.
func styles() []struct{ mark, name string } {
	return []struct{ mark, name string }{{"||", "spoiler"}, {"**", ""}, {"__", "underline"}, {"~~", "strike"}, {"*", "italics"}, {"_", "italics"}}
}

// styled reads text in a style.
func (p *reader) styled(s string, after bool) (int, string) {
	for _, st := range styles() {
		if !strings.HasPrefix(s, st.mark) || st.mark == "_" && after {
			continue
		}
		end := closing(s, st.mark)
		if end < 0 {
			continue
		}
		inner := s[len(st.mark):end]
		if st.name != "" {
			p.act("%s %s", st.name, s[:end+len(st.mark)])
		}
		return end + len(st.mark), p.inline(inner)
	}
	return 0, ""
}

// closing is where the delimiter that s begins with ends its text; -1: it does not.
func closing(s, mark string) int {
	for i := len(mark); i < len(s); {
		switch {
		case s[i] == '\\':
			i += 2
			continue
		case s[i] == '`':
			i += max(1, len(codeSpan(s[i:])))
			continue
		case !strings.HasPrefix(s[i:], mark):
			i++
			continue
		}
		run := len(s[i:]) - len(strings.TrimLeft(s[i:], mark[:1]))
		fits := run == len(mark) || run > len(mark) && run%2 == len(mark)%2 || len(mark) == 2
		blank := len(mark) == 1 && (strings.HasPrefix(s[1:], " ") && mark == "*" || strings.TrimSpace(s[len(mark):i]) == "")
		letter := mark == "_" && i+1 < len(s) && word0(s[i+1])
		if fits && i > len(mark) && !blank && !letter {
			if len(mark) == 2 && run > 2 {
				i += run - 2
			}
			return i
		}
		i += run
	}
	return -1
}
