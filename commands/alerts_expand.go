package commands

import (
	"context"
	"fmt"
	"strings"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// Bulk is what the commands need of alerts.Service about many incidents at once.
type Bulk interface {
	Page(ctx context.Context, f alerts.Filter, from, n int) (list []alerts.Incident, total int, err error)
	Expand(ctx context.Context, x alerts.Expansion) (alerts.Expanded, error)
	AckStorm(ctx context.Context, id string, actor bot.Actor, may func(i *alerts.Incident) bool) (acked, firing int, err error)
}

type expandArgs struct {
	What string `json:"what" help:"the storm's id, for its most urgent incidents, or ids of incidents" complete:"incident" rest:"line"`
}

func alertsExpand(d Deps) *Command {
	return New(Spec{
		Path: "alerts expand", Help: "Give incidents that a storm's digest counts threads of their own",
		Examples:   []string{"/alerts expand storm-k3x9q2ab-1", "/alerts expand k3x9q2 m4y2zz"},
		Permission: "alert.ack", Effect: Changes,
	}, func(ctx context.Context, e *Env, a expandArgs) (bot.Message, error) {
		var got alerts.Expanded
		denied := 0
		ids := strings.FieldsFunc(a.What, func(r rune) bool { return strings.ContainsRune(" ,`#\n\t", r) })
		if len(ids) == 0 || len(ids) > alerts.ExpandMax {
			return bot.Message{}, platform.Errorf(platform.Invalid, "", "want the id of a storm, or of 1 to %d incidents", alerts.ExpandMax)
		}
		for _, id := range ids {
			x, err := d.Bulk.Expand(ctx, alerts.Expansion{What: strings.ToLower(id), May: func(i *alerts.Incident) bool {
				may := d.maySee(e, "alert.ack", i)
				if !may {
					denied++
				}
				return may
			}})
			if err != nil {
				return bot.Message{}, err
			}
			got.Incidents, got.Left = append(got.Incidents, x.Incidents...), got.Left+x.Left
		}
		return expanded(got, denied), nil
	})
}

func expanded(x alerts.Expanded, denied int) bot.Message {
	m := bot.Message{Private: true, Title: count(len(x.Incidents), "incident") + " expanded"}
	if len(x.Incidents) == 0 {
		m.Title, m.Tone = "Nothing to expand", bot.Muted
		m.Blocks = append(m.Blocks, bot.Textf("All of them have a thread already, or are over."))
	}
	var list bot.Text // one paragraph: some networks have room for few
	for n, i := range x.Incidents {
		if n > 0 {
			list.Spans = append(list.Spans, bot.Span{Text: "\n"})
		}
		list.Spans = append(list.Spans, bot.Textf("`%s` %s", i.ID, i.Title).Spans...)
	}
	if len(list.Spans) > 0 {
		m.Blocks = append(m.Blocks, list)
	}
	switch {
	case denied > 0:
		m.Blocks = append(m.Blocks, bot.Notef("%s left out: you may not do that with its job here.", count(denied, "incident")))
	case x.Left > 0:
		m.Blocks = append(m.Blocks, bot.Notef("%s left in the digest.", count(x.Left, "open incident")))
	}
	return m
}

// leaveStorm gives an incident a thread that somebody takes care of, where a storm's digest speaks for it so far. It is a
// convenience: what was asked for is done already.
func (d Deps) leaveStorm(ctx context.Context, e *Env, i *alerts.Incident) {
	for _, t := range i.Targets {
		if i.StormOf(t.Place) != "" {
			_, _ = d.Bulk.Expand(ctx, alerts.Expansion{What: i.ID, May: func(i *alerts.Incident) bool { return d.maySee(e, "alert.ack", i) }})
			return
		}
	}
}

type stormArgs struct {
	Storm string `json:"storm" help:"the storm's id, as its digest shows it"`
}

func alertsAckAll(d Deps) *Command {
	return New(Spec{
		Path: "alerts ackall", Help: "Acknowledge all incidents of a storm that fire",
		Examples:   []string{"/alerts ackall storm-k3x9q2ab-1"},
		Permission: "alert.ack", Effect: Changes,
	}, func(ctx context.Context, e *Env, a stormArgs) (bot.Message, error) {
		may := func(i *alerts.Incident) bool { return d.maySee(e, "alert.ack", i) }
		acked, firing, err := d.Bulk.AckStorm(ctx, strings.ToLower(strings.Trim(a.Storm, " `#")), e.Actor, may)
		if err != nil {
			return bot.Message{}, err
		}
		m := bot.Message{Private: true, Title: count(acked, "incident") + " acknowledged", Tone: bot.Good}
		switch {
		case firing == 0:
			m.Title, m.Tone = "Nothing to do", bot.Muted
			m.Blocks = append(m.Blocks, bot.Textf("No incident of this storm fires."))
		case acked < firing:
			m.Tone = bot.Warn
			m.Blocks = append(m.Blocks, bot.Textf("%s", fmt.Sprintf("%d of the %d that fired were left: they ended meanwhile, somebody else has them, or you may not acknowledge them here.", firing-acked, firing)))
		default:
			m.Blocks = append(m.Blocks, bot.Textf("You have all of them. The digest says so."))
		}
		return m, nil
	})
}
