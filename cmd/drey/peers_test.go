package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/slackbot"
	"github.com/drey-ops/drey/bot/slackbot/slacktest"
	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/storagetest"
)

const (
	boltVersion = "5.1.0"
	peerSecret  = "8f742231b10e8888abcd99yyyzzz85a5"
	peerRounds  = 3
	peerRound   = 3 * time.Second
	peerClients = 16
)

// peerEnv makes the test's own program be one of the servers that TestPeers measures.
const peerEnv = "DREY_TEST_PEER"

// TestPeers compares how fast a signed slash command is verified and acknowledged: by a bare net/http handler with the
// same check, by drey's Slack adapter, and by Bolt for JavaScript. Each is a process of its own; rounds alternate, the
// median counts. It is run by make bench-peers, and needs node and npm.
func TestPeers(t *testing.T) {
	if os.Getenv("DREY_PEERS") == "" {
		t.Skip("make bench-peers runs this")
	}
	slack := slacktest.New(t, slacktest.Options{NoLimits: true})
	slack.User("olga")
	peers := []*peer{
		startPeer(t, "bare net/http", ownPeer(t, "bare", slack)),
		startPeer(t, "drey", ownPeer(t, "drey", slack)),
		startPeer(t, "Bolt JS "+boltVersion, boltPeer(t)),
	}
	for range peerRounds {
		for _, p := range peers {
			p.measure(t, slack.Channel("ops"), slack.User("olga"))
		}
	}
	t.Logf("%-16s %12s %10s %10s", "server", "commands/s", "p50 (ms)", "p99 (ms)")
	for _, p := range peers {
		t.Logf("%-16s %12.0f %10.2f %10.2f", p.name, middle(p.rate), middle(p.p50), middle(p.p99))
	}
	t.Logf("drey / bare = %.2f (target ≥ 0.60), drey / Bolt JS = %.1f (target ≥ 3)", middle(peers[1].rate)/middle(peers[0].rate), middle(peers[1].rate)/middle(peers[2].rate))
}

// peer is one server under measurement.
type peer struct {
	name, url      string
	rate, p50, p99 []float64
}

func middle(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}

// startPeer runs the command that make gives for a port, and waits until it listens.
func startPeer(t *testing.T, name string, command func(port int) *exec.Cmd) *peer {
	t.Helper()
	port := storagetest.FreePort(t)
	cmd := command(port)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			_ = c.Close()
			return &peer{name: name, url: "http://" + addr + "/slack/commands"}
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not listen: %v", name, err)
		}
	}
}

func ownPeer(t *testing.T, which string, slack *slacktest.Slack) func(port int) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return func(port int) *exec.Cmd {
		cmd := exec.Command(self, "-test.run", "^TestBeAPeer$")
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %s %s", peerEnv, which, port, slack.APIURL(), slack.BotToken()))
		return cmd
	}
}

