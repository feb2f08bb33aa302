package discordbot

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/bwmarrin/discordgo"
)

const (
	bodyMax         = 1 << 20
	bodyRead        = 5 * time.Second // for a body to arrive
	firstWait       = 2700 * time.Millisecond
	questionTimeout = 1500 * time.Millisecond
)

// Handler takes interactions over HTTP at /discord/interactions. What is not signed by Discord is refused with 401 before
// any of it is decoded; Discord tests that now and then.
func (b *Bot) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/discord/interactions", b.interactions)
	return mux
}

func (b *Bot) interactions(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		b.refuse(w, r, http.StatusMethodNotAllowed, errors.New("method"))
		return
	}
	now := b.o.Now()
	p, err := proofOf(r.Header, now)
	if err != nil {
		b.refuse(w, r, http.StatusUnauthorized, err)
		return
	}
	body, status, err := bodyOf(w, r)
	if err != nil {
		b.refuse(w, r, status, err)
		return
	}
	if err := b.keys.Load().check(p, body, now); err != nil {
		b.refuse(w, r, http.StatusUnauthorized, err)
		return
	}
	b.answer(w, r, body)
}

// bodyOf reads the whole body, up to bodyMax.
func bodyOf(w http.ResponseWriter, r *http.Request) ([]byte, int, error) {
	if r.ContentLength > bodyMax {
		return nil, http.StatusRequestEntityTooLarge, errors.New("body_large")
	}
	// Writers without deadlines, such as recorders of tests, do without.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyRead))
	body := make([]byte, 0, max(r.ContentLength, 512)+1)
	lr := http.MaxBytesReader(w, r.Body, bodyMax)
	for {
		n, err := lr.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch large := new(http.MaxBytesError); {
		case errors.Is(err, io.EOF):
			return body, 0, nil
		case errors.As(err, &large):
			return nil, http.StatusRequestEntityTooLarge, errors.New("body_large")
		case err != nil:
			return nil, http.StatusBadRequest, errors.New("body_broken")
		}
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
	}
}

// refuse answers without saying more than that it was refused; err is the reason for metrics.
func (b *Bot) refuse(w http.ResponseWriter, r *http.Request, status int, err error) {
	b.o.OnRefused(err.Error())
	b.log.DebugContext(r.Context(), "interaction request refused", "network", Network, "reason", err.Error())
	http.Error(w, http.StatusText(status), status)
}

// answer hands a proven request over and waits for its first response.
func (b *Bot) answer(w http.ResponseWriter, r *http.Request, body []byte) {
	sink, ctx, ok := b.receiving()
	if !ok {
		if in, err := read(body); err == nil && in.Type == discordgo.InteractionPing {
			writeFirst(w, firstResponse{Type: respondPong})
			return
		}
		w.Header().Set("Retry-After", "1")
		b.refuse(w, r, http.StatusServiceUnavailable, errors.New("not_receiving"))
		return
	}
	first := make(chan any, 1)
	_, g, now, err := b.accept(ctx, sink, body, first)
	switch {
	case errors.Is(err, errRepeated):
		http.Error(w, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
		return
	case err != nil:
		http.Error(w, http.StatusText(http.StatusBadRequest), http.StatusBadRequest)
		return
	case now != nil:
		writeFirst(w, now)
		return
	}
	timer := time.NewTimer(firstWait)
	defer timer.Stop()
	select {
	case now = <-first:
	case <-timer.C:
		now = promised()
		if !g.promise() {
			now = <-first
		}
	}
	writeFirst(w, now)
}

// writeFirst writes a first response; one with files is in several parts.
func writeFirst(w http.ResponseWriter, v any) {
	kind, raw, err := encode(v)
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Write(raw)
}
