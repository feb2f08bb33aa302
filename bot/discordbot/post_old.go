package discordbot

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

const (
	oldAge      = time.Hour       // older messages can be edited only now and then
	oldRest     = 5 * time.Minute // after a refusal; Discord does not say when it takes the next one
	oldRestMost = time.Hour
	oldChannels = 1000
)

// Discord takes few edits of messages older than an hour, and refuses the rest (30046). What such an edit was to show is
// told below the message instead, once for each state, and the edit is tried again later: other messages do not wait for
// it. After a refusal the channel's other old messages are not even tried for a while, for each refusal counts against
// drey.

// oldEdits knows where Discord takes no more edits of old messages, and what was told instead.
type oldEdits struct {
	table storage.Table[toldBelow]

	mu    sync.Mutex
	until map[string]time.Time // by channel
}

// toldBelow is what was last said below a message that could not be edited.
type toldBelow struct {
	Sum string `json:"sum,omitempty"` // of the state; empty: the message itself shows it
	N   int    `json:"n"`             // states told so far
	// Done says that the post is made, not only intended.
	Done bool `json:"done,omitempty"`
}

func newOldEdits(db *storage.DB) *oldEdits {
	return &oldEdits{table: storage.Table[toldBelow]{DB: db, Name: "discord-old-edits", TTL: threadTTL}, until: map[string]time.Time{}}
}

func (o *oldEdits) put(ctx context.Context, id string, v toldBelow) error {
	tx := o.table.DB.Begin(storage.Root(id))
	o.table.Put(tx, id, v, storage.Any)
	if err := o.table.DB.Commit(ctx, tx); err != nil {
		return fmt.Errorf("note what is told below message %s: %w", id, err)
	}
	return nil
}

// isOld says whether edits of a message are among those that Discord takes few of.
func isOld(id string, now time.Time) bool {
	born, err := bornAt(id)
	return err == nil && now.Sub(born) >= oldAge
}

// resting returns the refusal of late where an edit would get it again.
func (o *oldEdits) resting(channel, id string, now time.Time) error {
	if !isOld(id, now) {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if left := o.until[channel].Sub(now); left > 0 {
		return &apiError{route: "edit message", status: 429, code: codeOldEdits, text: "an edit of another old message was refused of late", after: left}
	}
	return nil
}

// rest notes a refusal, and returns for how long the channel's old messages rest.
func (o *oldEdits) rest(channel string, refused error, now time.Time) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	if left := o.until[channel].Sub(now); left > 0 {
		return left
	}
	wait := oldRest
	if e := new(apiError); errors.As(refused, &e) {
		wait = min(max(wait, e.after), oldRestMost)
	}
	if len(o.until) >= oldChannels {
		clear(o.until)
	}
	o.until[channel] = now.Add(wait)
	return wait
}

// tell says below a message what it would show, had Discord taken its edit, and returns when to try that again.
func (b *Bot) tell(ctx context.Context, ref bot.MessageRef, m bot.Message, refused error) error {
	wait := b.old.rest(channelOf(ref.Place), refused, b.o.Now())
	err := b.tellOnce(ctx, ref, m)
	if err == nil {
		return &bot.SendError{After: wait, Alone: true, Err: refused}
	}
	b.log.Warn("new state of an old message not told below it", "network", Network, "message", ref.ID, "error", err)
	if se := new(bot.SendError); errors.As(err, &se) && (se.Gone || se.Rejected) {
		return &bot.SendError{After: wait, Alone: true, Err: refused}
	}
	return fmt.Errorf("tell below message %s: %w", ref.ID, err)
}

// tellOnce posts a state that was not told yet. A state is what a reader would act on: a figure that changes is none.
func (b *Bot) tellOnce(ctx context.Context, ref bot.MessageRef, m bot.Message) error {
	v, _, err := b.old.table.Get(ctx, ref.ID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("look what was told: %w", err)
	}
	title := m.Title
	if title == "" {
		title = cut(m.Summary(), threadNameMax)
	}
	if sum := nonceOf(fmt.Sprintf("%s\x00%d\x00%s\x00%v", title, m.Tone, m.State, m.Closed)); v.Sum != sum {
		v = toldBelow{Sum: sum, N: v.N + 1}
		if err := b.old.put(ctx, ref.ID, v); err != nil {
			return err
		}
	}
	if v.Done {
		return nil
	}
	below := bot.Message{Title: title, Tone: m.Tone, State: m.State, Stated: m.Stated, Blocks: []bot.Block{
		bot.Notef("Discord takes no more changes of older messages for now: the message that this belongs to still shows an earlier state."),
	}}
	for _, x := range m.Blocks {
		if a, ok := x.(bot.Actions); ok {
			below.Blocks = append(below.Blocks, a)
		}
	}
	at := ref.Place
	if at.Thread == "" {
		at.Thread = ref.ID
	}
	if _, err := b.Post(ctx, at, fmt.Sprintf("old/%s/%d", ref.ID, v.N), below); err != nil {
		return err
	}
	v.Done = true
	return b.old.put(ctx, ref.ID, v)
}

// toldItself notes that an old message shows its state itself: the same state is told again when it comes back later.
func (b *Bot) toldItself(ctx context.Context, ref bot.MessageRef) {
	if !isOld(ref.ID, b.o.Now()) {
		return
	}
	v, _, err := b.old.table.Get(ctx, ref.ID)
	if err != nil || v.Sum == "" {
		return
	}
	if err := b.old.put(ctx, ref.ID, toldBelow{N: v.N}); err != nil {
		b.log.Warn("old message's state not noted", "network", Network, "message", ref.ID, "error", err)
	}
}
