package bot

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLead(t *testing.T) {
	kinds := func(blocks []Block) string {
		out := ""
		for _, b := range blocks {
			out += map[string]string{"bot.Text": "t", "bot.Fields": "f", "bot.Note": "n", "bot.Actions": "a"}[fmt.Sprintf("%T", b)]
		}
		return out
	}
	text, fields, note, acts := Textf("a"), Fields{F("a", "b")}, Notef("n"), Actions{{Label: "Ack"}}
	for want, in := range map[string][]Block{
		"tt a fn": {text, text, fields, note, acts},
		"t  ":     {text},
		"  f":     {fields},
		" a f":    {fields, acts},
		"tfan  ":  {text, fields, acts, note}, // they belong to what stands before them
		"  ":      nil,
	} {
		lead, actions, rest := Lead(in)
		if d := cmp.Diff(want, kinds(lead)+" "+kinds(actions)+" "+kinds(rest)); d != "" {
			t.Error(d)
		}
	}
}
