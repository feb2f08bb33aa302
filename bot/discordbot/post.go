package discordbot

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

const (
	postTTL = 7 * 24 * time.Hour
	// nonceAge is how long Discord is trusted to know a nonce; it says a few minutes.
	nonceAge = 2 * time.Minute
	nonceLen = 25
	lookBack = 100 // messages that are looked through for one whose answer got lost
)

// posting is a message that was given to Discord, or was about to be.
type posting struct {
	ID    string    `json:"id,omitempty"` // empty: it is not known whether it got there
	Tried time.Time `json:"tried,omitzero"`
	Sum   string    `json:"sum,omitempty"` // of what was given
}

// Post implements bot.Network. A message in a forum is a thread of its own, with the same id.
func (b *Bot) Post(ctx context.Context, at bot.Place, key string, m bot.Message) (bot.MessageRef, error) {
	_, direct := at.Person()
	at, err := b.direct(ctx, at)
	ref := bot.MessageRef{Place: at}
	if err != nil {
		return ref, err
	}
	if err := known(at); err != nil {
		return ref, err
	}
	b.keepQuestions(ctx, m)
	if at.Thread == "" && b.isForum(at.Channel) {
		return b.postForum(ctx, at, key, m)
	}
	out, files := render(m)
	channel := channelOf(at)
	var reference string
	if at.Thread != "" {
		t, err := b.opened(ctx, at)
		switch {
		case err != nil:
			return ref, fmt.Errorf("thread of message %s: %w", at.Thread, err)
		case t.Refused:
			channel, reference, ref.Place.Thread = at.Channel, at.Thread, ""
		case t.Archived:
			t.Archived = false // what is posted wakes it
			if err := b.threads.put(ctx, at.Thread, t); err != nil {
				return ref, err
			}
		}
	}
	id, err := b.create(ctx, channel, key, out, files, reference)
	if at.Thread == "" && isCode(err, codeNotText, codeWrongKind) {
		if f, known := b.forum(ctx, at.Channel); known == nil && f.is {
			return b.postForum(ctx, at, key, m)
		}
	}
	if err != nil {
		return ref, err
	}
	if direct { // which have no threads: what belongs in one answers the message
		err = b.threads.put(ctx, id, thread{Refused: true})
	}
	if ref.ID = id; m.Broadcast && ref.Place.Thread != "" {
		err = b.broadcast(ctx, at, key, m)
	}
	return ref, err
}

// broadcast says in the channel what was posted in a thread of it. Discord has no message in two places.
func (b *Bot) broadcast(ctx context.Context, at bot.Place, key string, m bot.Message) error {
	if b.isForum(at.Channel) {
		return nil
	}
	sign := signOf(m.Tone)
	text := strings.TrimSpace(sign + " " + cutEscaped(m.Summary(), leadMax) + " → <#" + at.Thread + ">")
	_, err := b.create(ctx, at.Channel, key+"/b", emptyBody(text), nil, "")
	return err
}

// create posts a message once for its key.
func (b *Bot) create(ctx context.Context, channel, key string, out body, files []file, reference string) (string, error) {
	out.Nonce, out.OnceOnly = nonceOf(key), true
	o := once{b: b, nonce: out.Nonce, sum: out.sum(), patience: nonceAge}
	o.send = func(ctx context.Context) (string, error) {
		var body any = out
		if reference != "" {
			body = withReference{out, map[string]any{"message_id": reference, "fail_if_not_exists": false}}
		}
		var got struct {
			ID string `json:"id"`
		}
		err := b.sender.do(ctx, "create message", "POST", "channels/"+channel+"/messages", upload{body, files}, &got)
		return got.ID, err
	}
	o.look = func(ctx context.Context, p posting) (string, error) { return b.lookFor(ctx, channel, out.Nonce, p) }
	return o.run(ctx)
}

// withReference is a message that answers another.
type withReference struct {
	body
	Reference map[string]any `json:"message_reference"`
}

// once does something at most once, as far as Discord lets us know.
type once struct {
	b        *Bot
	nonce    string
	sum      string
	patience time.Duration // how long after a try Discord knows the nonce
	send     func(ctx context.Context) (string, error)
	look     func(ctx context.Context, p posting) (string, error) // for what an earlier try made; empty: nothing
}

