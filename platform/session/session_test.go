package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/flinkrest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOptionsYAML(t *testing.T) {
	var o Options
	err := yaml.Unmarshal([]byte("url: http://jm:8081/flink\nsql_gateway: http://gw:8083\nheaders: {X-A: b}\nbearer: geheim\ntls: {skip_verify: true}\ntimeout: 5s\n"), &o)
	if err != nil || o.Validate() != nil || o.Timeout != 5*time.Second || o.Bearer != "geheim" || o.Headers["X-A"] != "b" || !o.TLS.SkipVerify {
		t.Errorf("%+v, %v, %v", o, err, o.Validate())
	}
	if s := fmt.Sprintf("%+v %v", o, o); strings.Contains(s, "geheim") {
		t.Errorf("prints its secret: %s", s)
	}
	for _, bad := range []Options{{}, {URL: "x"}, {URL: "http://a", SQLGateway: "b"}, {URL: "http://a", Timeout: -1}} {
		if bad.Validate() == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}

// fake answers with fixed bodies by "METHOD /path"; what is missing is a 404 of Flink's.
func fake(t *testing.T, answers map[string]string) *Driver {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := answers[r.Method+" "+r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			body = `{"errors":["org.apache.flink.runtime.rest.NotFoundException: not there"]}`
		}
		if strings.HasPrefix(body, `{"errors"`) && ok {
			w.WriteHeader(http.StatusInternalServerError)
		}
		fmt.Fprint(w, body)
	}))
	t.Cleanup(s.Close)
	d, err := New(Options{URL: s.URL, Timeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

const (
	jobA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	ourX = "0123456789abcdef0123456789abcdef"
)

// TestTriggerFailures covers what COMPLETED can hide.
func TestTriggerFailures(t *testing.T) {
	for _, tc := range []struct {
		stack string
		want  platform.Kind
		says  string
	}{
		{"java.util.concurrent.CompletionException: org.apache.flink.util.FlinkException: The Flink job is currently not executing.", platform.Busy, "not executing"},
		{"a.CompletionException: a.IllegalStateException: Job x is not a streaming job.", platform.Busy, "not a streaming job"},
		{"a.CompletionException: org.apache.flink.runtime.messages.FlinkJobNotFoundException: Could not find Flink job (x)", platform.NotFound, "Could not find"},
		{"a.CheckpointException: Could not complete\nCaused by: java.io.IOException: No space left on device", platform.Other, "No space left on device"},
	} {
		body, _ := json.Marshal(map[string]any{"status": map[string]string{"id": "COMPLETED"}, "operation": map[string]any{"failure-cause": map[string]string{"stack-trace": tc.stack}}})
		d := fake(t, map[string]string{"GET /jobs/" + jobA + "/savepoints/" + ourX: string(body)})
		for _, op := range []platform.Op{platform.OpSavepoint, platform.OpStop} {
			_, err := d.Poll(t.Context(), platform.Ticket{Op: op, Job: jobA, ID: ourX})
			if platform.KindOf(err) != tc.want || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %q has kind %s, want %s", op, err, platform.KindOf(err), tc.want)
			}
		}
	}
}

func TestSavepointNeedsARunningJob(t *testing.T) {
	for state, want := range map[platform.JobState]platform.Kind{
		platform.Restarting: platform.Busy, platform.Created: platform.Busy, platform.Initializing: platform.Busy,
		platform.Failed: platform.Invalid, platform.Canceled: platform.Invalid, platform.Failing: platform.Invalid,
	} {
		d := fake(t, map[string]string{"GET /jobs/" + jobA + "/status": `{"status":"` + string(state) + `"}`})
		for _, c := range []platform.Change{platform.Savepoint{Job: jobA}, platform.Stop{Job: jobA}} {
			if _, err := d.Begin(t.Context(), ourX, c); platform.KindOf(err) != want {
				t.Errorf("%s of a job %s: %v", c.Op(), state, err)
			}
		}
	}
}

func TestLostClusterIsAmbiguous(t *testing.T) {
	d := fake(t, nil)
	for _, op := range []platform.Op{platform.OpStop, platform.OpSavepoint, platform.OpCancel} {
		_, err := d.Poll(t.Context(), platform.Ticket{Op: op, Job: jobA, ID: ourX})
		if platform.KindOf(err) != platform.Ambiguous {
			t.Errorf("%s: %v", op, err)
		}
	}
	if _, err := d.Poll(t.Context(), platform.Ticket{Op: platform.OpSubmitSQL, Job: jobA, ID: ourX}); platform.KindOf(err) != platform.NotFound {
		t.Errorf("submission: %v", err)
	}
}

func TestRescaleTargets(t *testing.T) {
	det := flinkrest.JobDetails{Vertices: []flinkrest.Vertex{
		{ID: "src", SlotGroup: "g", MaxParallelism: 128, Parallelism: 2},
		{ID: "global", SlotGroup: "g", MaxParallelism: 1, Parallelism: 1},
		{ID: "sink", SlotGroup: "h", MaxParallelism: 4, Parallelism: 2},
	}}
	req := flinkrest.Requirements{}
	for _, v := range det.Vertices {
		req[v.ID] = flinkrest.Requirement{Parallelism: flinkrest.Bounds{Lower: 1, Upper: v.Parallelism}}
	}
	for _, tc := range []struct {
		n      int
		vertex string
		want   string
		kind   platform.Kind
	}{
		{3, "", "map[global:1 sink:3 src:3]", 0},
		{6, "", "map[global:1 sink:4 src:6]", 0},
		{129, "", "", platform.Invalid},
		{4, "sink", "map[global:1 sink:4 src:2]", 0},
		{5, "sink", "", platform.Invalid},
		{2, "none", "", platform.NotFound},
	} {
		got, err := wanted("rescale", det, req, platform.Rescale{Parallelism: tc.n, Vertex: tc.vertex})
		if err != nil && platform.KindOf(err) != tc.kind || err == nil && fmt.Sprint(got) != tc.want {
			t.Errorf("to %d %s: %v, %v", tc.n, tc.vertex, got, err)
		}
	}
}

func TestJobsNewestFirst(t *testing.T) {
	d := fake(t, map[string]string{"GET /jobs/overview": `{"jobs":[{"jid":"b","start-time":1,"end-time":-1},{"jid":"c","start-time":9,"end-time":0},{"jid":"a","start-time":1}]}`})
	jobs, err := d.Jobs(t.Context())
	if err != nil || len(jobs) != 3 || jobs[0].ID != "c" || jobs[1].ID != "a" || jobs[2].ID != "b" || !jobs[0].End.IsZero() || jobs[0].Restarts != -1 {
		t.Errorf("%+v, %v", jobs, err)
	}
}

// TestLostAnswerOfASubmission: the gateway takes the statement and falls silent, the job is there.
func TestLostAnswerOfASubmission(t *testing.T) {
	var submitted atomic.Bool
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case strings.HasSuffix(path, "/status") && !submitted.Load():
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"errors":["org.apache.flink.runtime.rest.NotFoundException: not there"]}`)
		case strings.HasSuffix(path, "/status"):
			fmt.Fprint(w, `{"status":"RUNNING"}`)
		case path == "/v3/sessions":
			fmt.Fprint(w, `{"sessionHandle":"s"}`)
		case strings.HasSuffix(path, "/statements"):
			submitted.Store(true)
			panic(http.ErrAbortHandler)
		default:
			fmt.Fprint(w, `{}`)
		}
	}))
	defer s.Close()
	d, err := New(Options{URL: s.URL, SQLGateway: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	ticket, err := d.Begin(t.Context(), ourX, platform.SubmitSQL{JobID: jobA, Statement: "INSERT INTO a SELECT 1"})
	if err != nil || ticket.Job != jobA {
		t.Errorf("%+v, %v", ticket, err)
	}
}

// TestLostSessionIsReplayed: a gateway that was restarted knows none of our sessions.
func TestLostSessionIsReplayed(t *testing.T) {
	var opened, configured atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case path == "/v3/sessions":
			fmt.Fprintf(w, `{"sessionHandle":"s%d"}`, opened.Add(1))
		case strings.HasSuffix(path, "/configure-session"):
			configured.Add(1)
			fmt.Fprint(w, `{}`)
		case strings.HasSuffix(path, "/statements") && opened.Load() == 1 && configured.Load() > 1:
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprint(w, `{"errors":["Internal server error.","<Exception on server side:\norg.apache.flink.table.gateway.api.utils.SqlGatewayException: Failed to execute statement.\nCaused by: org.apache.flink.table.gateway.api.utils.SqlGatewayException: Session 's1' does not exist."]}`)
		case strings.HasSuffix(path, "/statements"):
			configured.Add(1)
			fmt.Fprint(w, `{"operationHandle":"o"}`)
		case strings.Contains(path, "/result/"):
			fmt.Fprint(w, `{"resultType":"EOS","results":{"columns":[{"name":"a"}],"data":[{"kind":"INSERT","fields":["x"]}]}}`)
		default:
			fmt.Fprint(w, `{}`)
		}
	}))
	defer s.Close()
	d, err := New(Options{URL: s.URL, SQLGateway: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for i := range 2 {
		var last platform.Page
		q := platform.SQLStatement{Prelude: []string{"SET 'a' = 'b'"}, Text: "SHOW TABLES"}
		if err := d.Query(t.Context(), q, platform.QueryLimits{}, func(p platform.Page) { last = p }); err != nil || len(last.Rows) != 1 {
			t.Errorf("query %d: %+v, %v", i, last, err)
		}
	}
	if opened.Load() != 2 {
		t.Errorf("%d sessions were opened, want 2", opened.Load())
	}
}

func TestCanceledReadsAsSuch(t *testing.T) {
	d := fake(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := d.Jobs(ctx)
	if !errors.Is(err, context.Canceled) || err.Error() != "list jobs: the request was cancelled" {
		t.Errorf("%v", err)
	}
}
