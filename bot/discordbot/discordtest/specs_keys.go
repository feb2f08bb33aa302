package discordtest

import (
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// strangers are the keys of a body that its schema does not know: Discord ignores them, and what they were to say with
// them. The schema must have been compiled by check.
func (j *judge) strangers(name string, body any) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	if s := j.schemas[name]; s != nil {
		return strangers(s, body, nil)
	}
	return nil
}

func strangers(s *jsonschema.Schema, v any, path []string) []string {
	var out []string
	all := alternatives(s, nil)
	switch v := v.(type) {
	case object:
		open := false
		properties := map[string][]*jsonschema.Schema{}
		for _, a := range all {
			open = open || a.AdditionalProperties != nil
			for key, sub := range a.Properties {
				properties[key] = append(properties[key], sub)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			at := append(slices.Clone(path), key)
			subs, ok := properties[key]
			if !ok && !open && len(properties) > 0 && !blank(v[key]) {
				out = append(out, strings.Join(at, "."))
			}
			if len(subs) > 0 {
				out = append(out, strangers(&jsonschema.Schema{AnyOf: subs}, v[key], at)...)
			}
		}
	case []any:
		var items []*jsonschema.Schema
		for _, a := range all {
			if a.Items2020 != nil {
				items = append(items, a.Items2020)
			}
		}
		for _, x := range v {
			out = append(out, strangers(&jsonschema.Schema{AnyOf: items}, x, path)...)
		}
	}
	return out
}

// blank says whether a value says nothing: libraries send such for what was not set.
func blank(v any) bool { return v == nil || v == false || v == "" }

// alternatives are all schemas that may speak about the value of s.
func alternatives(s *jsonschema.Schema, out []*jsonschema.Schema) []*jsonschema.Schema {
	if s == nil || slices.Contains(out, s) {
		return out
	}
	out = append(out, s)
	out = alternatives(s.Ref, out)
	for _, group := range [][]*jsonschema.Schema{s.AllOf, s.AnyOf, s.OneOf} {
		for _, sub := range group {
			out = alternatives(sub, out)
		}
	}
	return out
}
