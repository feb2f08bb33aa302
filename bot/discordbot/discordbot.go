package discordbot

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

// Bot is drey in Discord.
type Bot struct {
	o        Options // without secrets: those change, and are asked of creds
	db       *storage.DB
	log      *slog.Logger
	creds    atomic.Pointer[Options]
	gestures *gestures
	*intake
	sender  *sender
	asks    *questions
	forms   *forms
	threads *threads
	posts   storage.Table[posting]
	old     *oldEdits
	chosen  *chosenPeople

	mu      sync.Mutex
	specs   []bot.CommandSpec
	sink    bot.Sink
	running context.Context // of Receive; what is delivered outlives the request that brought it
}

// New returns a Bot. It calls Discord at Receive or the first Post at the earliest.
func New(db *storage.DB, log *slog.Logger, o Options) *Bot {
	o = o.withDefaults()
	b := &Bot{o: o, db: db, log: log, gestures: bot.NewKept[*gesture](2*gestureAge, gesturesMax), intake: newIntake(o.PublicKey)}
	b.creds.Store(&o)
	b.o.BotToken = ""
	b.sender = newSender(o, func() string { return string(b.creds.Load().BotToken) }, log)
	b.asks, b.forms, b.threads = newQuestions(db), bot.NewKept[keptForm](formsAge, formsMax), newThreads(db)
	b.old, b.chosen = newOldEdits(db), &chosenPeople{all: map[string]chosenPerson{}}
	b.posts = storage.Table[posting]{DB: db, Name: "discord-posts", TTL: postTTL}
	return b
}

// ID implements bot.Network.
func (b *Bot) ID() bot.NetworkID { return Network }

// Caps implements bot.Network. Discord takes 2,000 characters of content and 6,000 in cards, of which escapes may take up
// to a half. The lengths here leave room for what people write; a text that is nothing but markup is cut when it is
// rendered.
func (b *Bot) Caps() bot.Caps {
	return bot.Caps{
		TitleMax: 240, TextMax: 1900, TotalMax: 4000, BlocksMax: 10,
		ButtonsMax: 10, LabelMax: 70, FieldsMax: 20, TableRows: 20, TableCols: 8, FileMax: 9 << 20,
		Threads: true, Private: true, Forms: true, Images: true,
		AckWithin: 2500 * time.Millisecond, PostEvery: time.Second, EditEvery: 1200 * time.Millisecond,
	}
}

// Publish implements bot.Network: the decoder reads the list. Discord itself is told by Register.
func (b *Bot) Publish(_ context.Context, cmds []bot.CommandSpec) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.specs = append([]bot.CommandSpec(nil), cmds...)
	b.routes.Store(routesOf(cmds))
	return nil
}

// Rotate puts a new token and public key into force. Nothing else of o is looked at.
func (b *Bot) Rotate(o Options) {
	now := b.o
	now.BotToken, now.PublicKey = o.BotToken, o.PublicKey
	b.creds.Store(&now)
	b.proofs(o.PublicKey, b.o.Now())
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
		return nil, errors.New("discordbot: Receive runs already")
	}
	b.sink, b.running = s, ctx
	return func() {
		b.mu.Lock()
		b.sink, b.running = nil, nil
		b.mu.Unlock()
	}, nil
}
