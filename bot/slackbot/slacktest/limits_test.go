package slacktest

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
)

func TestRateLimits(t *testing.T) {
	s := start(t, Options{})
	send := func() error {
		_, _, err := s.api.PostMessageContext(t.Context(), s.ops, slack.MsgOptionText("x", false), slack.MsgOptionDisableLinkUnfurl())
		return err
	}
	for range channelBurst {
		if err := send(); err != nil {
			t.Fatal(err)
		}
	}
	s.clean()
	if bad := new(slack.RateLimitedError); !errors.As(send(), &bad) || bad.RetryAfter != time.Second {
		t.Errorf("got %+v", bad)
	}
	s.violated("more often")
	s.clock = s.clock.Add(time.Second)
	if err := send(); err != nil {
		t.Error(err)
	}
	if err := send(); err == nil {
		t.Error("the burst is there again after a second")
	}
	if got := s.Calls("chat.postMessage"); len(got) != channelBurst+3 || got[channelBurst].Code != "429" {
		t.Errorf("got %+v", got)
	}
}

func TestFaults(t *testing.T) {
	s := start(t, Options{})
	s.Fault("chat.postMessage", Fault{Status: 429, RetryAfter: 7})
	_, err := s.post(slack.MsgOptionText("x", false))
	if bad := new(slack.RateLimitedError); !errors.As(err, &bad) || bad.RetryAfter != 7*time.Second {
		t.Errorf("got %v", err)
	}
	s.Fault("chat.postMessage", Fault{Status: 429})
	_, err = s.post(slack.MsgOptionText("x", false))
	if bad := (slack.StatusCodeError{}); !errors.As(err, &bad) || bad.Code != 429 {
		t.Errorf("got %v", err)
	}
	s.Fault("chat.postMessage", Fault{Code: "fatal_error", Times: 2})
	for range 2 {
		_, err = s.post(slack.MsgOptionText("x", false))
		refused(t, err, "fatal_error")
	}
	if n := len(s.See(s.ann, s.ops, "")); n != 0 {
		t.Errorf("%d messages", n)
	}
	s.Fault("chat.postMessage", Fault{Lost: true})
	if _, err = s.post(slack.MsgOptionText("x", false)); err == nil {
		t.Error("the answer was not lost")
	}
	if n := len(s.See(s.ann, s.ops, "")); n != 1 {
		t.Errorf("%d messages, want the one whose answer was lost", n)
	}
	if _, err = s.post(slack.MsgOptionText("x", false)); err != nil {
		t.Error(err)
	}
	s.clean()
}

// TestTiers compares the rates with Slack's table.
func TestTiers(t *testing.T) {
	var official struct {
		Requests map[string]int    `json:"requests_per_minute"`
		Tiers    map[string]string `json:"tiers"`
	}
	readSpec(t, "rate_tiers.json", &official)
	for name := range methods() {
		if name == "chat.postMessage" {
			continue // by channel
		}
		want := official.Requests[official.Tiers[name]]
		if want == 0 {
			t.Errorf("%s is in no tier", name)
		}
		if rate(name) != want {
			t.Errorf("%s: %d a minute, want %d", name, rate(name), want)
		}
	}
}

func readSpec(t *testing.T, name string, v any) {
	t.Helper()
	if Specs() == "" {
		t.Skip("Slack's specifications are not here")
	}
	raw, err := os.ReadFile(filepath.Join(Specs(), name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatal(err)
	}
}

// TestSizes compares the sizes with the list of documented limits: what is in one must be in the other.
func TestSizes(t *testing.T) {
	var official struct {
		Defs  map[string]map[string]any
		Rules map[string]any
	}
	readSpec(t, "slack_limits.json", &official)
	types := map[string]string{
		"*Block": "", "*": "", "*Option": "option", "PlainTextOption": "option", "MrkdwnOption": "option", "ConfirmationDialog": "confirm", "SlackModal": "modal", "SlackHome": "home",
		"ActionsBlock": "actions", "ContextBlock": "context", "ContextActionsBlock": "context_actions", "SectionBlock": "section", "HeaderBlock": "header",
		"MarkdownBlock": "markdown", "ImageBlock": "image", "InputBlock": "input", "TableBlock": "table", "Button": "button", "StaticSelect": "static_select",
		"MultiStaticSelect": "multi_static_select", "Overflow": "overflow", "Checkboxes": "checkboxes", "RadioButtons": "radio_buttons", "PlainTextInput": "plain_text_input",
	}
	// What cannot be posted, or cannot be too long by construction.
	beside := []string{"AlertBlock", "CardBlock", "CarouselBlock", "WorkflowButton", "SlackMessage"}
	ours := map[string]size{}
	for kind, all := range sizesOf() {
		for _, z := range all {
			ours[kind+" "+z.path] = z
		}
	}
	known := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(official.Defs)) {
		def, path, _ := strings.Cut(name, ".")
		kind, ok := types[def]
		limit := official.Defs[name]
		if _, number := limit["maximum"]; number || slices.Contains(beside, def) {
			continue
		}
		if !ok {
			t.Errorf("%s: of a type that the judge does not know", name)
			continue
		}
		z, ok := ours[kind+" "+path]
		number := func(keys ...string) int {
			for _, k := range keys {
				if n, ok := limit[k].(float64); ok {
					return int(n)
				}
			}
			return 0
		}
		if !ok || z.max != number("maxLength", "maxItems") || z.min != number("minLength", "minItems") {
			t.Errorf("%s: judged by %+v, documented %v", name, z, limit)
		}
		known[kind+" "+path] = true
	}
	for name := range ours {
		if !known[name] {
			t.Errorf("%q is judged and not documented", name)
		}
	}
	for rule, want := range map[string]float64{
		"message.text.truncate": textMax, "chat.update.text.hard": updateMax, "markdown.total_per_payload": markdownMax, "view_stack": stackMax,
		"socketmode.ack_bytes": ackBytesMax, "response_url.uses": hookUses, "response_url.seconds": hookLife.Seconds(), "trigger_id.seconds": triggerLife.Seconds(),
	} {
		if official.Rules[rule] != want {
			t.Errorf("%s is %v, judged by %v", rule, official.Rules[rule], want)
		}
	}
}

func TestSampleManifest(t *testing.T) {
	var sample any
	readSpec(t, "sample_manifest.json", &sample)
	if err := Manifest(encode(sample)); err != nil {
		t.Error(err)
	}
	sample.(object)["features"].(object)["slash_commands"].([]any)[0].(object)["command"] = "no-slash"
	if err := Manifest(encode(sample)); err == nil {
		t.Error("a command without a slash is fine")
	}
}
