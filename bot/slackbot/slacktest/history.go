package slacktest

import (
	"slices"
	"strconv"
	"strings"
)

// micros is a ts in microseconds; 0 when it is none.
func micros(ts string) int64 {
	sec, frac, _ := strings.Cut(ts, ".")
	n, err := strconv.ParseInt(sec+(frac + "000000")[:6], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// between cuts messages by the arguments oldest, latest and inclusive.
func between(all []*message, p params) []*message {
	oldest, latest := micros(p.text("oldest")), micros(p.text("latest"))
	return slices.DeleteFunc(slices.Clone(all), func(m *message) bool {
		at := micros(m.ts)
		edge := p.is("inclusive") && (at == oldest || at == latest)
		return !edge && (oldest > 0 && at <= oldest || latest > 0 && at >= latest)
	})
}

// readable is a channel whose messages drey may read.
func (s *Slack) readable(id string) (*channel, *refusal) {
	c, bad := s.visible(id)
	if bad == nil && c.NotIn {
		bad = refuse("not_in_channel")
	}
	return c, bad
}

// history is the channel's roots and what was broadcast, newest first.
func (s *Slack) history(p params) (object, *refusal) {
	c, bad := s.readable(p.text("channel"))
	if bad != nil {
		return nil, bad
	}
	var shown []*message
	for _, m := range c.messages {
		if m.only == "" && (m.thread == "" || m.thread == m.ts || m.broadcast) {
			shown = append(shown, m)
		}
	}
	shown = between(shown, p)
	slices.Reverse(shown)
	return s.messagePage(c, shown, p)
}

// replies is a thread, the root first, oldest first.
func (s *Slack) replies(p params) (object, *refusal) {
	c, bad := s.readable(p.text("channel"))
	if bad != nil {
		return nil, bad
	}
	root := c.find(p.text("ts"))
	if root == nil {
		return nil, refuse("thread_not_found")
	}
	return s.messagePage(c, append([]*message{root}, between(c.repliesTo(root), p)...), p)
}

func (s *Slack) messagePage(c *channel, shown []*message, p params) (object, *refusal) {
	all := make([]any, len(shown))
	for i, m := range shown {
		all[i] = s.messageJSON(c, m, p.is("include_all_metadata"))
	}
	page, next, bad := paged(all, p, 100)
	if bad != nil {
		return nil, bad
	}
	return object{"messages": page, "has_more": next != "", "response_metadata": object{"next_cursor": next}}, nil
}
