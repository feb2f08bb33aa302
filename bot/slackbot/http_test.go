package slackbot

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot/slackbot/slacktest"
	"github.com/drey-ops/drey/config/secret"
)

func TestSignatureVector(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(slacktest.Specs(), "..", "signing", "slack_signing_vector.json"))
	if err != nil {
		t.Skipf("the official vector is not at hand: %v", err)
	}
	var v struct {
		Secret    string `json:"signing_secret"`
		Timestamp string `json:"timestamp"`
		Body      string `json:"body"`
		Signature string `json:"signature"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	w := newBench(t)
	w.clock = timeOf(v.Timestamp)
	w.bot.keys.put("8f742231b10e8888abcd99yyyzzz85a5", w.clock)
	h := http.Header{"X-Slack-Request-Timestamp": {v.Timestamp}, "X-Slack-Signature": {v.Signature}}
	if rec := w.request(http.MethodPost, pathCommands, []byte(v.Body), h); rec.Code != http.StatusOK || rec.Body.Len() != 0 {
		t.Errorf("answered with %d %s", rec.Code, rec.Body)
	}
	if ev := w.sink.next(t); ev.Call.Line != "/webhook-collect" || ev.Actor.ID != "U2CERLKJA" || !ev.Actor.Outside {
		t.Errorf("event %+v", ev)
	}
}

func TestForgedRequestsAreRefused(t *testing.T) {
	w := newBench(t)
	body := slashBody("U1", "/flink jobs")
	now := w.now()
	good := func() http.Header { return sign(testSecret, stampOf(now), body) }
	with := func(fn func(h http.Header)) http.Header {
		h := good()
		fn(h)
		return h
	}
	for name, c := range map[string]struct {
		h    http.Header
		body []byte
		why  reason
	}{
		"no headers":             {http.Header{}, body, refusedUnsigned},
		"no signature":           {with(func(h http.Header) { h.Del(signatureHeader) }), body, refusedUnsigned},
		"no timestamp":           {with(func(h http.Header) { h.Del(stampHeader) }), body, refusedUnsigned},
		"empty signature":        {with(func(h http.Header) { h.Set(signatureHeader, "") }), body, refusedSignature},
		"empty timestamp":        {with(func(h http.Header) { h.Set(stampHeader, "") }), body, refusedStamp},
		"two signatures":         {with(func(h http.Header) { h.Add(signatureHeader, h.Get(signatureHeader)) }), body, refusedUnsigned},
		"two timestamps":         {with(func(h http.Header) { h.Add(stampHeader, stampOf(now)) }), body, refusedUnsigned},
		"another secret":         {sign("another", stampOf(now), body), body, refusedSignature},
		"no secret":              {sign("", stampOf(now), body), body, refusedSignature},
		"body changed":           {good(), append(bytes.Clone(body), 'x'), refusedSignature},
		"body cut":               {good(), body[:len(body)-1], refusedSignature},
		"timestamp changed":      {with(func(h http.Header) { h.Set(stampHeader, stampOf(now.Add(-time.Second))) }), body, refusedSignature},
		"too old":                {sign(testSecret, stampOf(now.Add(-6*time.Minute)), body), body, refusedStamp},
		"of the future":          {sign(testSecret, stampOf(now.Add(6*time.Minute)), body), body, refusedStamp},
		"timestamp of words":     {sign(testSecret, "now", body), body, refusedStamp},
		"timestamp with a sign":  {sign(testSecret, "+"+stampOf(now), body), body, refusedStamp},
		"timestamp with a blank": {sign(testSecret, " "+stampOf(now), body), body, refusedStamp},
		"timestamp too long":     {sign(testSecret, strings.Repeat("9", 40), body), body, refusedStamp},
		"fraction":               {sign(testSecret, stampOf(now)+".5", body), body, refusedStamp},
		"another version":        {with(func(h http.Header) { h.Set(signatureHeader, "v1="+h.Get(signatureHeader)[3:]) }), body, refusedSignature},
		"no version":             {with(func(h http.Header) { h.Set(signatureHeader, h.Get(signatureHeader)[3:]) }), body, refusedSignature},
		"truncated":              {with(func(h http.Header) { h.Set(signatureHeader, h.Get(signatureHeader)[:40]) }), body, refusedSignature},
		"too long":               {with(func(h http.Header) { h.Set(signatureHeader, h.Get(signatureHeader)+"00") }), body, refusedSignature},
		"no hex":                 {with(func(h http.Header) { h.Set(signatureHeader, "v0="+strings.Repeat("zz", 32)) }), body, refusedSignature},
	} {
		t.Run(name, func(t *testing.T) {
			before := w.count(c.why)
			rec := w.request(http.MethodPost, pathCommands, c.body, c.h)
			if rec.Code != http.StatusUnauthorized || rec.Body.Len() > 40 {
				t.Errorf("answered with %d %q", rec.Code, rec.Body)
			}
			if n := w.count(c.why); n != before+1 {
				t.Errorf("%s counted %d times", c.why, n-before)
			}
			w.sink.none(t)
		})
	}
	if rec := w.request(http.MethodPost, pathCommands, body, good()); rec.Code != http.StatusOK {
		t.Errorf("a good one answered with %d", rec.Code)
	}
	w.sink.next(t)
}

func TestRequestsThatAreNotReadToTheEnd(t *testing.T) {
	w := newBench(t)
	for name, c := range map[string]struct {
		method, path string
		body         []byte
		code         int
	}{
		"method": {http.MethodGet, pathEvents, nil, http.StatusMethodNotAllowed},
		"path":   {http.MethodPost, "/slack/else", nil, http.StatusNotFound},
		"size":   {http.MethodPost, pathEvents, make([]byte, bodyMax+1), http.StatusRequestEntityTooLarge},
	} {
		if rec := w.request(c.method, c.path, c.body, sign(testSecret, stampOf(w.now()), c.body)); rec.Code != c.code {
			t.Errorf("%s: answered with %d", name, rec.Code)
		}
	}
	if rec := w.post(pathEvents, append([]byte(`{"type":"`), append(bytes.Repeat([]byte("x"), bodyMax-11), `"}`...)...)); rec.Code != http.StatusOK {
		t.Errorf("largest body: answered with %d", rec.Code)
	}
	w.sink.none(t)
}

func TestNothingIsTakenWithoutReceive(t *testing.T) {
	w := newBench(t)
	w.stop()
	if rec := w.post(pathCommands, slashBody("U1", "/flink jobs")); rec.Code != http.StatusServiceUnavailable || rec.Header().Get("X-Slack-No-Retry") != "" {
		t.Errorf("answered with %d %v", rec.Code, rec.Header())
	}
	if rec := w.post(pathEvents, []byte(`{"type":"url_verification","token":"t","challenge":"abc"}`)); rec.Code != http.StatusOK || rec.Body.String() != "abc" {
		t.Errorf("challenge answered with %d %q", rec.Code, rec.Body)
	}
	w.sink.none(t)
	w.receive()
	if rec := w.post(pathCommands, slashBody("U1", "/flink jobs")); rec.Code != http.StatusOK {
		t.Errorf("answered with %d", rec.Code)
	}
	w.sink.next(t)
}

func TestRotation(t *testing.T) {
	w := newBench(t)
	body := slashBody("U1", "/flink jobs")
	try := func(key string) int {
		return w.request(http.MethodPost, pathCommands, body, sign(secret.Text(key), stampOf(w.now()), body)).Code
	}
	w.pass(0)
	w.bot.Rotate(Options{BotToken: "xoxb-2", SigningSecret: "new"})
	w.bot.Rotate(Options{BotToken: "xoxb-2", SigningSecret: "new"}) // the same again changes nothing
	for _, key := range []string{"new", testSecret} {
		if code := try(key); code != http.StatusOK {
			t.Errorf("%s right after: %d", key, code)
		}
	}
	w.pass(rotationGrace + time.Second)
	if code := try(testSecret); code != http.StatusUnauthorized {
		t.Errorf("the old secret later: %d", code)
	}
	if code := try("new"); code != http.StatusOK {
		t.Errorf("the new secret later: %d", code)
	}
	w.bot.Rotate(Options{BotToken: "xoxb-2"})
	w.pass(rotationGrace + time.Second)
	for _, key := range []string{"new", ""} {
		if code := try(key); code != http.StatusUnauthorized {
			t.Errorf("%q without any secret: %d", key, code)
		}
	}
}

func TestAcknowledgementDoesNotWaitForPeople(t *testing.T) {
	w := newBench(t)
	hold := make(chan struct{})
	w.people.change(func() { w.people.hold = hold })
	rec := w.post(pathCommands, slashBody("U1", "/flink jobs"))
	if rec.Code != http.StatusOK || rec.Header().Get("X-Slack-No-Retry") != "1" {
		t.Errorf("answered with %d %v", rec.Code, rec.Header())
	}
	w.sink.none(t)
	close(hold)
	if ev := w.sink.next(t); ev.Actor.Name != "ann" {
		t.Errorf("actor %+v", ev.Actor)
	}
}

func TestRetriesAreTheSameEvent(t *testing.T) {
	w := newBench(t)
	mention := []byte(`{"type":"event_callback","event_id":"Ev1","event_time":1795219404,"event":{"type":"app_mention","user":"U1","text":"<@UDREY> jobs","ts":"1795219404.000100","channel":"C1"}}`)
	for path, body := range map[string][]byte{pathCommands: slashBody("U1", "/flink jobs"), pathEvents: mention} {
		var ids []string
		for range 3 {
			h := sign(testSecret, stampOf(w.now()), body)
			h.Set("X-Slack-Retry-Num", "1")
			if rec := w.request(http.MethodPost, path, body, h); rec.Code != http.StatusOK {
				t.Errorf("%s: answered with %d", path, rec.Code)
			}
			ids = append(ids, w.sink.next(t).ID)
		}
		if ids[0] == "" || ids[0] != ids[1] || ids[1] != ids[2] {
			t.Errorf("%s: ids %q", path, ids)
		}
	}
}

func TestSentModalIsAnswered(t *testing.T) {
	w := newBench(t)
	payload := `{"type":"view_submission","user":{"id":"U1"},"trigger_id":"1.2.3","view":{"id":"V1","hash":"h1","type":"modal",
		"title":{"type":"plain_text","text":"Stop orders"},"private_metadata":"{\"c\":\"C1\",\"t\":\"5.1\",\"o\":\"5.2\",\"f\":\"form1\"}",
		"state":{"values":{"f:name":{"v":{"type":"plain_text_input","value":"orders"}},"f:mode":{"v":{"type":"static_select","selected_option":{"value":"drain"}}},"f:note":{"v":{"type":"plain_text_input","value":null}}}}}}`
	done := make(chan string, 1)
	go func() { done <- w.interact(payload).Body.String() }()
	ev := w.sink.next(t)
	if ev.Button != "form1" || ev.Form["name"] != "orders" || ev.Form["mode"] != "drain" || ev.Form["note"] != "" || len(ev.Form) != 3 {
		t.Errorf("event %+v", ev)
	}
	if ev.Place.Channel != "C1" || ev.Place.Thread != "5.1" || ev.Origin == nil || ev.Origin.ID != "5.2" {
		t.Errorf("place %+v, origin %+v", ev.Place, ev.Origin)
	}
	g := w.bot.gestures.Find(ev.Token, w.bot.o.Now())
	if g == nil || g.kind != submit || g.view.id != "V1" || g.view.hash != "h1" || g.view.form != "form1" {
		t.Fatalf("gesture %+v", g)
	}
	if !g.acknowledge(viewResponse{Action: "clear"}) || g.acknowledge(nil) {
		t.Error("the acknowledgement was not taken, or taken twice")
	}
	if got := <-done; got != `{"response_action":"clear"}` {
		t.Errorf("answered with %s", got)
	}

	go func() { done <- w.interact(strings.Replace(payload, "1.2.3", "1.2.4", 1)).Body.String() }()
	late := w.sink.next(t)
	if late.ID == ev.ID {
		t.Error("sent again, the modal is the same event")
	}
	got := <-done // after submitWait
	if !strings.HasPrefix(got, `{"response_action":"update","view":{`) || !strings.Contains(got, "Stop orders") {
		t.Errorf("without an answer: %s", got)
	}
	if w.bot.gestures.Find(late.Token, w.bot.o.Now()).acknowledge(nil) {
		t.Error("acknowledged too late")
	}
}
