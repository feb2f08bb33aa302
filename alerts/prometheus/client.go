// Package prometheus asks Prometheus how an expression went: the one call of its HTTP API that a chart needs. It works with
// Prometheus 2 and 3 and with what speaks their API.
package prometheus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/drey-ops/drey/platform"
)

// The bounds of a question and its answer.
const (
	maxExpr   = 16 << 10
	maxAnswer = 8 << 20 // 250 points of 400 series with their labels
	maxPoints = 11_000  // Prometheus refuses more in one series
)

// Client speaks to one Prometheus. It may be used by many goroutines and does not retry.
type Client struct {
	base *url.URL
	http *http.Client
}

// New returns a Client for the Prometheus at base, with its path prefix if it has one. A nil h means a client with a time
// limit of 10 s per call.
func New(base string, h *http.Client) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("prometheus: the address must be like http://127.0.0.1:9090")
	}
	if h == nil {
		h = &http.Client{Timeout: 10 * time.Second}
	}
	return &Client{base: u, http: h}, nil
}

// Series is one line of an answer. Its samples are a step apart, by time; where the expression had no value there is none.
type Series struct {
	Labels  map[string]string `json:"metric"`
	Samples []Sample          `json:"values"`
}

// Sample is one value. It may be NaN or infinite.
type Sample struct {
	At    time.Time
	Value float64
}

// UnmarshalJSON reads Prometheus' form: seconds and the value as a text.
func (s *Sample) UnmarshalJSON(raw []byte) error {
	var sec float64
	var text string
	if err := json.Unmarshal(raw, &[]any{&sec, &text}); err != nil {
		return err
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || math.Abs(sec) > 1<<40 {
		return fmt.Errorf("no sample: %.40q", raw)
	}
	s.At, s.Value = time.UnixMilli(int64(math.Round(sec*1000))).UTC(), v
	return nil
}

// QueryRange evaluates expr every step from one time to another, both included. A deadline of ctx is told to Prometheus, so
// that it stops when nobody waits any more. Errors are *platform.Error, for people: without address, user or password.
func (c *Client) QueryRange(ctx context.Context, expr string, from, to time.Time, step time.Duration) ([]Series, error) {
	const op = "ask Prometheus for a chart"
	switch {
	case len(expr) > maxExpr:
		return nil, platform.Errorf(platform.Invalid, op, "the expression is longer than %d kB", maxExpr>>10)
	case step < time.Millisecond || to.Before(from) || to.Sub(from)/step > maxPoints:
		return nil, platform.Errorf(platform.Invalid, op, "%s every %s is no range that Prometheus can answer", to.Sub(from), step)
	}
	q := url.Values{"query": {expr}, "start": {seconds(from)}, "end": {seconds(to)}, "step": {strconv.FormatFloat(step.Seconds(), 'f', -1, 64)}}
	if end, ok := ctx.Deadline(); ok {
		q.Set("timeout", fmt.Sprintf("%dms", max(1, time.Until(end).Milliseconds())))
	}
	// By POST: an expression may be longer than a proxy lets an address be.
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base.JoinPath("api/v1/query_range").String(), strings.NewReader(q.Encode()))
	if err != nil {
		return nil, platform.Errorf(platform.Invalid, op, "the address of Prometheus cannot be used")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := c.http.Do(req)
	switch {
	case errors.Is(err, context.Canceled):
		return nil, fmt.Errorf("%s: %w", op, context.Canceled)
	case err != nil:
		return nil, platform.Errorf(platform.Unavailable, op, "Prometheus does not answer")
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case errors.Is(err, context.Canceled):
		return nil, fmt.Errorf("%s: %w", op, context.Canceled)
	case err != nil:
		return nil, platform.Errorf(platform.Unavailable, op, "the answer of Prometheus broke off")
	case len(raw) > maxAnswer:
		return nil, platform.Errorf(platform.Invalid, op, "the expression has too many series: the answer is larger than %d MB", maxAnswer>>20)
	}
	return read(op, res.StatusCode, raw)
}

func seconds(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }

// read takes an answer apart.
func read(op string, code int, raw []byte) ([]Series, error) {
	var a struct {
		Status    string `json:"status"`
		ErrorType string `json:"errorType"`
		Error     string `json:"error"`
		Data      struct {
			Type   string   `json:"resultType"`
			Result []Series `json:"result"`
		} `json:"data"`
	}
	err := json.Unmarshal(raw, &a)
	switch {
	case code/100 != 2 || a.Status == "error":
		return nil, refused(op, code, a.ErrorType, a.Error)
	case err != nil || a.Status != "success" || a.Data.Type != "matrix":
		return nil, platform.Errorf(platform.Unavailable, op, "what answers is not Prometheus' API")
	}
	return a.Data.Result, nil
}

// refused words what Prometheus refused; the words are its own where it has some.
func refused(op string, code int, kind, said string) error {
	k := platform.Unavailable
	switch {
	case kind == "timeout" || kind == "canceled":
		return platform.Errorf(platform.Unavailable, op, "Prometheus could not evaluate the expression in time")
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		k = platform.Denied
	case code == http.StatusNotFound && kind == "":
		return platform.Errorf(platform.Unavailable, op, "what answers is not Prometheus' API")
	case code == http.StatusTooManyRequests:
		k = platform.Busy
	case code/100 == 4:
		k = platform.Invalid
	}
	said = platform.Redact(strings.Join(strings.Fields(said), " "))
	if r := []rune(said); len(r) > 300 {
		said = string(r[:299]) + "…"
	}
	if said == "" {
		return platform.Errorf(k, op, "Prometheus refuses it (HTTP %d)", code)
	}
	return platform.Errorf(k, op, "Prometheus says: %s", said)
}
