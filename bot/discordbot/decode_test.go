package discordbot

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/bot"
)

// deliver sends one interaction and returns what it became.
func deliver(t *testing.T, b *Bot, h *httpWorld, body object) (bot.Event, *gesture) {
	t.Helper()
	h.answerAll(b)
	w := h.post(b, body)
	if w.Code != http.StatusOK {
		t.Fatalf("answer %d", w.Code)
	}
	evs := h.sink.events()
	if len(evs) == 0 {
		t.Fatalf("nothing was delivered; the answer is %s", w.Body)
	}
	ev := evs[len(evs)-1]
	return ev, b.gestures.Find(ev.Token, b.o.Now())
}

func TestSlashCommand(t *testing.T) {
	b, h := newHTTP(t)
	ev, g := deliver(t, b, h, h.interactionOf(7, 2, slashOf([]string{"flink", "scale"},
		object{"name": "job", "type": 3, "value": "prod/orders"}, object{"name": "parallelism", "type": 4, "value": 4}), nil))
	want := bot.Event{
		ID: idAt(h.now, 7), At: h.now.Truncate(time.Millisecond), Token: ev.Token,
		Actor: bot.Actor{Network: Network, ID: "800", Name: "Olga", Groups: []string{"701", "702"}},
		Place: bot.Place{Network: Network, Channel: "600"},
		Call:  bot.Call{Path: "flink scale", Args: json.RawMessage(`{"job":"prod/orders","parallelism":4}`)},
	}
	if diff := cmp.Diff(want, ev); diff != "" {
		t.Error(diff)
	}
	if g.kind != slash || g.id != ev.ID || g.token != "tok-7" || g.guild != "500" || g.channel != "600" || g.user != "800" || g.opens {
		t.Errorf("gesture: %+v", g.kind)
	}
	if strings.Contains(ev.Token, "tok-7") {
		t.Error("the event carries Discord's token")
	}
}

func TestNamesLeadBackToCommands(t *testing.T) {
	b, h := newHTTP(t)
	for i, c := range []struct{ words, path string }{
		{"drey operation show", "drey operation"},
		{"drey operation cancel", "drey operation cancel"},
		{"drey whoami", "drey whoami"},
		{"drey gone", "drey gone"}, // registered by an older drey: the answer says what there is
	} {
		ev, _ := deliver(t, b, h, h.interactionOf(i, 2, slashOf(strings.Fields(c.words)), nil))
		if ev.Call.Path != c.path {
			t.Errorf("%s leads to %q, want %q", c.words, ev.Call.Path, c.path)
		}
	}
}

func TestPlacesAndPeople(t *testing.T) {
	b, h := newHTTP(t)
	n := 0
	at := func(more object) bot.Event {
		n++
		ev, _ := deliver(t, b, h, h.interactionOf(n, 2, slashOf([]string{"drey", "help"}), more))
		return ev
	}
	thread := at(object{"channel_id": "650", "channel": object{"id": "650", "type": 11, "parent_id": "600"}})
	if want := (bot.Place{Network: Network, Channel: "600", Thread: "650"}); thread.Place != want {
		t.Errorf("thread: %+v", thread.Place)
	}
	direct := at(object{"guild_id": nil, "member": nil, "user": object{"id": "800", "username": "olga.k"}, "channel": object{"id": "600", "type": 1}})
	if !direct.Actor.Outside || direct.Actor.Name != "olga.k" || direct.Actor.Groups != nil {
		t.Errorf("direct message: %+v", direct.Actor)
	}
	carried := at(object{"authorizing_integration_owners": object{"1": "800"}})
	if !carried.Actor.Outside {
		t.Error("an application that a person brought along vouches for its roles")
	}
	b2, h2 := newHTTPWith(t, func(o *Options) { o.DirectMessages = true })
	ev, _ := deliver(t, b2, h2, h2.interactionOf(1, 2, slashOf([]string{"drey", "help"}), object{"guild_id": nil, "member": nil, "user": object{"id": "800"}}))
	if ev.Actor.Outside {
		t.Error("direct messages are allowed, yet the person is an outsider")
	}
}

