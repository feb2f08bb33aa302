package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drey-ops/drey/config"
	"github.com/drey-ops/drey/platform/local"
	"github.com/drey-ops/drey/storage/storagetest"
)

// unpacedEnv makes the test's own program be a drey that keeps no pace of its own towards Slack: it names the configuration.
const unpacedEnv = "DREY_TEST_UNPACED"

// TestBeUnpaced is that drey, in a process of its own.
func TestBeUnpaced(t *testing.T) {
	file := os.Getenv(unpacedEnv)
	if file == "" {
		t.Skip("measurements run this in a process of its own")
	}
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Slack.Unpaced = true
	a, err := newApp(context.Background(), cfg, newLogger(cfg.Server, os.Stderr))
	if err != nil {
		t.Fatal(err)
	}
	ln, err := listen(context.Background(), cfg.Server.Listen)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(a.run(context.Background(), ln))
}

// program is a process that can be killed and started again.
type program struct {
	name  string
	url   string
	ready string // a path that answers 200 when it is
	make  func() *exec.Cmd
	log   string
	cmd   *exec.Cmd
}

func (p *program) start(t testing.TB) {
	t.Helper()
	p.spawn(t)
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		status, _, err := fetch(context.Background(), p.url+p.ready)
		if err == nil && strings.HasPrefix(status, "200") {
			return
		}
		if time.Now().After(end) {
			words, _ := os.ReadFile(p.log)
			t.Fatalf("%s is not ready: %s %v\n%.3000s", p.name, status, err, words)
		}
	}
}

// spawn starts it, and does not wait: it may not become ready before something else is well again.
func (p *program) spawn(t testing.TB) {
	t.Helper()
	if p.cmd != nil {
		return
	}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	p.cmd = p.make()
	p.cmd.Stdout, p.cmd.Stderr = out, out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
}

// kill ends it as kill -9 does; a second time does nothing.
func (p *program) kill() {
	if p.cmd != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		p.cmd = nil
	}
}

// side is one of the two ways from an alert to the chat: an Alertmanager that speaks to it, or one that speaks to drey.
type side struct {
	chat *peerChat
	am   *program
	drey []*program // none: the native way
	n    int        // groups so far
}

// sideOptions shape a side.
type sideOptions struct {
	interval time.Duration // group_interval; 0: Alertmanager's own five minutes
	unpaced  bool          // drey keeps no pace of its own
	program  string        // of drey; empty: the test's own
	replicas int           // of drey; 0: one
}

func (o sideOptions) intervalText() string {
	if o.interval == 0 {
		return "5m"
	}
	return o.interval.String()
}

func newNativeSide(t testing.TB, o sideOptions) *side {
	t.Helper()
	s := &side{chat: newPeerChat(t)}
	s.startAlertmanager(t, o, fmt.Sprintf(`slack_configs: [ { api_url: "%s/services/hook", channel: "{{ .CommonLabels.channel }}", send_resolved: true } ]`, s.chat.url))
	return s
}

const alertmanagerConf = `
route: { receiver: chat, group_by: [alertname], group_wait: 0s, group_interval: %s, repeat_interval: 4h }
receivers: [ { name: chat, %s } ]
`

