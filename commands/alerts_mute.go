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
	"github.com/drey-ops/drey/platform"
)

// AlertMutes is what the commands need of the maintenance windows of alerts.Service.
type AlertMutes interface {
	Mute(ctx context.Context, w alerts.Window) (alerts.Window, error)
	Windows(ctx context.Context) ([]alerts.Window, error)
	Window(ctx context.Context, id string) (alerts.Window, error)
	Unmute(ctx context.Context, id string, actor bot.Actor) (alerts.Window, error)
	Prolong(ctx context.Context, id string, until time.Time) (alerts.Window, error)
	Covered(ctx context.Context, sc alerts.Scope) ([]alerts.Incident, error)
	Zone() *time.Location
}

type muteArgs struct {
	Scope string `json:"scope" help:"a cluster, a job, or labels such as team=core" complete:"scope" pairs:"true"`
	For   string `json:"for" help:"how long, such as 2h, or until when, such as 18:00" suggest:"30m,1h,2h,4h,8h,1d"`
	From  string `json:"from" help:"when it begins, such as 22:00 or 2026-12-24T22:00; the default is now" optional:"true"`
	Why   string `json:"why" help:"why, for those who look for their alerts" rest:"line" optional:"true"`
}

// Target implements Targeter.
func (a muteArgs) Target() (cluster, job string) {
	if sc, err := alerts.ParseScope(a.Scope, nil); err == nil {
		if sc.Cluster == "" && len(sc.Matchers) == 0 {
			return sc.Job, "" // resolved, it is a cluster
		}
		return sc.Target()
	}
	return "", ""
}

// words takes "until 18:00" and "from 16:00" out of the words where the why begins: so people type it.
func (a *muteArgs) words() {
	take := func(into *string) {
		word, rest, _ := strings.Cut(strings.TrimSpace(a.Why), " ")
		*into, a.Why = word, strings.TrimSpace(rest)
	}
	if strings.EqualFold(a.For, "until") || strings.EqualFold(a.For, "for") {
		take(&a.For)
	}
	first, rest, _ := strings.Cut(a.Why, " ")
	next, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	if _, err := clockTime(next, time.Time{}, time.UTC); strings.EqualFold(first, "from") && a.From == "" && err == nil {
		a.Why = rest
		take(&a.From)
	}
}

// times are when the window begins and ends.
func (a *muteArgs) times(now time.Time, zone *time.Location) (from, until time.Time, err error) {
	from = now
	if a.From != "" && !strings.EqualFold(a.From, "now") {
		if from, err = clockTime(a.From, now, zone); err != nil {
			return from, until, err
		}
	}
	if d, derr := parseDuration(a.For); derr == nil {
		return from, from.Add(d), nil
	}
	until, err = clockTime(a.For, from, zone)
	return from, until, err
}

// clockTime reads a time of the day as the next such time after a moment, or a date with a time, in a zone unless it says its
// own.
func clockTime(s string, after time.Time, zone *time.Location) (time.Time, error) {
	if t, err := parseMoment(s); err == nil {
		return t, nil
	}
	if t, err := time.ParseInLocation("2006-01-02T15:04", s, zone); err == nil {
		return t, nil
	}
	t, err := time.Parse("15:04", s)
	if err != nil {
		return t, platform.Errorf(platform.Invalid, "", "want a duration such as 2h or a time such as 18:00 or 2026-12-24T18:00, have %q", clip(s, 40))
	}
	here := after.In(zone)
	for day := 0; ; day++ {
		at := time.Date(here.Year(), here.Month(), here.Day()+day, t.Hour(), t.Minute(), 0, 0, zone)
		if at.After(after) {
			return at, nil
		}
	}
}

