package alerts

import (
	"context"
	"slices"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// Change is an operation of drey's on a job, as Hooks.Changes tells it.
type Change struct {
	At        time.Time `json:"at"`             // when it began
	Ended     time.Time `json:"ended,omitzero"` // zero while it is at work
	Kind      string    `json:"kind"`           // "restart", "scale", "stop" …
	By        string    `json:"by,omitempty"`   // who asked for it, as shown to people
	Outcome   string    `json:"outcome"`        // in words: "done", "failed", "under way"
	Operation string    `json:"op,omitempty"`   // its short name
	Line      string    `json:"line,omitempty"` // all of it but the time: "Scale to 4 by Olga, failed"
}

const (
	// changesFor is how long before an incident a change counts as recent.
	changesFor = 12 * time.Hour
	// changesMax is how many of them a head tells.
	changesMax = 3
	// changesWithin is how long drey's own store is asked.
	changesWithin = 2 * time.Second
)

// changes are what drey changed at the job of an incident of late, the newest first.
func (s *Service) changes(ctx context.Context, i *Incident, f *JobFacts) ([]Change, error) {
	if s.hooks.Changes == nil || i.Job == nil {
		return nil, nil
	}
	job := platform.JobRef{Cluster: i.Job.Cluster, Job: i.Job.Name}
	if f != nil && f.Name != "" {
		job = platform.JobRef{Cluster: f.Ref.Cluster, Job: f.Name}
	}
	if job.Cluster == "" || job.Job == "" {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, changesWithin)
	defer cancel()
	list, err := s.hooks.Changes(ctx, job.Cluster, job.Job, i.Since.Add(-changesFor))
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(list, func(a, b Change) int { return b.At.Compare(a.At) })
	return list[:min(len(list), changesMax)], nil
}

// changesText tells what drey changed, each with when it was beside the incident's beginning.
func (i *Incident) changesText() (bot.Text, bool) {
	if len(i.Changes) == 0 {
		return bot.Text{}, false
	}
	t := bot.Text{Spans: []bot.Span{{Text: "Changed through drey: ", Bold: true}}}
	for n, c := range i.Changes {
		if n > 0 {
			t.Spans = append(t.Spans, bot.Span{Text: "; "})
		}
		when := span(i.Since.Sub(c.At)) + " before it began"
		if c.At.After(i.Since) {
			when = span(c.At.Sub(i.Since)) + " after it began"
		}
		t.Spans = append(t.Spans, bot.Textf("%s, %s", clip(c.Line, 160), when).Spans...)
		if c.Operation != "" {
			t.Spans = append(t.Spans, bot.Textf(" (`%s`)", c.Operation).Spans...)
		}
	}
	return t, true
}
