package discordbot

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/drey-ops/drey/bot"
)

// The limits of Discord's modals.
const (
	modalTitleMax  = 45
	modalParts     = 5 // labels and texts
	modalLabelMax  = 45
	modalHelpMax   = 100
	inputMax       = 4000
	modalChoices   = 25
	optionMax      = 100
	modalIntroMax  = 1500
	placeholderMax = 100
)

// modal is the data of a response that opens a form.
type modal struct {
	CustomID   string `json:"custom_id"`
	Title      string `json:"title"`
	Components []any  `json:"components"`
}

type modalText struct {
	Type    discordgo.ComponentType `json:"type"`
	Content string                  `json:"content"`
}

type modalLabel struct {
	Type        discordgo.ComponentType `json:"type"`
	Label       string                  `json:"label"`
	Description string                  `json:"description,omitempty"`
	Component   any                     `json:"component"`
}

type modalInput struct {
	Type        discordgo.ComponentType  `json:"type"`
	CustomID    string                   `json:"custom_id"`
	Style       discordgo.TextInputStyle `json:"style"`
	Value       string                   `json:"value,omitempty"`
	Placeholder string                   `json:"placeholder,omitempty"`
	Required    bool                     `json:"required"`
	MaxLength   int                      `json:"max_length"`
}

type modalSelect struct {
	Type     discordgo.ComponentType `json:"type"`
	CustomID string                  `json:"custom_id"`
	Options  []modalOption           `json:"options"`
	Required bool                    `json:"required"`
}

// modalPeople is Discord's own menu of the server's people.
type modalPeople struct {
	Type     discordgo.ComponentType `json:"type"`
	CustomID string                  `json:"custom_id"`
	Chosen   []modalDefault          `json:"default_values,omitempty"`
	Required bool                    `json:"required"`
}

type modalDefault struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

type modalOption struct {
	Label       string `json:"label"`
	Value       string `json:"value"`
	Description string `json:"description,omitempty"`
	Default     bool   `json:"default,omitempty"`
}

// modalOf renders a form. Discord shows five parts; what has no room is left out, the optional fields first, and the form
// says so: the command takes them when it is typed.
func modalOf(f *bot.Form) modal {
	m := modal{CustomID: pressed{act: actModal, ID: f.ID}.String(), Title: cut(strings.TrimSpace(f.Title), modalTitleMax)}
	if m.Title == "" {
		m.Title = "drey"
	}
	intro := markdownOf(f.Intro.Spans, modalIntroMax)
	if f.Danger && intro != "" {
		intro = "⚠️ " + intro
	}
	room := modalParts
	if intro != "" {
		room--
	}
	fields, left := chosen(f.Fields, room)
	if len(left) > 0 && intro == "" {
		if fields, left = chosen(f.Fields, room-1); len(fields) == 0 {
			left = nil
		}
	}
	if len(left) > 0 {
		intro = strings.TrimSpace(intro + "\n-# There is more than fits in here. Type the command to set: " + escape(cut(strings.Join(left, ", "), 300)))
	}
	if intro != "" {
		m.Components = append(m.Components, modalText{discordgo.TextDisplayComponent, intro})
	}
	for _, in := range fields {
		m.Components = append(m.Components, labelFor(in))
	}
	return m
}

// chosen keeps room fields in their order, required ones before others, and returns the labels of the rest.
func chosen(all []bot.Input, room int) (keep []bot.Input, left []string) {
	required := 0
	for _, in := range all {
		if needed(in) {
			required++
		}
	}
	optional := max(0, room-required)
	for _, in := range all {
		switch {
		case needed(in) && len(keep) < room:
			keep = append(keep, in)
		case !needed(in) && optional > 0:
			keep, optional = append(keep, in), optional-1
		default:
			left = append(left, in.Label)
		}
	}
	return keep, left
}

func needed(in bot.Input) bool { return in.Required || in.Match != "" || in.Error != "" }

