package webbot

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

const (
	sessionTTL = 14 * 24 * time.Hour
	cookieName = "drey_session"
)

// session is stored under the hash of the cookie: who reads the store cannot sign in.
type session struct {
	User  string    `json:"user"`
	Token string    `json:"token"` // hash of the token it was made with: another token ends it
	Since time.Time `json:"since"`
}

func hashed(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func https(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
}

// nameOf keeps a cookie that was set over https apart: with the prefix a browser takes it over https alone.
func nameOf(r *http.Request) string {
	if https(r) {
		return "__Host-" + cookieName
	}
	return cookieName
}

func cookie(r *http.Request, value string, age int) *http.Cookie {
	return &http.Cookie{
		Name: nameOf(r), Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: https(r), SameSite: http.SameSiteStrictMode,
	}
}

// signIn starts a session for u and ends the one that the request came with.
func (b *Bot) signIn(w http.ResponseWriter, r *http.Request, u User) error {
	if err := b.signOut(r); err != nil {
		return err
	}
	secret := rand.Text() + rand.Text()
	id := "s-" + hashed(secret)
	tx := b.db.Begin(id)
	b.sessions.Put(tx, id, session{User: u.ID, Token: hashed(string(u.Token)), Since: b.o.Now()}, storage.New)
	if err := b.db.Commit(r.Context(), tx); err != nil {
		return fmt.Errorf("start session: %w", err)
	}
	http.SetCookie(w, cookie(r, secret, int(sessionTTL/time.Second)))
	return nil
}

func sessionID(r *http.Request) string {
	c, err := r.Cookie(nameOf(r))
	if err != nil || c.Value == "" || len(c.Value) > 200 {
		return ""
	}
	return "s-" + hashed(c.Value)
}

func (b *Bot) signOut(r *http.Request) error {
	id := sessionID(r)
	if id == "" {
		return nil
	}
	tx := b.db.Begin(id)
	b.sessions.Delete(tx, id, storage.Any)
	if err := b.db.Commit(r.Context(), tx); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	b.wake()
	return nil
}

// signedIn returns who made the request; ok is false for nobody.
func (b *Bot) signedIn(r *http.Request) (u User, ok bool, err error) {
	id := sessionID(r)
	if id == "" {
		return User{}, false, nil
	}
	return b.sessionUser(r.Context(), id)
}

func (b *Bot) sessionUser(ctx context.Context, id string) (u User, ok bool, err error) {
	s, _, err := b.sessions.Get(ctx, id)
	if errors.Is(err, storage.ErrNotFound) {
		return User{}, false, nil
	}
	if err != nil {
		return User{}, false, fmt.Errorf("read session: %w", err)
	}
	u, ok = b.users[s.User]
	if !ok || subtle.ConstantTimeCompare([]byte(s.Token), []byte(hashed(string(u.Token)))) != 1 {
		return User{}, false, nil
	}
	return u, true, nil
}

// byToken finds the person with the token. It takes as long for a wrong token as for a right one.
func (b *Bot) byToken(token string) (User, bool) {
	var found User
	given := []byte(hashed(token))
	for _, u := range b.o.Users {
		if len(u.Token) >= minToken && subtle.ConstantTimeCompare(given, []byte(hashed(string(u.Token)))) == 1 {
			found = u
		}
	}
	return found, found.ID != ""
}

func (u User) actor() bot.Actor {
	return bot.Actor{Network: Network, ID: u.ID, Name: u.Name, Groups: u.Groups}
}
