package slacktest

import (
	"strings"
	"testing"

	"github.com/slack-go/slack"
)

// TestLive is what Slack acts on in mrkdwn, and what it leaves alone.
func TestLive(t *testing.T) {
	s := start(t, Options{})
	s.Group("ops", s.ann)
	for src, want := range map[string]string{
		"plain text, 2 * 3 * 4, a_b_c, 12:30:45": "",
		"&lt;!here&gt; &amp;lt;":                 "",
		"<!date^1700000000^{date}|14 Nov>":       "",
		"a *bold* word":                          "*bold*",
		"an _italic_ word":                       "_italic_",
		"a ~struck~ word":                        "~struck~",
		"some `code` here":                       "`code`",
		"```\nfence\n```":                        "```\nfence\n```",
		"> quote":                                "quote > ",
		"x\n&gt; quote":                          "quote &gt; ",
		":fire:":                                 ":fire:",
		"<@U0ANN>":                               "<@U0ANN>",
		"<!subteam^S0OPS>":                       "<!subteam^S0OPS>",
		"<!here>":                                "<!here>",
		"<#C0OPS>":                               "<#C0OPS>",
		"<https://x.example|label>":              "<https://x.example|label>",
		"see https://x.example/":                 "https://x.example/",
		"@here":                                  "@here",
		"#ops":                                   "#ops",
		"<b>x</b>":                               "<b>,</b>",
	} {
		r := &reader{s: s.Slack}
		s.mu.Lock()
		r.read(src, false)
		s.mu.Unlock()
		if got := strings.Join(r.live, ","); got != want {
			t.Errorf("%q: live %q, want %q", src, got, want)
		}
	}
	for src, want := range map[string]string{
		"a *b* _c_ ~d~ `e` &lt;f&gt; &amp;amp;": "a b c d e <f> &amp;", "<@U0ANN> in <#C0OPS>": "@ann in #ops", "<!subteam^S0OPS>": "@ops",
		"<!date^1700000000^{date}|14 Nov> <https://x.example|there>": "14 Nov there", "```x\ny```z": "x\nyz",
	} {
		r := &reader{s: s.Slack}
		s.mu.Lock()
		r.read(src, true)
		s.mu.Unlock()
		if r.text.String() != want {
			t.Errorf("%q reads %q, want %q", src, r.text.String(), want)
		}
	}
}

// TestRichText has the signs that mrkdwn would act on, in blocks that parse nothing.
func TestRichText(t *testing.T) {
	s := start(t, Options{})
	hostile := "*b* _i_ <!channel> :fire: `c` > q https://x.example &lt; <@U0ANN>"
	cell := &slack.TableBlock{Type: "table", Rows: [][]slack.TableCell{{slack.NewTableRawTextCell("a"), slack.NewTableRawTextCell(hostile)}}}
	_, err := s.post(slack.MsgOptionText("x", false), slack.MsgOptionBlocks(
		slack.NewHeaderBlock(plain(hostile)),
		slack.NewRichTextBlock("r", slack.NewRichTextSection(slack.NewRichTextSectionTextElement(hostile, &slack.RichTextSectionTextStyle{Bold: true}))),
		slack.NewContextBlock("c", plain(hostile)), cell,
	))
	if err != nil {
		t.Fatal(err)
	}
	got := s.See(s.ann, s.ops, "")[0]
	if strings.Count(got.Text, hostile) != 4 || !strings.Contains(got.Text, "a "+hostile) {
		t.Errorf("got %q", got.Text)
	}
	if len(got.Live) > 0 {
		t.Errorf("live %q", got.Live)
	}
	if _, err = s.post(slack.MsgOptionText("x <!here>", false), slack.MsgOptionBlocks(slack.NewRichTextBlock("r", slack.NewRichTextSection(
		slack.NewRichTextSectionUserElement(s.ann, nil), slack.NewRichTextSectionTextElement(" see ", nil), slack.NewRichTextSectionLinkElement("https://x.example", "there", nil),
	)))); err != nil {
		t.Fatal(err)
	}
	got = s.See(s.ann, s.ops, "")[1]
	if got.Text != "@ann see there" || strings.Join(got.Live, ",") != "<@U0ANN>,https://x.example,<!here>" {
		t.Errorf("got %q, live %q", got.Text, got.Live)
	}
	s.clean()
}

