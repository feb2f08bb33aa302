package slacktest

import (
	"net/http"
	"net/url"
	"strings"
)

// event sends an event and waits for its acknowledgement.
func (s *Slack) event(e object) error {
	s.mu.Lock()
	payload := object{
		"token": verification, "team_id": teamID, "context_team_id": teamID, "context_enterprise_id": nil, "api_app_id": appID, "event": clone(e), "type": "event_callback",
		"event_id": s.id("Ev"), "event_time": s.o.Now().Unix(),
		"authorizations": []any{object{
			"enterprise_id": nil, "team_id": teamID, "user_id": botUser, "is_bot": true, "is_enterprise_install": false,
		}},
		"is_ext_shared_channel": false, "event_context": "4-eyJldCI6ImFwcF9tZW50aW9uIn0",
	}
	s.mu.Unlock()
	ack, err := s.send(&delivery{path: pathEvents, kind: "events_api", payload: payload})
	if err == nil && ack.Status != http.StatusOK {
		return errNobody
	}
	return err
}

// say puts a person's message into a channel and makes the frame of its event.
func (s *Slack) say(c *channel, user, thread, typed string, ups []FileUpload) (*message, object) {
	m := &message{ts: s.ts(), user: user, text: s.written(typed), files: s.bring(user, ups)}
	m.blocks = []any{object{"type": "rich_text", "block_id": s.id("b"), "elements": s.rich(typed)}}
	if thread != "" {
		m.thread = thread
		if root := c.find(thread); root != nil {
			root.thread = root.ts
		}
	}
	c.messages = append(c.messages, m)
	e := s.messageJSON(c, m, false)
	e["client_msg_id"], e["channel"], e["event_ts"] = s.id("client-"), c.id, m.ts
	if len(m.files) > 0 {
		e["subtype"], e["upload"] = "file_share", false
	}
	return m, e
}

// Mention is a person speaking to drey in a channel, or in the thread of a root. "@drey" is put in front unless it is
// there as <@ID>. Code fences become what the client makes of them.
func (s *Slack) Mention(user, channel, thread, text string, files ...FileUpload) error {
	s.mu.Lock()
	c := s.channels[channel]
	if c == nil || c.NotIn || c.Archived {
		s.mu.Unlock()
		return nobody("channel " + channel + " with drey in it")
	}
	if !strings.Contains(text, "<@"+botUser+">") {
		text = "<@" + botUser + "> " + text
	}
	_, e := s.say(c, user, thread, text, files)
	e["type"] = "app_mention"
	delete(e, "subtype")
	s.mu.Unlock()
	return s.event(e)
}

// DM is a person writing to drey alone.
func (s *Slack) DM(user, text string, files ...FileUpload) error {
	s.mu.Lock()
	c := s.direct(user)
	_, e := s.say(c, user, "", text, files)
	e["channel_type"] = "im"
	s.mu.Unlock()
	return s.event(e)
}

// Echo sends the event that Slack sends of drey's own message in a direct channel, as of anybody's.
func (s *Slack) Echo(channel, ts string) error {
	s.mu.Lock()
	c := s.channels[channel]
	var m *message
	if c != nil {
		m = c.find(ts)
	}
	if m == nil {
		s.mu.Unlock()
		return nobody("message " + ts + " in " + channel)
	}
	e := s.messageJSON(c, m, false)
	e["channel"], e["channel_type"], e["event_ts"] = c.id, "im", m.ts
	s.mu.Unlock()
	return s.event(e)
}

// DirectChannel is the id of the direct messages of drey and a user.
func (s *Slack) DirectChannel(user string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.direct(user).id
}

// Say is a person's message that drey hears nothing of; it returns the ts.
func (s *Slack) Say(user, channel, thread, text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[channel]
	if c == nil {
		return ""
	}
	m, _ := s.say(c, user, thread, text, nil)
	return m.ts
}

// OpenHome is a person opening drey's home tab.
func (s *Slack) OpenHome(user string) error {
	s.mu.Lock()
	e := object{"type": "app_home_opened", "user": user, "channel": s.direct(user).id, "tab": "home", "event_ts": s.ts()}
	if v := s.homes[user]; v != nil {
		e["view"] = s.viewJSON(v)
	}
	s.mu.Unlock()
	return s.event(e)
}

// ShareLink is a person posting a link that drey may show with a card.
func (s *Slack) ShareLink(user, channel, link string) (ts string, err error) {
	s.mu.Lock()
	c := s.channels[channel]
	if c == nil {
		s.mu.Unlock()
		return "", nobody("channel " + channel)
	}
	m, _ := s.say(c, user, "", link, nil)
	host := ""
	if u, err := url.Parse(link); err == nil {
		host = u.Hostname()
	}
	e := object{
		"type": "link_shared", "user": user, "channel": c.id, "message_ts": m.ts, "unfurl_id": c.id + "." + m.ts, "source": "conversations_history",
		"is_bot_user_member": !c.NotIn, "links": []any{object{"url": escape(link), "domain": host}}, "event_ts": s.ts(),
	}
	s.mu.Unlock()
	return m.ts, s.event(e)
}
