package bottest

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"strings"
	"sync"

	"github.com/drey-ops/drey/bot"
)

// Ids as the Binder makes them.
const (
	goID   = "goaaaaaaaaaaaaaaaaaaaaaa"
	formID = "formaaaaaaaaaaaaaaaaaaaa"
)

func goButton() bot.Actions { return bot.Actions{{ID: goID, Label: "Go", Style: bot.Primary}} }

func typedLine(s *scene) {
	ev := s.ask("/flink jobs prod")
	typed := ev.Call.Line == "" && ev.Call.Path == "flink jobs" && strings.Contains(string(ev.Call.Args), `"prod"`) // of a network with options
	if ev.Call.Line != "/flink jobs prod" && !typed || ev.Button != "" || ev.Form != nil {
		s.Fatalf("got %+v", ev)
	}
	if other := s.ask("/flink jobs prod"); other.ID == ev.ID {
		s.Fatalf("two gestures have the ID %s", ev.ID)
	}
	s.reply(ev, say("fine"))
}

func replyPrivate(s *scene) {
	if !s.h.Network.Caps().Private {
		s.Skip("no private replies")
	}
	m := say("for ann alone")
	m.Private = true
	s.reply(s.ask("/drey whoami"), m)
	s.sees("ann", "", "for ann alone", 1)
	s.sees("bob", "", "for ann alone", 0)
}

func replyPublic(s *scene) {
	s.reply(s.ask("/flink stop orders"), say("for everybody"))
	s.sees("ann", "", "for everybody", 1)
	s.sees("bob", "", "for everybody", 1)
}

func replyReplaces(s *scene) {
	ev := s.ask("/flink sql")
	for _, text := range []string{"first word", "second word", "third word"} {
		m := say(text)
		m.Pending = text != "third word"
		s.reply(ev, m)
	}
	s.sees("ann", "", "third word", 1)
	s.sees("ann", "", "first word", 0)
	s.sees("ann", "", "second word", 0)
}

// pendingPublic is how the Dispatcher speaks: it cannot know yet who may see the answer, so the first word is private.
func pendingPublic(s *scene) {
	ev := s.ask("/flink stop orders")
	wait := say("working on it")
	wait.Private, wait.Pending = true, true
	s.reply(ev, wait)
	s.sees("bob", "", "working on it", 0)
	s.reply(ev, say("orders is stopped"))
	s.sees("bob", "", "orders is stopped", 1)
	if !s.h.Lingers {
		s.sees("ann", "", "working on it", 0)
	}
}

func publish(s *scene) {
	err := s.h.Network.Publish(s.Context(), []bot.CommandSpec{{
		Path: "flink savepoint", Help: "Take a savepoint", Examples: []string{"/flink savepoint orders"},
		Params: []bot.ParamSpec{{Name: "job", Help: "which job", Type: "job", Required: true, Completes: true}, {Name: "drain", Type: "bool"}},
	}})
	if err != nil {
		s.Fatal(err)
	}
}

func postOnce(s *scene) {
	if s.h.ForgetsKeys {
		s.Skip("the service cannot know a repeat")
	}
	first := s.post("inc1/head", s.h.Place, say("incident one"))
	again := s.post("inc1/head", s.h.Place, say("incident one"))
	other := s.post("inc2/head", s.h.Place, say("incident two"))
	if first != again || first.ID == other.ID {
		s.Fatalf("refs %+v, %+v, %+v", first, again, other)
	}
	s.sees("bob", "", "incident one", 1)
	s.sees("bob", "", "incident two", 1)
}

func editInPlace(s *scene) {
	a := s.post("a/head", s.h.Place, say("state: firing", goButton()))
	s.post("b/head", s.h.Place, say("another"))
	before := s.find("ann", "state: firing")
	if err := s.h.Network.Edit(s.Context(), a, s.fit(say("state: resolved"))); err != nil {
		s.Fatal(err)
	}
	s.sees("ann", "", "state: firing", 0)
	after := s.find("bob", "state: resolved")
	if before.ID != a.ID || after.ID != a.ID {
		s.Fatalf("message %s is seen as %s, and after the edit as %s", a.ID, before.ID, after.ID)
	}
	if len(after.Buttons) > 0 {
		s.Fatalf("buttons %q are left", after.Buttons)
	}
}

func editRemoved(s *scene) {
	if s.h.Remove == nil {
		s.Skip("nobody can remove a message")
	}
	ref := s.post("a/head", s.h.Place, say("soon gone"))
	s.h.Remove(s, ref)
	s.wantGone(s.h.Network.Edit(s.Context(), ref, s.fit(say("never seen"))))
}

