package discordbot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

// Edit implements bot.Network. The thread of a message that says that nothing more is expected is archived.
func (b *Bot) Edit(ctx context.Context, ref bot.MessageRef, m bot.Message) error {
	if err := known(ref.Place); err != nil {
		return err
	}
	if !isSnowflake(ref.ID) {
		return &bot.SendError{Gone: true, Err: fmt.Errorf("message %.40q: want the id of a message, a number", ref.ID)}
	}
	b.keepQuestions(ctx, m)
	out, files := render(m)
	channel := channelOf(ref.Place)
	t, _, err := b.threads.table.Get(ctx, ref.ID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	noted := err == nil
	path := "channels/" + channel + "/messages/" + ref.ID
	try := func() error {
		// Edits have a rate of their own. Who waits for it keeps nobody from posting.
		return aside(b.sender.within(ctx, editPatience, "edit message", "PATCH", path, upload{out, files}, nil))
	}
	if err = b.old.resting(channel, ref.ID, b.o.Now()); err == nil {
		err = try()
	}
	if isCode(err, codeArchived) && ref.Place.Thread != "" {
		if err = b.wake(ctx, channel); err == nil {
			err = try()
			t.Archived = false
		}
	}
	var waits error
	switch {
	case isCode(err, codeOldEdits):
		waits = b.tell(ctx, ref, m, err)
		if now, _, err := b.threads.table.Get(ctx, ref.ID); err == nil {
			t, noted = now, true // what was told may have opened it, or taken it out of the archive
		}
	case err != nil:
		return err
	default:
		b.toldItself(ctx, ref)
	}
	if err := b.bringUpToDate(ctx, ref, m, t, noted); err != nil && waits == nil {
		waits = err
	}
	return waits
}

// editPatience is how long an edit waits for its turn; a longer wait is the Outbox's.
const editPatience = 200 * time.Millisecond

// aside marks the wait for a rate limit of edits as one of this message alone.
func aside(err error) error {
	se, waits := new(bot.SendError), new(throttled)
	if errors.As(err, &se) && se.After > 0 && (errors.Is(err, errLimited) || errors.As(err, &waits) && !waits.global) {
		return &bot.SendError{After: se.After, Alone: true, Err: se.Err}
	}
	return err
}

// bringUpToDate makes the thread of a message what the message says of it.
func (b *Bot) bringUpToDate(ctx context.Context, ref bot.MessageRef, m bot.Message, t thread, noted bool) error {
	if ref.Place.Thread != ref.ID {
		if !noted || t.Refused {
			return nil
		}
		return b.tidy(ctx, ref.ID, t, t.under(m))
	}
	f, err := b.forum(ctx, ref.Place.Channel)
	if err != nil {
		b.log.Warn("thread not brought up to date", "network", Network, "thread", ref.ID, "error", err)
		return &bot.SendError{After: tidyAgain, Alone: true, Err: fmt.Errorf("bring thread %s up to date: %w", ref.ID, err)}
	}
	err = b.tidy(ctx, ref.ID, t, f.wanted(m))
	if isCode(err, codeUnknownTag, codeTagRequired) {
		b.threads.forget(ref.Place.Channel) // the next try has those of then
	}
	return err
}

// wake takes a thread out of the archive.
func (b *Bot) wake(ctx context.Context, id string) error {
	return b.sender.do(ctx, "edit thread", "PATCH", "channels/"+id, map[string]any{"archived": false}, nil)
}

// postForum makes a thread in a forum with m as its first message.
func (b *Bot) postForum(ctx context.Context, at bot.Place, key string, m bot.Message) (bot.MessageRef, error) {
	ref := bot.MessageRef{Place: at}
	f, err := b.forum(ctx, at.Channel)
	if err != nil {
		return ref, err
	}
	t := f.wanted(m)
	out, files := render(m)
	body := map[string]any{"name": t.Name, "auto_archive_duration": autoArchive, "message": out}
	if len(t.Tags) > 0 {
		body["applied_tags"] = t.Tags
	}
	// A thread of a forum knows no nonce.
	o := once{b: b, nonce: nonceOf(key), sum: out.sum()}
	o.send = func(ctx context.Context) (string, error) {
		var got struct {
			ID string `json:"id"`
		}
		err := b.sender.do(ctx, "start thread", "POST", "channels/"+at.Channel+"/threads", upload{body, files}, &got)
		return got.ID, err
	}
	o.look = func(ctx context.Context, p posting) (string, error) { return b.lookInForum(ctx, at.Channel, t.Name, p) }
	ref.ID, err = o.run(ctx)
	if isCode(err, codeUnknownTag, codeTagRequired) {
		b.threads.forget(at.Channel)
		err = &bot.SendError{After: time.Second, Err: fmt.Errorf("the tags of the forum have changed: %w", err)}
	}
	if err != nil {
		return ref, err
	}
	ref.Place.Thread = ref.ID
	t.Archived = false
	if err := b.threads.put(ctx, ref.ID, t); err != nil {
		b.log.Warn("thread not noted", "network", Network, "thread", ref.ID, "error", err)
	}
	return ref, nil
}

// lookInForum looks for the thread of an earlier try, named so, among those of the forum that are active.
func (b *Bot) lookInForum(ctx context.Context, channel, name string, p posting) (string, error) {
	var c struct {
		Guild string `json:"guild_id"`
	}
	if err := b.sender.do(ctx, "get channel", "GET", "channels/"+channel, nil, &c); err != nil {
		return "", err
	}
	var active struct {
		Threads []struct {
			ID     string `json:"id"`
			Parent string `json:"parent_id"`
			Name   string `json:"name"`
		} `json:"threads"`
	}
	if err := b.sender.do(ctx, "list active threads", "GET", "guilds/"+c.Guild+"/threads/active", nil, &active); err != nil {
		return "", err
	}
	for _, t := range active.Threads {
		if t.Parent != channel || t.Name != name || !near(t.ID, p.Tried) {
			continue
		}
		var m postedMessage
		err := b.sender.do(ctx, "get message", "GET", "channels/"+t.ID+"/messages/"+t.ID, nil, &m)
		switch {
		case isCode(err, codeUnknownChannel, codeUnknownMessage, codeNoAccess):
		case err != nil:
			return "", err
		case m.sum() == p.Sum:
			return t.ID, nil
		}
	}
	return "", nil
}
