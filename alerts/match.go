package alerts

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
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
	Owner       string            `expr:"owner"`   // the label owner, else the annotation, else the label team
	Firing      int               `expr:"firing"`
	Episodes    int               `expr:"episodes"`
	Hour        int               `expr:"hour"`    // 0 to 23, in Options.TimeZone
	Weekday     string            `expr:"weekday"` // monday to sunday, in Options.TimeZone
	// SeverityAtLeast compares by meaning: critical, error, warning, info.
	SeverityAtLeast func(word string) bool `expr:"severityAtLeast"`
	// HourIn and WeekdayIn are the hour and the weekday in a zone of that name.
	HourIn    func(zone string) int    `expr:"hourIn"`
	WeekdayIn func(zone string) string `expr:"weekdayIn"`
	// During says whether it is now in the mute time of that name.
	During func(name string) bool `expr:"during"`
}

// maxValue bounds the texts that rules look at, and so what a regular expression can cost.
const maxValue = 8 << 10

func (rs *routes) env(i *Incident, now time.Time) *Env {
	here := now.In(rs.zone)
	e := &Env{
		Labels: bounded(i.Labels), Annotations: map[string]string{}, Status: Resolved, Alertname: i.Labels["alertname"], Severity: i.Severity,
		Source: i.Source, Receiver: i.Receiver, Firing: i.FiringCount(), Episodes: i.Episodes, Hour: here.Hour(), Weekday: weekday(here),
	}
	e.SeverityAtLeast = func(word string) bool { return severityRank(e.Severity) >= severityRank(word) }
	e.HourIn = func(zone string) int { return now.In(rs.inZone(zone)).Hour() }
	e.WeekdayIn = func(zone string) string { return weekday(now.In(rs.inZone(zone))) }
	e.During = func(name string) bool { return rs.mutes.holds([]string{name}, now) }
	if e.Firing > 0 {
		e.Status = Firing
	}
	if shown := i.shown(); len(shown) > 0 {
		e.Annotations = bounded(shown[0].Annotations)
	}
	if i.Job != nil {
		e.Cluster, e.Job = i.Job.Cluster, cmp.Or(i.Job.Name, i.Job.ID)
	}
	e.Owner = cmp.Or(e.Labels["owner"], e.Annotations["owner"], e.Labels["team"])
	return e
}

// inZone is a zone that a condition names; all of them were found when it was compiled.
func (rs *routes) inZone(name string) *time.Location { return cmp.Or(rs.zones[name], time.UTC) }

func weekday(t time.Time) string { return strings.ToLower(t.Weekday().String()) }

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
	case inc.Job != nil && inc.Job.Cluster == job.Cluster && inc.Job.Name == job.Name && job.Name != "":
		inc.Job = &job // another run of it, or alerts of several
		b.note("about the job %s", job)
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

// matchStage finds the channels whose routes match, and what is wanted there.
func (p *Pipeline) matchStage(_ context.Context, b Batch) (Batch, error) {
	if b.Incident == nil || b.Kind == kindRepeat {
		return b, nil
	}
	if b.Incident.FiringCount() == 0 && len(b.Incident.Targets) > 0 {
		b.note("over: told where it was told before")
		return b, nil
	}
	env := p.routes.env(b.part(), b.At)
	var wanted []Target
	more := b.Kind != kindNew && b.Incident.About != aboutGroup
	var chains []string
	if more {
		chains = slices.Clone(b.Incident.Escalate)
	}
	for _, r := range p.matching(&b, env) {
		places, note := r.channels(env, p.canPost)
		if note != "" {
			b.note("route %q: %s", r.name, note)
		}
		for _, place := range places {
			wanted = append(wanted, p.routes.target(r, place, b.At))
		}
		if r.climb != "" {
			chains = append(chains, r.climb)
		}
		b.noteRoute(r, places)
	}
	b.Incident.Escalate = unique(chains)
	b.Incident.aim(wanted, more)
	if len(b.Incident.Targets) == 0 {
		b.note("no route matches and there is no default: it is kept and listed, but told nowhere")
	}
	return b, nil
}

// part is the incident as far as this webhook speaks of it: what is about one job comes in several groups, each with labels, a
// severity and a receiver of its own, and each goes its own way.
func (b *Batch) part() *Incident {
	if b.Incident.About == aboutGroup || len(b.Payload.Alerts) == 0 {
		return b.Incident
	}
	i := *b.Incident
	i.Source, i.Receiver = b.Source, b.Payload.Receiver
	i.Alerts = map[string]Alert{}
	for _, a := range b.Payload.Alerts {
		if known, ok := b.Incident.Alerts[a.Fingerprint]; ok {
			i.Alerts[a.Fingerprint] = known
		}
	}
	i.refresh()
	return &i
}

// matching are the routes that take an alert, in order, or the default one.
func (p *Pipeline) matching(b *Batch, env *Env) []*route {
	var out []*route
	next, more := 0, true
	for i, err := range p.routes.index.Each(env) {
		r := &p.routes.list[i]
		p.noteMissed(b, env, next, i)
		next = i + 1
		if err != nil {
			b.note("route %q cannot be evaluated, so it does not match: %v", r.name, err)
			continue
		}
		b.note("route %q matches: %s", r.name, p.routes.rules[i])
		out = append(out, r)
		if more = r.more; !more {
			break
		}
		b.note("it says continue")
	}
	if rest := len(p.routes.list) - next; more {
		p.noteMissed(b, env, next, len(p.routes.list))
	} else if rest > 0 {
		b.note("it does not say continue: the %d below are not looked at", rest)
	}
	if len(out) == 0 && p.routes.fallback != nil {
		b.note("no route matches: the default takes it")
		out = append(out, p.routes.fallback)
	}
	return out
}

// missedShown bounds how many routes in a row a trace tells of that do not match.
const missedShown = 20

// noteMissed tells of the routes from up to before to that they do not match, and why.
func (p *Pipeline) noteMissed(b *Batch, env *Env, from, to int) {
	if b.trace == nil {
		return
	}
	for i := from; i < min(to, from+missedShown); i++ {
		b.note("route %q does not match: %s", p.routes.list[i].name, p.routes.compiler.Why(p.routes.rules[i], env))
	}
	if n := to - from - missedShown; n > 0 {
		b.note("%d more routes do not match", n)
	}
}

// noteRoute tells what a route wants.
func (b *Batch) noteRoute(r *route, places []bot.Place) {
	if b.trace == nil {
		return
	}
	what := []string{fmt.Sprintf("to %s", joinPlaces(places))}
	for _, m := range r.calls.ids {
		what = append(what, fmt.Sprintf("mentions %s", m))
	}
	for _, name := range r.calls.schedules {
		what = append(what, "mentions who is on call in "+name)
	}
	if r.climb != "" {
		what = append(what, fmt.Sprintf("escalation %q", r.climb))
	}
	if r.buttons != nil {
		what = append(what, "buttons "+cmp.Or(strings.Join(r.buttons, " "), "none"))
	}
	if len(r.mute) > 0 {
		what = append(what, "muted by "+strings.Join(r.mute, ", "))
	}
	b.note("%s", strings.Join(what, "; "))
}

func joinPlaces(places []bot.Place) string {
	var out []string
	for _, p := range places {
		out = append(out, p.String())
	}
	return strings.Join(out, ", ")
}
