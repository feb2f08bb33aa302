package slackbot

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"github.com/drey-ops/drey/bot"
)

var update = flag.Bool("update", false, "write the golden files anew")

// shown is what a golden file holds.
type shown struct {
	Text        string             `json:"text"`
	Blocks      []slack.Block      `json:"blocks"`
	Attachments []slack.Attachment `json:"attachments,omitempty"`
}

func caps() bot.Caps { return (&Bot{}).Caps() }

// one is m as it reaches the network.
func one(t testing.TB, m bot.Message) bot.Message {
	t.Helper()
	parts := bot.Fit(m, caps())
	if len(parts) != 1 {
		t.Fatalf("the message became %d", len(parts))
	}
	return parts[0]
}

func uploaded() map[string]string { return map[string]string{"plan.png": "F0PLAN"} }

func golden(t *testing.T, name string, v any) {
	t.Helper()
	var got bytes.Buffer
	enc := json.NewEncoder(&got)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "render", name+".json")
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("run go test ./bot/slackbot -run %s -update if this is meant (-want +got):\n%s", t.Name(), diff)
	}
}

// TestRenderStories holds the messages that people meet to golden files, and those to Slack's schema.
func TestRenderStories(t *testing.T) {
	c := newCritic(t)
	for name, m := range stories() {
		t.Run(name, func(t *testing.T) {
			r := render(one(t, m), uploaded())
			for _, bad := range c.message(r) {
				t.Error(bad)
			}
			golden(t, name, shown(r))
		})
	}
}

// TestRenderViews does so for forms, modals and the home tab.
func TestRenderViews(t *testing.T) {
	c := newCritic(t)
	views := map[string]any{
		"modal-waiting": renderWaiting("Restart job", viewMeta{Channel: "C1"}),
		"modal-notice":  renderNotice(one(t, stories()["refused"]), viewMeta{Channel: "C1", Thread: "1.2"}),
		"modal-table":   renderNotice(one(t, jobs(3)), viewMeta{}),
		"home":          renderHome(one(t, homeStory()), nil),
	}
	for name, f := range forms() {
		m := one(t, bot.Message{Form: f})
		views[name] = renderView(m.Form, viewMeta{Channel: "C0OPS", Thread: "1732.0001", Origin: "1732.0002"})
	}
	for name, v := range views {
		t.Run(name, func(t *testing.T) {
			for _, bad := range c.view(v) {
				t.Error(bad)
			}
			golden(t, name, v)
		})
	}
}

func homeStory() bot.Message {
	return bot.Message{Title: "Your jobs", Tone: bot.Warn, Blocks: []bot.Block{
		bot.Textf("**1 of 38 jobs** is not well, **2 alerts** are open."),
		jobs(5).Blocks[0],
		bot.Fields{bot.F("FlinkJobRestartLoop", "payments-fraud, critical, yours"), bot.F("FlinkLagHigh", "orders-enrichment, warning, nobody's")},
		bot.Note{Spans: []bot.Span{{Text: "As of "}, at(30)}},
		bot.Actions{act("Refresh"), act("Show jobs"), act("Run SQL", opens), act("Open alerts")},
	}}
}

// TestRenderOrder: what happened and what one can do stands above what explains it, and the state is a sign, a word and a
// colour.
func TestRenderOrder(t *testing.T) {
	r := render(one(t, stories()["alert-firing"]), nil)
	head, ok := r.Blocks[0].(*slack.HeaderBlock)
	if !ok || head.Text.Text != "🔴 Firing: FlinkJobRestartLoop payments-fraud" {
		t.Errorf("the head is %+v", r.Blocks[0])
	}
	if _, ok := r.Blocks[len(r.Blocks)-1].(*slack.ActionBlock); !ok || len(r.Attachments) != 1 || r.Attachments[0].Color != color(bot.Bad) {
		t.Errorf("blocks %v, attachments %v", said(r.Blocks), r.Attachments)
	}
	if ids := buttonsOf(r.Blocks); len(ids) != 8 {
		t.Errorf("the message has the buttons %q", ids)
	}
	if r := render(one(t, stories()["choose"]), nil); len(r.Attachments) != 0 || len(r.Blocks) != 6 {
		t.Errorf("buttons lost their places: %s", said(r.Blocks))
	}
	if r := render(one(t, stories()["alert-story"]), nil); said(r.Blocks) != "⚪ Quiet · olga acknowledged this\n\n" || r.Text != "Quiet: olga acknowledged this" {
		t.Errorf("got %q, %q", said(r.Blocks), r.Text)
	}
}

