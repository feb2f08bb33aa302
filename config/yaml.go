package config

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/drey-ops/drey/commands"
)

// Problem is one mistake in the file.
type Problem struct {
	File string
	Line int    // 0: of the file as a whole
	Key  string // dotted: alerts.routes[0].match
	Msg  string // what is wrong, and what is allowed
}

func (p Problem) String() string {
	s := p.File
	if p.Line > 0 {
		s += ":" + strconv.Itoa(p.Line)
	}
	if p.Key != "" {
		s += ": " + p.Key
	}
	return s + ": " + p.Msg
}

// Problems are all mistakes of a file, in its order.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// file is a parsed file with the line of every key.
type file struct {
	name     string
	root     *yaml.Node
	lines    map[string]int
	values   map[string]string // of the scalars, by key
	draft    bool              // a reference to what is not there is empty
	problems Problems
}

func (f *file) add(line int, key, format string, args ...any) {
	f.problems = append(f.problems, Problem{f.name, line, key, fmt.Sprintf(format, args...)})
}

// lineOf finds the line of a key, or of the nearest key above it that stands in the file.
func (f *file) lineOf(key string) int {
	for key != "" {
		if n, ok := f.lines[key]; ok {
			return n
		}
		key = key[:max(strings.LastIndexAny(key, ".["), 0)]
	}
	return 0
}

// decode reads src into the struct that dst points to. It returns f, filled in.
func decode(f *file, src []byte, dst any) (*file, error) {
	f.lines, f.values = map[string]int{}, map[string]string{}
	var doc yaml.Node
	if err := yaml.Unmarshal(src, &doc); err != nil {
		line, msg := splitLine(err.Error())
		f.add(line, "", "not YAML: %s", msg)
		return f, f.problems
	}
	if len(doc.Content) == 0 {
		return f, nil // an empty file is all defaults
	}
	f.root = doc.Content[0]
	f.walk(f.root, "", reflect.TypeOf(dst).Elem())
	if len(f.problems) > 0 {
		return f, f.problems
	}
	if err := f.root.Decode(dst); err != nil {
		f.typeErrors(err)
		return f, f.problems
	}
	return f, nil
}

// walk notes the lines, expands ${…} and refuses unknown and repeated keys.
func (f *file) walk(n *yaml.Node, key string, t reflect.Type) {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if key != "" {
		f.lines[key] = n.Line
	}
	switch n.Kind {
	case yaml.MappingNode:
		seen := map[string]bool{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			k, v := n.Content[i], n.Content[i+1]
			path := join(key, k.Value)
			sub, known := f.field(t, k.Value)
			switch {
			case seen[k.Value]:
				f.add(k.Line, path, "stands here twice; keep one")
			case !known:
				f.add(k.Line, path, "unknown key%s", f.allowed(t, k.Value))
			default:
				f.walk(v, path, sub)
				f.lines[path] = k.Line
			}
			seen[k.Value] = true
		}
	case yaml.SequenceNode:
		var elem reflect.Type
		if t != nil && (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) {
			elem = t.Elem()
		}
		for i, v := range n.Content {
			f.walk(v, fmt.Sprintf("%s[%d]", key, i), elem)
		}
	case yaml.ScalarNode:
		f.values[key] = n.Value
		f.expand(n, key)
	case yaml.AliasNode:
		f.add(n.Line, key, "YAML aliases are not allowed here; write the value out")
	}
}

func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}

// field finds the type behind a key of t. A t that is no struct takes every key.
func (f *file) field(t reflect.Type, name string) (reflect.Type, bool) {
	if t == nil || t.Kind() == reflect.Interface {
		return nil, true
	}
	if t.Kind() == reflect.Map {
		return t.Elem(), true
	}
	if t.Kind() != reflect.Struct {
		return nil, true // the decoder will say that a mapping does not fit
	}
	for _, fl := range fields(t) {
		if fl.name == name {
			return fl.typ, true
		}
	}
	return nil, false
}

type field struct {
	name string
	typ  reflect.Type
}

