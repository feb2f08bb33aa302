package session

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/flinkrest"
)

// Jobs implements platform.Driver, in one request.
func (d *Driver) Jobs(ctx context.Context) ([]platform.Job, error) {
	list, err := d.jm.Jobs(ctx)
	if err != nil {
		return nil, mapped("list jobs", err)
	}
	jobs := make([]platform.Job, len(list))
	for i, j := range list {
		jobs[i] = platform.Job{
			ID:       platform.JobID(j.ID),
			Name:     j.Name,
			State:    platform.JobState(j.State),
			Start:    millis(j.Start),
			End:      millis(j.End),
			Tasks:    platform.Tasks{Running: j.Tasks.Running, Total: j.Tasks.Total},
			Restarts: -1,
			Adaptive: j.Scheduler == "Adaptive",
		}
	}
	// 1.20 lists in no order.
	slices.SortStableFunc(jobs, func(a, b platform.Job) int {
		if c := b.Start.Compare(a.Start); c != 0 {
			return c
		}
		return strings.Compare(string(a.ID), string(b.ID))
	})
	return jobs, nil
}

// busyVertices bounds the vertices whose load Job reads, and loadAtOnce the requests at a time.
const (
	busyVertices = 40
	loadAtOnce   = 4
)

// Job implements platform.Driver. The state is of now; the vertices are up to 3 s old.
func (d *Driver) Job(ctx context.Context, id platform.JobID) (platform.Job, error) {
	op := "read job " + short(id)
	if !isHex32(string(id)) {
		return platform.Job{}, platform.Errorf(platform.Invalid, op, "a Flink job id has 32 hex digits")
	}
	det, err := d.jm.Job(ctx, string(id))
	if unknown(err) {
		return platform.Job{}, noSuchJob(op)
	}
	if err != nil {
		return platform.Job{}, mapped(op, err)
	}
	j := fromDetails(det)
	var wg sync.WaitGroup
	wg.Go(func() {
		// The details may tell of a job RUNNING that was cancelled 3 s ago.
		if s, err := d.jm.Status(ctx, string(id)); err == nil {
			j.State = platform.JobState(s)
		}
	})
	wg.Go(func() {
		if v, ok := d.jobMetric(ctx, id, "numRestarts"); ok {
			j.Restarts = int(v)
		}
	})
	wg.Go(func() {
		j.Adaptive = det.Scheduler == "Adaptive" || det.Scheduler == "" && d.configuredScheduler(ctx) == "adaptive"
	})
	if det.State == string(platform.Running) {
		wg.Go(func() { d.readLoad(ctx, id, j.Vertices) })
	}
	wg.Wait()
	return j, nil
}

func fromDetails(det flinkrest.JobDetails) platform.Job {
	j := platform.Job{
		ID:       platform.JobID(det.ID),
		Name:     det.Name,
		State:    platform.JobState(det.State),
		Start:    millis(det.Start),
		End:      millis(det.End),
		Restarts: -1,
	}
	for _, v := range det.Vertices {
		j.Parallelism = max(j.Parallelism, v.Parallelism)
		if v.MaxParallelism > 0 && (j.MaxParallelism == 0 || v.MaxParallelism < j.MaxParallelism) {
			j.MaxParallelism = v.MaxParallelism
		}
		j.Tasks.Total += v.Parallelism
		j.Tasks.Running += v.Tasks[string(platform.Running)]
		j.Vertices = append(j.Vertices, platform.Vertex{
			ID:             v.ID,
			Name:           v.Name,
			State:          platform.JobState(v.Status),
			Parallelism:    v.Parallelism,
			MaxParallelism: v.MaxParallelism,
			ReadRecords:    v.Metrics.ReadRecords.Int(),
			WriteRecords:   v.Metrics.WriteRecords.Int(),
			Backpressured:  math.NaN(),
			Busy:           math.NaN(),
		})
	}
	return j
}

// readLoad fills Backpressured and Busy, as far as it can.
func (d *Driver) readLoad(ctx context.Context, id platform.JobID, vs []platform.Vertex) {
	free := make(chan struct{}, loadAtOnce)
	var wg sync.WaitGroup
	for i := range vs[:min(len(vs), busyVertices)] {
		wg.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			bp, err := d.jm.Backpressure(ctx, string(id), vs[i].ID)
			if err != nil {
				return
			}
			for _, s := range bp.Subtasks {
				vs[i].Backpressured = larger(vs[i].Backpressured, float64(s.Ratio))
				vs[i].Busy = larger(vs[i].Busy, float64(s.Busy))
			}
		})
	}
	wg.Wait()
}

// larger is max, but a number beats NaN.
func larger(a, b float64) float64 {
	switch {
	case math.IsNaN(a):
		return b
	case math.IsNaN(b):
		return a
	}
	return max(a, b)
}

// jobMetric reads one metric of the job; ok is false where there is none yet.
func (d *Driver) jobMetric(ctx context.Context, id platform.JobID, name string) (v float64, ok bool) {
	ms, err := d.jm.JobMetrics(ctx, string(id), []string{name})
	if err != nil {
		return 0, false
	}
	for _, m := range ms {
		if m.ID == name && m.Value != nil && !math.IsNaN(float64(*m.Value)) {
			return float64(*m.Value), true
		}
	}
	return 0, false
}

// millis reads Flink's times; 0 and -1 mean never.
func millis(ms int64) time.Time {
	if ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
