package slacktest

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

// hears waits until a slash command is acknowledged again.
func (a *app) hears() {
	a.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := a.Slash(a.ann, a.ops, "/flink"); err == nil {
			return
		} else if time.Now().After(end) {
			a.Fatal(err)
		}
	}
}

func TestSocketsBreak(t *testing.T) {
	for name, broken := range map[string]func(*Slack){
		"refresh": (*Slack).RefreshSockets, "warning": (*Slack).WarnSockets, "kill": (*Slack).KillSockets, "disabled": (*Slack).LinkDisabled, "malformed": (*Slack).MalformedFrame,
	} {
		t.Run(name, func(t *testing.T) {
			a := &app{scene: start(t, Options{AckWithin: 500 * time.Millisecond})}
			a.socket(2)
			a.hears()
			broken(a.Slack)
			a.hears()
			a.connected(2)
			a.clean()
		})
	}
}

// TestFrozenSocket is a connection that died without a word: the client finds out by itself.
func TestFrozenSocket(t *testing.T) {
	a := &app{scene: start(t, Options{AckWithin: 500 * time.Millisecond, PingEvery: 50 * time.Millisecond})}
	a.socket(1)
	a.FreezeSockets()
	if _, err := a.Slash(a.ann, a.ops, "/flink"); err == nil {
		t.Error("a frozen connection answered")
	}
	a.KillSockets()
	a.hears()
	a.clean()
}

func TestConnections(t *testing.T) {
	s := start(t, Options{})
	c := socketmode.New(slack.New("x", slack.OptionAPIURL(s.APIURL()), slack.OptionAppLevelToken("xapp-wrong")))
	if _, _, err := c.OpenContext(t.Context()); err == nil || err.Error() != "invalid_auth" {
		t.Errorf("got %v", err)
	}
	http.DefaultClient.CloseIdleConnections()
	resp, err := http.Get(s.base + "/link?ticket=none")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("got %d", resp.StatusCode)
	}
	if _, err := s.Slash(s.ann, s.ops, "/flink"); err == nil {
		t.Error("somebody answered")
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestRequests(t *testing.T) {
	a := &app{}
	srv := httptest.NewServer(a)
	defer srv.Close()
	a.scene = start(t, Options{RequestURL: srv.URL})
	if err := a.VerifyURL(); err != nil {
		t.Error(err)
	}
	if err := a.Mention(a.ann, a.ops, "", "jobs"); err != nil {
		t.Fatal(err)
	}
	if err := a.Repeat(); err != nil {
		t.Fatal(err)
	}
	n := len(a.bodies)
	if a.bodies[n-1] != a.bodies[n-2] || a.heads[n-1].Get("X-Slack-Retry-Num") != "1" || a.heads[n-2].Get("X-Slack-Retry-Num") != "" {
		t.Errorf("bodies %q, headers %v", a.bodies, a.heads)
	}
	a.Rotate() // the app verifies with the new secret
	if _, err := a.Slash(a.ann, a.ops, "/flink"); err != nil {
		t.Error(err)
	}
	a.status = http.StatusInternalServerError
	if _, err := a.Slash(a.ann, a.ops, "/flink"); err == nil {
		t.Error("500 is an acknowledgement")
	}
	body := []byte("command=%2Fflink")
	if status, _, err := a.Raw(pathCommands, body, http.Header{}); err != nil || status != http.StatusUnauthorized {
		t.Errorf("got %d, %v", status, err)
	}
	if status, _, err := a.Raw(pathCommands, body, a.Sign(body, time.Now().Add(-time.Hour))); err != nil || status != http.StatusUnauthorized {
		t.Errorf("got %d, %v", status, err)
	}
	a.clean()
}

func TestSlowAcknowledgement(t *testing.T) {
	var asked atomic.Int32
	block := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1); <-block }))
	defer srv.Close()
	defer close(block)
	s := start(t, Options{RequestURL: srv.URL, AckWithin: 50 * time.Millisecond})
	if _, err := s.Slash(s.ann, s.ops, "/flink"); err == nil || asked.Load() != 1 {
		t.Errorf("got %v after %d requests", err, asked.Load())
	}
	s.clean()
}
