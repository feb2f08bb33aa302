package slacktest

import (
	"maps"
	"slices"
	"time"
)

// trigger opens one modal, within 3 s of the gesture it came with.
type trigger struct {
	user string
	born time.Time
	used bool
	over *view // the modal that the gesture was made in
}

const (
	triggerLife = 3 * time.Second
	stackMax    = 3
)

// view is an open modal or a home.
type view struct {
	id, hash, root, previous string
	user                     string
	body                     object                    // as it was sent
	state                    map[string]map[string]any // what was typed or chosen, by block and action
	errors                   map[string]string         // by block
	offered                  map[string]map[string]any // options of the last suggestion by value, by block and action
}

// newTrigger is for a gesture of a user; over is the modal it was made in, or nil.
func (s *Slack) newTrigger(user string, over *view) string {
	id := s.id("1337.") + ".trigger"
	s.triggers[id] = &trigger{user: user, born: s.o.Now(), over: over}
	return id
}

// spend takes a trigger.
func (s *Slack) spend(p params) (*trigger, *refusal) {
	t := s.triggers[p.text("trigger_id")]
	switch {
	case t == nil:
		return nil, wrong("invalid_arguments", "unknown trigger_id "+p.text("trigger_id"))
	case t.used:
		return nil, refuse("exchanged_trigger_id")
	case s.o.Now().Sub(t.born) > triggerLife:
		return nil, refuse("expired_trigger_id")
	}
	return t, nil
}

// sent is the view argument of a call, judged.
func (s *Slack) sent(p params, kind string) (object, *refusal) {
	v, ok := p.value("view")
	body, is := v.(object)
	if !ok || !is {
		return nil, wrong("invalid_arguments", "view is no object")
	}
	return body, s.judge.view(s, body, kind)
}

func (s *Slack) newView(user string, body object) *view {
	v := &view{id: s.id("V"), user: user}
	v.root = v.id
	s.fill(v, body)
	s.views[v.id] = v
	return v
}

// fill gives a view new content. What was typed into inputs that stay is kept.
func (s *Slack) fill(v *view, body object) {
	old := v.state
	v.body, v.hash, v.errors, v.offered = s.identified(body).(object), s.id("1700000000."), nil, nil
	v.state = map[string]map[string]any{}
	for _, in := range v.inputs() {
		if was, ok := old[in.block][in.action]; ok {
			v.set(in, was)
		} else {
			v.set(in, in.initial())
		}
	}
}

func (v *view) set(in input, value any) {
	if v.state[in.block] == nil {
		v.state[in.block] = map[string]any{}
	}
	v.state[in.block][in.action] = value
}

func (s *Slack) viewJSON(v *view) object {
	state := map[string]map[string]any{} // a copy: it is encoded without the lock
	for block, values := range v.state {
		state[block] = maps.Clone(values)
	}
	o := object{
		"id": v.id, "team_id": teamID, "type": text(v.body, "type"), "blocks": v.body["blocks"], "private_metadata": text(v.body, "private_metadata"),
		"callback_id": text(v.body, "callback_id"), "external_id": text(v.body, "external_id"), "state": object{"values": state}, "hash": v.hash,
		"title": v.body["title"], "submit": v.body["submit"], "close": v.body["close"], "clear_on_close": v.body["clear_on_close"] == true,
		"notify_on_close": v.body["notify_on_close"] == true, "root_view_id": v.root, "previous_view_id": nil, "app_id": appID,
		"app_installed_team_id": teamID, "bot_id": botID,
	}
	if v.previous != "" {
		o["previous_view_id"] = v.previous
	}
	if text(v.body, "type") == "home" {
		o["title"] = object{"type": "plain_text", "text": "View Title", "emoji": true}
	}
	return o
}

func (s *Slack) viewsOpen(p params) (object, *refusal) {
	t, bad := s.spend(p)
	if bad != nil {
		return nil, bad
	}
	body, bad := s.sent(p, "modal")
	if bad != nil {
		return nil, bad
	}
	t.used = true
	if t.over != nil && len(s.stacks[t.user]) > 0 {
		return s.push(t, body)
	}
	v := s.newView(t.user, body)
	s.stacks[t.user] = []*view{v}
	return object{"view": s.viewJSON(v)}, nil
}

func (s *Slack) viewsPush(p params) (object, *refusal) {
	t, bad := s.spend(p)
	if bad != nil {
		return nil, bad
	}
	if t.over == nil || len(s.stacks[t.user]) == 0 {
		return nil, refuse("not_found")
	}
	body, bad := s.sent(p, "modal")
	if bad != nil {
		return nil, bad
	}
	t.used = true
	return s.push(t, body)
}

func (s *Slack) push(t *trigger, body object) (object, *refusal) {
	v, bad := s.pile(t.user, body)
	if bad != nil {
		return nil, bad
	}
	return object{"view": s.viewJSON(v)}, nil
}

// pile puts a view on top of a user's stack.
func (s *Slack) pile(user string, body object) (*view, *refusal) {
	stack := s.stacks[user]
	if len(stack) >= stackMax {
		return nil, wrong("push_limit_reached")
	}
	v := s.newView(user, body)
	top := stack[len(stack)-1]
	v.root, v.previous = top.root, top.id
	s.stacks[user] = append(stack, v)
	return v, nil
}

// open says whether a view is still to be seen.
func (s *Slack) open(v *view) bool {
	return slices.Contains(s.stacks[v.user], v) || s.homes[v.user] == v
}

func (s *Slack) viewsUpdate(p params) (object, *refusal) {
	var v *view
	switch id, external := p.text("view_id"), p.text("external_id"); {
	case id == "" && external == "":
		return nil, wrong("invalid_arguments", "neither view_id nor external_id")
	case id != "":
		v = s.views[id]
	default:
		for _, x := range s.views {
			if text(x.body, "external_id") == external && s.open(x) {
				v = x
			}
		}
	}
	if v == nil || !s.open(v) {
		return nil, refuse("not_found")
	}
	if hash := p.text("hash"); hash != "" && hash != v.hash {
		return nil, refuse("hash_conflict")
	}
	body, bad := s.sent(p, text(v.body, "type"))
	if bad != nil {
		return nil, bad
	}
	s.fill(v, body)
	return object{"view": s.viewJSON(v)}, nil
}

func (s *Slack) viewsPublish(p params) (object, *refusal) {
	user := p.text("user_id")
	if s.people.users[user] == nil {
		return nil, refuse("user_not_found")
	}
	v := s.homes[user]
	if hash := p.text("hash"); v != nil && hash != "" && hash != v.hash {
		return nil, refuse("hash_conflict")
	}
	body, bad := s.sent(p, "home")
	if bad != nil {
		return nil, bad
	}
	if v == nil {
		v = s.newView(user, body)
		s.homes[user] = v
	} else {
		v.state = nil
		s.fill(v, body)
	}
	return object{"view": s.viewJSON(v)}, nil
}
