package slackbot

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
)

// wild makes messages of everything that can come from outside.
type wild struct{ *rand.Rand }

func (w wild) text(most int) string {
	pieces := []string{
		"orders ", "x", "é́́", "👩‍👩‍👧‍👦", "漢字", "<!channel>", "<@U1>", "&lt;", "&&&", "*_~`", "```", "\n", "\t", " ", "\x00", "\u202e", "\xff", "\u2028",
		":x:", "@everyone", "%s", "+", "|", "^", "\"", "\\", "שלום", "\u200d", "…", "·", "https://a.example/?a=1&b=2",
	}
	if w.IntN(4) == 0 {
		return strings.Repeat(pieces[w.IntN(len(pieces))], w.IntN(most+1))
	}
	var b strings.Builder
	for range w.IntN(most + 1) {
		b.WriteString(pieces[w.IntN(len(pieces))])
	}
	return b.String()
}

func (w wild) spans() (out []bot.Span) {
	for range w.IntN(14) {
		s := bot.Span{Text: w.text(w.some(3, 30, 600)), Bold: w.IntN(3) == 0, Code: w.IntN(3) == 0}
		switch w.IntN(8) {
		case 0:
			s.URL = "https://a.example/" + w.text(3)
		case 1:
			s.URL = "javascript:alert(1)"
		case 2:
			s.At = time.Unix(w.Int64N(2e9), 0)
		case 3:
			s.Mention = []string{"user:U1", "group:S1", "group:everyone", "user:<!here>"}[w.IntN(4)]
		}
		out = append(out, s)
	}
	return out
}

func (w wild) some(of ...int) int { return of[w.IntN(len(of))] }

func (w wild) block(i int) bot.Block {
	switch w.IntN(9) {
	case 0:
		return bot.Text{Spans: w.spans()}
	case 1:
		return bot.Note{Spans: w.spans()}
	case 2:
		var f bot.Fields
		for range w.some(1, 20, 60) {
			f = append(f, bot.Field{Name: w.text(3), Value: bot.Text{Spans: w.spans()[:0]}})
			if w.IntN(2) == 0 {
				f[len(f)-1].Value = bot.Text{Spans: w.spans()}
			}
		}
		return f
	case 3:
		t := bot.Table{Foot: w.text(4)}
		for c := range w.some(0, 1, 4, 12, 30) {
			t.Columns = append(t.Columns, w.text(3))
			t.Numeric = append(t.Numeric, c%2 == 0)
		}
		for range w.some(0, 1, 5, 70) {
			var row []string
			for range w.IntN(len(t.Columns) + 2) {
				row = append(row, w.text(2))
			}
			t.Rows = append(t.Rows, row)
		}
		return t
	case 4:
		return bot.Code{Lang: w.text(2), Body: w.text(w.some(3, 3000))}
	case 5:
		return bot.Image{Name: fmt.Sprintf("p%d.png", i), Alt: w.text(w.some(2, 900)), PNG: []byte("x")}
	case 6:
		return bot.File{Name: w.text(5), Data: []byte("x")}
	case 7:
		var s bot.Steps
		for range w.some(1, 8, 900) {
			s = append(s, bot.StepLine{Label: w.text(w.some(1, 30)), Note: w.text(w.some(0, 20)), State: bot.StepState(w.IntN(6))})
		}
		return s
	}
	var a bot.Actions
	for range w.some(1, 4, 30) {
		b := bot.Button{Label: w.text(w.some(2, 40)), Style: bot.Style(w.IntN(4)), Opens: w.IntN(4) == 0, Confirm: w.text(w.some(0, 0, 5, 400)), ID: id(fmt.Sprint(w.IntN(30)))}
		if w.IntN(4) == 0 {
			b.URL, b.ID = "https://a.example/"+w.text(2), ""
		}
		a = append(a, b)
	}
	return a
}

func (w wild) message() bot.Message {
	m := bot.Message{Title: w.text(w.some(0, 3, 200)), Tone: bot.Tone(w.IntN(7)), Fallback: w.text(w.some(0, 5, 400)), Pending: w.IntN(5) == 0}
	for i := range w.some(0, 1, 6, 60) {
		m.Blocks = append(m.Blocks, w.block(i))
	}
	if w.IntN(3) == 0 {
		// Many of one kind are the worst for limits that are shared.
		b := w.block(0)
		for range 60 {
			m.Blocks = append(m.Blocks, b)
		}
	}
	m.Form = w.form()
	return m
}

func (w wild) form() *bot.Form {
	f := &bot.Form{ID: id("f"), Title: w.text(w.some(0, 3, 60)), Submit: w.text(w.some(0, 3, 60)), Intro: bot.Text{Spans: w.spans()}, Danger: w.IntN(2) == 0}
	for i := range w.some(0, 1, 5, 70) {
		in := bot.Input{
			Name: fmt.Sprintf("p%d", i), Label: w.text(w.some(0, 3, 900)), Help: w.text(w.some(0, 3, 900)), Kind: []string{"line", "text", "choice"}[w.IntN(3)],
			Value: w.text(w.some(0, 3, 900)), Required: w.IntN(2) == 0, Match: w.text(w.some(0, 0, 4)), Error: w.text(w.some(0, 0, 4, 900)),
		}
		for k := range w.some(0, 3, 130) {
			in.Choices = append(in.Choices, bot.Choice{Value: fmt.Sprint(k, w.text(w.some(0, 2, 60))), Label: w.text(w.some(0, 2, 60)), Help: w.text(w.some(0, 2, 60))})
		}
		if w.IntN(3) == 0 {
			in.Asks = "flink savepoint"
		}
		if len(in.Choices) > 0 && w.IntN(2) == 0 {
			in.Value = in.Choices[0].Value
		}
		f.Fields = append(f.Fields, in)
	}
	return f
}

// judged renders what a seed makes in every way there is.
func judged(c *critic, seed uint64) (bad []string) {
	w := wild{rand.New(rand.NewPCG(seed, 1))}
	m := w.message()
	pictures := map[string]string{}
	for i := range 60 {
		if w.IntN(2) == 0 {
			pictures[fmt.Sprintf("p%d.png", i)] = fmt.Sprintf("F%d", i)
		}
	}
	for _, part := range bot.Fit(m, caps()) {
		r := render(part, pictures)
		bad = append(bad, c.message(r)...)
		bad = append(bad, c.view(renderNotice(part, viewMeta{Channel: "C1"}))...)
		bad = append(bad, c.view(renderHome(part, pictures))...)
		if part.Form != nil {
			bad = append(bad, c.view(renderView(part.Form, viewMeta{Channel: "C1"}))...)
		}
	}
	return bad
}

// TestRenderWild: whatever Fit lets through, Slack takes.
func TestRenderWild(t *testing.T) {
	c := newCritic(t)
	seeds := uint64(40)
	if testing.Short() {
		seeds = 20
	}
	for seed := range seeds {
		if bad := judged(c, seed); len(bad) > 0 {
			t.Fatalf("seed %d: %s", seed, strings.Join(bad[:min(len(bad), 5)], "\n"))
		}
	}
}

func FuzzRender(f *testing.F) {
	c := newCritic(f)
	for seed := range uint64(20) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		if bad := judged(c, seed); len(bad) > 0 {
			t.Fatal(strings.Join(bad[:min(len(bad), 5)], "\n"))
		}
	})
}
