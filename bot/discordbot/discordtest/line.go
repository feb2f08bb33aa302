package discordtest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Line is a person typing a command as one line: "/flink savepoint orders canonical=true". It is Slash for scripts. The
// words after the command's path fill its options in their order, but for those of truth values; name=value fills one by
// its name, before the first or after the last of the other words. What is left over goes into the last option of text.
// An option of text that the line's words end with, see Rest, takes all that is left.
func (d *Discord) Line(who, channel, line string) error { return d.LineFiles(who, channel, line, nil) }

// LineFiles is Line with files for options that take attachments.
func (d *Discord) LineFiles(who, channel, line string, files map[string]FileUpload) error {
	path, options, err := d.parse(who, line)
	if err != nil {
		return err
	}
	return d.SlashFiles(who, channel, path, options, files)
}

// Rest says that an option of the command with this path takes the rest of a Line. Without it this is guessed: it is the
// last required option, where that takes any text.
func (d *Discord) Rest(path, option string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rests[path] = option
}

func (d *Discord) parse(who, line string) (path string, options map[string]any, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "/"))
	words := split(line)
	var leaf []object
	n := min(3, len(words))
	for ; n > 0; n-- {
		var known []string
		for _, w := range words[:n] {
			known = append(known, w.text)
		}
		path = strings.Join(known, " ")
		if _, leaf, err = d.findCommand(d.member(who), path); err == nil {
			break
		}
	}
	if n == 0 {
		return "", nil, fmt.Errorf("/%s: %w", line, ErrNoSuchCommand)
	}
	given, words := named(leaf, words[n:])
	if err := d.placed(path, leaf, given, line, words); err != nil {
		return "", nil, fmt.Errorf("/%s: %w", path, err)
	}
	options = map[string]any{}
	for name, s := range given {
		if options[name], err = d.typed(leaf, name, s); err != nil {
			return "", nil, fmt.Errorf("/%s %s=%s: %w", path, name, s, err)
		}
	}
	return path, options, nil
}

// word is a word of a line, and where it stands there. One in quotes may hold spaces.
type word struct {
	text     string
	from, to int
}

func split(line string) []word {
	var out []word
	for i := 0; i < len(line); {
		if line[i] == ' ' || line[i] == '\t' || line[i] == '\n' {
			i++
			continue
		}
		from, quoted := i, false
		for ; i < len(line) && (quoted || !strings.ContainsRune(" \t\n", rune(line[i]))); i++ {
			if line[i] == '"' {
				quoted = !quoted
			}
		}
		out = append(out, word{unquote(line[from:i]), from, i})
	}
	return out
}

// unquote takes the quotes off a word, or off the value of name="value".
func unquote(s string) string {
	key, v := "", s
	if k, rest, ok := strings.Cut(s, "="); ok && !strings.Contains(k, `"`) {
		key, v = k+"=", rest
	}
	if len(v) >= 2 && v[0] == '"' && v[len(v)-1] == '"' {
		return key + v[1:len(v)-1]
	}
	return s
}

// named takes name=value from both ends of the words.
func named(leaf []object, words []word) (map[string]string, []word) {
	given := map[string]string{}
	take := func(w word) bool {
		k, v, ok := strings.Cut(w.text, "=")
		if !ok || !slices.ContainsFunc(leaf, func(o object) bool { return o["name"] == k }) {
			return false
		}
		if _, twice := given[k]; twice {
			return false
		}
		given[k] = v
		return true
	}
	for len(words) > 0 && take(words[0]) {
		words = words[1:]
	}
	for len(words) > 0 && take(words[len(words)-1]) {
		words = words[:len(words)-1]
	}
	return given, words
}

// placed fills options by their order.
func (d *Discord) placed(path string, leaf []object, given map[string]string, line string, words []word) error {
	rest := d.restOf(path, leaf)
	var open []object
	for _, o := range leaf {
		_, filled := given[text(o, "name")]
		if t := number(o, "type"); filled || t == booleanOption || t == fileOption || rest != "" && o["name"] != rest && !truth(o, "required") {
			continue
		}
		open = append(open, o)
	}
	if rest == "" {
		if err := sendable(words, line); err != nil {
			return err
		}
	}
	for i, w := range words {
		if i >= len(open) {
			return fmt.Errorf("no option is left for %q", w.text)
		}
		name := text(open[i], "name")
		last := i == len(open)-1 && number(open[i], "type") == stringOption
		if (name == rest || last) && i < len(words)-1 {
			given[name] = line[w.from:words[len(words)-1].to]
			return nil
		}
		given[name] = w.text
	}
	return nil
}

// sendable refuses what a person could not fill in: a name=value that is no option, a quote that is not closed.
func sendable(words []word, line string) error {
	for _, w := range words {
		if k, _, ok := strings.Cut(w.text, "="); ok && k != "" && strings.Trim(k, "abcdefghijklmnopqrstuvwxyz_") == "" {
			return fmt.Errorf("there is no option %q", k)
		}
		if strings.Count(line[w.from:w.to], `"`)%2 == 1 {
			return fmt.Errorf("%s has a quote that is not closed", w.text)
		}
	}
	return nil
}

// restOf is the option that takes the rest of a line, if there is one.
func (d *Discord) restOf(path string, leaf []object) string {
	if name, ok := d.rests[path]; ok {
		return name
	}
	for i, o := range leaf {
		last := i == len(leaf)-1 || !truth(leaf[i+1], "required")
		if truth(o, "required") && last && number(o, "type") == stringOption && !truth(o, "autocomplete") && len(list(o, "choices")) == 0 {
			return text(o, "name")
		}
	}
	return ""
}

// typed is a word as the value of its option: people and channels may be named.
func (d *Discord) typed(leaf []object, name, s string) (any, error) {
	i := slices.IndexFunc(leaf, func(o object) bool { return o["name"] == name })
	switch number(leaf[i], "type") {
	case integerOption, numberOption:
		n, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is no number", s)
		}
		return n, nil
	case booleanOption:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return nil, fmt.Errorf("%q is neither true nor false", s)
		}
		return b, nil
	}
	return s, nil
}
