package alerts

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// What an incident is about.
const (
	aboutGroup   = ""        // one alert group, as Alertmanager made it
	aboutJob     = "job"     // one Flink job: its episode
	aboutCluster = "cluster" // a cluster that is down as a whole
)

// subject is what an alert is about.
type subject struct {
	about   string
	cluster string
	name    string // of the job, as a reporter mangles it, or "id:" and its id
	labels  map[string]string
}

// split parts a webhook by what its alerts are about, in the order in which each comes first. What is neither about one job nor
// about a cluster as a whole stays together as the group it came in.
func (p *Pipeline) split(b Batch) []Batch {
	b.Group = hashOf(append([]string{b.Source, b.Payload.Receiver}, sortedPairs(b.Payload.GroupLabels)...)...)
	var out []Batch
	at := map[string]int{}
	for _, a := range b.Payload.Alerts {
		about := p.subjectOf(a.Labels, b.names)
		key := about.key(b.Group)
		n, there := at[key]
		if !there {
			part := b
			part.Key, part.subject, part.Payload.Alerts = key, about, nil
			if about.about == aboutGroup {
				part.subject.labels = b.Payload.GroupLabels
			}
			part.Lead = len(out) == 0
			n = len(out)
			at[key], out = n, append(out, part)
		}
		out[n].Payload.Alerts = append(out[n].Payload.Alerts, a)
	}
	return out
}

// whereOf is the cluster that labels name.
func (p *Pipeline) whereOf(l map[string]string) string {
	_, where := clusterOf(l)
	if !slices.Contains(p.clusters, where) && len(p.clusters) == 1 {
		return p.clusters[0] // people label their metrics as they like: with one cluster it can only be that
	}
	return where
}

// subjectOf reads what an alert is about from its labels; names are those of runs that alerts name by their ids alone.
func (p *Pipeline) subjectOf(l map[string]string, names map[jobRun]jobAt) subject {
	label, _ := clusterOf(l)
	where := p.whereOf(l)
	labels := map[string]string{}
	for _, k := range []string{label, "job_name"} {
		if l[k] != "" {
			labels[k] = l[k]
		}
	}
	switch {
	case p.options.OneThreadPer == perGroup:
	case l["job_name"] != "":
		return subject{aboutJob, where, mangled(l["job_name"]), labels}
	case l["job_id"] != "":
		if n := names[jobRun{where, strings.ToLower(l["job_id"])}]; n.name != "" {
			labels["job_name"] = n.name
			if labels[label] == "" && n.cluster != "" {
				labels["cluster"] = n.cluster
			}
			return subject{aboutJob, n.cluster, mangled(n.name), labels}
		}
		labels["job_id"] = l["job_id"]
		return subject{aboutJob, where, "id:" + strings.ToLower(l["job_id"]), labels}
	case where != "" && slices.Contains(p.options.ClusterDown, l["alertname"]):
		return subject{aboutCluster, where, "", labels}
	}
	return subject{}
}

// clusterOf is the label that names the Flink cluster, and its value.
func clusterOf(l map[string]string) (label, value string) {
	if v := l["flink_cluster"]; v != "" {
		return "flink_cluster", v
	}
	return "cluster", l["cluster"]
}

// key is the identity of the incident: that of the group, or of what it is about, whoever sends it in whatever group.
func (s subject) key(group string) string {
	switch s.about {
	case aboutJob:
		return hashOf("job", s.cluster, s.name)
	case aboutCluster:
		return hashOf("cluster", s.cluster)
	}
	return group
}

// identify notes whose incident it is, for a trace.
func (b *Batch) identify() {
	switch b.subject.about {
	case aboutJob:
		b.note("about the job %s, whatever group it comes in", cmp.Or(b.subject.labels["job_name"], b.subject.labels["job_id"]))
	case aboutCluster:
		b.note("about the cluster %s as a whole", b.subject.cluster)
	default:
		b.note("group %v of receiver %q from source %q", b.Payload.GroupLabels, b.Payload.Receiver, b.Source)
	}
}

// Fill is a group of which a webhook did not tell all: Alertmanager's API has it.
type Fill struct {
	Source   string            `json:"source"`
	Receiver string            `json:"receiver"`
	Labels   map[string]string `json:"labels,omitempty"`
	Since    time.Time         `json:"since"` // not to be asked for before
	Times    int               `json:"times"` // how often that was noted
}

// maxFills bounds how many groups an incident is asked about.
const maxFills = 50

func (f Fill) same(g Fill) bool {
	return f.Source == g.Source && f.Receiver == g.Receiver && maps.Equal(f.Labels, g.Labels)
}

// fill notes that a group is to be asked for, once however often that is noted.
func (i *Incident) fill(f Fill) {
	at := slices.IndexFunc(i.Fills, f.same)
	switch {
	case at >= 0:
		i.Fills[at].Since = sooner(i.Fills[at].Since, f.Since)
		i.Fills[at].Times++
	case len(i.Fills) < maxFills:
		f.Times = 1
		i.Fills = append(i.Fills, f)
	}
}

// filled drops what was asked for. What was noted anew meanwhile stays.
func (i *Incident) filled(done []Fill) {
	for _, f := range done {
		i.Fills = slices.DeleteFunc(i.Fills, func(g Fill) bool { return g.same(f) && g.Times == f.Times })
	}
}

// fillAt is when the first of the groups is to be asked for; zero: none is.
func (i *Incident) fillAt() (at time.Time) {
	for _, f := range i.Fills {
		at = sooner(at, f.Since)
	}
	return at
}

// sources are those that the incident's alerts come from, but for drey itself; the main one is first.
func (i *Incident) sources() []string {
	out := []string{i.Source}
	for _, fp := range slices.Sorted(maps.Keys(i.Alerts)) {
		if a := i.Alerts[fp]; a.Status == Firing && !slices.Contains(out, i.sourceOf(a)) {
			out = append(out, i.sourceOf(a))
		}
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == ownSource })
}

func (i *Incident) sourceOf(a Alert) string { return cmp.Or(a.Source, i.Source) }

// ask is what to ask a source's Alertmanager for, to hear of all the incident's alerts there.
func (i *Incident) ask(source string, now time.Time) (labels map[string]string, receiver string) {
	if i.About == aboutGroup {
		return i.GroupLabels, i.Receiver
	}
	var as []Alert
	for _, a := range i.Alerts {
		if (a.Status == Firing || a.doubted(now)) && i.sourceOf(a) == source {
			as = append(as, a)
		}
	}
	labels = commonLabels(as)
	maps.DeleteFunc(labels, func(k, v string) bool {
		return v == "" || !slices.Contains([]string{"job_name", "job_id", "cluster", "flink_cluster", "alertname"}, k)
	})
	return labels, ""
}
