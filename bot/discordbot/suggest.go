package discordbot

import (
	"context"
	"fmt"

	"github.com/drey-ops/drey/bot"
)

// suggest answers a letter typed into an option. Discord shows a person no error, so when nothing fits one choice says so.
func (b *Bot) suggest(ctx context.Context, s bot.Sink, in *interaction) any {
	name, options := in.Data.descend()
	a := bot.Ask{Actor: b.person(in), Place: in.place(), Args: map[string]string{}, Path: name}
	spec, ok := b.routes.Load().byName[name]
	if ok {
		a.Path = spec.Path
	}
	for _, o := range options {
		switch {
		case o.Focused:
			a.Param, a.Prefix = o.Name, textOf(o.Value)
		case len(o.Value) > 0:
			a.Args[o.Name] = textOf(o.Value)
		}
	}
	if a.Param == "" || a.Actor.ID == "" {
		return suggested(nil)
	}
	var out []OptionChoice
	for _, c := range s.Suggest(ctx, a).Choices {
		if len(out) == suggestMax {
			break
		}
		if c.Value == "" || bot.Length(c.Value) > suggestLen {
			continue // cut it would name something else
		}
		label := c.Label
		if label == "" {
			label = c.Value
		}
		if c.Help != "" && c.Help != label {
			label += " – " + c.Help
		}
		out = append(out, OptionChoice{Name: cut(label, suggestLen), Value: c.Value})
	}
	if len(out) == 0 {
		out = nothing(spec, a)
	}
	return suggested(out)
}

// nothing is the choice that says that there is none. It sends what was typed.
func nothing(spec bot.CommandSpec, a bot.Ask) []OptionChoice {
	what := a.Param
	for _, p := range spec.Params {
		if p.Name == a.Param && (p.Type == "job" || p.Type == "cluster") {
			what = p.Type
		}
	}
	if a.Prefix == "" || bot.Length(a.Prefix) > suggestLen {
		return nil
	}
	return []OptionChoice{{Name: cut(fmt.Sprintf("No %s begins with %s", what, a.Prefix), suggestLen), Value: a.Prefix}}
}

// suggested is the answer to a letter. The list is sent even when it is empty.
func suggested(cs []OptionChoice) firstResponse {
	if cs == nil {
		cs = []OptionChoice{}
	}
	return firstResponse{Type: respondChoices, Data: map[string]any{"choices": cs}}
}
