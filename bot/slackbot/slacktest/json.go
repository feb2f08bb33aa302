package slacktest

import (
	"encoding/json"
	"strconv"
)

// object is a decoded JSON object.
type object = map[string]any

// text is the string at a path of nested objects, or "".
func text(v any, path ...string) string {
	s, _ := at(v, path...).(string)
	return s
}

// at is what stands at a path of nested objects, or nil.
func at(v any, path ...string) any {
	for _, key := range path {
		o, ok := v.(object)
		if !ok {
			return nil
		}
		v = o[key]
	}
	return v
}

func list(v any, path ...string) []any {
	l, _ := at(v, path...).([]any)
	return l
}

// encode is for values made of decoded JSON alone, which cannot fail.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// clone is a deep copy, and turns Go values into what a JSON decoder would have made of them.
func clone(v any) any {
	var out any
	if err := json.Unmarshal(encode(v), &out); err != nil {
		panic(err)
	}
	return out
}

// walk visits every object in v, parents first.
func walk(v any, visit func(object)) {
	switch v := v.(type) {
	case object:
		visit(v)
		for _, child := range v {
			walk(child, visit)
		}
	case []any:
		for _, child := range v {
			walk(child, visit)
		}
	}
}

// params are the arguments of a call, from a form, a query or a JSON body.
type params object

func (p params) text(key string) string {
	switch v := p[key].(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

func (p params) is(key string) bool { return p.text(key) == "true" || p.text(key) == "1" }

// value is an argument that is JSON: in a form it is written as a string. ok is false where it cannot be decoded.
func (p params) value(key string) (v any, ok bool) {
	raw, isText := p[key].(string)
	if !isText {
		return p[key], true
	}
	if raw == "" {
		return nil, true
	}
	if err := json.Unmarshal([]byte(raw), &v); err != nil {
		return nil, false
	}
	return v, true
}

// items is a value that has to be a list, or is missing.
func (p params) items(key string) (l []any, ok bool) {
	v, ok := p.value(key)
	if v == nil || !ok {
		return nil, ok
	}
	l, ok = v.([]any)
	return l, ok
}
