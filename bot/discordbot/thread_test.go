package discordbot

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/discordbot/discordtest"
)

// post posts and fails the test when it cannot.
func (s *server) post(at bot.Place, key string, m bot.Message) bot.MessageRef {
	s.t.Helper()
	ref, err := s.bot.Post(s.t.Context(), at, key, m)
	if err != nil {
		s.t.Fatalf("post %s: %v", key, err)
	}
	return ref
}

func (s *server) edit(ref bot.MessageRef, m bot.Message) {
	s.t.Helper()
	if err := s.bot.Edit(s.t.Context(), ref, m); err != nil {
		s.t.Fatalf("edit %s: %v", ref.ID, err)
	}
}

func (s *server) calls(route string) int { return len(s.d.Calls(route)) }

// channelJSON is a channel as Discord shows it.
func (s *server) channelJSON(id string) (c struct {
	Name     string   `json:"name"`
	Tags     []string `json:"applied_tags"`
	Metadata struct {
		Archived bool `json:"archived"`
	} `json:"thread_metadata"`
}) {
	s.t.Helper()
	var raw json.RawMessage
	if err := s.bot.sender.do(s.t.Context(), "get channel", "GET", "channels/"+id, nil, &raw); err != nil {
		s.t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		s.t.Fatal(err)
	}
	return c
}

func TestPostIsOneCall(t *testing.T) {
	s := newServer(t, ModeGateway, discordtest.Options{NoLimits: true})
	before := s.calls("")
	ref := s.post(s.place(), "k/1", text("hello"))
	if n := s.calls("") - before; n != 1 {
		t.Errorf("%d calls for a post", n)
	}
	s.edit(ref, text("hello again"))
	if n := s.calls("") - before; n != 2 {
		t.Errorf("%d calls for a post and an edit", n)
	}
}

func TestThreadIsMadeOnce(t *testing.T) {
	s := newServer(t, ModeGateway, discordtest.Options{NoLimits: true})
	root := s.post(s.place(), "k/1", bot.Message{Title: "Firing: *orders*", Tone: bot.Bad})
	at := root.Place
	at.Thread = root.ID
	m := text("acked by ann")
	m.Broadcast = true
	child := s.post(at, "k/2", m)
	s.post(at, "k/3", text("second"))
	if n := s.calls("POST /channels/{channel}/messages/{message}/threads"); n != 1 || child.Place.Thread != root.ID {
		t.Errorf("%d threads made, child %+v", n, child)
	}
	if got := s.channelJSON(root.ID).Name; got != "Firing: *orders*" {
		t.Errorf("thread is named %q", got)
	}
	var inChannel []string
	for _, m := range s.read("bob", "") {
		inChannel = append(inChannel, m.Text)
	}
	if len(inChannel) != 2 || !strings.Contains(inChannel[1], "acked by ann") || len(s.read("bob", root.ID)) != 2 {
		t.Errorf("channel %q, thread %q", inChannel, s.read("bob", root.ID))
	}
	done := bot.Message{Title: "Resolved: orders", Tone: bot.Good, Closed: true}
	s.edit(root, done)
	s.edit(root, done)
	if n := s.calls("PATCH /channels/{channel}"); n != 1 || !s.channelJSON(root.ID).Metadata.Archived {
		t.Errorf("%d changes of the thread", n)
	}
	s.edit(child, text("changed in the archive"))
	s.post(at, "k/4", text("once more"))
	if s.channelJSON(root.ID).Metadata.Archived || len(s.read("ann", root.ID)) != 3 {
		t.Errorf("thread %q", s.read("ann", root.ID))
	}
}

