package ops

import (
	"context"
	"fmt"
	"strings"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
)

func checkSubmit(ctx context.Context, v *sight) error {
	known := &v.st.Known
	var src Source
	var op platform.Op
	switch req := v.req.(type) {
	case SubmitSQL:
		op, src.SQL = platform.OpSubmitSQL, &SQLSource{Prelude: req.Prelude, Statement: req.Statement, Config: req.Config}
		v.st.Asked.Parallelism, v.st.Restore = req.Parallelism, req.Savepoint
		if strings.TrimSpace(req.Statement) == "" {
			return v.refuse(platform.Invalid, "there is no statement")
		}
	case SubmitJar:
		op, src.Jar = platform.OpSubmitJar, &JarSource{Jar: req.Jar, EntryClass: req.EntryClass, Args: req.Args, Config: req.Config}
		v.st.Asked.Parallelism, v.st.Restore = req.Parallelism, req.Savepoint
		if req.Jar == "" {
			return v.refuse(platform.Invalid, "there is no JAR")
		}
	}
	n := v.st.Asked.Parallelism
	switch {
	case known.Name == "":
		return v.refuse(platform.Invalid, "the job needs a name")
	case n < 0:
		return v.refuse(platform.Invalid, "a parallelism of %d is not possible", n)
	}
	if err := v.cannot(op); err != nil {
		return err
	}
	if err := v.unused(ctx); err != nil {
		return err
	}
	if need := max(n, 1); v.info.SlotsFree >= 0 && need > v.info.SlotsFree {
		v.warn("the job needs %s and %d are free: it waits for more", slots(need), v.info.SlotsFree)
	}
	sealed, err := v.seal(&src)
	if err != nil {
		return err
	}
	known.Source, known.Owner, known.Parallelism = sealed, v.st.By, n
	v.st.Asked.Savepoint = v.st.Restore
	return nil
}

// unused refuses a name that a live job has: two jobs of one name could not be told apart by people, nor by the registry.
func (v *sight) unused(ctx context.Context) error {
	jobs, err := v.cluster.Jobs(ctx)
	if err != nil {
		return err
	}
	for _, j := range jobs {
		if j.Name == v.st.Known.Name && !j.State.Terminal() {
			return v.refuse(platform.Invalid, "a job of this name is %s on cluster %s; stop it first, or choose another name", j.State, v.st.Known.Cluster)
		}
	}
	if id := v.st.Known.Current; id != "" { // ended, or lost, without drey
		v.st.Known.ended(id, v.now, WithoutDrey)
	}
	return nil
}

func checkScale(ctx context.Context, v *sight) error {
	req := v.req.(Scale)
	n := req.Parallelism
	if err := v.needLive(); err != nil {
		return err
	}
	switch {
	case n < 1:
		return v.refuse(platform.Invalid, "a parallelism of %d is not possible", n)
	case v.state != platform.Running:
		return v.refuse(platform.Busy, "the job is %s; it can be scaled when it is RUNNING", v.state)
	}
	vertex, err := v.vertex(req.Vertex)
	if err != nil {
		return err
	}
	v.st.Asked.Parallelism, v.st.Asked.Vertex = n, vertex.ID
	v.st.Was = parallelism(v.job, vertex.ID)
	limit := maxParallelism(v.job, vertex.ID)
	switch {
	case n == v.st.Was && (vertex.ID != "" || uniform(v.job)):
		return v.refuse(platform.Invalid, "it runs at parallelism %d already", n)
	case limit > 0 && n > limit:
		return v.refuse(platform.Invalid, "a parallelism of %d is above the maximum of %d that the state of the job allows", n, limit)
	}
	if err := v.room(n); err != nil {
		return err
	}
	return v.wayToScale(ctx, n)
}

// uniform says whether all vertices have one parallelism, as far as their maximum lets them: a global aggregate has 1.
func uniform(job platform.Job) bool {
	for _, vx := range job.Vertices {
		if vx.Parallelism != job.Parallelism && (vx.MaxParallelism <= 0 || vx.Parallelism < vx.MaxParallelism) {
			return false
		}
	}
	return true
}

// maxParallelism is the most that one vertex, or the most capable of all, can have; 0 when not known.
func maxParallelism(job platform.Job, vertex string) int {
	most := 0
	for _, vx := range job.Vertices {
		if vertex == "" || vx.ID == vertex {
			most = max(most, vx.MaxParallelism)
		}
	}
	return most
}

