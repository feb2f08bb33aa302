package alerts

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

type fakeJobs func(ctx context.Context, cluster, id, name string) (JobFacts, error)

func (f fakeJobs) Lookup(ctx context.Context, cluster, id, name string) (JobFacts, error) {
	return f(ctx, cluster, id, name)
}

func enrichNow(t *testing.T, s *Service) {
	t.Helper()
	items, _, err := s.db.Claim(t.Context(), enrichQueue, 10, time.Minute)
	if err != nil || len(items) == 0 {
		t.Fatal("nothing to enrich", err)
	}
	s.enrich(t.Context(), items)
}

func orders() map[string]string {
	return map[string]string{"job_id": "a1", "job_name": "orders", "cluster": "prod", "severity": "critical"}
}

func plainHead(d bot.Delivery) string {
	var out []string
	for _, b := range d.Message.Blocks {
		switch b := b.(type) {
		case bot.Text:
			out = append(out, b.Plain())
		case bot.Note:
			out = append(out, b.Plain())
		case bot.Code:
			out = append(out, b.Body)
		case bot.Fields:
			for _, f := range b {
				out = append(out, f.Name+": "+f.Value.Plain())
			}
		}
	}
	return d.Message.Title + "\n" + strings.Join(out, "\n") + "\n[" + labels(d) + "]"
}

func TestEnrich(t *testing.T) {
	facts := JobFacts{
		Ref: platform.JobRef{Cluster: "prod", Job: "orders"}, ID: "a1", State: platform.Running, Running: 3, Total: 4, Restarts: 7,
		RootCause: "java.lang.NumberFormatException: For input string: 'boom'", Checkpoints: true, Checkpoint: newClock().t.Add(-time.Hour), URL: "http://flink.example/#/job/a1",
	}
	s, out, _ := newService(t, testOptions(), Hooks{Jobs: fakeJobs(func(context.Context, string, string, string) (JobFacts, error) { return facts, nil })})
	take(t, s, webhook("FlinkJobCrashLoop", orders(), Firing))
	enrichNow(t, s)
	want := `Firing: FlinkJobCrashLoop on prod/orders
FlinkJobCrashLoop happened
Since 2026-11-20 23:57 UTC, critical
Job state: RUNNING, 3 of 4 tasks, 7 restarts
Root cause: java.lang.NumberFormatException: For input string: 'boom'
State: a restart resumes from the checkpoint of 2026-11-20 22:57 UTC; no savepoint of this run
Alerts: 1 of 1 fires
Incident ` + one(t, s).ID + ` · Prometheus · Alertmanager · Flink
[Ack Diagnose Restart… Savepoint Logs Scale… Stop… Assign…]`
	if d := cmp.Diff(want, plainHead(out.heads(t)[0])); d != "" {
		t.Error(d)
	}
}

func TestEnrichFailsSoft(t *testing.T) {
	for _, tt := range []struct {
		name, note, buttons string
		jobs                fakeJobs
	}{
		{"no answer", "The cluster prod did not answer.", "Ack Diagnose Restart… Savepoint Logs Scale… Stop…", func(ctx context.Context, _, _, _ string) (JobFacts, error) {
			<-ctx.Done()
			return JobFacts{}, platform.Errorf(platform.Unavailable, "", "no answer")
		}},
		{"gone", "The cluster prod does not know this job", "Ack", func(context.Context, string, string, string) (JobFacts, error) {
			return JobFacts{}, platform.Errorf(platform.NotFound, "", "no such job")
		}},
		{"failed", "Job state: FAILED", "Ack Diagnose Restart… Logs", func(context.Context, string, string, string) (JobFacts, error) {
			return JobFacts{Ref: platform.JobRef{Cluster: "prod", Job: "orders"}, State: platform.Failed}, nil
		}},
		{"cannot", "Job state: RUNNING", "Ack Diagnose Restart… Logs Scale…", func(context.Context, string, string, string) (JobFacts, error) {
			return JobFacts{State: platform.Running, Cannot: []platform.Op{platform.OpSavepoint, platform.OpStop}}, nil
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := testOptions()
			o.EnrichWithin = 50 * time.Millisecond
			s, out, _ := newService(t, o, Hooks{Jobs: tt.jobs})
			take(t, s, webhook("FlinkJobCrashLoop", orders(), Firing))
			enrichNow(t, s)
			h := plainHead(out.heads(t)[0])
			if !strings.Contains(h, tt.note) || !strings.HasSuffix(h, "["+tt.buttons+" Assign…]") {
				t.Errorf("want %q and [%s], have\n%s", tt.note, tt.buttons, h)
			}
		})
	}
}

// A checkpoint that completed is no reason for an edit each minute.
func TestEnrichIsCalm(t *testing.T) {
	facts := JobFacts{Ref: platform.JobRef{Job: "orders"}, State: platform.Running, Checkpoints: true}
	s, out, c := newService(t, testOptions(), Hooks{Jobs: fakeJobs(func(context.Context, string, string, string) (JobFacts, error) { return facts, nil })})
	take(t, s, webhook("FlinkJobCrashLoop", orders(), Firing))
	enrichNow(t, s)
	edits := map[string]bool{}
	for range 4 {
		c.pass(time.Minute)
		facts.Checkpoint = c.t
		enrichNow(t, s)
		edits[bot.Sum(out.heads(t)[0].Message)] = true
	}
	if len(edits) != 1 {
		t.Errorf("%d different heads in 4 minutes", len(edits))
	}
	c.pass(2 * time.Minute)
	enrichNow(t, s)
	if !strings.Contains(plainHead(out.heads(t)[0]), "the checkpoint of 2026-11-21 00:01") {
		t.Errorf("after 5 minutes: %s", plainHead(out.heads(t)[0]))
	}
}
