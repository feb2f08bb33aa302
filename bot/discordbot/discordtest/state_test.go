package discordtest_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot/discordbot/discordtest"
)

func (a *app) code(want float64, method, path string, body any) {
	a.Helper()
	if status, out := a.call(method, path, body); out["code"] != want {
		a.Errorf("%s %s: %d %v, want %v", method, path, status, out, want)
	}
}

func TestStateOfMessages(t *testing.T) {
	var mu sync.Mutex
	now := time.Now()
	a := start(t, discordtest.Options{NoLimits: true, OldEdits: 2, Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }})
	pass := func(by time.Duration) { mu.Lock(); now = now.Add(by); mu.Unlock() }
	ops := a.d.Channel("ops")
	post := "channels/" + ops + "/messages"
	keyed := message(object{"nonce": "k1", "enforce_nonce": true})
	first := a.want(200, "POST", post, keyed)
	if again := a.want(200, "POST", post, keyed); again["id"] != first["id"] || again["nonce"] != "k1" {
		t.Errorf("the repeat is %v", again)
	}
	pass(time.Hour)
	if later := a.want(200, "POST", post, keyed); later["id"] == first["id"] {
		t.Error("a nonce is known after an hour")
	}
	one := post + "/" + first["id"].(string)
	pass(time.Minute)
	a.want(200, "PATCH", one, message(nil))
	a.want(200, "PATCH", one, message(nil))
	a.code(30046, "PATCH", one, message(nil))
	a.d.Delete(ops, first["id"].(string))
	a.code(10008, "PATCH", one, message(nil))
	a.code(10008, "GET", one, nil)
	a.code(10003, "POST", "channels/99999999999999999/messages", message(nil))
	a.code(50005, "PATCH", post+"/"+a.d.Say("ann", ops, "hello", nil), message(nil))
	flat := a.want(200, "POST", post, v2(say("x")))["id"].(string)
	a.want(200, "PATCH", post+"/"+flat, object{"components": []any{say("y")}, "allowed_mentions": none()})
	a.d.ChangeChannel(ops, func(c *discordtest.ChannelState) { c.Missing = append(c.Missing, "SEND_MESSAGES") })
	a.code(50013, "POST", post, message(nil))
	a.d.ChangeChannel(ops, func(c *discordtest.ChannelState) { c.Missing = append(c.Missing, "VIEW_CHANNEL") })
	a.code(50001, "POST", post, message(nil))
	a.d.ChangeChannel(ops, func(c *discordtest.ChannelState) { c.Deleted = true })
	a.code(10003, "POST", post, message(nil))
	old := a.d.BotToken()
	a.d.Rotate()
	if a.d.BotToken() == old {
		t.Error("the token is the same")
	}
}

func TestStateOfThreads(t *testing.T) {
	a := start(t, discordtest.Options{NoLimits: true})
	ops := a.d.Channel("ops")
	root := a.want(200, "POST", "channels/"+ops+"/messages", message(nil))["id"].(string)
	a.want(201, "POST", "channels/"+ops+"/messages/"+root+"/threads", object{"name": "incident"})
	a.code(160004, "POST", "channels/"+ops+"/messages/"+root+"/threads", object{"name": "incident"})
	in := a.want(200, "POST", "channels/"+root+"/messages", message(nil))["id"].(string)
	a.want(200, "PATCH", "channels/"+root, object{"archived": true})
	a.code(50083, "PATCH", "channels/"+root+"/messages/"+in, message(nil))
	a.code(50083, "PATCH", "channels/"+root, object{"name": "new"})
	a.want(200, "POST", "channels/"+root+"/messages", message(nil)) // wakes it
	if th := a.d.Threads(ops); th[0].Archived {
		t.Error("the thread sleeps on")
	}
	a.code(50013, "PATCH", "channels/"+root, object{"locked": true})
	a.d.ChangeChannel(root, func(c *discordtest.ChannelState) { c.Locked, c.Archived = true, true })
	a.code(160005, "POST", "channels/"+root+"/messages", message(nil))
	a.code(50013, "PATCH", "channels/"+root, object{"archived": false})

	forum := a.d.ForumChannel("alerts", "firing", "resolved")
	tags := a.want(200, "GET", "channels/"+forum, nil)["available_tags"].([]any)
	firing := tags[0].(object)["id"]
	a.code(50008, "POST", "channels/"+forum+"/messages", message(nil))
	a.d.ChangeChannel(forum, func(c *discordtest.ChannelState) { c.RequireTag = true })
	a.code(40067, "POST", "channels/"+forum+"/threads", object{"name": "orders", "message": message(nil)})
	post := a.want(201, "POST", "channels/"+forum+"/threads", object{"name": "orders", "message": message(nil), "applied_tags": []any{firing}})
	if m, _ := post["message"].(object); m["id"] != post["id"] {
		t.Errorf("the first message of %v is %v", post["id"], m["id"])
	}
	if th := a.d.Threads(forum); len(th) != 1 || !slices.Equal(th[0].Tags, []string{"firing"}) {
		t.Errorf("posts %+v", th)
	}
	if s := a.d.See("ann", forum, ""); len(s) != 1 || s[0].Text != "x" || s[0].Thread != post["id"] {
		t.Errorf("ann sees %+v", s)
	}
	a.code(10087, "PATCH", "channels/"+post["id"].(string), object{"applied_tags": []any{"1"}})
}