func (v *sight) vertex(name string) (platform.Vertex, error) {
	if name == "" {
		return platform.Vertex{}, nil
	}
	var names []string
	for _, vx := range v.job.Vertices {
		if vx.ID == name || strings.EqualFold(vx.Name, name) {
			return vx, nil
		}
		names = append(names, vx.Name)
	}
	return platform.Vertex{}, v.refuse(platform.Invalid, "the job has no vertex %q; it has: %s", name, strings.Join(names, ", "))
}

// room refuses a parallelism for which the slots do not suffice: those that are free and those that the job holds now.
func (v *sight) room(n int) error {
	has := v.job.Parallelism
	if v.info.SlotsFree < 0 || n <= has || n <= has+v.info.SlotsFree {
		return nil
	}
	return v.refuse(platform.Invalid, "parallelism %d needs %s; the job holds %d and %d are free", n, slots(n), has, v.info.SlotsFree)
}

func slots(n int) string {
	if n == 1 {
		return "1 slot"
	}
	return fmt.Sprintf("%d slots", n)
}

// wayToScale asks the cluster which way the scale goes, and refuses when there is none.
func (v *sight) wayToScale(ctx context.Context, n int) error {
	can, why, err := v.cluster.CanRescale(ctx, v.st.Job)
	if err != nil && platform.KindOf(err) != platform.Unsupported {
		return err
	}
	if why, _, _ = strings.Cut(why, ";"); why == "" {
		why = "its scheduler does not change the parallelism of a running job"
	}
	if can && err == nil && v.cannot(platform.OpRescale) == nil {
		v.st.Way = inPlace
		return nil
	}
	v.st.Way = resubmit
	src := v.st.Known.Source
	switch {
	case v.st.Asked.Vertex != "":
		return v.refuse(platform.Unsupported, "one vertex alone can only be scaled in place, and here that is not possible: %s", why)
	case src == nil:
		return v.refuse(platform.Unsupported, "it cannot be scaled in place (%s), and it was not submitted through drey, which so cannot submit it again. "+
			"Stop it with a savepoint, and let whoever submitted it do so again at parallelism %d from there", why, n)
	}
	if err := first(v.cannot(platform.OpStop), v.cannot(src.op()), v.readable()); err != nil {
		return err
	}
	v.warn("not in place (%s): the job is stopped with a savepoint and submitted again, and is down meanwhile", why)
	return nil
}

func checkRestart(_ context.Context, v *sight) error {
	req := v.req.(Restart)
	known := v.st.Known
	switch {
	case v.version == storage.New && v.state == "":
		return v.refuse(platform.NotFound, "neither cluster %s nor drey knows a job of this name", known.Cluster)
	case known.Source == nil:
		return v.refuse(platform.Unsupported, "it was not submitted through drey, which so cannot submit it again. %s", known.hint())
	case req.Fresh && req.Savepoint != "":
		return v.refuse(platform.Invalid, "a fresh start takes no savepoint: give one or the other")
	}
	if err := first(v.cannot(known.Source.op()), v.readable()); err != nil {
		return err
	}
	v.st.Asked.Fresh, v.st.Asked.Savepoint, v.st.Was = req.Fresh, req.Savepoint, known.Parallelism
	if p := req.Savepoint; p != "" && !v.recorded(p) {
		if !strings.ContainsAny(p, "/:") {
			return v.refuse(platform.Invalid, "no savepoint %q is recorded. %s", p, known.hint())
		}
		v.warn("this restore point is not among those that drey recorded of the job")
	}
	if v.live() {
		v.warnState()
		return v.cannot(platform.OpStop)
	}
	v.st.Way = noStop
	if _, ok := known.Newest(); !ok && !req.Fresh && req.Savepoint == "" && !v.hasPoint() {
		return v.refuse(platform.Invalid, "there is no savepoint or checkpoint to resume from; a fresh restart would begin without state")
	}
	return nil
}

func (v *sight) recorded(path string) bool {
	for _, s := range v.st.Known.Savepoints {
		if s.Path == path {
			return true
		}
	}
	return v.cps != nil && (v.cps.Latest != nil && v.cps.Latest.Path == path || v.cps.LatestSavepoint != nil && v.cps.LatestSavepoint.Path == path)
}

// hasPoint says whether the cluster still knows a restore point of the ended job.
func (v *sight) hasPoint() bool {
	return v.cps != nil && (v.cps.Latest != nil && v.cps.Latest.Path != "" || v.cps.LatestSavepoint != nil && v.cps.LatestSavepoint.Path != "")
}

func (s *Source) op() platform.Op {
	if s.Jar != nil {
		return platform.OpSubmitJar
	}
	return platform.OpSubmitSQL
}