func postNowhere(s *scene) {
	if s.h.Nowhere == (bot.Place{}) {
		s.Skip("every place is there")
	}
	_, err := s.h.Network.Post(s.Context(), s.h.Nowhere, "a/head", s.fit(say("never seen")))
	s.wantGone(err)
}

func threads(s *scene) {
	if !s.h.Network.Caps().Threads {
		s.Skip("no threads")
	}
	root := s.post("a/head", s.h.Place, say("the root", goButton()))
	at := root.Place
	at.Thread = root.ID
	child := s.post("a/1", at, say("in the thread"))
	s.sees("bob", root.ID, "in the thread", 1)
	s.sees("bob", "", "in the thread", 0)
	if err := s.h.Network.Edit(s.Context(), child, s.fit(say("changed there"))); err != nil {
		s.Fatal(err)
	}
	s.sees("ann", root.ID, "changed there", 1)
	s.sees("ann", "", "the root", 1)
}

func everyBlock(s *scene) {
	var pic bytes.Buffer
	if err := png.Encode(&pic, image.NewGray(image.Rect(0, 0, 4, 4))); err != nil {
		s.Fatal(err)
	}
	m := bot.Message{Title: "the title", Tone: bot.Bad, Fallback: "a sentence", Blocks: []bot.Block{
		bot.Textf("plain **boldly** and `typed`"),
		bot.Notef("small print"),
		bot.Fields{bot.F("Cluster", "prod"), bot.F("Job", "orders")},
		bot.Table{Columns: []string{"Name", "Lag"}, Numeric: []bool{false, true}, Rows: [][]string{{"payments", "12345"}}, Foot: "1 of 9 rows"},
		bot.Code{Lang: "sql", Body: "SELECT 1\nFROM orders"},
		bot.Image{Name: "lag.png", Alt: "lag over an hour", PNG: pic.Bytes()},
		bot.Steps{{Label: "savepoint taken", State: bot.Did, Note: "in 3 s"}, {Label: "job resubmitted", State: bot.Doing}},
		bot.Actions{{ID: goID, Label: "Go"}, {Label: "Flink UI", URL: "https://flink.example.com/#/job/1"}},
	}}
	if s.h.Network.Caps().FileMax > 0 {
		m.Blocks = append(m.Blocks, bot.File{Name: "trace.txt", MIME: "text/plain", Data: []byte("at line 1\n")})
	}
	ref := s.post("a/head", s.h.Place, m)
	got := s.find("bob", "plain")
	for _, want := range []string{"the title", "boldly", "typed", "small print", "Cluster", "prod", "orders", "Lag", "payments", "12345", "1 of 9 rows",
		"SELECT 1", "FROM orders", "savepoint taken", "in 3 s", "job resubmitted"} {
		if !strings.Contains(got.Text, want) {
			s.Errorf("%q is not to be seen in:\n%s", want, got.Text)
		}
	}
	if labels := strings.Join(got.Buttons, ","); labels != "Go,Flink UI" {
		s.Errorf("buttons %s", labels)
	}
	if err := s.h.Network.Edit(s.Context(), ref, s.fit(m)); err != nil {
		s.Errorf("edit: %v", err)
	}
}

func hostileText(s *scene) {
	for i, text := range []string{
		"<!channel> <!here> <@U123> <#C1|x>", "@everyone @here <@&1200000000000000001>", "<script>alert(1)</script> <b>x</b> &lt;",
		"*b* _i_ ~s~ `c` ```f``` **b** __u__ ||spoiler||", "[text](https://evil.example) <https://evil.example|drey>",
		"> quote", "# heading", "- item", `\*escaped\* \n`, ":rotating_light:", "{{template}} %s %d ${jndi:x}",
	} {
		key := fmt.Sprintf("h%d/head", i)
		m := bot.Message{Title: "marker", Blocks: []bot.Block{
			bot.Text{Spans: []bot.Span{{Text: "text " + text + " end"}, {Text: "bold " + text + " end", Bold: true}, {Text: "code " + text + " end", Code: true}}},
			bot.Fields{bot.F("field", "value "+text+" end")}, bot.Code{Body: "body " + text + " end"},
		}}
		ref := s.post(key, s.h.Place, m)
		got := s.byID("bob", ref.ID)
		for _, where := range []string{"text ", "bold ", "code ", "value ", "body "} {
			if !strings.Contains(got.Text, where+text+" end") {
				s.Errorf("%q is not shown as it is in:\n%s", where+text, got.Text)
			}
		}
		if len(got.Live) > 0 {
			s.Errorf("%q became %q", text, got.Live)
		}
	}
	long := strings.Repeat("A", min(4000, max(1, s.h.Network.Caps().TextMax)))
	got := s.byID("bob", s.post("long/head", s.h.Place, bot.Message{Title: "a\x00b\u202ec\xff", Blocks: []bot.Block{bot.Textf("%s", long)}}).ID)
	if strings.ContainsAny(got.Text, "\x00\u202e") || !strings.Contains(got.Text, long) {
		s.Errorf("got %q", got.Text)
	}
}

