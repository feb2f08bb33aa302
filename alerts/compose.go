package alerts

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
)

// How much of what comes from outside a head message shows.
const (
	maxSummary     = 300
	maxDescription = 900
	maxMembers     = 5
)

// head is the message that stands for the incident in a channel; it depends on the incident alone.
func head(i *Incident) bot.Message {
	m := bot.Message{Title: stateWord(i) + ": " + i.Title, Tone: toneOf(i), Fallback: headline(i), State: i.State(), Closed: !i.Open(), Stated: true}
	shown := i.shown()
	m.Blocks = append(m.Blocks, summaryBlock(shown)...)
	m.Blocks = append(m.Blocks, stacked(i.leadBlocks())...)
	m.Blocks = append(m.Blocks, i.facts())
	m.Blocks = append(m.Blocks, stacked(i.jobBlocks())...)
	m.Blocks = append(m.Blocks, i.descriptionBlocks(shown)...)
	m.Blocks = append(m.Blocks, notes(i)...)
	if b := buttons(i); len(b) > 0 {
		m.Blocks = append(m.Blocks, b)
	}
	return m
}

// headIn is the head as a channel's routes want it: it calls people while the incident fires and nobody has taken it, and
// shows the buttons they allow. Networks notify of a mention when the message is posted, and of none when it is edited; so it
// stands in every state that may be the first to be posted.
func (i *Incident) headIn(m bot.Message, t *Target) bot.Message {
	m.Blocks = i.withElsewhere(m.Blocks, t)
	if calls := t.mentions(); len(calls) > 0 && i.State() == Firing && !t.Hushed {
		if first, ok := m.Blocks[0].(bot.Text); ok && summary(i.shown()) != "" {
			m.Blocks[0] = bot.Text{Spans: slices.Concat(first.Spans, calls)}
		} else {
			m.Blocks = slices.Insert(m.Blocks, 0, bot.Block(bot.Text{Spans: calls[1:]}))
		}
	}
	if t.Buttons == nil {
		return m
	}
	for n, b := range m.Blocks {
		if acts, ok := b.(bot.Actions); ok {
			m.Blocks[n] = t.allowed(acts)
		}
	}
	m.Blocks = slices.DeleteFunc(m.Blocks, func(b bot.Block) bool {
		acts, ok := b.(bot.Actions)
		return ok && len(acts) == 0
	})
	return m
}

// allowed are those of the buttons that the channel's routes show.
func (t *Target) allowed(acts bot.Actions) bot.Actions {
	if t.Buttons == nil {
		return acts
	}
	return slices.DeleteFunc(slices.Clone(acts), func(b bot.Button) bool { return !slices.Contains(t.Buttons, buttonName(b.Call.Path)) })
}

// mentions are the spans that call people, each after a blank.
func (t *Target) mentions() []bot.Span { return mentionsOf(t.Mentions) }

func mentionsOf(list []string) []bot.Span {
	var out []bot.Span
	for _, who := range list {
		_, id, _ := strings.Cut(who, ":")
		out = append(out, bot.Span{Text: " "}, bot.Span{Text: "@" + id, Mention: who})
	}
	return out
}

func stateWord(i *Incident) string {
	switch i.State() {
	case Resolved:
		return "Resolved"
	case Silenced:
		return "Silenced"
	case Acked:
		return "Acknowledged"
	}
	return "Firing"
}

func toneOf(i *Incident) bot.Tone {
	switch {
	case i.State() == Resolved:
		return bot.Good
	case i.State() == Silenced:
		return bot.Muted
	case severityRank(i.Severity) >= 3 && i.State() == Firing:
		return bot.Bad
	case severityRank(i.Severity) == 1:
		return bot.Plain
	}
	return bot.Warn
}

// headline is the incident in one sentence.
func headline(i *Incident) string {
	s := stateWord(i) + ": " + i.Title
	if i.Severity != "" {
		s += " (" + clip(i.Severity, 40) + ")"
	}
	if sum := summary(i.shown()); sum != "" && i.Open() {
		s += ". " + sum
	}
	return s
}

