package ops

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/drey-ops/drey/storage/saga"
)

// view makes what people see of a stored run. It is pure.
func (o *Ops) view(r saga.Record, st *state) Operation {
	p := o.procs[Kind(r.Kind)]
	op := Operation{
		ID: r.ID, Short: short(r.ID), Kind: Kind(r.Kind), Cluster: st.Known.Cluster, Job: st.Known.Name, JobID: st.Job, By: st.By,
		Status: r.Status, Note: r.Note, Error: orElse(st.Failure, r.Error), Safety: st.Safety, Cancel: r.Cancel && !r.Status.Final(),
		Result: st.Result, Meta: r.Meta, Story: r.Story, Started: r.CreatedAt, Updated: r.UpdatedAt,
	}
	if r.Status.Final() {
		op.Ended = r.UpdatedAt
	}
	if op.Note == op.Error { // the failure is told once
		op.Note = ""
	}
	if p.title == nil { // of another version of drey
		op.Title = r.Kind
		return op
	}
	op.Title = p.title(st)
	op.Steps = p.seen(r, st)
	switch {
	case op.Cancel && r.Status.Live():
		op.Note += turning(st, r)
	case r.Status == saga.Canceled && r.Step != p.steps[0].Name && st.Result.Savepoint != "" && !st.Result.RolledBack:
		op.Note = fmt.Sprintf("given up on; what was done stays done, and the savepoint is kept: %s", st.Result.Savepoint)
	}
	return op
}

// turning says what becomes of a wish to cancel at this point.
func turning(st *state, r saga.Record) string {
	switch {
	case st.Turned || st.Broke != "":
		return " (turning back)"
	case st.Kind == KindScale && st.Way == resubmit && st.Trigger.Ticket != nil:
		return " (cancel asked for: the job is brought back to its old parallelism once the stop is complete)"
	case st.Kind == KindSubmit:
		return " (cancel asked for: the job is withdrawn as soon as the cluster has it)"
	case st.Trigger.Ticket != nil || st.End.Ticket != nil || st.New.ID != "":
		return " (cancel asked for, but it is past the point where it could turn back: it goes on to the end)"
	}
	return " (cancel asked for)"
}

// seen lists the stages with where each stands.
func (p procedure) seen(r saga.Record, st *state) []Step {
	var out []Step
	for _, g := range p.stages {
		here := slices.Contains(g.steps, r.Step)
		been := here || slices.ContainsFunc(g.steps, func(s string) bool { return slices.Contains(st.Trail, s) })
		if g.detour && !been || g.when != nil && !g.when(st) {
			continue
		}
		s := Step{Label: g.label, State: StepTodo}
		switch {
		case st.Broke != "" && slices.Contains(g.steps, st.Broke):
			s.State, s.Note = StepFailed, st.Trouble
		case here:
			s.State = endState(r.Status, st)
			if s.State == StepDoing {
				s.Note = r.Note
			}
		case been:
			s.State = StepDone
		case r.Status.Final() || st.Broke != "" || p.after(g, r.Step):
			s.State = StepSkipped
		}
		out = append(out, s)
	}
	return out
}

// after says whether the run is already past a stage.
func (p procedure) after(g stage, now string) bool {
	last := func(name string) int { return slices.IndexFunc(p.steps, func(s step) bool { return s.Name == name }) }
	return last(g.steps[len(g.steps)-1]) < last(now)
}

// endState is where the stage stands that a run is in, or ended in.
func endState(s saga.Status, st *state) StepState {
	switch {
	case !s.Final():
		return StepDoing
	case s == saga.Done || st.Result.RolledBack:
		return StepDone
	case s == saga.Canceled:
		return StepSkipped
	}
	return StepFailed
}

// read decodes the state of a run.
func read(r saga.Record) (*state, error) {
	st := new(state)
	if err := json.Unmarshal(r.State, st); err != nil {
		return nil, fmt.Errorf("operation %s: stored state: %w", r.ID, err)
	}
	return st, nil
}
