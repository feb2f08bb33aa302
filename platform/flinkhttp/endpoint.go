package flinkhttp

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/drey-ops/drey/config/secret"
)

// Limits of one exchange.
const (
	// MaxAnswer bounds an answer's body. The biggest honest ones, exceptions and plans of wide jobs, have a few MB.
	MaxAnswer = 64 << 20
	// DefaultTimeout is the time of one request where Options sets none.
	DefaultTimeout = 30 * time.Second
)

// TLS says how to trust and how to be trusted. Empty fields mean the system's roots and no client certificate.
type TLS struct {
	CA         string `yaml:"ca"`   // PEM file
	Cert       string `yaml:"cert"` // PEM file of our client certificate
	Key        string `yaml:"key"`
	SkipVerify bool   `yaml:"skip_verify"`
}

// Options say how to reach an endpoint. URL may have a path, for a proxy in front.
type Options struct {
	URL     string
	Headers map[string]secret.Text
	Bearer  secret.Text
	TLS     TLS
	Timeout time.Duration // of one request
}

// Endpoint is one HTTP server. It is safe for concurrent use.
type Endpoint struct {
	base    string
	headers http.Header
	client  *http.Client
	timeout time.Duration
}

// New checks o and reads its certificates; it connects to nothing.
func New(o Options) (*Endpoint, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		// The value may hold a password, so it is not repeated.
		return nil, errors.New("url: want http://HOST:PORT or https://HOST/PATH")
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("url: want no query and no fragment")
	}
	h := http.Header{}
	if u.User != nil {
		pass, _ := u.User.Password()
		r := &http.Request{Header: h}
		r.SetBasicAuth(u.User.Username(), pass)
		u.User = nil
	}
	if o.Bearer != "" {
		h.Set("Authorization", "Bearer "+string(o.Bearer))
	}
	for k, v := range o.Headers {
		h.Set(k, string(v))
	}
	conf, err := o.TLS.config()
	if err != nil {
		return nil, err
	}
	tr := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		TLSClientConfig:     conf,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 16,
		IdleConnTimeout:     time.Minute,
		TLSHandshakeTimeout: 10 * time.Second,
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	return &Endpoint{
		base:    strings.TrimRight(u.String(), "/"),
		headers: h,
		client:  &http.Client{Transport: tr},
		timeout: o.Timeout,
	}, nil
}

func (t TLS) config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: t.SkipVerify}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("tls.ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("tls.ca: no PEM certificate in the file")
		}
	}
	if (t.Cert == "") != (t.Key == "") {
		return nil, errors.New("tls: cert and key go together")
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("tls.cert: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// Close drops idle connections.
func (e *Endpoint) Close() { e.client.CloseIdleConnections() }

// Call is one request.
type Call struct {
	Route  string   // "GET /jobs/:jobid/status", as Flink's own documentation spells it
	Params []string // for the :names, in order
	Query  url.Values
	Body   any // nil: none; sent as JSON
}

// Do sends c and decodes the answer into out, which may be nil. Errors are *Error. It never retries.
func (e *Endpoint) Do(ctx context.Context, c Call, out any) error {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	req, err := e.request(ctx, c)
	if err != nil {
		return err
	}
	return e.send(ctx, req, out)
}

// send sends a request that is made and decodes its answer.
func (e *Endpoint) send(ctx context.Context, req *http.Request, out any) error {
	resp, err := e.client.Do(req)
	if err != nil {
		return noAnswer(ctx, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxAnswer+1))
	if err != nil {
		return noAnswer(ctx, err)
	}
	if len(body) > MaxAnswer {
		return &Error{Status: resp.StatusCode, Foreign: true, Root: fmt.Sprintf("the answer is larger than %d MB", MaxAnswer>>20)}
	}
	if resp.StatusCode/100 != 2 {
		return refused(resp.StatusCode, body)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return undecodable(resp, body, err)
	}
	return nil
}

func (e *Endpoint) request(ctx context.Context, c Call) (*http.Request, error) {
	method, path, err := c.path()
	if err != nil {
		return nil, err
	}
	target := e.base + path
	if len(c.Query) > 0 {
		target += "?" + c.Query.Encode()
	}
	var body io.Reader
	if c.Body != nil {
		b, err := json.Marshal(c.Body)
		if err != nil {
			return nil, &Error{Root: "the request cannot be written as JSON", Err: err}
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, &Error{Root: "the request has no valid address", Err: err}
	}
	for k, v := range e.headers {
		req.Header[k] = v
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// path fills the route's :names.
func (c Call) path() (method, path string, err error) {
	method, route, _ := strings.Cut(c.Route, " ")
	rest := c.Params
	parts := strings.Split(route, "/")
	for i, p := range parts {
		if !strings.HasPrefix(p, ":") {
			continue
		}
		// An empty segment would be another route, so would "..": both come from input.
		if len(rest) == 0 || rest[0] == "" || rest[0] == "." || rest[0] == ".." {
			return "", "", &Error{Status: http.StatusBadRequest, Root: "empty or bad " + strings.TrimPrefix(p, ":")}
		}
		parts[i], rest = url.PathEscape(rest[0]), rest[1:]
	}
	return method, strings.Join(parts, "/"), nil
}
