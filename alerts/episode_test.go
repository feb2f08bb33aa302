package alerts

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

func about(name, severity string) map[string]string {
	return map[string]string{"cluster": "prod", "job_name": name, "severity": severity}
}

func fallbacks(out *kept, t *testing.T) []string {
	t.Helper()
	got := texts(out.heads(t))
	slices.Sort(got)
	return got
}

// Two alert groups about one job, of two receivers, are one thread; a worse alert calls people again.
func TestEpisodeIsOneThread(t *testing.T) {
	o := testOptions()
	o.Routes[0].Mention = []string{"web:user:olga"}
	s, out, c := newService(t, o, Hooks{})
	take(t, s, webhook("FlinkBackpressure", about("orders", "warning"), Firing))
	c.pass(time.Minute)
	other := []byte(strings.ReplaceAll(string(webhook("FlinkJobCrashLoop", about("orders", "critical"), Firing)), `"receiver":"drey"`, `"receiver":"pager"`))
	take(t, s, other)
	take(t, s, other)
	if d := cmp.Diff([]string{"Firing: FlinkJobCrashLoop and others on prod/orders (critical). FlinkJobCrashLoop happened (and one more alert)"}, fallbacks(out, t)); d != "" {
		t.Error(d)
	}
	told := out.stories(t)
	if len(told) != 1 || !told[0].Message.Broadcast || !strings.Contains(told[0].Message.Fallback, "Also firing: FlinkJobCrashLoop (critical): FlinkJobCrashLoop happened") {
		t.Fatalf("%+v", told)
	}
	text, _ := told[0].Message.Blocks[0].(bot.Text)
	if !slices.ContainsFunc(text.Spans, func(s bot.Span) bool { return s.Mention == "user:olga" }) {
		t.Errorf("nobody is called: %+v", text)
	}
	c.pass(2 * time.Minute)
	take(t, s, webhook("FlinkBackpressure", about("orders", "warning"), Resolved))
	if i := one(t, s); !i.Open() || i.FiringCount() != 1 || i.Title != "FlinkJobCrashLoop on prod/orders" {
		t.Errorf("%s %q", i.State(), i.Title)
	}
	take(t, s, webhook("FlinkJobCrashLoop", about("orders", "critical"), Resolved))
	want := []string{"Now 1 of 2 fire: FlinkJobCrashLoop; ended: FlinkBackpressure", "Resolved after 3 min"}
	if d := cmp.Diff(want, texts(out.stories(t))[1:]); d != "" {
		t.Error(d)
	}
	if got := matcherText(one(t, s).matchers()); got != `cluster="prod", job_name="orders", alertname=~"FlinkBackpressure|FlinkJobCrashLoop"` {
		t.Error(got)
	}
}

// A group of several jobs and of none is parted; what is about no job stays together.
func TestGroupIsPartedByJob(t *testing.T) {
	s, out, _ := newService(t, testOptions(), Hooks{})
	body := webhookOf("Slow", Firing, about("orders", "warning"), about("late", "warning"), map[string]string{"instance": "a"}, map[string]string{"instance": "b"})
	if kind := take(t, s, body); kind != kindNew {
		t.Error(kind)
	}
	if kind := take(t, s, body); kind != kindRepeat {
		t.Error(kind)
	}
	want := []string{"Firing: Slow on prod/late (warning). Slow happened", "Firing: Slow on prod/orders (warning). Slow happened", "Firing: Slow. Slow happened"}
	if d := cmp.Diff(want, fallbacks(out, t)); d != "" {
		t.Error(d)
	}
	o := testOptions()
	o.OneThreadPer = "group"
	s, out, _ = newService(t, o, Hooks{})
	take(t, s, body)
	if d := cmp.Diff([]string{"Firing: Slow (warning). Slow happened"}, fallbacks(out, t)); d != "" {
		t.Error(d)
	}
}

