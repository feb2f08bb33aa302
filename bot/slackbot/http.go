package slackbot

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	bodyMax   = 1 << 20
	bodyWait  = 5 * time.Second // for the whole body
	bufferMax = 64 << 10        // of those that are kept for the next request
)

// The addresses that Slack posts to in mode http; the app's manifest names them.
const (
	pathCommands     = "/slack/commands"
	pathInteractions = "/slack/interactions"
	pathEvents       = "/slack/events"
	pathOptions      = "/slack/options"
)

// handler takes Slack's requests.
type handler struct {
	b       *Bot
	buffers sync.Pool // of *bytes.Buffer
}

// Handler takes what Slack posts to pathCommands and the other addresses. A request that is signed is answered with 200
// whatever is in it, so that nobody is shown an error of Slack's own; it is 503 while no Receive runs.
func (b *Bot) Handler() http.Handler {
	return &handler{b: b, buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }}}
}

// ServeHTTP implements http.Handler. Nothing is parsed before the signature is known to be right.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case pathCommands, pathInteractions, pathEvents, pathOptions:
	default:
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		h.refuse(w, refusedMethod, http.StatusMethodNotAllowed)
		return
	}
	body := h.buffers.Get().(*bytes.Buffer)
	body.Reset()
	defer func() {
		if body.Cap() <= bufferMax {
			h.buffers.Put(body)
		}
	}()
	if why := readBody(body, w, r); why != "" {
		code := http.StatusBadRequest
		if why == refusedSize {
			code = http.StatusRequestEntityTooLarge
		}
		h.refuse(w, why, code)
		return
	}
	if why := h.b.keys.verify(r.Header, body.Bytes(), h.b.o.Now()); why != "" {
		h.refuse(w, why, http.StatusUnauthorized)
		return
	}
	h.take(w, r.URL.Path, body.Bytes())
}

// readBody reads at most bodyMax bytes.
func readBody(into *bytes.Buffer, w http.ResponseWriter, r *http.Request) reason {
	if r.ContentLength > bodyMax {
		return refusedSize
	}
	if into.Cap() == 0 && r.ContentLength > 0 {
		into.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyWait)) // the server sets its own for the next request
	_, err := into.ReadFrom(http.MaxBytesReader(w, r.Body, bodyMax))
	if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
		return refusedSize
	}
	if err != nil {
		return refusedMalformed
	}
	return ""
}

// refuse answers without saying more than the status does.
func (h *handler) refuse(w http.ResponseWriter, why reason, code int) {
	h.b.refuse(why, ModeHTTP)
	w.Header()["X-Slack-No-Retry"] = []string{"1"}
	http.Error(w, http.StatusText(code), code)
}

// take answers a request that is Slack's. body is good until it returns.
func (h *handler) take(w http.ResponseWriter, path string, body []byte) {
	if path == pathEvents {
		if challenge, ok := challengeOf(body); ok {
			w.Header()["Content-Type"] = []string{"text/plain; charset=utf-8"}
			io.WriteString(w, challenge)
			return
		}
	}
	in := h.b.receiving()
	if in == nil || !in.crew.begin() {
		why := refusedIdle
		if in != nil {
			why = refusedBusy
		}
		h.b.refuse(why, ModeHTTP)
		http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable) // Slack tries again
		return
	}
	defer in.crew.end()
	var answer any
	took := true
	in.crew.guard(func() { answer, took = h.b.takeHTTP(in, path, body) })
	if !took {
		h.b.refuse(refusedBusy, ModeHTTP)
		http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
		return
	}
	w.Header()["X-Slack-No-Retry"] = []string{"1"}
	raw, err := encodeAck(answer)
	if err != nil {
		h.b.log.Error("acknowledgement not encoded", "error", err)
		return
	}
	if len(raw) == 0 {
		w.WriteHeader(http.StatusOK)
		return
	}
	w.Header()["Content-Type"] = []string{"application/json"}
	w.Write(raw)
}

// takeHTTP decodes the body of a request and returns the acknowledgement's; took is false when there is no room for it.
func (b *Bot) takeHTTP(in *reception, path string, body []byte) (answer any, took bool) {
	switch path {
	case pathCommands:
		c, err := slashForm(body)
		if err != nil {
			b.refuse(refusedMalformed, ModeHTTP)
			return nil, true
		}
		return nil, b.takeSlash(in, c)
	case pathEvents:
		return nil, b.takeEvent(in, body)
	}
	payload, err := formValue(body, "payload")
	if err != nil || payload == "" {
		b.refuse(refusedMalformed, ModeHTTP)
		return nil, true
	}
	return b.takeInteraction(in, []byte(payload), 0)
}

// challengeOf returns what an event endpoint has to say back when its address is entered in the app's configuration.
func challengeOf(body []byte) (string, bool) {
	if !bytes.Contains(body, []byte("url_verification")) {
		return "", false
	}
	var v struct{ Type, Challenge string }
	if err := json.Unmarshal(body, &v); err != nil || v.Type != "url_verification" {
		return "", false
	}
	return v.Challenge, true
}

// formValue returns the first value of key in a form.
func formValue(body []byte, key string) (string, error) {
	var found string
	err := eachPair(body, func(k, v string) error {
		if k != key || found != "" {
			return nil
		}
		var err error
		found, err = url.QueryUnescape(v)
		return err
	})
	return found, err
}

// slashForm reads a slash command.
func slashForm(body []byte) (slashCommand, error) {
	var c slashCommand
	err := eachPair(body, func(k, v string) error {
		into := c.field(k)
		if into == nil || *into != "" {
			return nil
		}
		var err error
		*into, err = url.QueryUnescape(v)
		return err
	})
	return c, err
}

// eachPair calls fn with each pair of a form; values are still escaped. It spares the map that url.ParseQuery makes.
func eachPair(body []byte, fn func(key, escaped string) error) error {
	rest := string(body)
	for rest != "" {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		key, value, _ := strings.Cut(pair, "=")
		if err := fn(key, value); err != nil {
			return err
		}
	}
	return nil
}
