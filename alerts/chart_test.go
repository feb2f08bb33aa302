package alerts

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/chart"
	"github.com/drey-ops/drey/platform/local"
	"github.com/drey-ops/drey/storage/storagetest"
)

// firingFor is a webhook of an alert with an expression.
func firingFor(name, expr string, labels map[string]string) []byte {
	raw := string(webhook(name, labels, Firing))
	return []byte(strings.ReplaceAll(raw, "g0.expr=up", "g0.expr="+url.QueryEscape(expr)))
}

// working is a Service whose workers run until the test ends.
func working(t *testing.T, o Options, h Hooks) (*Service, *kept) {
	t.Helper()
	transport := &http.Transport{}
	h.HTTP = &http.Client{Transport: transport}
	db := storagetest.Open(t)
	out := newKept(db)
	s, err := New(db, out, quietLog(), o, h)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait(); transport.CloseIdleConnections() })
	return s, out
}

// awaitKind waits for the first delivery of a kind.
func awaitKind(t *testing.T, out *kept, kind string) bot.Delivery {
	t.Helper()
	for limit := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if ds := out.kind(t, kind); len(ds) > 0 {
			return ds[0]
		}
		if time.Now().After(limit) {
			t.Fatalf("no %s in 30 s", kind)
		}
	}
}

// A rule fires in a real Prometheus; its alert, with the generatorURL that Prometheus writes, is charted from there.
func TestChartOfARealAlert(t *testing.T) {
	if os.Getenv("DREY_TEST_SHORT") != "" {
		t.Skip("DREY_TEST_SHORT is set")
	}
	var n atomic.Int64
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		i := n.Add(1)
		fmt.Fprintf(w, "currentEmitEventTimeLag{job_name=\"orders\"} %d\ncurrentEmitEventTimeLag{job_name=\"late\"} 3000\n", 50000+i*1000)
	}))
	defer target.Close()
	rules := filepath.Join(t.TempDir(), "rules.yml")
	rule := `groups: [{name: a, rules: [{alert: FlinkLag, expr: "currentEmitEventTimeLag > 60000 and on (instance) up == 1", labels: {severity: critical}}]}]`
	if err := os.WriteFile(rules, []byte(rule), 0o600); err != nil {
		t.Fatal(err)
	}
	// Prometheus' own Alertmanager client posts what Alertmanager would send on.
	fired := make(chan string, 1)
	am := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var b bytes.Buffer
		_, _ = b.ReadFrom(r.Body)
		select {
		case fired <- b.String():
		default:
		}
	}))
	defer am.Close()
	p, err := local.Prometheus(t.Context(), local.PrometheusOptions{
		Targets: map[string][]string{"flink": {strings.TrimPrefix(target.URL, "http://")}}, RuleFiles: []string{rules}, Alertmanager: am.URL, Every: 200 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	o := testOptions()
	o.Sources["main"] = Source{Token: testToken, Prometheus: p.URL()}
	s, out := working(t, o, Hooks{})
	w := Payload{Version: "4", Receiver: "drey", Status: Firing, GroupLabels: map[string]string{"alertname": "FlinkLag"}}
	if err := json.Unmarshal([]byte(<-fired), &w.Alerts); err != nil {
		t.Fatal(err)
	}
	for i := range w.Alerts {
		w.Alerts[i].Status = Firing
	}
	body, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	if kind := take(t, s, body); kind != kindNew {
		t.Fatal(kind)
	}
	d := awaitKind(t, out, "chart")
	i := one(t, s)
	if d.Parent != i.HeadKey(d.To) || !strings.HasPrefix(d.Key, i.root()+"/") || i.Charted.IsZero() {
		t.Errorf("delivery %q under %q of %s", d.Key, d.Parent, i.ID)
	}
	img, ok := d.Message.Blocks[0].(bot.Image)
	if !ok {
		t.Fatalf("no picture: %s", d.Message.Fallback)
	}
	if _, err := png.Decode(bytes.NewReader(img.PNG)); err != nil {
		t.Error(err)
	}
	t.Log(img.Alt)
	if !strings.Contains(img.Alt, "limit 60 s") || !strings.Contains(img.Alt, "orders now 6") || strings.Contains(img.Alt, "late") {
		t.Errorf("alt text %q", img.Alt)
	}
	if dir := os.Getenv("DREY_ARTIFACTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, "alert.png"), img.PNG, 0o600); err != nil {
			t.Error(err)
		}
	}
	if kind := take(t, s, body); kind != kindRepeat {
		t.Errorf("again: %s", kind)
	}
}

