package alerts

import (
	"fmt"
	"slices"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// Cause is the root cause of an incident: the newest exception of its job, and what is known of others like it.
type Cause struct {
	// Fingerprint is the same for exceptions that differ only in numbers, ids, paths and the like.
	Fingerprint string `json:"fingerprint"`
	// Text is the exception in one line, as the job had it.
	Text string `json:"text"`
	// At is when the job had it, by the cluster's clock.
	At time.Time `json:"at,omitzero"`
	// Seen says in words how often and where it was seen: "Seen 14× in 3 jobs since 09:10".
	Seen string `json:"seen,omitempty"`
	// New says that it had not been seen before this incident.
	New bool `json:"new,omitempty"`

	Count    int           `json:"count,omitempty"`
	Jobs     int           `json:"jobs,omitempty"`
	MoreJobs bool          `json:"more_jobs,omitempty"`
	First    time.Time     `json:"first,omitzero"`
	After    *deploy       `json:"after,omitempty"`   // what it was first seen after
	Watched  time.Duration `json:"watched,omitempty"` // for how long causes are counted
}

// causeBefore is how long before an incident an exception may have come and count as its cause: an alert waits before it fires.
const causeBefore = time.Hour

// causeOf is the cause of an incident that began at a time.
func causeOf(v sighting, x platform.Exception, since time.Time, watched time.Duration) *Cause {
	c := &Cause{
		Fingerprint: v.Fingerprint, Text: clip(x.Root, maxDescription), At: x.At, Count: v.Count, Jobs: len(v.Jobs), MoreJobs: v.MoreJobs,
		First: v.First, After: v.After, Watched: watched,
	}
	c.New = c.Jobs == 1 && !v.First.Before(since.Add(-causeBefore))
	c.Seen = c.seen("", nil).Plain()
	return c
}

// seen says how often and since when the cause is known, or that it is new. job is the one that the reader looks at, and told are
// the changes that they read of beside: what goes without saying is left out.
func (c *Cause) seen(job string, told []Change) bot.Text {
	if c.Count == 0 {
		return bot.Text{}
	}
	var t bot.Text
	add := func(more bot.Text) { t.Spans = append(t.Spans, more.Spans...) }
	switch times, jobs := fmt.Sprintf("%d×", c.Count), fmt.Sprintf("%d jobs", c.Jobs); {
	case c.New:
		add(bot.Textf("**New**: not seen before"))
		if c.Watched >= 24*time.Hour {
			add(bot.Textf(" in %s", span(c.Watched.Truncate(24*time.Hour))))
		}
		if c.Count > 1 {
			add(bot.Textf("; %s since %v", times, moment(c.First)))
		}
	case c.MoreJobs:
		add(bot.Textf("Seen **%s** in more than %s since %v", times, jobs, moment(c.First)))
	case c.Jobs == 1:
		add(bot.Textf("Seen **%s** in this job alone since %v", times, moment(c.First)))
	default:
		add(bot.Textf("Seen **%s** in %s since %v", times, jobs, moment(c.First)))
	}
	if c.After != nil {
		add(c.After.text(job, told))
	}
	return t
}

// text says after which change a cause was first seen.
func (d *deploy) text(job string, told []Change) bot.Text {
	t := bot.Textf("; first after the %s", deployWord(d.Kind))
	if d.Job != job {
		t.Spans = append(t.Spans, bot.Textf(" of %s", clip(d.Job, 120)).Spans...)
	}
	t.Spans = append(t.Spans, bot.Textf(" at %v", moment(d.At)).Spans...)
	if d.Operation != "" && !slices.ContainsFunc(told, func(c Change) bool { return c.Operation == d.Operation }) {
		t.Spans = append(t.Spans, bot.Textf(" (operation `%s`)", d.Operation).Spans...)
	}
	return t
}

// causeBlocks tell why the job fails, as far as it is known.
func (i *Incident) causeBlocks() []bot.Block {
	if i.Facts == nil || i.Facts.RootCause == "" || !i.Open() {
		return nil
	}
	root := clip(i.Facts.RootCause, maxDescription)
	if i.Cause == nil || i.Cause.Count == 0 {
		if at := i.Facts.RootAt; !at.IsZero() && at.Before(i.Since.Add(-causeBefore)) {
			return []bot.Block{bot.Textf("**Last exception**, %s before it began: `%s`", span(i.Since.Sub(at)), root)}
		}
		return []bot.Block{bot.Textf("**Root cause:** `%s`", root)}
	}
	return []bot.Block{bot.Textf("**Root cause:** `%s`", root), i.Cause.seen(i.ownJob(), i.Changes)}
}
