package discordtest

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// BadSignature sends an interaction with a signature that does not prove, as Discord does on purpose, and returns the
// status of the answer: it has to be 401. Zero: there was none.
func (d *Discord) BadSignature() int {
	stamp := strconv.FormatInt(d.o.Now().Unix(), 10)
	body := d.ping()
	status, _, err := d.Raw(interactionsPath, body, http.Header{
		"X-Signature-Timestamp": {stamp}, "X-Signature-Ed25519": {hex.EncodeToString(make([]byte, 64))}, "Content-Type": {"application/json"},
	})
	if err != nil {
		return 0
	}
	return status
}

// Ping is what Discord asks before it takes an endpoint in: a ping, and a bad signature.
func (d *Discord) Ping() error {
	stamp := strconv.FormatInt(d.o.Now().Unix(), 10)
	body := d.ping()
	status, answer, err := d.Raw(interactionsPath, body, http.Header{
		"X-Signature-Timestamp": {stamp}, "X-Signature-Ed25519": {d.Sign(stamp, body)}, "Content-Type": {"application/json"},
	})
	if err != nil {
		return err
	}
	var pong struct{ Type int }
	if err := json.Unmarshal(answer, &pong); err != nil || status != http.StatusOK || pong.Type != answerPong {
		return fmt.Errorf("the answer to a ping is %d %s", status, answer)
	}
	if status := d.BadSignature(); status != http.StatusUnauthorized {
		return fmt.Errorf("a bad signature was answered with the status %d", status)
	}
	return nil
}

func (d *Discord) ping() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return mustJSON(object{"id": d.newID(), "application_id": d.app, "type": 1, "token": newToken("ping"), "version": 1, "entitlements": []any{}})
}

// Raw posts anything to a path of drey's, such as /discord/interactions, and returns the answer.
func (d *Discord) Raw(path string, body []byte, header http.Header) (status int, answer []byte, err error) {
	ctx, cancel := context.WithTimeout(d.done, answerWithin)
	defer cancel()
	d.mu.Lock()
	to := d.requestURL
	d.mu.Unlock()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to+"/"+strings.TrimPrefix(path, "/"), bytes.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("make a request: %w", err)
	}
	r.Header = header.Clone()
	resp, err := d.client.Do(r)
	if err != nil {
		return 0, nil, fmt.Errorf("post to drey: %w", err)
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil, fmt.Errorf("read drey's answer: %w", err)
	}
	if ct := resp.Header.Get("Content-Type"); resp.StatusCode == http.StatusOK && !strings.HasPrefix(ct, "application/json") {
		return resp.StatusCode, answer, fmt.Errorf("drey's answer is of the type %q", ct)
	}
	return resp.StatusCode, answer, nil
}
