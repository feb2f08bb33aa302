package slackbot

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drey-ops/drey/bot"
)

// A tab that is open is asked for again after something changed: once the changes settle, and not too often.
func TestHomeRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBench(t)
		w.bot.homes.opened(bot.Event{
			ID: "Ev1", Call: bot.Call{Path: "drey home"}, Actor: bot.Actor{Network: Network, ID: "U1", Groups: []string{"S0GONE"}},
			Place: bot.Place{Network: Network, Channel: homeChannel},
		}, time.Now())
		start := time.Now()
		for range 10 {
			w.bot.homes.touch()
			time.Sleep(time.Second / 10)
		}
		ev := w.sink.next(t)
		if took := time.Since(start); took < homeEvery || took > homeEvery+homeSettle {
			t.Errorf("the tab was made anew after %s", took)
		}
		if ev.Call.Path != "drey home" || ev.ID == "Ev1" || ev.Actor.ID != "U1" || len(ev.Actor.Groups) != 1 || ev.Actor.Groups[0] != "S0OPS" {
			t.Errorf("got %+v, want the rights of now", ev)
		}
		if g := w.bot.gestures.Find(ev.Token, w.bot.o.Now()); g == nil || g.kind != home || g.user != "U1" {
			t.Errorf("gesture %+v", g)
		}
		time.Sleep(time.Hour)
		for range len(w.sink.events) {
			<-w.sink.events // of what changed while the first was waited for
		}
		w.bot.homes.touch()
		time.Sleep(time.Hour)
		w.sink.none(t) // nobody has looked for long
		w.stop()
	})
}

// The home tab shows the answer, is refreshed after something changed, and its buttons answer over it.
func TestReplyHome(t *testing.T) {
	t.Parallel()
	c := newTalk(t, ModeHTTP)
	if err := c.slack.OpenHome(c.ann); err != nil {
		t.Fatal(err)
	}
	ev := c.in.next(t)
	m := words("all is well")
	m.Blocks = append(m.Blocks, bot.Actions{{ID: "stopaaaaaaaaaaaaaaaaaaaa", Label: "Stop orders"}})
	c.reply(ev, pending(words("working")))
	c.reply(ev, m)
	if h, ok := c.slack.Home(c.ann); !ok || !strings.Contains(h.Text, "all is well") {
		t.Fatalf("home %+v", h)
	}
	if err := c.slack.Click(c.ann, "home", "Stop orders"); err != nil {
		t.Fatal(err)
	}
	ev = c.in.next(t)
	c.reply(ev, private(words("you may not")))
	if v := c.view(); !strings.Contains(v.Text, "you may not") {
		t.Errorf("the modal says %q", v.Text)
	}
	if ev.Place.String() != "slack:home" {
		t.Errorf("the press is in %s", ev.Place)
	}
	ref, err := c.bot.Post(t.Context(), ev.Place, "op1/card", words("stopping orders"))
	if err != nil || ref.Place.Channel != c.slack.DirectChannel(c.ann) || ref.Place.Space != "" {
		t.Fatalf("%+v, %v", ref, err)
	}
	if err := c.bot.Edit(t.Context(), ref, words("orders is stopped")); err != nil {
		t.Fatal(err)
	}
	direct := c.slack.See(c.ann, c.slack.DirectChannel(c.ann), "")
	if len(direct) != 1 || direct[0].Text != "orders is stopped" {
		t.Errorf("direct messages: %+v", direct)
	}
}

// A tab is made anew with the rights its person has then, at most so often.
func TestHomesDue(t *testing.T) {
	h := newHomes()
	now := time.Now()
	for i := range homesMax + 10 {
		h.opened(bot.Event{ID: fmt.Sprint(i), Actor: bot.Actor{ID: fmt.Sprintf("U%03d", i)}}, now.Add(time.Duration(i)*time.Millisecond))
	}
	if out, wait := h.due(now.Add(time.Second)); len(out) != 0 || wait <= 0 || wait > homeEvery {
		t.Errorf("%d tabs at once, wait %s", len(out), wait)
	}
	later := now.Add(homeEvery + time.Second)
	if out, _ := h.due(later); len(out) != homesMax || out[0].Actor.ID != "U010" {
		t.Errorf("%d tabs", len(out))
	}
	h.opened(bot.Event{ID: refreshPrefix + "x", Actor: bot.Actor{ID: "U010"}}, later)
	if out, wait := h.due(now.Add(homeAge + time.Minute)); len(out) != 0 || wait != 0 {
		t.Errorf("%d tabs are kept up to date although nobody looks at them", len(out))
	}
}
