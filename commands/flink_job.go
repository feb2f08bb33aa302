package commands

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/ops"
)

type jobArgs struct {
	Job platform.JobRef `json:"job" help:"the job, as NAME or CLUSTER/NAME" complete:"job"`
}

func flinkJob(d Deps) *Command {
	return New(Spec{
		Path: "flink job", Help: "Show one job: state, vertices, checkpoints, last exception",
		Examples:   []string{"/flink job orders", "/flink job prod/orders"},
		Permission: "job.read", Effect: Reads,
		Resolve: ResolveJobs(d.findJob),
	}, func(ctx context.Context, e *Env, a jobArgs) (bot.Message, error) {
		c, j, err := d.lookUp(ctx, a.Job)
		if platform.KindOf(err) == platform.NotFound {
			if k, ok := d.remembered(ctx, []string{a.Job.Cluster}, a.Job.Job); ok {
				return forgottenJob(e, k), nil
			}
		}
		if err != nil {
			return bot.Message{}, err
		}
		r := readJob(ctx, c, j.ID)
		r.changes = d.changes(ctx, c.Name, j)
		return jobMessage(e, a.Job, j, d.knownAs(ctx, c.Name, j), r), nil
	})
}

// jobReads are the optional looks at a job; an error leaves its part out and says so.
type jobReads struct {
	checkpoints platform.Checkpoints
	cpErr       error
	exceptions  []platform.Exception
	exErr       error
	changes     []ops.Change // through drey, the newest first
}

// changesSince is how far back a change of a job is worth a word.
const changesSince = 7 * 24 * time.Hour

// changes are what drey did to a job of late; the card of a job goes without when the store does not tell.
func (d Deps) changes(ctx context.Context, cluster string, j platform.Job) []ops.Change {
	list, err := d.Ops.Recent(ctx, ops.Target{Cluster: cluster, Name: j.Name, JobID: j.ID}, time.Now().Add(-changesSince))
	if err != nil {
		return nil
	}
	return list
}

// changeText is one change: "scaled 2 → 4 by Olga, 12 min ago: failed".
func changeText(now time.Time, c ops.Change) string {
	s := c.Line
	if c.By != "" {
		s += " by " + c.By
	}
	s += ", " + ago(now, c.At)
	switch c.Outcome {
	case "done":
		return s
	case "":
		return s + ", under way"
	}
	return s + ": " + c.Outcome
}

// readJob asks for everything at once: a slow cluster makes the answer late only once.
func readJob(ctx context.Context, c *platform.Cluster, id platform.JobID) (r jobReads) {
	var wg sync.WaitGroup
	wg.Go(func() { r.checkpoints, r.cpErr = c.Checkpoints(ctx, id) })
	wg.Go(func() { r.exceptions, r.exErr = c.Exceptions(ctx, id, 1) })
	wg.Wait()
	return r
}

// knownAs is what the registry holds of this very job, and nothing of a namesake's.
func (d Deps) knownAs(ctx context.Context, cluster string, j platform.Job) ops.Known {
	k, err := d.Ops.Known(ctx, ops.Target{Cluster: cluster, Name: j.Name, JobID: j.ID})
	if err != nil || k.Current != j.ID && !slices.ContainsFunc(k.Past, func(r ops.Run) bool { return r.JobID == j.ID }) {
		return ops.Known{}
	}
	return k
}

func jobMessage(e *Env, ref platform.JobRef, j platform.Job, known ops.Known, r jobReads) bot.Message {
	m := bot.Message{Title: ref.Cluster + "/" + j.Name, Tone: jobTone(j)}
	facts := bot.Fields{
		bot.F("State", stateWord(j)),
		bot.F("Since", stamp(firstTime(j.End, j.Start))),
		bot.F("Tasks", fmt.Sprintf("%d of %d running", j.Tasks.Running, j.Tasks.Total)),
	}
	if j.Restarts >= 0 {
		facts = append(facts, bot.F("Restarts", j.Restarts))
	}
	facts = append(facts, checkpointFacts(e.Now, r)...)
	if j.Parallelism > 0 {
		facts = append(facts, bot.F("Parallelism", parallelism(j)))
	}
	if known.Owner != "" {
		facts = append(facts, bot.F("Submitted by", known.Owner))
	}
	if s, ok := known.Newest(); ok {
		facts = append(facts, bot.F("Newest restore point", string(s.Kind)+", "+ago(e.Now, s.At)))
	}
	if len(r.changes) > 0 {
		facts = append(facts, bot.F("Last change", changeText(e.Now, r.changes[0])))
	}
	m.Blocks = append(m.Blocks, facts)
	if len(r.exceptions) > 0 {
		x := r.exceptions[0]
		m.Blocks = append(m.Blocks, bot.Textf("**Last exception**, %s: %s", ago(e.Now, x.At), clip(x.Root, 300)))
	}
	if t, ok := vertices(j); ok {
		m.Blocks = append(m.Blocks, t)
	}
	if r.cpErr != nil || r.exErr != nil {
		m.Blocks = append(m.Blocks, bot.Notef("The cluster did not tell everything in time; this is what is known."))
	}
	m.Blocks = append(m.Blocks, bot.Notef("Job id `%s`", j.ID), jobButtons(e, ref, j, known))
	m.Fallback = fmt.Sprintf("Job %s/%s is %s.", ref.Cluster, j.Name, j.State)
	return m
}

