package discordbot

import (
	"context"
	"time"

	"github.com/drey-ops/drey/bot"
)

// inThread answers in the thread under the message whose button was pressed, as an ordinary message. The first response
// only says that the press was taken; what the person alone saw until now is taken back.
func (a *answer) inThread(ctx context.Context) error {
	g := a.g
	given, err := a.b.respond(ctx, g, firstResponse{Type: respondAside})
	if err != nil {
		return err
	}
	if given {
		g.mu.Lock()
		g.over = true
		g.mu.Unlock()
		g.since = time.Now()
	}
	if g.below.ID != "" {
		err = a.b.Edit(ctx, g.below, a.m)
	} else {
		at := bot.Place{Network: Network, Channel: g.channel, Thread: a.ev.Place.Thread}
		g.below, err = a.b.Post(ctx, at, replyKey(a.ev, 0), a.m)
	}
	if err != nil || !g.private && len(g.followups) == 0 {
		return err
	}
	return a.withdraw(ctx)
}
