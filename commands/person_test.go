package commands

import (
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
