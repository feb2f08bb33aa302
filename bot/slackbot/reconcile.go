package slackbot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/slack-go/slack"

	"github.com/drey-ops/drey/storage"
)

const (
	// postsTTL is how long a post is known by its key: as long as the Outbox keeps a message.
	postsTTL = 60 * 24 * time.Hour
	// lookBack is how far Slack's clock may be behind ours: what was posted since an intent is looked for from so much
	// earlier on.
	lookBack = 5 * time.Minute
	// lookPages bounds how much of a channel is looked through, newest first, in pages of lookPage.
	lookPages = 5
	lookPage  = 200
	// eventType and markKey are how a message of drey says which post it is. Everybody can read them, so the mark is a
	// digest of the key.
	eventType = "drey_message"
	markKey   = "key"
)

// postRecord is what is known of one post. It is written before Slack is asked, and again when Slack has answered.
type postRecord struct {
	Channel string    `json:"channel"`
	Thread  string    `json:"thread,omitempty"`
	Since   time.Time `json:"since,omitzero"` // when the first try began whose end is not known; zero: there is none
	TS      string    `json:"ts,omitempty"`
}

// markOf is the name of a post for everybody.
func markOf(key string) string {
	sum := sha256.Sum256([]byte("drey post\x00" + key))
	return hex.EncodeToString(sum[:12])
}

// marked is the metadata of a post.
func marked(mark string) slack.SlackMetadata {
	return slack.SlackMetadata{EventType: eventType, EventPayload: map[string]any{markKey: mark}}
}

// intent is a post that is being made.
type intent struct {
	b       *Bot
	mark    string
	record  postRecord
	version storage.Version
	brief   bool // somebody else keeps the record
}

// recall reads what is known of the post.
func (in *intent) recall(ctx context.Context) (err error) {
	in.record, in.version, err = in.b.posts().Get(ctx, in.mark)
	if errors.Is(err, storage.ErrNotFound) {
		in.record, in.version, err = postRecord{}, storage.New, nil // it has just expired
	}
	if err != nil {
		return fmt.Errorf("look up an earlier post: %w", err)
	}
	return nil
}

func (b *Bot) posts() storage.Table[postRecord] {
	return storage.Table[postRecord]{DB: b.db, Name: "slack-posts", TTL: postsTTL, Unlisted: true}
}

// save writes the record down. An error means that somebody else has the post in hand, or that the store is away.
func (in *intent) save(ctx context.Context) error {
	tx := in.b.db.Begin(storage.Root(in.mark))
	in.b.posts().Put(tx, in.mark, in.record, in.version)
	if err := in.b.db.Commit(ctx, tx); err != nil {
		return fmt.Errorf("write down a post: %w", err)
	}
	in.version++
	return nil
}

// begin writes down that the post is going to be made. Without that nothing must be posted.
func (in *intent) begin(ctx context.Context, channel, thread string) error {
	in.record = postRecord{Channel: channel, Thread: thread, Since: time.Now().UTC()}
	return in.save(ctx)
}

// end writes down what became of the post: where it stands, or, with an empty ts, that it surely was not made. When that
// fails the next try looks for it in Slack.
func (in *intent) end(ctx context.Context, channel, ts string) {
	in.record.TS, in.record.Since = ts, time.Time{}
	if channel != "" {
		in.record.Channel = channel
	}
	if in.brief {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWait)
	defer cancel()
	if err := in.save(ctx); err != nil {
		in.b.log.Warn("post not written down; a repeat will look for it", "network", Network, "error", err)
	}
}

// find looks in Slack for a post whose answer was lost. An empty ts: it is not there.
func (in *intent) find(ctx context.Context) (ts string, err error) {
	if isUser(in.record.Channel) {
		if in.record.Channel, err = in.b.client.direct(ctx, in.record.Channel); err != nil {
			return "", fmt.Errorf("look for an unanswered post: %w", err)
		}
	}
	ts, err = in.b.findMarked(ctx, in.record.Channel, in.record.Thread, in.mark, in.record.Since)
	switch code := codeOf(err); {
	case code == "missing_scope" || code == "not_in_channel" || code == "channel_not_found":
		in.b.log.Warn("an unanswered post cannot be looked for; it may appear twice", "network", Network, "error", err)
		return "", nil
	case err != nil:
		return "", fmt.Errorf("look for an unanswered post: %w", err)
	}
	return ts, nil
}

// findMarked looks through a channel, or a thread of it, for the message with a mark that was posted since.
func (b *Bot) findMarked(ctx context.Context, channel, thread, mark string, since time.Time) (ts string, err error) {
	oldest := strconv.FormatInt(since.Add(-lookBack).Unix(), 10) + ".000000"
	cursor := ""
	for range lookPages {
		var page []slack.Message
		page, cursor, err = b.page(ctx, channel, thread, oldest, cursor)
		if err != nil {
			return "", err
		}
		for _, m := range page {
			if m.Metadata.EventType == eventType && m.Metadata.EventPayload[markKey] == mark {
				return m.Timestamp, nil
			}
		}
		if cursor == "" {
			return "", nil
		}
	}
	return "", nil
}

// page reads one page of a channel or of a thread.
func (b *Bot) page(ctx context.Context, channel, thread, oldest, cursor string) (page []slack.Message, next string, err error) {
	if thread != "" {
		err = b.client.call(ctx, request{method: methodReplies}, func(ctx context.Context, api *slack.Client) (err error) {
			page, _, next, err = api.GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{
				ChannelID: channel, Timestamp: thread, Oldest: oldest, Cursor: cursor, Limit: lookPage, IncludeAllMetadata: true,
			})
			return err
		})
		return page, next, err
	}
	err = b.client.call(ctx, request{method: methodHistory}, func(ctx context.Context, api *slack.Client) error {
		got, err := api.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{
			ChannelID: channel, Oldest: oldest, Cursor: cursor, Limit: lookPage, IncludeAllMetadata: true,
		})
		if err == nil {
			page, next = got.Messages, got.ResponseMetaData.NextCursor
		}
		return err
	})
	return page, next, err
}
