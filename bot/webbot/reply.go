package webbot

import (
	"context"
	"slices"

	"github.com/drey-ops/drey/bot"
)

// Reply implements bot.Network: the answer takes the place of the gesture, or of the message whose button was pressed
// where m.Instead asks for that. Stand-ins and forms are seen by the person alone.
func (b *Bot) Reply(ctx context.Context, ev bot.Event, m bot.Message) error {
	f, err := b.feed(ev.Place)
	if err != nil {
		return err
	}
	id := ev.Token
	if id == "" {
		id = "e-" + shortHash(ev.Actor.ID, ev.ID)
	}
	m.Form = b.withoutSecrets(m.Form)
	if !m.Pending { // the last word: nobody reads the files of the gesture any more
		b.uploads.release(id)
		if done, err := b.instead(ctx, f, ev, id, m); done || err != nil {
			return err
		}
	}
	thread, err := b.root(ctx, f, ev.Place.Thread)
	if err != nil {
		return err
	}
	now := b.o.Now()
	_, err = f.write(ctx, id, func(r *record, exists bool) (map[string]blob, error) {
		if !exists {
			r.At, r.Who, r.Line, r.Thread = now, ev.Actor.ID, b.o.Redact(ev.Call.Line), ev.Place.Thread
			r.Only = ev.Actor.ID
		} else if r.answered() {
			r.Edited = now
		}
		if r.Thread == "" && !r.answered() {
			r.Thread = thread // the button said so
		}
		if !r.answered() && !m.Pending && m.Form == nil {
			r.At = now
		}
		if !m.Pending {
			r.Only = ""
		}
		if m.Private || m.Form != nil {
			r.Only = ev.Actor.ID
		}
		msg, refs, blobs := detach(id, m)
		r.Msg, r.Files, r.Removed = &msg, refs, false
		return blobs, nil
	})
	return err
}

// instead puts m in the place of the private message that the gesture came from, and takes the record of the gesture, id,
// away. It does nothing where m or that message is for everybody, or the message is no more.
func (b *Bot) instead(ctx context.Context, f *feed, ev bot.Event, id string, m bot.Message) (done bool, err error) {
	if !m.Instead || !m.Private || ev.Origin == nil || ev.Origin.ID == id {
		return false, nil
	}
	now := b.o.Now()
	_, err = f.write(ctx, ev.Origin.ID, func(r *record, exists bool) (map[string]blob, error) {
		done = exists && !r.Removed && r.Only == ev.Actor.ID
		if !done {
			return nil, errUnchanged
		}
		msg, refs, blobs := detach(r.ID, m)
		r.Msg, r.Files, r.Edited = &msg, refs, now
		return blobs, nil
	})
	if err != nil || !done {
		return false, err
	}
	_, err = f.write(ctx, id, func(r *record, exists bool) (map[string]blob, error) {
		if !exists {
			return nil, errUnchanged
		}
		r.Removed, r.Msg, r.Files = true, nil, nil
		return nil, nil
	})
	return true, err
}

// withoutSecrets empties the fields that hold a secret: forms are stored with what was typed into them.
func (b *Bot) withoutSecrets(f *bot.Form) *bot.Form {
	if f == nil {
		return nil
	}
	out := *f
	out.Fields = slices.Clone(f.Fields)
	for i := range out.Fields {
		if in := &out.Fields[i]; b.o.Redact(in.Value) != in.Value {
			in.Value = ""
		}
	}
	return &out
}
