package alerts

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// Env is what a route's condition can look at.
type Env struct {
	Labels      map[string]string `expr:"labels"`      // common to all firing alerts; a missing one is ""
	Annotations map[string]string `expr:"annotations"` // of the first alert
	Status      string            `expr:"status"`      // firing or resolved
	Alertname   string            `expr:"alertname"`
	Severity    string            `expr:"severity"` // the highest of the group
	Source      string            `expr:"source"`
	Receiver    string            `expr:"receiver"`
	Cluster     string            `expr:"cluster"` // of the Flink job behind the labels
	Job         string            `expr:"job"`     // its name, or else its id
	Firing      int               `expr:"firing"`
	Episodes    int               `expr:"episodes"`
	Hour        int               `expr:"hour"`    // 0 to 23, in UTC
	Weekday     string            `expr:"weekday"` // monday to sunday, in UTC
	// SeverityAtLeast compares by meaning: critical, error, warning, info.
	SeverityAtLeast func(word string) bool `expr:"severityAtLeast"`
}

// maxValue bounds the texts that rules look at, and so what a regular expression can cost.
const maxValue = 8 << 10

func (i *Incident) env(now time.Time) *Env {
	e := &Env{
		Labels: bounded(i.Labels), Annotations: map[string]string{}, Status: Resolved, Alertname: i.Labels["alertname"], Severity: i.Severity,
		Source: i.Source, Receiver: i.Receiver, Firing: i.FiringCount(), Episodes: i.Episodes, Hour: now.UTC().Hour(),
		Weekday: strings.ToLower(now.UTC().Weekday().String()),
	}
	e.SeverityAtLeast = func(word string) bool { return severityRank(e.Severity) >= severityRank(word) }
	if e.Firing > 0 {
		e.Status = Firing
	}
	if shown := i.shown(); len(shown) > 0 {
		e.Annotations = bounded(shown[0].Annotations)
	}
	if i.Job != nil {
		e.Cluster, e.Job = i.Job.Cluster, cmp.Or(i.Job.Name, i.Job.ID)
	}
	return e
}

// bounded returns m, or a copy with its overlong values cut.
func bounded(m map[string]string) map[string]string {
	long := false
	for _, v := range m {
		long = long || len(v) > maxValue
	}
	if m == nil || !long {
		return m
	}
	m = maps.Clone(m)
	for k, v := range m {
		if len(v) > maxValue {
			m[k] = strings.ToValidUTF8(v[:maxValue], "")
		}
	}
	return m
}

// bindStage finds the Flink job in the labels that all firing alerts share.
func bindStage(_ context.Context, b Batch) (Batch, error) {
	if b.Incident == nil {
		return b, nil
	}
	inc, l := b.Incident, b.Incident.Labels
	job := Binding{Cluster: cmp.Or(l["flink_cluster"], l["cluster"]), ID: l["job_id"], Name: l["job_name"]}
	switch {
	case job.ID == "" && job.Name == "":
		b.note("no job_id and no job_name common to its alerts: not about one job")
		inc.Job, inc.Facts, inc.NoFacts, inc.Gone = nil, nil, "", false
	case inc.Job == nil || *inc.Job != job:
		inc.Job, inc.Facts, inc.FactsAt, inc.NoFacts, inc.Gone = &job, nil, time.Time{}, "", false
		fallthrough
	default:
		b.note("about the job %s", job)
	}
	return b, nil
}

// String names the job for people: "prod/orders".
func (b Binding) String() string {
	name := cmp.Or(b.Name, b.ID)
	if b.Cluster != "" {
		return b.Cluster + "/" + name
	}
	return name
}

// matchStage adds the channels whose routes match. A channel once told stays: its thread must see the end.
func (p *Pipeline) matchStage(_ context.Context, b Batch) (Batch, error) {
	if b.Incident == nil || b.Kind == kindRepeat {
		return b, nil
	}
	if b.Incident.FiringCount() == 0 && len(b.Incident.Targets) > 0 {
		b.note("over: told where it was told before")
		return b, nil
	}
	for i, err := range p.routes.index.Each(b.Incident.env(b.At)) {
		r := p.routes.list[i]
		if err != nil {
			b.note("route %q cannot be evaluated, so it does not match: %v", r.name, err)
			continue
		}
		b.note("route %q matches: %v", r.name, r.places)
		for _, place := range r.places {
			if !slices.ContainsFunc(b.Incident.Targets, func(t Target) bool { return t.Place == place }) {
				b.Incident.Targets = append(b.Incident.Targets, Target{Place: place, Route: r.name})
			}
		}
		if !r.more {
			break
		}
		b.note("it says continue")
	}
	if len(b.Incident.Targets) == 0 {
		b.note("no route matches: it is kept and listed, but told nowhere")
	}
	return b, nil
}
