package discordbot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

const (
	threadTTL     = 60 * 24 * time.Hour
	threadNameMax = 100
	autoArchive   = 1440 // minutes
	forumAge      = 10 * time.Minute
	tidyAgain     = 10 * time.Second
	codeNotText   = 50008
	codeWrongKind = 50024
	forumKind     = 15
	mediaKind     = 16
	flagNeedsTag  = 1 << 4
)

// thread is what drey last made of one.
type thread struct {
	Name     string   `json:"name,omitempty"`
	Tags     []string `json:"tags,omitempty"`
	Archived bool     `json:"archived,omitempty"`
	// Refused says that drey may open no threads there: what belongs in it goes into the channel, as an answer.
	Refused bool `json:"refused,omitempty"`
}

// threads knows the threads that drey writes in, and the forums.
type threads struct {
	table storage.Table[thread]

	mu     sync.Mutex
	forums map[string]forum // by channel
}

// forum is a channel whose messages are all threads.
type forum struct {
	is    bool
	tags  map[string]string // ids by name in lower case
	needs string            // the tag that a thread has when it would have none, where it must have one
	asked time.Time
}

func newThreads(db *storage.DB) *threads {
	return &threads{table: storage.Table[thread]{DB: db, Name: "discord-threads", TTL: threadTTL}, forums: map[string]forum{}}
}

func (t *threads) put(ctx context.Context, id string, v thread) error {
	tx := t.table.DB.Begin(storage.Root(id))
	t.table.Put(tx, id, v, storage.Any)
	if err := t.table.DB.Commit(ctx, tx); err != nil {
		return fmt.Errorf("thread %s: %w", id, err)
	}
	return nil
}

// channelOf is the channel that a message of a place is in: a thread is a channel of its own.
func channelOf(p bot.Place) string {
	if p.Thread != "" {
		return p.Thread
	}
	return p.Channel
}

// known says whether place names what may be a channel of Discord's.
func known(p bot.Place) error {
	if !isSnowflake(p.Channel) || p.Thread != "" && !isSnowflake(p.Thread) {
		return &bot.SendError{Gone: true, Err: fmt.Errorf("channel %.40q: want the id of a channel, a number", p.Channel)}
	}
	return nil
}

// opened returns the thread of a place, which is made where it is not there. It is made when something is first said in
// it: most messages never have one.
func (b *Bot) opened(ctx context.Context, at bot.Place) (thread, error) {
	t, _, err := b.threads.table.Get(ctx, at.Thread)
	if err == nil || !errors.Is(err, storage.ErrNotFound) {
		return t, err
	}
	var root struct {
		Content string `json:"content"`
		Thread  *struct {
			ID string `json:"id"`
		} `json:"thread"`
	}
	err = b.sender.do(ctx, "get message", "GET", "channels/"+at.Channel+"/messages/"+at.Thread, nil, &root)
	switch {
	case isCode(err, codeUnknownMessage): // a thread without a message, or whose message was removed
	case isCode(err, codeNoAccess, codeNoPermission): // it may not read; that need not mean that it may not write
		err = b.openThread(ctx, at, "", &t)
	case err != nil:
		return t, err
	case root.Thread == nil:
		err = b.openThread(ctx, at, root.Content, &t)
	}
	if err != nil && !isCode(err, codeUnknownMessage) {
		return t, err
	}
	return t, b.threads.put(ctx, at.Thread, t)
}

// openThread makes the thread of a message.
func (b *Bot) openThread(ctx context.Context, at bot.Place, content string, t *thread) error {
	t.Name = threadName(content)
	body := map[string]any{"name": t.Name, "auto_archive_duration": autoArchive}
	err := b.sender.do(ctx, "start thread", "POST", "channels/"+at.Channel+"/messages/"+at.Thread+"/threads", body, nil)
	switch {
	case isCode(err, codeThreadExists):
		t.Name = "" // whatever it is
		return nil
	case isCode(err, codeNoAccess, codeNoPermission, codeWrongKind): // direct messages and the chat of calls have no threads
		b.log.Warn("no right to open threads in Discord: answers go into the channel", "network", Network, "channel", at.Channel)
		t.Refused = true
		return nil
	}
	return err
}

// threadName makes a name of what drey said in the message above.
func threadName(content string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(content), "\n")
	line = plainOf(line)
	for t := bot.Plain + 1; t <= bot.Muted; t++ {
		if rest, ok := strings.CutPrefix(line, signOf(t)+" "); ok { // it would stay when things have changed
			line = strings.TrimPrefix(rest, t.Word()+" ")
			break
		}
	}
	name := strings.TrimSpace(cut(strings.TrimSpace(line), threadNameMax))
	if name == "" {
		return "drey"
	}
	return name
}

