package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot/discordbot/discordtest"
	"github.com/drey-ops/drey/storage/storagetest"
)

// newcomer sets drey up in Discord as the README says, with the real program.
type newcomer struct {
	t       *testing.T
	d       *discordtest.Discord
	dir     string
	base    string
	channel string
	alerts  int
}

const newcomerConf = `server: { listen: "127.0.0.1:%d" }
storage: { dir: "%s/store" }
web: { enabled: false }
discord:
  mode: %s
  application_id: "%s"
  public_key: "%s"
  bot_token: "${file:%s/token}"
  api_url: "%s"
  guilds: ["%s"]
clusters: {}
alerts:
  sources: { main: { token: "webhook-0123456789" } }
  routes: [{ name: all, match: "true", to: ["discord:%s"] }]
roles:
  operator: { discord_roles: ["%s"] }
  viewer: { everyone: true }
policy:
  - { name: look, allow: ["*.read"], roles: [viewer] }
  - { name: act, allow: ["*"], roles: [operator] }
`

func newNewcomer(t *testing.T, mode string) *newcomer {
	t.Helper()
	port := storagetest.FreePort(t)
	n := &newcomer{t: t, dir: t.TempDir(), base: fmt.Sprintf("http://127.0.0.1:%d", port)}
	var o discordtest.Options
	if mode == "http" {
		o.RequestURL = n.base
	}
	n.d = discordtest.New(t, o)
	n.channel = n.d.Channel("oncall")
	n.d.User("Olga", "operators")
	n.token(n.d.BotToken())
	conf := fmt.Sprintf(newcomerConf, port, n.dir, mode, n.d.ApplicationID(), n.d.PublicKey(), n.dir, n.d.APIURL(), n.d.Guild(), n.channel, n.d.Role("operators"))
	if err := os.WriteFile(filepath.Join(n.dir, "drey.yaml"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	return n
}

func (n *newcomer) token(s string) {
	n.t.Helper()
	if err := os.WriteFile(filepath.Join(n.dir, "token"), []byte(s), 0o600); err != nil {
		n.t.Fatal(err)
	}
}

// drey runs the program and wants its exit code and each of these words in what it says.
func (n *newcomer) drey(line string, code int, words ...string) string {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), time.Minute)
	defer cancel()
	cmd := n.command(ctx, line)
	out, err := cmd.CombinedOutput()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		n.t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		n.t.Errorf("drey %s: exit code %d, want %d\n%s", line, got, code, out)
	}
	for _, w := range words {
		if !strings.Contains(string(out), w) {
			n.t.Errorf("drey %s says nothing of %q:\n%s", line, w, out)
		}
	}
	return string(out)
}

func (n *newcomer) command(ctx context.Context, line string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		n.t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, self, append(strings.Fields(line), "-c", filepath.Join(n.dir, "drey.yaml"))...)
	cmd.Env = append(os.Environ(), beDrey+"=1")
	return cmd
}

// until waits for what may take a moment.
func (n *newcomer) until(what string, ok func() bool) {
	n.t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			var seen []string
			for _, m := range n.d.See("Olga", n.channel, "") {
				seen = append(seen, m.Text)
			}
			n.t.Fatalf("no %s; Olga sees %q", what, seen)
		}
	}
}

// sees says whether somebody sees a message with all these words.
func (n *newcomer) sees(who string, words ...string) bool {
	return slices.ContainsFunc(n.d.See(who, n.channel, ""), func(m discordtest.Seen) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(m.Text, w) })
	})
}

