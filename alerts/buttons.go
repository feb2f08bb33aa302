package alerts

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/drey-ops/drey/bot"
)

// ButtonPaths are the commands that the buttons of an incident call.
func ButtonPaths() []string {
	return []string{"alerts ack", "alerts unack", "alerts assign", "alerts silence", "alerts unsilence", "alerts escalate", "flink diagnose", "flink logs", "flink savepoint", "flink scale", "flink restart", "flink stop"}
}

// buttonName is what the configuration calls the button of a command.
func buttonName(path string) string {
	switch path {
	case "alerts unsilence":
		return "silence"
	case "alerts unack":
		return "ack"
	}
	return path[strings.LastIndex(path, " ")+1:]
}

// buttonNames are all that a route may ask for, sorted.
func buttonNames() []string {
	var out []string
	for _, p := range ButtonPaths() {
		out = append(out, buttonName(p))
	}
	return unique(out)
}

func unique(in []string) []string {
	slices.Sort(in)
	return slices.Compact(in)
}

// buttons are those that can work now.
func buttons(i *Incident) bot.Actions {
	var out bot.Actions
	if i.Open() {
		switch {
		case i.Acked != nil:
			out = append(out, i.button("Un-ack", "alerts unack", bot.Normal))
		case i.State() == Firing:
			out = append(out, i.button("Ack", "alerts ack", bot.Primary))
		}
		if i.State() == Silenced {
			if i.ownSilence() != nil {
				out = append(out, i.opening("Extend…", "alerts silence"))
			}
		} else if !i.NoAPI {
			out = append(out, i.opening("Silence…", "alerts silence"))
		}
		if i.ownSilence() != nil {
			out = append(out, i.button("End silence", "alerts unsilence", bot.Normal))
		}
	}
	out = slices.Concat(out, jobButtons(i), i.escalateButton())
	if i.Open() && i.State() != Silenced {
		out = append(out, i.opening("Assign…", "alerts assign"))
	}
	return out
}

// button calls a command that takes the incident.
func (i *Incident) button(label, path string, style bot.Style) bot.Button {
	args, _ := json.Marshal(map[string]string{"incident": i.ID})
	return bot.Button{Label: label, Style: style, Call: bot.Call{Path: path, Args: args}}
}

// opening opens the form of a command that takes the incident and more.
func (i *Incident) opening(label, path string) bot.Button {
	b := i.button(label, path, bot.Normal)
	b.Opens = true
	return b
}
