package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/drey-ops/drey/bot"
)

type auditArgs struct {
	Filter     string `json:"filter" help:"text somewhere in the entry" optional:"true"`
	Person     string `json:"person" help:"only what this person asked for: name or id" optional:"true"`
	Permission string `json:"permission" help:"only this permission; job.* and *.read work too" optional:"true"`
	Job        string `json:"job" help:"only what was about this job" optional:"true" complete:"job"`
	Denied     bool   `json:"denied" help:"only what was refused"`
	Max        int    `json:"max" help:"how many entries" default:"20" min:"1" max:"500"`
}

func dreyAudit() *Command {
	return New(Spec{
		Path: "drey audit", Help: "Show who asked for what, and what was decided",
		Examples:   []string{"/drey audit", "/drey audit denied", "/drey audit person=olga permission=job.* max=50"},
		Permission: "audit.read",
	}, func(ctx context.Context, e *Env, a auditArgs) (bot.Message, error) {
		f := AuditFilter{Text: a.Filter, Person: a.Person, Permission: a.Permission, Job: a.Job, Denied: a.Denied}
		found, whole, err := Audit(ctx, e.router.db, f, a.Max)
		if err != nil {
			return bot.Message{}, err
		}
		if len(found) == 0 {
			return bot.Message{Title: "Audit trail", Private: true, Blocks: []bot.Block{bot.Textf("No entry matches. Filters: `%s`", e.cmd.Usage())}}, nil
		}
		t := bot.Table{Columns: []string{"When (UTC)", "Who", "Where", "What", "Decision"}}
		for _, en := range found {
			t.Rows = append(t.Rows, []string{en.At.UTC().Format(time.DateTime), orElse(en.Name, en.Actor), en.Place.String(), clip(en.Line, 120), en.verdict()})
		}
		t.Foot = fmt.Sprintf("%d entries, the newest first", len(found))
		if !whole {
			t.Foot = fmt.Sprintf("the newest %d entries that match; older ones: max=%d", len(found), min(500, 4*a.Max))
		}
		return bot.Message{Title: "Audit trail", Private: true, Blocks: []bot.Block{t}}, nil
	})
}

// verdict is the decision of an entry in words.
func (en Entry) verdict() string {
	s := "allowed"
	switch {
	case en.What != "call":
		s = en.What
	case !en.Allowed:
		s = "refused"
	}
	if en.Rule != "" && en.What == "call" {
		s += " by " + en.Rule
	}
	if en.Approval != "" {
		s += " (request " + en.Approval + ")"
	}
	if en.Note != "" {
		s += ": " + clip(en.Note, 80)
	}
	return s
}

func orElse(s, other string) string {
	if s != "" {
		return s
	}
	return other
}
