package commands

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

type silenceArgs struct {
	Incident string `json:"incident" help:"the incident's id" complete:"incident"`
	Duration string `json:"duration" help:"how long, or until when: 2h, 18:00, tomorrow 09:00, 2026-11-22 09:00 Europe/Berlin, resolved" suggest:"1h,2h,4h,8h,1d,3d,7d,resolved"`
	Comment  string `json:"comment" help:"why, for those who find the silence" rest:"line" optional:"true"`
	Matchers string `json:"matchers" help:"what to hide, as Alertmanager writes it; without it exactly the incident's alerts" optional:"true"`
	Sure     bool   `json:"sure" help:"that what it hides was seen" hidden:"true"`
}

func (a silenceArgs) wish() alerts.Wish {
	return alerts.Wish{Until: a.Duration, Matchers: a.Matchers, Comment: a.Comment}
}

func alertsSilence(d Deps) *Command {
	return New(Spec{
		Path: "alerts silence", Help: "Silence an incident's alerts in Alertmanager for a while, or lengthen its silence",
		Examples: []string{
			"/alerts silence k3x9q2 2h maintenance of the broker", "/alerts silence k3x9q2 resolved",
			`/alerts silence k3x9q2 "tomorrow 09:00" matchers="job_name=\"orders\", alertname=~\"Flink.*\"" upgrade`,
		},
		Permission: "alert.silence", Effect: Changes,
		Opens: true, Shortcut: &bot.Shortcut{Label: "Silence"}, Resolve: ResolveArgs(d.resolveSilence), Ask: d.askSilence,
	}, func(ctx context.Context, e *Env, a silenceArgs) (bot.Message, error) {
		p, err := d.Alerts.Plan(ctx, a.Incident, a.wish())
		if err != nil {
			return bot.Message{}, err
		}
		return answered(d.Alerts.Silence(ctx, p, e.Actor))
	})
}

// resolveSilence asks for what is not said yet, and shows what a silence hides before it is made where that is more than the
// incident's own alerts.
func (d Deps) resolveSilence(ctx context.Context, e *Env, a *silenceArgs) error {
	i, err := d.incident(ctx, e, a.Incident, "alert.silence")
	if err != nil {
		return err
	}
	a.Incident = i.ID
	p, err := d.plannedSilence(ctx, e, a)
	if err != nil {
		return d.inSilenceForm(e, *a, &i, err)
	}
	if err := d.demandHidden(ctx, e, &i, p); err != nil {
		return err
	}
	if p, err = d.Alerts.Preview(ctx, p); err != nil {
		return d.inSilenceForm(e, *a, &i, err)
	}
	if !p.Exact {
		a.Matchers = p.Matchers.String()
	}
	if !relative(a.Duration) { // the same moment, however long the question stays open
		a.Duration = p.Until.Format(time.RFC3339)
		if p.Keep {
			a.Duration = "resolved"
		}
	}
	sure := a.Sure
	a.Sure = false // what is written down, and asked consent for, is the same whichever way it came
	if sure || !p.Ask() {
		return nil
	}
	yes := *a
	yes.Sure = true
	f := &bot.Form{Title: "Silence this?", Submit: "Silence", Intro: p.Text(), Call: e.cmd.callAgain(e.Event.Call, Encode(yes))}
	return Tell(bot.Message{
		Title: f.Title, Tone: bot.Warn, Private: true, Form: f, Fallback: f.Title + " Nothing was silenced yet.",
		Blocks: []bot.Block{f.Intro, bot.Notef("Nothing was silenced yet.")},
	})
}

// demandHidden refuses matchers that reach beyond the incident for a person who may not silence there. What they hide today does
// not say what they hide tomorrow: it goes by what they name.
func (d Deps) demandHidden(ctx context.Context, e *Env, i *alerts.Incident, p alerts.SilencePlan) error {
	if own := i.Matchers(); p.Exact || len(own) > 0 && p.Matchers.Within(own) {
		return nil
	}
	named := map[string]string{}
	for _, m := range p.Matchers {
		if m.IsEqual && !m.IsRegex {
			named[m.Name] = m.Value
		}
	}
	ref, known := d.jobBehind(i)
	cluster, job := cmp.Or(named["flink_cluster"], named["cluster"]), named["job_name"]
	if l := i.Labels; known && cluster != "" && cluster == cmp.Or(l["flink_cluster"], l["cluster"]) {
		cluster = ref.Cluster
		if job == l["job_name"] {
			job = ref.Job
		}
	}
	return e.demandOf(ctx, "alert.silence", cluster, job)
}

