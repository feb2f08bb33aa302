package commands

import (
	"context"
	"fmt"

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

func (a stopArgs) ref() platform.JobRef             { return a.Job }
func (a stopArgs) request(t ops.Target) ops.Request { return ops.Stop{Job: t, Drain: a.Drain} }
func (a stopArgs) question(name string) Confirmation {
	if a.Drain {
		return Confirmation{Title: "Drain and stop " + name + "?", Submit: "Drain and stop", Danger: true}
	}
	return Confirmation{Title: "Stop " + name + "?", Submit: "Stop the job", Danger: true}
}

func flinkStop(d Deps) *Command {
	return New(Spec{
		Path: "flink stop", Help: "Stop a job with a savepoint",
		Examples:   []string{"/flink stop orders", "/flink stop orders drain=true"},
		Permission: "job.stop", Effect: Changes, Op: platform.OpStop,
		Resolve: ResolveJobs(d.findJob), Warn: asksFirst[stopArgs](d),
	}, func(ctx context.Context, e *Env, a stopArgs) (bot.Message, error) {
		return d.change(ctx, e, a.Job, a.request)
	})
}

type cancelArgs struct{ jobArgs }

func (a cancelArgs) ref() platform.JobRef             { return a.Job }
func (a cancelArgs) request(t ops.Target) ops.Request { return ops.Cancel{Job: t} }
func (a cancelArgs) question(name string) Confirmation {
	return Confirmation{
		Title: "Cancel " + name + "?", Submit: "Cancel the job", Danger: true,
		Intro: bot.Textf("To keep the state, use `/flink stop` instead."),
	}
}

func flinkCancel(d Deps) *Command {
	return New(Spec{
		Path: "flink cancel", Help: "Cancel a job without a savepoint",
		Examples:   []string{"/flink cancel orders"},
		Permission: "job.cancel", Effect: Destroys, Op: platform.OpCancel,
		Resolve: ResolveJobs(d.findJob), Warn: asksFirst[cancelArgs](d),
	}, func(ctx context.Context, e *Env, a cancelArgs) (bot.Message, error) {
		return d.change(ctx, e, a.Job, a.request)
	})
}

type scaleArgs struct {
	Job         platform.JobRef `json:"job" help:"the job, as NAME or CLUSTER/NAME" complete:"job"`
	Parallelism int             `json:"parallelism" help:"the new parallelism" min:"1" max:"32768"`
	Vertex      string          `json:"vertex" help:"id or name of one vertex; the default is all" optional:"true"`
}

func (a scaleArgs) ref() platform.JobRef { return a.Job }
func (a scaleArgs) request(t ops.Target) ops.Request {
	return ops.Scale{Job: t, Parallelism: a.Parallelism, Vertex: a.Vertex}
}
func (a scaleArgs) question(name string) Confirmation {
	return Confirmation{Title: fmt.Sprintf("Scale %s to %d?", name, a.Parallelism), Submit: fmt.Sprintf("Scale to %d", a.Parallelism)}
}

func flinkScale(d Deps) *Command {
	return New(Spec{
		Path: "flink scale", Help: "Change the parallelism of a job",
		Examples:   []string{"/flink scale orders 4"},
		Permission: "job.scale", Effect: Changes, Op: platform.OpRescale,
		Resolve: ResolveJobs(d.findJob), Warn: asksFirst[scaleArgs](d),
	}, func(ctx context.Context, e *Env, a scaleArgs) (bot.Message, error) {
		return d.change(ctx, e, a.Job, a.request)
	})
}

type restartArgs struct {
	Job       platform.JobRef `json:"job" help:"the job, as NAME or CLUSTER/NAME" complete:"job"`
	Savepoint string          `json:"savepoint" help:"path of a savepoint or checkpoint; the default is the newest" complete:"savepoint" optional:"true"`
	Fresh     bool            `json:"fresh" help:"start without any state"`
}

func (a restartArgs) ref() platform.JobRef { return a.Job }
func (a restartArgs) request(t ops.Target) ops.Request {
	return ops.Restart{Job: t, Savepoint: a.Savepoint, Fresh: a.Fresh}
}
func (a restartArgs) question(name string) Confirmation {
	c := Confirmation{Title: "Restart " + name + "?", Submit: "Restart the job"}
	switch {
	case a.Fresh:
		c.Title, c.Submit, c.Danger = "Restart "+name+" without state?", "Restart without state", true
	case a.Savepoint != "":
		c.Intro = bot.Textf("Restore point: `%s`", a.Savepoint)
	}
	return c
}

func flinkRestart(d Deps) *Command {
	return New(Spec{
		Path: "flink restart", Help: "Restart a job from its newest savepoint",
		Examples:   []string{"/flink restart orders", "/flink restart orders savepoint=s3://bucket/savepoint-1"},
		Permission: "job.restart", Effect: Changes, Op: platform.OpSubmitSQL,
		Resolve: ResolveJobs(d.findJob), Warn: asksFirst[restartArgs](d),
	}, func(ctx context.Context, e *Env, a restartArgs) (bot.Message, error) {
		return d.change(ctx, e, a.Job, a.request)
	})
}