// summary is the alerts' common summary, or the first one and how many others there are.
func summary(as []Alert) string {
	first := annotation(as, "summary")
	others := 0
	for _, a := range as {
		if v := a.Annotations["summary"]; v != "" && v != first {
			others++
		}
	}
	first = clip(first, maxSummary)
	if others > 0 {
		first += fmt.Sprintf(" (and %s)", also(others))
	}
	return first
}

func also(others int) string {
	if others == 1 {
		return "one more alert"
	}
	return fmt.Sprintf("%d more alerts", others)
}

// annotation is the first of the named annotations that any of the alerts has.
func annotation(as []Alert, names ...string) string {
	for _, n := range names {
		for _, a := range as {
			if v := a.Annotations[n]; v != "" {
				return v
			}
		}
	}
	return ""
}

// moment shows a time in the reader's zone.
func moment(t time.Time) bot.Span {
	return bot.Span{At: t.UTC().Truncate(time.Second), Text: t.UTC().Format("2006-01-02 15:04 UTC")}
}

// members lists what tells the given alerts apart, or the firing ones for nil: bounded, with how many more there are.
func (i *Incident) members(fps []string) string {
	if fps == nil {
		for _, fp := range slices.Sorted(maps.Keys(i.Alerts)) {
			if i.Alerts[fp].Status == Firing {
				fps = append(fps, fp)
			}
		}
	}
	if len(fps) == 0 {
		return "none fires"
	}
	common := commonLabels(slices.Collect(maps.Values(i.Alerts)))
	var names []string
	for _, fp := range fps {
		if name := i.Alerts[fp].Labels["alertname"]; i.About == aboutJob && name != "" && common["alertname"] == "" {
			names = append(names, clip(name, 80))
			continue
		}
		names = append(names, apart(i.Alerts[fp], common))
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if n := len(names) - maxMembers; n > 0 {
		names = append(names[:maxMembers], fmt.Sprintf("%d more", n))
	}
	return strings.Join(names, ", ")
}

// apart names an alert by up to two labels that are not common to all, the telling ones first.
func apart(a Alert, common map[string]string) string {
	var own []string
	for k := range a.Labels {
		if _, shared := common[k]; !shared {
			own = append(own, k)
		}
	}
	if len(own) == 0 {
		return clip(cmp.Or(a.Labels["job_name"], a.Labels["instance"], a.Labels["alertname"], "one alert"), 80)
	}
	telling := []string{"tm_id", "pod", "instance", "task_name", "job_name", "alertname"}
	slices.SortFunc(own, func(x, y string) int {
		return cmp.Or(slices.Index(telling, y)-slices.Index(telling, x), strings.Compare(x, y))
	})
	var out []string
	for _, k := range own[:min(2, len(own))] {
		out = append(out, clip(a.Labels[k], 60))
	}
	return strings.Join(out, " ")
}

func notes(i *Incident) []bot.Block {
	var out []bot.Block
	if !i.Blind.IsZero() {
		out = append(out, bot.Notef("%s %s since %v: what stands here may be old.", upper(theirs(i.Unheard, i.sources())), doNotAnswer(i.Unheard), moment(i.Blind)))
	}
	if i.OverNote != "" && !i.Open() {
		out = append(out, bot.Notef("%s", i.OverNote))
	}
	if i.ailing() {
		out = append(out, bot.Notef("Nothing fires any more. The job has not completed a checkpoint since: what comes goes on in this thread."))
	}
	if i.Before != "" {
		out = append(out, bot.Notef("Fired before as `%s`.", i.Before))
	}
	out = stacked(out)
	last := bot.Notef("Incident `%s`", i.ID)
	for _, l := range links(i) {
		last.Spans = append(last.Spans, bot.Span{Text: " · "}, bot.Span{Text: l.Label, URL: l.URL})
	}
	return append(out, last)
}

// Message is the incident as its head shows it now.
func (i *Incident) Message() bot.Message { return head(i) }
