package commands

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/drey-ops/drey/bot"
)

// LineMax is the longest line that Parse reads, in bytes.
const LineMax = 64 << 10

// Parse reads a typed line: the command and its arguments, which are right by themselves. Its errors are *UsageError.
func (t Tree) Parse(line string) (*Command, bot.Call, error) {
	c, g, err := t.parse(line)
	if err != nil {
		return nil, bot.Call{}, err
	}
	args, err := c.decode(g)
	if err != nil {
		return nil, bot.Call{}, err
	}
	return c, bot.Call{Path: c.Path, Args: Encode(args), Line: line}, nil
}

// parse finds the command and its arguments as text.
func (t Tree) parse(line string) (*Command, given, error) {
	switch {
	case len(line) > LineMax:
		return nil, nil, &UsageError{Msg: fmt.Sprintf("the line has %d bytes, at most %d are read", len(line), LineMax)}
	case !utf8.ValidString(line):
		return nil, nil, &UsageError{Msg: "the line is not valid text"}
	}
	c, at := t.head(line)
	if c == nil {
		return nil, nil, t.unknown(line)
	}
	g, err := c.parseArgs(line, at)
	return c, g, err
}

// start is where the command begins: after a mention and a slash.
func start(line string) int {
	i := skipBlanks(line, 0)
	for strings.HasPrefix(line[i:], "@") || strings.HasPrefix(line[i:], "<@") {
		i = skipBlanks(line, word(line, i))
	}
	if strings.HasPrefix(line[i:], "/") {
		i = skipBlanks(line, i+1)
	}
	return i
}

// head finds the command with the longest path that the line begins with, and where its arguments begin. The root may be
// left out where that leaves no doubt.
func (t Tree) head(line string) (*Command, int) {
	begin := start(line)
	if c, at := t.longest(line, begin, ""); c != nil {
		return c, at
	}
	var found *Command
	end := begin
	for _, root := range t.Roots() {
		if c, at := t.longest(line, begin, root); c != nil {
			if found != nil {
				return nil, begin
			}
			found, end = c, at
		}
	}
	return found, end
}

func (t Tree) longest(line string, at int, root string) (best *Command, end int) {
	path := root
	for {
		i := skipBlanks(line, at)
		j := word(line, i)
		if i == j {
			return best, end
		}
		w := strings.ToLower(bare(strings.TrimRight(line[i:j], ":")))
		if path = strings.TrimSpace(path + " " + w); !t.hasPrefix(path) {
			return best, end
		}
		at = j
		if c := t.Find(path); c != nil {
			best, end = c, j
		}
	}
}

// parseArgs reads the arguments that begin at i.
func (c *Command) parseArgs(line string, i int) (given, error) {
	g := given{}
	for {
		i = skipBlanks(line, i)
		if i >= len(line) {
			return g, nil
		}
		next := c.next(g)
		if body, end, ok := fence(line, i); ok && next != nil && next.rest {
			g[next.name] = []string{body}
			i = end
			continue
		}
		t, _ := lex(line, i)
		if t.open && (next == nil || !next.rest || c.param(t.key) != nil) {
			return nil, c.usage(t.key, "has a quote that is not closed: "+clip(line[t.from:], 40), nil)
		}
		end, err := c.take(g, line, t, next)
		if err != nil {
			return nil, err
		}
		i = end
	}
}

// take puts one token where it belongs and returns where the next one begins.
func (c *Command) take(g given, line string, t token, next *param) (int, error) {
	p := c.param(t.key)
	if t.key == confirmKey && !t.flag {
		g[confirmKey] = []string{t.text}
		return t.to, nil
	}
	switch {
	case p != nil && t.flag:
		return c.takeFlag(g, line, t, p)
	case p != nil && p.rest && !t.quoted:
		g[p.name] = []string{strings.TrimFunc(line[t.valueAt:], blank)}
		return len(line), nil
	case p != nil && p.kind == kindList:
		g[p.name] = append(g[p.name], t.text)
		return t.to, nil
	case p != nil && g[p.name] != nil:
		return 0, c.usage(p.name, "is given twice", nil)
	case p != nil:
		g[p.name] = []string{t.text}
		return t.to, nil
	case next != nil && next.rest:
		g[next.name] = []string{strings.TrimFunc(line[t.from:], blank)}
		return len(line), nil
	case t.key != "" && !t.flag && next != nil && next.pairs:
		g[next.name] = []string{line[t.from:t.to]}
		return t.to, nil
	case t.key != "":
		return 0, c.unknownKey(t.key)
	}
	if f := c.param(strings.ToLower(t.text)); f != nil && f.kind == kindBool && !t.quoted && (next == nil || !next.required()) {
		g[f.name] = []string{"true"}
		return t.to, nil
	}
	if next == nil {
		return 0, c.tooMany(t.text)
	}
	g[next.name] = append(g[next.name], t.text)
	return t.to, nil
}

