// Package sqltext cuts Flink SQL scripts into statements and says of each what it does and what right it needs. It is
// pure and knows no cluster; the cluster has the last word on what is valid.
package sqltext

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind is what a statement does.
type Kind uint8

// The kinds of statement.
const (
	Look    Kind = iota // SHOW, DESCRIBE, EXPLAIN, HELP: answers at once
	Query               // SELECT, WITH, VALUES, EXECUTE SELECT: a job whose rows are shown, cancelled after
	Setting             // SET, RESET, USE: holds for the statements after it
	Define              // CREATE, ALTER, DROP …: changes the catalog
	Write               // INSERT, EXECUTE STATEMENT SET, CREATE TABLE AS …: a job that stays
	Other               // anything else: passed on
)

// Need is the right that a statement needs; the larger includes no other, each is its own permission.
type Need uint8

// The rights, in rising order of danger.
const (
	Read   Need = iota // sql.read
	Change             // sql.write
	Code               // sql.code: runs code, or reads files of the cluster's machines
)

// Permission is the name of the right in policies.
func (n Need) Permission() string { return [...]string{"sql.read", "sql.write", "sql.code"}[n] }

// Statement is one statement without its semicolon.
type Statement struct {
	Text string
	Line int // of its first token, from 1
	Col  int // of its first token in that line, from 1
	Kind Kind
	Need Need
	Why  string // for Code: what makes it dangerous, in words
}

// Verb is the leading keyword, for people: "INSERT".
func (s Statement) Verb() string {
	for _, t := range tokens(s.Text) {
		if t.word != "" {
			return t.word
		}
	}
	return ""
}

// Split cuts a script at its semicolons, not at those in strings, names and comments, and keeps statement sets whole.
// An unclosed string, name, comment or statement set is an error that names its line.
func Split(script string) ([]Statement, error) {
	var out []Statement
	toks, err := scan(script)
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(toks); {
		end, stop := extent(toks[i:])
		if stop < 0 {
			return nil, fmt.Errorf("line %d: the statement set has no END", toks[i].line)
		}
		part := toks[i : i+end]
		i += stop
		if len(part) == 0 {
			continue
		}
		from, to := part[0].at, part[len(part)-1].end
		s := Statement{Text: script[from:to], Line: part[0].line, Col: column(script, from)}
		if isBegin(part) { // BEGIN STATEMENT SET; …; END is told to the cluster as one statement
			body := script[part[3].at:to]
			s.Text = "EXECUTE STATEMENT SET BEGIN " + strings.TrimLeft(strings.TrimPrefix(body, ";"), " \t\r\n")
		}
		s.classify(part)
		out = append(out, s)
	}
	return out, nil
}

// column counts the characters from the start of the line to at, from 1.
func column(s string, at int) int {
	return utf8.RuneCountInString(s[strings.LastIndexByte(s[:at], '\n')+1:at]) + 1
}

func isBegin(ts []token) bool { return words(ts, "BEGIN", "STATEMENT", "SET") && len(ts) > 3 }

// extent returns how many tokens the first statement has, and where the next begins; stop is -1 when a set stays open.
func extent(ts []token) (end, stop int) {
	set := words(ts, "BEGIN", "STATEMENT", "SET") || words(ts, "EXECUTE", "STATEMENT", "SET") || words(ts, "STATEMENT", "SET", "BEGIN")
	explain := words(ts, "EXPLAIN")
	fresh := false // at the start of a statement within the set
	for i, t := range ts {
		if explain && t.word == "STATEMENT" && i+2 < len(ts) && ts[i+1].word == "SET" {
			set = true
		}
		if set && fresh && t.word == "END" {
			if i+1 < len(ts) && ts[i+1].text == ";" {
				return i + 1, i + 2
			}
			return i + 1, i + 1
		}
		if t.text == ";" && !set {
			return i, i + 1
		}
		fresh = t.text == ";"
	}
	if set {
		return 0, -1
	}
	return len(ts), len(ts)
}

// token is a word, a quoted thing or a sign; comments leave none.
type token struct {
	at, end, line int
	word          string // upper case; empty for signs and quoted things
	text          string // signs
	quoted        string // the content of a string or name
	name          bool   // quoted by backquotes
}

func tokens(s string) []token {
	ts, _ := scan(s)
	return ts
}

// words says whether ts begins with these words.
func words(ts []token, want ...string) bool {
	if len(ts) < len(want) {
		return false
	}
	for i, w := range want {
		if ts[i].word != w {
			return false
		}
	}
	return true
}

func scan(s string) ([]token, error) {
	var out []token
	line := 1
	for i := 0; i < len(s); {
		c := s[i]
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case unicode.IsSpace(r): // the non-breaking ones too: chats paste them
			line += strings.Count(s[i:i+1], "\n")
			i += size
		case strings.HasPrefix(s[i:], "--"):
			n := strings.IndexByte(s[i:], '\n')
			if n < 0 {
				return out, nil
			}
			i += n
		case strings.HasPrefix(s[i:], "/*") && !strings.HasPrefix(s[i:], "/*+"):
			n := strings.Index(s[i+2:], "*/")
			if n < 0 {
				return out, fmt.Errorf("line %d: the comment is not closed", line)
			}
			line += strings.Count(s[i:i+2+n], "\n")
			i += n + 4
		case c == '\'' || c == '`' || c == '"':
			t, err := quoted(s, i, line)
			if err != nil {
				return out, err
			}
			line += strings.Count(s[t.at:t.end], "\n")
			out, i = append(out, t), t.end
		case isWord(r):
			n := strings.IndexFunc(s[i:], func(r rune) bool { return !isWord(r) })
			if n < 0 {
				n = len(s) - i
			}
			j := i + n
			out = append(out, token{at: i, end: j, line: line, word: strings.ToUpper(s[i:j])})
			i = j
		default:
			out = append(out, token{at: i, end: i + size, line: line, text: s[i : i+size]})
			i += size
		}
	}
	return out, nil
}

