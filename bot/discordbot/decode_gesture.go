package discordbot

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/bwmarrin/discordgo"

	"github.com/drey-ops/drey/bot"
)

// decoded is what an interaction means.
type decoded struct {
	gesture *gesture
	event   bot.Event
	opening *firstResponse // a first response that goes before the event is delivered
	now     any            // answers at once: then nothing is delivered
}

// decode makes a gesture and an event of an interaction, or says what to answer at once.
func (b *Bot) decode(ctx context.Context, in *interaction) decoded {
	at, err := bornAt(in.ID)
	if err != nil {
		return decoded{now: b.unknown(errUnreadable.Error())}
	}
	d := decoded{
		gesture: &gesture{id: in.ID, token: in.Token, born: b.o.Now(), guild: in.GuildID, channel: in.ChannelID},
		event:   bot.Event{ID: in.ID, At: at, Actor: b.person(in), Place: in.place()},
	}
	if d.gesture.channel == "" && in.Channel != nil {
		d.gesture.channel = in.Channel.ID
	}
	d.gesture.user = d.event.Actor.ID
	if d.event.Actor.ID == "" {
		return decoded{now: b.unknown("nobody")}
	}
	switch in.Type {
	case discordgo.InteractionApplicationCommand:
		switch in.Data.Type {
		case discordgo.ChatApplicationCommand, 0:
			return b.command(in, d)
		case discordgo.MessageApplicationCommand:
			return b.shortcut(in, d)
		default:
			return decoded{now: b.unknown("command_type")}
		}
	case discordgo.InteractionMessageComponent:
		return b.component(ctx, in, d)
	case discordgo.InteractionModalSubmit:
		return b.submitted(in, d)
	default:
		return decoded{now: b.unknown("interaction_type")}
	}
}

// command decodes a slash command. One that drey does not know by its name there goes on under that name: the answer says
// what there is.
func (b *Bot) command(in *interaction, d decoded) decoded {
	name, options := in.Data.descend()
	args, files, err := argsOf(options)
	if err != nil || name == "" {
		b.log.Warn("interaction not understood", "network", Network, "event", in.ID, "error", err)
		return decoded{now: b.unknown("options")}
	}
	spec, ok := b.routes.Load().byName[name]
	if !ok {
		b.o.OnRefused("command_unknown")
		b.log.Warn("unknown slash command: the commands registered in Discord are out of date", "network", Network, "command", name)
		spec.Path = name
	}
	d.gesture.kind = slash
	d.gesture.opens = spec.Opens && len(args) == 0 && len(files) == 0
	d.event.Call = bot.Call{Path: spec.Path, Args: argsJSON(args)}
	var as []attachmentIn
	for _, id := range files {
		if a, ok := in.Data.Resolved.Attachments[id]; ok {
			as = append(as, a)
		}
	}
	d.event.Files = b.uploads(as)
	return d
}

// shortcut decodes a command on a message.
func (b *Bot) shortcut(in *interaction, d decoded) decoded {
	spec, ok := b.routes.Load().byLabel[in.Data.Name]
	m, found := in.Data.Resolved.Messages[in.Data.TargetID]
	if !ok || spec.Shortcut == nil || !found {
		return decoded{now: b.unknown("shortcut_unknown")}
	}
	if m.ID == "" {
		m.ID = in.Data.TargetID
	}
	d.gesture.kind, d.gesture.origin = message, m.ID
	d.event.Call = bot.Call{Path: spec.Path, Args: spec.Shortcut.Args}
	d.event.Origin = &bot.MessageRef{Place: d.event.Place, ID: m.ID}
	if spec.Shortcut.Text == "" {
		d.event.Among = []string{}
		if m.App == "" || m.App == b.o.ApplicationID {
			d.event.Among = append(d.event.Among, buttonsIn(m.Components)...)
		}
		return d
	}
	args := map[string]json.RawMessage{}
	if len(spec.Shortcut.Args) > 0 && json.Unmarshal(spec.Shortcut.Args, &args) != nil {
		args = map[string]json.RawMessage{}
	}
	text := m.Content
	if text == "" {
		text = strings.Join(textsIn(m.Components), "\n")
	}
	if text = bodyOfMessage(text); text != "" {
		raw, _ := json.Marshal(text)
		args[spec.Shortcut.Text] = raw
	}
	d.event.Call.Args = argsJSON(args)
	if len(spec.Files) > 0 {
		d.event.Files = b.uploads(m.Attachments)
	}
	return d
}

