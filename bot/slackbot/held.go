package slackbot

import "github.com/drey-ops/drey/bot"

// heldMax bounds the forms that wait for a press.
const heldMax = 1000

// held are forms that could not be opened, because Slack opens one only within three seconds of a press or a slash
// command. A button opens them. They live as long as a gesture, and not beyond this process: a press that comes later is
// told that its button is no longer valid.
type held = bot.Kept[*bot.Form]

// hold keeps a form, and returns what is said in its stead.
func (b *Bot) hold(f *bot.Form) bot.Message {
	if len(f.Fields) == 0 { // there is nothing to fill in: the press sends it
		return bot.Message{Title: f.Title, Tone: bot.Warn, Private: true, Blocks: []bot.Block{
			f.Intro, bot.Actions{{ID: f.ID, Label: f.Submit, Style: bot.Primary}},
		}}
	}
	id := b.held.Keep(f, b.o.Now())
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
	f := b.held.Find(t.ev.Button, b.o.Now())
	if f == nil {
		return false
	}
	in.crew.run(func() { b.openNow(in, t.g, renderView(f, metaOf(t.g)), f.ID) })
	return true
}
