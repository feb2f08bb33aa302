package slacktest

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/slack-go/slack"
)

// newerThanSamples are keys that the documentation has, and the samples, older or made for other subscriptions, have not.
func newerThanSamples() []string {
	return []string{
		"context_team_id", "context_enterprise_id", "team", "response_urls", "blocks", "type", "edited", "state", "values", "is_ephemeral",
		"cache_ts", "thread_ts", "bot_profile", "username", "initial_option", "app_unfurl_url", "files",
	}
}

// strange are the keys of got that are not where the sample has them. Lists are compared by their first items; what
// differs from kind to kind (blocks, values) is skipped.
func strange(got, sample any, where string) []string {
	var out []string
	switch g := got.(type) {
	case object:
		s, ok := sample.(object)
		if !ok {
			return nil
		}
		for k, v := range g {
			if k == "blocks" || k == "elements" || k == "state" {
				continue
			}
			want, ok := s[k]
			if !ok && !slices.Contains(newerThanSamples(), k) {
				out = append(out, where+"/"+k)
			}
			out = append(out, strange(v, want, where+"/"+k)...)
		}
	case []any:
		if s, ok := sample.([]any); ok && len(s) > 0 && len(g) > 0 {
			out = strange(g[0], s[0], where+"/0")
		}
	}
	return out
}

// TestPayloads compares what is sent to drey with Slack's own samples.
func TestPayloads(t *testing.T) {
	if Specs() == "" {
		t.Skip("Slack's specifications are not here")
	}
	a := &app{scene: start(t, Options{})}
	a.socket(1)
	ts, err := a.post(slack.MsgOptionText("x", false), slack.MsgOptionBlocks(slack.NewActionBlock("acts", button("go", "Go"))))
	if err != nil {
		t.Fatal(err)
	}
	root := a.Say(a.ann, a.ops, "", "root")
	check := func(sample string, err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
		var want any
		if err := json.Unmarshal(Sample(sample), &want); err != nil {
			t.Fatalf("%s: %v", sample, err)
		}
		a.Slack.mu.Lock()
		got := clone(a.newest.payload)
		a.Slack.mu.Unlock()
		for _, k := range strange(got, want, "") {
			t.Errorf("%s has no %s", sample, k)
		}
	}
	a.opens(modal("One", textInput("why", "Why")))
	check("app-backend/slash-commands/SlashCommandPayload.json", nil)
	check("app-backend/views/ViewSubmissionPayload.json", a.Submit(a.ann, map[string]string{"why": "so"}))
	a.opens(modal("One", textInput("why", "Why")))
	check("app-backend/views/ViewClosedPayload.json", a.CloseView(a.ann))
	check("app-backend/interactive-components/BlockActionPayload.json", a.Click(a.ann, a.ops, "Go"))
	check("app-backend/interactive-components/MessageShortcutPayload.json", a.Shortcut(a.ann, a.ops, ts, "run"))
	check("events/AppMentionPayload.json", a.Mention(a.ann, a.ops, root, "jobs", FileUpload{Name: "a.txt", Data: []byte("x")}))
	check("events/MessagePayload.json", a.DM(a.ann, "jobs"))
	check("events/AppHomeOpenedPayload.json", a.OpenHome(a.ann))
	_, err = a.ShareLink(a.ann, a.ops, "https://flink.example.com/")
	check("events/LinkSharedPayload.json", err)
	a.Group("ops", a.ann)
	a.Group("ops")
	check("events/SubteamUpdatedPayload.json", nil)
	a.clean()
}
