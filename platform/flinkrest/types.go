package flinkrest

import "github.com/drey-ops/drey/platform/flinkhttp"

// Config is what the dashboard is told about the cluster.
type Config struct {
	Version  string `json:"flink-version"`
	Features struct {
		// Submit is nil in an answer that lacks it.
		Submit *bool `json:"web-submit"`
	} `json:"features"`
}

// Overview counts the cluster's parts. For some seconds after a JobManager restart TaskManagers is 0.
type Overview struct {
	TaskManagers   int    `json:"taskmanagers"`
	SlotsTotal     int    `json:"slots-total"`
	SlotsAvailable int    `json:"slots-available"`
	JobsRunning    int    `json:"jobs-running"`
	Version        string `json:"flink-version"`
}

// JobSummary is one row of the jobs overview. Times are Unix milliseconds, -1 for never.
type JobSummary struct {
	ID        string `json:"jid"`
	Name      string `json:"name"`
	State     string `json:"state"`
	Scheduler string `json:"schedulerType"` // "Adaptive"; "" on 1.20
	Start     int64  `json:"start-time"`
	End       int64  `json:"end-time"`
	Tasks     struct {
		Total    int `json:"total"`
		Running  int `json:"running"`
		Finished int `json:"finished"`
	} `json:"tasks"`
}

// JobDetails is one job with its vertices, up to 3 s old (web.refresh-interval).
type JobDetails struct {
	ID           string         `json:"jid"`
	Name         string         `json:"name"`
	State        string         `json:"state"`
	Scheduler    string         `json:"schedulerType"` // "" on 1.20
	Start        int64          `json:"start-time"`
	End          int64          `json:"end-time"`
	Now          int64          `json:"now"` // the JobManager's clock
	Vertices     []Vertex       `json:"vertices"`
	StatusCounts map[string]int `json:"status-counts"` // of vertices, not of tasks
}

// Vertex is one operator chain.
type Vertex struct {
	ID             string         `json:"id"`
	SlotGroup      string         `json:"slotSharingGroupId"`
	Name           string         `json:"name"`
	MaxParallelism int            `json:"maxParallelism"`
	Parallelism    int            `json:"parallelism"`
	Status         string         `json:"status"`
	Tasks          map[string]int `json:"tasks"` // subtasks by state
	Metrics        struct {
		ReadRecords  flinkhttp.Float `json:"read-records"`
		WriteRecords flinkhttp.Float `json:"write-records"`
	} `json:"metrics"`
}

// Failure is a Java exception as the API spells it. Its serialized form, of many kB, is not read.
type Failure struct {
	Class string `json:"class"`
	Stack string `json:"stack-trace"`
}

// Trigger is the state of an asynchronous operation. Completed with a Failure means that it failed.
type Trigger struct {
	Status struct {
		ID string `json:"id"`
	} `json:"status"`
	Operation *struct {
		Location string   `json:"location"`
		Failure  *Failure `json:"failure-cause"`
	} `json:"operation"`
}

// Completed says whether it has ended, one way or the other.
func (t Trigger) Completed() bool { return t.Status.ID == "COMPLETED" }

// Location is the savepoint's path, "" where there is none.
func (t Trigger) Location() string {
	if t.Operation == nil {
		return ""
	}
	return t.Operation.Location
}

// Failure is why it failed, nil where it did not.
func (t Trigger) Failure() *Failure {
	if t.Operation == nil {
		return nil
	}
	return t.Operation.Failure
}

// Exceptions is a job's failure history, the newest first.
type Exceptions struct {
	History struct {
		Entries []Exception `json:"entries"`
	} `json:"exceptionHistory"`
}

// Exception is one failure. The adaptive scheduler names no task.
type Exception struct {
	Name      string `json:"exceptionName"`
	Stack     string `json:"stacktrace"`
	Timestamp int64  `json:"timestamp"`
	Task      string `json:"taskName"`
	Endpoint  string `json:"endpoint"`
	Location  string `json:"location"` // 1.20's name of endpoint
	// TaskManager is where the task ran, when one is named.
	TaskManager string `json:"taskManagerId"`
}

// VertexTaskManagers are where the subtasks of a vertex run, or ran last.
type VertexTaskManagers struct {
	TaskManagers []struct {
		ID     string `json:"taskmanager-id"`
		Status string `json:"status"`
	} `json:"taskmanagers"`
}

