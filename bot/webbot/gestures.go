package webbot

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/drey-ops/drey/bot"
)

var gesturePattern = regexp.MustCompile(`^[A-Za-z0-9]{8,40}$`)

const lineMax = 100_000

// sendBody is a line that was typed. ID is minted once per gesture and kept for its retries.
type sendBody struct {
	ID, Channel, Thread, Line string
}

type pressBody struct {
	ID, Channel, Thread, Message, Button string
}

type submitBody struct {
	ID, Channel, Message, Form string
	Values                     map[string]string
}

func (b *Bot) send(w http.ResponseWriter, r *http.Request, u User) {
	if hasFiles(r) {
		b.sendFiles(w, r, u)
		return
	}
	var in sendBody
	if !take(w, r, bodyLarge, &in) {
		return
	}
	g, ok := b.typed(w, r, u, in)
	if !ok {
		return
	}
	line := g.event.Call.Line
	first := record{Line: b.o.Redact(line)}
	if !isCommand(line) {
		first = record{Note: b.o.Redact(line)}
	}
	b.accept(w, r, g, first, isCommand(line))
}

// typed is the gesture of a line, or it answers what is wrong with that.
func (b *Bot) typed(w http.ResponseWriter, r *http.Request, u User, in sendBody) (gesture, bool) {
	line := strings.TrimSpace(in.Line)
	switch {
	case line == "":
		fail(w, http.StatusBadRequest, "There is nothing to send.")
		return gesture{}, false
	case len(line) > lineMax || !clean(line):
		fail(w, http.StatusBadRequest, "That is too long, or holds characters that are no text.")
		return gesture{}, false
	}
	g, ok := b.gesture(w, r, u, in.ID, in.Channel, in.Thread)
	g.event.Call.Line = line
	return g, ok
}

// isCommand tells a line for drey from a note to people.
func isCommand(line string) bool {
	return line[0] == '/' || strings.HasPrefix(strings.ToLower(line), "@drey")
}

func clean(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool {
		return unicode.IsControl(c) && c != '\n' && c != '\t' && c != '\r'
	})
}

func (b *Bot) press(w http.ResponseWriter, r *http.Request, u User) {
	var in pressBody
	if !take(w, r, bodySmall, &in) {
		return
	}
	g, ok := b.gesture(w, r, u, in.ID, in.Channel, in.Thread)
	if !ok {
		return
	}
	rec, label, ok := b.pressed(w, r, g, in.Message, in.Button)
	if !ok {
		return
	}
	if g.event.Place.Thread == "" {
		g.event.Place.Thread = rec.Thread
	}
	g.event.Button = in.Button
	g.event.Origin = g.origin(rec)
	b.accept(w, r, g, record{Pressed: label}, true)
}

// submit sends a form. The answer takes the place of the form.
func (b *Bot) submit(w http.ResponseWriter, r *http.Request, u User) {
	var in submitBody
	if !take(w, r, bodyLarge, &in) {
		return
	}
	g, ok := b.gesture(w, r, u, in.ID, in.Channel, "")
	if !ok {
		return
	}
	rec, _, ok := b.pressed(w, r, g, in.Message, in.Form)
	if !ok {
		return
	}
	for name, v := range in.Values {
		if len(v) > lineMax || !clean(v) {
			fail(w, http.StatusBadRequest, fmt.Sprintf("%s is too long, or holds characters that are no text.", name))
			return
		}
	}
	g.event.Place.Thread = rec.Thread
	g.event.Button, g.event.Form = in.Form, in.Values
	if g.event.Form == nil {
		g.event.Form = map[string]string{}
	}
	g.event.Token = rec.ID
	sink, ctx, ok := b.receiving()
	if !ok {
		starting(w)
		return
	}
	sink.Deliver(ctx, g.event)
	answer(w, http.StatusAccepted, map[string]string{"id": rec.ID})
}

// gesture is an event on its way in.
type gesture struct {
	feed  *feed
	user  User
	event bot.Event
}

func (g gesture) origin(r record) *bot.MessageRef {
	return &bot.MessageRef{Place: bot.Place{Network: Network, Channel: g.feed.channel, Thread: r.Thread}, ID: r.ID}
}

func (b *Bot) gesture(w http.ResponseWriter, r *http.Request, u User, id, channel, thread string) (gesture, bool) {
	f, ok := b.feeds[channel]
	switch {
	case !gesturePattern.MatchString(id):
		fail(w, http.StatusBadRequest, "The request has no usable id.")
		return gesture{}, false
	case !ok:
		fail(w, http.StatusNotFound, "There is no such channel.")
		return gesture{}, false
	}
	place := bot.Place{Network: Network, Channel: channel}
	if thread != "" {
		head, err := b.visible(r.Context(), f, thread, u.ID)
		if err != nil {
			b.storeDown(w, r, err)
			return gesture{}, false
		}
		if head.ID == "" {
			fail(w, http.StatusGone, "This thread is no longer kept.")
			return gesture{}, false
		}
		place.Thread = head.ID
		if head.Thread != "" {
			place.Thread = head.Thread
		}
	}
	rid := gestureID(u.ID, id)
	return gesture{feed: f, user: u, event: bot.Event{
		ID: "web-" + rid, At: b.o.Now(), Actor: u.actor(), Place: place, Token: rid,
	}}, true
}

// visible reads a record that the person may see; the zero record stands for none.
func (b *Bot) visible(ctx context.Context, f *feed, id, user string) (record, error) {
	r, _, err := f.read(ctx, id)
	if err != nil {
		return record{}, fmt.Errorf("read message in %s: %w", f.channel, err)
	}
	if !r.visibleTo(user) {
		return record{}, nil
	}
	return r, nil
}

// pressed finds the button that was pressed, or says that it is no more.
func (b *Bot) pressed(w http.ResponseWriter, r *http.Request, g gesture, message, button string) (record, string, bool) {
	rec, err := b.visible(r.Context(), g.feed, message, g.user.ID)
	if err != nil {
		b.storeDown(w, r, err)
		return record{}, "", false
	}
	label, ok := rec.button(button)
	if !ok {
		fail(w, http.StatusGone, "This message has changed since: the button is no longer there. Nothing was done.")
		return record{}, "", false
	}
	return rec, label, true
}

// accept stores the gesture and hands it over. Doing both again for a retry is harmless: the record is there, and the
// sink drops events that it has seen. It says whether that was done.
func (b *Bot) accept(w http.ResponseWriter, r *http.Request, g gesture, first record, deliver bool) bool {
	sink, ctx, ok := b.receiving()
	if !ok {
		starting(w)
		return false
	}
	id := g.event.Token
	_, err := g.feed.write(r.Context(), id, func(rec *record, exists bool) (map[string]blob, error) {
		if exists {
			return nil, errUnchanged
		}
		*rec = first
		rec.ID, rec.At, rec.Who, rec.Thread = id, g.event.At, g.user.ID, g.event.Place.Thread
		if deliver {
			rec.Only = g.user.ID
		}
		return nil, nil
	})
	if err != nil {
		b.storeDown(w, r, err)
		return false
	}
	if deliver {
		sink.Deliver(ctx, g.event)
	}
	answer(w, http.StatusAccepted, map[string]string{"id": id})
	return true
}

func starting(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	fail(w, http.StatusServiceUnavailable, "drey is starting or stopping; try again in a moment.")
}

func (b *Bot) published() ([]bot.CommandSpec, string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.specs, b.specsVer
}