// plainOf takes drey's own markup and escapes from a line.
func plainOf(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == '*' || s[i] == '`':
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// forum looks whether a channel is one.
func (b *Bot) forum(ctx context.Context, channel string) (forum, error) {
	now := b.o.Now()
	b.threads.mu.Lock()
	f, ok := b.threads.forums[channel]
	b.threads.mu.Unlock()
	if ok && now.Sub(f.asked) < forumAge {
		return f, nil
	}
	var c struct {
		Type  int `json:"type"`
		Flags int `json:"flags"`
		Tags  []struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"available_tags"`
	}
	if err := b.sender.do(ctx, "get channel", "GET", "channels/"+channel, nil, &c); err != nil {
		return f, err
	}
	f = forum{is: c.Type == forumKind || c.Type == mediaKind, tags: map[string]string{}, asked: now}
	for _, t := range c.Tags {
		f.tags[strings.ToLower(t.Name)] = t.ID
	}
	if c.Flags&flagNeedsTag != 0 && len(c.Tags) > 0 {
		f.needs = c.Tags[0].ID
	}
	b.threads.mu.Lock()
	defer b.threads.mu.Unlock()
	if len(b.threads.forums) >= 1000 {
		clear(b.threads.forums)
	}
	b.threads.forums[channel] = f
	return f, nil
}

// forget makes the next look at a forum a fresh one.
func (t *threads) forget(channel string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.forums[channel]
	f.asked = time.Time{}
	t.forums[channel] = f
}

// isForum says whether a channel is known to be a forum.
func (b *Bot) isForum(channel string) bool {
	b.threads.mu.Lock()
	defer b.threads.mu.Unlock()
	return b.threads.forums[channel].is
}

// wanted is what the thread of a forum should be for m. Without a tag of the name of its state it has none.
func (f forum) wanted(m bot.Message) thread {
	t := thread{Name: cut(m.Title, threadNameMax), Archived: m.Closed}
	if t.Name == "" {
		t.Name = threadName(m.Summary())
	}
	if id, ok := f.tags[strings.ToLower(m.State)]; ok && m.State != "" {
		t.Tags = []string{id}
	} else if f.needs != "" {
		t.Tags = []string{f.needs}
	}
	return t
}

// under is what the thread under m should be. Only where m is about a matter that has a state does its title follow.
func (t thread) under(m bot.Message) thread {
	switch {
	case m.State != "":
		return thread{Name: cut(m.Title, threadNameMax), Archived: m.Closed}
	case m.Closed:
		return thread{Name: t.Name, Archived: true}
	}
	return t
}

func (t thread) same(o thread) bool {
	return t.Name == o.Name && t.Archived == o.Archived && slices.Equal(t.Tags, o.Tags)
}

// change brings a thread from one state into another, and notes it.
func (b *Bot) change(ctx context.Context, id string, from, to thread) error {
	if from.same(to) {
		return nil
	}
	body := map[string]any{"archived": to.Archived}
	if to.Name != "" && to.Name != from.Name {
		body["name"] = to.Name
	}
	if !slices.Equal(from.Tags, to.Tags) {
		body["applied_tags"] = slices.Concat([]string{}, to.Tags)
	}
	if from.Archived && to.Archived { // nothing else of it can be changed in the archive
		if err := b.wake(ctx, id); err != nil {
			return err
		}
	}
	if err := b.sender.do(ctx, "edit thread", "PATCH", "channels/"+id, body, nil); err != nil {
		return err
	}
	return b.threads.put(ctx, id, to)
}

// tidy brings a thread into the state that its message tells already. It returns an error where another try would help;
// what drey may not do there is logged, for the message itself tells how things are.
func (b *Bot) tidy(ctx context.Context, id string, from, to thread) error {
	err := b.change(ctx, id, from, to)
	if err == nil {
		return nil
	}
	b.log.Warn("thread not brought up to date", "network", Network, "thread", id, "error", err)
	se := new(bot.SendError)
	if errors.As(err, &se) && (se.Gone || se.Rejected) || isCode(err, codeArchived) {
		return nil
	}
	return &bot.SendError{After: max(se.After, tidyAgain), Alone: true, Err: fmt.Errorf("bring thread %s up to date: %w", id, err)}
}
