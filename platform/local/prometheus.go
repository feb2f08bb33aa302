package local

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"
)

// PrometheusOptions say what a Prometheus watches. The zero Options watch nothing.
type PrometheusOptions struct {
	Dir          string              // run folder; empty: a temporary one that Stop removes
	Port         int                 // 0: a free one
	Targets      map[string][]string // job name to host:port of what is scraped
	TargetFiles  map[string]string   // job name to a JSON file of targets for file_sd_configs, which is watched
	Labels       map[string]string   // put on every alert that leaves
	RuleFiles    []string            // alert rules
	Alertmanager string              // its base URL; empty: alerts go nowhere
	Every        time.Duration       // between scrapes and between evaluations; 0: 2 s
	ReadyWithin  time.Duration       // 0: 30 s

	Progress Progress
	Log      *slog.Logger // nil: silent
}

// Prometheus starts a real Prometheus on the loopback interface and returns when it is ready. ctx bounds the starting only.
func Prometheus(ctx context.Context, o PrometheusOptions) (*Server, error) {
	bin, err := exec.LookPath("prometheus")
	if err != nil {
		return nil, &MissingError{Tool: "Prometheus", Why: "to evaluate alert rules",
			Get: "`apt-get install prometheus` or `brew install prometheus`"}
	}
	conf, err := prometheusConfig(o)
	if err != nil {
		return nil, fmt.Errorf("start Prometheus: %w", err)
	}
	s, err := newServer("Prometheus", bin, o.Dir, o.Port, o.ReadyWithin, o.Log)
	if err != nil {
		return nil, fmt.Errorf("start Prometheus: %w", err)
	}
	s.args = []string{"--config.file=" + s.path("prometheus.yml"), "--storage.tsdb.path=" + s.path("data"),
		"--storage.tsdb.retention.time=1d", "--web.listen-address=" + address(s.port), "--web.external-url=" + s.URL(),
		"--rules.alert.resend-delay=" + max(10*time.Second, every(o)).String(), "--log.level=warn"}
	if err = os.WriteFile(s.path("prometheus.yml"), conf, 0o644); err == nil {
		err = s.start(ctx, o.Progress)
	}
	if err != nil {
		s.Stop()
		return nil, fmt.Errorf("start Prometheus: %w", err)
	}
	return s, nil
}

func every(o PrometheusOptions) time.Duration {
	if o.Every == 0 {
		return 2 * time.Second
	}
	return o.Every
}

type promConfig struct {
	Global struct {
		Scrape   string            `yaml:"scrape_interval"`
		Timeout  string            `yaml:"scrape_timeout"`
		Evaluate string            `yaml:"evaluation_interval"`
		Labels   map[string]string `yaml:"external_labels,omitempty"`
	} `yaml:"global"`
	RuleFiles []string      `yaml:"rule_files,omitempty"`
	Alerting  *promAlerting `yaml:"alerting,omitempty"`
	Scrapes   []promScrape  `yaml:"scrape_configs,omitempty"`
}

type promAlerting struct {
	Alertmanagers []promAlertmanager `yaml:"alertmanagers"`
}

type promAlertmanager struct {
	Scheme  string       `yaml:"scheme"`
	Prefix  string       `yaml:"path_prefix,omitempty"`
	Targets []promTarget `yaml:"static_configs"`
}

type promScrape struct {
	Job     string       `yaml:"job_name"`
	Targets []promTarget `yaml:"static_configs,omitempty"`
	Files   []promFiles  `yaml:"file_sd_configs,omitempty"`
}

type promFiles struct {
	Files []string `yaml:"files"`
}

type promTarget struct {
	Targets []string `yaml:"targets"`
}

func prometheusConfig(o PrometheusOptions) ([]byte, error) {
	var c promConfig
	c.Global.Scrape, c.Global.Timeout, c.Global.Evaluate = promTime(every(o)), promTime(every(o)), promTime(every(o))
	c.Global.Labels, c.RuleFiles = o.Labels, o.RuleFiles
	for _, f := range o.RuleFiles {
		if _, err := os.Stat(f); err != nil { // Prometheus would start without them
			return nil, fmt.Errorf("rule file: %w", err)
		}
	}
	if o.Alertmanager != "" {
		u, err := url.Parse(o.Alertmanager)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("the address of Alertmanager is no URL: %q", o.Alertmanager)
		}
		c.Alerting = &promAlerting{[]promAlertmanager{{Scheme: u.Scheme, Prefix: u.Path, Targets: []promTarget{{[]string{u.Host}}}}}}
	}
	for _, job := range slices.Sorted(maps.Keys(o.Targets)) {
		c.Scrapes = append(c.Scrapes, promScrape{Job: job, Targets: []promTarget{{o.Targets[job]}}})
	}
	for _, job := range slices.Sorted(maps.Keys(o.TargetFiles)) {
		c.Scrapes = append(c.Scrapes, promScrape{Job: job, Files: []promFiles{{[]string{o.TargetFiles[job]}}}})
	}
	return yaml.Marshal(c)
}

// promTime writes a duration in the one unit that every version of both programs reads.
func promTime(d time.Duration) string { return fmt.Sprintf("%dms", d.Milliseconds()) }
