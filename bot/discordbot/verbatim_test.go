package discordbot

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/discordbot/discordtest"
)

// TestReadVerbatim posts text from outside in every place: a person reads it as it is, and nothing in it does anything.
func TestReadVerbatim(t *testing.T) {
	s := newServer(t, ModeGateway, discordtest.Options{NoLimits: true})
	rounds := 100
	if testing.Short() {
		rounds = 20
	}
	for seed := range uint64(rounds) {
		g := &hostile{rand.New(rand.NewPCG(seed, 2))}
		text := func() string { return "A" + g.text(60) + "Z" }
		m := fitted(t, bot.Message{Title: text(), Blocks: []bot.Block{
			bot.Text{Spans: []bot.Span{{Text: text()}, {Text: text(), Bold: true}, {Text: text(), Code: true}, {Text: text(), Bold: true, Code: true}, {Text: text()}}},
			bot.Notef("%s", text()), bot.Code{Body: text()}, bot.Fields{{Name: text(), Value: bot.Text{Spans: []bot.Span{{Text: text()}}}}},
			bot.Steps{{Label: text(), Note: text()}}, bot.Table{Columns: []string{"a", "b"}, Rows: [][]string{{text(), "x"}}, Foot: text()},
		}})
		if seed%2 == 0 {
			m.Title = ""
		}
		ref, err := s.bot.Post(t.Context(), s.place(), fmt.Sprint(seed), m)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		var got discordtest.Seen
		for _, seen := range s.d.See("ann", s.channel, "") {
			if seen.ID == ref.ID {
				got = seen
			}
		}
		if len(got.Live) > 0 {
			t.Errorf("seed %d: %q is live in\n%s", seed, got.Live, got.JSON)
		}
		read := squeezed(got.Text)
		for _, want := range wordsOf(m) {
			if !strings.Contains(read, squeezed(want)) {
				t.Errorf("seed %d: %q is not to be read in\n%q\nof %s", seed, want, read, got.JSON)
			}
		}
		if t.Failed() {
			return
		}
	}
}

// wordsOf are the texts of a message that are to be read somewhere in it.
func wordsOf(m bot.Message) []string {
	out := []string{m.Title}
	for _, b := range m.Blocks {
		switch v := b.(type) {
		case bot.Text:
			for _, s := range v.Spans {
				out = append(out, s.Text)
			}
		case bot.Note:
			out = append(out, v.Plain())
		case bot.Code:
			out = append(out, v.Body)
		case bot.Fields:
			for _, f := range v {
				out = append(out, f.Name, f.Value.Plain())
			}
		case bot.Steps:
			for _, s := range v {
				out = append(out, s.Label, s.Note)
			}
		case bot.Table:
			out = append(out, v.Foot)
		}
	}
	return out
}

// squeezed leaves out what nobody sees, and makes all space alike.
func squeezed(s string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(s, zero, "")), " ")
}
