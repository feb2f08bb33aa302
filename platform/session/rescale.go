package session

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/flinkrest"
)

// CanRescale implements platform.Rescaler: the default scheduler refuses to name a job's requirements.
func (d *Driver) CanRescale(ctx context.Context, id platform.JobID) (bool, string, error) {
	_, err := d.requirements(ctx, "look whether job "+short(id)+" can be rescaled", id)
	switch platform.KindOf(err) {
	case platform.Unsupported:
		return false, err.(*platform.Error).Err.Error(), nil //nolint:errorlint // KindOf found it outermost
	default:
		return err == nil, "", err
	}
}

func (d *Driver) requirements(ctx context.Context, op string, id platform.JobID) (flinkrest.Requirements, error) {
	s, err := d.state(ctx, op, id)
	if err != nil {
		return nil, err
	}
	if s.Terminal() {
		return nil, refuse(platform.Invalid, op, "the job is %s", s)
	}
	req, err := d.jm.Requirements(ctx, string(id))
	if err == nil {
		return req, nil
	}
	err = mapped(op, err)
	switch platform.KindOf(err) {
	case platform.Unsupported:
		return nil, refuse(platform.Unsupported, op, notInPlace, "default")
	case platform.NotFound:
		return nil, noSuchJob(op)
	}
	return nil, err
}

// target is a Rescale ticket's own data: the parallelism wanted of each vertex.
type target struct {
	Vertices map[string]int `json:"vertices"`
}

func (d *Driver) beginRescale(ctx context.Context, id string, c platform.Rescale) (platform.Ticket, error) {
	op := fmt.Sprintf("rescale job %s to %d", short(c.Job), c.Parallelism)
	if c.Parallelism < 1 {
		return platform.Ticket{}, platform.Errorf(platform.Invalid, op, "the parallelism must be at least 1")
	}
	req, err := d.requirements(ctx, op, c.Job)
	if err != nil {
		return platform.Ticket{}, err
	}
	det, err := d.jm.Job(ctx, string(c.Job))
	if err != nil {
		return platform.Ticket{}, mapped(op, err)
	}
	want, err := wanted(op, det, req, c)
	if err != nil {
		return platform.Ticket{}, err
	}
	data, err := json.Marshal(target{Vertices: want})
	if err != nil {
		return platform.Ticket{}, mapped(op, err)
	}
	t := platform.Ticket{Op: platform.OpRescale, Job: c.Job, ID: id, Data: data}
	if asked(req, want) {
		return t, nil
	}
	if err := d.enoughSlots(ctx, op, det, want); err != nil {
		return platform.Ticket{}, err
	}
	next := flinkrest.Requirements{}
	for v, n := range want {
		// A lower bound above the slots there are would make the job hold every free slot and still not run.
		next[v] = flinkrest.Requirement{Parallelism: flinkrest.Bounds{Lower: 1, Upper: n}}
	}
	if err := d.jm.SetRequirements(ctx, string(c.Job), next); err != nil {
		return platform.Ticket{}, mapped(op, err)
	}
	return t, nil
}

// wanted is the parallelism of every vertex after the change. A vertex whose maximum is lower than what is asked for all
// is taken to its maximum: a global aggregate has 1.
func wanted(op string, det flinkrest.JobDetails, req flinkrest.Requirements, c platform.Rescale) (map[string]int, error) {
	want := map[string]int{}
	for v, r := range req {
		want[v] = r.Parallelism.Upper
	}
	most, found := 0, false
	for _, v := range det.Vertices {
		if c.Vertex != "" && v.ID != c.Vertex {
			continue
		}
		found = true
		limit := v.MaxParallelism
		if limit <= 0 {
			limit = c.Parallelism
		}
		most = max(most, limit)
		want[v.ID] = min(c.Parallelism, limit)
	}
	switch {
	case !found && c.Vertex != "":
		return nil, platform.Errorf(platform.NotFound, op, "the job has no vertex %s", c.Vertex)
	case !found:
		return nil, platform.Errorf(platform.Busy, op, "the job has no vertices yet")
	case c.Parallelism > most:
		return nil, platform.Errorf(platform.Invalid, op, "the job's largest possible parallelism is %d (max parallelism), %d is asked for", most, c.Parallelism)
	}
	return want, nil
}

// asked says whether the requirements are as wanted already.
func asked(req flinkrest.Requirements, want map[string]int) bool {
	for v, n := range want {
		if req[v].Parallelism.Upper != n {
			return false
		}
	}
	return len(req) == len(want)
}

// enoughSlots refuses what the cluster has no room for: Flink would accept it and give the job as many slots as it finds.
func (d *Driver) enoughSlots(ctx context.Context, op string, det flinkrest.JobDetails, want map[string]int) error {
	ov, err := d.jm.Overview(ctx)
	if err != nil {
		return mapped(op, err)
	}
	held, needed := 0, 0
	for _, n := range slots(det, func(v flinkrest.Vertex) int { return v.Tasks[string(platform.Running)] }) {
		held += n
	}
	for _, n := range slots(det, func(v flinkrest.Vertex) int { return want[v.ID] }) {
		needed += n
	}
	if needed > held && needed > held+ov.SlotsAvailable {
		return platform.Errorf(platform.Invalid, op, "it needs %d slots and has %d: %d that the job holds and %d free of %d in the cluster",
			needed, held+ov.SlotsAvailable, held, ov.SlotsAvailable, ov.SlotsTotal)
	}
	return nil
}

// slots counts by slot sharing group: within one, a slot takes a task of every vertex.
func slots(det flinkrest.JobDetails, parallelism func(flinkrest.Vertex) int) map[string]int {
	m := map[string]int{}
	for _, v := range det.Vertices {
		m[v.SlotGroup] = max(m[v.SlotGroup], parallelism(v))
	}
	return m
}

func (d *Driver) pollRescale(ctx context.Context, t platform.Ticket) (platform.Outcome, error) {
	op := "rescale job " + short(t.Job)
	var data target
	if err := json.Unmarshal(t.Data, &data); err != nil || len(data.Vertices) == 0 {
		return platform.Outcome{}, platform.Errorf(platform.Invalid, op, "the ticket is not one of a rescale")
	}
	req, err := d.requirements(ctx, op, t.Job)
	if err != nil {
		return platform.Outcome{}, err
	}
	if !asked(req, data.Vertices) {
		return platform.Outcome{}, platform.Errorf(platform.Invalid, op, "somebody else has asked for another parallelism since")
	}
	det, err := d.jm.Job(ctx, string(t.Job))
	if err != nil {
		return platform.Outcome{}, mapped(op, err)
	}
	job := fromDetails(det)
	ready, total := 0, 0
	for _, v := range det.Vertices {
		n := data.Vertices[v.ID]
		total += n
		if v.Parallelism == n {
			ready += min(n, v.Tasks[string(platform.Running)]+v.Tasks[string(platform.Finished)])
		}
	}
	if job.State == platform.Running && ready == total {
		return platform.Outcome{Done: true, Job: t.Job}, nil
	}
	return platform.Outcome{Job: t.Job, Note: fmt.Sprintf("%d of %d tasks run with the new parallelism (job %s)", ready, total, job.State)}, nil
}
