package slackbot

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"
)

// Codes of our own, for when Slack said nothing.
const (
	codeTimeout = "timeout"
	codeNetwork = "network"
)

// apiError is how a call ended: with Slack's code, with an HTTP status, or without an answer. Its text holds no address
// and no token.
type apiError struct {
	method  string
	code    string
	note    string // what the network said
	needed  string // the scope that is missing
	details []string
	status  int
	limited bool
	after   time.Duration // of limited; 0: not said
	unsure  bool          // it may have taken effect
	err     error         // the context's, if it was that
}

func (e *apiError) Error() string {
	text := e.method + ": " + e.code
	if e.note != "" {
		text += ": " + e.note
	}
	if e.needed != "" {
		text += " (needs " + e.needed + ")"
	}
	return text
}

func (e *apiError) Unwrap() error { return e.err }

// explain takes an error of slack-go apart.
func explain(method string, err error) *apiError {
	e := &apiError{method: method}
	var answer slack.SlackErrorResponse
	var limited *slack.RateLimitedError
	var status slack.StatusCodeError
	switch {
	case errors.As(err, &answer):
		e.code, e.needed, e.details = answer.Err, answer.Needed, answer.ResponseMetadata.Messages
		e.limited = e.code == "ratelimited" || e.code == "rate_limited"
		e.unsure = isTrouble(e.code)
	case errors.As(err, &limited):
		e.code, e.limited, e.after = "ratelimited", true, limited.RetryAfter
	case errors.As(err, &status):
		e.code, e.status = "http_"+strconv.Itoa(status.Code), status.Code
		e.limited = status.Code == http.StatusTooManyRequests
		e.unsure = status.Code >= 500
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		e.code, e.unsure = codeTimeout, true
		if errors.Is(err, context.Canceled) {
			e.err = context.Canceled
		} else {
			e.err = context.DeadlineExceeded
		}
	default:
		e.code, e.note, e.unsure = codeNetwork, networkNote(err), !neverSent(err)
		if t := net.Error(nil); errors.As(err, &t) && t.Timeout() {
			e.code = codeTimeout
		}
	}
	return e
}

// neverSent says that there was no connection to send anything over.
func neverSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect")
}

// networkNote is what the network said, without any address.
func networkNote(err error) string {
	var at *url.Error
	if errors.As(err, &at) {
		err = at.Err
	}
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &dns):
		return "host not found"
	case errors.As(err, &op):
		return op.Op + ": " + op.Err.Error()
	}
	if text := err.Error(); !strings.Contains(text, "://") && len(text) < 200 {
		return text
	}
	return "no usable answer"
}

// isTrouble says that Slack had trouble of its own with the call.
func isTrouble(code string) bool {
	switch code {
	case "fatal_error", "internal_error", "service_unavailable", "request_timeout", "team_added_to_org":
		return true
	}
	return false
}

// isGone says that the place or the message is not there, or closed to drey.
func isGone(code string) bool {
	switch code {
	case "channel_not_found", "not_in_channel", "is_archived", "message_not_found", "cant_update_message", "edit_window_closed",
		"thread_not_found", "user_not_in_channel", "user_not_found", "users_not_found", "messages_tab_disabled", "cannot_dm_bot",
		"restricted_action", "restricted_action_read_only_channel", "restricted_action_thread_only_channel",
		"restricted_action_thread_locked", "restricted_action_non_threadable_channel", "posting_to_general_channel_denied",
		"posting_to_dm_denied", "channel_type_not_supported", "external_channel_migrating", "team_not_found", "user_disabled",
		"cannot_find_message", "cannot_unfurl_message", "is_inactive", "not_allowed_for_grid_external_shared_channel":
		return true
	}
	return false
}

// isRejected says that Slack will never take what was sent.
func isRejected(code string) bool {
	switch code {
	case "invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "invalid_attachments", "no_text",
		"too_many_attachments", "attachment_payload_limit_exceeded", "invalid_arguments", "invalid_arg_name",
		"invalid_array_arg", "invalid_metadata_format", "invalid_metadata_schema", "metadata_too_large", "metadata_must_be_sent_from_app",
		"markdown_text_conflict", "block_mismatch", "slack_file_not_found", "invalid_slack_file", "cannot_parse_attachment",
		"view_too_large", "invalid_post_type", "invalid_form_data", "invalid_charset", "invalid_json", "json_not_object",
		"duplicate_external_id":
		return true
	}
	return false
}