// askSilence opens the form of a button.
func (d Deps) askSilence(ctx context.Context, e *Env, given map[string]string, wrong *UsageError) error {
	a := silenceArgs{Incident: given["incident"], Duration: given["duration"], Comment: given["comment"], Matchers: given["matchers"]}
	i, err := d.incident(ctx, e, a.Incident, "alert.silence")
	if err != nil {
		return err
	}
	f := fault{}
	if e.Event.Form != nil {
		f = fault{wrong.Param, wrong.Msg}
	}
	return Tell(d.silenceForm(e, a, &i, f))
}

// relative says whether an end is a length of time, which begins when the silence is made.
func relative(s string) bool {
	return !strings.ContainsAny(s, ":") && strings.ContainsAny(s, "0123456789") && !strings.Contains(s, "-")
}

// plannedSilence works the wish out. In a typed line "tomorrow 09:00 for lunch" has the time in two words: those that make a
// time with the first belong to it.
func (d Deps) plannedSilence(ctx context.Context, e *Env, a *silenceArgs) (alerts.SilencePlan, error) {
	words := strings.Fields(a.Comment)
	if e.Event.Form == nil && e.Event.Button == "" {
		for n := min(2, len(words)); n > 0; n-- {
			longer := *a
			longer.Duration, longer.Comment = a.Duration+" "+strings.Join(words[:n], " "), strings.Join(words[n:], " ")
			if p, err := d.Alerts.Plan(ctx, a.Incident, longer.wish()); err == nil {
				*a = longer
				return p, nil
			}
		}
	}
	return d.Alerts.Plan(ctx, a.Incident, a.wish())
}

// silenceForm asks how long and what to silence.
func (d Deps) silenceForm(e *Env, a silenceArgs, i *alerts.Incident, wrong fault) bot.Message {
	title, submit := "Silence "+i.ID, "Silence"
	matchers := a.Matchers
	if have := i.Silenced(); have != nil {
		title, submit = "Extend the silence", "Extend"
		if matchers == "" {
			matchers = have.Matchers.String()
		}
	}
	if matchers == "" {
		matchers = i.Matchers().String()
	}
	length := bot.Input{
		Name: "duration", Label: "How long", Kind: "line", Value: a.Duration, Required: true,
		Help: "Or until when: 18:00, tomorrow 09:00, 2026-11-22 09:00 Europe/Berlin; or resolved: until the incident is.",
	}
	for _, v := range e.cmd.param("duration").suggest {
		length.Choices = append(length.Choices, bot.Choice{Value: v})
	}
	f := &bot.Form{
		Title: title, Submit: submit, Intro: bot.Textf("**%s**", clip(i.Title, 200)),
		Call: e.cmd.callAgain(e.Event.Call, Encode(silenceArgs{Incident: i.ID})),
		Fields: []bot.Input{
			length,
			{Name: "comment", Label: "Why", Help: "For those who find the silence.", Kind: "line", Value: a.Comment},
			{Name: "matchers", Label: "What", Help: `As in Alertmanager: a="x", b=~"x|y", c!="z". As it stands: this incident's alerts.`, Kind: "line", Value: matchers},
		},
	}
	for n := range f.Fields {
		if f.Fields[n].Name == wrong.field {
			f.Fields[n].Error = wrong.text
		}
	}
	return bot.Message{Private: true, Form: f, Title: f.Title, Fallback: f.Title + ": fill in the form, or type " + e.cmd.Usage()}
}

// inSilenceForm answers an error in what came from the form with the form, the mistake beside its field.
func (d Deps) inSilenceForm(e *Env, a silenceArgs, i *alerts.Incident, err error) error {
	var field *alerts.FieldError
	if e.Event.Form == nil || !errors.As(err, &field) {
		return err
	}
	m := Explain(err)
	m.Form, m.Private = d.silenceForm(e, a, i, fault{field.Field, cmp.Or(faultOf(field), sentence(m))}).Form, true
	return Tell(m)
}

// faultOf is what was wrong, without what was attempted: it stands beside the field.
func faultOf(err error) string {
	var p *platform.Error
	if errors.As(err, &p) && p.Err != nil {
		return upperFirst(p.Err.Error()) + "."
	}
	return ""
}

func alertsUnsilence(d Deps) *Command {
	return New(Spec{
		Path: "alerts unsilence", Help: "End the silences that drey made for an incident",
		Examples:   []string{"/alerts unsilence k3x9q2"},
		Permission: "alert.silence", Effect: Changes,
	}, func(ctx context.Context, e *Env, a incidentArgs) (bot.Message, error) {
		i, err := d.incident(ctx, e, a.Incident, "alert.silence")
		if err != nil {
			return bot.Message{}, err
		}
		return answered(d.Alerts.Unsilence(ctx, i.ID, e.Actor))
	})
}
