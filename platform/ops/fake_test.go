package ops

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/drey-ops/drey/platform"
)

// fake is a cluster in memory that behaves as the facts say Flink does: trigger ids and job ids given by the client act
// once; triggers are forgotten by a restart; a savepoint of a job that does not run fails in the trigger's status; states move on when looked at.
type fake struct {
	mu       sync.Mutex
	slots    int
	adaptive bool
	jobs     map[platform.JobID]*fakeJob
	triggers map[string]*fakeTrigger
	effects  []string // what really happened, in order

	down      bool
	loseAfter platform.Op // the next Begin of this op acts, and its answer is lost
	loopsAt   int         // a job submitted at this parallelism is restarted for ever
	failsAt   int         // a job submitted at this parallelism fails
	noSave    error       // every savepoint fails with it
	capAt     int         // a rescale in place gets no further
	stubborn  bool        // a stopped job goes on
}

type fakeJob struct {
	platform.Job
	goal     int // a rescale under way
	looks    int
	restored string
	fails    bool
	points   platform.Checkpoints
	cause    string
}

type fakeTrigger struct {
	op   platform.Op
	job  platform.JobID
	age  int
	path string
	err  error
}

func newFake() *fake {
	return &fake{slots: 8, jobs: map[platform.JobID]*fakeJob{}, triggers: map[string]*fakeTrigger{}}
}

// add puts a running job on the cluster.
func (f *fake) add(id platform.JobID, name string, parallelism int) *fakeJob {
	f.mu.Lock()
	defer f.mu.Unlock()
	j := &fakeJob{Job: platform.Job{ID: id, Name: name, State: platform.Running, Start: time.Now().Add(-time.Hour)}}
	f.size(j, parallelism)
	j.looks = 10
	j.points = platform.Checkpoints{Completed: 1, Interval: time.Second, Latest: &platform.Checkpoint{ID: 1, Status: "COMPLETED", At: time.Now().Add(-time.Minute), Path: "file:/chk/" + string(id)}}
	f.jobs[id] = j
	return j
}

func (f *fake) size(j *fakeJob, n int) {
	j.Parallelism, j.MaxParallelism, j.Adaptive = n, 128, f.adaptive
	j.Tasks = platform.Tasks{Running: n, Total: n}
	j.Vertices = []platform.Vertex{{ID: "v1", Name: "Source", Parallelism: n, MaxParallelism: 128}}
}

func (f *fake) free() int {
	n := f.slots
	for _, j := range f.jobs {
		if j.State == platform.Running {
			n -= j.Parallelism
		}
	}
	return n
}

// lock begins a call; it fails while the cluster is down.
func (f *fake) lock(ctx context.Context) error {
	f.mu.Lock()
	if err := ctx.Err(); err != nil || f.down {
		f.mu.Unlock()
		return platform.Errorf(platform.Unavailable, "", "no answer")
	}
	for id, tr := range f.triggers { // savepoints are written whether anybody asks for them or not
		if tr.age++; tr.age > 3 && tr.err == nil {
			f.complete(id, tr)
		}
	}
	return nil
}

func (f *fake) Describe(ctx context.Context) (platform.Info, error) {
	if err := f.lock(ctx); err != nil {
		return platform.Info{}, err
	}
	defer f.mu.Unlock()
	return platform.Info{Kind: "fake", Version: "2.3.0", SlotsTotal: f.slots, SlotsFree: f.free(), TaskManagers: 1}, nil
}

func (f *fake) Jobs(ctx context.Context) ([]platform.Job, error) {
	if err := f.lock(ctx); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	var out []platform.Job
	for _, id := range slices.Sorted(maps.Keys(f.jobs)) {
		out = append(out, f.jobs[id].Job)
	}
	return out, nil
}

func (f *fake) job(id platform.JobID) (*fakeJob, error) {
	j := f.jobs[id]
	if j == nil {
		return nil, platform.Errorf(platform.NotFound, "job "+string(id), "not found")
	}
	return j, nil
}

