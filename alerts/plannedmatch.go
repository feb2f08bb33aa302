package alerts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/drey-ops/drey/alerts/alertmanager"
	"github.com/drey-ops/drey/platform"
)

// planMatchers finds what matches the alerts of an operation's job, and no others: its name, and its cluster by the label that its
// alerts have. refused says why there is no such thing. An error is that nobody could be asked.
func (s *Service) planMatchers(ctx context.Context, v *view, op Operation) (ms []alertmanager.Matcher, refused string, err error) {
	own, err := s.namesakes(ctx, op)
	if err != nil || own.refused != "" {
		return nil, own.refused, err
	}
	as, err := alertsOf(ctx, v, op)
	if err != nil {
		return nil, "", err
	}
	labels, refused := s.planLabels(op, own, as)
	if refused != "" {
		return nil, refused, nil
	}
	for _, a := range as {
		if alertmanager.Has(a.Labels, labels) {
			if why := s.foreign(op, own, a.Labels); why != "" {
				return nil, why, nil
			}
		}
	}
	return alertmanager.Equal(labels), "", nil
}

// namesakes are the other jobs that run under the name of an operation's.
type namesakes struct {
	elsewhere []string // the clusters with one, or that do not answer
	live      []platform.JobID
	refused   string
}

// namesakes looks for other jobs of the name, as a reporter mangles it: their alerts may bear the same label.
func (s *Service) namesakes(ctx context.Context, op Operation) (namesakes, error) {
	var out namesakes
	for name, c := range s.hooks.Clusters {
		jobs, err := c.Jobs(ctx)
		if err != nil && name == op.Cluster {
			return out, err
		}
		if err != nil {
			out.elsewhere = append(out.elsewhere, name)
			continue
		}
		for _, j := range jobs {
			if j.State.Terminal() || mangled(j.Name) != mangled(op.Job) || name == op.Cluster && slices.Contains(op.Runs, j.ID) {
				continue
			}
			if name != op.Cluster {
				out.elsewhere, out.live = append(out.elsewhere, name), append(out.live, j.ID)
			} else if j.Name != op.Job || !j.Start.After(op.Started) { // else the run that the operation has just made
				out.refused = fmt.Sprintf("another job of the same name, %s, runs on %s", j.ID, name)
			}
		}
	}
	slices.Sort(out.elsewhere)
	out.elsewhere = slices.Compact(out.elsewhere)
	return out, nil
}

// alertsOf are the alerts that Alertmanager has about the operation's job, by its name or its id.
func alertsOf(ctx context.Context, v *view, op Operation) ([]alertmanager.Alert, error) {
	var filters []map[string]string
	for _, name := range unique([]string{op.Job, mangled(op.Job)}) {
		filters = append(filters, map[string]string{"job_name": name})
	}
	for _, id := range op.Runs {
		filters = append(filters, map[string]string{"job_id": string(id)})
	}
	var out []alertmanager.Alert
	answered := false
	for _, p := range v.peers {
		if p.err != nil {
			continue
		}
		for _, f := range filters {
			as, err := p.client.Alerts(ctx, f, "")
			if err != nil {
				return nil, err
			}
			out = append(out, as...)
		}
		answered = true
	}
	if !answered {
		return nil, cmp.Or(v.err(), errors.New("no Alertmanager answers"))
	}
	return out, nil
}

// planLabels are the labels that a silence for the operation's job matches, by what its alerts have now. Where there are none the
// narrowest are taken: at worst they match nothing.
func (s *Service) planLabels(op Operation, own namesakes, as []alertmanager.Alert) (labels map[string]string, refused string) {
	name, clusterLabel := mangled(op.Job), ""
	var values []string
	named, cut := len(as) == 0, false
	for _, a := range as {
		if n := a.Labels["job_name"]; n != "" {
			named = true
			if n == op.Job {
				name = n
			}
		}
		label, value := clusterOf(a.Labels)
		switch {
		case value == "":
			cut = true
		case clusterLabel == "" || label == "flink_cluster":
			clusterLabel = label
		}
	}
	if !named {
		return nil, "its alerts have no label job_name"
	}
	for _, a := range as {
		if v := a.Labels[clusterLabel]; v != "" && clusterLabel != "" {
			values = append(values, v)
		}
	}
	values = unique(values)
	labels = map[string]string{"job_name": name}
	switch {
	case clusterLabel == "" && cut && len(own.elsewhere) > 0:
		return nil, "its alerts do not name their cluster, and the name may be that of a job on " + strings.Join(own.elsewhere, ", ") + " too"
	case clusterLabel == "" && cut:
		return labels, ""
	}
	clusterLabel = cmp.Or(clusterLabel, "cluster")
	for _, v := range values {
		if s.isCluster(op.Cluster, clusterLabel, v) || len(values) == 1 && len(s.hooks.Clusters) == 1 {
			labels[clusterLabel] = v
			return labels, ""
		}
	}
	labels[clusterLabel] = op.Cluster
	if c := s.hooks.Clusters[op.Cluster]; c != nil {
		labels[clusterLabel] = cmp.Or(c.Labels[clusterLabel], op.Cluster)
	}
	return labels, ""
}

// isCluster says whether a label's value names one of drey's clusters.
func (s *Service) isCluster(cluster, label, value string) bool {
	c := s.hooks.Clusters[cluster]
	return value == cluster || c != nil && value != "" && value == c.Labels[label]
}

// foreign says why an alert that a silence would hide is about something else; empty when it is about the operation's job.
func (s *Service) foreign(op Operation, own namesakes, l map[string]string) string {
	label, value := clusterOf(l)
	if value != "" && len(s.hooks.Clusters) != 1 && !s.isCluster(op.Cluster, label, value) {
		return "a silence would hide alerts of the cluster " + clip(value, 60) + " too"
	}
	if id := platform.JobID(strings.ToLower(l["job_id"])); id != "" && slices.Contains(own.live, id) {
		return fmt.Sprintf("a silence would hide alerts of another job, %s, too", id)
	}
	return ""
}
