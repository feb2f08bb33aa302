package discordtest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot/discordbot/discordtest"
)

// strict is an app whose offences are gathered rather than fatal.
func strict(t *testing.T, o discordtest.Options) *app {
	t.Helper()
	o.Violation = func(string) {}
	return start(t, o)
}

// offences returns what was found since the last call.
func (a *app) offences(seen *int) []string {
	all := a.d.Violations()
	out := all[*seen:]
	*seen = len(all)
	return out
}

func rows(n int, custom bool) []any {
	var out []any
	for i := range n {
		id := "same"
		if custom {
			id = fmt.Sprint("b", i)
		}
		out = append(out, object{"type": 2, "style": 1, "label": "L", "custom_id": id})
	}
	return out
}

func message(more object) object {
	o := object{"content": "x", "allowed_mentions": none()}
	for k, v := range more {
		o[k] = v
	}
	return o
}

func v2(components ...any) object {
	return object{"flags": 32768, "components": components, "allowed_mentions": none()}
}

func say(s string) object { return object{"type": 10, "content": s} }

func row(kids ...any) object { return object{"type": 1, "components": kids} }

func repeat[T any](n int, v T) []any { return slices.Repeat([]any{v}, n) }

func TestMessageRefusals(t *testing.T) {
	a := strict(t, discordtest.Options{NoLimits: true})
	seen := 0
	post := "channels/" + a.d.Channel("ops") + "/messages"
	link := object{"type": 2, "style": 5, "label": "L", "url": "https://x.example"}
	for _, c := range []struct {
		name string
		body object
		want string
	}{
		{"empty", object{"allowed_mentions": none()}, "50006"},
		{"content of 2,001", message(object{"content": strings.Repeat("x", 2001)}), "content: BASE_TYPE_MAX_LENGTH"},
		{"wide content", message(object{"content": strings.Repeat("👍", 1001)}), "content: BASE_TYPE_MAX_LENGTH"},
		{"no allowed_mentions", object{"content": "x"}, "everything pings"},
		{"empty allowed_mentions", object{"content": "x", "allowed_mentions": object{}}, "everything pings"},
		{"parse and list", message(object{"allowed_mentions": object{"parse": []any{"users"}, "users": []any{"1"}}}), "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE"},
		{"ephemeral in a channel", message(object{"flags": 64}), "everybody sees it"},
		{"unknown key", message(object{"contents": "x"}), "contents means nothing"},
		{"long nonce", message(object{"nonce": strings.Repeat("n", 26)}), "nonce"},
		{"no nonce to enforce", message(object{"enforce_nonce": true}), "does nothing"},
		{"embeds of 6,001", message(object{"embeds": repeat(2, object{"description": strings.Repeat("x", 3001)})}), "MAX_EMBED_SIZE_EXCEEDED"},
		{"embed title", message(object{"embeds": repeat(1, object{"title": strings.Repeat("x", 257)})}), "embeds.0.title: BASE_TYPE_MAX_LENGTH"},
		{"26 fields", message(object{"embeds": repeat(1, object{"fields": repeat(26, object{"name": "a", "value": "b"})})}), "embeds.0.fields: BASE_TYPE_MAX_LENGTH"},
		{"empty field", message(object{"embeds": repeat(1, object{"fields": repeat(1, object{"name": "a", "value": " "})})}), "value: BASE_TYPE_REQUIRED"},
		{"11 embeds", message(object{"embeds": repeat(11, object{"title": "a"})}), "embeds: BASE_TYPE_MAX_LENGTH"},
		{"missing picture", message(object{"embeds": repeat(1, object{"image": object{"url": "attachment://a.png"}})}), "REFERENCED_ATTACHMENT_NOT_FOUND"},
		{"missing file", message(object{"attachments": repeat(1, object{"id": "0", "filename": "a"})}), "ATTACHMENT_NOT_FOUND"},
		{"6 rows", message(object{"components": repeat(6, row(link))}), "BASE_TYPE_BAD_LENGTH"},
		{"6 buttons", message(object{"components": []any{row(rows(6, true)...)}}), "components.0.components: BASE_TYPE"},
		{"same custom_id", message(object{"components": []any{row(rows(2, false)...)}}), "COMPONENT_CUSTOM_ID_DUPLICATED"},
		{"label of 81", message(object{"components": []any{row(object{"type": 2, "style": 1, "label": strings.Repeat("L", 81), "custom_id": "a"})}}), "label: BASE_TYPE_MAX_LENGTH"},
		{"no label", message(object{"components": []any{row(object{"type": 2, "style": 1, "custom_id": "a"})}}), "LABEL_OR_EMOJI"},
		{"custom_id of 101", message(object{"components": []any{row(object{"type": 2, "style": 1, "label": "L", "custom_id": strings.Repeat("c", 101)})}}), "custom_id: BASE_TYPE"},
		{"url and custom_id", message(object{"components": []any{row(object{"type": 2, "style": 5, "label": "L", "custom_id": "c", "url": "https://x.example"})}}), "URL_CONFLICT"},
		{"bad url", message(object{"components": []any{row(object{"type": 2, "style": 5, "label": "L", "url": "javascript:x"})}}), "URL_TYPE_INVALID_URL"},
		{"26 options", message(object{"components": []any{row(object{"type": 3, "custom_id": "s", "options": repeat(26, object{"label": "a", "value": "b"})})}}), "options: BASE_TYPE"},
		{"same value twice", message(object{"components": []any{row(object{"type": 3, "custom_id": "s", "options": repeat(2, object{"label": "a", "value": "b"})})}}), "VALUE_DUPLICATED"},
		{"menu beside a button", message(object{"components": []any{row(rows(1, true)[0], object{"type": 3, "custom_id": "s", "options": repeat(1, object{"label": "a", "value": "b"})})}}), "WIDTH_EXCEEDED"},
		{"text without the flag", message(object{"components": []any{say("x")}}), "UNION_TYPE_CHOICES"},
		{"content with the flag", message(object{"flags": 32768, "components": []any{say("x")}}), "LEGACY_FIELDS"},
		{"41 components", v2(repeat(41, say("x"))...), "components: "},
		{"41 components, nested", v2(object{"type": 17, "components": repeat(40, say("x"))}), "MAX_TOTAL_COMPONENTS"},
		{"text of 4,001", v2(say(strings.Repeat("x", 2001)), say(strings.Repeat("x", 2000))), "TEXT_SIZE_EXCEEDED"},
		{"empty text", v2(say("")), "content: BASE_TYPE"},
		{"container in a container", v2(object{"type": 17, "components": []any{object{"type": 17, "components": []any{say("x")}}}}), "components.0.components.0"},
		{"section without accessory", v2(object{"type": 9, "components": []any{say("x")}}), "accessory"},
		{"file of nowhere", v2(object{"type": 13, "file": object{"url": "attachment://no.txt"}}), "ATTACHMENT_NOT_FOUND"},
		{"unknown flag", message(object{"flags": 1 << 20}), "MESSAGE_FLAGS_INVALID"},
	} {
		_, out := a.call("POST", post, c.body)
		got := a.offences(&seen)
		if !strings.Contains(strings.Join(got, "\n"), c.want) {
			t.Errorf("%s: %q, answer %v, want %q", c.name, got, out, c.want)
		}
	}
	out := a.want(400, "POST", post, message(object{"content": strings.Repeat("x", 2001)}))
	if raw, _ := json.Marshal(out); string(raw) != `{"code":50035,"errors":{"content":{"_errors":[{"code":"BASE_TYPE_MAX_LENGTH","message":"Must be 2000 or fewer in length."}]}},"message":"Invalid Form Body"}` {
		t.Errorf("the answer is %s", raw)
	}
	a.want(400, "POST", post, `{"content":`)
}

