package commands

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// someLog is what a JobManager writes; JOB stands for the id of the job.
const someLog = `2026-11-20 23:59:26,192 INFO  org.apache.flink.runtime.entrypoint.ClusterEntrypoint        [] - Starting
2026-11-20 23:59:27,001 INFO  org.apache.flink.runtime.jobmaster.JobMaster                 [] - Initializing job 'orders' (JOB).
2026-11-20 23:59:28,100 WARN  org.apache.flink.runtime.taskmanager.Task                    [] - Calc (1/2) switched from RUNNING to FAILED with failure cause:
java.lang.RuntimeException: wrapped
	at a.A.a(A.java:1)
	at a.A.b(A.java:2)
	at a.A.c(A.java:3)
	at a.A.d(A.java:4)
	at a.A.e(A.java:5)
	at a.A.f(A.java:6)
Caused by: java.lang.NumberFormatException: For input string: "boom"
	at b.B.a(B.java:1)
	... 12 more

2026-11-20 23:59:28,200 INFO  org.apache.flink.runtime.jobmaster.JobMaster                 [] - another job
2026-11-20 23:59:28,300 ERROR com.example.Sink                                             [] - connecting with 'password' = 'hunter2' to jdbc:mysql://u:hunter2@10.1.2.3:3306/x
`

func TestLinesThatMatter(t *testing.T) {
	id := running(1, "orders").ID
	log := strings.ReplaceAll(someLog, "JOB", string(id))
	job := "23:59:27 INFO JobMaster: Initializing job 'orders' (" + string(id) + ")."
	want := []string{
		job,
		"23:59:28 WARN Task: Calc (1/2) switched from RUNNING to FAILED with failure cause:",
		"java.lang.RuntimeException: wrapped", "\tat a.A.a(A.java:1)", "\tat a.A.b(A.java:2)", "\tat a.A.c(A.java:3)", "\tat a.A.d(A.java:4)", "\tat a.A.e(A.java:5)",
		`Caused by: java.lang.NumberFormatException: For input string: "boom"`, "\tat b.B.a(B.java:1)", "\t... 12 more",
		"23:59:28 ERROR Sink: connecting with 'password' = 'hunter2' to jdbc:mysql://u:hunter2@10.1.2.3:3306/x",
	}
	if d := cmp.Diff(want, matter(log, id, true)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{job}, matter(log, id, false)); d != "" {
		t.Error(d)
	}
	json := `{"level":"INFO","job":"JOB"}` + "\n" + `{"level":"INFO"}`
	if got := matter(strings.ReplaceAll(json, "JOB", string(id)), id, true); len(got) != 1 {
		t.Errorf("of a log in another form: %q", got)
	}
	many := slices.Repeat([]string{strings.Repeat("x", 100)}, 100)
	if n := len(fitting(many)); n != 23 {
		t.Errorf("%d lines fit", n)
	}
	if n := len(fitting(slices.Repeat([]string{"x"}, 100))); n != logLines {
		t.Errorf("%d short lines fit", n)
	}
}

func TestLogs(t *testing.T) {
	f := newFakeFlink(running(1, "orders"))
	r := newRig(t, map[string]*fakeFlink{"dev": f})
	wants(t, r.says("vera", "/flink logs orders"), "Flink keeps no exception of this job. It is RUNNING.", "The cluster gave no log of orders")
	f.exceptions = []platform.Exception{{At: time.Now().Add(-time.Minute), Root: "java.lang.NumberFormatException: boom", Task: "Calc (1/2)"}}
	log := strings.ReplaceAll(someLog, "JOB", string(f.jobs[0].ID))
	f.logs = []platform.Log{
		{Source: "TaskManager 10.1.2.3:6122-ab", Size: 5_000_000, Tail: log},
		{Source: "TaskManager tm2", Missed: "it is gone, and its log with it"},
		{Source: "JobManager", Size: 100, Tail: "nothing\n"},
	}
	m := r.says("vera", "/flink logs orders")
	wants(t, m, "Logs of dev/orders", "java.lang.NumberFormatException: boom, 1 min ago, in task Calc (1/2)", "errors, warnings and what names the job:",
		"Caused by: java.lang.NumberFormatException", "TaskManager tm2: it is gone, and its log with it.", "JobManager: nothing of this job in the last 8 B of its log.", "[Errors] [Show job]")
	lacks(t, m, "hunter2")
	lacks(t, m, "10.1.2.3")
	if i := slices.IndexFunc(m.Blocks, func(b bot.Block) bool {
		f, ok := b.(bot.File)
		return ok && strings.Contains(string(f.Data), "another job")
	}); i < 0 {
		t.Errorf("no whole log in %s", shown(m))
	}
	// dora may read one job of this cluster: what others wrote is not for her.
	m = r.says("dora", "/flink logs orders")
	wants(t, m, "what names the job:", "Initializing job 'orders'")
	lacks(t, m, "another job")
	lacks(t, m, "Calc (1/2) switched")
	f.silent = []string{"logs"}
	wants(t, r.says("vera", "/flink logs orders"), "No answer from the cluster", "Cluster dev: no answer")
}