// boltPeer installs Bolt into a cache folder and serves it with its own receiver.
func boltPeer(t *testing.T) func(port int) *exec.Cmd {
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "drey", "bolt-"+boltVersion)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	if !fileIs(filepath.Join(dir, "node_modules", "@slack", "bolt", "package.json")) {
		npm := exec.Command("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", dir, "@slack/bolt@"+boltVersion)
		if out, err := npm.CombinedOutput(); err != nil {
			t.Fatalf("npm install: %v\n%s", err, out)
		}
	}
	script := filepath.Join(dir, "peer.js")
	err = os.WriteFile(script, []byte(`const { App, HTTPReceiver, LogLevel } = require('@slack/bolt');
const receiver = new HTTPReceiver({ signingSecret: process.env.SECRET, endpoints: ['/slack/commands'], logLevel: LogLevel.ERROR });
const app = new App({ receiver, authorize: async () => ({ botToken: 'xoxb-1', botId: 'B1', botUserId: 'U1' }), logLevel: LogLevel.ERROR });
app.command('/drey', async ({ ack }) => { await ack(); });
receiver.start({ port: Number(process.env.PORT), host: '127.0.0.1' });
`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return func(port int) *exec.Cmd {
		cmd := exec.Command("node", script)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PORT="+strconv.Itoa(port), "SECRET="+peerSecret, "NODE_ENV=production")
		return cmd
	}
}

// measure posts signed commands for a round, each client as fast as it is answered.
func (p *peer) measure(t *testing.T, channel, user string) {
	t.Helper()
	var mu sync.Mutex
	var all []time.Duration
	var wg sync.WaitGroup
	transport := &http.Transport{MaxIdleConnsPerHost: peerClients}
	defer transport.CloseIdleConnections()
	begin := time.Now()
	for c := range peerClients {
		wg.Go(func() {
			var mine []time.Duration
			for n := 0; time.Since(begin) < peerRound; n++ {
				start := time.Now()
				if err := postCommand(transport, p.url, channel, user, fmt.Sprintf("%d.%d.%d", c, n, start.UnixNano()), ""); err != nil {
					t.Errorf("%s: %v", p.name, err)
					return
				}
				mine = append(mine, time.Since(start))
			}
			mu.Lock()
			all = append(all, mine...)
			mu.Unlock()
		})
	}
	wg.Wait()
	took := time.Since(begin)
	if len(all) == 0 {
		t.Fatalf("%s answered nothing", p.name)
	}
	slices.Sort(all)
	ms := func(q float64) float64 { return float64(all[int(q*float64(len(all)-1))]) / 1e6 }
	p.rate, p.p50, p.p99 = append(p.rate, float64(len(all))/took.Seconds()), append(p.p50, ms(.5)), append(p.p99, ms(.99))
}

// postCommand posts a signed slash command; respond is its response URL.
func postCommand(transport http.RoundTripper, address, channel, user, trigger, respond string) error {
	body := url.Values{
		"command": {"/drey"}, "text": {"whoami"}, "user_id": {user}, "user_name": {"olga"}, "channel_id": {channel}, "channel_name": {"ops"}, "team_id": {"T0"},
		"team_domain": {"t"}, "api_app_id": {"A0"}, "trigger_id": {trigger}, "response_url": {respond}, "token": {"x"},
	}.Encode()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		return err
	}
	at := strconv.FormatInt(time.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Slack-Request-Timestamp", at)
	req.Header.Set("X-Slack-Signature", slackbot.Sign(peerSecret, at, []byte(body)))
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("answered %s", resp.Status)
	}
	return nil
}

// TestBeAPeer is a server of TestPeers, in a process of its own.
func TestBeAPeer(t *testing.T) {
	var which, api, token string
	var port int
	if _, err := fmt.Sscan(os.Getenv(peerEnv), &which, &port, &api, &token); err != nil {
		t.Skip("TestPeers runs this in a process of its own")
	}
	var h http.Handler = http.HandlerFunc(verifyOnly)
	if which == "drey" {
		db, err := storage.Open(t.Context(), storage.Options{Memory: true}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		b := slackbot.New(db, slog.New(slog.DiscardHandler), slackbot.Options{Mode: slackbot.ModeHTTP, BotToken: "xoxb-1", SigningSecret: peerSecret, APIURL: api})
		go func() { _ = b.Receive(t.Context(), deaf{}) }()
		h = b.Handler()
	}
	t.Log(http.ListenAndServe(fmt.Sprintf("127.0.0.1:%d", port), h))
}

// verifyOnly verifies as Slack asks for, and does nothing else.
func verifyOnly(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	at, _ := strconv.ParseInt(r.Header.Get("X-Slack-Request-Timestamp"), 10, 64)
	mac := hmac.New(sha256.New, []byte(peerSecret))
	fmt.Fprintf(mac, "v0:%d:", at)
	mac.Write(body)
	want := "v0=" + hex.EncodeToString(mac.Sum(nil))
	if err != nil || time.Since(time.Unix(at, 0)).Abs() > 5*time.Minute || subtle.ConstantTimeCompare([]byte(want), []byte(r.Header.Get("X-Slack-Signature"))) != 1 {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if _, err := url.ParseQuery(string(body)); err != nil {
		w.WriteHeader(http.StatusBadRequest)
	}
}

// deaf is a sink that does nothing with what it is given.
type deaf struct{}

func (deaf) Deliver(context.Context, bot.Event) {}

func (deaf) Suggest(_ context.Context, a bot.Ask) bot.Suggestions {
	return bot.Suggestions{From: a.At, To: a.At}
}