// submitted decodes a sent modal.
func (b *Bot) submitted(in *interaction, d decoded) decoded {
	id, ok := formOf(in.Data.CustomID)
	if !ok {
		return decoded{now: b.unknown("component_unknown")}
	}
	d.gesture.kind = submit
	for id, u := range in.Data.Resolved.Users {
		m := in.Data.Resolved.Members[id]
		b.chosen.keep(actorOf(&u, &m), u.Bot, b.o.Now())
	}
	d.event.Button, d.event.Form = id, formValues(in.Data.Components)
	if in.Message != nil {
		d.bornBy(in)
		d.asked(in)
	}
	return d
}

// asked is for a form that was opened from the question of a button: once the form is sent the question is put away, which it
// could not be before, because opening the form was the one response to its own press.
func (d *decoded) asked(in *interaction) {
	eachComponent(in.Message.Components, 0, func(c componentIn) {
		p, ok := parsePressed(c.CustomID)
		if !ok || p.act != actYesOp || !d.gesture.hidden {
			return
		}
		d.confirmed(p)
		d.opening = &firstResponse{Type: respondUpdate, Data: confirmedMessage(labelOf(in.Message.Components, c.CustomID), true)}
	})
}

// confirmed makes the press of a question's button one on the message that bore the button it asks about.
func (d *decoded) confirmed(p pressed) {
	if d.gesture.hidden = false; p.Origin != "" {
		d.gesture.origin = p.Origin
		d.event.Origin = &bot.MessageRef{Place: d.event.Place, ID: p.Origin}
	}
}

// bornBy notes the message that bore the button.
func (d *decoded) bornBy(in *interaction) {
	d.gesture.origin = in.Message.ID
	d.gesture.hidden = in.Message.Flags&flagEphemeral != 0
	d.event.Origin = &bot.MessageRef{Place: d.event.Place, ID: in.Message.ID}
}

// argsJSON writes arguments with their names in order.
func argsJSON(args map[string]json.RawMessage) json.RawMessage {
	if len(args) == 0 {
		return nil
	}
	raw := []byte{'{'}
	for _, name := range slices.Sorted(maps.Keys(args)) {
		if len(raw) > 1 {
			raw = append(raw, ',')
		}
		key, _ := json.Marshal(name)
		raw = append(append(append(raw, key...), ':'), args[name]...)
	}
	return append(raw, '}')
}

// bodyOfMessage returns what a message is about: where it holds one code block, that block alone.
func bodyOfMessage(text string) string {
	const fence = "```"
	parts := strings.Split(text, fence)
	if len(parts) != 3 {
		return strings.TrimSpace(text)
	}
	block := parts[1]
	if lang, rest, ok := strings.Cut(block, "\n"); ok && !strings.ContainsAny(strings.TrimRight(lang, "\r"), " \t;") {
		block = rest
	}
	return strings.TrimSpace(block)
}

// componentIn is what drey reads of any component.
type componentIn struct {
	CustomID   string          `json:"custom_id"`
	Content    string          `json:"content"`
	Components json.RawMessage `json:"components"`
	Accessory  json.RawMessage `json:"accessory"`
	Options    []struct {
		Value string `json:"value"`
	} `json:"options"`
}

// eachComponent visits components and those inside. What cannot be read is passed over.
func eachComponent(raw json.RawMessage, depth int, visit func(componentIn)) {
	var all []json.RawMessage
	if depth > 6 || json.Unmarshal(raw, &all) != nil {
		return
	}
	for _, one := range all {
		var c componentIn
		if json.Unmarshal(one, &c) != nil {
			continue
		}
		visit(c)
		if len(c.Components) > 0 {
			eachComponent(c.Components, depth+1, visit)
		}
		if len(c.Accessory) > 0 {
			eachComponent(append(append([]byte{'['}, c.Accessory...), ']'), depth+1, visit)
		}
	}
}

// buttonsIn returns the ids of drey's buttons in a message.
func buttonsIn(components json.RawMessage) []string {
	var out []string
	eachComponent(components, 0, func(c componentIn) {
		ids := []string{c.CustomID}
		for _, o := range c.Options {
			ids = append(ids, o.Value)
		}
		for _, custom := range ids {
			if id, _, _, ok := buttonOf(custom); ok && !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
	})
	return out
}

// textsIn returns the texts in a message that is made of components.
func textsIn(components json.RawMessage) []string {
	var out []string
	eachComponent(components, 0, func(c componentIn) {
		if c.Content != "" {
			out = append(out, c.Content)
		}
	})
	return out
}