// resolveMute makes the scope and the times of the clock exact. A duration stays one: it counts from when the call runs.
func (d Deps) resolveMute(ctx context.Context, e *Env, a *muteArgs) error {
	a.words()
	sc, err := alerts.ParseScope(a.Scope, d.Clusters.Names())
	if err != nil {
		return err
	}
	if sc.Cluster == "" && len(sc.Matchers) == 0 || slices.Contains(d.Clusters.Names(), sc.Cluster) && sc.Job != "" {
		ref := platform.JobRef{Cluster: sc.Cluster, Job: sc.Job}
		switch err := d.findJob(ctx, e, &ref); {
		case err == nil:
			sc.Cluster, sc.Job = ref.Cluster, ref.Job
		case sc.Cluster == "" || !d.troubled(ctx, sc): // one that is gone, or whose cluster is, can be told of all the same
			return err
		}
	}
	a.Scope = sc.String()
	zone := d.Mutes.Zone()
	from, until, err := a.times(e.Now, zone)
	if err != nil {
		return err
	}
	if a.From != "" {
		a.From = from.UTC().Format(time.RFC3339)
	}
	if _, err := parseDuration(a.For); err != nil {
		a.For = until.UTC().Format(time.RFC3339)
	}
	return nil
}

// troubled says whether an incident is open in a scope.
func (d Deps) troubled(ctx context.Context, sc alerts.Scope) bool {
	open, err := d.Mutes.Covered(ctx, sc)
	return err == nil && len(open) > 0
}

func alertsMute(d Deps) *Command {
	return New(Spec{
		Path: "alerts mute", Help: "Keep the alerts of a cluster, a job or some labels quiet for a maintenance",
		Examples: []string{
			"/alerts mute prod/orders 2h broker upgrade", "/alerts mute prod until 18:00 from 16:00 new nodes", "/alerts mute team=core 1d",
		},
		Permission: "alert.mute", Effect: Changes, Opens: true,
		Resolve: ResolveArgs(d.resolveMute),
	}, func(ctx context.Context, e *Env, a muteArgs) (bot.Message, error) {
		sc, err := alerts.ParseScope(a.Scope, d.Clusters.Names())
		if err != nil {
			return bot.Message{}, err
		}
		from, until, err := a.times(e.Now, d.Mutes.Zone())
		if err != nil {
			return bot.Message{}, err
		}
		covered, err := d.Mutes.Covered(ctx, sc)
		if err != nil {
			return bot.Message{}, err
		}
		if sc.Broad() {
			if err := e.Confirm(d.broadMute(ctx, sc, until, covered)); err != nil {
				return bot.Message{}, err
			}
		}
		w, err := d.Mutes.Mute(ctx, alerts.Window{Key: e.key(), Scope: sc, From: from, Until: until, By: e.Actor, Why: a.Why, Places: []bot.Place{e.cardPlace()}})
		if err != nil {
			return bot.Message{}, err
		}
		return muteAnswer(e, w, covered), nil
	})
}

// broadMute asks before a window that covers what nobody may have thought of.
func (d Deps) broadMute(ctx context.Context, sc alerts.Scope, until time.Time, covered []alerts.Incident) Confirmation {
	c := Confirmation{Word: "mute", Title: "Mute all of " + sc.String() + "?", Submit: "Mute"}
	c.Intro = bot.Textf("Until %v nothing new is posted about **%s**. That is now %s", minute(until), sc.String(), count(len(covered), "open incident"))
	if len(sc.Matchers) > 0 {
		c.Intro.Spans = append(c.Intro.Spans, bot.Span{Text: ", and whatever else comes with these labels."})
		return c
	}
	c.Word = sc.Cluster
	jobs := "; its jobs could not be counted."
	limit, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if cl, err := d.Clusters.Cluster(sc.Cluster); err == nil {
		if list, err := cl.Jobs(limit); err == nil {
			live := slices.DeleteFunc(list, func(j platform.Job) bool { return j.State.Terminal() })
			jobs = fmt.Sprintf(" and %s, its failures included.", count(len(live), "job"))
		}
	}
	c.Intro.Spans = append(c.Intro.Spans, bot.Span{Text: jobs})
	return c
}

