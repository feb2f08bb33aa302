package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

// Outbox is where approval cards go; *bot.Outbox is one.
type Outbox interface {
	Put(tx *storage.Tx, d bot.Delivery)
}

// Completer finds values of one kind that may begin with prefix; what does not match is left out by the caller, as is
// what the person may not see of jobs and clusters. It must honour ctx.
type Completer func(ctx context.Context, e *Env, prefix string) []bot.Choice

// RouterOptions tune a Router; the zero value works.
type RouterOptions struct {
	Completers map[string]Completer // by the kind that a complete tag names
	Now        func() time.Time     // nil means time.Now
}

// Router answers events: it is the bot.Handler over a Tree. Its Run works on approvals, and must run for them to have an
// effect.
type Router struct {
	tree   Tree
	db     *storage.DB
	outbox Outbox
	log    *slog.Logger
	policy atomic.Pointer[Policy]
	now    func() time.Time

	completers map[string]Completer
	cache      *choiceCache
}

var _ bot.Handler = (*Router)(nil)

// NewRouter returns a Router over t, with the commands of Builtin added by the caller.
func NewRouter(db *storage.DB, log *slog.Logger, t Tree, p *Policy, out Outbox, o RouterOptions) *Router {
	r := &Router{tree: t, db: db, outbox: out, log: log, now: o.Now, cache: newChoiceCache()}
	r.completers = r.ownCompleters()
	maps.Copy(r.completers, o.Completers)
	if r.now == nil {
		r.now = time.Now
	}
	r.policy.Store(p)
	return r
}

// SetPolicy makes p decide from now on, also on what waits for approval.
func (r *Router) SetPolicy(p *Policy) { r.policy.Store(p) }

// Tree returns the tree that r answers from.
func (r *Router) Tree() Tree { return r.tree }

// Handle implements bot.Handler.
func (r *Router) Handle(ctx context.Context, ev bot.Event, show func(bot.Message)) bot.Message {
	m, err := r.handle(ctx, ev, show)
	if err != nil {
		return r.tell(ev, err)
	}
	if m.Title == "" && len(m.Blocks) == 0 && m.Form == nil {
		return r.tell(ev, fmt.Errorf("command %q answered nothing", ev.Call.Path))
	}
	return m
}

func (r *Router) handle(ctx context.Context, ev bot.Event, show func(bot.Message)) (bot.Message, error) {
	ev.Call = r.tree.inner(ev.Call)
	if root, ok := r.tree.rootOnly(ev.Call); ok {
		ev.Call = CallOf("drey help", helpArgs{Command: root})
	}
	c, args, err := r.tree.read(ev.Call, ev.Form)
	if c == nil {
		return bot.Message{}, r.nearest(ev, err)
	}
	e := r.env(ev, c, show)
	if d := e.decide(c.Permission, "", ""); !d.Allowed { // before any look at a cluster, and before usage
		return bot.Message{}, r.refuse(ctx, e, args, d)
	}
	if err != nil {
		if wrong := (*UsageError)(nil); c.Ask != nil && (ev.Form != nil || ev.Button != "") && errors.As(err, &wrong) {
			if g, gerr := givenOf(ev.Call.Args, ev.Form); gerr == nil {
				return bot.Message{}, c.Ask(ctx, e, g.texts(), wrong)
			}
		}
		return r.askAgain(c, ev, err)
	}
	e.typed = typedWord(ev, r.tree)
	if err := r.settle(ctx, e, args); err != nil {
		return bot.Message{}, err
	}
	if err := r.storable(e); err != nil {
		return bot.Message{}, err
	}
	if err := r.guard(ctx, e, args); err != nil {
		return bot.Message{}, err
	}
	m, err := c.run(ctx, e, args)
	if e.answers() { // the question has done its duty
		if err != nil {
			m, err = r.tell(ev, err), nil
		}
		m.Instead = true
	}
	return m, err
}

// nearest keeps of the commands that were perhaps meant those that the person may run.
func (r *Router) nearest(ev bot.Event, err error) error {
	var u *UsageError
	if !errors.As(err, &u) {
		return err
	}
	kept := *u
	kept.Near = slices.DeleteFunc(slices.Clone(u.Near), func(line string) bool {
		c, _ := r.tree.head(line)
		return c == nil || !r.db.CanSeal() && hasSecret(line) || !r.env(ev, c, nil).Decision.Allowed
	})
	return &kept
}

// env is the Env of a call of c.
func (r *Router) env(ev bot.Event, c *Command, show func(bot.Message)) *Env {
	now := r.now()
	e := &Env{Event: ev, Actor: ev.Actor, Place: ev.Place, Now: now, cmd: c, show: show, router: r, args: json.RawMessage("{}")}
	e.Decision = e.decide(c.Permission, "", "")
	return e
}

