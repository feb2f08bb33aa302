package discordtest

import (
	"slices"
	"strconv"
	"strings"
)

// The types of components.
const (
	actionRow     = 1
	button        = 2
	stringSelect  = 3
	textInput     = 4
	userSelect    = 5
	section       = 9
	textDisplay   = 10
	thumbnail     = 11
	mediaGallery  = 12
	fileComponent = 13
	separator     = 14
	container     = 17
	label         = 18
	fileUpload    = 19
	radioGroup    = 21
	checkboxGroup = 22
	checkbox      = 23
)

const linkStyle = 5

// walk visits components and all that is in them. parent is the type of what they are in, 0 at the top.
func walk(all []object, path []string, parent int, visit func(c object, path []string, parent int)) {
	for i, c := range all {
		at := append(slices.Clone(path), strconv.Itoa(i))
		visit(c, at, parent)
		t := number(c, "type")
		walk(list(c, "components"), append(slices.Clone(at), "components"), t, visit)
		for _, key := range []string{"accessory", "component"} {
			if sub := child(c, key); sub != nil {
				path := append(slices.Clone(at), key)
				visit(sub, path, t)
				walk(list(sub, "components"), append(path, "components"), number(sub, "type"), visit)
			}
		}
	}
}

// componentRules are those of a message's components.
func componentRules(m *message) []problem {
	s := &scan{files: m.files, custom: map[string]bool{}, ids: map[string]bool{}, v2: m.flags&flagVersion2 != 0}
	top := list(m.said, "components")
	if !s.v2 && len(top) > 5 {
		s.bad([]string{"components"}, "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
	}
	walk(top, []string{"components"}, 0, s.visit)
	if s.v2 && s.count > 40 {
		s.bad([]string{"components"}, "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", "The total number of components is %d; at most 40 are allowed.", s.count)
	}
	if s.text > 4000 {
		s.bad([]string{"components"}, "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", "Components displayable text size exceeds maximum size of 4000")
	}
	return s.problems
}

// scan is one look at the components of a message.
type scan struct {
	problems    []problem
	files       []file
	custom, ids map[string]bool
	v2          bool
	count, text int
}

func (s *scan) bad(path []string, code, format string, args ...any) {
	s.problems = append(s.problems, wrong(path, code, format, args...))
}

// within says in what a component may be.
func within(t int) []int {
	switch t {
	case actionRow, fileComponent, mediaGallery, separator:
		return []int{0, container}
	case section:
		return []int{0, container}
	case textDisplay:
		return []int{0, container, section}
	case container:
		return []int{0}
	case button:
		return []int{actionRow, section}
	case stringSelect, 5, 6, 7, 8:
		return []int{actionRow}
	case thumbnail:
		return []int{section}
	}
	return nil
}

func (s *scan) visit(c object, path []string, parent int) {
	s.count++
	t := number(c, "type")
	if !slices.Contains(within(t), parent) || !s.v2 && t >= section {
		s.bad(append(path, "type"), "UNION_TYPE_CHOICES", "A component of type %d cannot be here.", t)
		return
	}
	if id := number(c, "id"); id != 0 {
		if k := strconv.Itoa(id); s.ids[k] {
			s.bad(append(path, "id"), "COMPONENT_ID_DUPLICATED", "Component id cannot be duplicated")
		} else {
			s.ids[k] = true
		}
	}
	switch t {
	case actionRow:
		s.row(c, path)
	case button:
		s.button(c, path)
	case stringSelect, 5, 6, 7, 8:
		s.customID(c, path)
		s.problems = append(s.problems, selectRules(c, path, 1)...)
	case section:
		if n := len(list(c, "components")); n < 1 || n > 3 {
			s.bad(append(path, "components"), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 3 in length.")
		}
		if child(c, "accessory") == nil {
			s.bad(append(path, "accessory"), "BASE_TYPE_REQUIRED", "This field is required")
		}
	case textDisplay:
		n := units(text(c, "content"))
		s.text += n
		if strings.TrimSpace(text(c, "content")) == "" || n > 4000 {
			s.bad(append(path, "content"), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 4000 in length.")
		}
	case container:
		if len(list(c, "components")) == 0 {
			s.bad(append(path, "components"), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 40 in length.")
		}
	case mediaGallery, thumbnail, fileComponent:
		s.media(c, path, t)
	}
}

func (s *scan) media(c object, path []string, t int) {
	items, key := []object{c}, "media"
	switch t {
	case mediaGallery:
		items = list(c, "items")
		if len(items) < 1 || len(items) > 10 {
			s.bad(append(path, "items"), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 10 in length.")
		}
	case fileComponent:
		key = "file"
		if u := text(child(c, "file"), "url"); !strings.HasPrefix(u, "attachment://") {
			s.bad(append(path, "file", "url"), "ATTACHMENT_REFERENCE_REQUIRED", "Must be a reference of the form attachment://<filename>.")
		}
	}
	for i, item := range items {
		at := append(slices.Clone(path), strconv.Itoa(i), key, "url")
		s.problems = append(s.problems, referenceRules(at, text(child(item, key), "url"), s.files)...)
		if units(text(item, "description")) > 1024 {
			s.bad(append(at, "description"), "BASE_TYPE_MAX_LENGTH", "Must be 1024 or fewer in length.")
		}
	}
}

func (s *scan) row(c object, path []string) {
	kids := list(c, "components")
	buttons := 0
	for _, k := range kids {
		if number(k, "type") == button {
			buttons++
		}
	}
	switch {
	case len(kids) == 0 || len(kids) > 5:
		s.bad(append(path, "components"), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
	case buttons < len(kids) && len(kids) > 1:
		s.bad(append(path, "components"), "COMPONENT_LAYOUT_WIDTH_EXCEEDED", "A row holds up to five buttons, or one menu.")
	}
}

func (s *scan) customID(c object, path []string) {
	id := text(c, "custom_id")
	switch {
	case id == "" || units(id) > 100:
		s.bad(append(path, "custom_id"), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
	case s.custom[id]:
		s.bad(append(path, "custom_id"), "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")
	}
	s.custom[id] = true
}

func (s *scan) button(c object, path []string) {
	style := number(c, "style")
	if style < 1 || style > 5 {
		s.bad(append(path, "style"), "BASE_TYPE_CHOICES", "Value must be one of {1, 2, 3, 4, 5}.")
	}
	if n := units(text(c, "label")); n > 80 {
		s.bad(append(path, "label"), "BASE_TYPE_MAX_LENGTH", "Must be 80 or fewer in length.")
	}
	if strings.TrimSpace(text(c, "label")) == "" && !has(c, "emoji") {
		s.bad(append(path, "label"), "BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED", "A button has a label or an emoji.")
	}
	if style != linkStyle {
		s.customID(c, path)
		if has(c, "url") {
			s.bad(append(path, "url"), "BUTTON_COMPONENT_CUSTOM_ID_URL_CONFLICT", "A button with a custom id has no url.")
		}
		return
	}
	if has(c, "custom_id") {
		s.bad(append(path, "custom_id"), "BUTTON_COMPONENT_CUSTOM_ID_URL_CONFLICT", "A button with a url has no custom id.")
	}
	if u := text(c, "url"); u == "" || units(u) > 512 {
		s.bad(append(path, "url"), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 512 in length.")
	} else {
		s.problems = append(s.problems, addressRules(append(path, "url"), u)...)
	}
}

// selectRules are those of menus; least is the smallest default of min_values.
func selectRules(c object, path []string, least int) []problem {
	var ps []problem
	bad := func(key, code, format string, args ...any) {
		ps = append(ps, wrong(append(slices.Clone(path), key), code, format, args...))
	}
	if units(text(c, "placeholder")) > 150 {
		bad("placeholder", "BASE_TYPE_MAX_LENGTH", "Must be 150 or fewer in length.")
	}
	lo, hi := least, 1
	if has(c, "min_values") {
		lo = number(c, "min_values")
	}
	if has(c, "max_values") {
		hi = number(c, "max_values")
	}
	if number(c, "type") != stringSelect {
		return ps
	}
	options := list(c, "options")
	if len(options) < 1 || len(options) > 25 {
		bad("options", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 25 in length.")
	}
	if hi < lo || hi > max(1, len(options)) {
		bad("max_values", "SELECT_COMPONENT_MAX_VALUES_GREATER_THAN_OPTIONS", "max_values must be at least min_values and at most the number of options.")
	}
	values, chosen := map[string]bool{}, 0
	for i, o := range options {
		key := "options." + strconv.Itoa(i)
		if n := units(text(o, "label")); n < 1 || n > 100 {
			bad(key, "BASE_TYPE_BAD_LENGTH", "The label must be between 1 and 100 in length.")
		}
		v := text(o, "value")
		if n := units(v); n < 1 || n > 100 {
			bad(key, "BASE_TYPE_BAD_LENGTH", "The value must be between 1 and 100 in length.")
		}
		if units(text(o, "description")) > 100 {
			bad(key, "BASE_TYPE_MAX_LENGTH", "The description must be 100 or fewer in length.")
		}
		if values[v] {
			bad(key, "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", "The specified option value is already used")
		}
		values[v] = true
		if truth(o, "default") {
			chosen++
		}
	}
	if chosen > hi {
		bad("options", "SELECT_COMPONENT_MAX_DEFAULTS", "More options are chosen from the start than may be chosen.")
	}
	return ps
}
