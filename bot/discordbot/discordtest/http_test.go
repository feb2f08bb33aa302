package discordtest_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/drey-ops/drey/bot/discordbot/discordtest"
)

type object = map[string]any

// app is a bot over HTTP, as small as can be.
type app struct {
	*testing.T
	d      *discordtest.Discord
	answer func(it object) any // nil: 202, and nothing more
}

func start(t *testing.T, o discordtest.Options) *app {
	t.Helper()
	a := &app{T: t}
	srv := httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(srv.Close)
	o.RequestURL = srv.URL
	a.d = discordtest.New(t, o)
	return a
}

func (a *app) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	key, _ := hex.DecodeString(a.d.PublicKey())
	sig, _ := hex.DecodeString(r.Header.Get("X-Signature-Ed25519"))
	if !ed25519.Verify(key, append([]byte(r.Header.Get("X-Signature-Timestamp")), body...), sig) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var it object
	if err := json.Unmarshal(body, &it); err != nil {
		a.Error(err)
	}
	w.Header().Set("Content-Type", "application/json")
	if it["type"] == 1.0 {
		io.WriteString(w, `{"type":1}`)
		return
	}
	out := any(nil)
	if a.answer != nil {
		out = a.answer(it)
	}
	if out == nil {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	json.NewEncoder(w).Encode(out)
}

// call makes a REST call with a bot token.
func (a *app) call(method, path string, body any) (int, object) {
	a.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		a.Fatal(err)
	}
	if s, ok := body.(string); ok {
		raw = []byte(s)
	}
	if body == nil {
		raw = nil
	}
	r, err := http.NewRequestWithContext(a.Context(), method, a.d.APIURL()+path, bytes.NewReader(raw))
	if err != nil {
		a.Fatal(err)
	}
	r.Header.Set("Authorization", "Bot "+a.d.BotToken())
	r.Header.Set("User-Agent", "DiscordBot (https://drey.example.com, 1)")
	if raw != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		a.Fatal(err)
	}
	defer resp.Body.Close()
	data, _ := io.ReadAll(resp.Body)
	var out object
	if len(data) > 0 && data[0] == '{' {
		if err := json.Unmarshal(data, &out); err != nil {
			a.Fatalf("%s: %v", data, err)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	return resp.StatusCode, out
}

func (a *app) want(status int, method, path string, body any) object {
	a.Helper()
	got, out := a.call(method, path, body)
	if got != status {
		a.Fatalf("%s %s: %d %v, want %d", method, path, got, out, status)
	}
	return out
}

func none() object { return object{"parse": []any{}} }

func commandsOf() []any {
	return []any{object{"name": "flink", "description": "Flink", "options": []any{
		object{"type": 1, "name": "savepoint", "description": "Take a savepoint", "options": []any{
			object{"type": 3, "name": "job", "description": "which job", "required": true, "autocomplete": true},
			object{"type": 5, "name": "canonical", "description": "canonical format"},
		}},
		object{"type": 1, "name": "sql", "description": "Run SQL", "options": []any{
			object{"type": 3, "name": "text", "description": "the text", "required": true},
			object{"type": 4, "name": "rows", "description": "how many"},
		}},
	}}, object{"name": "Explain", "type": 3}}
}

func (a *app) register() {
	a.Helper()
	a.want(200, "PUT", "applications/"+a.d.ApplicationID()+"/guilds/"+a.d.Guild()+"/commands", commandsOf())
}

func TestSlashOverHTTP(t *testing.T) {
	a := start(t, discordtest.Options{})
	a.register()
	if err := a.d.Ping(); err != nil {
		t.Fatal(err)
	}
	ops := a.d.Channel("ops")
	var got object
	a.answer = func(it object) any {
		got = it
		return object{"type": 5, "data": object{"flags": 64}}
	}
	if err := a.d.Line("ann", ops, "/flink savepoint orders canonical=true"); err != nil {
		t.Fatal(err)
	}
	data, _ := json.Marshal(got["data"])
	if want := `"options":[{"name":"savepoint","options":[{"name":"job","type":3,"value":"orders"},{"name":"canonical","type":5,"value":true}],"type":1}]`; !strings.Contains(string(data), want) {
		t.Fatalf("data is %s", data)
	}
	hook := "webhooks/" + a.d.ApplicationID() + "/" + got["token"].(string)
	if s := a.d.See("ann", ops, ""); len(s) != 1 || !s[0].Pending || !s[0].Private {
		t.Fatalf("ann sees %+v", s)
	}
	a.want(200, "PATCH", hook+"/messages/@original", object{"content": "**started** `op 7`", "allowed_mentions": none()})
	if s := a.d.See("ann", ops, ""); len(s) != 1 || s[0].Pending || s[0].Text != "started op 7" || len(s[0].Live) > 0 {
		t.Fatalf("ann sees %+v", s)
	}
	if s := a.d.See("bob", ops, ""); len(s) != 0 {
		t.Fatalf("bob sees %+v", s)
	}
	a.want(200, "POST", hook, object{"content": "for all", "allowed_mentions": none()})
	if s := a.d.See("bob", ops, ""); len(s) != 1 || s[0].Private {
		t.Fatalf("bob sees %+v", s)
	}
	if err := a.d.Line("ann", ops, "/flink nothing"); !errors.Is(err, discordtest.ErrNoSuchCommand) {
		t.Fatal(err)
	}
}