func (f *fake) Job(ctx context.Context, id platform.JobID) (platform.Job, error) {
	if err := f.lock(ctx); err != nil {
		return platform.Job{}, err
	}
	defer f.mu.Unlock()
	j, err := f.job(id)
	if err != nil {
		return platform.Job{}, err
	}
	f.move(j)
	return j.Job, nil
}

func (f *fake) State(ctx context.Context, id platform.JobID) (platform.JobState, error) {
	j, err := f.Job(ctx, id)
	return j.State, err
}

// move lets a job take its course a little.
func (f *fake) move(j *fakeJob) {
	if j.looks++; j.looks < 3 {
		return
	}
	switch {
	case !j.State.Terminal() && j.State != platform.Cancelling && f.loopsAt == j.Parallelism:
		j.cause = "java.lang.RuntimeException: boom"
		if j.State = platform.Restarting; j.looks/3%2 == 0 {
			j.State = platform.Created
		}
	case j.goal > 0 && j.State == platform.Running:
		if f.size(j, j.goal); f.capAt > 0 && j.goal > f.capAt {
			f.size(j, f.capAt)
		}
		j.goal = 0
	case j.State == platform.Created && j.fails:
		j.State, j.cause = platform.Failed, "java.lang.RuntimeException: boom"
	case j.State == platform.Created && j.Parallelism <= f.free():
		j.State = platform.Running
		j.Tasks.Running = j.Tasks.Total
	case j.State == platform.Cancelling:
		j.State = platform.Canceled
	}
}

func (f *fake) Begin(ctx context.Context, id string, c platform.Change) (platform.Ticket, error) {
	if err := f.lock(ctx); err != nil {
		return platform.Ticket{}, err
	}
	defer f.mu.Unlock()
	t := platform.Ticket{Op: c.Op(), ID: id}
	err := f.act(id, c, &t)
	if f.loseAfter == c.Op() {
		f.loseAfter = ""
		return platform.Ticket{}, platform.Errorf(platform.Unavailable, "", "connection reset")
	}
	return t, err
}

func (f *fake) act(id string, c platform.Change, t *platform.Ticket) error {
	switch c := c.(type) {
	case platform.Savepoint:
		t.Job = c.Job
		return f.trigger(id, c.Op(), c.Job)
	case platform.Stop:
		t.Job = c.Job
		return f.trigger(id, c.Op(), c.Job)
	case platform.Cancel:
		t.Job = c.Job
		j, err := f.job(c.Job)
		if err != nil {
			return err
		}
		if !j.State.Terminal() && j.State != platform.Cancelling {
			j.State, j.looks = platform.Cancelling, 0
			f.effects = append(f.effects, "cancel "+j.Name)
		}
	case platform.SubmitSQL:
		t.Job = c.JobID
		f.submit(c)
	case platform.Rescale:
		t.Job = c.Job
		j, err := f.job(c.Job)
		if err != nil {
			return err
		}
		if j.Parallelism != c.Parallelism && j.goal != c.Parallelism {
			j.goal, j.looks = c.Parallelism, 0
			f.effects = append(f.effects, fmt.Sprintf("rescale %s to %d", j.Name, c.Parallelism))
		}
	}
	return nil
}

func (f *fake) submit(c platform.SubmitSQL) {
	if f.jobs[c.JobID] != nil {
		return
	}
	j := &fakeJob{Job: platform.Job{ID: c.JobID, Name: c.Name, State: platform.Created, Start: time.Now()}, restored: c.Savepoint}
	n := max(c.Parallelism, 1)
	f.size(j, n)
	j.Tasks.Running = 0
	j.fails = n == f.failsAt
	j.points.Interval = time.Second
	f.jobs[c.JobID] = j
	f.effects = append(f.effects, fmt.Sprintf("submit %s at %d", c.Name, n))
}

func (f *fake) trigger(id string, op platform.Op, job platform.JobID) error {
	if f.triggers[id] != nil {
		return nil
	}
	j, err := f.job(job)
	if err != nil {
		return err
	}
	switch j.State {
	case platform.Running:
	case platform.Restarting, platform.Created:
		return platform.Errorf(platform.Busy, "", "the job is %s", j.State)
	default:
		return platform.Errorf(platform.Invalid, "", "the job is %s", j.State)
	}
	f.triggers[id] = &fakeTrigger{op: op, job: job, err: f.noSave}
	return nil
}

