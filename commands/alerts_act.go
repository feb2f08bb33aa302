package commands

import (
	"context"
	"time"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// Alerts is what the commands need of alerts.Service.
type Alerts interface {
	List(ctx context.Context, f alerts.Filter) ([]alerts.Incident, error)
	Get(ctx context.Context, id string) (alerts.Incident, error)
	Ack(ctx context.Context, id string, actor bot.Actor) (alerts.Answer, error)
	Unack(ctx context.Context, id string, actor bot.Actor) (alerts.Answer, error)
	Silence(ctx context.Context, id string, actor bot.Actor, d time.Duration, comment string) (alerts.Answer, error)
	Unsilence(ctx context.Context, id string, actor bot.Actor) (alerts.Answer, error)
}

// answered tells the person what became of an action; the thread tells everybody else.
func answered(a alerts.Answer, err error) (bot.Message, error) {
	if err != nil {
		return bot.Message{}, err
	}
	m := bot.Message{Title: "Done", Tone: bot.Good, Private: true, Blocks: []bot.Block{bot.Textf("%s", a.Say)}}
	switch {
	case a.Pending:
		m.Title, m.Tone = "On its way", bot.Busy
	case a.Already:
		m.Title, m.Tone = "Nothing to do", bot.Muted
	}
	return m, nil
}

func alertsAck(d Deps) *Command {
	return New(Spec{
		Path: "alerts ack", Help: "Say that you take care of an incident",
		Examples:   []string{"/alerts ack k3x9q2"},
		Permission: "alert.ack", Effect: Changes,
	}, func(ctx context.Context, e *Env, a incidentArgs) (bot.Message, error) {
		return answered(d.Alerts.Ack(ctx, a.Incident, e.Actor))
	})
}

func alertsUnack(d Deps) *Command {
	return New(Spec{
		Path: "alerts unack", Help: "Take an acknowledgement back",
		Examples:   []string{"/alerts unack k3x9q2"},
		Permission: "alert.ack", Effect: Changes,
	}, func(ctx context.Context, e *Env, a incidentArgs) (bot.Message, error) {
		return answered(d.Alerts.Unack(ctx, a.Incident, e.Actor))
	})
}

type silenceArgs struct {
	Incident string        `json:"incident" help:"the incident's id" complete:"incident"`
	Duration time.Duration `json:"duration" help:"how long, such as 30m, 2h or 1d"`
	Comment  string        `json:"comment" help:"why, for those who find the silence" rest:"true" optional:"true"`
}

// silenceMax is the longest silence: what nobody looks at for a month wants another rule.
const silenceMax = 30 * 24 * time.Hour

func alertsSilence(d Deps) *Command {
	return New(Spec{
		Path: "alerts silence", Help: "Silence an incident's alerts in Alertmanager for a while",
		Examples:   []string{"/alerts silence k3x9q2 2h maintenance of the broker"},
		Permission: "alert.silence", Effect: Changes,
	}, func(ctx context.Context, e *Env, a silenceArgs) (bot.Message, error) {
		if a.Duration < time.Minute || a.Duration > silenceMax {
			return bot.Message{}, platform.Errorf(platform.Invalid, "", "a silence lasts 1m to 30d, not %s; nothing was silenced", a.Duration)
		}
		return answered(d.Alerts.Silence(ctx, a.Incident, e.Actor, a.Duration, a.Comment))
	})
}

func alertsUnsilence(d Deps) *Command {
	return New(Spec{
		Path: "alerts unsilence", Help: "End the silences that drey made for an incident",
		Examples:   []string{"/alerts unsilence k3x9q2"},
		Permission: "alert.silence", Effect: Changes,
	}, func(ctx context.Context, e *Env, a incidentArgs) (bot.Message, error) {
		return answered(d.Alerts.Unsilence(ctx, a.Incident, e.Actor))
	})
}