func TestCommandRefusals(t *testing.T) {
	a := strict(t, discordtest.Options{NoLimits: true})
	seen := 0
	put := "applications/" + a.d.ApplicationID() + "/commands"
	option := func(more object) object {
		o := object{"type": 3, "name": "a", "description": "d"}
		for k, v := range more {
			o[k] = v
		}
		return object{"name": "c", "description": "d", "options": []any{o}}
	}
	sub := func(name string, more ...any) object {
		return object{"type": 1, "name": name, "description": "d", "options": more}
	}
	for _, c := range []struct {
		name string
		body []any
		want string
	}{
		{"upper case", []any{object{"name": "Flink", "description": "d"}}, "INVALID_NAME"},
		{"a space", []any{object{"name": "a b", "description": "d"}}, "INVALID_NAME"},
		{"no description", []any{object{"name": "a"}}, "0.description: BASE_TYPE_BAD_LENGTH"},
		{"long description", []any{object{"name": "a", "description": strings.Repeat("d", 101)}}, "description: BASE_TYPE"},
		{"same name", []any{option(nil), option(nil)}, "DUPLICATE_NAME"},
		{"26 choices", []any{option(object{"choices": repeat(26, object{"name": "a", "value": "b"})})}, "choices: BASE_TYPE_MAX_LENGTH"},
		{"choices and autocomplete", []any{option(object{"choices": repeat(1, object{"name": "a", "value": "b"}), "autocomplete": true})}, "AUTOCOMPLETE"},
		{"required after optional", []any{object{"name": "c", "description": "d", "options": []any{
			object{"type": 3, "name": "a", "description": "d"}, object{"type": 3, "name": "b", "description": "d", "required": true}}}}, "REQUIRED_INVALID"},
		{"26 options", []any{object{"name": "c", "description": "d", "options": repeat(26, object{"type": 3, "name": "a", "description": "d"})}}, "options: BASE_TYPE_MAX_LENGTH"},
		{"subcommand beside option", []any{object{"name": "c", "description": "d", "options": []any{sub("s"), object{"type": 3, "name": "a", "description": "d"}}}}, "TYPE_INVALID"},
		{"description of a message command", []any{object{"name": "C", "type": 3, "description": "d"}}, "INVALID_DESCRIPTION"},
		{"8,001 characters", []any{object{"name": "c", "description": "d", "options": big()}}, "TOO_LARGE"},
	} {
		_, out := a.call("PUT", put, c.body)
		if got := a.offences(&seen); !strings.Contains(strings.Join(got, "\n"), c.want) {
			t.Errorf("%s: %q, answer %v, want %q", c.name, got, out, c.want)
		}
	}
	if n := a.d.Registrations(); n != 0 {
		t.Errorf("%d registrations", n)
	}
	a.want(403, "PUT", "applications/1/commands", []any{})
}

