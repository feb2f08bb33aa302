package slackbot

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/drey-ops/drey/config/secret"
)

const (
	// signatureAge is how far Slack's clock and ours may be apart; an older request is a replay.
	signatureAge = 5 * time.Minute
	// rotationGrace is how long a signing secret that was replaced is still good: Slack's own change takes its time.
	rotationGrace = 5 * time.Minute

	stampHeader     = "X-Slack-Request-Timestamp"
	signatureHeader = "X-Slack-Signature"
	signatureScheme = "v0="
)

// keyring holds the signing secrets that are good now. Reading it takes no lock.
type keyring struct {
	mu   sync.Mutex // one change at a time
	keys atomic.Pointer[[]*signingKey]
}

// signingKey checks signatures made with one secret.
type signingKey struct {
	secret secret.Text
	until  time.Time // zero: until it is replaced
	macs   sync.Pool // of hash.Hash: making one costs more than using it
}

func newSigningKey(s secret.Text) *signingKey {
	k := &signingKey{secret: s}
	k.macs.New = func() any { return hmac.New(sha256.New, []byte(s)) }
	return k
}

// put makes s the secret in force; those before it stay good for rotationGrace. An empty s signs nothing.
func (r *keyring) put(s secret.Text, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var keys []*signingKey
	if s != "" {
		keys = append(keys, newSigningKey(s))
	}
	for _, k := range r.all() {
		if k.secret == s || !k.until.IsZero() && now.After(k.until) {
			continue
		}
		if k.until.IsZero() {
			old := newSigningKey(k.secret) // k may be in use
			old.until = now.Add(rotationGrace)
			k = old
		}
		keys = append(keys, k)
	}
	r.keys.Store(&keys)
}

func (r *keyring) all() []*signingKey {
	if p := r.keys.Load(); p != nil {
		return *p
	}
	return nil
}

// verify returns why a request is not Slack's, or an empty reason when it is.
func (r *keyring) verify(h http.Header, body []byte, now time.Time) reason {
	stamps, signatures := h[stampHeader], h[signatureHeader]
	if len(stamps) != 1 || len(signatures) != 1 {
		return refusedUnsigned
	}
	if !fresh(stamps[0], now) {
		return refusedStamp
	}
	var want [sha256.Size]byte
	if !readSignature(&want, signatures[0]) {
		return refusedSignature
	}
	for _, k := range r.all() {
		if (k.until.IsZero() || !now.After(k.until)) && k.signed(&want, stamps[0], body) {
			return ""
		}
	}
	return refusedSignature
}

// fresh says whether a timestamp is one of now.
func fresh(stamp string, now time.Time) bool {
	if len(stamp) == 0 || len(stamp) > 12 {
		return false
	}
	for _, c := range []byte(stamp) {
		if c < '0' || c > '9' {
			return false
		}
	}
	sec, err := strconv.ParseInt(stamp, 10, 64)
	return err == nil && now.Sub(time.Unix(sec, 0)).Abs() <= signatureAge
}

// readSignature reads "v0=" and 32 bytes in hexadecimal.
func readSignature(into *[sha256.Size]byte, s string) bool {
	if len(s) != len(signatureScheme)+2*sha256.Size || s[:len(signatureScheme)] != signatureScheme {
		return false
	}
	var digits [2 * sha256.Size]byte
	copy(digits[:], s[len(signatureScheme):])
	_, err := hex.Decode(into[:], digits[:])
	return err == nil
}

// signed says whether want is the signature of the timestamp and body; it takes as long for a wrong one as for a right one.
func (k *signingKey) signed(want *[sha256.Size]byte, stamp string, body []byte) bool {
	mac := k.macs.Get().(hash.Hash)
	defer k.macs.Put(mac)
	mac.Reset()
	var head [32]byte // "v0:", at most 12 digits, ":"
	b := append(head[:0], "v0:"...)
	b = append(append(b, stamp...), ':')
	mac.Write(b)
	mac.Write(body)
	var sum [sha256.Size]byte
	return hmac.Equal(mac.Sum(sum[:0]), want[:])
}
