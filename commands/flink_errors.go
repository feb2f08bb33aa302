package commands

import (
	"context"
	"fmt"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// errorsMax is how many failures are looked at; Flink itself keeps 16 unless told otherwise.
const errorsMax = 16

func flinkErrors(d Deps) *Command {
	return New(Spec{
		Path: "flink errors", Help: "Show why a job failed, the newest cause first",
		Examples:   []string{"/flink errors orders"},
		Permission: "job.read", Effect: Reads,
		Resolve: ResolveJobs(d.findJob),
	}, func(ctx context.Context, e *Env, a jobArgs) (bot.Message, error) {
		c, j, err := d.lookUp(ctx, a.Job)
		if err != nil {
			return bot.Message{}, err
		}
		exs, err := c.Exceptions(ctx, j.ID, errorsMax)
		if err != nil {
			return bot.Message{}, err
		}
		return errorsMessage(e, a.Job, j, exs, d.seen(ctx, e, c.Name, j, exs)), nil
	})
}

func errorsMessage(e *Env, ref platform.JobRef, j platform.Job, exs []platform.Exception, known bot.Text) bot.Message {
	name := ref.Cluster + "/" + j.Name
	if len(exs) == 0 {
		return bot.Message{Title: "No errors: " + name, Tone: bot.Good, Blocks: []bot.Block{bot.Textf("Flink keeps no exception of this job. It is %s.", j.State)}}
	}
	newest := exs[0]
	m := bot.Message{Title: "Errors of " + name, Tone: bot.Bad, Fallback: fmt.Sprintf("%s failed: %s", name, clip(newest.Root, 300))}
	m.Blocks = append(m.Blocks, bot.Textf("**%s**", clip(newest.Root, 500)))
	causes := causesOf(exs)
	seen := "Once, " + ago(e.Now, newest.At)
	if n := causes[0].times; n > 1 {
		which := fmt.Sprintf("%d of", n)
		if n == len(exs) {
			which = "All of"
		}
		seen = fmt.Sprintf("%s the newest %d failures, the last %s", which, len(exs), ago(e.Now, newest.At))
	}
	if newest.Task != "" {
		seen += ", in task " + clip(newest.Task, 200)
	}
	m.Blocks = append(m.Blocks, bot.Textf("%s.", seen))
	if len(known.Spans) > 0 {
		m.Blocks = append(m.Blocks, known)
	}
	if len(causes) > 1 {
		t := bot.Table{Columns: []string{"Cause", "Times", "Last"}, Numeric: []bool{false, true}, Foot: fmt.Sprintf("%d causes of the newest %d failures", len(causes), len(exs))}
		for _, c := range causes {
			t.Rows = append(t.Rows, []string{clip(c.newest.Root, 160), fmt.Sprint(c.times), ago(e.Now, c.newest.At)})
		}
		m.Blocks = append(m.Blocks, t)
	}
	if newest.Stack != "" {
		m.Blocks = append(m.Blocks, bot.File{Name: fileName(j.Name) + "-exception.txt", MIME: "text/plain", Data: []byte(newest.Stack)})
	}
	m.Blocks = append(m.Blocks, bot.Actions{Button("Show job", "flink job", jobArgs{Job: ref})})
	return m
}

// cause is a root cause with how often it is among the failures.
type cause struct {
	newest platform.Exception
	times  int
}

// causesOf counts equal causes, in the order of their newest failure.
func causesOf(exs []platform.Exception) []cause {
	var out []cause
	at := map[string]int{}
	for _, x := range exs {
		i, seen := at[x.Root]
		if !seen {
			i, at[x.Root] = len(out), len(out)
			out = append(out, cause{newest: x})
		}
		out[i].times++
	}
	return out
}
