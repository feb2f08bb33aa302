package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/ops"
	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/saga"
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
		list, err := d.Ops.List(ctx, operationsRead)
		if err != nil {
			return bot.Message{}, err
		}
		list = slices.DeleteFunc(list, func(op ops.Operation) bool { return !e.Allowed("operation.read", op.Cluster, op.Job) })
		return operationsMessage(e, list, a.All), nil
	})
}

// operationsMessage lists all that are under way, those that need a person first, and the newest that ended.
func operationsMessage(e *Env, list []ops.Operation, all bool) bot.Message {
	slices.SortStableFunc(list, func(a, b ops.Operation) int { return cmp.Compare(opRank(a), opRank(b)) })
	t := bot.Table{Columns: []string{"Operation", "Job", "State", "By", "Started", "Id"}}
	live, stuck, ended := 0, 0, 0
	var acts bot.Actions
	for _, op := range list {
		if op.Status.Final() {
			if ended++; ended > endedShown && !all || ended > endedShownAll {
				continue
			}
		} else {
			live++
			if op.Status == saga.Stuck {
				stuck++
			}
			if len(acts) < 4 {
				acts = append(acts, Button("Show "+op.Short, "drey operation", opArgs{ID: op.Short}))
			}
		}
		t.Rows = append(t.Rows, []string{op.Title, jobOf(op), opWord(op), op.By, ago(e.Now, op.Started), op.Short})
	}
	m := bot.Message{Title: count(live, "operation") + " under way"}
	switch {
	case stuck > 0:
		m.Title, m.Tone = fmt.Sprintf("%s, %d of them stuck", m.Title, stuck), bot.Warn
	case live == 0:
		m.Title = "No operation under way"
	}
	if len(t.Rows) == 0 {
		m.Blocks = []bot.Block{bot.Textf("None was started yet.")}
		return m
	}
	if ended > endedShown && !all {
		t.Foot = fmt.Sprintf("And the newest %d of %d that ended", endedShown, ended)
	}
	m.Blocks = []bot.Block{t}
	if len(acts) > 0 {
		m.Blocks = append(m.Blocks, acts)
	}
	return m
}

// How many ended operations a list shows.
const (
	endedShown    = 10
	endedShownAll = 200
	// operationsRead is how many are looked at, those that changed last: what is under way changes all the time.
	operationsRead = 400
)

func opRank(op ops.Operation) int {
	switch {
	case op.Status == saga.Stuck:
		return 0
	case !op.Status.Final():
		return 1
	}
	return 2
}

// servesOn says whether a command can work on an operation as it stands.
func servesOn(path string, op ops.Operation) bool {
	switch path {
	case "drey operation cancel":
		return !op.Status.Final()
	case "drey operation resume":
		return op.Status == saga.Stuck
	}
	return true
}

// operation finds an operation the person may see; one they may not see is not there for them.
func (d Deps) operation(ctx context.Context, e *Env, id, perm string) (ops.Operation, error) {
	op, err := d.Ops.ByShort(ctx, id)
	if errors.Is(err, storage.ErrNotFound) || err == nil && !e.Allowed("operation.read", op.Cluster, op.Job) {
		return op, platform.Errorf(platform.NotFound, "", "there is no operation %q; /drey operations lists them", clip(id, 20))
	}
	if err != nil {
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
	Why string `json:"why" help:"the reason, for the record" rest:"line" optional:"true"`
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
		if err := d.Ops.Cancel(ctx, op.ID, cmp.Or(a.Why, "asked by "+e.Actor.ID)); err != nil {
			return bot.Message{}, err
		}
		return bot.Message{Private: true, Blocks: []bot.Block{bot.Textf("Operation `%s` on **%s** turns back at its next safe point; its card says when, and what stays.", op.Short, jobOf(op))}}, nil
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
		if op.Status != saga.Stuck {
			return bot.Message{Title: "Not stuck", Tone: bot.Muted, Private: true, Blocks: []bot.Block{bot.Textf("Operation `%s` on **%s** is not stuck: %s.", op.Short, jobOf(op), strings.ToLower(opWord(op)))}}, nil
		}
		if err := d.Ops.Resume(ctx, op.ID); err != nil {
			return bot.Message{}, err
		}
		return bot.Message{Private: true, Blocks: []bot.Block{bot.Textf("Operation `%s` on **%s** goes on from the step it was stuck in; its card follows it.", op.Short, jobOf(op))}}, nil
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
