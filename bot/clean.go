package bot

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

const urlMax = 2000

// Length is how long s is for a network. They count code points, UTF-16 units or bytes after escaping; UTF-16 units are
// never fewer than code points, and never more than a network that counts bytes allows for by a wide margin.
func Length(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}

// Head is as many graphemes of s as fit into max by Length.
func Head(s string, max int) string {
	end, n, state := 0, 0, -1
	for rest := s; rest != ""; {
		var g string
		g, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if n += Length(g); n > max {
			break
		}
		end += len(g)
	}
	return s[:end]
}

// Shorten cuts s to max by Length, ending in "…", between two graphemes. Of a max below 1 the "…" is left.
func Shorten(s string, max int) string {
	if len(s) <= max || Length(s) <= max {
		return s
	}
	return strings.TrimRight(Head(s, max-1), " \n\t") + "…"
}

// cut is Shorten; max 0 is no limit.
func cut(s string, max int) string {
	if max <= 0 {
		return s
	}
	return Shorten(s, max)
}

// clean makes text from outside harmless: no invalid UTF-8, no control characters but line feed and tab, none that turn
// the writing direction of what follows. What is replaced stays visible.
func clean(s string) string {
	if !strings.ContainsFunc(s, unclean) && utf8.ValidString(s) {
		return s
	}
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case !unclean(r):
			return r
		case r == '\r', r == 0x85, r == 0x2028, r == 0x2029:
			return '\n'
		case r == 0xfeff:
			return -1
		case r < 0x20:
			return 0x2400 + r // its picture: ␀ for NUL
		case r == 0x7f:
			return 0x2421
		}
		return utf8.RuneError
	}, s)
}

func unclean(r rune) bool {
	switch {
	case r == '\n', r == '\t':
		return false
	case r < 0x20, r >= 0x7f && r <= 0x9f, r == 0x2028, r == 0x2029, r == 0xfeff:
		return true
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069: // bidi embeddings, overrides and isolates
		return true
	}
	return r&0xfffe == 0xfffe || r >= 0xfdd0 && r <= 0xfdef // noncharacters
}

// cleanLine is clean for what stands in one line.
func cleanLine(s string) string {
	s = clean(s)
	if strings.ContainsAny(s, "\n\t") {
		s = strings.NewReplacer("\n", " ", "\t", " ").Replace(s)
	}
	return strings.TrimSpace(s)
}

// cleanURL returns u, or "" when it is nothing that a person should be sent to.
func cleanURL(u string) string {
	if u == "" || len(u) > urlMax || strings.ContainsFunc(u, unclean) || strings.ContainsAny(u, " \n\t<>|\"`") {
		return ""
	}
	p, err := url.Parse(u)
	if err != nil || p.Host == "" || p.Scheme != "http" && p.Scheme != "https" {
		return ""
	}
	return u
}

// cleanMention returns m, or "" when it does not look like one of the configuration's.
func cleanMention(m string) string {
	kind, id, _ := strings.Cut(m, ":")
	if kind != "user" && kind != "group" || id == "" || len(id) > 64 || strings.Trim(strings.ToUpper(id), "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-") != "" {
		return ""
	}
	return m
}

func cleanSpans(in []Span) []Span {
	out := make([]Span, 0, len(in))
	for _, s := range in {
		s.Text, s.URL, s.Mention = clean(s.Text), cleanURL(s.URL), cleanMention(s.Mention)
		if s.Text == "" && s.URL != "" {
			s.Text = s.URL
		}
		if s.Text == "" && !s.At.IsZero() {
			s.Text = s.At.UTC().Format("2006-01-02 15:04 UTC")
		}
		if s.Text != "" {
			out = append(out, s)
		}
	}
	return out
}

// cleanForm returns f cleaned; how long its parts may be is for the network to say.
func cleanForm(f *Form) *Form {
	if f == nil {
		return nil
	}
	out := *f
	out.Title, out.Submit, out.Intro = cleanLine(f.Title), cleanLine(f.Submit), Text{cleanSpans(f.Intro.Spans)}
	out.Fields = make([]Input, len(f.Fields))
	for i, in := range f.Fields {
		in.Label, in.Help, in.Error, in.Value = cleanLine(in.Label), cleanLine(in.Help), cleanLine(in.Error), clean(in.Value)
		in.Choices = append([]Choice(nil), in.Choices...)
		for k := range in.Choices {
			in.Choices[k].Label, in.Choices[k].Help = cleanLine(in.Choices[k].Label), cleanLine(in.Choices[k].Help)
		}
		out.Fields[i] = in
	}
	return &out
}
