package platform

import (
	"regexp"
	"strings"
)

// What must not reach a chat: web addresses, logins inside any address, numeric hosts, tokens. Storage paths such as
// s3://bucket/path stay: a person needs them.
var (
	webAddress = regexp.MustCompile(`(?i)\b(?:https?|wss?)://[^\s"'<>\x60)\]]+`)
	login      = regexp.MustCompile(`(://)[^/\s:@"']+(?::[^/\s@"']*)?@`)
	numHost    = regexp.MustCompile(`(?:\b[A-Za-z0-9.-]+)?/?\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?::\d+)?\b|\blocalhost:\d+\b`)
	// option is an option of a statement, 'password' = 'it''s', as errors quote it; what is cut off ends with the text.
	option = regexp.MustCompile(`(?is)((?:passw(?:or)?d|secret|token|credential|jaas\.config|(?:api|access|private)[-_.]?key)[\w.-]*['"` + "`" + `]?\s*=\s*)'(?:[^']|'')*(?:'|$)`)
	token  = regexp.MustCompile(`(?i)\b(bearer|basic|token|password|secret)(\s*[=:]\s*|\s+)["']?[A-Za-z0-9+/_.~=-]{8,}["']?`)
)

// Redact takes out of a text what should not leave drey: web addresses, logins, numeric hosts and tokens.
func Redact(s string) string {
	s = webAddress.ReplaceAllString(s, "(address)")
	s = login.ReplaceAllString(s, "${1}***@")
	s = numHost.ReplaceAllString(s, "(host)")
	s = option.ReplaceAllString(s, "${1}'***'")
	return token.ReplaceAllString(s, "${1}${2}***")
}

// reworded prints other words than the error that it holds.
type reworded struct {
	words string
	err   error
}

func (r reworded) Error() string { return r.words }
func (r reworded) Unwrap() error { return r.err }

// clean returns err, or where its text is not fit for people the same error in one redacted line.
func clean(err error) error {
	was := err.Error()
	words := Redact(strings.Join(strings.Fields(was), " "))
	if words == was {
		return err
	}
	return reworded{words, err}
}
