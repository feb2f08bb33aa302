package commands

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is one word of a line. From and To are its place there, quotes included.
type token struct {
	text     string // without quotes
	key      string // of key=value and --key; lower case
	from, to int
	valueAt  int  // where the value begins in the line
	flag     bool // --key without a value of its own
	quoted   bool // (the value) was in quotes
	open     bool // the closing quote is missing
}

// blank holds for what separates words: phones and word processors type more than ASCII blanks.
func blank(r rune) bool {
	return unicode.IsSpace(r) || r == '\u00a0' || r == '\u200b' || r == '\u202f' || r == '\ufeff' || r == '\u2060'
}

func skipBlanks(s string, i int) int {
	for i < len(s) {
		r, n := utf8.DecodeRuneInString(s[i:])
		if !blank(r) {
			break
		}
		i += n
	}
	return i
}

// word returns the end of the run without blanks that begins at i.
func word(s string, i int) int {
	for i < len(s) {
		r, n := utf8.DecodeRuneInString(s[i:])
		if blank(r) {
			break
		}
		i += n
	}
	return i
}

// closers returns which runes close a quote opened by r; empty when r opens none.
func closers(r rune) string {
	switch r {
	case '"', '“', '”', '„', '«':
		return "\"“”»"
	case '\'', '‘', '’':
		return "'’‘"
	case '`':
		return "`"
	}
	return ""
}

// lex reads the token that begins at or after i; ok is false at the end of s.
func lex(s string, i int) (t token, ok bool) {
	i = skipBlanks(s, i)
	if i >= len(s) {
		return token{}, false
	}
	t.from, t.valueAt = i, i
	dashes := dashesAt(s[i:])
	keyEnd := i + dashes + keyLen(s[i+dashes:])
	hasKey := keyEnd > i+dashes
	switch {
	case hasKey && keyEnd < len(s) && s[keyEnd] == '=':
		t.key = strings.ToLower(s[i+dashes : keyEnd])
		t.valueAt = keyEnd + 1
	case hasKey && dashes > 0 && keyEnd == word(s, i):
		t.key, t.flag, t.to, t.valueAt = strings.ToLower(s[i+dashes:keyEnd]), true, keyEnd, keyEnd
		return t, true
	}
	t.text, t.to, t.quoted, t.open = value(s, t.valueAt)
	return t, true
}

// dashesAt is the length of an option's dashes: "--", or the long dash that phones make of it.
func dashesAt(s string) int {
	for _, d := range []string{"--", "—", "–"} {
		if strings.HasPrefix(s, d) {
			return len(d)
		}
	}
	return 0
}

func keyLen(s string) int {
	n := 0
	for n < len(s) {
		c := s[n] | 0x20
		letter := c >= 'a' && c <= 'z'
		if !letter && (n == 0 || s[n] != '-' && s[n] != '_' && (s[n] < '0' || s[n] > '9')) {
			break
		}
		n++
	}
	return n
}

// value reads a value at i: quoted, or up to the next blank. In double quotes a backslash takes the next quote or
// backslash as it is.
func value(s string, i int) (text string, end int, quoted, open bool) {
	r, n := utf8.DecodeRuneInString(s[i:])
	closing := closers(r)
	if i >= len(s) || closing == "" {
		end = word(s, i)
		return s[i:end], end, false, false
	}
	var b strings.Builder
	for j := i + n; j < len(s); {
		r, m := utf8.DecodeRuneInString(s[j:])
		if r == '\\' && closing[0] == '"' && j+m < len(s) {
			next, k := utf8.DecodeRuneInString(s[j+m:])
			if next == '\\' || strings.ContainsRune(closing, next) {
				b.WriteString(s[j+m : j+m+k])
				j += m + k
				continue
			}
		}
		if strings.ContainsRune(closing, r) && r != utf8.RuneError {
			return b.String(), j + m, true, false
		}
		b.WriteString(s[j : j+m])
		j += m
	}
	return b.String(), len(s), true, true
}

// quote writes v so that value reads it back.
func quote(v string) string {
	r, _ := utf8.DecodeRuneInString(v)
	if v != "" && closers(r) == "" && !strings.ContainsFunc(v, blank) {
		return v
	}
	return quoted(v)
}

// quoted is quote, in quotes always.
func quoted(v string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(v); {
		r, n := utf8.DecodeRuneInString(v[i:])
		if r == '\\' || r != utf8.RuneError && strings.ContainsRune(closers('"'), r) {
			b.WriteByte('\\')
		}
		b.WriteString(v[i : i+n])
		i += n
	}
	b.WriteByte('"')
	return b.String()
}

// fence reads a code block that begins at i: its body without the fence and the language's name, and where it ends.
func fence(s string, i int) (body string, end int, ok bool) {
	const mark = "```"
	if !strings.HasPrefix(s[i:], mark) {
		return "", i, false
	}
	inner := s[i+len(mark):]
	end = len(s) // not closed: people forget, and what is meant is clear
	if n := strings.LastIndex(inner, mark); n >= 0 {
		inner, end = inner[:n], i+len(mark)+n+len(mark)
	}
	first, rest, multi := strings.Cut(inner, "\n")
	if lang := strings.TrimSpace(first); multi && !strings.ContainsFunc(lang, blank) && len(lang) <= 16 && keyLen(lang) == len(lang) {
		inner = rest
	} else if len(inner) > 4 && strings.EqualFold(inner[:3], "sql") && blank(rune(inner[3])) {
		inner = inner[4:]
	}
	return strings.TrimFunc(inner, blank), end, true
}
