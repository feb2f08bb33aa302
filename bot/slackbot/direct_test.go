package slackbot

import (
	"strings"
	"testing"

	"github.com/drey-ops/drey/bot"
)

// A message to a person stands in the channel of their direct messages, where its thread and its edits go too.
func TestDirectMessage(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, ModeHTTP, nil)
	olga := w.slack.User("olga")
	head, err := w.bot.Post(t.Context(), bot.Direct(Network, olga), "k/head", words("firing"))
	if err != nil || !strings.HasPrefix(head.Place.Channel, "D") {
		t.Fatalf("it stands at %v: %v", head, err)
	}
	at := head.Place
	at.Thread = head.ID
	if _, err := w.bot.Post(t.Context(), at, "k/story", words("escalated")); err != nil {
		t.Fatal(err)
	}
	if err := w.bot.Edit(t.Context(), head, words("resolved")); err != nil {
		t.Fatal(err)
	}
	if got := w.slack.See(olga, head.Place.Channel, ""); len(got) != 1 || !strings.Contains(got[0].Text, "resolved") {
		t.Errorf("olga sees %v", got)
	}
	if got := w.slack.See(olga, head.Place.Channel, head.ID); len(got) == 0 || !strings.Contains(got[len(got)-1].Text, "escalated") {
		t.Errorf("in the thread olga sees %v", got)
	}
}
