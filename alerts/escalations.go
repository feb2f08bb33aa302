package alerts

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/alerts/oncall"
	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/config/secret"
)

// Escalation is a chain of steps, gone through one after the other while nobody takes care of an incident. It begins when the
// incident opens or fires again, rests while the incident is muted or silenced, and begins anew when an acknowledgement is taken
// back.
type Escalation struct {
	// Steps are in the order of their time.
	Steps []EscalationStep `yaml:"steps"`
	// Until is what stops the chain: ack (the default), or resolve for one that goes on although somebody has acknowledged.
	Until string `yaml:"until"`
}

// EscalationStep is what happens when an incident is so old.
type EscalationStep struct {
	// After is how long after the begin of the chain, such as 10m.
	After time.Duration `yaml:"after"`
	// OnCall is a schedule of alerts.oncall: who is on call by then is mentioned in the incident's threads.
	OnCall string `yaml:"on_call"`
	// Mention are people and groups to mention in the incident's threads, each in those of its own network: as in routes.
	Mention []string `yaml:"mention"`
	// To are channels in which the incident is posted too, with a thread of its own, such as "slack:C0MANAGERS".
	To []string `yaml:"to"`
	// DM are people to whom it is posted in a direct message: "slack:user:U0OLGA", "discord:user:1200000000000000001", or
	// "oncall:NAME" for who is on call by then. The web console has no direct messages.
	DM []string `yaml:"dm"`
	// Webhook is an address that is sent the incident as JSON, https or on this machine. alerts/README.md has its form.
	Webhook secret.Text `yaml:"webhook"`
	// RepeatEvery does the step again so long after the last time, Repeat times more; left out: 3 times.
	RepeatEvery time.Duration `yaml:"repeat_every"`
	Repeat      int           `yaml:"repeat"`
}

// maxSteps bounds a chain, repeats included.
const maxSteps = 100

// chain is an Escalation made ready; steps that repeat stand in it several times.
type chain struct {
	name       string
	steps      []chainStep
	despiteAck bool
}

type chainStep struct {
	after   time.Duration
	calls   callees
	dm      callees
	to      []bot.Place
	webhook secret.Text
}

// callees are people and groups, some by name and some by who is on call.
type callees struct {
	ids       []Mention
	schedules []string
}

// calledNow are those of c at a moment, each once.
func (rs *routes) calledNow(c callees, now time.Time) []Mention {
	out := slices.Clone(c.ids)
	for _, name := range c.schedules {
		out = append(out, rs.onCall(name, now)...)
	}
	slices.SortStableFunc(out, func(a, b Mention) int { return cmp.Compare(a.String(), b.String()) })
	return slices.Compact(out)
}

// onCall is who the people on call are on the chat networks.
func (rs *routes) onCall(name string, now time.Time) []Mention {
	s := rs.book.Schedule(name)
	if s == nil {
		return nil
	}
	var out []Mention
	for _, id := range s.IDs(s.Who(now)) {
		if m, err := ParseMention(id); err == nil {
			out = append(out, m)
		}
	}
	return out
}

// String is the inverse of ParseMention.
func (m Mention) String() string { return string(m.Network) + ":" + m.Who }

const onCallPrefix = "oncall:"

// readCalls reads what mentions people: ids, and "oncall:NAME".
func (rs *routes) readCalls(texts []string, key string, p *Problems) callees {
	var out callees
	for j, text := range texts {
		at := fmt.Sprintf("%s[%d]", key, j)
		if name, ok := strings.CutPrefix(text, onCallPrefix); ok {
			rs.checkSchedule(name, at, p)
			out.schedules = append(out.schedules, name)
			continue
		}
		m, err := ParseMention(text)
		if err != nil {
			p.add(at, "%v; or oncall:NAME for who is on call", err)
			continue
		}
		out.ids = append(out.ids, m)
	}
	return out
}

func (rs *routes) checkSchedule(name, key string, p *Problems) {
	if rs.book.Schedule(name) == nil {
		p.add(key, "there is no alerts.oncall.%s; there are: %s", name, orNone(rs.book.Names()))
	}
}

func orNone(names []string) string { return cmp.Or(strings.Join(names, ", "), "none") }

// compileBook makes the schedules ready.
func compileBook(o map[string]oncall.Options, p *Problems) *oncall.Book {
	book, bad := oncall.New(o)
	for _, b := range bad {
		p.add("oncall."+b.Key, "%s", b.Msg)
	}
	for _, name := range book.Names() {
		for at, ids := range book.Schedule(name).AllIDs() {
			for j, id := range ids {
				if m, err := ParseMention(id); err != nil || !strings.HasPrefix(m.Who, "user:") {
					p.add(fmt.Sprintf("oncall.%s.%s[%d]", name, at, j), "want NETWORK:user:ID such as slack:user:U0OLGA, have %q", id)
				}
			}
		}
	}
	return book
}

