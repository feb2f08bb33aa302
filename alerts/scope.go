package alerts

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/drey-ops/drey/alerts/alertmanager"
	"github.com/drey-ops/drey/platform"
)

// Scope is what a maintenance window covers: a cluster, one job of it, or all that its matchers match. One of Cluster and
// Matchers is set.
type Scope struct {
	Cluster  string                 `json:"cluster,omitempty"`
	Job      string                 `json:"job,omitempty"` // name or id; empty: the whole cluster
	Matchers []alertmanager.Matcher `json:"matchers,omitempty"`
}

// String names the scope so that ParseScope reads it again: "prod", "prod/orders", `{env="test",team="core"}`.
func (sc Scope) String() string {
	if len(sc.Matchers) == 0 {
		return strings.TrimSuffix(sc.Cluster+"/"+sc.Job, "/")
	}
	var out []string
	for _, m := range sc.Matchers {
		sign := "="
		if m.IsRegex {
			sign = "=~"
		}
		out = append(out, fmt.Sprintf("%s%s%q", m.Name, sign, m.Value))
	}
	return "{" + strings.Join(out, ",") + "}"
}

// Target is the cluster and the job that the scope is about, as far as it says.
func (sc Scope) Target() (cluster, job string) {
	if len(sc.Matchers) == 0 {
		return sc.Cluster, sc.Job
	}
	for _, m := range sc.Matchers {
		switch {
		case m.IsRegex:
		case m.Name == "cluster" || m.Name == "flink_cluster":
			cluster = m.Value
		case m.Name == "job_name":
			job = m.Value
		}
	}
	return cluster, job
}

// Broad says whether the scope may cover what nobody thought of: a whole cluster, patterns, or nothing but labels that
// half of everything has.
func (sc Scope) Broad() bool {
	if len(sc.Matchers) == 0 {
		return sc.Job == ""
	}
	return !slices.ContainsFunc(sc.Matchers, func(m alertmanager.Matcher) bool { return !m.IsRegex && !commonLabel(m.Name) })
}

// commonLabel says whether a label usually parts alerts into a few big heaps.
func commonLabel(name string) bool {
	return slices.Contains([]string{"severity", "cluster", "flink_cluster", "env", "environment", "region", "zone", "namespace", "prometheus", "receiver", "tenant", "job"}, name)
}

var labelOf = regexp.MustCompile(`^\s*"?([^\s"=!~{},][^"=!~{},]*?)"?\s*(=~|!=|!~|=)\s*`)

// ParseScope reads a cluster, CLUSTER/JOB, or labels such as team=core,job_name=~"orders.*", with or without braces. What may
// be a job's name alone is given back as a Job without a Cluster. clusters are the names there are.
func ParseScope(s string, clusters []string) (Scope, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return Scope{}, platform.Errorf(platform.Invalid, "", "want a cluster, a job or labels such as team=core")
	case strings.HasPrefix(s, "{") || labelOf.MatchString(s):
		return parseMatchers(s)
	case slices.Contains(clusters, s):
		return Scope{Cluster: s}, nil
	}
	cluster, job, ok := strings.Cut(s, "/")
	if !ok {
		return Scope{Job: s}, nil
	}
	if cluster == "" || job == "" {
		return Scope{}, platform.Errorf(platform.Invalid, "", "want CLUSTER/JOB such as prod/orders, have %q", clip(s, 60))
	}
	return Scope{Cluster: cluster, Job: job}, nil
}

// maxMatchers bounds what one window looks at.
const maxMatchers = 10

func parseMatchers(s string) (Scope, error) {
	var sc Scope
	rest := strings.TrimSpace(s)
	if strings.HasPrefix(rest, "{") {
		rest = strings.TrimSuffix(rest[1:], "}")
	}
	for rest = strings.TrimLeft(rest, " ,"); rest != ""; rest = strings.TrimLeft(rest, " ,") {
		m := labelOf.FindStringSubmatch(rest)
		if m == nil {
			return sc, platform.Errorf(platform.Invalid, "", "want labels such as team=core,env=test, have %q", clip(rest, 60))
		}
		if strings.HasPrefix(m[2], "!") {
			return sc, platform.Errorf(platform.Invalid, "", "a window says what it covers, with = or =~; %s would cover all but a few", clip(rest, 60))
		}
		value, after, err := matcherValue(rest[len(m[0]):])
		if err != nil {
			return sc, err
		}
		sc.Matchers, rest = append(sc.Matchers, alertmanager.Matcher{Name: m[1], Value: value, IsRegex: m[2] == "=~", IsEqual: true}), after
	}
	return sc, sc.check()
}

// matcherValue reads a value, in quotes or up to the next comma or blank.
func matcherValue(s string) (value, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, " ,")
		if end < 0 {
			end = len(s)
		}
		return s[:end], s[end:], nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:], nil
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", platform.Errorf(platform.Invalid, "", "a quote is not closed: %s", clip(s, 60))
}

// check refuses matchers that would match whatever lacks the label, and so everything.
func (sc Scope) check() error {
	if n := len(sc.Matchers); n == 0 || n > maxMatchers {
		return platform.Errorf(platform.Invalid, "", "want 1 to %d labels such as team=core, have %d", maxMatchers, n)
	}
	empty := true
	for _, m := range sc.Matchers {
		if len(m.Name)+len(m.Value) > 1000 {
			return platform.Errorf(platform.Invalid, "", "the label %s is too long", clip(m.Name, 40))
		}
		re, err := pattern(m)
		if err != nil {
			return platform.Errorf(platform.Invalid, "", "%s: %q is no regular expression: %v", m.Name, clip(m.Value, 60), err)
		}
		empty = empty && re.MatchString("")
	}
	if empty {
		return platform.Errorf(platform.Invalid, "", "%s would cover everything", sc)
	}
	return nil
}

// pattern is a matcher as an anchored expression.
func pattern(m alertmanager.Matcher) (*regexp.Regexp, error) {
	if !m.IsRegex {
		return regexp.Compile("^(?:" + regexp.QuoteMeta(m.Value) + ")$")
	}
	return regexp.Compile("^(?s:" + m.Value + ")$")
}

// ready is a Scope that can be asked often.
type ready struct {
	Scope
	patterns []*regexp.Regexp
}

func (sc Scope) ready() ready {
	out := ready{Scope: sc}
	for _, m := range sc.Matchers {
		re, err := pattern(m)
		if err != nil {
			re = nil // of another version: matches nothing
		}
		out.patterns = append(out.patterns, re)
	}
	return out
}

// covers says whether the incident is in the scope. known says which clusters drey knows: a cluster that people call otherwise
// in their labels may be any.
func (r ready) covers(i *Incident, known func(cluster string) bool) bool {
	if len(r.Matchers) > 0 {
		for n, m := range r.Matchers {
			if r.patterns[n] == nil || !r.patterns[n].MatchString(i.Labels[m.Name]) {
				return false
			}
		}
		return true
	}
	where := cmp.Or(i.Labels["flink_cluster"], i.Labels["cluster"])
	if i.Job != nil && i.Job.Cluster != "" {
		where = i.Job.Cluster
	}
	if i.Facts != nil && !known(where) {
		where = i.Facts.Ref.Cluster
	}
	if r.Job == "" {
		return where == r.Cluster
	}
	if i.Job == nil || known(where) && where != r.Cluster {
		return false
	}
	same := func(name string) bool { return name != "" && (name == r.Job || name == mangled(r.Job)) }
	return same(i.Job.Name) || strings.EqualFold(i.Job.ID, r.Job) || i.Facts != nil && same(i.Facts.Ref.Job)
}
