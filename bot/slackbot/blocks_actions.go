package slackbot

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"github.com/drey-ops/drey/bot"
)

const (
	labelMax    = 75
	elementsMax = 25 // of an actions block
	shownMax    = 5  // buttons that are shown before the others go into a menu
	keptMax     = 4  // that stay then
	menuMax     = 5  // options of a menu

	confirmTitleMax = 100
	confirmTextMax  = 300
	confirmLabelMax = 30
	confirmShort    = 60
)

// The marks that action ids begin with.
const (
	markPress = "do"   // a button of drey's
	markOpens = "open" // one whose press opens a form
	markLink  = "link" // nothing is to be done: Slack tells of the press all the same
	markMenu  = "more" // the menu of further buttons; its options bear the ids
)

// actionID is the id of the element for b. In a message it is unique: a number follows where there would be two.
func actionID(b bot.Button) string {
	switch {
	case b.ID == "":
		return markLink
	case b.Opens:
		return markOpens + ":" + b.ID
	}
	return markPress + ":" + b.ID
}

// buttonOf undoes actionID: the Binder's id, and whether the press opens a form. ok is false for links, menus and
// whatever drey did not make.
func buttonOf(actionID string) (id string, opens, ok bool) {
	part := strings.Split(actionID, ":")
	if len(part) < 2 || part[1] == "" || part[0] != markPress && part[0] != markOpens {
		return "", false, false
	}
	return part[1], part[0] == markOpens, true
}

// pressed is buttonOf for an action as it comes in a payload: of a button, or of a menu's option.
func pressed(a *slack.BlockAction) (id string, opens, ok bool) {
	if mark, _, _ := strings.Cut(a.ActionID, ":"); mark == markMenu {
		return buttonOf(a.SelectedOption.Value)
	}
	return buttonOf(a.ActionID)
}

// buttonsOf are the Binder's ids of all buttons of a message as it comes in a payload.
func buttonsOf(blocks []slack.Block) []string {
	var out []string
	add := func(actionID string) {
		if id, _, ok := buttonOf(actionID); ok {
			out = append(out, id)
		}
	}
	for _, b := range blocks {
		a, ok := b.(*slack.ActionBlock)
		if !ok || a.Elements == nil {
			continue
		}
		for _, e := range a.Elements.ElementSet {
			switch v := e.(type) {
			case *slack.ButtonBlockElement:
				add(v.ActionID)
			case *slack.OverflowBlockElement:
				for _, o := range v.Options {
					add(o.Value)
				}
			}
		}
	}
	return out
}

// unique is id, with a number when it was given before.
func (d *drawer) unique(id string) string {
	if d.ids == nil {
		d.ids = map[string]int{}
	}
	d.ids[id]++
	if n := d.ids[id]; n > 1 {
		return fmt.Sprintf("%s:%d", id, n)
	}
	return id
}

// actions are buttons in a row. When there are many, the last ones that need neither weight nor a question go into a menu.
func (d *drawer) actions(in bot.Actions) []slack.Block {
	var usable []bot.Button
	for _, b := range in {
		if b.ID != "" || isWeb(b.URL) {
			usable = append(usable, b)
		}
	}
	inMenu := menu(usable)
	var out []slack.BlockElement
	var options []*slack.OptionBlockObject
	for i, b := range usable {
		if !inMenu[i] {
			out = append(out, d.button(b))
			continue
		}
		label := bot.Shorten(b.Label, labelMax)
		d.used += bot.Length(label)
		o := slack.NewOptionBlockObject(d.unique(actionID(b)), plain(label), nil)
		if b.ID == "" {
			o.URL = b.URL
		}
		options = append(options, o)
	}
	if len(options) > 0 {
		out = append(out, slack.NewOverflowBlockElement(d.unique(markMenu), options...))
	}
	var blocks []slack.Block
	for len(out) > 0 {
		n := min(len(out), elementsMax)
		blocks, out = append(blocks, slack.NewActionBlock("", out[:n:n]...)), out[n:]
	}
	return blocks
}

// menu says which buttons go into the menu.
func menu(in []bot.Button) []bool {
	out := make([]bool, len(in))
	if len(in) <= shownMax {
		return out
	}
	shown, hidden := len(in), 0
	for i := len(in) - 1; i >= 0 && shown > keptMax && hidden < menuMax; i-- {
		if b := in[i]; b.Style == bot.Normal && b.Confirm == "" {
			out[i], shown, hidden = true, shown-1, hidden+1
		}
	}
	return out
}

func (d *drawer) button(b bot.Button) *slack.ButtonBlockElement {
	label := bot.Shorten(b.Label, labelMax)
	if label == "" {
		label = "Go"
	}
	d.used += bot.Length(label)
	e := slack.NewButtonBlockElement(d.unique(actionID(b)), "", plain(label))
	if b.ID == "" {
		e.URL = b.URL
		return e
	}
	switch b.Style {
	case bot.Primary:
		e.Style = slack.StylePrimary
	case bot.Danger:
		e.Style = slack.StyleDanger
	case bot.Normal:
	}
	e.Confirm = d.confirm(b, label)
	return e
}

// confirm asks before a press counts. A dangerous button always asks, but where a form does it.
func (d *drawer) confirm(b bot.Button, label string) *slack.ConfirmationBlockObject {
	text := b.Confirm
	if text == "" {
		if b.Style != bot.Danger || b.Opens {
			return nil
		}
		text = "Are you sure?"
	}
	if text = bot.Shorten(text, confirmTextMax); d.terse > 1 {
		text = bot.Shorten(text, confirmShort)
	}
	// Not "Cancel": beside "Cancel orders" that would be a trap.
	c := slack.NewConfirmationBlockObject(plain(bot.Shorten(label, confirmTitleMax)), plain(text), plain(bot.Shorten(label, confirmLabelMax)), plain("Not now"))
	d.used += bot.Length(c.Title.Text) + bot.Length(c.Text.Text) + bot.Length(c.Confirm.Text) + bot.Length(c.Deny.Text)
	if b.Style == bot.Danger {
		c.Style = slack.StyleDanger
	}
	return c
}
