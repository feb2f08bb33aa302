package slacktest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// The gestures are a person's. They return once drey has acknowledged, with an error when it did not within 3 s or did
// so with a wrong status; or when a client would not have let the person do it.

var (
	typedName = regexp.MustCompile(`(^|\s)([@#])([A-Za-z0-9._-]+)`)
	typedLink = regexp.MustCompile(`https?://[^\s<>]+`)
)

// escaped is a typed line as a command with should_escape gets it: names and links in angle brackets.
func (s *Slack) escaped(line string) string {
	line = typedLink.ReplaceAllString(escape(line), "<$0>")
	return typedName.ReplaceAllStringFunc(line, func(m string) string {
		p := typedName.FindStringSubmatch(m)
		switch id := s.byName(p[2][0], p[3]); {
		case id == "":
			return m
		case strings.HasPrefix(id, "S"):
			return p[1] + "<!subteam^" + id + "|@" + p[3] + ">"
		default:
			return p[1] + "<" + p[2] + id + "|" + p[3] + ">"
		}
	})
}

// Slash is a person typing a slash command in a channel: "/flink jobs prod".
func (s *Slack) Slash(user, channel, line string) (Ack, error) {
	s.mu.Lock()
	c, u := s.channels[channel], s.people.users[user]
	if c == nil || u == nil {
		s.mu.Unlock()
		return Ack{}, nobody("channel " + channel + " or user " + user)
	}
	command, rest, _ := strings.Cut(line, " ")
	h := s.newHook(c, user, nil)
	payload := object{
		"token": verification, "team_id": teamID, "team_domain": "team", "channel_id": c.id, "channel_name": c.shownName(), "user_id": user, "user_name": u.Name,
		"command": command, "text": s.escaped(strings.TrimSpace(rest)), "api_app_id": appID, "is_enterprise_install": "false", "response_url": h,
		"trigger_id": s.newTrigger(user, nil),
	}
	hook := s.hooks[h[strings.LastIndex(h, "/")+1:]]
	s.mu.Unlock()
	ack, err := s.send(&delivery{path: pathCommands, kind: "slash_commands", payload: payload, replies: true})
	if err != nil || len(ack.Body) == 0 {
		return ack, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var p params
	if json.Unmarshal(ack.Body, (*object)(&p)) != nil {
		p = params{"text": string(ack.Body)}
	}
	if bad := s.speak(hook, p); bad != nil {
		s.violateLocked("acknowledgement of %s: %s: %v", command, bad.code, bad.detail)
	}
	return ack, nil
}

func (c *channel) shownName() string {
	if c.Private {
		return "privategroup"
	}
	return c.Name
}

// who is the user of an interaction.
func (s *Slack) who(user string) object {
	team := teamID
	if u := s.people.users[user]; u != nil && u.Stranger {
		team = otherTeam
	}
	return object{"id": user, "username": s.named(user), "name": s.named(user), "team_id": team}
}

// interaction is the frame of every interaction.
func (s *Slack) interaction(kind, user string) object {
	return object{
		"type": kind, "user": s.who(user), "team": object{"id": teamID, "domain": "team"}, "api_app_id": appID, "token": verification,
		"enterprise": nil, "is_enterprise_install": false,
	}
}

// interact sends an interaction whose acknowledgement is empty.
func (s *Slack) interact(payload object) error {
	ack, err := s.send(&delivery{path: pathInteractions, kind: "interactive", payload: payload, replies: true})
	if err == nil && len(strings.TrimSpace(string(ack.Body))) > 0 {
		s.violate("%s was acknowledged with a body, which Slack ignores: %s", payload["type"], shorten(string(ack.Body), 200))
	}
	return err
}

// Shortcut is a person choosing drey's shortcut of this callback id on a message.
func (s *Slack) Shortcut(user, channel, ts, callbackID string) error {
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
	p := s.interaction("message_action", user)
	delete(p, "api_app_id")
	p["callback_id"], p["trigger_id"], p["message_ts"], p["action_ts"] = callbackID, s.newTrigger(user, nil), ts, s.ts()
	p["channel"] = object{"id": c.id, "name": c.shownName()}
	p["response_url"], p["message"] = s.newHook(c, user, nil), s.messageJSON(c, m, false)
	p = clone(p).(object)
	s.mu.Unlock()
	return s.interact(p)
}

// CloseView is a person closing the modal on top.
func (s *Slack) CloseView(user string) error {
	s.mu.Lock()
	stack := s.stacks[user]
	if len(stack) == 0 {
		s.mu.Unlock()
		return nobody("open modal")
	}
	v := stack[len(stack)-1]
	s.stacks[user] = stack[:len(stack)-1]
	clear := v.body["clear_on_close"] == true
	if clear {
		s.stacks[user] = nil
	}
	p := s.interaction("view_closed", user)
	p["view"], p["is_cleared"] = s.viewJSON(v), clear
	p = clone(p).(object)
	notify := v.body["notify_on_close"] == true
	s.mu.Unlock()
	if !notify {
		return nil
	}
	return s.interact(p)
}

// Options is what drey offers in a field of the open modal when a person types value: the values of the options.
func (s *Slack) Options(user, blockID, actionID, value string) ([]string, error) {
	s.mu.Lock()
	v, in, err := s.field(user, blockID, actionID)
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	p := s.interaction("block_suggestion", user)
	p["container"] = object{"type": "view", "view_id": v.id}
	p["action_id"], p["block_id"], p["value"], p["view"] = in.action, in.block, value, s.viewJSON(v)
	p = clone(p).(object)
	s.mu.Unlock()
	ack, err := s.send(&delivery{path: pathOptions, kind: "interactive", payload: p, replies: true})
	if err != nil {
		return nil, err
	}
	var body object
	if err := json.Unmarshal(ack.Body, &body); err != nil {
		s.violate("options of %s: no JSON: %s", in.block, shorten(string(ack.Body), 200))
		return nil, fmt.Errorf("slack: read the options: %w", err)
	}
	all := list(body, "options")
	for _, g := range list(body, "option_groups") {
		all = append(all, list(g, "options")...)
	}
	if msg := sizes(object{"options": all}); msg != "" || len(all) > 100 {
		s.violate("options of %s: %d options: %s", in.block, len(all), msg)
	}
	var values []string
	s.mu.Lock()
	defer s.mu.Unlock()
	if v.offered == nil {
		v.offered = map[string]map[string]any{}
	}
	v.offered[in.block] = map[string]any{in.action: all}
	for _, o := range all {
		values = append(values, text(o, "value"))
	}
	return values, nil
}

// field finds an input of the open modal, or of the home, by ids or by a name.
func (s *Slack) field(user, blockID, actionID string) (*view, input, error) {
	stack := s.stacks[user]
	if len(stack) == 0 {
		return nil, input{}, nobody("open modal")
	}
	v := stack[len(stack)-1]
	for _, in := range v.inputs() {
		if (blockID == "" || in.block == blockID || in.is(blockID)) && (actionID == "" || in.action == actionID || in.is(actionID)) {
			return v, in, nil
		}
	}
	return nil, input{}, nobody("input " + blockID + " " + actionID)
}
