package commands

import (
	"context"
	"slices"
	"strings"

	"github.com/drey-ops/drey/bot"
)

// Builtin returns the commands that speak of drey itself: help, whoami, audit, approve and reject.
func Builtin() []*Command {
	return []*Command{dreyHelp(), dreyWhoami(), dreyAudit(), dreyApprove(), dreyReject(), dreyDo()}
}

type helpArgs struct {
	Command string `json:"command" help:"the command, or its first words" optional:"true" rest:"true" complete:"command"`
}

func dreyHelp() *Command {
	return New(Spec{
		Path: "drey help", Help: "Show what you may do, or how one command is used",
		Examples: []string{"/drey help", "/drey help flink savepoint"},
	}, func(_ context.Context, e *Env, a helpArgs) (bot.Message, error) {
		word := strings.ToLower(strings.Join(strings.Fields(strings.ReplaceAll(a.Command, "/", " ")), " "))
		if word == "" {
			return e.help(e.mine("")), nil
		}
		if c, _ := e.router.tree.head(word); c != nil {
			return e.helpOn(c), nil
		}
		if some := e.mine(word); len(some) > 0 {
			return e.help(some), nil
		}
		wrong := e.router.tree.unknown(word)
		for i, n := range wrong.Near {
			wrong.Near[i] = "/drey help " + strings.TrimPrefix(n, "/")
		}
		return bot.Message{}, wrong
	})
}

// mine are the commands that the person may run here and whose path holds word.
func (e *Env) mine(word string) []*Command {
	var out []*Command
	for _, c := range e.router.tree {
		if !c.Hidden && strings.Contains(c.Path, word) && e.Allowed(c.Permission, "", "") {
			out = append(out, c)
		}
	}
	return out
}

// chipsMax is how many buttons help shows: enough to begin with.
const chipsMax = 5

func (e *Env) help(cs []*Command) bot.Message {
	m := bot.Message{Title: "What you may do here", Private: true}
	cs = slices.Clone(cs)
	slices.SortStableFunc(cs, func(a, b *Command) int { return strings.Compare(rootRank(a), rootRank(b)) })
	var chips bot.Actions
	var t bot.Table
	flush := func() {
		if len(t.Rows) > 0 {
			m.Blocks = append(m.Blocks, t)
		}
	}
	root := ""
	for _, c := range cs {
		if r := rootOf(c); r != root {
			flush()
			root, t = r, bot.Table{Columns: []string{"/" + r, "What it does"}}
		}
		t.Rows = append(t.Rows, []string{c.shortUsage(), c.Help})
		if c.Effect == Reads && c.bare() && c.Path != e.cmd.Path && len(chips) < chipsMax {
			chips = append(chips, bot.Button{Label: "/" + c.Path, Call: bot.Call{Line: "/" + c.Path}})
		}
	}
	flush()
	m.Blocks = append(m.Blocks, bot.Notef("One command with all that it takes: `/drey help flink savepoint`. Why you may: `/drey whoami`. In a thread, mention drey instead of typing the slash."))
	if len(chips) > 0 {
		m.Blocks = append(m.Blocks, chips)
	}
	return m
}

// rootRank sorts the commands of the platform first, and those of drey itself last.
func rootRank(c *Command) string {
	switch root := rootOf(c); root {
	case "flink":
		return ""
	case "drey":
		return "~"
	default:
		return root
	}
}

func rootOf(c *Command) string {
	root, _, _ := strings.Cut(c.Path, " ")
	return root
}

// bare says whether the command can be run with nothing but its name.
func (c *Command) bare() bool {
	return !slices.ContainsFunc(c.params, func(p param) bool { return p.required() })
}

// shortUsage is the command with what it must be given.
func (c *Command) shortUsage() string {
	s := "/" + c.Path
	for _, p := range c.params {
		if p.required() && !p.hidden {
			s += " " + strings.ToUpper(p.name)
		}
	}
	return s
}

func (e *Env) helpOn(c *Command) bot.Message {
	m := bot.Message{Title: "/" + c.Path, Private: true, Blocks: []bot.Block{
		bot.Textf("%s.", c.Help), bot.Textf("`%s`", c.Usage()),
	}}
	t := bot.Table{Columns: []string{"Parameter", "Meaning", "Value"}}
	for _, p := range c.params {
		if p.hidden {
			continue
		}
		t.Rows = append(t.Rows, []string{p.name, p.help, p.value()})
	}
	if len(t.Rows) > 0 {
		m.Blocks = append(m.Blocks, t)
	}
	m.Blocks = append(m.Blocks, bot.Textf("For example:"), bot.Code{Body: strings.Join(c.Examples, "\n")})
	switch d := e.decide(c.Permission, "", ""); {
	case c.Permission == "":
		m.Blocks = append(m.Blocks, bot.Notef("Everyone may use it."))
	case d.Allowed && d.Require == RequireApproval:
		m.Blocks = append(m.Blocks, bot.Notef("You may use it here (`%s`, rule %s); some uses need a second person's consent.", c.Permission, d.Rule))
	case d.Allowed:
		m.Blocks = append(m.Blocks, bot.Notef("You may use it here (`%s`, rule %s).", c.Permission, d.Rule))
	default:
		m.Blocks = append(m.Blocks, bot.Notef("You may not use it here: it needs `%s`, which roles %s have.", c.Permission, orNone(d.Here)))
	}
	if c.Effect == Reads && e.Allowed(c.Permission, "", "") {
		m.Blocks = append(m.Blocks, bot.Actions{{Label: c.Examples[0], Call: bot.Call{Line: c.Examples[0]}}})
	}
	return m
}
