package slackbot

import (
	"strings"
)

// typed turns text as Slack sends it into what the person typed: references by name, entities as characters. Outside code,
// quotes and blanks that a phone or word processor made typographic are plain again; SQL and file names need that.
func typed(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	for text != "" {
		at := strings.IndexByte(text, '`')
		if at < 0 {
			tidy(&b, text)
			break
		}
		tidy(&b, text[:at])
		text = text[at:]
		mark := "`"
		if strings.HasPrefix(text, "```") {
			mark = "```"
		}
		end := strings.Index(text[len(mark):], mark)
		if end < 0 {
			if mark == "`" { // not a pair: no code
				b.WriteString(mark)
				text = text[1:]
				continue
			}
			refer(&b, text)
			break
		}
		code := text[:end+2*len(mark)]
		refer(&b, code)
		text = text[len(code):]
	}
	return strings.TrimSpace(b.String())
}

// tidy is refer for text outside code.
func tidy(b *strings.Builder, text string) {
	if plainASCII(text) {
		b.WriteString(text)
		return
	}
	var raw strings.Builder
	refer(&raw, text)
	b.WriteString(straight(raw.String()))
}

// plainASCII holds for text in which there is nothing to be changed.
func plainASCII(text string) bool {
	for i := range len(text) {
		if c := text[i]; c >= 0x80 || c == '<' || c == '&' {
			return false
		}
	}
	return true
}

// straight makes typographic quotes and blanks plain.
func straight(text string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '“', '”', '„', '‟':
			return '"'
		case '‘', '’', '‚', '‛':
			return '\''
		case '\u00a0', '\u202f', '\u2007':
			return ' '
		}
		return r
	}, text)
}

// refer resolves references and entities, once each: what comes out is not looked at again.
func refer(b *strings.Builder, text string) {
	for text != "" {
		at := strings.IndexAny(text, "<&")
		if at < 0 {
			b.WriteString(text)
			return
		}
		b.WriteString(text[:at])
		text = text[at:]
		shown, n := entity(text)
		if n == 0 {
			shown, n = reference(text)
		}
		if n == 0 {
			shown, n = text[:1], 1
		}
		b.WriteString(shown)
		text = text[n:]
	}
}

// entity reads an entity that text begins with: the character, and its length in text; 0 when there is none.
func entity(text string) (shown string, n int) {
	switch {
	case strings.HasPrefix(text, "&lt;"):
		return "<", 4
	case strings.HasPrefix(text, "&gt;"):
		return ">", 4
	case strings.HasPrefix(text, "&amp;"):
		return "&", 5
	}
	return "", 0
}

// referenceMax is longer than any reference: an address has at most 3,000 characters.
const referenceMax = 8 << 10

// reference reads a reference such as <@U1|ann> that text begins with: what it shows, and its length; 0 when it is none, as
// in "a < b".
func reference(text string) (shown string, n int) {
	end := strings.IndexByte(text[:min(len(text), referenceMax)], '>')
	if end < 2 || text[0] != '<' {
		return "", 0
	}
	target, label, labelled := strings.Cut(text[1:end], "|")
	if target == "" || strings.ContainsAny(target, " \t\n<\"'") && target[0] != '!' {
		return "", 0
	}
	n = end + 1
	label = unescape(label)
	switch target[0] {
	case '@', '#':
		if !isSlackID(target[1:]) {
			return "", 0
		}
		if target[0] == '@' { // a name tells nobody apart
			return target, n
		}
		return target[:1] + firstOf(label, target[1:]), n
	case '!':
		return special(target[1:], label), n
	}
	scheme, rest, ok := strings.Cut(target, ":")
	if !ok || rest == "" || !isScheme(scheme) {
		return "", 0
	}
	if target = unescape(target); labelled && isShort(target, label) {
		return label, n
	}
	return target, n
}

// special is what <!here>, <!subteam^S1|@ops> and <!date^…|yesterday> show.
func special(target, label string) string {
	if label != "" {
		return label
	}
	what, id, _ := strings.Cut(target, "^")
	if what == "subteam" {
		what = id
	}
	return "@" + what
}

// isShort says that label is what somebody typed whom Slack made a link of: the address without its scheme.
func isShort(target, label string) bool {
	for _, scheme := range []string{"http://", "https://", "mailto:", "tel:"} {
		if target == scheme+label {
			return true
		}
	}
	return false
}

func isScheme(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && c != '+' {
			return false
		}
	}
	return s != ""
}

func isSlackID(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

func unescape(s string) string {
	if !strings.Contains(s, "&") {
		return s
	}
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(s)
}

// plain is a message's text without markup: a single code block alone, else all of it.
func (m message) plain() string {
	text, code := richText(m.Blocks, "")
	if len(code) == 1 {
		return code[0]
	}
	if text != "" {
		return text
	}
	text = m.Text
	for _, a := range m.Attachments {
		if text == "" {
			text = a.Text
		}
	}
	if parts := strings.Split(text, "```"); len(parts) == 3 && strings.TrimSpace(parts[1]) != "" {
		var b strings.Builder
		refer(&b, parts[1])
		return strings.Trim(b.String(), "\n")
	}
	return typed(text)
}

// line is what was said to drey, its own name at the beginning taken away. self is drey's user id; while that is not known,
// a mention at the beginning of what was said to drey by name is taken for it.
func (m message) line(self string, named bool) string {
	if self == "" && named {
		self = anybody
	}
	if text, code := richText(m.Blocks, self); text != "" || len(code) > 0 {
		return text
	}
	text := strings.TrimSpace(m.Text)
	for strings.HasPrefix(text, "<@") {
		end := strings.IndexByte(text, '>')
		if end < 0 {
			break
		}
		id, _, _ := strings.Cut(text[2:end], "|")
		if self != anybody && id != self {
			break
		}
		text = strings.TrimLeft(text[end+1:], " \u00a0,:")
	}
	return typed(text)
}
