package flinkhttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
)

// Error is a call that did not succeed. Its text is one line for people and shows no address.
type Error struct {
	Status  int    // 0: nobody answered
	Foreign bool   // something answered, but not in Flink's way: a proxy, a login page, a cut answer
	Class   string // Java class of the root cause, "" where there is none
	Root    string // the root cause in one line
	Text    string // the whole answer, for a file
	Err     error  // why nobody answered; its own text may show the address
}

func (e *Error) Error() string { return e.Root }

func (e *Error) Unwrap() error { return e.Err }

// Has says whether the whole text mentions s, such as a Java class deep in the trace.
func (e *Error) Has(s string) bool { return strings.Contains(e.Text, s) }

// noAnswer is the error of an exchange that broke. The words leave out what net/http adds: method, URL, host.
func noAnswer(ctx context.Context, err error) *Error {
	var dns *net.DNSError
	var timeout net.Error
	switch {
	// The caller's ctx is asked and not err: a cancelled request can surface as any read error.
	case errors.Is(ctx.Err(), context.Canceled):
		return &Error{Root: "the request was cancelled", Err: context.Canceled}
	case ctx.Err() != nil, errors.As(err, &timeout) && timeout.Timeout():
		return &Error{Root: "no answer in time", Err: context.DeadlineExceeded}
	case errors.As(err, &dns):
		return &Error{Root: "no such host", Err: err}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &Error{Root: "connection refused", Err: err}
	case isTLS(err):
		return &Error{Root: "no TLS connection: the certificate or the protocol does not fit", Err: err}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return &Error{Root: "the connection was cut before the answer was complete", Err: err}
	}
	return &Error{Root: "no connection", Err: err}
}

func isTLS(err error) bool {
	s := err.Error()
	return strings.Contains(s, "tls: ") || strings.Contains(s, "x509: ") || strings.Contains(s, "server gave HTTP response to HTTPS client")
}

// refused reads an answer whose status is not 2xx.
func refused(status int, body []byte) *Error {
	var b struct {
		Errors []string `json:"errors"`
	}
	if err := json.Unmarshal(body, &b); err != nil || len(b.Errors) == 0 {
		return &Error{Status: status, Foreign: true, Root: statusWords(status), Text: clip(body)}
	}
	text := strings.Join(b.Errors, "\n")
	c := RootCause(b.Errors[len(b.Errors)-1])
	root := c.Line()
	if root == "" {
		root = statusWords(status)
	}
	return &Error{Status: status, Class: c.Class, Root: root, Text: text}
}

func statusWords(status int) string {
	if t := http.StatusText(status); t != "" {
		return fmt.Sprintf("answered only HTTP %d (%s)", status, strings.ToLower(t))
	}
	return fmt.Sprintf("answered only HTTP %d", status)
}

// undecodable is the error of a 2xx answer that is not what the call promises.
func undecodable(resp *http.Response, body []byte, err error) *Error {
	e := &Error{Status: resp.StatusCode, Foreign: true, Text: clip(body), Err: err}
	var typ *json.UnmarshalTypeError
	switch {
	case len(body) == 0:
		e.Root = "the answer was empty"
	case strings.Contains(resp.Header.Get("Content-Type"), "html"):
		e.Root = "a web page answered instead of Flink; is there a login or a proxy in front?"
	case errors.As(err, &typ) && typ.Field == "":
		e.Root = "the answer has another form than expected"
	case errors.As(err, &typ):
		e.Root = fmt.Sprintf("the answer has another form than expected at %q", typ.Field)
	default:
		e.Root = "the answer is not complete JSON"
	}
	return e
}

// clip bounds what an error carries of a body of unknown kind.
func clip(b []byte) string {
	const most = 16 << 10
	if len(b) > most {
		return string(b[:most]) + "…"
	}
	return string(b)
}
