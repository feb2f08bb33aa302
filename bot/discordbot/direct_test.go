package discordbot

import (
	"errors"
	"testing"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/discordbot/discordtest"
)

// A person's direct messages have no threads: what belongs in one answers the message. A repeat makes no second one.
func TestDirectMessage(t *testing.T) {
	s := newServer(t, ModeGateway, discordtest.Options{NoLimits: true})
	olga := s.d.User("olga")
	channel := s.d.DirectMessage("olga")
	head := s.post(bot.Direct(Network, olga), "k/head", bot.Message{Title: "Firing: orders", Tone: bot.Bad})
	if again := s.post(bot.Direct(Network, olga), "k/head", bot.Message{Title: "Firing: orders", Tone: bot.Bad}); again != head || head.Place.Channel != channel {
		t.Fatalf("it stands at %v, and again at %v; want channel %s", head, again, channel)
	}
	at := head.Place
	at.Thread = head.ID
	m := text("escalated")
	m.Broadcast = true
	if ref := s.post(at, "k/story", m); ref.Place.Channel != channel || ref.Place.Thread != "" {
		t.Errorf("the story stands at %v", ref)
	}
	s.edit(head, bot.Message{Title: "Resolved: orders", Tone: bot.Good})
	if got := s.d.See("olga", channel, ""); len(got) != 2 {
		t.Errorf("olga sees %d messages: %v", len(got), got)
	}
	if n := s.calls("POST /channels/{channel}/messages/{message}/threads"); n != 0 {
		t.Errorf("%d threads asked for", n)
	}
	_, err := s.bot.Post(t.Context(), bot.Direct(Network, "olga"), "k/x", text("hello"))
	se := new(bot.SendError)
	if !errors.As(err, &se) || !se.Gone {
		t.Errorf("a name for an id: %v", err)
	}
}
