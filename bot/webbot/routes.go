package webbot

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// userHeader names the person that the page was made for. Only scripts of this origin can send it.
	userHeader = "X-Drey-User"
	nobody     = "-"

	bodySmall = 8 << 10
	bodyLarge = 512 << 10
	bodyWait  = 20 * time.Second
)

// personPage is a handler for somebody who is signed in.
type personPage func(w http.ResponseWriter, r *http.Request, u User)

func (b *Bot) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/c/"+b.o.Channels[0], http.StatusSeeOther)
	})
	mux.HandleFunc("GET /signin", b.signInPage)
	mux.HandleFunc("POST /signin", b.postSignIn)
	mux.HandleFunc("POST /signout", b.postSignOut)
	mux.Handle("GET /assets/{version}/{name}", b.assets)
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, b.assets.url("icon.svg"), http.StatusSeeOther)
	})
	mux.HandleFunc("GET /c/{channel}", b.person(b.channelPage))
	mux.HandleFunc("GET /c/{channel}/t/{thread}", b.person(b.channelPage))
	mux.HandleFunc("GET /events", b.person(b.events))
	mux.HandleFunc("GET /commands", b.person(b.commands))
	mux.HandleFunc("GET /suggest", b.person(b.suggest))
	mux.HandleFunc("GET /files/{channel}/{message}/{file}", b.person(b.file))
	mux.HandleFunc("POST /send", b.person(b.send))
	mux.HandleFunc("POST /press", b.person(b.press))
	mux.HandleFunc("POST /submit", b.person(b.submit))
	mux.HandleFunc("POST /read", b.person(b.read))
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		b.notice(w, http.StatusNotFound, lost, "There is no such page.")
	})
	return mux
}

// person lets the signed-in through. A POST must come from a page that was made for the same person.
func (b *Bot) person(p personPage) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		u, ok, err := b.signedIn(r)
		switch {
		case err != nil:
			b.storeDown(w, r, err)
		case !ok && isPage(r):
			b.toSignIn(w, r)
		case !ok:
			fail(w, http.StatusUnauthorized, "You are signed out.")
		case r.Method == http.MethodPost && r.Header.Get(userHeader) != u.ID:
			fail(w, http.StatusConflict, "Somebody else has signed in since this page was opened.")
		default:
			p(w, r, u)
		}
	}
}

// toSignIn sends a page's reader to sign in. A link from elsewhere comes without the cookie, since that is SameSite
// strict; asking for the page once more from here brings it. "again" keeps that from going round.
func (b *Bot) toSignIn(w http.ResponseWriter, r *http.Request) {
	site := r.Header.Get("Sec-Fetch-Site")
	if (site == "cross-site" || site == "same-site") && !r.URL.Query().Has("again") {
		w.Header().Set("Refresh", "0; url="+r.URL.EscapedPath()+"?again")
		return
	}
	http.Redirect(w, r, "/signin?next="+url.QueryEscape(r.URL.Path), http.StatusSeeOther)
}

// isPage says that a person looks at the answer, and not a script.
func isPage(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/c/") && !r.URL.Query().Has("part")
}

// storeDown is the one place where an error of the store becomes words.
func (b *Bot) storeDown(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return
	}
	b.log.Warn("console could not use the store", "network", Network, "path", r.Pattern, "err", err)
	const text = "drey cannot reach its store just now. Nothing was done; try again in a moment."
	if isPage(r) {
		b.notice(w, http.StatusServiceUnavailable, "One moment", text)
		return
	}
	fail(w, http.StatusServiceUnavailable, text)
}

// fail answers with words for a person.
func fail(w http.ResponseWriter, code int, text string) {
	answer(w, code, map[string]string{"error": text})
}

func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(v) // an error here is a reader who went away
}

// take decodes the body of a POST into v, or answers what is wrong with it.
func take(w http.ResponseWriter, r *http.Request, limit int64, v any) bool {
	rc := http.NewResponseController(w)
	rc.SetReadDeadline(time.Now().Add(bodyWait)) // where the server cannot, it has timeouts of its own
	defer rc.SetReadDeadline(time.Time{})
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		fail(w, http.StatusUnsupportedMediaType, "The request is not JSON.")
		return false
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		fail(w, http.StatusRequestEntityTooLarge, "That is too long to send.")
	case err != nil:
		fail(w, http.StatusBadRequest, "The request cannot be read.")
	}
	return err == nil
}
