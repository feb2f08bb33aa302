package alerts

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/alerts/guard"
	"github.com/drey-ops/drey/alerts/oncall"
	"github.com/drey-ops/drey/bot"
)

// Route sends the alerts that match to channels.
type Route struct {
	Name string `yaml:"name"` // what explanations and the audit trail call it
	// Match is a condition in expr, such as labels.severity == "critical"; see Env for what it can look at.
	Match string `yaml:"match"`
	// To are channels, as "web:ops".
	To []string `yaml:"to"`
	// ChannelFrom is a text in expr that names the channel instead of To, such as labels.slack_channel with "slack:C0ONCALL" in
	// it. Where it is empty, or no channel that drey can post to, To counts.
	ChannelFrom string `yaml:"channel_from"`
	// Continue goes on with the routes below when this one matched.
	Continue bool `yaml:"continue"`
	// Mention are people and groups to notify when an incident opens or fires again, as "slack:user:U0OLGA", "slack:group:S0ONCALL"
	// or "discord:group:1200000000000000001": each in the channels of its own network. "oncall:NAME" is who is on call by then.
	Mention []string `yaml:"mention"`
	// Buttons are those to show of ack, silence, escalate, savepoint, restart, stop, diagnose; left out: all that can work.
	Buttons []string `yaml:"buttons"`
	// Escalate is one of alerts.escalations: what happens while nobody takes care of the incident.
	Escalate string `yaml:"escalate"`
	// Mute are names of alerts.mute_times: while one of them holds nothing is posted. What is still open at its end is
	// posted then.
	Mute []string `yaml:"mute"`
}

// route is a Route made ready.
type route struct {
	name    string
	places  []bot.Place
	from    *guard.Text[Env]
	more    bool
	calls   callees
	buttons []string // nil: all
	mute    []string
	climb   string // the escalation
}

// routes are all routes made ready, with what their conditions look at.
type routes struct {
	list     []route
	rules    []*guard.Rule[Env]
	index    *guard.Index[Env]
	compiler *guard.Compiler[Env]
	fallback *route // for what none matches; nil: it is told nowhere
	mutes    muteTimes
	book     *oncall.Book
	chains   map[string]chain
	zone     *time.Location
	zones    map[string]*time.Location // those that conditions name
	knows    func(cluster string) bool // whether drey has a cluster of that name
}

func compileRoutes(o Options) (routes, Problems) {
	var p Problems
	out := routes{knows: func(string) bool { return false }, compiler: guard.New[Env](), zone: time.UTC, zones: map[string]*time.Location{}}
	out.mutes = compileMuteTimes(o.MuteTimes, &p)
	out.book = compileBook(o.OnCall, &p)
	out.compileChains(o.Escalations, &p)
	if z, err := time.LoadLocation(o.TimeZone); err != nil || o.TimeZone == "Local" {
		p.add("time_zone", "unknown time zone %q; want a name such as Europe/Berlin", o.TimeZone)
	} else {
		out.zone = z
	}
	names := map[string]int{}
	for i, r := range o.Routes {
		key := fmt.Sprintf("routes[%d]", i)
		if r.Name == "" {
			p.add(key+".name", "a route needs a name: explanations and the audit trail speak of it")
		} else if first, ok := names[r.Name]; ok {
			p.add(key+".name", "%q is the name of routes[%d] too", r.Name, first)
		} else {
			names[r.Name] = i
		}
		out.add(r, key, &p)
	}
	if len(o.DefaultTo) > 0 {
		out.fallback = &route{name: "default", places: parsePlaces(o.DefaultTo, "default_to", &p)}
	}
	if len(p) == 0 {
		out.index = out.compiler.Index(out.rules)
	}
	return out, p
}

func (rs *routes) add(r Route, key string, p *Problems) {
	made := route{name: r.Name, more: r.Continue, mute: r.Mute, climb: r.Escalate}
	rule, err := rs.compiler.Compile(r.Match)
	if err != nil {
		p.add(key+".match", "%v", err)
	} else {
		rs.checkTimes(rule, key+".match", p)
	}
	if len(r.To) == 0 {
		p.add(key+".to", `no channel; write to: ["web:ops"]`)
	}
	made.places = parsePlaces(r.To, key+".to", p)
	if r.ChannelFrom != "" {
		if made.from, err = rs.compiler.CompileText(r.ChannelFrom); err != nil {
			p.add(key+".channel_from", "%v", err)
		}
	}
	made.calls = rs.readCalls(r.Mention, key+".mention", p)
	if _, ok := rs.chains[r.Escalate]; !ok && r.Escalate != "" {
		p.add(key+".escalate", "there is no alerts.escalations.%s; there are: %s", r.Escalate, orNone(slices.Sorted(maps.Keys(rs.chains))))
	}
	for j, b := range r.Buttons {
		if !slices.Contains(buttonNames(), b) {
			p.add(fmt.Sprintf("%s.buttons[%d]", key, j), "unknown button %q; allowed: %s", b, strings.Join(buttonNames(), ", "))
		}
	}
	if made.buttons = r.Buttons; r.Buttons != nil {
		made.buttons = append([]string{}, r.Buttons...)
	}
	for j, name := range r.Mute {
		if _, ok := rs.mutes[name]; !ok {
			p.add(fmt.Sprintf("%s.mute[%d]", key, j), "there is no alerts.mute_times.%s", name)
		}
	}
	rs.rules, rs.list = append(rs.rules, rule), append(rs.list, made)
}

