package slackbot

import (
	"context"
	"errors"
	"time"

	"github.com/slack-go/slack"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

const (
	// triggerAge is how long after a gesture its trigger is worth a try: Slack takes it for 3 s.
	triggerAge = 2500 * time.Millisecond
	// openTimeout bounds the opening of a modal: later there is no one to see it.
	openTimeout = 3 * time.Second
)

// openSoon opens the modal of a gesture that opens one, empty for now: its trigger is dead long before every answer is
// made. It is called before the gesture is delivered, and does not wait.
func (b *Bot) openSoon(in *reception, g *gesture) {
	if g.trigger == "" || g.modal().shown() {
		return
	}
	done := make(chan struct{})
	g.mu.Lock()
	g.opening = done
	g.mu.Unlock()
	began := in.crew.run(func() {
		defer close(done)
		b.openNow(in, g, renderWaiting("", metaOf(g)), "")
	})
	if !began {
		close(done)
	}
}

func (b *Bot) openNow(in *reception, g *gesture, v slack.ModalViewRequest, form string) {
	ctx, cancel := context.WithTimeout(in.ctx, openTimeout)
	defer cancel()
	if err := b.open(ctx, g, v, form); err != nil {
		b.log.Warn("modal not opened", "network", Network, "error", err)
	}
}

// fresh says whether the trigger of a gesture is worth a try.
func (g *gesture) fresh(now time.Time) bool { return g.trigger != "" && now.Sub(g.born) < triggerAge }

// metaOf is what the views of a gesture bring back.
func metaOf(g *gesture) viewMeta {
	return viewMeta{Channel: g.channel, Thread: g.thread, Origin: g.origin, Hidden: g.hidden}
}

// open spends the trigger of a gesture.
func (b *Bot) open(ctx context.Context, g *gesture, v slack.ModalViewRequest, form string) error {
	v.ExternalID = storage.NewID()
	err := b.client.call(ctx, request{method: methodViewOpen, patience: time.Second}, func(ctx context.Context, api *slack.Client) error {
		got, err := api.OpenViewContext(ctx, g.trigger, v)
		if err == nil {
			g.setModal(openView{id: got.View.ID, hash: got.View.Hash, form: form})
		}
		return err
	})
	if unsure(err) {
		g.setModal(openView{external: v.ExternalID, form: form})
	}
	return err
}

// updateView changes the modal of a gesture. Whoever changed it meanwhile was drey too, with something older.
func (b *Bot) updateView(ctx context.Context, g *gesture, v slack.ModalViewRequest, form string) error {
	shown := g.modal()
	g.settle(ctx)
	send := func(hash string) error {
		return b.client.call(ctx, request{method: methodViewUpdate}, func(ctx context.Context, api *slack.Client) error {
			got, err := api.UpdateViewContext(ctx, v, shown.external, hash, shown.id)
			if err == nil {
				g.setModal(openView{id: got.View.ID, hash: got.View.Hash, form: form})
			}
			return err
		})
	}
	err := send(shown.hash)
	if codeOf(err) == "hash_conflict" {
		err = send("")
	}
	return err
}

// replyForm shows a form: what was wrong with the values in the one that was sent, or else a new one, in the modal that
// is open or in one that the trigger opens.
func (b *Bot) replyForm(ctx context.Context, g *gesture, m bot.Message) error {
	g.opened(ctx)
	f := m.Form
	if wrong := fieldErrors(f); wrong != nil && sameForm(g.modal().form, f) && g.acknowledge(slack.NewErrorsViewSubmissionResponse(wrong)) {
		return nil
	}
	v := renderView(f, metaOf(g))
	if g.acknowledge(slack.NewUpdateViewSubmissionResponse(&v)) {
		shown := g.modal()
		shown.form, shown.hash = f.ID, ""
		g.setModal(shown)
		return nil
	}
	var err error
	switch {
	case g.modal().shown():
		known := g.modal().id != ""
		if err = b.updateView(ctx, g, v, f.ID); err != nil && isClosed(err) {
			if known {
				return nil // the person closed it: they do not want to be asked
			}
			return b.whisper(ctx, g, b.hold(f))
		}
	case g.fresh(b.o.Now()):
		err = b.open(ctx, g, v, f.ID)
	default:
		return b.whisper(ctx, g, b.hold(f))
	}
	switch codeOf(err) {
	case "expired_trigger_id", "exchanged_trigger_id", "trigger_expired", "trigger_exchanged", "invalid_trigger_id":
		return b.whisper(ctx, g, b.hold(f))
	}
	return err
}

// showNotice shows an answer in the modal of a gesture. done is false when the modal is closed, so that the answer has to
// be said elsewhere.
func (b *Bot) showNotice(ctx context.Context, g *gesture, m bot.Message) (done bool, err error) {
	if !m.Pending {
		m = b.handOver(ctx, g.user, m)
	}
	v := renderNotice(m, metaOf(g))
	if g.acknowledge(slack.NewUpdateViewSubmissionResponse(&v)) {
		shown := g.modal()
		shown.form, shown.hash = "", ""
		g.setModal(shown)
		return true, nil
	}
	err = b.updateView(ctx, g, v, "")
	if err != nil && isClosed(err) {
		g.setModal(openView{})
		return false, nil
	}
	if se := new(bot.SendError); errors.As(err, &se) && se.Rejected {
		return false, nil // too long for a modal, say: in the channel there is other room
	}
	return true, err
}

// isClosed says that a modal is not there any more.
func isClosed(err error) bool {
	switch codeOf(err) {
	case "not_found", "view_not_found":
		return true
	}
	return false
}
