package slacktest

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// size is one documented limit: of a string in characters, of a list in items. Max 0 means there is none.
type size struct {
	path     string // "text.text", "fields[].text"
	min, max int
}

// sizesOf are the limits of blocks and elements by their type. The type "" holds for all, "option" for what stands in
// options, "confirm" for a confirmation.
func sizesOf() map[string][]size {
	choice := []size{{"options", 1, 100}, {"option_groups", 1, 100}}
	return map[string][]size{
		"":                    {{"block_id", 0, 255}, {"action_id", 0, 255}, {"placeholder.text", 0, 150}},
		"actions":             {{"elements", 1, 25}},
		"context":             {{"elements", 1, 10}},
		"context_actions":     {{"elements", 1, 5}},
		"section":             {{"text.text", 1, 3000}, {"fields", 1, 10}, {"fields[].text", 1, 2000}},
		"header":              {{"text.text", 1, 150}},
		"markdown":            {{"text", 1, 12000}},
		"image":               {{"alt_text", 0, 2000}, {"title.text", 0, 2000}, {"image_url", 0, 3000}},
		"input":               {{"label.text", 1, 2000}, {"hint.text", 0, 2000}},
		"table":               {{"rows", 1, 100}, {"rows[]", 1, 20}, {"column_settings", 0, 20}},
		"button":              {{"text.text", 1, 75}, {"value", 0, 2000}, {"url", 0, 3000}, {"accessibility_label", 0, 75}},
		"static_select":       choice,
		"multi_static_select": choice,
		"overflow":            {{"options", 1, 5}},
		"checkboxes":          {{"options", 1, 10}},
		"radio_buttons":       {{"options", 1, 10}},
		"plain_text_input":    {{"initial_value", 0, 3000}},
		"option":              {{"text.text", 1, 75}, {"value", 1, 150}, {"description.text", 0, 75}, {"url", 0, 3000}},
		"confirm":             {{"title.text", 0, 100}, {"text.text", 0, 300}, {"confirm.text", 0, 30}, {"deny.text", 0, 30}},
		"modal": {
			{"title.text", 1, 24}, {"submit.text", 0, 24}, {"close.text", 0, 24}, {"callback_id", 0, 255}, {"external_id", 0, 255},
			{"private_metadata", 0, 3000}, {"blocks", 0, 100},
		},
		"home": {{"callback_id", 0, 255}, {"private_metadata", 0, 3000}, {"blocks", 0, 100}},
	}
}

// sizes judges a block and all in it; "" is fine.
func sizes(b any) string {
	var faults []string
	table := sizesOf()
	measure := func(kind string, o object) {
		for _, z := range table[kind] {
			faults = append(faults, z.check(o, strings.Split(z.path, "."), "")...)
		}
	}
	walk(b, func(o object) {
		measure("", o)
		if kind := text(o, "type"); kind != "" {
			measure(kind, o)
		}
		for _, key := range []string{"options", "option_groups"} {
			for _, opt := range list(o, key) {
				if opt, ok := opt.(object); ok && opt["options"] == nil {
					measure("option", opt)
				}
			}
		}
		if c, ok := o["confirm"].(object); ok && c["confirm"] != nil {
			measure("confirm", c)
		}
	})
	return strings.Join(faults, "; ")
}

// viewSizes judges the frame of a view.
func viewSizes(v any) string {
	var faults []string
	for _, z := range sizesOf()[text(v, "type")] {
		faults = append(faults, z.check(v, strings.Split(z.path, "."), "")...)
	}
	return strings.Join(faults, "; ")
}

// check measures what stands at the rest of the path; what is missing is fine.
func (z size) check(v any, path []string, where string) []string {
	if len(path) == 0 {
		return z.measure(v, where)
	}
	key, each := strings.CutSuffix(path[0], "[]")
	child := at(v, key)
	if child == nil {
		return nil
	}
	where += "/" + key
	if !each {
		return z.check(child, path[1:], where)
	}
	var faults []string
	for i, item := range list(v, key) {
		faults = append(faults, z.check(item, path[1:], fmt.Sprintf("%s/%d", where, i))...)
	}
	return faults
}

func (z size) measure(v any, where string) []string {
	n, unit := 0, "characters"
	switch v := v.(type) {
	case string:
		n = utf8.RuneCountInString(v)
	case []any:
		n, unit = len(v), "items"
	default:
		return nil
	}
	switch {
	case n < z.min:
		return []string{fmt.Sprintf("%s: has %d %s, must have at least %d", where, n, unit, z.min)}
	case z.max > 0 && n > z.max:
		return []string{fmt.Sprintf("%s: has %d %s, must have no more than %d", where, n, unit, z.max)}
	}
	return nil
}