func (rs *routes) compileChains(o map[string]Escalation, p *Problems) {
	rs.chains = map[string]chain{}
	for _, name := range slices.Sorted(maps.Keys(o)) {
		key := "escalations." + name
		c := chain{name: name, despiteAck: o[name].Until == "resolve"}
		if !chainName.MatchString(name) {
			p.add(key, "the name of an escalation is typed in chat: up to 41 letters, digits, - and _")
		}
		if u := o[name].Until; u != "" && u != "ack" && u != "resolve" {
			p.add(key+".until", "unknown end %q; allowed: ack, resolve", u)
		}
		if len(o[name].Steps) == 0 {
			p.add(key+".steps", "no step; write steps: [{ after: 10m, on_call: primary }]")
		}
		for i, s := range o[name].Steps {
			c.steps = append(c.steps, rs.compileStep(s, fmt.Sprintf("%s.steps[%d]", key, i), p)...)
			if i > 0 && s.After < o[name].Steps[i-1].After {
				p.add(fmt.Sprintf("%s.steps[%d].after", key, i), "%s is before the step above, which comes after %s; all count from the begin of the chain", s.After, o[name].Steps[i-1].After)
			}
		}
		slices.SortStableFunc(c.steps, func(a, b chainStep) int { return cmp.Compare(a.after, b.after) })
		if len(c.steps) > maxSteps {
			p.add(key+".steps", "%d steps with their repeats; at most %d", len(c.steps), maxSteps)
		}
		rs.chains[name] = c
	}
}

func (rs *routes) compileStep(s EscalationStep, key string, p *Problems) []chainStep {
	out := chainStep{
		after: s.After, webhook: s.Webhook, to: parsePlaces(s.To, key+".to", p),
		calls: rs.readCalls(s.Mention, key+".mention", p), dm: rs.readCalls(s.DM, key+".dm", p),
	}
	if s.After < 0 {
		p.add(key+".after", "%s is negative", s.After)
	}
	if s.OnCall != "" {
		rs.checkSchedule(s.OnCall, key+".on_call", p)
		out.calls.schedules = append(out.calls.schedules, s.OnCall)
	}
	for _, m := range out.dm.ids {
		switch {
		case !strings.HasPrefix(m.Who, "user:"):
			p.add(key+".dm", "%s is no person, and only people have direct messages; want slack:user:U0OLGA or oncall:NAME", m)
		case m.Network == "web":
			p.add(key+".dm", "the web console has no direct messages (%s); want a channel in to: [\"web:ops\"], or a person in Slack or Discord", m)
		}
	}
	if s.Webhook != "" && !callable(string(s.Webhook)) {
		p.add(key+".webhook", "want an https address, or an http one on this machine such as http://127.0.0.1:8080/page")
	}
	if len(s.Mention)+len(s.To)+len(s.DM) == 0 && s.OnCall == "" && s.Webhook == "" {
		p.add(key, "a step that does nothing; give it on_call, mention, to, dm or webhook")
	}
	if s.RepeatEvery != 0 && s.RepeatEvery < time.Second {
		p.add(key+".repeat_every", "want at least 1s, have %s", s.RepeatEvery)
	}
	if s.Repeat < 0 || s.Repeat > 0 && s.RepeatEvery == 0 {
		p.add(key+".repeat", "want how many times more, at least 1, together with repeat_every")
	}
	if s.RepeatEvery <= 0 {
		return []chainStep{out}
	}
	all := []chainStep{out}
	for n := range min(cmp.Or(s.Repeat, 3), maxSteps) {
		again := out
		again.after = s.After + time.Duration(n+1)*s.RepeatEvery
		all = append(all, again)
	}
	return all
}

// callable says whether a webhook may be sent there: what an incident says is not for every eye on the way.
func callable(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}

// Channels of steps, and whom they mention, by the key at which the configuration has them: for checks that the networks know
// them. Who is on call is among them.
func (o Options) escalationTexts() (places, people map[string]string) {
	places, people = map[string]string{}, map[string]string{}
	list := func(out map[string]string, key string, texts []string) {
		for j, t := range texts {
			out[fmt.Sprintf("alerts.%s[%d]", key, j)] = t
		}
	}
	for name, e := range o.Escalations {
		for i, s := range e.Steps {
			key := fmt.Sprintf("escalations.%s.steps[%d]", name, i)
			list(places, key+".to", s.To)
			list(people, key+".mention", s.Mention)
			list(people, key+".dm", s.DM)
		}
	}
	for name, s := range o.OnCall {
		for who, ids := range s.People {
			list(people, fmt.Sprintf("oncall.%s.people.%s", name, who), ids)
		}
	}
	for i, r := range o.Routes {
		list(people, fmt.Sprintf("routes[%d].mention", i), r.Mention)
	}
	return places, people
}

// EscalationPlaces are the channels that escalations post to, by where the configuration names them.
func (o Options) EscalationPlaces() map[string]string {
	places, _ := o.escalationTexts()
	return places
}

// People are the people and groups that the configuration mentions, by where it does.
func (o Options) People() map[string]string {
	_, people := o.escalationTexts()
	return people
}

var chainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,40}$`)
