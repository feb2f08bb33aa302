package alerts

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drey-ops/drey/bot/chart"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/diagnosis"
)

// What a cluster is asked about a job, as its silence is told.
const (
	aboutExceptions  = "exceptions"
	aboutCheckpoints = "checkpoints"
	aboutLoad        = "load"
)

// facts asks all that the cluster can tell about a job at once, each with the cluster's own deadline. What does not come in time
// is left out and named.
func (l *Lookup) facts(ctx context.Context, name string, j platform.Job, only bool) JobFacts {
	c := l.clusters[name].cluster
	f := JobFacts{
		Ref: platform.JobRef{Cluster: name, Job: string(j.ID)}, Name: j.Name, ID: j.ID, State: j.State, Running: j.Tasks.Running, Total: j.Tasks.Total, Restarts: j.Restarts,
	}
	if only && j.Name != "" {
		f.Ref.Job = j.Name
	}
	if base := l.ui[name]; base != "" {
		f.URL = strings.TrimSuffix(base, "/") + "/#/job/running/" + string(j.ID) + "/overview"
	}
	var exErr, cpErr, loadErr error
	var cps platform.Checkpoints
	var wg sync.WaitGroup
	wg.Go(func() { f.Thrown, exErr = c.Exceptions(ctx, j.ID, thrownMax) })
	wg.Go(func() { cps, cpErr = c.Checkpoints(ctx, j.ID) })
	if j.Healthy() {
		wg.Go(func() {
			var job platform.Job
			if job, loadErr = c.Job(ctx, j.ID); loadErr == nil {
				f.Load = loadText(job.Vertices)
			}
		})
	}
	wg.Go(func() {
		if info, err := c.Describe(ctx); err == nil {
			f.Cannot = slices.Sorted(maps.Keys(info.Cannot))
		}
	})
	wg.Wait()
	if len(f.Thrown) > 0 {
		f.RootCause, f.RootAt = f.Thrown[0].Root, f.Thrown[0].At
	}
	if cpErr == nil {
		f.points(cps)
	}
	for _, part := range []struct {
		what string
		err  error
	}{{aboutCheckpoints, cpErr}, {aboutExceptions, exErr}, {aboutLoad, loadErr}} {
		switch platform.KindOf(part.err) {
		case platform.Unsupported, platform.NotFound: // it has none
		default:
			if part.err != nil {
				f.Untold = append(f.Untold, part.what)
			}
		}
	}
	return f
}

// points takes in what a cluster tells of a job's checkpoints.
func (f *JobFacts) points(c platform.Checkpoints) {
	f.Checkpoints = c.Interval > 0 || c.Completed > 0
	f.Off = !f.Checkpoints && len(c.History) == 0
	f.Trend, f.Retention = trendText(c), c.Retention
	if c.Latest != nil {
		f.Checkpoint, f.CheckpointSize = c.Latest.At, c.Latest.Size
	}
	if c.LatestSavepoint != nil {
		f.Savepoint = c.LatestSavepoint.At
	}
}

// trendText says how checkpoints go where that is worth a word.
func trendText(c platform.Checkpoints) string {
	limit := ""
	if c.Timeout > 0 {
		limit = ", timeout " + span(c.Timeout)
	}
	if n, why := diagnosis.Failing(c); n > 0 {
		s := "the newest checkpoint failed"
		if n > 1 {
			s = fmt.Sprintf("the newest %d checkpoints failed", n)
		}
		if why != "" {
			s += ": " + strings.TrimRight(clip(why, 200), ".")
		}
		return s + limit
	}
	t, known := diagnosis.Checkpoints(c)
	if !known || !t.Slower {
		return ""
	}
	ago := span(t.Newest.At.Sub(t.Oldest.At))
	s := fmt.Sprintf("checkpoints take %s and grow (%s %s before)%s", brief(t.Newest.Duration), brief(t.Oldest.Duration), ago, limit)
	if t.Grows {
		s += fmt.Sprintf("; the state grew from %s to %s", bytesText(t.Oldest.Size), bytesText(t.Newest.Size))
	}
	return s
}

// brief is a duration that may be short.
func brief(d time.Duration) string {
	if d < 10*time.Second {
		return chart.Seconds.Format(d.Seconds())
	}
	return span(d)
}

// bytesText is a size for people, as the commands write it: "1.2 GB".
func bytesText(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n), 0
	for v >= 1000 && unit < 5 {
		v, unit = v/1000, unit+1
	}
	return fmt.Sprintf("%.1f %cB", v, " kMGTP"[unit])
}

// loadText says what holds a job back, if anything does.
func loadText(vs []platform.Vertex) string {
	jam, found := diagnosis.Bottleneck(vs)
	if !found {
		return ""
	}
	s := "backpressured: " + cmp.Or(clip(jam.Held.Name, 60), "a vertex")
	if v := jam.Slow; v != nil {
		return s + fmt.Sprintf("; bottleneck downstream: %s, busy %.0f %%", clip(v.Name, 60), v.Busy*100)
	}
	return s + "; what comes after it is slow, or what that writes to"
}
