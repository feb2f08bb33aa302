package platform

import (
	"context"
	"time"
)

// Log is the end of one process's log.
type Log struct {
	Source string // "TaskManager tm1", "JobManager"
	Size   int64  // of the whole, in bytes
	Tail   string // whole lines, the newest last; secrets and addresses are taken out
	Missed string // why there is no Tail, in words for people
}

// LogReader reads the logs of the processes that run a job, or ran it.
type LogReader interface {
	// Logs returns the last bytes of each log, at most max: first those of the TaskManagers where the job failed last, or else
	// runs; the JobManager's at the end. A process that does not give its log is told as Missed. They hold what other jobs of
	// the cluster wrote as well.
	Logs(ctx context.Context, id JobID, max int) ([]Log, error)
}

// logsWithin bounds the reading of logs: Flink gives a log only whole, and TaskManagers give theirs to the JobManager first.
const logsWithin = 20 * time.Second

// Logs reads the logs of the processes that run a job; see LogReader.
func (c *Cluster) Logs(ctx context.Context, id JobID, max int) ([]Log, error) {
	r, ok := c.d.(LogReader)
	if !ok {
		return nil, c.cannot("logs")
	}
	if err := c.quiet(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, logsWithin)
	defer cancel()
	list, err := observed(ctx, c, "logs", func(ctx context.Context) ([]Log, error) { return r.Logs(ctx, id, max) })
	return list, c.named("logs", err)
}
