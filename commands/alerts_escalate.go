package commands

import (
	"context"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/alerts/oncall"
	"github.com/drey-ops/drey/bot"
)

// Escalator calls more people to an incident, and knows who is on call.
type Escalator interface {
	Escalate(ctx context.Context, id string, actor bot.Actor, chain string, step int) (alerts.Answer, error)
	Schedules() *oncall.Book
}

type escalateArgs struct {
	Incident string `json:"incident" help:"the incident's id" complete:"incident"`
	Chain    string `json:"chain" help:"which escalation, where no route gives it one" optional:"true"`
	Step     int    `json:"step" help:"only if this step is the next one" optional:"true"`
}

func alertsEscalate(d Deps) *Command {
	return New(Spec{
		Path: "alerts escalate", Help: "Call the next people to an incident now",
		Examples:   []string{"/alerts escalate k3x9q2", "/alerts escalate k3x9q2 night"},
		Permission: "alert.escalate", Effect: Changes,
	}, func(ctx context.Context, e *Env, a escalateArgs) (bot.Message, error) {
		i, err := d.incident(ctx, e, a.Incident, "alert.escalate")
		if err != nil {
			return bot.Message{}, err
		}
		return answered(d.Alerts.Escalate(ctx, i.ID, e.Actor, a.Chain, a.Step))
	})
}
