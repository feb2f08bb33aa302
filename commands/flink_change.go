package commands

import (
	"context"
	"fmt"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/ops"
)

type savepointArgs struct {
	Job       platform.JobRef `json:"job" help:"the job, as NAME or CLUSTER/NAME" complete:"job"`
	Canonical bool            `json:"canonical" help:"write the portable format; the default is the native one, which every job survives"`
}

func flinkSavepoint(d Deps) *Command {
	return New(Spec{
		Path: "flink savepoint", Help: "Write a savepoint of a running job",
		Examples:   []string{"/flink savepoint orders", "/flink savepoint prod/orders canonical=true"},
		Permission: "savepoint.create", Effect: Changes, Op: platform.OpSavepoint,
		Resolve: ResolveJobs(d.findJob),
	}, func(ctx context.Context, e *Env, a savepointArgs) (bot.Message, error) {
		t, err := d.target(ctx, a.Job)
		if err != nil {
			return bot.Message{}, err
		}
		return d.start(ctx, e, ops.Savepoint{Job: t, Canonical: a.Canonical})
	})
}

type stopArgs struct {
	Job   platform.JobRef `json:"job" help:"the job, as NAME or CLUSTER/NAME" complete:"job"`
	Drain bool            `json:"drain" help:"also send the last watermark: the job is not meant to be resumed"`
}

func flinkStop(d Deps) *Command {
	return New(Spec{
		Path: "flink stop", Help: "Stop a job with a savepoint",
		Examples:   []string{"/flink stop orders", "/flink stop orders drain=true"},
		Permission: "job.stop", Effect: Changes, Op: platform.OpStop,
		Resolve: ResolveJobs(d.findJob),
	}, func(ctx context.Context, e *Env, a stopArgs) (bot.Message, error) {
		t, err := d.target(ctx, a.Job)
		if err != nil {
			return bot.Message{}, err
		}
		return d.start(ctx, e, ops.Stop{Job: t, Drain: a.Drain})
	})
}

func flinkCancel(d Deps) *Command {
	return New(Spec{
		Path: "flink cancel", Help: "Cancel a job without a savepoint",
		Examples:   []string{"/flink cancel orders"},
		Permission: "job.cancel", Effect: Destroys, Op: platform.OpCancel,
		Resolve: ResolveJobs(d.findJob),
		Warn: WarnArgs(func(ctx context.Context, _ *Env, a jobArgs) (Confirmation, error) {
			t, err := d.target(ctx, a.Job)
			if err != nil {
				return Confirmation{}, err
			}
			p, err := d.Ops.Check(ctx, ops.Cancel{Job: t})
			if err != nil {
				return Confirmation{}, err
			}
			return Confirmation{Word: t.Name, Title: "Cancel " + t.String() + "?", Submit: "Cancel the job",
				Intro: bot.Textf("**No savepoint is taken.** What the job did since its last checkpoint is lost to a restart, or read again. %s", p.Safety)}, nil
		}),
	}, func(ctx context.Context, e *Env, a jobArgs) (bot.Message, error) {
		t, err := d.target(ctx, a.Job)
		if err != nil {
			return bot.Message{}, err
		}
		return d.start(ctx, e, ops.Cancel{Job: t})
	})
}

type scaleArgs struct {
	Job         platform.JobRef `json:"job" help:"the job, as NAME or CLUSTER/NAME" complete:"job"`
	Parallelism int             `json:"parallelism" help:"the new parallelism" min:"1" max:"32768"`
	Vertex      string          `json:"vertex" help:"id or name of one vertex; the default is all" optional:"true"`
}

func flinkScale(d Deps) *Command {
	return New(Spec{
		Path: "flink scale", Help: "Change the parallelism of a job",
		Examples:   []string{"/flink scale orders 4"},
		Permission: "job.scale", Effect: Changes, Op: platform.OpRescale,
		Resolve: ResolveJobs(d.findJob),
	}, func(ctx context.Context, e *Env, a scaleArgs) (bot.Message, error) {
		t, err := d.target(ctx, a.Job)
		if err != nil {
			return bot.Message{}, err
		}
		return d.start(ctx, e, ops.Scale{Job: t, Parallelism: a.Parallelism, Vertex: a.Vertex})
	})
}

type restartArgs struct {
	Job       platform.JobRef `json:"job" help:"the job, as NAME or CLUSTER/NAME" complete:"job"`
	Savepoint string          `json:"savepoint" help:"path of a savepoint or checkpoint; the default is the newest" optional:"true"`
	Fresh     bool            `json:"fresh" help:"start without any state"`
}

func flinkRestart(d Deps) *Command {
	return New(Spec{
		Path: "flink restart", Help: "Restart a job from its newest savepoint",
		Examples:   []string{"/flink restart orders", "/flink restart orders savepoint=s3://bucket/savepoint-1"},
		Permission: "job.restart", Effect: Changes, Op: platform.OpSubmitSQL,
		Resolve: ResolveJobs(d.findJob),
	}, func(ctx context.Context, e *Env, a restartArgs) (bot.Message, error) {
		t, err := d.target(ctx, a.Job)
		if err != nil {
			return bot.Message{}, err
		}
		return d.start(ctx, e, ops.Restart{Job: t, Savepoint: a.Savepoint, Fresh: a.Fresh})
	})
}

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
		exs, err := c.Exceptions(ctx, j.ID, 8)
		if err != nil {
			return bot.Message{}, err
		}
		return errorsMessage(e, a.Job, j, exs), nil
	})
}

func errorsMessage(e *Env, ref platform.JobRef, j platform.Job, exs []platform.Exception) bot.Message {
	name := ref.Cluster + "/" + j.Name
	if len(exs) == 0 {
		return bot.Message{Title: "No errors: " + name, Tone: bot.Good, Blocks: []bot.Block{bot.Textf("Flink keeps no exception of this job. It is %s.", j.State)}}
	}
	m := bot.Message{Title: "Errors of " + name, Tone: bot.Bad}
	m.Blocks = append(m.Blocks, bot.Textf("**%s**", clip(exs[0].Root, 500)))
	t := bot.Table{Columns: []string{"When", "Cause"}}
	for _, x := range exs {
		t.Rows = append(t.Rows, []string{ago(e.Now, x.At), clip(x.Root, 160)})
	}
	if len(t.Rows) > 1 {
		m.Blocks = append(m.Blocks, t)
	}
	if exs[0].Task != "" {
		m.Blocks = append(m.Blocks, bot.Notef("In task %s.", clip(exs[0].Task, 200)))
	}
	if exs[0].Stack != "" {
		m.Blocks = append(m.Blocks, bot.File{Name: j.Name + "-exception.txt", MIME: "text/plain", Data: []byte(exs[0].Stack)})
	}
	m.Blocks = append(m.Blocks, bot.Actions{Button("Show job", "flink job", jobArgs{Job: ref})})
	m.Fallback = fmt.Sprintf("%s failed: %s", name, clip(exs[0].Root, 300))
	return m
}
