package alerts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drey-ops/drey/alerts/prometheus"
	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/chart"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
)

const (
	// chartSpan is what a chart shows, a value every chartStep.
	chartSpan = time.Hour
	chartStep = 15 * time.Second
	// chartWithin is how long one answer of Prometheus is waited for.
	chartWithin = 5 * time.Second
	// chartPatience is how long after its incident a chart is tried again, every chartAgain, while Prometheus does not answer.
	chartPatience = 45 * time.Second
	chartAgain    = 10 * time.Second
	// chartLate is the age of an incident from which it gets no chart any more: in a storm of a thousand the last ones would
	// come long after anybody looked, and every one costs a tenth of a second and one of the channel's messages.
	chartLate = 5 * time.Minute
	// chartBatch is how many charts are made at once.
	chartBatch = 2
)

// wantChart asks for the chart of a new incident, where there is something to draw and somebody to see it.
func (s *Service) wantChart(tx *storage.Tx, i *Incident) {
	if _, expr := i.expression(); expr != "" && s.proms[i.Source] != nil && i.Open() && slices.ContainsFunc(i.Targets, func(t Target) bool { return !t.represented() }) {
		tx.Enqueue(chartQueue, i.root(), time.Time{})
	}
}

// expression is that of the first alert that brought one along.
func (i *Incident) expression() (a Alert, expr string) {
	for _, a := range i.shown() {
		if e := prometheus.ExprOf(a.GeneratorURL); e != "" {
			return a, e
		}
	}
	return Alert{}, ""
}

func (s *Service) charts(ctx context.Context, items []storage.Item) {
	var wg sync.WaitGroup
	for _, it := range items {
		wg.Go(func() { s.warn(ctx, it, s.chartOne(ctx, it)) })
	}
	wg.Wait()
}

// chartOne posts the chart of an incident into its threads, or says once and quietly why there is none.
func (s *Service) chartOne(ctx context.Context, it storage.Item) error {
	inc, _, err := s.current.Get(ctx, it.ID)
	now := s.hooks.Now()
	wanted := func(i *Incident) bool {
		return i.Open() && i.Charted.IsZero() && now.Sub(i.First) < chartLate && s.proms[i.Source] != nil
	}
	switch {
	case errors.Is(err, storage.ErrNotFound), err == nil && !wanted(&inc):
		return s.finish(ctx, it)
	case err != nil:
		return err // the lease runs out, and somebody tries again
	}
	limit, cancel := context.WithTimeout(ctx, chartWithin)
	m, err := s.chartOf(limit, &inc, now)
	cancel()
	if ctx.Err() != nil {
		return nil //nolint:nilerr // drey stops: the lease runs out, and somebody tries again
	}
	if kind := platform.KindOf(err); (kind == platform.Unavailable || kind == platform.Busy) && now.Sub(inc.First) < chartPatience {
		tx := s.db.Begin(it.ID)
		tx.ReleaseAfter(it, chartAgain)
		return s.db.Commit(ctx, tx)
	}
	if err != nil {
		s.log.Info("no chart of an alert", "incident", inc.ID, "source", inc.Source, "err", err)
		m = bot.Message{Tone: bot.Muted, Blocks: []bot.Block{bot.Notef("No chart: %s.", reason(err))}}
		m.Fallback = "No chart: " + reason(err) + "."
	}
	_, err = s.change(ctx, it.ID, func(i *Incident, tx *storage.Tx) ([]story, error) {
		tx.Finish(it)
		if i.ID != inc.ID || !wanted(i) {
			return nil, nil
		}
		i.Charted = now
		for _, t := range i.Targets {
			if !t.Headed {
				continue // muted, or counted in a storm
			}
			s.out.Put(tx, bot.Delivery{Key: i.key(t.Place, "chart"), Parent: i.HeadKey(t.Place), To: t.Place, Message: m})
		}
		return nil, nil
	})
	return err
}

// reason is an error without what was attempted.
func reason(err error) string {
	var e *platform.Error
	if errors.As(err, &e) {
		err = e.Err
	}
	return strings.TrimRight(clip(err.Error(), maxSummary), ". ")
}

// chartOf asks Prometheus how the incident's expression went, and draws it.
func (s *Service) chartOf(ctx context.Context, i *Incident, now time.Time) (bot.Message, error) {
	a, expr := i.expression()
	value, limits := prometheus.Split(expr)
	found, err := s.proms[i.Source].QueryRange(ctx, value, now.Add(-chartSpan), now, chartStep)
	if err != nil {
		return bot.Message{}, err
	}
	found = i.ownSeries(found)
	if len(found) == 0 {
		return bot.Message{}, errors.New("Prometheus has no values of the alert's expression in the last hour")
	}
	l := chart.Lines{
		Title: cmp.Or(a.Labels["alertname"], i.Title), Note: expr, From: now.Add(-chartSpan), To: now, Step: chartStep, Unit: unitOf(value), Limits: limits,
	}
	for _, s := range found {
		line := chart.Series{Name: nameOf(s, found)}
		for _, v := range s.Samples {
			line.Points = append(line.Points, chart.Point{At: v.At, Value: v.Value})
		}
		l.Series = append(l.Series, line)
	}
	png, err := l.PNG()
	if err != nil {
		return bot.Message{}, fmt.Errorf("draw the chart: %w", err)
	}
	alt := altText(l)
	return bot.Message{Blocks: []bot.Block{bot.Image{Name: "chart.png", Alt: alt, PNG: png}}, Fallback: alt}, nil
}

