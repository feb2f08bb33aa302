package commands

import (
	"context"

	"github.com/drey-ops/drey/bot"
)

func dreyApprove() *Command {
	return New(Spec{
		Path: "drey approve", Help: "Agree to a request of somebody else, which then runs",
		Examples: []string{"/drey approve k3vq7abc"}, Effect: Changes,
	}, func(ctx context.Context, e *Env, a sealArgs) (bot.Message, error) {
		return e.router.decideApproval(ctx, e, rejectArgs{sealArgs: a}, true)
	})
}

func dreyReject() *Command {
	return New(Spec{
		Path: "drey reject", Help: "Say no to a request, or withdraw your own",
		Examples: []string{"/drey reject k3vq7abc", "/drey reject k3vq7abc wait for the release"}, Effect: Changes,
	}, func(ctx context.Context, e *Env, a rejectArgs) (bot.Message, error) {
		return e.router.decideApproval(ctx, e, a, false)
	})
}

// ownCompleters complete what the framework itself knows.
func (r *Router) ownCompleters() map[string]Completer {
	return map[string]Completer{
		"approval": func(ctx context.Context, _ *Env, _ string) []bot.Choice {
			var out []bot.Choice
			for en, err := range r.approvals().Newest(ctx, 50) {
				if err != nil {
					return out
				}
				if a := en.Value; a.State == stateAsked && r.now().Before(a.Expires) {
					out = append(out, bot.Choice{Value: a.ID, Label: a.ID + "  " + clip(a.Line, 60), Help: "asked by " + nameOf(a.Requester)})
				}
			}
			return out
		},
		"command": func(_ context.Context, e *Env, _ string) []bot.Choice {
			var out []bot.Choice
			for _, c := range e.mine("") {
				out = append(out, bot.Choice{Value: c.Path, Help: c.Help})
			}
			return out
		},
	}
}
