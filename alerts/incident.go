package alerts

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
)

// The states of an alert, and two of the four of an incident.
const (
	Firing   = "firing"
	Resolved = "resolved"
)

// The other states of an incident. Silenced wins over Acked: while it holds, nothing rings.
const (
	Acked    = "acked"
	Silenced = "silenced"
)

// Alert is one member of an incident.
type Alert struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	StartsAt     time.Time         `json:"starts"`
	EndsAt       time.Time         `json:"ends,omitzero"`
	GeneratorURL string            `json:"url,omitempty"`
	Source       string            `json:"source,omitempty"` // who sent it
	Group        string            `json:"group,omitempty"`  // identity of the alert group that it came in
	Changed      time.Time         `json:"changed"`          // when Status came in
	Absent       time.Time         `json:"absent,omitzero"`  // since when Alertmanager was seen not to have it
	Polled       time.Time         `json:"polled,omitzero"`  // when that was taken for its end; zero: a webhook told the end
	Hidden       bool              `json:"hidden,omitempty"` // suppressed in Alertmanager
}

func who(a bot.Actor) string { return cmp.Or(a.Name, a.ID) }

// Binding is the Flink job that the labels speak of. Any part may be empty, not all.
type Binding struct {
	Cluster string `json:"cluster,omitempty"`
	ID      string `json:"id,omitempty"`
	Name    string `json:"name,omitempty"`
}

// Target is one channel with its thread.
type Target struct {
	Place   bot.Place `json:"place"`
	Route   string    `json:"route"`
	Headed  bool      `json:"headed,omitempty"`  // that the head has been put
	Head    string    `json:"head,omitempty"`    // digest of the head as last put
	Stories int       `json:"stories,omitempty"` // how many have been told in the thread

	Mentions []string   `json:"mentions,omitempty"` // whom to notify, as bot.Span.Mention has it
	Buttons  []string   `json:"buttons"`            // the names of those to show; nil: all that can work
	Mute     [][]string `json:"mute,omitempty"`     // mute times of each route that leads here: it is muted while one of every list holds
	Quiet    time.Time  `json:"quiet,omitzero"`     // until when it is muted
	Held     bool       `json:"held,omitempty"`     // that a mute kept the head back
	Missed   int        `json:"missed,omitempty"`   // stories that a mute kept back

	Storm   string    `json:"storm,omitempty"` // the storm that counts it
	StormAt time.Time `json:"storm_at,omitzero"`
	Own     bool      `json:"own,omitempty"`    // that it has a thread of its own all the same
	Hushed  bool      `json:"hushed,omitempty"` // that its head calls nobody: the digest has
	Called  bool      `json:"called,omitempty"` // it came by an escalation, and not by a route
}

// Line is one thing that happened to an incident.
type Line struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"`
	By   string    `json:"by,omitempty"`
	Text string    `json:"text"`
	// Spans are Text with its channels and times, where it has any: for networks that show those in their own way.
	Spans []bot.Span `json:"spans,omitempty"`
}

// Said is what happened, as people read it.
func (l Line) Said() bot.Text {
	if len(l.Spans) > 0 {
		return bot.Text{Spans: l.Spans}
	}
	return bot.Text{Spans: []bot.Span{{Text: l.Text}}}
}

