package slackbot

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/bot"
)

func TestTyped(t *testing.T) {
	for in, want := range map[string]string{
		"jobs prod":                                       "jobs prod",
		"  jobs\u00a0prod ":                               "jobs prod",
		"sql SELECT ‘a’, “b” FROM t":                      "sql SELECT 'a', \"b\" FROM t",
		"assign 7F3 <@U1|ann>":                            "assign 7F3 @U1",
		"assign 7F3 <@U1>":                                "assign 7F3 @U1",
		"silence <#C1|ops> <#C2>":                         "silence #ops #C2",
		"tell <!subteam^S1|@ops> and <!here> <!channel>":  "tell @ops and @here @channel",
		"at <!date^1392734382^{date}|2014-02-18>":         "at 2014-02-18",
		"run <https://x.example/a?b=1&amp;c=2>":           "run https://x.example/a?b=1&c=2",
		"run <https://x.example/a|the jar>":               "run https://x.example/a",
		"job <http://orders.example|orders.example>":      "job orders.example",
		"mail <mailto:a@b.example|a@b.example>":           "mail a@b.example",
		"sql SELECT * FROM t WHERE a &lt; 1 AND b &gt; 2": "sql SELECT * FROM t WHERE a < 1 AND b > 2",
		"sql SELECT * FROM t WHERE a < 1 AND b > 2":       "sql SELECT * FROM t WHERE a < 1 AND b > 2",
		"sql SELECT a<b, c>d, '<x>', <y>":                 "sql SELECT a<b, c>d, '<x>', <y>",
		"sql SELECT '&amp;lt;'":                           "sql SELECT '&lt;'",
		"sql SELECT '&lt;@U1|ann&gt;'":                    "sql SELECT '<@U1|ann>'",
		"sql ```SELECT “x” &lt; 1```":                     "sql ```SELECT “x” < 1```",
		"sql ```SELECT '<https://x.example>'```":          "sql ```SELECT 'https://x.example'```",
		"sql ```SELECT “x":                                "sql ```SELECT “x",
		"job `a “b”` “c”":                                 "job `a “b”` \"c\"",
		"job a` “c”":                                      "job a` \"c\"",
		"<":                                               "<",
		"<>":                                              "<>",
		"<@>":                                             "<@>",
		"<!>":                                             "@",
		"<|x>":                                            "<|x>",
		"<https:>":                                        "<https:>",
		"&&amp;&":                                         "&&&",
		"":                                                "",
	} {
		if got := typed(in); got != want {
			t.Errorf("typed(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzTyped(f *testing.F) {
	for _, s := range []string{"<@U1|a> ```x``` `y` &lt;", "<<!date^1|>>", "``` ``` ``", "“<https://a|b>”"} {
		f.Add(s)
	}
	f.Add(strings.Repeat("<", 5000))
	f.Fuzz(func(t *testing.T, s string) {
		if out := typed(s); len(out) > 2*len(s)+8 {
			t.Errorf("%q became %q", s, out)
		}
	})
}

// eventOf is an event of a message.
func eventOf(kind string, fields string) []byte {
	return fmt.Appendf(nil, `{"type":"event_callback","event_id":"Ev1","event_time":1795219404,"authorizations":[{"user_id":"UDREY","is_bot":true}],
		"event":{"type":%q,"user":"U1","ts":"1795219404.000100","channel":"C1"%s}}`, kind, fields)
}

// richFields is a message's blocks, of sections.
func richFields(elements string) string {
	return `,"text":"not this","blocks":[{"type":"rich_text","elements":[` + elements + `]}]`
}

func TestSpokenLines(t *testing.T) {
	section := func(inner string) string { return `{"type":"rich_text_section","elements":[` + inner + `]}` }
	const me, ann = `{"type":"user","user_id":"UDREY"}`, `{"type":"user","user_id":"U1"}`
	for name, c := range map[string]struct{ fields, want string }{
		"text":             {`,"text":"<@UDREY> jobs prod"`, "jobs prod"},
		"text, colon":      {`,"text":"<@UDREY>: jobs prod"`, "jobs prod"},
		"text, twice":      {`,"text":"<@UDREY> <@UDREY|drey> jobs"`, "jobs"},
		"text, somebody":   {`,"text":"<@UDREY> assign 7F3 <@U1>"`, "assign 7F3 @U1"},
		"text, later":      {`,"text":"so, <@UDREY> jobs"`, "so, @UDREY jobs"},
		"nothing":          {`,"text":"<@UDREY>"`, ""},
		"rich":             {richFields(section(me + `,{"type":"text","text":" jobs “prod”"}`)), `jobs "prod"`},
		"rich, comma":      {richFields(section(me + `,{"type":"text","text":", jobs"}`)), `jobs`},
		"rich, somebody":   {richFields(section(me + `,{"type":"text","text":" assign 7F3 "},` + ann)), `assign 7F3 @U1`},
		"rich, code":       {richFields(section(me+`,{"type":"text","text":" sql"}`) + `,{"type":"rich_text_preformatted","elements":[{"type":"text","text":"SELECT “a”\nFROM t"}]}`), "sql\n```\nSELECT “a”\nFROM t\n```"},
		"rich, language":   {richFields(section(me+`,{"type":"text","text":" sql"}`) + `,{"type":"rich_text_preformatted","language":"sql","elements":[{"type":"text","text":"SELECT 1"}]}`), "sql\n```sql\nSELECT 1\n```"},
		"rich, link":       {richFields(section(me + `,{"type":"text","text":" run "},{"type":"link","url":"https://x.example/a.jar"}`)), `run https://x.example/a.jar`},
		"rich, short link": {richFields(section(me + `,{"type":"text","text":" job "},{"type":"link","url":"http://orders.example","text":"orders.example"}`)), `job orders.example`},
		"rich, backquotes": {richFields(section(me + `,{"type":"text","text":" sql SELECT * FROM "},{"type":"text","text":"db “x”","style":{"code":true}}`)), "sql SELECT * FROM `db “x”`"},
		"rich, others":     {richFields(section(me + `,{"type":"channel","channel_id":"C2"},{"type":"usergroup","usergroup_id":"S1"},{"type":"broadcast","range":"here"},{"type":"emoji","name":"wave"},{"type":"date","fallback":"today"},{"type":"new"}`)), "#C2@S1@here:wave:today"},
		"rich, list":       {richFields(section(me+`,{"type":"text","text":" sql\n"}`) + `,{"type":"rich_text_list","style":"bullet","elements":[` + section(`{"type":"text","text":"a"}`) + `,` + section(`{"type":"text","text":"b"}`) + `]}`), "sql\na\nb"},
		"unknown blocks":   {`,"text":"<@UDREY> jobs","blocks":[{"type":"hologram","elements":"?"},7]`, "jobs"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newBench(t)
			if rec := w.post(pathEvents, eventOf("app_mention", c.fields)); rec.Code != http.StatusOK {
				t.Fatalf("answered with %d", rec.Code)
			}
			ev := w.sink.next(t)
			if ev.Call.Line != c.want {
				t.Errorf("line %q, want %q", ev.Call.Line, c.want)
			}
			if want := (bot.Place{Network: Network, Channel: "C1", Thread: "1795219404.000100"}); ev.Place != want {
				t.Errorf("place %+v", ev.Place)
			}
			if !ev.At.Equal(time.Unix(1795219404, 100_000)) {
				t.Errorf("at %v", ev.At)
			}
		})
	}
}

func TestWhatIsNotSaidToDrey(t *testing.T) {
	w := newBench(t)
	for name, body := range map[string][]byte{
		"a bot":            eventOf("app_mention", `,"bot_id":"B1","text":"x"`),
		"drey":             eventOf("message", `,"channel_type":"im","user":"UDREY","text":"x"`),
		"changed":          eventOf("message", `,"channel_type":"im","subtype":"message_changed","text":"x"`),
		"deleted":          eventOf("message", `,"channel_type":"im","subtype":"message_deleted"`),
		"edited":           eventOf("app_mention", `,"edited":{"user":"U1","ts":"1.2"},"text":"x"`),
		"joined":           eventOf("message", `,"channel_type":"im","subtype":"channel_join","text":"x"`),
		"in a channel":     eventOf("message", `,"channel_type":"channel","text":"x"`),
		"messages tab":     eventOf("app_home_opened", `,"tab":"messages"`),
		"reaction":         eventOf("reaction_added", ``),
		"own link":         eventOf("link_shared", `,"user":"UDREY","links":[{"url":"https://x.example"}]`),
		"nobody":           []byte(`{"type":"event_callback","event_id":"Ev1","event":{"type":"app_mention","text":"x","ts":"1.2","channel":"C1"}}`),
		"no event":         []byte(`{"type":"event_callback","event_id":"Ev1"}`),
		"unknown envelope": []byte(`{"type":"else"}`),
		"rate limited":     []byte(`{"type":"app_rate_limited"}`),
		"array":            []byte(`[]`),
		"nothing":          []byte(``),
		"no JSON":          []byte(`payload=`),
	} {
		if rec := w.post(pathEvents, body); rec.Code != http.StatusOK || rec.Body.Len() > 0 {
			t.Errorf("%s: answered with %d %q", name, rec.Code, rec.Body)
		}
		w.sink.none(t)
	}
	for _, body := range []string{``, `payload=`, `payload=%7B`, `payload=%zz`, `payload=%7B%7D`, `payload=7`, `payload=%7B%22type%22%3A%22block_actions%22%7D`} {
		if rec := w.post(pathInteractions, []byte(body)); rec.Code != http.StatusOK {
			t.Errorf("%q: answered with %d", body, rec.Code)
		}
	}
	for _, body := range []string{``, `command=%zz`, `ssl_check=1&token=x`, `command=/flink`} {
		if rec := w.post(pathCommands, []byte(body)); rec.Code != http.StatusOK {
			t.Errorf("%q: answered with %d", body, rec.Code)
		}
	}
	w.sink.none(t)
}

func TestThreads(t *testing.T) {
	w := newBench(t)
	for name, c := range map[string]struct {
		body []byte
		want string
	}{
		"mention in a channel":     {eventOf("app_mention", `,"text":"x"`), "1795219404.000100"},
		"mention in a thread":      {eventOf("app_mention", `,"text":"x","thread_ts":"5.5"`), "5.5"},
		"direct message":           {eventOf("message", `,"text":"x","channel_type":"im"`), ""},
		"direct message, a thread": {eventOf("message", `,"text":"x","channel_type":"im","thread_ts":"5.5"`), "5.5"},
		"direct message, a file":   {eventOf("message", `,"text":"x","channel_type":"im","subtype":"file_share"`), ""},
	} {
		w.post(pathEvents, c.body)
		ev := w.sink.next(t)
		if ev.Place.Thread != c.want || w.bot.gestures.Find(ev.Token, w.bot.o.Now()).thread != c.want {
			t.Errorf("%s: thread %q, want %q", name, ev.Place.Thread, c.want)
		}
	}
}

func TestPresses(t *testing.T) {
	const frame = `{"type":"block_actions","user":{"id":"U1"},"trigger_id":"1.2.3","response_url":"https://r.example","channel":{"id":"C1"},%s}`
	pressed := func(inner string) string { return fmt.Sprintf(frame, inner) }
	button := func(id string) string {
		return `"actions":[{"type":"button","action_id":"` + id + `","action_ts":"1795219404.5"}]`
	}
	w := newBench(t)
	for name, c := range map[string]struct {
		payload                 string
		button, thread, origin  string
		channel                 string
		hidden, opens, original bool
	}{
		"message":   {payload: pressed(`"container":{"message_ts":"5.1","channel_id":"C1"},` + button(markPress+":b1")), button: "b1", origin: "5.1", channel: "C1", original: true},
		"root":      {payload: pressed(`"container":{"message_ts":"5.1","channel_id":"C1","thread_ts":"5.1"},"message":{"ts":"5.1","thread_ts":"5.1"},` + button(markPress+":b1")), button: "b1", origin: "5.1", channel: "C1", original: true},
		"thread":    {payload: pressed(`"container":{"message_ts":"5.2","channel_id":"C1","thread_ts":"5.1"},` + button(markPress+":b1:2")), button: "b1", thread: "5.1", origin: "5.2", channel: "C1", original: true},
		"ephemeral": {payload: pressed(`"container":{"message_ts":"5.2","channel_id":"C1","is_ephemeral":true},` + button(markPress+":b1")), button: "b1", origin: "5.2", channel: "C1", hidden: true},
		"opens":     {payload: pressed(`"container":{"message_ts":"5.2","channel_id":"C1"},` + button(markOpens+":b1")), button: "b1", origin: "5.2", channel: "C1", opens: true, original: true},
		"overflow":  {payload: pressed(`"container":{"message_ts":"5.2","channel_id":"C1"},"actions":[{"type":"overflow","action_id":"` + markMenu + `:0","action_ts":"1.5","selected_option":{"value":"` + markPress + `:b2"}}]`), button: "b2", origin: "5.2", channel: "C1", original: true},
		"home":      {payload: pressed(`"container":{"type":"view","view_id":"V1"},"channel":null,"view":{"id":"V1","type":"home","hash":"h"},` + button(markPress+":b1")), button: "b1", channel: "U1"},
		"modal":     {payload: pressed(`"container":{"type":"view","view_id":"V1"},"view":{"id":"V1","type":"modal","private_metadata":"{\"c\":\"C9\",\"t\":\"5.1\"}"},` + button(markPress+":b1")), button: "b1", channel: "C9", thread: "5.1"},
	} {
		w.interact(c.payload)
		ev := w.sink.next(t)
		g := w.bot.gestures.Find(ev.Token, w.bot.o.Now())
		want := bot.Place{Network: Network, Channel: c.channel, Thread: c.thread}
		if c.channel == "U1" {
			want = bot.Place{Network: Network, Space: "U1", Channel: homeChannel}
		}
		if ev.Button != c.button || ev.Place != want {
			t.Errorf("%s: button %q in %+v", name, ev.Button, ev.Place)
		}
		if g.origin != c.origin || g.hidden != c.hidden || g.opens != c.opens || g.kind != press {
			t.Errorf("%s: gesture %+v", name, g)
		}
		if (ev.Origin != nil) != c.original || ev.Origin != nil && (ev.Origin.ID != c.origin || ev.Origin.Place != ev.Place) {
			t.Errorf("%s: origin %+v", name, ev.Origin)
		}
	}
	for _, id := range []string{"link:1", "", "x"} {
		w.interact(pressed(button(id)))
	}
	w.interact(`{"type":"view_closed","user":{"id":"U1"}}`)
	w.interact(`{"type":"hologram","user":{"id":"U1"}}`)
	w.sink.none(t)
	if w.count(refusedUnknown) != 1 {
		t.Errorf("%d unknown", w.count(refusedUnknown))
	}
}

func TestShortcuts(t *testing.T) {
	w := newBench(t)
	payload := func(callback, message string) string {
		return fmt.Sprintf(`{"type":"message_action","callback_id":%q,"trigger_id":"1.2.3","response_url":"https://r.example","user":{"id":"U1"},"channel":{"id":"C1"},"message_ts":"5.2","message":%s}`, callback, message)
	}
	for name, c := range map[string]struct{ message, want string }{
		"text":      {`{"ts":"5.2","text":"SELECT 1 &lt; 2"}`, "SELECT 1 < 2"},
		"fence":     {`{"ts":"5.2","text":"look: ` + "```SELECT “1”```" + ` ok?"}`, "SELECT “1”"},
		"code":      {`{"ts":"5.2","blocks":[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"look"}]},{"type":"rich_text_preformatted","elements":[{"type":"text","text":"SELECT 1"}]}]}]}`, "SELECT 1"},
		"two codes": {`{"ts":"5.2","blocks":[{"type":"rich_text","elements":[{"type":"rich_text_preformatted","elements":[{"type":"text","text":"A"}]},{"type":"rich_text_preformatted","elements":[{"type":"text","text":"B"}]}]}]}`, "```\nA\n```\n```\nB\n```"},
	} {
		w.interact(payload("flink-sql", c.message))
		ev := w.sink.next(t)
		var args map[string]string
		if err := json.Unmarshal(ev.Call.Args, &args); err != nil || ev.Call.Path != "flink sql" || ev.Among != nil {
			t.Errorf("%s: %+v: %v", name, ev.Call, err)
		}
		if want := map[string]string{"cluster": "prod", "text": c.want}; !reflect.DeepEqual(args, want) {
			t.Errorf("%s: %v", name, cmp.Diff(want, args))
		}
		if g := w.bot.gestures.Find(ev.Token, w.bot.o.Now()); !g.opens || g.origin != "5.2" || g.kind != shortcut {
			t.Errorf("%s: %+v", name, g)
		}
	}
	w.interact(payload("alerts-ack", `{"ts":"5.2","thread_ts":"5.1","blocks":[{"type":"actions","elements":[{"type":"button","action_id":"`+markPress+`:b1","text":{"type":"plain_text","text":"Ack"}}]}],"attachments":[{"blocks":[{"type":"actions","elements":[{"type":"button","action_id":"`+markPress+`:b2","text":{"type":"plain_text","text":"Ack"}}]}]}]}`))
	ev := w.sink.next(t)
	if diff := cmp.Diff([]string{"b1", "b2"}, ev.Among); diff != "" || ev.Call.Path != "alerts ack" || ev.Place.Thread != "5.1" || ev.Origin.ID != "5.2" {
		t.Errorf("%+v %s", ev, diff)
	}
	w.interact(payload("alerts-ack", `{"ts":"5.2","text":"hi"}`))
	if ev := w.sink.next(t); ev.Among == nil || len(ev.Among) != 0 {
		t.Errorf("among %v", ev.Among)
	}
	w.interact(payload("no-such", `{"ts":"5.2"}`))
	w.sink.none(t)
}

func TestHomeAndLinks(t *testing.T) {
	w := newBench(t)
	w.post(pathEvents, eventOf("app_home_opened", `,"tab":"home","channel":"D1","view":{"id":"V1","hash":"h"}`))
	ev := w.sink.next(t)
	if g := w.bot.gestures.Find(ev.Token, w.bot.o.Now()); ev.Call.Path != "drey home" || ev.Place.Channel != homeChannel || g.kind != home || g.view.id != "V1" {
		t.Errorf("%+v %+v", ev, g)
	}
	var links []string
	for i := range 7 {
		links = append(links, fmt.Sprintf(`{"url":"https://flink.example/?a=1&amp;job=%d","domain":"flink.example"}`, i))
	}
	w.post(pathEvents, eventOf("link_shared", `,"message_ts":"6.1","unfurl_id":"C1.6.1","source":"conversations_history","links":[`+strings.Join(links, ",")+`]`))
	seen := map[string]bool{}
	for i := range linksMax {
		ev := w.sink.next(t)
		g := w.bot.gestures.Find(ev.Token, w.bot.o.Now())
		var args struct{ URL string }
		if err := json.Unmarshal(ev.Call.Args, &args); err != nil || ev.Call.Path != "drey link" || args.URL != fmt.Sprintf("https://flink.example/?a=1&job=%d", i) {
			t.Errorf("%+v", ev.Call)
		}
		if len(g.links) != 1 || !strings.Contains(g.links[0].url, "&amp;") || g.unfurl != (unfurlTarget{"C1", "6.1", "C1.6.1", "conversations_history"}) {
			t.Errorf("%+v", g)
		}
		seen[ev.ID] = true
	}
	if len(seen) != linksMax {
		t.Errorf("ids %v", seen)
	}
	w.sink.none(t)
}

func TestSlashThatOpens(t *testing.T) {
	w := newBench(t)
	for line, want := range map[string]bool{"/flink sql": true, "/flink  SQL ": true, "/flink sql SELECT 1": false, "/flink jobs": false, "/flink": false} {
		w.post(pathCommands, slashBody("U1", line))
		ev := w.sink.next(t)
		g := w.bot.gestures.Find(ev.Token, w.bot.o.Now())
		if g.opens != want || g.kind != slash || g.trigger == "" || g.respond == "" || ev.Place != (bot.Place{Network: Network, Channel: "C1"}) {
			t.Errorf("%q: %+v", line, g)
		}
	}
}
