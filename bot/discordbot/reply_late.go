package discordbot

import (
	"context"

	"github.com/drey-ops/drey/bot"
)

// afterwards answers a gesture whose token is used up. What everybody saw is edited as a message.
func (a *answer) afterwards(ctx context.Context) error {
	g := a.g
	if g.posted.ID == "" {
		g.posted = bot.MessageRef{Place: a.ev.Place, ID: g.byToken}
	}
	if a.m.Private || a.m.Form != nil {
		return a.b.late(ctx, a.ev, a.m)
	}
	err := a.post(ctx)
	if gone(err) && g.byToken != "" && g.posted.ID == g.byToken {
		g.posted, g.byToken = bot.MessageRef{}, "" // drey cannot edit there without the token
		return a.post(ctx)
	}
	return err
}

// late answers a gesture that nobody knows any more: one before a restart, or one that is too old.
func (b *Bot) late(ctx context.Context, ev bot.Event, m bot.Message) error {
	if err := known(ev.Place); err != nil {
		return err
	}
	if m.Pending && m.Private {
		return nil
	}
	out, files := render(m)
	key := replyKey(ev, 0)
	if m.Private || m.Form != nil {
		// The answer was for them alone, so only that there was one is said.
		out, files, key = emptyBody("The answer came too late to be shown to you alone. Please ask again."), nil, "late/"+ev.ID
		if who := "<@" + ev.Actor.ID + ">"; isSnowflake(ev.Actor.ID) {
			out.Content = who + " " + out.Content
			out.Mentions.Users = []string{ev.Actor.ID}
		}
	}
	_, err := b.create(ctx, channelOf(ev.Place), key, out, files, "")
	return err
}
