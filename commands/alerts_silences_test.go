package commands

import (
	"fmt"
	"testing"
	"time"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/alerts/alertmanager"
)

func TestAlertsSilences(t *testing.T) {
	r := alertsRig(t)
	wants(t, r.says("vera", "/alerts silences"), "No silence", "Nothing is kept quiet in Alertmanager")
	now := time.Now()
	ms := alertmanager.Matchers(alertmanager.Equal(map[string]string{"alertname": "Crash"}))
	r.alerts.silences = alerts.SilenceList{
		Lines: []alerts.SilenceLine{
			{Source: "main", ID: "1", Matchers: ms, By: "Olga", Comment: "the broker <b>moves</b>", From: now.Add(-2 * time.Hour), Until: now.Add(time.Hour), Keep: true, Hides: 2, Incident: &r.alerts.list[0]},
			{Source: "main", Matchers: ms, By: "Ben", From: now.Add(-2 * time.Hour), Until: now.Add(time.Hour), Hides: -1, Incident: &r.alerts.list[1]},
			{Source: "main", ID: "2", Matchers: ms, By: "bob", From: now.Add(-2 * time.Hour), Until: now.Add(time.Hour), Hides: 1, URL: "https://am.example/#/silences"},
			{Source: "main", ID: "3", Matchers: ms, By: "bob", From: now.Add(time.Hour), Until: now.Add(2 * time.Hour), Pending: true},
			{Source: "main", ID: "4", Matchers: ms, By: "drey", From: now, Until: now.Add(time.Minute), Operation: &alerts.Operation{Title: "Restart", Cluster: "dev", Job: "orders", Short: "abc123"}},
		},
		Away: []alerts.AwaySource{{Source: "far", Silent: 1, Of: 1}, {Source: "pair", Silent: 1, Of: 2}},
	}
	m := r.says("olga", "/alerts silences")
	wants(t, m, "5 silences", "Crash on dev/orders", "Until it resolves, at most until", "hides 2 alerts; by Olga, 2 h 0 min ago: the broker", `alertname="Crash"`,
		"not known to be in force", "Made in Alertmanager", "End it in Alertmanager", "it has not begun", "hides nothing now", "It ends with the operation",
		"Alertmanager of the source far does not answer", "1 of the 2 Alertmanagers of the source pair do not answer", "[End aaa111]")
	lacks(t, r.says("vera", "/alerts silences"), "[End aaa111]") // who may look only
	m = r.says("dora", "/alerts silences")
	wants(t, m, "4 silences", "Crash on dev/orders", "[End aaa111]")
	lacks(t, m, "payments", "Ben")
	wants(t, r.says("vera", "/alerts silences bob"), "2 silences")
	wants(t, r.says("vera", "/alerts silences nobody"), "No silence matches")

	r.alerts.silences = alerts.SilenceList{Away: r.alerts.silences.Away}
	wants(t, r.says("vera", "/alerts silences"), "No silence known", "far does not answer")
	for n := range 20 {
		r.alerts.silences.Lines = append(r.alerts.silences.Lines, alerts.SilenceLine{Source: "main", ID: fmt.Sprint(n), Matchers: ms, By: "bob"})
	}
	wants(t, r.says("vera", "/alerts silences"), "20 silences", "Page 1 of 3", "[Next page]")
	wants(t, r.says("vera", "/alerts silences page=9"), "Page 3 of 3", "[Previous page]")
}
