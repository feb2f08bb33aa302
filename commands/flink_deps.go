package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

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

// Causes knows how often and where a root cause was seen.
type Causes interface {
	// Seen says so of the newest exception; empty where nothing is known. may says whether the reader may hear of another job.
	Seen(ctx context.Context, job platform.JobRef, run platform.JobID, exs []platform.Exception, may func(job string) bool) (bot.Text, error)
}

// seen is what is known of the newest cause of a job's failures; empty where that is nothing, or where it does not come in time.
func (d Deps) seen(ctx context.Context, e *Env, cluster string, j platform.Job, exs []platform.Exception) bot.Text {
	if d.Causes == nil || len(exs) == 0 {
		return bot.Text{}
	}
	t, err := d.Causes.Seen(ctx, platform.JobRef{Cluster: cluster, Job: j.Name}, j.ID, exs, func(job string) bool {
		c, name, _ := strings.Cut(job, "/")
		return e.Allowed("job.read", c, name)
	})
	if err != nil {
		e.router.log.Warn("what is known of a cause", "cluster", cluster, "job", j.Name, "err", err)
		return bot.Text{}
	}
	return t
}

// Deps is what the commands stand on.
type Deps struct {
	DB       *storage.DB
	Clusters Clusters
	Ops      *ops.Ops
	Alerts   Alerts
	Bulk     Bulk
	Mutes    AlertMutes
	Reports  AlertReports
	Causes   Causes                                // nil: nothing is known of causes beside what a cluster tells
	Status   func(ctx context.Context) []bot.Field // of drey itself, for /drey status
	Links    Links
	People   []bot.Actor // known by name beside those whom roles name: the users of the console
	// Profile asks a chat service who somebody is; nil: nobody is asked.
	Profile func(ctx context.Context, a bot.Actor) (bot.Profile, error)
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
	names, err := d.readable(e, ref.Cluster)
	if err != nil {
		return err
	}
	if ref.Cluster != "" && len(names) == 0 {
		return e.demand(ctx, "job.read", ref.Cluster, "")
	}
	got, failed := each(ctx, d.Clusters, names, func(ctx context.Context, c *platform.Cluster) (platform.Job, error) {
		return c.Find(ctx, ref.Job)
	})
	hits, near := meant(e, names, got, failed)
	silent := silentOf(names, failed)
	switch {
	case len(hits) == 1 && (len(silent) == 0 || e.cmd.Effect == Reads):
		if ref.Cluster = hits[0].cluster; ref.Job != string(hits[0].job.ID) {
			*ref = d.exact(ctx, hits[0])
		}
		return nil
	case len(hits) > 0: // a change is not made to a namesake of the job that is meant, on a cluster that happens to answer
		return Tell(d.chooseJob(ctx, e, ref.Job, hits, silent))
	}
	if k, ok := d.remembered(ctx, names, ref.Job); ok && e.Allowed("job.read", k.Cluster, k.Name) {
		ref.Cluster, ref.Job = k.Cluster, k.Name
		return nil
	}
	return noJob(ref.Job, names, near, silent)
}

// readable lists the clusters on which the person may read some job: the named one, or for "" all of them.
func (d Deps) readable(e *Env, cluster string) ([]string, error) {
	names := d.Clusters.Names()
	if cluster != "" {
		if !slices.Contains(names, cluster) {
			return nil, unknownCluster(cluster, names)
		}
		names = []string{cluster}
	}
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !e.AllowedOn("job.read", n) }), nil
}

// meant gathers the jobs that the clusters found, and names that are like the one asked for: of those that the person may
// read. Ended jobs are left out where there are live ones.
func meant(e *Env, names []string, got map[string]platform.Job, failed map[string]error) (hits []found, near []string) {
	add := func(n string, j platform.Job) {
		if e.Allowed("job.read", n, j.Name) {
			hits = append(hits, found{n, j})
		}
	}
	for _, n := range names {
		if j, ok := got[n]; ok {
			add(n, j)
			continue
		}
		var several *platform.AmbiguousJob
		var none *platform.UnknownJob
		switch err := failed[n]; {
		case errors.As(err, &several):
			for _, j := range several.Jobs {
				add(n, j)
			}
		case errors.As(err, &none):
			for _, name := range none.Near {
				if e.Allowed("job.read", n, name) {
					near = append(near, name)
				}
			}
		}
	}
	return preferLive(hits), near
}

