package slackbot

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/config/secret"
)

const (
	// sockets is how many connections there are at a time: Slack ends each every few hours, and what happens while there is
	// none is lost.
	sockets = 2

	redialLeast   = 500 * time.Millisecond
	redialMost    = 30 * time.Second
	dialTimeout   = 10 * time.Second
	steadyAfter   = 30 * time.Second // a connection that lived so long did not fail at once
	disabledPause = 30 * time.Second // Socket Mode is switched off in the app's configuration
)

// Why a connection ended.
var (
	errRefresh  = errors.New("a new connection was asked for")
	errDisabled = errors.New("socket mode is switched off in the app's configuration")
	errSilent   = errors.New("no sign of life")
)

// fatalError is what cannot be mended by trying again, unless the token changes.
type fatalError struct {
	code  string
	token secret.Text
}

func (e *fatalError) Error() string { return "slack: apps.connections.open: " + e.code }

// runSockets keeps connections to Slack until the Receive ends, or ends it when Slack will not have the token.
func (b *Bot) runSockets(in *reception) error {
	var slots, links sync.WaitGroup
	for range sockets {
		s := &socketSlot{b: b, in: in, links: &links}
		slots.Go(func() {
			if err := s.run(in.ctx); err != nil {
				in.end(err)
			}
		})
	}
	slots.Wait()
	links.Wait()
	if fatal := (*fatalError)(nil); errors.As(context.Cause(in.ctx), &fatal) {
		return fatal
	}
	return nil
}

// socketSlot keeps one connection.
type socketSlot struct {
	b     *Bot
	in    *reception
	links *sync.WaitGroup // goroutines of connections, those that were replaced included
}

// run dials again and again. Its error is a *fatalError.
func (s *socketSlot) run(ctx context.Context) error {
	pause := time.Duration(0)
	for ctx.Err() == nil {
		wait(ctx, pause)
		creds, rotated := s.b.secrets()
		l, err := s.dial(ctx, creds)
		if fatal := (*fatalError)(nil); errors.As(err, &fatal) {
			if now, _ := s.b.secrets(); now.AppToken == fatal.token {
				return fatal
			}
			pause = 0
			continue
		}
		if err != nil {
			pause = backoff(pause, err)
			if ctx.Err() == nil {
				s.b.log.Warn("connection to Slack failed", "network", Network, "error", err, "again_in", pause)
			}
			continue
		}
		pause = s.watch(ctx, l, rotated, pause)
	}
	return nil
}

// watch waits until a connection has to be replaced, and returns the pause before that. One that Slack is about to end, or
// that has an old token, goes on until the next one is there.
func (s *socketSlot) watch(ctx context.Context, l *socketLink, rotated <-chan struct{}, last time.Duration) time.Duration {
	born := time.Now()
	token := l.token
	for {
		select {
		case <-ctx.Done():
			return 0
		case <-l.retiring:
			s.b.log.Info("connection to Slack is being renewed", "network", Network)
			l.leave(retireAfter)
			return 0
		case <-rotated:
			var now *Options
			if now, rotated = s.b.secrets(); now.AppToken != token {
				l.leave(retireAfter)
				return 0
			}
		case <-l.ended:
			switch err := l.reason(); {
			case errors.Is(err, errRefresh):
				return 0
			case errors.Is(err, errDisabled):
				s.b.log.Error("Slack will not connect", "network", Network, "error", err)
				return disabledPause
			default:
				s.b.log.Warn("connection to Slack lost", "network", Network, "error", err)
				if time.Since(born) > steadyAfter {
					last = 0
				}
				return backoff(last, err)
			}
		}
	}
}

// secrets returns those in force, and what ends with them.
func (b *Bot) secrets() (*Options, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.creds.Load(), b.rotated
}

// backoff is the pause after one of last: twice as long, and less by chance, so that replicas do not come all at once.
func backoff(last time.Duration, err error) time.Duration {
	next := min(max(2*last, redialLeast), redialMost)
	if se := (*bot.SendError)(nil); errors.As(err, &se) && se.After > 0 {
		return se.After + rand.N(redialLeast)
	}
	return next/2 + rand.N(next/2+1)
}

// wait ends after d, or with ctx.
func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// dial opens a connection and starts to read it.
func (s *socketSlot) dial(ctx context.Context, creds *Options) (*socketLink, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	var address string
	err := s.b.client.call(ctx, request{method: methodSocket}, func(ctx context.Context, api *slack.Client) (err error) {
		_, address, err = api.StartSocketModeContext(ctx)
		return err
	})
	if err != nil {
		if code := codeOf(err); isFatal(code) {
			return nil, &fatalError{code: code, token: creds.AppToken}
		}
		return nil, err
	}
	if !s.b.connectable(address) {
		return nil, errors.New("dial socket: the address is not one of a socket")
	}
	d := websocket.Dialer{Proxy: http.ProxyFromEnvironment, HandshakeTimeout: dialTimeout}
	conn, resp, err := d.DialContext(ctx, address, nil)
	if resp != nil && resp.Body != nil {
		resp.Body.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("dial socket: %w", withoutAddress(err))
	}
	l := newSocketLink(s.b, s.in, conn, creds.AppToken)
	s.links.Go(l.read)
	s.links.Go(l.write)
	return l, nil
}

// methodSocket tells where to connect.
const methodSocket = "apps.connections.open"

// connectable says whether an address is one of a socket: one without encryption only where the Web API is without it too.
func (b *Bot) connectable(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return false
	}
	api, err := url.Parse(b.o.APIURL)
	return u.Scheme == "wss" || err == nil && u.Scheme == "ws" && api.Scheme == "http"
}

// isFatal says that Slack will not have the token, now or later.
func isFatal(code string) bool {
	switch code {
	case "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "not_allowed_token_type",
		"missing_scope", "no_permission", "app_deactivated", "invalid_app", "app_missing_action_url":
		return true
	}
	return false
}
