package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/bot"
)

func TestPerson(t *testing.T) {
	r := alertsRig(t)
	r.deps.People = []bot.Actor{{Network: "web", ID: "ute", Name: "Ute"}}
	r.alerts.list[0].Acked = &alerts.Mark{By: bot.Actor{Network: "slack", ID: "U0ROB", Name: "Rob"}}
	for _, tt := range []struct {
		network bot.NetworkID
		says    string
		want    string // network:id, or what the error says
	}{
		{"web", "me", "web:olga"},
		{"web", " ME ", "web:olga"},
		{"web", "@vera", "web:vera"},
		{"web", "Ute", "web:ute"},
		{"web", "utte", "did you mean Ute?"},
		{"web", "<@U0VERA>", "nobody that drey knows"},
		{"web", "slack:U0VERA", "slack:U0VERA"},
		{"slack", "<@U0VERA>", "slack:U0VERA"},
		{"slack", "<@U0VERA|vera>", "slack:U0VERA"},
		{"slack", "@U0VERA", "slack:U0VERA"},
		{"slack", "Rob", "slack:U0ROB"},
		{"slack", "@everyone", "say me, or @somebody or a member id such as U012AB3CD"},
		{"slack", "<!here>", "nobody that drey knows"},
		{"discord", "<@!123456789012345678>", "discord:123456789012345678"},
		{"discord", "<@&123456789012345678>", "nobody that drey knows"},
		{"discord", "vera", "a user id of 17 to 20 digits"},
	} {
		e := r.router.env(bot.Event{Actor: bot.Actor{Network: tt.network, ID: "olga"}, Place: webOps()}, r.router.tree.Find("alerts assign"), nil)
		got, err := r.deps.person(t.Context(), e, tt.says)
		if said := got.String(); err == nil && said != tt.want || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s %q: %s, %v; want %s", tt.network, tt.says, said, err, tt.want)
		}
	}
}

func TestAssign(t *testing.T) {
	r := alertsRig(t)
	wants(t, r.says("olga", "/alerts assign aaa111 me"), "said: olga assigns aaa111 to web:olga")
	wants(t, r.says("olga", "/alerts assign aaa111 vera"), "to web:vera")
	wants(t, r.says("olga", "/alerts assign aaa111 vera"), "Nothing to do")
	wants(t, r.says("olga", "/alerts assign aaa111 nobody.here"), "nobody that drey knows", "Nothing was changed")
	wants(t, r.says("vera", "/alerts assign aaa111 me"), "You may not do that here")
	call := CallOf("alerts assign", map[string]string{"incident": "aaa111"})
	m := r.router.Handle(t.Context(), bot.Event{ID: "e", Actor: web("olga"), Place: webOps(), Button: "b", Call: call}, nil)
	if f := m.Form; f == nil || len(f.Fields) != 1 || f.Fields[0].Kind != "person" || f.Title != "Assign aaa111" {
		t.Fatalf("form %+v", m.Form)
	}
	m = r.router.Handle(t.Context(), bot.Event{ID: "f", Actor: web("olga"), Place: webOps(), Call: m.Form.Call, Form: map[string]string{"person": "olgaa"}}, nil)
	if f := m.Form; f == nil || len(f.Fields) != 1 || f.Fields[0].Value != "olgaa" || !strings.Contains(f.Fields[0].Error, "did you mean olga?") {
		t.Fatalf("form again %+v", m.Form)
	}
	m = r.router.Handle(t.Context(), bot.Event{ID: "g", Actor: web("olga"), Place: webOps(), Call: m.Form.Call, Form: map[string]string{"person": "dora"}}, nil)
	wants(t, m, "said: olga assigns aaa111 to web:dora")
	if got := values(r.deps.completePeople(t.Context(), r.env("olga", "alerts assign"), "")); got[0] != "me" || !slices.Contains(got, "dora") || slices.Contains(got, "olga") {
		t.Errorf("completes %v", got)
	}
}

// Somebody is given an incident only when there is somebody; a chat service that does not answer holds nothing up.
func TestAssignFit(t *testing.T) {
	r := alertsRig(t)
	profiles := map[string]bot.Profile{
		"U0APP":  {Actor: bot.Actor{Network: "slack", ID: "U0APP", Name: "Deploy"}, Unfit: "is an app"},
		"U0NEW":  {Actor: bot.Actor{Network: "slack", ID: "U0NEW", Name: "New", Groups: []string{"S0OPS"}}},
		"U0GONE": {Actor: bot.Actor{Network: "slack", ID: "U0GONE"}, Unfit: "was deactivated"},
	}
	r.deps.Profile = func(_ context.Context, a bot.Actor) (bot.Profile, error) {
		if p, ok := profiles[a.ID]; ok {
			return p, nil
		}
		return bot.Profile{}, errors.New("no answer")
	}
	for _, tt := range []struct {
		says, want string // name and groups, or what the error says
		sure       bool
	}{
		{"U0NEW", "New [S0OPS]", true},
		{"<@U0NEW>", "New [S0OPS]", true},
		{"U0APP", "Deploy is an app; name somebody who can take care of it. Nothing was changed", false},
		{"U0GONE", "U0GONE was deactivated;", false},
		{"U0AWAY", " []", false},
		{"me", " []", true},
		{"web:vera", " []", true},
	} {
		e := r.router.env(bot.Event{Actor: bot.Actor{Network: "slack", ID: "U0OLGA"}, Place: bot.Place{Network: "slack", Channel: "C1"}}, r.router.tree.Find("alerts assign"), nil)
		a, sure, err := r.deps.fit(t.Context(), e, tt.says)
		if got := fmt.Sprintf("%s %v", a.Name, a.Groups); err == nil && (got != tt.want || sure != tt.sure) || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %q, %v, %v; want %q", tt.says, got, sure, err, tt.want)
		}
	}
}
