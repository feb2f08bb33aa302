package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot/slackbot"
	"github.com/drey-ops/drey/bot/slackbot/slacktest"
	"github.com/drey-ops/drey/storage/storagetest"
)

// settler sets drey up in Slack as the README says: with the file that drey config init writes.
type settler struct {
	*testing.T
	slack *slacktest.Slack
	file  string
	port  int
	ann   string
	ops   string
}

// newSettler takes the # from the section slack of a new file; change changes more of it.
func newSettler(t *testing.T, mode string, change ...string) *settler {
	t.Helper()
	n := &settler{T: t, port: storagetest.FreePort(t), file: filepath.Join(t.TempDir(), "drey.yaml")}
	n.slack = slacktest.New(t, slacktest.Options{AckWithin: 15 * time.Second}) // a busy machine is not what is tested
	if mode == "http" {
		n.slack.SetRequestURL(fmt.Sprintf("http://127.0.0.1:%d", n.port))
	}
	n.ann, n.ops = n.slack.User("ann"), n.slack.Channel("ops")
	n.must("config", "init", "-c", n.file)
	raw, err := os.ReadFile(n.file)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	inSlack := false
	for line := range strings.SplitSeq(string(raw), "\n") {
		if inSlack = strings.HasPrefix(line, "# slack:") || inSlack && strings.HasPrefix(line, "#   "); inSlack {
			line = strings.TrimPrefix(line, "# ")
		}
		lines = append(lines, line)
	}
	edits := append([]string{
		"  mode: socket", "  mode: " + mode + "\n  api_url: " + n.slack.APIURL(),
		"127.0.0.1:8080", fmt.Sprintf("127.0.0.1:%d", n.port), "# dir: /var/lib/drey", "dir: " + t.TempDir(),
		"127.0.0.1:8081", "127.0.0.1:1", "127.0.0.1:8083", "127.0.0.1:1", "127.0.0.1:9093", "127.0.0.1:1", // nothing else is there
		`channels: ["web:ops", "web:oncall"]`, `channels: ["web:ops", "slack:#ops", "slack:home"]`,
	}, change...)
	if mode == "http" {
		edits = append(edits, "  app_token:", "  # app_token:", "  # signing_secret:", "  signing_secret:")
	}
	if err := os.WriteFile(n.file, []byte(strings.NewReplacer(edits...).Replace(strings.Join(lines, "\n"))), 0o600); err != nil {
		t.Fatal(err)
	}
	return n
}

// tokens puts the secrets into the environment: those that Slack shows once there is an app, for the mode alone.
func (n *settler) tokens() {
	n.Setenv("DREY_TOKEN_OLGA", "token-of-olga-0123456789")
	n.Setenv("DREY_WEBHOOK_TOKEN", "webhook-0123456789")
	n.Setenv("SLACK_BOT_TOKEN", n.slack.BotToken())
	n.Setenv("SLACK_APP_TOKEN", n.slack.AppToken())
	n.Setenv("SLACK_SIGNING_SECRET", n.slack.SigningSecret())
}

func (n *settler) drey(args ...string) (code int, stdout, stderr string) {
	n.Helper()
	var out, bad bytes.Buffer
	code = run(n.Context(), args, streams{strings.NewReader(""), &out, &bad})
	return code, out.String(), bad.String()
}

func (n *settler) must(args ...string) string {
	n.Helper()
	code, out, bad := n.drey(args...)
	if code != 0 {
		n.Fatalf("drey %s: %d\n%s%s", strings.Join(args, " "), code, out, bad)
	}
	return out
}

// serve runs drey serve until the test ends.
func (n *settler) serve() {
	n.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var log logBuffer
	done := make(chan int, 1)
	go func() { done <- run(ctx, []string{"serve", "-c", n.file}, streams{strings.NewReader(""), &log, &log}) }()
	n.Cleanup(func() {
		stop()
		if code := <-done; code != 0 || n.Failed() {
			n.Errorf("drey serve ended with %d:\n%s", code, log.String())
		}
	})
	n.until("drey is ready", func() bool {
		status, _, err := fetch(n.Context(), fmt.Sprintf("http://127.0.0.1:%d/readyz", n.port))
		return err == nil && strings.HasPrefix(status, "200")
	})
}

