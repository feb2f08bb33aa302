package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/bot"
)

type silencesArgs struct {
	Filter string `json:"filter" help:"part of what a silence matches, of who made it, or of why" optional:"true"`
	Page   int    `json:"page" help:"which page" default:"1" min:"1"`
}

// silencesShown is how many silences a page of the list shows: each takes three lines.
const silencesShown = 8

func alertsSilences(d Deps) *Command {
	return New(Spec{
		Path: "alerts silences", Help: "List the silences that are in force or to come, whoever made them",
		Examples:   []string{"/alerts silences", "/alerts silences olga"},
		Permission: "alert.read", Effect: Reads,
	}, func(ctx context.Context, e *Env, a silencesArgs) (bot.Message, error) {
		got, err := d.Alerts.Silences(ctx)
		if err != nil {
			return bot.Message{}, err
		}
		list := slices.DeleteFunc(got.Lines, func(l alerts.SilenceLine) bool { return !d.maySeeSilence(e, l) || !silenceHas(l, a.Filter) })
		pages := max(1, (len(list)+silencesShown-1)/silencesShown)
		a.Page = min(a.Page, pages) // it became shorter
		m := bot.Message{Title: count(len(list), "silence"), Instead: e.pressedWith("page")}
		if len(list) == 0 {
			m.Title, m.Tone = "No silence", bot.Good
			m.Blocks = []bot.Block{bot.Textf("Nothing is kept quiet in Alertmanager.")}
			switch {
			case a.Filter != "":
				m.Tone, m.Blocks = bot.Plain, []bot.Block{bot.Textf("No silence matches. `/alerts silences` lists all.")}
			case len(got.Away) > 0:
				m.Title, m.Tone, m.Blocks = "No silence known", bot.Warn, nil
			}
		}
		var acts []bot.Button
		for _, l := range list[(a.Page-1)*silencesShown : min(len(list), a.Page*silencesShown)] {
			m.Blocks = append(m.Blocks, silenceText(e, l))
			if i := l.Incident; i != nil && !l.Ending {
				end := Button("End "+i.ID, "alerts unsilence", incidentArgs{Incident: i.ID})
				if d.maySee(e, "alert.silence", i) && !slices.ContainsFunc(acts, func(b bot.Button) bool { return b.Label == end.Label }) {
					acts = append(acts, end)
				}
			}
		}
		for _, w := range got.Away {
			m.Blocks = append(m.Blocks, bot.Notef("%s", awayLine(w)))
		}
		if pages > 1 {
			m.Blocks = append(m.Blocks, bot.Notef("Page %d of %d; a filter narrows the list.", a.Page, pages))
		}
		if a.Page > 1 {
			acts = append(acts, bot.Button{Label: "Previous page", Call: e.again(map[string]any{"page": a.Page - 1})})
		}
		if a.Page < pages {
			acts = append(acts, bot.Button{Label: "Next page", Call: e.again(map[string]any{"page": a.Page + 1})})
		}
		if acts := e.Actions(acts...); len(acts) > 0 {
			m.Blocks = append(m.Blocks, acts)
		}
		return m, nil
	})
}

// maySeeSilence says whether the person may see what a silence of drey's is for. Others are for everybody who may look at alerts.
func (d Deps) maySeeSilence(e *Env, l alerts.SilenceLine) bool {
	switch {
	case l.Incident != nil:
		return d.maySee(e, "alert.read", l.Incident)
	case l.Operation != nil:
		return e.Allowed("alert.read", l.Operation.Cluster, l.Operation.Job)
	}
	return true
}

func silenceHas(l alerts.SilenceLine, part string) bool {
	all := []string{l.Matchers.String(), l.By, l.Comment, l.Source}
	if l.Incident != nil {
		all = append(all, l.Incident.ID, l.Incident.Title)
	}
	return strings.Contains(strings.ToLower(strings.Join(all, "\n")), strings.ToLower(part))
}

// silenceText is a silence in three lines: what it hides and until when, who made it and why, and how to end it.
func silenceText(e *Env, l alerts.SilenceLine) bot.Text {
	var t bot.Text
	add := func(format string, args ...any) { t.Spans = append(t.Spans, bot.Textf(format, args...).Spans...) }
	switch {
	case l.Incident != nil:
		add("**%s** `%s`", clip(l.Incident.Title, 100), l.Incident.ID)
	case l.Operation != nil:
		add("**%s of %s/%s** (operation `%s`)", l.Operation.Title, l.Operation.Cluster, l.Operation.Job, l.Operation.Short)
	default:
		add("**Made in Alertmanager**, source %s", l.Source)
	}
	switch {
	case l.Ending:
		add("\nDrey is ending it")
	case l.Pending:
		add("\nFrom %v until %v", minute(l.From), minute(l.Until))
	case l.Keep:
		add("\nUntil it resolves, at most until %v", minute(l.Until))
	default:
		add("\nUntil %v", minute(l.Until))
	}
	add("; %s; by %s, %s", hidesNow(l), l.By, ago(e.Now, l.From))
	if l.Comment != "" {
		add(": %s", clip(l.Comment, 160))
	}
	add("\n`%s`", clip(l.Matchers.String(), 240))
	switch {
	case l.Operation != nil:
		add("\nIt ends with the operation.")
	case l.Incident == nil && l.URL != "":
		t.Spans = append(t.Spans, bot.Span{Text: "\nEnd it "}, bot.Span{Text: "in Alertmanager", URL: l.URL})
	case l.Incident == nil:
		add("\nEnd it in Alertmanager.")
	}
	return t
}

// hidesNow says how many alerts a silence hides.
func hidesNow(l alerts.SilenceLine) string {
	switch {
	case l.Pending:
		return "it has not begun"
	case l.ID == "":
		return "not known to be in force"
	case l.Hides < 0:
		return "what it hides is not known"
	case l.Hides == 0:
		return "hides nothing now"
	}
	return "hides " + count(l.Hides, "alert")
}

// awayLine says whose silences are missing.
func awayLine(w alerts.AwaySource) string {
	if w.Silent < w.Of {
		return fmt.Sprintf("%d of the %d Alertmanagers of the source %s do not answer; the others are asked.", w.Silent, w.Of, w.Source)
	}
	return fmt.Sprintf("Alertmanager of the source %s does not answer: of its silences only drey's own are known.", w.Source)
}
