package ops

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
)

// sight is what a preflight sees of a job, and what it makes of that.
type sight struct {
	o       *Ops
	req     Request
	cluster *platform.Cluster
	info    platform.Info
	version storage.Version // of the registry record in st.Known
	job     platform.Job    // zero when the cluster does not know it
	state   platform.JobState
	cps     *platform.Checkpoints // nil when not known
	now     time.Time

	st   state
	plan Plan
}

// live says whether the job has not ended yet.
func (v *sight) live() bool { return v.state != "" && !v.state.Terminal() }

// refuse makes the error that a person gets instead of an operation.
func (v *sight) refuse(k platform.Kind, format string, args ...any) error {
	return platform.Errorf(k, string(v.st.Kind)+" "+v.req.target().String(), format, args...)
}

func (v *sight) warn(format string, args ...any) {
	v.plan.Warnings = append(v.plan.Warnings, fmt.Sprintf(format, args...))
}

// look gathers what a preflight needs, within the time a chat gives for an answer.
func (o *Ops) look(ctx context.Context, by string, req Request) (*sight, error) {
	ctx, cancel := context.WithTimeout(ctx, o.opt.timing.check)
	defer cancel()
	v := &sight{o: o, req: named(req), now: o.now()}
	v.st = state{Kind: req.Kind(), By: by}
	target := v.req.target()
	p := o.procs[v.st.Kind]
	var err error
	if v.cluster, err = o.clusters.Cluster(target.Cluster); err != nil {
		return nil, err
	}
	if err = v.see(ctx, target); err == nil {
		err = p.check(ctx, v)
	}
	switch {
	case platform.KindOf(err) == platform.Unavailable:
		return nil, v.refuse(platform.Unavailable, "cluster %s does not answer; nothing was changed, try again when it is back", target.Cluster)
	case err != nil:
		return nil, err
	}
	safe := safetyOf(&v.st, v.live(), v.cps, v.now)
	v.st.Safety = safe.String()
	v.plan.Kind, v.plan.Title = v.st.Kind, p.title(&v.st)
	v.plan.Safety, v.plan.Facts, v.plan.Outlook = v.st.Safety, safe.facts, safe.outlook
	v.plan.Standing = v.standing()
	v.plan.Target = Target{Cluster: target.Cluster, Name: v.st.Known.Name, JobID: v.st.Job}
	for _, g := range p.stages {
		if !g.detour && (g.when == nil || g.when(&v.st)) {
			v.plan.Steps = append(v.plan.Steps, g.label)
		}
	}
	return v, nil
}

// see fills v with what the cluster and the registry say.
func (v *sight) see(ctx context.Context, target Target) (err error) {
	if v.info, err = v.cluster.DescribeNow(ctx); err != nil {
		return err
	}
	if err := v.identify(ctx, target); err != nil {
		return err
	}
	if err := v.o.busy(ctx, v.st.Known.Key, target); err != nil {
		return err
	}
	if v.st.Job == "" || v.st.Kind == KindSubmit {
		return nil
	}
	if err := v.seeJob(ctx); err != nil {
		return err
	}
	if v.live() {
		v.st.Known.began(v.st.Job, orTime(v.job.Start, v.now))
	}
	return nil
}

// seeJob asks at once for all that is told of a job: a chat waits for the answer. That a cluster is slow to tell of the
// checkpoints of a job that runs keeps nobody from stopping it.
func (v *sight) seeJob(ctx context.Context) error {
	var wg sync.WaitGroup
	var jobErr, stateErr, cpsErr error
	var found bool
	var cps platform.Checkpoints
	wg.Go(func() { v.job, jobErr = v.cluster.Job(ctx, v.st.Job) })
	wg.Go(func() { v.state, found, stateErr = stateOf(ctx, v.cluster, v.st.Job) })
	wg.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, v.o.opt.timing.points)
		defer cancel()
		cps, cpsErr = v.cluster.Checkpoints(ctx, v.st.Job)
	})
	wg.Wait()
	switch {
	case stateErr != nil:
		return stateErr
	case !found:
		v.job = platform.Job{}
		return nil
	case jobErr != nil && platform.KindOf(jobErr) != platform.NotFound:
		return jobErr
	case platform.KindOf(cpsErr) == platform.Unavailable && !v.live():
		return cpsErr // all that could tell what to resume it from
	}
	if cpsErr == nil {
		v.cps = &cps
	}
	return nil
}

func orTime(t, other time.Time) time.Time {
	if t.IsZero() {
		return other
	}
	return t
}

// named gives a SQL job without a name one made from the table it writes to.
func named(req Request) Request {
	sub, ok := req.(SubmitSQL)
	if !ok || sub.Name != "" {
		return req
	}
	words := strings.FieldsFunc(sub.Statement, func(c rune) bool { return strings.ContainsRune(" \t\r\n();", c) })
	for i, w := range words {
		if i > 0 && i+1 < len(words) && strings.EqualFold(w, "into") && strings.EqualFold(words[i-1], "insert") {
			sub.Name = "insert-into-" + strings.ReplaceAll(words[i+1], "`", "")
			break
		}
	}
	return sub
}

// cannot refuses what the cluster says it cannot do.
func (v *sight) cannot(ops ...platform.Op) error {
	for _, op := range ops {
		if why, ok := v.info.Cannot[op]; ok {
			return v.refuse(platform.Unsupported, "cluster %s cannot: %s", v.st.Known.Cluster, why)
		}
	}
	return nil
}

// needLive refuses when the job has ended or is not known.
func (v *sight) needLive() error {
	name := v.st.Known.Name
	switch {
	case v.state == "":
		return v.refuse(platform.NotFound, "cluster %s knows no running job %s. %s", v.st.Known.Cluster, name, v.st.Known.hint())
	case v.state.Terminal():
		return v.refuse(platform.Invalid, "job %s has ended already (%s). %s", name, v.state, v.st.Known.hint())
	}
	return nil
}

func (v *sight) warnState() {
	if v.state != platform.Running {
		v.warn("the job is %s: a savepoint may not be possible now; drey asks %d times", v.state, triggerTries)
	}
}

func checkSavepoint(_ context.Context, v *sight) error {
	if err := first(v.cannot(platform.OpSavepoint), v.needLive()); err != nil {
		return err
	}
	v.st.Asked.Canonical = v.req.(Savepoint).Canonical
	v.warnState()
	return nil
}

func checkStop(_ context.Context, v *sight) error {
	if err := first(v.cannot(platform.OpStop), v.needLive()); err != nil {
		return err
	}
	v.st.Asked.Drain = v.req.(Stop).Drain
	if v.st.Asked.Drain {
		v.warn("draining emits the results of all open windows: the savepoint is not meant to be resumed from")
	}
	v.warnState()
	return nil
}

func checkCancel(_ context.Context, v *sight) error {
	if err := first(v.cannot(platform.OpCancel), v.needLive()); err != nil {
		return err
	}
	return nil
}

// first returns the first error there is: one reason is enough for a person.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
