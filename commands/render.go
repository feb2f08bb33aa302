package commands

import (
	"encoding/json"
	"slices"
	"strings"
)

// Line writes a call of the command as a person would type it; Parse reads it back.
func (c *Command) Line(raw json.RawMessage) string {
	g, err := givenOf(raw, nil)
	if err != nil {
		return "/" + c.Path
	}
	parts := []string{"/" + c.Path}
	bareWords := true // values may be bare until one before them is left out
	rest := ""
	for i := range c.params {
		p := &c.params[i]
		if p.rest && len(g[p.name]) == 1 {
			rest = c.written(p, g[p.name][0], bareWords)
			continue
		}
		for _, v := range g[p.name] {
			parts = append(parts, c.written(p, v, bareWords))
		}
		if c.positional(p) && len(g[p.name]) == 0 || p.kind == kindList {
			bareWords = false
		}
	}
	if rest != "" {
		parts = append(parts, rest)
	}
	return strings.Join(parts, " ")
}

// written is one value of a parameter as it stands in a line.
func (c *Command) written(p *param, v string, bareWords bool) string {
	wanting := slices.ContainsFunc(c.params, func(q param) bool { return q.rest || q.required() && c.after(q, p) })
	switch {
	case p.kind == kindBool && v == "true" && bareWords && !wanting:
		return p.name
	case p.rest && bareWords && c.plainRest(v):
		return v
	case p.rest:
		return p.name + "=" + quoted(v)
	case bareWords && p.required() && plainWord(v):
		return quote(v)
	}
	return p.name + "=" + quote(v)
}

// after says whether q comes after p.
func (c *Command) after(q param, p *param) bool {
	return slices.IndexFunc(c.params, func(x param) bool { return x.name == q.name }) > slices.IndexFunc(c.params, func(x param) bool { return x.name == p.name })
}

// plainWord says whether v, typed bare, is not taken for an option.
func plainWord(v string) bool {
	t, ok := lex(v, 0)
	return !ok || t.key == ""
}

// plainRest says whether v can be the rest of a line as it is.
func (c *Command) plainRest(v string) bool {
	t, ok := lex(v, 0)
	option := t.key == confirmKey || c.param(t.key) != nil
	return ok && v == strings.TrimFunc(v, blank) && !option && !strings.HasPrefix(v, "```")
}