// alert sends an alert as Alertmanager does.
func (n *newcomer) alert() string {
	n.t.Helper()
	n.alerts++
	name := fmt.Sprintf("Lag%d", n.alerts)
	body := fmt.Sprintf(`{"version":"4","receiver":"drey","status":"firing","groupKey":"{}:{%[1]s}","groupLabels":{},"commonLabels":{},"commonAnnotations":{},"externalURL":"http://am.example",
		"alerts":[{"status":"firing","labels":{"alertname":%[1]q,"severity":"critical"},"annotations":{"summary":"%[1]s is high"},"startsAt":%[2]q,"endsAt":"0001-01-01T00:00:00Z","generatorURL":"","fingerprint":"%016[3]x"}]}`,
		name, time.Now().Add(-time.Minute).UTC().Format(time.RFC3339), n.alerts)
	req, err := http.NewRequestWithContext(n.t.Context(), http.MethodPost, n.base+"/webhooks/alertmanager/main", strings.NewReader(body))
	if err != nil {
		n.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer webhook-0123456789")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		n.t.Fatalf("webhook: %s", resp.Status)
	}
	return name
}

// TestDiscordAsInTheReadme goes through the section of the README from the invitation to the rotation of the token.
func TestDiscordAsInTheReadme(t *testing.T) {
	for _, mode := range []string{"gateway", "http"} {
		t.Run(mode, func(t *testing.T) {
			n := newNewcomer(t, mode)
			n.drey("config check", 0)
			invite, err := url.Parse(strings.TrimSpace(n.drey("discord invite", 0)))
			if err != nil || invite.Query().Get("client_id") != n.d.ApplicationID() || !strings.Contains(invite.Query().Get("scope"), "applications.commands") {
				t.Errorf("invitation %s", invite)
			}
			n.drey("doctor", 1, "MEND Discord: commands", "drey discord register")
			n.drey("discord register", 0, "registered: "+n.d.Guild())
			n.drey("discord register", 0, "has these commands already")
			n.drey("doctor", 0, "all is well")
			n.d.ChangeChannel(n.channel, func(c *discordtest.ChannelState) { c.Missing = append(c.Missing, "EMBED_LINKS") })
			n.drey("doctor", 1, "MEND Discord: channel #oncall", "Embed Links", "1 to mend")
			n.d.ChangeChannel(n.channel, func(c *discordtest.ChannelState) { c.Missing = c.Missing[:len(c.Missing)-1] })
			n.token("wrong")
			if out := n.drey("doctor", 1, "MEND Discord: bot token"); strings.Contains(out, "wrong\n") {
				t.Error(out)
			}
			n.token(n.d.BotToken())
			if !t.Failed() {
				n.serve()
			}
		})
	}
}

// serve runs drey serve and uses it.
func (n *newcomer) serve() {
	var log bytes.Buffer
	cmd := n.command(context.Background(), "serve")
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil || n.t.Failed() {
			n.t.Errorf("drey ended: %v\n%s", err, log.String())
		}
	}()
	n.until("drey that receives", func() bool {
		err := n.d.Slash("Olga", n.channel, "drey whoami", nil)
		return err == nil
	})
	n.until("answer", func() bool { return n.sees("Olga", "operator") })

	first := n.alert()
	n.until("incident", func() bool { return n.sees("Olga", first) })
	n.press("Olga", "Ack")
	n.until("acknowledgement", func() bool { return n.sees("Vera", "Acknowledged: "+first, "by Olga") })

	if err := n.d.Slash("Olga", n.channel, "flink sql", nil); err != nil {
		n.t.Errorf("form: %v", err)
	}
	n.until("form", func() bool { _, open := n.d.Modal("Olga"); return open })

	n.d.Rotate()
	n.token(n.d.BotToken())
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		n.t.Fatal(err)
	}
	second := n.alert()
	n.until("incident posted with the new token", func() bool { return n.sees("Olga", second) })
	n.until("answer after the rotation", func() bool { return n.d.Slash("Olga", n.channel, "drey whoami", nil) == nil })
}

func (n *newcomer) press(who, label string) {
	n.t.Helper()
	if err := n.d.Click(who, n.channel, label); err != nil {
		n.t.Fatalf("press %s: %v", label, err)
	}
}
