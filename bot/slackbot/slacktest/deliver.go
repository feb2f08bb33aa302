package slacktest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Ack is what drey acknowledged a gesture with.
type Ack struct {
	Status int // 200 in Socket Mode too
	Body   []byte
}

// delivery is one request of Slack's to drey.
type delivery struct {
	path    string // "/slack/commands"
	kind    string // of the envelope: slash_commands, interactive, events_api
	payload object
	replies bool // the acknowledgement may have a body
}

// The places drey listens at.
const (
	pathCommands     = "/slack/commands"
	pathInteractions = "/slack/interactions"
	pathEvents       = "/slack/events"
	pathOptions      = "/slack/options"
)

// errNobody says that there is nothing to deliver to.
var errNobody = errors.New("slack: drey is not there")

func nobody(what string) error { return fmt.Errorf("slack: there is no %s", what) }

// deaf says whether nothing listens: no address, and no socket.
func (s *Slack) deaf() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.request == "" && len(s.sockets.live()) == 0
}

// send delivers a new gesture and waits for its acknowledgement.
func (s *Slack) send(d *delivery) (Ack, error) {
	s.mu.Lock()
	s.newest = d
	s.mu.Unlock()
	return s.deliver(d, 0)
}

// Repeat sends the newest gesture once more, as after a lost acknowledgement. What it is acknowledged with has no effect.
func (s *Slack) Repeat() error {
	s.mu.Lock()
	d := s.newest
	s.mu.Unlock()
	if d == nil {
		return nobody("gesture to repeat")
	}
	_, err := s.deliver(d, 1)
	return err
}

func (s *Slack) deliver(d *delivery, retry int) (Ack, error) {
	s.mu.Lock()
	base := s.request
	s.mu.Unlock()
	if base == "" {
		return s.deliverSocket(d, retry)
	}
	body, header := d.encode(), http.Header{}
	header.Set("Content-Type", d.contentType())
	if retry > 0 && d.path == pathEvents {
		header.Set("X-Slack-Retry-Num", strconv.Itoa(retry))
		header.Set("X-Slack-Retry-Reason", "http_timeout")
	}
	for k, v := range s.Sign(body, time.Now()) {
		header[k] = v
	}
	status, answer, err := s.Raw(d.path, body, header)
	if err != nil {
		return Ack{}, fmt.Errorf("slack: %s was not acknowledged: %w", d.path, err)
	}
	ack := Ack{Status: status, Body: answer}
	if status != http.StatusOK {
		return ack, fmt.Errorf("slack: %s was acknowledged with %d %s", d.path, status, shorten(string(answer), 200))
	}
	return ack, nil
}

// encode is the body of the request: a slash command is a form, an interaction a form with one value, an event JSON.
func (d *delivery) encode() []byte {
	switch d.path {
	case pathCommands:
		form := url.Values{}
		for k, v := range d.payload {
			form.Set(k, fmt.Sprint(v))
		}
		return []byte(form.Encode())
	case pathEvents:
		return encode(d.payload)
	}
	return []byte(url.Values{"payload": {string(encode(d.payload))}}.Encode())
}

func (d *delivery) contentType() string {
	if d.path == pathEvents {
		return "application/json"
	}
	return "application/x-www-form-urlencoded"
}

// Sign makes the headers of a request to drey with this body, sent at this time.
func (s *Slack) Sign(body []byte, at time.Time) http.Header {
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(s.SigningSecret()))
	mac.Write([]byte("v0:" + stamp + ":"))
	mac.Write(body)
	h := http.Header{}
	h.Set("X-Slack-Request-Timestamp", stamp)
	h.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	h.Set("User-Agent", "Slackbot 1.0")
	return h
}

// Raw posts anything to a path of drey's, with these headers alone.
func (s *Slack) Raw(path string, body []byte, header http.Header) (int, []byte, error) {
	s.mu.Lock()
	base := s.request
	s.mu.Unlock()
	if base == "" {
		return 0, nil, errNobody
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.o.AckWithin)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, base+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("make the request: %w", err)
	}
	r.Header = header.Clone()
	resp, err := s.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, bodyMax))
	if err != nil {
		return resp.StatusCode, nil, fmt.Errorf("read the answer: %w", err)
	}
	return resp.StatusCode, answer, nil
}

// VerifyURL is the handshake that Slack makes when the address for events is entered.
func (s *Slack) VerifyURL() error {
	const challenge = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"
	d := &delivery{path: pathEvents, kind: "events_api", payload: object{"type": "url_verification", "token": verification, "challenge": challenge}}
	ack, err := s.deliver(d, 0)
	if err != nil {
		return err
	}
	var o object
	if json.Unmarshal(ack.Body, &o) == nil && o["challenge"] == challenge || strings.TrimSpace(string(ack.Body)) == challenge {
		return nil
	}
	return fmt.Errorf("slack: the challenge was answered with %s", shorten(string(ack.Body), 200))
}

// verification is the old token that Slack still sends; nobody may rely on it.
const verification = "old-verification-token"
