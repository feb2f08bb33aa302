package slacktest

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
)

// scene is a Slack whose violations the test looks at itself, with a client that speaks to it.
type scene struct {
	*testing.T
	*Slack
	api      *slack.Client
	ops, ann string
	clock    time.Time
}

func start(t *testing.T, o Options) *scene {
	t.Helper()
	sc := &scene{T: t, clock: time.Unix(1_700_000_000, 0)}
	if o.Now == nil {
		o.Now = func() time.Time { return sc.clock }
	}
	s, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{}
	t.Cleanup(func() { s.Close(); tr.CloseIdleConnections() })
	if Specs() == "" {
		t.Log("Slack's specifications are not here: the schema judges nothing")
	}
	sc.Slack, sc.ops, sc.ann = s, s.Channel("ops"), s.User("ann")
	sc.api = slack.New(s.BotToken(), slack.OptionAPIURL(s.APIURL()), slack.OptionAppLevelToken(s.AppToken()), slack.OptionHTTPClient(&http.Client{Transport: tr}))
	return sc
}

// clean checks that nothing was violated so far.
func (s *scene) clean() {
	s.Helper()
	for _, v := range s.Violations() {
		s.Errorf("violation: %s", v)
	}
}

// violated checks that the newest violation is about this.
func (s *scene) violated(about string) {
	s.Helper()
	v := s.Violations()
	if len(v) == 0 || !strings.Contains(v[len(v)-1], about) {
		s.Errorf("violations %q, want one about %q", v, about)
	}
}

func (s *scene) post(o ...slack.MsgOption) (string, error) {
	s.clock = s.clock.Add(time.Second)
	_, ts, err := s.api.PostMessageContext(s.Context(), s.ops, append([]slack.MsgOption{slack.MsgOptionDisableLinkUnfurl()}, o...)...)
	return ts, err
}

func refused(t *testing.T, err error, code string) {
	t.Helper()
	if bad := (slack.SlackErrorResponse{}); !errors.As(err, &bad) || bad.Err != code {
		t.Errorf("got error %v, want %s", err, code)
	}
}

func plain(s string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, s, false, false)
}

func mrkdwn(s string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, s, false, true)
}

func button(id, label string) *slack.ButtonBlockElement {
	return slack.NewButtonBlockElement(id, "v-"+id, plain(label))
}

func TestPostEditDelete(t *testing.T) {
	s := start(t, Options{})
	ts, err := s.post(slack.MsgOptionText("fall &amp; back", false), slack.MsgOptionBlocks(
		slack.NewHeaderBlock(plain("the title")),
		slack.NewSectionBlock(mrkdwn("a &lt;b&gt; &amp; c"), []*slack.TextBlockObject{mrkdwn("*Job*\norders")}, nil),
		slack.NewActionBlock("acts", button("go", "Go")),
	))
	if err != nil {
		t.Fatal(err)
	}
	s.clean()
	got := s.See(s.ann, s.ops, "")
	if len(got) != 1 || got[0].Text != "the title\na <b> & c\nJob orders" || got[0].Fallback != "fall & back" || strings.Join(got[0].Buttons, ",") != "Go" || len(got[0].Live) > 0 {
		t.Fatalf("got %+v", got)
	}
	if _, _, _, err := s.api.UpdateMessageContext(t.Context(), s.ops, ts, slack.MsgOptionText("only text", false)); err != nil {
		t.Fatal(err)
	}
	if got := s.See(s.ann, s.ops, ""); got[0].Text != "only text" || len(got[0].Buttons) > 0 {
		t.Fatalf("got %+v", got)
	}
	if _, _, err := s.api.DeleteMessageContext(t.Context(), s.ops, ts); err != nil {
		t.Fatal(err)
	}
	_, _, _, err = s.api.UpdateMessageContext(t.Context(), s.ops, ts, slack.MsgOptionText("x", false))
	refused(t, err, "message_not_found")
	s.clean()
}
