package commands

import (
	"strings"

	"github.com/drey-ops/drey/bot"
)

// confirmLineMax is the longest call that can be agreed to from a list: whoever agrees has it in sight as a whole.
const confirmLineMax = 200

func (h *home) approvalBlocks() []bot.Block {
	var out []bot.Block
	if len(h.decide) > 0 {
		t := bot.Table{Columns: []string{"What", "Asked by", "Waits until (UTC)", "Its card is in", "Request"}}
		var acts bot.Actions
		for _, a := range h.decide[:min(len(h.decide), homeRows)] {
			t.Rows = append(t.Rows, []string{clip(a.Line, confirmLineMax), nameOf(a.Requester), a.Expires.UTC().Format("15:04"), a.Place.String(), a.ID})
			if len(a.Line) <= confirmLineMax && len(acts) < homeButtons {
				acts = append(acts, bot.Button{Label: "Approve " + a.ID, Call: CallOf("drey approve", sealArgs{ID: a.ID, Seal: a.seal()}), Confirm: "Run " + a.Line + " now for " + nameOf(a.Requester) + "?"})
			}
		}
		out = append(out, bot.Textf("**Waits for your consent**: %s", count(len(h.decide), "request")), t)
		if len(acts) > 0 {
			out = append(out, acts)
		}
	}
	if len(h.asked) > 0 {
		t := bot.Table{Columns: []string{"What", "May agree", "Waits until (UTC)", "Request"}}
		for _, a := range h.asked[:min(len(h.asked), homeRows)] {
			t.Rows = append(t.Rows, []string{clip(a.Line, confirmLineMax), strings.Join(a.By, ", "), a.Expires.UTC().Format("15:04"), a.ID})
		}
		out = append(out, bot.Textf("**You asked for**: %s", count(len(h.asked), "request")), t)
	}
	return out
}

// rightBlocks say what is not shown, and who could see it.
func (h *home) rightBlocks(e *Env) []bot.Block {
	var out []bot.Block
	if len(h.unread) > 0 {
		out = append(out, bot.Textf("**Not shown**, for want of an answer: %s.", strings.Join(h.unread, ", ")))
	}
	if len(h.withheld) == 0 {
		return out
	}
	var parts []string
	for _, w := range h.withheld {
		who := "a right that nobody has here"
		if len(w.roles) > 0 {
			who = "role " + strings.Join(w.roles, " or ")
		}
		parts = append(parts, w.what+" ("+who+")")
	}
	out = append(out, bot.Textf("**Not shown**, for want of a role: %s.", strings.Join(parts, ", ")))
	return append(out, bot.Notef("Your roles: %s. `/drey whoami` explains them; rights can differ from channel to channel.", orNone(e.router.policy.Load().Roles(e.Actor))))
}
