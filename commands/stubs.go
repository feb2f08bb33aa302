package commands

import (
	"context"
	"github.com/drey-ops/drey/bot"
)

type choiceCache struct{}

func newChoiceCache() *choiceCache { return nil }

func (r *Router) Suggest(ctx context.Context, a bot.Ask) bot.Suggestions { return bot.Suggestions{} }

func (r *Router) askApproval(ctx context.Context, e *Env, args any, c Confirmation) error {
	return nil
}
