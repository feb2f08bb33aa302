package commands

import (
	"context"
	"errors"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/ops"
	"github.com/drey-ops/drey/storage"
)

// olderBy is how much more a restart has to read again before that counts as another state of affairs.
const olderBy = 5 * time.Minute

// stance is how a job stood when somebody looked.
type stance struct {
	ops.Standing
	At time.Time `json:"at,omitzero"`
}

// changed says what is materially different from now, as a sentence; empty: nothing, or it is not known.
func (s stance) changed(now stance) string {
	running := func(s stance) bool { return s.State == platform.Running }
	age := func(s stance) time.Duration { return s.At.Sub(s.Point) }
	switch {
	case s.Run == "":
		return ""
	case now.Run == "":
		return "The cluster does not answer about the job any more."
	case now.Run != s.Run:
		return "The job has been started anew since."
	case running(s) && !running(now):
		return "The job no longer runs: it is " + string(now.State) + "."
	case s.Points && !now.Points:
		return "The cluster does not tell of the job's checkpoints any more."
	case !s.Points:
		return ""
	case s.Retention != now.Retention:
		return "What becomes of its checkpoints is set differently since."
	case !s.Point.IsZero() && now.Point.IsZero():
		return "Its checkpoints and savepoints are gone."
	case !s.Point.IsZero() && age(now) > 2*age(s) && age(now)-age(s) >= olderBy:
		return "Its newest restore point is " + span(age(now)) + " old by now; it was " + span(age(s)) + " when you were asked."
	}
	return ""
}

// lookAgain is for the moment before an approval counts: where the job stands materially differently than the card says, the card
// is made anew and the approver asked again, by an error of Tell. What would be refused now is refused here. Who may not decide is
// told so by the decision itself.
func (r *Router) lookAgain(ctx context.Context, e *Env, id string, in rejectArgs) error {
	a, _, err := r.approvals().Get(ctx, approvalRoot(id))
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if a.Standing.Run == "" || r.mayDecide(e, &a, in, true) != nil {
		return nil //nolint:nilerr // the decision says it
	}
	now, known, err := r.warned(ctx, &a)
	if err != nil || !known {
		return err
	}
	why := a.Standing.changed(now.Standing)
	if why == "" {
		return nil
	}
	var asked approval
	err = r.approvals().Update(ctx, approvalRoot(id), func(tx *storage.Tx, cur *approval, _ storage.Version) error {
		if err := r.mayDecide(e, cur, in, true); err != nil {
			return err
		}
		cur.Look, cur.Standing, cur.Intro, cur.Again = cur.Look+1, now.Standing, now.Intro, why
		tx.Append(AuditLog, e.approvalEntry("approval asked anew", cur, true), auditMax)
		r.outbox.Put(tx, bot.Delivery{Key: cur.cardKey(), To: cur.Place, Message: cur.card()})
		asked = *cur
		return nil
	})
	if err != nil {
		return err
	}
	return Tell(asked.lookAgainMessage())
}

// warned is what the question of a call says now.
func (r *Router) warned(ctx context.Context, a *approval) (c Confirmation, known bool, err error) {
	call, err := r.callOf(a)
	if err != nil {
		return c, false, err
	}
	cmd, args, err := r.tree.read(call, nil)
	if err != nil || !a.intact(call) || cmd.Warn == nil {
		return c, false, nil //nolint:nilerr // the run says what is wrong with it
	}
	e := r.env(bot.Event{ID: "approval-" + a.run(), At: r.now(), Actor: a.Requester, Place: a.Place, Call: call}, cmd, nil)
	e.args = Encode(args)
	if c, err = cmd.Warn(ctx, e, args); err != nil {
		return c, false, err
	}
	c.fill(e, args)
	return c, true, nil
}

// lookAgainMessage asks the approver once more, with how it stands now.
func (a *approval) lookAgainMessage() bot.Message {
	return bot.Message{
		Title: "Look again before you agree", Tone: bot.Warn, Private: true,
		Blocks: []bot.Block{bot.Textf("**%s** Nothing was done yet. This is how it stands now:", a.Again), a.Intro, bot.Code{Body: a.Line}, a.buttons()},
	}
}
