package alerts

import (
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// safety says what a restart of the job would cost: from where it resumes, what would be replayed, and what else there is.
func (f *JobFacts) safety() (bot.Text, bool) {
	t := bot.Text{Spans: []bot.Span{{Text: "State: ", Bold: true}}}
	add := func(format string, args ...any) { t.Spans = append(t.Spans, bot.Textf(format, args...).Spans...) }
	last := f.Checkpoint
	if f.Savepoint.After(last) {
		last = f.Savepoint
	}
	switch {
	case f.Off && f.Savepoint.IsZero():
		add("a restart begins afresh: checkpoints are off and there is no savepoint")
		return t, true
	case !f.Checkpoints && f.Savepoint.IsZero():
		return bot.Text{}, false // it is not known
	case last.IsZero():
		add("a restart begins afresh: no checkpoint completed, no savepoint of this run")
	case f.Savepoint.Equal(last):
		add("a restart resumes from the savepoint of %v%s; %v", moment(last), f.replays(last), f.checkpointText())
	default:
		add("a restart resumes from the checkpoint of %v%s%s; %v", moment(last), f.sizeText(), f.replays(last), f.savepointText())
	}
	switch f.Retention {
	case platform.DeleteOnCancellation:
		add("; a cancel deletes the checkpoints")
	case platform.NoRetention:
		add("; checkpoints are deleted when the job ends")
	case platform.RetainOnCancellation:
	}
	return t, true
}

// replays says how much of the time would be worked through again; nothing for a job that stands still.
func (f *JobFacts) replays(since time.Time) string {
	if f.State == platform.Running && f.Running == f.Total {
		return ", replaying about " + span(f.At.Sub(since))
	}
	return ""
}

func (f *JobFacts) sizeText() string {
	if f.CheckpointSize > 0 && !f.Checkpoint.IsZero() {
		return ", " + bytesText(f.CheckpointSize)
	}
	return ""
}

func (f *JobFacts) checkpointText() bot.Text {
	if f.Checkpoint.IsZero() {
		return bot.Textf("no checkpoint completed")
	}
	return bot.Textf("last checkpoint %v%s", moment(f.Checkpoint), f.sizeText())
}

func (f *JobFacts) savepointText() bot.Text {
	if f.Savepoint.IsZero() {
		return bot.Textf("no savepoint of this run")
	}
	return bot.Textf("last savepoint %v", moment(f.Savepoint))
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
