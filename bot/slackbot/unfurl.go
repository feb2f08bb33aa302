package slackbot

import (
	"context"

	"github.com/slack-go/slack"

	"github.com/drey-ops/drey/bot"
)

// replyLink shows an answer as the card below a link. Whoever posted the link did not ask drey for anything: what is not
// for everybody, or says that there is nothing to show, is dropped.
func (b *Bot) replyLink(ctx context.Context, g *gesture, m bot.Message) error {
	if m.Pending {
		return nil
	}
	if m.Private || m.Form != nil || m.Tone == bot.Bad {
		b.log.Debug("link not unfurled", "network", Network, "channel", g.channel)
		return nil
	}
	out := render(m, nil)
	cards := map[string]slack.Attachment{}
	for _, l := range g.links {
		cards[l.url] = slack.Attachment{Fallback: out.Text, Color: color(m.Tone), Blocks: slack.Blocks{BlockSet: out.all()}}
	}
	return b.client.call(ctx, request{method: methodUnfurl}, func(ctx context.Context, api *slack.Client) error {
		var err error
		if t := g.unfurl; t.id != "" && t.source != "" {
			_, _, _, err = api.UnfurlMessageByIDContext(ctx, t.id, t.source, cards)
		} else {
			_, _, _, err = api.UnfurlMessageContext(ctx, t.channel, t.ts, cards)
		}
		return err
	})
}
