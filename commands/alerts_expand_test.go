package commands

import (
	"fmt"
	"testing"

	"github.com/drey-ops/drey/alerts"
)

func TestAlertsExpand(t *testing.T) {
	r := alertsRig(t)
	m := r.says("olga", "/alerts expand storm-k3x9q2ab-1")
	wants(t, m, "3 incidents expanded", "aaa111 Crash on dev/orders")
	if !m.Private {
		t.Error("told to everybody")
	}
	wants(t, r.says("olga", "/alerts expand `aaa111`, ccc333"), "2 incidents expanded", "open incidents left in the digest")
	wants(t, r.says("olga", "/alerts expand zzz999"), "Nothing to expand")
	wants(t, r.says("olga", "/alerts expand 1 2 3 4 5 6 7 8 9 10 11"), "of 1 to 10 incidents")
	wants(t, r.says("dora", "/alerts expand storm-k3x9q2ab-1"), "incident", "left out: you may not")
	wants(t, r.says("vera", "/alerts expand storm-k3x9q2ab-1"), "You may not do that here")
	wants(t, r.says("olga", "/alerts ackall storm-k3x9q2ab-1"), "3 incidents acknowledged", "You have all of them")
	wants(t, r.says("dora", "/alerts ackall storm-k3x9q2ab-1"), "acknowledged", "of the 3 that fired were left")
}

func TestAlertsListPages(t *testing.T) {
	r := alertsRig(t)
	for n := range 100 {
		r.alerts.list = append(r.alerts.list, incident(fmt.Sprintf("inc%03d", n), fmt.Sprintf("Alert %03d", n), "", ""))
	}
	ev := r.chat.Type("olga", "ops", "/alerts list")
	m := r.chat.Answer(t, ev)
	wants(t, m, "103 open incidents", "Page 1 of 4, 103 incidents", "[Next page]")
	lacks(t, m, "Previous page", "Alert 050")
	m = r.presses("olga", ev, "Next page")
	wants(t, m, "Page 2 of 4", "Alert 050", "[Previous page]")
	wants(t, r.says("olga", "/alerts list page=4"), "Page 4 of 4", "Alert 099")
	wants(t, r.says("olga", "/alerts list page=9"), "Page 4 of 4")
}

// What the buttons of a storm's digest call exists.
func TestStormButtons(t *testing.T) {
	tree := All(Deps{})
	for _, path := range alerts.StormButtonPaths() {
		if tree.Find(path) == nil {
			t.Errorf("no command %q", path)
		}
	}
}

// Whoever takes an incident out of a storm has a thread to work in.
func TestAckLeavesStorm(t *testing.T) {
	r := alertsRig(t)
	r.alerts.list[0].Targets = []alerts.Target{{Place: webOps(), Storm: "storm-k3x9q2ab-1"}}
	wants(t, r.says("olga", "/alerts ack aaa111"), "said: olga acks aaa111")
	wants(t, r.says("olga", "/alerts ack bbb222"), "said: olga acks bbb222")
	if len(r.alerts.expanded) != 1 || r.alerts.expanded[0] != "aaa111" {
		t.Error(r.alerts.expanded)
	}
}
