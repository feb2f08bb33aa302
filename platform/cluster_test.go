package platform

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// script is a driver whose answers the test sets.
type script struct {
	calls atomic.Int32
	jobs  func(context.Context) ([]Job, error)
	info  Info
}

func (s *script) Describe(context.Context) (Info, error) { s.calls.Add(1); return s.info, nil }
func (s *script) Jobs(ctx context.Context) ([]Job, error) {
	s.calls.Add(1)
	return s.jobs(ctx)
}
func (s *script) Job(context.Context, JobID) (Job, error) { return Job{State: Running}, nil }
func (s *script) Begin(_ context.Context, id string, c Change) (Ticket, error) {
	s.calls.Add(1)
	return Ticket{}, Errorf(Unavailable, "begin", "no answer")
}
func (s *script) Poll(ctx context.Context, _ Ticket) (Outcome, error) {
	<-ctx.Done()
	return Outcome{}, ctx.Err()
}
func (s *script) Close() error { return nil }

func hang(ctx context.Context) ([]Job, error) { <-ctx.Done(); return nil, ctx.Err() }

func refused(context.Context) ([]Job, error) {
	return nil, Errorf(Unavailable, "list jobs", "connection refused")
}

func TestSilentClusterIsSaidWithinThreeSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &script{jobs: hang}
		c := Open("prod", nil, d, Options{})
		start := time.Now()
		_, err := c.Jobs(t.Context())
		if took := time.Since(start); took != 2500*time.Millisecond || KindOf(err) != Unavailable {
			t.Errorf("after %s: %v", took, err)
		}
		start = time.Now()
		_, err = c.Jobs(t.Context())
		if took := time.Since(start); took != 0 || KindOf(err) != Unavailable || d.calls.Load() != 1 {
			t.Errorf("asked again at once: after %s, %d calls: %v", took, d.calls.Load(), err)
		}
		d.jobs = func(context.Context) ([]Job, error) { return []Job{{ID: "a"}}, nil }
		time.Sleep(silence)
		if jobs, err := c.Jobs(t.Context()); err != nil || len(jobs) != 1 {
			t.Errorf("after the silence: %v, %v", jobs, err)
		}
	})
}

func TestReadsAreTriedTwiceAndChangesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &script{jobs: refused}
		var codes []string
		c := Open("prod", nil, d, Options{Observe: func(cluster, call, code string, _ time.Duration) {
			codes = append(codes, cluster+" "+call+" "+code)
		}})
		if _, err := c.Jobs(t.Context()); err == nil || err.Error() != "cluster prod: list jobs: connection refused" {
			t.Errorf("error %v", err)
		}
		time.Sleep(silence)
		if _, err := c.Begin(t.Context(), "1", Cancel{}); KindOf(err) != Unavailable {
			t.Errorf("begin: %v", err)
		}
		want := []string{"prod jobs unavailable", "prod jobs unavailable", "prod describe ok", "prod begin cancel unavailable"}
		if diff := cmp.Diff(want, codes); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAnswersThatAreErrorsAreNotAskedAgain(t *testing.T) {
	d := &script{jobs: func(context.Context) ([]Job, error) { return nil, Errorf(NotFound, "list", "none") }}
	c := Open("prod", nil, d, Options{})
	for range 2 {
		if _, err := c.Jobs(t.Context()); KindOf(err) != NotFound {
			t.Error(err)
		}
	}
	if n := d.calls.Load(); n != 2 {
		t.Errorf("%d calls", n)
	}
}

func TestCallerWhoGoesAwayIsNotTheClustersSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &script{jobs: hang}
		c := Open("prod", nil, d, Options{})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := c.Jobs(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		d.jobs = func(context.Context) ([]Job, error) { return nil, nil }
		if _, err := c.Jobs(t.Context()); err != nil {
			t.Errorf("the next caller pays: %v", err)
		}
	})
}

func TestChangesHaveADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Open("prod", nil, &script{}, Options{Change: 5 * time.Second})
		start := time.Now()
		_, err := c.Poll(t.Context(), Ticket{Op: OpStop})
		if took := time.Since(start); took != 5*time.Second || KindOf(err) != Unavailable || strings.Contains(err.Error(), "context") {
			t.Errorf("after %s: %v", took, err)
		}
	})
}

