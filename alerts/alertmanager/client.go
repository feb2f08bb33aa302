// Package alertmanager is a small client of Alertmanager's API v2: what drey needs to see what became of alerts, and to make
// and end silences. It works with 0.25 and later.
//
// # Design
//
// Written by hand: the generated client links 37 modules for the few calls below.
package alertmanager

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/platform"
)

// maxAnswer bounds an answer: 10,000 alerts are 5.5 MB.
const maxAnswer = 64 << 20

// Client speaks to one Alertmanager. It may be used by many goroutines and does not retry.
type Client struct {
	base *url.URL
	http *http.Client
}

// New returns a Client for the Alertmanager at base, with its path prefix if it has one. A nil h means a client with a
// time limit of 10 s per call.
func New(base string, h *http.Client) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("alertmanager: the address must be like http://127.0.0.1:9093")
	}
	if h == nil {
		h = &http.Client{Timeout: 10 * time.Second}
	}
	return &Client{base: u, http: h}, nil
}

// Alert is one alert that Alertmanager holds, firing or suppressed.
type Alert struct {
	Fingerprint  string            `json:"fingerprint"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	UpdatedAt    time.Time         `json:"updatedAt"`
	GeneratorURL string            `json:"generatorURL"`
	Receivers    []struct {
		Name string `json:"name"`
	} `json:"receivers"`
	Status AlertStatus `json:"status"`
}

// AlertStatus says whether an alert is heard.
type AlertStatus struct {
	State       string   `json:"state"` // active, suppressed, unprocessed
	SilencedBy  []string `json:"silencedBy"`
	InhibitedBy []string `json:"inhibitedBy"`
}

// For says whether the alert goes to the receiver.
func (a Alert) For(receiver string) bool {
	for _, r := range a.Receivers {
		if r.Name == receiver {
			return true
		}
	}
	return false
}

// Silence is a silence. ID is empty in a new one.
type Silence struct {
	ID        string    `json:"id,omitempty"`
	Matchers  []Matcher `json:"matchers"`
	StartsAt  time.Time `json:"startsAt"`
	EndsAt    time.Time `json:"endsAt"`
	CreatedBy string    `json:"createdBy"`
	Comment   string    `json:"comment"`
	// Annotations are kept by 0.32 and later; earlier ones drop them.
	Annotations map[string]string `json:"annotations,omitempty"`

	Status *struct {
		State string `json:"state"` // active, pending, expired
	} `json:"status,omitempty"`
}

// Live says whether it hides alerts, now or later.
func (s Silence) Live() bool { return s.Status != nil && s.Status.State != "expired" }

// classic says whether every version takes the label name in a filter. Others are left to the caller to compare.
func classic(name string) bool {
	for i, c := range name {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

// Alerts returns the alerts that have these labels and go to the receiver (empty: any). What Alertmanager considers resolved
// is not among them.
func (c *Client) Alerts(ctx context.Context, labels map[string]string, receiver string) ([]Alert, error) {
	q := filter(Equal(labels))
	if receiver != "" {
		q.Set("receiver", regexp.QuoteMeta(receiver))
	}
	var all []Alert
	if err := c.call(ctx, "ask for alerts", http.MethodGet, "alerts", q, nil, &all); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(a Alert) bool { return !Has(a.Labels, labels) || receiver != "" && !a.For(receiver) }), nil
}

// Suppressed returns the alerts that are kept quiet now, by silences or by other alerts.
func (c *Client) Suppressed(ctx context.Context) ([]Alert, error) {
	var all []Alert
	q := url.Values{"active": {"false"}, "unprocessed": {"false"}}
	err := c.call(ctx, "ask for alerts", http.MethodGet, "alerts", q, nil, &all)
	return all, err
}

// AlertsThat returns the alerts that a silence with these matchers hides, whether another silence hides them already or not.
func (c *Client) AlertsThat(ctx context.Context, ms Matchers) ([]Alert, error) {
	var all []Alert
	if err := c.call(ctx, "ask for alerts", http.MethodGet, "alerts", filter(ms), nil, &all); err != nil {
		return nil, err
	}
	hides, err := ms.Compile()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(a Alert) bool { return !hides(a.Labels) }), nil
}

// filter is what a question for alerts says of matchers.
func filter(ms []Matcher) url.Values {
	q := url.Values{}
	for _, m := range ms {
		if classic(m.Name) {
			q.Add("filter", m.Name+m.Is()+quote(m.Value))
		}
	}
	return q
}

// Has says whether labels has all of want; a label without a value counts as absent, as in Alertmanager.
func Has(labels, want map[string]string) bool {
	for k, v := range want {
		if labels[k] != v {
			return false
		}
	}
	return true
}

// quote writes a label value as Alertmanager's matchers want it.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// Silences returns all silences that Alertmanager still remembers, expired ones too.
func (c *Client) Silences(ctx context.Context) ([]Silence, error) {
	var out []Silence
	return out, c.call(ctx, "ask for silences", http.MethodGet, "silences", nil, nil, &out)
}

// SetSilence makes a silence, or changes the one with its ID, and returns the id it has now. It is not idempotent: when the
// answer is lost, look among Silences before trying again.
func (c *Client) SetSilence(ctx context.Context, s Silence) (string, error) {
	s.Status = nil
	var out struct {
		SilenceID string `json:"silenceID"`
	}
	if err := c.call(ctx, "make a silence", http.MethodPost, "silences", nil, s, &out); err != nil {
		return "", err
	}
	return out.SilenceID, nil
}

// Expire ends a silence. One that is over or unknown is an error of kind NotFound or Invalid in some versions and none
// in others; look among Silences before.
func (c *Client) Expire(ctx context.Context, id string) error {
	return c.call(ctx, "end a silence", http.MethodDelete, "silence/"+url.PathEscape(id), nil, nil, nil)
}

// Status is what an Alertmanager says about itself.
type Status struct {
	Started time.Time `json:"uptime"`
	Version struct {
		Version string `json:"version"`
	} `json:"versionInfo"`
}

// Status asks what Alertmanager it is, and since when it runs.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	return s, c.call(ctx, "ask Alertmanager", http.MethodGet, "status", nil, nil, &s)
}

// call does one request. Its errors are of *platform.Error, for people: without address, user or password.
func (c *Client) call(ctx context.Context, op, method, path string, q url.Values, in, out any) error {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
		body = bytes.NewReader(raw)
	}
	u := c.base.JoinPath("api/v2", path)
	u.RawQuery = q.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return platform.Errorf(platform.Invalid, op, "the address of Alertmanager cannot be used")
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return fmt.Errorf("%s: %w", op, context.Canceled)
		}
		return platform.Errorf(platform.Unavailable, op, "Alertmanager does not answer")
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	switch {
	case err != nil:
		return platform.Errorf(platform.Unavailable, op, "the answer of Alertmanager broke off")
	case res.StatusCode/100 != 2:
		return refused(op, res.StatusCode, raw)
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return platform.Errorf(platform.Unavailable, op, "what answers is not Alertmanager's API")
	}
	return nil
}

func refused(op string, code int, raw []byte) error {
	kind := platform.Unavailable
	switch {
	case code == http.StatusNotFound:
		kind = platform.NotFound
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		kind = platform.Denied
	case code == http.StatusTooManyRequests:
		kind = platform.Busy
	case code/100 == 4:
		kind = platform.Invalid
	}
	var said string
	if json.Unmarshal(raw, &said) != nil || said == "" {
		var obj struct {
			Message string `json:"message"`
		}
		_ = json.Unmarshal(raw, &obj) // an error page has no message
		said = obj.Message
	}
	said = strings.Join(strings.Fields(said), " ")
	if r := []rune(said); len(r) > 200 {
		said = string(r[:200]) + "…"
	}
	if said == "" {
		return platform.Errorf(kind, op, "Alertmanager answers %d", code)
	}
	return platform.Errorf(kind, op, "Alertmanager answers %d: %s", code, said)
}
