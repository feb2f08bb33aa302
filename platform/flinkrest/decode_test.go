package flinkrest

import (
	"encoding/json"
	"testing"

	"github.com/drey-ops/drey/platform/flinkhttp/flinktest"
)

// answerOf is a new value of the type that the client reads for a request, nil where it has no such call.
func answerOf(method, path string) any {
	for route, out := range map[string]any{
		getConfig: new(Config), getOverview: new(Overview), getJMConfig: new([]struct{ Key, Value string }),
		getJobs: new(struct{ Jobs []JobSummary }), getJob: new(JobDetails), getStatus: new(struct{ Status string }),
		getExceptions: new(Exceptions), getResult: new(ExecutionResult), getCheckpoints: new(Checkpoints),
		getCheckpointCfg: new(CheckpointConfig), getJobMetrics: new([]Metric), getVertexMetrics: new([]Metric),
		getBackpressure: new(Backpressure), postSavepoint: new(triggered), getSavepoint: new(Trigger), postStop: new(triggered),
		postDisposal: new(triggered), getDisposal: new(Trigger), getRequirements: new(Requirements),
		getVertexTMs: new(VertexTaskManagers), getJars: new(struct{ Files []Jar }), runJar: new(struct{ JobID string }),
	} {
		// "/jobs/metrics" and "/jobs/overview" have the form of "/jobs/:jobid".
		if flinktest.Match(route, method, path) && (route != getJob || !flinktest.Match(getJobs, method, path) && !flinktest.Match("GET /jobs/metrics", method, path)) {
			return out
		}
	}
	return nil
}

func find[T any](t *testing.T, version, name string) T {
	t.Helper()
	var out T
	for _, x := range flinktest.Recorded(t, version) {
		if x.Name == name {
			if err := json.Unmarshal(x.Body, &out); err != nil {
				t.Fatal(err)
			}
			return out
		}
	}
	t.Fatalf("no recording %s of %s", name, version)
	return out
}

// TestFieldsAreRead guards against a misspelled tag, which decodes to nothing without an error.
func TestFieldsAreRead(t *testing.T) {
	for _, v := range flinktest.Versions() {
		ov := find[Overview](t, v, "overview")
		if ov.Version != v || ov.SlotsTotal == 0 || ov.TaskManagers == 0 {
			t.Errorf("%s overview %+v", v, ov)
		}
		if c := find[Config](t, v, "config"); c.Version != v || c.Features.Submit == nil {
			t.Errorf("%s config %+v", v, c)
		}
		det := find[JobDetails](t, v, "job_details")
		if det.ID == "" || det.Start == 0 || det.Now == 0 || len(det.Vertices) == 0 || (det.Scheduler == "") != (v == "1.20.3") {
			t.Errorf("%s job %+v", v, det)
		}
		if x := det.Vertices[0]; x.SlotGroup == "" || x.MaxParallelism != 128 || x.Parallelism == 0 || x.Tasks["RUNNING"] == 0 {
			t.Errorf("%s vertex %+v", v, x)
		}
		cp := find[Checkpoints](t, v, "checkpoints")
		if l := cp.Latest.Completed; cp.Counts.Completed == 0 || l == nil || l.Path == "" || l.Triggered == 0 || l.Type != "CHECKPOINT" || l.StateSize == 0 {
			t.Errorf("%s checkpoints %+v", v, cp)
		}
		if tr := find[Trigger](t, v, "savepoint_status_completed"); !tr.Completed() || tr.Location() == "" || tr.Failure() != nil {
			t.Errorf("%s trigger %+v", v, tr)
		}
		if tr := find[Trigger](t, v, "savepoint_status_in_progress"); tr.Completed() || tr.Location() != "" || tr.Failure() != nil {
			t.Errorf("%s trigger %+v", v, tr)
		}
		if r := find[ExecutionResult](t, v, "execution_result_failed"); r.Result == nil || r.Result.Failure == nil || r.Result.Failure.Stack == "" {
			t.Errorf("%s result %+v", v, r)
		}
		// In the recording of 1.20.3 the job had just ended.
		if r := find[ExecutionResult](t, v, "execution_result_running"); r.Result != nil && (r.Result.Failure != nil || v != "1.20.3") {
			t.Errorf("%s result %+v", v, r)
		}
		if r := find[triggered](t, v, "stop_trigger"); r.ID == "" {
			t.Errorf("%s trigger %+v", v, r)
		}
		for id, r := range find[Requirements](t, v, "resource_requirements_get") {
			if id == "" || r.Parallelism.Upper == 0 {
				t.Errorf("%s requirement %s %+v", v, id, r)
			}
		}
		if c := find[CheckpointConfig](t, v, "checkpoints_config"); c.Interval == 0 || c.Timeout == 0 {
			t.Errorf("%s checkpoint config %+v", v, c)
		}
	}
	tr := find[Trigger](t, "2.3.0", "savepoint_status_failed")
	if f := tr.Failure(); !tr.Completed() || f == nil || f.Stack == "" {
		t.Errorf("failed trigger %+v", tr)
	}
	if x := find[Exceptions](t, "2.3.0", "exceptions_tm_killed"); len(x.History.Entries) == 0 || x.History.Entries[0].Timestamp == 0 || x.History.Entries[0].Stack == "" {
		t.Errorf("exceptions %+v", x)
	}
}
