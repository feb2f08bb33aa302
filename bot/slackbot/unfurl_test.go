package slackbot

import (
	"testing"

	"github.com/drey-ops/drey/bot"
)

// A link gets a card when there is one for everybody, and nothing else ever.
func TestReplyLink(t *testing.T) {
	t.Parallel()
	c := newTalk(t, ModeHTTP)
	const url = "https://flink.example.com/#/job/1"
	bad := words("no such job")
	bad.Tone = bot.Bad
	for _, m := range []bot.Message{private(words("not for you")), pending(words("working")), bad, aForm(confirmField("")), words("orders runs")} {
		ts, err := c.slack.ShareLink(c.bo, c.ops, url)
		if err != nil {
			t.Fatal(err)
		}
		c.reply(c.in.next(t), m)
		card, ok := c.slack.Unfurl(c.ops, ts, url)
		if want := m.Tone == bot.Plain && !m.Private && !m.Pending; ok != want || ok && card.Text != "orders runs" {
			t.Errorf("%+v became the card %+v, %v", m, card, ok)
		}
	}
	if n := len(c.slack.See(c.bo, c.ops, "")); n != 5 {
		t.Errorf("%d messages, want the five links alone", n)
	}
}
