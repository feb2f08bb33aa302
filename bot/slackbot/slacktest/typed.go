package slacktest

import (
	"regexp"
	"strings"
)

// typedPart is what a client recognises in a typed message: fences, mentions, links.
var (
	typedFence = regexp.MustCompile("(?s)```(?:[a-zA-Z]*\n)?(.*?)\n?```")
	typedPart  = regexp.MustCompile(`<@([A-Z0-9]+)>|https?://[^\s<>]+`)
)

// written is the text of a typed message as an event holds it: escaped but for the mentions, links in angle brackets.
func (s *Slack) written(typed string) string {
	var b strings.Builder
	for {
		m := typedPart.FindStringIndex(typed)
		if m == nil {
			break
		}
		b.WriteString(escape(typed[:m[0]]))
		if part := typed[m[0]:m[1]]; strings.HasPrefix(part, "<@") {
			b.WriteString(part)
		} else {
			b.WriteString("<" + escape(part) + ">")
		}
		typed = typed[m[1]:]
	}
	b.WriteString(escape(typed))
	return b.String()
}

// rich is what the client makes of a typed message: sections, and preformatted blocks for fences.
func (s *Slack) rich(typed string) []any {
	var out []any
	section := func(t string) {
		if t = strings.Trim(t, "\n"); t != "" {
			out = append(out, object{"type": "rich_text_section", "elements": typedSpans(t)})
		}
	}
	for {
		m := typedFence.FindStringSubmatchIndex(typed)
		if m == nil {
			break
		}
		section(typed[:m[0]])
		body := typed[m[2]:m[3]]
		out = append(out, object{"type": "rich_text_preformatted", "elements": []any{object{"type": "text", "text": body}}, "border": 0})
		typed = typed[m[1]:]
	}
	section(typed)
	return out
}

func typedSpans(t string) []any {
	var out []any
	words := func(s string) {
		if s != "" {
			out = append(out, object{"type": "text", "text": s})
		}
	}
	for {
		m := typedPart.FindStringSubmatchIndex(t)
		if m == nil {
			break
		}
		words(t[:m[0]])
		if m[2] >= 0 {
			out = append(out, object{"type": "user", "user_id": t[m[2]:m[3]]})
		} else {
			out = append(out, object{"type": "link", "url": t[m[0]:m[1]]})
		}
		t = t[m[1]:]
	}
	words(t)
	return out
}
