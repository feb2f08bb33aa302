package alerts

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// What is odd in a webhook is taken as far as it can be understood, and shown.
func TestOddWebhooks(t *testing.T) {
	long := strings.Repeat("a long story ", 400)
	for name, tt := range map[string]struct {
		change func(body string) string
		want   string
	}{
		"a start in the future": {func(s string) string { return strings.ReplaceAll(s, "2026-11-20T23:57:42Z", "2026-11-21T09:00:00Z") }, "Since 2026-11-20 23:57 UTC"},
		"the end of another that began long before": {func(s string) string {
			return strings.Replace(s, `"alerts":[`, `"alerts":[{"status":"resolved","labels":{"alertname":"Odd","x":"old"},"startsAt":"2026-11-20T20:00:00Z","endsAt":"2026-11-20T23:57:00Z"},`, 1)
		}, "Since 2026-11-20 23:57 UTC"},
		"a start long ago": {func(s string) string { return strings.ReplaceAll(s, "2026-11-20T23:57:42Z", "1970-01-01T00:00:00Z") }, "Since 2026-11-20 23:57 UTC"},
		"another version":  {func(s string) string { return strings.ReplaceAll(s, `"version":"4"`, `"version":"9","new":{"a":[1]}`) }, "Odd happened"},
		"a name of any UTF-8": {func(s string) string {
			return strings.ReplaceAll(s, `"alertname":"Odd"`, `"alertname":"Odd","k8s.pod/name":"p-1","emoji🔥":"x"`)
		}, "Odd happened"},
		"annotations of 4 kB": {func(s string) string { return strings.ReplaceAll(s, "Odd happened", "Odd happened "+long) }, "Odd happened a long story"},
		"no label but one":    {func(s string) string { return strings.ReplaceAll(s, `"alertname":"Odd"`, `"x":"y"`) }, "Alerts: 1 of 1"},
		"a fingerprint too long": {func(s string) string {
			return strings.ReplaceAll(s, `"fingerprint":""`, `"fingerprint":"`+strings.Repeat("f", 4000)+`"`)
		}, "Odd happened"},
	} {
		t.Run(name, func(t *testing.T) {
			s, out, _ := newService(t, testOptions(), Hooks{})
			body := tt.change(string(webhook("Odd", nil, Firing)))
			for range 2 {
				take(t, s, []byte(body))
			}
			heads := out.heads(t)
			if len(heads) != 1 || !strings.Contains(plainHead(heads[0]), tt.want) {
				t.Errorf("%d heads: %s", len(heads), plainHead(heads[0]))
			}
			if n := len([]rune(plainHead(heads[0]))); n > 3000 {
				t.Errorf("%d characters", n)
			}
		})
	}
}

// 500 alerts in one webhook, of 50 jobs: a thread each.
func TestManyInOneWebhook(t *testing.T) {
	s, _, _ := newService(t, testOptions(), Hooks{})
	var ls []map[string]string
	for i := range 500 {
		l := about(fmt.Sprint("job-", i%50), "warning")
		l["task"] = fmt.Sprint(i)
		ls = append(ls, l)
	}
	take(t, s, webhookOf("Slow", Firing, ls...))
	all := list(t, s)
	if len(all) != 50 || all[0].FiringCount() != 10 {
		t.Errorf("%d incidents, %d alerts in the first", len(all), all[0].FiringCount())
	}
}

// One alert that cannot be read costs none of the others; the head counts it.
func TestOneOddAmongMany(t *testing.T) {
	for name, odd := range map[string]string{
		"no labels": `{"status":"firing"}`, "a strange status": `{"status":"odd","labels":{"a":"b"}}`, "a label of another type": `{"status":"firing","labels":{"a":1}}`,
		"a time that is none": `{"status":"firing","labels":{"a":"b"},"startsAt":"soon"}`, "no object": `7`,
	} {
		t.Run(name, func(t *testing.T) {
			s, out, _ := newService(t, testOptions(), Hooks{})
			take(t, s, []byte(strings.Replace(string(webhook("Odd", nil, Firing)), `"alerts":[`, `"alerts":[`+odd+`,`, 1)))
			if got := plainHead(out.heads(t)[0]); !strings.Contains(got, "Odd happened") || !strings.Contains(got, "1 more not sent") {
				t.Error(got)
			}
		})
	}
}

// 500 alerts with 4 kB of annotations each are taken at the defaults.
func TestLargeWebhookIsTaken(t *testing.T) {
	s, _, _ := newService(t, testOptions(), Hooks{})
	var ls []map[string]string
	for i := range 500 {
		ls = append(ls, map[string]string{"task": fmt.Sprint(i)})
	}
	body := strings.ReplaceAll(string(webhookOf("Slow", Firing, ls...)), "Slow happened", strings.Repeat("a long story ", 320))
	req := httptest.NewRequest(http.MethodPost, "/webhooks/alertmanager/main", strings.NewReader(body))
	req.SetPathValue("source", "main")
	req.Header.Set("Authorization", "Bearer "+testToken)
	rec := httptest.NewRecorder()
	s.Receiver().ServeHTTP(rec, req)
	if rec.Code != http.StatusOK || one(t, s).FiringCount() != 500 {
		t.Errorf("%d %s for %d bytes", rec.Code, rec.Body, len(body))
	}
}

// A re-fire whose start lies before the end that is known, by another clock, is asked about instead of forgotten.
func TestFiresAgainByAnotherClock(t *testing.T) {
	o := testOptions()
	o.Sources["main"] = Source{Token: testToken, Alertmanager: Addresses{"http://127.0.0.1:9"}}
	s, _, c := newService(t, o, Hooks{})
	take(t, s, webhook("Down", nil, Firing))
	take(t, s, webhook("Down", nil, Resolved))
	c.pass(10 * time.Second)
	take(t, s, webhook("Down", nil, Firing))
	i := one(t, s)
	if i.Open() || !i.fillAt().Equal(c.now().Add(lateFor)) {
		t.Fatalf("%s, to be asked %+v", i.State(), i.Fills)
	}
	c.pass(lateFor)
	take(t, s, webhook("Down", nil, Firing)) // as the answer of the API comes in
	if i := one(t, s); !i.Open() || i.Episodes != 2 {
		t.Errorf("%s, episode %d", i.State(), i.Episodes)
	}
}

func TestDashboard(t *testing.T) {
	const template = "https://grafana.example/d/flink?var-job={job_name}&var-cluster={cluster}"
	if got := dashboard(template, map[string]string{"job_name": "a b&c", "cluster": "prod"}); got != "https://grafana.example/d/flink?var-job=a+b%26c&var-cluster=prod" {
		t.Error(got)
	}
	if got := dashboard(template, map[string]string{"job_name": "a"}); got != "" {
		t.Errorf("without a cluster: %s", got)
	}
}
