package flinkrest

import (
	"context"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/drey-ops/drey/platform/flinkhttp"
)

// Client calls one JobManager. It is safe for concurrent use.
type Client struct{ end *flinkhttp.Endpoint }

// New makes a client; it connects to nothing.
func New(o flinkhttp.Options) (*Client, error) {
	end, err := flinkhttp.New(o)
	if err != nil {
		return nil, err
	}
	return &Client{end: end}, nil
}

// Close drops idle connections.
func (c *Client) Close() { c.end.Close() }

func get[T any](ctx context.Context, c *Client, route string, params ...string) (T, error) {
	var out T
	err := c.end.Do(ctx, flinkhttp.Call{Route: route, Params: params}, &out)
	return out, err
}

// Config reads the version and which features are on.
func (c *Client) Config(ctx context.Context) (Config, error) { return get[Config](ctx, c, getConfig) }

// Overview counts slots, TaskManagers and jobs.
func (c *Client) Overview(ctx context.Context) (Overview, error) {
	return get[Overview](ctx, c, getOverview)
}

// JobManagerConfig reads the cluster's configuration file. Flink hides the values of keys that look secret.
func (c *Client) JobManagerConfig(ctx context.Context) (map[string]string, error) {
	kvs, err := get[[]struct{ Key, Value string }](ctx, c, getJMConfig)
	if err != nil {
		return nil, err
	}
	m := make(map[string]string, len(kvs))
	for _, kv := range kvs {
		m[kv.Key] = kv.Value
	}
	return m, nil
}

// Jobs lists the jobs that the cluster remembers, in no order.
func (c *Client) Jobs(ctx context.Context) ([]JobSummary, error) {
	out, err := get[struct{ Jobs []JobSummary }](ctx, c, getJobs)
	return out.Jobs, err
}

// Job reads a job with its vertices; up to 3 s old.
func (c *Client) Job(ctx context.Context, id string) (JobDetails, error) {
	return get[JobDetails](ctx, c, getJob, id)
}

// Status reads a job's state as it is now.
func (c *Client) Status(ctx context.Context, id string) (string, error) {
	out, err := get[struct{ Status string }](ctx, c, getStatus, id)
	return out.Status, err
}

// Exceptions reads at most n failures of a job.
func (c *Client) Exceptions(ctx context.Context, id string, n int) (Exceptions, error) {
	var out Exceptions
	q := url.Values{"maxExceptions": {strconv.Itoa(n)}}
	err := c.end.Do(ctx, flinkhttp.Call{Route: getExceptions, Params: []string{id}, Query: q}, &out)
	return out, err
}

// ExecutionResult reads how a job ended; Result is nil while it runs.
func (c *Client) ExecutionResult(ctx context.Context, id string) (ExecutionResult, error) {
	return get[ExecutionResult](ctx, c, getResult, id)
}

// Checkpoints reads a job's checkpoint statistics.
func (c *Client) Checkpoints(ctx context.Context, id string) (Checkpoints, error) {
	return get[Checkpoints](ctx, c, getCheckpoints, id)
}

// CheckpointConfig reads how a job checkpoints.
func (c *Client) CheckpointConfig(ctx context.Context, id string) (CheckpointConfig, error) {
	return get[CheckpointConfig](ctx, c, getCheckpointCfg, id)
}

// JobMetrics reads metrics of the job itself; unknown names are left out. The first call of a job may find none: the
// JobManager fetches them every 10 s, once somebody has asked.
func (c *Client) JobMetrics(ctx context.Context, id string, names []string) ([]Metric, error) {
	return c.metrics(ctx, getJobMetrics, []string{id}, url.Values{"get": {strings.Join(names, ",")}})
}

// VertexMetrics reads metrics summed up over the subtasks of a vertex; without names it lists the names there are. One
// unknown name makes the answer empty.
func (c *Client) VertexMetrics(ctx context.Context, job, vertex string, names []string) ([]Metric, error) {
	var q url.Values
	if len(names) > 0 {
		q = url.Values{"get": {strings.Join(names, ",")}, "agg": {"sum,max"}}
	}
	return c.metrics(ctx, getVertexMetrics, []string{job, vertex}, q)
}

func (c *Client) metrics(ctx context.Context, route string, params []string, q url.Values) ([]Metric, error) {
	var out []Metric
	err := c.end.Do(ctx, flinkhttp.Call{Route: route, Params: params, Query: q}, &out)
	return out, err
}

