package commands

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/ops"
	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/saga"
)

// opMeta is what an operation remembers of the gesture that started it.
type opMeta struct {
	Actor bot.Actor `json:"actor"`
	Place bot.Place `json:"place"`
	Path  string    `json:"path"`
}

// ObserveOps returns what ops.Options.Observe wants: every change of an operation puts its newest card into the outbox,
// and its end into the audit trail, in the operation's own transaction.
func ObserveOps(out Outbox) func(tx *storage.Tx, op ops.Operation) error {
	return func(tx *storage.Tx, op ops.Operation) error {
		var m opMeta
		if err := json.Unmarshal(op.Meta, &m); err != nil {
			return fmt.Errorf("operation %s: meta: %w", op.ID, err)
		}
		if m.Place.Channel != "" {
			out.Put(tx, bot.Delivery{Key: op.ID + "/card", To: m.Place, Message: OpCard(op)})
		}
		if op.Status.Final() || op.Status == saga.Stuck {
			tx.Append(AuditLog, Entry{
				At: op.Updated, What: "operation " + string(op.Status), Actor: m.Actor.String(), Name: m.Actor.Name, Place: m.Place, Path: m.Path, Allowed: true,
				Line: op.Title + " " + jobOf(op), Cluster: op.Cluster, Job: op.Job, Note: clip(firstOf(op.Error, op.Note), 500), Event: op.ID,
			}, auditMax)
		}
		return nil
	}
}

// start starts an operation for the person of e and answers; the card that follows it is posted on its own.
func (d Deps) start(ctx context.Context, e *Env, req ops.Request) (bot.Message, error) {
	meta, err := json.Marshal(opMeta{Actor: e.Actor, Place: e.cardPlace(), Path: e.cmd.Path})
	if err != nil {
		return bot.Message{}, err
	}
	op, err := d.Ops.Start(ctx, ops.Origin{Key: e.key(), By: e.Actor.ID, Meta: meta}, req)
	if err != nil {
		return bot.Message{}, err
	}
	return bot.Message{Title: op.Title + " started", Tone: bot.Busy, Private: true, Blocks: []bot.Block{
		bot.Textf("Operation `%s` on **%s** goes on by itself. Its card in this channel follows it; `/drey operation %s` shows it again.", op.Short, jobOf(op), op.Short),
	}}, nil
}

func jobOf(op ops.Operation) string { return op.Cluster + "/" + op.Job }

// OpCard is the message that follows an operation.
func OpCard(op ops.Operation) bot.Message {
	m := bot.Message{Title: fmt.Sprintf("%s: %s", op.Title, jobOf(op)), Tone: opTone(op)}
	if op.Status == saga.Stuck || op.Status == saga.Failed || op.Status == saga.Canceled {
		m.Blocks = append(m.Blocks, bot.Textf("**%s.** %s", opWord(op), firstOf(op.Error, op.Note)))
	} else if op.Note != "" {
		m.Blocks = append(m.Blocks, bot.Textf("%s", op.Note))
	}
	var steps bot.Steps
	for _, s := range op.Steps {
		steps = append(steps, bot.StepLine{Label: s.Label, State: stepState(s.State), Note: s.Note})
	}
	if len(steps) > 0 {
		m.Blocks = append(m.Blocks, steps)
	}
	var facts bot.Fields
	if op.Result.Savepoint != "" {
		facts = append(facts, bot.F("Savepoint", bot.Span{Text: op.Result.Savepoint, Code: true}))
	}
	if op.Result.JobID != "" {
		facts = append(facts, bot.F("Job id", bot.Span{Text: string(op.Result.JobID), Code: true}))
	}
	if op.Result.Parallelism > 0 {
		facts = append(facts, bot.F("Parallelism", op.Result.Parallelism))
	}
	if op.Safety != "" && !op.Status.Final() {
		facts = append(facts, bot.F("State safety", op.Safety))
	}
	if len(facts) > 0 {
		m.Blocks = append(m.Blocks, facts)
	}
	foot := bot.Notef("Operation `%s` · %s · started %v", op.Short, firstOf(op.By, "drey"), stamp(op.Started))
	if !op.Ended.IsZero() {
		foot = bot.Notef("Operation `%s` · %s · took %s", op.Short, firstOf(op.By, "drey"), span(op.Ended.Sub(op.Started)))
	}
	m.Blocks = append(m.Blocks, foot)
	if acts := opButtons(op); len(acts) > 0 {
		m.Blocks = append(m.Blocks, acts)
	}
	m.Fallback = fmt.Sprintf("%s of %s: %s. %s", op.Title, jobOf(op), opWord(op), firstOf(op.Error, op.Note))
	return m
}

func opTone(op ops.Operation) bot.Tone {
	switch op.Status {
	case saga.Done:
		return bot.Good
	case saga.Failed:
		return bot.Bad
	case saga.Stuck:
		return bot.Warn
	case saga.Canceled:
		return bot.Muted
	default:
		return bot.Busy
	}
}

func opWord(op ops.Operation) string {
	switch op.Status {
	case saga.Done:
		return "Done"
	case saga.Failed:
		return "Failed"
	case saga.Stuck:
		return "Needs a person"
	case saga.Canceled:
		return "Cancelled"
	case saga.Waiting:
		return "Waiting"
	default:
		return "Under way"
	}
}

func stepState(s ops.StepState) bot.StepState {
	return map[ops.StepState]bot.StepState{ops.StepTodo: bot.ToDo, ops.StepDoing: bot.Doing, ops.StepDone: bot.Did, ops.StepFailed: bot.Failed, ops.StepSkipped: bot.Skipped}[s]
}

// opButtons are what a person can do next with an operation, or with the job it ended with.
func opButtons(op ops.Operation) bot.Actions {
	job := platform.JobRef{Cluster: op.Cluster, Job: op.Job}
	var acts bot.Actions
	switch {
	case op.Status == saga.Stuck:
		acts = append(acts,
			bot.Button{Label: "Try again", Style: bot.Primary, Call: CallOf("drey operation resume", opArgs{ID: op.Short})},
			bot.Button{Label: "Give up", Style: bot.Danger, Confirm: "End this operation? What it has done so far stays as it is.", Call: CallOf("drey operation cancel", opArgs{ID: op.Short})})
	case op.Status.Live() && !op.Cancel:
		acts = append(acts, bot.Button{Label: "Cancel operation", Confirm: "Turn back at the next safe point?", Call: CallOf("drey operation cancel", opArgs{ID: op.Short})})
	case op.Status == saga.Done && slices.Contains([]ops.Kind{ops.KindSubmit, ops.KindScale, ops.KindRestart, ops.KindSavepoint}, op.Kind):
		acts = append(acts, Button("Show job", "flink job", jobArgs{Job: job}))
		if op.Kind != ops.KindSavepoint {
			acts = append(acts, Button("Savepoint", "flink savepoint", savepointArgs{Job: job}))
		}
		acts = append(acts, bot.Button{Label: "Stop job", Call: CallOf("flink stop", stopArgs{Job: job}), Confirm: "Stop " + job.String() + " with a savepoint?"})
	case op.Status == saga.Done && op.Kind == ops.KindStop:
		acts = append(acts, Button("Restart from savepoint", "flink restart", restartArgs{Job: job, Savepoint: op.Result.Savepoint}))
	case op.Status == saga.Failed:
		acts = append(acts, Button("Show errors", "flink errors", jobArgs{Job: job}))
	}
	return acts
}

func firstOf(ss ...string) string {
	for _, s := range ss {
		if s != "" {
			return s
		}
	}
	return ""
}
