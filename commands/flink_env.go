package commands

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"

	"github.com/drey-ops/drey/bot"
)

// key names the gesture for what must happen once: the same event, or the same approval, comes to the same operation.
func (e *Env) key() string {
	if e.Approved != "" {
		return "approval/" + e.Approved
	}
	return e.Event.ID
}

// cardPlace is where the card of an operation belongs: where the command was given, or in the thread of the message whose
// button was pressed where the button says so, as those of alerts do.
func (e *Env) cardPlace() bot.Place {
	p, o := e.Place, e.Event.Origin
	if p.Thread == "" && o != nil && e.Event.Call.InThread {
		p.Thread = cmp.Or(o.Place.Thread, o.ID)
	}
	return p
}

// pressedWith says whether the call is the press of a button that gives the parameter: one that turns a page.
func (e *Env) pressedWith(param string) bool {
	if e.Event.Button == "" || e.Event.Form != nil {
		return false
	}
	g, err := givenOf(e.Event.Call.Args, nil)
	return err == nil && len(g[param]) > 0
}

// again is the present call with some of its arguments replaced.
func (e *Env) again(with map[string]any) bot.Call {
	args := map[string]any{}
	if len(e.args) > 0 {
		if err := json.Unmarshal(e.args, &args); err != nil {
			args = map[string]any{}
		}
	}
	maps.Copy(args, with)
	raw, err := json.Marshal(args)
	if err != nil {
		raw = e.args // texts, numbers and bools only: cannot happen
	}
	return bot.Call{Path: e.cmd.Path, Args: raw, Secret: e.cmd.secretArgs(raw)}
}

// demandOf is demand where nothing named means everything: of no cluster or job, it is for those who may on all of them.
func (e *Env) demandOf(ctx context.Context, perm, cluster, job string) error {
	d := e.router.policy.Load().Decide(Request{Actor: e.Actor, Place: e.Place, Now: e.Now, Permission: perm, Cluster: cluster, Job: job})
	if d.Allowed {
		return nil
	}
	return e.router.refuse(ctx, e, nil, d)
}

// demand refuses, and records the refusal, unless the person may do what perm names on a cluster and job that only the
// command could find out. The command's own permission was checked before, on any cluster.
func (e *Env) demand(ctx context.Context, perm, cluster, job string) error {
	d := e.decide(perm, cluster, job)
	if d.Allowed {
		return nil
	}
	return e.router.refuse(ctx, e, nil, d)
}
