package discordbot

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"runtime/debug"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/config/secret"
)

const (
	gatewayQuery   = "v=10&encoding=json"
	gatewayTimeout = 15 * time.Second // to connect, to be greeted, and to send
	gatewayStable  = time.Minute      // a connection that lasted so long begins the count of tries anew
	waitShortest   = time.Second
	waitLongest    = time.Minute
	takingMax      = 256 // interactions being decoded and answered at once
	answerTimeout  = 2500 * time.Millisecond
	standWait      = 2300 * time.Millisecond // for a first response; a call has to follow
)

// gateway is drey's session with Discord over any number of connections, one at a time.
type gateway struct {
	b *Bot
	s bot.Sink

	token   secret.Text // that the session was begun with
	session string      // empty: none
	resume  string      // where Discord wants the session resumed
	seq     int64       // of the last event, within the session

	taking chan struct{}  // bounds work
	work   sync.WaitGroup // interactions being taken
}

// pauses are the waits of a gateway; tests shorten them.
type pauses struct {
	retry   func(try int) time.Duration // before connection number try in a row
	invalid func() time.Duration        // after Discord has called a session invalid
}

func defaultPauses() pauses {
	return pauses{
		retry: func(try int) time.Duration {
			most := min(waitLongest, waitShortest<<min(try, 10))
			return waitShortest + rand.N(most)/2
		},
		invalid: func() time.Duration { return time.Second + rand.N(4*time.Second) },
	}
}