// ExecutionResult is how a job ended.
type ExecutionResult struct {
	Result *struct {
		Status  string   `json:"application-status"`
		Failure *Failure `json:"failure-cause"`
	} `json:"job-execution-result"`
}

// Checkpoint is one checkpoint or savepoint.
type Checkpoint struct {
	ID          int64           `json:"id"`
	Status      string          `json:"status"`
	IsSavepoint bool            `json:"is_savepoint"`
	Type        string          `json:"checkpoint_type"` // CHECKPOINT, SAVEPOINT, SYNC_SAVEPOINT (a stop's)
	Triggered   int64           `json:"trigger_timestamp"`
	LatestAck   int64           `json:"latest_ack_timestamp"`
	Duration    flinkhttp.Float `json:"end_to_end_duration"` // ms
	Size        flinkhttp.Float `json:"checkpointed_size"`
	StateSize   flinkhttp.Float `json:"state_size"`
	Path        string          `json:"external_path"`
	Discarded   bool            `json:"discarded"`
	Failure     string          `json:"failure_message"`
}

// Checkpoints is a job's checkpoint statistics.
type Checkpoints struct {
	Counts struct {
		Completed  int `json:"completed"`
		Failed     int `json:"failed"`
		InProgress int `json:"in_progress"`
	} `json:"counts"`
	Latest struct {
		Completed *Checkpoint `json:"completed"`
		Savepoint *Checkpoint `json:"savepoint"`
		Failed    *Checkpoint `json:"failed"`
	} `json:"latest"`
	History []Checkpoint `json:"history"`
}

// CheckpointConfig is how a job checkpoints, in milliseconds.
type CheckpointConfig struct {
	Interval flinkhttp.Float `json:"interval"`
	Timeout  flinkhttp.Float `json:"timeout"`
	// Externalization is nil in an answer that lacks it.
	Externalization *struct {
		Enabled          bool `json:"enabled"`
		DeleteOnCanceled bool `json:"delete_on_cancellation"`
	} `json:"externalization"`
}

// Metric is one value, or its aggregates over subtasks. What the answer lacks is nil.
type Metric struct {
	ID    string           `json:"id"`
	Value *flinkhttp.Float `json:"value"`
	Sum   *flinkhttp.Float `json:"sum"`
	Max   *flinkhttp.Float `json:"max"`
}

// Backpressure is the load of a vertex.
type Backpressure struct {
	Level    string `json:"backpressureLevel"`
	Subtasks []struct {
		Ratio flinkhttp.Float `json:"ratio"`
		Busy  flinkhttp.Float `json:"busyRatio"` // NaN for legacy sources
	} `json:"subtasks"`
}

// Requirements is the parallelism wanted, by vertex. A PUT must name every vertex.
type Requirements map[string]Requirement

// Requirement bounds one vertex.
type Requirement struct {
	Parallelism Bounds `json:"parallelism"`
}

// Bounds of a parallelism. A Lower above the free slots makes the job hold all of them and still not run.
type Bounds struct {
	Lower int `json:"lowerBound"`
	Upper int `json:"upperBound"`
}

// SavepointRequest asks for a savepoint. A TriggerID seen before triggers nothing.
type SavepointRequest struct {
	Dir       string `json:"target-directory,omitempty"`
	Format    string `json:"formatType,omitempty"` // NATIVE or CANONICAL
	TriggerID string `json:"triggerId,omitempty"`
}

// StopRequest asks for a stop with savepoint. Its state is read with Savepoint.
type StopRequest struct {
	Drain     bool   `json:"drain"`
	Dir       string `json:"targetDirectory,omitempty"`
	Format    string `json:"formatType,omitempty"`
	TriggerID string `json:"triggerId,omitempty"`
}

// RunRequest runs an uploaded JAR. Arguments go as a list: the one-string form was removed in 2.x and is silently ignored.
type RunRequest struct {
	EntryClass  string            `json:"entryClass,omitempty"`
	Args        []string          `json:"programArgsList,omitempty"`
	Parallelism int               `json:"parallelism,omitempty"`
	JobID       string            `json:"jobId,omitempty"`
	Savepoint   string            `json:"savepointPath,omitempty"`
	Config      map[string]string `json:"flinkConfiguration,omitempty"`
}

// Jar is one uploaded JAR.
type Jar struct {
	ID       string `json:"id"` // "<uuid>_name.jar"
	Name     string `json:"name"`
	Uploaded int64  `json:"uploaded"`
	Entry    []struct {
		Name string `json:"name"`
	} `json:"entry"`
}
