package commands

import (
	"context"
	"errors"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/ops"
	"github.com/drey-ops/drey/storage"
)

type opArgs struct {
	ID string `json:"id" help:"the operation's short id, as its card shows it" complete:"operation"`
}

type operationsArgs struct {
	All bool `json:"all" help:"also those that have ended long ago"`
}

func dreyOperations(d Deps) *Command {
	return New(Spec{
		Path: "drey operations", Help: "List the operations under way and the newest that ended",
		Examples:   []string{"/drey operations"},
		Permission: "operation.read", Effect: Reads,
	}, func(ctx context.Context, e *Env, a operationsArgs) (bot.Message, error) {
		most := 20
		if a.All {
			most = 200
		}
		list, err := d.Ops.List(ctx, most)
		if err != nil {
			return bot.Message{}, err
		}
		m := bot.Message{}
		t := bot.Table{Columns: []string{"Id", "Operation", "Job", "State", "By", "Started"}}
		live := 0
		var acts bot.Actions
		for _, op := range list {
			if !e.Allowed("operation.read", op.Cluster, op.Job) {
				continue
			}
			if !op.Status.Final() {
				live++
				if len(acts) < 4 {
					acts = append(acts, Button("Show "+op.Short, "drey operation", opArgs{ID: op.Short}))
				}
			}
			t.Rows = append(t.Rows, []string{op.Short, op.Title, jobOf(op), opWord(op), op.By, ago(e.Now, op.Started)})
		}
		m.Title = count(live, "operation") + " under way"
		if len(t.Rows) == 0 {
			m.Blocks = []bot.Block{bot.Textf("No operation was started yet.")}
			return m, nil
		}
		m.Blocks = []bot.Block{t}
		if len(acts) > 0 {
			m.Blocks = append(m.Blocks, acts)
		}
		return m, nil
	})
}

// operation finds an operation the person may see; one they may not see is not there for them.
func (d Deps) operation(ctx context.Context, e *Env, id, perm string) (ops.Operation, error) {
	op, err := d.Ops.ByShort(ctx, id)
	if err != nil {
		if errors.Is(err, storage.ErrNotFound) {
			err = platform.Errorf(platform.NotFound, "", "there is no operation %q; /drey operations lists them", clip(id, 20))
		}
		return op, err
	}
	return op, e.demand(ctx, perm, op.Cluster, op.Job)
}

func dreyOperation(d Deps) *Command {
	return New(Spec{
		Path: "drey operation", Help: "Show one operation with its story",
		Examples:   []string{"/drey operation 7f3k2a"},
		Permission: "operation.read", Effect: Reads,
	}, func(ctx context.Context, e *Env, a opArgs) (bot.Message, error) {
		op, err := d.operation(ctx, e, a.ID, "operation.read")
		if err != nil {
			return bot.Message{}, err
		}
		m := OpCard(op)
		t := bot.Table{Columns: []string{"When", "What"}}
		for _, b := range op.Story {
			t.Rows = append(t.Rows, []string{b.At.UTC().Format("15:04:05"), b.Text})
		}
		if len(t.Rows) > 0 {
			t.Foot = "Times in UTC"
			m.Blocks = append(m.Blocks[:len(m.Blocks):len(m.Blocks)], t)
		}
		return m, nil
	})
}

type opCancelArgs struct {
	ID  string `json:"id" help:"the operation's short id" complete:"operation"`
	Why string `json:"why" help:"the reason, for the record" rest:"true" optional:"true"`
}

func dreyOperationCancel(d Deps) *Command {
	return New(Spec{
		Path: "drey operation cancel", Help: "Turn an operation back at its next safe point",
		Examples:   []string{"/drey operation cancel 7f3k2a wrong job"},
		Permission: "operation.cancel", Effect: Changes,
	}, func(ctx context.Context, e *Env, a opCancelArgs) (bot.Message, error) {
		op, err := d.operation(ctx, e, a.ID, "operation.cancel")
		if err != nil {
			return bot.Message{}, err
		}
		if op.Status.Final() {
			return bot.Message{Title: "Already ended", Tone: bot.Muted, Private: true, Blocks: []bot.Block{bot.Textf("Operation `%s` on **%s** has ended: %s. %s", op.Short, jobOf(op), opWord(op), op.Note)}}, nil
		}
		if err := d.Ops.Cancel(ctx, op.ID, firstOf(a.Why, "asked by "+e.Actor.ID)); err != nil {
			return bot.Message{}, err
		}
		return bot.Message{Title: "Asked to turn back", Tone: bot.Busy, Private: true, Blocks: []bot.Block{bot.Textf("Operation `%s` on **%s** turns back at its next safe point; its card says when, and what stays.", op.Short, jobOf(op))}}, nil
	})
}

func dreyOperationResume(d Deps) *Command {
	return New(Spec{
		Path: "drey operation resume", Help: "Let a stuck operation try again",
		Examples:   []string{"/drey operation resume 7f3k2a"},
		Permission: "operation.cancel", Effect: Changes,
	}, func(ctx context.Context, e *Env, a opArgs) (bot.Message, error) {
		op, err := d.operation(ctx, e, a.ID, "operation.cancel")
		if err != nil {
			return bot.Message{}, err
		}
		if err := d.Ops.Resume(ctx, op.ID); err != nil {
			return bot.Message{}, err
		}
		return bot.Message{Title: "Trying again", Tone: bot.Busy, Private: true, Blocks: []bot.Block{bot.Textf("Operation `%s` on **%s** goes on from the step it was stuck in.", op.Short, jobOf(op))}}, nil
	})
}

func dreyStatus(d Deps) *Command {
	return New(Spec{
		Path: "drey status", Help: "Show how drey itself is: store, clusters, outbox",
		Examples:   []string{"/drey status"},
		Permission: "operation.read", Effect: Reads,
	}, func(ctx context.Context, _ *Env, _ struct{}) (bot.Message, error) {
		return bot.Message{Title: "drey is up", Tone: bot.Good, Blocks: []bot.Block{bot.Fields(d.Status(ctx))}}, nil
	})
}
