package slacktest

import (
	"fmt"
	"slices"
	"strings"
)

// UserState is what a test may change about a person.
type UserState struct {
	Name, RealName string
	TZ             string // "Europe/Berlin"
	Deleted        bool
	Guest          bool // of several channels
	UltraGuest     bool // of one channel
	Stranger       bool // of another workspace, through a shared channel
	Bot            bool
}

type group struct {
	id, handle string
	users      []string
}

type people struct {
	users  map[string]*UserState
	order  []string
	groups map[string]*group
}

func newPeople() people {
	return people{users: map[string]*UserState{}, groups: map[string]*group{}}
}

// User returns the id of a person, who is made when missing: "olga" is U0OLGA. The functions change them.
func (s *Slack) User(name string, change ...func(*UserState)) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := "U0" + idOf(name)
	u := s.people.users[id]
	if u == nil {
		u = &UserState{Name: name, RealName: name, TZ: "Europe/Berlin"}
		s.people.users[id] = u
		s.people.order = append(s.people.order, id)
	}
	for _, fn := range change {
		fn(u)
	}
	return id
}

// ChangeUser changes a person and sends the event user_change, where drey listens.
func (s *Slack) ChangeUser(id string, fn func(*UserState)) error {
	s.mu.Lock()
	u := s.people.users[id]
	if u == nil {
		s.mu.Unlock()
		return nobody("user " + id)
	}
	fn(u)
	e := object{"type": "user_change", "user": u.json(id), "cache_ts": s.o.Now().Unix(), "event_ts": s.ts()}
	s.mu.Unlock()
	return s.event(e)
}

// Group returns the id of a user group with exactly these members: "ops" is S0OPS. Where that changes it, the events
// subteam_members_changed and subteam_updated are sent, where drey listens.
func (s *Slack) Group(handle string, users ...string) string {
	s.mu.Lock()
	id := "S0" + idOf(handle)
	g, was := s.people.groups[id], []string(nil)
	if g == nil {
		s.people.groups[id] = &group{id: id, handle: handle, users: slices.Clone(users)}
		s.mu.Unlock()
		return id
	}
	was, g.users = g.users, slices.Clone(users)
	added, removed := without(users, was), without(was, users)
	now := s.o.Now().Unix()
	members := object{
		"type": "subteam_members_changed", "subteam_id": id, "team_id": teamID, "date_previous_update": now, "date_update": now,
		"added_users": added, "added_users_count": len(added), "removed_users": removed, "removed_users_count": len(removed), "event_ts": s.ts(),
	}
	updated := object{"type": "subteam_updated", "subteam": g.json(), "event_ts": s.ts()}
	s.mu.Unlock()
	for _, e := range []object{members, updated} {
		if err := s.event(e); err != nil && !s.deaf() {
			s.violate("event %s: %v", e["type"], err)
		}
	}
	return id
}

// without are those of a that are not in b.
func without(a, b []string) []string {
	out := []string{}
	for _, x := range a {
		if !slices.Contains(b, x) {
			out = append(out, x)
		}
	}
	return out
}

// named is what a client shows for a person.
func (s *Slack) named(id string) string {
	if id == botUser {
		return "drey"
	}
	if u := s.people.users[id]; u != nil {
		return u.Name
	}
	return id
}

// inMenu is whom somebody picks in a menu of people, by their id or name. Apps stand in it, drey among them; who was deactivated
// does not.
func (s *Slack) inMenu(who string) (id string, err error) {
	for _, id := range append([]string{botUser}, s.people.order...) {
		if u := s.people.users[id]; (id == who || strings.EqualFold(s.named(id), who)) && (u == nil || !u.Deleted) {
			return id, nil
		}
	}
	return "", fmt.Errorf("the menu of people has no %q", who)
}

func (u *UserState) json(id string) object {
	team := teamID
	if u.Stranger {
		team = otherTeam
	}
	return object{
		"id": id, "team_id": team, "name": u.Name, "deleted": u.Deleted, "color": "9f69e7", "real_name": u.RealName, "tz": u.TZ, "tz_label": u.TZ, "tz_offset": 3600,
		"profile": object{
			"real_name": u.RealName, "real_name_normalized": u.RealName, "display_name": u.Name, "display_name_normalized": u.Name, "team": team,
			"status_text": "", "status_emoji": "", "avatar_hash": "", "image_24": "", "image_48": "",
		},
		"is_admin": false, "is_owner": false, "is_primary_owner": false, "is_restricted": u.Guest || u.UltraGuest, "is_ultra_restricted": u.UltraGuest,
		"is_bot": u.Bot, "is_app_user": false, "is_stranger": u.Stranger, "updated": 1700000000, "has_2fa": false, "is_email_confirmed": true,
	}
}

func (g *group) json() object {
	return object{
		"id": g.id, "team_id": teamID, "is_usergroup": true, "is_subteam": true, "name": g.handle, "description": "", "handle": g.handle, "is_external": false,
		"date_create": 1700000000, "date_update": 1700000000, "date_delete": 0, "auto_provision": false, "enterprise_subteam_id": "",
		"created_by": "U0ADMIN", "updated_by": "U0ADMIN", "prefs": object{"channels": []any{}, "groups": []any{}},
		"users": append([]string{}, g.users...), "user_count": len(g.users), "channel_count": 0,
	}
}

func (s *Slack) usersInfo(p params) (object, *refusal) {
	id := p.text("user")
	if id == botUser {
		return object{"user": (&UserState{Name: "drey", RealName: "drey", Bot: true}).json(id)}, nil
	}
	u := s.people.users[id]
	if u == nil {
		return nil, refuse("user_not_found")
	}
	return object{"user": u.json(id)}, nil
}

func (s *Slack) usersList(p params) (object, *refusal) {
	var all []any
	for _, id := range s.people.order {
		all = append(all, s.people.users[id].json(id))
	}
	page, next, bad := paged(all, p, 1000)
	if bad != nil {
		return nil, bad
	}
	return object{"members": page, "cache_ts": s.o.Now().Unix(), "response_metadata": object{"next_cursor": next}}, nil
}

func (s *Slack) groupsList(p params) (object, *refusal) {
	all := []any{}
	for _, id := range sortedKeys(s.people.groups) {
		g := s.people.groups[id].json()
		if !p.is("include_users") {
			delete(g, "users")
		}
		all = append(all, g)
	}
	return object{"usergroups": all}, nil
}

func (s *Slack) groupUsers(p params) (object, *refusal) {
	g := s.people.groups[p.text("usergroup")]
	if g == nil {
		return nil, refuse("no_such_subteam")
	}
	return object{"users": append([]string{}, g.users...)}, nil
}

// byName finds a person, group or channel the way a client does when "@olga" or "#ops" is typed.
func (s *Slack) byName(sign byte, name string) string {
	if sign == '#' {
		for _, c := range s.channels {
			if strings.EqualFold(c.Name, name) && c.with == "" {
				return c.id
			}
		}
		return ""
	}
	for id, u := range s.people.users {
		if strings.EqualFold(u.Name, name) {
			return id
		}
	}
	for id, g := range s.people.groups {
		if strings.EqualFold(g.handle, name) {
			return id
		}
	}
	return ""
}