// TestNoRightToOpenThreads: what belongs in the thread answers the message instead.
func TestNoRightToOpenThreads(t *testing.T) {
	s := newServer(t, ModeGateway, discordtest.Options{NoLimits: true})
	s.d.ChangeChannel(s.channel, func(c *discordtest.ChannelState) { c.Missing = append(c.Missing, "CREATE_PUBLIC_THREADS") })
	root := s.post(s.place(), "k/1", text("root"))
	at := root.Place
	at.Thread = root.ID
	child := s.post(at, "k/2", text("child"))
	s.post(at, "k/3", text("child"))
	if child.Place.Thread != "" || len(s.read("bob", "")) != 3 || s.calls("POST /channels/{channel}/messages/{message}/threads") != 1 {
		t.Errorf("child %+v", child)
	}
	s.edit(child, text("child, changed"))
}

func TestLockedThreadIsGone(t *testing.T) {
	s := newServer(t, ModeGateway, discordtest.Options{NoLimits: true})
	root := s.post(s.place(), "k/1", text("root"))
	at := root.Place
	at.Thread = root.ID
	s.post(at, "k/2", text("child"))
	s.d.ChangeChannel(root.ID, func(c *discordtest.ChannelState) { c.Archived, c.Locked = true, true })
	_, err := s.bot.Post(t.Context(), at, "k/3", text("child"))
	if se := new(bot.SendError); !errors.As(err, &se) || !se.Gone {
		t.Errorf("got %v", err)
	}
}

func TestForum(t *testing.T) {
	s := newServer(t, ModeGateway, discordtest.Options{NoLimits: true})
	forum := s.d.ForumChannel("alerts", "firing", "Resolved")
	at := bot.Place{Network: Network, Channel: forum}
	firing := bot.Message{Title: "Firing: orders", Tone: bot.Bad, State: "firing", Blocks: []bot.Block{bot.Textf("details")}}
	ref := s.post(at, "k/1", firing)
	again := s.post(at, "k/1", firing)
	if ref.Place != (bot.Place{Network: Network, Channel: forum, Thread: ref.ID}) || ref != again {
		t.Fatalf("refs %+v, %+v", ref, again)
	}
	child := s.post(ref.Place, "k/2", text("in the post"))
	if child.Place != ref.Place || len(s.d.See("bob", forum, ref.ID)) != 2 {
		t.Errorf("child %+v", child)
	}
	before := s.channelJSON(ref.ID)
	firing.Blocks = []bot.Block{bot.Textf("other details")}
	s.edit(ref, firing)
	if n := s.calls("PATCH /channels/{channel}"); n != 0 {
		t.Errorf("%d changes of the thread, where nothing changed", n)
	}
	done := bot.Message{Title: "Resolved: orders", Tone: bot.Good, State: "resolved", Closed: true}
	s.edit(ref, done)
	after := s.channelJSON(ref.ID)
	if before.Name != "Firing: orders" || len(before.Tags) != 1 || after.Name != "Resolved: orders" || !after.Metadata.Archived || slices.Equal(before.Tags, after.Tags) {
		t.Errorf("before %+v, after %+v", before, after)
	}
	firing.Title = "Firing again: orders"
	s.edit(ref, firing)
	if c := s.channelJSON(ref.ID); c.Metadata.Archived || c.Name != "Firing again: orders" || !slices.Equal(c.Tags, before.Tags) {
		t.Errorf("again %+v", c)
	}
	// The answer to a post is lost: no second thread.
	s.d.Fault("POST /channels/{channel}/threads", discordtest.Fault{Lost: true})
	if _, err := s.bot.Post(t.Context(), at, "k/9", text("lost")); err == nil {
		t.Error("no error")
	}
	s.post(at, "k/10", text("another that comes between"))
	s.post(at, "k/9", text("lost"))
	if n := len(s.d.See("ann", forum, "")); n != 3 {
		t.Errorf("%d posts", n)
	}
}

