package slackbot

import (
	"sync"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

// heldMax bounds the forms that wait for a press.
const heldMax = 1000

// held are forms that could not be opened, because Slack opens one only within three seconds of a press or a slash
// command. A button opens them. They live as long as a gesture, and not beyond this process: a press that comes later is
// told that its button is no longer valid.
type held struct {
	mu  sync.Mutex
	all map[string]heldForm
	old []string // ids in the order they came
}

type heldForm struct {
	form *bot.Form
	born time.Time
}

func newHeld() *held { return &held{all: map[string]heldForm{}} }

func (h *held) put(f *bot.Form, now time.Time) string {
	id := storage.NewID()
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.old) > 0 && (len(h.old) >= heldMax || now.Sub(h.all[h.old[0]].born) > gestureAge) {
		delete(h.all, h.old[0])
		h.old = h.old[1:]
	}
	h.all[id], h.old = heldForm{f, now}, append(h.old, id)
	return id
}

func (h *held) find(id string) *bot.Form {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all[id].form
}

// hold keeps a form, and returns what is said in its stead.
func (b *Bot) hold(f *bot.Form) bot.Message {
	id := b.held.put(f, b.o.Now())
	return bot.Message{
		Title: f.Title, Private: true, Blocks: []bot.Block{
			bot.Textf("drey needs a form for this, and Slack opens one only right after a press. Nothing was done yet."),
			bot.Actions{{ID: id, Label: "Open the form", Style: bot.Primary, Opens: true}},
		},
	}
}

// openHeld opens the form behind a press, if that is one of those held. Nobody else has to hear of such a press.
func (b *Bot) openHeld(in *reception, t taken) bool {
	if t.ev.Button == "" || t.g.kind != press {
		return false
	}
	f := b.held.find(t.ev.Button)
	if f == nil {
		return false
	}
	in.crew.run(func() { b.openNow(in, t.g, renderView(f, metaOf(t.g)), f.ID) })
	return true
}
