package slackbot

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	"github.com/drey-ops/drey/config/secret"
)

// Sign returns the signature header of a request that was made at a time in Unix seconds, as Slack computes it: for tools
// and tests that stand in for Slack.
func Sign(s secret.Text, at string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(s))
	mac.Write([]byte("v0:" + at + ":"))
	mac.Write(body)
	return signatureScheme + hex.EncodeToString(mac.Sum(nil))
}
