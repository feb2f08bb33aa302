package commands

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
)

func TestHomeWhenAllIsWell(t *testing.T) {
	r := newRig(t, map[string]*fakeFlink{"prod": newFakeFlink(running(1, "orders"), ended(2, "old", platform.Failed, 48*time.Hour))})
	m := r.drops("olga", "/drey home")
	wants(t, m, "All is well", "Jobs: 1 live, all well", "Incidents: none open", "As of ")
	if got := strings.Join(labels(m), " "); got != "Run SQL… Jobs Alerts Operations Help Refresh" || !m.Private || m.Instead {
		t.Errorf("buttons %s, private %v, instead %v", got, m.Private, m.Instead)
	}
	if m := r.handle(bot.Event{Actor: web("olga"), Button: "b", Call: buttonOf(t, m, "Refresh").Call}); !m.Instead {
		t.Error("a refreshed page comes beside the old one")
	}
	sql := r.handle(bot.Event{Actor: web("olga"), Button: "b", Call: buttonOf(t, m, "Run SQL…").Call})
	if sql.Form == nil || sql.Form.Fields[0].Name != "text" {
		t.Errorf("no editor:\n%s", shown(sql))
	}
	for _, b := range m.Blocks[len(m.Blocks)-2].(bot.Actions) {
		if err := r.router.Tree().Resolves(b.Call); err != nil {
			t.Errorf("%s: %v", b.Label, err)
		}
	}
}

func TestHomeShowsTheSickFirst(t *testing.T) {
	f := newFakeFlink(running(1, "orders"), ended(2, "payments", platform.Failed, time.Hour))
	for i := range 12 {
		j := running(100+i, fmt.Sprintf("waits-%02d", i))
		j.State, j.Start = platform.Created, time.Now().Add(-time.Duration(i)*time.Minute)
		f.jobs = append(f.jobs, j)
	}
	down := newFakeFlink()
	down.down = true
	r := newRig(t, map[string]*fakeFlink{"dev": down, "prod": f})
	r.alerts.list = []alerts.Incident{{ID: "k3x9q2", Title: "FlinkJobCrashLoop on orders", Severity: "critical", Since: time.Now().Add(-time.Hour), Alerts: map[string]alerts.Alert{"a": {Status: alerts.Firing}}}}
	wants(t, r.says("olga", "/flink savepoint prod/orders"), "Started")
	m := r.drops("olga", "/drey home")
	wants(t, m, "1 open incident, 13 jobs not well, 1 cluster not answering", "Jobs: 13 live, 13 that need a look", "dev is left out: ", "prod | waits-00 | ▲ CREATED, waiting",
		"10 of 13; /flink jobs has all", "[Diagnose waits-00]", "Incidents: 1 open", "FlinkJobCrashLoop on orders | firing | critical | 1 h 0 min ago | nobody yet | k3x9q2", "[Show k3x9q2]")
	if m.Tone != bot.Bad {
		t.Errorf("tone %v", m.Tone)
	}
}

func TestHomeOfWhoMayNot(t *testing.T) {
	f := newFakeFlink(running(1, "orders"))
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	m := r.drops("nobody", "/drey home")
	wants(t, m, "Nothing that you may see here", "Not shown, for want of a role: jobs (role operator or owner or viewer)", "incidents (role operator or owner or viewer)", "Your roles: none.", "/drey whoami explains")
	if got := labels(m); !slices.Equal(got, []string{"Help", "Refresh"}) || f.asked["jobs"] > 0 {
		t.Errorf("buttons %v, asked %v", got, f.asked)
	}
}

func TestHomeShowsWhatWaitsForConsent(t *testing.T) {
	rights := rigOptions()
	rights.Policy = append(rights.Policy, Rule{Require: RequireApproval, For: []string{"job.stop"}, By: []string{"owner"}})
	r := newRigOver(t, rights, map[string]platform.Driver{"dev": newFakeFlink(running(1, "orders"))})
	wants(t, r.says("olga", "/flink stop orders"), "Waiting for approval")
	m := r.drops("olga", "/drey home")
	wants(t, m, "You asked for: 1 request", "/flink stop dev/orders | owner")
	lacks(t, m, "[Approve")
	m = r.drops("dora", "/drey home")
	wants(t, m, "Waits for your consent: 1 request", "/flink stop dev/orders | olga")
	for _, l := range labels(m) {
		if strings.HasPrefix(l, "Approve ") {
			b := buttonOf(t, m, l)
			if !strings.Contains(b.Confirm, "/flink stop dev/orders") {
				t.Errorf("confirm %q", b.Confirm)
			}
			wants(t, r.handle(bot.Event{Actor: web("dora"), Button: "b", Call: b.Call}), "Approved")
		}
	}
	r.card("Stop with savepoint: dev/orders")
	lacks(t, r.drops("vera", "/drey home"), "request")
}

