package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/ops"
	"github.com/drey-ops/drey/storage"
)

// savepointsWithin bounds the look at one cluster for a report.
const savepointsWithin = 5 * time.Second

// savepoints lists for reports the running jobs with the newest savepoint that drey recorded. A cluster that does not answer is
// left out, and an error says so beside what the others have.
func (a *app) savepoints(ctx context.Context) ([]alerts.JobPoint, error) {
	var out []alerts.JobPoint
	var errs []error
	for _, name := range a.clusters.Names() {
		limit, cancel := context.WithTimeout(ctx, savepointsWithin)
		jobs, err := a.clusters.byName[name].Jobs(limit)
		cancel()
		if err != nil {
			errs = append(errs, fmt.Errorf("list the jobs of %s: %w", name, err))
			continue
		}
		for _, j := range jobs {
			if j.State != platform.Running {
				continue
			}
			known, err := a.ops.Known(ctx, ops.Target{Cluster: name, Name: j.Name, JobID: j.ID})
			if err != nil && !errors.Is(err, storage.ErrNotFound) {
				return out, errors.Join(append(errs, err)...)
			}
			p := alerts.JobPoint{Cluster: name, Job: j.Name}
			for _, s := range known.Savepoints {
				if s.Kind != ops.ByCheckpoint && s.At.After(p.At) {
					p.At = s.At
				}
			}
			out = append(out, p)
		}
	}
	return out, errors.Join(errs...)
}
