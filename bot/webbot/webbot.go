package webbot

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

// Network is the id of the console in places and actors.
const Network bot.NetworkID = "web"

const (
	// pollEvery is how soon a message of another replica shows here.
	pollEvery = time.Second
	storeWait = 10 * time.Second
)

// Bot is the console: a bot.Network and the pages for it.
type Bot struct {
	o        Options
	db       *storage.DB
	log      *slog.Logger
	tmpl     *template.Template
	assets   *assets
	feeds    map[string]*feed
	users    map[string]User
	sessions storage.Table[session]
	marks    storage.Table[marks]
	limit    *limiter
	uploads  *uploads

	mu       sync.Mutex
	specs    []bot.CommandSpec
	specsVer string
	sink     bot.Sink
	running  context.Context // of Receive; what is delivered outlives the request that brought it
	streams  map[*stream]struct{}
}

// New returns the console over db. It reads nothing before Receive or the first request.
func New(db *storage.DB, log *slog.Logger, o Options) *Bot {
	o = o.withDefaults()
	b := &Bot{
		o: o, db: db, log: log,
		assets:   loadAssets(),
		feeds:    map[string]*feed{},
		users:    map[string]User{},
		sessions: storage.Table[session]{DB: db, Name: "web-sessions", TTL: sessionTTL},
		marks:    storage.Table[marks]{DB: db, Name: "web-read", TTL: 180 * 24 * time.Hour},
		limit:    newLimiter(o.Now),
		uploads:  newUploads(o.FileMax, o.Now),
		streams:  map[*stream]struct{}{},
	}
	b.tmpl = b.parseTemplates()
	for _, u := range o.Users {
		b.users[u.ID] = u
	}
	for _, ch := range o.Channels {
		b.feeds[ch] = &feed{
			channel: ch, root: "web:" + ch, max: o.MaxHistory,
			metas:   storage.Table[meta]{DB: db, Name: "web-feeds"},
			records: storage.Table[record]{DB: db, Name: "web-messages"},
			blobs:   storage.Table[blob]{DB: db, Name: "web-files"},
			render:  b.renderMessage,
			changed: b.wake,
			byID:    map[string]*entry{},
		}
	}
	return b
}

// ID implements bot.Network.
func (b *Bot) ID() bot.NetworkID { return Network }

// Caps implements bot.Network. The bounds keep a page quick to read and to draw; a browser has hardly any of its own.
func (b *Bot) Caps() bot.Caps {
	return bot.Caps{
		TitleMax: 250, TextMax: 12_000, TotalMax: 60_000, BlocksMax: 50,
		ButtonsMax: 25, LabelMax: 60, FieldsMax: 40, TableRows: 500, TableCols: 40, FileMax: 8 << 20,
		Threads: true, Private: true, Forms: true, Images: true,
		AckWithin: 2 * time.Second, EditEvery: 200 * time.Millisecond,
	}
}

// Publish implements bot.Network: open pages fetch the new list.
func (b *Bot) Publish(_ context.Context, cmds []bot.CommandSpec) error {
	b.mu.Lock()
	b.specs = append([]bot.CommandSpec(nil), cmds...)
	b.specsVer = storage.NewID()
	b.mu.Unlock()
	b.wake()
	return nil
}

// Receive implements bot.Network: gestures are taken while it runs. When ctx ends it ends the streams, so that the
// server around the handler can shut down.
func (b *Bot) Receive(ctx context.Context, s bot.Sink) error {
	b.mu.Lock()
	if b.sink != nil {
		b.mu.Unlock()
		return errors.New("webbot: Receive runs already")
	}
	b.sink, b.running = s, ctx
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		b.sink, b.running = nil, nil
		for st := range b.streams {
			st.cancel()
		}
		b.mu.Unlock()
	}()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			b.uploads.expire()
			b.poll(ctx)
		}
	}
}

// poll looks for what other replicas wrote, while anybody watches.
func (b *Bot) poll(ctx context.Context) {
	b.mu.Lock()
	watched := len(b.streams) > 0
	b.mu.Unlock()
	if !watched {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	if err := b.refresh(ctx); err != nil && ctx.Err() == nil {
		b.log.Warn("console could not read its channels", "network", Network, "err", err)
	}
}

func (b *Bot) refresh(ctx context.Context) error {
	for _, ch := range b.o.Channels {
		if err := b.feeds[ch].refresh(ctx); err != nil {
			return err
		}
	}
	return nil
}

// receiving returns the sink and the context to deliver with; ok is false before Receive and after.
func (b *Bot) receiving() (s bot.Sink, ctx context.Context, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sink, b.running, b.sink != nil && b.running.Err() == nil
}

// wake tells the streams that something changed. It never waits for one.
func (b *Bot) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for st := range b.streams {
		select {
		case st.wake <- struct{}{}:
		default:
		}
	}
}

func (b *Bot) feed(p bot.Place) (*feed, error) {
	f, ok := b.feeds[p.Channel]
	if !ok {
		return nil, &bot.SendError{Gone: true, Err: fmt.Errorf("webbot: no channel %q", p.Channel)}
	}
	return f, nil
}

// Post implements bot.Network. The id of the message is made from key, so a repeat finds the first.
func (b *Bot) Post(ctx context.Context, at bot.Place, key string, m bot.Message) (bot.MessageRef, error) {
	f, err := b.feed(at)
	if err != nil {
		return bot.MessageRef{}, err
	}
	id, now := postID(key), b.o.Now()
	thread, err := b.root(ctx, f, at.Thread)
	if err != nil {
		return bot.MessageRef{}, err
	}
	r, err := f.write(ctx, id, func(r *record, exists bool) (map[string]blob, error) {
		if exists {
			return nil, errUnchanged
		}
		msg, refs, blobs := detach(id, m)
		*r = record{ID: id, At: now, Thread: thread, Msg: &msg, Files: refs}
		return blobs, nil
	})
	if err != nil {
		return bot.MessageRef{}, err
	}
	return bot.MessageRef{Place: bot.Place{Network: Network, Channel: at.Channel, Thread: r.Thread}, ID: id}, nil
}

// root finds the head of the thread that id stands in. A thread whose head was trimmed is no more: what would go there
// goes into the channel rather than nowhere.
func (b *Bot) root(ctx context.Context, f *feed, id string) (string, error) {
	if id == "" {
		return "", nil
	}
	r, version, err := f.read(ctx, id)
	switch {
	case err != nil:
		return "", fmt.Errorf("read thread in %s: %w", f.channel, err)
	case version == storage.New || r.Removed:
		return "", nil
	case r.Thread != "":
		return r.Thread, nil
	}
	return id, nil
}

// Edit implements bot.Network.
func (b *Bot) Edit(ctx context.Context, ref bot.MessageRef, m bot.Message) error {
	f, err := b.feed(ref.Place)
	if err != nil {
		return err
	}
	now := b.o.Now()
	_, err = f.write(ctx, ref.ID, func(r *record, exists bool) (map[string]blob, error) {
		if !exists || r.Removed {
			return nil, &bot.SendError{Gone: true, Err: fmt.Errorf("webbot: no message %q in %s", ref.ID, f.channel)}
		}
		msg, refs, blobs := detach(ref.ID, m)
		msg.Broadcast = msg.Broadcast || r.Msg != nil && r.Msg.Broadcast // what was shown in the channel stays there
		r.Msg, r.Files, r.Edited = &msg, refs, now
		return blobs, nil
	})
	return err
}

// Handler returns the console's pages, to be mounted at "/".
func (b *Bot) Handler() http.Handler { return b.guard(b.routes()) }
