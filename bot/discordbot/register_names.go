package discordbot

import (
	"strings"

	"github.com/drey-ops/drey/bot"
)

// Discord's commands are at most three words deep, and one that has subcommands cannot be called itself. Deeper paths have
// their last words joined by a hyphen; "drey operation", beside which there is "drey operation cancel", is called
// "drey operation show".

// shownAs is the subcommand that a command is called by which has subcommands itself.
const shownAs = "show"

// namesOf returns how Discord knows each path. A path without a name there is left out.
func namesOf(specs []bot.CommandSpec) map[string]string {
	paths := make(map[string]bool, len(specs))
	for _, s := range specs {
		paths[s.Path] = true
	}
	out, taken := make(map[string]string, len(specs)), make(map[string]bool, len(specs))
	for _, s := range specs {
		name := s.Path
		for p := range paths {
			if strings.HasPrefix(p, s.Path+" ") {
				name = s.Path + " " + shownAs
				break
			}
		}
		if words := strings.Fields(name); len(words) > 3 {
			name = strings.Join(words[:2], " ") + " " + strings.Join(words[2:], "-")
		}
		if name != s.Path && paths[name] || taken[name] {
			continue
		}
		out[s.Path], taken[name] = name, true
	}
	return out
}

// routes lead from what Discord says to commands.
type routes struct {
	byName  map[string]bot.CommandSpec // by the path as Discord knows it
	byLabel map[string]bot.CommandSpec // by the label of the shortcut
}

func routesOf(specs []bot.CommandSpec) *routes {
	r := &routes{byName: map[string]bot.CommandSpec{}, byLabel: map[string]bot.CommandSpec{}}
	names := namesOf(specs)
	for _, s := range specs {
		if name, ok := names[s.Path]; ok {
			r.byName[name] = s
		}
		if s.Shortcut != nil {
			r.byLabel[s.Shortcut.Label] = s
		}
	}
	return r
}
