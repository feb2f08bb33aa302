package discordbot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/drey-ops/drey/bot"
)

const (
	respondAside = int(discordgo.InteractionResponseDeferredMessageUpdate)
	// tokenSpare is how long before a token ends it is used no more.
	tokenSpare = 20 * time.Second
	original   = "@original"
	// settling is how long a first response may take to be known to Discord: over HTTP drey learns of no moment.
	settling = 3 * time.Second
)

// answer is one Reply to a gesture. An event has at most two places where its answers stand: one for everybody and one for
// the person alone. What stands in the other place is taken back.
type answer struct {
	b  *Bot
	g  *gesture
	ev bot.Event
	m  bot.Message
}

// Reply implements bot.Network. An answer that comes when Discord takes none any more is posted as a message, or when it
// was for the person alone, a message tells them that it came too late.
func (b *Bot) Reply(ctx context.Context, ev bot.Event, m bot.Message) error {
	b.keepQuestions(ctx, m)
	g := b.gestures.Find(ev.Token, b.o.Now())
	if g == nil {
		return b.late(ctx, ev, m)
	}
	g.replying.Lock()
	defer g.replying.Unlock()
	a := &answer{b, g, ev, m}
	if b.o.Now().Sub(g.born) > gestureAge-tokenSpare {
		return a.afterwards(ctx)
	}
	if m.Form != nil {
		a.m.Private = true
	}
	if t := ev.Place.Thread; t != "" && g.kind == press && g.channel == ev.Place.Channel && !a.m.Private {
		return a.inThread(ctx)
	}
	done, err := a.first(ctx)
	if done || err != nil {
		return err
	}
	switch {
	case a.m.Form != nil:
		out, files := b.formMessage(a.m, g)
		return a.private(ctx, out, files)
	case a.m.Instead && g.over:
		return a.change(ctx, original)
	case a.m.Private:
		out, files := render(a.m)
		return a.private(ctx, out, files)
	}
	return a.public(ctx)
}

// first gives the first response. done is false when there is one already, or when it was only a promise that is to be
// kept at once.
func (a *answer) first(ctx context.Context) (done bool, err error) {
	g, m := a.g, a.m
	g.mu.Lock()
	answered := g.answered
	g.mu.Unlock()
	if answered {
		if g.since.IsZero() {
			g.since = time.Now()
		}
		return false, nil
	}
	out, files := render(m)
	if m.Private {
		out.Flags |= flagEphemeral
	}
	r := firstResponse{Type: respondMessage, Data: out}
	promise, over := false, false
	switch {
	case m.Form != nil && len(m.Form.Fields) > 0 && g.kind != submit:
		r = firstResponse{Type: respondModal, Data: modalOf(m.Form)}
	case m.Form != nil && len(files) == 0:
		out, _ = a.b.formMessage(m, g)
		out.Flags |= flagEphemeral
		r.Data = out
	case m.Instead && g.hidden && len(files) == 0:
		r.Type, over = respondUpdate, true
	case m.Pending && m.Private && g.hidden && g.kind == press:
		// The message of the button may yet be replaced by the answer.
		r, promise, over = firstResponse{Type: respondAside}, true, true
	case m.Pending && m.Private || len(files) > 0:
		r, promise = firstResponse{Type: respondDeferred, Data: deferredData{flagsOf(m.Private)}}, true
	}
	given, err := a.b.respond(ctx, g, r)
	if !given || err != nil {
		return false, err
	}
	g.mu.Lock()
	g.deferred, g.over, g.private = promise, over, m.Private && !over
	g.mu.Unlock()
	g.since = time.Now()
	return !promise || m.Pending && m.Private, nil
}

type deferredData struct {
	Flags int `json:"flags,omitempty"`
}

func flagsOf(private bool) int {
	if private {
		return flagEphemeral
	}
	return 0
}

// respond gives a first response where none was given.
func (b *Bot) respond(ctx context.Context, g *gesture, r firstResponse) (given bool, err error) {
	first, sent := g.respond(r)
	if !first {
		return false, nil
	}
	if sent {
		return true, nil
	}
	err = b.sender.do(ctx, "respond", "POST", "interactions/"+g.id+"/"+g.token+"/callback", r, nil)
	if isCode(err, codeAcknowledged) {
		return false, nil // an earlier try got there after all
	}
	if err != nil {
		g.mu.Lock()
		g.answered = false
		g.mu.Unlock()
		return false, fmt.Errorf("first response: %w", err)
	}
	return true, nil
}

// private shows a message to the person alone, and takes back what everybody saw.
func (a *answer) private(ctx context.Context, out body, files []file) error {
	g := a.g
	if !g.private && !g.aside && !g.over || g.posted.ID != "" {
		if err := a.takeBack(ctx); err != nil {
			return err
		}
	}
	at := original
	if !g.private && !g.aside {
		if len(g.followups) == 0 {
			return a.follow(ctx, out, files)
		}
		at = g.followups[0]
	}
	err := a.patch(ctx, at, out, files)
	if gone(err) { // the person has put it away
		return a.follow(ctx, out, files)
	}
	return err
}