func muteAnswer(e *Env, w alerts.Window, covered []alerts.Incident) bot.Message {
	m := bot.Message{Title: "Maintenance of " + w.Scope.String(), Tone: bot.Muted}
	if w.Live(e.Now) {
		m.Blocks = append(m.Blocks, bot.Textf("From now until %v nothing new is posted about it. What is still open then is told then.", minute(w.Until)))
	} else {
		m.Title += " is planned"
		m.Blocks = append(m.Blocks, bot.Textf("From %v until %v nothing new is posted about it. Its beginning and its end are told here.", minute(w.From), minute(w.Until)))
	}
	f := bot.Fields{bot.F("By", w.Who())}
	if w.Why != "" {
		f = append(f, bot.F("Why", w.Why))
	}
	if len(covered) > 0 {
		f = append(f, bot.F("Open now", count(len(covered), "incident")))
	}
	m.Blocks = append(m.Blocks, f, bot.Notef("Window `%s`", w.ID), e.Actions(w.Buttons()...))
	return m
}

// mutesShown is how many windows a list shows, and mutesButtons for how many it has buttons.
const (
	mutesShown   = 15
	mutesButtons = 3
)

func alertsMutes(d Deps) *Command {
	return New(Spec{
		Path: "alerts mutes", Help: "List the maintenance windows, those to come too",
		Examples:   []string{"/alerts mutes"},
		Permission: "alert.read", Effect: Reads,
	}, func(ctx context.Context, e *Env, _ struct{}) (bot.Message, error) {
		list, err := d.Mutes.Windows(ctx)
		if err != nil {
			return bot.Message{}, err
		}
		list = slices.DeleteFunc(list, func(w alerts.Window) bool { return !e.allowedOn("alert.read", w.Scope) })
		m := bot.Message{Title: count(len(list), "maintenance window")}
		if len(list) == 0 {
			m.Title, m.Tone, m.Blocks = "No maintenance window", bot.Good, []bot.Block{bot.Textf("Nothing is kept quiet from chat. `/alerts mute` opens a window.")}
			return m, nil
		}
		var acts []bot.Button
		for _, w := range list[:min(len(list), mutesShown)] {
			m.Blocks = append(m.Blocks, windowLine(e, w))
			if len(acts) < 2*mutesButtons {
				for _, b := range w.Buttons() {
					b.Label = map[bool]string{true: "Extend " + w.ID + "…", false: "End " + w.ID}[b.Opens]
					acts = append(acts, b)
				}
			}
		}
		if n := len(list) - mutesShown; n > 0 {
			m.Blocks = append(m.Blocks, bot.Notef("%d more, later ones.", n))
		}
		if a := e.Actions(acts...); len(a) > 0 {
			m.Blocks = append(m.Blocks, a)
		}
		return m, nil
	})
}

// windowLine is a window in one line.
func windowLine(e *Env, w alerts.Window) bot.Text {
	t := bot.Textf("**%s** until %v by %s", w.Scope.String(), minute(w.Until), w.Who())
	if !w.Live(e.Now) {
		t = bot.Textf("**%s** from %v until %v by %s", w.Scope.String(), minute(w.From), minute(w.Until), w.Who())
	}
	if w.Why != "" {
		t.Spans = append(t.Spans, bot.Span{Text: ": " + clip(w.Why, 120)})
	}
	t.Spans = append(t.Spans, bot.Span{Text: " "}, bot.Span{Text: w.ID, Code: true})
	return t
}

// allowedOn says whether the person may do what perm names with what a scope covers.
func (e *Env) allowedOn(perm string, sc alerts.Scope) bool {
	cluster, job := sc.Target()
	return e.Allowed(perm, cluster, job)
}