// run writes down what is going to be sent before it is. A try that follows one whose outcome is not known relies on the
// nonce, or when that may be forgotten looks for what the first one made.
func (o *once) run(ctx context.Context) (string, error) {
	table := o.b.posts
	p, _, err := table.Get(ctx, o.nonce)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return "", fmt.Errorf("look for an earlier try: %w", err)
	}
	if p.ID != "" {
		return p.ID, nil
	}
	now := o.b.o.Now()
	earlier := !p.Tried.IsZero()
	if earlier && now.Sub(p.Tried) >= o.patience {
		id, err := o.look(ctx, p)
		if err != nil {
			return "", fmt.Errorf("look for an earlier try: %w", err)
		}
		if id != "" {
			return id, o.save(ctx, posting{ID: id})
		}
		earlier = false
	}
	if !earlier {
		if err := o.save(ctx, posting{Tried: now.UTC(), Sum: o.sum}); err != nil {
			return "", err
		}
	}
	id, err := o.send(ctx)
	if err != nil {
		if !earlier && certain(err) {
			o.forget(ctx)
		}
		return "", err
	}
	if err := o.save(ctx, posting{ID: id}); err != nil {
		o.b.log.Warn("post not noted", "network", Network, "error", err) // within the nonce's time a repeat is known
	}
	return id, nil
}

func (o *once) save(ctx context.Context, p posting) error {
	tx := o.b.posts.DB.Begin(o.nonce)
	o.b.posts.Put(tx, o.nonce, p, storage.Any)
	if err := o.b.posts.DB.Commit(ctx, tx); err != nil {
		return fmt.Errorf("note a post: %w", err)
	}
	return nil
}

// forget takes the note of a try away that had no effect for sure.
func (o *once) forget(ctx context.Context) {
	tx := o.b.posts.DB.Begin(o.nonce)
	o.b.posts.Delete(tx, o.nonce, storage.Any)
	if err := o.b.posts.DB.Commit(context.WithoutCancel(ctx), tx); err != nil {
		o.b.log.Warn("post not noted", "network", Network, "error", err)
	}
}

// certain says whether a call that failed had no effect.
func certain(err error) bool {
	refused, waits := new(apiError), new(throttled)
	switch {
	case errors.As(err, &refused):
		return refused.status < 500
	case errors.As(err, &waits), errors.Is(err, errLimited), errors.Is(err, errShut):
		return true
	}
	return false
}

// nonceOf names a post for Discord. A part of it would do: it needs to differ from the others of some minutes.
func nonceOf(key string) string {
	sum := sha256.Sum256([]byte("discord\x00" + key))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:nonceLen])
}

// posted is a message as Discord shows it, as far as it tells one from another.
type postedMessage struct {
	ID         string          `json:"id"`
	Content    string          `json:"content"`
	Nonce      any             `json:"nonce"`
	Embeds     []embed         `json:"embeds"`
	Components json.RawMessage `json:"components"`
}

// sum is what a message says, as far as Discord shows it again as it was given.
func (o body) sum() string {
	raw, err := json.Marshal(o.Components)
	if err != nil {
		return ""
	}
	return postedMessage{Content: o.Content, Embeds: o.Embeds, Components: raw}.sum()
}

func (m postedMessage) sum() string {
	parts := []string{strings.TrimSpace(m.Content)}
	for _, e := range m.Embeds {
		parts = append(parts, strings.TrimSpace(e.Description))
		for _, f := range e.Fields {
			parts = append(parts, strings.TrimSpace(f.Name), strings.TrimSpace(f.Value))
		}
	}
	parts = append(parts, buttonsIn(m.Components)...)
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:nonceLen])
}

// lookFor finds the message of an earlier try in a channel: the nonce tells it where Discord still shows that, else what
// it says and when it came.
func (b *Bot) lookFor(ctx context.Context, channel, nonce string, p posting) (string, error) {
	var all []postedMessage
	err := b.sender.do(ctx, "list messages", "GET", fmt.Sprintf("channels/%s/messages?limit=%d", channel, lookBack), nil, &all)
	if isCode(err, codeNoAccess, codeNoPermission) {
		b.log.Warn("no right to read messages in Discord: a message may come twice", "network", Network, "channel", channel)
		return "", nil
	}
	if err != nil {
		return "", err
	}
	slices.Reverse(all) // the first try made the oldest
	for _, m := range all {
		if m.Nonce == nonce || m.Nonce == nil && m.sum() == p.Sum && near(m.ID, p.Tried) {
			return m.ID, nil
		}
	}
	return "", nil
}

// near says whether a message came within the minutes after a time.
func near(id string, at time.Time) bool {
	born, err := bornAt(id)
	return err == nil && born.After(at.Add(-10*time.Second)) && born.Before(at.Add(nonceAge+time.Minute))
}

func (b *Bot) keepQuestions(ctx context.Context, m bot.Message) {
	if err := b.asks.keep(ctx, m, b.o.Now()); err != nil {
		b.log.Warn("question of a button not kept: it will ask in general words", "network", Network, "error", err)
	}
}
