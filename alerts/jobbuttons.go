package alerts

import (
	"cmp"
	"encoding/json"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// jobButtons are the commands on the incident's job that its cluster can run and that make sense now. What stops or restarts it
// asks first.
func jobButtons(i *Incident) bot.Actions {
	ref, ok := i.jobRef()
	if !ok {
		return nil
	}
	args, _ := json.Marshal(map[string]string{"job": ref.String()})
	can := func(op platform.Op) bool { return i.Facts == nil || i.Facts.can(op) }
	// Those that help at once come first: where a network shows few, the others are in a menu.
	out := bot.Actions{{Label: "Diagnose", Call: bot.Call{Path: "flink diagnose", Args: args, InThread: true}}}
	if can(platform.OpSubmitSQL) && (i.Open() || i.ailing()) {
		out = append(out, bot.Button{Label: "Restart…", Call: bot.Call{Path: "flink restart", Args: args, InThread: true}, Opens: true})
	}
	if can(platform.OpSavepoint) && i.Open() {
		out = append(out, bot.Button{Label: "Savepoint", Call: bot.Call{Path: "flink savepoint", Args: args, InThread: true}})
	}
	out = append(out, bot.Button{Label: "Logs", Call: bot.Call{Path: "flink logs", Args: args, InThread: true}})
	if !i.Open() {
		return out // nothing calls for a change of a job that is well, and old heads are pressed by mistake
	}
	if can(platform.OpRescale) || can(platform.OpStop) && can(platform.OpSubmitSQL) {
		out = append(out, bot.Button{Label: "Scale…", Call: bot.Call{Path: "flink scale", Args: args, InThread: true}, Opens: true})
	}
	if can(platform.OpStop) { // not red: it asks before it does anything, and nobody's eye shall fall on it first
		out = append(out, bot.Button{Label: "Stop…", Call: bot.Call{Path: "flink stop", Args: args, InThread: true}, Opens: true})
	}
	return out
}

// jobRef names the job for commands: as the cluster knows it, or by the labels while nobody asked the cluster. A job that
// the cluster does not know has no buttons.
func (i *Incident) jobRef() (platform.JobRef, bool) {
	switch {
	case i.Job == nil || i.Gone:
		return platform.JobRef{}, false
	case i.Facts != nil:
		return i.Facts.Ref, true
	}
	// A reporter may mangle names, but never an id.
	return platform.JobRef{Cluster: i.Job.Cluster, Job: cmp.Or(i.Job.ID, i.Job.Name)}, true
}