// With one cluster it does not matter how people label it; with several, labels that name none of them count as they are.
func TestSubject(t *testing.T) {
	for _, tt := range []struct {
		clusters []string
		labels   map[string]string
		want     string
	}{
		{[]string{"prod"}, map[string]string{"job_name": "a b", "cluster": "eu-1"}, "job prod a_b"},
		{[]string{"prod"}, map[string]string{"job_name": "a b"}, "job prod a_b"},
		{[]string{"prod", "test"}, map[string]string{"job_name": "a", "cluster": "eu-1"}, "job eu-1 a"},
		{[]string{"prod", "test"}, map[string]string{"job_id": "AB12", "flink_cluster": "test"}, "job test id:ab12"},
		{[]string{"prod"}, map[string]string{"alertname": "FlinkJobManagerDown"}, "cluster prod "},
		{[]string{"prod", "test"}, map[string]string{"alertname": "FlinkJobManagerDown"}, "  "},
		{[]string{"prod"}, map[string]string{"alertname": "Down", "cluster": "prod"}, "  "},
	} {
		p, err := NewPipeline(testOptions(), tt.clusters, nil)
		if err != nil {
			t.Fatal(err)
		}
		s := p.subjectOf(tt.labels, nil)
		if got := s.about + " " + s.cluster + " " + s.name; got != tt.want {
			t.Errorf("%v: %q, want %q", tt.labels, got, tt.want)
		}
	}
}

// An episode is over for good when its job runs and has completed a checkpoint; before that what fires goes on in its thread.
func TestEpisodeSettles(t *testing.T) {
	facts := JobFacts{Ref: platform.JobRef{Cluster: "prod", Job: "orders"}, State: platform.Restarting, Checkpoints: true}
	s, out, c := newService(t, testOptions(), Hooks{Jobs: fakeJobs(func(context.Context, string, string, string) (JobFacts, error) { return facts, nil })})
	take(t, s, webhook("FlinkJobCrashLoop", orders(), Firing))
	c.pass(5 * time.Minute)
	take(t, s, webhook("FlinkJobCrashLoop", orders(), Resolved))
	enrichNow(t, s)
	if i := one(t, s); !i.Settled.IsZero() || !strings.Contains(plainHead(out.heads(t)[0]), "has not completed a checkpoint since") {
		t.Errorf("settled %s", plainHead(out.heads(t)[0]))
	}
	c.pass(2 * time.Hour)
	if kind := take(t, s, at(webhook("FlinkJobCrashLoop", orders(), Firing), "2026-11-21T02:02:00Z")); kind != kindReopened {
		t.Errorf("while the job is not well: %s", kind)
	}
	c.pass(time.Minute)
	take(t, s, at(webhook("FlinkJobCrashLoop", orders(), Resolved), "2026-11-21T02:02:00Z"))
	c.pass(time.Minute)
	facts.State, facts.Checkpoint = platform.Running, c.now()
	s.work1(t)
	if i := one(t, s); i.Settled.IsZero() || !strings.Contains(i.OverNote, "completed a checkpoint") {
		t.Errorf("not settled: %+v", i.OverNote)
	}
	c.pass(2 * time.Hour)
	if kind := take(t, s, at(webhook("FlinkJobCrashLoop", orders(), Firing), "2026-11-21T04:10:00Z")); kind != kindNew {
		t.Errorf("after it was well: %s", kind)
	}
}

