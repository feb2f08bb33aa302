package slackbot

import (
	"context"
	"errors"
	"fmt"

	"github.com/drey-ops/drey/bot"
)

// Profile implements bot.Directory.
func (b *Bot) Profile(ctx context.Context, id string) (bot.Profile, error) {
	if in := b.receiving(); in != nil {
		b.people.within(ctx, in.crew, id)
	}
	who, ok := b.people.known(id)
	if !ok { // that there is nobody is not remembered
		m, err := b.client.user(ctx, id)
		if e := (*apiError)(nil); errors.As(err, &e) && (e.code == "user_not_found" || e.code == "user_not_visible") {
			return bot.Profile{Actor: bot.Actor{Network: Network, ID: id}, Unfit: "is nobody in this workspace"}, nil
		}
		if err != nil {
			return bot.Profile{}, fmt.Errorf("look up a person in Slack: %w", err)
		}
		who = person{actor: bot.Actor{Network: Network, ID: id, Name: m.name}, gone: m.gone, app: m.app}
	}
	out := bot.Profile{Actor: who.actor}
	switch {
	case who.app:
		out.Unfit = "is an app"
	case who.gone:
		out.Unfit = "was deactivated"
	}
	return out, nil
}
