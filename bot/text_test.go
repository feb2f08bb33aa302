package bot_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/drey-ops/drey/bot"
)

func TestTextf(t *testing.T) {
	link := bot.Span{Text: "UI", URL: "https://flink.example"}
	for _, c := range []struct {
		format string
		args   []any
		want   []bot.Span
	}{
		{"plain", nil, []bot.Span{{Text: "plain"}}},
		{"", nil, nil},
		{"a **b** c", nil, []bot.Span{{Text: "a "}, {Text: "b", Bold: true}, {Text: " c"}}},
		{"`c` and **`d`**", nil, []bot.Span{{Text: "c", Code: true}, {Text: " and "}, {Text: "d", Code: true, Bold: true}}},
		{"%s is %d%%", []any{"orders", 5}, []bot.Span{{Text: "orders is 5%"}}},
		{"**%s**: `%v`", []any{"**x** `y` %s", errors.New("a `b` **c** %d")}, []bot.Span{{Text: "**x** `y` %s", Bold: true}, {Text: ": "}, {Text: "a `b` **c** %d", Code: true}}},
		{"%5.1f|%-4s|%+d|%x|%q", []any{1.25, "a", 2, 255, "z"}, []bot.Span{{Text: "  1.2|a   |+2|ff|\"z\""}}},
		{"see %v, **%v**", []any{link, link}, []bot.Span{{Text: "see "}, link, {Text: ", "}, link}},
		{"so: %s.", []any{bot.Textf("**a** b")}, []bot.Span{{Text: "so: "}, {Text: "a", Bold: true}, {Text: " b"}, {Text: "."}}},
		{"`a ** b`", nil, []bot.Span{{Text: "a ** b", Code: true}}},
		{"2 * 3 * 4", nil, []bot.Span{{Text: "2 * 3 * 4"}}},
		{"100%", nil, []bot.Span{{Text: "100%"}}},
		{"50% **of** it", nil, []bot.Span{{Text: "50% "}, {Text: "of", Bold: true}, {Text: " it"}}},
		{"%s and %s", []any{"one"}, []bot.Span{{Text: "one and %s"}}},
		{"open **bold", nil, []bot.Span{{Text: "open "}, {Text: "bold", Bold: true}}},
		{"%v", []any{nil}, []bot.Span{{Text: "<nil>"}}},
		{"%", []any{"x"}, []bot.Span{{Text: "%"}}},
	} {
		if d := cmp.Diff(c.want, bot.Textf(c.format, c.args...).Spans); d != "" {
			t.Errorf("%q %v: %s", c.format, c.args, d)
		}
	}
}

func FuzzTextf(f *testing.F) {
	f.Add("a **%s** `%v` %%", "x**y`")
	f.Fuzz(func(t *testing.T, format, arg string) {
		bot.Textf(format, arg)
		// Whatever an argument holds, it stays one piece of plain text.
		want := []bot.Span{{Text: "<"}, {Text: arg, Bold: true}, {Text: ">"}}
		if arg == "" {
			want = []bot.Span{want[0], want[2]}
		}
		if d := cmp.Diff(want, bot.Textf("<**%s**>", arg).Spans); d != "" {
			t.Error(d)
		}
	})
}

func everything() bot.Message {
	return bot.Message{
		Title: "T", Tone: bot.Bad, Private: true, Pending: true, Fallback: "F",
		Blocks: []bot.Block{
			bot.Text{Spans: []bot.Span{{Text: "a", Bold: true, URL: "https://x.example", At: time.Unix(1e9, 0).UTC()}}},
			bot.Notef("small `x`"), bot.Fields{bot.F("n", 1), bot.F("m", bot.Textf("**b**"))},
			bot.Table{Columns: []string{"a"}, Numeric: []bool{true}, Rows: [][]string{{"1"}}, Foot: "f"},
			bot.Code{Lang: "sql", Body: "SELECT\x00 1"}, bot.Image{Name: "i", Alt: "alt", PNG: []byte{0, 1}},
			bot.File{Name: "f", MIME: "text/csv", Data: []byte{2}}, bot.Steps{{Label: "l", State: bot.Doing, Note: "n"}},
			bot.Actions{{ID: "id", Label: "l", Call: bot.Call{Path: "p", Args: json.RawMessage(`{"a":1}`), Line: "x"}, Style: bot.Danger, Confirm: "?"}, {Label: "u", URL: "https://y.example"}},
		},
		Form: &bot.Form{ID: "id", Title: "t", Submit: "s", Call: bot.Call{Path: "p"}, Intro: bot.Textf("i"), Danger: true,
			Fields: []bot.Input{{Name: "n", Label: "l", Help: "h", Kind: "choice", Value: "v", Choices: []bot.Choice{{Value: "v", Label: "l", Help: "h"}}, Required: true, Match: "m", Error: "e"}}},
	}
}

func TestCodec(t *testing.T) {
	for name, m := range map[string]bot.Message{"everything": everything(), "nothing": {}, "nil block": {Title: "x", Blocks: []bot.Block{nil, bot.Textf("y"), nil}}} {
		raw, err := json.Marshal(bot.Delivery{Key: "k", Message: m})
		if err != nil {
			t.Fatal(err)
		}
		var got bot.Delivery
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatal(err)
		}
		if name == "nil block" {
			m.Blocks = m.Blocks[1:2]
		}
		if d := cmp.Diff(m, got.Message, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestCodecOfOtherVersions(t *testing.T) {
	var m bot.Message
	err := json.Unmarshal([]byte(`{"title":"T","new":1,"blocks":[{"hologram":{"x":1}},{"text":{"Spans":[{"t":"a","glow":9}]}}]}`), &m)
	if err != nil || m.Plain() != "T\na" {
		t.Fatalf("%v, %q", err, m.Plain())
	}
	if err := json.Unmarshal([]byte(`{"blocks":[{"table":3}]}`), &m); err == nil {
		t.Fatal("a table that is a number was taken")
	}
}

func TestSummary(t *testing.T) {
	for want, m := range map[string]bot.Message{
		"F": everything(), "T: a b": {Title: "T", Blocks: []bot.Block{bot.Actions{button("x")}, bot.Textf("a **b**\nc")}}, "T": {Title: "T"}, "R: b": {Title: "R", Blocks: []bot.Block{bot.Table{Columns: []string{"x"}}, bot.Textf("b")}}, "a": {Blocks: []bot.Block{bot.Textf("a")}}, "": {},
	} {
		if got := m.Summary(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