// Backpressure reads the load of a vertex.
func (c *Client) Backpressure(ctx context.Context, job, vertex string) (Backpressure, error) {
	return get[Backpressure](ctx, c, getBackpressure, job, vertex)
}

// Cancel asks a job to cancel and does not wait. It is accepted again while cancelling and when canceled; a job that has
// ended otherwise answers 409.
func (c *Client) Cancel(ctx context.Context, id string) error {
	return c.end.Do(ctx, flinkhttp.Call{Route: cancelJob, Params: []string{id}, Query: url.Values{"mode": {"cancel"}}}, nil)
}

type triggered struct {
	ID string `json:"request-id"`
}

// TriggerSavepoint starts a savepoint and returns its trigger id. Unknown and ended jobs are accepted too: their failure
// is in the trigger's state.
func (c *Client) TriggerSavepoint(ctx context.Context, job string, r SavepointRequest) (string, error) {
	var out triggered
	err := c.end.Do(ctx, flinkhttp.Call{Route: postSavepoint, Params: []string{job}, Body: r}, &out)
	return out.ID, err
}

// TriggerStop starts a stop with savepoint and returns its trigger id; see TriggerSavepoint.
func (c *Client) TriggerStop(ctx context.Context, job string, r StopRequest) (string, error) {
	var out triggered
	err := c.end.Do(ctx, flinkhttp.Call{Route: postStop, Params: []string{job}, Body: r}, &out)
	return out.ID, err
}

// Savepoint reads the state of a savepoint or stop. Trigger ids live in the JobManager's memory, by default 5 minutes.
func (c *Client) Savepoint(ctx context.Context, job, trigger string) (Trigger, error) {
	return get[Trigger](ctx, c, getSavepoint, job, trigger)
}

// TriggerDisposal starts the deletion of a savepoint.
func (c *Client) TriggerDisposal(ctx context.Context, path string) (string, error) {
	var out triggered
	body := map[string]string{"savepoint-path": path}
	err := c.end.Do(ctx, flinkhttp.Call{Route: postDisposal, Body: body}, &out)
	return out.ID, err
}

// Disposal reads the state of a deletion.
func (c *Client) Disposal(ctx context.Context, trigger string) (Trigger, error) {
	return get[Trigger](ctx, c, getDisposal, trigger)
}

// Requirements reads the parallelism wanted; the default scheduler answers 500.
func (c *Client) Requirements(ctx context.Context, job string) (Requirements, error) {
	return get[Requirements](ctx, c, getRequirements, job)
}

// SetRequirements changes the parallelism wanted. It is accepted at once and applied later, if slots allow.
func (c *Client) SetRequirements(ctx context.Context, job string, r Requirements) error {
	return c.end.Do(ctx, flinkhttp.Call{Route: putRequirements, Params: []string{job}, Body: r}, nil)
}

// Jars lists the uploaded JARs.
func (c *Client) Jars(ctx context.Context) ([]Jar, error) {
	out, err := get[struct{ Files []Jar }](ctx, c, getJars)
	return out.Files, err
}

// UploadJar uploads a file of size bytes and returns the JAR's id. The name must end in ".jar"; the same file twice makes
// two JARs. The deadline is that of ctx alone.
func (c *Client) UploadJar(ctx context.Context, name string, size int64, body io.Reader) (string, error) {
	var out struct{ Filename string } // on the JobManager's disk
	err := c.end.Upload(ctx, flinkhttp.Call{Route: uploadJar}, flinkhttp.File{Name: name, Size: size, Body: body}, &out)
	return out.Filename[strings.LastIndexAny(out.Filename, `/\\`)+1:], err
}

// PlanJar runs a JAR's program up to where it would submit its job, and returns the job's name.
func (c *Client) PlanJar(ctx context.Context, jar string, r RunRequest) (string, error) {
	var out struct{ Plan struct{ Name string } }
	err := c.end.Do(ctx, flinkhttp.Call{Route: planJar, Params: []string{jar}, Body: r}, &out)
	return out.Plan.Name, err
}

// RunJar submits a JAR's job and returns the job's id.
func (c *Client) RunJar(ctx context.Context, jar string, r RunRequest) (string, error) {
	var out struct {
		ID string `json:"jobid"`
	}
	err := c.end.Do(ctx, flinkhttp.Call{Route: runJar, Params: []string{jar}, Body: r}, &out)
	return out.ID, err
}

// DeleteJar deletes an uploaded JAR.
func (c *Client) DeleteJar(ctx context.Context, jar string) error {
	return c.end.Do(ctx, flinkhttp.Call{Route: deleteJar, Params: []string{jar}}, nil)
}
