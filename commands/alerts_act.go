package commands

import (
	"cmp"
	"context"
	"slices"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// Alerts is what the commands need of alerts.Service.
type Alerts interface {
	List(ctx context.Context, f alerts.Filter) ([]alerts.Incident, error)
	Get(ctx context.Context, id string) (alerts.Incident, error)
	AlertTaker
	AlertSilencer
	AlertTester
	Escalator
}

// AlertTaker says who takes care of an incident.
type AlertTaker interface {
	Ack(ctx context.Context, id string, actor bot.Actor) (alerts.Answer, error)
	Unack(ctx context.Context, id string, actor bot.Actor) (alerts.Answer, error)
	Assign(ctx context.Context, id string, to, by bot.Actor) (alerts.Answer, error)
}

// AlertSilencer makes and ends silences.
type AlertSilencer interface {
	Plan(ctx context.Context, id string, w alerts.Wish) (alerts.SilencePlan, error)
	Preview(ctx context.Context, p alerts.SilencePlan) (alerts.SilencePlan, error)
	Silence(ctx context.Context, p alerts.SilencePlan, actor bot.Actor) (alerts.Answer, error)
	Unsilence(ctx context.Context, id string, actor bot.Actor) (alerts.Answer, error)
	Silences(ctx context.Context) (alerts.SilenceList, error)
}

// AlertTester says where an alert would go, and why.
type AlertTester interface {
	Test(ctx context.Context, q alerts.Question) (alerts.Trace, error)
}

// incident finds an incident that the person may treat as perm says. The command's own permission was checked before, on
// any cluster; which job the incident is about only its record tells.
func (d Deps) incident(ctx context.Context, e *Env, id, perm string) (alerts.Incident, error) {
	i, err := d.Alerts.Get(ctx, id)
	if err != nil {
		return i, err
	}
	if ref, ok := d.jobBehind(&i); ok {
		return i, e.demand(ctx, perm, ref.Cluster, ref.Job)
	}
	return i, nil
}

// jobBehind is the job of an incident on a cluster that drey knows, or the cluster alone of one that is about no job.
func (d Deps) jobBehind(i *alerts.Incident) (platform.JobRef, bool) {
	var ref platform.JobRef
	switch {
	case i.Facts != nil:
		ref = i.Facts.Ref
	case i.Job != nil:
		ref = platform.JobRef{Cluster: i.Job.Cluster, Job: cmp.Or(i.Job.Name, i.Job.ID)}
	default:
		ref = platform.JobRef{Cluster: cmp.Or(i.Labels["flink_cluster"], i.Labels["cluster"])}
	}
	return ref, slices.Contains(d.Clusters.Names(), ref.Cluster)
}

// maySee says whether the person may do what perm names with an incident.
func (d Deps) maySee(e *Env, perm string, i *alerts.Incident) bool {
	ref, ok := d.jobBehind(i)
	return !ok && e.Allowed(perm, "", "") || ok && e.Allowed(perm, ref.Cluster, ref.Job)
}

// answered tells the person what became of an action; the thread tells everybody else.
func answered(a alerts.Answer, err error) (bot.Message, error) {
	if err != nil {
		return bot.Message{}, err
	}
	m := bot.Message{Private: true, Blocks: []bot.Block{bot.Textf("%s", a.Say)}}
	switch {
	case a.Pending:
		m.Title, m.Tone = "On its way", bot.Busy
	case a.Already:
		m.Title, m.Tone = "Nothing to do", bot.Muted
	}
	return m, nil
}
