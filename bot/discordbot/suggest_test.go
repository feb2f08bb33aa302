package discordbot

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/bot"
)

func TestSuggest(t *testing.T) {
	b, h := newHTTP(t)
	n := 0
	ask := func(typed string, choices ...bot.Choice) []OptionChoice {
		t.Helper()
		n++
		h.sink.choices = choices
		w := h.post(b, h.interactionOf(n, 4, slashOf([]string{"flink", "scale"},
			object{"name": "job", "type": 3, "value": typed, "focused": true}, object{"name": "parallelism", "type": 4, "value": 4}), nil))
		var got struct {
			Type int
			Data struct{ Choices []OptionChoice }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Type != respondChoices || !strings.Contains(w.Body.String(), `"choices":[`) {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		return got.Data.Choices
	}
	got := ask("ord", bot.Choice{Value: "prod/orders", Help: "RUNNING"}, bot.Choice{Value: "b", Label: strings.Repeat("ü", 120)}, bot.Choice{Value: strings.Repeat("x", 101)})
	want := []OptionChoice{{"prod/orders – RUNNING", "prod/orders"}, {strings.Repeat("ü", 99) + "…", "b"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	a := h.sink.asked[0]
	if a.Path != "flink scale" || a.Param != "job" || a.Prefix != "ord" || a.Args["parallelism"] != "4" || a.Actor.ID != "800" || a.Place.Channel != "600" {
		t.Errorf("asked %+v", a)
	}
	if diff := cmp.Diff([]OptionChoice{{"No job begins with zzz", "zzz"}}, ask("zzz")); diff != "" {
		t.Error(diff)
	}
	if got := ask(""); len(got) != 0 {
		t.Errorf("%v", got)
	}
	var many []bot.Choice
	for i := range 40 {
		many = append(many, bot.Choice{Value: fmt.Sprint("job", i)})
	}
	if got := ask("job", many...); len(got) != 25 {
		t.Errorf("%d choices", len(got))
	}
	if got := ask(strings.Repeat("q", 6000)); len(got) != 0 {
		t.Errorf("%v", got)
	}
}
