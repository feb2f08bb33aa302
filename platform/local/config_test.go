package local

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func bg() context.Context { return context.Background() }

func TestFlinkConfig(t *testing.T) {
	p := ports{rest: 8081, rpc: 6123, gateway: 8083, jobManagerProm: 9249, taskManagerProm: []int{9250}}
	for name, o := range map[string]Options{
		"default.yaml": {Home: "x"},
		"custom.yaml": {Home: "x", Slots: 2, Scheduler: "default", CheckpointEvery: 500 * time.Millisecond, SessionIdle: 10 * time.Second,
			NoSavepointDir: true, Config: map[string]string{"restart-strategy.type": "none", "pipeline.name": "it's #1: a 'test'"}},
	} {
		o, err := o.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, []byte(yamlOf(settings(o, "/run/a b", p))))
	}
}

func TestOptionsRefused(t *testing.T) {
	for want, o := range map[string]Options{
		"a Flink home is needed":           {},
		"it is adaptive or default":        {Home: "x", Scheduler: "reactive"},
		"1 to 16 TaskManagers":             {Home: "x", TaskManagers: 17},
		"/nowhere is no Flink home: there": {Home: "/nowhere"},
	} {
		if _, err := Start(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestPrometheusConfig(t *testing.T) {
	rules := filepath.Join(t.TempDir(), "rules.yml")
	if _, err := prometheusConfig(PrometheusOptions{RuleFiles: []string{rules}}); err == nil {
		t.Error("a rule file that is not there was taken")
	}
	if err := os.WriteFile(rules, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := prometheusConfig(PrometheusOptions{
		Targets:   map[string][]string{"flink-taskmanager": {"127.0.0.1:2", "127.0.0.1:3"}, "flink-jobmanager": {"127.0.0.1:1"}},
		RuleFiles: []string{rules}, Alertmanager: "http://127.0.0.1:9093/am", Labels: map[string]string{"cluster": "demo"},
	})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "prometheus.yml", []byte(strings.ReplaceAll(string(got), rules, "RULES")))
	if _, err := prometheusConfig(PrometheusOptions{Alertmanager: "9093"}); err == nil {
		t.Error("an address that is no URL was taken")
	}
}

func TestAlertmanagerConfig(t *testing.T) {
	got, err := alertmanagerConfig(AlertmanagerOptions{WebhookURL: "http://127.0.0.1:8080/webhooks/alertmanager/demo", Token: "secret",
		GroupWait: 200 * time.Millisecond}, "/run/token")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(got), "secret") {
		t.Error("the token stands in the configuration")
	}
	golden(t, "alertmanager.yml", got)
}

func TestMissingMonitors(t *testing.T) {
	onlyTools(t, map[string]string{"go": "echo go1.22.4"})
	if _, err := Prometheus(t.Context(), PrometheusOptions{}); err == nil || !strings.Contains(err.Error(), "`apt-get install prometheus`") {
		t.Errorf("got %v", err)
	}
	o := AlertmanagerOptions{WebhookURL: "http://127.0.0.1:1/", Token: "x", CacheDir: t.TempDir()}
	if _, err := Alertmanager(t.Context(), o); err == nil || !strings.Contains(err.Error(), "`apt-get install prometheus-alertmanager`") {
		t.Errorf("got %v", err)
	}
	if _, err := Alertmanager(t.Context(), AlertmanagerOptions{}); err == nil || !strings.Contains(err.Error(), "a webhook URL and a token are needed") {
		t.Errorf("got %v", err)
	}
}
