package commands

import (
	"context"
	"slices"
	"strings"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// Completers of the kinds of thing that the commands take.
func (d Deps) Completers() map[string]Completer {
	return map[string]Completer{
		"job":       d.completeJobs,
		"cluster":   d.completeClusters,
		"operation": d.completeOperations,
		"incident":  d.completeIncidents,
		"person":    d.completePeople,
		"savepoint": d.completeSavepoints,
		"jar":       d.completeJars,
		"scope":     d.completeScopes,
		"window":    d.completeWindows,
	}
}

func (d Deps) completeJobs(ctx context.Context, e *Env, prefix string) []bot.Choice {
	names, err := d.readable(e, "")
	if err != nil {
		return nil
	}
	var out []bot.Choice
	got, _ := each(ctx, d.Clusters, names, func(ctx context.Context, c *platform.Cluster) ([]platform.Job, error) { return c.Jobs(ctx) })
	for _, n := range names {
		seen := map[string]bool{}
		for _, j := range got[n] {
			if seen[j.Name] || !e.Allowed("job.read", n, j.Name) || !e.Allowed(e.cmd.Permission, n, j.Name) || !strings.Contains(strings.ToLower(n+"/"+j.Name), strings.ToLower(prefix)) {
				continue
			}
			seen[j.Name] = true
			v, help := n+"/"+j.Name, string(j.State)
			if len(d.Clusters.Names()) == 1 {
				v = j.Name
			}
			out = append(out, bot.Choice{Value: v, Help: help})
		}
	}
	return out
}

func (d Deps) completeClusters(_ context.Context, _ *Env, prefix string) []bot.Choice {
	var out []bot.Choice
	for _, n := range d.Clusters.Names() {
		if strings.Contains(n, prefix) {
			out = append(out, bot.Choice{Value: n})
		}
	}
	return out
}

// completeSavepoints offers the restore points that drey recorded: those of the job that is named already, or of all.
func (d Deps) completeSavepoints(ctx context.Context, e *Env, prefix string) []bot.Choice {
	list, err := d.Ops.Jobs(ctx, 50)
	if err != nil {
		return nil
	}
	job := e.Given["job"]
	var out []bot.Choice
	for _, k := range list {
		if job != "" && job != k.Name && job != k.Cluster+"/"+k.Name || !e.Allowed("savepoint.read", k.Cluster, k.Name) {
			continue
		}
		for _, s := range slices.Backward(k.Savepoints) {
			if strings.Contains(s.Path, prefix) || strings.Contains(k.Name, prefix) {
				out = append(out, bot.Choice{Value: s.Path, Label: k.Name + ", " + string(s.Kind) + ", " + ago(e.Now, s.At), Help: s.Path})
			}
		}
	}
	return out
}

func (d Deps) completeOperations(ctx context.Context, e *Env, prefix string) []bot.Choice {
	list, err := d.Ops.List(ctx, 50)
	if err != nil {
		return nil
	}
	var out []bot.Choice
	for _, op := range list {
		if strings.HasPrefix(op.Short, prefix) && servesOn(e.cmd.Path, op) && e.Allowed("operation.read", op.Cluster, op.Job) && e.Allowed(e.cmd.Permission, op.Cluster, op.Job) {
			out = append(out, bot.Choice{Value: op.Short, Help: op.Title + ", " + jobOf(op) + ": " + opWord(op)})
		}
	}
	return out
}