func isWord(r rune) bool { return r == '_' || r == '$' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// quoted reads a string or quoted name; a doubled quote stands for itself.
func quoted(s string, i, line int) (token, error) {
	q := s[i]
	var b strings.Builder
	for j := i + 1; j < len(s); j++ {
		if s[j] != q {
			b.WriteByte(s[j])
			continue
		}
		if j+1 < len(s) && s[j+1] == q {
			b.WriteByte(q)
			j++
			continue
		}
		return token{at: i, end: j + 1, line: line, quoted: b.String(), name: q == '`'}, nil
	}
	what := "string"
	if q == '`' {
		what = "quoted name"
	}
	return token{}, fmt.Errorf("line %d: the %s is not closed", line, what)
}

// classify sets Kind and Need from the leading words.
func (s *Statement) classify(ts []token) {
	for len(ts) > 0 && ts[0].text == "(" {
		ts = ts[1:]
	}
	s.Kind, s.Need = Other, Code
	if len(ts) == 0 || ts[0].word == "" {
		s.Need, s.Why = Change, ""
		return
	}
	switch w := ts[0].word; {
	case slices.Contains([]string{"SHOW", "DESC", "DESCRIBE", "EXPLAIN"}, w):
		s.Kind, s.Need = Look, Read
	case w == "SELECT" || w == "WITH" || w == "VALUES" || words(ts, "EXECUTE", "SELECT") || words(ts, "TABLE"):
		s.Kind, s.Need = Query, Read
	case w == "USE":
		s.Kind, s.Need = Setting, Read
	case w == "SET" || w == "RESET":
		s.Kind, s.Need = Setting, Read
		s.setting(ts)
	case w == "INSERT" || words(ts, "EXECUTE", "STATEMENT") || words(ts, "STATEMENT", "SET") || isBegin(ts):
		s.Kind, s.Need = Write, Change
	case w == "CREATE" || w == "ALTER" || w == "DROP":
		s.Kind, s.Need = Define, Change
		s.definition(ts)
	case w == "ANALYZE" || w == "TRUNCATE" || w == "DELETE" || w == "UPDATE":
		s.Kind, s.Need = Write, Change
	default:
		s.Why = w + " can run code or reach beyond the tables"
	}
	if s.Kind == Write && s.Need < Code {
		s.files(ts)
	}
}

// setting marks settings that load code or leave the cluster.
func (s *Statement) setting(ts []token) {
	for _, t := range ts {
		k := strings.ToLower(t.quoted)
		for _, p := range []string{"pipeline.jars", "pipeline.classpaths", "$internal", "execution.target", "rest.", "jobmanager.", "python.", "env.java", "security.", "kubernetes.", "yarn."} {
			if strings.HasPrefix(k, p) {
				s.Need, s.Why = Code, "the setting "+k+" loads code or changes where jobs run"
				return
			}
		}
	}
}

// definition marks functions, catalogs and tables that reach code or files; CREATE TABLE AS is a job.
func (s *Statement) definition(ts []token) {
	for i, t := range ts {
		switch t.word {
		case "FUNCTION":
			s.Need, s.Why = Code, "a function runs code in the cluster"
		case "CATALOG":
			s.Need, s.Why = Code, "a catalog opens other systems with the cluster's rights"
		case "AS":
			if ts[0].word == "CREATE" && i+1 < len(ts) && (ts[i+1].word == "SELECT" || ts[i+1].word == "WITH" || ts[i+1].text == "(") && slices.ContainsFunc(ts[:i], func(t token) bool { return t.word == "TABLE" }) && ts[1].word != "VIEW" && ts[1].word != "TEMPORARY" && !columnExpr(ts[:i]) {
				s.Kind = Write
			}
		case "VIEW":
			s.files(ts)
			return
		}
	}
	s.files(ts)
}

// columnExpr says whether an AS at the end of ts stands within a column list: its parentheses are open.
func columnExpr(ts []token) bool {
	depth := 0
	for _, t := range ts {
		switch t.text {
		case "(":
			depth++
		case ")":
			depth--
		}
	}
	return depth > 0
}

// files marks connectors that read or write files where the cluster runs.
func (s *Statement) files(ts []token) {
	for i, t := range ts {
		if strings.EqualFold(t.quoted, "connector") && i+2 < len(ts) && ts[i+1].text == "=" && strings.EqualFold(ts[i+2].quoted, "filesystem") {
			s.Need, s.Why = Code, "the filesystem connector reads and writes files where the cluster runs"
			return
		}
	}
}

// JobName proposes a name for the job that a Write statement starts: the table it writes to.
func JobName(s Statement) string {
	ts := tokens(s.Text)
	for i, t := range ts {
		if (t.word == "INTO" || t.word == "OVERWRITE" || (t.word == "TABLE" && ts[0].word == "CREATE")) && i+1 < len(ts) {
			return nameAt(ts[i+1:])
		}
	}
	return ""
}

// nameAt reads a dotted name and returns its last part.
func nameAt(ts []token) string {
	name := ""
	for i, t := range ts {
		switch {
		case i%2 == 1 && t.text == ".":
			continue
		case i%2 == 1:
			return name
		case t.quoted != "":
			name = t.quoted
		case t.word == "IF" || t.word == "TABLE":
			return ""
		default:
			name = strings.ToLower(t.word)
		}
	}
	return name
}
