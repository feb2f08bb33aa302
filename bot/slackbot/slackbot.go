package slackbot

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

// Bot is drey in one Slack workspace.
type Bot struct {
	o        Options // without secrets: those change, and are asked of creds
	db       *storage.DB
	log      *slog.Logger
	creds    atomic.Pointer[Options]
	gestures *gestures

	mu      sync.Mutex
	specs   []bot.CommandSpec
	sink    bot.Sink
	running context.Context // of Receive; what is delivered outlives the request that brought it
}

// New returns a Bot. It calls Slack at Receive or the first Post at the earliest.
func New(db *storage.DB, log *slog.Logger, o Options) *Bot {
	o = o.withDefaults()
	b := &Bot{o: o, db: db, log: log, gestures: newGestures()}
	b.creds.Store(&o)
	b.o.BotToken, b.o.AppToken, b.o.SigningSecret = "", "", ""
	return b
}

// ID implements bot.Network.
func (b *Bot) ID() bot.NetworkID { return Network }

// Caps implements bot.Network. Slack cuts a message whose blocks hold more than about 13,000 characters; what drey itself
// adds to a message (escapes, signs) finds room in the difference.
func (b *Bot) Caps() bot.Caps {
	return bot.Caps{
		TitleMax: 140, TextMax: 2800, TotalMax: 10_000, BlocksMax: 40,
		ButtonsMax: 20, LabelMax: 70, FieldsMax: 20, TableRows: 60, TableCols: 12, FileMax: 20 << 20,
		Threads: true, Private: true, Forms: true, Images: true,
		AckWithin: 3 * time.Second, PostEvery: time.Second, EditEvery: 1200 * time.Millisecond,
	}
}

// Publish implements bot.Network: the decoder and the shortcuts read the list. Slack itself is told by the app's manifest.
func (b *Bot) Publish(_ context.Context, cmds []bot.CommandSpec) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.specs = append([]bot.CommandSpec(nil), cmds...)
	return nil
}

// Rotate puts new secrets into force: requests and calls under way end with the old ones. Nothing else of o is looked at.
func (b *Bot) Rotate(o Options) {
	now := b.o
	now.BotToken, now.AppToken, now.SigningSecret = o.BotToken, o.AppToken, o.SigningSecret
	b.creds.Store(&now)
}

// receiving returns the sink and the context to deliver with; ok is false before Receive and after.
func (b *Bot) receiving() (s bot.Sink, ctx context.Context, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sink, b.running, b.sink != nil && b.running.Err() == nil
}

// attach notes the sink of a Receive; the function it returns takes it away again.
func (b *Bot) attach(ctx context.Context, s bot.Sink) (func(), error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sink != nil {
		return nil, errors.New("slackbot: Receive runs already")
	}
	b.sink, b.running = s, ctx
	return func() {
		b.mu.Lock()
		b.sink, b.running = nil, nil
		b.mu.Unlock()
	}, nil
}
