package slacktest

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Call is one call of the Web API, or of a response URL (method "response_url").
type Call struct {
	Method string
	At     time.Time
	Params map[string]any // without the token
	Code   string         // "ok", Slack's error, or the status of a fault
}

// method is one of the Web API.
type method struct {
	scopes []string // any of them is enough; none: no scope is needed
	app    bool     // wants the app-level token
	run    func(*Slack, params) (object, *refusal)
}

// refusal is an error of Slack.
type refusal struct {
	code   string
	detail []string // response_metadata.messages
	wrong  bool     // a violation as well
	extra  object   // further fields of the answer
}

// refuse is the answer to what only Slack can know.
func refuse(code string) *refusal { return &refusal{code: code} }

// wrong is the answer to what a client must not send.
func wrong(code string, detail ...string) *refusal {
	return &refusal{code: code, detail: detail, wrong: true}
}

const bodyMax = 64 << 20

func (s *Slack) serveAPI(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("method")
	p, token, err := readParams(r)
	if err != nil {
		s.violate("%s: %v", name, err)
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	f := s.fault(name)
	if !s.pause(r, f) {
		return
	}
	if f != nil && f.Status != 0 {
		s.note(name, p, fmt.Sprint(f.Status))
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", fmt.Sprint(f.RetryAfter))
		}
		http.Error(w, http.StatusText(f.Status), f.Status)
		return
	}
	if f != nil && f.Code != "" {
		s.note(name, p, f.Code)
		answer(w, object{"ok": false, "error": f.Code})
		return
	}
	if wait := s.limited(name, p); wait > 0 {
		s.note(name, p, "429")
		w.Header().Set("Retry-After", fmt.Sprint(wait))
		w.WriteHeader(http.StatusTooManyRequests)
		answer(w, object{"ok": false, "error": "ratelimited"})
		return
	}
	body := s.call(w.Header(), name, token, p)
	if f != nil && f.Lost {
		panic(http.ErrAbortHandler)
	}
	answer(w, body)
}

func answer(w http.ResponseWriter, body object) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Write(encode(body))
}

// call runs one method and makes the answer.
func (s *Slack) call(h http.Header, name, token string, p params) object {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, known := methods()[name]
	bad := s.allowed(m, known, name, token)
	var out object
	if bad == nil {
		h.Set("X-OAuth-Scopes", strings.Join(s.scopes, ","))
		if len(m.scopes) > 0 {
			h.Set("X-Accepted-OAuth-Scopes", strings.Join(m.scopes, ","))
		}
		out, bad = m.run(s, p)
	}
	if bad == nil {
		s.noteLocked(name, p, "ok")
		if out == nil {
			out = object{}
		}
		out["ok"] = true
		return out
	}
	s.noteLocked(name, p, bad.code)
	if bad.wrong {
		s.violateLocked("%s: %s: %s: %s", name, bad.code, strings.Join(bad.detail, "; "), shorten(string(encode(p)), 800))
	}
	out = object{"ok": false, "error": bad.code}
	if len(bad.detail) > 0 {
		out["response_metadata"] = object{"messages": bad.detail}
	}
	for k, v := range bad.extra {
		out[k] = v
	}
	return out
}

// allowed judges the token and its scopes.
func (s *Slack) allowed(m method, known bool, name, token string) *refusal {
	current := fmt.Sprintf("xoxb-1-bot-%d", s.generation)
	switch {
	case !known:
		return wrong("unknown_method", "the fake does not know "+name)
	case token == "" && name != "api.test":
		return wrong("not_authed")
	case m.app:
		if token != s.AppToken() {
			return refuse("invalid_auth")
		}
		return nil
	case name == "api.test":
		return nil
	case strings.HasPrefix(token, "xapp-"):
		return wrong("not_allowed_token_type")
	case token != current && slices.ContainsFunc(slices.Collect(generations(s.generation)), func(t string) bool { return t == token }):
		return refuse("token_revoked")
	case token != current:
		return refuse("invalid_auth")
	}
	if len(m.scopes) > 0 && !slices.ContainsFunc(m.scopes, func(x string) bool { return slices.Contains(s.scopes, x) }) {
		return &refusal{code: "missing_scope", extra: object{"needed": m.scopes[0], "provided": strings.Join(s.scopes, ",")}}
	}
	return nil
}

// generations are the bot tokens that were in force before.
func generations(n int) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for i := range n {
			if !yield(fmt.Sprintf("xoxb-1-bot-%d", i)) {
				return
			}
		}
	}
}

// readParams takes the token out of header, form or query.
func readParams(r *http.Request) (p params, token string, err error) {
	p = params{}
	body, err := io.ReadAll(io.LimitReader(r.Body, bodyMax))
	if err != nil {
		return nil, "", fmt.Errorf("read the call: %w", err)
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	values := r.URL.Query()
	switch kind {
	case "application/json":
		if len(body) > 0 && json.Unmarshal(body, (*object)(&p)) != nil {
			return nil, "", fmt.Errorf("the body is no JSON object: %s", shorten(string(body), 200))
		}
	case "application/x-www-form-urlencoded", "":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, "", fmt.Errorf("the body is no form: %w", err)
		}
		for k, v := range form {
			values[k] = append(values[k], v...)
		}
	default:
		return nil, "", fmt.Errorf("Content-Type %q", kind)
	}
	for k, v := range values {
		p[k] = v[0]
	}
	token = p.text("token")
	delete(p, "token")
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		token = bearer
	}
	return p, token, nil
}

func (s *Slack) note(name string, p params, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noteLocked(name, p, code)
}

func (s *Slack) noteLocked(name string, p params, code string) {
	s.calls = append(s.calls, Call{Method: name, At: s.o.Now(), Params: p, Code: code})
}

// Calls returns the calls of a method in their order; an empty method means all.
func (s *Slack) Calls(method string) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Call
	for _, c := range s.calls {
		if method == "" || c.Method == method {
			out = append(out, c)
		}
	}
	return out
}

// Scopes sets what the bot token may do. Without it, it may do everything.
func (s *Slack) Scopes(granted ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scopes = slices.Clone(granted)
}

func shorten(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n]) + "…"
}