func jobTone(j platform.Job) bot.Tone {
	switch {
	case j.State == platform.Failed:
		return bot.Bad
	case j.State.Terminal():
		return bot.Muted
	case j.Healthy():
		return bot.Good
	}
	return bot.Warn
}

func parallelism(j platform.Job) string {
	s := fmt.Sprint(j.Parallelism)
	if j.MaxParallelism > 0 {
		s += fmt.Sprintf(" (at most %d)", j.MaxParallelism)
	}
	return s
}

func checkpointFacts(now time.Time, r jobReads) []bot.Field {
	if r.cpErr != nil {
		return nil
	}
	c := r.checkpoints
	var out []bot.Field
	switch {
	case c.Latest != nil:
		out = append(out, bot.F("Last checkpoint", fmt.Sprintf("%s, %s in %s", ago(now, c.Latest.At), size(c.Latest.Size), span(c.Latest.Duration))))
	case c.Interval == 0:
		out = append(out, bot.F("Checkpoints", "off: a restart begins afresh"))
	default:
		out = append(out, bot.F("Checkpoints", "none completed yet"))
	}
	if c.Failed > 0 {
		out = append(out, bot.F("Failed checkpoints", c.Failed))
	}
	return out
}

func vertices(j platform.Job) (bot.Table, bool) {
	t := bot.Table{Columns: []string{"Vertex", "State", "Parallelism", "Records in", "Records out", "Busy", "Backpressure"}, Numeric: []bool{false, false, true, true, true, true, true}}
	for _, v := range j.Vertices {
		t.Rows = append(t.Rows, []string{clip(v.Name, 60), string(v.State), fmt.Sprint(v.Parallelism), amount(v.ReadRecords), amount(v.WriteRecords), percent(v.Busy), percent(v.Backpressured)})
	}
	return t, len(t.Rows) > 0
}

// jobButtons are the commands that can work for this job in this state and that the person may use.
func jobButtons(e *Env, ref platform.JobRef, j platform.Job, known ops.Known) bot.Actions {
	var acts bot.Actions
	may := func(perm string) bool { return e.Allowed(perm, ref.Cluster, ref.Job) } // as the press will be judged
	if j.Healthy() && may("savepoint.create") {
		acts = append(acts, Button("Savepoint", "flink savepoint", savepointArgs{Job: ref}))
	}
	if !j.State.Terminal() && may("job.scale") {
		acts = append(acts, bot.Button{Label: "Scale…", Call: CallOf("flink scale", scaleArgs{Job: ref}), Opens: true})
	}
	if known.Source != nil && may("job.restart") {
		acts = append(acts, bot.Button{Label: "Restart…", Call: CallOf("flink restart", restartArgs{Job: ref}), Opens: true})
	}
	if !j.State.Terminal() && may("job.stop") {
		acts = append(acts, bot.Button{Label: "Stop…", Style: bot.Danger, Call: CallOf("flink stop", stopArgs{Job: ref}), Opens: true})
	}
	return append(acts, Button("Diagnose", "flink diagnose", jobArgs{Job: ref}), Button("Errors", "flink errors", jobArgs{Job: ref}), Button("Refresh", "flink job", jobArgs{Job: ref}))
}

// forgottenJob shows a job that its cluster does not know any more: it was restarted without high availability, or the job
// ended long ago.
func forgottenJob(e *Env, k ops.Known) bot.Message {
	ref := platform.JobRef{Cluster: k.Cluster, Job: k.Name}
	m := bot.Message{Title: ref.String(), Tone: bot.Muted}
	text := bot.Textf("The cluster does not know this job any more. It may have ended long ago, or the cluster was restarted and lost its jobs.")
	facts := bot.Fields{bot.F("Last known id", bot.Span{Text: string(k.Current), Code: true}), bot.F("Last change", stamp(k.UpdatedAt))}
	if s, ok := k.Newest(); ok {
		facts = append(facts, bot.F("Newest restore point", fmt.Sprintf("%s, %s", s.Kind, ago(e.Now, s.At))))
	}
	m.Blocks = append(m.Blocks, text, facts)
	if k.Source != nil && e.Allowed("job.restart", k.Cluster, k.Name) {
		m.Blocks = append(m.Blocks, bot.Actions{{Label: "Restart…", Call: CallOf("flink restart", restartArgs{Job: ref}), Opens: true}})
	}
	return m
}
