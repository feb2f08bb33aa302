package slackbot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slack-go/slack"

	"github.com/drey-ops/drey/bot"
)

// Reply implements bot.Network. What was asked in a modal is answered there as far as it concerns the person alone; what
// everybody may see is one message in the channel, which further replies edit. A private word can be neither changed nor
// taken back: the first stand-in is said, later ones are not.
func (b *Bot) Reply(ctx context.Context, ev bot.Event, m bot.Message) error {
	g := b.gestures.Find(ev.Token, b.o.Now())
	if g == nil || b.o.Now().Sub(g.born) > gestureAge {
		return b.replyLate(ctx, ev, m)
	}
	g.under(ev.Place)
	switch {
	case g.kind == home:
		return b.replyHome(ctx, g, ev, m)
	case g.kind == link:
		return b.replyLink(ctx, g, m)
	case m.Form != nil:
		return b.replyForm(ctx, g, m)
	case m.Private && !g.alone():
		return b.replyPrivate(ctx, g, m)
	}
	return b.replyPublic(ctx, g, m)
}

// replyLate answers a gesture of which nothing is known any more but who made it, and where.
func (b *Bot) replyLate(ctx context.Context, ev bot.Event, m bot.Message) error {
	if m.Pending || channelOf(ev.Place) == homeChannel { // a tab that nobody may be looking at any more
		return nil
	}
	g := &gesture{born: b.o.Now(), user: ev.Actor.ID, channel: channelOf(ev.Place), thread: ev.Place.Thread}
	switch {
	case m.Form != nil:
		return b.whisper(ctx, g, b.hold(m.Form))
	case m.Private:
		return b.whisper(ctx, g, m)
	}
	_, err := b.Post(ctx, ev.Place, "reply/"+ev.ID, m)
	return err
}

// replyPrivate says something to the person alone: in the modal they look at, or else in the channel.
func (b *Bot) replyPrivate(ctx context.Context, g *gesture, m bot.Message) error {
	g.opened(ctx)
	if g.modal().shown() {
		if m.Pending && g.waits() {
			return nil // the acknowledgement itself will say that drey is at work
		}
		done, err := b.showNotice(ctx, g, m)
		if done || m.Pending {
			return err
		}
	}
	if g.kind == press && isUser(g.channel) && !g.modal().shown() && g.fresh(b.o.Now()) {
		// Somebody looks at their home tab, and would not see what is said elsewhere.
		if err := b.open(ctx, g, renderNotice(m, metaOf(g)), ""); err == nil {
			return nil
		}
	}
	if m.Pending && (g.wasTold() || g.publicAnswer().ID != "") {
		return nil
	}
	return b.whisper(ctx, g, m)
}

// whisper says something to the person alone, in the channel or thread; where that is closed to drey, in a direct message.
func (b *Bot) whisper(ctx context.Context, g *gesture, m bot.Message) error {
	m = b.handOver(ctx, g.user, m)
	err := b.pictured(ctx, m, func(out rendered) error {
		if g.respondable(b.o.Now()) {
			err := b.client.respond(ctx, g.respond, webhook(out, g.thread, "ephemeral", m.Instead && g.hidden))
			if err == nil || unsure(err) || aboutPicture(err) {
				return err
			}
		}
		return b.whisperTo(ctx, g, m, out)
	})
	if err == nil {
		g.tell()
	}
	return err
}

// whisperTo is for when there is no response URL.
func (b *Bot) whisperTo(ctx context.Context, g *gesture, m bot.Message, out rendered) error {
	if isUser(g.channel) {
		return b.sayDirect(ctx, g.channel, out)
	}
	options := out.options()
	if g.thread != "" {
		options = append(options, slack.MsgOptionTS(g.thread))
	}
	err := b.client.call(ctx, request{method: methodEphemeral}, func(ctx context.Context, api *slack.Client) error {
		_, err := api.PostEphemeralContext(ctx, g.channel, g.user, options...)
		return err
	})
	if se := new(bot.SendError); !errors.As(err, &se) || !se.Gone || m.Pending {
		return err
	}
	channel, direct := b.client.direct(ctx, g.user)
	if direct != nil {
		return err
	}
	return b.sayDirect(ctx, channel, out)
}

// sayDirect posts into direct messages; channel may be a user's id.
func (b *Bot) sayDirect(ctx context.Context, channel string, out rendered) error {
	options := append(out.options(), slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl())
	return b.client.call(ctx, request{method: methodPost, channel: channel}, func(ctx context.Context, api *slack.Client) error {
		_, _, err := api.PostMessageContext(ctx, channel, options...)
		return err
	})
}

