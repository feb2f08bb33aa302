package alerts

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/alerts/alertmanager"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
)

// holdPlanned keeps an incident back for the sake of an operation of drey's on its job.
const holdPlanned = "planned"

// plannedMax is how many operations are looked through: those that changed last.
const plannedMax = 64

// plannedFresh is how old the list of planned changes may be: in a storm every incident asks.
const plannedFresh = time.Second

// plan implements Pipeline.planned: the operation that keeps the incidents of a job back, its name as a reporter mangles it.
func (s *Service) plan(ctx context.Context, cluster, job string) (*Operation, error) {
	if s.hooks.Operation == nil {
		return nil, nil
	}
	list, err := s.livePlans(ctx)
	if err != nil {
		return nil, err
	}
	now := s.hooks.Now()
	for _, o := range list {
		named := o.Cluster == cluster || s.isCluster(o.Cluster, "cluster", cluster) || s.isCluster(o.Cluster, "flink_cluster", cluster)
		if named && o.is(job) && o.keepsBack(now) {
			return &o, nil
		}
	}
	return nil, nil
}

// is says whether the operation is on a job, by its mangled name, or by "id:" and its id.
func (o Operation) is(job string) bool {
	id, byID := strings.CutPrefix(job, "id:")
	if !byID {
		return mangled(o.Job) == job
	}
	return slices.ContainsFunc(o.Runs, func(r platform.JobID) bool { return strings.EqualFold(string(r), id) })
}

// livePlans are the operations that changed last, from memory for a moment.
func (s *Service) livePlans(ctx context.Context) ([]Operation, error) {
	s.mu.Lock()
	at, list := s.plansAt, s.plansOf
	s.mu.Unlock()
	if now := time.Now(); now.Sub(at) < plannedFresh {
		return list, nil
	}
	list = nil
	for e, err := range s.plannedTable().Newest(ctx, plannedMax) {
		if err != nil {
			return nil, err
		}
		if e.Value.Operation.keepsBack(s.hooks.Now()) {
			list = append(list, e.Value.Operation)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plansAt, s.plansOf = time.Now(), list
	return list, nil
}

// plannedStage keeps the incidents of a job back while drey changes the job.
func (p *Pipeline) plannedStage(ctx context.Context, b Batch) (Batch, error) {
	i := b.Incident
	if i == nil || i.About != aboutJob || b.Kind != kindNew && b.Kind != kindReopened {
		return b, nil
	}
	op, err := p.planned(ctx, b.subject.cluster, b.subject.name)
	if err != nil || op == nil {
		return b, err
	}
	i.hold(Hold{Kind: holdPlanned, ID: op.ID, Why: op.why(), Until: b.At.Add(plannedEvery)})
	b.note("%s is at work on the job or ended a moment ago: kept back until that is over", op.why())
	return b, nil
}

func noPlan(context.Context, string, string) (*Operation, error) { return nil, nil }

// renewPlanned looks whether an operation still keeps an incident back.
func (s *Service) renewPlanned(ctx context.Context, h Hold, now time.Time) (Hold, bool, error) {
	if s.hooks.Operation == nil {
		return h, false, nil
	}
	op, err := s.hooks.Operation(ctx, h.ID)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return h, false, nil
	case err != nil:
		return h, false, err
	}
	h.Until = now.Add(plannedEvery)
	return h, op.keepsBack(now), nil
}

// forPlan says whether an alert is suppressed by silences for planned changes alone: to drey that is no silence, as the operation
// is told where it was asked for.
func (l *look) forPlan(a alertmanager.Alert) bool {
	if len(a.Status.SilencedBy) == 0 {
		return false
	}
	for _, id := range a.Status.SilencedBy {
		planned := false
		for _, p := range l.peers {
			for _, s := range p.silences {
				planned = planned || s.ID == id && strings.Contains(s.Comment, "["+marker("plan-"))
			}
		}
		if !planned {
			return false
		}
	}
	return true
}
