package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"
)

// AlertmanagerOptions say where an Alertmanager sends. WebhookURL and Token are required.
type AlertmanagerOptions struct {
	Dir            string        // run folder; empty: a temporary one that Stop removes
	Port           int           // 0: a free one
	WebhookURL     string        // gets every alert, and every resolve
	Token          string        // sent along as a bearer token
	GroupBy        []string      // nil: alertname and job_id
	GroupWait      time.Duration // 0: 1 s
	GroupInterval  time.Duration // 0: 5 s
	RepeatInterval time.Duration // 0: 4 h
	MaxAlerts      int           // most alerts in one webhook; 0: all of them
	Newest         bool          // the one built from source, though another is on PATH
	CacheDir       string        // for an Alertmanager built here; empty: the tools folder in CacheDir
	ReadyWithin    time.Duration // 0: 30 s

	Progress Progress
	Log      *slog.Logger // nil: silent
}

// Alertmanager starts a real Alertmanager on the loopback interface, alone (no gossip), and returns when it is ready. Where
// none is on PATH it builds one first, see AlertmanagerBinary. ctx bounds the building and the starting only.
func Alertmanager(ctx context.Context, o AlertmanagerOptions) (*Server, error) {
	if u, err := url.Parse(o.WebhookURL); err != nil || u.Host == "" || o.Token == "" {
		return nil, errors.New("start Alertmanager: a webhook URL and a token are needed")
	}
	find := AlertmanagerBinary
	if o.Newest {
		find = NewestAlertmanager
	}
	bin, err := find(ctx, o.CacheDir, o.Progress)
	if err != nil {
		return nil, err
	}
	s, err := newServer("Alertmanager", bin, o.Dir, o.Port, o.ReadyWithin, o.Log)
	if err != nil {
		return nil, fmt.Errorf("start Alertmanager: %w", err)
	}
	s.args = []string{"--config.file=" + s.path("alertmanager.yml"), "--storage.path=" + s.path("data"),
		"--web.listen-address=" + address(s.port), "--web.external-url=" + s.URL(), "--cluster.listen-address=", "--log.level=warn"}
	conf, err := alertmanagerConfig(o, s.path("token"))
	if err == nil {
		err = errors.Join(os.WriteFile(s.path("token"), []byte(o.Token), 0o600), os.WriteFile(s.path("alertmanager.yml"), conf, 0o644))
	}
	if err == nil {
		err = s.start(ctx, o.Progress)
	}
	if err != nil {
		s.Stop()
		return nil, fmt.Errorf("start Alertmanager: %w", err)
	}
	return s, nil
}

type amConfig struct {
	Route     amRoute      `yaml:"route"`
	Receivers []amReceiver `yaml:"receivers"`
}

type amRoute struct {
	Receiver       string   `yaml:"receiver"`
	GroupBy        []string `yaml:"group_by"`
	GroupWait      string   `yaml:"group_wait"`
	GroupInterval  string   `yaml:"group_interval"`
	RepeatInterval string   `yaml:"repeat_interval"`
}

type amReceiver struct {
	Name     string      `yaml:"name"`
	Webhooks []amWebhook `yaml:"webhook_configs"`
}

type amWebhook struct {
	URL          string `yaml:"url"`
	SendResolved bool   `yaml:"send_resolved"`
	MaxAlerts    int    `yaml:"max_alerts"` // 0: all of them; a cut list leaves out resolves
	HTTP         struct {
		Authorization struct {
			Type string `yaml:"type"`
			File string `yaml:"credentials_file"`
		} `yaml:"authorization"`
	} `yaml:"http_config"`
}

func alertmanagerConfig(o AlertmanagerOptions, tokenFile string) ([]byte, error) {
	hook := amWebhook{URL: o.WebhookURL, SendResolved: true, MaxAlerts: o.MaxAlerts}
	hook.HTTP.Authorization.Type, hook.HTTP.Authorization.File = "Bearer", tokenFile
	groupBy := o.GroupBy
	if groupBy == nil {
		groupBy = []string{"alertname", "job_id"}
	}
	return yaml.Marshal(amConfig{
		Route: amRoute{
			Receiver: "drey", GroupBy: groupBy,
			GroupWait:      promTime(cmp.Or(o.GroupWait, time.Second)),
			GroupInterval:  promTime(cmp.Or(o.GroupInterval, 5*time.Second)),
			RepeatInterval: promTime(cmp.Or(o.RepeatInterval, 4*time.Hour)),
		},
		Receivers: []amReceiver{{Name: "drey", Webhooks: []amWebhook{hook}}},
	})
}

// The Alertmanager that is built where none is installed, and the Go that it takes.
const (
	alertmanagerModule  = "github.com/prometheus/alertmanager"
	alertmanagerVersion = "v0.34.2"
	alertmanagerGo      = 26 // 1.26
)

// AlertmanagerBinary returns the path of an Alertmanager: the one on PATH, else NewestAlertmanager.
func AlertmanagerBinary(ctx context.Context, cacheDir string, p Progress) (string, error) {
	for _, name := range []string{"prometheus-alertmanager", "alertmanager"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return NewestAlertmanager(ctx, cacheDir, p)
}

// NewestAlertmanager returns the path of an Alertmanager that it builds once from source with the user's Go, into cacheDir (empty:
// the tools folder in CacheDir). Building takes some minutes.
func NewestAlertmanager(ctx context.Context, cacheDir string, p Progress) (string, error) {
	cacheDir, err := cacheOr(cacheDir, "tools")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(cacheDir, "alertmanager-"+alertmanagerVersion)
	if runtime.GOOS == "windows" {
		bin += ".exe"
	}
	if built(bin) {
		return bin, nil
	}
	gotool, err := goTool(ctx)
	if err != nil {
		return "", err
	}
	unlock, err := lock(ctx, bin+".lock", "Alertmanager", p)
	if err != nil {
		return "", fmt.Errorf("build Alertmanager: %w", err)
	}
	defer unlock()
	if built(bin) {
		return bin, nil
	}
	if err := buildAlertmanager(ctx, gotool, bin, p); err != nil {
		return "", fmt.Errorf("build Alertmanager: %w", err)
	}
	return bin, nil
}

// built relies on the binary being put in place by a rename, whole or not at all.
func built(bin string) bool {
	st, err := os.Stat(bin)
	return err == nil && st.Mode().IsRegular()
}

var goVersion = regexp.MustCompile(`go1\.(\d+)`)

// goTool finds a Go that can build Alertmanager.
func goTool(ctx context.Context) (string, error) {
	missing := &MissingError{Tool: "Alertmanager", Why: "to send alerts on",
		Get: "`apt-get install prometheus-alertmanager` or `brew install alertmanager` (or install Go 1." + strconv.Itoa(alertmanagerGo) + ", with which drey builds it)"}
	path, err := exec.LookPath("go")
	if err != nil {
		return "", missing
	}
	out, err := output(ctx, path, "env", "GOVERSION")
	m := goVersion.FindSubmatch(out)
	if err != nil || m == nil {
		return "", missing
	}
	if minor, _ := strconv.Atoi(string(m[1])); minor < alertmanagerGo {
		return "", missing
	}
	return path, nil
}
