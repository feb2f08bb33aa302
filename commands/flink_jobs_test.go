package commands

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// tableOf is the first table of a message.
func tableOf(t *testing.T, m bot.Message) bot.Table {
	t.Helper()
	for _, b := range m.Blocks {
		if tb, ok := b.(bot.Table); ok {
			return tb
		}
	}
	t.Fatalf("no table in:\n%s", shown(m))
	return bot.Table{}
}

func column(tb bot.Table, name string) []string {
	var out []string
	for _, r := range tb.Rows {
		out = append(out, r[slices.Index(tb.Columns, name)])
	}
	return out
}

func TestJobsPutsWhatNeedsALookFirst(t *testing.T) {
	sick := running(3, "sick")
	sick.Tasks.Running = 1
	old := running(2, "old")
	old.Start = old.Start.Add(-time.Hour)
	r := newRig(t, map[string]*fakeFlink{"prod": newFakeFlink(
		running(1, "young"), old, sick, ended(4, "broke", platform.Failed, time.Minute), ended(5, "broke-long-ago", platform.Failed, 48*time.Hour), ended(6, "over", platform.Finished, time.Minute),
	)})
	m := r.says("vera", "/flink jobs")
	tb := tableOf(t, m)
	if got := strings.Join(column(tb, "Job")[:4], " "); got != "broke sick young old" && got != "sick broke young old" {
		t.Errorf("order: %s", got)
	}
	if m.Title != "3 live jobs, 1 not healthy" || m.Tone != bot.Warn || m.Private || slices.Contains(tb.Columns, "Cluster") {
		t.Errorf("message %q, tone %d, columns %v", m.Title, m.Tone, tb.Columns)
	}
	wants(t, m, "▲ RUNNING, not all tasks", "● RUNNING", "✖ FAILED", "○ FINISHED")
	wants(t, r.says("vera", "/flink jobs failed"), "broke")
	lacks(t, r.says("vera", "/flink jobs failed"), "young", "over")
	wants(t, r.says("vera", "/flink jobs nothing-like-it"), "0 live jobs", "No job matches nothing-like-it")
	wants(t, r.says("vera", "/flink jobs cluster=nope"), "Not found", "there are: prod")
}

func TestJobsOf500(t *testing.T) {
	f := newFakeFlink()
	for i := range 500 {
		f.jobs = append(f.jobs, running(i+1, fmt.Sprintf("job-%03d", i)))
	}
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	ev := r.chat.Type("vera", "ops", "/flink jobs page=2")
	m := r.chat.Answer(t, ev)
	wants(t, m, "500 live jobs", "Page 2 of 25, 500 jobs", "[Previous page]", "[Next page]", "[Refresh]")
	if n := len(tableOf(t, m).Rows); n != jobsPage {
		t.Errorf("%d rows", n)
	}
	if f.asked["jobs"] != 1 || f.asked["job"]+f.asked["checkpoints"] != 0 {
		t.Errorf("asked %v", f.asked)
	}
	wants(t, r.presses("vera", ev, "Next page"), "Page 3 of 25")
	wants(t, r.says("vera", "/flink jobs page=99"), "Page 25 of 25")
	wants(t, r.says("vera", "/flink jobs job-49"), "10 live jobs")
}

func TestJobsOfASilentCluster(t *testing.T) {
	dev, prod := newFakeFlink(running(1, "orders")), newFakeFlink(running(2, "orders"))
	prod.down = true
	r := newRig(t, map[string]*fakeFlink{"dev": dev, "prod": prod})
	m := r.says("vera", "/flink jobs")
	wants(t, m, "1 live job", "prod is left out", "dev | orders")
	if m.Tone != bot.Warn {
		t.Errorf("tone %d", m.Tone)
	}
	dev.down = true
	r = newRig(t, map[string]*fakeFlink{"dev": dev, "prod": prod})
	wants(t, r.says("vera", "/flink jobs"), "No answer from the cluster", "Clusters dev and prod do not answer")
}

func TestJobsLeavesOutWhatOneMayNotRead(t *testing.T) {
	r := newRig(t, map[string]*fakeFlink{
		"dev":  newFakeFlink(running(1, "orders"), running(2, "payments")),
		"prod": newFakeFlink(running(3, "orders")),
	})
	m := r.says("dora", "/flink jobs")
	wants(t, m, "1 live job")
	lacks(t, m, "payments", "prod")
	wants(t, r.says("dora", "/flink jobs cluster=dev"), "1 live job")
	wants(t, r.says("dora", "/flink jobs cluster=prod"), "You may not do that here")
	wants(t, r.says("dora", "/flink job orders"), "dev/orders")
	wants(t, r.says("dora", "/flink job payments"), "Not found")
	lacks(t, r.says("dora", "/flink job paymnts"), "did you mean")
	wants(t, r.says("dora", "/flink job prod/orders"), "You may not do that here")
	wants(t, r.says("nobody", "/flink jobs"), "You may not do that here")
}

