package discordbot

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const pingBody = `{"id":"1573489886462214144","token":"t","type":1}`

// signed is a request as Discord makes it.
func signed(key ed25519.PrivateKey, at time.Time, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/discord/interactions", strings.NewReader(body))
	stamp := strconv.FormatInt(at.Unix(), 10)
	r.Header.Set(headerTimestamp, stamp)
	r.Header.Set(headerSignature, hex.EncodeToString(ed25519.Sign(key, append([]byte(stamp), body...))))
	return r
}

func send(b *Bot, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	b.Handler().ServeHTTP(w, r)
	return w
}

// TestSignatureAttacks sends what Discord did not sign.
func TestSignatureAttacks(t *testing.T) {
	b, h := newHTTP(t)
	other := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, 32))
	now := h.now
	attacks := map[string]struct {
		reason string
		change func(r *http.Request) *http.Request
	}{
		"no headers":   {"signature_missing", func(r *http.Request) *http.Request { r.Header = http.Header{}; return r }},
		"no signature": {"signature_missing", func(r *http.Request) *http.Request { r.Header.Del(headerSignature); return r }},
		"no timestamp": {"signature_missing", func(r *http.Request) *http.Request { r.Header.Del(headerTimestamp); return r }},
		"two signatures": {"signature_repeated", func(r *http.Request) *http.Request {
			r.Header.Add(headerSignature, r.Header.Get(headerSignature))
			return r
		}},
		"two timestamps": {"signature_repeated", func(r *http.Request) *http.Request {
			r.Header.Add(headerTimestamp, r.Header.Get(headerTimestamp))
			return r
		}},
		"short signature": {"signature_malformed", func(r *http.Request) *http.Request {
			r.Header.Set(headerSignature, r.Header.Get(headerSignature)[:64])
			return r
		}},
		"no hex": {"signature_malformed", func(r *http.Request) *http.Request {
			r.Header.Set(headerSignature, strings.Repeat("zz", 64))
			return r
		}},
		"zeros": {"signature_wrong", func(r *http.Request) *http.Request {
			r.Header.Set(headerSignature, strings.Repeat("00", 64))
			return r
		}},
		"bit flipped": {"signature_wrong", func(r *http.Request) *http.Request {
			raw, _ := hex.DecodeString(r.Header.Get(headerSignature))
			raw[5] ^= 1
			r.Header.Set(headerSignature, hex.EncodeToString(raw))
			return r
		}},
		"other key": {"signature_wrong", func(*http.Request) *http.Request { return signed(other, now, pingBody) }},
		"other body": {"signature_wrong", func(r *http.Request) *http.Request {
			n := httptest.NewRequest(http.MethodPost, "/discord/interactions", strings.NewReader(pingBody+" "))
			n.Header = r.Header
			return n
		}},
		"other timestamp": {"signature_wrong", func(r *http.Request) *http.Request {
			r.Header.Set(headerTimestamp, strconv.FormatInt(now.Unix()+1, 10))
			return r
		}},
		"timestamp with a sign": {"signature_wrong", func(r *http.Request) *http.Request {
			r.Header.Set(headerTimestamp, "+"+r.Header.Get(headerTimestamp))
			return r
		}},
		"old":             {"timestamp_stale", func(*http.Request) *http.Request { return signed(h.key, now.Add(-6*time.Minute), pingBody) }},
		"from the future": {"timestamp_stale", func(*http.Request) *http.Request { return signed(h.key, now.Add(6*time.Minute), pingBody) }},
		"no number":       {"timestamp_malformed", func(r *http.Request) *http.Request { r.Header.Set(headerTimestamp, "now"); return r }},
		"huge number": {"timestamp_malformed", func(r *http.Request) *http.Request {
			r.Header.Set(headerTimestamp, strings.Repeat("9", 30))
			return r
		}},
	}
	for name, a := range attacks {
		t.Run(name, func(t *testing.T) {
			w := send(b, a.change(signed(h.key, now, pingBody)))
			if got := h.reason(); w.Code != http.StatusUnauthorized || got != a.reason {
				t.Errorf("answer %d for %q, want 401 for %q", w.Code, got, a.reason)
			}
			if w.Body.Len() > 40 {
				t.Errorf("a refusal of %d bytes", w.Body.Len())
			}
		})
	}
	if w := send(b, signed(h.key, now, pingBody)); w.Code != http.StatusOK {
		t.Fatalf("a good request is answered with %d", w.Code)
	}
	if len(h.sink.events()) > 0 {
		t.Errorf("delivered: %v", h.sink.events())
	}
}

func TestRotatedKeyIsTakenForAWhile(t *testing.T) {
	b, h := newHTTP(t)
	next := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	b.Rotate(Options{PublicKey: hex.EncodeToString(next.Public().(ed25519.PublicKey))})
	for name, c := range map[string]struct {
		key   ed25519.PrivateKey
		after time.Duration
		want  int
	}{
		"new":             {next, 0, http.StatusOK},
		"old, soon":       {h.key, 4 * time.Minute, http.StatusOK},
		"old, much later": {h.key, 6 * time.Minute, http.StatusUnauthorized},
		"new, much later": {next, 6 * time.Minute, http.StatusOK},
	} {
		start := h.now
		h.now = start.Add(c.after)
		if w := send(b, signed(c.key, h.now, pingBody)); w.Code != c.want {
			t.Errorf("%s: %d, want %d", name, w.Code, c.want)
		}
		h.now = start
	}
}

// TestVector checks a signature that other libraries agree about.
func TestVector(t *testing.T) {
	root := os.Getenv("DREY_SPECS")
	if root == "" {
		root = "../../../shared/specs"
	}
	raw, err := os.ReadFile(filepath.Join(root, "signing", "discord_ed25519_vector.json"))
	if err != nil {
		t.Skipf("no vectors here: %v", err)
	}
	var v struct {
		Key       string `json:"public_key"`
		Stamp     string `json:"timestamp"`
		Body      string `json:"body"`
		Signature string `json:"signature"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	sec, _ := strconv.ParseInt(v.Stamp, 10, 64)
	now := time.Unix(sec, 0)
	p, err := proofOf(http.Header{headerSignature: {v.Signature}, headerTimestamp: {v.Stamp}}, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := keysOf(v.Key).check(p, []byte(v.Body), now); err != nil {
		t.Error(err)
	}
	if err := keysOf(v.Key).check(p, []byte(v.Body+"\n"), now); err == nil {
		t.Error("another body passes")
	}
}
