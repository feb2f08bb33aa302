package slacktest

import "slices"

// pressed is a button that a person found.
type pressed struct {
	block   object
	element object
	option  object // of an overflow menu
	attach  int    // of which attachment, from 1; 0: of the message itself
	unfurl  string // the link whose card bears it
}

// Click is a person pressing the newest button with a label that they see in a channel, in its threads, among the words
// for them alone, or in an overflow menu. The channel "home" is their home tab, "view" the open modal. What a button
// asks before is confirmed.
func (s *Slack) Click(user, channel, label string) error {
	if channel == "home" || channel == "view" {
		return s.clickView(user, channel, label)
	}
	return s.click(user, channel, label, func(*message) bool { return true })
}

// ClickIn is Click on the buttons of a thread, its root among them; an empty thread means the channel without threads.
func (s *Slack) ClickIn(user, channel, thread, label string) error {
	return s.click(user, channel, label, func(m *message) bool {
		if thread == "" {
			return m.thread == "" || m.thread == m.ts || m.broadcast
		}
		return m.thread == thread || m.ts == thread
	})
}

// ClickOn is Click on one message.
func (s *Slack) ClickOn(user, channel, ts, label string) error {
	return s.click(user, channel, label, func(m *message) bool { return m.ts == ts })
}

func (s *Slack) click(user, channel, label string, among func(*message) bool) error {
	s.mu.Lock()
	c := s.channels[channel]
	if c == nil {
		s.mu.Unlock()
		return nobody("channel " + channel)
	}
	for _, m := range slices.Backward(c.messages) {
		if m.only != "" && m.only != user || !among(m) {
			continue
		}
		if b, ok := m.button(label); ok {
			p := clone(s.messagePress(user, c, m, b)).(object)
			s.mu.Unlock()
			return s.interact(p)
		}
	}
	s.mu.Unlock()
	return nobody("button " + label + " in " + channel)
}

// Hold is a person with a button of a message before their eyes. They press it with the function that is returned, whatever has
// become of the message meanwhile: their client has not heard of that.
func (s *Slack) Hold(user, channel, ts, label string) (press func() error, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[channel]
	if c == nil {
		return nil, nobody("channel " + channel)
	}
	for _, m := range c.messages {
		b, ok := m.button(label)
		if m.ts != ts || !ok {
			continue
		}
		b.block, b.element = clone(b.block).(object), clone(b.element).(object)
		return func() error {
			s.mu.Lock()
			p := clone(s.messagePress(user, c, m, b)).(object)
			s.mu.Unlock()
			return s.interact(p)
		}, nil
	}
	return nil, nobody("button " + label + " in " + channel)
}

// button finds a button of a message by its label.
func (m *message) button(label string) (pressed, bool) {
	if b, ok := buttonIn(m.blocks, label); ok {
		return b, true
	}
	for i, a := range m.attachments {
		if b, ok := buttonIn(list(a, "blocks"), label); ok {
			b.attach = i + 1
			return b, true
		}
	}
	for i, u := range sortedKeys(m.unfurls) {
		if b, ok := buttonIn(list(m.unfurls[u], "blocks"), label); ok {
			b.attach, b.unfurl = len(m.attachments)+i+1, u
			return b, true
		}
	}
	return pressed{}, false
}

func buttonIn(blocks []any, label string) (pressed, bool) {
	for _, b := range blocks {
		block, ok := b.(object)
		if !ok {
			continue
		}
		for _, e := range append(slices.Clone(list(block, "elements")), block["accessory"]) {
			el, ok := e.(object)
			if !ok {
				continue
			}
			switch text(el, "type") {
			case "button":
				if text(el, "text", "text") == label {
					return pressed{block: block, element: el}, true
				}
			case "overflow":
				for _, o := range list(el, "options") {
					if opt, ok := o.(object); ok && text(opt, "text", "text") == label {
						return pressed{block: block, element: el, option: opt}, true
					}
				}
			}
		}
	}
	return pressed{}, false
}

// action is the pressed element as the payload tells it.
func (b pressed) action(ts string) object {
	a := object{"type": b.element["type"], "action_id": b.element["action_id"], "block_id": b.block["block_id"], "action_ts": ts}
	for _, key := range []string{"value", "style", "text", "url", "confirm"} {
		if v := b.element[key]; v != nil {
			a[key] = v
		}
	}
	if b.option != nil {
		a["selected_option"] = b.option
	}
	return a
}

func (s *Slack) messagePress(user string, c *channel, m *message, b pressed) object {
	p := s.interaction("block_actions", user)
	box := object{"type": "message", "message_ts": m.ts, "channel_id": c.id, "is_ephemeral": m.only != ""}
	if b.attach > 0 {
		box["type"], box["attachment_id"], box["is_app_unfurl"] = "message_attachment", b.attach, b.unfurl != ""
	}
	if b.unfurl != "" {
		box["app_unfurl_url"] = b.unfurl
		p["app_unfurl"] = object{"id": b.attach, "fallback": "card", "bot_id": botID, "app_unfurl_url": b.unfurl, "is_app_unfurl": true, "app_id": appID}
	}
	if m.thread != "" {
		box["thread_ts"] = m.thread
	}
	p["container"], p["trigger_id"], p["channel"] = box, s.newTrigger(user, nil), object{"id": c.id, "name": c.shownName()}
	p["response_url"], p["actions"] = s.newHook(c, user, m), []any{b.action(s.ts())}
	p["state"] = object{"values": object{}}
	if m.only == "" {
		p["message"] = s.messageJSON(c, m, false)
	}
	return p
}

// clickView presses a button of a home or a modal: such a press has a view and neither a channel nor a response URL.
func (s *Slack) clickView(user, where, label string) error {
	s.mu.Lock()
	v := s.homes[user]
	if stack := s.stacks[user]; where == "view" {
		v = nil
		if len(stack) > 0 {
			v = stack[len(stack)-1]
		}
	}
	if v == nil {
		s.mu.Unlock()
		return nobody(where + " of " + user)
	}
	b, ok := buttonIn(list(v.body, "blocks"), label)
	if !ok {
		s.mu.Unlock()
		return nobody("button " + label + " in the " + where)
	}
	p := s.interaction("block_actions", user)
	over := v
	if where == "home" {
		over = nil
	}
	p["container"], p["trigger_id"] = object{"type": "view", "view_id": v.id}, s.newTrigger(user, over)
	p["view"], p["actions"] = s.viewJSON(v), []any{b.action(s.ts())}
	p = clone(p).(object)
	s.mu.Unlock()
	return s.interact(p)
}