func TestJobCard(t *testing.T) {
	f := newFakeFlink(running(1, "orders"))
	now := time.Now()
	f.points = platform.Checkpoints{Completed: 3, Failed: 2, Interval: time.Second, Latest: &platform.Checkpoint{At: now.Add(-5 * time.Minute), Size: 14_000, Duration: 12 * time.Millisecond}}
	f.exceptions = []platform.Exception{{At: now.Add(-time.Hour), Root: "java.lang.RuntimeException: boom"}}
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	m := r.says("olga", "/flink job orders")
	wants(t, m, "prod/orders", "State: ● RUNNING", "Tasks: 2 of 2 running", "Restarts: 0", "Last checkpoint: 5 min ago, 14.0 kB in 12 ms", "Failed checkpoints: 2",
		"Parallelism: 2 (at most 128)", "Last exception, 1 h 0 min ago: java.lang.RuntimeException: boom", "Source | RUNNING | 2 | 12.3 k", "Job id "+string(f.jobs[0].ID))
	if got := strings.Join(labels(m), " "); got != "Savepoint Scale… Stop… Diagnose Errors Refresh" { // it was not submitted through drey: no Restart
		t.Errorf("buttons: %s", got)
	}
	if got := strings.Join(labels(r.says("vera", "/flink job orders")), " "); got != "Diagnose Errors Refresh" {
		t.Errorf("vera's buttons: %s", got)
	}
	wants(t, r.says("vera", "/flink job ordesr"), "did you mean orders")
}

func TestAmbiguousNames(t *testing.T) {
	dev, prod := newFakeFlink(running(1, "orders"), running(7, "twin"), running(8, "twin")), newFakeFlink(running(2, "orders"))
	r := newRig(t, map[string]*fakeFlink{"dev": dev, "prod": prod})
	ev := r.chat.Type("olga", "ops", "/flink savepoint orders")
	m := r.chat.Answer(t, ev)
	wants(t, m, "Which orders?", "2 jobs answer to this name", "Nothing was done yet", "[dev/orders]", "[prod/orders]")
	if !m.Private || len(dev.did())+len(prod.did()) > 0 {
		t.Errorf("private %v, effects %v %v", m.Private, dev.did(), prod.did())
	}
	wants(t, r.presses("olga", ev, "prod/orders"), "Started", "prod/orders")
	r.card("Savepoint: prod/orders", "Savepoint written: s3://bucket/savepoint-1")

	// Of two jobs with one name on one cluster, the ids tell them apart.
	m = r.says("olga", "/flink savepoint twin")
	wants(t, m, "Which twin?")
	id := dev.jobs[2].ID
	wants(t, r.says("olga", "/flink savepoint dev/"+string(id)), "Started")
	r.card("Savepoint: dev/twin", "Savepoint written: s3://bucket/savepoint-1")
	if got := strings.Join(append(dev.did(), prod.did()...), ", "); got != "savepoint twin, savepoint orders" {
		t.Errorf("effects: %s", got)
	}
}

func TestAnIDOfSomeDigitsStaysTheJobThatItNames(t *testing.T) {
	a, b := running(1, "twin"), running(2, "twin")
	a.ID, b.ID = "aaaaaa11111111111111111111111111", "bbbbbb22222222222222222222222222"
	f := newFakeFlink(a, b)
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	wants(t, r.says("olga", "/flink job bbbbbb"), "Job id "+string(b.ID))
	wants(t, r.agrees("olga", "/flink stop bbbbbb2"), "Started")
	r.card("Stop with savepoint: prod/twin")
	eventually(t, "the second is stopped", func() bool { return len(f.did()) == 1 })
	if j := f.find(a.ID); j.State != platform.Running {
		t.Errorf("the namesake is %s", j.State)
	}
}

func TestAChangeDoesNotFallOnANamesake(t *testing.T) {
	dev, prod := newFakeFlink(running(1, "orders")), newFakeFlink(running(2, "orders"))
	prod.down = true // the one that is meant
	r := newRig(t, map[string]*fakeFlink{"dev": dev, "prod": prod})
	ev := r.chat.Type("olga", "ops", "/flink stop orders")
	wants(t, r.chat.Answer(t, ev), "Which orders?", "cluster prod does not answer", "[dev/orders]")
	if len(dev.did()) > 0 {
		t.Fatalf("effects %v", dev.did())
	}
	wants(t, r.says("olga", "/flink job orders"), "dev/orders") // a look harms nobody
	chosen := r.chat.PressAnswer(t, "olga", ev, "dev/orders")
	wants(t, r.chat.Answer(t, chosen), "Stop dev/orders?")
	wants(t, r.chat.Answer(t, r.chat.Submit(t, "olga", chosen, nil)), "Started")
	wants(t, r.says("olga", "/flink stop elsewhere"), "on the clusters that answer; cluster prod does not answer")
}
