package discordtest

import (
	"regexp"
	"strconv"
	"strings"
)

var commandName = regexp.MustCompile(`^[-_'\p{L}\p{N}\p{Devanagari}\p{Thai}]{1,32}$`)

// The types of options.
const (
	subcommand      = 1
	subcommandGroup = 2
	stringOption    = 3
	integerOption   = 4
	booleanOption   = 5
	numberOption    = 10
	fileOption      = 11
)

// commandRules are what the documentation says of a list of commands.
func commandRules(all []object) []problem {
	var ps []problem
	names, kinds := map[string]bool{}, map[int]int{}
	for i, c := range all {
		at := []string{strconv.Itoa(i)}
		kind := number(c, "type")
		if kind == 0 {
			kind = 1
		}
		kinds[kind]++
		key := strconv.Itoa(kind) + text(c, "name")
		if names[key] {
			ps = append(ps, wrong(append(at, "name"), "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique"))
		}
		names[key] = true
		if kind == 1 {
			ps = append(ps, nameRules(c, at)...)
			ps = append(ps, optionRules(list(c, "options"), at, 0)...)
		} else {
			if n := units(text(c, "name")); n < 1 || n > 32 {
				ps = append(ps, wrong(append(at, "name"), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 32 in length."))
			}
			if text(c, "description") != "" || len(list(c, "options")) > 0 {
				ps = append(ps, wrong(append(at, "description"), "APPLICATION_COMMAND_INVALID_DESCRIPTION", "A command on a message or user has neither description nor options."))
			}
		}
		if n := spelled(c); n > 8000 {
			ps = append(ps, wrong(at, "APPLICATION_COMMAND_TOO_LARGE", "Command exceeds maximum size: %d characters of 8000", n))
		}
	}
	for kind, most := range map[int]int{1: 100, 2: 15, 3: 15} {
		if kinds[kind] > most {
			ps = append(ps, wrong(nil, "APPLICATION_COMMAND_MAX", "There are %d commands of type %d; at most %d are allowed.", kinds[kind], kind, most))
		}
	}
	return ps
}

// nameRules are those of the name and description of a command or an option.
func nameRules(o object, at []string) []problem {
	var ps []problem
	if n := text(o, "name"); !commandName.MatchString(n) || n != strings.ToLower(n) {
		ps = append(ps, wrong(append(at, "name"), "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid: %q", n))
	}
	if n := units(text(o, "description")); n < 1 || n > 100 {
		ps = append(ps, wrong(append(at, "description"), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length."))
	}
	return ps
}

// optionRules are those of the options of one command; depth is how many subcommands they are below.
func optionRules(all []object, at []string, depth int) []problem {
	var ps []problem
	if len(all) > 25 {
		ps = append(ps, wrong(append(at, "options"), "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length."))
	}
	names, optional, subs := map[string]bool{}, false, 0
	for i, o := range all {
		path := append(append([]string(nil), at...), "options", strconv.Itoa(i))
		ps = append(ps, nameRules(o, path)...)
		name, t := text(o, "name"), number(o, "type")
		if names[name] {
			ps = append(ps, wrong(append(path, "name"), "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", "Option name already exists"))
		}
		names[name] = true
		if truth(o, "required") && optional {
			ps = append(ps, wrong(path, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", "Required options must be placed before non-required options"))
		}
		optional = optional || !truth(o, "required")
		if t == subcommand || t == subcommandGroup {
			subs++
			optional = false
			if t == subcommandGroup && depth > 0 || depth > 1 {
				ps = append(ps, wrong(append(path, "type"), "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Sub-command and sub-command group options cannot be nested so"))
			}
			ps = append(ps, optionRules(list(o, "options"), path, depth+1)...)
			continue
		}
		ps = append(ps, choiceRules(o, path)...)
	}
	if subs > 0 && subs < len(all) {
		ps = append(ps, wrong(append(at, "options"), "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Sub-command and sub-command group option types are mutually exclusive to all other types"))
	}
	return ps
}

func choiceRules(o object, path []string) []problem {
	var ps []problem
	choices, t := list(o, "choices"), number(o, "type")
	at := append(append([]string(nil), path...), "choices")
	switch {
	case len(choices) > 25:
		ps = append(ps, wrong(at, "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length."))
	case len(choices) > 0 && truth(o, "autocomplete"):
		ps = append(ps, wrong(at, "APPLICATION_COMMAND_OPTIONS_CHOICES_AUTOCOMPLETE", "choices and autocomplete exclude each other"))
	case len(choices) > 0 && t != stringOption && t != integerOption && t != numberOption, truth(o, "autocomplete") && t != stringOption && t != integerOption && t != numberOption:
		ps = append(ps, wrong(at, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Options of type %d have no choices", t))
	}
	return append(ps, choiceList(choices, at)...)
}

// choiceList are the rules of choices, of options and of autocompletion alike.
func choiceList(choices []object, at []string) []problem {
	var ps []problem
	names := map[string]bool{}
	for i, c := range choices {
		path := append(append([]string(nil), at...), strconv.Itoa(i))
		if n := units(text(c, "name")); n < 1 || n > 100 {
			ps = append(ps, wrong(append(path, "name"), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length."))
		}
		if units(text(c, "value")) > 100 {
			ps = append(ps, wrong(append(path, "value"), "BASE_TYPE_MAX_LENGTH", "Must be 100 or fewer in length."))
		}
		if names[text(c, "name")] {
			ps = append(ps, wrong(append(path, "name"), "APPLICATION_COMMAND_OPTIONS_CHOICE_NAME_ALREADY_EXISTS", "Option choice name already exists"))
		}
		names[text(c, "name")] = true
	}
	return ps
}

// spelled is how many characters a command counts: the names, descriptions and values of all that it holds.
func spelled(o object) int {
	n := units(text(o, "name")) + units(text(o, "description")) + units(text(o, "value"))
	for _, key := range []string{"options", "choices"} {
		for _, x := range list(o, key) {
			n += spelled(x)
		}
	}
	return n
}
