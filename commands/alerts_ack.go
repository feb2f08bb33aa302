package commands

import (
	"context"

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
		to, err := d.person(ctx, e, a.Person)
		if err != nil {
			return bot.Message{}, e.amend("person", err)
		}
		return answered(d.Alerts.Assign(ctx, i.ID, to, e.Actor))
	})
}
