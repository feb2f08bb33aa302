package alerts

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/storagetest"
)

func TestReceiver(t *testing.T) {
	good := string(webhook("Down", map[string]string{"severity": "critical"}, Firing))
	for _, tt := range []struct {
		name, method, path, auth, body string
		code                           int
		result                         string
		say                            string
	}{
		{name: "good", body: good, code: 200, result: "main accepted"},
		{name: "lower-case scheme", auth: "bearer " + testToken, body: good, code: 200, result: "main accepted"},
		{name: "get", method: http.MethodGet, code: 405, result: "main wrong_method"},
		{name: "unknown source", path: "/webhooks/alertmanager/other", body: good, code: 404, result: "unknown unknown_source"},
		{name: "wrong token", auth: "Bearer nope", body: good, code: 401, result: "main unauthorized"},
		{name: "no token", auth: "-", body: good, code: 401, result: "main unauthorized"},
		{name: "not bearer", auth: "Basic " + testToken, body: good, code: 401, result: "main unauthorized"},
		{name: "too large", body: strings.Replace(good, "happened", strings.Repeat("x", 4096), 1), code: 413, result: "main too_large"},
		{name: "empty", body: "", code: 400, result: "main malformed", say: "the JSON ends too early"},
		{name: "not JSON", body: "alert!", code: 400, result: "main malformed", say: "malformed JSON at byte 1"},
		{name: "cut", body: good[:50], code: 400, result: "main malformed"},
		{name: "foreign", body: `{"text":"hello"}`, code: 400, result: "main malformed", say: "it has no alerts"},
		{name: "array", body: `[]`, code: 400, result: "main malformed"},
		{name: "two", body: good + good, code: 400, result: "main malformed", say: "something follows"},
		{name: "labels of numbers", body: `{"version":"4","alerts":[{"status":"firing","labels":{"a":1}}]}`, code: 400, result: "main malformed", say: "is a JSON number"},
		{name: "no labels", body: `{"version":"4","alerts":[{"status":"firing"}]}`, code: 400, result: "main malformed", say: "alerts[0] has no labels"},
		{name: "strange status", body: `{"version":"4","alerts":[{"status":"odd","labels":{"a":"b"}}]}`, code: 400, result: "main malformed", say: "want firing or resolved"},
		{name: "bad time", body: `{"version":"4","alerts":[{"status":"firing","startsAt":"soon","labels":{"a":"b"}}]}`, code: 400, result: "main malformed"},
		{name: "other version", body: `{"version":"7","news":{"x":1},"alerts":[{"status":"firing","labels":{"a":"b"},"extra":[1]}]}`, code: 200, result: "main accepted"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got string
			o := testOptions()
			o.MaxBody = 2048
			s, _, _ := newService(t, o, Hooks{OnWebhook: func(source, result string, _ time.Duration) { got = source + " " + result }})
			mux := http.NewServeMux()
			mux.Handle("/webhooks/alertmanager/{source}", s.Receiver())
			path, method, auth := "/webhooks/alertmanager/main", http.MethodPost, "Bearer "+testToken
			if tt.path != "" {
				path = tt.path
			}
			if tt.method != "" {
				method = tt.method
			}
			if tt.auth != "" {
				auth = tt.auth
			}
			req := httptest.NewRequest(method, path, strings.NewReader(tt.body))
			req.Header.Set("Authorization", auth)
			rec := httptest.NewRecorder()
			mux.ServeHTTP(rec, req)
			if rec.Code != tt.code || got != tt.result || !strings.Contains(rec.Body.String(), tt.say) {
				t.Errorf("%d %q, counted as %q; want %d %q, %q", rec.Code, rec.Body, got, tt.code, tt.say, tt.result)
			}
			if strings.Contains(rec.Body.String(), testToken) {
				t.Error("the answer holds the token")
			}
		})
	}
}

// A body whose length is not said is measured too.
func TestReceiverChunked(t *testing.T) {
	o := testOptions()
	o.MaxBody = 1024
	s, _, _ := newService(t, o, Hooks{})
	srv := httptest.NewServer(s.Receiver())
	defer srv.Close()
	req, err := http.NewRequest(http.MethodPost, srv.URL+"/webhooks/alertmanager/main", struct{ *strings.Reader }{strings.NewReader(strings.Repeat(" ", 5000))})
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+testToken)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("answered %s", res.Status)
	}
}

