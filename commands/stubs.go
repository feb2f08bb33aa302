package commands

import (
	"context"
	"github.com/drey-ops/drey/bot"
)

type choiceCache struct{}

func newChoiceCache() *choiceCache { return nil }

func (r *Router) Suggest(ctx context.Context, a bot.Ask) bot.Suggestions { return bot.Suggestions{} }

func (r *Router) tell(ev bot.Event, err error) bot.Message { return Explain(err) }

func Explain(err error) bot.Message { return bot.Message{Title: err.Error(), Private: true} }

func (r *Router) refuse(ctx context.Context, e *Env, args any, d Decision) error {
	return Tell(bot.Message{Title: "Not allowed here", Tone: bot.Warn, Private: true})
}
func (r *Router) record(ctx context.Context, e *Env, args any, d Decision) error { return nil }
func (r *Router) askApproval(ctx context.Context, e *Env, args any, c Confirmation) error {
	return nil
}
func (c *Confirmation) fill(e *Env, args any) {}
