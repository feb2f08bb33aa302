package slackbot

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

const (
	// homeAge is how long after somebody opened their home tab it is kept up to date.
	homeAge = 30 * time.Minute
	// homeSettle is how long changes are collected before the tabs are made anew.
	homeSettle = 5 * time.Second
	// homeEvery is the least time between two states of one tab.
	homeEvery = 10 * time.Second
	// homesMax bounds the tabs that are kept up to date: those opened last.
	homesMax = 50

	// refreshPrefix begins the ids of the events that nobody made: a tab is looked at while something changes.
	refreshPrefix = "home-refresh/"
)

// homes are the home tabs that somebody may be looking at. Each replica keeps those up to date that were opened through
// it, for what it posts itself.
type homes struct {
	changed chan struct{} // has room for one

	mu   sync.Mutex
	open map[string]*homeTab // by user
}

// homeTab is the home tab of one person.
type homeTab struct {
	event bot.Event // that opened it
	seen  time.Time
	made  time.Time // when it was last made anew
}

func newHomes() *homes {
	return &homes{changed: make(chan struct{}, 1), open: map[string]*homeTab{}}
}

// touch says that something changed which a home tab may show.
func (h *homes) touch() {
	select {
	case h.changed <- struct{}{}:
	default:
	}
}

// opened notes that the person of ev looks at their tab.
func (h *homes) opened(ev bot.Event, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if strings.HasPrefix(ev.ID, refreshPrefix) {
		return
	}
	h.open[ev.Actor.ID] = &homeTab{event: ev, seen: now, made: now}
	for len(h.open) > homesMax {
		oldest := ""
		for user, t := range h.open {
			if oldest == "" || t.seen.Before(h.open[oldest].seen) {
				oldest = user
			}
		}
		delete(h.open, oldest)
	}
}

// due takes the tabs that may be made anew now. wait is when to look again; 0: when something changes.
func (h *homes) due(now time.Time) (out []bot.Event, wait time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for user, t := range h.open {
		switch rest := homeEvery - now.Sub(t.made); {
		case now.Sub(t.seen) > homeAge:
			delete(h.open, user)
		case rest > 0:
			if wait == 0 || rest < wait {
				wait = rest
			}
		default:
			t.made = now
			out = append(out, t.event)
		}
	}
	slices.SortFunc(out, func(a, b bot.Event) int { return strings.Compare(a.Actor.ID, b.Actor.ID) })
	return out, wait
}

// runHome keeps the home tabs up to date until ctx ends. It belongs to Receive.
func (b *Bot) runHome(ctx context.Context) {
	for {
		select {
		case <-b.homes.changed:
		case <-ctx.Done():
			return
		}
		for pause := homeSettle; pause > 0; {
			if !sleep(ctx, pause) {
				return
			}
			var tabs []bot.Event
			tabs, pause = b.homes.due(time.Now())
			for _, ev := range tabs {
				b.refresh(ev)
			}
		}
	}
}

// refresh asks once more what a person saw when they opened their tab: it is answered with the rights they have now.
func (b *Bot) refresh(ev bot.Event) {
	in := b.receiving()
	if in == nil {
		return
	}
	now := b.o.Now()
	g := &gesture{kind: home, born: now, user: ev.Actor.ID, channel: ev.Place.Channel}
	ev.ID, ev.At, ev.Actor = refreshPrefix+storage.NewID(), now, bot.Actor{}
	b.deliver(in, []taken{{g, ev}})
}

// replyHome shows an answer as the person's home tab. A stand-in is not shown: the tab keeps what it has.
func (b *Bot) replyHome(ctx context.Context, g *gesture, ev bot.Event, m bot.Message) error {
	if m.Pending || m.Form != nil {
		return nil
	}
	b.homes.opened(ev, time.Now())
	var files map[string]string
	if hasPictures(m) {
		files, _ = b.pictures(ctx, m, false)
	}
	v := renderHome(m, files)
	return b.client.call(ctx, request{method: methodViewPublish}, func(ctx context.Context, api *slack.Client) error {
		_, err := api.PublishViewContext(ctx, slack.PublishViewContextRequest{UserID: g.user, View: v})
		return err
	})
}
