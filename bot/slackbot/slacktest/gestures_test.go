package slacktest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
)

func TestSlash(t *testing.T) {
	both(t, func(a *app) {
		var got slack.SlashCommand
		a.slash = func(c slack.SlashCommand) any { got = c; return nil }
		a.User("bob")
		if _, err := a.Slash(a.ann, a.ops, "/flink stop a<b & @bob #ops https://x.example/"); err != nil {
			a.Fatal(err)
		}
		if got.Command != "/flink" || got.UserID != "U0ANN" || got.ChannelID != "C0OPS" || got.TriggerID == "" || got.TeamID != a.Team() ||
			got.Text != "stop a&lt;b &amp; <@U0BOB|bob> <#C0OPS|ops> <https://x.example/>" {
			a.Errorf("got %+v", got)
		}
		send := func(m *slack.WebhookMessage) error { return slack.PostWebhookContext(a.Context(), got.ResponseURL, m) }
		defer http.DefaultClient.CloseIdleConnections()
		for range hookUses {
			if err := send(&slack.WebhookMessage{Text: "for ann"}); err != nil {
				a.Fatal(err)
			}
		}
		if err := send(&slack.WebhookMessage{Text: "one too many"}); err == nil {
			a.Error("a sixth use is fine")
		}
		if n := len(a.See(a.ann, a.ops, "")); n != hookUses {
			a.Errorf("ann sees %d messages", n)
		}
		if n := len(a.See("U0BOB", a.ops, "")); n != 0 {
			a.Errorf("bob sees %d messages", n)
		}
		a.slash = func(c slack.SlashCommand) any {
			got = c
			return map[string]string{"text": "in the ack", "response_type": "in_channel"}
		}
		if _, err := a.Slash(a.ann, a.ops, "/flink"); err != nil {
			a.Fatal(err)
		}
		if seen := a.See("U0BOB", a.ops, ""); len(seen) != 1 || seen[0].Text != "in the ack" {
			a.Errorf("bob sees %+v", seen)
		}
		a.clock = a.clock.Add(hookLife + time.Second)
		if err := send(&slack.WebhookMessage{Text: "too late"}); err == nil {
			a.Error("a response URL lives for ever")
		}
	})
}

func TestSlashReplacesNothing(t *testing.T) {
	s := start(t, Options{})
	s.mu.Lock()
	u := s.newHook(s.channels[s.ops], s.ann, nil)
	s.mu.Unlock()
	defer http.DefaultClient.CloseIdleConnections()
	if err := slack.PostWebhookContext(t.Context(), u, &slack.WebhookMessage{Text: "x", ReplaceOriginal: true}); err != nil {
		t.Error(err)
	}
	s.violated("do nothing")
}

func TestClick(t *testing.T) {
	both(t, func(a *app) {
		ts, err := a.post(slack.MsgOptionText("x", false), slack.MsgOptionBlocks(slack.NewActionBlock("acts", button("go", "Go"),
			slack.NewOverflowBlockElement("more", slack.NewOptionBlockObject("v1", plain("Restart"), nil)))))
		if err != nil {
			a.Fatal(err)
		}
		var got slack.InteractionCallback
		a.act = func(c slack.InteractionCallback) any { got = c; return nil }
		if err := a.Click(a.ann, a.ops, "Go"); err != nil {
			a.Fatal(err)
		}
		if got.Type != slack.InteractionTypeBlockActions || got.User.ID != a.ann || got.Channel.ID != a.ops || got.Container.MessageTs != ts || got.Message.Timestamp != ts {
			a.Errorf("got %+v", got)
		}
		if b := got.ActionCallback.BlockActions; len(b) != 1 || b[0].ActionID != "go" || b[0].BlockID != "acts" || b[0].Value != "v-go" {
			a.Errorf("got %+v", b)
		}
		first := got.TriggerID
		if err := a.Click(a.ann, a.ops, "Restart"); err != nil {
			a.Fatal(err)
		}
		if b := got.ActionCallback.BlockActions; b[0].SelectedOption.Value != "v1" || got.TriggerID == first {
			a.Errorf("got %+v", b[0])
		}
		err = slack.PostWebhookContext(a.Context(), got.ResponseURL, &slack.WebhookMessage{Text: "instead", ReplaceOriginal: true})
		http.DefaultClient.CloseIdleConnections()
		if seen := a.See(a.ann, a.ops, ""); err != nil || len(seen) != 1 || seen[0].Text != "instead" || len(seen[0].Buttons) > 0 {
			a.Errorf("got %+v, %v", seen, err)
		}
		if err := a.Click(a.ann, a.ops, "Go"); err == nil {
			a.Error("a button that is gone was pressed")
		}
		if err := a.Repeat(); err != nil {
			a.Error(err)
		}
	})
}

