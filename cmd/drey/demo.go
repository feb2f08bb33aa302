package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/alerts/rules"
	"github.com/drey-ops/drey/bot/webbot"
	"github.com/drey-ops/drey/commands"
	"github.com/drey-ops/drey/config"
	"github.com/drey-ops/drey/config/secret"
	"github.com/drey-ops/drey/platform/local"
	"github.com/drey-ops/drey/platform/session"
	"github.com/drey-ops/drey/storage"
)

// demoFlink is the Flink version that the demo fetches.
const demoFlink = "2.3.0"

type demoFlags struct {
	listen  string
	flink   string
	gateway string
	noFlink bool
	verbose bool
}

// demo is drey demo: everything on this machine, with no account anywhere.
func demo(ctx context.Context, args []string, s streams) error {
	var f demoFlags
	fs := flag.NewFlagSet("demo", flag.ContinueOnError)
	fs.StringVar(&f.listen, "listen", "127.0.0.1:8080", "the console's `address`; only this machine can be let in")
	fs.StringVar(&f.flink, "flink", "", "a Flink home `DIR`, or the URL of a running JobManager; the default fetches Flink "+demoFlink)
	fs.StringVar(&f.gateway, "sql-gateway", "", "with --flink URL: the SQL Gateway's `URL`")
	fs.BoolVar(&f.noFlink, "no-flink", false, "only the console, without a cluster")
	fs.BoolVar(&f.verbose, "v", false, "show drey's own log")
	if err := flags(fs, args, s, 0, 0); err != nil {
		return err
	}
	if host, _, err := net.SplitHostPort(f.listen); err != nil || !loopback(host) {
		return &usageError{fmt.Sprintf("--listen %s: the demo signs people in without a password, so it listens on this machine alone: 127.0.0.1:PORT", f.listen)}
	}
	ln, err := listen(ctx, f.listen) // first: nobody wants to learn of a taken port after a long download
	if err != nil {
		return err
	}
	st := &stage{f: f, ctx: ctx, out: s.out, ln: ln}
	defer st.end()
	if err := st.run(); err != nil {
		if ctx.Err() != nil {
			return nil // Ctrl-C during the set-up
		}
		return err
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// stage is the demo being set up and running; it ends what it started and nothing else.
type stage struct {
	f   demoFlags
	ctx context.Context
	out io.Writer
	ln  net.Listener
	dir string

	mu      sync.Mutex // one line at a time
	began   time.Time
	endings []func()
}

func (st *stage) say(format string, args ...any) {
	st.mu.Lock()
	defer st.mu.Unlock()
	fmt.Fprintf(st.out, "%5.0fs  %s\n", time.Since(st.began).Seconds(), fmt.Sprintf(format, args...))
}

func (st *stage) progress(line string) { st.say("%s", line) }

// atEnd runs fn when the demo ends, the newest first.
func (st *stage) atEnd(fn func()) { st.endings = append(st.endings, fn) }

func (st *stage) end() {
	_ = st.ln.Close()
	if len(st.endings) > 0 {
		st.say("stopping what the demo started")
	}
	for i := len(st.endings) - 1; i >= 0; i-- {
		st.endings[i]()
	}
}

func (st *stage) run() (err error) {
	st.began = time.Now()
	if st.dir, err = os.MkdirTemp("", "drey-demo-"); err != nil {
		return fmt.Errorf("no folder for the demo's files: %w", err)
	}
	st.atEnd(func() { _ = os.RemoveAll(st.dir) })
	cfg := demoConfig(st.f.listen)
	cfg.Storage = storage.Options{Dir: filepath.Join(st.dir, "store")}
	token := rand.Text()
	var flink *local.Cluster
	if !st.f.noFlink {
		if flink, err = st.cluster(&cfg); err != nil {
			return err
		}
	}
	cfg.Alerts.Sources = map[string]alerts.Source{"demo": st.watch(&cfg, flink, token)}
	return st.serve(cfg, flink != nil)
}

// cluster finds or starts the Flink that the demo runs on, and writes it into cfg. It returns nil for a given URL.
func (st *stage) cluster(cfg *config.Config) (*local.Cluster, error) {
	set := func(url, gateway string) {
		cfg.Clusters = map[string]config.Cluster{"demo": {Driver: "session", Options: session.Options{URL: url, SQLGateway: gateway}, Labels: map[string]string{"env": "demo"}, UI: url}}
	}
	if strings.Contains(st.f.flink, "://") {
		set(st.f.flink, st.f.gateway)
		st.say("using the Flink cluster at the address given")
		return nil, cfg.Clusters["demo"].Validate()
	}
	home := st.f.flink
	if home == "" {
		cache, err := local.CacheDir()
		if err != nil {
			return nil, err
		}
		if home, err = local.Fetch(st.ctx, demoFlink, cache, st.progress); err != nil {
			return nil, fmt.Errorf("%w\n(drey demo --no-flink shows the console without a cluster)", err)
		}
	} else if _, err := local.Find(home); err != nil {
		return nil, err
	}
	c, err := local.Start(st.ctx, local.Options{Home: home, Slots: 12, Progress: st.progress})
	if err != nil {
		return nil, err
	}
	st.atEnd(c.Stop)
	set(c.URL(), c.GatewayURL())
	return c, nil
}

// watch starts Alertmanager and Prometheus, and goes on without them where they cannot be had. It returns where they are.
func (st *stage) watch(cfg *config.Config, flink *local.Cluster, token string) alerts.Source {
	src := alerts.Source{Token: secret.Text(token)}
	am, err := local.Alertmanager(st.ctx, local.AlertmanagerOptions{
		WebhookURL: "http://" + st.ln.Addr().String() + "/webhooks/alertmanager/demo", Token: token, Progress: st.progress,
	})
	if err != nil {
		st.say("without alerts: %v", err)
		return src
	}
	st.atEnd(am.Stop)
	src.Alertmanager = alerts.Addresses{am.URL()}
	if flink == nil {
		return src
	}
	files, err := rules.Write(filepath.Join(st.dir, "rules"), rules.Demo)
	if err != nil {
		st.say("without alert rules: %v", err)
		return src
	}
	prom, err := local.Prometheus(st.ctx, local.PrometheusOptions{
		Targets: flink.ScrapeTargets(), Labels: map[string]string{"cluster": "demo"},
		RuleFiles: files, Alertmanager: am.URL(), Progress: st.progress,
	})
	if err != nil {
		st.say("without Flink's alerts: %v", err)
		return src
	}
	st.atEnd(prom.Stop)
	src.Prometheus = prom.URL()
	return src
}

// serve runs drey itself until the demo ends.
func (st *stage) serve(cfg config.Config, jobs bool) error {
	logTo := st.quiet()
	a, err := newApp(st.ctx, cfg, newLogger(cfg.Server, logTo))
	if err != nil {
		return err
	}
	st.say("store: %s", a.db.Kind())
	ctx, cancel := context.WithCancel(st.ctx)
	defer cancel()
	if jobs {
		go st.seed(ctx, a)
	}
	st.say("the console is at  http://%s  (Ctrl-C ends everything)", st.ln.Addr())
	return errors.Join(a.run(ctx, st.ln), a.close())
}

// quiet is where drey's own log goes: a file of the demo, unless it is to be seen.
func (st *stage) quiet() io.Writer {
	if st.f.verbose {
		return st.out
	}
	file, err := os.Create(filepath.Join(st.dir, "drey.log"))
	if err != nil {
		return io.Discard
	}
	st.atEnd(func() { _ = file.Close() })
	return file
}

// demoConfig is the demo's configuration: olga operates, vera looks, rita reviews.
func demoConfig(listen string) config.Config {
	cfg := config.Default()
	cfg.Server.Listen = listen
	cfg.Server.Drain = 3 * time.Second
	cfg.Web = webbot.Options{Enabled: true, Login: webbot.LoginDemo}
	cfg.Alerts = alerts.Options{
		Routes: []alerts.Route{{Name: "oncall", Match: "true", To: []string{"web:oncall"}}},
		// The demo's Alertmanager is fresh, and so are its alerts.
		SettleAfter: 20 * time.Second, ReconcileEvery: 10 * time.Second,
	}
	cfg.Rights = commands.Options{
		Roles: map[string]commands.Role{
			"operator": {WebUsers: []string{"olga"}},
			"reviewer": {WebUsers: []string{"rita"}},
			"viewer":   {Everyone: true},
		},
		Policy: []commands.Rule{
			{Name: "all may look", Allow: []string{"*.read"}, Roles: []string{"viewer"}},
			{Name: "operators run the jobs", Allow: []string{"job.*", "savepoint.*", "sql.*", "alert.*", "operation.*"}, Roles: []string{"operator"}},
			{Name: "reviewers acknowledge", Allow: []string{"alert.ack"}, Roles: []string{"reviewer"}},
			{Name: "code needs a second person", Require: commands.RequireApproval, For: []string{"sql.code"}, By: []string{"reviewer"}, Within: 15 * time.Minute},
		},
	}
	return cfg
}