func TestOtherServersAreRefused(t *testing.T) {
	b, h := newHTTPWith(t, func(o *Options) { o.Guilds = []string{"501"} })
	w := h.post(b, h.interactionOf(1, 2, slashOf([]string{"drey", "help"}), nil))
	if len(h.sink.events()) > 0 || !strings.Contains(w.Body.String(), "does not serve this server") || h.reason() != "guild" {
		t.Errorf("%s", w.Body)
	}
	if w := h.post(b, h.interactionOf(2, 4, slashOf([]string{"drey", "help"}), nil)); !strings.Contains(w.Body.String(), `"choices":[]`) {
		t.Errorf("%s", w.Body)
	}
}

func TestOpens(t *testing.T) {
	b, h := newHTTP(t)
	specs := treeSpecs(t)
	for i := range specs {
		if specs[i].Path == "flink sql" {
			specs[i].Opens, specs[i].Files = true, []string{".sql"}
		}
	}
	if err := b.Publish(t.Context(), specs); err != nil {
		t.Fatal(err)
	}
	if _, g := deliver(t, b, h, h.interactionOf(1, 2, slashOf([]string{"flink", "sql"}), nil)); !g.opens {
		t.Error("the gesture does not keep its first response for the form")
	}
	data := slashOf([]string{"flink", "sql"}, object{"name": "file", "type": 11, "value": "990"})
	data["resolved"] = object{"attachments": object{"990": object{"id": "990", "filename": "q.sql", "size": 12, "url": "https://cdn.discordapp.com/q.sql"}}}
	ev, g := deliver(t, b, h, h.interactionOf(2, 2, data, nil))
	if g.opens || len(ev.Files) != 1 || ev.Files[0].Name != "q.sql" || ev.Files[0].Size != 12 || ev.Call.Args != nil {
		t.Errorf("%+v %v", ev.Files, ev.Call)
	}
}