// checkTimes makes sure that a condition names zones and mute times that there are, and remembers its zones.
func (rs *routes) checkTimes(rule *guard.Rule[Env], key string, p *Problems) {
	for _, function := range []string{"hourIn", "weekdayIn", "during"} {
		names, err := rule.Literals(function)
		if err != nil {
			p.add(key, "%v", err)
		}
		for _, name := range names {
			if function == "during" {
				if _, ok := rs.mutes[name]; !ok {
					p.add(key, "there is no alerts.mute_times.%s", name)
				}
				continue
			}
			z, err := time.LoadLocation(name)
			if err != nil || name == "Local" {
				p.add(key, "unknown time zone %q; want a name such as Europe/Berlin", name)
			}
			rs.zones[name] = z
		}
	}
}

func parsePlaces(texts []string, key string, p *Problems) []bot.Place {
	var out []bot.Place
	for j, to := range texts {
		place, err := bot.ParsePlace(to)
		if err != nil {
			p.add(fmt.Sprintf("%s[%d]", key, j), "%v", err)
		}
		out = append(out, place)
	}
	return out
}

// Mention is a person or group of one network, to be notified.
type Mention struct {
	Network bot.NetworkID
	Who     string // as bot.Span.Mention has it: "user:U0OLGA"
}

var mentionForm = regexp.MustCompile(`^([a-z]+):((?:user|group):[A-Za-z0-9._-]{1,64})$`)

// ParseMention reads "slack:user:U0OLGA". Whether the network has ids of that form it does not say.
func ParseMention(s string) (Mention, error) {
	m := mentionForm.FindStringSubmatch(s)
	if m == nil {
		return Mention{}, fmt.Errorf("want NETWORK:user:ID or NETWORK:group:ID such as slack:group:S0ONCALL, have %q", s)
	}
	return Mention{bot.NetworkID(m[1]), m[2]}, nil
}

// channels are where a route sends an alert. note says what came of channel_from.
func (r *route) channels(e *Env, canPost func(bot.Place) error) (out []bot.Place, note string) {
	if r.from == nil {
		return r.places, ""
	}
	text, err := r.from.Eval(e)
	var place bot.Place
	switch {
	case err != nil:
	case text == "":
		return r.places, fmt.Sprintf("%s is empty: to its own channels", r.from)
	default:
		if place, err = bot.ParsePlace(text); err == nil && canPost != nil {
			err = canPost(place)
		}
	}
	if err != nil {
		return r.places, fmt.Sprintf("%s names no channel to post to (%v): to its own channels", r.from, err)
	}
	return []bot.Place{place}, fmt.Sprintf("%s says %s", r.from, place)
}

// target is what the route wants in one of its places.
func (rs *routes) target(r *route, p bot.Place, now time.Time) Target {
	t := Target{Place: p, Route: r.name, Buttons: r.buttons}
	for _, m := range rs.calledNow(r.calls, now) {
		if m.Network == p.Network {
			t.Mentions = append(t.Mentions, m.Who)
		}
	}
	if len(r.mute) > 0 {
		t.Mute = [][]string{r.mute}
	}
	return t
}

// join is what two routes want that lead to one place: the mentions and buttons of both, and quiet only where both are.
func (t Target) join(o Target) Target {
	t.Mentions = append(slices.Clip(t.Mentions), o.Mentions...)
	slices.Sort(t.Mentions)
	t.Mentions = slices.Compact(t.Mentions)
	if t.Buttons == nil || o.Buttons == nil {
		t.Buttons = nil
	} else {
		t.Buttons = unique(append(slices.Clip(t.Buttons), o.Buttons...))
	}
	if t.Mute == nil || o.Mute == nil {
		t.Mute = nil
	} else {
		t.Mute = append(slices.Clip(t.Mute), o.Mute...)
		slices.SortFunc(t.Mute, slices.Compare)
		t.Mute = slices.CompactFunc(t.Mute, slices.Equal)
	}
	return t
}

// aim makes the incident's channels those of the routes that match now. A channel once told stays: its thread must see
// the end. more keeps what earlier webhooks wanted there: they were about other alerts of the incident.
func (i *Incident) aim(wanted []Target, more bool) {
	for _, w := range merged(wanted) {
		n := slices.IndexFunc(i.Targets, func(t Target) bool { return t.Place == w.Place })
		if n < 0 {
			i.Targets = append(i.Targets, w)
			continue
		}
		t := &i.Targets[n]
		if more {
			w = t.join(w)
		}
		t.Route, t.Mentions, t.Buttons, t.Mute = w.Route, w.Mentions, w.Buttons, w.Mute
	}
}

// merged makes one of the targets that have the same place.
func merged(in []Target) []Target {
	var out []Target
	for _, w := range in {
		if n := slices.IndexFunc(out, func(t Target) bool { return t.Place == w.Place }); n >= 0 {
			out[n] = out[n].join(w)
			continue
		}
		out = append(out, w)
	}
	return out
}
