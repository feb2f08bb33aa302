package commands

import (
	"context"
	"strings"

	"github.com/drey-ops/drey/bot"
)

func dreyWhoami() *Command {
	return New(Spec{
		Path: "drey whoami", Help: "Show your roles, what you may do here, and which rule says so",
		Examples: []string{"/drey whoami"},
	}, func(_ context.Context, e *Env, _ struct{}) (bot.Message, error) {
		p := e.router.policy.Load()
		m := bot.Message{Title: "You are " + nameOf(e.Actor), Private: true, Blocks: []bot.Block{
			bot.Fields{bot.F("Known as", e.Actor), bot.F("Roles", orNone(p.Roles(e.Actor))), bot.F("Here", e.Place)},
		}}
		if e.Actor.Outside {
			m.Blocks = append(m.Blocks, bot.Textf("You are a guest here, so roles for everyone do not hold. A role that names you or your group does."))
		}
		x := p.about(Request{Actor: e.Actor, Place: e.Place, Now: e.Now, Anywhere: true})
		if len(x.here.Rows) == 0 {
			m.Blocks = append(m.Blocks, bot.Textf("In this channel no rule allows you anything but `/drey help` and the like."))
		} else {
			m.Blocks = append(m.Blocks, x.here)
		}
		if len(x.asks.Rows) > 0 {
			m.Blocks = append(m.Blocks, x.asks)
		}
		if len(x.elsewhere.Rows) > 0 {
			m.Blocks = append(m.Blocks, x.elsewhere)
		}
		return m, nil
	})
}

// standing is what a policy says about a person in a place, rule by rule.
type standing struct{ here, asks, elsewhere bot.Table }

// about explains the policy to the person of r.
func (p *Policy) about(r Request) standing {
	s := standing{
		here:      bot.Table{Columns: []string{"You may, here", "On", "Rule", "Because of role"}},
		asks:      bot.Table{Columns: []string{"Needs besides", "For", "On", "Rule"}},
		elsewhere: bot.Table{Columns: []string{"You may elsewhere", "In", "On", "Rule"}},
	}
	have := p.rolesOf(r.Actor)
	env := &conditions{r: r}
	for _, ru := range p.rules {
		if ru.Require != NoRequirement {
			if ru.inPlace(r.Place) {
				what := "type a word to confirm"
				if ru.Require == RequireApproval {
					what = "approval by " + strings.Join(ru.By, " or ") + " within " + short(ru.Within)
				}
				s.asks.Rows = append(s.asks.Rows, []string{what, strings.Join(ru.For, ", "), ru.target(), ru.name})
			}
			continue
		}
		if !have.meets(ru.roles) {
			continue
		}
		perms := strings.Join(ru.Allow, ", ")
		if !ru.inPlace(r.Place) {
			s.elsewhere.Rows = append(s.elsewhere.Rows, []string{perms, strings.Join(ru.Channels, ", "), ru.target(), ru.name})
			continue
		}
		name := ru.name
		switch {
		case ru.where == nil:
		case ru.asks != unknowns{}:
			name += " (if " + ru.Where + ")"
		case ru.holds(env):
			name += " (" + ru.Where + ": so now)"
		default:
			name += " (" + ru.Where + ": not now)"
		}
		s.here.Rows = append(s.here.Rows, []string{perms, ru.target(), name, strings.Join(p.names(have.and(ru.roles)), ", ")})
	}
	return s
}

// target is the clusters and jobs of a rule in words.
func (ru *rule) target() string {
	cs, js := "all clusters", ""
	if len(ru.Clusters) > 0 {
		cs = strings.Join(ru.Clusters, ", ")
	}
	if len(ru.Jobs) > 0 {
		js = ": jobs " + strings.Join(ru.Jobs, ", ")
	}
	return cs + js
}
