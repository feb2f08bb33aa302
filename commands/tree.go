package commands

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/drey-ops/drey/bot"
)

// Tree is all commands, sorted by path. It is made by NewTree and never changes.
type Tree []*Command

// NewTree returns the tree of the given commands. Mistakes in it are told by Check.
func NewTree(cmds ...*Command) Tree {
	t := slices.Clone(cmds)
	slices.SortStableFunc(t, func(a, b *Command) int { return strings.Compare(a.Path, b.Path) })
	return t
}

// Find returns the command of a path, or nil.
func (t Tree) Find(path string) *Command {
	if i, ok := slices.BinarySearchFunc(t, path, byPath); ok {
		return t[i]
	}
	return nil
}

func byPath(c *Command, path string) int { return strings.Compare(c.Path, path) }

// hasPrefix says whether a command's path is path or begins with its words.
func (t Tree) hasPrefix(path string) bool {
	if t.Find(path) != nil {
		return true
	}
	i, _ := slices.BinarySearchFunc(t, path+" ", byPath)
	return i < len(t) && strings.HasPrefix(t[i].Path, path+" ")
}

// Roots are the first words of the paths: "alerts", "drey", "flink".
func (t Tree) Roots() []string {
	var roots []string
	for _, c := range t {
		root, _, _ := strings.Cut(c.Path, " ")
		if !slices.Contains(roots, root) {
			roots = append(roots, root)
		}
	}
	return roots
}

// rootOnly says whether a typed line names no command, but at most a root, with or without "help": a question what there is.
func (t Tree) rootOnly(call bot.Call) (root string, ok bool) {
	if call.Path != "" || len(call.Line) > LineMax || t.Find("drey help") == nil {
		return "", false
	}
	words := strings.Fields(strings.ToLower(call.Line[start(call.Line):]))
	switch {
	case len(words) == 0:
		return "", true
	case len(words) > 2 || len(words) == 2 && words[1] != "help" || t.Find(strings.Join(words, " ")) != nil:
		return "", false
	}
	return words[0], slices.Contains(t.Roots(), words[0])
}

// Specs is the tree as networks need to know it.
func (t Tree) Specs() []bot.CommandSpec {
	var out []bot.CommandSpec
	for _, c := range t {
		if c.Hidden {
			continue
		}
		s := bot.CommandSpec{Path: c.Path, Help: c.Help, Examples: c.Examples, Opens: c.Opens, Files: c.Files, Shortcut: c.Shortcut}
		for _, p := range c.params {
			if !p.hidden {
				s.Params = append(s.Params, p.spec())
			}
		}
		out = append(out, s)
	}
	return out
}

// Resolves says whether a call names a command that takes its arguments, as far as they are filled in: a form may add
// what is missing. It is asked of every button at start-up and in tests.
func (t Tree) Resolves(call bot.Call) error {
	if call.Path == "" {
		_, _, err := t.Parse(call.Line)
		return err
	}
	c := t.Find(call.Path)
	if c == nil {
		return fmt.Errorf("no command %q", call.Path)
	}
	g, err := givenOf(call.Args, nil)
	if err != nil {
		return fmt.Errorf("call of %s: %w", call.Path, err)
	}
	_, err = c.decode(g)
	var wrong *UsageError
	if errors.As(err, &wrong) && wrong.Param != "" && len(g[wrong.Param]) == 0 {
		return nil
	}
	return err
}

var pathForm = regexp.MustCompile(`^[a-z][a-z0-9-]*( [a-z][a-z0-9-]*)*$`)

// Check tells every mistake in the tree: it is asked by a house test.
func (t Tree) Check() error {
	var errs []error
	shortcuts := 0
	for i, c := range t {
		bad := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("command %q: %s", c.Path, fmt.Sprintf(format, args...)))
		}
		for _, b := range c.bugs {
			bad("%s", b)
		}
		if i > 0 && t[i-1].Path == c.Path {
			bad("path repeats")
		}
		if !pathForm.MatchString(c.Path) {
			bad("path must be lower-case words")
		}
		if c.Help == "" || strings.HasSuffix(c.Help, ".") || len(c.Help) > 100 {
			bad("help must be one line of at most 100 bytes without a full stop")
		}
		if c.Permission != "" && !slices.Contains(Permissions(), c.Permission) {
			bad("permission %q is not known", c.Permission)
		}
		if c.Effect != Reads && c.Op != "" && c.Permission == "" {
			bad("it changes a cluster and asks for no permission")
		}
		c.checkGestures(bad)
		if c.Shortcut != nil {
			shortcuts++
		}
		if len(c.bugs) == 0 {
			t.checkExamples(c, bad)
		}
	}
	if shortcuts > shortcutsMax {
		errs = append(errs, fmt.Errorf("%d shortcuts, networks take %d", shortcuts, shortcutsMax))
	}
	return errors.Join(errs...)
}

// What networks take of shortcuts.
const (
	shortcutsMax     = 10
	shortcutLabelMax = 24
)

// checkGestures tells mistakes in what a command says of shortcuts and files.
func (c *Command) checkGestures(bad func(string, ...any)) {
	for _, f := range c.Files {
		if !strings.HasPrefix(f, ".") || f != strings.ToLower(f) {
			bad("ending %q of files must be lower case and begin with a dot", f)
		}
	}
	s := c.Shortcut
	if s == nil {
		return
	}
	g, err := givenOf(s.Args, nil)
	if err != nil {
		bad("shortcut: %v", err)
	}
	if s.Text != "" {
		g[s.Text] = []string{"x"}
		if p := c.param(s.Text); p == nil || p.kind != kindString {
			bad("shortcut: %q takes no text", s.Text)
		}
		if _, err := c.decode(g); err != nil {
			bad("shortcut: %v", err)
		}
	}
	if n := utf8.RuneCountInString(s.Label); n == 0 || n > shortcutLabelMax {
		bad("shortcut label %q must have 1 to %d characters", s.Label, shortcutLabelMax)
	}
	if c.Hidden {
		bad("it is hidden and has a shortcut")
	}
}

func (t Tree) checkExamples(c *Command, bad func(string, ...any)) {
	if len(c.Examples) == 0 {
		bad("no example")
	}
	for _, line := range c.Examples {
		got, call, err := t.Parse(line)
		switch {
		case err != nil:
			bad("example %q: %v", line, err)
		case got != c:
			bad("example %q is a call of %q", line, got.Path)
		default:
			again, back, err := t.Parse(c.Line(call.Args))
			if err != nil || again != c || string(back.Args) != string(call.Args) {
				bad("example %q does not survive being written as %q", line, c.Line(call.Args))
			}
		}
	}
}
