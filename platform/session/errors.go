package session

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/flinkhttp"
)

// mapped gives an error of a client its kind. op says what was attempted.
func mapped(op string, err error) error {
	var done *platform.Error
	var e *flinkhttp.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &done):
		return err
	case !errors.As(err, &e):
		return &platform.Error{Op: op, Kind: platform.Other, Err: err}
	}
	root := platform.Redact(e.Root)
	if e.Status == 0 && !errors.Is(e.Err, context.Canceled) {
		root = "the cluster does not answer (" + root + ")"
	} else if e.Foreign {
		root = "no proper answer from the cluster: " + root
	}
	return &platform.Error{Op: op, Kind: kindOf(e), Err: reason{root, e.Err}, Detail: platform.Redact(e.Text)}
}

// mappedSQL is mapped for what the SQL Gateway says: an error that is not of the connection is the statement's.
func mappedSQL(op string, err error) error {
	err = mapped(op, err)
	var e *platform.Error
	if errors.As(err, &e) {
		e.Err = rewordSQL(e.Err)
		if e.Kind == platform.Other {
			e.Kind = platform.Invalid
		}
	}
	return err
}

// rewordSQL names the server that did not answer.
func rewordSQL(err error) error {
	if r, ok := err.(reason); ok { //nolint:errorlint // our own value, never wrapped here
		r.words = strings.Replace(r.words, "the cluster does not answer", "the SQL Gateway does not answer", 1)
		r.words = strings.Replace(r.words, "answer from the cluster", "answer from the SQL Gateway", 1)
		return r
	}
	return err
}

// reason prints words that are fit for people and keeps the cause for errors.Is, whose own text may show an address.
type reason struct {
	words string
	cause error
}

func (r reason) Error() string { return r.words }
func (r reason) Unwrap() error { return r.cause }

func kindOf(e *flinkhttp.Error) platform.Kind {
	switch s := e.Status; {
	case s == 0:
		return platform.Unavailable
	case s == 401 || s == 403:
		return platform.Denied
	case s == 429:
		return platform.Busy
	case e.Foreign || s == 408 || s >= 502 && s <= 504:
		// A 404 page of a proxy says nothing of the job either.
		return platform.Unavailable
	case s == 404:
		return platform.NotFound
	case s/100 == 4:
		return platform.Invalid
	}
	return kindOfTrace(e.Text)
}

// kindOfTrace reads a stack trace: Flink answers 500 for much that is the caller's fault.
func kindOfTrace(text string) platform.Kind {
	has := func(names ...string) bool {
		for _, n := range names {
			if strings.Contains(text, n) {
				return true
			}
		}
		return false
	}
	switch {
	case has("FlinkJobNotFoundException", "UnknownTaskExecutorException"), has("Jar file ") && has(" does not exist"):
		return platform.NotFound
	case has("The Flink job is currently not executing", "Checkpoint Coordinator is suspending", "is not a streaming job",
		"NoResourceAvailableException"):
		return platform.Busy
	case has("does not support changing the parallelism", "Not supported yet."):
		return platform.Unsupported
	case has("SqlParserException", "ValidationException", "IllegalArgumentException", "CatalogException",
		"ProgramInvocationException", "CliArgsException", "FileNotFoundException"):
		return platform.Invalid
	case has("java.net.ConnectException", "AskTimeoutException", "RecipientUnreachableException",
		"FencingTokenException", "RetryException", "Connection refused"):
		return platform.Unavailable
	}
	return platform.Other
}

// fromTrace makes an error from an exception that an answer of status 200 carries.
func fromTrace(op, trace string) error {
	return &platform.Error{
		Op:     op,
		Kind:   kindOfTrace(trace),
		Err:    errors.New(platform.Redact(flinkhttp.RootCause(trace).Line())),
		Detail: platform.Redact(trace),
	}
}

func status(err error) int {
	var e *flinkhttp.Error
	if errors.As(err, &e) && !e.Foreign {
		return e.Status
	}
	return 0
}

func noSuchJob(op string) error {
	return platform.Errorf(platform.NotFound, op, "the cluster knows no such job; jobs are forgotten an hour after their end, and when the JobManager restarts")
}

func refuse(k platform.Kind, op, format string, args ...any) error {
	return platform.Errorf(k, op, "%s", fmt.Sprintf(format, args...))
}

// stopped is the error for a ctx that ended between requests.
func stopped(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return &flinkhttp.Error{Root: "the request was cancelled", Err: context.Canceled}
	}
	return &flinkhttp.Error{Root: "no answer in time", Err: context.DeadlineExceeded}
}

// unknown says whether the JobManager does not know what was asked about. For a job's status that is a 500.
func unknown(err error) bool {
	var e *flinkhttp.Error
	return errors.As(err, &e) && !e.Foreign && (e.Status == 404 || e.Has("FlinkJobNotFoundException"))
}
