package slacktest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
)

// raw calls a method with a form, past the client library.
func (s *scene) raw(method string, kv ...string) object {
	s.Helper()
	form := url.Values{"token": {s.BotToken()}}
	for i := 0; i < len(kv); i += 2 {
		form.Set(kv[i], kv[i+1])
	}
	resp, err := http.PostForm(s.APIURL()+method, form)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	var o object
	if err := json.Unmarshal(raw, &o); err != nil {
		s.Fatalf("%s answered %s", method, raw)
	}
	return o
}

func many(n int, item string) string {
	return strings.TrimSuffix(strings.Repeat(item+",", n), ",")
}

// TestRefusedMessages are payloads that Slack refuses, with its error.
func TestRefusedMessages(t *testing.T) {
	section := func(n int) string {
		return fmt.Sprintf(`{"type":"section","text":{"type":"plain_text","text":%q}}`, strings.Repeat("x", n))
	}
	btn := `{"type":"button","action_id":"a","text":{"type":"plain_text","text":"Go"}}`
	for name, c := range map[string]struct{ blocks, code string }{
		"blocks":           {many(51, `{"type":"divider"}`), "invalid_blocks"},
		"all text":         {many(5, section(2800)), "msg_blocks_too_long"},
		"section text":     {section(3001), "invalid_blocks"},
		"empty text":       {section(0), "invalid_blocks"},
		"bare section":     {`{"type":"section"}`, "invalid_blocks"},
		"header":           {`{"type":"header","text":{"type":"plain_text","text":"` + strings.Repeat("ä", 151) + `"}}`, "invalid_blocks"},
		"fields":           {`{"type":"section","fields":[` + many(11, `{"type":"plain_text","text":"x"}`) + `]}`, "invalid_blocks"},
		"field text":       {`{"type":"section","fields":[{"type":"plain_text","text":"` + strings.Repeat("x", 2001) + `"}]}`, "invalid_blocks"},
		"buttons":          {`{"type":"actions","elements":[` + many(26, `{"type":"button","text":{"type":"plain_text","text":"Go"}}`) + `]}`, "invalid_blocks"},
		"no buttons":       {`{"type":"actions","elements":[]}`, "invalid_blocks"},
		"button label":     {`{"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"` + strings.Repeat("x", 76) + `"}}]}`, "invalid_blocks"},
		"button value":     {`{"type":"actions","elements":[{"type":"button","value":"` + strings.Repeat("x", 2001) + `","text":{"type":"plain_text","text":"x"}}]}`, "invalid_blocks"},
		"action id twice":  {`{"type":"actions","elements":[` + btn + `,` + btn + `]}`, "invalid_blocks"},
		"block id twice":   {many(2, `{"type":"divider","block_id":"x"}`), "invalid_blocks"},
		"block id long":    {`{"type":"divider","block_id":"` + strings.Repeat("x", 256) + `"}`, "invalid_blocks"},
		"context":          {`{"type":"context","elements":[` + many(11, `{"type":"plain_text","text":"x"}`) + `]}`, "invalid_blocks"},
		"two tables":       {many(2, `{"type":"table","rows":[[{"type":"raw_text","text":"x"}]]}`), "invalid_blocks"},
		"table rows":       {`{"type":"table","rows":[` + many(101, `[{"type":"raw_text","text":"x"}]`) + `]}`, "invalid_blocks"},
		"table columns":    {`{"type":"table","rows":[[` + many(21, `{"type":"raw_text","text":"x"}`) + `]]}`, "invalid_blocks"},
		"empty cell":       {`{"type":"table","rows":[[{"type":"raw_text","text":""}]]}`, "invalid_blocks"},
		"empty rich text":  {`{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[]}]}`, "invalid_blocks"},
		"empty span":       {`{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":""}]}]}`, "invalid_blocks"},
		"overflow":         {`{"type":"actions","elements":[{"type":"overflow","action_id":"o","options":[` + many(6, `{"text":{"type":"plain_text","text":"x"},"value":"v"}`) + `]}]}`, "invalid_blocks"},
		"option value":     {`{"type":"actions","elements":[{"type":"overflow","action_id":"o","options":[{"text":{"type":"plain_text","text":"x"},"value":"` + strings.Repeat("x", 151) + `"}]}]}`, "invalid_blocks"},
		"confirm":          {`{"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"x"},"confirm":{"title":{"type":"plain_text","text":"t"},"text":{"type":"plain_text","text":"` + strings.Repeat("x", 301) + `"},"confirm":{"type":"plain_text","text":"y"},"deny":{"type":"plain_text","text":"n"}}}]}`, "invalid_blocks"},
		"input":            {`{"type":"input","label":{"type":"plain_text","text":"x"},"element":{"type":"plain_text_input","action_id":"a"}}`, "invalid_blocks"},
		"alert":            {`{"type":"alert","text":{"type":"plain_text","text":"x"}}`, "invalid_blocks"},
		"card":             {`{"type":"card","title":{"type":"plain_text","text":"x"}}`, "invalid_blocks"},
		"address":          {`{"type":"actions","elements":[{"type":"button","url":"javascript:x","text":{"type":"plain_text","text":"x"}}]}`, "invalid_blocks"},
		"picture":          {`{"type":"image","alt_text":"x","slack_file":{"id":"F0"}}`, "invalid_blocks"},
		"markdown":         {many(2, `{"type":"markdown","text":"`+strings.Repeat("x", 6001)+`"}`), "invalid_blocks"},
		"unknown field":    {`{"type":"divider","colour":"red"}`, "invalid_blocks"},
		"unknown kind":     {`{"type":"banner"}`, "invalid_blocks"},
		"header in mrkdwn": {`{"type":"header","text":{"type":"mrkdwn","text":"x"}}`, "invalid_blocks"},
	} {
		t.Run(name, func(t *testing.T) {
			if Specs() == "" && (strings.HasPrefix(name, "unknown") || name == "header in mrkdwn") {
				t.Skip("only the schema knows that")
			}
			s := start(t, Options{})
			o := s.raw("chat.postMessage", "channel", s.ops, "text", "x", "unfurl_links", "false", "blocks", "["+c.blocks+"]")
			if o["error"] != c.code {
				t.Errorf("got %v, want %s", o, c.code)
			}
			s.violated(c.code)
			if len(s.See(s.ann, s.ops, "")) > 0 {
				t.Error("it was posted all the same")
			}
		})
	}
}