func (s *side) startAlertmanager(t testing.TB, o sideOptions, receiver string) {
	t.Helper()
	binary, err := local.AlertmanagerBinary(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	dir, addr := t.TempDir(), fmt.Sprintf("127.0.0.1:%d", storagetest.FreePort(t))
	conf := filepath.Join(dir, "alertmanager.yml")
	if err := os.WriteFile(conf, fmt.Appendf(nil, alertmanagerConf, o.intervalText(), receiver), 0o600); err != nil {
		t.Fatal(err)
	}
	s.am = &program{name: "Alertmanager", url: "http://" + addr, ready: "/-/ready", log: filepath.Join(dir, "log"), make: func() *exec.Cmd {
		return exec.Command(binary, "--config.file", conf, "--storage.path", filepath.Join(dir, "data"), "--web.listen-address", addr, "--cluster.listen-address", "")
	}}
	s.am.start(t)
}

// Storms are off: every group is to be told for itself, as Alertmanager does.
const peersConf = `
server: { listen: "%s", log_level: warn }
storage: { redis: "%s" }
web: { users: [ { id: olga, name: Olga, role: operator, token: "token-of-olga-0123456789" } ] }
slack: { mode: http, bot_token: "xoxb-1", signing_secret: "` + peerSecret + `", api_url: "%s/api/" }
alerts:
  sources: { main: { token: "webhook-0123456789" } }
  storm: { from: -1 } # every incident is to be told by itself
  routes: [ { name: all, match: "true", to: ["slack:C0PEERS"], channel_from: "labels.channel" } ]
roles: { viewer: { everyone: true }, operator: { web_users: [olga] } }
policy: [ { allow: ["*.read"], roles: [viewer] } ]
`

// newDreySide starts drey with a redis-server of its own and an Alertmanager in front; several replicas stand behind one
// address, as behind a Service.
func newDreySide(t testing.TB, o sideOptions) *side {
	t.Helper()
	s := &side{chat: newPeerChat(t)}
	redis, _ := storagetest.Redis(t, "--appendfsync", "everysec")
	var addrs []string
	for range max(1, o.replicas) {
		dir, addr := t.TempDir(), fmt.Sprintf("127.0.0.1:%d", storagetest.FreePort(t))
		conf := filepath.Join(dir, "drey.yaml")
		if err := os.WriteFile(conf, fmt.Appendf(nil, peersConf, addr, redis, s.chat.url), 0o600); err != nil {
			t.Fatal(err)
		}
		p := &program{name: "drey", url: "http://" + addr, ready: "/readyz", log: filepath.Join(dir, "log"), make: func() *exec.Cmd {
			if o.program != "" {
				return exec.Command(o.program, "serve", "-c", conf)
			}
			return ownDrey(t, conf, o.unpaced)
		}}
		p.start(t)
		s.drey, addrs = append(s.drey, p), append(addrs, addr)
	}
	hook := "http://" + addrs[0]
	if len(addrs) > 1 {
		hook = balance(t, addrs)
	}
	s.startAlertmanager(t, o, fmt.Sprintf(`webhook_configs: [ { url: "%s/webhooks/alertmanager/main", send_resolved: true, http_config: { authorization: { credentials: "webhook-0123456789" } } } ]`, hook))
	return s
}

// ownDrey is drey serve by the test's own program.
func ownDrey(t testing.TB, conf string, unpaced bool) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if unpaced {
		cmd := exec.Command(self, "-test.run", "^TestBeUnpaced$", "-test.timeout", "0")
		cmd.Env = append(os.Environ(), unpacedEnv+"="+conf)
		return cmd
	}
	cmd := exec.Command(self, "serve", "-c", conf)
	cmd.Env = append(os.Environ(), beDrey+"=1")
	return cmd
}

// balance hands connections to the addresses in turn, and past those that take none.
func balance(t testing.TB, addrs []string) string {
	var turn atomic.Int64
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: "drey.example"}) },
		Transport: &http.Transport{MaxIdleConnsPerHost: -1, DialContext: func(ctx context.Context, _, _ string) (c net.Conn, err error) {
			first := int(turn.Add(1))
			for i := range addrs {
				var d net.Dialer
				if c, err = d.DialContext(ctx, "tcp", addrs[(first+i)%len(addrs)]); err == nil {
					return c, nil
				}
			}
			return nil, err
		}},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	service := &http.Server{Handler: proxy, ReadHeaderTimeout: 5 * time.Second}
	ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", storagetest.FreePort(t)))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = service.Serve(ln)
	}()
	t.Cleanup(func() {
		_ = service.Close()
		<-done
	})
	return "http://" + ln.Addr().String()
}

// fresh names groups that there were none of yet.
func (s *side) fresh(n int) []string {
	var out []string
	for range n {
		out = append(out, fmt.Sprintf("Peer%05d", s.n))
		s.n++
	}
	return out
}

// send gives Alertmanager an alert for each group, all in one request, over a number of channels. It returns when the
// request began.
func (s *side) send(t testing.TB, groups []string, channels int, over bool) time.Time {
	t.Helper()
	var list []map[string]any
	now := time.Now()
	for i, g := range groups {
		alert := map[string]any{
			"labels":       map[string]string{"alertname": g, "severity": "critical", "team": "orders", "channel": fmt.Sprintf("slack:C0PEERS%d", i%channels)},
			"annotations":  map[string]string{"summary": "Orders are late", "description": "7 restarts within 10 minutes. It falls back to its last checkpoint each time."},
			"generatorURL": "http://prometheus.example/graph?g0.expr=flink", "startsAt": now.Add(-time.Minute).UTC(),
		}
		if over {
			alert["endsAt"] = now.Add(-time.Second).UTC()
		}
		list = append(list, alert)
	}
	raw, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	resp, err := http.Post(s.am.url+"/api/v2/alerts", "application/json", bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("Alertmanager answers %s", resp.Status)
	}
	return begin
}

// front is the program that speaks to the chat.
func (s *side) front() *program {
	if len(s.drey) > 0 {
		return s.drey[0]
	}
	return s.am
}

// stop ends the programs, so that the next measurement has the machine for itself.
func (s *side) stop() {
	s.am.kill()
	for _, d := range s.drey {
		d.kill()
	}
}