// TestRenderInert: text from outside is shown letter by letter and does nothing.
func TestRenderInert(t *testing.T) {
	for _, text := range []string{
		"<!channel> <!here> <@U123> <#C1|x>", "*b* _i_ ~s~ `c` ```f``` &lt;", "<https://evil.example|drey>", ":rotating_light:", "> quote", "@channel",
	} {
		m := one(t, bot.Message{Title: "t " + text, Blocks: []bot.Block{
			bot.Textf("%s", text), bot.Fields{bot.F(text, text)}, bot.Code{Body: text}, bot.Note{Spans: []bot.Span{{Text: text}, at(1), {Text: text, URL: "https://a.example"}}},
			bot.Steps{{Label: text, Note: text}}, bot.Table{Columns: []string{text}, Rows: [][]string{{text}}}, bot.Actions{act(text)},
		}})
		r := render(m, nil)
		if got := strings.Count(said(r.all()), text); got < 10 {
			t.Errorf("%q is shown %d times in %s", text, got, said(r.all()))
		}
		each(decoded(r.all()), func(o map[string]any) {
			switch o["type"] {
			case "user", "usergroup", "broadcast", "channel", "emoji", "section":
				t.Errorf("%q became %v", text, o)
			case "mrkdwn":
				if s := o["text"].(string); strings.Contains(s, text) || !strings.HasPrefix(s, "<!date^") && !strings.HasPrefix(s, "<https://a.example|") || strings.Count(s, "<") != 1 {
					t.Errorf("%q stands in mrkdwn as %q", text, s)
				}
			}
		})
		if strings.ContainsAny(r.Text, "<>") {
			t.Errorf("the text is %q", r.Text)
		}
	}
}

func TestMention(t *testing.T) {
	for mention, want := range map[string]string{
		"user:U012AB": "user", "user:W1": "user", "group:S9": "usergroup", "group:U9": "text", "user:everyone": "text", "user:S1": "text", "channel:C1": "text", "user:U1|x": "text", "": "text",
	} {
		d := &drawer{}
		if got := d.spans([]bot.Span{{Text: "somebody", Mention: mention}}); string(got[0].RichTextSectionElementType()) != want {
			t.Errorf("%q became %v, want %s", mention, got[0], want)
		}
	}
}

func TestButtonIDs(t *testing.T) {
	for _, b := range []bot.Button{{ID: id("x")}, {ID: id("y"), Opens: true}} {
		if got, opens, ok := buttonOf(actionID(b) + ":2"); !ok || got != b.ID || opens != b.Opens {
			t.Errorf("%+v came back as %q, %v, %v", b, got, opens, ok)
		}
	}
	for _, s := range []string{"", "link", "link:2", "more", "do", "do:", "x:y"} {
		if got, _, ok := buttonOf(s); ok {
			t.Errorf("%q is the button %q", s, got)
		}
	}
	m := &slack.BlockAction{ActionID: "more", SelectedOption: slack.OptionBlockObject{Value: "open:" + id("z")}}
	if got, opens, ok := pressed(m); !ok || !opens || got != id("z") {
		t.Errorf("a menu's option is %q, %v, %v", got, opens, ok)
	}
}

// TestButtonsAsks: what is dangerous asks, in words that cannot be mistaken.
func TestButtonsAsks(t *testing.T) {
	d := &drawer{}
	c := d.button(act("Cancel job", danger(""))).Confirm
	if c == nil || c.Deny.Text != "Not now" || c.Confirm.Text != "Cancel job" || c.Style != slack.StyleDanger {
		t.Errorf("got %+v", c)
	}
	if c := d.button(act("Cancel job", danger(""), opens)).Confirm; c != nil {
		t.Errorf("a form asks already, and so does %+v", c)
	}
	if c := d.button(act("Try", asks("Really?"))).Confirm; c == nil || c.Text.Text != "Really?" {
		t.Errorf("got %+v", c)
	}
}

func TestShorten(t *testing.T) {
	for _, c := range []struct {
		in    string
		limit int
		want  string
	}{{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"a 👩‍👩‍👧‍👦 b", 5, "a…"}, {"", 3, ""}, {"éé́é", 3, "é…"}} {
		if got := bot.Shorten(c.in, c.limit); got != c.want || bot.Length(got) > c.limit {
			t.Errorf("bot.Shorten(%q, %d) is %q, want %q", c.in, c.limit, got, c.want)
		}
	}
}
