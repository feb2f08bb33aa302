package slacktest

import (
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// hook is a response URL.
type hook struct {
	channel *channel
	user    string
	born    time.Time
	uses    int
	origin  *message // what bore the pressed button; nil: the URL is of a slash command or a shortcut
	thread  string
}

const (
	hookUses = 5
	hookLife = 30 * time.Minute
)

// newHook makes a response URL.
func (s *Slack) newHook(c *channel, user string, origin *message) string {
	id := s.id("R")
	h := &hook{channel: c, user: user, born: s.o.Now(), origin: origin}
	if origin != nil && origin.thread != origin.ts {
		h.thread = origin.thread
	}
	s.hooks[id] = h
	return s.base + "/hook/" + id
}

const hookMethod = "response_url"

func (s *Slack) serveHook(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, bodyMax))
	if err != nil {
		return
	}
	var p params
	if err := json.Unmarshal(raw, (*object)(&p)); err != nil {
		s.violate("response_url: the body is no JSON: %s", shorten(string(raw), 200))
		http.Error(w, "invalid_payload", http.StatusBadRequest)
		return
	}
	f := s.fault(hookMethod)
	if !s.pause(r, f) {
		return
	}
	if f != nil && f.Status != 0 {
		s.note(hookMethod, p, http.StatusText(f.Status))
		http.Error(w, http.StatusText(f.Status), f.Status)
		return
	}
	status, text := s.respond(r.PathValue("id"), p)
	if f != nil && f.Lost {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(status)
	io.WriteString(w, text)
}

// respond is one use of a response URL.
func (s *Slack) respond(id string, p params) (int, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.hooks[id]
	switch {
	case h == nil:
		s.noteLocked(hookMethod, p, "no_service")
		return http.StatusNotFound, "no_service"
	case h.uses >= hookUses:
		s.noteLocked(hookMethod, p, "used_url")
		return http.StatusNotFound, "used_url"
	case s.o.Now().Sub(h.born) > hookLife:
		s.noteLocked(hookMethod, p, "expired_url")
		return http.StatusNotFound, "expired_url"
	}
	if bad := s.speak(h, p); bad != nil {
		s.noteLocked(hookMethod, p, bad.code)
		if bad.wrong {
			s.violateLocked("response_url: %s: %v: %s", bad.code, bad.detail, shorten(string(encode(p)), 800))
		}
		return http.StatusBadRequest, bad.code
	}
	h.uses++
	s.noteLocked(hookMethod, p, "ok")
	return http.StatusOK, "ok"
}

// speak does what a response URL, or the body of an acknowledgement, asks for.
func (s *Slack) speak(h *hook, p params) *refusal {
	replace, remove := p.is("replace_original"), p.is("delete_original")
	if (replace || remove) && h.origin == nil {
		s.violateLocked("response_url: replace_original and delete_original do nothing but for a button")
		replace = false
		if remove {
			return nil
		}
	}
	if remove {
		h.channel.remove(h.origin)
		return nil
	}
	m, bad := s.compose(hookMethod, p)
	if bad != nil {
		return bad
	}
	if replace {
		o := h.origin
		if !contains(ids(h.channel.messages), o.ts) {
			return refuse("message_not_found")
		}
		o.text, o.blocks, o.attachments = m.text, m.blocks, m.attachments
		return nil
	}
	switch kind := p.text("response_type"); kind {
	case "", "ephemeral":
		m.only = h.user
	case "in_channel":
	default:
		return wrong("invalid_arguments", "response_type "+kind)
	}
	if t := p.text("thread_ts"); t != "" {
		m.thread = t
		if root := h.channel.find(t); root != nil {
			root.thread = root.ts
		}
	}
	m.ts = s.ts()
	h.channel.messages = append(h.channel.messages, m)
	return nil
}

func ids(all []*message) []string {
	out := make([]string, len(all))
	for i, m := range all {
		out[i] = m.ts
	}
	return out
}
