package webbot

import (
	"net/http"
	"strings"
	"testing"

	"github.com/drey-ops/drey/bot"
)

// TestInstead: the answer to a press in a private message stands where that message stood, and nowhere else.
func TestInstead(t *testing.T) {
	s := newStage(t, Options{})
	olga := s.client("olga")
	olga.send(1, "ops", "/flink pages")
	see := func(want string, lacks ...string) string {
		t.Helper()
		var page string
		eventually(t, want, func() bool { _, page = olga.get("/c/ops?part=channel"); return strings.Contains(page, want) })
		for _, l := range lacks {
			if strings.Contains(page, l) {
				t.Errorf("beside %q there is %q in %s", want, l, page)
			}
		}
		return page
	}
	see("rows of page 1")
	first := s.bot.feeds["ops"].order[0]
	at := cursors{"ops": s.bot.feeds["ops"].cursor()}.format([]string{"ops"})
	press := func(n int, button string) {
		t.Helper()
		for range 2 { // a retry is the same press
			if code, body := olga.post("/press", pressBody{ID: gestureNo(n), Channel: "ops", Message: first.ID, Button: button}); code != http.StatusAccepted {
				t.Fatal(code, body)
			}
			if button == "b-back" {
				break // the button is gone with the first
			}
		}
	}
	press(2, "b-next")
	see("rows of page 2", "rows of page 1")
	var names []string
	for _, e := range olga.events(at, func(e sseEvent) bool { return e.name == "gone" }) {
		names = append(names, e.name)
	}
	if len(names) == 0 || names[len(names)-1] != "gone" {
		t.Errorf("the page that is open is told %v", names)
	}
	if page := see("rows of page 2"); strings.Count(page, "<article") != 1 || strings.Contains(page, "pressed") || !strings.Contains(page, `data-id="`+first.ID+`"`) || !strings.Contains(page, "/flink pages") {
		t.Errorf("the place is %s", page)
	}
	press(3, "b-back")
	see("rows of page 1", "rows of page 2")
	if _, page := s.client("vera").get("/c/ops?part=channel"); strings.Contains(page, "<article") {
		t.Errorf("vera sees %s", page)
	}
	// What everybody sees is not taken away for one of them.
	m := pageOf(1)
	m.Private = false
	ref := s.post(web("ops", ""), "list", m)
	if code, body := olga.post("/press", pressBody{ID: gestureNo(4), Channel: "ops", Message: ref.ID, Button: "b-next"}); code != http.StatusAccepted {
		t.Fatal(code, body)
	}
	see("rows of page 2")
	if _, page := s.client("vera").get("/c/ops?part=channel"); strings.Count(page, "<article") != 1 || !strings.Contains(page, "rows of page 1") {
		t.Errorf("vera sees %s", page)
	}
}

// TestInsteadOfWhatIsGone: an answer is never lost with the message that it was to replace.
func TestInsteadOfWhatIsGone(t *testing.T) {
	s := newStage(t, Options{})
	ev := bot.Event{ID: "x", Actor: bot.Actor{Network: Network, ID: "olga"}, Place: web("ops", ""), Button: "b-next", Origin: &bot.MessageRef{Place: web("ops", ""), ID: "e-olga-trimmed"}}
	s.reply(ev, pageOf(2))
	if _, page := s.client("olga").get("/c/ops?part=channel"); !strings.Contains(page, "rows of page 2") {
		t.Errorf("olga sees %s", page)
	}
}

// TestAnswerInTheThread: a button may say that what it leads to belongs under its message.
func TestAnswerInTheThread(t *testing.T) {
	s := newStage(t, Options{})
	ref := s.post(web("oncall", ""), "a", alertHead(false))
	ev := bot.Event{ID: "y", Actor: bot.Actor{Network: Network, ID: "olga"}, Place: web("oncall", ""), Button: "b-ack", Origin: &ref, Token: "e-olga-y"}
	s.reply(ev, bot.Message{Pending: true})
	ev.Place.Thread = ref.ID
	s.reply(ev, bot.Message{Title: "Acknowledged", Tone: bot.Good})
	head, replies, _ := s.bot.feeds["oncall"].thread(ref.ID, "vera")
	if head == nil || head.Replies != 1 || len(replies) != 1 || replies[0].Msg.Title != "Acknowledged" {
		t.Errorf("the thread holds %v", replies)
	}
}