// webhook is a message for a response URL. kind is "ephemeral" or "in_channel".
func webhook(out rendered, thread, kind string, instead bool) *slack.WebhookMessage {
	no := false
	m := &slack.WebhookMessage{
		Text: out.Text, ThreadTimestamp: thread, ResponseType: kind, ReplaceOriginal: instead, Attachments: out.Attachments,
		UnfurlLinks: &no, UnfurlMedia: &no,
	}
	if len(out.Blocks) > 0 {
		m.Blocks = &slack.Blocks{BlockSet: out.Blocks}
	}
	return m
}

// replyPublic says something that everybody in the channel may see, and closes the matter in the modal, if there is one.
func (b *Bot) replyPublic(ctx context.Context, g *gesture, m bot.Message) error {
	if g.acknowledge(nil) {
		g.setModal(openView{}) // an empty acknowledgement closes it
	}
	if err := b.sayPublic(ctx, g, m); err != nil {
		return err
	}
	g.opened(ctx)
	if g.modal().shown() && !m.Pending {
		// The answer is there: that the modal could not say so is no reason to say it again.
		if _, err := b.showNotice(ctx, g, bot.Message{Blocks: []bot.Block{bot.Textf("The answer is in the channel.")}}); err != nil {
			b.log.Debug("modal not updated", "network", Network, "error", err)
		}
		g.setModal(openView{})
	}
	return nil
}

func (b *Bot) sayPublic(ctx context.Context, g *gesture, m bot.Message) error {
	var patience time.Duration
	if m.Pending {
		patience = impatient
	}
	if g.isBarred() {
		return b.sayOutside(ctx, g, m)
	}
	ref, err := b.answerOf(ctx, g)
	if err != nil {
		return err
	}
	if ref.ID != "" {
		err := b.update(ctx, ref, m, patience)
		if err == nil {
			return b.attachFiles(ctx, ref, m)
		}
		if se := new(bot.SendError); !errors.As(err, &se) || !se.Gone {
			return droppable(m, err)
		}
		g.answered(bot.MessageRef{}) // somebody deleted it
	}
	at := bot.Place{Network: Network, Channel: g.channel, Thread: g.root()}
	g.trying(b.o.Now())
	channel, ts, err := b.say(ctx, at, g.mark(), m, patience)
	switch {
	case err == nil:
		at.Channel = channel
		ref = bot.MessageRef{Place: at, ID: ts}
		g.answered(ref)
		return b.attachFiles(ctx, ref, m)
	case unsure(err):
		return err // the next reply looks for it
	}
	g.trying(time.Time{})
	if code := codeOf(err); code == "not_in_channel" || code == "channel_not_found" || code == "messages_tab_disabled" {
		g.bar()
		return b.sayOutside(ctx, g, m)
	}
	return droppable(m, err)
}

// droppable lets go of a stand-in whose turn has not come.
func droppable(m bot.Message, err error) error {
	if m.Pending && errors.Is(err, errPace) {
		return nil
	}
	return err
}

// answerOf is where the public answer stands. One whose arrival is not known is looked for.
func (b *Bot) answerOf(ctx context.Context, g *gesture) (bot.MessageRef, error) {
	ref, since := g.publicAnswer(), g.tryingSince()
	if ref.ID != "" || since.IsZero() {
		return ref, nil
	}
	at := bot.Place{Network: Network, Channel: g.channel, Thread: g.root()}
	if isUser(at.Channel) {
		var err error
		if at.Channel, err = b.client.direct(ctx, at.Channel); err != nil {
			return ref, fmt.Errorf("look for an unanswered reply: %w", err)
		}
	}
	ts, err := b.findMarked(ctx, at.Channel, at.Thread, g.mark(), since)
	if code := codeOf(err); err != nil && code != "missing_scope" && code != "not_in_channel" && code != "channel_not_found" {
		return ref, fmt.Errorf("look for an unanswered reply: %w", err)
	}
	if ts != "" {
		ref = bot.MessageRef{Place: at, ID: ts}
		g.answered(ref)
	}
	return ref, nil
}

// sayOutside answers where drey is not a member: what comes through a response URL is seen by everybody there, but cannot
// be edited. Without one the person alone is told, and how to change that.
func (b *Bot) sayOutside(ctx context.Context, g *gesture, m bot.Message) error {
	if m.Pending {
		return nil
	}
	if g.respondable(b.o.Now()) {
		m := b.handOver(ctx, g.user, m)
		return b.pictured(ctx, m, func(out rendered) error {
			return b.client.respond(ctx, g.respond, webhook(out, g.root(), "in_channel", false))
		})
	}
	m.Blocks = append(m.Blocks[:len(m.Blocks):len(m.Blocks)],
		bot.Note{Spans: []bot.Span{{Text: "Only you can see this, because drey is not in this channel. To change that, type /invite @drey there."}}})
	return b.whisper(ctx, g, m)
}
