package slacktest

import (
	"regexp"
	"strings"
)

// reader turns mrkdwn into what a person reads, and notes what Slack acts on in it.
type reader struct {
	s    *Slack
	text strings.Builder
	live []string
}

var (
	// What stands in angle brackets.
	bracket = regexp.MustCompile(`<([^<>\n]*)>`)
	// Styles: a sign that does not stand beside a word, with something inside that neither begins nor ends with a space.
	fence  = regexp.MustCompile("(?s)```(.+?)```")
	code   = regexp.MustCompile("`([^`\n]+)`")
	bold   = regexp.MustCompile(`(^|[^\w*])\*([^\s*](?:[^*\n]*[^\s*])?)\*($|[^\w*])`)
	italic = regexp.MustCompile(`(^|[^\w_])_([^\s_](?:[^_\n]*[^\s_])?)_($|[^\w_])`)
	strike = regexp.MustCompile(`(^|[^\w~])~([^\s~](?:[^~\n]*[^\s~])?)~($|[^\w~])`)
	quote  = regexp.MustCompile(`(?m)^(?:>|&gt;) ?`)
	emoji  = regexp.MustCompile(`:[a-z0-9_+'-]*[a-z+][a-z0-9_+'-]*:`)
	bare   = regexp.MustCompile(`https?://[^\s<>|]+`)
	loose  = regexp.MustCompile(`(^|\W)(@(?:here|channel|everyone))\b`)
	hash   = regexp.MustCompile(`(^|\W)#([a-z0-9_-]+)`)
	// The name of a field in bold, alone on its first line.
	fieldName = regexp.MustCompile(`^\*[^*\n]+\*(?:\n|$)`)
)

// read takes mrkdwn. With verbatim nothing becomes a link or a mention but what stands in angle brackets.
func (r *reader) read(src string, verbatim bool) {
	for {
		m := fence.FindStringSubmatchIndex(src)
		if m == nil {
			break
		}
		r.lines(src[:m[0]], verbatim)
		r.live = append(r.live, src[m[0]:m[1]])
		r.raw(src[m[2]:m[3]])
		src = src[m[1]:]
	}
	r.lines(src, verbatim)
}

// lines takes mrkdwn without fences.
func (r *reader) lines(src string, verbatim bool) {
	src = quote.ReplaceAllStringFunc(src, func(q string) string {
		r.live = append(r.live, "quote "+q)
		return ""
	})
	for {
		m := code.FindStringSubmatchIndex(src)
		if m == nil {
			break
		}
		r.styled(src[:m[0]], verbatim)
		r.live = append(r.live, src[m[0]:m[1]])
		r.raw(src[m[2]:m[3]])
		src = src[m[1]:]
	}
	r.styled(src, verbatim)
}

// styled takes mrkdwn without code.
func (r *reader) styled(src string, verbatim bool) {
	outside := bracket.ReplaceAllString(src, "")
	r.live = append(r.live, emoji.FindAllString(outside, -1)...)
	if !verbatim {
		r.live = append(r.live, bare.FindAllString(outside, -1)...)
		for _, m := range loose.FindAllStringSubmatch(outside, -1) {
			r.live = append(r.live, m[2])
		}
		for _, m := range hash.FindAllStringSubmatch(outside, -1) {
			if r.s.byName('#', m[2]) != "" {
				r.live = append(r.live, "#"+m[2])
			}
		}
	}
	for _, style := range []*regexp.Regexp{bold, italic, strike} {
		for {
			m := style.FindStringSubmatchIndex(src)
			if m == nil {
				break
			}
			r.live = append(r.live, src[m[3]:m[6]])
			src = src[:m[3]] + src[m[4]:m[5]] + src[m[6]:]
		}
	}
	r.raw(src)
}

// raw takes text in which only angle brackets and escapes count.
func (r *reader) raw(src string) {
	for {
		m := bracket.FindStringSubmatchIndex(src)
		if m == nil {
			break
		}
		r.text.WriteString(unescape(src[:m[0]]))
		r.text.WriteString(r.bracketed(src[m[0]:m[1]], src[m[2]:m[3]]))
		src = src[m[1]:]
	}
	r.text.WriteString(unescape(src))
}

// bracketed is what a person sees of <inside>.
func (r *reader) bracketed(whole, inside string) string {
	target, label, labeled := strings.Cut(inside, "|")
	if strings.HasPrefix(target, "!date^") {
		if parts := strings.Split(target, "^"); len(parts) > 3 {
			r.live = append(r.live, whole)
		}
		return unescape(label)
	}
	r.live = append(r.live, whole)
	switch {
	case strings.HasPrefix(target, "@"):
		return "@" + r.s.named(target[1:])
	case strings.HasPrefix(target, "#"):
		if c := r.s.channels[target[1:]]; c != nil {
			return "#" + c.Name
		}
	case strings.HasPrefix(target, "!subteam^"):
		if g := r.s.people.groups[strings.TrimPrefix(target, "!subteam^")]; g != nil {
			return "@" + g.handle
		}
	case strings.HasPrefix(target, "!"):
		return "@" + strings.TrimPrefix(target, "!")
	}
	if labeled {
		return unescape(label)
	}
	return unescape(target)
}

func unescape(s string) string {
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(s)
}

// escape is how Slack writes what a person typed.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