func labelFor(in bot.Input) modalLabel {
	l := modalLabel{Type: discordgo.LabelComponent, Label: cut(in.Label, modalLabelMax)}
	if l.Label == "" {
		l.Label = cut(in.Name, modalLabelMax)
	}
	var says []string
	if in.Error != "" {
		says = append(says, "⚠️ "+in.Error)
	} else if in.Match != "" {
		says = append(says, "Type "+in.Match+" to confirm.")
	}
	if in.Help != "" {
		says = append(says, in.Help)
	}
	options, whole := optionsOf(in)
	switch {
	case in.Kind == "choice" && len(options) > 0 && whole:
		l.Component = modalSelect{discordgo.SelectMenuComponent, in.Name, options, in.Required}
	case in.Kind == "person":
		p := modalPeople{Type: discordgo.UserSelectMenuComponent, CustomID: in.Name, Required: in.Required}
		if isSnowflake(in.Value) {
			p.Chosen = []modalDefault{{in.Value, "user"}}
		}
		l.Component = p
	default:
		x := modalInput{
			Type: discordgo.TextInputComponent, CustomID: in.Name, Style: discordgo.TextInputShort, Value: in.Value,
			Required: in.Required || in.Match != "", MaxLength: inputMax,
		}
		if in.Kind == "text" || strings.Contains(in.Value, "\n") {
			x.Style = discordgo.TextInputParagraph
		}
		if bot.Length(in.Value) > inputMax {
			x.Value = ""
			says = append([]string{fmt.Sprintf("The present text is too long to edit here (%d characters).", bot.Length(in.Value))}, says...)
		}
		if len(options) > 0 {
			x.Placeholder = cut("One of: "+valuesOf(in.Choices), placeholderMax)
		}
		l.Component = x
	}
	l.Description = cut(strings.Join(says, " "), modalHelpMax)
	return l
}

func valuesOf(choices []bot.Choice) string {
	values := make([]string, len(choices))
	for i, c := range choices {
		values[i] = c.Value
	}
	return strings.Join(values, ", ")
}

// optionsOf returns the choices of a field, and whether those are all: a list that Discord has no room for is typed.
func optionsOf(in bot.Input) (out []modalOption, whole bool) {
	seen := map[string]bool{}
	for _, c := range in.Choices {
		if seen[c.Value] {
			continue
		}
		if c.Value == "" || bot.Length(c.Value) > optionMax || len(out) >= modalChoices {
			return out, false
		}
		seen[c.Value] = true
		o := modalOption{Label: cut(c.Label, optionMax), Value: c.Value, Description: cut(c.Help, optionMax), Default: c.Value == in.Value}
		if o.Label == "" {
			o.Label = c.Value
		}
		out = append(out, o)
	}
	return out, true
}

// formOf returns the Binder's id in the custom_id of a sent modal.
func formOf(custom string) (id string, ok bool) {
	p, ok := parsePressed(custom)
	return p.ID, ok && p.act == actModal
}

// formValues reads the components of a sent modal: values by field name. A choice not made is empty.
func formValues(components json.RawMessage) map[string]string {
	out := map[string]string{}
	var all []struct {
		CustomID   string          `json:"custom_id"`
		Value      *string         `json:"value"`
		Values     []string        `json:"values"`
		Component  json.RawMessage `json:"component"`
		Components json.RawMessage `json:"components"`
	}
	if json.Unmarshal(components, &all) != nil {
		return out
	}
	for _, c := range all {
		inner := c.Components
		if len(c.Component) > 0 {
			inner = append(append([]byte{'['}, c.Component...), ']')
		}
		if len(inner) > 0 {
			for name, v := range formValues(inner) {
				out[name] = v
			}
			continue
		}
		switch {
		case c.CustomID == "":
		case c.Value != nil:
			out[c.CustomID] = *c.Value
		default:
			out[c.CustomID] = strings.Join(c.Values, ",")
		}
	}
	return out
}

const (
	formsAge = 15 * time.Minute
	formsMax = 2000
)

// forms are those that a button opens, because Discord lets only a first response open one. They are in memory alone:
// what was typed may be a secret.
type forms = bot.Kept[keptForm]

// keptForm is a form that user alone may open.
type keptForm struct {
	form *bot.Form
	user string
}
