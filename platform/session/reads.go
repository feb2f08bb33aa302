package session

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/flinkhttp"
	"github.com/drey-ops/drey/platform/flinkrest"
)

// Exceptions implements platform.ExceptionReader. A job that failed before it ran has no history, only its result.
func (d *Driver) Exceptions(ctx context.Context, id platform.JobID, most int) ([]platform.Exception, error) {
	op := "read the exceptions of job " + short(id)
	if !isHex32(string(id)) {
		return nil, platform.Errorf(platform.Invalid, op, "a Flink job id has 32 hex digits")
	}
	if most <= 0 {
		most = 16
	}
	h, err := d.jm.Exceptions(ctx, string(id), most)
	if unknown(err) {
		return nil, noSuchJob(op)
	}
	if err != nil {
		return nil, mapped(op, err)
	}
	var out []platform.Exception
	for _, e := range h.History.Entries[:min(most, len(h.History.Entries))] {
		x := exception(millis(e.Timestamp), cmp.Or(e.Stack, e.Name))
		x.Task, x.Host = e.Task, cmp.Or(e.Endpoint, e.Location)
		out = append(out, x)
	}
	if len(out) > 0 {
		return out, nil
	}
	res, err := d.jm.ExecutionResult(ctx, string(id))
	if err != nil {
		return nil, mapped(op, err)
	}
	if res.Result == nil || res.Result.Failure == nil {
		return nil, nil
	}
	return []platform.Exception{exception(d.end(ctx, string(id)), res.Result.Failure.Stack)}, nil
}

// end is when a job ended, from the overview: the job's details may still tell of it running.
func (d *Driver) end(ctx context.Context, id string) time.Time {
	list, err := d.jm.Jobs(ctx)
	if i := slices.IndexFunc(list, func(j flinkrest.JobSummary) bool { return j.ID == id }); err == nil && i >= 0 {
		return millis(list[i].End)
	}
	return time.Time{}
}

func exception(at time.Time, stack string) platform.Exception {
	return platform.Exception{
		At:    at,
		Root:  platform.Redact(flinkhttp.RootCause(stack).String()),
		Stack: platform.Redact(stack),
	}
}

// Checkpoints implements platform.CheckpointReader.
func (d *Driver) Checkpoints(ctx context.Context, id platform.JobID) (platform.Checkpoints, error) {
	op := "read the checkpoints of job " + short(id)
	if !isHex32(string(id)) {
		return platform.Checkpoints{}, platform.Errorf(platform.Invalid, op, "a Flink job id has 32 hex digits")
	}
	cp, err := d.jm.Checkpoints(ctx, string(id))
	if unknown(err) {
		// A job without checkpointing answers 404 too.
		if _, stateErr := d.state(ctx, op, id); stateErr != nil {
			return platform.Checkpoints{}, stateErr
		}
		return platform.Checkpoints{}, nil
	}
	if err != nil {
		return platform.Checkpoints{}, mapped(op, err)
	}
	out := platform.Checkpoints{
		Completed:       cp.Counts.Completed,
		Failed:          cp.Counts.Failed,
		InProgress:      cp.Counts.InProgress,
		Latest:          checkpoint(cp.Latest.Completed),
		LatestSavepoint: checkpoint(cp.Latest.Savepoint),
	}
	for i := range cp.History {
		out.History = append(out.History, *checkpoint(&cp.History[i]))
	}
	if conf, err := d.jm.CheckpointConfig(ctx, string(id)); err == nil {
		out.Interval, out.Timeout, out.Retention = ms(conf.Interval), ms(conf.Timeout), retention(conf)
	}
	return out, nil
}

func retention(conf flinkrest.CheckpointConfig) platform.Retention {
	switch x := conf.Externalization; {
	case x == nil:
		return ""
	case !x.Enabled:
		return platform.NoRetention
	case x.DeleteOnCanceled:
		return platform.DeleteOnCancellation
	}
	return platform.RetainOnCancellation
}

