package commands

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/alerts/guard"
	"github.com/drey-ops/drey/bot"
)

// Options are the roles and the policy as configured. Without rules nobody may do anything that needs a permission.
type Options struct {
	Roles  map[string]Role `yaml:"roles"`
	Policy []Rule          `yaml:"policy"`
}

// Role names people of the networks. Each list speaks of its own network only: equal ids elsewhere are other people.
type Role struct {
	SlackGroups  []string `yaml:"slack_groups"`
	SlackUsers   []string `yaml:"slack_users"`
	DiscordRoles []string `yaml:"discord_roles"`
	DiscordUsers []string `yaml:"discord_users"`
	WebUsers     []string `yaml:"web_users"`
	Everyone     bool     `yaml:"everyone"` // but not guests and people of other organisations
}

// Requirement is what a rule asks for besides the right.
type Requirement string

// The requirements.
const (
	NoRequirement   Requirement = ""
	RequireConfirm  Requirement = "confirm"  // the person types a word
	RequireApproval Requirement = "approval" // a second person agrees
)

// Rule either allows something or requires something of what is allowed. Empty lists mean any.
type Rule struct {
	Name  string   `yaml:"name"`  // for refusals, whoami and the audit; empty: policy[N]
	Allow []string `yaml:"allow"` // permissions: "job.stop", "job.*", "*.read", "*"
	Roles []string `yaml:"roles"` // who gains them; must not be empty with allow

	Require Requirement   `yaml:"require"`
	For     []string      `yaml:"for"`    // permissions that require it
	By      []string      `yaml:"by"`     // roles that may approve
	Within  time.Duration `yaml:"within"` // how long the approval is waited for; 0 means 15m

	Channels []string `yaml:"channels"` // "web:ops"; "web:*" is all of a network
	Clusters []string `yaml:"clusters"`
	Jobs     []string `yaml:"jobs"`  // globs over the job's name: "orders-*"
	Where    string   `yaml:"where"` // a condition in expr over env.hour, env.weekday, actor, channel, cluster, job, args
}

// DefaultWithin is how long an approval is waited for where the rule does not say.
const DefaultWithin = 15 * time.Minute

// rule is a Rule made ready.
type rule struct {
	Rule
	name  string
	roles roleSet
	by    roleSet
	where *guard.Rule[Conditions]
	asks  unknowns // what the condition looks at that is not always known
}

// Policy decides. It never changes; a reloaded configuration makes a new one.
type Policy struct {
	roleNames []string // sorted; a role is its place here
	members   map[member]roleSet
	everyone  roleSet
	allow     map[string][]*rule // by permission
	require   map[string][]*rule
	rules     []*rule
}

type member struct{ kind, id string }

// NewPolicy makes o ready. Its error is Problems.
func NewPolicy(o Options) (*Policy, error) {
	if bad := o.Validate(); len(bad) > 0 {
		return nil, bad
	}
	p := &Policy{members: map[member]roleSet{}, allow: map[string][]*rule{}, require: map[string][]*rule{}}
	compiler := guard.New[Conditions]()
	for name := range o.Roles {
		p.roleNames = append(p.roleNames, name)
	}
	slices.Sort(p.roleNames)
	for i, name := range p.roleNames {
		p.bind(i, o.Roles[name])
	}
	for i, r := range o.Policy {
		ready := &rule{Rule: r, name: r.Name, roles: p.set(r.Roles), by: p.set(r.By)}
		if ready.name == "" {
			ready.name = fmt.Sprintf("policy[%d]", i)
		}
		if ready.Require == RequireApproval && ready.Within == 0 {
			ready.Within = DefaultWithin
		}
		if r.Where != "" {
			where, err := compiler.Compile(r.Where)
			if err != nil {
				return nil, Problems{{Key: fmt.Sprintf("policy[%d].where", i), Msg: err.Error()}}
			}
			ready.where, ready.asks = where, asks(r.Where)
		}
		p.rules = append(p.rules, ready)
		for _, perm := range Permissions() {
			if matchesAny(r.Allow, perm) {
				p.allow[perm] = append(p.allow[perm], ready)
			}
			if matchesAny(r.For, perm) {
				p.require[perm] = append(p.require[perm], ready)
			}
		}
	}
	return p, nil
}

func (p *Policy) bind(i int, r Role) {
	add := func(kind string, ids []string) {
		for _, id := range ids {
			m := member{kind, id}
			p.members[m] = p.members[m].with(i)
		}
	}
	add("slack group", r.SlackGroups)
	add("slack user", r.SlackUsers)
	add("discord group", r.DiscordRoles)
	add("discord user", r.DiscordUsers)
	add("web user", r.WebUsers)
	if r.Everyone {
		p.everyone = p.everyone.with(i)
	}
}

// rolesOf returns the roles of a person. A person without an id is nobody, and has not even the roles of everyone; nor has
// an outsider, whom only a role that names them or their group lets in.
func (p *Policy) rolesOf(a bot.Actor) roleSet {
	if a.ID == "" || a.Network == "" {
		return nil
	}
	set := p.members[member{string(a.Network) + " user", a.ID}]
	if !a.Outside {
		set = set.or(p.everyone)
	}
	for _, g := range a.Groups {
		if g != "" {
			set = set.or(p.members[member{string(a.Network) + " group", g}])
		}
	}
	return set
}

// Roles returns the names of the roles that a person has.
func (p *Policy) Roles(a bot.Actor) []string { return p.names(p.rolesOf(a)) }

func (p *Policy) set(names []string) roleSet {
	var s roleSet
	for _, n := range names {
		if i, ok := slices.BinarySearch(p.roleNames, n); ok {
			s = s.with(i)
		}
	}
	return s
}

func (p *Policy) names(s roleSet) []string {
	var out []string
	for i, n := range p.roleNames {
		if s.has(i) {
			out = append(out, n)
		}
	}
	return out
}

// roleSet is a set of places in Policy.roleNames. Its methods return new sets.
type roleSet []uint64

func (s roleSet) has(i int) bool { return i/64 < len(s) && s[i/64]&(1<<(i%64)) != 0 }

func (s roleSet) with(i int) roleSet {
	out := make(roleSet, max(len(s), i/64+1))
	copy(out, s)
	out[i/64] |= 1 << (i % 64)
	return out
}

func (s roleSet) or(o roleSet) roleSet {
	if len(o) == 0 {
		return s
	}
	if len(s) == 0 {
		return o
	}
	out := make(roleSet, max(len(s), len(o)))
	copy(out, s)
	for i, w := range o {
		out[i] |= w
	}
	return out
}

func (s roleSet) and(o roleSet) roleSet {
	out := make(roleSet, min(len(s), len(o)))
	for i := range out {
		out[i] = s[i] & o[i]
	}
	return out
}

func (s roleSet) meets(o roleSet) bool {
	for i := range min(len(s), len(o)) {
		if s[i]&o[i] != 0 {
			return true
		}
	}
	return false
}

// short writes a duration without the zeros at its end: 15m, not 15m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// matches says whether a pattern such as job.*, *.read, * or job.stop holds for a permission.
func matches(pattern, perm string) bool {
	if pattern == "*" || pattern == perm {
		return true
	}
	pn, pv, ok := strings.Cut(pattern, ".")
	n, v, _ := strings.Cut(perm, ".")
	return ok && (pn == "*" || pn == n) && (pv == "*" || pv == v)
}

func matchesAny(patterns []string, perm string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, perm) })
}
