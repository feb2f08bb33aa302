package slacktest

import "strings"

func (s *Slack) unfurl(p params) (object, *refusal) {
	channel, ts := p.text("channel"), p.text("ts")
	if id := p.text("unfurl_id"); id != "" {
		if p.text("source") == "" {
			return nil, wrong("invalid_arguments", "unfurl_id without source")
		}
		channel, ts, _ = strings.Cut(id, ".")
	}
	c, bad := s.visible(channel)
	if bad != nil {
		return nil, refuse("cannot_find_channel")
	}
	m := c.find(ts)
	if m == nil {
		return nil, refuse("cannot_find_message")
	}
	v, ok := p.value("unfurls")
	cards, is := v.(object)
	if !ok || v != nil && !is {
		return nil, wrong("invalid_unfurls_format")
	}
	if len(cards) == 0 {
		return nil, wrong("missing_unfurls")
	}
	for u, card := range cards {
		if !strings.Contains(unescape(m.text), unescape(u)) {
			return nil, wrong("cannot_unfurl_url", u)
		}
		if bad := s.judge.message(s, &message{attachments: []any{card}}); bad != nil {
			bad.code = "invalid_unfurls_format"
			return nil, bad
		}
	}
	m.unfurls = object{}
	for u, card := range cards {
		m.unfurls[u] = s.identified(card)
	}
	return nil, nil
}

// Unfurl is the card of a link as people see it under a message.
func (s *Slack) Unfurl(channel, ts, url string) (Seen, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[channel]
	if c == nil {
		return Seen{}, false
	}
	m := c.find(ts)
	if m == nil {
		return Seen{}, false
	}
	for u, card := range m.unfurls {
		if unescape(u) == url {
			return s.look(&message{ts: ts, user: botUser, attachments: []any{card}}), true
		}
	}
	return Seen{}, false
}