func (s *scene) byID(who, id string) (got Seen) {
	s.Helper()
	s.until(func() bool {
		for _, m := range s.h.Read(s, who, "") {
			if m.ID == id {
				got = m
				return true
			}
		}
		return false
	}, func() string { return fmt.Sprintf("%s does not see message %s", who, id) })
	return got
}

func press(s *scene) {
	ref := s.post("a/head", s.h.Place, say("press me", goButton()))
	s.find("bob", "press me")
	s.h.Press(s, "bob", "Go")
	ev := s.next()
	if ev.Button != goID || ev.Origin == nil || ev.Origin.ID != ref.ID || ev.Call.Line != "" {
		s.Fatalf("got %+v with origin %+v, want button %s of %s", ev, ev.Origin, goID, ref.ID)
	}
	m := say("pressed it")
	m.Private = s.h.Network.Caps().Private
	s.reply(ev, m)
	s.sees("bob", "", "pressed it", 1)
	s.sees("bob", "", "press me", 1)
	if m.Private {
		s.sees("ann", "", "pressed it", 0)
	}
}

func pressTwice(s *scene) {
	s.post("a/head", s.h.Place, say("press me", goButton()))
	s.find("bob", "press me")
	s.h.Press(s, "bob", "Go")
	first := s.next()
	s.h.Press(s, "ann", "Go")
	second := s.next()
	s.h.Press(s, "bob", "Go")
	third := s.next()
	if first.ID == second.ID || first.ID == third.ID || first.Actor.ID == second.Actor.ID || first.Actor.ID != third.Actor.ID {
		s.Fatalf("IDs %s, %s, %s of %s, %s, %s", first.ID, second.ID, third.ID, first.Actor.ID, second.Actor.ID, third.Actor.ID)
	}
}

func retry(s *scene) {
	if s.h.Repeat == nil {
		s.Skip("the service never repeats a gesture")
	}
	first := s.ask("/flink stop orders")
	s.h.Repeat(s)
	if again := s.next(); again.ID != first.ID {
		s.Fatalf("the retry of %s has the ID %s", first.ID, again.ID)
	}
	s.quiet()
}

func theForm() *bot.Form {
	return &bot.Form{ID: formID, Title: "Cancel orders", Submit: "Cancel it", Intro: bot.Textf("State is lost."), Danger: true, Fields: []bot.Input{
		{Name: "confirm", Label: "Type the job's name", Kind: "line", Required: true},
		{Name: "why", Label: "Why", Kind: "text", Value: "because"},
		{Name: "mode", Label: "Mode", Kind: "choice", Value: "now", Choices: []bot.Choice{{Value: "now", Label: "At once"}, {Value: "later"}}},
	}}
}

func form(s *scene) {
	if !s.h.Network.Caps().Forms {
		s.Skip("no forms")
	}
	s.reply(s.ask("/flink cancel orders"), bot.Message{Title: "Confirm", Private: true, Form: theForm()})
	s.h.Submit(s, "ann", map[string]string{"confirm": "ord\"ers\n<b> ✓", "mode": "later"})
	ev := s.next()
	if ev.Button != formID || !strings.HasPrefix(ev.Form["confirm"], "ord\"ers") || !strings.HasSuffix(ev.Form["confirm"], "<b> ✓") || ev.Form["why"] != "because" || ev.Form["mode"] != "later" {
		s.Fatalf("got button %s, form %q", ev.Button, ev.Form)
	}
	m := say("canceled")
	m.Private = s.h.Network.Caps().Private
	s.reply(ev, m)
	s.sees("ann", "", "canceled", 1)
}

