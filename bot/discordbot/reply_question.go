package discordbot

import (
	"context"
	"fmt"

	"github.com/drey-ops/drey/bot"
)

// confirmMessage is the data of the response to a press that has to be confirmed: the question, for the person alone, with
// the button that confirms and one that does not. Their custom_ids hold what was pressed, and on which message.
func (b *Bot) confirmMessage(ctx context.Context, p pressed, label, origin string) body {
	q := b.asks.find(ctx, p.ID, label)
	yes := pressed{act: actYes, ID: p.ID, Origin: origin}
	if p.act == actAskOp {
		yes.act = actYesOp
	}
	no := pressed{act: actNo, ID: p.ID}
	out := emptyBody("⚠️ " + escape(q.Text))
	out.Flags = flagEphemeral
	out.Components = rowsOf([]button{choiceButton(yes, q.Label, true), choiceButton(no, "Cancel", false)})
	return out
}

// confirmedMessage is the data of an update that puts the question away once it was answered.
func confirmedMessage(label string, yes bool) body {
	text := "Nothing was done."
	if yes {
		text = fmt.Sprintf("Confirmed: %s", escape(label))
	}
	return emptyBody(text)
}

// keptModal is the form behind a button of drey's that opens one again, or nil when it is kept no more.
func (b *Bot) keptModal(p pressed, user string) *modal {
	kept := b.forms.Find(p.ID, b.o.Now())
	f := kept.form
	if kept.user != user {
		f = nil
	}
	if f == nil {
		return nil
	}
	m := modalOf(f)
	return &m
}

func choiceButton(p pressed, label string, danger bool) button {
	style := bot.Normal
	if p.act == actYes || p.act == actYesOp {
		style = bot.Primary
	}
	if danger {
		style = bot.Danger
	}
	x, _ := oneButton(bot.Button{ID: p.ID, Label: label, Style: style})
	x.CustomID = p.String()
	return x
}