func TestLinks(t *testing.T) {
	id := strings.Repeat("0", 31) + "1"
	f := newFakeFlink(running(1, "orders"), running(2, "payments"))
	r := newRig(t, map[string]*fakeFlink{"prod": f, "dev": newFakeFlink(running(3, "payments"))})
	for _, tc := range []struct{ url, want string }{
		{"https://flink.example.com/prod/#/job/running/" + id + "/overview", "prod/orders"},
		{"https://FLINK.example.com:443/prod/#/job/" + id, "prod/orders"},
		{"<http://jm.internal:8081/#/job/completed/" + id + "/exceptions>", "prod/orders"},
		{"https://flink.example.com/prod/#/overview", "Cluster prod"},
		{"https://flink.example.com/prod", "Flink 2.3.0, 0 jobs running, 8 of 8 slots free on 1 TaskManager"},
		{"https://grafana.example.com/d/abc/flink?var-job_name=orders", "prod/orders"},
		{"https://grafana.example.com/x/d/abc/flink?var-job=payments&var-cluster=dev", "dev/payments"},
		{"https://grafana.example.com/d/abc/flink?var-job=payments", "Nothing to show"}, // two bear the name
		{"https://grafana.example.com/d/abc/flink?var-job=$__all", "Nothing to show"},
		{"https://grafana.example.com/explore?var-job=orders", "Nothing to show"},
		{"https://flink.example.com/other/#/job/" + id, "Nothing to show"},
		{"https://flink.example.com.evil.example/prod/#/job/" + id, "Nothing to show"},
		{"https://flink.example.com/prod/#/job/" + strings.Repeat("f", 32), "Nothing to show"},
		{"https://flink.example.com/prod/#/job-manager/config", "Nothing to show"},
		{"https://drey.example.com/c/ops/t/abc", "Nothing to show"},
		{"file:///etc/passwd", "Nothing to show"},
		{"%%", "Nothing to show"},
	} {
		m := r.handle(bot.Event{Actor: web("vera"), Call: CallOf("drey link", linkArgs{URL: tc.url})})
		if wants(t, m, tc.want); m.Private != (tc.want == "Nothing to show") {
			t.Errorf("%s: private %v", tc.url, m.Private)
		}
	}
	inc := alerts.Incident{ID: "k3x9q2", Title: "FlinkJobCrashLoop on orders", Since: time.Now(), Targets: []alerts.Target{{Place: webOps()}}}
	r.alerts.list = []alerts.Incident{inc}
	tx := r.deps.DB.Begin(storage.Root(inc.HeadKey(webOps())))
	r.router.outbox.Put(tx, bot.Delivery{Key: inc.HeadKey(webOps()), To: webOps(), Message: inc.Message()})
	if err := r.deps.DB.Commit(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	head := r.card("Firing: FlinkJobCrashLoop on orders")
	thread := func(who, id string) bot.Message {
		return r.handle(bot.Event{Actor: web(who), Call: CallOf("drey link", linkArgs{URL: "https://drey.example.com/c/ops/t/" + id})})
	}
	shown := thread("vera", head.Ref.ID)
	for end := time.Now().Add(5 * time.Second); shown.Private && time.Now().Before(end); shown = thread("vera", head.Ref.ID) {
		time.Sleep(10 * time.Millisecond) // it is posted, and about to be written down
	}
	wants(t, shown, "Firing: FlinkJobCrashLoop on orders", "Incident k3x9q2")
	wants(t, thread("vera", "none"), "Nothing to show")
	wants(t, thread("nobody", head.Ref.ID), "Nothing to show")
	for _, who := range []string{"nobody", "dora"} {
		wants(t, r.handle(bot.Event{Actor: web(who), Call: CallOf("drey link", linkArgs{URL: "https://flink.example.com/prod/#/job/" + id})}), "Nothing to show")
		wants(t, r.handle(bot.Event{Actor: web(who), Call: CallOf("drey link", linkArgs{URL: "https://flink.example.com/prod/"})}), "Nothing to show")
	}
	r.deps.Links = Links{}
	if _, ok := (Links{}).leadsTo("https://flink.example.com/prod/#/job/" + id); ok {
		t.Error("who knows no address finds one")
	}
}
