package alerts

import (
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/alerts/oncall"
)

func TestValidateEscalations(t *testing.T) {
	o := climbing()
	o.Routes[0].Escalate, o.Routes[0].Mention = "day", []string{"oncall:nobody"}
	o.OnCall["primary"].People["ben"] = oncall.Person{"slack:group:S1"}
	o.Escalations = map[string]Escalation{
		"empty":    {},
		"odd name": {Steps: []EscalationStep{{To: []string{"web:ops"}}}},
		"x": {Until: "bored", Steps: []EscalationStep{
			{After: -time.Minute, OnCall: "secondary"},
			{After: 10 * time.Minute},
			{After: 5 * time.Minute, Mention: []string{"olga"}, To: []string{"nowhere"}},
			{After: 20 * time.Minute, DM: []string{"web:user:olga", "slack:group:S1", "oncall:tertiary"}},
			{After: 20 * time.Minute, Webhook: "http://pager.example/s3cret"},
			{After: 20 * time.Minute, To: []string{"web:ops"}, Repeat: 3},
			{After: 20 * time.Minute, To: []string{"web:ops"}, RepeatEvery: time.Minute, Repeat: 300},
		}},
	}
	err := o.Validate()
	if err == nil {
		t.Fatal("valid")
	}
	for _, want := range []string{
		"alerts.routes[0].escalate: there is no alerts.escalations.day; there are: empty, odd name, x",
		"alerts.routes[0].mention[0]: there is no alerts.oncall.nobody; there are: primary",
		"alerts.oncall.primary.people.ben[0]: want NETWORK:user:ID",
		"alerts.escalations.empty.steps: no step; write",
		"alerts.escalations.odd name: the name of an escalation",
		`alerts.escalations.x.until: unknown end "bored"; allowed: ack, resolve`,
		"alerts.escalations.x.steps[0].after: -1m0s is negative",
		"alerts.escalations.x.steps[0].on_call: there is no alerts.oncall.secondary; there are: primary",
		"alerts.escalations.x.steps[1]: a step that does nothing",
		"alerts.escalations.x.steps[2].after: 5m0s is before the step above",
		"alerts.escalations.x.steps[2].mention[0]: want NETWORK:user:ID",
		"alerts.escalations.x.steps[2].to[0]: want NETWORK:CHANNEL",
		"alerts.escalations.x.steps[3].dm: the web console has no direct messages (web:user:olga)",
		"alerts.escalations.x.steps[3].dm: slack:group:S1 is no person",
		"alerts.escalations.x.steps[3].dm[2]: there is no alerts.oncall.tertiary",
		"alerts.escalations.x.steps[4].webhook: want an https address",
		"alerts.escalations.x.steps[5].repeat: want how many times more",
		"alerts.escalations.x.steps: 107 steps with their repeats; at most 100",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("lacks %s", want)
		}
	}
	if t.Failed() || strings.Contains(err.Error(), "s3cret") {
		t.Error(err)
	}
}
