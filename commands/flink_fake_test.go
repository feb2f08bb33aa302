package commands

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drey-ops/drey/platform"
)

// fakeFlink is a cluster in memory: it does at once what it is asked, and remembers what that was.
type fakeFlink struct {
	mu         sync.Mutex
	down       bool
	silent     []string // calls that get no answer
	jars       []platform.Jar
	program    string // the name that a program gives its job
	jobs       []platform.Job
	exceptions []platform.Exception
	logs       []platform.Log
	points     platform.Checkpoints
	asked      map[string]int
	effects    []string // what really happened, in order
	begun      map[string]bool
	queries    []platform.SQLStatement
	// answer gives the pages of a query; nil answers nothing to everything.
	answer func(q platform.SQLStatement, lim platform.QueryLimits) ([]platform.Page, error)
}

func newFakeFlink(jobs ...platform.Job) *fakeFlink {
	return &fakeFlink{jobs: jobs, asked: map[string]int{}, begun: map[string]bool{}}
}

// running is a healthy job; n makes its id.
func running(n int, name string) platform.Job {
	return platform.Job{
		ID: platform.JobID(fmt.Sprintf("%032x", n)), Name: name, State: platform.Running, Start: time.Now().Add(-time.Hour), Restarts: 0,
		Tasks: platform.Tasks{Running: 2, Total: 2}, Parallelism: 2, MaxParallelism: 128,
		Vertices: []platform.Vertex{{ID: "v1", Name: "Source", State: platform.Running, Parallelism: 2, MaxParallelism: 128, ReadRecords: 12345}},
	}
}

func ended(n int, name string, s platform.JobState, ago time.Duration) platform.Job {
	j := running(n, name)
	j.State, j.End, j.Tasks.Running = s, time.Now().Add(-ago), 0
	return j
}

// look begins a call.
func (f *fakeFlink) look(ctx context.Context, call string) error {
	f.mu.Lock()
	f.asked[call]++
	if f.down || ctx.Err() != nil || slices.Contains(f.silent, call) {
		f.mu.Unlock()
		return platform.Errorf(platform.Unavailable, "", "no answer")
	}
	return nil
}

func (f *fakeFlink) Describe(ctx context.Context) (platform.Info, error) {
	if err := f.look(ctx, "describe"); err != nil {
		return platform.Info{}, err
	}
	defer f.mu.Unlock()
	return platform.Info{Kind: "fake", Version: "2.3.0", SlotsTotal: 8, SlotsFree: 8, TaskManagers: 1}, nil
}

func (f *fakeFlink) Jobs(ctx context.Context) ([]platform.Job, error) {
	if err := f.look(ctx, "jobs"); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	return slices.Clone(f.jobs), nil
}

func (f *fakeFlink) find(id platform.JobID) *platform.Job {
	for i := range f.jobs {
		if f.jobs[i].ID == id {
			return &f.jobs[i]
		}
	}
	return nil
}

func (f *fakeFlink) Job(ctx context.Context, id platform.JobID) (platform.Job, error) {
	if err := f.look(ctx, "job"); err != nil {
		return platform.Job{}, err
	}
	defer f.mu.Unlock()
	if j := f.find(id); j != nil {
		return *j, nil
	}
	return platform.Job{}, platform.Errorf(platform.NotFound, "", "no such job")
}

func (f *fakeFlink) Begin(ctx context.Context, id string, c platform.Change) (platform.Ticket, error) {
	if err := f.look(ctx, "begin"); err != nil {
		return platform.Ticket{}, err
	}
	defer f.mu.Unlock()
	t := platform.Ticket{Op: c.Op(), ID: id}
	switch c := c.(type) {
	case platform.Savepoint:
		t.Job = c.Job
	case platform.Stop:
		t.Job = c.Job
	case platform.Cancel:
		t.Job = c.Job
	case platform.SubmitSQL:
		t.Job = c.JobID
	case platform.SubmitJar:
		t.Job = c.JobID
	}
	if f.begun[id] {
		return t, nil
	}
	f.begun[id] = true
	if sub, ok := c.(platform.SubmitSQL); ok {
		j := running(0, sub.Name)
		j.ID = sub.JobID
		f.jobs = append(f.jobs, j)
		f.effects = append(f.effects, fmt.Sprintf("submit %s: %s", sub.Name, strings.Join(append(sub.Prelude, sub.Statement), "; ")))
		return t, nil
	}
	if sub, ok := c.(platform.SubmitJar); ok {
		j := running(0, f.program)
		j.ID = sub.JobID
		f.jobs = append(f.jobs, j)
		f.effects = append(f.effects, fmt.Sprintf("run %s %s %q", sub.Jar, sub.EntryClass, sub.Args))
		return t, nil
	}
	j := f.find(t.Job)
	if j == nil {
		return t, platform.Errorf(platform.NotFound, "", "no such job")
	}
	f.effects = append(f.effects, string(c.Op())+" "+j.Name)
	switch c.(type) {
	case platform.Stop:
		j.State, j.End = platform.Finished, time.Now()
	case platform.Cancel:
		j.State, j.End = platform.Canceled, time.Now()
	}
	return t, nil
}

