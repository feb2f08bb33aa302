package commands

import (
	"encoding/json"
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
	for i := range c.params {
		p := &c.params[i]
		for _, v := range g[p.name] {
			parts = append(parts, c.written(p, v, bareWords))
		}
		if c.positional(p) && len(g[p.name]) == 0 || p.kind == kindList {
			bareWords = false
		}
	}
	return strings.Join(parts, " ")
}

// written is one value of a parameter as it stands in a line.
func (c *Command) written(p *param, v string, bareWords bool) string {
	last := c.params[len(c.params)-1]
	switch {
	case p.kind == kindBool && v == "true" && bareWords && !last.rest && !last.required():
		return p.name // the parameters before it are given, and those after it are optional
	case p.rest && bareWords && c.plainRest(v):
		return v
	case p.rest:
		return p.name + "=" + quoted(v)
	case bareWords && p.required() && plainWord(v):
		return quote(v)
	}
	return p.name + "=" + quote(v)
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
