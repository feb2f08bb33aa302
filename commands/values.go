package commands

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// given is the arguments as text, by name: all values come down to it, whether typed, pressed or filled in. Only lists
// have more than one text.
type given map[string][]string

// texts is each argument as one text.
func (g given) texts() map[string]string {
	out := map[string]string{}
	for k, texts := range g {
		out[k] = strings.Join(texts, " ")
	}
	return out
}

// givenOf reads the arguments of a call, and those of a form on top.
func givenOf(raw json.RawMessage, form map[string]string) (given, error) {
	g := given{}
	if len(bytes.TrimSpace(raw)) > 0 {
		var m map[string]json.RawMessage
		if err := json.Unmarshal(raw, &m); err != nil {
			return nil, errors.New("the arguments are not a JSON object")
		}
		for k, v := range m {
			texts, err := textsOf(v)
			if err != nil {
				return nil, fmt.Errorf("argument %.40q is neither text, number, true, false nor a list of texts", k)
			}
			if texts != nil {
				g[k] = texts
			}
		}
	}
	for k, v := range form {
		g[k] = []string{v}
	}
	return g, nil
}

// textsOf reads one JSON value: forms send everything as strings, buttons keep numbers and bools.
func textsOf(raw json.RawMessage) ([]string, error) {
	raw = bytes.TrimSpace(raw)
	switch {
	case bytes.Equal(raw, []byte("null")):
		return nil, nil
	case bytes.HasPrefix(raw, []byte(`"`)):
		var s string
		err := json.Unmarshal(raw, &s)
		return []string{s}, err
	case bytes.HasPrefix(raw, []byte("[")):
		var parts []json.RawMessage
		if err := json.Unmarshal(raw, &parts); err != nil {
			return nil, err
		}
		out := []string{}
		for _, p := range parts {
			if bytes.HasPrefix(bytes.TrimSpace(p), []byte("[")) {
				return nil, errors.New("a list in a list")
			}
			one, err := textsOf(p)
			if err != nil {
				return nil, err
			}
			out = append(out, one...)
		}
		return out, nil
	case bytes.HasPrefix(raw, []byte("{")):
		return nil, errors.New("an object")
	}
	return []string{string(raw)}, nil
}

// decode fills a new args struct. Errors are *UsageError.
func (c *Command) decode(g given) (any, error) {
	args := c.newArgs()
	v := reflect.ValueOf(args).Elem()
	for _, k := range slices.Sorted(maps.Keys(g)) {
		if k != confirmKey && c.param(k) == nil {
			return nil, c.unknownKey(k)
		}
	}
	for _, p := range c.params {
		texts := g[p.name]
		empty := len(texts) == 0 || len(texts) == 1 && strings.TrimSpace(texts[0]) == ""
		switch {
		case empty && p.required():
			return nil, c.usage(p.name, "is missing: "+p.help, nil)
		case empty && p.deflt == "":
			continue
		case empty:
			texts = []string{p.deflt}
		}
		if err := p.set(v.FieldByIndex(p.index), texts); err != nil {
			return nil, c.usage(p.name, err.Error(), p.near(texts))
		}
	}
	return args, nil
}

// near returns the choices that resemble what was written.
func (p param) near(texts []string) []string {
	if len(p.choices) == 0 || len(texts) != 1 {
		return nil
	}
	return Nearest(texts[0], p.choices, 2)
}

