package local

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

type webhook struct {
	Status string
	Auth   string `json:"-"`
	Alerts []struct{ Labels map[string]string }
}

// receiver is a webhook that hands on what it gets.
func receiver(t *testing.T) (url string, got chan webhook) {
	got = make(chan webhook, 100)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		w := webhook{Auth: r.Header.Get("Authorization")}
		if err := json.NewDecoder(r.Body).Decode(&w); err != nil {
			t.Error(err)
		}
		got <- w
	}))
	t.Cleanup(s.Close)
	return s.URL, got
}

func await(t *testing.T, got chan webhook, status string) webhook {
	t.Helper()
	limit := time.After(60 * time.Second)
	for {
		select {
		case w := <-got:
			if w.Status == status {
				return w
			}
		case <-limit:
			t.Fatalf("no %s webhook came", status)
		}
	}
}

// A rule fires in the real Prometheus, the real Alertmanager tells the webhook; when the target is up it tells that too.
func TestAlertsTravel(t *testing.T) {
	needTool(t, "prometheus", "`apt-get install prometheus`")
	_, err := AlertmanagerBinary(t.Context(), "", func(line string) { t.Log(line) })
	need(t, err)
	dir := t.TempDir()
	rules := filepath.Join(dir, "rules.yml")
	rule := `groups: [{name: a, rules: [{alert: TargetDown, expr: 'up{job="thing"} == 0', labels: {severity: critical}}]}]`
	if err := os.WriteFile(rules, []byte(rule), 0o644); err != nil {
		t.Fatal(err)
	}
	var up atomic.Bool
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !up.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer target.Close()
	url, got := receiver(t)
	p := &lines{test: t}
	am, err := Alertmanager(t.Context(), AlertmanagerOptions{WebhookURL: url, Token: "s3cret", Progress: p.say,
		GroupWait: 100 * time.Millisecond, GroupInterval: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer am.Stop()
	prom, err := Prometheus(t.Context(), PrometheusOptions{Dir: filepath.Join(dir, "prom"), RuleFiles: []string{rules}, Alertmanager: am.URL(),
		Every: 500 * time.Millisecond, Targets: map[string][]string{"thing": {strings.TrimPrefix(target.URL, "http://")}},
		Labels: map[string]string{"cluster": "demo"}, Progress: p.say})
	if err != nil {
		t.Fatal(err)
	}
	defer prom.Stop()
	t0 := time.Now()
	w := await(t, got, "firing")
	t.Logf("fired after %s", time.Since(t0))
	if w.Auth != "Bearer s3cret" || len(w.Alerts) != 1 || w.Alerts[0].Labels["alertname"] != "TargetDown" || w.Alerts[0].Labels["cluster"] != "demo" {
		t.Errorf("got %+v", w)
	}
	prom.Kill()
	if err := prom.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	up.Store(true)
	await(t, got, "resolved")
	t.Logf("resolved after %s", time.Since(t0))
	for _, want := range []string{"Alertmanager up at http://127.0.0.1:", "Prometheus up at http://127.0.0.1:"} {
		if !p.has(want) {
			t.Errorf("it did not tell %q", want)
		}
	}
	kept := am.Dir()
	am.Stop()
	if _, err := os.Stat(kept); err == nil {
		t.Errorf("the temporary run folder is still there")
	}
	if err := am.Restart(t.Context()); err == nil {
		t.Error("restarted after Stop")
	}
}

func TestMonitorsThatCannotStart(t *testing.T) {
	needTool(t, "prometheus", "`apt-get install prometheus`")
	rules := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(rules, []byte("groups: [{name: a, rules: [{alert: X, expr: 'up =='}]}]"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Prometheus(t.Context(), PrometheusOptions{Dir: t.TempDir(), RuleFiles: []string{rules}})
	if err == nil || !strings.Contains(err.Error(), "ended while starting") || !strings.Contains(err.Error(), "parse error") {
		t.Errorf("got %v", err)
	}
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	port := portOf(t, s.URL)
	_, err = Prometheus(t.Context(), PrometheusOptions{Port: port})
	if err == nil || !strings.Contains(err.Error(), "(Port) is in use by another program") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = Prometheus(ctx, PrometheusOptions{Dir: t.TempDir()}); err == nil {
		t.Error("started though the context was over")
	}
}

// The steps of the build, with a go that only plays along.
func TestAlertmanagerBinaryIsBuiltOnce(t *testing.T) {
	src := t.TempDir()
	if err := os.MkdirAll(filepath.Join(src, "cmd", "alertmanager"), 0o755); err != nil {
		t.Fatal(err)
	}
	onlyTools(t, map[string]string{"go": `case "$1 $2" in
"env GOVERSION") echo go1.26.8;;
"mod download") echo "go: downloading it" >&2; echo '{"Dir": "` + src + `"}';;
build*) test -f ui/app/dist/index.html || exit 1; for last; do test "$prev" = -o && echo binary > "$last"; prev=$last; done; exit 0;;
*) exit 1;; esac`})
	cache := t.TempDir()
	p := &lines{test: t}
	for range 2 {
		bin, err := AlertmanagerBinary(t.Context(), cache, p.say)
		if err != nil {
			t.Fatal(err)
		}
		if b, _ := os.ReadFile(bin); string(b) != "binary\n" {
			t.Errorf("got %q at %s", b, bin)
		}
	}
	if len(p.all) != 2 {
		t.Errorf("built more than once: %q", p.all)
	}
	if left, _ := filepath.Glob(filepath.Join(cache, "*.work")); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}