// formAgain is what a failed confirmation looks like.
func formAgain(s *scene) {
	if !s.h.Network.Caps().Forms {
		s.Skip("no forms")
	}
	s.reply(s.ask("/flink cancel orders"), bot.Message{Title: "Confirm", Private: true, Form: theForm()})
	s.h.Submit(s, "ann", map[string]string{"confirm": "wrong"})
	first := s.next()
	again := theForm()
	again.Fields[0].Value, again.Fields[0].Error = "wrong", "This must be \"orders\"."
	s.reply(first, bot.Message{Title: "Not confirmed", Private: true, Form: again})
	s.h.Submit(s, "ann", map[string]string{"confirm": "orders"})
	second := s.next()
	if second.ID == first.ID || second.Form["confirm"] != "orders" || second.Button != formID {
		s.Fatalf("got %+v after %s", second, first.ID)
	}
}

// upTo is a limit with a bound for those that have none.
func upTo(n, most int) int {
	if n <= 0 || n > most {
		return most
	}
	return n
}

func limits(s *scene) {
	c := s.h.Network.Caps()
	total := upTo(c.TotalMax, 40_000)
	full := bot.Message{Title: strings.Repeat("T", upTo(c.TitleMax, 1000))}
	room := total - len(full.Title)
	for len(full.Blocks) < upTo(c.BlocksMax, 60) && room > 0 {
		n := min(room, upTo(c.TextMax, 12_000))
		full.Blocks = append(full.Blocks, bot.Textf("%s", strings.Repeat("x", n)))
		room -= n
	}
	many := bot.Message{Title: "many"}
	for i := range upTo(c.BlocksMax, 100) - 1 {
		many.Blocks = append(many.Blocks, bot.Textf("b%d", i))
	}
	var buttons bot.Actions
	for i := range upTo(c.ButtonsMax, 50) {
		label := fmt.Sprintf("%d ", i) + strings.Repeat("L", upTo(c.LabelMax, 200))
		buttons = append(buttons, bot.Button{ID: fmt.Sprintf("b%023d", i), Label: label[:upTo(c.LabelMax, 200)]})
	}
	many.Blocks = append(many.Blocks, buttons)
	var fields bot.Fields
	for i := range upTo(c.FieldsMax, 50) {
		fields = append(fields, bot.F(fmt.Sprintf("name %d", i), strings.Repeat("v", min(100, total/upTo(c.FieldsMax, 50)-10))))
	}
	table := bot.Table{Foot: "the foot"}
	for i := range upTo(c.TableCols, 30) {
		table.Columns = append(table.Columns, fmt.Sprintf("c%d", i))
	}
	for range upTo(c.TableRows, 200) {
		row := make([]string, len(table.Columns))
		for k := range row {
			row[k] = "v"
		}
		table.Rows = append(table.Rows, row)
	}
	for i, m := range []bot.Message{full, many, {Title: "fields", Blocks: []bot.Block{fields}}, {Title: "table", Blocks: []bot.Block{table}},
		{Title: "code", Blocks: []bot.Block{bot.Code{Body: strings.Repeat("`", upTo(c.TextMax, 12_000)/2)}}}, {Blocks: []bot.Block{goButton()}}} {
		for k, p := range bot.Fit(m, c) {
			key := fmt.Sprintf("l%d/%d", i, k)
			ref := s.post(key, s.h.Place, p)
			if err := s.h.Network.Edit(s.Context(), ref, p); err != nil {
				s.Errorf("edit %q: %v", p.Title, err)
			}
		}
	}
}

// limitsWide fills the limits with characters that networks count in different ways.
func limitsWide(s *scene) {
	c := s.h.Network.Caps()
	m := bot.Message{Title: strings.Repeat("👩‍👩‍👧‍👦", 500), Blocks: []bot.Block{
		bot.Textf("%s", strings.Repeat("é́́", 20_000)), bot.Code{Body: strings.Repeat("漢字\n", 10_000)},
		bot.Textf("%s", strings.Repeat("&<>\"'*_~`", 3000)), bot.Fields{bot.F(strings.Repeat("🏳️‍🌈", 300), strings.Repeat("&", 3000))},
		bot.Actions{{ID: goID, Label: strings.Repeat("👍🏽", 200)}},
	}}
	for i, p := range bot.Fit(m, c) {
		s.post(fmt.Sprintf("w/%d", i), s.h.Place, p)
	}
}

func manyAtOnce(s *scene) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			ref, err := s.h.Network.Post(s.Context(), s.h.Place, fmt.Sprintf("m%d/head", i), s.fit(say(fmt.Sprintf("number %d first", i))))
			if err == nil {
				err = s.h.Network.Edit(s.Context(), ref, s.fit(say(fmt.Sprintf("number %d last", i))))
			}
			if err != nil {
				s.Error(err)
			}
		})
	}
	wg.Wait()
	for i := range 8 {
		s.sees("ann", "", fmt.Sprintf("number %d last", i), 1)
	}
}
