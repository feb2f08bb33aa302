package bottest

import (
	"strings"

	"github.com/drey-ops/drey/bot"
)

// Plain is all that a person can read of a message, its form included.
func Plain(m bot.Message) string {
	out := []string{m.Plain()}
	if m.Form != nil {
		out = append(out, "(form: "+m.Form.Title+")")
		for _, f := range m.Form.Fields {
			out = append(out, strings.TrimSpace("  "+f.Label+": "+f.Value+" "+f.Error))
		}
	}
	return strings.Trim(strings.Join(out, "\n"), "\n")
}