func (n *settler) until(what string, cond func() bool) {
	n.Helper()
	for end := time.Now().Add(20 * time.Second); !cond(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			n.Fatalf("never: %s", what)
		}
	}
}

// reads waits until ann reads text in a channel, or in the thread of what she said last.
func (n *settler) reads(channel, text string) {
	n.Helper()
	defer func() {
		if n.Failed() {
			for _, m := range n.slack.See(n.ann, channel, "") {
				n.Logf("ann reads: %.300s %q", m.Text, m.Buttons)
			}
		}
	}()
	n.until("ann reads "+text, func() bool {
		for _, m := range n.slack.See(n.ann, channel, "") {
			for _, r := range append(n.slack.See(n.ann, channel, m.ID), m) {
				if r.Author == n.slack.BotUser() && strings.Contains(r.Text, text) {
					return true
				}
			}
		}
		return false
	})
}

func (n *settler) check(err error) {
	n.Helper()
	if err != nil {
		n.Fatal(err)
	}
}

// logBuffer takes words from several goroutines.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestSlackFromNothing is the README's section on Slack, line by line, over both transports: the manifest before there are
// tokens, then a look with drey doctor, then people who type, mention and press.
func TestSlackFromNothing(t *testing.T) {
	for _, mode := range []string{"socket", "http"} {
		t.Run(mode, func(t *testing.T) {
			public := "127.0.0.1:1" // nothing to change
			external := public
			if mode == "http" {
				public, external = "# external_url: https://drey.example.com", "external_url: https://drey.example.com"
			}
			n := newSettler(t, mode, public, external)
			manifest := n.must("slack", "manifest", "-c", n.file)
			if strings.Contains(manifest, "drey.example.com/slack/commands") != (mode == "http") {
				t.Errorf("the manifest: %s", manifest)
			}
			n.tokens()
			n.serve()
			n.until("Slack can reach drey", func() bool { return mode == "http" || n.slack.Sockets() == 2 })

			_, err := n.slack.Slash(n.ann, n.ops, "/drey whoami")
			n.check(err)
			n.reads(n.ops, "You are ann")
			n.check(n.slack.Repeat()) // Slack did not hear the acknowledgement
			n.check(n.slack.Mention(n.ann, n.ops, "", "whoami"))
			n.reads(n.ops, "slack:U0ANN")
			_, err = n.slack.Slash(n.ann, n.ops, "/drey help")
			n.check(err)
			n.reads(n.ops, "What you may do here")
			n.check(n.slack.Click(n.ann, n.ops, "/alerts list"))
			n.reads(n.ops, "No open incident")
			n.check(n.slack.OpenHome(n.ann))
			n.until("ann sees her home tab", func() bool { h, ok := n.slack.Home(n.ann); return ok && strings.Contains(h.Text, "Incidents") })
			n.check(n.slack.Click(n.ann, "home", "Help"))
			n.until("ann sees a modal", func() bool {
				v, ok := n.slack.View(n.ann)
				return ok && strings.Contains(v.Text, "What you may do here")
			})
			if told := n.count("You are ann"); told != 2 {
				t.Errorf("ann was told %d times who she is, want 2: to the command and to the mention", told)
			}
		})
	}
}

// count counts what ann reads in ops and its threads.
func (n *settler) count(text string) (times int) {
	for _, m := range n.slack.See(n.ann, n.ops, "") {
		times += strings.Count(m.Text, text)
		for _, r := range n.slack.See(n.ann, n.ops, m.ID) {
			if r.ID != m.ID {
				times += strings.Count(r.Text, text)
			}
		}
	}
	return times
}

