package alerts

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/drey-ops/drey/alerts/alertmanager"
)

// SilencePart is what a silence hides in the Alertmanager of one source. A silence of an incident with alerts of several sources has
// a part in each of them, and two in one where no matchers hide just those alerts.
type SilencePart struct {
	Source   string
	Also     []string // other sources that have the same Alertmanager
	Matchers alertmanager.Matchers
}

// parts are the matchers that hide exactly the incident's alerts, the main source's first.
func (i *Incident) parts() []SilencePart {
	if i.About == aboutGroup {
		return []SilencePart{{Source: i.Source, Matchers: i.groupMatchers()}}
	}
	var out []SilencePart
	shown := i.shown()
	for _, source := range i.sources() {
		as := slices.DeleteFunc(slices.Clone(shown), func(a Alert) bool { return i.sourceOf(a) != source })
		for _, alike := range byJob(as) {
			out = append(out, SilencePart{Source: source, Matchers: jobMatchers(alike)})
		}
	}
	return out
}

// byJob parts alerts by how they name their job, unless all do it in one way: what they have in common would hide others else.
func byJob(as []Alert) [][]Alert {
	common := commonLabels(as)
	at := map[string][]Alert{}
	for _, a := range as {
		key := ""
		if common["job_name"] == "" && common["job_id"] == "" {
			key = cmp.Or(a.Labels["job_name"], "id:"+a.Labels["job_id"])
		}
		at[key] = append(at[key], a)
	}
	var out [][]Alert
	for _, key := range slices.Sorted(maps.Keys(at)) {
		out = append(out, at[key])
	}
	return out
}

// groupMatchers are exactly the group: its labels, and the alert's name where all its alerts share one. A group by nothing is told
// apart by all that its alerts have in common.
func (i *Incident) groupMatchers() alertmanager.Matchers {
	labels := maps.Clone(i.GroupLabels)
	if len(labels) == 0 {
		labels = maps.Clone(i.Labels)
	} else if name := i.Labels["alertname"]; name != "" {
		labels["alertname"] = name
	}
	maps.DeleteFunc(labels, func(_, v string) bool { return v == "" })
	return alertmanager.Equal(labels)
}

// jobMatchers are what names the job or the cluster of alerts, and their own names.
func jobMatchers(as []Alert) alertmanager.Matchers {
	names := map[string]bool{}
	for _, a := range as {
		names[regexp.QuoteMeta(a.Labels["alertname"])] = true
	}
	labels := commonLabels(as)
	maps.DeleteFunc(labels, func(k, v string) bool {
		return v == "" || !slices.Contains([]string{"job_name", "cluster", "flink_cluster", "alertname"}, k) && (k != "job_id" || labels["job_name"] != "")
	})
	out := alertmanager.Equal(labels)
	if len(names) > 1 {
		out = append(out, alertmanager.Matcher{Name: "alertname", Value: strings.Join(slices.Sorted(maps.Keys(names)), "|"), IsRegex: true, IsEqual: true})
	}
	return out
}

// at is the source whose Alertmanager has a silence.
func (i *Incident) at(s Silence) string { return cmp.Or(s.Source, i.Source) }

// together are the parts of the silence that s is one of, s among them, by their places.
func (i *Incident) together(s Silence) []int {
	var out []int
	for n, x := range i.Silences {
		if x.Op == s.Op || s.With != "" && x.With == s.With {
			out = append(out, n)
		}
	}
	return out
}

// among are the sources with a part of the silence that s is one of, and those of them where it is not yet as it should be.
func (i *Incident) among(s Silence) (all, missing []string) {
	for _, n := range i.together(s) {
		x := i.Silences[n]
		all = append(all, i.at(x))
		if !x.Told.Equal(x.Until) && !x.Ended && !x.Ending {
			missing = append(missing, i.at(x))
		}
	}
	return unique(all), unique(missing)
}

// silenceOf is the part of a silence with the same matchers at the same source that is in force or asked for, or nil.
func (i *Incident) silenceOf(p SilencePart) *Silence {
	for n := range i.Silences {
		if s := &i.Silences[n]; !s.Ended && !s.Ending && i.at(*s) == p.Source && s.Matchers.Same(p.Matchers) {
			return s
		}
	}
	return nil
}

// silenceParts are those of a plan: what was asked for at every source of the incident, or, where that is nothing or what there is
// already, what each source has now or should have. bare are the sources without an Alertmanager.
func (s *Service) silenceParts(i *Incident, given alertmanager.Matchers) (parts []SilencePart, exact bool, bare []string) {
	own := i.parts()
	exact = len(given) == 0 || len(own) > 0 && given.Same(own[0].Matchers)
	have := i.wantedSilence()
	for n, x := range i.Silences {
		if !x.Ended && len(given) > 0 && given.Same(x.Matchers) {
			have, exact = &i.Silences[n], true
		}
	}
	if have != nil && exact && (len(given) == 0 || given.Same(have.Matchers)) {
		for _, n := range i.together(*have) {
			if x := i.Silences[n]; !x.Ended && !x.Ending {
				parts = append(parts, SilencePart{i.at(x), x.Also, x.Matchers})
			}
		}
	}
	had := slices.Clone(parts)
	for _, p := range own {
		switch {
		case len(s.peers[p.Source]) == 0:
			bare = append(bare, p.Source)
			continue
		case slices.ContainsFunc(had, func(x SilencePart) bool { return x.Source == p.Source || slices.Contains(x.Also, p.Source) }):
			continue
		case !exact:
			p.Matchers = given
		}
		n := slices.IndexFunc(parts, func(x SilencePart) bool { return x.Matchers.Same(p.Matchers) && s.share(x.Source, p.Source) })
		if n < 0 {
			parts = append(parts, p)
		} else if parts[n].Source != p.Source {
			parts[n].Also = append(slices.Clone(parts[n].Also), p.Source)
		}
	}
	parts = slices.DeleteFunc(parts, func(p SilencePart) bool { return len(s.peers[p.Source]) == 0 })
	return parts, exact, unique(bare)
}

// share says whether two sources have an Alertmanager in common: one silence there is for both.
func (s *Service) share(a, b string) bool {
	return a == b || slices.ContainsFunc(s.options.Sources[a].Alertmanager, func(addr string) bool {
		return slices.Contains(s.options.Sources[b].Alertmanager, addr)
	})
}

// theirs names the Alertmanagers of sources: just Alertmanager where they are all that there are.
func theirs(sources, all []string) string {
	sources = unique(sources)
	switch {
	case len(unique(all)) < 2 || len(sources) == 0:
		return "Alertmanager"
	case len(sources) == 1:
		return "the Alertmanager of " + sources[0]
	}
	last := len(sources) - 1
	return "the Alertmanagers of " + strings.Join(sources[:last], ", ") + " and " + sources[last]
}
