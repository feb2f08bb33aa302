package slackbot

import (
	"context"
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
	client   *client
	homes    *homes
	held     *held
	posting  sync.Map // keys of the posts under way
	people   *people
	keys     keyring

	reception atomic.Pointer[reception] // of the Receive that runs
	rotated   chan struct{}             // closed at the next Rotate; guarded by mu

	mu    sync.Mutex
	specs []bot.CommandSpec
}

// New returns a Bot. It calls Slack at Receive or the first Post at the earliest.
func New(db *storage.DB, log *slog.Logger, o Options) *Bot {
	o = o.withDefaults()
	b := &Bot{o: o, db: db, log: log, gestures: bot.NewKept[*gesture](gestureAge, gesturesMax), rotated: make(chan struct{})}
	b.creds.Store(&o)
	b.keys.put(o.SigningSecret, o.Now())
	b.client = newClient(log, o, b.creds.Load)
	b.people = newPeople(b.client, o.Guests, o.Now)
	b.o.BotToken, b.o.AppToken, b.o.SigningSecret = "", "", ""
	b.homes, b.held = newHomes(), bot.NewKept[*bot.Form](gestureAge, heldMax)
	return b
}

// ID implements bot.Network.
func (b *Bot) ID() bot.NetworkID { return Network }

// postEvery is a little less than Slack asks for: the pacer waits for the rest, to the millisecond.
const postEvery = 900 * time.Millisecond

// Caps implements bot.Network. Slack cuts a message whose blocks hold more than about 13,000 characters; what drey itself
// adds to a message (escapes, signs) finds room in the difference.
func (b *Bot) Caps() bot.Caps {
	caps := bot.Caps{
		TitleMax: 136, TextMax: 2800, TotalMax: 10_000, BlocksMax: 40,
		ButtonsMax: 20, LabelMax: 70, FieldsMax: 20, TableRows: 60, TableCols: 12, FileMax: 20 << 20,
		Threads: true, Private: true, Forms: true, Images: true,
		AckWithin: 3 * time.Second, PostEvery: postEvery, EditEvery: 1200 * time.Millisecond,
	}
	if b.o.Unpaced {
		caps.PostEvery, caps.EditEvery = 0, 0
	}
	return caps
}

// Publish implements bot.Network: the decoder and the shortcuts read the list. Slack itself is told by the app's manifest.
func (b *Bot) Publish(_ context.Context, cmds []bot.CommandSpec) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.specs = append([]bot.CommandSpec(nil), cmds...)
	return nil
}

// Rotate puts new secrets into force: requests and calls under way end with the old ones, and what Slack signs with the old
// signing secret is taken for a little longer. Nothing else of o is looked at.
func (b *Bot) Rotate(o Options) {
	now := b.o
	now.BotToken, now.AppToken, now.SigningSecret = o.BotToken, o.AppToken, o.SigningSecret
	b.keys.put(o.SigningSecret, b.o.Now())
	b.mu.Lock()
	defer b.mu.Unlock()
	b.creds.Store(&now)
	close(b.rotated)
	b.rotated = make(chan struct{})
}
