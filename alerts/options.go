package alerts

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/alerts/oncall"
	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/config/secret"
)

// Options are the "alerts" part of the configuration. The zero Options work: no source, nothing comes in.
type Options struct {
	// Sources may post alerts, each to /webhooks/alertmanager/NAME.
	Sources map[string]Source `yaml:"sources"`
	// Routes say which channels an alert goes to: the first that matches, and those after it while they say continue.
	Routes []Route `yaml:"routes"`
	// DefaultTo are channels for what no route matches. Without it such an incident is kept, listed and counted, and told
	// nowhere.
	DefaultTo []string `yaml:"default_to"`
	// MuteTimes are quiet hours by name, for the mute of routes and during("NAME") in conditions: lists of Alertmanager's
	// time intervals, with times, weekdays, days_of_month, months, years and location.
	MuteTimes map[string][]TimeInterval `yaml:"mute_times"`
	// TimeZone is that of hour and weekday in conditions, such as Europe/Berlin; the default is UTC. Mute times say their own.
	TimeZone string `yaml:"time_zone"`
	// Ack is what becomes of acknowledgements with time.
	Ack AckOptions `yaml:"ack"`
	// OnCall are schedules by name: who is on call when.
	OnCall map[string]oncall.Options `yaml:"oncall"`
	// Escalations are what happens by and by while nobody takes care of an incident, by name: for the escalate of routes.
	Escalations map[string]Escalation `yaml:"escalations"`
	// Silence bounds the silences made from chat.
	Silence SilenceOptions `yaml:"silence"`
	// Watch is drey's own look at the clusters.
	Watch Watch `yaml:"watch"`
	// OneThreadPer says what shares a thread: "job", the default, makes one of all that is about a Flink job at one time, whatever
	// alert groups it comes in; "group" keeps each alert group of Alertmanager by itself.
	OneThreadPer string `yaml:"one_thread_per"`
	// ClusterDown are the names of alerts that mean that a whole cluster is down. While one fires, incidents of the cluster's jobs
	// are kept back; the default is FlinkJobManagerDown, FlinkNoTaskManagers and drey's own FlinkClusterSilent and
	// FlinkClusterLostJobs.
	ClusterDown []string `yaml:"cluster_down"`
	// Storm says when a channel gets one digest instead of a thread for each incident.
	Storm StormOptions `yaml:"storm"`
	// Dashboard is the address of a dashboard about what an alert's labels name, each in braces, such as
	// https://grafana.example.com/d/flink?var-job={job_name}; a dashboard_url among the alert's annotations comes first.
	Dashboard string `yaml:"dashboard"`
	// Reports are posted at their time: what happened, what is still open, and what is to be looked after.
	Reports []ReportPlan `yaml:"reports"`
	// MaxBody is the largest webhook taken, in bytes; 0 means 8 MB: 10,000 alerts.
	MaxBody int64 `yaml:"max_body"`
	// ReopenWithin is how long after its end an incident that fires again goes on in the same thread; 0 means 15 minutes.
	ReopenWithin time.Duration `yaml:"reopen_within"`
	// ReconcileEvery is how often open incidents are compared with Alertmanager; 0 means 30 seconds.
	ReconcileEvery time.Duration `yaml:"reconcile_every"`
	// SettleAfter is how long an Alertmanager must have been up before what it does not have counts as gone; 0 means 3
	// minutes. A fresh one knows nothing until Prometheus has sent everything again.
	SettleAfter time.Duration `yaml:"settle_after"`
	// EnrichWithin is how long the clusters are asked about a job before the thread says that they did not answer; 0
	// means 3 seconds.
	EnrichWithin time.Duration `yaml:"enrich_within"`
	// Keep is how long an incident is remembered after its last change; 0 means 90 days.
	Keep time.Duration `yaml:"keep"`
}

// The values of Options.OneThreadPer.
const (
	perJob   = "job"
	perGroup = "group"
)

// Source is one Alertmanager, or several that share their alerts.
type Source struct {
	// Token must come with each webhook as "Authorization: Bearer TOKEN".
	Token secret.Text `yaml:"token"`
	// Alertmanager is where its API is, for silences and for what webhooks leave out: one address or a list, the members of
	// one cluster. Without it resolved alerts that a silence swallowed stay open.
	Alertmanager Addresses `yaml:"alertmanager"`
	// Prometheus is where the API of the Prometheus is that evaluates these alerts: a chart of an alert's expression over the
	// last hour is posted into its thread. Empty: no charts.
	Prometheus string `yaml:"prometheus"`
	// Deadman is an alert that always fires, and so proves that alerts arrive at all. It opens no incident; drey alarms when it
	// stays away. Without match there is none.
	Deadman Deadman `yaml:"deadman"`
	// SilencePlanned says whether an operation of drey's that stops, cancels, scales or restarts a job silences the alerts of that
	// job in Alertmanager while it is at work. The default is true; where no Alertmanager is named nothing is silenced.
	SilencePlanned *bool `yaml:"silence_planned"`
}

