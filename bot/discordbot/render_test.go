package discordbot

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/bottest"
)

var update = flag.Bool("update", false, "write the golden files")

func picture() []byte {
	img := image.NewRGBA(image.Rect(0, 0, 480, 160))
	for x := range 480 {
		for y := range 160 {
			if y == 80-(x*x/9000)+((x*7)%11) || y%40 == 0 {
				img.Set(x, y, color.RGBA{80, 120, 220, 255})
			} else {
				img.Set(x, y, color.RGBA{34, 36, 42, 255})
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// stories are messages as drey says them.
func stories() map[string]bot.Message {
	at := time.Date(2026, 11, 21, 14, 3, 0, 0, time.UTC)
	button := func(id, label string, style bot.Style) bot.Button {
		return bot.Button{ID: (id + strings.Repeat("a", 24))[:24], Label: label, Style: style}
	}
	stop := button("stop", "Stop with savepoint", bot.Danger)
	stop.Confirm = "Stop prod/orders-enrichment?"
	return map[string]bot.Message{
		"alert": {
			Title: "Firing: checkpoints of orders-enrichment fail", Tone: bot.Bad, State: "firing", Stated: true, Fallback: "Checkpoints of prod/orders-enrichment fail since 14:03.",
			Blocks: []bot.Block{
				bot.Text{Spans: []bot.Span{{Text: "on call", Mention: "group:1300000000000000001"}}},
				bot.Textf("3 checkpoints in a row failed. The last one that completed is **chk-4711**, %s.", bot.Span{Text: "14:03", At: at}),
				bot.Fields{bot.F("Cluster", "prod"), bot.F("Job", "orders-enrichment"), bot.F("Severity", "critical"), bot.F("Since", bot.Span{Text: "14:03", At: at}), bot.F("Restarts", 2), bot.F("Labels", "team=data_platform env=prod")},
				bot.Image{Name: "checkpoints.png", Alt: "duration of checkpoints over an hour, rising", PNG: picture()},
				bot.Actions{button("ack", "Acknowledge", bot.Primary), button("sil", "Silence 1 h", bot.Normal), button("job", "Show job", bot.Normal), {Label: "Runbook", URL: "https://runbooks.example.com/checkpoints"}},
			},
		},
		"incident": fullHead(at),
		"storm":    bottest.Digest(),
		"jobs": {
			Title: "Jobs on prod",
			Blocks: []bot.Block{
				bot.Table{Columns: []string{"Job", "State", "For", "Tasks"}, Numeric: []bool{false, false, true, true}, Foot: "4 of 4 jobs", Rows: [][]string{
					{"orders-enrichment", "RUNNING", "3 d", "12"}, {"payments_dedup", "RESTARTING", "40 s", "8"},
					{"clicks-sessions", "RUNNING", "12 d", "24"}, {"a-job-with-a-name-that-is-much-too-long-for-any-phone", "FAILED", "2 h", "0"},
				}},
				bot.Notef("Asked of the cluster just now. %s", bot.Span{Text: "Flink UI", URL: "https://flink.example.com/#/overview"}),
				bot.Actions{button("ref", "Refresh", bot.Normal)},
			},
		},
		"operation": {
			Title: "Restart: prod/orders-enrichment", Tone: bot.Busy,
			Blocks: []bot.Block{
				bot.Steps{
					{Label: "Savepoint taken", State: bot.Did, Note: "in 14 s, 2.3 GB"}, {Label: "Job stopped", State: bot.Did},
					{Label: "Job resubmitted", State: bot.Doing, Note: "waiting for 12 tasks"}, {Label: "First checkpoint", State: bot.ToDo}, {Label: "Old savepoint removed", State: bot.Skipped, Note: "kept"},
				},
				bot.Notef("Started by ann %s.", bot.Span{Text: "14:03", At: at}),
				bot.Actions{stop, {Label: "Flink UI", URL: "https://flink.example.com/#/job/1"}},
			},
		},
		"sql": {
			Title: "SQL on prod", Tone: bot.Good,
			Blocks: []bot.Block{
				bot.Code{Lang: "sql", Body: "SELECT item_id, COUNT(*) AS n\nFROM `orders`\nGROUP BY item_id"},
				bot.Table{Columns: []string{"item_id", "n"}, Numeric: []bool{true, true}, Rows: [][]string{{"1001", "482 113"}, {"1002", "99 120"}, {"1003", "7"}}, Foot: "3 rows in 1.2 s"},
				bot.File{Name: "result.csv", MIME: "text/csv", Data: []byte("item_id,n\n1001,482113\n")},
			},
		},
		"refusal": {
			Title: "You may not stop jobs here", Tone: bot.Warn, Private: true,
			Blocks: []bot.Block{bot.Textf("`/flink stop` needs the right **jobs:stop** on prod. Ask %s in #data_platform.", bot.Span{Text: "the owners", URL: "https://wiki.example.com/owners_(data)"})},
		},
		"short":   {Blocks: []bot.Block{bot.Textf("Nothing runs on `staging`.")}},
		"working": {Tone: bot.Busy, Pending: true, Private: true, Blocks: []bot.Block{bot.Textf("Working on it…")}},
		"hostile": {
			Title: "@everyone **<@1>** <script>", Tone: bot.Muted, Blocks: []bot.Block{
				bot.Textf("@here <#1> [x](https://evil.example) ~~s~~ ||s|| `c` :tada: discord.gg/abc <t:0:R> </x:1> \\o/"),
				bot.Textf("# head\n- item\n1. one\n> quote\n-# small\n```js\nx```"),
				bot.Code{Body: "a ``` b\n```\n@everyone `"},
				bot.Fields{bot.F("*name*", "`v` _w_ https://evil.example/?q=a_b_c")},
				bot.Text{Spans: []bot.Span{{Text: "a``b`", Code: true}, {Text: "`", Code: true}, {Text: "*", Bold: true}, {Text: "b", Bold: true}}},
				bot.Text{Spans: []bot.Span{{Text: "https://good.example", URL: "https://evil.example"}, {Text: " and "}, {Text: "a]b(c)", URL: "https://x.example/a)b"}}},
			},
		},
	}
}

// fullHead is that of an incident of which much is known.
func fullHead(at time.Time) bot.Message {
	when := func(ago time.Duration) bot.Span { return bot.Span{Text: "14:03", At: at.Add(-ago)} }
	m := bot.Message{Title: "Firing: FlinkJobCrashLoop on prod/orders-enrichment", Tone: bot.Bad, State: "firing", Stated: true, Fallback: "Firing: FlinkJobCrashLoop on prod/orders-enrichment (critical)."}
	m.Blocks = []bot.Block{
		bot.Text{Spans: []bot.Span{{Text: "orders-enrichment restarts again and again", Bold: true}, {Text: " "}, {Text: "on call", Mention: "group:1300000000000000001"}}},
		bot.Textf("**Since** %v, critical\n**Job state:** RUNNING, 7 restarts\n**Root cause:** java.lang.NumberFormatException: For input string: 'boom'\nNew: not seen before; 2× since %v; first after the restart at %v\n"+
			"**State:** a restart resumes from the checkpoint of %v, 1.2 GB, replaying about 2 min; last savepoint %v", when(0), when(time.Minute), when(12*time.Minute), when(2*time.Minute), when(3*time.Hour)),
		bot.Fields{bot.F("Alerts", "2 of 2 fire: FlinkCheckpointsFailing, FlinkJobCrashLoop"), bot.F("Escalates", bot.Textf("%v, step 2 of 3", when(-5*time.Minute)))},
		bot.Textf("**Checkpoints:** the newest 3 checkpoints failed: Checkpoint expired before completing, timeout 10 min\n**Load:** backpressured: Join[3]; bottleneck downstream: Sink: kafka, busy 98 %%\n**Changed through drey:** Restart by Olga, done, 11 min before it began (`7f3k2a`)"),
		bot.Textf("It restarted 3 times within 2m. Each time it goes back to its last checkpoint."),
		bot.Notef("Also in %v", bot.Place{Network: Network, Channel: "1200000000000000001"}),
		bot.Notef("Incident `k3x9q2` · %s · %s · %s", bot.Span{Text: "Runbook", URL: "https://wiki.example.com/flink"}, bot.Span{Text: "Prometheus", URL: "https://prom.example.com/graph"}, bot.Span{Text: "Flink", URL: "https://flink.example.com/#/job/1"}),
	}
	var acts bot.Actions
	for n, label := range []string{"Ack", "Silence…", "Diagnose", "Restart…", "Savepoint", "Logs", "Scale…", "Stop…", "Escalate", "Assign…"} {
		style := bot.Normal
		if n == 0 {
			style = bot.Primary
		}
		acts = append(acts, bot.Button{ID: strings.Repeat(string(rune('a'+n)), 24), Label: label, Style: style})
	}
	m.Blocks = append(m.Blocks, acts)
	return m
}

func TestGolden(t *testing.T) {
	judge := schemaOf(t, "MessageCreateRequest")
	for name, m := range stories() {
		t.Run(name, func(t *testing.T) {
			out, files := render(fitted(t, m))
			check(t, judge, out, files)
			raw, err := json.MarshalIndent(out, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", "render", name+".json"), append(unescaped(raw), '\n'))
		})
	}
	judge = schemaOf(t, "ModalInteractionCallbackRequestData")
	for name, f := range formStories() {
		t.Run(name, func(t *testing.T) {
			out := modalOf(f)
			judge(t, out)
			raw, err := json.MarshalIndent(out, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", "render", "modal-"+name+".json"), append(unescaped(raw), '\n'))
		})
	}
}

// unescaped makes JSON readable: json writes < > & as escapes.
func unescaped(raw []byte) []byte {
	return []byte(strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(raw)))
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (write with -update):\n%s", file, diff)
	}
}

func fitted(t testing.TB, m bot.Message) bot.Message {
	t.Helper()
	parts := bot.Fit(m, new(Bot).Caps())
	if len(parts) != 1 {
		t.Fatalf("%d parts", len(parts))
	}
	return parts[0]
}

// formStories are forms as commands open them.
func formStories() map[string]*bot.Form {
	many := &bot.Form{ID: strings.Repeat("m", 24), Title: "Deploy a job from a JAR that has a long name and options", Submit: "Deploy"}
	for i := range 8 {
		many.Fields = append(many.Fields, bot.Input{Name: fmt.Sprintf("f%d", i), Label: fmt.Sprintf("Field %d", i), Kind: "line", Required: i == 6})
	}
	return map[string]*bot.Form{
		"cancel": {ID: strings.Repeat("c", 24), Title: "Cancel prod/orders", Submit: "Cancel job", Danger: true, Intro: bot.Textf("State since the last savepoint is **lost**."), Fields: []bot.Input{
			{Name: "confirm", Label: "Job", Kind: "line", Match: "orders"}, {Name: "why", Label: "Why", Help: "goes into the audit log", Kind: "text"},
			{Name: "mode", Label: "Mode", Kind: "choice", Value: "now", Choices: []bot.Choice{{Value: "now", Label: "At once"}, {Value: "later", Help: "after the next checkpoint"}}},
		}},
		"again": {ID: strings.Repeat("a", 24), Title: "Cancel prod/orders", Fields: []bot.Input{{Name: "confirm", Label: "Job", Kind: "line", Match: "orders", Value: "ordres", Error: `This must be "orders" to confirm.`}}},
		"many":  many,
		"sql":   {ID: strings.Repeat("s", 24), Title: "SQL", Fields: []bot.Input{{Name: "sql", Label: "Statements", Kind: "text", Required: true, Value: strings.Repeat("SELECT 1;\n", 600)}}},
	}
}

// schemaOf returns a judge of values by Discord's own description. Without it nothing is judged.
func schemaOf(t testing.TB, name string) func(t testing.TB, v any) {
	dir := os.Getenv("DREY_SPECS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "specs")
	}
	file := filepath.Join(dir, "discord", "openapi.subset.json")
	raw, err := os.Open(file)
	if err != nil {
		t.Logf("Discord's schema is not at hand, so nothing is judged by it: %v", err)
		return func(testing.TB, any) {}
	}
	defer raw.Close()
	doc, err := jsonschema.UnmarshalJSON(raw)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("mem:///openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("mem:///openapi.json#/components/schemas/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return func(t testing.TB, v any) {
		t.Helper()
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		v, err = jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(v); err != nil {
			t.Errorf("%v\n%s", err, raw)
		}
	}
}

// check judges a message by the schema and by the rules that only the documentation has.
func check(t testing.TB, judge func(testing.TB, any), out body, files []file) {
	t.Helper()
	judge(t, out)
	bad := func(format string, args ...any) {
		t.Helper()
		t.Errorf(format, args...)
	}
	if n := bot.Length(out.Content); n > contentMax {
		bad("content of %d", n)
	}
	total := 0
	for _, e := range out.Embeds {
		total += bot.Length(e.Description)
		if bot.Length(e.Description) > cardTextMax || len(e.Fields) > embedFields {
			bad("description of %d, %d fields", bot.Length(e.Description), len(e.Fields))
		}
		if e.Description == "" && len(e.Fields) == 0 && e.Image == nil {
			bad("an empty card")
		}
		for _, f := range e.Fields {
			total += bot.Length(f.Name) + bot.Length(f.Value)
			if f.Name == "" || f.Value == "" || bot.Length(f.Name) > fieldNameMax || bot.Length(f.Value) > fieldValueMax {
				bad("field of %d and %d", bot.Length(f.Name), bot.Length(f.Value))
			}
		}
		if strings.Count(e.Description, "```")%2 != 0 {
			bad("a fence is open in %q", e.Description)
		}
	}
	if total > embedsTotal || len(out.Embeds) > embedsMax || len(files) > filesMax || len(out.Components) > rowsMax {
		bad("%d in %d embeds, %d files, %d rows", total, len(out.Embeds), len(files), len(out.Components))
	}
	if out.Content == "" && len(out.Embeds) == 0 && len(files) == 0 {
		bad("an empty message")
	}
	ids := map[string]bool{}
	for _, r := range out.Components {
		if len(r.Components) == 0 || len(r.Components) > rowMax {
			bad("a row of %d", len(r.Components))
		}
		for _, x := range r.Components {
			if bot.Length(x.Label) > labelMax || x.Label == "" || x.CustomID != "" && ids[x.CustomID] || (x.CustomID == "") == (x.URL == "") {
				bad("button %+v", x)
			}
			ids[x.CustomID] = true
		}
	}
	if out.Mentions.Parse == nil || len(out.Mentions.Parse) > 0 {
		bad("mentions %+v", out.Mentions)
	}
}

// TestAnythingFits renders messages of everything that has a meaning somewhere.
func TestAnythingFits(t *testing.T) {
	judge := schemaOf(t, "MessageCreateRequest")
	rounds := 100
	if testing.Short() {
		rounds = 20
	}
	for seed := range uint64(rounds) {
		g := &hostile{rand.New(rand.NewPCG(seed, 1))}
		for _, m := range bot.Fit(g.message(), new(Bot).Caps()) {
			out, files := render(m)
			check(t, judge, out, files)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// hostile makes messages that nobody would write.
type hostile struct{ *rand.Rand }

func (g *hostile) text(most int) string {
	pieces := []string{"@everyone ", "<@1>", "```", "`", "``", "**", "__", "||", "> ", "\n", "\n# ", "\n- ", "https://evil.example/a_b", "[x](y)", "\\", "👩‍👩‍👧‍👦", "é́́", "漢字", "\u202e", "\x00", "%s", "&<>", "word ", "1. ", "\u200b", ":tada:", "ﷺ", "🏳️‍🌈", "   "}
	var b strings.Builder
	one := pieces[g.IntN(len(pieces))]
	for n := g.IntN(most); b.Len() < n; {
		if g.IntN(3) > 0 {
			one = pieces[g.IntN(len(pieces))]
		}
		b.WriteString(one)
	}
	return b.String()
}

func (g *hostile) size() int { return []int{0, 8, 60, 400, 5000, 20000}[g.IntN(6)] + 1 }

func (g *hostile) spans() []bot.Span {
	var out []bot.Span
	for range 1 + g.IntN(6) {
		s := bot.Span{Text: g.text(g.size()), Bold: g.IntN(3) == 0, Code: g.IntN(3) == 0}
		switch g.IntN(6) {
		case 0:
			s.URL = "https://x.example/" + strings.Repeat("p", g.IntN(1900))
		case 1:
			s.At = time.Unix(int64(g.IntN(2_000_000_000)), 0)
		case 2:
			s.Mention = fmt.Sprintf("%s:%d", []string{"user", "group"}[g.IntN(2)], 1+g.IntN(1e9))
		}
		out = append(out, s)
	}
	return out
}

func (g *hostile) message() bot.Message {
	m := bot.Message{Title: g.text(g.size()), Tone: bot.Tone(g.IntN(7)), Fallback: g.text(g.size())}
	for range g.IntN(14) {
		m.Blocks = append(m.Blocks, g.block())
	}
	return m
}

func (g *hostile) block() bot.Block {
	switch g.IntN(9) {
	case 0:
		return bot.Text{Spans: g.spans()}
	case 1:
		return bot.Note{Spans: g.spans()}
	case 2:
		var f bot.Fields
		for range g.IntN(40) {
			f = append(f, bot.Field{Name: g.text(g.size()), Value: bot.Text{Spans: g.spans()}})
		}
		return f
	case 3:
		t := bot.Table{Foot: g.text(g.size())}
		for range g.IntN(12) {
			t.Columns, t.Numeric = append(t.Columns, g.text(60)), append(t.Numeric, g.IntN(2) == 0)
		}
		for range g.IntN(40) {
			var row []string
			for range g.IntN(12) {
				row = append(row, g.text(60))
			}
			t.Rows = append(t.Rows, row)
		}
		return t
	case 4:
		return bot.Code{Lang: g.text(10), Body: g.text(g.size())}
	case 5:
		return bot.Image{Name: g.text(50), Alt: g.text(g.size()), PNG: []byte{1}}
	case 6:
		return bot.File{Name: g.text(50), MIME: g.text(20), Data: []byte{1}}
	case 7:
		var s bot.Steps
		for range g.IntN(40) {
			s = append(s, bot.StepLine{Label: g.text(g.size()), State: bot.StepState(g.IntN(6)), Note: g.text(g.size())})
		}
		return s
	}
	var a bot.Actions
	for range g.IntN(14) {
		b := bot.Button{ID: fmt.Sprintf("%024d", g.IntN(1e9)), Label: g.text(200), Style: bot.Style(g.IntN(4)), Confirm: g.text(100), Opens: g.IntN(2) == 0}
		if g.IntN(3) == 0 {
			b = bot.Button{URL: "https://x.example/" + strings.Repeat("p", g.IntN(700)), Label: g.text(20)}
		}
		a = append(a, b)
	}
	return a
}