func checkpoint(c *flinkrest.Checkpoint) *platform.Checkpoint {
	if c == nil {
		return nil
	}
	return &platform.Checkpoint{
		ID:        c.ID,
		Status:    c.Status,
		Savepoint: c.IsSavepoint,
		At:        millis(c.Triggered),
		Duration:  ms(c.Duration),
		Size:      c.StateSize.Int(),
		Path:      storedPath(c),
		Failure:   platform.Redact(c.Failure),
	}
}

// storedPath is where a checkpoint can be restored from; Flink writes "<checkpoint-not-externally-addressable>" for none.
func storedPath(c *flinkrest.Checkpoint) string {
	if c.Discarded || strings.HasPrefix(c.Path, "<") {
		return ""
	}
	return c.Path
}

// ms reads milliseconds. An interval of the largest long means that checkpoints are never triggered.
func ms(f flinkhttp.Float) time.Duration {
	if n := f.Int(); n > 0 && n < math.MaxInt64/int64(time.Millisecond) {
		return time.Duration(n) * time.Millisecond
	}
	return 0
}

// Metrics implements platform.MetricReader: the job's own metrics first, what it lacks summed up over its vertices. Flink
// fetches metrics at the first question, so a second one 10 s later may know more.
func (d *Driver) Metrics(ctx context.Context, id platform.JobID, names []string) (map[string]float64, error) {
	op := "read metrics of job " + short(id)
	if !isHex32(string(id)) {
		return nil, platform.Errorf(platform.Invalid, op, "a Flink job id has 32 hex digits")
	}
	out := map[string]float64{}
	if len(names) == 0 {
		return out, nil
	}
	own, err := d.jm.JobMetrics(ctx, string(id), names)
	if unknown(err) {
		return nil, noSuchJob(op)
	}
	if err != nil {
		return nil, mapped(op, err)
	}
	for _, m := range own {
		if m.Value != nil {
			out[m.ID] = float64(*m.Value)
		}
	}
	var rest []string
	for _, n := range names {
		if _, ok := out[n]; !ok {
			rest = append(rest, n)
		}
	}
	if len(rest) == 0 {
		return out, nil
	}
	det, err := d.jm.Job(ctx, string(id))
	if unknown(err) {
		return nil, noSuchJob(op)
	}
	if err != nil {
		return nil, mapped(op, err)
	}
	d.sumVertices(ctx, id, det.Vertices, rest, out)
	return out, nil
}

// sumVertices adds the vertices' metrics into out. A vertex that does not answer is left out.
func (d *Driver) sumVertices(ctx context.Context, id platform.JobID, vs []flinkrest.Vertex, names []string, out map[string]float64) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	free := make(chan struct{}, loadAtOnce)
	for _, v := range vs[:min(len(vs), busyVertices)] {
		wg.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			got := d.vertexMetrics(ctx, id, v.ID, names)
			mu.Lock()
			defer mu.Unlock()
			for _, m := range got {
				if m.Sum == nil {
					continue
				}
				sum := float64(*m.Sum)
				if old, ok := out[m.ID]; ok && !math.IsNaN(old) {
					// A legacy source has NaN where the others have numbers.
					if math.IsNaN(sum) {
						continue
					}
					sum += old
				}
				out[m.ID] = sum
			}
		})
	}
	wg.Wait()
}

// vertexMetrics reads those of the names that a vertex has. One name that it has not makes the whole answer empty, so
// then the names are looked up first.
func (d *Driver) vertexMetrics(ctx context.Context, id platform.JobID, vertex string, names []string) []flinkrest.Metric {
	got, err := d.jm.VertexMetrics(ctx, string(id), vertex, names)
	if err != nil || len(got) > 0 || len(names) == 1 {
		return got
	}
	all, err := d.jm.VertexMetrics(ctx, string(id), vertex, nil)
	if err != nil {
		return nil
	}
	var has []string
	for _, m := range all {
		if slices.Contains(names, m.ID) {
			has = append(has, m.ID)
		}
	}
	if len(has) == 0 {
		return nil
	}
	got, _ = d.jm.VertexMetrics(ctx, string(id), vertex, has)
	return got
}
