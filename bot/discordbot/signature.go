package discordbot

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"time"
)

const (
	headerSignature = "X-Signature-Ed25519"
	headerTimestamp = "X-Signature-Timestamp"

	stampSkew   = 5 * time.Minute // how far the time of a request may be from ours
	rotateGrace = 5 * time.Minute // how long the key before a Rotate is still taken
)

// Why a request is not Discord's. Their texts are metric labels.
var (
	errNoSignature  = errors.New("signature_missing")
	errManySigned   = errors.New("signature_repeated")
	errBadSignature = errors.New("signature_malformed")
	errBadTime      = errors.New("timestamp_malformed")
	errStale        = errors.New("timestamp_stale")
	errForged       = errors.New("signature_wrong")
	errNoKey        = errors.New("no_public_key")
)

// keys are the public keys that prove a request: the one in force, and the one before it for a while.
type keys struct {
	now, before ed25519.PublicKey
	until       time.Time // of before
}

// keysOf reads a public key in hex; one that is none proves nothing.
func keysOf(hexKey string) keys {
	k, err := hex.DecodeString(hexKey)
	if err != nil || len(k) != ed25519.PublicKeySize {
		return keys{}
	}
	return keys{now: k}
}

// followed returns the keys after a rotation to next at a time.
func (k keys) followed(next string, at time.Time) keys {
	n := keysOf(next)
	if n.now.Equal(k.now) {
		return k
	}
	n.before, n.until = k.now, at.Add(rotateGrace)
	return n
}

// proof is what the headers of a request say.
type proof struct {
	sig   []byte
	stamp string
}

// proofOf reads the headers before anything of the body is read.
func proofOf(h http.Header, now time.Time) (proof, error) {
	sigs, stamps := h.Values(headerSignature), h.Values(headerTimestamp)
	switch {
	case len(sigs) == 0 || len(stamps) == 0:
		return proof{}, errNoSignature
	case len(sigs) > 1 || len(stamps) > 1:
		return proof{}, errManySigned
	case len(sigs[0]) != 2*ed25519.SignatureSize:
		return proof{}, errBadSignature
	}
	sig, err := hex.DecodeString(sigs[0])
	if err != nil {
		return proof{}, errBadSignature
	}
	sec, err := strconv.ParseInt(stamps[0], 10, 64)
	if err != nil || len(stamps[0]) > 12 {
		return proof{}, errBadTime
	}
	if age := now.Sub(time.Unix(sec, 0)); age > stampSkew || age < -stampSkew {
		return proof{}, errStale
	}
	return proof{sig, stamps[0]}, nil
}

// check says whether p proves body.
func (k keys) check(p proof, body []byte, now time.Time) error {
	if k.now == nil && k.before == nil {
		return errNoKey
	}
	msg := make([]byte, 0, len(p.stamp)+len(body))
	msg = append(append(msg, p.stamp...), body...)
	if k.now != nil && ed25519.Verify(k.now, msg, p.sig) {
		return nil
	}
	if k.before != nil && now.Before(k.until) && ed25519.Verify(k.before, msg, p.sig) {
		return nil
	}
	return errForged
}
