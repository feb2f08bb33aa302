package alerts

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/platform"
)

// Question is an alert that might come, or an incident that there is, for Test.
type Question struct {
	Incident string            // the id of an incident, or
	Labels   map[string]string // the labels of one firing alert
	At       time.Time         // zero: now
}

// Test says stage by stage where an alert would go, and why, without any effect. Of an incident it says where it would go if
// it were new.
func (s *Service) Test(ctx context.Context, q Question) (Trace, error) {
	if q.At.IsZero() {
		q.At = s.hooks.Now()
	}
	if q.Incident == "" {
		return s.pipeline.Test(ctx, q), nil
	}
	i, err := s.Get(ctx, q.Incident)
	if err != nil {
		return Trace{}, err
	}
	return s.pipeline.route(ctx, i, q.At), nil
}

// Test says where an alert with q.Labels would go at q.At.
func (p *Pipeline) Test(ctx context.Context, q Question) Trace {
	about := p.subjectOf(q.Labels, nil)
	i := Incident{ID: "test", Seq: 1, About: about.about, GroupLabels: q.Labels, Since: q.At, First: q.At, Seen: q.At, Episodes: 1}
	if names := slices.Sorted(maps.Keys(p.options.Sources)); len(names) > 0 {
		i.Source = names[0]
	}
	i.NoAPI = !p.hasAPI(i.Source)
	i.Alerts = map[string]Alert{"test": {Status: Firing, Labels: q.Labels, StartsAt: q.At, Changed: q.At}}
	i.refresh()
	return p.route(ctx, i, q.At)
}

// route runs the stages that decide where an incident goes, as if nobody had been told of it.
func (p *Pipeline) route(ctx context.Context, i Incident, now time.Time) Trace {
	i = i.clone()
	i.Targets, i.Climbs = nil, nil
	b := Batch{At: now, Source: i.Source, Incident: &i, Kind: kindNew, trace: &Trace{}}
	stages := []Stage{{"bind", bindStage}, {"match", p.matchStage}, {"mute", p.muteStage}, {"storm", p.stormStage}, {"escalate", p.escalateStage}, {"compose", composeStage}}
	b, err := run(ctx, stages, b)
	t := *b.trace
	t.Err, t.Incident, t.Deliveries = err, b.Incident, b.Deliveries
	return t
}

// ParseLabels reads "severity=critical job_name=orders"; a value with blanks stands in double quotes, and pairs may be parted by
// commas and stand in braces, as Alertmanager writes them.
func ParseLabels(s string) (map[string]string, error) {
	bad := func(at string) error {
		return platform.Errorf(platform.Invalid, "", "want labels such as severity=critical job_name=orders, have %q", clip(at, 60))
	}
	out := map[string]string{}
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, "{") && strings.HasSuffix(s, "}") {
		s = s[1 : len(s)-1]
	}
	for s = strings.TrimLeft(s, " ,\n\t"); s != ""; s = strings.TrimLeft(s, " ,\n\t") {
		name, rest, ok := strings.Cut(s, "=")
		name = strings.Trim(strings.TrimSpace(name), `"`)
		if !ok || name == "" || strings.ContainsAny(name, "!~{}") || strings.HasPrefix(rest, "~") {
			return nil, bad(s)
		}
		var value string
		if quoted, ok := strings.CutPrefix(rest, `"`); ok {
			if value, s, ok = strings.Cut(quoted, `"`); !ok {
				return nil, bad(rest)
			}
		} else {
			end := strings.IndexAny(rest, " ,\n\t")
			if end < 0 {
				end = len(rest)
			}
			value, s = rest[:end], rest[end:]
		}
		out[name] = value
	}
	if len(out) == 0 {
		return nil, bad(s)
	}
	return out, nil
}
