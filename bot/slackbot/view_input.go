package slackbot

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"github.com/drey-ops/drey/bot"
)

const (
	inputMax       = 3000
	hintMax        = 1000 // Slack takes 2,000; nobody reads so much
	optionMax      = 75
	optionValueMax = 150
	optionsMax     = 100 // of a menu, or of a group in one
	groupsMax      = 100

	inputPrefix = "f:"
	inputAction = "v"
	askPrefix   = "ask:"
	// noChoice is the option for no value: a menu cannot be emptied once something was chosen.
	noChoice = "·"
)

// inputID is the block of a field. It depends on the name alone, so that a view that is changed keeps what was typed.
func inputID(name string) string { return inputPrefix + name }

// askID is the action id of a menu that asks for its options.
func askID(path, param string) string { return askPrefix + path + ":" + param }

// optionAsk undoes askID: the parameter of a command that a menu asks suggestions for.
func optionAsk(actionID string) (path, param string, ok bool) {
	rest, ok := strings.CutPrefix(actionID, askPrefix)
	i := strings.LastIndexByte(rest, ':')
	if !ok || i <= 0 || i == len(rest)-1 {
		return "", "", false
	}
	return rest[:i], rest[i+1:], true
}

// input is one field, with what is wrong with it above.
func (d *drawer) input(in *bot.Input) []slack.Block {
	var out []slack.Block
	if in.Error != "" {
		out = append(out, d.small("⚠️ "+bot.Shorten(in.Error, hintMax))...)
	}
	e, left := element(in)
	if left != "" {
		out = append(out, d.small("⚠️ "+left)...)
	}
	label := in.Label
	if strings.TrimSpace(label) == "" {
		label = in.Name
	}
	b := slack.NewInputBlock(inputID(in.Name), plain(bot.Shorten(label, hintMax)), nil, e)
	if h := hint(in); h != "" {
		b.Hint = plain(bot.Shorten(h, hintMax))
	}
	return append(out, b.WithOptional(!in.Required && in.Match == ""))
}

func hint(in *bot.Input) string {
	h := in.Help
	if in.Match != "" && !strings.Contains(in.Label, in.Match) {
		h = strings.TrimSpace(h + " Type " + in.Match + " to confirm.")
	}
	if in.Kind == "choice" && !choosable(in) || in.Kind == "line" && len(in.Choices) > 0 {
		values := make([]string, len(in.Choices))
		for i, c := range in.Choices {
			values[i] = c.Value
		}
		h = strings.TrimSpace(h + lead(in) + strings.Join(values, ", "))
	}
	return h
}

// element is what a field is filled in with. left says what of its value is not in it, and what to do.
func element(in *bot.Input) (e slack.BlockElement, left string) {
	switch {
	case in.Kind == "choice" && choosable(in):
		return static(in), ""
	case in.Kind == "person":
		return members(in), ""
	case in.Asks != "" && bot.Length(in.Value) <= optionValueMax && bot.Length(askID(in.Asks, in.Name)) <= 255:
		return external(in), ""
	}
	t := slack.NewPlainTextInputBlockElement(nil, inputAction)
	t.Multiline = in.Kind == "text" || strings.Contains(in.Value, "\n")
	if n := bot.Length(in.Value); n > inputMax {
		return t, fmt.Sprintf("The text has %d characters and a field in Slack takes %d, so it is not in the field. Send it to drey in a message, or as a file with one.", n, inputMax)
	}
	t.InitialValue = in.Value
	return t, ""
}

// choosable says whether the choices can be options: each has a value, and none is too long for one.
func choosable(in *bot.Input) bool {
	n := 0
	for _, c := range in.Choices {
		if bot.Length(c.Value) > optionValueMax {
			return false
		}
		if c.Value != "" {
			n++
		}
	}
	return n > 0 && n < optionsMax*groupsMax
}

func option(c bot.Choice) *slack.OptionBlockObject {
	label := strings.TrimSpace(c.Label)
	if label == "" {
		label = c.Value
	}
	o := slack.NewOptionBlockObject(c.Value, plain(bot.Shorten(label, optionMax)), nil)
	if h := strings.TrimSpace(c.Help); h != "" {
		o.Description = plain(bot.Shorten(h, optionMax))
	}
	return o
}

func static(in *bot.Input) slack.BlockElement {
	var all []*slack.OptionBlockObject
	if !in.Required {
		all = append(all, option(bot.Choice{Value: noChoice, Label: "–"}))
	}
	e := &slack.SelectBlockElement{Type: slack.OptTypeStatic, ActionID: inputAction}
	for _, c := range in.Choices {
		if c.Value == "" {
			continue
		}
		o := option(c)
		all = append(all, o)
		if c.Value == in.Value && e.InitialOption == nil {
			e.InitialOption = o
		}
	}
	if len(all) <= optionsMax {
		e.Options = all
		return e
	}
	for from := 0; from < len(all); from += optionsMax {
		to := min(from+optionsMax, len(all))
		label := fmt.Sprintf("%d to %d", from+1, to)
		e.OptionGroups = append(e.OptionGroups, slack.NewOptionGroupBlockElement(plain(label), all[from:to]...))
	}
	return e
}

// members is Slack's own menu of the workspace's people.
func members(in *bot.Input) slack.BlockElement {
	e := &slack.SelectBlockElement{Type: slack.OptTypeUser, ActionID: inputAction}
	if user, _ := mentioned(bot.Span{Mention: "user:" + in.Value}); user != "" {
		e.InitialUser = user
	}
	return e
}

// external is a menu whose options drey is asked for while a person types.
func external(in *bot.Input) slack.BlockElement {
	none := 0
	e := &slack.SelectBlockElement{Type: slack.OptTypeExternal, ActionID: askID(in.Asks, in.Name), MinQueryLength: &none}
	if in.Value != "" {
		e.InitialOption = option(bot.Choice{Value: in.Value})
	}
	return e
}

// lead stands before the choices of a field that is typed into.
func lead(in *bot.Input) string {
	if in.Kind == "line" {
		return " For example: "
	}
	return " One of: "
}
