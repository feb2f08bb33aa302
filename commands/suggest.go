package commands

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

const (
	suggestMax    = 25                    // what networks show at once
	completeWait  = 80 * time.Millisecond // for a completer; what comes later serves the next letter
	completeTime  = 3 * time.Second       // for a completer that nobody waits for any more
	completeFresh = 5 * time.Second       // how long its answer serves
	completeKeep  = 512                   // answers kept
)

// Suggest implements bot.Handler.
func (r *Router) Suggest(ctx context.Context, a bot.Ask) bot.Suggestions {
	if a.Param != "" {
		return r.suggestParam(ctx, a)
	}
	if a.At < 0 || a.At > len(a.Line) || len(a.Line) > LineMax || !utf8.ValidString(a.Line) {
		a.At = len(a.Line)
	}
	if len(a.Line) > LineMax || !utf8.ValidString(a.Line) {
		return bot.Suggestions{From: a.At, To: a.At}
	}
	line := a.Line[:a.At]
	c, end := r.tree.head(line)
	if c == nil || end == len(line) { // no blank behind the path: it may become another one
		if s := r.suggestPath(a, line); c == nil || len(s.Choices) > 1 {
			return s
		}
	}
	e := r.env(bot.Event{Actor: a.Actor, Place: a.Place}, c, nil)
	if !e.Allowed(c.Permission, "", "") {
		return bot.Suggestions{From: a.At, To: a.At}
	}
	return r.suggestArgs(ctx, e, line, end)
}

// suggestPath offers the commands that the person may run and that begin as the line does, or else hold what it says.
func (r *Router) suggestPath(a bot.Ask, line string) bot.Suggestions {
	at := start(line)
	typed := strings.ToLower(strings.Join(strings.Fields(line[at:]), " "))
	if strings.HasSuffix(line, " ") && typed != "" {
		typed += " "
	}
	begin := skipBlanks(line, 0)
	if strings.HasPrefix(line[begin:], "@") || strings.HasPrefix(line[begin:], "<@") {
		begin = at
	}
	s := bot.Suggestions{From: begin, To: len(line)}
	var within []bot.Choice
	for _, c := range r.tree {
		if c.Hidden || !strings.Contains(c.Path, strings.TrimSpace(typed)) {
			continue
		}
		if e := r.env(bot.Event{Actor: a.Actor, Place: a.Place}, c, nil); !e.Decision.Allowed {
			continue
		}
		value := "/" + c.Path
		if len(c.paramNames()) > 0 {
			value += " "
		}
		ch := bot.Choice{Value: value, Label: "/" + c.Path, Help: c.Help}
		if strings.HasPrefix(c.Path, typed) {
			s.Choices = append(s.Choices, ch)
		} else {
			within = append(within, ch)
		}
	}
	s.Choices = append(s.Choices, within...)
	s.Choices = s.Choices[:min(len(s.Choices), suggestMax)]
	return s
}

// suggestArgs offers what may stand at the end of line, whose arguments begin at i.
func (r *Router) suggestArgs(ctx context.Context, e *Env, line string, i int) bot.Suggestions {
	c := e.cmd
	s := bot.Suggestions{From: len(line), To: len(line), Hint: c.Usage()}
	g, last, whole := given{}, token{from: len(line), valueAt: len(line), to: len(line)}, true
	for {
		i = skipBlanks(line, i)
		t, ok := lex(line, i)
		if !ok {
			break
		}
		if under, ok := c.underCursor(g, line, t); ok {
			last, whole = under, false
			break
		}
		end, err := c.take(g, line, t, c.next(g))
		if err != nil || end >= len(line) {
			return s // a mistake, or the rest of the line: nothing to offer
		}
		i = end
	}
	e.Given = map[string]string{}
	for k, v := range g {
		e.Given[k] = strings.Join(v, " ")
	}
	s.From = last.from
	if p := c.param(last.key); p != nil && !last.flag {
		s.From = last.valueAt
		s.Choices = r.values(ctx, e, p, last.text, true)
		return s
	}
	next := c.next(g)
	if next != nil && !last.flag {
		s.Choices = r.values(ctx, e, next, last.text, true)
	}
	if whole && next != nil && next.required() && len(s.Choices) > 0 {
		return s
	}
	s.Choices = append(s.Choices, c.names(g, last)...)
	s.Choices = s.Choices[:min(len(s.Choices), suggestMax)]
	return s
}

// underCursor returns the token that ends where the line does, if t is it or leads up to it.
func (c *Command) underCursor(g given, line string, t token) (token, bool) {
	p, next := c.param(t.key), c.next(g)
	switch {
	case p != nil && t.flag && p.kind != kindBool && t.to < len(line): // --dir VALUE
		at := skipBlanks(line, t.to)
		v, _ := lex(line, at)
		return token{key: t.key, from: at, valueAt: at, to: len(line), text: v.text}, at == len(line) || v.to == len(line)
	case p == nil && next != nil && next.rest:
		return token{from: t.from, valueAt: t.from, to: len(line), text: line[t.from:]}, true
	}
	return t, t.to == len(line)
}

