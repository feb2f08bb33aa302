package commands

import (
	"cmp"
	"context"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/bot"
)

func alertsAck(d Deps) *Command {
	return New(Spec{
		Path: "alerts ack", Help: "Say that you take care of an incident",
		Examples:   []string{"/alerts ack k3x9q2"},
		Permission: "alert.ack", Effect: Changes,
	}, func(ctx context.Context, e *Env, a incidentArgs) (bot.Message, error) {
		i, err := d.incident(ctx, e, a.Incident, "alert.ack")
		if err != nil {
			return bot.Message{}, err
		}
		did, err := d.Alerts.Ack(ctx, i.ID, e.Actor)
		if err == nil && !did.Already {
			d.leaveStorm(ctx, e, &i)
		}
		return answered(did, err)
	})
}

func alertsUnack(d Deps) *Command {
	return New(Spec{
		Path: "alerts unack", Help: "Take an acknowledgement back",
		Examples:   []string{"/alerts unack k3x9q2"},
		Permission: "alert.ack", Effect: Changes,
	}, func(ctx context.Context, e *Env, a incidentArgs) (bot.Message, error) {
		i, err := d.incident(ctx, e, a.Incident, "alert.ack")
		if err != nil {
			return bot.Message{}, err
		}
		return answered(d.Alerts.Unack(ctx, i.ID, e.Actor))
	})
}

type assignArgs struct {
	Incident string `json:"incident" help:"the incident's id" complete:"incident"`
	Person   string `json:"person" help:"who takes care of it: me, a name or an id" complete:"person"`
}

func alertsAssign(d Deps) *Command {
	return New(Spec{
		Path: "alerts assign", Help: "Give an incident to a person, who is told in its thread",
		Examples:   []string{"/alerts assign k3x9q2 me", "/alerts assign k3x9q2 @olga"},
		Permission: "alert.ack", Effect: Changes,
	}, func(ctx context.Context, e *Env, a assignArgs) (bot.Message, error) {
		i, err := d.incident(ctx, e, a.Incident, "alert.ack")
		if err != nil {
			return bot.Message{}, err
		}
		to, sure, err := d.fit(ctx, e, a.Person)
		if err != nil {
			return bot.Message{}, e.amend("person", err)
		}
		m, err := answered(d.Alerts.Assign(ctx, i.ID, to, e.Actor))
		if err == nil && sure {
			d.warnOf(e, &m, to, &i)
		}
		return m, err
	})
}

// warnOf says that somebody was given an incident whose buttons refuse them.
func (d Deps) warnOf(e *Env, m *bot.Message, to bot.Actor, i *alerts.Incident) {
	if to.Network != e.Place.Network { // what they may do is a matter of their own channels
		return
	}
	ref, ok := d.jobBehind(i)
	may := e.router.policy.Load().Decide(Request{Actor: to, Place: e.Place, Now: e.Now, Permission: "alert.ack", Cluster: ref.Cluster, Job: ref.Job, Anywhere: !ok})
	if may.Allowed {
		return
	}
	m.Tone = bot.Warn
	m.Blocks = append(m.Blocks, bot.Textf("**%s** may not acknowledge it or hand it on here: that takes the permission `alert.ack`. Roles that have it: %s.", cmp.Or(to.Name, to.ID), orNone(may.Here)))
}
