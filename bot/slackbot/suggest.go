package slackbot

import (
	"context"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/drey-ops/drey/bot"
)

// suggestIn is how long a list may wait for its options while a person types.
const suggestIn = 100 * time.Millisecond

// suggestion is the acknowledgement of the question for a list's options.
type suggestion struct {
	Options []*slack.OptionBlockObject `json:"options"`
}

// suggest answers the question for a list's options, with none when nobody knows any.
func (b *Bot) suggest(in *reception, p interaction) suggestion {
	out := suggestion{Options: []*slack.OptionBlockObject{}}
	path, param, ok := optionAsk(p.ActionID)
	if !ok || p.User.ID == "" {
		b.refuse(refusedUnknown, b.o.Mode)
		return out
	}
	ctx, cancel := context.WithTimeout(in.ctx, suggestIn)
	defer cancel()
	who := b.people.within(ctx, in.crew, p.User.ID)
	if who.gone {
		return out
	}
	m, _ := readMeta(p.View.Meta)
	channel, thread := p.place()
	ask := bot.Ask{
		Actor: who.actor,
		Place: placeOf(firstOf(m.Channel, channel, p.User.ID), firstOf(m.Thread, thread)),
		Path:  path, Param: param, Prefix: straight(p.Value), Args: p.View.values(),
	}
	delete(ask.Args, param) // it is what is being typed
	for _, c := range in.sink.Suggest(ctx, ask).Choices {
		if len(out.Options) == optionsMax {
			break
		}
		if c.Value != "" && bot.Length(c.Value) <= optionValueMax {
			out.Options = append(out.Options, option(c))
		}
	}
	return out.with(strings.TrimSpace(ask.Prefix))
}

// with adds what was typed, unless an option says the same: a savepoint's path or a new name is nothing that drey knows of
// beforehand, and a menu takes nothing but its options.
func (s suggestion) with(typed string) suggestion {
	if typed == "" || typed == noChoice || bot.Length(typed) > optionValueMax {
		return s
	}
	for _, o := range s.Options {
		if o.Value == typed || o.Text.Text == typed {
			return s
		}
	}
	label := bot.Choice{Value: typed, Label: "Use “" + bot.Shorten(typed, optionMax-len("Use “”")) + "”"}
	s.Options = append(s.Options[:min(len(s.Options), optionsMax-1)], option(label))
	return s
}