// silencesPlanned says whether drey's own changes silence the alerts of their job here.
func (s Source) silencesPlanned() bool { return s.SilencePlanned == nil || *s.SilencePlanned }

// Addresses are URLs, written as one or as a list.
type Addresses []string

// UnmarshalText reads the form of one URL; several may be parted by spaces or commas.
func (a *Addresses) UnmarshalText(b []byte) error {
	*a = strings.FieldsFunc(string(b), func(r rune) bool { return r == ' ' || r == ',' })
	return nil
}

func (o Options) withDefaults() Options {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&o.ReopenWithin, 15*time.Minute)
	def(&o.ReconcileEvery, 30*time.Second)
	def(&o.SettleAfter, 3*time.Minute)
	def(&o.EnrichWithin, 3*time.Second)
	def(&o.Keep, 90*24*time.Hour)
	if o.OneThreadPer == "" {
		o.OneThreadPer = perJob
	}
	if o.ClusterDown == nil {
		o.ClusterDown = []string{"FlinkJobManagerDown", "FlinkNoTaskManagers", troubleSilent, troubleLost}
	}
	if o.MaxBody == 0 {
		o.MaxBody = 8 << 20
	}
	o.Ack, o.Silence = o.Ack.withDefaults(), o.Silence.withDefaults()
	o.Watch = o.Watch.withDefaults()
	o.Storm = o.Storm.withDefaults()
	return o
}

// Validate returns all that is wrong with o, as Problems.
func (o Options) Validate() error {
	var p Problems
	for _, name := range slices.Sorted(maps.Keys(o.Sources)) {
		o.Sources[name].validate(&p, name)
	}
	if len(o.Sources) > 0 && len(o.Routes) == 0 && len(o.DefaultTo) == 0 {
		p.add("routes", `there are sources but no route, so alerts would reach nobody; add { name: all, match: "true", to: ["web:ops"] }`)
	}
	o.Ack.validate(&p)
	o.Silence.validate(&p)
	o.Watch.validate(&p, o)
	o.validateDeadmen(&p)
	o.validateReports(&p)
	o.Storm.validate(&p)
	_, routes := compileRoutes(o)
	p = append(p, routes...)
	if o.Dashboard != "" && !address(o.Dashboard) {
		p.add("dashboard", "not an http or https address, such as https://grafana.example.com/d/flink?var-job={job_name}")
	}
	if o.OneThreadPer != "" && o.OneThreadPer != perJob && o.OneThreadPer != perGroup {
		p.add("one_thread_per", "want job or group, have %q", o.OneThreadPer)
	}
	if o.MaxBody != 0 && o.MaxBody < 1<<10 {
		p.add("max_body", "%d bytes hold no webhook; at least 1024", o.MaxBody)
	}
	for key, d := range map[string]time.Duration{
		"reopen_within": o.ReopenWithin, "reconcile_every": o.ReconcileEvery, "settle_after": o.SettleAfter,
		"enrich_within": o.EnrichWithin, "keep": o.Keep,
	} {
		if d < 0 {
			p.add(key, "%s is negative", d)
		}
	}
	slices.SortStableFunc(p, func(a, b Problem) int { return strings.Compare(a.Key, b.Key) })
	return p.err()
}

func (s Source) validate(p *Problems, name string) {
	key := "sources." + name
	if ok, _ := regexp.MatchString(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$`, name); !ok {
		p.add(key, "a source's name stands in a URL: use letters, digits, - _ .")
	}
	if s.Token == "" {
		p.add(key+".token", "empty: anybody could post alerts; set a long random text and give it to Alertmanager as the webhook's bearer token")
	}
	for i, a := range s.Alertmanager {
		if !address(a) {
			p.add(fmt.Sprintf("%s.alertmanager[%d]", key, i), "not an http or https address, such as http://127.0.0.1:9093")
		}
	}
	if s.Prometheus != "" && !address(s.Prometheus) {
		p.add(key+".prometheus", "not an http or https address, such as http://127.0.0.1:9090")
	}
}

func address(a string) bool {
	u, err := url.Parse(a)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// Places are the channels that any route names, sorted: for checks that the networks know them.
func (o Options) Places() []bot.Place {
	seen := map[string]bot.Place{}
	for _, list := range append(append([]Route{{To: o.DefaultTo}}, o.Routes...), o.reportRoutes()...) {
		for _, to := range list.To {
			if p, err := bot.ParsePlace(to); err == nil {
				seen[p.String()] = p
			}
		}
	}
	var out []bot.Place
	for _, k := range slices.Sorted(maps.Keys(seen)) {
		out = append(out, seen[k])
	}
	return out
}
