package diagnosis

import (
	"regexp"
	"strings"
)

// What is masked, in this order. Go's expressions take time linear in the text, whatever it holds.
var (
	quoted = regexp.MustCompile(`(^|[\s(\[{<=:,])('[^']*')|"[^"]*"|` + "`[^`]*`" + `|‘[^’]*’|“[^”]*”|«[^»]*»`)
	// names are what Java's own messages put in quotes: it is the code that is meant, not a value.
	names  = regexp.MustCompile(`^Cannot (?:invoke|read|assign|load|store|throw|enter) `)
	url    = regexp.MustCompile(`\b([A-Za-z][A-Za-z0-9+.:-]*)://[^\s'"<>()\[\]{},;]+`)
	moment = regexp.MustCompile(`\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)?`)
	uuid   = regexp.MustCompile(`\b[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}\b`)
	ipv6   = regexp.MustCompile(`\[?\b(?:[0-9A-Fa-f]{1,4}:){3,7}:?[0-9A-Fa-f]{0,4}\b\]?(?::\d+)?`)
	host   = regexp.MustCompile(`\b[A-Za-z0-9][A-Za-z0-9_.-]*(?:/[0-9.]+)?:\d{2,5}\b`)
	ipv4   = regexp.MustCompile(`(?:\b[A-Za-z0-9_.-]+)?/?\b\d{1,3}(?:\.\d{1,3}){3}\b`)
	path   = regexp.MustCompile(`(^|[\s(\[{<=:,])(?:[A-Za-z]:\\[^\s'"<>()\[\]{},;]+|/[^\s'"<>()\[\]{},;]+)`)
	object = regexp.MustCompile(`@[0-9a-f]{4,16}\b`)
	// code is a number that tells one cause from another.
	code    = regexp.MustCompile(`(?i)\b(?:status|code|sqlstate|errno|errorcode|error code|signal)\b['"]?\s{0,2}[:=(]?\s{0,2}[0-9][0-9A-Za-z]{0,4}\b|\b[A-Z]{2,6}-[0-9]{3,6}\b`)
	token   = regexp.MustCompile(`[0-9A-Za-z][0-9A-Za-z_-]{4,}[0-9A-Za-z]`)
	sign    = regexp.MustCompile(`(^|[\s(\[{<=:,])[-+]([0-9])`)
	number  = regexp.MustCompile(`[0-9]+(?:[.,][0-9]+)*(?:[eE][-+]?[0-9]+\b)?`)
	counted = regexp.MustCompile(`[0-9]+`)
	class   = regexp.MustCompile(`^(?:[a-z_][A-Za-z0-9_]*\.)+[A-Z][A-Za-z0-9_$]*$`)
	blanks  = regexp.MustCompile(`[\s\x{00}-\x{1f}\x{2028}\x{2029}]+`)
)

// keep parts off what no later rule may touch: it is outside of Unicode's letters and never in a message for long.
const (
	keepFrom = "\uE000"
	keepTo   = "\uE001"
)

// mask replaces what differs from one time to the next. Masking what is masked changes nothing.
func mask(s string) string {
	s = strings.NewReplacer(keepFrom, " ", keepTo, " ").Replace(strings.ToValidUTF8(s, " "))
	s = blanks.ReplaceAllString(s, " ")
	if !names.MatchString(s) {
		s = quoted.ReplaceAllStringFunc(s, maskQuoted)
	}
	s = url.ReplaceAllString(s, "${1}:‹url›")
	s = moment.ReplaceAllString(s, "‹time›")
	s = uuid.ReplaceAllString(s, "‹id›")
	s = ipv6.ReplaceAllString(s, "‹address›")
	s = host.ReplaceAllStringFunc(s, maskHost)
	s = ipv4.ReplaceAllString(s, "‹address›")
	s = path.ReplaceAllStringFunc(s, maskPath)
	s = object.ReplaceAllString(s, "@‹id›")
	return strings.TrimSpace(maskNumbers(s))
}

// maskQuoted masks a value in quotes. A class stays: it is what is meant, not what was read.
func maskQuoted(s string) string {
	before := quoted.FindStringSubmatch(s)[1]
	in := strings.Trim(s[len(before):], "'\"`‘’“”«»")
	if class.MatchString(in) {
		return before + in
	}
	return before + "‹text›"
}

// maskHost masks "broker-1.kafka:9092". The line of a source, as in "Orders.java:12", is a number and no address.
func maskHost(s string) string {
	name, _, _ := strings.Cut(s, ":")
	for _, ext := range [...]string{".java", ".scala", ".kt", ".py"} {
		if strings.HasSuffix(name, ext) {
			return s
		}
	}
	if !strings.ContainsAny(name, ".-/0123456789") && name != "localhost" {
		return s // "line:12"
	}
	return "‹address›"
}

// maskPath masks a path but for what ends the sentence.
func maskPath(s string) string {
	at := strings.IndexAny(s, `/\`)
	if at >= 2 && s[at-1] == ':' && s[at] == '\\' {
		at -= 2 // a drive
	}
	end := strings.TrimRight(s, ".:!?")
	if len(end) <= at+1 {
		return s // a lone slash
	}
	return s[:at] + "‹path›" + s[len(end):]
}

// maskNumbers masks numbers, and words that hold so many digits that somebody's program chose them.
func maskNumbers(s string) string {
	s = code.ReplaceAllStringFunc(s, func(c string) string { return keepFrom + c + keepTo })
	var b strings.Builder
	for s != "" {
		plain, rest, found := strings.Cut(s, keepFrom)
		plain = sign.ReplaceAllString(plain, "$1$2")
		plain = token.ReplaceAllStringFunc(plain, maskToken)
		b.WriteString(number.ReplaceAllString(plain, "N"))
		if !found {
			break
		}
		kept, after, _ := strings.Cut(rest, keepTo)
		b.WriteString(kept)
		s = after
	}
	return b.String()
}

func maskToken(w string) string {
	digits, letters, hex := 0, 0, true
	for _, r := range w {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r == '-' || r == '_':
			hex = false
		default:
			letters++
			hex = hex && (r >= 'a' && r <= 'f' || r >= 'A' && r <= 'F')
		}
	}
	switch {
	case letters == 0:
		return w // a number
	case hex && digits > 0, hex && len(w) >= 16, digits >= 4 && digits*5 >= len(w):
		return "‹id›"
	}
	return w
}