// exact names a job so that it is found again: by its name where that leads to it, else by its id.
func (d Deps) exact(ctx context.Context, f found) platform.JobRef {
	ref := platform.JobRef{Cluster: f.cluster, Job: string(f.job.ID)}
	if c, err := d.Clusters.Cluster(f.cluster); err == nil {
		if j, err := c.Find(ctx, f.job.Name); err == nil && j.ID == f.job.ID {
			ref.Job = f.job.Name
		}
	}
	return ref
}

// silentOf lists the clusters that did not answer.
func silentOf(names []string, failed map[string]error) []string {
	var out []string
	for _, n := range names {
		if platform.KindOf(failed[n]) == platform.Unavailable {
			out = append(out, n)
		}
	}
	return out
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

func noJob(name string, clusters, near, silent []string) error {
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
func (d Deps) chooseJob(ctx context.Context, e *Env, name string, hits []found, silent []string) bot.Message {
	m := bot.Message{Title: fmt.Sprintf("Which %s?", name), Tone: bot.Warn, Private: true}
	text := fmt.Sprintf("%d jobs answer to this name.", len(hits))
	if len(hits) == 1 {
		text = "One job answers to this name."
	}
	if len(silent) > 0 {
		text += " There may be another: " + dontAnswer(silent) + "."
	}
	m.Blocks = append(m.Blocks, bot.Textf("%s Nothing was done yet.", text))
	t := bot.Table{Columns: []string{"Cluster", "Job", "State", "Since", "Id"}}
	var acts bot.Actions
	for _, h := range hits {
		ref := d.exact(ctx, h)
		t.Rows = append(t.Rows, []string{h.cluster, h.job.Name, stateWord(h.job), ago(e.Now, h.job.Start), shortID(h.job.ID)})
		label := ref.String()
		if ref.Job != h.job.Name {
			label = h.cluster + " " + shortID(h.job.ID)
		}
		acts = append(acts, bot.Button{Label: label, Call: e.again(map[string]any{"job": ref.String()})})
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
	if err != nil {
		return c, platform.Job{}, err
	}
	// Flink gives the details of a job from a cache of some seconds, but the overview as it is.
	j.State, j.Start, j.End, j.Tasks = fresh.State, fresh.Start, fresh.End, fresh.Tasks
	return c, j, nil
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

// pickCluster makes the cluster of a call exact: the one it names, the only one that the person may use, or the one that
// they choose.
func (d Deps) pickCluster(e *Env, name *string) error {
	names := d.Clusters.Names()
	switch {
	case len(names) == 0:
		return platform.Errorf(platform.Unsupported, "", "drey has no cluster to run this on; whoever runs it adds one under clusters in its configuration")
	case *name != "" && !slices.Contains(names, *name):
		return unknownCluster(*name, names)
	case *name != "":
		return nil
	}
	open := d.usable(e)
	switch {
	case len(names) == 1 || len(open) == 0: // the exact check refuses what is not allowed
		*name = names[0]
	case len(open) == 1:
		*name = open[0]
	default:
		return Tell(chooseCluster(e, open))
	}
	return nil
}

// usable lists the clusters on which the person may do what the command is for.
func (d Deps) usable(e *Env) []string {
	return slices.DeleteFunc(slices.Clone(d.Clusters.Names()), func(n string) bool { return !e.Allowed(e.cmd.Permission, n, "") })
}

// chooseCluster asks on which cluster to run a call, with a button for each.
func chooseCluster(e *Env, names []string) bot.Message {
	m := bot.Message{Title: "On which cluster?", Tone: bot.Warn, Private: true}
	var acts bot.Actions
	for _, n := range names {
		acts = append(acts, bot.Button{Label: "On " + n, Call: e.again(map[string]any{"cluster": n})})
	}
	m.Blocks = []bot.Block{bot.Textf("Nothing was run yet. `cluster=%s` in the command says it beforehand.", names[0]), acts}
	return m
}
