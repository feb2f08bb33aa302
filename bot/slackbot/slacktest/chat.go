package slacktest

import (
	"fmt"
	"unicode/utf8"
)

// message is one in a channel.
type message struct {
	ts, thread  string // thread is the root's ts, also of the root once it has replies
	user        string // its author
	only        string // of an ephemeral: the person who sees it
	text        string
	blocks      []any
	attachments []any
	metadata    any
	files       []*file
	broadcast   bool
	edited      string
	unfurls     map[string]any // by URL
	plain       bool           // mrkdwn is off for the text
}

// json is the message as the Web API and interactions show it.
func (s *Slack) messageJSON(c *channel, m *message, metadata bool) object {
	o := object{"type": "message", "ts": m.ts, "user": m.user, "text": m.text, "team": teamID}
	if m.user == botUser {
		o["bot_id"], o["app_id"] = botID, appID
		o["bot_profile"] = object{"id": botID, "deleted": false, "name": "drey", "updated": 1, "app_id": appID, "team_id": teamID, "icons": object{}}
	}
	if len(m.blocks) > 0 {
		o["blocks"] = m.blocks
	}
	if len(m.attachments) > 0 {
		o["attachments"] = m.attachments
	}
	if m.thread != "" {
		o["thread_ts"] = m.thread
	}
	if m.broadcast {
		o["subtype"] = "thread_broadcast"
	}
	if m.edited != "" {
		o["edited"] = object{"user": m.user, "ts": m.edited}
	}
	if metadata && m.metadata != nil {
		o["metadata"] = m.metadata
	}
	var files []any
	for _, f := range m.files {
		files = append(files, s.fileJSON(f))
	}
	if files != nil {
		o["files"] = files
	}
	if n := len(c.repliesTo(m)); n > 0 && m.thread == m.ts {
		o["reply_count"] = n
	}
	return o
}

// repliesTo are the messages in the thread of a root, without the root.
func (c *channel) repliesTo(root *message) []*message {
	var out []*message
	for _, m := range c.messages {
		if m.thread == root.ts && m != root && m.only == "" {
			out = append(out, m)
		}
	}
	return out
}

const (
	textMax   = 40_000 // longer is cut
	updateMax = 4000   // of chat.update: longer is refused
)

// compose makes a message of the arguments that all posting methods share, and judges it.
func (s *Slack) compose(method string, p params) (*message, *refusal) {
	blocks, ok1 := p.items("blocks")
	attachments, ok2 := p.items("attachments")
	metadata, ok3 := p.value("metadata")
	if !ok1 || !ok2 {
		return nil, wrong("invalid_blocks_format")
	}
	if !ok3 {
		return nil, wrong("metadata_must_be_sent_from_app", "metadata is no JSON")
	}
	m := &message{text: p.text("text"), blocks: blocks, attachments: attachments, metadata: metadata, user: botUser, plain: p.text("mrkdwn") == "false"}
	if bad := s.judge.message(s, m); bad != nil {
		return nil, bad
	}
	switch {
	case m.text == "" && len(blocks) == 0 && len(attachments) == 0:
		return nil, wrong("no_text")
	case m.text == "":
		s.violateLocked("%s: no text beside the blocks: screen readers and notifications have nothing to say", method)
	case method == "chat.update" && utf8.RuneCountInString(m.text) > updateMax:
		return nil, wrong("msg_too_long")
	case utf8.RuneCountInString(m.text) > textMax:
		s.violateLocked("%s: text of %d characters is cut", method, utf8.RuneCountInString(m.text))
		m.text = string([]rune(m.text)[:textMax])
	}
	for _, key := range []string{"as_user", "link_names"} {
		if p.is(key) {
			s.violateLocked("%s: %s is set", method, key)
		}
	}
	if parse := p.text("parse"); parse != "" && parse != "none" {
		s.violateLocked("%s: parse is %q: outside text would become links and mentions", method, parse)
	}
	m.blocks, m.attachments = s.identifiedList(m.blocks), s.identifiedList(m.attachments)
	return m, nil
}

// postable is a channel that drey may post to.
func (s *Slack) postable(id string) (*channel, *refusal) {
	c, bad := s.visible(id)
	switch {
	case id == "":
		return nil, wrong("channel_not_found", "channel is missing")
	case bad != nil && s.people.users[id] != nil:
		return s.direct(id), nil // a user's id stands for the direct message
	case bad != nil:
		return nil, bad
	case c.Archived:
		return nil, refuse("is_archived")
	}
	return c, nil
}

func (s *Slack) granted(scope string) bool {
	for _, x := range s.scopes {
		if x == scope {
			return true
		}
	}
	return false
}