// Without a chart there is one quiet line, or none where nothing was to be drawn.
func TestNoChart(t *testing.T) {
	for _, tt := range []struct {
		name, url, answer string
		code              int
		say               string
	}{
		{"nothing found", "x > 1", `{"status":"success","data":{"resultType":"matrix","result":[]}}`, 200, "No chart: Prometheus has no values of the alert's expression in the last hour."},
		{"refused", "x >", `{"status":"error","errorType":"bad_data","error":"parse error: x"}`, 400, "No chart: Prometheus says: parse error: x."},
		{"away", "x", ``, 502, "No chart: Prometheus refuses it (HTTP 502)."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.code)
				fmt.Fprint(w, tt.answer)
			}))
			t.Cleanup(srv.Close)
			o := testOptions()
			o.Sources["main"] = Source{Token: testToken, Prometheus: srv.URL}
			s, out, c := newService(t, o, Hooks{HTTP: srv.Client()})
			take(t, s, firingFor("Down", tt.url, nil))
			for try := range 2 { // one that does not answer is asked again before drey gives up
				it, err := s.db.Take(t.Context(), chartQueue, one(t, s).root(), time.Minute)
				if err != nil {
					t.Fatal(err)
				}
				if err := s.chartOne(t.Context(), it); err != nil {
					t.Fatal(err)
				}
				if got := out.kind(t, "chart"); len(got) == 1 {
					if got[0].Message.Fallback != tt.say || (try == 0) != (tt.code != 502) {
						t.Errorf("try %d: %q", try, got[0].Message.Fallback)
					}
					return
				}
				c.pass(chartPatience)
			}
			t.Error("it said nothing")
		})
	}
}

func TestChartNotWanted(t *testing.T) {
	o := testOptions()
	o.Sources["main"] = Source{Token: testToken, Prometheus: "http://127.0.0.1:1"}
	for name, body := range map[string][]byte{
		"no expression": []byte(strings.ReplaceAll(string(webhook("Down", nil, Firing)), "graph?g0.expr=up", "")),
		"over at once":  webhook("Down", nil, Resolved),
	} {
		s, _, _ := newService(t, o, Hooks{})
		take(t, s, body)
		if n, _, err := s.db.Depth(t.Context(), chartQueue); n != 0 || err != nil {
			t.Errorf("%s: %d charts wanted, %v", name, n, err)
		}
	}
	s, out, c := newService(t, o, Hooks{})
	take(t, s, webhook("Down", nil, Firing))
	c.pass(chartLate)
	it, err := s.db.Take(t.Context(), chartQueue, one(t, s).root(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.chartOne(t.Context(), it); err != nil || len(out.kind(t, "chart")) != 0 {
		t.Errorf("too late, and yet: %v, %v", out.kind(t, "chart"), err)
	}
}

func TestUnitOf(t *testing.T) {
	for expr, want := range map[string]chart.Unit{
		`up`: chart.Count,
		`max by (job_id) (flink_taskmanager_job_task_operator_currentEmitEventTimeLag)`:                chart.Milliseconds,
		`time() - flink_jobmanager_job_lastCheckpointCompletedTimestamp/1000`:                          chart.Seconds,
		`flink_jobmanager_job_lastCheckpointDuration`:                                                  chart.Milliseconds,
		`flink_taskmanager_Status_JVM_Memory_Heap_Used / flink_taskmanager_Status_JVM_Memory_Heap_Max`: chart.Ratio,
		`flink_taskmanager_Status_JVM_Memory_Heap_Used`:                                                chart.Bytes,
		`rate(node_network_receive_bytes_total[5m])`:                                                   chart.BytesPerSecond,
		`sum(rate(http_requests_total[5m]))`:                                                           chart.PerSecond,
		`increase(flink_jobmanager_job_numRestarts[10m])`:                                              chart.Count,
		`flink_taskmanager_job_task_backPressuredTimeMsPerSecond`:                                      chart.Count,
		`histogram_quantile(0.9, rate(request_duration_seconds_bucket[5m]))`:                           chart.Seconds,
		`process_uptime_seconds`:                                                                       chart.Seconds,
		`count(up{job="bytes"})`:                                                                       chart.Count,
		`flink_jobmanager_job_records_lag_max`:                                                         chart.Count,
	} {
		if got := unitOf(expr); got != want {
			t.Errorf("%s: %d, want %d", expr, got, want)
		}
	}
}
