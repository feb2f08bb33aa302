package commands

import (
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

type kind uint8

const (
	kindString kind = iota
	kindInt
	kindBool
	kindDuration
	kindJob
	kindList
	kindText // encoding.TextUnmarshaler
)

// confirmKey is the argument that carries the word a person typed to confirm.
const confirmKey = "confirm"

// param is one field of an args struct.
type param struct {
	name, help, deflt string
	kind              kind
	optional, rest    bool
	line              bool // a rest that is one line in a form
	secret, hidden    bool
	pairs             bool // a bare name=value may be its value
	complete          string
	choices           []string
	suggest           []string // values to offer; others are taken as well
	min, max          *int
	index             []int
}

func (p param) required() bool { return !p.optional && p.deflt == "" }

var paramName = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)

// paramsOf reads the parameters of an args struct, with what is wrong about it.
func paramsOf(t reflect.Type) (ps []param, bugs []string) {
	if t.Kind() != reflect.Struct {
		return nil, []string{fmt.Sprintf("args are %s, want a struct", t)}
	}
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous && f.Type.Kind() == reflect.Struct || !f.IsExported() {
			continue // the fields of an embedded struct come by themselves
		}
		p, bad := paramOf(f)
		if bad == "" && slices.ContainsFunc(ps, func(q param) bool { return q.name == p.name }) {
			bad = "name repeats"
		}
		if bad != "" {
			bugs = append(bugs, fmt.Sprintf("field %s: %s", f.Name, bad))
			continue
		}
		ps = append(ps, p)
	}
	rest := ""
	for _, p := range ps {
		if rest != "" && (p.rest || p.required()) {
			bugs = append(bugs, fmt.Sprintf("parameter %s comes after %s, which takes the rest of the line: it must be optional", p.name, rest))
		}
		if p.rest {
			rest = p.name
		}
		if p.deflt != "" {
			if err := p.set(reflect.New(t).Elem().FieldByIndex(p.index), []string{p.deflt}); err != nil {
				bugs = append(bugs, fmt.Sprintf("parameter %s: its default %v", p.name, err))
			}
		}
	}
	return ps, bugs
}

func paramOf(f reflect.StructField) (p param, bad string) {
	tag := f.Tag
	name, _, _ := strings.Cut(tag.Get("json"), ",")
	p = param{
		name: name, help: tag.Get("help"), deflt: tag.Get("default"), index: f.Index,
		optional: tag.Get("optional") == "true", rest: tag.Get("rest") != "", line: tag.Get("rest") == "line", secret: tag.Get("secret") == "true",
		complete: tag.Get("complete"), hidden: tag.Get("hidden") == "true", pairs: tag.Get("pairs") == "true",
	}
	if c := tag.Get("choices"); c != "" {
		p.choices = strings.Split(c, ",")
	}
	if s := tag.Get("suggest"); s != "" {
		p.suggest = strings.Split(s, ",")
	}
	var ok bool
	if p.kind, ok = kindOf(f.Type); !ok {
		return p, fmt.Sprintf("type %s is not understood", f.Type)
	}
	p.optional = p.optional || p.kind == kindBool || p.hidden
	for key, at := range map[string]**int{"min": &p.min, "max": &p.max} {
		if s := tag.Get(key); s != "" {
			n, err := strconv.Atoi(s)
			if err != nil || p.kind != kindInt {
				return p, key + " is for whole numbers"
			}
			*at = &n
		}
	}
	switch {
	case !paramName.MatchString(name):
		return p, fmt.Sprintf("json name %q, want lower-case letters, digits, - and _", name)
	case name == confirmKey:
		return p, `name "confirm" is taken`
	case p.help == "":
		return p, "no help"
	case p.rest && p.kind != kindString && p.kind != kindText:
		return p, "rest is for text"
	}
	return p, ""
}

func kindOf(t reflect.Type) (kind, bool) {
	switch {
	case t == reflect.TypeFor[platform.JobRef]():
		return kindJob, true
	case t == reflect.TypeFor[time.Duration]():
		return kindDuration, true
	case t == reflect.TypeFor[[]string]():
		return kindList, true
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return kindText, true
	case t.Kind() == reflect.String:
		return kindString, true
	case t.Kind() == reflect.Int || t.Kind() == reflect.Int64:
		return kindInt, true
	case t.Kind() == reflect.Bool:
		return kindBool, true
	}
	return 0, false
}

// typeName is the type as networks and references know it.
func (p param) typeName() string {
	switch p.kind {
	case kindInt:
		return "int"
	case kindBool:
		return "bool"
	case kindDuration:
		return "duration"
	case kindJob:
		return "job"
	default:
		if p.complete == "cluster" {
			return "cluster"
		}
		if p.rest {
			return "text"
		}
		return "string"
	}
}

// allowed says in words which values a parameter takes.
func (p param) allowed() string {
	switch {
	case len(p.choices) > 0:
		return "one of " + strings.Join(p.choices, ", ")
	case p.kind == kindInt && p.min != nil && p.max != nil:
		return fmt.Sprintf("a whole number from %d to %d", *p.min, *p.max)
	case p.kind == kindInt && p.min != nil:
		return fmt.Sprintf("a whole number from %d", *p.min)
	case p.kind == kindInt && p.max != nil:
		return fmt.Sprintf("a whole number up to %d", *p.max)
	case p.kind == kindInt:
		return "a whole number"
	case p.kind == kindBool:
		return "true or false"
	case p.kind == kindDuration:
		return "a duration such as 30s, 15m, 2h or 1d"
	case p.kind == kindJob:
		return "a job such as orders or prod/orders"
	}
	return "text"
}

func (p param) spec() bot.ParamSpec {
	return bot.ParamSpec{
		Name: p.name, Help: p.help, Type: p.typeName(), Required: p.required(), Default: p.deflt,
		Choices: p.choices, Completes: p.complete != "", Rest: p.rest,
		Min: p.min, Max: p.max,
	}
}
