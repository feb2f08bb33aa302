package flinkrest

import (
	"context"
	"io"

	"github.com/drey-ops/drey/platform/flinkhttp"
)

// VertexTaskManagers reads where the subtasks of a vertex run, or ran last.
func (c *Client) VertexTaskManagers(ctx context.Context, job, vertex string) (VertexTaskManagers, error) {
	return get[VertexTaskManagers](ctx, c, getVertexTMs, job, vertex)
}

// JobManagerLog hands the JobManager's log to take, whole: Flink knows no ranges. The deadline is that of ctx alone.
func (c *Client) JobManagerLog(ctx context.Context, take func(size int64, body io.Reader) error) error {
	return c.end.Stream(ctx, flinkhttp.Call{Route: getJMLog}, take)
}

// TaskManagerLog is JobManagerLog for a TaskManager. One that is unknown answers 500.
func (c *Client) TaskManagerLog(ctx context.Context, id string, take func(size int64, body io.Reader) error) error {
	return c.end.Stream(ctx, flinkhttp.Call{Route: getTMLog, Params: []string{id}}, take)
}
