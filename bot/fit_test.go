package bot_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/drey-ops/drey/bot"
)

// Limits near to those of real networks, and a tight one.
func slackish() bot.Caps {
	return bot.Caps{TitleMax: 150, TextMax: 3000, TotalMax: 13_000, BlocksMax: 45, ButtonsMax: 25, LabelMax: 75, FieldsMax: 10,
		TableRows: 100, TableCols: 20, FileMax: 1 << 20, Threads: true, Private: true, Forms: true, Images: true}
}

func discordish() bot.Caps {
	return bot.Caps{TitleMax: 256, TextMax: 4000, TotalMax: 6000, BlocksMax: 25, ButtonsMax: 25, LabelMax: 80, FieldsMax: 25,
		TableRows: 50, TableCols: 8, FileMax: 1 << 20, Threads: true, Private: true, Forms: true, Images: true}
}

func tight() bot.Caps {
	return bot.Caps{TitleMax: 20, TextMax: 60, TotalMax: 200, BlocksMax: 4, ButtonsMax: 2, LabelMax: 10, FieldsMax: 2, TableRows: 3, TableCols: 2}
}

func units(s string) int {
	n := 0
	for _, r := range s {
		n += max(1, utf16.RuneLen(r))
	}
	return n
}

// gauge adds up what a message holds, and keeps the first limit it breaks.
type gauge struct {
	c              bot.Caps
	buttons, total int
	bad            error
}

// check compares with a limit, of which 0 is none.
func (g *gauge) check(what string, n, most int) {
	if n > most && most > 0 && g.bad == nil {
		g.bad = fmt.Errorf("%s: %d > %d", what, n, most)
	}
}

func (g *gauge) line(s string) int {
	g.total += units(s)
	if !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\x1b\u202e\u2066") {
		g.bad = fmt.Errorf("unclean text %q", s)
	}
	return units(s)
}

func (g *gauge) block(block bot.Block) {
	switch v := block.(type) {
	case bot.Text:
		g.check("text", g.line(v.Plain()), g.c.TextMax)
	case bot.Note:
		g.check("note", g.line(v.Plain()), g.c.TextMax)
	case bot.Code:
		g.check("code", g.line(v.Body), g.c.TextMax)
	case bot.Fields:
		g.check("fields", len(v), g.c.FieldsMax)
		for _, f := range v {
			g.line(f.Name)
			g.line(f.Value.Plain())
		}
	case bot.Table:
		g.check("columns", len(v.Columns), g.c.TableCols)
		g.check("rows", len(v.Rows), g.c.TableRows)
		g.line(v.Foot)
		for _, r := range v.Rows {
			g.check("cells", len(r), len(v.Columns))
			for _, x := range r {
				g.line(x)
			}
		}
	case bot.Steps:
		for _, s := range v {
			g.line(s.Label)
			g.line(s.Note)
		}
	case bot.Image:
		g.line(v.Alt)
		if !g.c.Images {
			g.bad = errors.New("image")
		}
	case bot.File:
		g.line(v.Name)
		if len(v.Data) > g.c.FileMax {
			g.bad = errors.New("file")
		}
	case bot.Actions:
		for _, a := range v {
			g.buttons++
			g.check("label", g.line(a.Label), g.c.LabelMax)
		}
	}
}

// within says where m breaks c.
func within(m bot.Message, c bot.Caps) error {
	g := gauge{c: c}
	g.check("title", g.line(m.Title), c.TitleMax)
	g.check("blocks", len(m.Blocks), c.BlocksMax)
	for _, b := range m.Blocks {
		g.block(b)
	}
	g.check("buttons", g.buttons, c.ButtonsMax)
	g.check("total", g.total, c.TotalMax)
	if m.Form != nil && !c.Forms {
		return errors.New("form")
	}
	return g.bad
}

