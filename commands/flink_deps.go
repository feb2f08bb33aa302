package commands

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/ops"
	"github.com/drey-ops/drey/storage"
)

// Clusters are the clusters of the configuration.
type Clusters interface {
	// Cluster finds one by name, or returns a platform.Error of kind NotFound.
	Cluster(name string) (*platform.Cluster, error)
	// Names lists them in the order of the configuration.
	Names() []string
}

// Deps is what the commands stand on.
type Deps struct {
	DB       *storage.DB
	Clusters Clusters
	Ops      *ops.Ops
	Alerts   Alerts
	Log      *slog.Logger
	Router   func() *Router                        // the router the tree is given to; called only while a command runs
	Status   func(ctx context.Context) []bot.Field // of drey itself, for /drey status
}

// each asks every cluster at once, and returns the answers in the clusters' order with the errors of those that gave none.
func each[T any](ctx context.Context, cs Clusters, names []string, ask func(ctx context.Context, c *platform.Cluster) (T, error)) (got map[string]T, failed map[string]error) {
	got, failed = map[string]T{}, map[string]error{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, name := range names {
		wg.Go(func() {
			var v T
			c, err := cs.Cluster(name)
			if err == nil {
				v, err = ask(ctx, c)
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed[name] = err
				return
			}
			got[name] = v
		})
	}
	wg.Wait()
	return got, failed
}

// found is a job on the cluster it was found on.
type found struct {
	cluster string
	job     platform.Job
}

// findJob makes a job's name exact: "orders" becomes prod/orders, or prod/ID where the name stands for several live jobs.
// It puts the choice to the person where more than one job could be meant.
func (d Deps) findJob(ctx context.Context, e *Env, ref *platform.JobRef) error {
	names := d.Clusters.Names()
	if ref.Cluster != "" {
		if !slices.Contains(names, ref.Cluster) {
			return unknownCluster(ref.Cluster, names)
		}
		names = []string{ref.Cluster}
	}
	names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !e.Allowed("job.read", n, "") })
	got, failed := each(ctx, d.Clusters, names, func(ctx context.Context, c *platform.Cluster) (platform.Job, error) {
		return c.Find(ctx, ref.Job)
	})
	var hits []found
	var near []string
	for _, n := range names {
		if j, ok := got[n]; ok {
			hits = append(hits, found{n, j})
			continue
		}
		var several *platform.AmbiguousJob
		var none *platform.UnknownJob
		switch err := failed[n]; {
		case errors.As(err, &several):
			for _, j := range several.Jobs {
				hits = append(hits, found{n, j})
			}
		case errors.As(err, &none):
			near = append(near, none.Near...)
		}
	}
	hits = preferLive(hits)
	switch {
	case len(hits) == 1:
		ref.Cluster = hits[0].cluster
		if ref.Job != string(hits[0].job.ID) {
			ref.Job = hits[0].job.Name
		}
		return nil
	case len(hits) > 1:
		return Tell(chooseJob(e, ref.Job, hits))
	}
	if k, ok := d.remembered(ctx, names, ref.Job); ok {
		ref.Cluster, ref.Job = k.Cluster, k.Name
		return nil
	}
	return noJob(ref.Job, names, near, failed)
}

// preferLive drops ended jobs where live ones are among the hits: a name means the job that runs.
func preferLive(hits []found) []found {
	if slices.ContainsFunc(hits, func(f found) bool { return !f.job.State.Terminal() }) {
		return slices.DeleteFunc(hits, func(f found) bool { return f.job.State.Terminal() })
	}
	return hits
}

// remembered finds a job that no cluster knows any more in the registry: a cluster that restarted has forgotten its jobs.
func (d Deps) remembered(ctx context.Context, clusters []string, name string) (ops.Known, bool) {
	for _, c := range clusters {
		if k, err := d.Ops.Known(ctx, ops.Target{Cluster: c, Name: name}); err == nil {
			return k, true
		}
	}
	return ops.Known{}, false
}

func unknownCluster(name string, names []string) error {
	return platform.Errorf(platform.NotFound, "", "there is no cluster %q; there are: %s", name, strings.Join(names, ", "))
}

func noJob(name string, clusters, near []string, failed map[string]error) error {
	var silent []string
	for _, c := range clusters {
		if platform.KindOf(failed[c]) == platform.Unavailable {
			silent = append(silent, c)
		}
	}
	switch {
	case len(silent) > 0 && len(silent) == len(clusters):
		return platform.Errorf(platform.Unavailable, "", "%s", dontAnswer(silent))
	case len(silent) > 0:
		return platform.Errorf(platform.NotFound, "", "no job %q on the clusters that answer; %s", name, dontAnswer(silent))
	case len(near) > 0:
		slices.Sort(near)
		return platform.Errorf(platform.NotFound, "", "there is no job %q; did you mean %s?", name, strings.Join(slices.Compact(near), ", "))
	}
	return platform.Errorf(platform.NotFound, "", "there is no job %q; /flink jobs lists those there are", name)
}

func dontAnswer(clusters []string) string {
	if len(clusters) == 1 {
		return "cluster " + clusters[0] + " does not answer"
	}
	return "clusters " + strings.Join(clusters, " and ") + " do not answer"
}