func TestWhatABackendCannotIsRefused(t *testing.T) {
	d := &script{info: Info{Cannot: map[Op]string{OpRescale: "it has the default scheduler"}}}
	c := Open("prod", nil, d, Options{})
	_, err := c.Begin(t.Context(), "1", Rescale{})
	if KindOf(err) != Unsupported || !strings.Contains(err.Error(), "default scheduler") || d.calls.Load() != 1 {
		t.Errorf("%d calls: %v", d.calls.Load(), err)
	}
	ctx := t.Context()
	for name, err := range map[string]error{
		"exceptions":  second(c.Exceptions(ctx, "a", 1)),
		"checkpoints": second(c.Checkpoints(ctx, "a")),
		"metrics":     second(c.Metrics(ctx, "a", nil)),
		"query":       c.Query(ctx, SQLStatement{}, QueryLimits{}, func(Page) {}),
		"complete":    second(c.Complete(ctx, SQLStatement{}, 0)),
	} {
		if KindOf(err) != Unsupported {
			t.Errorf("%s: %v", name, err)
		}
	}
	if can, why, err := c.CanRescale(ctx, "a"); can || why == "" || err != nil {
		t.Errorf("can rescale: %v %q %v", can, why, err)
	}
	if s, err := c.State(ctx, "a"); s != Running || err != nil {
		t.Errorf("state falls back to the job: %s, %v", s, err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestClusterErrorsAreRedacted(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{`Get "http://user:pw@10.1.2.3:8081/jobs": EOF`, `cluster prod: jobs: Get "(address)": EOF`},
		{"dial tcp 10.1.2.3:8081: connect: refused", "cluster prod: jobs: dial tcp (host): connect: refused"},
		{"first\n\tat second", "cluster prod: jobs: first at second"},
		{"Authorization: Bearer abcdefgh12345", "cluster prod: jobs: Authorization: Bearer ***"},
		{"no file s3://bucket/a/savepoint-1", "cluster prod: jobs: no file s3://bucket/a/savepoint-1"},
	} {
		d := &script{jobs: func(context.Context) ([]Job, error) { return nil, errors.New(tc.in) }}
		_, err := Open("prod", nil, d, Options{}).Jobs(t.Context())
		if err == nil || err.Error() != tc.want {
			t.Errorf("%q becomes %v, want %q", tc.in, err, tc.want)
		}
	}
}

func TestFind(t *testing.T) {
	jobs := []Job{
		{ID: "aaaaaa11111111111111111111111111", Name: "orders", State: Running},
		{ID: "bbbbbb22222222222222222222222222", Name: "payments", State: Running},
		{ID: "bbbbbb33333333333333333333333333", Name: "payments", State: Restarting},
		{ID: "cccccc44444444444444444444444444", Name: "orders", State: Failed},
		{ID: "dddddd55555555555555555555555555", Name: "nightly", State: Finished},
		{ID: "eeeeee66666666666666666666666666", Name: "nightly", State: Failed},
	}
	d := &script{jobs: func(context.Context) ([]Job, error) { return slices.Clone(jobs), nil }}
	c := Open("prod", nil, d, Options{})
	for _, tc := range []struct {
		ask  string
		want JobID
		kind Kind
		says string
	}{
		{"orders", "aaaaaa11111111111111111111111111", 0, ""},
		{"cccccc44444444444444444444444444", "cccccc44444444444444444444444444", 0, ""},
		{"AAAAAA", "aaaaaa11111111111111111111111111", 0, ""},
		{"aaaaa", "", NotFound, ""},
		{"nightly", "dddddd55555555555555555555555555", 0, ""},
		{"payments", "", Invalid, "2 live jobs"},
		{"bbbbbb", "", Invalid, "name one by its id"},
		{"bbbbbb2", "bbbbbb22222222222222222222222222", 0, ""},
		{"ordres", "", NotFound, "did you mean orders?"},
		{"pay", "", NotFound, "did you mean payments?"},
		{"zzzzzzzz", "", NotFound, "there is no job"},
	} {
		j, err := c.Find(t.Context(), tc.ask)
		if j.ID != tc.want || (err != nil) != (tc.want == "") || err != nil && (KindOf(err) != tc.kind || !strings.Contains(err.Error(), tc.says)) {
			t.Errorf("%s: %s, %v", tc.ask, j.ID, err)
		}
	}
}

func TestTicketSurvivesJSON(t *testing.T) {
	in := Ticket{Op: OpRescale, Job: "a", ID: "b", Data: json.RawMessage(`{"x":1}`)}
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out Ticket
	if err := json.Unmarshal(b, &out); err != nil || !cmp.Equal(in, out) {
		t.Errorf("%+v, %v", out, err)
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("http://u:p@h/x", "a")
	f.Add("10.0.0.1:99", "token=aaaaaaaaaaaa")
	f.Fuzz(func(t *testing.T, a, b string) {
		out := Redact(a + " " + b)
		if webAddress.MatchString(out) {
			t.Errorf("%q", out)
		}
	})
}
