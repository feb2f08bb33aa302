package commands

import (
	"regexp"
	"strings"
)

var (
	anyURL    = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*://[^\s"'<>]*`)
	authWords = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{6,}`)
	keyed     = regexp.MustCompile(`(?i)([a-z0-9_.-]*(?:token|passw(?:or)?d|pwd|secret|api[_-]?key|access[_-]?key|authorization|credentials?)["']?\s*[:=]\s*["']?)(?:[^\s"',;&()]*[:=]\s+)*[^\s"',;&()]+`)
	tokens    = regexp.MustCompile(`\bxox[a-z]-[A-Za-z0-9-]+|\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?|\bAKIA[A-Z0-9]{12,}|[A-Za-z0-9_+/-]{40,}={0,2}`)
	ipv4      = regexp.MustCompile(`\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b`)
	ipv6      = regexp.MustCompile(`\[[0-9a-fA-F:.%]*:[0-9a-fA-F:.%]*\](?::\d{1,5})?|\b[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{0,4}){3,7}`)
	hostPort  = regexp.MustCompile(`\b[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?:\d{2,5}\b`)
	hostName  = regexp.MustCompile(`(?i)\b(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:local|internal|intern|svc|lan|corp|com|net|io|dev|cloud|example)\b`)
	source    = regexp.MustCompile(`\.(?:java|scala|kt|py|go):\d+$`)
	instant   = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$`)
	letters   = regexp.MustCompile(`[A-Za-z]`)
	digits    = regexp.MustCompile(`[0-9]`)
	// secretWord is what makes keyed worth its price.
	secretWord = regexp.MustCompile(`(?i)token|passw|pwd|secret|key|authorization|credential`)
	frame      = regexp.MustCompile(`^\s*at [A-Za-z0-9_$.<>/]+\((?:[A-Za-z0-9_$]+\.(?:java|scala|kt):\d+|Native Method|Unknown Source)\)\s*$`)
	// option is keyed for what SQL quotes: 'password' = 'it''s two words'. What is cut off ends with the text.
	option   = regexp.MustCompile(`(?is)((?:passw(?:or)?d|pwd|secret|token|credential|jaas\.config|(?:api|access|private)[-_.]?key)[\w.-]*['"` + "`" + `]?\s*=\s*)'(?:[^']|'')*(?:'|$)`)
	userInfo = regexp.MustCompile(`//[^/\s@]*@`)
)

// redactMax is how much of a text Redact reads; the rest is cut.
const redactMax = 256 << 10

// Redact takes out of a text what must not be shown in a chat: addresses, hosts and secrets. It is the net below the
// errors that are meant for people, not the means to make others fit.
func Redact(s string) string {
	if s = clip(s, redactMax); secretWord.MatchString(s) { // a value may go over lines
		s = option.ReplaceAllString(s, "${1}'***'")
	}
	lines := strings.SplitAfter(s, "\n")
	for i, line := range lines {
		if !frame.MatchString(line) { // most of a long text is stack frames
			lines[i] = redactLine(line)
		}
	}
	return strings.Join(lines, "")
}

func redactLine(s string) string {
	s = hideSecrets(s)
	if strings.Contains(s, "://") {
		s = anyURL.ReplaceAllStringFunc(s, address)
	}
	s = tokens.ReplaceAllStringFunc(s, token40)
	if !strings.ContainsAny(s, ":.") {
		return s
	}
	s = ipv6.ReplaceAllString(s, "a host")
	s = ipv4.ReplaceAllString(s, "a host")
	s = hostPort.ReplaceAllStringFunc(s, func(m string) string {
		if source.MatchString(m) || instant.MatchString(m) || !letters.MatchString(m) {
			return m // Foo.java:12, 2026-12-24T18:00, 10:45
		}
		return "a host"
	})
	return hostName.ReplaceAllString(s, "a host")
}

// hideSecrets takes out what is named as a secret, such as 'password' = 'x' in the options of a table, and the user part of
// addresses; the rest of what a person wrote stays.
func hideSecrets(s string) string {
	s = authWords.ReplaceAllString(s, "${1} ***")
	if secretWord.MatchString(s) {
		s = option.ReplaceAllString(s, "${1}'***'")
		s = keyed.ReplaceAllString(s, "${1}***")
	}
	return userInfo.ReplaceAllString(s, "//***@")
}

// address keeps of a URL only the paths of stores that people know as names, s3://bucket/savepoint-1 or file:///dir.
func address(u string) string {
	scheme, rest, _ := strings.Cut(u, "://")
	rest, _, _ = strings.Cut(rest, "?")
	host, _, _ := strings.Cut(rest, "/")
	switch strings.ToLower(scheme) {
	case "s3", "s3a", "s3p", "gs", "oss", "abfs", "abfss", "wasb", "wasbs", "file":
		if !userInfo.MatchString("//"+host) && !strings.ContainsAny(host, ":@") {
			return scheme + "://" + rest
		}
	}
	return "an address"
}

// token40 hides long runs that no name looks like: with letters and digits, and not a path.
func token40(s string) string {
	if strings.HasPrefix(s, "xox") || strings.HasPrefix(s, "eyJ") || strings.HasPrefix(s, "AKIA") {
		return "***"
	}
	if strings.Contains(s, "/") || !letters.MatchString(s) || !digits.MatchString(s) {
		return s
	}
	return "***"
}
