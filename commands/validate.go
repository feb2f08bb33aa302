package commands

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/alerts/guard"
	"github.com/drey-ops/drey/bot"
)

// Problem is one mistake in a configuration. Key is its path: "policy[1].allow[0]".
type Problem struct{ Key, Msg string }

// Problems is all mistakes in a configuration.
type Problems []Problem

func (ps Problems) Error() string {
	var lines []string
	for _, p := range ps {
		lines = append(lines, p.Key+": "+p.Msg)
	}
	return strings.Join(lines, "\n")
}

// Validate returns every mistake in o; none is nil.
func (o Options) Validate() Problems {
	var ps Problems
	bad := func(key, format string, args ...any) { ps = append(ps, Problem{key, fmt.Sprintf(format, args...)}) }
	for _, name := range slices.Sorted(maps.Keys(o.Roles)) {
		r := o.Roles[name]
		if name == "" || strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c == ',' }) {
			bad("roles", "%q is no name for a role: want one word", name)
		}
		for _, list := range []struct {
			key string
			ids []string
		}{
			{"slack_groups", r.SlackGroups}, {"slack_users", r.SlackUsers}, {"discord_roles", r.DiscordRoles},
			{"discord_users", r.DiscordUsers}, {"web_users", r.WebUsers},
		} {
			if i := slices.IndexFunc(list.ids, func(s string) bool { return strings.TrimSpace(s) != s || s == "" }); i >= 0 {
				bad(fmt.Sprintf("roles.%s.%s[%d]", name, list.key, i), "is empty or has blanks around it; want an id")
			}
		}
	}
	compiler := guard.New[Conditions]()
	for i, r := range o.Policy {
		at := fmt.Sprintf("policy[%d]", i)
		o.validateRule(at, r, bad)
		if r.Where == "" {
			continue
		}
		if _, err := compiler.Compile(r.Where); err != nil {
			bad(at+".where", "%v", err)
		}
	}
	return ps
}

func (o Options) validateRule(at string, r Rule, bad func(key, format string, args ...any)) {
	switch {
	case len(r.Allow) > 0 && (r.Require != "" || len(r.For) > 0):
		bad(at, "a rule has either allow or require, not both")
	case len(r.Allow) > 0:
		o.permissions(at+".allow", r.Allow, bad)
		if len(r.Roles) == 0 {
			bad(at+".roles", "is missing: name the roles that gain it (a role with everyone: true is for all)")
		}
		if len(r.By) > 0 || r.Within != 0 {
			bad(at, "by and within go with require: approval")
		}
	case r.Require == RequireApproval, r.Require == RequireConfirm:
		o.validateRequire(at, r, bad)
	case r.Require != "":
		bad(at+".require", "%q is not known; want approval or confirm", r.Require)
	default:
		bad(at, "has neither allow nor require")
	}
	o.roles(at+".roles", r.Roles, bad)
	o.roles(at+".by", r.By, bad)
	for i, c := range r.Channels {
		p, err := bot.ParsePlace(c)
		known := []string{"slack", "discord", "web"}
		if err != nil {
			bad(fmt.Sprintf("%s.channels[%d]", at, i), "%v", err)
		} else if !slices.Contains(known, string(p.Network)) {
			bad(fmt.Sprintf("%s.channels[%d]", at, i), "network %q is not known; want one of %s", p.Network, strings.Join(known, ", "))
		}
	}
	for i, g := range r.Jobs {
		if _, err := path.Match(g, ""); err != nil || g == "" {
			bad(fmt.Sprintf("%s.jobs[%d]", at, i), "%q is no pattern; want a job's name, with * for any letters", g)
		}
	}
}

func (o Options) validateRequire(at string, r Rule, bad func(key, format string, args ...any)) {
	if len(r.For) == 0 {
		bad(at+".for", "is missing: name the permissions that require it")
	}
	o.permissions(at+".for", r.For, bad)
	if len(r.Roles) > 0 {
		bad(at+".roles", "does not go with require: it holds for everybody; by names who may approve")
	}
	if r.Require == RequireConfirm && (len(r.By) > 0 || r.Within != 0) {
		bad(at, "by and within go with require: approval")
	}
	if r.Require == RequireApproval && len(r.By) == 0 {
		bad(at+".by", "is missing: name the roles that may approve")
	}
	if r.Within < 0 || r.Within > 7*24*time.Hour || r.Within > 0 && r.Within < time.Minute {
		bad(at+".within", "%s is out of range; want 1m to 168h", r.Within)
	}
}

func (o Options) permissions(at string, patterns []string, bad func(key, format string, args ...any)) {
	known := Permissions()
	for i, pat := range patterns {
		if slices.ContainsFunc(known, func(k string) bool { return matches(pat, k) }) {
			continue
		}
		msg := fmt.Sprintf("permission %q is not known", pat)
		if near := Nearest(pat, known, 1); len(near) > 0 {
			msg += fmt.Sprintf("; did you mean %s?", near[0])
		} else {
			msg += "; want noun.verb such as job.stop, or job.*, *.read"
		}
		bad(fmt.Sprintf("%s[%d]", at, i), "%s", msg)
	}
}

func (o Options) roles(at string, names []string, bad func(key, format string, args ...any)) {
	known := slices.Sorted(maps.Keys(o.Roles))
	for i, n := range names {
		if _, ok := o.Roles[n]; ok {
			continue
		}
		msg := fmt.Sprintf("role %q is not known", n)
		if near := Nearest(n, known, 1); len(near) > 0 {
			msg += fmt.Sprintf("; did you mean %s?", near[0])
		} else if len(known) > 0 {
			msg += "; want one of " + strings.Join(known, ", ")
		}
		bad(fmt.Sprintf("%s[%d]", at, i), "%s", msg)
	}
}
