package discordtest

import "strconv"

// modalRules are what the documentation says of modals.
func modalRules(data object) []problem {
	var ps []problem
	bad := func(path []string, code, format string, args ...any) {
		ps = append(ps, wrong(path, code, format, args...))
	}
	for key, most := range map[string]int{"title": 45, "custom_id": 100} {
		if n := units(text(data, key)); n < 1 || n > most {
			bad([]string{"data", key}, "BASE_TYPE_BAD_LENGTH", "Must be between 1 and %d in length.", most)
		}
	}
	top := list(data, "components")
	if len(top) < 1 || len(top) > 5 {
		bad([]string{"data", "components"}, "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
	}
	custom := map[string]bool{}
	walk(top, []string{"data", "components"}, 0, func(c object, path []string, parent int) {
		t := number(c, "type")
		switch {
		case parent == 0 && t != actionRow && t != label && t != textDisplay:
			bad(append(path, "type"), "UNION_TYPE_CHOICES", "A component of type %d cannot be here.", t)
		case parent == actionRow && t != textInput:
			bad(append(path, "type"), "UNION_TYPE_CHOICES", "A row of a modal holds one text input.")
		case parent == label && t == button, parent == label && t == textDisplay:
			bad(append(path, "type"), "UNION_TYPE_CHOICES", "A label holds one input.")
		}
		if parent == label || parent == actionRow {
			id := text(c, "custom_id")
			if n := units(id); n < 1 || n > 100 {
				bad(append(path, "custom_id"), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
			}
			if custom[id] {
				bad(append(path, "custom_id"), "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")
			}
			custom[id] = true
		}
		ps = append(ps, inputRules(c, path, parent)...)
	})
	return ps
}

// inputRules are those of one component of a modal.
func inputRules(c object, path []string, parent int) []problem {
	var ps []problem
	bad := func(key, code, format string, args ...any) {
		ps = append(ps, wrong(append(append([]string(nil), path...), key), code, format, args...))
	}
	switch number(c, "type") {
	case actionRow:
		if len(list(c, "components")) != 1 {
			bad("components", "BASE_TYPE_BAD_LENGTH", "A row of a modal holds one text input.")
		}
	case label:
		if n := units(text(c, "label")); n < 1 || n > 45 {
			bad("label", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 45 in length.")
		}
		if units(text(c, "description")) > 100 {
			bad("description", "BASE_TYPE_MAX_LENGTH", "Must be 100 or fewer in length.")
		}
		if child(c, "component") == nil {
			bad("component", "BASE_TYPE_REQUIRED", "This field is required")
		}
	case textInput:
		most := 4000
		if has(c, "max_length") {
			most = number(c, "max_length")
		}
		if most < 1 || most > 4000 || number(c, "min_length") < 0 || number(c, "min_length") > most {
			bad("max_length", "NUMBER_TYPE_MAX", "Must be between min_length and 4000.")
		}
		if units(text(c, "value")) > most {
			bad("value", "BASE_TYPE_MAX_LENGTH", "Must be %s or fewer in length.", strconv.Itoa(most))
		}
		if units(text(c, "placeholder")) > 100 {
			bad("placeholder", "BASE_TYPE_MAX_LENGTH", "Must be 100 or fewer in length.")
		}
		if n := units(text(c, "label")); parent == actionRow && (n < 1 || n > 45) {
			bad("label", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 45 in length.")
		}
		if s := number(c, "style"); s != 1 && s != 2 {
			bad("style", "BASE_TYPE_CHOICES", "Value must be one of {1, 2}.")
		}
	case stringSelect:
		ps = append(ps, selectRules(c, path, 1)...)
	case userSelect:
		ps = append(ps, selectRules(c, path, 1)...)
		most := 1
		if has(c, "max_values") {
			most = number(c, "max_values")
		}
		if chosen := list(c, "default_values"); len(chosen) > most {
			bad("default_values", "SELECT_COMPONENT_DEFAULT_VALUES_INVALID", "There are more default values than max_values.")
		}
		for _, o := range list(c, "default_values") {
			if o["type"] != "user" {
				bad("default_values", "BASE_TYPE_CHOICES", "Value must be one of ('user',).")
			}
		}
	}
	return ps
}