// set stores the value of a parameter. Its error goes on after the parameter's name: "must be …".
func (p param) set(f reflect.Value, texts []string) error {
	if p.kind == kindList {
		f.Set(reflect.ValueOf(slices.Clone(texts)))
		return p.choose(texts...)
	}
	if len(texts) != 1 {
		return fmt.Errorf("takes one value, not %d", len(texts))
	}
	text := texts[0]
	if !p.rest && p.kind != kindString {
		text = strings.TrimSpace(text)
	}
	wrong := fmt.Errorf("must be %s, not %q", p.allowed(), clip(text, 60))
	switch p.kind {
	case kindInt:
		n, err := strconv.ParseInt(bare(text), 10, 64)
		if err != nil || f.OverflowInt(n) || p.min != nil && n < int64(*p.min) || p.max != nil && n > int64(*p.max) {
			return wrong
		}
		f.SetInt(n)
	case kindBool:
		b, ok := parseBool(bare(text))
		if !ok {
			return wrong
		}
		f.SetBool(b)
	case kindDuration:
		d, err := parseDuration(bare(text))
		if err != nil {
			return wrong
		}
		f.SetInt(int64(d))
	case kindJob, kindText:
		if err := f.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
			return fmt.Errorf("is not right: %w", err)
		}
	default:
		if len(p.choices) > 0 {
			if i := slices.IndexFunc(p.choices, func(c string) bool { return strings.EqualFold(c, bare(text)) }); i >= 0 {
				text = p.choices[i]
			}
		}
		f.SetString(text)
		return p.choose(text)
	}
	return nil
}

func (p param) choose(texts ...string) error {
	for _, t := range texts {
		if len(p.choices) > 0 && !slices.Contains(p.choices, t) {
			return fmt.Errorf("must be %s, not %q", p.allowed(), clip(t, 60))
		}
	}
	return nil
}

// bare takes off the punctuation of a sentence: no number, duration or choice ends so.
func bare(s string) string { return strings.TrimRight(s, ".,;!?") }

func parseBool(s string) (val, ok bool) {
	switch strings.ToLower(s) {
	case "true", "yes", "y", "on", "1":
		return true, true
	case "false", "no", "n", "off", "0":
		return false, true
	}
	return false, false
}

// parseDuration knows days besides what Go knows. A bare number is nanoseconds, as encoding/json writes durations; typed
// by a person it is a mistake that would be far too short, so it is refused below a microsecond.
func parseDuration(s string) (time.Duration, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && (n == 0 || n >= int64(time.Microsecond)) {
		return time.Duration(n), nil
	}
	days, rest, ok := strings.Cut(s, "d")
	if !ok {
		d, err := time.ParseDuration(s)
		if err != nil || d < 0 {
			return 0, errors.New("not a duration")
		}
		return d, nil
	}
	n, err := strconv.ParseUint(days, 10, 16)
	if err != nil {
		return 0, errors.New("not a duration")
	}
	var d time.Duration
	if rest != "" {
		if d, err = time.ParseDuration(rest); err != nil || d < 0 {
			return 0, errors.New("not a duration")
		}
	}
	return time.Duration(n)*24*time.Hour + d, nil
}

// Encode writes an args struct, or a map of arguments, as the arguments of a call. Zero values of a struct are left out,
// unless there is a default that would come in their stead.
func Encode(args any) json.RawMessage {
	if v := reflect.Indirect(reflect.ValueOf(args)); v.Kind() == reflect.Struct {
		ps, _ := paramsOf(v.Type())
		m := map[string]any{}
		for _, p := range ps {
			if f := v.FieldByIndex(p.index); !f.IsZero() || p.deflt != "" {
				m[p.name] = p.plain(f)
			}
		}
		args = m
	}
	raw, err := json.Marshal(args)
	if err != nil {
		panic("commands: encode args: " + err.Error()) // texts, numbers and bools only
	}
	return raw
}

// plain is a field's value as JSON knows it.
func (p param) plain(f reflect.Value) any {
	switch p.kind {
	case kindDuration:
		return time.Duration(f.Int()).String()
	case kindJob:
		return f.Interface().(platform.JobRef).String()
	case kindText:
		return textOf(f)
	}
	return f.Interface()
}

// textOf is the text form of a TextUnmarshaler, which should also be a TextMarshaler.
func textOf(f reflect.Value) string {
	v := f.Interface()
	if f.CanAddr() {
		v = f.Addr().Interface()
	}
	if m, ok := v.(encoding.TextMarshaler); ok {
		if b, err := m.MarshalText(); err == nil {
			return string(b)
		}
	}
	return fmt.Sprint(f.Interface())
}

