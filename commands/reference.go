package commands

import (
	"fmt"
	"slices"
	"strings"
)

// Reference is the reference of a tree as Markdown: commands/README.md is made of it.
func Reference(t Tree) string {
	var b strings.Builder
	b.WriteString(referenceHead)
	for _, root := range t.Roots() {
		fmt.Fprintf(&b, "\n## /%s\n", root)
		for _, c := range t {
			if r, _, _ := strings.Cut(c.Path, " "); r == root && !c.Hidden {
				c.reference(&b)
			}
		}
	}
	b.WriteString("\n## Permissions\n\nWhat each permission opens. A button needs the permission of the command that it stands for.\n\n")
	b.WriteString("| permission | commands | effect |\n|---|---|---|\n")
	for _, row := range t.matrix() {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
	}
	return b.String()
}

const referenceHead = `# Commands

Made from the command tree by ` + "`make generate`" + `; a test fails when it is stale. How a call travels, and how to write a command, stands in
[doc.go](doc.go).

A command is typed with its slash, or, where slash commands do not exist such as in a thread, after a mention: ` + "`@drey savepoint orders`" + `.
Values stand in the order shown, or as ` + "`name=value`" + ` or ` + "`--name value`" + `; what holds blanks goes in quotes, longer text in a code block.
Square brackets mark what may be left out. A job is named ` + "`orders`" + `, or ` + "`prod/orders`" + ` where clusters share a name.
What destroys asks for a word to be typed first; ` + "`confirm=WORD`" + ` is that word in a typed line.
`

func (c *Command) reference(b *strings.Builder) {
	perm := "everyone"
	if c.Permission != "" {
		perm = "`" + c.Permission + "`"
	}
	fmt.Fprintf(b, "\n### /%s\n\n%s.\n\n`%s` · %s · %s\n", c.Path, c.Help, c.Usage(), perm, c.Effect)
	if names := c.paramNames(); len(names) > 0 {
		b.WriteString("\n| parameter | meaning | value |\n|---|---|---|\n")
		for _, p := range c.params {
			if !p.hidden {
				fmt.Fprintf(b, "| %s | %s | %s |\n", p.name, cell(p.help), cell(p.value()))
			}
		}
	}
	fmt.Fprintf(b, "\n```\n%s\n```\n", strings.Join(c.Examples, "\n"))
}

// value says in words what a parameter takes, and whether it must be given.
func (p param) value() string {
	s := p.allowed()
	if p.deflt != "" {
		s += "; default " + p.deflt
	}
	if p.required() {
		s += "; required"
	}
	return s
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// matrix is, for every permission, the commands that need it and what the strongest of them does.
func (t Tree) matrix() [][]string {
	var rows [][]string
	for _, perm := range append(Permissions(), "") {
		var paths []string
		effect := Reads
		for _, c := range t {
			if c.Permission == perm && !c.Hidden {
				paths = append(paths, "`/"+c.Path+"`")
				effect = max(effect, c.Effect)
			}
		}
		name, does := "`"+perm+"`", effect.String()
		if perm == "" {
			name = "everyone"
		}
		if len(paths) == 0 {
			does = "no command yet"
		}
		rows = append(rows, []string{name, strings.Join(paths, ", "), does})
	}
	slices.SortStableFunc(rows, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	return rows
}
