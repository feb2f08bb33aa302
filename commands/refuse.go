package commands

import (
	"context"
	"strings"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// Refused says that the policy does not allow a call.
type Refused struct {
	Help     string // of the command
	Place    bot.Place
	Decision Decision
}

func (r *Refused) Error() string {
	return "not allowed: " + r.Decision.Permission + " in " + r.Place.String()
}

func (r *Refused) message() bot.Message {
	d := r.Decision
	m := bot.Message{Title: "You may not do that here", Tone: bot.Warn, Private: true}
	what := bot.Textf("**%s** needs the permission `%s`, which you do not have in %s.", r.Help, d.Permission, r.Place)
	if on := on(d.Cluster, d.Job); on != "" {
		what = bot.Textf("**%s** needs the permission `%s` on **%s**, which you do not have in %s.", r.Help, d.Permission, on, r.Place)
	}
	m.Blocks = append(m.Blocks, what)
	if d.Unmet != "" {
		m.Blocks = append(m.Blocks, bot.Textf("The rule **%s** would allow it, but its condition does not hold now.", d.Unmet))
	}
	who := "nobody"
	if len(d.Here) > 0 {
		who = strings.Join(d.Here, ", ")
	}
	facts := bot.Fields{bot.F("Roles that may, here", who), bot.F("Your roles", orNone(d.Roles))}
	if len(d.Elsewhere) > 0 {
		facts = append(facts, bot.F("You may in", bot.Places(d.Elsewhere)))
	}
	m.Blocks = append(m.Blocks, facts, bot.Notef("Nothing was changed. `/drey whoami` shows what you may do, and why."))
	return m
}

// on names a target: "prod/orders", "prod", "orders".
func on(cluster, job string) string {
	if job == "" {
		return cluster
	}
	return platform.JobRef{Cluster: cluster, Job: job}.String()
}

func orNone(ss []string) string {
	if len(ss) == 0 {
		return "none"
	}
	return strings.Join(ss, ", ")
}

// refuse records the refusal and returns it. A refusal that cannot be recorded is still one.
func (r *Router) refuse(ctx context.Context, e *Env, args any, d Decision) error {
	if err := r.record(ctx, e, args, d); err != nil {
		r.log.Error("refusal not audited", "actor", e.Actor.String(), "path", e.cmd.Path, "error", err)
	}
	return &Refused{Help: e.cmd.Help, Place: e.Place, Decision: d}
}