func (s *Slack) postMessage(p params) (object, *refusal) {
	c, bad := s.postable(p.text("channel"))
	if bad != nil {
		return nil, bad
	}
	if c.NotIn && (c.Private || !s.granted("chat:write.public")) {
		return nil, refuse("not_in_channel")
	}
	m, bad := s.compose("chat.postMessage", p)
	if bad != nil {
		return nil, bad
	}
	if p.text("unfurl_links") != "false" {
		s.violateLocked("chat.postMessage: unfurl_links is not false: links in outside text would be fetched and shown")
	}
	if thread := p.text("thread_ts"); thread != "" {
		root := c.find(thread)
		if root == nil {
			return nil, refuse("thread_not_found")
		}
		if root.thread != "" && root.thread != root.ts {
			return nil, wrong("cannot_reply_to_message", "thread_ts is a reply, not a root")
		}
		root.thread, m.thread, m.broadcast = root.ts, root.ts, p.is("reply_broadcast")
	} else if p.is("reply_broadcast") {
		s.violateLocked("chat.postMessage: reply_broadcast outside of a thread")
	}
	m.ts = s.ts()
	c.messages = append(c.messages, m)
	return object{"channel": c.id, "ts": m.ts, "message": s.messageJSON(c, m, true)}, nil
}

func (s *Slack) postEphemeral(p params) (object, *refusal) {
	c, bad := s.postable(p.text("channel"))
	if bad != nil {
		return nil, bad
	}
	user := p.text("user")
	switch {
	case s.people.users[user] == nil:
		return nil, refuse("user_not_found")
	case c.NotIn:
		return nil, refuse("not_in_channel")
	case contains(c.Absent, user) || c.with != "" && c.with != user:
		return nil, refuse("user_not_in_channel")
	}
	m, bad := s.compose("chat.postEphemeral", p)
	if bad != nil {
		return nil, bad
	}
	if thread := p.text("thread_ts"); thread != "" {
		if c.find(thread) == nil {
			return nil, refuse("thread_not_found")
		}
		m.thread = thread
	}
	m.ts, m.only = s.ts(), user
	c.messages = append(c.messages, m)
	return object{"message_ts": m.ts}, nil
}

func contains(l []string, x string) bool {
	for _, y := range l {
		if x == y {
			return true
		}
	}
	return false
}

// own is a message of drey's that can be changed.
func (s *Slack) own(p params, foreign string) (*channel, *message, *refusal) {
	c, bad := s.visible(p.text("channel"))
	if bad != nil {
		return nil, nil, bad
	}
	m := c.find(p.text("ts"))
	switch {
	case c.Archived:
		return nil, nil, refuse("is_archived")
	case m == nil:
		return nil, nil, refuse("message_not_found")
	case m.user != botUser:
		return nil, nil, refuse(foreign)
	}
	return c, m, nil
}

func (s *Slack) update(p params) (object, *refusal) {
	c, m, bad := s.own(p, "cant_update_message")
	if bad != nil {
		return nil, bad
	}
	next, bad := s.compose("chat.update", p)
	if bad != nil {
		return nil, bad
	}
	m.text, m.blocks, m.plain = next.text, next.blocks, next.plain // text without blocks takes the blocks away
	if len(next.blocks) == 0 {
		m.edited = s.ts() // clients say "edited" of plain text alone
	}
	if _, sent := p["attachments"]; sent {
		m.attachments = next.attachments // what is not sent stays
	}
	if next.metadata != nil {
		m.metadata = next.metadata
	}
	if p.is("reply_broadcast") && m.thread != "" {
		m.broadcast = true
	}
	return object{"channel": c.id, "ts": m.ts, "text": m.text, "message": s.messageJSON(c, m, true)}, nil
}

func (s *Slack) deleteMessage(p params) (object, *refusal) {
	c, m, bad := s.own(p, "cant_delete_message")
	if bad != nil {
		return nil, bad
	}
	c.remove(m)
	return object{"channel": c.id, "ts": m.ts}, nil
}

// Delete is a person deleting a message.
func (s *Slack) Delete(channel, ts string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.channels[channel]; c != nil {
		if m := c.find(ts); m != nil {
			c.remove(m)
		}
	}
}

func (s *Slack) permalink(p params) (object, *refusal) {
	c, bad := s.visible(p.text("channel"))
	if bad != nil {
		return nil, bad
	}
	m := c.find(p.text("message_ts"))
	if m == nil {
		return nil, refuse("message_not_found")
	}
	link := fmt.Sprintf("https://team.slack.example/archives/%s/p%s%s", c.id, m.ts[:len(m.ts)-7], m.ts[len(m.ts)-6:])
	if m.thread != "" && m.thread != m.ts {
		link += "?thread_ts=" + m.thread + "&cid=" + c.id
	}
	return object{"channel": c.id, "permalink": link}, nil
}
