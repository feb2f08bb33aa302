package discordtest

import (
	"encoding/json"
	"slices"
	"strings"
)

// Seen is a message as a person sees it.
type Seen struct {
	ID, Thread, Author string          // Thread is the one that hangs on the message
	Text               string          // all that can be read but the labels of buttons and menus, markdown resolved
	Buttons            []string        // labels, links included; then those of the options of menus
	Disabled           []string        // those of Buttons that cannot be pressed
	Live               []string        // what the client acts on in the text, bold and code left out
	Private            bool            // for this person alone
	Pending            bool            // "drey is thinking…"
	Color              int             // of the bar at its side
	Files              []string        // names
	JSON               json.RawMessage // as the API shows it
}

// See is what a person sees in a channel, oldest first; in a forum, the first messages of its posts. With a thread it is
// what they see there.
func (d *Discord) See(who, channel, thread string) []Seen {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.member(who)
	var out []Seen
	for _, m := range d.visible(u, channel, thread) {
		out = append(out, d.seen(m))
	}
	return out
}

// visible are the messages that a person sees. It needs the lock.
func (d *Discord) visible(u *user, channel, thread string) []*message {
	at := channel
	if thread != "" {
		at = thread
	}
	c := d.channels[at]
	if c == nil || c.Deleted || c.kind == directChannel && c.Name != u.id {
		return nil
	}
	var out []*message
	for _, m := range d.messages {
		of := d.channels[m.channel]
		post := c.kind == forumChannel && of.parent == c.id && m.id == of.id
		if !m.deleted && (m.channel == at || post) && (m.viewer == "" || m.viewer == u.id) {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b *message) int { return compareIDs(a.id, b.id) })
	return out
}

// Modal is the modal that a person has open: its title, texts, labels and values. Buttons are the labels of its inputs.
func (d *Discord) Modal(who string) (Seen, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	it := d.modals[d.member(who).id]
	if it == nil {
		return Seen{}, false
	}
	v := &view{d: d}
	v.add(text(it.modal, "title"))
	walk(list(it.modal, "components"), nil, 0, func(c object, _ []string, _ int) {
		switch number(c, "type") {
		case textDisplay:
			v.markdown(text(c, "content"))
			return
		case label, textInput:
			if s := text(c, "label"); s != "" {
				v.add(s)
				v.out.Buttons = append(v.out.Buttons, s)
			}
			v.add(text(c, "description"))
			v.add(text(c, "placeholder"))
			v.add(text(c, "value"))
			return
		}
		for _, o := range list(c, "options") {
			v.add(text(o, "label"))
			v.add(text(o, "description"))
		}
		for _, o := range list(c, "default_values") {
			if u := d.users[text(o, "id")]; u != nil {
				v.add(u.name)
			}
		}
	})
	v.out.ID, v.out.Private, v.out.JSON, v.out.Text = text(it.modal, "custom_id"), true, mustJSON(it.modal), strings.Join(v.lines, "\n")
	return v.out, true
}

// Dismiss is a person closing the modal they have open.
func (d *Discord) Dismiss(who string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.modals, d.member(who).id)
}

// view gathers what is seen of one message.
type view struct {
	d        *Discord
	out      Seen
	lines    []string
	mentions object
}

func (v *view) add(s string) {
	if s != "" {
		v.lines = append(v.lines, strings.ReplaceAll(s, "\u200b", "")) // nobody sees a space without width
	}
}

func (v *view) markdown(s string) {
	if s == "" {
		return
	}
	p := &reader{d: v.d, allowed: v.mentions}
	v.add(p.read(s))
	v.out.Live = append(v.out.Live, p.live...)
}

func (d *Discord) seen(m *message) Seen {
	v := &view{d: d, mentions: child(m.said, "allowed_mentions")}
	v.out = Seen{ID: m.id, Author: d.users[m.author].name, Private: m.viewer != "", Pending: m.flags&flagLoading != 0, JSON: mustJSON(d.messageJSON(m))}
	if d.channels[m.id] != nil {
		v.out.Thread = m.id
	}
	v.markdown(text(m.said, "content"))
	for _, e := range list(m.said, "embeds") {
		v.embed(e)
	}
	walk(list(m.said, "components"), nil, 0, func(c object, _ []string, parent int) { v.component(c, parent) })
	for _, f := range m.files {
		v.out.Files = append(v.out.Files, f.name)
		v.add(f.name)
		v.add(f.description)
	}
	v.out.Text = strings.Join(v.lines, "\n")
	return v.out
}

func (v *view) embed(e object) {
	if has(e, "color") {
		v.out.Color = number(e, "color")
	}
	v.add(text(child(e, "author"), "name"))
	mentions := v.mentions
	v.mentions = object{"parse": []any{}} // those of embeds never ping
	v.markdown(text(e, "title"))
	v.markdown(text(e, "description"))
	for _, f := range list(e, "fields") {
		v.markdown(text(f, "name"))
		v.markdown(text(f, "value"))
	}
	v.mentions = mentions
	v.add(text(child(e, "footer"), "text"))
}

func (v *view) component(c object, _ int) {
	switch number(c, "type") {
	case textDisplay:
		v.markdown(text(c, "content"))
	case container:
		if has(c, "accent_color") {
			v.out.Color = number(c, "accent_color")
		}
	case thumbnail:
		v.add(text(c, "description"))
	case mediaGallery:
		for _, item := range list(c, "items") {
			v.add(text(item, "description"))
		}
	case button:
		v.label(buttonLabel(c), truth(c, "disabled"))
	case stringSelect:
		for _, o := range list(c, "options") {
			v.label(text(o, "label"), truth(c, "disabled"))
		}
	}
}

func (v *view) label(s string, off bool) {
	v.out.Buttons = append(v.out.Buttons, s)
	if off {
		v.out.Disabled = append(v.out.Disabled, s)
	}
}
