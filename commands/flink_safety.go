package commands

import (
	"context"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/ops"
)

// safetyWithin bounds the look at a job that the question before a change takes: somebody waits for it.
const safetyWithin = 2 * time.Second

// jobChange is the args of a command that stops or restarts a job.
type jobChange interface {
	ref() platform.JobRef
	request(t ops.Target) ops.Request
	// question is what to ask about the job of that name, but for its state.
	question(name string) Confirmation
}

// asksFirst makes the Warning of a command that stops or restarts a job: what it would do to the state, as the cluster says
// at this moment. What can be refused beforehand is refused here, rather than after a yes. A cluster that does not say in
// time keeps nobody from acting.
func asksFirst[A jobChange](d Deps) Warning {
	return WarnArgs(func(ctx context.Context, e *Env, a A) (Confirmation, error) {
		ctx, cancel := context.WithTimeout(ctx, safetyWithin)
		defer cancel()
		t, err := d.target(ctx, a.ref())
		var p ops.Plan
		if err == nil {
			p, err = d.Ops.Check(ctx, a.request(t))
		}
		if platform.KindOf(err) == platform.Unavailable {
			c := a.question(a.ref().String())
			c.Intro = followed(bot.Textf("**The cluster did not say in time how old the last checkpoint is.**"), c.Intro)
			return c, nil
		}
		if err != nil {
			return Confirmation{}, err
		}
		c := a.question(t.String())
		c.Word, c.Run, c.Standing = t.Name, p.Target.JobID, stance{p.Standing, e.Now}
		c.Intro = followed(safetyText(p), c.Intro)
		return c, nil
	})
}

// safetyText says what an operation makes of a job's state, the consequence first.
func safetyText(p ops.Plan) bot.Text {
	out := bot.Textf("**%s.**", upperFirst(p.Outlook))
	if len(p.Facts) > 0 {
		out = followed(out, bot.Textf("%s.", upperFirst(strings.Join(p.Facts, " · "))))
	}
	for _, w := range p.Warnings {
		out = followed(out, bot.Textf("%s.", upperFirst(w)))
	}
	return out
}

// followed is one text after the other.
func followed(a, b bot.Text) bot.Text {
	if len(b.Spans) == 0 {
		return a
	}
	return bot.Text{Spans: append(append(a.Spans[:len(a.Spans):len(a.Spans)], bot.Span{Text: " "}), b.Spans...)}
}
