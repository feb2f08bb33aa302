package config

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"
)

// Schema returns the JSON schema (draft 2020-12) of the file, derived from the structs that read it, for editors.
func Schema() ([]byte, error) {
	s := schemaOf(reflect.TypeFor[Config]())
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "drey.yaml"
	out, err := json.MarshalIndent(s, "", "  ")
	return append(out, '\n'), err
}

func schemaOf(t reflect.Type) map[string]any {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return map[string]any{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+$`}
	case strings.HasSuffix(t.Name(), "Addresses"): // one or several
		text := map[string]any{"type": "string"}
		return map[string]any{"oneOf": []any{text, map[string]any{"type": "array", "items": text}}}
	}
	switch t.Kind() {
	case reflect.Struct:
		props := map[string]any{}
		for _, f := range fields(t) {
			props[f.name] = schemaOf(f.typ)
		}
		return map[string]any{"type": "object", "properties": props, "additionalProperties": false}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOf(t.Elem())}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem())}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return map[string]any{"type": []string{"integer", "string"}} // a string may be a ${…}
	}
	return map[string]any{"type": "string"}
}