// takeFlag reads --key: a bool may stand alone, all else takes the next token.
func (c *Command) takeFlag(g given, line string, t token, p *param) (int, error) {
	if g[p.name] != nil && p.kind != kindList {
		return 0, c.usage(p.name, "is given twice", nil)
	}
	after, ok := lex(line, t.to)
	if p.kind == kindBool {
		g[p.name] = []string{"true"}
		if _, isBool := parseBool(after.text); ok && after.key == "" && isBool {
			g[p.name] = []string{after.text}
			return after.to, nil
		}
		return t.to, nil
	}
	if p.rest {
		g[p.name] = []string{strings.TrimFunc(line[t.to:], blank)}
		return len(line), nil
	}
	if !ok {
		return 0, c.usage(p.name, "has no value", nil)
	}
	text, end, _, open := value(line, after.from)
	if open {
		return 0, c.usage(p.name, "has a quote that is not closed", nil)
	}
	g[p.name] = append(g[p.name], text)
	return end, nil
}

// positional says whether a bare word can be p's value. Before a rest only what is required takes bare words: the first
// word of a statement is not the name of a cluster.
func (c *Command) positional(p *param) bool {
	return p.kind != kindBool && !p.hidden && (p.rest || p.required() || !c.hasRest())
}

func (c *Command) hasRest() bool {
	return slices.ContainsFunc(c.params, func(p param) bool { return p.rest })
}

// next is the parameter that a bare word is the value of; nil when all are taken.
func (c *Command) next(g given) *param {
	for i := range c.params {
		p := &c.params[i]
		if c.positional(p) && (g[p.name] == nil || p.kind == kindList) {
			return p
		}
	}
	return nil
}

func (c *Command) tooMany(text string) *UsageError {
	var flags []string
	for _, p := range c.params {
		if p.kind == kindBool {
			flags = append(flags, p.name)
		}
	}
	return c.usage("", fmt.Sprintf("%q was not expected: the command takes nothing more", clip(text, 40)), Nearest(text, flags, 1))
}

// unknown says that the line begins with no command, and which ones come near, with the rest of the line kept.
func (t Tree) unknown(line string) *UsageError {
	i := start(line)
	rest := strings.Fields(clip(line[i:], 400))
	if len(rest) == 0 {
		return &UsageError{Msg: "there is no command in it"}
	}
	e := &UsageError{Msg: fmt.Sprintf("there is no command %q", "/"+clip(strings.Join(rest[:min(2, len(rest))], " "), 60))}
	for _, c := range t {
		if c.Hidden {
			continue
		}
		n := min(strings.Count(c.Path, " ")+1, len(rest))
		// Also compared without the root, which people leave out.
		_, tail, _ := strings.Cut(c.Path, " ")
		m := min(strings.Count(tail, " ")+1, len(rest))
		switch {
		case len(Nearest(strings.Join(rest[:n], " "), []string{c.Path}, 1)) > 0:
			e.Near = append(e.Near, strings.TrimSpace("/"+c.Path+" "+strings.Join(rest[n:], " ")))
		case tail != "" && len(Nearest(strings.Join(rest[:m], " "), []string{tail}, 1)) > 0:
			e.Near = append(e.Near, strings.TrimSpace("/"+c.Path+" "+strings.Join(rest[m:], " ")))
		}
	}
	e.Near = e.Near[:min(len(e.Near), 3)]
	return e
}