func TestWhatIsNotKnown(t *testing.T) {
	b, h := newHTTP(t)
	message := object{"id": "1000", "flags": 0, "components": []any{object{"type": 99, "content": 7}}}
	for name, body := range map[string]object{
		"interaction type": h.interactionOf(1, 77, object{}, nil),
		"user command":     h.interactionOf(2, 2, object{"name": "x", "type": 2}, nil),
		"component":        h.interactionOf(3, 3, object{"custom_id": "somebody.else", "component_type": 2}, object{"message": message}),
		"no message":       h.interactionOf(4, 3, object{"custom_id": "drey.b.abc", "component_type": 2}, nil),
		"modal":            h.interactionOf(5, 5, object{"custom_id": "x", "components": []any{}}, nil),
		"shortcut":         h.interactionOf(6, 2, object{"name": "Gone", "type": 3, "target_id": "1000"}, nil),
		"options":          h.interactionOf(7, 2, slashOf([]string{"flink", "job"}, object{"name": "job", "type": 3, "value": []int{1}}), nil),
		"nobody":           h.interactionOf(8, 2, slashOf([]string{"drey", "help"}), object{"member": nil}),
		"odd data":         h.interactionOf(9, 2, nil, object{"data": []int{1}}),
		"odd member":       h.interactionOf(10, 2, slashOf([]string{"drey", "help"}), object{"member": "olga"}),
	} {
		w := h.post(b, body)
		var got struct {
			Type int
			Data struct {
				Flags   int
				Content string
			}
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK || got.Type != respondMessage || got.Data.Flags != flagEphemeral || got.Data.Content == "" {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if h.reason() == "" {
			t.Errorf("%s: not counted", name)
		}
	}
	if evs := h.sink.events(); len(evs) > 0 {
		t.Errorf("delivered: %v", evs)
	}
}

func TestShortcuts(t *testing.T) {
	b, h := newHTTP(t)
	if err := b.Publish(t.Context(), []bot.CommandSpec{
		{Path: "flink sql", Files: []string{".sql"}, Shortcut: &bot.Shortcut{Label: "Run as SQL", Text: "text", Args: json.RawMessage(`{"rows":5}`)}},
		{Path: "flink savepoint", Shortcut: &bot.Shortcut{Label: "Savepoint"}},
	}); err != nil {
		t.Fatal(err)
	}
	on := func(n int, name string, m object) bot.Event {
		m["id"] = "1000"
		ev, g := deliver(t, b, h, h.interactionOf(n, 2, object{"name": name, "type": 3, "target_id": "1000", "resolved": object{"messages": object{"1000": m}}}, nil))
		if g.kind != message || g.origin != "1000" || ev.Origin.ID != "1000" {
			t.Errorf("gesture: %+v, origin %+v", g.kind, ev.Origin)
		}
		return ev
	}
	ev := on(1, "Run as SQL", object{"content": "look:\n```sql\nSELECT 1;\n```\nthanks", "attachments": []any{object{"id": "1", "filename": "a.sql", "size": 3}}})
	if string(ev.Call.Args) != `{"rows":5,"text":"SELECT 1;"}` || ev.Call.Path != "flink sql" || ev.Among != nil || len(ev.Files) != 1 {
		t.Errorf("%+v %s", ev, ev.Call.Args)
	}
	ev = on(2, "Run as SQL", object{"content": "SELECT `a` FROM b"})
	if string(ev.Call.Args) != "{\"rows\":5,\"text\":\"SELECT `a` FROM b\"}" {
		t.Errorf("%s", ev.Call.Args)
	}
	buttons := []any{
		object{"type": 17, "components": []any{object{"type": 10, "content": "hi"}, object{"type": 1, "components": []any{
			object{"type": 2, "custom_id": "drey.b.one"}, object{"type": 2, "custom_id": "drey.a.two"}, object{"type": 2, "url": "https://x"}, object{"type": 2, "custom_id": "foreign"},
		}}}},
	}
	ev = on(3, "Savepoint", object{"application_id": "100", "components": buttons})
	if diff := cmp.Diff([]string{"one", "two"}, ev.Among); diff != "" || ev.Call.Path != "flink savepoint" {
		t.Error(diff)
	}
	for n, m := range []object{{"content": "nothing here"}, {"application_id": "999", "components": buttons}} {
		if ev = on(4+n, "Savepoint", m); ev.Among == nil || len(ev.Among) != 0 {
			t.Errorf("among %#v, want none, and not nil", ev.Among)
		}
	}
}

func TestBodyOfMessage(t *testing.T) {
	for in, want := range map[string]string{
		" SELECT 1 ":                 "SELECT 1",
		"```SELECT 1```":             "SELECT 1",
		"```sql\nSELECT 1\n```":      "SELECT 1",
		"```sql\r\nSELECT 1\r\n```":  "SELECT 1",
		"```\nSELECT 1\n```":         "SELECT 1",
		"```SELECT 1;\nSELECT 2;```": "SELECT 1;\nSELECT 2;",
		"```a```b```c```":            "```a```b```c```",
		"open ``` end":               "open ``` end",
		"":                           "",
	} {
		if got := bodyOfMessage(in); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}

func TestPress(t *testing.T) {
	b, h := newHTTP(t)
	msg := object{"id": "1000", "channel_id": "600", "flags": 64}
	ev, g := deliver(t, b, h, h.interactionOf(1, 3, object{"custom_id": "drey.b.abc", "component_type": 2}, object{"message": msg}))
	if ev.Button != "abc" || ev.Origin.ID != "1000" || ev.Origin.Place != ev.Place || ev.Form != nil || g.kind != press || !g.hidden || g.origin != "1000" || g.opens {
		t.Errorf("%+v", ev)
	}
	_, g = deliver(t, b, h, h.interactionOf(2, 3, object{"custom_id": "drey.o.abc", "component_type": 2}, object{"message": msg}))
	if !g.opens {
		t.Error("a button that opens a form")
	}
	ev, _ = deliver(t, b, h, h.interactionOf(3, 3, object{"custom_id": "menu", "component_type": 3, "values": []string{"drey.b.def"}}, object{"message": msg}))
	if ev.Button != "def" {
		t.Errorf("from a menu: %q", ev.Button)
	}
}

func TestSubmit(t *testing.T) {
	b, h := newHTTP(t)
	fields := []any{
		object{"type": 18, "component": object{"type": 4, "custom_id": "duration", "value": "2h"}},
		object{"type": 18, "component": object{"type": 3, "custom_id": "cluster", "values": []string{"prod"}}},
	}
	ev, g := deliver(t, b, h, h.interactionOf(1, 5, object{"custom_id": "drey.m.form1", "components": fields}, object{"message": object{"id": "1000"}}))
	want := map[string]string{"duration": "2h", "cluster": "prod"}
	if diff := cmp.Diff(want, ev.Form); diff != "" || ev.Button != "form1" || g.kind != submit || ev.Origin == nil {
		t.Errorf("%s %+v", diff, ev)
	}
	ev, _ = deliver(t, b, h, h.interactionOf(2, 5, object{"custom_id": "drey.m.form1", "components": nil}, nil))
	if ev.Form == nil || ev.Origin != nil {
		t.Errorf("an empty form is none: %+v", ev)
	}
}

// TestConfirm presses a button that asks first, and then what stands under its question.
func TestConfirm(t *testing.T) {
	b, h := newHTTP(t)
	bearer := object{"id": "1000", "flags": 0, "components": []any{object{"type": 1, "components": []any{
		object{"type": 2, "custom_id": "drey.a.abc", "label": "Cancel orders"},
	}}}}
	w := h.post(b, h.interactionOf(1, 3, object{"custom_id": "drey.a.abc", "component_type": 2}, object{"message": bearer}))
	var asked struct {
		Type int
		Data struct {
			Flags      int
			Content    string
			Components json.RawMessage
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &asked); err != nil || asked.Type != respondMessage || asked.Data.Flags != flagEphemeral {
		t.Fatalf("%s", w.Body)
	}
	if len(h.sink.events()) > 0 {
		t.Fatal("delivered before it was confirmed")
	}
	var custom []string
	eachComponent(asked.Data.Components, 0, func(c componentIn) {
		if c.CustomID != "" {
			custom = append(custom, c.CustomID)
		}
	})
	if len(custom) != 2 {
		t.Fatalf("buttons %q", custom)
	}
	question := object{"id": "2000", "flags": 64, "components": asked.Data.Components}
	var update struct {
		Type int
		Data struct{ Components []any }
	}
	w = h.post(b, h.interactionOf(2, 3, object{"custom_id": custom[1], "component_type": 2}, object{"message": question}))
	if err := json.Unmarshal(w.Body.Bytes(), &update); err != nil || update.Type != respondUpdate || len(h.sink.events()) > 0 {
		t.Fatalf("cancel: %s", w.Body)
	}
	w = h.post(b, h.interactionOf(3, 3, object{"custom_id": custom[0], "component_type": 2}, object{"message": question}))
	if err := json.Unmarshal(w.Body.Bytes(), &update); err != nil || update.Type != respondUpdate || len(update.Data.Components) > 0 {
		t.Fatalf("confirm: %s", w.Body)
	}
	ev := h.sink.wait(t, 1)[0]
	g := b.gestures.Find(ev.Token, b.o.Now())
	if ev.Button != "abc" || ev.Origin.ID != "1000" || !g.answered || !g.aside || g.hidden || g.origin != "1000" {
		t.Errorf("%+v", ev)
	}
}

func TestKeptForm(t *testing.T) {
	b, h := newHTTP(t)
	id := b.forms.Keep(keptForm{&bot.Form{ID: "form1", Title: "Silence", Fields: []bot.Input{{Name: "duration", Label: "How long", Kind: "line"}}}, "800"}, h.now)
	open := func(n int, id string) string {
		custom := pressed{act: actKept, ID: id}.String()
		return h.post(b, h.interactionOf(n, 3, object{"custom_id": custom, "component_type": 2}, object{"message": object{"id": "1000"}})).Body.String()
	}
	if got := open(1, id); !strings.Contains(got, `"type":9`) || !strings.Contains(got, "drey.m.form1") {
		t.Errorf("%s", got)
	}
	if got := open(2, "gone"); !strings.Contains(got, "no longer kept") {
		t.Errorf("%s", got)
	}
}
