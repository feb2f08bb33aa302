package slacktest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"
)

// app is a small drey: it decodes with the client library what Slack sends, and answers with what the test says.
type app struct {
	*scene
	mu     sync.Mutex
	slash  func(slack.SlashCommand) any
	act    func(slack.InteractionCallback) any
	event  func(slackevents.EventsAPIEvent, json.RawMessage)
	heads  []http.Header
	bodies []string
	status int
}

func (a *app) onSlash(c slack.SlashCommand) any {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.slash == nil {
		return nil
	}
	return a.slash(c)
}

func (a *app) onAct(c slack.InteractionCallback) any {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.act == nil {
		return nil
	}
	return a.act(c)
}

func (a *app) onEvent(e slackevents.EventsAPIEvent, raw json.RawMessage) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.event != nil {
		a.event(e, raw)
	}
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	v, err := slack.NewSecretsVerifier(r.Header, a.SigningSecret())
	if err == nil {
		v.Write(body)
		err = v.Ensure()
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	a.mu.Lock()
	a.heads, a.bodies = append(a.heads, r.Header), append(a.bodies, string(body))
	status := a.status
	a.mu.Unlock()
	if status != 0 {
		w.WriteHeader(status)
		return
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	var answer any
	switch r.URL.Path {
	case pathCommands:
		c, err := slack.SlashCommandParse(r)
		if err != nil {
			a.Error(err)
		}
		answer = a.onSlash(c)
	case pathEvents:
		e, err := slackevents.ParseEvent(body, slackevents.OptionNoVerifyToken())
		if err != nil {
			a.Errorf("%v in %s", err, body)
		}
		if e.Type == slackevents.URLVerification {
			var c slackevents.ChallengeResponse
			json.Unmarshal(body, &c)
			io.WriteString(w, c.Challenge)
			return
		}
		a.onEvent(e, body)
	default:
		c, err := slack.InteractionCallbackParse(r)
		if err != nil {
			a.Errorf("%v in %s", err, body)
		}
		answer = a.onAct(c)
	}
	if answer != nil {
		json.NewEncoder(w).Encode(answer)
	}
}

// socket runs n connections of Socket Mode until the test ends, and waits for them.
func (a *app) socket(n int) {
	a.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for range n {
		c := socketmode.New(a.api)
		wg.Go(func() { c.RunContext(ctx) })
		wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case e := <-c.Events:
					a.socketEvent(c, e)
				}
			}
		})
	}
	a.Cleanup(func() { cancel(); a.Close(); wg.Wait() })
	a.connected(n)
}

// connected waits until there are n connections.
func (a *app) connected(n int) {
	a.Helper()
	for end := time.Now().Add(20 * time.Second); a.Sockets() != n; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			a.Fatalf("%d connections, want %d", a.Sockets(), n)
		}
	}
}

func (a *app) socketEvent(c *socketmode.Client, e socketmode.Event) {
	var answer any
	switch data := e.Data.(type) {
	case slack.SlashCommand:
		answer = a.onSlash(data)
	case slack.InteractionCallback:
		answer = a.onAct(data)
	case slackevents.EventsAPIEvent:
		a.onEvent(data, e.Request.Payload)
	default:
		return
	}
	if answer != nil {
		c.Ack(*e.Request, answer)
		return
	}
	c.Ack(*e.Request)
}

// both runs a test over requests and over Socket Mode.
func both(t *testing.T, run func(a *app)) {
	t.Run("http", func(t *testing.T) {
		a := &app{}
		srv := httptest.NewServer(a)
		a.scene = start(t, Options{RequestURL: srv.URL})
		t.Cleanup(srv.Close)
		run(a)
		a.clean()
	})
	t.Run("socket", func(t *testing.T) {
		a := &app{scene: start(t, Options{})}
		a.socket(2)
		run(a)
		a.clean()
	})
}