func (f *fake) Poll(ctx context.Context, t platform.Ticket) (platform.Outcome, error) {
	if err := f.lock(ctx); err != nil {
		return platform.Outcome{}, err
	}
	defer f.mu.Unlock()
	switch t.Op {
	case platform.OpSavepoint, platform.OpStop:
		return f.pollTrigger(t)
	case platform.OpSubmitSQL:
		if f.jobs[t.Job] == nil {
			return platform.Outcome{}, platform.Errorf(platform.Ambiguous, "", "the submission left no trace")
		}
		return platform.Outcome{Done: true, Job: t.Job}, nil
	case platform.OpRescale:
		j, err := f.job(t.Job)
		if err != nil {
			return platform.Outcome{}, err
		}
		f.move(j)
		return platform.Outcome{Done: j.goal == 0 && (f.capAt == 0 || j.Parallelism < f.capAt)}, nil
	}
	j, err := f.job(t.Job)
	if err != nil {
		return platform.Outcome{}, err
	}
	f.move(j)
	return platform.Outcome{Done: j.State.Terminal()}, nil
}

func (f *fake) pollTrigger(t platform.Ticket) (platform.Outcome, error) {
	tr := f.triggers[t.ID]
	if tr == nil {
		return platform.Outcome{}, platform.Errorf(platform.Ambiguous, "", "the cluster has forgotten the request")
	}
	switch {
	case tr.age <= 3:
		return platform.Outcome{Note: "writing"}, nil
	case tr.err != nil:
		return platform.Outcome{}, tr.err
	}
	return platform.Outcome{Done: !f.stubborn, Savepoint: tr.path}, nil
}

// complete lets the savepoint of a trigger be written, once.
func (f *fake) complete(id string, tr *fakeTrigger) {
	if tr.path != "" {
		return
	}
	j := f.jobs[tr.job]
	if j == nil || j.State.Terminal() { // ended before it was written
		tr.err = platform.Errorf(platform.Invalid, "", "the job has ended")
		return
	}
	tr.path = "file:/savepoints/" + id
	j.points.LatestSavepoint = &platform.Checkpoint{At: time.Now(), Path: tr.path, Savepoint: true}
	f.effects = append(f.effects, string(tr.op)+" "+j.Name)
	if tr.op == platform.OpStop && !f.stubborn {
		j.State = platform.Finished
	}
}

// restart is what a JobManager with high availability does: jobs live, triggers are forgotten.
func (f *fake) restart(completed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, tr := range f.triggers {
		if completed {
			f.complete(id, tr)
		}
	}
	clear(f.triggers)
}

// lose is what a JobManager without does.
func (f *fake) lose() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.triggers)
	clear(f.jobs)
}

func (f *fake) Exceptions(ctx context.Context, id platform.JobID, _ int) ([]platform.Exception, error) {
	if err := f.lock(ctx); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	j, err := f.job(id)
	if err != nil || j.cause == "" {
		return nil, err
	}
	return []platform.Exception{{Root: j.cause}}, nil
}

func (f *fake) Checkpoints(ctx context.Context, id platform.JobID) (platform.Checkpoints, error) {
	if err := f.lock(ctx); err != nil {
		return platform.Checkpoints{}, err
	}
	defer f.mu.Unlock()
	j, err := f.job(id)
	if err != nil {
		return platform.Checkpoints{}, err
	}
	if j.State == platform.Running && j.looks > 4 && j.points.Completed == 0 {
		j.points.Completed = 1
		j.points.Latest = &platform.Checkpoint{ID: 1, At: time.Now(), Path: "file:/chk/" + string(id)}
	}
	j.looks++
	return j.points, nil
}

func (f *fake) CanRescale(ctx context.Context, id platform.JobID) (bool, string, error) {
	if err := f.lock(ctx); err != nil {
		return false, "", err
	}
	defer f.mu.Unlock()
	return f.adaptive, "the default scheduler does not change the parallelism of a running job", nil
}

func (f *fake) Close() error { return nil }

// did lists the effects so far.
func (f *fake) did() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.effects)
}