// While the store is away nothing is accepted; what is sent again then counts once.
func TestStoreAwayIs503(t *testing.T) {
	url, srv := storagetest.Redis(t)
	db := storagetest.With(t, storage.Options{Redis: url})
	out := newKept(db)
	s, err := New(db, out, quietLog(), testOptions(), Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	body := webhook("Down", nil, Firing)
	srv.Kill()
	if _, err := s.Take(t.Context(), "main", body); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("took it: %v", err)
	}
	srv.Start(t)
	for range 2 {
		if _, err := s.Take(t.Context(), "main", body); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(out.heads(t)); n != 1 {
		t.Errorf("%d heads", n)
	}
}

func TestValidate(t *testing.T) {
	o := Options{
		Sources: map[string]Source{"a b": {Token: "x"}, "main": {Alertmanager: Addresses{"localhost:9093", "http://127.0.0.1:9093"}}},
		Routes: []Route{
			{Name: "crit", Match: `labels.severity == "critical"`, To: []string{"web:ops", "oncall"}},
			{Name: "crit", Match: `severty == "critical"`, To: []string{"web:ops"}},
			{Match: `all(labels, true)`},
		},
		MaxBody: 10, ReopenWithin: -time.Minute,
	}
	want := `alerts.max_body: 10 bytes hold no webhook; at least 1024
alerts.reopen_within: -1m0s is negative
alerts.routes[0].to[1]: want NETWORK:CHANNEL such as web:ops, have "oncall"
alerts.routes[1].match: unknown name severty (1:1)
 | severty == "critical"
 | ^
allowed names: alertname, annotations, cluster, during, episodes, firing, hour, hourIn, job, labels, owner, receiver, severity, severityAtLeast, source, status, weekday, weekdayIn; functions: len, lower, upper, trim, hasPrefix, hasSuffix, int, float, string, duration, indexOf, abs
alerts.routes[1].name: "crit" is the name of routes[0] too
alerts.routes[2].match: all() is not allowed in a rule (1:1)
 | all(labels, true)
 | ^
allowed functions: len, lower, upper, trim, hasPrefix, hasSuffix, int, float, string, duration, indexOf, abs
alerts.routes[2].name: a route needs a name: explanations and the audit trail speak of it
alerts.routes[2].to: no channel; write to: ["web:ops"]
alerts.sources.a b: a source's name stands in a URL: use letters, digits, - _ .
alerts.sources.main.alertmanager[0]: not an http or https address, such as http://127.0.0.1:9093
alerts.sources.main.token: empty: anybody could post alerts; set a long random text and give it to Alertmanager as the webhook's bearer token`
	err := o.Validate()
	if err == nil {
		t.Fatal("valid")
	}
	if d := cmp.Diff(want, err.Error()); d != "" {
		t.Error(d)
	}
	if err := (Options{}).Validate(); err != nil {
		t.Errorf("the zero Options: %v", err)
	}
	if err := testOptions().Validate(); err != nil {
		t.Error(err)
	}
}

func FuzzTake(f *testing.F) {
	f.Add([]byte(`{"version":"4","alerts":[{"status":"firing","labels":{"a":"b"}}]}`))
	f.Add(webhook("Down", map[string]string{"severity": "critical", "job_id": "x"}, Resolved))
	for _, name := range []string{"utf8", "truncated", "grouped"} {
		raw, err := os.ReadFile("testdata/captures/" + name + ".json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
		for _, c := range capture(f, name) {
			f.Add([]byte(c.Body))
		}
	}
	p, err := NewPipeline(testOptions(), nil, nil)
	if err != nil {
		f.Fatal(err)
	}
	now := newClock().t
	f.Fuzz(func(t *testing.T, body []byte) {
		tr := p.Explain(t.Context(), "main", body, now)
		if tr.Err != nil {
			if !errors.Is(tr.Err, errForeign) {
				t.Errorf("neither taken nor foreign: %v", tr.Err)
			}
			return
		}
		if tr.Incident == nil || len(tr.Deliveries) != 1 {
			t.Errorf("taken, but %d deliveries", len(tr.Deliveries))
		}
		if _, err := tr.Deliveries[0].Message.MarshalJSON(); err != nil {
			t.Error(err)
		}
	})
}