// checkFit checks what holds for every message.
func checkFit(t *testing.T, m bot.Message, c bot.Caps) []bot.Message {
	t.Helper()
	before, _ := json.Marshal(m)
	out := bot.Fit(m, c)
	if after, _ := json.Marshal(m); string(before) != string(after) {
		t.Fatalf("Fit changed its argument:\n%s\n%s", before, after)
	}
	if len(out) == 0 || len(out) > 4 {
		t.Fatalf("%d messages", len(out))
	}
	for i, p := range out {
		if err := within(p, c); err != nil {
			t.Fatalf("part %d of %d: %v\n%s", i+1, len(out), err, p.Plain())
		}
		if again := bot.Fit(p, c); len(again) != 1 || !cmp.Equal(again[0], p, cmpopts.EquateEmpty()) {
			t.Fatalf("part %d changes when fitted again: %s", i+1, cmp.Diff([]bot.Message{p}, again, cmpopts.EquateEmpty()))
		}
		if i < len(out)-1 && (p.Form != nil || hasActions(p)) {
			t.Fatalf("part %d of %d has actions or a form", i+1, len(out))
		}
	}
	if strings.TrimSpace(m.Title) != "" && strings.Trim(m.Title, "\ufeff\u0085\u2028\u2029 \t\n\r\v\f") != "" && out[0].Title == "" {
		t.Fatalf("title %q lost", m.Title)
	}
	return out
}

func hasActions(m bot.Message) bool {
	for _, b := range m.Blocks {
		if _, ok := b.(bot.Actions); ok {
			return true
		}
	}
	return false
}

func rows(n int) [][]string {
	out := make([][]string, n)
	for i := range out {
		out[i] = []string{fmt.Sprintf("orders-%d", i), "RUNNING"}
	}
	return out
}

func button(label string) bot.Button {
	return bot.Button{Label: label, Call: bot.Call{Path: "flink stop", Args: json.RawMessage(`{"job":"` + label + `"}`)}}
}

