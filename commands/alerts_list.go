package commands

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/bot"
)

type alertsListArgs struct {
	Filter   string `json:"filter" help:"part of the title or of a label" optional:"true"`
	State    string `json:"state" help:"only these" choices:"firing,acked,silenced,resolved" optional:"true"`
	Severity string `json:"severity" help:"only this severity" optional:"true"`
	Storm    string `json:"storm" help:"only those that this storm counts" optional:"true"`
	Page     int    `json:"page" help:"which page" default:"1" min:"1"`
}

func alertsList(d Deps) *Command {
	return New(Spec{
		Path: "alerts list", Help: "List the incidents that are open",
		Examples:   []string{"/alerts list", "/alerts list payments state=resolved"},
		Permission: "alert.read", Effect: Reads,
	}, func(ctx context.Context, e *Env, a alertsListArgs) (bot.Message, error) {
		f := alerts.Filter{Text: a.Filter, Severity: a.Severity, Storm: a.Storm, May: func(i *alerts.Incident) bool { return d.maySee(e, "alert.read", i) }}
		if a.State != "" {
			f.States = []string{a.State}
		}
		list, total, err := d.Bulk.Page(ctx, f, (a.Page-1)*alertsShown, alertsShown)
		if err != nil {
			return bot.Message{}, err
		}
		pages := (total + alertsShown - 1) / alertsShown
		if a.Page > pages && pages > 0 { // it became shorter
			a.Page = pages
			if list, _, err = d.Bulk.Page(ctx, f, (pages-1)*alertsShown, alertsShown); err != nil {
				return bot.Message{}, err
			}
		}
		m := bot.Message{Title: count(total, cmp.Or(a.State, "open")+" incident"), Instead: e.pressedWith("page"), Private: a.Storm != ""}
		if total == 0 {
			m.Title, m.Tone = "No "+cmp.Or(a.State, "open")+" incident", bot.Good
			m.Blocks = []bot.Block{bot.Textf("Nothing to look at.")}
			if a.Filter != "" || a.Severity != "" || a.Storm != "" {
				m.Tone, m.Blocks = bot.Plain, []bot.Block{bot.Textf("No incident matches. `/alerts list` without a filter lists all that are open.")}
			}
			return m, nil
		}
		t := incidentTable(list, e.Now, d.Mutes.Zone())
		if pages > 1 {
			t.Foot = strings.TrimSpace(fmt.Sprintf("Page %d of %d, %d incidents; a filter narrows the list. ", a.Page, pages, total) + t.Foot)
		}
		var acts bot.Actions
		for _, i := range list[:min(len(list), 4)] {
			acts = append(acts, Button("Show "+i.ID, "alerts show", incidentArgs{Incident: i.ID}))
		}
		if a.Page > 1 {
			acts = append(acts, bot.Button{Label: "Previous page", Call: e.again(map[string]any{"page": a.Page - 1})})
		}
		if a.Page < pages {
			acts = append(acts, bot.Button{Label: "Next page", Call: e.again(map[string]any{"page": a.Page + 1})})
		}
		m.Blocks = []bot.Block{t, acts}
		return m, nil
	})
}

// incidentTable has the incidents with what to know first in front: on a phone the rest is a swipe away. Columns without any
// entry are left out.
func incidentTable(list []alerts.Incident, now time.Time, zone *time.Location) bot.Table {
	t := bot.Table{Columns: []string{"Incident", "State", "Owner", "Since", "Severity", "Firing", "Id"}, Numeric: []bool{false, false, false, false, false, true}}
	timed := false
	for _, i := range list {
		owner := ""
		if i.Acked != nil {
			owner = i.Acked.Who() + ", " + roughly(now.Sub(i.Acked.At))
		}
		state := i.StateWords(now, zone)
		timed = timed || strings.Contains(state, ":")
		t.Rows = append(t.Rows, []string{clip(i.Title, 80), state, owner, ago(now, i.Since), i.Severity, fmt.Sprint(i.FiringCount()), i.ID})
	}
	if timed {
		t.Foot = "Times are in " + zone.String()
	}
	return withoutEmpty(t)
}

// withoutEmpty leaves out the columns in which no row has anything.
func withoutEmpty(t bot.Table) bot.Table {
	out := bot.Table{Foot: t.Foot, Rows: make([][]string, len(t.Rows))}
	for c, name := range t.Columns {
		if !slices.ContainsFunc(t.Rows, func(r []string) bool { return r[c] != "" }) {
			continue
		}
		out.Columns, out.Numeric = append(out.Columns, name), append(out.Numeric, c < len(t.Numeric) && t.Numeric[c])
		for n, r := range t.Rows {
			out.Rows[n] = append(out.Rows[n], r[c])
		}
	}
	return out
}

// alertsShown is how many incidents a page of the list shows.
const alertsShown = 30

type incidentArgs struct {
	Incident string `json:"incident" help:"the incident's id, as its thread shows it" complete:"incident"`
}

func alertsShow(d Deps) *Command {
	return New(Spec{
		Path: "alerts show", Help: "Show one incident with its story",
		Examples:   []string{"/alerts show k3x9q2"},
		Permission: "alert.read", Effect: Reads,
	}, func(ctx context.Context, e *Env, a incidentArgs) (bot.Message, error) {
		i, err := d.incident(ctx, e, a.Incident, "alert.read")
		if err != nil {
			return bot.Message{}, err
		}
		m := i.Message()
		if len(i.Lines) > 0 {
			m.Blocks = beforeButtons(m.Blocks, storyOf(i.Lines))
		}
		return m, nil
	})
}

// storyOf is what happened to an incident, a line for each: a table of it would be wider than a phone.
func storyOf(lines []alerts.Line) bot.Text {
	t := bot.Textf("**Story**")
	for _, l := range lines {
		said := l.Said()
		if len(l.Spans) == 0 {
			said = bot.Textf("%s", clip(l.Text, 160))
		}
		t.Spans = append(t.Spans, bot.Textf("\n%v %v", when(l.At), said).Spans...)
		if by := whoOf(l.By); by != "" && !strings.Contains(strings.ToLower(l.Text), strings.ToLower(by)) {
			t.Spans = append(t.Spans, bot.Textf(", by %s", by).Spans...)
		}
	}
	return t
}

// beforeButtons puts a block before the buttons that end a message.
func beforeButtons(blocks []bot.Block, b bot.Block) []bot.Block {
	n := len(blocks)
	for n > 0 {
		if _, ok := blocks[n-1].(bot.Actions); !ok {
			break
		}
		n--
	}
	return slices.Insert(slices.Clone(blocks), n, b)
}

// whoOf is a person of a record ("web:olga") as one says it.
func whoOf(actor string) string {
	_, id, ok := strings.Cut(actor, ":")
	if !ok {
		return actor
	}
	return id
}

func (d Deps) completeIncidents(ctx context.Context, e *Env, prefix string) []bot.Choice {
	list, err := d.Alerts.List(ctx, alerts.Filter{})
	if err != nil {
		return nil
	}
	var out []bot.Choice
	for _, i := range list {
		if strings.HasPrefix(i.ID, prefix) && d.maySee(e, "alert.read", &i) && d.maySee(e, e.cmd.Permission, &i) {
			out = append(out, bot.Choice{Value: i.ID, Help: i.State() + ", " + clip(i.Title, 60)})
		}
	}
	return out
}
