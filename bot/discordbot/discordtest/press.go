package discordtest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Click is a person pressing the newest button with this label that they see in a channel, or choosing the option with
// this label from a menu.
func (d *Discord) Click(who, channel, label string) error { return d.ClickIn(who, channel, "", label) }

// ClickIn is Click in a thread of the channel; an empty thread is the channel itself.
func (d *Discord) ClickIn(who, channel, thread, label string) error {
	it, err := d.click(who, channel, thread, "", label)
	if err != nil {
		return err
	}
	return d.deliver(it)
}

// ClickOn is Click on one message.
func (d *Discord) ClickOn(who, channel, id, label string) error {
	it, err := d.click(who, channel, "", id, label)
	if err != nil {
		return err
	}
	return d.deliver(it)
}

// Hold is a person with a button of a message before their eyes. They press it with the function that is returned, whatever has
// become of the message meanwhile: their client has not heard of that.
func (d *Discord) Hold(who, id, label string) (press func() error, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u, m := d.member(who), d.messages[id]
	if m == nil {
		return nil, fmt.Errorf("%s sees no message %s", u.name, id)
	}
	data, _ := m.pressable(label)
	if data == nil {
		return nil, fmt.Errorf("%s sees no button %q", u.name, label)
	}
	return func() error {
		d.mu.Lock()
		it, err := d.begin(componentPress, u, m.channel, data, m)
		d.mu.Unlock()
		if err != nil {
			return err
		}
		return d.deliver(it)
	}, nil
}

func (d *Discord) click(who, channel, thread, id, label string) (*interaction, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.member(who)
	grey := false
	var all []*message
	if id == "" {
		all = d.visible(u, channel, thread)
	} else if m := d.messages[id]; m != nil && !m.deleted && (m.viewer == "" || m.viewer == u.id) {
		all = []*message{m}
	}
	for _, m := range slices.Backward(all) {
		data, off := m.pressable(label)
		if grey = grey || off; data != nil {
			return d.begin(componentPress, u, m.channel, data, m)
		}
	}
	if grey {
		return nil, fmt.Errorf("the button %q is disabled", label)
	}
	return nil, fmt.Errorf("%s sees no button %q", u.name, label)
}

// pressable is what an interaction says of the component with a label; off: there is one, and it is disabled.
func (m *message) pressable(label string) (data object, off bool) {
	n := 0
	walk(list(m.said, "components"), nil, 0, func(c object, _ []string, _ int) {
		n++
		if data != nil {
			return
		}
		switch t := number(c, "type"); t {
		case button:
			if buttonLabel(c) != label || number(c, "style") == linkStyle {
				return
			}
			if off = truth(c, "disabled"); !off {
				data = object{"custom_id": c["custom_id"], "component_type": button, "id": n}
			}
		case stringSelect:
			for _, o := range list(c, "options") {
				if o["label"] != label {
					continue
				}
				if off = truth(c, "disabled"); !off {
					data = object{"custom_id": c["custom_id"], "component_type": t, "id": n, "values": []any{o["value"]}}
				}
			}
		}
	})
	return data, off
}

// buttonLabel is what a button says; one of an emoji alone is named by it.
func buttonLabel(c object) string {
	if s := text(c, "label"); s != "" {
		return s
	}
	return text(child(c, "emoji"), "name")
}

// Submit is a person filling the modal they have open and sending it. Values are by custom id or label; the others stay as
// the modal has them.
func (d *Discord) Submit(who string, values map[string]string) error {
	return d.SubmitFiles(who, values, nil)
}

// SubmitFiles is Submit with files for the inputs that take them.
func (d *Discord) SubmitFiles(who string, values map[string]string, files map[string]FileUpload) error {
	it, err := d.submit(who, values, files)
	if err != nil {
		return err
	}
	return d.deliver(it)
}

func (d *Discord) submit(who string, values map[string]string, files map[string]FileUpload) (*interaction, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.member(who)
	from := d.modals[u.id]
	if from == nil {
		return nil, fmt.Errorf("%s has no modal open", u.name)
	}
	s := &sheet{f: &filling{d: d, channel: from.channel, resolved: object{}}, values: values, files: files, used: map[string]bool{}}
	var out []any
	for _, c := range list(from.modal, "components") {
		o, err := s.component(c, "")
		if err != nil {
			return nil, fmt.Errorf("the modal %q: %w", text(from.modal, "title"), err)
		}
		out = append(out, o)
	}
	for name := range values {
		if !s.used[name] {
			return nil, fmt.Errorf("the modal %q has no input %s", text(from.modal, "title"), name)
		}
	}
	data := object{"custom_id": from.modal["custom_id"], "components": out}
	if len(s.f.resolved) > 0 {
		data["resolved"] = s.f.resolved
	}
	it, err := d.begin(modalSubmit, u, from.channel, data, from.source)
	if err == nil {
		delete(d.modals, u.id)
	}
	return it, err
}