func TestFit(t *testing.T) {
	files := tight()
	files.FileMax = 1000
	for _, c := range []struct {
		name string
		caps bot.Caps
		in   bot.Message
		want []string // Plain of each part
	}{
		{"fits", slackish(), say("hello"), []string{"hello\nhello"}},
		{"nothing", tight(), bot.Message{}, []string{"–"}},
		{"title cut", tight(), bot.Message{Title: "orders-enrichment-2 failed"}, []string{"orders-enrichment-2…"}},
		{"title keeps graphemes", tight(), bot.Message{Title: "👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦"}, []string{"👩‍👩‍👧‍👦…"}},
		{"text cut", tight(), bot.Message{Blocks: []bot.Block{bot.Textf("**%s** and more", strings.Repeat("a", 60))}}, []string{strings.Repeat("a", 59) + "…"}},
		{"text cut, kept as file", files, bot.Message{Blocks: []bot.Block{bot.Textf("%s", strings.Repeat("a", 61))}}, []string{strings.Repeat("a", 59) + "…\n(file: text.txt)"}},
		{"control characters", slackish(), bot.Message{Title: "a\x00b\u202ec\xff", Blocks: []bot.Block{bot.Code{Body: "x\x1b[31mred\r\ny"}}}, []string{"a␀b\uFFFDc\uFFFD\nx␛[31mred\ny"}},
		{"code by lines", tight(), bot.Message{Blocks: []bot.Block{bot.Code{Body: strings.Repeat("123456789\n", 20)}}}, []string{"123456789\n123456789\n123456789\n… 17 more lines"}},
		{"rows cut", tight(), bot.Message{Blocks: []bot.Block{bot.Table{Columns: []string{"j", "s"}, Rows: [][]string{{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}, {"e", "5"}}, Foot: "5 jobs"}}},
			[]string{"j  s\na  1\nb  2\nc  3\n5 jobs · 2 more rows"}},
		{"columns as code", tight(), bot.Message{Blocks: []bot.Block{bot.Table{Columns: []string{"a", "b", "c"}, Rows: [][]string{{"1", "2", "3"}}}}}, []string{"a  b  c\n1  2  3"}},
		{"columns left out", tight(), bot.Message{Blocks: []bot.Block{bot.Table{Columns: []string{"a", "b", "c"}, Rows: [][]string{{"1", "2", strings.Repeat("x", 70)}}}}}, []string{"a  b\n1  2\ncolumns left out: c"}},
		{"buttons left out", tight(), bot.Message{Blocks: []bot.Block{bot.Actions{button("Stop"), button("Restart everything"), button("Scale")}}}, []string{"[Stop] [Restart e…]\nNot shown: Scale"}},
		{"fields in groups", tight(), bot.Message{Blocks: []bot.Block{bot.Fields{bot.F("a", 1), bot.F("b", 2), bot.F("c", 3)}}}, []string{"a: 1\nb: 2\nc: 3"}},
		{"picture", tight(), bot.Message{Blocks: []bot.Block{bot.Image{Name: "lag.png", Alt: "lag over an hour", PNG: []byte("x")}}}, []string{"Picture: lag over an hour"}},
		{"file", tight(), bot.Message{Blocks: []bot.Block{bot.File{Name: "../x/log.txt", Data: []byte("x")}}}, []string{"A file cannot be attached here: log.txt"}},
		{"large file", files, bot.Message{Blocks: []bot.Block{bot.File{Name: "log.txt", Data: make([]byte, 5000)}}}, []string{"Too large to attach (5 kB): log.txt"}},
		{"steps", tight(), bot.Message{Blocks: []bot.Block{bot.Steps{{Label: "savepoint", State: bot.Did}, {Label: "stop", State: bot.Did}, {Label: "upload", State: bot.Did}, {Label: "submit", Note: "at parallelism 4", State: bot.Doing}, {Label: "verify"}}}},
			[]string{"[-] … 3 earlier st…\n[…] submit at parallelism 4\n[ ] verify"}},
		{"form", tight(), bot.Message{Form: &bot.Form{Title: "SQL", Fields: []bot.Input{{Name: "text", Label: "Text"}}}}, []string{"SQL: forms cannot be shown here. Please type the command wi…"}},
		{"javascript link", slackish(), bot.Message{Blocks: []bot.Block{bot.Text{Spans: []bot.Span{{Text: "x", URL: "javascript:alert(1)"}}}, bot.Actions{{Label: "UI", URL: "file:///etc/passwd"}}}}, []string{"x"}},
		{"more messages", tight(), bot.Message{Title: "Seven", Blocks: []bot.Block{bot.Textf("1"), bot.Actions{button("Stop")}, bot.Textf("2"), bot.Textf("3"), bot.Textf("4"), bot.Textf("5"), bot.Textf("6"), bot.Textf("7")}},
			[]string{"Seven\n1\n2\n3\n4", "5\n6\n7\n[Stop]"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, m := range checkFit(t, c.in, c.caps) {
				got = append(got, m.Plain())
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestFitTooMuch(t *testing.T) {
	m := bot.Message{Title: "Everything"}
	for i := range 60 {
		m.Blocks = append(m.Blocks, bot.Textf("%d %s", i, strings.Repeat("x", 50)))
	}
	m.Blocks = append(m.Blocks, bot.Actions{button("Stop")})
	c := tight()
	c.FileMax = 1 << 16
	out := checkFit(t, m, c)
	last := out[len(out)-1]
	if len(out) != 4 || !strings.Contains(last.Plain(), "The whole is in message.txt.\n(file: message.txt)\n[Stop]") {
		t.Fatalf("%d parts, last:\n%s", len(out), last.Plain())
	}
	for _, b := range last.Blocks {
		if f, ok := b.(bot.File); ok && strings.Count(string(f.Data), "\n") < 61 {
			t.Fatalf("the file holds only %d lines", strings.Count(string(f.Data), "\n"))
		}
	}
}

// fitFrom builds a message and limits from bytes.
func fitFrom(data []byte) (bot.Message, bot.Caps) {
	next := func() int {
		if len(data) == 0 {
			return 0
		}
		b := data[0]
		data = data[1:]
		return int(b)
	}
	word := func() string {
		n := min(next(), len(data))
		s := string(data[:n])
		data = data[n:]
		if n > 0 && n%7 == 0 {
			s = strings.Repeat(s, 1+next())
		}
		return s
	}
	lim := func(low int) int {
		n := next()
		if n == 0 {
			return 0
		}
		return low + n*n/40
	}
	c := bot.Caps{TitleMax: lim(1), TextMax: lim(10), TotalMax: lim(60), BlocksMax: lim(1), ButtonsMax: lim(1), LabelMax: lim(1), FieldsMax: lim(1), TableRows: lim(1), TableCols: lim(1), FileMax: lim(1)}
	flags := next()
	c.Images, c.Forms = flags&1 > 0, flags&2 > 0
	m := bot.Message{Title: word(), Tone: bot.Tone(next())}
	for len(data) > 0 && len(m.Blocks) < 200 {
		m.Blocks = append(m.Blocks, blockFrom(next, word))
	}
	if flags&4 > 0 {
		m.Form = &bot.Form{Title: m.Title, Call: bot.Call{Path: "x"}, Fields: []bot.Input{{Name: "a", Label: m.Title}}}
	}
	return m, c
}

func blockFrom(next func() int, word func() string) bot.Block {
	switch kind := next(); kind % 9 {
	case 0:
		return bot.Text{Spans: []bot.Span{{Text: word()}, {Text: word(), Bold: true, URL: word()}, {At: time.Unix(int64(kind), 0)}}}
	case 1:
		return bot.Note{Spans: []bot.Span{{Text: word()}}}
	case 2:
		var f bot.Fields
		for range next() % 20 {
			f = append(f, bot.F(word(), word()))
		}
		return f
	case 3:
		t := bot.Table{Columns: []string{word(), word()}, Numeric: []bool{false, true, true, true}, Foot: word()}
		for range next() {
			t.Rows = append(t.Rows, []string{word(), word(), word()}[:next()%4%3+1])
		}
		return t
	case 4:
		return bot.Code{Lang: word(), Body: word() + "\n" + word()}
	case 5:
		return bot.Image{Name: word(), Alt: word(), PNG: []byte(word())}
	case 6:
		return bot.File{Name: word(), MIME: word(), Data: []byte(word())}
	case 7:
		var s bot.Steps
		for range next() % 30 {
			s = append(s, bot.StepLine{Label: word(), Note: word(), State: bot.StepState(next())})
		}
		return s
	}
	var a bot.Actions
	for range next() % 40 {
		a = append(a, bot.Button{Label: word(), URL: word(), Call: bot.Call{Path: word()}, Style: bot.Style(next())})
	}
	return a
}

func FuzzFit(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x05\x20\x40\x04\x02\x08\x02\x03\x02\x00\x07\x05title\x01\x00\x0btext of text\x02**\x0ahttp://a.b\x03\x0d\x04job \x05state\x04foot\x09\x02ab\x02cd\x02ef\x02"))
	f.Add([]byte(strings.Repeat("\x10\x1c\x07\x03\xe2\x80\xae\x00\xf0\x9f\x91\xa9\xe2\x80\x8d", 40)))
	f.Add([]byte(strings.Repeat("\x08\x11\x05Label\x00\x04path\x01", 60)))
	f.Add([]byte(strings.Repeat("\x01\xff\xfe\x00\x1b", 100)))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, c := fitFrom(data)
		checkFit(t, m, c)
	})
}

func BenchmarkFit(b *testing.B) {
	m := bot.Message{Title: "Jobs of prod", Blocks: []bot.Block{
		bot.Textf("**%d** jobs run, `%s` does not", 480, "orders"),
		bot.Table{Columns: []string{"Job", "State"}, Rows: rows(480)},
		bot.Actions{button("Next page"), button("Refresh")},
	}}
	b.Run("table", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			bot.Fit(m, slackish())
		}
	})
	card := incidentCard()
	b.Run("card", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			bot.Fit(card, discordish())
		}
	})
}

func incidentCard() bot.Message {
	return bot.Message{Title: "orders: checkpoints fail", Tone: bot.Bad, Blocks: []bot.Block{
		bot.Textf("No checkpoint for **%s**; last exception `%s`", "12 min", "java.io.IOException: disk full"),
		bot.Fields{bot.F("Cluster", "prod"), bot.F("Job", "orders"), bot.F("Restarts", 3), bot.F("Owner", "olga")},
		bot.Steps{{Label: "savepoint", State: bot.Did}, {Label: "stop", State: bot.Doing}},
		bot.Actions{button("Savepoint orders"), button("Restart orders"), button("Silence 1 h")},
	}}
}