// TestClickHidden presses a button in a thread that only one person sees.
func TestClickHidden(t *testing.T) {
	both(t, func(a *app) {
		root, err := a.post(slack.MsgOptionText("root", false))
		if err != nil {
			a.Fatal(err)
		}
		if _, err := a.api.PostEphemeralContext(a.Context(), a.ops, a.ann, slack.MsgOptionText("x", false), slack.MsgOptionTS(root),
			slack.MsgOptionBlocks(slack.NewActionBlock("acts", button("go", "Go")))); err != nil {
			a.Fatal(err)
		}
		var got slack.InteractionCallback
		a.act = func(c slack.InteractionCallback) any { got = c; return nil }
		if err := a.ClickIn(a.User("bob"), a.ops, root, "Go"); err == nil {
			a.Error("bob pressed ann's button")
		}
		if err := a.ClickIn(a.ann, a.ops, root, "Go"); err != nil {
			a.Fatal(err)
		}
		if !got.Container.IsEphemeral || got.Container.ThreadTs != root || got.Message.Timestamp != "" {
			a.Errorf("got %+v", got.Container)
		}
	})
}

func TestEvents(t *testing.T) {
	both(t, func(a *app) {
		var got slackevents.EventsAPIEvent
		var raw json.RawMessage
		a.event = func(e slackevents.EventsAPIEvent, r json.RawMessage) { got, raw = e, r }
		root := a.Say(a.ann, a.ops, "", "root")
		typed := "sql `x` & y\n```\nSELECT 1 < 2\n```\nhttps://x.example/"
		if err := a.Mention(a.ann, a.ops, root, typed, FileUpload{Name: "a.jar", Data: []byte("PK")}); err != nil {
			a.Fatal(err)
		}
		m, ok := got.InnerEvent.Data.(*slackevents.AppMentionEvent)
		if !ok || m.User != a.ann || m.Channel != a.ops || m.ThreadTimeStamp != root || m.Text != "<@U0DREY> sql `x` &amp; y\n```\nSELECT 1 &lt; 2\n```\n<https://x.example/>" {
			a.Fatalf("got %s", raw)
		}
		if !strings.Contains(string(raw), "rich_text_preformatted") || !strings.Contains(string(raw), `"event_id":"Ev`) {
			a.Errorf("got %s", raw)
		}
		f := m.Files[0]
		if b := a.download(f.URLPrivateDownload, a.BotToken()); b != "PK" {
			a.Errorf("downloaded %q", b)
		}
		if b := a.download(f.URLPrivateDownload, "xoxb-wrong"); b == "PK" {
			a.Error("anybody gets the file")
		}
		if err := a.DM(a.ann, "jobs"); err != nil {
			a.Fatal(err)
		}
		if d, ok := got.InnerEvent.Data.(*slackevents.MessageEvent); !ok || d.ChannelType != "im" || d.Text != "jobs" {
			a.Errorf("got %s", raw)
		}
		ts, err := a.ShareLink(a.ann, a.ops, "https://flink.example.com/#/job/1?a=1&b=2")
		if err != nil {
			a.Fatal(err)
		}
		l, ok := got.InnerEvent.Data.(*slackevents.LinkSharedEvent)
		if !ok || l.MessageTimeStamp != ts || l.Links[0].Domain != "flink.example.com" {
			a.Fatalf("got %s", raw)
		}
		card := slack.Attachment{Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewSectionBlock(plain("job one"), nil, nil)}}}
		if _, _, _, err := a.api.UnfurlMessageContext(a.Context(), a.ops, ts, map[string]slack.Attachment{l.Links[0].URL: card}); err != nil {
			a.Fatal(err)
		}
		if seen, ok := a.Unfurl(a.ops, ts, "https://flink.example.com/#/job/1?a=1&b=2"); !ok || seen.Text != "job one" {
			a.Errorf("got %+v", seen)
		}
		if err := a.OpenHome(a.ann); err != nil {
			a.Fatal(err)
		}
		if h, ok := got.InnerEvent.Data.(*slackevents.AppHomeOpenedEvent); !ok || h.Tab != "home" || h.User != a.ann {
			a.Errorf("got %s", raw)
		}
		group := a.Group("ops", a.ann)
		a.Group("ops", a.User("bob"))
		if got.InnerEvent.Type != "subteam_updated" || group != "S0OPS" {
			a.Errorf("got %s", raw)
		}
		if err := a.ChangeUser(a.ann, func(u *UserState) { u.Deleted = true }); err != nil || got.InnerEvent.Type != "user_change" {
			a.Errorf("got %s, %v", raw, err)
		}
	})
}

func (a *app) download(url, token string) string {
	r, _ := http.NewRequestWithContext(a.Context(), http.MethodGet, url, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		a.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return string(b)
}

func TestShortcut(t *testing.T) {
	both(t, func(a *app) {
		ts := a.Say(a.ann, a.ops, "", "SELECT 1")
		var got slack.InteractionCallback
		a.act = func(c slack.InteractionCallback) any { got = c; return nil }
		if err := a.Shortcut(a.ann, a.ops, ts, "run"); err != nil {
			a.Fatal(err)
		}
		if got.Type != slack.InteractionTypeMessageAction || got.CallbackID != "run" || got.MessageTs != ts || got.Message.Text != "SELECT 1" || got.TriggerID == "" || got.ResponseURL == "" {
			a.Errorf("got %+v", got)
		}
	})
}