// names offers the parameters that are not given yet, as "key=" or the word of a bool.
func (c *Command) names(g given, last token) []bot.Choice {
	word := strings.ToLower(last.text)
	if last.flag {
		word = last.key
	}
	var out []bot.Choice
	for _, p := range c.params {
		if p.hidden || g[p.name] != nil || p.required() || p.rest || !strings.HasPrefix(p.name, word) {
			continue
		}
		value := p.name + "="
		if p.kind == kindBool {
			value = p.name + " "
		}
		out = append(out, bot.Choice{Value: value, Label: strings.TrimSpace(value), Help: p.help})
	}
	return out
}

// suggestParam offers values of one parameter, for networks that complete field by field.
func (r *Router) suggestParam(ctx context.Context, a bot.Ask) bot.Suggestions {
	c := r.tree.Find(a.Path)
	if c == nil || c.param(a.Param) == nil {
		return bot.Suggestions{}
	}
	e := r.env(bot.Event{Actor: a.Actor, Place: a.Place}, c, nil)
	if !e.Decision.Allowed {
		return bot.Suggestions{}
	}
	e.Given = a.Args
	return bot.Suggestions{Hint: c.Usage(), Choices: r.values(ctx, e, c.param(a.Param), a.Prefix, false)}
}

// values offers values of p that begin with prefix, or else hold it. In a line they are quoted where they must be.
func (r *Router) values(ctx context.Context, e *Env, p *param, prefix string, inLine bool) []bot.Choice {
	var all []bot.Choice
	switch {
	case len(p.choices) > 0:
		for _, ch := range p.choices {
			all = append(all, bot.Choice{Value: ch})
		}
	case len(p.suggest) > 0:
		for _, v := range p.suggest {
			all = append(all, bot.Choice{Value: v})
		}
	case p.kind == kindBool:
		all = []bot.Choice{{Value: "true"}, {Value: "false"}}
	case p.complete != "":
		all = r.complete(ctx, e, p.complete, prefix)
	}
	low := strings.ToLower(prefix)
	var first, then []bot.Choice
	for _, ch := range all {
		value, label := strings.ToLower(ch.Value), strings.ToLower(ch.Label)
		_, job, _ := strings.Cut(value, "/")
		if inLine && !p.rest {
			ch.Label, ch.Value = cmp.Or(ch.Label, ch.Value), quote(ch.Value)
		}
		switch {
		case strings.HasPrefix(value, low) || strings.HasPrefix(label, low) || job != "" && strings.HasPrefix(job, low):
			first = append(first, ch)
		case strings.Contains(value, low) || strings.Contains(label, low):
			then = append(then, ch)
		}
	}
	first = append(first, then...)
	return first[:min(len(first), suggestMax)]
}

// complete asks the completer of a kind, through the cache, for as long as a person does not notice.
func (r *Router) complete(ctx context.Context, e *Env, kind, prefix string) []bot.Choice {
	fn := r.completers[kind]
	if fn == nil {
		return nil
	}
	call := r.cache.get(cacheKey(e, kind, prefix), r.now(), func() (got []bot.Choice) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), completeTime)
		defer cancel()
		defer func() {
			if p := recover(); p != nil {
				r.log.Error("completer panicked", "kind", kind, "panic", p)
				got = nil
			}
		}()
		return fn(ctx, e, prefix)
	})
	timer := time.NewTimer(completeWait)
	defer timer.Stop()
	select {
	case <-call.done:
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return nil
	}
	return slices.DeleteFunc(slices.Clone(call.choices), func(ch bot.Choice) bool { return !e.maySee(kind, ch.Value) })
}

// maySee keeps from suggestions what the command could not be run on by this person. A job without its cluster is the
// completer's to judge.
func (e *Env) maySee(kind, value string) bool {
	switch kind {
	case "cluster":
		return e.Allowed(e.cmd.Permission, value, "") || e.cmd.Effect == Reads && e.AllowedOn(e.cmd.Permission, value)
	case "job":
		var ref platform.JobRef
		if ref.UnmarshalText([]byte(value)) != nil {
			return false
		}
		return ref.Cluster == "" || e.Allowed(e.cmd.Permission, ref.Cluster, ref.Job)
	}
	return true
}

func cacheKey(e *Env, kind, prefix string) string {
	parts := []string{kind, e.cmd.Path, e.Actor.String(), e.Place.String(), prefix}
	for _, p := range e.cmd.params {
		parts = append(parts, e.Given[p.name])
	}
	return strings.Join(parts, "\x00")
}
