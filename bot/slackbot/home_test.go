package slackbot

import (
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
		if g := w.bot.gestures.find(ev.Token); g == nil || g.kind != home || g.user != "U1" {
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
