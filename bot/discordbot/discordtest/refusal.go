package discordtest

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// refusal is an error as Discord answers it.
type refusal struct {
	status, code int
	message      string
	problems     []problem
	offence      bool    // the asker broke a rule that it could have known
	after        float64 // seconds; only with the status 429
	global       bool
}

func (e *refusal) Error() string {
	s := fmt.Sprintf("%d %s", e.code, e.message)
	for _, p := range e.problems {
		s += fmt.Sprintf("; %s: %s %s", strings.Join(p.path, "."), p.code, p.message)
	}
	return s
}

// problem is one thing wrong in a body.
type problem struct {
	path          []string
	code, message string
}

func wrong(path []string, code, format string, args ...any) problem {
	return problem{append([]string(nil), path...), code, fmt.Sprintf(format, args...)}
}

// badForm is the answer to a body that breaks the rules; nil when there is nothing wrong.
func badForm(ps []problem) error {
	if len(ps) == 0 {
		return nil
	}
	return &refusal{status: http.StatusBadRequest, code: 50035, message: "Invalid Form Body", problems: ps, offence: true}
}

// The errors of Discord that come from the state of things.
const (
	errUnknownChannel     = 10003
	errUnknownMessage     = 10008
	errUnknownWebhook     = 10015
	errUnknownInteraction = 10062
	errUnknownCommand     = 10063
	errOldEdits           = 30046
	errAnswered           = 40060
	errAccess             = 50001
	errNotOurs            = 50005
	errEmpty              = 50006
	errNotText            = 50008
	errPermission         = 50013
	errToken              = 50027
	errArchived           = 50083
	errHasThread          = 160004
	errLocked             = 160005
)

func known(code int) error {
	e := &refusal{status: http.StatusBadRequest, code: code}
	switch code {
	case errUnknownChannel:
		e.status, e.message = http.StatusNotFound, "Unknown Channel"
	case errUnknownMessage:
		e.status, e.message = http.StatusNotFound, "Unknown Message"
	case errUnknownWebhook:
		e.status, e.message = http.StatusNotFound, "Unknown Webhook"
	case errUnknownInteraction:
		e.status, e.message = http.StatusNotFound, "Unknown interaction"
	case errUnknownCommand:
		e.status, e.message = http.StatusNotFound, "Unknown application command"
	case errOldEdits:
		e.status, e.message, e.after = http.StatusTooManyRequests, "Maximum number of edits to messages older than 1 hour reached. Try again later", 60
	case errAnswered:
		e.message = "Interaction has already been acknowledged."
	case errAccess:
		e.status, e.message = http.StatusForbidden, "Missing Access"
	case errNotOurs:
		e.status, e.message = http.StatusForbidden, "Cannot edit a message authored by another user"
	case errEmpty:
		e.message, e.offence = "Cannot send an empty message", true
	case errNotText:
		e.message = "Cannot send messages in a non-text channel"
	case errPermission:
		e.status, e.message = http.StatusForbidden, "Missing Permissions"
	case errToken:
		e.status, e.message = http.StatusUnauthorized, "Invalid Webhook Token"
	case errArchived:
		e.message = "Thread is archived"
	case errHasThread:
		e.message = "A thread has already been created for this message"
	case errLocked:
		e.message = "This thread is locked"
	}
	return e
}

// json is the body of the answer.
func (e *refusal) json() object {
	o := object{"code": e.code, "message": e.message}
	if e.after > 0 {
		o["retry_after"], o["global"] = e.after, e.global
	}
	if len(e.problems) == 0 {
		return o
	}
	tree := object{}
	for _, p := range e.problems {
		at := tree
		for _, step := range p.path {
			next, ok := at[step].(object)
			if !ok {
				next = object{}
				at[step] = next
			}
			at = next
		}
		all, _ := at["_errors"].([]any)
		at["_errors"] = append(all, object{"code": p.code, "message": p.message})
	}
	o["errors"] = tree
	return o
}

// asRefusal is err as an answer; other errors are ours.
func asRefusal(err error) *refusal {
	var r *refusal
	if errors.As(err, &r) {
		return r
	}
	return &refusal{status: http.StatusInternalServerError, message: err.Error(), offence: true}
}