func TestLimitsAndFaults(t *testing.T) {
	a := strict(t, discordtest.Options{})
	seen := 0
	post := "channels/" + a.d.Channel("ops") + "/messages"
	for range 5 {
		a.want(200, "POST", post, message(nil))
	}
	out := a.want(429, "POST", post, message(nil))
	if got := a.offences(&seen); len(got) != 1 || out["retry_after"].(float64) <= 0 || out["global"] != false {
		t.Errorf("%q, %v", got, out)
	}
	a.want(200, "POST", "channels/"+a.d.Channel("other")+"/messages", message(nil))

	route := "POST /channels/{channel_id}/messages"
	other := "channels/" + a.d.Channel("third") + "/messages"
	a.d.Fault(route, discordtest.Fault{Status: 429, RetryAfter: 1500 * time.Millisecond, Scope: "shared"})
	if out := a.want(429, "POST", other, message(nil)); out["retry_after"] != 1.5 {
		t.Errorf("%v", out)
	}
	a.d.Fault(route, discordtest.Fault{Status: 403, Code: 50013})
	a.code(50013, "POST", other, message(nil))
	a.d.Fault(route, discordtest.Fault{Status: 429, HTML: true, RetryAfter: time.Minute})
	a.want(429, "POST", other, message(nil))
	a.d.Fault(route, discordtest.Fault{Lost: true})
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, a.d.APIURL()+other, strings.NewReader(`{"content":"lost","allowed_mentions":{"parse":[]}}`))
	r.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bot " + a.d.BotToken()}, "User-Agent": {"DiscordBot (x, 1)"}}
	if resp, err := http.DefaultClient.Do(r); err == nil {
		resp.Body.Close()
		t.Error("the answer was not lost")
	}
	if s := a.d.See("ann", a.d.Channel("third"), ""); len(s) != 1 || s[0].Text != "lost" {
		t.Errorf("ann sees %+v", s)
	}
	if got := a.offences(&seen); len(got) != 0 {
		t.Errorf("faults became offences: %q", got)
	}
	if calls := a.d.Calls(route); len(calls) != 11 || calls[5].Status != 429 {
		t.Errorf("%d calls", len(calls))
	}
}

func TestGesturesOfAClient(t *testing.T) {
	a := start(t, discordtest.Options{NoLimits: true})
	a.register()
	ops := a.d.Channel("ops")
	a.answer = func(object) any { return object{"type": 4, "data": message(object{"flags": 64})} }
	for _, err := range []error{
		a.d.Slash("ann", ops, "flink savepoint", nil),
		a.d.Slash("ann", ops, "flink savepoint", map[string]any{"job": 7}),
		a.d.Slash("ann", ops, "flink savepoint", map[string]any{"job": "a", "other": "b"}),
		a.d.Slash("ann", ops, "flink sql", map[string]any{"text": "a", "rows": 1.5}),
		a.d.Slash("ann", ops, "flink", nil),
		a.d.Click("ann", ops, "Go"),
		a.d.Submit("ann", nil),
	} {
		if err == nil {
			t.Error("a client let it through")
		}
	}
	for line, want := range map[string]string{
		"/flink sql SELECT a, b  FROM t WHERE x=1 rows=5": `[{"name":"text","type":3,"value":"SELECT a, b  FROM t WHERE x=1"},{"name":"rows","type":4,"value":5}]`,
		`/flink savepoint "my job" canonical=false`:       `[{"name":"job","type":3,"value":"my job"},{"name":"canonical","type":5,"value":false}]`,
		"flink savepoint my job":                          `[{"name":"job","type":3,"value":"my job"}]`,
	} {
		if err := a.d.Line("ann", ops, line); err != nil || !strings.Contains(string(a.d.Newest()), want) {
			t.Errorf("%s: %v %s", line, err, a.d.Newest())
		}
	}
	id := a.d.Say("bob", ops, "please look", nil)
	if err := a.d.MessageCommand("ann", ops, id, "Explain"); err != nil || !strings.Contains(string(a.d.Newest()), `"target_id":"`+id) {
		t.Errorf("%v %s", err, a.d.Newest())
	}
	if err := a.d.Repeat(); err != nil {
		t.Error(err)
	}
	if n := len(a.d.See("ann", ops, "")); n != 5 {
		t.Errorf("ann sees %d messages", n)
	}
	if got := a.d.BadSignature(); got != http.StatusUnauthorized {
		t.Errorf("a bad signature: %d", got)
	}
}

func TestFilesOfACommand(t *testing.T) {
	a := start(t, discordtest.Options{NoLimits: true})
	a.want(200, "PUT", "applications/"+a.d.ApplicationID()+"/commands", []any{object{"name": "jar", "description": "d", "options": []any{
		object{"type": 11, "name": "file", "description": "d", "required": true}}}})
	body := ""
	a.answer = func(it object) any {
		data := it["data"].(object)
		id := data["options"].([]any)[0].(object)["value"].(string)
		resp, err := http.Get(data["resolved"].(object)["attachments"].(object)[id].(object)["url"].(string))
		if err != nil {
			t.Error(err)
			return nil
		}
		defer resp.Body.Close()
		raw, _ := io.ReadAll(resp.Body)
		body = string(raw)
		return object{"type": 4, "data": message(nil)}
	}
	err := a.d.SlashFiles("ann", a.d.Channel("ops"), "jar", nil, map[string]discordtest.FileUpload{"file": {Name: "a.jar", Data: []byte("PK")}})
	if err != nil || body != "PK" {
		t.Errorf("%v, %q", err, body)
	}
	http.DefaultClient.CloseIdleConnections()
}
