package prometheus

import (
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// ExprOf takes the expression out of an alert's generatorURL, as Prometheus writes it: …/graph?g0.expr=…. It is empty where
// there is none.
func ExprOf(generatorURL string) string {
	u, err := url.Parse(generatorURL)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(u.Query().Get("g0.expr"))
}

// Split parts the condition of an alert from what it is about: of "rate(x[5m]) > 0.5" it returns "rate(x[5m])" and 0.5. Drawn
// whole, the line of such an expression would be there only while the alert fires. Of several conditions joined by "and" or
// "unless" the first counts. Where no comparison with a number ends the expression it comes back as it is, without limits.
func Split(expr string) (value string, limits []float64) {
	ts := tokens(expr)
	for {
		rest, limit, ok := comparison(firstOperand(unwrapped(ts)))
		if !ok {
			break
		}
		ts, limits = rest, append(limits, limit)
	}
	if len(limits) == 0 {
		return expr, nil
	}
	return expr[ts[0].at : ts[len(ts)-1].at+len(ts[len(ts)-1].text)], limits
}

type token struct {
	text string
	at   int
}

// tokens parts an expression as far as Split needs it: brackets, comparisons, strings, and words, in which numbers and
// durations count too. Comments are passed over.
func tokens(s string) []token {
	var out []token
	for i := 0; i < len(s); {
		n := 1
		switch c := s[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
			continue
		case c == '#':
			for i < len(s) && s[i] != '\n' {
				i++
			}
			continue
		case c == '"' || c == '\'' || c == '`':
			n = quoted(s[i:])
		case strings.IndexByte("=!<>", c) >= 0:
			for i+n < len(s) && n < 2 && (s[i+n] == '=' || s[i+n] == '~') {
				n++
			}
		case wordByte(c):
			for i+n < len(s) && (wordByte(s[i+n]) || exponentSign(s[i:i+n], s[i+n])) {
				n++
			}
		}
		out = append(out, token{s[i : i+n], i})
		i += n
	}
	return out
}

func wordByte(c byte) bool {
	return c == '_' || c == ':' || c == '.' || c >= 0x80 || unicode.IsLetter(rune(c)) || unicode.IsDigit(rune(c))
}

// exponentSign says whether c is the sign in a number such as 1e-3.
func exponentSign(word string, c byte) bool {
	last := word[len(word)-1]
	return (c == '-' || c == '+') && (last == 'e' || last == 'E') && unicode.IsDigit(rune(word[0])) && !strings.HasPrefix(strings.ToLower(word), "0x")
}

// quoted is the length of the string that s begins with, or of all of s when it does not end.
func quoted(s string) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && s[0] != '`':
			i++
		case s[i] == s[0]:
			return i + 1
		}
	}
	return len(s)
}

// closing is the place of the bracket that closes the one at open, or -1.
func closing(ts []token, open int) int {
	depth := 0
	for i := open; i < len(ts); i++ {
		switch ts[i].text {
		case "(", "[", "{":
			depth++
		case ")", "]", "}":
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// unwrapped takes the brackets off that hold everything.
func unwrapped(ts []token) []token {
	for n := len(ts); n > 2 && ts[0].text == "(" && closing(ts, 0) == n-1; n = len(ts) {
		ts = ts[1 : n-1]
	}
	return ts
}

// firstOperand is what stands before the first "and" or "unless" outside of brackets; nil where "or" joins several.
func firstOperand(ts []token) []token {
	end := len(ts)
	for i := 0; i < len(ts); i++ {
		switch strings.ToLower(ts[i].text) {
		case "(", "[", "{":
			c := closing(ts, i)
			if c < 0 {
				return nil
			}
			i = c
		case "or":
			return nil
		case "and", "unless":
			end = min(end, i)
		}
	}
	if end == 0 {
		return nil
	}
	return ts[:end]
}

// comparison takes "> 5" off the end.
func comparison(ts []token) (rest []token, limit float64, ok bool) {
	n := len(ts)
	if n < 3 {
		return nil, 0, false
	}
	v, err := strconv.ParseFloat(ts[n-1].text, 64)
	if err != nil {
		return nil, 0, false
	}
	at := n - 2
	if ts[at].text == "-" || ts[at].text == "+" {
		if ts[at].text == "-" {
			v = -v
		}
		at--
	}
	switch ts[max(at, 0)].text {
	case "==", "!=", "<", ">", "<=", ">=":
		return ts[:at], v, at > 0
	}
	return nil, 0, false
}
