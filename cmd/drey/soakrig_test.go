package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot/slackbot/slacktest"
	"github.com/drey-ops/drey/platform/local"
	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/storagetest"
)

// soakRig is what a soak plays with: two Alertmanagers that gossip, two dreys on one Redis behind one address, and the strict
// fake Slack behind a gate.
type soakRig struct {
	dir   string
	slack *slacktest.Slack
	gate  *soakGate
	redis *storagetest.Server
	db    *storage.DB // to look at; nothing is written through it
	hook  string      // the address of both dreys
	ams   [2]*soakAM
	dreys [2]*program
}

// soakAM is one of the two Alertmanagers.
type soakAM struct {
	*program
	conf, data, gossip string
	alone              bool // it does not know the other
}

// Times are short, so that much happens within a minute; a channel has no pace, as drey's own would hide what goes wrong behind it.
const soakConf = `
server: { listen: "%s", log_level: info, log: json }
storage: { redis: "%s" }
web: { users: [ { id: olga, name: Olga, role: operator, token: "token-of-olga-0123456789" } ] }
slack: { mode: http, bot_token: "%s", signing_secret: "%s", api_url: "%s/api/" }
alerts:
  sources: { main: { token: "webhook-0123456789", alertmanager: ["%s", "%s"] } }
  storm: { from: -1 }
  reopen_within: 6s
  reconcile_every: 2s
  settle_after: 5s
  escalations: { ladder: { steps: [ { after: 5s, to: ["slack:C0SOAKC"] }, { after: 9s, mention: ["slack:user:U0OLGA"] } ] } }
  routes:
    - { name: both, match: 'labels.alertname == "SoakGroup0"', to: ["slack:C0SOAKA", "slack:C0SOAKB"] }
    - { name: jobs, match: 'labels.job_name != ""', to: ["slack:C0SOAKA"], escalate: ladder }
    - { name: rest, match: "true", to: ["slack:C0SOAKB"] }
roles: { viewer: { everyone: true } }
policy: [ { allow: ["*.read", "alert.*"], roles: [viewer] } ]
`

// soakUser is the person who presses buttons.
const soakUser = "olga"

func newSoakRig(t testing.TB, newest bool) *soakRig {
	t.Helper()
	r := &soakRig{dir: t.TempDir(), gate: &soakGate{}}
	addrs := []string{soakAddr(t), soakAddr(t)}
	r.hook = balance(t, addrs)
	// Limits are off: two replicas pace themselves apart, and are told by Slack's refusals, which the schedule brings.
	r.slack = slacktest.New(t, slacktest.Options{RequestURL: r.hook, NoLimits: true, Violation: nil})
	for _, name := range []string{"soaka", "soakb", "soakc"} {
		r.slack.Channel(name)
	}
	r.slack.User(soakUser)
	r.gate.open(t, strings.TrimSuffix(r.slack.APIURL(), "/api/"))
	url, server := storagetest.Redis(t)
	r.redis, r.db = server, storagetest.With(t, storage.Options{Redis: url})
	r.alertmanagers(t, newest)
	for i, addr := range addrs {
		conf := filepath.Join(r.dir, fmt.Sprintf("drey%d.yaml", i))
		text := fmt.Appendf(nil, soakConf, addr, url, r.slack.BotToken(), r.slack.SigningSecret(), r.gate.url, r.ams[0].url, r.ams[1].url)
		if err := os.WriteFile(conf, text, 0o600); err != nil {
			t.Fatal(err)
		}
		r.dreys[i] = &program{name: fmt.Sprintf("drey %d", i), url: "http://" + addr, ready: "/readyz", log: filepath.Join(r.dir, fmt.Sprintf("drey%d.log", i))}
		r.dreys[i].make = soakDrey(t, conf)
		r.dreys[i].start(t)
	}
	for _, am := range r.ams {
		am.start(t)
	}
	return r
}

func soakAddr(t testing.TB) string { return fmt.Sprintf("127.0.0.1:%d", storagetest.FreePort(t)) }

