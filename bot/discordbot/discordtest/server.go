package discordtest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// Call is one call of the REST API.
type Call struct {
	Route  string // its pattern: "POST /channels/{channel}/messages"
	Method string
	Path   string // below the base, without a query
	Body   json.RawMessage
	Files  []string
	Status int
	Code   int // Discord's error code
	At     time.Time
}

// handler answers a call with a status and a body; nil is no body.
type handler func(q *request) (int, any, error)

// endpoint is a place of the REST API.
type endpoint struct {
	pattern string
	open    bool // it takes no bot token: the token is in its path
	serve   handler
}

func (d *Discord) endpoints() []endpoint {
	return []endpoint{
		{"GET /gateway", true, d.getGateway}, {"GET /gateway/bot", false, d.getGatewayBot},
		{"GET /users/@me", false, d.getMe}, {"GET /applications/@me", false, d.getApplication}, {"GET /oauth2/applications/@me", false, d.getApplication},
		{"GET /users/@me/guilds", false, d.getGuilds}, {"POST /users/@me/channels", false, d.postDirect},
		{"GET /guilds/{guild}", false, d.getGuild}, {"GET /guilds/{guild}/roles", false, d.getRoles}, {"GET /guilds/{guild}/channels", false, d.getChannels},
		{"GET /guilds/{guild}/members/{user}", false, d.getMember}, {"GET /guilds/{guild}/threads/active", false, d.getActive},
		{"GET /channels/{channel}", false, d.getChannel}, {"PATCH /channels/{channel}", false, d.patchChannel},
		{"POST /channels/{channel}/messages", false, d.postMessage}, {"GET /channels/{channel}/messages", false, d.getMessages},
		{"GET /channels/{channel}/messages/{message}", false, d.getMessage}, {"PATCH /channels/{channel}/messages/{message}", false, d.patchMessage},
		{"DELETE /channels/{channel}/messages/{message}", false, d.deleteMessage},
		{"POST /channels/{channel}/messages/{message}/threads", false, d.postThreadOn}, {"POST /channels/{channel}/threads", false, d.postThread},
		{"PUT /applications/{app}/commands", false, d.putCommands}, {"GET /applications/{app}/commands", false, d.getCommands},
		{"PUT /applications/{app}/guilds/{guild}/commands", false, d.putCommands}, {"GET /applications/{app}/guilds/{guild}/commands", false, d.getCommands},
		{"POST /interactions/{interaction}/{token}/callback", true, d.postCallback},
		{"POST /webhooks/{app}/{token}", true, d.postFollowup},
		{"GET /webhooks/{app}/{token}/messages/{message}", true, d.getFollowup}, {"PATCH /webhooks/{app}/{token}/messages/{message}", true, d.patchFollowup},
		{"DELETE /webhooks/{app}/{token}/messages/{message}", true, d.deleteFollowup},
	}
}

var versioned = regexp.MustCompile(`^/api/v(9|10)/`)

// routes is the whole server: the API, the gateway, and the files of messages.
func (d *Discord) routes() http.Handler {
	api := http.NewServeMux()
	for _, e := range d.endpoints() {
		api.HandleFunc(e.pattern, func(w http.ResponseWriter, r *http.Request) { d.serve(w, r, e) })
	}
	api.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		d.offend("%s %s: there is no such endpoint", r.Method, r.URL.Path)
		write(w, http.StatusNotFound, object{"message": "404: Not Found", "code": 0})
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch v := versioned.FindString(r.URL.Path); {
		case v != "":
			http.StripPrefix(strings.TrimSuffix(v, "/"), api).ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, "/attachments/"):
			d.serveFile(w, r)
		case strings.HasPrefix(r.URL.Path, "/ws"):
			d.serveGateway(w, r)
		default:
			api.ServeHTTP(w, r)
		}
	})
}