// listen keeps a session until ctx ends. It returns what no further connection would mend.
func (b *Bot) listen(ctx context.Context, s bot.Sink) error {
	g := &gateway{b: b, s: s, taking: make(chan struct{}, takingMax)}
	defer g.work.Wait()
	for try := 0; ; try++ {
		start := time.Now()
		err := g.connect(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err := g.judge(err); err != nil {
			return fmt.Errorf("discord gateway: %w", err)
		}
		if time.Since(start) > gatewayStable {
			try = 0
		}
		pause := b.pauses.retry(try)
		if errors.Is(err, errInvalidSession) {
			pause = max(pause, b.pauses.invalid())
		}
		if after := new(laterError); errors.As(err, &after) {
			pause = max(pause, after.wait)
		}
		b.log.Warn("gateway connection ended, connecting again", "network", Network, "error", err, "after", pause, "resume", g.session != "")
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// What ends a connection.
var (
	errInvalidSession = errors.New("the session is no longer valid")
	errReconnect      = errors.New("discord asked for a new connection")
	errSilent         = errors.New("discord acknowledged no heartbeat")
	errMalformed      = errors.New("a frame could not be read")
)

// laterError says when a connection may be tried again.
type laterError struct{ wait time.Duration }

func (e *laterError) Error() string { return "no session may be begun for " + e.wait.String() }

// judge decides what becomes of the session after a connection, and returns err when it is the end.
func (g *gateway) judge(err error) error {
	if errors.Is(err, errMalformed) {
		g.b.o.OnRefused("gateway_malformed")
	}
	rotated := g.token != "" && g.token != g.b.creds.Load().BotToken
	if rotated {
		g.forget()
	}
	if ce := new(websocket.CloseError); errors.As(err, &ce) {
		switch ce.Code {
		case 4004, 4010, 4011, 4012, 4013, 4014:
			g.forget()
			if rotated && ce.Code == 4004 {
				return nil
			}
			return fmt.Errorf("closed with %d: %s", ce.Code, meaningOf(ce.Code))
		case websocket.CloseNormalClosure, websocket.CloseGoingAway, 4003, 4007, 4009:
			g.forget()
		}
	}
	if denied := new(apiError); errors.As(err, &denied) && denied.status == http.StatusUnauthorized && !rotated {
		return fmt.Errorf("the bot token is wrong: %w", err)
	}
	return nil
}

// meaningOf says in words what Discord's last close codes ask for.
func meaningOf(code int) string {
	switch code {
	case 4004:
		return "the bot token is wrong"
	case 4010, 4011:
		return "drey is in too many servers for one connection"
	case 4012:
		return "this version of the gateway is no more"
	default:
		return "the intents are not granted; drey needs none that is privileged"
	}
}

func (g *gateway) forget() { g.session, g.resume, g.seq = "", "", 0 }

// connect holds one connection until it ends, and says why it did.
func (g *gateway) connect(ctx context.Context) error {
	token := g.b.creds.Load().BotToken
	if g.session != "" && token != g.token {
		g.forget()
	}
	address, err := g.address(ctx)
	if err != nil {
		return err
	}
	dialer := &websocket.Dialer{HandshakeTimeout: gatewayTimeout, Proxy: http.ProxyFromEnvironment}
	conn, resp, err := dialer.DialContext(ctx, address, nil)
	if err != nil {
		g.resume = "" // it may be that host alone
		if resp != nil {
			resp.Body.Close()
		}
		return fmt.Errorf("connect: %w", err)
	}
	g.token = token
	l := &link{g: g, conn: conn}
	return l.run(ctx)
}

// address is where to connect: to resume where Discord said, else where it says now.
func (g *gateway) address(ctx context.Context) (string, error) {
	raw := g.resume
	if g.session == "" || raw == "" {
		var err error
		if raw, err = g.ask(ctx); err != nil {
			return "", err
		}
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "wss" && u.Scheme != "ws" {
		g.resume = ""
		return "", errors.New("discord named no address of a gateway")
	}
	if api, err := url.Parse(g.b.o.APIURL); err != nil || u.Scheme == "ws" && api.Scheme != "http" {
		return "", errors.New("discord named a gateway without TLS")
	}
	if u.Path == "" {
		u.Path = "/"
	}
	u.RawQuery = gatewayQuery
	return u.String(), nil
}

// ask asks for the gateway's address, and whether a session may be begun.
func (g *gateway) ask(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, gatewayTimeout)
	defer cancel()
	var out struct {
		URL   string `json:"url"`
		Limit *struct {
			Remaining  int   `json:"remaining"`
			ResetAfter int64 `json:"reset_after"`
		} `json:"session_start_limit"`
	}
	if err := g.b.sender.do(ctx, "get gateway", http.MethodGet, "gateway/bot", nil, &out); err != nil {
		return "", fmt.Errorf("ask for the gateway: %w", err)
	}
	if out.Limit != nil && out.Limit.Remaining <= 0 && out.Limit.ResetAfter > 0 && g.session == "" {
		return "", &laterError{time.Duration(out.Limit.ResetAfter) * time.Millisecond}
	}
	return out.URL, nil
}

// take hands an interaction over without holding up the connection.
func (g *gateway) take(ctx context.Context, raw []byte) {
	select {
	case g.taking <- struct{}{}:
	default:
		g.b.o.OnRefused("busy")
		g.b.log.Warn("interaction dropped: too many at once", "network", Network)
		return
	}
	g.work.Go(func() {
		if waits := g.hand(ctx, raw); waits != nil {
			g.stand(ctx, waits)
		}
	})
}

// hand delivers an interaction, or answers it at once. It returns the gesture whose first response is to come.
func (g *gateway) hand(ctx context.Context, raw []byte) (waits *gesture) {
	defer func() { <-g.taking }()
	defer func() {
		if p := recover(); p != nil {
			g.b.log.Error("panic while taking an interaction", "network", Network, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	// What was begun is finished, also while drey stops.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTimeout)
	defer cancel()
	in, waits, now, err := g.b.accept(ctx, g.s, raw, nil)
	if err != nil || now == nil {
		return waits
	}
	if err := g.b.callback(ctx, in.ID, in.Token, now); err != nil {
		g.b.log.Warn("interaction not answered", "network", Network, "event", in.ID, "error", err)
	}
	return nil
}

// stand gives a promise when no first response came in time, as the HTTP endpoint does.
func (g *gateway) stand(ctx context.Context, of *gesture) {
	timer := time.NewTimer(standWait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done(): // who stops says so
		return
	}
	if !of.promise() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTimeout)
	defer cancel()
	if err := g.b.callback(ctx, of.id, of.token, promised()); err != nil {
		g.b.log.Warn("interaction not answered", "network", Network, "event", of.id, "error", err)
	}
}
