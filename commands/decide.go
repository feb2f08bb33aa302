package commands

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"

	"github.com/drey-ops/drey/bot"
)

// Request is a question to the Policy.
type Request struct {
	Actor        bot.Actor
	Place        bot.Place
	Now          time.Time // in the zone that env.hour shall be told in
	Permission   string
	Cluster, Job string
	Args         map[string]string // for conditions; nil: not known yet
	// Anywhere asks whether the person may do it on some cluster and job, or with a Cluster on some job of it. Conditions on
	// what is not known count as met, requirements as well.
	Anywhere bool
}

// Decision is the Policy's answer.
type Decision struct {
	Allowed      bool
	Permission   string
	Cluster, Job string
	Rule         string   // that allows it
	Roles        []string // of the person
	// Of what is allowed:
	Require     Requirement
	RequireRule string
	By          []string // roles that may approve
	Within      time.Duration
	// Of what is refused:
	Here      []string // roles that may do it in this place
	Elsewhere []string // places where this person may
	Unmet     string   // the rule whose condition alone does not hold
}

// Decide answers r. It is pure and takes microseconds.
func (p *Policy) Decide(r Request) Decision {
	d := Decision{Permission: r.Permission, Cluster: r.Cluster, Job: r.Job}
	have := p.rolesOf(r.Actor)
	d.Roles = p.names(have)
	if r.Actor.ID == "" || r.Permission == "" || r.Place.Network != r.Actor.Network {
		return d // a person speaks on the network that vouches for them, or not at all
	}
	env := &conditions{r: r}
	for _, ru := range p.allow[r.Permission] {
		if !have.meets(ru.roles) || !ru.inPlace(r.Place) || !ru.onTarget(r) {
			continue
		}
		if !ru.holds(env) {
			d.Unmet = ru.name
			continue
		}
		d.Allowed, d.Rule, d.Unmet = true, ru.name, ""
		break
	}
	if !d.Allowed {
		p.explain(&d, r, have, env)
		return d
	}
	for _, ru := range p.require[r.Permission] {
		if !ru.inPlace(r.Place) || !ru.onTarget(r) || !ru.holds(env) {
			continue
		}
		// Approval outweighs confirmation; of two approvals the first rule counts.
		if d.Require == NoRequirement || d.Require == RequireConfirm && ru.Require == RequireApproval {
			d.Require, d.RequireRule, d.By, d.Within = ru.Require, ru.name, p.names(ru.by), ru.Within
		}
	}
	return d
}

// explain says of a refusal who may do it here, and where else this person may.
func (p *Policy) explain(d *Decision, r Request, have roleSet, env *conditions) {
	var here roleSet
	for _, ru := range p.allow[r.Permission] {
		if !ru.onTarget(r) || !ru.holds(env) {
			continue
		}
		if ru.inPlace(r.Place) {
			here = here.or(ru.roles)
		} else if have.meets(ru.roles) {
			d.Elsewhere = append(d.Elsewhere, ru.Channels...)
		}
	}
	d.Here = p.names(here)
	slices.Sort(d.Elsewhere)
	d.Elsewhere = slices.Compact(d.Elsewhere)
}

func (ru *rule) inPlace(at bot.Place) bool {
	if len(ru.Channels) == 0 {
		return true
	}
	for _, c := range ru.Channels {
		n, ch, _ := strings.Cut(c, ":")
		if n == string(at.Network) && (ch == "*" || ch == at.Channel) && at.Channel != "" {
			return true
		}
	}
	return false
}

func (ru *rule) onTarget(r Request) bool {
	if len(ru.Clusters) > 0 && !slices.Contains(ru.Clusters, r.Cluster) {
		return r.Anywhere && r.Cluster == ""
	}
	if r.Anywhere {
		return true
	}
	if len(ru.Jobs) > 0 && jobID.MatchString(r.Job) {
		return ru.Require != NoRequirement // see holds
	}
	return len(ru.Jobs) == 0 || r.Job != "" && slices.ContainsFunc(ru.Jobs, func(g string) bool { return glob(g, r.Job) })
}

// glob knows * and ?, also over slashes, which job names may hold.
func glob(pattern, name string) bool {
	if pattern == "*" || pattern == name {
		return true
	}
	swap := func(s string) string { return strings.ReplaceAll(s, "/", "\x00") }
	ok, err := path.Match(swap(pattern), swap(name))
	return ok && err == nil
}

// holds says whether the rule's condition is met. One about what is not known yet is. One that fails is not, so that it
// allows nothing; but where it requires something it is, so that it is asked for.
func (ru *rule) holds(env *conditions) bool {
	if ru.where == nil {
		return true
	}
	if env.r.Anywhere && (ru.asks.cluster && env.r.Cluster == "" || ru.asks.job) || env.r.Args == nil && ru.asks.args {
		return true
	}
	// A job named by its id could be any: what a rule says of names then neither allows nor spares anything.
	if ru.asks.job && jobID.MatchString(env.r.Job) {
		return ru.Require != NoRequirement
	}
	ok, err := ru.where.Eval(env.values())
	if err != nil {
		return ru.Require != NoRequirement
	}
	return ok
}

// Conditions is what the where of a rule looks at.
type Conditions struct {
	Env     Clock             `expr:"env"`
	Actor   string            `expr:"actor"`   // "web:olga"
	Channel string            `expr:"channel"` // "web:ops"
	Cluster string            `expr:"cluster"`
	Job     string            `expr:"job"`
	Args    map[string]string `expr:"args"` // by parameter, as text
}

// Clock is the time of the call, where drey runs.
type Clock struct {
	Hour    int    `expr:"hour"`
	Minute  int    `expr:"minute"`
	Weekday string `expr:"weekday"` // "Monday"
	Date    string `expr:"date"`    // "2006-01-02"
}

// conditions makes what conditions look at when the first of them asks.
type conditions struct {
	r  Request
	vs *Conditions
}

func (e *conditions) values() *Conditions {
	if e.vs == nil {
		r := e.r
		e.vs = &Conditions{
			Env:   Clock{r.Now.Hour(), r.Now.Minute(), r.Now.Weekday().String(), r.Now.Format(time.DateOnly)},
			Actor: r.Actor.String(), Channel: r.Place.String(), Cluster: r.Cluster, Job: r.Job, Args: r.Args,
		}
	}
	return e.vs
}

// unknowns says what a condition looks at that the first of the two checks does not know.
type unknowns struct{ cluster, job, args bool }

// jobID is how a cluster names a job by itself.
var jobID = regexp.MustCompile(`^[0-9a-fA-F]{32}$`)

func asks(src string) unknowns {
	tree, err := parser.Parse(src)
	if err != nil {
		return unknowns{}
	}
	var u unknowns
	ast.Walk(&tree.Node, &u)
	return u
}

// Visit implements ast.Visitor.
func (u *unknowns) Visit(n *ast.Node) {
	if id, ok := (*n).(*ast.IdentifierNode); ok {
		all := id.Value == "$env"
		u.cluster = u.cluster || all || id.Value == "cluster"
		u.job = u.job || all || id.Value == "job"
		u.args = u.args || all || id.Value == "args"
	}
}
