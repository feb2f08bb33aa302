package commands

import (
	"fmt"
	"slices"
	"strings"

	"github.com/drey-ops/drey/bot"
)

// UsageError says that a call is not put right: what is wrong with which parameter, and how the command is used.
type UsageError struct {
	Param   string // empty: the line as a whole
	Msg     string // goes on after Param: "must be a whole number, not "x""
	Usage   string // "/flink scale JOB N"; empty when the command is not known
	Example string
	Path    string   // of the command; empty when not known
	Near    []string // what was perhaps meant: whole lines for commands, else values or keys
}

func (e *UsageError) Error() string {
	s := e.Msg
	if e.Param != "" {
		s = e.Param + " " + e.Msg
	}
	if e.Usage != "" {
		s += "; usage: " + e.Usage
	}
	return s
}

func (e *UsageError) message() bot.Message {
	m := bot.Message{Title: "That is not quite a command", Tone: bot.Warn, Private: true}
	text := bot.Textf("%s.", upperFirst(e.Msg))
	if e.Param != "" {
		text = bot.Textf("**%s** %s.", e.Param, e.Msg)
	}
	m.Blocks = append(m.Blocks, text)
	var buttons bot.Actions
	for _, n := range e.Near {
		if e.Path == "" {
			buttons = append(buttons, bot.Button{Label: clip(RedactTyped(n), 60), Call: bot.Call{Line: n, Secret: hasSecret(n)}})
		}
	}
	if len(e.Near) > 0 && e.Path != "" {
		m.Blocks = append(m.Blocks, bot.Textf("Did you mean %v?", codes(e.Near, " or ")))
	}
	if e.Usage != "" {
		m.Blocks = append(m.Blocks, bot.Fields{
			bot.F("Usage", bot.Span{Text: e.Usage, Code: true}), bot.F("Example", bot.Span{Text: e.Example, Code: true}),
		})
	}
	if len(buttons) > 0 {
		m.Blocks = append(m.Blocks, bot.Textf("Did you mean:"), buttons)
	}
	if e.Path == "" {
		m.Blocks = append(m.Blocks, bot.Notef("All commands: `/drey help`"))
	}
	return m
}

func codes(ss []string, sep string) bot.Span {
	return bot.Span{Text: strings.Join(ss, sep), Code: true}
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func (c *Command) usage(param, msg string, near []string) *UsageError {
	e := &UsageError{Param: param, Msg: msg, Usage: c.Usage(), Path: c.Path, Near: near}
	if len(c.Examples) > 0 {
		e.Example = c.Examples[0]
	}
	return e
}

func (c *Command) unknownKey(key string) *UsageError {
	names := c.paramNames()
	if len(names) == 0 {
		return c.usage("", fmt.Sprintf("%q was not expected: the command takes nothing more", clip(key, 40)), nil)
	}
	return c.usage("", fmt.Sprintf("there is no parameter %q, only %s", clip(key, 40), strings.Join(names, ", ")), Nearest(key, names, 1))
}

func (c *Command) paramNames() []string {
	var names []string
	for _, p := range c.params {
		if !p.hidden {
			names = append(names, p.name)
		}
	}
	return names
}

// Usage is how the command is typed: "/flink savepoint JOB [dir=…]".
func (c *Command) Usage() string {
	parts := []string{"/" + c.Path}
	first := true // of those that may be left out: it is mostly typed bare
	for i := range c.params {
		p := &c.params[i]
		up := strings.ToUpper(p.name)
		if p.rest || p.kind == kindList {
			up += "…"
		}
		switch {
		case p.hidden:
		case p.required():
			parts = append(parts, up)
		case p.kind == kindBool:
			parts = append(parts, "["+p.name+"]")
		case p.rest || p.kind == kindList:
			parts = append(parts, "["+up+"]")
		case first && c.positional(p):
			parts, first = append(parts, "["+up+"]"), false
		default:
			parts = append(parts, "["+p.name+"=…]")
		}
	}
	return strings.Join(parts, " ")
}

// Nearest returns up to max candidates that resemble word, the nearest first: by letters to change, swap, add or leave
// out, or because one begins with the other.
func Nearest(word string, candidates []string, max int) []string {
	type scored struct {
		text string
		d    int
	}
	word = strings.ToLower(clip(word, 64))
	var all []scored
	for _, c := range candidates {
		low := strings.ToLower(c)
		d := distance(word, low)
		if len(word) >= 2 && (strings.HasPrefix(low, word) || strings.HasPrefix(word, low)) {
			d = min(d, 1)
		}
		if d <= 1+len(word)/4 {
			all = append(all, scored{c, d})
		}
	}
	slices.SortStableFunc(all, func(a, b scored) int { return a.d - b.d })
	var out []string
	for i := 0; i < len(all) && i < max; i++ {
		out = append(out, all[i].text)
	}
	return out
}

// distance is optimal string alignment: a swap of two neighbours, the commonest slip, counts one.
func distance(a, b string) int {
	prev, row := make([]int, len(b)+1), make([]int, len(b)+1)
	var older []int
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		older, prev, row = prev, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], older[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
