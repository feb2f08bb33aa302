package bottest

import (
	"strings"

	"github.com/drey-ops/drey/bot"
)

// Plain is all that a person can read of a message, a line for each part, labels of buttons in [brackets].
func Plain(m bot.Message) string {
	var b strings.Builder
	line := func(s ...string) {
		if t := strings.TrimSpace(strings.Join(s, "")); t != "" {
			b.WriteString(t + "\n")
		}
	}
	line(m.Title)
	for _, block := range m.Blocks {
		switch v := block.(type) {
		case bot.Text:
			line(v.Plain())
		case bot.Note:
			line(v.Plain())
		case bot.Fields:
			for _, f := range v {
				line(f.Name, ": ", f.Value.Plain())
			}
		case bot.Table:
			line(strings.Join(v.Columns, " | "))
			for _, r := range v.Rows {
				line(strings.Join(r, " | "))
			}
			line(v.Foot)
		case bot.Code:
			line(v.Body)
		case bot.Image:
			line("(picture: ", v.Alt, ")")
		case bot.File:
			line("(file: ", v.Name, ")")
		case bot.Steps:
			for _, s := range v {
				line(stepWord(s.State), " ", s.Label, " ", s.Note)
			}
		case bot.Actions:
			for _, a := range v {
				line("[", a.Label, "]")
			}
		}
	}
	if m.Form != nil {
		line("(form: ", m.Form.Title, ")")
		for _, f := range m.Form.Fields {
			line("  ", f.Label, ": ", f.Value, " ", f.Error)
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func stepWord(s bot.StepState) string {
	switch s {
	case bot.ToDo:
		return "to do:"
	case bot.Doing:
		return "doing:"
	case bot.Did:
		return "done:"
	case bot.Failed:
		return "failed:"
	case bot.Skipped:
		return "skipped:"
	}
	return "?"
}