// sheet is a modal being filled.
type sheet struct {
	f      *filling
	values map[string]string
	files  map[string]FileUpload
	used   map[string]bool
	n      int
}

// component is what a submission says of one component; title is that of the label around it.
func (s *sheet) component(c object, title string) (object, error) {
	s.n++
	t := number(c, "type")
	o := object{"type": t, "id": s.n}
	if has(c, "id") {
		o["id"] = number(c, "id")
	}
	switch t {
	case textDisplay:
		return o, nil
	case actionRow:
		sub, err := s.component(list(c, "components")[0], "")
		o["components"] = []any{sub}
		return o, err
	case label:
		sub, err := s.component(child(c, "component"), text(c, "label"))
		o["component"] = sub
		return o, err
	}
	if title == "" {
		title = text(c, "label")
	}
	o["custom_id"] = c["custom_id"]
	if err := s.input(c, o, title); err != nil {
		return nil, fmt.Errorf("input %q: %w", title, err)
	}
	return o, nil
}

// given is the value for an input, by its custom id or its label.
func (s *sheet) given(c object, title string) (string, bool) {
	for _, name := range []string{text(c, "custom_id"), title} {
		if v, ok := s.values[name]; ok {
			s.used[name] = true
			return v, true
		}
	}
	return "", false
}

func (s *sheet) input(c, o object, title string) error {
	v, ok := s.given(c, title)
	required := !has(c, "required") || truth(c, "required")
	switch number(c, "type") {
	case textInput:
		if !ok {
			v = text(c, "value")
		}
		o["value"] = v
		return typable(c, v, required)
	case stringSelect, radioGroup, checkboxGroup:
		values, err := options(c, v, ok)
		if err == nil && len(values) == 0 && required {
			err = errors.New("a choice is required")
		}
		o["values"] = values
		if number(c, "type") == radioGroup {
			delete(o, "values")
			o["value"] = nil
			if len(values) > 0 {
				o["value"] = values[0]
			}
		}
		return err
	case checkbox:
		on := truth(c, "default")
		if ok {
			on, _ = strconv.ParseBool(v)
		}
		o["value"] = on
	case fileUpload:
		ids := []any{}
		for _, name := range []string{text(c, "custom_id"), title} {
			if u, ok := s.files[name]; ok {
				ids = append(ids, s.f.upload(u))
			}
		}
		o["values"] = ids
		if len(ids) == 0 && required {
			return errors.New("a file is required")
		}
	case userSelect:
		ids, err := s.people(c, v, ok)
		if err == nil && len(ids) == 0 && required {
			err = errors.New("a choice is required")
		}
		o["values"] = ids
		return err
	default: // roles, channels: by id
		o["values"] = []any{}
		if ok {
			o["values"] = []any{v}
		}
	}
	return nil
}

// people are the members chosen in a menu of them, by name or id, or those it began with. Who is not in the guild is not in the
// menu; bots are. What is chosen goes along as it is known.
func (s *sheet) people(c object, v string, ok bool) ([]any, error) {
	ids := []any{}
	if !ok {
		for _, o := range list(c, "default_values") {
			ids = append(ids, o["id"])
		}
	} else if v != "" {
		ids = append(ids, s.f.d.named(v))
	}
	users, members := object{}, object{}
	for _, id := range ids {
		u := s.f.d.users[fmt.Sprint(id)]
		if u == nil || u.outside {
			return nil, fmt.Errorf("the menu of people has no %q", v)
		}
		m := with(s.f.d.memberJSON(u), object{"permissions": granted(nil)})
		for _, key := range []string{"user", "deaf", "mute"} {
			delete(m, key)
		}
		users[u.id], members[u.id] = s.f.d.userJSON(u), m
	}
	if len(ids) > 0 {
		s.f.resolved["users"], s.f.resolved["members"] = users, members
	}
	return ids, nil
}

// typable says why a client does not let a text through.
func typable(c object, v string, required bool) error {
	most := 4000
	if has(c, "max_length") {
		most = number(c, "max_length")
	}
	switch n := units(v); {
	case v == "" && required:
		return errors.New("a value is required")
	case v == "":
		return nil
	case n < number(c, "min_length"):
		return fmt.Errorf("%d characters are too few", n)
	case n > most:
		return fmt.Errorf("%d characters are too many", n)
	case number(c, "style") == 1 && strings.Contains(v, "\n"):
		return nil // pasted line breaks come through
	}
	return nil
}

// options are the chosen values of a menu: those named, or those it began with.
func options(c object, v string, ok bool) ([]any, error) {
	values := []any{}
	for _, o := range list(c, "options") {
		if ok && (o["value"] == v || o["label"] == v) || !ok && truth(o, "default") {
			values = append(values, o["value"])
		}
	}
	if ok && v != "" && len(values) == 0 {
		return nil, fmt.Errorf("%q is not offered", v)
	}
	return values, nil
}
