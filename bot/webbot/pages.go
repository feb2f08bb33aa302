package webbot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/drey-ops/drey/storage"
)

const pageSize = 40

// marks is how far a person has read each channel.
type marks struct {
	Read map[string]int64 `json:"read"`
}

type readBody struct {
	Channel string
	Pos     int64
}

// read moves a mark forward; a page that was open for long cannot move it back.
func (b *Bot) read(w http.ResponseWriter, r *http.Request, u User) {
	var in readBody
	if !take(w, r, bodySmall, &in) {
		return
	}
	if b.feeds[in.Channel] == nil {
		fail(w, http.StatusNotFound, "There is no such channel.")
		return
	}
	err := b.marks.Update(r.Context(), u.ID, func(_ *storage.Tx, m *marks, _ storage.Version) error {
		if m.Read == nil {
			m.Read = map[string]int64{}
		}
		if in.Pos <= m.Read[in.Channel] {
			return errUnchanged
		}
		m.Read[in.Channel] = in.Pos
		return nil
	})
	if err != nil && !errors.Is(err, errUnchanged) {
		b.storeDown(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (b *Bot) readMarks(ctx context.Context, user string) (map[string]int64, error) {
	m, _, err := b.marks.Get(ctx, user)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, fmt.Errorf("read marks: %w", err)
	}
	return m.Read, nil
}

// channelPage serves a channel, with or without a thread beside it, or one part of it for a page that is open.
func (b *Bot) channelPage(w http.ResponseWriter, r *http.Request, u User) {
	f := b.feeds[r.PathValue("channel")]
	if f == nil {
		b.notice(w, http.StatusNotFound, lost, "There is no such channel.")
		return
	}
	if err := b.refresh(r.Context()); err != nil {
		b.storeDown(w, r, err)
		return
	}
	switch r.URL.Query().Get("part") {
	case "older":
		before, _ := strconv.ParseInt(r.URL.Query().Get("before"), 10, 64)
		b.show(w, r, "rows", b.list(f, u, max(before, 1)))
	case "channel":
		v := b.list(f, u, 0)
		read, err := b.readMarks(r.Context(), u.ID)
		if err != nil {
			b.storeDown(w, r, err)
			return
		}
		v.Read = read[f.channel]
		b.show(w, r, "list", v)
	case "thread":
		v := b.threadView(f, r.PathValue("thread"), u)
		if v == nil {
			fail(w, http.StatusGone, "This thread is no longer kept.")
			return
		}
		b.show(w, r, "thread", v)
	default:
		read, err := b.readMarks(r.Context(), u.ID)
		if err != nil {
			b.storeDown(w, r, err)
			return
		}
		b.show(w, r, "page", b.pageView(f, r.PathValue("thread"), u, read))
	}
}

// show writes a template when it is complete, never half a page.
func (b *Bot) show(w http.ResponseWriter, r *http.Request, name string, v any) {
	var buf bytes.Buffer
	if err := b.tmpl.ExecuteTemplate(&buf, name, v); err != nil {
		b.log.Error("console could not make a page", "network", Network, "path", r.Pattern, "err", err)
		fail(w, http.StatusInternalServerError, "drey could not make this page; its log says why.")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(buf.Bytes())
}

const lost = "Not here"

// notice is a page that only says something.
func (b *Bot) notice(w http.ResponseWriter, code int, title, text string) {
	var buf bytes.Buffer
	if err := b.tmpl.ExecuteTemplate(&buf, "notice", map[string]any{"Title": title, "Text": text, "Asset": b.assets}); err != nil {
		fail(w, code, text)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	w.Write(buf.Bytes())
}

// next is where a person goes after signing in: a path of ours, or the start.
func (b *Bot) next(r *http.Request) string {
	n := r.URL.Query().Get("next")
	if !strings.HasPrefix(n, "/c/") || strings.ContainsAny(n, "\\\r\n") {
		return "/"
	}
	return n
}

func (b *Bot) signInPage(w http.ResponseWriter, r *http.Request) {
	b.show(w, r, "signin", map[string]any{
		"Demo": b.o.Login == LoginDemo, "Users": b.people(""), "Next": b.next(r), "Asset": b.assets,
	})
}

func (b *Bot) postSignIn(w http.ResponseWriter, r *http.Request) {
	var in struct{ User, Token string }
	if !take(w, r, bodySmall, &in) {
		return
	}
	var u User
	var ok bool
	addr := remote(r)
	switch {
	case b.o.Login == LoginDemo:
		u, ok = b.users[in.User]
	case !b.limit.allow(addr):
		w.Header().Set("Retry-After", "60")
		fail(w, http.StatusTooManyRequests, "Too many wrong tokens. Wait a minute, then try again.")
		return
	default:
		u, ok = b.byToken(strings.TrimSpace(in.Token))
	}
	if !ok {
		b.limit.failed(addr)
		b.log.Warn("console sign-in refused", "network", Network, "from", addr)
		fail(w, http.StatusUnauthorized, "Nobody has this token. Ask whoever keeps drey's configuration.")
		return
	}
	if err := b.signIn(w, r, u); err != nil {
		b.storeDown(w, r, err)
		return
	}
	b.log.Info("console sign-in", "network", Network, "actor", u.ID, "from", addr)
	w.WriteHeader(http.StatusNoContent)
}

func (b *Bot) postSignOut(w http.ResponseWriter, r *http.Request) {
	if err := b.signOut(r); err != nil {
		b.storeDown(w, r, err)
		return
	}
	http.SetCookie(w, cookie(r, "", -1))
	id := sessionID(r)
	b.mu.Lock()
	for st := range b.streams {
		if st.session == id {
			st.cancel()
		}
	}
	b.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

// file serves the bytes of a block. Only a picture is shown in the page; everything else is a download that no browser
// runs.
func (b *Bot) file(w http.ResponseWriter, r *http.Request, u User) {
	f := b.feeds[r.PathValue("channel")]
	if f == nil {
		b.notice(w, http.StatusNotFound, lost, "There is no such file.")
		return
	}
	rec, err := b.visible(r.Context(), f, r.PathValue("message"), u.ID)
	if err != nil {
		b.storeDown(w, r, err)
		return
	}
	ref, ok := rec.file(r.PathValue("file"))
	if !ok {
		b.notice(w, http.StatusNotFound, lost, "This file is no longer kept.")
		return
	}
	data, err := f.blob(r.Context(), ref.ID)
	if err != nil {
		b.storeDown(w, r, err)
		return
	}
	typ, how := "application/octet-stream", "attachment"
	if t, _, err := mime.ParseMediaType(ref.MIME); err == nil && (strings.HasPrefix(t, "text/") && t != "text/html" || t == "application/json") {
		typ = t + "; charset=utf-8"
	}
	if http.DetectContentType(data) == "image/png" {
		typ, how = "image/png", "inline"
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
	w.Header().Set("Cache-Control", "private, max-age=86400, immutable")
	w.Header().Set("Content-Type", typ)
	w.Header().Set("Content-Disposition", mime.FormatMediaType(how, map[string]string{"filename": ref.Name}))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}
