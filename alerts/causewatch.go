package alerts

import (
	"context"
	"sync"

	"github.com/drey-ops/drey/platform"
)

// noteCauses counts the exceptions of the jobs that a look found restarted or failed, so that causes are known before any alert
// asks. It fails soft: what is not read now is still there at the next restart.
func (s *Service) noteCauses(ctx context.Context, c *platform.Cluster, w *watched, seen sight) {
	var wg sync.WaitGroup
	free := make(chan struct{}, watchAtOnce)
	for id, j := range w.Jobs {
		job, there := seen.jobs[id]
		if !there || !j.fell(job, seen) {
			continue
		}
		wg.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			exs, err := c.Exceptions(ctx, id, thrownMax)
			if err == nil {
				_, err = s.sighted(ctx, platform.JobRef{Cluster: c.Name, Job: job.Name}, id, exs)
			}
			if err != nil && ctx.Err() == nil {
				s.log.Info("the causes of a restart are not counted", "cluster", c.Name, "job", job.Name, "err", err)
			}
		})
	}
	wg.Wait()
}

// fell says whether a job failed or restarted since the last look.
func (j *watchedJob) fell(job platform.Job, s sight) bool {
	if job.State == platform.Failed {
		return j.State != platform.Failed
	}
	n, counted := s.restarts[j.ID]
	if !counted || len(j.Restarts) == 0 {
		return false
	}
	return n > j.Restarts[len(j.Restarts)-1].N
}
