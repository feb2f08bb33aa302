package commands

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

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
				Line: op.Title + " " + jobOf(op), Cluster: op.Cluster, Job: op.Job, Note: clip(cmp.Or(op.Error, op.Note), 500), Event: op.ID,
			}, auditMax)
		}
		return nil
	}
}

// CardOf is where the card of an operation stands, and its key in the outbox; false when it has none.
func CardOf(op ops.Operation) (at bot.Place, key string, ok bool) {
	var m opMeta
	if err := json.Unmarshal(op.Meta, &m); err != nil || m.Place.Channel == "" {
		return bot.Place{}, "", false
	}
	return m.Place, op.ID + "/card", true
}

// start starts an operation for the person of e and answers; the card that follows it is posted on its own.
func (d Deps) start(ctx context.Context, e *Env, req ops.Request) (bot.Message, error) {
	meta, err := json.Marshal(opMeta{Actor: e.Actor, Place: e.cardPlace(), Path: e.cmd.Path})
	if err != nil {
		return bot.Message{}, err
	}
	op, err := d.Ops.Start(ctx, ops.Origin{Key: e.key(), By: cmp.Or(e.Actor.Name, e.Actor.ID), Meta: meta}, req)
	if err != nil {
		return bot.Message{}, err
	}
	// One line, since the card says the rest to everybody.
	return bot.Message{Private: true, Blocks: []bot.Block{
		bot.Textf("Started: **%s** of **%s**, operation `%s`. Its card follows it.", op.Title, jobOf(op), op.Short),
	}}, nil
}

func jobOf(op ops.Operation) string { return op.Cluster + "/" + op.Job }

// OpCard is the message that follows an operation.
func OpCard(op ops.Operation) bot.Message {
	m := bot.Message{Title: fmt.Sprintf("%s: %s", op.Title, jobOf(op)), Tone: opTone(op), State: opState(op), Closed: op.Status.Final()}
	said := cmp.Or(op.Error, op.Note)
	switch op.Status {
	case saga.Stuck, saga.Failed, saga.Canceled:
		m.Blocks = append(m.Blocks, bot.Textf("**%s.** %v", opWord(op), withPath(upperFirst(said), op.Result.Savepoint)))
	default:
		if said = op.Note; said != "" {
			m.Blocks = append(m.Blocks, withPath(upperFirst(said), op.Result.Savepoint))
		}
	}
	if steps := opSteps(op); len(steps) > 0 {
		m.Blocks = append(m.Blocks, steps)
	}
	if p := op.Result.Savepoint; p != "" && !strings.Contains(said, p) {
		m.Blocks = append(m.Blocks, bot.Textf("Savepoint: `%s`", p))
	}
	if n := op.Result.Parallelism; n > 0 && !strings.Contains(said, fmt.Sprintf("parallelism %d", n)) {
		m.Blocks = append(m.Blocks, bot.Textf("Parallelism: %d", n))
	}
	if op.Safety != "" && !op.Status.Final() {
		m.Blocks = append(m.Blocks, bot.Notef("%s.", upperFirst(op.Safety)))
	}
	m.Blocks = append(m.Blocks, opFoot(op))
	if acts := opButtons(op); len(acts) > 0 {
		m.Blocks = append(m.Blocks, acts)
	}
	m.Fallback = fmt.Sprintf("%s of %s: %s. %s", op.Title, jobOf(op), opWord(op), cmp.Or(op.Error, op.Note))
	return m
}

// withPath is a sentence with the path in it set apart, so that it can be read and copied.
func withPath(s, path string) bot.Text {
	before, after, ok := strings.Cut(s, path)
	if path == "" || !ok {
		return bot.Textf("%s", s)
	}
	return bot.Textf("%s%v%s", before, bot.Span{Text: path, Code: true}, after)
}

// opSteps are the steps of an operation, until all went well: then they say nothing that its end does not say.
func opSteps(op ops.Operation) bot.Steps {
	var out bot.Steps
	trouble := false
	for _, s := range op.Steps {
		trouble = trouble || s.State == ops.StepFailed
		out = append(out, bot.StepLine{Label: upperFirst(s.Label), State: stepState(s.State), Note: s.Note})
	}
	if op.Status == saga.Done && !trouble {
		return nil
	}
	return out
}

// opFoot says which operation it is, of which run of the job, whose, and since when or for how long.
func opFoot(op ops.Operation) bot.Note {
	foot := bot.Notef("Operation `%s` · ", op.Short)
	if op.Result.JobID != "" {
		foot.Spans = append(foot.Spans, bot.Notef("Job id `%s` · ", op.Result.JobID).Spans...)
	}
	when := bot.Notef("%s · started %v", cmp.Or(op.By, "drey"), stamp(op.Started))
	if !op.Ended.IsZero() {
		when = bot.Notef("%s · took %s", cmp.Or(op.By, "drey"), span(op.Ended.Sub(op.Started)))
	}
	foot.Spans = append(foot.Spans, when.Spans...)
	return foot
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

// opState is where an operation stands, for networks whose threads bear tags.
func opState(op ops.Operation) string {
	switch op.Status {
	case saga.Done:
		return "done"
	case saga.Failed:
		return "failed"
	case saga.Canceled:
		return "cancelled"
	case saga.Stuck:
		return "stuck"
	default:
		return "running"
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
	switch s {
	case ops.StepDoing:
		return bot.Doing
	case ops.StepDone:
		return bot.Did
	case ops.StepFailed:
		return bot.Failed
	case ops.StepSkipped:
		return bot.Skipped
	default: // ops.StepTodo
		return bot.ToDo
	}
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
		acts = append(acts, bot.Button{Label: "Stop job…", Call: CallOf("flink stop", stopArgs{Job: job}), Opens: true})
	case op.Status == saga.Done && op.Kind == ops.KindStop:
		acts = append(acts, bot.Button{Label: "Restart from savepoint…", Call: CallOf("flink restart", restartArgs{Job: job, Savepoint: op.Result.Savepoint}), Opens: true})
	case op.Status == saga.Failed:
		if op.Kind == ops.KindRestart && op.Result.Savepoint != "" && op.Result.JobID == "" {
			acts = append(acts, bot.Button{Label: "Restart from savepoint…", Call: CallOf("flink restart", restartArgs{Job: job, Savepoint: op.Result.Savepoint}), Opens: true})
		}
		acts = append(acts, Button("Show errors", "flink errors", jobArgs{Job: job}))
	}
	return acts
}