// serve is the way of every call.
func (d *Discord) serve(w http.ResponseWriter, r *http.Request, e endpoint) {
	q := &request{Request: r, d: d, route: e.pattern}
	c := Call{Route: e.pattern, Method: r.Method, Path: r.URL.Path, At: time.Now()}
	err := d.admit(q, e)
	c.Body, c.Files = q.raw, q.names()
	f := d.takeFault(e.pattern, r)
	if f != nil && !f.wait(r.Context(), d.done) {
		return
	}
	if f != nil && f.Status != 0 {
		c.Status, c.Code = f.Status, f.Code
		d.called(c)
		f.write(w)
		return
	}
	if err == nil {
		err = d.limit(w, q, e)
	}
	status, body := http.StatusOK, any(nil)
	if err == nil {
		status, body, err = e.serve(q)
	}
	if err != nil {
		ref := asRefusal(err)
		status, body, c.Code = ref.status, ref.json(), ref.code
		if ref.after > 0 {
			w.Header().Set("Retry-After", fmt.Sprint(int(ref.after+0.999)))
		}
		if ref.offence {
			d.offend("%s %s: %v: %s", r.Method, hideToken(r.URL.Path), ref, cut(string(q.raw), 2000))
		}
	}
	d.warn(q)
	c.Status = status
	d.called(c)
	if f != nil && f.Lost {
		drop(w)
		return
	}
	write(w, status, body)
}

// admit checks who asks and reads what they ask.
func (d *Discord) admit(q *request, e endpoint) error {
	if !strings.HasPrefix(q.Header.Get("User-Agent"), "DiscordBot (") {
		d.offend("%s %s: the User-Agent is %q, and has to be of the form DiscordBot (url, version)", q.Method, hideToken(q.URL.Path), q.Header.Get("User-Agent"))
	}
	if err := q.read(); err != nil {
		return err
	}
	if e.open {
		return nil
	}
	if q.Header.Get("Authorization") != "Bot "+d.BotToken() {
		return &refusal{status: http.StatusUnauthorized, message: "401: Unauthorized"}
	}
	return nil
}

// warn tells the offences that Discord lets pass.
func (d *Discord) warn(q *request) {
	for _, c := range q.care {
		d.offend("%s: %s: %s", q.route, c, cut(string(q.raw), 2000))
	}
}

func (d *Discord) called(c Call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls = append(d.calls, c)
	d.notify()
}

// Calls are the calls so far of a route, such as "POST /channels/{channel}/messages" or a part of an address; an empty
// route means all.
func (d *Discord) Calls(route string) []Call {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []Call
	for _, c := range d.calls {
		if matches(route, c.Route, c.Method+" "+c.Path) {
			out = append(out, c)
		}
	}
	return out
}

var placeholder = regexp.MustCompile(`\{[^}]*\}`)

// matches says whether a test that speaks of route means this call.
func matches(route, pattern, call string) bool {
	return route == "" || placeholder.ReplaceAllString(route, "{}") == placeholder.ReplaceAllString(pattern, "{}") || strings.Contains(call, route)
}

func write(w http.ResponseWriter, status int, body any) {
	if body == nil {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(mustJSON(body))
}

// drop ends the connection without an answer.
func drop(w http.ResponseWriter) {
	if h, ok := w.(http.Hijacker); ok {
		if conn, _, err := h.Hijack(); err == nil {
			conn.Close()
		}
	}
}

// hideToken takes the token of an interaction out of a path.
func hideToken(p string) string {
	parts := strings.Split(p, "/")
	for i, s := range parts {
		if len(s) > 40 {
			parts[i] = "TOKEN"
		}
	}
	return strings.Join(parts, "/")
}

func cut(s string, n int) string {
	if len(s) > n {
		return s[:n] + "…"
	}
	return s
}

// until waits for cond, which is asked with the lock held after every change.
func (d *Discord) until(ctx context.Context, cond func() bool) bool {
	for {
		d.mu.Lock()
		ok, changed := cond(), d.changed
		d.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}