// Incident is one alert group from its first firing until it is over.
type Incident struct {
	ID          string            `json:"id"`
	Seq         int               `json:"seq"`             // the first incident of a group is 1
	Key         string            `json:"key"`             // identity of the group, or of what it is about
	About       string            `json:"about,omitempty"` // "job", "cluster", or "" for one alert group
	Source      string            `json:"source"`          // of the first alert; drey's own gives way to another
	Receiver    string            `json:"receiver"`
	GroupLabels map[string]string `json:"group,omitempty"`     // those of the group, or those that name the job or the cluster
	ExternalURL string            `json:"external,omitempty"`  // of the Alertmanager that spoke first
	Dashboard   string            `json:"dashboard,omitempty"` // Options.Dashboard for it

	Title    string            `json:"title"`
	Severity string            `json:"severity,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"` // common to all firing alerts
	Alerts   map[string]Alert  `json:"alerts"`           // by fingerprint
	Cut      int               `json:"cut,omitempty"`    // alerts that Alertmanager left out of its webhook
	Fills    []Fill            `json:"fills,omitempty"`  // groups to be asked for, those among them
	Since    time.Time         `json:"since"`            // of the present episode
	First    time.Time         `json:"first"`
	Seen     time.Time         `json:"seen"` // last heard of
	Over     time.Time         `json:"over,omitzero"`
	Settled  time.Time         `json:"settled,omitzero"`    // since when its job is well again after Over
	OverNote string            `json:"over_note,omitempty"` // how it ended, where not by a webhook
	Episodes int               `json:"episodes"`
	Before   string            `json:"before,omitempty"` // id of the group's previous incident

	Acked       *Mark        `json:"acked,omitempty"`
	Maintenance *Maintenance `json:"maintenance,omitempty"` // the window that it is in; nil: none
	Silences    []Silence    `json:"silences,omitempty"`
	Suppressed  *Suppressed  `json:"suppressed,omitempty"`
	Unheard     []string     `json:"unheard,omitempty"` // the sources of which no Alertmanager answers
	Unseen      time.Time    `json:"unseen,omitzero"`   // since when there are such, and
	Blind       time.Time    `json:"blind,omitzero"`    // the same, once the head says so

	NoAPI bool `json:"no_api,omitempty"` // its sources name no Alertmanager to ask

	Holds    []Hold              `json:"holds,omitempty"`    // what keeps it back from all its channels
	Affected map[string]Affected `json:"affected,omitempty"` // of a cluster's: jobs whose own incidents are kept back

	Job     *Binding  `json:"job,omitempty"`
	Facts   *JobFacts `json:"facts,omitempty"`
	FactsAt time.Time `json:"facts_at,omitzero"`
	NoFacts string    `json:"no_facts,omitempty"` // why there are none, or none newer than FactsAt
	Gone    bool      `json:"gone,omitempty"`     // the clusters answered, and none has the job

	Cause    *Cause               `json:"cause,omitempty"`   // nil while none is known
	Changes  []Change             `json:"changes,omitempty"` // what drey changed at the job of late, the newest first
	Charted  time.Time            `json:"charted,omitzero"`  // when its chart was posted, or why there is none
	Watched  map[string]time.Time `json:"watched,omitempty"` // what drey's watcher told here, and since when, by fingerprint
	Heard    []string             `json:"heard,omitempty"`   // ids of what was told here once
	Targets  []Target             `json:"targets,omitempty"`
	Escalate []string             `json:"escalate,omitempty"` // the escalations that its routes ask for
	Climbs   []Climb              `json:"climbs,omitempty"`   // how far each has come
	Lines    []Line               `json:"lines,omitempty"`
	Members  time.Time            `json:"members,omitzero"` // when the thread was last told who joined and left
	HeadAt   time.Time            `json:"head_at,omitzero"`
}

// State is firing, acked, silenced or resolved.
func (i *Incident) State() string {
	switch {
	case !i.Over.IsZero():
		return Resolved
	case i.Suppressed != nil || i.allHushed():
		return Silenced
	case i.Acked != nil:
		return Acked
	}
	return Firing
}

// Open says whether it is not over.
func (i *Incident) Open() bool { return i.Over.IsZero() }

// FiringCount counts the alerts that fire.
func (i *Incident) FiringCount() int {
	n := 0
	for _, a := range i.Alerts {
		if a.Status == Firing {
			n++
		}
	}
	return n
}

// stemLen is how many characters the stem of an id has.
const stemLen = 6

// stem is the storage root of id.
func stem(id string) string {
	s, _, _ := strings.Cut(id, "-")
	return s
}

func (i *Incident) root() string { return stem(i.ID) }

func idOf(stem string, seq int) string {
	if seq <= 1 {
		return stem
	}
	return stem + "-" + strconv.Itoa(seq)
}

