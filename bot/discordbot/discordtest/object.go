package discordtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"unicode/utf16"
)

// object is a JSON object, read with json.Number for numbers.
type object = map[string]any

func text(o object, key string) string {
	s, _ := o[key].(string)
	return s
}

func number(o object, key string) int {
	switch v := o[key].(type) {
	case json.Number:
		n, _ := strconv.Atoi(v.String())
		return n
	case string: // integers may be strings of digits
		n, _ := strconv.Atoi(v)
		return n
	case int:
		return v
	}
	return 0
}

func truth(o object, key string) bool {
	b, _ := o[key].(bool)
	return b
}

func child(o object, key string) object {
	c, _ := o[key].(object)
	return c
}

func list(o object, key string) []object { return objects(o[key]) }

func objects(v any) []object {
	all, _ := v.([]any)
	out := make([]object, 0, len(all))
	for _, x := range all {
		m, _ := x.(object)
		out = append(out, m) // nil where it is none: rules name it by its place
	}
	return out
}

func texts(v any) []string {
	all, _ := v.([]any)
	out := make([]string, 0, len(all))
	for _, x := range all {
		out = append(out, fmt.Sprint(x))
	}
	return out
}

func has(o object, key string) bool { return o[key] != nil }

// units is the length of s as Discord's clients count it.
func units(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(max(r, 0))
	}
	return n
}

// clone copies v deeply.
func clone[T any](v T) T {
	var out T
	dec := json.NewDecoder(bytes.NewReader(mustJSON(v)))
	dec.UseNumber()
	if err := dec.Decode(&out); err != nil {
		panic(fmt.Sprintf("discordtest: copy %T: %v", v, err))
	}
	return out
}

func with(o object, more object) object {
	out := maps.Clone(o)
	maps.Copy(out, more)
	return out
}

// mustJSON writes what was read from JSON, or made of plain values: it cannot be without form.
func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("discordtest: write %T: %v", v, err))
	}
	return b
}