// TestSpokenFor are messages that Slack takes, and that are wrong all the same.
func TestWrongButTaken(t *testing.T) {
	for about, kv := range map[string][]string{
		"no text beside":  {"blocks", `[{"type":"divider"}]`},
		"unfurl_links":    {"text", "x", "unfurl_links", "true"},
		"is cut":          {"text", strings.Repeat("x", 40_001)},
		"parse is":        {"text", "x", "parse", "full"},
		"link_names":      {"text", "x", "link_names", "true"},
		"primary buttons": {"text", "x", "blocks", `[{"type":"actions","elements":[{"type":"button","style":"primary","text":{"type":"plain_text","text":"a"}},{"type":"button","style":"primary","text":{"type":"plain_text","text":"b"}}]}]`},
		"reply_broadcast": {"text", "x", "reply_broadcast", "true"},
	} {
		s := start(t, Options{})
		if o := s.raw("chat.postMessage", append([]string{"channel", s.ops, "unfurl_links", "false"}, kv...)...); o["ok"] != true {
			t.Errorf("%s: got %v", about, o)
		}
		s.violated(about)
	}
}

func TestWrongArguments(t *testing.T) {
	s := start(t, Options{})
	ts, err := s.post(slack.MsgOptionText("root", false))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		code, method string
		kv           []string
	}{
		{"no_text", "chat.postMessage", []string{"channel", s.ops}},
		{"msg_too_long", "chat.update", []string{"channel", s.ops, "ts", ts, "text", strings.Repeat("x", 4001)}},
		{"invalid_blocks_format", "chat.postMessage", []string{"channel", s.ops, "text", "x", "blocks", "[{"}},
		{"invalid_metadata_format", "chat.postMessage", []string{"channel", s.ops, "text", "x", "metadata", `{"event_type":"","event_payload":{}}`}},
		{"metadata_too_large", "chat.postMessage", []string{"channel", s.ops, "text", "x", "metadata", `{"event_type":"x","event_payload":{"k":"` + strings.Repeat("x", 3000) + `"}}`}},
		{"unknown_method", "rtm.start", nil},
	} {
		before := len(s.Violations())
		s.clock = s.clock.Add(time.Second)
		if o := s.raw(c.method, c.kv...); o["error"] != c.code {
			t.Errorf("%s: got %v, want %s", c.method, o, c.code)
		}
		if len(s.Violations()) == before {
			t.Errorf("%s: no violation", c.code)
		}
	}
}

