package commands

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

type jobsArgs struct {
	Filter  string `json:"filter" help:"part of a name or a state, such as orders or failed" optional:"true"`
	Cluster string `json:"cluster" help:"only this cluster" complete:"cluster" optional:"true"`
	Page    int    `json:"page" help:"which page" default:"1" min:"1"`
}

// Target implements Targeter: the list leaves out what the person may not read, cluster by cluster and job by job.
func (jobsArgs) Target() (cluster, job string) { return "", "" }

// jobsPage is how many jobs a page of the list holds.
const jobsPage = 20

func flinkJobs(d Deps) *Command {
	return New(Spec{
		Path: "flink jobs", Help: "List the jobs of every cluster",
		Examples:   []string{"/flink jobs", "/flink jobs failed", "/flink jobs orders cluster=prod"},
		Permission: "job.read", Effect: Reads,
	}, func(ctx context.Context, e *Env, a jobsArgs) (bot.Message, error) {
		names, err := d.readable(e, a.Cluster)
		if err != nil {
			return bot.Message{}, err
		}
		if a.Cluster != "" && len(names) == 0 {
			return bot.Message{}, e.demand(ctx, "job.read", a.Cluster, "")
		}
		got, failed := each(ctx, d.Clusters, names, func(ctx context.Context, c *platform.Cluster) ([]platform.Job, error) { return c.Jobs(ctx) })
		if len(got) == 0 && len(failed) > 0 {
			return bot.Message{}, noJobs(names, failed)
		}
		m := jobsMessage(e, a, names, got, failed)
		m.Instead = e.pressedWith("page")
		return m, nil
	})
}

// noJobs says why no cluster gave its list.
func noJobs(names []string, failed map[string]error) error {
	if len(names) == 1 {
		return failed[names[0]] // which says more than that it is silent
	}
	var silent []string
	for _, n := range names {
		if platform.KindOf(failed[n]) != platform.Unavailable {
			return failed[n]
		}
		silent = append(silent, n)
	}
	return platform.Errorf(platform.Unavailable, "", "%s", dontAnswer(silent))
}

func jobsMessage(e *Env, a jobsArgs, names []string, got map[string][]platform.Job, failed map[string]error) bot.Message {
	var all []found
	live, sick := 0, 0
	for _, n := range names {
		for _, j := range got[n] {
			if !e.Allowed("job.read", n, j.Name) || !fits(a.Filter, n, j) {
				continue
			}
			all = append(all, found{n, j})
			if !j.State.Terminal() {
				live++
				if !j.Healthy() {
					sick++
				}
			}
		}
	}
	slices.SortStableFunc(all, func(x, y found) int {
		return cmp.Or(cmp.Compare(urgency(e.Now, x.job), urgency(e.Now, y.job)), y.job.Start.Compare(x.job.Start), strings.Compare(x.job.Name, y.job.Name))
	})
	m := bot.Message{Title: count(live, "live job"), Tone: bot.Plain}
	if sick > 0 {
		m.Title, m.Tone = fmt.Sprintf("%s, %d not healthy", m.Title, sick), bot.Warn
	}
	for _, n := range names {
		if err := failed[n]; err != nil {
			m.Tone = bot.Warn
			m.Blocks = append(m.Blocks, bot.Textf("**%s** is left out: %s", n, saidOf(err)))
		}
	}
	if len(all) == 0 {
		text := bot.Textf("No jobs yet. `/flink sql` opens an editor to submit one.")
		switch {
		case a.Filter != "":
			text = bot.Textf("No job matches **%s**. `/flink jobs` without a filter lists all.", a.Filter)
		case len(failed) > 0:
			text = bot.Textf("The clusters that answer have no jobs.")
		}
		m.Blocks = append(m.Blocks, text)
		return m
	}
	pages := (len(all) + jobsPage - 1) / jobsPage
	page := min(a.Page, pages)
	shown := all[(page-1)*jobsPage : min(page*jobsPage, len(all))]
	m.Blocks = append(m.Blocks, jobsTable(e.Now, shown, len(names) > 1, page, pages, len(all)), jobsButtons(a, shown, page, pages))
	m.Fallback = m.Title + "."
	return m
}

func fits(filter, cluster string, j platform.Job) bool {
	f := strings.ToLower(filter)
	return f == "" || strings.Contains(strings.ToLower(cluster+"/"+j.Name), f) || strings.EqualFold(string(j.State), f) || strings.HasPrefix(string(j.ID), f)
}

// urgency sorts what needs a look before what runs, and what has ended last.
func urgency(now time.Time, j platform.Job) int {
	switch {
	case j.State == platform.Failed && now.Sub(j.End) < 24*time.Hour, !j.State.Terminal() && !j.Healthy():
		return 0
	case !j.State.Terminal():
		return 1
	}
	return 2
}

func jobsTable(now time.Time, jobs []found, withCluster bool, page, pages, total int) bot.Table {
	t := bot.Table{Columns: []string{"Job", "State", "Since", "Tasks", "Id"}, Numeric: []bool{false, false, false, true}}
	if withCluster {
		t.Columns = append([]string{"Cluster"}, t.Columns...)
		t.Numeric = append([]bool{false}, t.Numeric...)
	}
	for _, f := range jobs {
		j := f.job
		when := ago(now, j.Start)
		if j.State.Terminal() {
			when = ago(now, j.End)
		}
		row := []string{j.Name, stateWord(j), when, fmt.Sprintf("%d/%d", j.Tasks.Running, j.Tasks.Total), shortID(j.ID)}
		if withCluster {
			row = append([]string{f.cluster}, row...)
		}
		t.Rows = append(t.Rows, row)
	}
	if pages > 1 {
		t.Foot = fmt.Sprintf("Page %d of %d, %d jobs", page, pages, total)
	}
	return t
}

// stateWord is the state as people need it: a RUNNING job whose tasks wait for slots is not running.
func stateWord(j platform.Job) string {
	switch {
	case j.State == platform.Running && !j.Healthy():
		return "▲ RUNNING, not all tasks"
	case j.State == platform.Created:
		return "▲ CREATED, waiting"
	case j.State == platform.Running:
		return "● RUNNING"
	case j.State == platform.Failed:
		return "✖ FAILED"
	case j.State.Terminal():
		return "○ " + string(j.State)
	}
	return "▲ " + string(j.State)
}

func jobsButtons(a jobsArgs, shown []found, page, pages int) bot.Actions {
	var acts bot.Actions
	for _, f := range shown {
		if len(acts) == 3 {
			break
		}
		ref := platform.JobRef{Cluster: f.cluster, Job: f.job.Name}
		if sameName(shown, f) > 1 {
			ref.Job = string(f.job.ID)
		}
		acts = append(acts, Button("Show "+clip(f.job.Name, 24), "flink job", jobArgs{Job: ref}))
	}
	turn := func(label string, p int) bot.Button {
		b := a
		b.Page = p
		return Button(label, "flink jobs", b)
	}
	if page > 1 {
		acts = append(acts, turn("Previous page", page-1))
	}
	if page < pages {
		acts = append(acts, turn("Next page", page+1))
	}
	return append(acts, turn("Refresh", page))
}

func sameName(fs []found, f found) int {
	n := 0
	for _, g := range fs {
		if g.cluster == f.cluster && g.job.Name == f.job.Name {
			n++
		}
	}
	return n
}
