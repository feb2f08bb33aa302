package commands

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
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

// jobsPage is how many jobs a page of the list holds.
const jobsPage = 20

func flinkJobs(d Deps) *Command {
	return New(Spec{
		Path: "flink jobs", Help: "List the jobs of every cluster",
		Examples:   []string{"/flink jobs", "/flink jobs failed", "/flink jobs orders cluster=prod"},
		Permission: "job.read", Effect: Reads,
	}, func(ctx context.Context, e *Env, a jobsArgs) (bot.Message, error) {
		names := d.Clusters.Names()
		if a.Cluster != "" {
			if !slices.Contains(names, a.Cluster) {
				return bot.Message{}, unknownCluster(a.Cluster, names)
			}
			names = []string{a.Cluster}
		}
		names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !e.Allowed("job.read", n, "") })
		got, failed := each(ctx, d.Clusters, names, func(ctx context.Context, c *platform.Cluster) ([]platform.Job, error) { return c.Jobs(ctx) })
		if len(got) == 0 && len(failed) > 0 {
			return bot.Message{}, noJobs(names, failed)
		}
		return jobsMessage(e, a, names, got, failed), nil
	})
}

// noJobs says why no cluster gave its list.
func noJobs(names []string, failed map[string]error) error {
	var silent []string
	for _, n := range names {
		if platform.KindOf(failed[n]) != platform.Unavailable {
			return failed[n]
		}
		silent = append(silent, n)
	}
	return platform.Errorf(platform.Unavailable, "", "%s; nothing was changed, try again in a moment", dontAnswer(silent))
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
		return cmp.Or(cmp.Compare(urgency(x.job), urgency(y.job)), y.job.Start.Compare(x.job.Start))
	})
	m := bot.Message{Title: count(live, "live job"), Tone: bot.Plain}
	if sick > 0 {
		m.Title, m.Tone = fmt.Sprintf("%s, %d not healthy", m.Title, sick), bot.Warn
	}
	for _, n := range names {
		if err := failed[n]; err != nil {
			m.Tone = bot.Warn
			m.Blocks = append(m.Blocks, bot.Textf("**%s**: %s", n, saidOf(err)))
		}
	}
	if len(all) == 0 {
		text := "No jobs yet. `/flink sql` opens an editor to submit one."
		if a.Filter != "" {
			text = "No job matches. `/flink jobs` without a filter lists all."
		}
		m.Blocks = append(m.Blocks, bot.Textf(text))
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
func urgency(j platform.Job) int {
	switch {
	case j.State == platform.Failed && time.Since(j.End) < 24*time.Hour, !j.State.Terminal() && !j.Healthy():
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
	case j.State == platform.Running && !j.Healthy(), j.State == platform.Created:
		return "▲ " + string(j.State) + ", waiting"
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

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// saidOf is an error in one line, as people are told it.
func saidOf(err error) string {
	for _, b := range Explain(err).Blocks {
		if t, ok := b.(bot.Text); ok {
			return topLine(t.Plain())
		}
	}
	return "it did not work"
}

func topLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
