package config

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/bot/discordbot"
	"github.com/drey-ops/drey/bot/slackbot"
	"github.com/drey-ops/drey/bot/webbot"
	"github.com/drey-ops/drey/commands"
	"github.com/drey-ops/drey/platform/session"
	"github.com/drey-ops/drey/storage"
)

// Config is the whole file.
type Config struct {
	Server   Server             `yaml:"server"`
	Storage  storage.Options    `yaml:"storage"`
	Web      webbot.Options     `yaml:"web"`
	Slack    slackbot.Options   `yaml:"slack"`
	Discord  discordbot.Options `yaml:"discord"`
	Clusters map[string]Cluster `yaml:"clusters"`
	Alerts   alerts.Options     `yaml:"alerts"`
	Rights   commands.Options   `yaml:",inline"`
}

// Server is the one listener, and what the process does at its start and end.
type Server struct {
	Listen      string        `yaml:"listen"`       // ADDRESS:PORT; the default is 127.0.0.1:8080
	ExternalURL string        `yaml:"external_url"` // under which people reach it, through a proxy for example; the console answers to it
	Drain       time.Duration `yaml:"drain"`        // how long a stopping drey waits for what is under way; the default is 20s
	Log         string        `yaml:"log"`          // text or json; the default is text
	LogLevel    string        `yaml:"log_level"`    // debug, info, warn or error; the default is info
}

// Cluster is one Flink cluster; the keys beside driver and labels are the driver's.
type Cluster struct {
	Driver          string            `yaml:"driver"` // the kind of cluster: session
	Labels          map[string]string `yaml:"labels"` // your own words about it
	UI              string            `yaml:"ui"`     // Flink's web interface as people reach it, for links
	session.Options `yaml:",inline"`
}

// Default returns the configuration of an empty file.
func Default() Config {
	return Config{Server: Server{Listen: "127.0.0.1:8080", Drain: 20 * time.Second, Log: "text", LogLevel: "info"}, Web: webbot.Options{Enabled: true}}
}

// Load reads and checks a file. The error is Problems, or says why the file cannot be read.
func Load(path string) (Config, error) {
	src, err := read(path)
	if err != nil {
		return Config{}, err
	}
	return Parse(filepath.Base(path), src)
}

// Draft reads a file whose secrets need not be there yet: what a reference cannot be found for is empty. Only its form is
// checked. It is for what has to be made before there are secrets.
func Draft(path string) (Config, error) {
	src, err := read(path)
	if err != nil {
		return Config{}, err
	}
	c := Default()
	if _, err := decode(&file{name: filepath.Base(path), draft: true}, src, &c); err != nil {
		return Config{}, err
	}
	return c, nil
}

func read(path string) ([]byte, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		var pe *os.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, fmt.Errorf("%s can't be read: %w; drey config init -c %s writes one to begin with", path, err, path)
	}
	return src, nil
}

// Parse reads and checks the text of a file; name is for the problems.
func Parse(name string, src []byte) (Config, error) {
	c := Default()
	f, err := decode(&file{name: name}, src, &c)
	if err != nil {
		return Config{}, err
	}
	c.validate(f)
	if len(f.problems) > 0 {
		slices.SortStableFunc(f.problems, func(a, b Problem) int { return a.Line - b.Line })
		return Config{}, f.problems
	}
	return c, nil
}

// validate asks every package about its part, and adds what only the whole can tell.
func (c Config) validate(f *file) {
	bad := func(key, format string, args ...any) { f.add(f.lineOf(key), key, format, args...) }
	c.Server.validate(bad)
	lines(c.Storage.Validate(), "storage", bad)
	c.validateClusters(bad)
	if c.Web.Enabled {
		lines(c.Web.Validate(), "web", bad)
	}
	lines(c.Slack.Validate(), "slack", bad)
	lines(c.Discord.Validate(), "discord", bad)
	var ap alerts.Problems
	if err := c.Alerts.Validate(); errors.As(err, &ap) {
		for _, p := range ap {
			bad(p.Key, "%s", p.Msg)
		}
	}
	for _, p := range c.Rights.Validate() {
		bad(p.Key, "%s", p.Msg)
	}
	c.validatePlaces(bad)
	c.validateMentions(bad)
	c.validateNames(bad)
}

type badFunc func(key, format string, args ...any)

// lines tells a joined error of "key: message" lines under a section's key.
func lines(err error, section string, bad badFunc) {
	if err == nil {
		return
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		key, msg, ok := strings.Cut(line, ": ")
		if !ok || strings.ContainsRune(key, ' ') {
			bad(section, "%s", line)
			continue
		}
		bad(section+"."+key, "%s", msg)
	}
}

func (s Server) validate(bad badFunc) {
	host, port, err := net.SplitHostPort(s.Listen)
	if n, perr := strconv.Atoi(port); err != nil || perr != nil || n < 0 || n > 65535 {
		bad("server.listen", "want ADDRESS:PORT such as 127.0.0.1:8080, have %q", s.Listen)
	}
	_ = host
	if u, err := url.Parse(s.ExternalURL); s.ExternalURL != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		bad("server.external_url", "want an http or https address such as https://drey.example.com")
	}
	if s.Drain < 0 || s.Drain > 10*time.Minute {
		bad("server.drain", "want 0s to 10m, have %s", s.Drain)
	}
	if !slices.Contains([]string{"text", "json"}, s.Log) {
		bad("server.log", "want text or json, have %q", s.Log)
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, s.LogLevel) {
		bad("server.log_level", "want debug, info, warn or error, have %q", s.LogLevel)
	}
}

func (c Config) validateClusters(bad badFunc) {
	for _, name := range slices.Sorted(maps.Keys(c.Clusters)) {
		key, cl := "clusters."+name, c.Clusters[name]
		if strings.ContainsAny(name, "/ =:\"'`") || name == "" {
			bad(key, "a cluster's name may not hold / = : blanks or quotes")
		}
		if u, err := url.Parse(cl.UI); cl.UI != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
			bad(key+".ui", "want an http or https address such as https://flink.example.com")
		}
		switch cl.Driver {
		case "session":
			lines(cl.Validate(), key, bad)
		case "":
			bad(key+".driver", "is missing; allowed: session")
		default:
			bad(key+".driver", "unknown driver %q; allowed: session", cl.Driver)
		}
	}
}
