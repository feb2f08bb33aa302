package discordbot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
)

const (
	callTimeout   = 10 * time.Second
	limitPatience = 5 * time.Second // a longer wait is the caller's
	answerMax     = 4 << 20
	cloudPause    = 60 * time.Second
)

var (
	errLimited = errors.New("waiting for Discord's rate limit")
	errShut    = errors.New("drey calls Discord no more for a while: too many of its calls were refused, and Discord would shut it out")
)

// sender makes the REST calls. It repeats none: a SendError says when that would help.
type sender struct {
	base   string
	token  func() string
	client *http.Client
	limits *limits
	log    *slog.Logger
	told   func(method, code string)
}

func newSender(o Options, token func() string, log *slog.Logger) *sender {
	client := &http.Client{
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 16, IdleConnTimeout: 90 * time.Second},
		Timeout:   callTimeout,
		// The addresses hold tokens of interactions: nobody leads them elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &sender{base: o.APIURL, token: token, client: client, limits: newLimits(), log: log, told: o.OnRequest}
}

// apiError is Discord's refusal of a call. Its text is Discord's and goes to the log alone.
type apiError struct {
	route  string
	status int
	code   int
	text   string
	after  time.Duration
}

func (e *apiError) Error() string {
	if e.code == 0 {
		return fmt.Sprintf("%s: Discord answers %d", e.route, e.status)
	}
	return fmt.Sprintf("%s: Discord answers %d, code %d: %s", e.route, e.status, e.code, e.text)
}

// Codes of Discord's that drey reacts to.
const (
	codeUnknownChannel     = 10003
	codeUnknownMessage     = 10008
	codeUnknownInteraction = 10062
	codeUnknownWebhook     = 10015
	codeUnknownTag         = 10087
	codeOldEdits           = 30046
	codeAcknowledged       = 40060
	codeTagRequired        = 40067
	codeNoAccess           = 50001
	codeEmptyMessage       = 50006
	codeNoPermission       = 50013
	codeNotToThem          = 50007 // somebody takes no direct messages
	codeInvalidToken       = 50027
	codeInvalidForm        = 50035
	codeArchived           = 50083
	codeThreadExists       = 160004
	codeThreadLocked       = 160005
	codeThreadsActive      = 160006
)

func isCode(err error, codes ...int) bool {
	e := new(apiError)
	if !errors.As(err, &e) {
		return false
	}
	for _, c := range codes {
		if e.code == c {
			return true
		}
	}
	return false
}

// do makes one call. route names it in metrics and errors ("create message"); path is relative to the API and begins
// without a slash. body is JSON, or an upload; out may be nil.
func (s *sender) do(ctx context.Context, route, method, path string, body, out any) error {
	return s.within(ctx, limitPatience, route, method, path, body, out)
}

// within is do for one who waits for a rate limit no longer than patience.
func (s *sender) within(ctx context.Context, patience time.Duration, route, method, path string, body, out any) error {
	key, exempt := routeKey(method, path)
	if wait, err := s.limits.enter(ctx, key, exempt, patience); err != nil {
		code := "429"
		if ctx.Err() != nil {
			code = "timeout"
		}
		s.told(route, code)
		return &bot.SendError{After: wait, Paced: true, Err: fmt.Errorf("%s: %w", route, err)}
	}
	header, answer, err := s.send(ctx, route, method, path, exempt, body)
	s.limits.learn(key, exempt, header, time.Now())
	if err != nil {
		return s.judge(route, key, exempt, err, header)
	}
	s.told(route, "ok")
	if out == nil || len(answer) == 0 {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s: answer: %w", route, err)
	}
	return nil
}

// send returns the headers of any answer, and the body of one that is well.
func (s *sender) send(ctx context.Context, route, method, path string, exempt bool, body any) (http.Header, []byte, error) {
	kind, data, err := encode(body)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", route, err)
	}
	req, err := http.NewRequestWithContext(ctx, method, s.base+path, bytes.NewReader(data))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: the address of the API is wrong", route)
	}
	if body != nil {
		req.Header.Set("Content-Type", kind)
	}
	req.Header.Set("User-Agent", "DiscordBot (https://github.com/drey-ops/drey, 1)")
	if !exempt {
		req.Header.Set("Authorization", "Bot "+s.token())
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, nil, broken(route, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, answerMax))
	if err != nil {
		return resp.Header, nil, broken(route, err)
	}
	if resp.StatusCode/100 == 2 {
		return resp.Header, answer, nil
	}
	return resp.Header, answer, s.refusal(route, resp.StatusCode, answer)
}

// lost is a call whose outcome is not known.
type lost struct {
	route, why string
}

func (e *lost) Error() string { return e.route + ": " + e.why }