// TestWhatOnlySlackKnows are refusals that are nobody's fault.
func TestWhatOnlySlackKnows(t *testing.T) {
	s := start(t, Options{NoLimits: true})
	closed, elsewhere, private := s.Channel("closed"), s.Channel("elsewhere"), s.Channel("private")
	bob := s.User("bob")
	s.ChangeChannel(closed, func(c *ChannelState) { c.Archived = true })
	s.ChangeChannel(elsewhere, func(c *ChannelState) { c.NotIn = true })
	s.ChangeChannel(private, func(c *ChannelState) { c.NotIn, c.Private = true, true })
	s.ChangeChannel(s.ops, func(c *ChannelState) { c.Absent = []string{bob} })
	theirs := s.Say(s.ann, s.ops, "", "hello")
	ts, err := s.post(slack.MsgOptionText("mine", false))
	if err != nil {
		t.Fatal(err)
	}
	post := func(c string) []string { return []string{"channel", c, "text", "x", "unfurl_links", "false"} }
	for _, c := range []struct {
		code, method string
		kv           []string
	}{
		{"channel_not_found", "chat.postMessage", post("C0NOWHERE")},
		{"channel_not_found", "chat.postMessage", post(private)},
		{"is_archived", "chat.postMessage", post(closed)},
		{"thread_not_found", "chat.postMessage", append(post(s.ops), "thread_ts", "1.000000")},
		{"message_not_found", "chat.update", []string{"channel", s.ops, "ts", "1.000000", "text", "x"}},
		{"cant_update_message", "chat.update", []string{"channel", s.ops, "ts", theirs, "text", "x"}},
		{"cant_delete_message", "chat.delete", []string{"channel", s.ops, "ts", theirs}},
		{"user_not_in_channel", "chat.postEphemeral", append(post(s.ops), "user", "U0BOB")},
		{"not_in_channel", "chat.postEphemeral", append(post(elsewhere), "user", s.ann)},
		{"not_in_channel", "conversations.history", []string{"channel", elsewhere}},
		{"thread_not_found", "conversations.replies", []string{"channel", s.ops, "ts", "1.000000"}},
		{"user_not_found", "users.info", []string{"user", "U0NOBODY"}},
		{"no_such_subteam", "usergroups.users.list", []string{"usergroup", "S0NONE"}},
		{"message_not_found", "chat.getPermalink", []string{"channel", s.ops, "message_ts", "1.000000"}},
		{"cannot_find_message", "chat.unfurl", []string{"channel", s.ops, "ts", "1.000000", "unfurls", "{}"}},
		{"method_not_supported_for_channel_type", "conversations.join", []string{"channel", s.DirectChannel(s.ann)}},
		{"file_not_found", "files.info", []string{"file", "F0"}},
		{"user_not_found", "conversations.open", []string{"users", "U0NOBODY"}},
		{"not_found", "views.update", []string{"view_id", "V0", "view", "{}"}},
	} {
		if o := s.raw(c.method, c.kv...); o["error"] != c.code {
			t.Errorf("%s %v: got %v, want %s", c.method, c.kv, o, c.code)
		}
	}
	if o := s.raw("chat.postMessage", post(elsewhere)...); o["ok"] != true {
		t.Errorf("chat:write.public does not reach other channels: %v", o)
	}
	s.Scopes("chat:write")
	if o := s.raw("chat.postMessage", post(elsewhere)...); o["error"] != "not_in_channel" {
		t.Errorf("without chat:write.public: %v", o)
	}
	if o := s.raw("users.info", "user", s.ann); o["error"] != "missing_scope" || o["needed"] != "users:read" || o["provided"] != "chat:write" {
		t.Errorf("without users:read: %v", o)
	}
	s.Delete(s.ops, ts)
	if o := s.raw("chat.update", "channel", s.ops, "ts", ts, "text", "x"); o["error"] != "message_not_found" {
		t.Errorf("a message that a person deleted: %v", o)
	}
	s.clean()
}

func TestTokens(t *testing.T) {
	s := start(t, Options{})
	old := s.BotToken()
	if _, err := s.api.AuthTestContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Rotate()
	if s.BotToken() == old {
		t.Fatal("the token is the same")
	}
	_, err := s.api.AuthTestContext(t.Context())
	refused(t, err, "token_revoked")
	_, err = slack.New("xoxb-wrong", slack.OptionAPIURL(s.APIURL())).AuthTestContext(t.Context())
	refused(t, err, "invalid_auth")
	scopes := ""
	fresh := slack.New(s.BotToken(), slack.OptionAPIURL(s.APIURL()), slack.OptionOnResponseHeaders(func(_ string, h http.Header) { scopes = h.Get("X-OAuth-Scopes") }))
	if who, err := fresh.AuthTestContext(t.Context()); err != nil || who.BotID != s.BotID() || who.UserID != s.BotUser() || who.TeamID != s.Team() {
		t.Fatalf("got %+v, %v", who, err)
	}
	if !strings.Contains(scopes, "chat:write.public") {
		t.Errorf("scopes %q", scopes)
	}
	http.DefaultClient.CloseIdleConnections()
	s.clean()
}