// TestSlackDoctor: each thing that is wrong is named, with what mends it, and the exit code says so.
func TestSlackDoctor(t *testing.T) {
	n := newSettler(t, "socket")
	n.tokens()
	look := func() string {
		t.Helper()
		code, out, _ := n.drey("doctor", "-c", n.file)
		if code != 1 { // no cluster answers here
			t.Errorf("exit code %d", code)
		}
		var slack []string
		for part := range strings.SplitSeq(out, "\nMEND ") {
			if strings.HasPrefix(part, "Slack") {
				slack = append(slack, part)
			}
		}
		return strings.Join(slack, "\n")
	}
	wants := func(what string, words ...string) {
		t.Helper()
		got := look()
		for _, w := range words {
			if !strings.Contains(got, w) {
				t.Errorf("%s: no %q in: %s", what, w, got)
			}
		}
		if (len(words) == 0) != (got == "") || strings.Contains(got, "0123456789") || strings.Contains(got, n.slack.BotToken()) {
			t.Errorf("%s: %s", what, got)
		}
	}
	wants("all is well")
	n.slack.Scopes("chat:write", "commands", "channels:read", "groups:read", "users:read", "usergroups:read")
	wants("scopes", "scope app_mentions:read: missing", "scope files:write: missing", "then reinstall the app")
	n.slack.Scopes(granted(t)...)
	n.slack.ChangeChannel(n.ops, func(c *slacktest.ChannelState) { c.NotIn = true })
	wants("channel", "channel #ops: drey is not in #ops", "/invite @drey")
	n.Setenv("SLACK_BOT_TOKEN", "xoxb-1-of-another")
	wants("token", "bot token: Slack does not know it", "copy the Bot User OAuth Token again")
	n.Setenv("SLACK_BOT_TOKEN", n.slack.AppToken())
	if code, _, bad := n.drey("doctor", "-c", n.file); code != 1 || !strings.Contains(bad, "slack.bot_token: want a token that begins with xoxb-") {
		t.Errorf("swapped tokens: %d %s", code, bad)
	}
}

// granted are the scopes of the manifest without those that are optional.
func granted(t *testing.T) []string {
	t.Helper()
	var m struct {
		OAuth struct{ Scopes struct{ Bot []string } } `json:"oauth_config"`
	}
	raw, err := slackbot.Manifest(treeSpecs(), slackbot.Options{Mode: slackbot.ModeSocket})
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m.OAuth.Scopes.Bot
}

// TestSlackTenPress: ten people press one button at one moment. It counts once, and each of them is answered politely.
func TestSlackTenPress(t *testing.T) {
	for _, mode := range []string{"socket", "http"} {
		t.Run(mode, func(t *testing.T) {
			n := newSettler(t, mode, `to: ["web:ops"]`, `to: ["slack:#ops"]`, `allow: ["*.read"]`, `allow: ["*.read", "alert.*"]`)
			n.tokens()
			n.serve()
			n.until("Slack can reach drey", func() bool { return mode == "http" || n.slack.Sockets() == 2 })
			n.must("send", "alert", "-c", n.file)
			card, label := "", ""
			n.until("the alert is there", func() bool {
				for _, m := range n.slack.See(n.ann, n.ops, "") {
					i := slices.IndexFunc(m.Buttons, func(b string) bool { return strings.HasPrefix(b, "Ack") })
					if i >= 0 {
						card, label = m.ID, m.Buttons[i]
					}
				}
				return card != ""
			})
			var people []string
			for i := range 10 {
				people = append(people, n.slack.User(fmt.Sprintf("p%d", i)))
			}
			var wg sync.WaitGroup
			for _, who := range people {
				wg.Go(func() {
					if err := n.slack.ClickOn(who, n.ops, card, label); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			told := map[string]int{}
			n.until("each has an answer", func() bool {
				clear(told)
				for _, who := range people {
					for _, m := range append(n.slack.See(who, n.ops, ""), n.slack.See(who, n.ops, card)...) {
						if m.Private {
							told[who]++
						}
					}
				}
				return len(told) == len(people)
			})
			for who, times := range told {
				if times != 1 {
					t.Errorf("%s was answered %d times", who, times)
				}
			}
			n.until("the thread says who has it", func() bool { return n.acked(card) > 0 })
			if times := n.acked(card); times != 1 {
				t.Errorf("acknowledged %d times: %+v", times, n.slack.See(n.ann, n.ops, card))
			}
		})
	}
}

// acked counts the acknowledgements in an incident's thread.
func (n *settler) acked(card string) (times int) {
	for _, m := range n.slack.See(n.ann, n.ops, card) {
		if m.ID != card && strings.Contains(m.Text, "cknowledged") {
			times++
		}
	}
	return times
}
