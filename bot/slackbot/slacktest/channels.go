package slacktest

import (
	"slices"
	"strconv"
	"strings"
)

// ChannelState is what a test may change about a channel.
type ChannelState struct {
	Name     string
	Archived bool
	NotIn    bool     // drey is no member
	Private  bool     // only members know that it is there
	Absent   []string // users that are no members; everybody else is one
}

type channel struct {
	ChannelState
	id       string
	with     string     // the user of a direct message
	messages []*message // in the order of their ts, ephemerals among them
}

// Channel returns the id of a public channel with drey and everybody in it. It is made when it is missing: "ops" is C0OPS.
func (s *Slack) Channel(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := "C0" + idOf(name)
	if s.channels[id] == nil {
		s.channels[id] = &channel{ChannelState: ChannelState{Name: name}, id: id}
	}
	return id
}

// ChangeChannel changes a channel; the id stays. fn must not call the Slack.
func (s *Slack) ChangeChannel(id string, fn func(c *ChannelState)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.channels[id]; c != nil {
		fn(&c.ChannelState)
	}
}

// idOf is the part of an id that is made from a name.
func idOf(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, name)
}

// direct is the channel of the direct messages of drey and a user.
func (s *Slack) direct(user string) *channel {
	id := "D" + strings.TrimPrefix(user, "U")
	if s.channels[id] == nil {
		s.channels[id] = &channel{ChannelState: ChannelState{Name: "directmessage"}, id: id, with: user}
	}
	return s.channels[id]
}

// visible is a channel that drey can know of.
func (s *Slack) visible(id string) (*channel, *refusal) {
	c := s.channels[id]
	if c == nil || c.Private && c.NotIn {
		return nil, refuse("channel_not_found")
	}
	return c, nil
}

func (c *channel) find(ts string) *message {
	for _, m := range c.messages {
		if m.ts == ts && m.only == "" {
			return m
		}
	}
	return nil
}

func (c *channel) remove(m *message) {
	c.messages = slices.DeleteFunc(c.messages, func(x *message) bool { return x == m })
}

// kind is the type of a channel as conversations.list names it.
func (c *channel) kind() string {
	switch {
	case c.with != "":
		return "im"
	case c.Private:
		return "private_channel"
	}
	return "public_channel"
}

func (c *channel) json() object {
	if c.with != "" {
		return object{"id": c.id, "created": 1700000000, "is_archived": false, "is_im": true, "is_org_shared": false, "user": c.with, "is_user_deleted": false, "priority": 0}
	}
	return object{
		"id": c.id, "name": c.Name, "name_normalized": c.Name, "is_channel": !c.Private, "is_group": c.Private, "is_im": false, "is_mpim": false,
		"created": 1700000000, "is_archived": c.Archived, "is_general": false, "unlinked": 0, "is_shared": false, "creator": "U0ADMIN",
		"is_ext_shared": false, "is_org_shared": false, "shared_team_ids": []any{teamID}, "pending_shared": []any{}, "is_pending_ext_shared": false,
		"is_member": !c.NotIn, "is_private": c.Private, "topic": object{"value": "", "creator": "", "last_set": 0},
		"purpose": object{"value": "", "creator": "", "last_set": 0}, "previous_names": []any{}, "num_members": 2,
	}
}

func (s *Slack) conversationsInfo(p params) (object, *refusal) {
	c, bad := s.visible(p.text("channel"))
	if bad != nil {
		return nil, bad
	}
	return object{"channel": c.json()}, nil
}

func (s *Slack) conversationsMembers(p params) (object, *refusal) {
	c, bad := s.visible(p.text("channel"))
	if bad != nil {
		return nil, bad
	}
	var all []any
	for _, id := range s.people.order {
		if !slices.Contains(c.Absent, id) && (c.with == "" || c.with == id) {
			all = append(all, id)
		}
	}
	if !c.NotIn {
		all = append(all, botUser)
	}
	page, next, bad := paged(all, p, 100)
	if bad != nil {
		return nil, bad
	}
	return object{"members": page, "response_metadata": object{"next_cursor": next}}, nil
}

func (s *Slack) conversationsList(p params) (object, *refusal) {
	types := strings.Split(p.text("types"), ",")
	if p.text("types") == "" {
		types = []string{"public_channel"}
	}
	var all []any
	for _, id := range sortedKeys(s.channels) {
		c := s.channels[id]
		if !slices.Contains(types, c.kind()) || c.Private && c.NotIn || c.Archived && p.is("exclude_archived") {
			continue
		}
		all = append(all, c.json())
	}
	page, next, bad := paged(all, p, 100)
	if bad != nil {
		return nil, bad
	}
	return object{"channels": page, "response_metadata": object{"next_cursor": next}}, nil
}

func (s *Slack) conversationsJoin(p params) (object, *refusal) {
	c, bad := s.visible(p.text("channel"))
	switch {
	case bad != nil:
		return nil, bad
	case c.Archived:
		return nil, refuse("is_archived")
	case c.with != "" || c.Private:
		return nil, refuse("method_not_supported_for_channel_type")
	}
	c.NotIn = false
	return object{"channel": c.json()}, nil
}

func (s *Slack) conversationsOpen(p params) (object, *refusal) {
	users := p.text("users")
	switch u := s.people.users[users]; {
	case users == "":
		return nil, wrong("users_list_not_supplied")
	case strings.Contains(users, ","):
		return nil, wrong("not_enough_users", "the fake opens direct messages with one person alone")
	case u == nil:
		return nil, refuse("user_not_found")
	case u.Deleted:
		return nil, refuse("user_disabled")
	}
	c := s.direct(users)
	return object{"channel": object{"id": c.id}, "no_op": false, "already_open": false}, nil
}

// paged cuts a list by cursor and limit; a limit that is left out is usual.
func paged(all []any, p params, usual int) (page []any, next string, bad *refusal) {
	from, limit := 0, usual
	if c := p.text("cursor"); c != "" {
		n, err := strconv.Atoi(strings.TrimPrefix(c, "page:"))
		if err != nil || n < 0 || n > len(all) {
			return nil, "", refuse("invalid_cursor")
		}
		from = n
	}
	if l := p.text("limit"); l != "" && l != "0" {
		n, err := strconv.Atoi(l)
		if err != nil || n < 1 || n > 1000 {
			return nil, "", wrong("invalid_limit")
		}
		limit = n
	}
	to := min(len(all), from+limit)
	if to < len(all) {
		next = "page:" + strconv.Itoa(to)
	}
	return append([]any{}, all[from:to]...), next, nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
