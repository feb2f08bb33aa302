package commands

import (
	"encoding/json"
	"time"

	"github.com/drey-ops/drey/bot"
)

// Env is what a command sees of the call it answers. It lives as long as the call.
type Env struct {
	Event bot.Event
	Actor bot.Actor
	Place bot.Place
	Now   time.Time
	// Decision is the policy's, on the cluster and job of the arguments; in Resolve and in a Completer it speaks of any
	// cluster and job.
	Decision Decision
	// Approved is the id of the approval that let this call run; empty: none was needed.
	Approved string
	// Given is, in a Completer, what is already typed of the other parameters.
	Given map[string]string

	cmd    *Command
	args   json.RawMessage // canonical
	typed  string          // the word typed to confirm
	show   func(bot.Message)
	router *Router
}

// Show gives an interim answer; the next one, or the result, replaces it.
func (e *Env) Show(m bot.Message) {
	if e.show != nil {
		e.show(m)
	}
}

// Call is the call as it is being run, with its arguments made exact: the record of what was asked for. It holds secrets.
func (e *Env) Call() bot.Call { return e.cmd.callAgain(e.Event.Call, e.args) }

// callAgain is was with its arguments replaced: what it says besides, a form's or a confirmation's call says too.
func (c *Command) callAgain(was bot.Call, args json.RawMessage) bot.Call {
	was.Path, was.Args, was.Line, was.Secret = c.Path, args, "", c.secretArgs(args)
	return was
}

// Line is the call as a person would type it, secrets hidden.
func (e *Env) Line() string { return e.cmd.Line(e.cmd.redacted(e.decoded())) }

// decoded is the canonical arguments as the command's args struct.
func (e *Env) decoded() any {
	if g, err := givenOf(e.args, nil); err == nil {
		if args, err := e.cmd.decode(g); err == nil {
			return args
		}
	}
	return e.cmd.newArgs()
}

// Allowed says whether the person may do what perm names, here and now, on the given cluster and job; an empty cluster
// means on any. Approval and confirmation may still be asked for.
func (e *Env) Allowed(perm, cluster, job string) bool {
	return e.decide(perm, cluster, job).Allowed
}

// AllowedOn says whether the person may do what perm names, here and now, on some job of the cluster.
func (e *Env) AllowedOn(perm, cluster string) bool {
	return e.router.policy.Load().Decide(Request{
		Actor: e.Actor, Place: e.Place, Now: e.Now, Permission: perm, Cluster: cluster, Anywhere: true,
	}).Allowed
}

func (e *Env) decide(perm, cluster, job string) Decision {
	if perm == "" {
		return Decision{Allowed: true}
	}
	return e.router.policy.Load().Decide(Request{
		Actor: e.Actor, Place: e.Place, Now: e.Now, Permission: perm, Cluster: cluster, Job: job, Anywhere: cluster == "" && job == "",
	})
}

// Actions keeps of the buttons those that can work for this person: links, and calls that they may run.
func (e *Env) Actions(buttons ...bot.Button) bot.Actions {
	var out bot.Actions
	for _, b := range buttons {
		if b.URL != "" || e.mayCall(b.Call) {
			out = append(out, b)
		}
	}
	return out
}

func (e *Env) mayCall(call bot.Call) bool {
	c, args, err := e.router.tree.read(call, nil)
	if c == nil {
		return false
	}
	if err != nil { // the form it opens asks for what is missing
		return e.Allowed(c.Permission, "", "")
	}
	cluster, job := c.target(args)
	return e.Allowed(c.permission(args), cluster, job)
}

// Form asks the person for the arguments of this very command: for all of them, with the values that the call has
// already. title and submit are for people: "Run SQL", "Run".
func (e *Env) Form(title, submit string) bot.Message {
	g, _ := givenOf(e.args, nil) // canonical arguments can be read
	f := e.cmd.form(g, nil)
	f.Title, f.Submit, f.Call = title, submit, e.cmd.callAgain(e.Event.Call, f.Call.Args)
	return bot.Message{Private: true, Form: f, Title: title, Fallback: title + ": fill in the form, or type " + e.cmd.Usage()}
}

// amend answers a value that cannot be used with the form it came in, the mistake beside its field; what was typed as a line
// gets the error itself.
func (e *Env) amend(param string, err error) error {
	if e.Event.Form == nil || err == nil || unexpected(err) {
		return err
	}
	m := Explain(err)
	g, gerr := givenOf(e.Event.Call.Args, nil)
	if gerr != nil {
		return err
	}
	for name := range e.Event.Form {
		delete(g, name)
	}
	m.Form, m.Private = e.cmd.rest(g), true
	for i := range m.Form.Fields {
		in := &m.Form.Fields[i]
		if in.Value = e.Event.Form[in.Name]; in.Name == param {
			in.Error = sentence(m)
		}
	}
	m.Form.Call = e.cmd.callAgain(e.Event.Call, m.Form.Call.Args)
	return Tell(m)
}

// Told is an error that says what to answer: a question back, rather than a failure.
type Told struct {
	Message bot.Message
	fault   string // the same in a line beside a field of a form
}

func (t *Told) Error() string {
	if t.Message.Title != "" {
		return t.Message.Title
	}
	return "answered"
}

// Tell returns an error whose message is the answer to the person, as it is.
func Tell(m bot.Message) error { return &Told{Message: m} }
