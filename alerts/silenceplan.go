package alerts

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/alerts/alertmanager"
	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// Wish is a silence as a person asks for it, in words.
type Wish struct {
	Until    string // how long, or until when: see untilHelp
	Matchers string // as Alertmanager writes them; empty: those of the incident
	Comment  string
}

// FieldError says what was wrong with one part of a Wish: "duration" or "matchers".
type FieldError struct {
	Field string
	Err   error
}

func (e *FieldError) Error() string { return e.Err.Error() }
func (e *FieldError) Unwrap() error { return e.Err }

// SilencePlan is what a Wish comes to.
type SilencePlan struct {
	Incident Incident
	Until    time.Time // where Keep holds, the latest
	Keep     bool      // until the incident resolves
	Matchers alertmanager.Matchers
	Exact    bool // the matchers are those of the incident, or of the silence that it has, and not broad
	Comment  string
	Hides    *Hidden // nil: Alertmanager did not say, or nobody asked
}

// Ask says whether a person should see what the silence hides before it is made.
func (p SilencePlan) Ask() bool {
	return !p.Exact || p.Hides != nil && len(p.Hides.Others) > 0
}

// Hidden is what matchers hide.
type Hidden struct {
	Alerts  int // all of them
	Own     int // of the incident, of OwnAll that fire
	OwnAll  int
	Others  []HiddenOf // other incidents, those with the most alerts first
	Unknown int        // alerts of no incident
}

// HiddenOf is how many alerts of an incident are hidden.
type HiddenOf struct {
	ID, Title string
	Alerts    int
}

// zone is the one that people's times are read and answered in.
func (s *Service) zone() *time.Location {
	if z := s.pipeline.routes.zone; z != nil {
		return z
	}
	return time.UTC
}

// clock writes a time for an answer, in the zone that people's times are read in.
func (s *Service) clock(t time.Time) string { return t.In(s.zone()).Format("2006-01-02 15:04 MST") }

// Plan works out what a wish comes to without doing anything. Its errors are FieldErrors where a part of the wish is wrong.
func (s *Service) Plan(ctx context.Context, id string, w Wish) (SilencePlan, error) {
	inc, err := s.Get(ctx, id)
	if err != nil {
		return SilencePlan{}, err
	}
	p := SilencePlan{Incident: inc, Comment: clip(w.Comment, 300)}
	op, now := "silence "+inc.ID, s.hooks.Now()
	wrong := func(field, format string, args ...any) error {
		return &FieldError{field, platform.Errorf(platform.Invalid, op, format+"; nothing was silenced", args...)}
	}
	switch {
	case !inc.Open():
		return p, platform.Errorf(platform.Invalid, op, "it is over since %s; nothing was silenced", s.clock(inc.Over))
	case len(s.peers[inc.Source]) == 0:
		return p, noPeer(&inc)
	}
	end, err := parseUntil(w.Until, now, s.zone())
	if err != nil {
		return p, wrong("duration", "%s", err)
	}
	if p.Until, p.Keep = end.at.UTC().Truncate(time.Second), end.keep; p.Keep {
		p.Until = now.Add(s.options.Silence.Max).UTC().Truncate(time.Second)
	}
	if d := p.Until.Sub(now); d < minSilence-time.Second || d > s.options.Silence.Max {
		return p, wrong("duration", "a silence lasts from 1 min to %s", span(s.options.Silence.Max))
	}
	own := alertmanager.Matchers(inc.matchers())
	if p.Matchers, err = alertmanager.ParseMatchers(w.Matchers); err != nil {
		return p, wrong("matchers", `%s; want them as Alertmanager writes them: alertname="Down", instance=~"a|b"`, err)
	}
	if strings.TrimSpace(w.Matchers) == "" {
		p.Matchers = own
		if have := inc.wantedSilence(); have != nil {
			p.Matchers = have.Matchers
		}
	}
	if len(p.Matchers) == 0 && strings.TrimSpace(w.Matchers) == "" {
		return p, wrong("matchers", "its alerts have no label in common, so a silence would hide others too: write which to hide")
	}
	p.Exact = p.Matchers.Same(own) || slices.ContainsFunc(inc.Silences, func(x Silence) bool { return !x.Ended && p.Matchers.Same(x.Matchers) })
	switch why := s.options.Silence.tooBroad(p.Matchers); {
	case why == "":
	case !p.Exact:
		return p, wrong("matchers", "%s", why)
	default:
		p.Exact = false // the incident's own, but broad: what they hide is shown first
	}
	return p, nil
}