func (f *fakeFlink) Poll(ctx context.Context, t platform.Ticket) (platform.Outcome, error) {
	if err := f.look(ctx, "poll"); err != nil {
		return platform.Outcome{}, err
	}
	defer f.mu.Unlock()
	return platform.Outcome{Done: true, Job: t.Job, Savepoint: "s3://bucket/savepoint-1"}, nil
}

func (f *fakeFlink) Exceptions(ctx context.Context, _ platform.JobID, most int) ([]platform.Exception, error) {
	if err := f.look(ctx, "exceptions"); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	return f.exceptions[:min(most, len(f.exceptions))], nil
}

func (f *fakeFlink) Logs(ctx context.Context, _ platform.JobID, _ int) ([]platform.Log, error) {
	if err := f.look(ctx, "logs"); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	return f.logs, nil
}

func (f *fakeFlink) Checkpoints(ctx context.Context, _ platform.JobID) (platform.Checkpoints, error) {
	if err := f.look(ctx, "checkpoints"); err != nil {
		return platform.Checkpoints{}, err
	}
	defer f.mu.Unlock()
	return f.points, nil
}

func (f *fakeFlink) Query(ctx context.Context, q platform.SQLStatement, lim platform.QueryLimits, emit func(platform.Page)) error {
	if err := f.look(ctx, "query"); err != nil {
		return err
	}
	f.queries = append(f.queries, q)
	answer := f.answer
	f.mu.Unlock()
	if answer == nil {
		return nil
	}
	pages, err := answer(q, lim)
	for _, p := range pages {
		emit(p)
	}
	return err
}

func (f *fakeFlink) Complete(context.Context, platform.SQLStatement, int) ([]string, error) {
	return nil, nil
}

func (f *fakeFlink) Close() error { return nil }

// did lists the effects so far.
func (f *fakeFlink) did() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.effects)
}

// ran lists the statements that were asked so far, each with what it stood on.
func (f *fakeFlink) ran() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, q := range f.queries {
		out = append(out, strings.Join(append(slices.Clone(q.Prelude), q.Text), "; "))
	}
	return out
}

// fleet is a set of clusters.
type fleet struct {
	names  []string
	byName map[string]*platform.Cluster
}

func (f fleet) Names() []string { return f.names }

func (f fleet) Cluster(name string) (*platform.Cluster, error) {
	if c := f.byName[name]; c != nil {
		return c, nil
	}
	return nil, platform.Errorf(platform.NotFound, "", "there is no cluster %q", name)
}

func (f *fakeFlink) Jars(ctx context.Context) ([]platform.Jar, error) {
	if err := f.look(ctx, "jars"); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	return slices.Clone(f.jars), nil
}

func (f *fakeFlink) UploadJar(ctx context.Context, name string, size int64, body io.Reader) (string, error) {
	if err := f.look(ctx, "upload"); err != nil {
		return "", err
	}
	defer f.mu.Unlock()
	if n, err := io.Copy(io.Discard, body); err != nil || n != size {
		return "", platform.Errorf(platform.Invalid, "", "%d of %d bytes came", n, size)
	}
	id := fmt.Sprintf("%08d_%s", len(f.jars)+1, name)
	f.jars = append([]platform.Jar{{ID: id, Name: name, At: time.Now()}}, f.jars...)
	f.effects = append(f.effects, "upload "+id)
	return id, nil
}

func (f *fakeFlink) DeleteJar(ctx context.Context, id string) error {
	if err := f.look(ctx, "delete"); err != nil {
		return err
	}
	defer f.mu.Unlock()
	f.jars = slices.DeleteFunc(f.jars, func(j platform.Jar) bool { return j.ID == id })
	f.effects = append(f.effects, "delete "+id)
	return nil
}

func (f *fakeFlink) PlanJar(ctx context.Context, c platform.SubmitJar) (string, error) {
	if err := f.look(ctx, "plan"); err != nil {
		return "", err
	}
	defer f.mu.Unlock()
	if c.EntryClass == "no.Main" {
		return "", platform.Errorf(platform.Invalid, "", "no class no.Main")
	}
	return cmp.Or(c.Config["pipeline.name"], f.program), nil
}
