package sqltext

import (
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
		if i < 2 || toks[i-1].text != "=" || t.quoted == "" || !secretKey(toks[i-2].quoted+toks[i-2].word) {
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

// secretKey says whether an option of this name holds a secret.
func secretKey(key string) bool {
	k := strings.ToLower(key)
	return slices.ContainsFunc([]string{"password", "passwd", "secret", "token", "credential", "jaas.config", "access-key", "access.key", "private-key", "api-key", "apikey"}, func(s string) bool { return strings.Contains(k, s) })
}