// follow sends a further message for the person alone.
func (a *answer) follow(ctx context.Context, out body, files []file) error {
	out.Flags |= flagEphemeral
	var got struct {
		ID string `json:"id"`
	}
	err := a.settled(ctx, func() error {
		return a.b.sender.do(ctx, "create follow-up", "POST", "webhooks/"+a.b.o.ApplicationID+"/"+a.g.token, upload{out, files}, &got)
	})
	if err == nil {
		a.g.followups = []string{got.ID}
	}
	return err
}

// public shows a message to everybody, and takes back what the person alone saw.
func (a *answer) public(ctx context.Context) error {
	g := a.g
	if g.posted.ID == "" && !g.private && !g.aside && !g.over {
		return a.change(ctx, original)
	}
	if err := a.post(ctx); err != nil {
		if gone(err) && !a.m.Pending {
			return a.unsaid(ctx)
		}
		return err
	}
	return a.withdraw(ctx)
}

// post shows the answer as a message of its own: the first response was for the person alone, and stays so.
func (a *answer) post(ctx context.Context) error {
	g := a.g
	if g.posted.ID != "" {
		out, files := render(a.m)
		return a.b.sender.do(ctx, "edit message", "PATCH", "channels/"+g.channel+"/messages/"+g.posted.ID, upload{out, files}, nil)
	}
	out, files := render(a.m)
	id, err := a.b.create(ctx, g.channel, replyKey(a.ev, g.posts), out, files, "")
	if err == nil {
		g.posted = bot.MessageRef{Place: a.ev.Place, ID: id}
	}
	return err
}

// replyKey names the nth message that answers an event.
func replyKey(ev bot.Event, n int) string { return fmt.Sprintf("reply/%s/%d", ev.ID, n) }

// unsaid tells the person alone what was meant for everybody.
func (a *answer) unsaid(ctx context.Context) error {
	m := a.m
	m.Blocks = append(slices.Clone(m.Blocks), bot.Notef("Only you see this: drey may not write in this channel."))
	out, files := render(m)
	return a.private(ctx, out, files)
}

// withdraw removes what the person alone saw until now.
func (a *answer) withdraw(ctx context.Context) error {
	g := a.g
	var ids []string
	if g.private || g.aside {
		ids = append(ids, original)
	}
	ids = append(ids, g.followups...)
	for _, id := range ids {
		if err := a.remove(ctx, id); err != nil {
			// The answer is there. That the older word stays is no reason to say it again.
			a.b.log.Warn("earlier answer not taken back", "network", Network, "event", a.ev.ID, "error", err)
		}
	}
	g.mu.Lock()
	g.private, g.aside, g.over, g.followups = false, false, true, nil
	g.mu.Unlock()
	return nil
}

// takeBack removes what everybody saw until now.
func (a *answer) takeBack(ctx context.Context) error {
	g := a.g
	if g.posted.ID != "" {
		err := a.b.sender.do(ctx, "delete message", "DELETE", "channels/"+g.channel+"/messages/"+g.posted.ID, nil, nil)
		if err != nil && !gone(err) {
			return err
		}
		g.posted, g.posts = bot.MessageRef{}, g.posts+1
		return nil
	}
	if err := a.remove(ctx, original); err != nil {
		return err
	}
	g.mu.Lock()
	g.over = true // the original is no place of ours any more
	g.mu.Unlock()
	return nil
}

func (a *answer) remove(ctx context.Context, id string) error {
	err := a.settled(ctx, func() error {
		return a.b.sender.do(ctx, "delete reply", "DELETE", a.path(id), nil, nil)
	})
	if gone(err) {
		return nil
	}
	return err
}

// change edits the first response, or the message whose button was pressed where that was put in its place.
func (a *answer) change(ctx context.Context, id string) error {
	out, files := render(a.m)
	err := a.patch(ctx, id, out, files)
	if gone(err) && !a.m.Private {
		return a.post(ctx)
	}
	if gone(err) {
		return a.follow(ctx, out, files)
	}
	return err
}

func (a *answer) patch(ctx context.Context, id string, out body, files []file) error {
	var got struct {
		ID string `json:"id"`
	}
	err := a.settled(ctx, func() error {
		return a.b.sender.do(ctx, "edit reply", "PATCH", a.path(id), upload{out, files}, &got)
	})
	if err == nil && id == original && !a.m.Private {
		a.g.byToken = got.ID
	}
	return err
}

func (a *answer) path(id string) string {
	return "webhooks/" + a.b.o.ApplicationID + "/" + a.g.token + "/messages/" + id
}

// settled makes a call that needs the first response to have arrived. Over HTTP that one is still on its way when drey has
// given it, so the call is made again within the few seconds that takes.
func (a *answer) settled(ctx context.Context, call func() error) error {
	for pause := 50 * time.Millisecond; ; pause *= 2 {
		err := call()
		if !isCode(err, codeUnknownWebhook, codeUnknownMessage, codeUnknownInteraction) || a.g.first == nil || time.Since(a.g.since) > settling {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}

func gone(err error) bool {
	se := new(bot.SendError)
	return errors.As(err, &se) && se.Gone
}