// chooseJob asks which of several jobs was meant, with a button for each: the same call, made exact.
func chooseJob(e *Env, name string, hits []found) bot.Message {
	m := bot.Message{Title: fmt.Sprintf("Which %s?", name), Tone: bot.Warn, Private: true}
	m.Blocks = append(m.Blocks, bot.Textf("%d jobs answer to **%s**. Nothing was done yet.", len(hits), name))
	t := bot.Table{Columns: []string{"Cluster", "Job", "Id", "State", "Since"}}
	var acts bot.Actions
	for _, h := range hits {
		ref := h.cluster + "/" + string(h.job.ID)
		t.Rows = append(t.Rows, []string{h.cluster, h.job.Name, shortID(h.job.ID), string(h.job.State), ago(e.Now, h.job.Start)})
		acts = append(acts, bot.Button{Label: fmt.Sprintf("%s %s", h.cluster, shortID(h.job.ID)), Call: e.again(map[string]any{"job": ref})})
	}
	m.Blocks = append(m.Blocks, t, acts)
	return m
}

// lookUp fetches the exact job of a resolved reference.
func (d Deps) lookUp(ctx context.Context, ref platform.JobRef) (*platform.Cluster, platform.Job, error) {
	c, err := d.Clusters.Cluster(ref.Cluster)
	if err != nil {
		return nil, platform.Job{}, err
	}
	fresh, err := c.Find(ctx, ref.Job)
	if err != nil {
		return c, platform.Job{}, err
	}
	j, err := c.Job(ctx, fresh.ID)
	// Flink gives the details of a job from a cache of some seconds, but the overview as it is.
	j.State, j.Start, j.End, j.Tasks = fresh.State, fresh.Start, fresh.End, fresh.Tasks
	return c, j, err
}

// target is a resolved reference as the operations take it.
func (d Deps) target(ctx context.Context, ref platform.JobRef) (ops.Target, error) {
	t := ops.Target{Cluster: ref.Cluster, Name: ref.Job}
	c, err := d.Clusters.Cluster(ref.Cluster)
	if err != nil {
		return t, err
	}
	j, err := c.Find(ctx, ref.Job)
	switch {
	case err == nil:
		t.Name, t.JobID = j.Name, j.ID
	case platform.KindOf(err) == platform.NotFound:
		if _, ok := d.remembered(ctx, []string{ref.Cluster}, ref.Job); !ok {
			return t, err
		}
	default:
		return t, err
	}
	return t, nil
}

// cluster picks the cluster of a command that names none: the only one, or a question.
func (d Deps) cluster(name string) (*platform.Cluster, error) {
	names := d.Clusters.Names()
	if len(names) == 0 {
		return nil, platform.Errorf(platform.Unsupported, "", "drey has no cluster to run this on; whoever runs it adds one under clusters in its configuration")
	}
	if name == "" {
		if len(names) == 1 {
			return d.Clusters.Cluster(names[0])
		}
		return nil, platform.Errorf(platform.Invalid, "", "say which cluster, as cluster=%s; there are: %s", names[0], strings.Join(names, ", "))
	}
	if !slices.Contains(names, name) {
		return nil, unknownCluster(name, names)
	}
	return d.Clusters.Cluster(name)
}

// Completers of the kinds of thing that the commands take.
func (d Deps) Completers() map[string]Completer {
	return map[string]Completer{
		"job":       d.completeJobs,
		"cluster":   d.completeClusters,
		"operation": d.completeOperations,
		"incident":  d.completeIncidents,
	}
}

func (d Deps) completeJobs(ctx context.Context, e *Env, prefix string) []bot.Choice {
	var out []bot.Choice
	names := slices.DeleteFunc(slices.Clone(d.Clusters.Names()), func(n string) bool { return !e.Allowed("job.read", n, "") })
	got, _ := each(ctx, d.Clusters, names, func(ctx context.Context, c *platform.Cluster) ([]platform.Job, error) { return c.Jobs(ctx) })
	for _, n := range names {
		seen := map[string]bool{}
		for _, j := range got[n] {
			if seen[j.Name] || !strings.Contains(strings.ToLower(n+"/"+j.Name), strings.ToLower(prefix)) {
				continue
			}
			seen[j.Name] = true
			v := j.Name
			if len(names) > 1 {
				v = n + "/" + j.Name
			}
			out = append(out, bot.Choice{Value: v, Help: string(j.State) + " on " + n})
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

func (d Deps) completeOperations(ctx context.Context, _ *Env, prefix string) []bot.Choice {
	list, err := d.Ops.List(ctx, 50)
	if err != nil {
		return nil
	}
	var out []bot.Choice
	for _, op := range list {
		if strings.HasPrefix(op.Short, prefix) {
			out = append(out, bot.Choice{Value: op.Short, Help: op.Title + " " + op.Cluster + "/" + op.Job + ": " + string(op.Status)})
		}
	}
	return out
}

func shortID(id platform.JobID) string { return string(id)[:min(8, len(id))] }

// ago says a time as people do: "3 min ago".
func ago(now, t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return span(now.Sub(t)) + " ago"
}

// span says a duration in its one or two largest units.
func span(d time.Duration) string {
	switch d = d.Abs(); {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
