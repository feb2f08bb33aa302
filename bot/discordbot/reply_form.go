package discordbot

import (
	"cmp"
	"strings"

	"github.com/bwmarrin/discordgo"

	"github.com/drey-ops/drey/bot"
)

// formMessage is a message with a button that opens a form, for where Discord lets drey open none: as an answer to a sent
// form, and when there was a first response already. What was typed waits in memory for the button.
func (b *Bot) formMessage(m bot.Message, g *gesture) (body, []file) {
	f := m.Form
	if m.Title == "" && len(m.Blocks) == 0 {
		m.Title = f.Title
	}
	if len(f.Fields) == 0 && len(f.Intro.Spans) > 0 && len(m.Blocks) == 0 {
		m.Blocks = []bot.Block{f.Intro}
	}
	label := "Open form"
	var wrong []string
	for _, in := range f.Fields {
		if in.Error != "" {
			wrong = append(wrong, cutEscaped(in.Label, 100)+": "+cutEscaped(in.Error, 300))
		}
	}
	out, files := render(m)
	if len(wrong) > 0 {
		label = "Correct…"
		text := cut(out.Content+"\n⚠️ "+strings.Join(wrong, "\n⚠️ "), contentMax)
		out.Content = strings.TrimPrefix(text, "\n")
	}
	offer := []button{{Type: discordgo.ButtonComponent, Style: discordgo.PrimaryButton, Label: label}}
	if len(f.Fields) == 0 {
		offer = choice(f, g)
	} else {
		offer[0].CustomID = pressed{act: actKept, ID: b.forms.Keep(keptForm{f, g.user}, b.o.Now())}.String()
	}
	out.Components = append(rowsOf(offer), out.Components[:min(len(out.Components), rowsMax-1)]...)
	return out, files
}

// choice is a form with nothing to fill in: it is sent at once, or put away. The press counts as one on the message that the
// form came from, as that of any question does.
func choice(f *bot.Form, g *gesture) []button {
	yes := pressed{act: actYes, ID: f.ID}
	if !g.hidden {
		yes.Origin = g.origin
	}
	return []button{
		choiceButton(yes, cmp.Or(f.Submit, "Go on"), f.Danger),
		choiceButton(pressed{act: actNo, ID: f.ID}, "Not now", false),
	}
}
