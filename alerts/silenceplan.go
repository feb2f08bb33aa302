package alerts

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
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
	Until    time.Time             // where Keep holds, the latest
	Keep     bool                  // until the incident resolves
	Matchers alertmanager.Matchers // of the first of
	Parts    []SilencePart         // what is to be made, where
	Bare     []string              // sources of its alerts without an Alertmanager
	Exact    bool                  // the matchers are those of the incident, or of the silence that it has, and not broad
	Comment  string
	Hides    *Hidden  // nil: no Alertmanager said, or nobody asked
	Away     []string // the sources that did not say
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
	case !slices.ContainsFunc(inc.sources(), func(source string) bool { return len(s.peers[source]) > 0 }):
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
	given, err := alertmanager.ParseMatchers(w.Matchers)
	if err != nil {
		return p, wrong("matchers", `%s; want them as Alertmanager writes them: alertname="Down", instance=~"a|b"`, err)
	}
	if len(given) == 0 && strings.TrimSpace(w.Matchers) != "" {
		return p, wrong("matchers", "%s", s.options.Silence.tooBroad(given))
	}
	p.Parts, p.Exact, p.Bare = s.silenceParts(&inc, given)
	if p.Matchers = given; len(p.Parts) > 0 {
		p.Matchers = p.Parts[0].Matchers
	}
	if slices.ContainsFunc(p.Parts, func(x SilencePart) bool { return len(x.Matchers) == 0 }) {
		return p, wrong("matchers", "its alerts have no label in common, so a silence would hide others too: write which to hide")
	}
	broad := false
	for _, part := range p.Parts {
		switch why := s.options.Silence.tooBroad(part.Matchers); {
		case why == "":
		case !p.Exact:
			return p, wrong("matchers", "%s", why)
		default:
			broad = true // the incident's own: what they hide is shown first
		}
	}
	p.Exact = p.Exact && !broad
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
	var fps map[string]map[string]bool
	if fps, p.Away = s.hiddenBy(limit, p.Parts); len(fps) == 0 {
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

// hiddenBy are the alerts that parts of a silence hide, by source and fingerprint. away are the sources that did not say.
func (s *Service) hiddenBy(ctx context.Context, parts []SilencePart) (fps map[string]map[string]bool, away []string) {
	fps = map[string]map[string]bool{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, p := range parts {
		for _, c := range s.peers[p.Source] {
			wg.Go(func() {
				as, err := c.AlertsThat(ctx, p.Matchers)
				if err != nil {
					return
				}
				mu.Lock()
				defer mu.Unlock()
				for _, source := range append([]string{p.Source}, p.Also...) {
					if fps[source] == nil {
						fps[source] = map[string]bool{}
					}
					for _, a := range as {
						fps[source][a.Fingerprint] = true
					}
				}
			})
		}
	}
	wg.Wait()
	for _, p := range parts {
		if fps[p.Source] == nil {
			away = append(away, p.Source)
		}
	}
	return fps, unique(away)
}

// hides counts whose alerts are among those hidden.
func hides(own *Incident, list []Incident, fps map[string]map[string]bool) *Hidden {
	all, known := map[string]bool{}, map[string]bool{}
	for _, at := range fps {
		maps.Copy(all, at)
	}
	h := &Hidden{Alerts: len(all)}
	for _, i := range list {
		n, firing := 0, 0
		for fp, a := range i.Alerts {
			if a.Status != Firing || i.sourceOf(a) == ownSource {
				continue
			}
			firing++
			if fps[i.sourceOf(a)][fp] {
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
	h.Unknown = len(all) - len(known)
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
		add("**What it hides is not known**: Alertmanager did not answer in time.\nAlerts with `%s` are silenced %v.", p.matchersText(), until)
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
	if len(p.Away) > 0 {
		add("\n**What it hides in %s is not known**: no answer in time.", theirs(p.Away, append(p.Away, "")))
	}
	add("\nMatchers: `%s`", p.matchersText())
	return t
}

// matchersText are the matchers of all parts, each once.
func (p SilencePlan) matchersText() string {
	var out []string
	for _, x := range p.Parts {
		out = append(out, x.Matchers.String())
	}
	return strings.Join(unique(out), "` and `")
}

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