// broken says what happened to the connection without its address, which may hold a token.
func broken(route string, err error) error {
	var timeout interface{ Timeout() bool }
	if errors.Is(err, context.Canceled) {
		return &lost{route, "canceled"}
	}
	if errors.As(err, &timeout) && timeout.Timeout() {
		return &lost{route, "timeout"}
	}
	return &lost{route, "network"}
}

// answer429 is the body of a 429.
type answer429 struct {
	RetryAfter float64 `json:"retry_after"`
	Global     bool    `json:"global"`
}

type throttled struct {
	route  string
	global bool
	after  time.Duration // 0: see the headers
}

func (e *throttled) Error() string { return e.route + ": Discord wants to be left alone for a while" }

func (s *sender) refusal(route string, status int, answer []byte) error {
	var said struct {
		answer429
		Code    int             `json:"code"`
		Message string          `json:"message"`
		Errors  json.RawMessage `json:"errors"`
	}
	plain := json.Unmarshal(answer, &said) == nil
	after := time.Duration(said.RetryAfter * float64(time.Second))
	if status == http.StatusTooManyRequests && said.Code != codeOldEdits {
		if !plain { // not Discord itself: the one before it
			return &throttled{route: route, global: true}
		}
		return &throttled{route, said.Global, after}
	}
	if len(said.Errors) > 0 {
		s.log.Warn("Discord refuses a call", "call", route, "code", said.Code, "errors", cut(string(said.Errors), 2000))
	}
	return &apiError{route, status, said.Code, cut(said.Message, 200), after}
}

// judge turns what went wrong into what would help.
func (s *sender) judge(route, key string, exempt bool, err error, header http.Header) error {
	now := time.Now()
	out := &bot.SendError{Err: err}
	switch e := err.(type) { //nolint:errorlint // these are made here and never wrapped
	case *throttled:
		s.told(route, "429")
		out.After = s.limited(key, exempt, e, header, now)
		return out
	case *lost:
		s.told(route, e.why)
		return e
	case *apiError:
		code := strconv.Itoa(e.status)
		if e.code != 0 {
			code = strconv.Itoa(e.code)
		}
		s.told(route, code)
		if e.status == http.StatusUnauthorized || e.status == http.StatusForbidden || e.status == http.StatusTooManyRequests {
			s.limits.refused(now)
		}
		return remedy(e)
	}
	return err
}

// remedy is what would help against a refusal.
func remedy(e *apiError) error {
	out := &bot.SendError{Err: e}
	switch e.code {
	case codeUnknownChannel, codeUnknownMessage, codeUnknownInteraction, codeUnknownWebhook, codeInvalidToken, codeNoAccess, codeNoPermission,
		codeThreadLocked, codeNotToThem:
		out.Gone = true
	case codeOldEdits:
		out.After = min(max(e.after, oldRest), oldRestMost)
	case codeThreadsActive:
		out.After = 10 * time.Minute
	case codeInvalidForm, codeEmptyMessage:
		out.Rejected = true
	case codeArchived, codeAcknowledged, codeThreadExists, codeUnknownTag, codeTagRequired:
		return e
	default:
		switch e.status {
		case http.StatusNotFound:
			out.Gone = true
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
			out.Rejected = true
		default:
			return e
		}
	}
	return out
}

// limited notes a 429 where it holds, and returns for how long.
func (s *sender) limited(key string, exempt bool, e *throttled, header http.Header, now time.Time) time.Duration {
	after := e.after
	if after <= 0 {
		if n, err := strconv.ParseFloat(header.Get("Retry-After"), 64); err == nil {
			after = time.Duration(n * float64(time.Second))
		}
	}
	if after <= 0 {
		after = time.Second
		if e.global {
			after = cloudPause
		}
	}
	scope := header.Get("X-RateLimit-Scope")
	if scope != "shared" {
		s.limits.refused(now)
	}
	if e.global || scope == "global" || header.Get("X-RateLimit-Global") == "true" {
		s.limits.pause(now.Add(after))
	} else if !exempt {
		s.limits.empty(key, now.Add(after))
	}
	return after
}

// routeKey is the class of calls that a call belongs to: its method and path without ids, but for the channel or guild,
// by which Discord counts. Calls on interactions need no authorization and have no rate; they are one class.
func routeKey(method, path string) (key string, exempt bool) {
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(path, "/")
	if parts[0] == "interactions" || parts[0] == "webhooks" {
		return method + " interactions", true
	}
	for i := 1; i < len(parts); i++ {
		if isSnowflake(parts[i]) && (i > 1 || parts[0] != "channels" && parts[0] != "guilds") {
			parts[i] = "{id}"
		}
	}
	return method + " " + strings.Join(parts, "/"), false
}

// major is the channel or guild in a key of routeKey.
func major(key string) string {
	for _, part := range strings.FieldsFunc(key, func(r rune) bool { return r == '/' || r == ' ' }) {
		if isSnowflake(part) {
			return part
		}
	}
	return ""
}