func noPeer(i *Incident) error {
	return platform.Errorf(platform.Unsupported, "silence "+i.ID, "no Alertmanager is configured for the source %s (alerts.sources.%s.alertmanager)", i.Source, i.Source)
}

// previewWithin is how long a person waits to see what a silence hides.
const previewWithin = 2 * time.Second

// Preview asks Alertmanager what a plan would hide, and refuses one that hides too much. Where Alertmanager does not answer
// in time the plan comes back as it was.
func (s *Service) Preview(ctx context.Context, p SilencePlan) (SilencePlan, error) {
	limit, cancel := context.WithTimeout(ctx, previewWithin)
	defer cancel()
	fps, ok := s.hiddenBy(limit, p.Incident.Source, p.Matchers)
	if !ok {
		return p, nil
	}
	list, err := s.List(ctx, Filter{Max: 10000})
	if err != nil {
		return p, nil // without it there is no preview, and the plan is good all the same
	}
	p.Hides = hides(&p.Incident, list, fps)
	if most := s.options.Silence.MaxHidden; len(p.Hides.Others) > most {
		return p, &FieldError{"matchers", platform.Errorf(platform.Invalid, "silence "+p.Incident.ID,
			"%s would hide %d other incidents, at most %d are allowed; name more labels. Nothing was silenced", clip(p.Matchers.String(), 200), len(p.Hides.Others), most)}
	}
	return p, nil
}

// hiddenBy are the alerts of a source that matchers hide, by fingerprint; false when no Alertmanager answers.
func (s *Service) hiddenBy(ctx context.Context, source string, ms alertmanager.Matchers) (fps map[string]bool, ok bool) {
	fps = map[string]bool{}
	for _, c := range s.peers[source] {
		as, err := c.AlertsThat(ctx, ms)
		if err != nil {
			continue
		}
		ok = true
		for _, a := range as {
			fps[a.Fingerprint] = true
		}
	}
	return fps, ok
}

// hides counts whose alerts are among those hidden.
func hides(own *Incident, list []Incident, fps map[string]bool) *Hidden {
	h := &Hidden{Alerts: len(fps)}
	known := map[string]bool{}
	for _, i := range list {
		n, firing := 0, 0
		for fp, a := range i.Alerts {
			if a.Status != Firing || i.sourceOf(a) != own.Source {
				continue
			}
			firing++
			if fps[fp] {
				n++
				known[fp] = true
			}
		}
		switch {
		case i.ID == own.ID:
			h.Own, h.OwnAll = n, firing
		case n > 0:
			h.Others = append(h.Others, HiddenOf{i.ID, i.Title, n})
		}
	}
	slices.SortStableFunc(h.Others, func(a, b HiddenOf) int { return b.Alerts - a.Alerts })
	h.Unknown = len(fps) - len(known)
	return h
}

// hiddenShown is how many incidents a preview names.
const hiddenShown = 8

// Text says what a plan would do, for the person to agree to.
func (p SilencePlan) Text() bot.Text {
	until := bot.Textf("until %v", moment(p.Until))
	if p.Keep {
		until = bot.Textf("until %s resolves, at most until %v", p.Incident.ID, moment(p.Until))
	}
	var t bot.Text
	add := func(format string, args ...any) { t.Spans = append(t.Spans, bot.Textf(format, args...).Spans...) }
	h := p.Hides
	if h == nil {
		add("**What it hides is not known**: Alertmanager did not answer in time.\nAlerts with `%s` are silenced %v.", p.Matchers.String(), until)
		return t
	}
	incidents := len(h.Others)
	if h.Own > 0 {
		incidents++
	}
	add("**Hides %s of %s** now, %v:", plural(h.Alerts, "alert"), plural(incidents, "incident"), until)
	if h.Own > 0 {
		add("\n• %s %s (%s): this one", p.Incident.ID, clip(p.Incident.Title, 80), plural(h.Own, "alert"))
	}
	for _, o := range h.Others[:min(len(h.Others), hiddenShown)] {
		add("\n• %s %s (%s)", o.ID, clip(o.Title, 80), plural(o.Alerts, "alert"))
	}
	if n := len(h.Others) - hiddenShown; n > 0 {
		add("\n• and %s more", plural(n, "incident"))
	}
	if h.Unknown > 0 {
		add("\n• %s that drey has no incident for", plural(h.Unknown, "alert"))
	}
	if left := h.OwnAll - h.Own; left > 0 {
		add("\n**%d of the %s of this incident go on firing.**", left, plural(h.OwnAll, "alert"))
	}
	add("\nMatchers: `%s`", p.Matchers.String())
	return t
}

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