// ownSeries are those that the firing alerts may stem from, or all where none does; the highest first. An alert has the labels
// of its series, but rules may add and overwrite some.
func (i *Incident) ownSeries(all []prometheus.Series) []prometheus.Series {
	shown := i.shown()
	own := slices.DeleteFunc(slices.Clone(all), func(s prometheus.Series) bool {
		return !slices.ContainsFunc(shown, func(a Alert) bool { return a.stemsFrom(s.Labels) })
	})
	if len(own) == 0 {
		own = slices.Clone(all)
	}
	slices.SortStableFunc(own, func(a, b prometheus.Series) int {
		return cmp.Or(cmp.Compare(highest(b), highest(a)), strings.Compare(fmt.Sprint(a.Labels), fmt.Sprint(b.Labels)))
	})
	return own
}

func (a Alert) stemsFrom(series map[string]string) bool {
	for k, v := range series {
		if got, ok := a.Labels[k]; k != "__name__" && ok && got != v {
			return false
		}
	}
	return true
}

func highest(s prometheus.Series) float64 {
	top := math.Inf(-1)
	for _, v := range s.Samples {
		if v.Value > top { // never NaN
			top = v.Value
		}
	}
	return top
}

// nameOf tells a series from the others.
func nameOf(s prometheus.Series, all []prometheus.Series) string {
	plain := func(l map[string]string) map[string]string {
		l = maps.Clone(l)
		delete(l, "__name__")
		return l
	}
	if len(all) == 1 {
		return cmp.Or(s.Labels["job_name"], s.Labels["task_name"], s.Labels["instance"], s.Labels["__name__"], "value")
	}
	var as []Alert
	for _, o := range all {
		as = append(as, Alert{Labels: plain(o.Labels)})
	}
	return apart(Alert{Labels: plain(s.Labels)}, commonLabels(as))
}

// altText says what the picture shows to those who cannot see it.
func altText(l chart.Lines) string {
	var parts []string
	for _, s := range l.Series[:min(len(l.Series), maxMembers)] {
		if n := len(s.Points); n > 0 {
			parts = append(parts, clip(s.Name, 60)+" now "+l.Unit.Format(s.Points[n-1].Value))
		}
	}
	if n := len(l.Series) - maxMembers; n > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", n))
	}
	for _, v := range l.Limits {
		parts = append(parts, "limit "+l.Unit.Format(v))
	}
	return "Chart of the last hour of " + clip(l.Note, 200) + ": " + strings.Join(parts, ", ")
}

// unitOf guesses what an expression measures from the names in it; a wrong unit is worse than none.
func unitOf(expr string) chart.Unit {
	match := func(pattern string) bool { ok, err := regexp.MatchString(pattern, expr); return ok && err == nil }
	isBytes := match(`(?i)bytes|Memory_\w*(Used|Max|Committed)|CheckpointSize|StateSize`)
	switch {
	case match(`^\s*histogram_quantile\s*\(`) && match(`_seconds(_bucket)?\b`):
		return chart.Seconds
	case match(`(?i)_ratio\b`), isBytes && match(`(?i)(bytes|used)\w*(\{[^}]*\})?\s*/[^/]*(bytes|max|total|limit)`):
		return chart.Ratio
	case match(`(?i)PerSecond`), match(`\b(count|count_values|absent|absent_over_time|changes|resets)\s*[( ]`):
		return chart.Count
	case match(`\b(rate|irate|deriv)\s*\(`) && isBytes:
		return chart.BytesPerSecond
	case match(`\b(rate|irate)\s*\(`):
		if match(`_seconds`) {
			return chart.Count // seconds a second
		}
		return chart.PerSecond
	case isBytes:
		return chart.Bytes
	case match(`\btime\s*\(\s*\)\s*-`), match(`_seconds\b`):
		return chart.Seconds
	case match(`Timestamp`):
		return chart.Count
	case match(`(Duration|TimeLag|runningTime|[uU]ptime|[dD]owntime|Milliseconds|_ms|Latency)\b`):
		if match(`/\s*1000\b`) {
			return chart.Seconds
		}
		return chart.Milliseconds
	}
	return chart.Count
}