func TestForumTagsChange(t *testing.T) {
	s := newServer(t, ModeGateway, discordtest.Options{NoLimits: true})
	forum := s.d.ForumChannel("alerts", "other", "firing")
	at := bot.Place{Network: Network, Channel: forum}
	s.d.ChangeChannel(forum, func(c *discordtest.ChannelState) { c.RequireTag = true })
	ref := s.post(at, "k/1", bot.Message{Title: "no state"})
	if got := s.channelJSON(ref.ID); len(got.Tags) != 1 || got.Name != "no state" {
		t.Errorf("got %+v", got)
	}
	s.d.Fault("POST /channels/{channel}/threads", discordtest.Fault{Status: 404, Code: codeUnknownTag})
	m := bot.Message{Title: "x", State: "firing"}
	_, err := s.bot.Post(t.Context(), at, "k/2", m)
	if se := new(bot.SendError); !errors.As(err, &se) || se.After <= 0 || se.Gone {
		t.Errorf("got %v", err)
	}
	s.post(at, "k/2", m)
}

// TestMentions: only those that the configuration names are notified.
func TestMentions(t *testing.T) {
	s := newServer(t, ModeGateway, discordtest.Options{NoLimits: true})
	bob, oncall := s.d.User("bob"), s.d.Role("oncall")
	ref := s.post(s.place(), "k/1", bot.Message{Title: "Firing", Blocks: []bot.Block{
		bot.Text{Spans: []bot.Span{{Text: "@here <@" + bob + "> "}, {Text: "bob", Mention: "user:" + bob}}},
		bot.Fields{{Name: "Owner", Value: bot.Text{Spans: []bot.Span{{Text: "on call", Mention: "group:" + oncall}}}}},
	}})
	for _, m := range s.d.See("ann", s.channel, "") {
		if want := []string{"mention <@" + bob + ">", "mention <@&" + oncall + ">"}; m.ID == ref.ID && !slices.Equal(m.Live, want) {
			t.Errorf("live %q in %s", m.Live, m.JSON)
		}
	}
}

// TestThreadFollowsItsMatter: the thread under a message that has a state is retitled, put away, and taken out again.
func TestThreadFollowsItsMatter(t *testing.T) {
	s := newServer(t, ModeGateway, discordtest.Options{NoLimits: true})
	m := func(state, title string, tone bot.Tone) bot.Message {
		return bot.Message{Title: title, State: state, Tone: tone, Closed: state == "resolved", Stated: true}
	}
	root := s.post(s.place(), "k/1", m("firing", "Firing: orders", bot.Bad))
	s.edit(root, m("firing", "Firing: orders, payments", bot.Bad)) // there is no thread yet
	at := root.Place
	at.Thread = root.ID
	s.post(at, "k/2", text("first word"))
	if got := s.read("bob", ""); len(got) != 1 || !strings.HasPrefix(got[0].Text, "🔴 Firing: orders") {
		t.Errorf("channel %+v", got)
	}
	for _, step := range []struct {
		m        bot.Message
		archived bool
	}{
		{m("firing", "Firing: orders, payments", bot.Bad), false},
		{m("resolved", "Resolved: orders", bot.Good), true},
		{m("resolved", "Resolved: orders (2)", bot.Good), true},
		{m("firing", "Firing: orders", bot.Bad), false},
	} {
		s.edit(root, step.m)
		if c := s.channelJSON(root.ID); c.Name != step.m.Title || c.Metadata.Archived != step.archived {
			t.Errorf("%s: thread %+v", step.m.Title, c)
		}
	}
	// What fails for now is tried again, and the message alone waits for it.
	s.d.Fault("PATCH /channels/{channel}", discordtest.Fault{Status: 429, RetryAfter: 300 * time.Millisecond, Scope: "user"})
	done := m("resolved", "Resolved: orders", bot.Good)
	se := new(bot.SendError)
	if err := s.bot.Edit(t.Context(), root, done); !errors.As(err, &se) || !se.Alone || se.After <= 0 {
		t.Errorf("edit: %v", err)
	}
	s.edit(root, done)
	if c := s.channelJSON(root.ID); c.Name != done.Title || !c.Metadata.Archived {
		t.Errorf("at last: %+v", c)
	}
}