// window finds a window that the person may end or move.
func (d Deps) window(ctx context.Context, e *Env, id string) (alerts.Window, error) {
	w, err := d.Mutes.Window(ctx, id)
	if err != nil {
		return w, err
	}
	cluster, job := w.Scope.Target()
	return w, e.demandOf(ctx, "alert.mute", cluster, job) // without a cluster it covers more than this person may have to do with
}

type windowArgs struct {
	Window string `json:"window" help:"the window's id, as /alerts mutes shows it" complete:"window"`
}

func alertsUnmute(d Deps) *Command {
	return New(Spec{
		Path: "alerts unmute", Help: "End a maintenance window, or call off one that is planned",
		Examples:   []string{"/alerts unmute wk3x9q"},
		Permission: "alert.mute", Effect: Changes,
	}, func(ctx context.Context, e *Env, a windowArgs) (bot.Message, error) {
		w, err := d.window(ctx, e, a.Window)
		if err == nil {
			w, err = d.Mutes.Unmute(ctx, w.ID, e.Actor)
		}
		if err != nil {
			return bot.Message{}, err
		}
		return bot.Message{Private: true, Blocks: []bot.Block{bot.Textf("The maintenance of **%s** is over. What it kept back and is still open is told now.", w.Scope.String())}}, nil
	})
}

type remuteArgs struct {
	windowArgs
	For string `json:"for" help:"how much longer, such as 1h, or until when, such as 20:00" suggest:"30m,1h,2h,4h,1d"`
}

func alertsRemute(d Deps) *Command {
	return New(Spec{
		Path: "alerts remute", Help: "Let a maintenance window last longer",
		Examples:   []string{"/alerts remute wk3x9q 1h", "/alerts remute wk3x9q 20:00"},
		Permission: "alert.mute", Effect: Changes, Opens: true,
		Resolve: ResolveArgs(func(ctx context.Context, e *Env, a *remuteArgs) error {
			w, err := d.window(ctx, e, a.Window)
			if err != nil {
				return err
			}
			until := w.Until
			if more, err := parseDuration(a.For); err == nil {
				until = until.Add(more)
			} else if until, err = clockTime(strings.TrimPrefix(a.For, "until "), e.Now, d.Mutes.Zone()); err != nil {
				return err
			}
			a.Window, a.For = w.ID, until.UTC().Format(time.RFC3339) // exact: run twice, it lasts as long
			return nil
		}),
	}, func(ctx context.Context, _ *Env, a remuteArgs) (bot.Message, error) {
		until, err := parseMoment(a.For)
		if err != nil {
			return bot.Message{}, err
		}
		w, err := d.Mutes.Prolong(ctx, a.Window, until)
		if err != nil {
			return bot.Message{}, err
		}
		return bot.Message{Title: "Maintenance of " + w.Scope.String() + " goes on", Tone: bot.Muted, Blocks: []bot.Block{bot.Textf("Until %v.", minute(w.Until)), bot.Notef("Window `%s`", w.ID)}}, nil
	})
}

func (d Deps) completeWindows(ctx context.Context, e *Env, prefix string) []bot.Choice {
	list, err := d.Mutes.Windows(ctx)
	if err != nil {
		return nil
	}
	var out []bot.Choice
	for _, w := range list {
		if strings.HasPrefix(w.ID, prefix) && e.allowedOn("alert.mute", w.Scope) {
			out = append(out, bot.Choice{Value: w.ID, Help: cmp.Or(clip(w.Scope.String(), 60), "window")})
		}
	}
	return out
}

// completeScopes are the clusters and the jobs.
func (d Deps) completeScopes(ctx context.Context, e *Env, prefix string) []bot.Choice {
	var out []bot.Choice
	for _, n := range d.Clusters.Names() {
		if e.Allowed("alert.mute", n, "") {
			out = append(out, bot.Choice{Value: n, Help: "the whole cluster"})
		}
	}
	return append(out, d.completeJobs(ctx, e, prefix)...)
}
