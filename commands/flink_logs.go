package commands

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// logTail is how much of the end of each log is read.
const logTail = 200 << 10

func flinkLogs(d Deps) *Command {
	return New(Spec{
		Path: "flink logs", Help: "Show the end of a job's logs: root cause first, then the lines that matter",
		Examples:   []string{"/flink logs orders"},
		Permission: "job.read", Effect: Reads,
		Resolve: ResolveJobs(d.findJob),
	}, func(ctx context.Context, e *Env, a jobArgs) (bot.Message, error) {
		c, j, err := d.lookUp(ctx, a.Job)
		if err != nil {
			return bot.Message{}, err
		}
		var exs []platform.Exception
		var exErr, logErr error
		var logs []platform.Log
		var wg sync.WaitGroup
		wg.Go(func() { exs, exErr = c.Exceptions(ctx, j.ID, 1) })
		wg.Go(func() { logs, logErr = c.Logs(ctx, j.ID, logTail) })
		wg.Wait()
		if logErr != nil {
			return bot.Message{}, logErr
		}
		m := bot.Message{Title: "Logs of " + a.Job.Cluster + "/" + j.Name, Tone: jobTone(j)}
		m.Blocks = append(m.Blocks, lastFailure(e, j, exs, exErr)...)
		m.Blocks = append(m.Blocks, logBlocks(e, a.Job.Cluster, j, logs)...)
		m.Blocks = append(m.Blocks, bot.Actions{Button("Errors", "flink errors", a), Button("Show job", "flink job", a)})
		return m, nil
	})
}

// lastFailure says in a line why the job failed last.
func lastFailure(e *Env, j platform.Job, exs []platform.Exception, err error) []bot.Block {
	switch {
	case err != nil:
		return []bot.Block{bot.Notef("The cluster did not say in time why the job failed last.")}
	case len(exs) == 0:
		return []bot.Block{bot.Textf("Flink keeps no exception of this job. It is %s.", j.State)}
	}
	x := exs[0]
	text := bot.Textf("**%s**, %s", clip(x.Root, 500), ago(e.Now, x.At))
	if x.Task != "" {
		text = bot.Textf("**%s**, %s, in task %s", clip(x.Root, 500), ago(e.Now, x.At), clip(x.Task, 200))
	}
	return []bot.Block{text}
}

// logBlocks shows of each log what matters for the job. The logs belong to the cluster and tell of its other jobs as well:
// who may not read those sees only the lines that name this one.
func logBlocks(e *Env, cluster string, j platform.Job, logs []platform.Log) []bot.Block {
	all := e.Allowed("job.read", cluster, "")
	var out []bot.Block
	var files []bot.Block
	for _, l := range logs {
		source := Redact(l.Source)
		if l.Missed != "" {
			out = append(out, bot.Notef("%s: %s.", source, Redact(l.Missed)))
			continue
		}
		tail := Redact(l.Tail)
		lines := matter(tail, j.ID, all)
		if len(lines) == 0 {
			out = append(out, bot.Notef("%s: nothing of this job in the last %s of its log.", source, size(int64(len(l.Tail)))))
			continue
		}
		shown := fitting(lines)
		what := "errors, warnings and what names the job"
		if !all {
			what = "what names the job"
		}
		out = append(out, bot.Textf("**%s**, %s:", source, what), bot.Code{Body: strings.Join(shown, "\n")})
		if n := len(lines) - len(shown); n > 0 {
			out = append(out, bot.Notef("The last %d of %d such lines in the last %s of %s.", len(shown), len(lines), size(int64(len(l.Tail))), size(l.Size)))
		}
		body := tail
		if !all {
			body = strings.Join(lines, "\n")
		}
		files = append(files, bot.File{Name: fileName(j.Name+"-"+strings.ReplaceAll(source, " ", "-")) + ".log", MIME: "text/plain", Data: []byte(body)})
	}
	if len(logs) == 0 {
		out = append(out, bot.Notef("%s", fmt.Sprintf("The cluster gave no log of %s.", j.Name)))
	}
	return append(out, files...)
}
