package alerts

import (
	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// safety says what a restart of the job would cost: the newest restore points, and what would be replayed.
func (f *JobFacts) safety() (bot.Text, bool) {
	p := f
	switch {
	case p.Off && p.Savepoint.IsZero():
		return bot.Textf("**State:** checkpoints are off and there is no savepoint, so a restart begins afresh"), true
	case !p.Checkpoints && p.Savepoint.IsZero():
		return bot.Text{}, false // it is not known
	}
	t := bot.Text{Spans: []bot.Span{{Text: "State: ", Bold: true}}}
	add := func(format string, args ...any) { t.Spans = append(t.Spans, bot.Textf(format, args...).Spans...) }
	last := p.Checkpoint
	if last.IsZero() {
		add("no checkpoint completed")
	} else {
		add("last checkpoint %v", moment(last))
		if p.CheckpointSize > 0 {
			add(" (%s)", bytesText(p.CheckpointSize))
		}
	}
	if p.Savepoint.IsZero() {
		add(", no savepoint of this run")
	} else {
		add(", last savepoint %v", moment(p.Savepoint))
	}
	if p.Savepoint.After(last) {
		last = p.Savepoint
	}
	switch {
	case last.IsZero():
		add("; a restart begins afresh")
	case f.State == platform.Running && f.Running == f.Total:
		add("; a restart resumes from there and replays about %s", span(f.At.Sub(last)))
	default:
		add("; a restart resumes from there")
	}
	switch p.Retention {
	case platform.DeleteOnCancellation:
		add("; a cancel deletes the checkpoints")
	case platform.NoRetention:
		add("; checkpoints are deleted when the job ends")
	case platform.RetainOnCancellation:
	}
	return t, true
}

// safetyBlocks tell what is safe to do with the job, as far as it is known.
func (i *Incident) safetyBlocks() []bot.Block {
	if i.Facts == nil || !i.Open() {
		return nil
	}
	if t, ok := i.Facts.safety(); ok {
		return []bot.Block{t}
	}
	return nil
}

// jobBlocks tell what is wrong with the job, and what was changed.
func (i *Incident) jobBlocks() []bot.Block {
	if !i.Open() {
		return nil
	}
	var out []bot.Block
	if f := i.Facts; f != nil && f.Trend != "" {
		out = append(out, bot.Textf("**Checkpoints:** %s", f.Trend))
	}
	if f := i.Facts; f != nil && f.Load != "" {
		out = append(out, bot.Textf("**Load:** %s", f.Load))
	}
	if t, ok := i.changesText(); ok {
		out = append(out, t)
	}
	return out
}
