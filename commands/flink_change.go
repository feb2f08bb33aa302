package commands

import (
	"context"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/ops"
)

// change starts what req makes of the job that ref names.
func (d Deps) change(ctx context.Context, e *Env, ref platform.JobRef, req func(t ops.Target) ops.Request) (bot.Message, error) {
	t, err := d.target(ctx, ref)
	if err != nil {
		return bot.Message{}, err
	}
	return d.start(ctx, e, req(t))
}

type savepointArgs struct {
	Job       platform.JobRef `json:"job" help:"the job, as NAME or CLUSTER/NAME" complete:"job"`
	Canonical bool            `json:"canonical" help:"write the portable format; the default is the native one, which every job survives"`
}

func flinkSavepoint(d Deps) *Command {
	return New(Spec{
		Path: "flink savepoint", Help: "Write a savepoint of a running job",
		Examples:   []string{"/flink savepoint orders", "/flink savepoint prod/orders canonical=true"},
		Permission: "savepoint.create", Effect: Changes, Op: platform.OpSavepoint,
		Resolve:  ResolveJobs(d.findJob),
		Shortcut: &bot.Shortcut{Label: "Savepoint"},
	}, func(ctx context.Context, e *Env, a savepointArgs) (bot.Message, error) {
		return d.change(ctx, e, a.Job, func(t ops.Target) ops.Request { return ops.Savepoint{Job: t, Canonical: a.Canonical} })
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
		return d.change(ctx, e, a.Job, func(t ops.Target) ops.Request { return ops.Stop{Job: t, Drain: a.Drain} })
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
				Intro: bot.Textf("**No savepoint is taken.** %s. To keep the state, use `/flink stop` instead.", upperFirst(p.Safety))}, nil
		}),
	}, func(ctx context.Context, e *Env, a jobArgs) (bot.Message, error) {
		return d.change(ctx, e, a.Job, func(t ops.Target) ops.Request { return ops.Cancel{Job: t} })
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
		return d.change(ctx, e, a.Job, func(t ops.Target) ops.Request { return ops.Scale{Job: t, Parallelism: a.Parallelism, Vertex: a.Vertex} })
	})
}

type restartArgs struct {
	Job       platform.JobRef `json:"job" help:"the job, as NAME or CLUSTER/NAME" complete:"job"`
	Savepoint string          `json:"savepoint" help:"path of a savepoint or checkpoint; the default is the newest" complete:"savepoint" optional:"true"`
	Fresh     bool            `json:"fresh" help:"start without any state"`
}

func flinkRestart(d Deps) *Command {
	return New(Spec{
		Path: "flink restart", Help: "Restart a job from its newest savepoint",
		Examples:   []string{"/flink restart orders", "/flink restart orders savepoint=s3://bucket/savepoint-1"},
		Permission: "job.restart", Effect: Changes, Op: platform.OpSubmitSQL,
		Resolve: ResolveJobs(d.findJob),
	}, func(ctx context.Context, e *Env, a restartArgs) (bot.Message, error) {
		return d.change(ctx, e, a.Job, func(t ops.Target) ops.Request { return ops.Restart{Job: t, Savepoint: a.Savepoint, Fresh: a.Fresh} })
	})
}
