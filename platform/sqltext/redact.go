package sqltext

import (
	"regexp"
	"slices"
	"strings"
)

// Redact replaces the values of options that hold secrets ('password' = '…') with ***, for display and records. A text
// that cannot be scanned is kept up to the place where scanning stops.
func Redact(script string) string {
	toks, err := scan(script)
	var b strings.Builder
	from := 0
	for i, t := range toks {
		if t.quoted == "" || !SecretKey(optionOf(script, toks, i)) {
			continue
		}
		b.WriteString(script[from:t.at])
		b.WriteString("'***'")
		from = t.end
	}
	if err != nil && len(toks) > 0 {
		return b.String() + script[from:toks[len(toks)-1].end] + " …"
	}
	return b.String() + script[from:]
}

// secretInside are the ways to write a secret into the value of an option of any name: an address with a user part, and
// NAME=VALUE, as in the options of a JDBC address.
var secretInside = regexp.MustCompile(`(?i)//[^/\s@]+:[^/\s@]*@|(?:passw(?:or)?d|pwd|secret|token|credentials?|api[_-]?key|access[_-]?key)\s*=\s*[^\s=]`)

// HasSecret says whether a script seems to hold a secret: Redact would hide something, or the value of an option holds a
// password of its own. Of a text that cannot be scanned the rest counts as one when it speaks of one at all.
func HasSecret(script string) bool {
	toks, err := scan(script)
	for i, t := range toks {
		if t.quoted != "" && (SecretKey(optionOf(script, toks, i)) || secretInside.MatchString(t.quoted)) {
			return true
		}
	}
	if err == nil {
		return false
	}
	end := 0
	if len(toks) > 0 {
		end = toks[len(toks)-1].end
	}
	return SecretKey(script[end:]) || len(toks) > 0 && SecretKey(optionOf(script, append(toks, token{}), len(toks)))
}

// optionOf is the name of the option whose value the token i is, or empty: 'name', or a dotted name without quotes.
func optionOf(script string, toks []token, i int) string {
	if i < 2 || toks[i-1].text != "=" {
		return ""
	}
	end := i - 2
	first := end
	for toks[end].quoted == "" && first > 0 && toks[first-1].end == toks[first].at && toks[first-1].quoted == "" {
		first--
	}
	return script[toks[first].at:toks[end].end]
}

// SecretKey says whether an option of this name holds a secret.
func SecretKey(key string) bool {
	k := strings.ToLower(key)
	return slices.ContainsFunc([]string{"password", "passwd", "secret", "token", "credential", "jaas.config", "access-key", "access.key", "private-key", "api-key", "apikey"}, func(s string) bool { return strings.Contains(k, s) })
}
