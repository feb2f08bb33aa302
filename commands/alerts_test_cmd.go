package commands

import (
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

type alertsTestArgs struct {
	At    string `json:"at" help:"when it comes, such as 2026-12-24T22:30+01:00; the default is now" optional:"true"`
	Alert string `json:"alert" help:"an incident's id, or labels such as severity=critical job_name=orders" complete:"incident" rest:"line"`
}

var incidentID = regexp.MustCompile(`^[a-z0-9]{6}(-[0-9]+)?$`)

func alertsTest(d Deps) *Command {
	return New(Spec{
		Path: "alerts test", Help: "Say where an alert would go, and why, stage by stage",
		Examples:   []string{"/alerts test severity=critical job_name=orders cluster=prod", "/alerts test at=2026-12-24T22:30Z severity=warning", "/alerts test k3x9q2"},
		Permission: "alert.read", Effect: Reads,
	}, func(ctx context.Context, e *Env, a alertsTestArgs) (bot.Message, error) {
		q := alerts.Question{At: e.Now}
		if a.At != "" {
			at, err := parseMoment(a.At)
			if err != nil {
				return bot.Message{}, err
			}
			q.At = at
		}
		about := "an alert with these labels"
		if id := strings.TrimSpace(a.Alert); incidentID.MatchString(id) {
			i, err := d.incident(ctx, e, id, "alert.read")
			if err != nil {
				return bot.Message{}, err
			}
			q.Incident, about = i.ID, i.ID+", if it were new,"
		} else {
			labels, err := alerts.ParseLabels(a.Alert)
			if err != nil {
				return bot.Message{}, err
			}
			q.Labels = labels
		}
		t, err := d.Alerts.Test(ctx, q)
		if err != nil {
			return bot.Message{}, err
		}
		return traced(about, t), nil
	})
}

// parseMoment reads a time with its offset from UTC, to the minute or the second.
func parseMoment(s string) (time.Time, error) {
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(form, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, platform.Errorf(platform.Invalid, "", "want a time such as 2026-12-24T22:30Z, have %q", clip(s, 40))
}

// listed are texts with commas between them.
func listed(texts []bot.Text) bot.Text {
	var out bot.Text
	for i, t := range texts {
		if i > 0 {
			out.Spans = append(out.Spans, bot.Span{Text: ", "})
		}
		out.Spans = append(out.Spans, t.Spans...)
	}
	return out
}

// traced shows a trace: where it goes in a sentence, the stages below.
func traced(about string, t alerts.Trace) bot.Message {
	m := bot.Message{Title: "Goes nowhere", Tone: bot.Warn, Private: true}
	var now, later, stormy []bot.Text
	for _, x := range t.Incident.Targets {
		switch {
		case x.Storm != "" && !x.Own:
			stormy = append(stormy, bot.Textf("%v", x.Place))
		case x.Quiet.IsZero():
			now = append(now, bot.Textf("%v", x.Place))
		default:
			later = append(later, bot.Textf("%v from %v", x.Place, when(x.Quiet)))
		}
	}
	switch {
	case len(stormy) > 0:
		m.Title = "In a storm"
		text := bot.Textf("There is a storm in %v: %s would be counted in its digest", listed(stormy), about)
		if more := append(now, later...); len(more) > 0 {
			text.Spans = append(text.Spans, bot.Textf(", and posted to %v", listed(more)).Spans...)
		}
		m.Blocks = append(m.Blocks, bot.Textf("%v.", text))
	case len(now)+len(later) == 0:
		m.Blocks = append(m.Blocks, bot.Textf("No route takes %s and there is no default: it would be listed, and told nowhere.", about))
	case len(now) == 0:
		m.Title = "Muted"
		m.Blocks = append(m.Blocks, bot.Textf("Muted: %s would be posted to %v, if it is still open then.", about, listed(later)))
	default:
		m.Title, m.Tone = "Goes to "+count(len(now), "channel"), bot.Plain
		text := bot.Textf("Now %s would be posted to %v", about, listed(now))
		if len(later) > 0 {
			text.Spans = append(text.Spans, bot.Textf("; muted: %v", listed(later)).Spans...)
		}
		m.Blocks = append(m.Blocks, bot.Textf("%v.", text))
	}
	m.Blocks = append(m.Blocks, bot.Code{Body: strings.TrimRight(t.String(), "\n")})
	return m
}