// fields lists the keys of a struct, those of inlined structs too.
func fields(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		sf := t.Field(i)
		tag, opts, _ := strings.Cut(sf.Tag.Get("yaml"), ",")
		switch {
		case tag == "-" || !sf.IsExported():
		case opts == "inline":
			out = append(out, fields(sf.Type)...)
		case tag == "":
			out = append(out, field{strings.ToLower(sf.Name), sf.Type})
		default:
			out = append(out, field{tag, sf.Type})
		}
	}
	return out
}

func (f *file) allowed(t reflect.Type, name string) string {
	var names []string
	for _, fl := range fields(t) {
		names = append(names, fl.name)
	}
	slices.Sort(names)
	if best := commands.Nearest(name, names, 1); len(best) > 0 {
		return fmt.Sprintf("; did you mean %s? Allowed: %s", best[0], strings.Join(names, ", "))
	}
	return "; allowed: " + strings.Join(names, ", ")
}

var reference = regexp.MustCompile(`\$\{([a-z]+):([^}]*)\}`)

// expand replaces ${env:NAME} and ${file:/path}.
func (f *file) expand(n *yaml.Node, key string) {
	if !strings.Contains(n.Value, "${") {
		return
	}
	n.Value = reference.ReplaceAllStringFunc(n.Value, func(ref string) string {
		m := reference.FindStringSubmatch(ref)
		switch m[1] {
		case "env":
			v, ok := os.LookupEnv(m[2])
			if !ok && !f.draft {
				f.add(n.Line, key, "the environment variable %s is not set", m[2])
			}
			return v
		case "file":
			b, err := os.ReadFile(m[2])
			if err != nil && !f.draft {
				var pe *os.PathError
				if errors.As(err, &pe) {
					err = pe.Err
				}
				f.add(n.Line, key, "the file %s can't be read: %v", m[2], err)
			}
			return strings.TrimRight(string(b), "\r\n")
		}
		f.add(n.Line, key, "unknown reference ${%s:…}; allowed: ${env:NAME}, ${file:/path}", m[1])
		return ""
	})
	// What came from outside is text, whatever it looks like; a plain number in the target still decodes from text.
	if n.Tag == "!!str" || n.Tag == "" {
		n.Style = yaml.DoubleQuotedStyle
	}
}

var atLine = regexp.MustCompile(`line (\d+): (.*)`)

func splitLine(msg string) (int, string) {
	m := atLine.FindStringSubmatch(msg)
	if m == nil {
		return 0, strings.TrimPrefix(msg, "yaml: ")
	}
	n, _ := strconv.Atoi(m[1])
	return n, m[2]
}

// typeErrors turns the decoder's complaints into problems with keys.
func (f *file) typeErrors(err error) {
	var te *yaml.TypeError
	if !errors.As(err, &te) {
		line, msg := splitLine(err.Error())
		f.add(line, f.keyAt(line, ""), "%s", msg)
		return
	}
	for _, e := range te.Errors {
		line, msg := splitLine(e)
		want, have := plainType(msg)
		if have != "" {
			want += ", have " + have
		}
		f.add(line, f.keyAt(line, have), "%s", want)
	}
}

// plainType says in words what the decoder says in Go types; have is the value as written, where it is told.
func plainType(msg string) (want, have string) {
	value, typ, ok := strings.Cut(strings.TrimPrefix(msg, "cannot unmarshal "), " into ")
	if !ok {
		return msg, ""
	}
	_, have, _ = strings.Cut(value, " ")
	want = map[string]string{
		"time.Duration": "a duration such as 30s, 15m or 2h", "bool": "true or false", "int": "a whole number", "int64": "a whole number", "string": "text",
	}[typ]
	switch {
	case want != "":
	case strings.HasPrefix(typ, "[]"):
		want = "a list"
	default:
		want = "a mapping of keys"
	}
	return "want " + want, have
}

// keyAt finds the key that stands on a line with this value (in backquotes, perhaps cut), or else the longest on the line.
func (f *file) keyAt(line int, value string) string {
	value = strings.TrimSuffix(strings.Trim(value, "`"), "...")
	best, fits := "", false
	for k, l := range f.lines {
		has := value != "" && strings.HasPrefix(f.values[k], value)
		if l == line && (has && !fits || has == fits && (len(k) > len(best) || len(k) == len(best) && k < best)) {
			best, fits = k, has
		}
	}
	return best
}