func TestThreads(t *testing.T) {
	s := start(t, Options{})
	meta := slack.SlackMetadata{EventType: "drey_post", EventPayload: map[string]any{"key": "k1"}}
	root, err := s.post(slack.MsgOptionText("root", false), slack.MsgOptionMetadata(meta))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.post(slack.MsgOptionText("reply", false), slack.MsgOptionTS(root)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.post(slack.MsgOptionText("loud", false), slack.MsgOptionTS(root), slack.MsgOptionBroadcast()); err != nil {
		t.Fatal(err)
	}
	texts := func(thread string) string {
		var all []string
		for _, m := range s.See(s.ann, s.ops, thread) {
			all = append(all, m.Text)
		}
		return strings.Join(all, ",")
	}
	if texts("") != "root,loud" || texts(root) != "root,reply,loud" {
		t.Errorf("channel %s, thread %s", texts(""), texts(root))
	}
	h, err := s.api.GetConversationHistoryContext(t.Context(), &slack.GetConversationHistoryParameters{ChannelID: s.ops, IncludeAllMetadata: true, Limit: 1})
	if err != nil || !h.HasMore || h.Messages[0].Text != "loud" {
		t.Fatalf("got %+v, %v", h, err)
	}
	h, err = s.api.GetConversationHistoryContext(t.Context(), &slack.GetConversationHistoryParameters{ChannelID: s.ops, IncludeAllMetadata: true, Cursor: h.ResponseMetaData.NextCursor})
	if err != nil || len(h.Messages) != 1 || h.Messages[0].Metadata.EventPayload["key"] != "k1" || h.Messages[0].ReplyCount != 2 {
		t.Errorf("got %+v, %v", h, err)
	}
	h, err = s.api.GetConversationHistoryContext(t.Context(), &slack.GetConversationHistoryParameters{ChannelID: s.ops, Oldest: root})
	if err != nil || len(h.Messages) != 1 || h.Messages[0].Text != "loud" {
		t.Errorf("got %+v, %v", h, err)
	}
	all, _, _, err := s.api.GetConversationRepliesContext(t.Context(), &slack.GetConversationRepliesParameters{ChannelID: s.ops, Timestamp: root, Oldest: root, Inclusive: true})
	if err != nil || len(all) != 3 || all[0].Timestamp != root {
		t.Errorf("got %+v, %v", all, err)
	}
	link, err := s.api.GetPermalinkContext(t.Context(), &slack.PermalinkParameters{Channel: s.ops, Ts: root})
	if err != nil || !strings.HasSuffix(link, "/archives/C0OPS/p"+strings.Replace(root, ".", "", 1)) {
		t.Errorf("got %s, %v", link, err)
	}
	s.clean()
}

func TestFiles(t *testing.T) {
	s := start(t, Options{})
	up := func(name, body, channel string) string {
		t.Helper()
		f, err := s.api.UploadFileContext(t.Context(), slack.UploadFileParameters{
			Filename: name, Title: name, Content: body, FileSize: len(body), Channel: channel, InitialComment: "a comment",
		})
		if err != nil {
			t.Fatal(err)
		}
		return f.ID
	}
	up("trace.txt", "at line 1", s.ops)
	if got := s.See(s.ann, s.ops, ""); len(got) != 1 || !strings.Contains(got[0].Text, "a comment\ntrace.txt") || strings.Join(got[0].Files, ",") != "trace.txt" {
		t.Errorf("got %+v", got)
	}
	pic := up("lag.png", "\x89PNG", "")
	if f, _, _, err := s.api.GetFileInfoContext(t.Context(), pic, 0, 0); err != nil || f.Mimetype != "image/png" {
		t.Errorf("got %+v, %v", f, err)
	}
	if _, err := s.post(slack.MsgOptionText("x", false), slack.MsgOptionBlocks(slack.NewImageBlockSlackFile(&slack.SlackFileObject{ID: pic}, "lag over an hour", "i", nil))); err != nil {
		t.Error(err)
	}
	if got := s.See(s.ann, s.ops, ""); got[1].Text != "lag over an hour" {
		t.Errorf("got %+v", got[1])
	}
	s.clean()
}

func TestDirectory(t *testing.T) {
	s := start(t, Options{})
	s.User("guest", func(u *UserState) { u.UltraGuest = true })
	s.User("far", func(u *UserState) { u.Stranger = true })
	group := s.Group("ops", s.ann)
	for i := range 3 {
		s.Channel("c" + string(rune('a'+i)))
	}
	if u, err := s.api.GetUserInfoContext(t.Context(), "U0GUEST"); err != nil || !u.IsUltraRestricted || !u.IsRestricted {
		t.Errorf("got %+v, %v", u, err)
	}
	if u, err := s.api.GetUserInfoContext(t.Context(), "U0FAR"); err != nil || !u.IsStranger || u.TeamID == s.Team() {
		t.Errorf("got %+v, %v", u, err)
	}
	if all, err := s.api.GetUsersContext(t.Context(), slack.GetUsersOptionLimit(2)); err != nil || len(all) != 3 {
		t.Errorf("got %d users, %v", len(all), err)
	}
	if all, err := s.api.GetUserGroupsContext(t.Context(), slack.GetUserGroupsOptionIncludeUsers(true)); err != nil || len(all) != 1 || all[0].Users[0] != s.ann {
		t.Errorf("got %+v, %v", all, err)
	}
	if all, err := s.api.GetUserGroupMembersContext(t.Context(), group); err != nil || len(all) != 1 {
		t.Errorf("got %+v, %v", all, err)
	}
	page, next, err := s.api.GetConversationsContext(t.Context(), &slack.GetConversationsParameters{Limit: 3, ExcludeArchived: true})
	if err != nil || len(page) != 3 || next == "" {
		t.Fatalf("got %+v, %q, %v", page, next, err)
	}
	if page, next, err = s.api.GetConversationsContext(t.Context(), &slack.GetConversationsParameters{Limit: 3, Cursor: next}); err != nil || len(page) != 1 || next != "" {
		t.Errorf("got %+v, %q, %v", page, next, err)
	}
	s.ChangeChannel(s.ops, func(c *ChannelState) { c.NotIn = true })
	if c, err := s.api.GetConversationInfoContext(t.Context(), &slack.GetConversationInfoInput{ChannelID: s.ops}); err != nil || c.IsMember || c.Name != "ops" {
		t.Errorf("got %+v, %v", c, err)
	}
	if c, _, _, err := s.api.JoinConversationContext(t.Context(), s.ops); err != nil || !c.IsMember {
		t.Errorf("got %+v, %v", c, err)
	}
	if c, _, _, err := s.api.OpenConversationContext(t.Context(), &slack.OpenConversationParameters{Users: []string{s.ann}}); err != nil || c.ID != s.DirectChannel(s.ann) {
		t.Errorf("got %+v, %v", c, err)
	}
	if team, err := s.api.GetTeamInfoContext(t.Context()); err != nil || team.ID != s.Team() {
		t.Errorf("got %+v, %v", team, err)
	}
	if b, err := s.api.GetBotInfoContext(t.Context(), slack.GetBotInfoParameters{Bot: s.BotID()}); err != nil || b.ID != s.BotID() {
		t.Errorf("got %+v, %v", b, err)
	}
	s.clean()
}