func broadcast() bot.Message {
	return bot.Message{Title: "Resolved after 12 min", Tone: bot.Good, Broadcast: true, Blocks: []bot.Block{bot.Textf("What was done stands in %v.", web("ops", ""))}}
}

// TestBroadcast: what is said in a thread may stand in the channel too.
func TestBroadcast(t *testing.T) {
	s := newStage(t, Options{})
	vera := s.client("vera")
	head := s.post(web("oncall", ""), "a", alertHead(false))
	said := s.post(web("oncall", head.ID), "b", broadcast())
	s.post(web("oncall", head.ID), "c", bot.Message{Title: "in the thread alone"})
	look := func(want string) {
		t.Helper()
		_, page := vera.get("/c/oncall?part=channel")
		if !strings.Contains(page, want) || !strings.Contains(page, "in a thread") || strings.Contains(page, "in the thread alone") || strings.Count(page, "<article") != 2 {
			t.Errorf("the channel shows %s", page)
		}
		if _, page := vera.get("/c/oncall/t/" + head.ID + "?part=thread"); !strings.Contains(page, want) || strings.Count(page, "<article") != 3 {
			t.Errorf("the thread shows %s", page)
		}
	}
	look("Resolved after 12 min")
	if err := s.bot.Edit(t.Context(), said, bot.Message{Title: "Resolved after 13 min"}); err != nil {
		t.Fatal(err)
	}
	look("Resolved after 13 min")
	if n := s.bot.feeds["oncall"].unread("vera", 0); n != 2 {
		t.Errorf("%d unread", n)
	}
}

func place(p bot.Place) bot.Span { return bot.Textf("%v", p).Spans[0] }

func TestSpans(t *testing.T) {
	b := New(openDB(t), nil, Options{Login: LoginDemo})
	for want, sp := range map[string]bot.Span{
		`<a class="chan" href="/c/ops" data-to="ops">#ops</a>`: place(web("ops", "")),
		`<bdi>web:gone</bdi>`:  place(web("gone", "")),
		`<bdi>slack:C1</bdi>`:  place(bot.Place{Network: "slack", Channel: "C1"}),
		`<bdi>on-call</bdi>`:   {Text: "on-call", Mention: "group:G1"},
		`<bdi>discord:2</bdi>`: place(bot.Place{Network: "discord", Channel: "2"}),
	} {
		m, _, _ := detach("id", bot.Message{Blocks: []bot.Block{bot.Text{Spans: []bot.Span{sp}}}})
		if html := string(b.renderMessage("oncall", record{ID: "id", Msg: &m})); !strings.Contains(html, want) {
			t.Errorf("no %s in %s", want, html)
		}
	}
}

func TestSuggestForAField(t *testing.T) {
	s := newStage(t, Options{})
	c := s.client("olga")
	code, body := c.get("/suggest?path=flink+run&param=savepoint&prefix=s3:&channel=ops&arg.cluster=prod&arg.savepoint=x")
	if code != http.StatusOK || !strings.Contains(body, `"value":"s3:-of-prod"`) || !strings.Contains(body, `"help":"flink run savepoint"`) {
		t.Errorf("%d %s", code, body)
	}
	for _, q := range []string{"path=&param=x&channel=ops", "path=flink+run&channel=ops", "path=a&param=b&channel=nowhere", "path=a&param=b&channel=ops&arg.x=" + strings.Repeat("x", askMax)} {
		if code, _ := c.get("/suggest?" + q); code != http.StatusBadRequest {
			t.Errorf("%.60s: %d", q, code)
		}
	}
}