// seqOf is the inverse of idOf; it is false for what cannot be an id.
func seqOf(id string) (seq int, ok bool) {
	s, n, later := strings.Cut(id, "-")
	if len(s) != stemLen || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz234567") != "" {
		return 0, false
	}
	if !later {
		return 1, true
	}
	seq, err := strconv.Atoi(n)
	return seq, err == nil && seq > 1
}

func pastID(stem string, seq int) string { return fmt.Sprintf("%s/%d", stem, seq) }

func (i *Incident) key(p bot.Place, rest string) string {
	return fmt.Sprintf("%s/%d/%s/%s", i.root(), i.Seq, p, rest)
}

// HeadKey is the outbox key of the incident's message in a place.
func (i *Incident) HeadKey(p bot.Place) string { return i.key(p, "head") }

func (i *Incident) clone() Incident {
	c := *i
	c.Alerts = maps.Clone(i.Alerts)
	c.Silences = slices.Clone(i.Silences)
	c.Fills = slices.Clone(i.Fills)
	c.Holds = slices.Clone(i.Holds)
	c.Targets = slices.Clone(i.Targets)
	c.Climbs = slices.Clone(i.Climbs)
	c.Lines = slices.Clone(i.Lines)
	return c
}

// maxLines bounds the story kept in the record; the log "alerts" has all of it.
const maxLines = 50

func (i *Incident) tell(l Line) {
	i.Lines = append(i.Lines, l)
	if n := len(i.Lines); n > maxLines {
		i.Lines = slices.Clone(i.Lines[n-maxLines:])
	}
}

// shown are the alerts that describe the incident: those that fire, or all when none does; the most severe first, then the
// earliest.
func (i *Incident) shown() []Alert {
	var fire, all []Alert
	for _, fp := range slices.Sorted(maps.Keys(i.Alerts)) {
		a := i.Alerts[fp]
		if all = append(all, a); a.Status == Firing {
			fire = append(fire, a)
		}
	}
	if len(fire) > 0 {
		all = fire
	}
	slices.SortStableFunc(all, func(x, y Alert) int {
		return cmp.Or(severityRank(y.Labels["severity"])-severityRank(x.Labels["severity"]), x.StartsAt.Compare(y.StartsAt))
	})
	return all
}

// refresh derives what follows from the alerts.
func (i *Incident) refresh() {
	shown := i.shown()
	i.Labels = commonLabels(shown)
	maps.Copy(i.Labels, i.GroupLabels)
	i.Severity = ""
	for _, a := range shown {
		if s := a.Labels["severity"]; severityRank(s) > severityRank(i.Severity) || i.Severity == "" {
			i.Severity = s
		}
	}
	i.Title = titleOf(i.Labels, shown)
}

func commonLabels(as []Alert) map[string]string {
	if len(as) == 0 {
		return map[string]string{}
	}
	out := maps.Clone(as[0].Labels)
	for _, a := range as[1:] {
		maps.DeleteFunc(out, func(k, v string) bool { return a.Labels[k] != v })
	}
	return out
}

func titleOf(common map[string]string, as []Alert) string {
	name := common["alertname"]
	if name == "" && len(as) > 0 {
		name = as[0].Labels["alertname"]
		if len(as) > 1 && name != "" {
			name += " and others"
		}
	}
	name = cmp.Or(clip(name, 120), "Alert without a name")
	where := cmp.Or(common["job_name"], common["instance"], common["pod"], common["service"])
	if c := common["cluster"]; c != "" && where != "" {
		where = c + "/" + where
	} else {
		where = cmp.Or(where, c, common["namespace"])
	}
	if where != "" {
		return name + " on " + clip(where, 120)
	}
	return name
}

// severityRank orders the usual words; unknown ones rank with warning, so that they are not overlooked.
func severityRank(s string) int {
	switch strings.ToLower(s) {
	case "critical", "page", "emergency", "fatal", "disaster":
		return 4
	case "error", "high", "major":
		return 3
	case "info", "information", "notice", "low", "debug":
		return 1
	case "none", "":
		return 0
	}
	return 2
}

// clip shortens s to n characters and makes it one line.
func clip(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= n {
		return s
	}
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
