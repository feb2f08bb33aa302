package slackbot

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/drey-ops/drey/bot"
)

// The methods that more than one place speaks of.
const (
	methodPost        = "chat.postMessage"
	methodEphemeral   = "chat.postEphemeral"
	methodUpdate      = "chat.update"
	methodUnfurl      = "chat.unfurl"
	methodViewOpen    = "views.open"
	methodViewUpdate  = "views.update"
	methodViewPublish = "views.publish"
	methodUploadURL   = "files.getUploadURLExternal"
	methodUploaded    = "files.completeUploadExternal"
	methodHistory     = "conversations.history"
	methodReplies     = "conversations.replies"

	methodRespond = "response_url" // not of the Web API; the names are for metrics
	methodUpload  = "upload_url"
)

const (
	// callTimeout bounds one call, beside its caller's deadline.
	callTimeout = 10 * time.Second
	// uploadTimeout bounds the sending of a file.
	uploadTimeout = time.Minute
)

// request is one call: what it counts as, and how long it may wait for its turn (zero: patient).
type request struct {
	method   string
	channel  string // where Slack counts by channel
	patience time.Duration
}

// client calls the Web API at the pace Slack allows, and never twice: who calls it decides what a second try means.
type client struct {
	log       *slog.Logger
	url       string
	onRequest func(method, code string)
	creds     func() *Options // the secrets in force
	http      *http.Client
	pace      *pacer

	mu   sync.Mutex
	made *Options // the secrets that api has
	api  *slack.Client
}

func newClient(log *slog.Logger, o Options, creds func() *Options) *client {
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: callTimeout,
		IdleConnTimeout:       time.Minute,
		MaxIdleConnsPerHost:   16,
		ForceAttemptHTTP2:     true,
	}
	return &client{
		log: log, url: o.APIURL, onRequest: o.OnRequest, creds: creds, pace: newPacer(o.Unpaced),
		http: &http.Client{Transport: transport, Timeout: uploadTimeout},
	}
}

// web is slack-go with the secrets in force.
func (c *client) web() *slack.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.creds(); c.api == nil || now != c.made {
		c.made = now
		c.api = slack.New(string(now.BotToken), slack.OptionAPIURL(c.url), slack.OptionHTTPClient(c.http),
			slack.OptionAppLevelToken(string(now.AppToken)))
	}
	return c.api
}

// call makes one call once its turn has come. Its error says what would help: see failed.
func (c *client) call(ctx context.Context, r request, fn func(context.Context, *slack.Client) error) error {
	if err := c.pace.wait(ctx, r); err != nil {
		return err
	}
	limit := callTimeout
	if r.method == methodUpload {
		limit = uploadTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := fn(ctx, c.web())
	c.pace.answered(r)
	if err == nil {
		c.onRequest(r.method, "ok")
		return nil
	}
	return c.failed(ctx, r, err)
}

// respond uses a response URL. Who calls it has taken one of its uses.
func (c *client) respond(ctx context.Context, url string, m *slack.WebhookMessage) error {
	return c.call(ctx, request{method: methodRespond}, func(ctx context.Context, _ *slack.Client) error {
		return slack.PostWebhookCustomHTTPContext(ctx, url, c.http, m)
	})
}

// failed turns an error of slack-go into one that says what would help, and tells nobody of addresses and tokens.
func (c *client) failed(ctx context.Context, r request, err error) error {
	e := explain(r.method, err)
	if ctx.Err() != nil && e.unsure {
		e.code = codeTimeout
	}
	c.onRequest(r.method, e.code)
	out := &bot.SendError{Err: e}
	switch {
	case e.limited:
		out.After = e.after
		if out.After <= 0 {
			out.After = limitedPause(r.method)
		}
		c.pace.pause(r.method, out.After)
	case e.code == "message_limit_exceeded": // of the workspace, and of all its apps together
		out.After = time.Minute
	case isGone(e.code), r.method == methodRespond && (e.status == http.StatusNotFound || e.status == http.StatusGone):
		out.Gone = true
	case isRejected(e.code), r.method == methodRespond && e.status >= 400 && e.status < 500:
		out.Rejected = true
		c.log.Warn("message rejected", "network", Network, "method", r.method, "error", e.code, "details", e.details)
	default:
		return e
	}
	return out
}

// limitedPause is for a refusal that does not say how long it holds.
func limitedPause(method string) time.Duration {
	if method == methodPost || method == methodUpdate || method == methodEphemeral {
		return 30 * time.Second
	}
	return 5 * time.Second
}

// codeOf is Slack's word for what went wrong, or one of our own where there was no answer; empty for other errors.
func codeOf(err error) string {
	if e := new(apiError); errors.As(err, &e) {
		return e.code
	}
	return ""
}

// unsure says that the call may have taken effect all the same.
func unsure(err error) bool {
	e := new(apiError)
	return errors.As(err, &e) && e.unsure
}