// settle makes args exact, asks the policy about the cluster and job that they name, and records the decision.
func (r *Router) settle(ctx context.Context, e *Env, args any) error {
	c := e.cmd
	e.args = Encode(args)
	if c.Resolve != nil {
		if err := c.Resolve(ctx, e, args); err != nil {
			return err
		}
		e.args = Encode(args)
	}
	if c.Permission == "" {
		return nil
	}
	e.Decision = r.decide(e, args)
	if !e.Decision.Allowed {
		return r.refuse(ctx, e, args, e.Decision)
	}
	return r.record(ctx, e, args, e.Decision)
}

// decide is the exact check.
func (r *Router) decide(e *Env, args any) Decision {
	req := Request{Actor: e.Actor, Place: e.Place, Now: e.Now, Permission: e.cmd.permission(args), Args: textArgs(e.args)}
	req.Cluster, req.Job = e.cmd.target(args)
	// See the package's Design: only a read, or a command that knows no clusters at all, may be about any cluster.
	req.Anywhere = req.Cluster == "" && req.Job == "" && (!e.cmd.targeted || e.cmd.Effect == Reads)
	return r.policy.Load().Decide(req)
}

// textArgs is canonical arguments as conditions see them.
func textArgs(raw json.RawMessage) map[string]string {
	g, err := givenOf(raw, nil)
	if err != nil {
		return map[string]string{}
	}
	return g.texts()
}

// guard asks for what the policy or the command's effect requires besides the right.
func (r *Router) guard(ctx context.Context, e *Env, args any) error {
	asks := e.cmd.Warn != nil
	if e.Approved != "" || e.cmd.Effect != Destroys && e.Decision.Require == NoRequirement && !asks {
		return nil
	}
	warn := Confirmation{}
	if e.cmd.Warn != nil {
		var err error
		if warn, err = e.cmd.Warn(ctx, e, args); err != nil {
			return err
		}
	}
	warn.fill(e, args)
	switch {
	case e.cmd.Effect == Destroys || e.Decision.Require == RequireConfirm:
		if err := e.confirm(warn); err != nil {
			return err
		}
	case asks && e.Decision.Require == NoRequirement:
		return e.ask(warn)
	}
	if e.Decision.Require == RequireApproval { // its card asks
		return r.askApproval(ctx, e, args, warn)
	}
	return nil
}

// read finds the command of a call and decodes its arguments. The command is nil only when it is not known.
func (t Tree) read(call bot.Call, form map[string]string) (*Command, any, error) {
	c, g, err := t.given(call, form)
	if c == nil || err != nil {
		return c, nil, err
	}
	args, err := c.decode(g)
	return c, args, err
}

func (t Tree) given(call bot.Call, form map[string]string) (*Command, given, error) {
	if call.Path == "" {
		c, g, err := t.parse(call.Line)
		if c == nil || err != nil {
			return c, nil, err
		}
		for k, v := range form {
			g[k] = []string{v}
		}
		return c, g, nil
	}
	c := t.Find(call.Path)
	if c == nil {
		return nil, nil, &UsageError{Msg: fmt.Sprintf("there is no command %q any more", "/"+clip(call.Path, 60))}
	}
	g, err := givenOf(call.Args, form)
	if err != nil {
		return c, nil, c.usage("", err.Error(), nil)
	}
	return c, g, nil
}

// typedWord is the word that the person typed to confirm.
func typedWord(ev bot.Event, t Tree) string {
	if _, g, err := t.given(ev.Call, ev.Form); err == nil && len(g[confirmKey]) == 1 {
		return g[confirmKey][0]
	}
	return ""
}

// askAgain answers a call that is not put right: a submitted form comes back with the mistake beside its field, and a
// button that leaves something open asks for it, as does a command that Opens and was called with nothing.
func (r *Router) askAgain(c *Command, ev bot.Event, err error) (bot.Message, error) {
	var wrong *UsageError
	if ev.Form == nil && ev.Button == "" && !c.Opens || !errors.As(err, &wrong) {
		return bot.Message{}, err
	}
	if ev.Form == nil {
		_, g, gerr := r.tree.given(ev.Call, nil)
		if gerr != nil || ev.Button == "" && len(g) > 0 { // typed, but not right
			return bot.Message{}, err
		}
		f := c.rest(g)
		f.Call = c.callAgain(ev.Call, f.Call.Args)
		return bot.Message{Title: f.Title, Private: true, Form: f, Fallback: f.Title + ": fill in the form, or type " + c.Usage()}, nil
	}
	g, gerr := givenOf(ev.Call.Args, ev.Form)
	if gerr != nil {
		return bot.Message{}, err
	}
	m := wrong.message()
	m.Form = c.form(g, wrong)
	m.Form.Call = c.callAgain(ev.Call, m.Form.Call.Args)
	return m, nil
}
