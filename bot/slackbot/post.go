package slackbot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

// storeWait bounds what is written down after Slack was told.
const storeWait = 5 * time.Second

// How long what is no answer to anybody waits for its pace. Of posts to one channel the Outbox has one under way at a
// time; edits go back into its queue rather than stand in the way of the answers to people.
const (
	postPatience = 10 * time.Second
	editPatience = 1500 * time.Millisecond
)

// impatient is the patience of a call that is made now or not at all.
const impatient = time.Nanosecond

var errPosting = errors.New("the same post is under way")

// Post implements bot.Network. Slack has no keys of its own: what is going to be posted is written down before, and a
// post whose answer was lost is looked for by the mark it bears before it is made again.
func (b *Bot) Post(ctx context.Context, at bot.Place, key string, m bot.Message) (bot.MessageRef, error) {
	return b.post(ctx, at, key, m, func(in *intent, at bot.Place) (begun bool, err error) {
		err = in.begin(ctx, at.Channel, at.Thread) // mostly it is the first try
		if errors.Is(err, storage.ErrConflict) {
			return false, in.recall(ctx)
		}
		return err == nil, err
	})
}

// PostTracked implements bot.Tracked. A first try of what has no files leaves no record here; a later one reads and writes
// them as Post does, and looks for the post since the first try whatever a record says, unless that knows where it stands.
func (b *Bot) PostTracked(ctx context.Context, at bot.Place, key string, tried time.Time, m bot.Message) (bot.MessageRef, error) {
	return b.post(ctx, at, key, m, func(in *intent, at bot.Place) (begun bool, err error) {
		if tried.IsZero() {
			// Where the message stands matters here only while its files are not all there yet.
			in.record, in.version, in.brief = postRecord{Channel: at.Channel, Thread: at.Thread}, storage.Any, len(filesOf(m)) == 0
			return true, nil
		}
		if err := in.recall(ctx); err != nil {
			return false, err
		}
		if in.version == storage.New {
			in.record = postRecord{Channel: at.Channel, Thread: at.Thread}
		}
		if in.record.TS == "" && (in.record.Since.IsZero() || tried.Before(in.record.Since)) {
			in.record.Since = tried
		}
		return false, nil
	})
}

// post makes a post, unless start, which says whether it was begun just now, finds that it may be there already.
func (b *Bot) post(ctx context.Context, at bot.Place, key string, m bot.Message, start func(in *intent, at bot.Place) (begun bool, err error)) (bot.MessageRef, error) {
	at.Channel, at.Space = channelOf(at), ""
	// Two of this process are told apart here, those of two replicas by the Outbox's leases: for Slack a post under way
	// looks like one that was lost.
	if _, busy := b.posting.LoadOrStore(key, true); busy {
		return bot.MessageRef{}, errPosting
	}
	defer b.posting.Delete(key)
	in := &intent{b: b, mark: markOf(key)}
	begun, err := start(in, at)
	if err != nil {
		return bot.MessageRef{}, err
	}
	if !begun && in.record.TS == "" && !in.record.Since.IsZero() {
		ts, err := in.find(ctx)
		if err != nil {
			return bot.MessageRef{}, err
		}
		if ts != "" {
			in.end(ctx, "", ts)
		}
	}
	if in.record.TS == "" {
		if !begun {
			if err := in.begin(ctx, at.Channel, at.Thread); err != nil {
				return bot.MessageRef{}, err
			}
		}
		if err := in.make(ctx, at, m); err != nil {
			return bot.MessageRef{}, err
		}
	}
	ref := bot.MessageRef{Place: at, ID: in.record.TS}
	ref.Place.Network, ref.Place.Channel = Network, in.record.Channel
	b.homes.touch()
	if err := b.attachFiles(ctx, ref, m); err != nil {
		return bot.MessageRef{}, err
	}
	return ref, nil
}

// make posts, and writes down what became of it.
func (in *intent) make(ctx context.Context, at bot.Place, m bot.Message) error {
	channel, ts, err := in.b.say(ctx, at, in.mark, m, postPatience)
	if err == nil {
		in.end(ctx, channel, ts)
	} else if !unsure(err) {
		in.end(ctx, "", "")
		err = bot.Unsent(err)
	}
	return err
}

// say posts a message under a mark. It returns the channel as Slack names it.
func (b *Bot) say(ctx context.Context, at bot.Place, mark string, m bot.Message, patience time.Duration) (channel, ts string, err error) {
	err = b.pictured(ctx, m, func(out rendered) error {
		options := append(out.options(), slack.MsgOptionMetadata(marked(mark)), slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl())
		if at.Thread != "" {
			options = append(options, slack.MsgOptionTS(at.Thread))
			if m.Broadcast {
				options = append(options, slack.MsgOptionBroadcast())
			}
		}
		return b.client.call(ctx, request{method: methodPost, channel: at.Channel, patience: patience}, func(ctx context.Context, api *slack.Client) error {
			var err error
			channel, ts, err = api.PostMessageContext(ctx, at.Channel, options...)
			return err
		})
	})
	if err == nil && ts == "" {
		return "", "", fmt.Errorf("post in %s: the answer names no message", at.Channel)
	}
	return channel, ts, err
}

// Edit implements bot.Network.
func (b *Bot) Edit(ctx context.Context, ref bot.MessageRef, m bot.Message) error {
	if err := b.update(ctx, ref, m, editPatience); err != nil {
		return err
	}
	b.homes.touch()
	return b.attachFiles(ctx, ref, m)
}

// update replaces a posted message, but for its files.
func (b *Bot) update(ctx context.Context, ref bot.MessageRef, m bot.Message, patience time.Duration) error {
	return b.pictured(ctx, m, func(out rendered) error {
		return b.client.call(ctx, request{method: methodUpdate, patience: patience}, func(ctx context.Context, api *slack.Client) error {
			_, _, _, err := api.UpdateMessageContext(ctx, ref.Place.Channel, ref.ID, out.options()...)
			return err
		})
	})
}

// options always name text, blocks and attachments: an edit that leaves one out would keep it, or lose it.
func (r rendered) options() []slack.MsgOption {
	attachments := r.Attachments
	if attachments == nil {
		attachments = []slack.Attachment{}
	}
	return []slack.MsgOption{slack.MsgOptionText(r.Text, false), slack.MsgOptionBlocks(r.Blocks...), slack.MsgOptionAttachments(attachments...)}
}

// isUser says whether a place is a person rather than a channel.
func isUser(id string) bool { return strings.HasPrefix(id, "U") || strings.HasPrefix(id, "W") }