// redactedMax is how much of one text is kept in records and cards.
const redactedMax = 4000

// redacted returns args for records and cards: secrets are hidden, long texts cut.
func (c *Command) redacted(args any) json.RawMessage {
	var m map[string]any
	if err := json.Unmarshal(Encode(args), &m); err != nil {
		return nil
	}
	for _, p := range c.params {
		s, isText := m[p.name].(string)
		switch {
		case m[p.name] != nil && p.secret:
			m[p.name] = "***"
		case isText:
			m[p.name] = clip(RedactTyped(s), redactedMax)
		}
	}
	raw, _ := json.Marshal(m) // what Unmarshal made, Marshal takes
	return raw
}

func (c *Command) param(name string) *param {
	for i := range c.params {
		if c.params[i].name == name {
			return &c.params[i]
		}
	}
	return nil
}

// clip cuts s to about n bytes at a rune's edge.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// form asks for the command's parameters, filled in with g; wrong says what was the matter with one of them.
func (c *Command) form(g given, wrong *UsageError) *bot.Form {
	f := &bot.Form{Title: c.Help, Submit: upperFirst(c.Path[strings.LastIndexByte(c.Path, ' ')+1:]), Call: bot.Call{Path: c.Path}}
	kept := given{}
	for _, p := range c.params {
		if p.hidden {
			kept[p.name] = g[p.name]
			continue
		}
		in := bot.Input{
			Name: p.name, Label: upperFirst(p.name), Help: p.hint(), Kind: "line",
			Value: strings.Join(g[p.name], " "), Required: p.required(),
		}
		if in.Value == "" {
			in.Value = p.deflt
		}
		if p.rest && !p.line {
			in.Kind = "text"
		}
		if p.complete != "" {
			in.Asks = c.Path
		}
		if p.complete == "person" {
			in.Kind = "person"
		}
		if len(p.choices) > 0 {
			in.Kind = "choice"
		}
		for _, ch := range append(slices.Clone(p.choices), p.suggest...) { // other values than those suggested can be typed
			in.Choices = append(in.Choices, bot.Choice{Value: ch})
		}
		if wrong != nil && wrong.Param == p.name {
			in.Error = wrong.Msg
		}
		f.Fields = append(f.Fields, in)
	}
	f.Call.Args = Encode(map[string][]string(kept))
	return f
}

// hint explains a field of a form: what it is for, and what it takes where that is not plain to see.
func (p param) hint() string {
	if p.kind == kindInt || p.kind == kindBool || p.kind == kindDuration && len(p.suggest) == 0 {
		return upperFirst(p.help) + " (" + p.allowed() + ")"
	}
	return upperFirst(p.help)
}

// rest is a form for what is not given yet; what is given goes along, and stands above.
func (c *Command) rest(g given) *bot.Form {
	f := c.form(g, nil)
	kept := given{}
	var open []bot.Input
	for _, in := range f.Fields {
		if len(g[in.Name]) > 0 {
			kept[in.Name] = g[in.Name]
			continue
		}
		open = append(open, in)
	}
	for _, p := range c.params {
		if p.hidden && len(g[p.name]) > 0 {
			kept[p.name] = g[p.name]
		}
	}
	f.Fields, f.Call.Args = open, Encode(map[string][]string(kept))
	var said []string
	for _, p := range c.params {
		if v := g[p.name]; len(v) > 0 && !p.hidden && !p.secret {
			said = append(said, p.name+" "+clip(hideSecrets(strings.Join(v, " ")), 120))
		}
	}
	switch len(said) {
	case 0:
	case 1:
		_, value, _ := strings.Cut(said[0], " ")
		f.Title, f.Intro = f.Submit+" "+value, bot.Textf("%s.", c.Help)
	default:
		f.Intro = bot.Textf("For **%s**.", strings.Join(said, ", "))
	}
	return f
}
