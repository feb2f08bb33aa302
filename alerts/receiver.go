package alerts

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/drey-ops/drey/config/secret"
)

// The results of a webhook, as counted.
const (
	resultDuplicate    = "duplicate"
	resultWatchdog     = "watchdog"
	resultAccepted     = "accepted"
	resultMethod       = "wrong_method"
	resultSource       = "unknown_source"
	resultUnauthorized = "unauthorized"
	resultTooLarge     = "too_large"
	resultMalformed    = "malformed"
	resultUnavailable  = "unavailable"
)

const (
	// inFlight bounds the webhooks at work at once, and with MaxBody the memory they take.
	inFlight = 64
	// takeWithin is less than the time limit that people give Alertmanager's webhooks.
	takeWithin = 5 * time.Second
)

// Receiver is the webhook's HTTP handler, for POST /webhooks/alertmanager/{source}.
type Receiver struct {
	service *Service
	slots   chan struct{}
}

// Receiver returns the handler for webhooks.
func (s *Service) Receiver() *Receiver {
	return &Receiver{service: s, slots: make(chan struct{}, inFlight)}
}

// ServeHTTP implements http.Handler. It answers 200 only after what it was told is stored, 503 for what may pass, and never
// 3xx or 429: Alertmanager takes a redirect for a success and 429 for "wait five minutes".
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	start := time.Now()
	name := req.PathValue("source")
	if name == "" {
		name = path.Base(req.URL.Path)
	}
	src, known := r.service.options.Sources[name]
	if !known {
		name = "unknown"
	}
	result, err := r.take(w, req, name, src, known)
	if h := r.service.hooks.OnWebhook; h != nil {
		h(name, result, time.Since(start))
	}
	code, say := answer(result)
	if code >= 400 {
		level := slog.LevelWarn
		if code == http.StatusServiceUnavailable && req.Context().Err() == nil { // else the sender hung up, and sends it again
			level = slog.LevelError
		}
		r.service.log.Log(req.Context(), level, "webhook refused", "source", name, "result", result, "err", err)
	}
	if err != nil && result == resultMalformed {
		say = err.Error()
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, say+"\n") // who hung up gets no answer
}

func (r *Receiver) take(w http.ResponseWriter, req *http.Request, name string, src Source, known bool) (string, error) {
	switch {
	case req.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		return resultMethod, nil
	case !known:
		return resultSource, nil
	case !authorized(req, src.Token):
		return resultUnauthorized, nil
	}
	ctx, cancel := context.WithTimeout(req.Context(), takeWithin)
	defer cancel()
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return resultUnavailable, errors.New("too many webhooks at once")
	}
	body, err := r.read(w, req)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return resultTooLarge, nil
	case err != nil:
		return resultUnavailable, errors.New("the body broke off")
	}
	kind, err := r.service.Take(ctx, name, body)
	switch {
	case errors.Is(err, errForeign):
		return resultMalformed, err
	case err != nil:
		return resultUnavailable, err
	case kind == kindRepeat:
		return resultDuplicate, nil
	case kind == kindWatchdog:
		return resultWatchdog, nil
	}
	return resultAccepted, nil
}

// read takes the whole body, into a buffer of the right size where the sender says how long it is.
func (r *Receiver) read(w http.ResponseWriter, req *http.Request) ([]byte, error) {
	limit := r.service.options.MaxBody
	if req.ContentLength > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	return io.ReadAll(http.MaxBytesReader(w, req.Body, limit))
}

// authorized compares in constant time, the length included.
func authorized(req *http.Request, want secret.Text) bool {
	scheme, got, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	a, b := sha256.Sum256([]byte(strings.TrimSpace(got))), sha256.Sum256([]byte(want))
	return strings.EqualFold(scheme, "Bearer") && want != "" && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

func answer(result string) (code int, say string) {
	switch result {
	case resultAccepted, resultDuplicate, resultWatchdog:
		return http.StatusOK, "ok"
	case resultMethod:
		return http.StatusMethodNotAllowed, "only POST is allowed here"
	case resultSource:
		return http.StatusNotFound, "no such source: the last part of the path must be a key of alerts.sources"
	case resultUnauthorized:
		return http.StatusUnauthorized, "wrong or missing bearer token"
	case resultTooLarge:
		return http.StatusRequestEntityTooLarge, "the body is larger than alerts.max_body; set max_alerts in Alertmanager's webhook_config"
	case resultMalformed:
		return http.StatusBadRequest, "not a webhook of Alertmanager"
	}
	return http.StatusServiceUnavailable, strconv.Itoa(http.StatusServiceUnavailable) + ": not stored, send it again"
}
