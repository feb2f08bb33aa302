// Package secret holds the type of every secret that a configuration brings: a text that does not print.
package secret

import "log/slog"

// Text is a string that shows as *** wherever it is printed, logged or encoded; string(t) is its value.
type Text string

const hidden = "***"

func (t Text) String() string {
	if t == "" {
		return ""
	}
	return hidden
}

// GoString keeps %#v from showing it.
func (t Text) GoString() string { return t.String() }

// LogValue keeps log/slog from showing it.
func (t Text) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText keeps JSON and YAML from showing it.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }
