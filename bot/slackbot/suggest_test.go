package slackbot

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"github.com/drey-ops/drey/bot"
)

func TestSuggestions(t *testing.T) {
	w := newBench(t)
	var asked bot.Ask
	var choices []bot.Choice
	w.sink.suggest = func(a bot.Ask) bot.Suggestions {
		asked = a
		return bot.Suggestions{Choices: choices}
	}
	w.actor("U1") // so that who it is is known
	ask := func(action string) []struct {
		Text  struct{ Text string }
		Value string
	} {
		rec := w.post(pathOptions, form("payload", `{"type":"block_suggestion","user":{"id":"U1"},"action_id":"`+action+`","block_id":"f:job","value":"ord",
			"container":{"type":"view","view_id":"V1"},"view":{"id":"V1","private_metadata":"{\"c\":\"C1\",\"t\":\"5.1\",\"f\":\"x\"}",
			"state":{"values":{"f:cluster":{"v":{"type":"plain_text_input","value":"prod"}},"f:job":{"ask:flink stop:job":{"value":null}}}}}}`))
		var out struct {
			Options []struct {
				Text  struct{ Text string }
				Value string
			}
		}
		if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil || out.Options == nil {
			t.Fatalf("%s: %v", rec.Body, err)
		}
		return out.Options
	}
	for range 150 {
		choices = append(choices, bot.Choice{Value: "prod/orders", Label: strings.Repeat("l", 200)})
	}
	choices[1] = bot.Choice{Value: strings.Repeat("v", 151)}
	got := ask("ask:flink stop:job")
	if len(got) != 100 || got[0].Value != "prod/orders" || len([]rune(got[0].Text.Text)) > 75 || got[1].Value != "prod/orders" {
		t.Errorf("%d options, first %+v", len(got), got[0])
	}
	if last := got[len(got)-1]; last.Value != "ord" || last.Text.Text != "Use “ord”" {
		t.Errorf("what was typed cannot be chosen: %+v", last)
	}
	want := bot.Ask{
		Actor: bot.Actor{Network: Network, ID: "U1", Name: "ann", Groups: []string{"S0OPS"}},
		Place: bot.Place{Network: Network, Channel: "C1", Thread: "5.1"}, Path: "flink stop", Param: "job", Prefix: "ord", Args: map[string]string{"cluster": "prod"},
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
	choices = nil
	if got := ask("ask:flink stop:job"); len(got) != 1 || got[0].Value != "ord" {
		t.Errorf("%+v", got)
	}
	if got := ask("else"); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

// What is typed can be chosen, since not every value is one that drey knows of.
func TestSuggestionTyped(t *testing.T) {
	known := suggestion{Options: []*slack.OptionBlockObject{option(bot.Choice{Value: "prod/orders", Label: "orders in prod"})}}
	path := "s3://" + strings.Repeat("p", 140)
	for typed, want := range map[string]string{
		"": "", "prod/orders": "", "orders in prod": "", noChoice: "", path + "qwertz": "", "ord": "Use “ord”",
		path: "Use “" + path[:64] + "…”",
	} {
		got := known.with(typed).Options[1:]
		switch {
		case want == "" && len(got) == 0:
		case len(got) != 1 || got[0].Value != typed || got[0].Text.Text != want:
			t.Errorf("%q: %+v", typed, got)
		}
	}
}
