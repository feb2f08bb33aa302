package slacktest

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"
)

// identified is a copy in which every block and element has an id, as Slack gives them to those that have none.
func (s *Slack) identified(v any) any {
	v = clone(v)
	if blocks := list(v, "blocks"); blocks != nil {
		for _, b := range blocks {
			b, ok := b.(object)
			if !ok {
				continue
			}
			if text(b, "block_id") == "" {
				b["block_id"] = s.id("b")
			}
			for _, e := range append(append([]any{}, list(b, "elements")...), b["element"], b["accessory"]) {
				if e, ok := e.(object); ok && e["action_id"] == nil && interactive(text(e, "type")) {
					e["action_id"] = s.id("a")
				}
			}
		}
	}
	return v
}

// identifiedList is identified for a list of blocks, or of attachments with blocks.
func (s *Slack) identifiedList(l []any) []any {
	if len(l) == 0 {
		return nil
	}
	if at(l[0], "blocks") != nil || at(l[0], "type") == nil {
		out := make([]any, len(l))
		for i, a := range l {
			out[i] = s.identified(a)
		}
		return out
	}
	return list(s.identified(object{"blocks": l}), "blocks")
}

// interactive says whether an element is one that people act on.
func interactive(kind string) bool {
	switch kind {
	case "", "image", "mrkdwn", "plain_text", "rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote":
		return false
	}
	return true
}

// input is a field of a view.
type input struct {
	block, action, label, kind string
	optional                   bool
	element                    object
}

// inputs are the fields of a view, those in action blocks among them.
func (v *view) inputs() []input {
	var out []input
	add := func(b any, e any, label string, optional bool) {
		kind := text(e, "type")
		if el, ok := e.(object); ok && kind != "button" && kind != "overflow" && interactive(kind) {
			out = append(out, input{block: text(b, "block_id"), action: text(e, "action_id"), label: label, kind: kind, optional: optional, element: el})
		}
	}
	for _, b := range list(v.body, "blocks") {
		switch text(b, "type") {
		case "input":
			add(b, at(b, "element"), text(b, "label", "text"), at(b, "optional") == true)
		case "actions":
			for _, e := range list(b, "elements") {
				add(b, e, text(e, "placeholder", "text"), true)
			}
		case "section":
			add(b, at(b, "accessory"), text(b, "text", "text"), true)
		}
	}
	return out
}

// is says whether a test means this input by a name: its ids, the end of one after a colon, or its label.
func (in input) is(name string) bool {
	return in.block == name || in.action == name || in.label == name || strings.HasSuffix(in.block, ":"+name) || strings.HasSuffix(in.action, ":"+name)
}

// chosen is the key under which state holds the value of a kind of input.
func chosen(kind string) string {
	switch kind {
	case "static_select", "external_select", "radio_buttons", "overflow":
		return "selected_option"
	case "multi_static_select", "multi_external_select", "checkboxes":
		return "selected_options"
	case "users_select":
		return "selected_user"
	case "conversations_select":
		return "selected_conversation"
	case "channels_select":
		return "selected_channel"
	case "datepicker":
		return "selected_date"
	case "timepicker":
		return "selected_time"
	case "datetimepicker":
		return "selected_date_time"
	}
	return "value"
}

// initial is the state of an input that nobody touched.
func (in input) initial() object {
	key := chosen(in.kind)
	from := strings.Replace(key, "selected", "initial", 1)
	if key == "value" {
		from = "initial_value"
	}
	return object{"type": in.kind, key: in.element[from]}
}

// shown is what can be read in an input.
func (in input) shown(state any) string {
	switch v := at(state, chosen(in.kind)).(type) {
	case string:
		return v
	case object:
		return cmp.Or(text(v, "value"), text(v, "text", "text"))
	case []any:
		var all []string
		for _, o := range v {
			all = append(all, text(o, "value"))
		}
		return strings.Join(all, ",")
	}
	return ""
}

// options are what can be chosen from.
func (in input) options() []any {
	all := append([]any{}, list(in.element, "options")...)
	for _, g := range list(in.element, "option_groups") {
		all = append(all, list(g, "options")...)
	}
	return all
}

// entered is the state of an input in which value was typed or chosen, or an error where the client would not let it be.
func (in input) entered(value string, offered []any) (object, error) {
	pick := func(value string) (any, error) {
		for _, o := range append(in.options(), offered...) {
			if text(o, "value") == value || text(o, "text", "text") == value {
				return o, nil
			}
		}
		return nil, fmt.Errorf("%s has no option %q", in.label, value)
	}
	key := chosen(in.kind)
	switch key {
	case "selected_option":
		if value == "" {
			return object{"type": in.kind, key: nil}, nil
		}
		o, err := pick(value)
		return object{"type": in.kind, key: o}, err
	case "selected_options":
		all := []any{}
		for v := range strings.SplitSeq(value, ",") {
			if v == "" {
				continue
			}
			o, err := pick(v)
			if err != nil {
				return nil, err
			}
			all = append(all, o)
		}
		return object{"type": in.kind, key: all}, nil
	}
	if in.kind == "plain_text_input" && at(in.element, "multiline") != true {
		value = strings.NewReplacer("\r\n", " ", "\n", " ").Replace(value) // a line takes no line breaks
	}
	if value == "" {
		return object{"type": in.kind, key: nil}, nil
	}
	return object{"type": in.kind, key: value}, nil
}

// complaint is what the client itself says about a value before it sends anything; "" is fine.
func (in input) complaint(state any) string {
	v := at(state, chosen(in.kind))
	empty := v == nil || v == ""
	if l, ok := v.([]any); ok {
		empty = len(l) == 0
	}
	if empty && !in.optional {
		return "Please complete this required field."
	}
	s, ok := v.(string)
	if !ok || empty {
		return ""
	}
	most, least := 3000.0, 0.0
	if n, ok := in.element["max_length"].(float64); ok {
		most = n
	}
	if n, ok := in.element["min_length"].(float64); ok {
		least = n
	}
	if n := float64(utf8.RuneCountInString(s)); n > most || n < least {
		return fmt.Sprintf("Please enter between %v and %v characters.", least, most)
	}
	return ""
}