// work1 looks at the jobs whose turn it is, whatever the time.
func (s *Service) work1(t *testing.T) {
	t.Helper()
	for _, i := range list(t, s) {
		it, err := s.db.Take(t.Context(), enrichQueue, i.root(), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		s.warn(t.Context(), it, s.enrichOne(t.Context(), it))
	}
}

// unmuteAll looks at all that is kept back.
func unmuteAll(t *testing.T, s *Service) {
	t.Helper()
	for _, i := range list(t, s) {
		if it, err := s.db.Take(t.Context(), muteQueue, i.root(), time.Minute); err == nil {
			s.warn(t.Context(), it, s.unheld(t.Context(), it))
		}
	}
}

// A cluster that is down is one incident, whoever says so, and lists the jobs and owners; what is still wrong when it is back is
// told then.
func TestClusterDown(t *testing.T) {
	s, out, c := newService(t, testOptions(), Hooks{Clusters: map[string]*platform.Cluster{"prod": nil}})
	take(t, s, webhook("FlinkJobManagerDown", map[string]string{"cluster": "prod", "severity": "critical"}, Firing))
	if _, err := s.own(t.Context(), map[string]string{"cluster": "prod"}, []PayloadAlert{labelled(troubleSilent, "critical", "The cluster prod does not answer", "", c.now(), "f1", map[string]string{"cluster": "prod"})}); err != nil {
		t.Fatal(err)
	}
	var jobs []map[string]string
	for _, n := range []string{"a", "b", "c"} {
		l := about(n, "critical")
		l["owner"] = "team-" + n
		jobs = append(jobs, l)
	}
	take(t, s, webhookOf("FlinkJobNotRunning", Firing, jobs...))
	for range 3 {
		unmuteAll(t, s)
		c.pass(holdAgain)
	}
	heads := out.heads(t)
	if len(heads) != 1 || !strings.Contains(plainHead(heads[0]), "Jobs kept back while it is down: prod/a (team-a), prod/b (team-b), prod/c (team-c)") {
		t.Fatalf("%q", fallbacks(out, t))
	}
	jobs[0]["!"] = Resolved
	take(t, s, webhookOf("FlinkJobNotRunning", Firing, jobs...))
	take(t, s, webhook("FlinkJobManagerDown", map[string]string{"cluster": "prod", "severity": "critical"}, Resolved))
	over := labelled(troubleSilent, "critical", "", "", c.now(), "f1", map[string]string{"cluster": "prod"})
	over.Status = Resolved
	if _, err := s.own(t.Context(), map[string]string{"cluster": "prod"}, []PayloadAlert{over}); err != nil {
		t.Fatal(err)
	}
	unmuteAll(t, s)
	if n := len(out.heads(t)); n != 1 {
		t.Errorf("%d heads as soon as the cluster is back", n)
	}
	for range 4 {
		c.pass(holdAgain)
		unmuteAll(t, s)
	}
	want := []string{"Firing: FlinkJobNotRunning on prod/b (critical). FlinkJobNotRunning happened", "Firing: FlinkJobNotRunning on prod/c (critical). FlinkJobNotRunning happened"}
	if got := fallbacks(out, t); len(got) != 3 || !slices.Equal(got[:2], want) {
		t.Errorf("%q", got)
	}
}

// What drey's own operations do is told in the episode of the job, once.
func TestJobStory(t *testing.T) {
	s, out, _ := newService(t, testOptions(), Hooks{})
	tell := func() {
		t.Helper()
		if err := s.JobStory(t.Context(), "prod", "orders", "7f3/started", "web:olga", bot.Busy, bot.Textf("**restart** by Olga (7f3)")); err != nil {
			t.Error(err)
		}
	}
	tell()
	take(t, s, webhook("FlinkJobCrashLoop", orders(), Firing))
	tell()
	tell()
	if d := cmp.Diff([]string{"restart by Olga (7f3)"}, texts(out.stories(t))); d != "" {
		t.Error(d)
	}
}

// A cluster's incident that stands nowhere keeps nothing back.
func TestClusterDownUntold(t *testing.T) {
	o := testOptions()
	o.Routes[0].Match = `alertname != "FlinkJobManagerDown"`
	s, out, _ := newService(t, o, Hooks{Clusters: map[string]*platform.Cluster{"prod": nil}})
	take(t, s, webhook("FlinkJobManagerDown", map[string]string{"cluster": "prod"}, Firing))
	take(t, s, webhook("FlinkJobNotRunning", about("a", "critical"), Firing))
	if n := len(out.heads(t)); n != 1 {
		t.Errorf("%d heads: %q", n, fallbacks(out, t))
	}
}
