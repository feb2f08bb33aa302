package discordbot

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/discordbot/discordtest"
)

// newOld is a server whose channels take one edit an hour of messages older than an hour; skew moves its clock.
func newOld(t *testing.T) (s *server, skew *atomic.Int64) {
	t.Helper()
	skew = new(atomic.Int64)
	now := func() time.Time { return time.Now().Add(time.Duration(skew.Load())) }
	return newServer(t, ModeGateway, discordtest.Options{NoLimits: true, OldEdits: 1, Now: now}), skew
}

// refused makes an edit that Discord does not take, and returns when it may be tried again.
func (s *server) refused(ref bot.MessageRef, m bot.Message) time.Duration {
	s.t.Helper()
	err := s.bot.Edit(s.t.Context(), ref, m)
	se := new(bot.SendError)
	if !errors.As(err, &se) || !se.Alone || se.After <= 0 || se.Gone || se.Rejected {
		s.t.Fatalf("edit: %v (%+v)", err, se)
	}
	return se.After
}

func incident(title string, tone bot.Tone, count string) bot.Message {
	return bot.Message{Title: title, Tone: tone, Blocks: []bot.Block{
		bot.Fields{{Name: "Alerts", Value: bot.Textf("%s", count)}}, bot.Actions{{ID: strings.Repeat("a", 24), Label: "Ack"}},
	}}
}

// TestOldEdits: what Discord does not let an old message show is told in its thread, once for each state.
func TestOldEdits(t *testing.T) {
	s, skew := newOld(t)
	other, ref := s.post(s.place(), "k/1", text("other")), s.post(s.place(), "k/2", incident("Firing: orders", bot.Bad, "1"))
	skew.Store(int64(2 * time.Hour))
	s.edit(other, text("other, changed"))

	if after := s.refused(ref, incident("Acked: orders", bot.Warn, "1")); after != oldRest {
		t.Errorf("to be tried again after %s", after)
	}
	patches := s.calls("PATCH /channels/{channel}/messages/{message}")
	s.refused(ref, incident("Acked: orders", bot.Warn, "2"))
	thread := s.d.See("bob", s.channel, ref.ID)
	if len(thread) != 1 || !strings.Contains(thread[0].Text, "Acked: orders") || !strings.Contains(thread[0].Text, "earlier state") || len(thread[0].Buttons) != 1 {
		t.Errorf("thread %+v", thread)
	}
	done := incident("Resolved: orders", bot.Good, "0")
	done.Closed = true
	s.refused(ref, done)
	s.refused(ref, done)
	if got := s.read("bob", ref.ID); len(got) != 2 || !strings.Contains(got[1].Text, "Resolved") || !s.channelJSON(ref.ID).Metadata.Archived {
		t.Errorf("thread %+v", got)
	}
	if n := s.calls("PATCH /channels/{channel}/messages/{message}"); n != patches {
		t.Errorf("%d edits were tried though Discord had just refused one", n-patches)
	}

	skew.Store(int64(4 * time.Hour))
	s.edit(ref, done)
	seen := s.read("bob", "")
	if len(seen) != 2 || !strings.Contains(seen[1].Text, "Resolved: orders") || len(s.read("bob", ref.ID)) != 2 {
		t.Errorf("channel %+v", seen)
	}
	s.refused(ref, incident("Acked: orders", bot.Warn, "3"))
	if got := s.read("bob", ref.ID); len(got) != 3 {
		t.Errorf("a state that came back is not told: %+v", got)
	}
}

// TestOldEditsToldOnce: the answer to what was told is lost, and later it cannot be told at all.
func TestOldEditsToldOnce(t *testing.T) {
	s, skew := newOld(t)
	other, ref := s.post(s.place(), "k/1", text("other")), s.post(s.place(), "k/2", text("one"))
	skew.Store(int64(2 * time.Hour))
	s.edit(other, text("other, changed"))
	s.d.Fault("POST /channels/{channel}/messages", discordtest.Fault{Lost: true})
	if err := s.bot.Edit(t.Context(), ref, text("two")); err == nil {
		t.Error("no error")
	}
	s.refused(ref, text("two"))
	if got := s.read("bob", ref.ID); len(got) != 1 {
		t.Errorf("thread %+v", got)
	}
	s.d.ChangeChannel(s.channel, func(c *discordtest.ChannelState) { c.Missing = append(c.Missing, "SEND_MESSAGES_IN_THREADS") })
	s.refused(ref, text("three"))
}

// TestOldEditsInAForum: the title and the tag of a post change though its first message cannot.
func TestOldEditsInAForum(t *testing.T) {
	s, skew := newOld(t)
	at := bot.Place{Network: Network, Channel: s.d.ForumChannel("alerts", "firing", "resolved")}
	m := bot.Message{Title: "Firing: orders", Tone: bot.Bad, State: "firing", Stated: true}
	ref := s.post(at, "k/1", m)
	before := s.channelJSON(ref.ID)
	skew.Store(int64(2 * time.Hour))
	s.edit(ref, m)
	m = bot.Message{Title: "Resolved: orders", Tone: bot.Good, State: "resolved", Closed: true, Stated: true}
	s.refused(ref, m)
	if after := s.channelJSON(ref.ID); after.Name != m.Title || !after.Metadata.Archived || len(after.Tags) != 1 || after.Tags[0] == before.Tags[0] {
		t.Errorf("post %+v", after)
	}
	skew.Store(int64(4 * time.Hour))
	s.edit(ref, m)
	if !s.channelJSON(ref.ID).Metadata.Archived || len(s.d.See("bob", at.Channel, ref.ID)) != 2 {
		t.Errorf("post %+v", s.d.See("bob", at.Channel, ref.ID))
	}
}