func big() []any {
	var out []any
	for i := range 4 {
		var choices []any
		for k := range 25 {
			choices = append(choices, object{"name": fmt.Sprint(k), "value": strings.Repeat("v", 90)})
		}
		out = append(out, object{"type": 3, "name": fmt.Sprint("o", i), "description": "d", "choices": choices})
	}
	return out
}

func TestAnswerRefusals(t *testing.T) {
	var mu sync.Mutex
	now := time.Now()
	a := strict(t, discordtest.Options{NoLimits: true, Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }})
	pass := func(by time.Duration) { mu.Lock(); now = now.Add(by); mu.Unlock() }
	a.register()
	ops := a.d.Channel("ops")
	var it object
	a.answer = func(got object) any { it = got; return object{"type": 5} }
	ask := func() (callback, hook string) {
		t.Helper()
		if err := a.d.Slash("ann", ops, "flink sql", map[string]any{"text": "SELECT 1"}); err != nil {
			t.Fatal(err)
		}
		token := it["token"].(string)
		return "interactions/" + it["id"].(string) + "/" + token + "/callback", "webhooks/" + a.d.ApplicationID() + "/" + token
	}
	code := func(want float64, method, path string, body any) {
		t.Helper()
		if _, out := a.call(method, path, body); out["code"] != want {
			t.Errorf("%s: %v, want %v", path, out, want)
		}
	}
	seen := 0
	callback, hook := ask()
	code(40060, "POST", callback, object{"type": 4, "data": message(nil)})
	if got := a.offences(&seen); len(got) != 1 {
		t.Errorf("answered twice: %q", got)
	}
	code(10062, "POST", "interactions/1/x/callback", object{"type": 5})
	code(10015, "POST", "webhooks/"+a.d.ApplicationID()+"/x", message(nil))
	a.want(200, "PATCH", hook+"/messages/@original", message(object{"flags": 64}))
	if got := a.offences(&seen); len(got) != 1 || len(a.d.See("bob", ops, "")) != 1 {
		t.Errorf("made private later: %q", got)
	}
	a.want(204, "DELETE", hook+"/messages/@original", nil)
	code(10008, "PATCH", hook+"/messages/@original", message(nil))
	pass(15*time.Minute + time.Second)
	code(50027, "POST", hook, message(nil))

	a.answer = func(got object) any { it = got; pass(4 * time.Second); return object{"type": 4, "data": message(nil)} }
	if err := a.d.Slash("ann", ops, "flink sql", map[string]any{"text": "SELECT 1"}); err == nil || !strings.Contains(err.Error(), "10062") {
		t.Errorf("answered after 4 s: %v", err)
	}
	a.offences(&seen)
	for name, answer := range map[string]any{
		"INTERACTION_RESPONSE_TYPE_INVALID": object{"type": 7, "data": message(nil)},
		"title":                             object{"type": 9, "data": object{"title": strings.Repeat("t", 46), "custom_id": "m", "components": []any{object{"type": 10, "content": "x"}}}},
		"BASE_TYPE_BAD_LENGTH":              object{"type": 9, "data": object{"title": "t", "custom_id": "m", "components": repeat(6, object{"type": 10, "content": "x"})}},
		"everything pings":                  object{"type": 4, "data": object{"content": "x"}},
	} {
		a.answer = func(object) any { return answer }
		err := a.d.Slash("ann", ops, "flink sql", map[string]any{"text": "SELECT 1"})
		if got := a.offences(&seen); !strings.Contains(strings.Join(got, "\n"), name) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
