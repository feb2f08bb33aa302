package alerts

import (
	"fmt"
	"strings"
)

// Problem is one mistake in the configuration: Key is where, as "alerts.routes[0].match".
type Problem struct{ Key, Msg string }

// Problems are all mistakes that Validate found.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, x := range p {
		lines[i] = x.Key + ": " + x.Msg
	}
	return strings.Join(lines, "\n")
}

func (p *Problems) add(key, format string, args ...any) {
	*p = append(*p, Problem{"alerts." + key, fmt.Sprintf(format, args...)})
}

// err is p as an error, nil when it is empty.
func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}