func (r *soakRig) alertmanagers(t testing.TB, newest bool) {
	t.Helper()
	find := local.AlertmanagerBinary
	if newest {
		find = local.NewestAlertmanager
	}
	binary, err := find(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.ams {
		addr, dir := soakAddr(t), filepath.Join(r.dir, fmt.Sprintf("am%d", i))
		am := &soakAM{conf: dir + ".yml", data: dir, gossip: soakAddr(t)}
		am.program = &program{name: fmt.Sprintf("Alertmanager %d", i), url: "http://" + addr, ready: "/-/ready", log: dir + ".log"}
		am.make = soakAlertmanager(binary, addr, am, func() string { return r.ams[1-i].gossip })
		r.ams[i] = am
	}
	r.configure(t, 0)
}

// The shapes of Alertmanager's configuration: the groups keep their labels, but not Alertmanager's key of them.
const soakRoutes = `
route:
  receiver: chat
  group_by: [alertname, team]
  group_wait: 300ms
  group_interval: 1s
  repeat_interval: 8s
%s
receivers:
  - name: chat
    webhook_configs:
      - { url: "%s/webhooks/alertmanager/main", send_resolved: true, max_alerts: %d, http_config: { authorization: { credentials: "webhook-0123456789" } } }
`

// configure writes the configuration of both Alertmanagers in one of its shapes.
func (r *soakRig) configure(t testing.TB, shape int) {
	t.Helper()
	child := []string{"", `  routes: [ { matchers: [ 'severity =~ ".+"' ] } ]`, `  routes: [ { matchers: [ 'team = "orders"' ] } ]`}[shape%3]
	most := []int{0, 1}[shape/3] // that a webhook tells of
	for _, am := range r.ams {
		if err := os.WriteFile(am.conf, fmt.Appendf(nil, soakRoutes, child, r.hook, most), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// soakShapes is how many there are.
const soakShapes = 6

// post gives both Alertmanagers alerts, as Prometheus does: one that is away hears of them later.
func (r *soakRig) post(client *http.Client, alerts []map[string]any) {
	raw, err := json.Marshal(alerts)
	if err != nil || len(alerts) == 0 {
		return
	}
	var wg sync.WaitGroup
	for _, am := range r.ams {
		wg.Go(func() {
			if resp, err := client.Post(am.url+"/api/v2/alerts", "application/json", bytes.NewReader(raw)); err == nil {
				_ = resp.Body.Close()
			}
		})
	}
	wg.Wait()
}

// soakMood is how Slack answers; the zero value is well.
type soakMood struct {
	status int           // of every answer; 0: what Slack says
	retry  int           // Retry-After of these
	delay  time.Duration // before a call is passed on
	lose   float64       // how many of the calls take effect without an answer
	hang   bool          // no answer, and no effect
}

// soakGate stands between drey and Slack.
type soakGate struct {
	url string

	mu   sync.Mutex
	mood soakMood
	well chan struct{} // closed when the mood changes
}

func (g *soakGate) be(m soakMood) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mood = m
	if g.well != nil {
		close(g.well)
	}
	g.well = make(chan struct{})
}

func (g *soakGate) open(t testing.TB, to string) {
	g.be(soakMood{})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		g.mu.Lock()
		m, changed := g.mood, g.well
		g.mu.Unlock()
		if m.hang || m.delay > 0 {
			late := time.After(m.delay)
			if m.hang {
				late = nil
			}
			select {
			case <-late:
			case <-changed:
			case <-r.Context().Done():
			}
			if m.hang || r.Context().Err() != nil {
				panic(http.ErrAbortHandler)
			}
		}
		if m.status != 0 {
			if m.retry > 0 {
				w.Header().Set("Retry-After", fmt.Sprint(m.retry))
			}
			w.WriteHeader(m.status)
			return
		}
		g.pass(client, w, r, to, body, rand.Float64() < m.lose)
	}))
	g.url = srv.URL
	t.Cleanup(func() {
		g.be(soakMood{})
		srv.Close()
		client.CloseIdleConnections()
	})
}

// pass lets Slack have the call, whether the caller waits for the answer or not.
func (g *soakGate) pass(client *http.Client, w http.ResponseWriter, r *http.Request, to string, body []byte, lose bool) {
	req, err := http.NewRequest(r.Method, to+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	req.Header = r.Header.Clone()
	resp, err := client.Do(req)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || lose {
		panic(http.ErrAbortHandler)
	}
	for k, v := range resp.Header {
		w.Header()[k] = v
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(answer)
}
