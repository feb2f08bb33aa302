package slacktest

import (
	"encoding/json"
	"fmt"
)

// Submit is a person filling and sending the modal they have on top. The values are by the input's block or action id,
// the end of one after a colon, or its label; inputs without one keep what is in them. After errors the modal stays.
func (s *Slack) Submit(user string, values map[string]string) error {
	for _, name := range sortedKeys(values) {
		if err := s.enter(user, name, values[name]); err != nil {
			return err
		}
	}
	s.mu.Lock()
	stack := s.stacks[user]
	if len(stack) == 0 {
		s.mu.Unlock()
		return nobody("open modal of " + user)
	}
	v := stack[len(stack)-1]
	if v.body["submit"] == nil {
		s.mu.Unlock()
		return nobody("button that sends the modal")
	}
	v.errors = nil
	for _, in := range v.inputs() {
		if msg := in.complaint(v.state[in.block][in.action]); msg != "" {
			if v.errors == nil {
				v.errors = map[string]string{}
			}
			v.errors[in.block] = msg
		}
	}
	if v.errors != nil {
		defer s.mu.Unlock()
		return fmt.Errorf("slack: the client does not send the modal: %v", v.errors)
	}
	p := s.interaction("view_submission", user)
	p["trigger_id"], p["view"], p["response_urls"] = s.newTrigger(user, v), s.viewJSON(v), []any{}
	p = clone(p).(object)
	s.mu.Unlock()
	ack, err := s.send(&delivery{path: pathInteractions, kind: "interactive", payload: p, replies: true})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.submitted(v, ack.Body)
	return nil
}

// enter types or chooses a value in one field of the open modal. For a field whose options come from drey it asks for
// them first.
func (s *Slack) enter(user, name, value string) error {
	s.mu.Lock()
	v, in, err := s.field(user, name, "")
	s.mu.Unlock()
	if err != nil {
		if v, in, err = s.fieldNamed(user, name); err != nil {
			return err
		}
	}
	if in.kind == "external_select" && value != "" {
		if _, err := s.Options(user, in.block, in.action, value); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.kind == "users_select" && value != "" {
		if value, err = s.inMenu(value); err != nil {
			return fmt.Errorf("slack: fill the modal: %w", err)
		}
	}
	offered, _ := v.offered[in.block][in.action].([]any)
	state, err := in.entered(value, offered)
	if err != nil {
		return fmt.Errorf("slack: fill the modal: %w", err)
	}
	v.set(in, clone(state))
	return nil
}

func (s *Slack) fieldNamed(user, name string) (*view, input, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.field(user, "", name)
}

// submitted does what the acknowledgement of a sent modal says.
func (s *Slack) submitted(v *view, body []byte) {
	stack := s.stacks[v.user]
	if len(stack) == 0 || stack[len(stack)-1] != v {
		return // it was closed or replaced meanwhile
	}
	if len(body) == 0 {
		s.stacks[v.user] = stack[:len(stack)-1]
		return
	}
	var o object
	if err := json.Unmarshal(body, &o); err != nil {
		s.violateLocked("view_submission was acknowledged with what is no JSON: %s", shorten(string(body), 200))
		return
	}
	if o["errors"] == nil {
		delete(o, "errors")
	}
	next, _ := o["view"].(object)
	switch action := text(o, "response_action"); action {
	case "":
		if len(o) > 0 {
			s.violateLocked("view_submission was acknowledged without response_action: %s", shorten(string(body), 200))
		}
		s.stacks[v.user] = stack[:len(stack)-1]
	case "clear":
		s.stacks[v.user] = nil
	case "errors":
		s.complain(v, o)
	case "update":
		if bad := s.judge.view(s, next, "modal"); bad != nil {
			s.violateLocked("response_action update: %s: %v", bad.code, bad.detail)
			return
		}
		s.fill(v, next)
	case "push":
		bad := s.judge.view(s, next, "modal")
		if bad == nil {
			_, bad = s.pile(v.user, next)
		}
		if bad != nil {
			s.violateLocked("response_action push: %s: %v", bad.code, bad.detail)
		}
	default:
		s.violateLocked("response_action %q", action)
	}
}

// complain shows errors at the fields they name.
func (s *Slack) complain(v *view, o object) {
	all, _ := o["errors"].(object)
	if len(all) == 0 {
		s.violateLocked("response_action errors without errors")
	}
	v.errors = map[string]string{}
	for block, msg := range all {
		known := false
		for _, b := range list(v.body, "blocks") {
			known = known || text(b, "block_id") == block && text(b, "type") == "input"
		}
		msg, ok := msg.(string)
		if !known || !ok || msg == "" {
			s.violateLocked("response_action errors: %q at %q, which is no input of the modal", msg, block)
		}
		v.errors[block] = msg
	}
}
