package alerts

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/drey-ops/drey/bot"
)

// leadBlocks are what a woken person reads first: since when, who has it, how the job is, why, and what is safe to do. Networks
// show the buttons next, and what explains it after that: a phone shows so much without a move of the thumb.
func (i *Incident) leadBlocks() []bot.Block {
	out := []bot.Block{i.sinceText()}
	if i.Acked != nil {
		out = append(out, i.ackedText())
	}
	if s := i.silenceText(); len(s.Spans) > 0 && i.Open() {
		out = append(out, bot.Textf("**Silenced** %v", s))
	}
	if i.Facts != nil {
		out = append(out, i.Facts.stateLine())
	}
	if i.NoFacts != "" && i.Open() {
		out = append(out, bot.Textf("%s", i.NoFacts))
	}
	if len(i.Affected) > 0 {
		out = append(out, bot.Textf("**Jobs kept back** while it is down: %v", i.affected()))
	}
	return append(append(out, i.causeBlocks()...), i.safetyBlocks()...)
}

func (i *Incident) sinceText() bot.Text {
	t := bot.Textf("**Since** %v", moment(i.Since))
	if !i.Open() {
		t = bot.Textf("**Over** %v, after %s", moment(i.Over), span(i.Over.Sub(i.Since)))
	}
	if i.Severity != "" {
		t.Spans = append(t.Spans, bot.Textf(", %s", clip(i.Severity, 40)).Spans...)
	}
	if i.Episodes > 1 {
		t.Spans = append(t.Spans, bot.Textf(", fired %d times since it began", i.Episodes).Spans...)
	}
	return t
}

func (i *Incident) ackedText() bot.Text {
	t := bot.Textf("**Acknowledged** by %s, %v", i.Acked.Who(), moment(i.Acked.At))
	if i.Acked.From != nil {
		t = bot.Textf("**Acknowledged** by %s, assigned by %s, %v", i.Acked.Who(), who(*i.Acked.From), moment(i.Acked.At))
	}
	if at := i.Acked.Expires; !at.IsZero() && i.Open() {
		t.Spans = append(t.Spans, bot.Textf(", until %v", moment(at)).Spans...)
	}
	return t
}

// stateLine is how the job is now.
func (f *JobFacts) stateLine() bot.Text {
	t := bot.Textf("**Job state:** %s", f.stateText())
	switch {
	case f.Restarts == 1:
		t.Spans = append(t.Spans, bot.Span{Text: ", 1 restart"})
	case f.Restarts > 1:
		t.Spans = append(t.Spans, bot.Textf(", %d restarts", f.Restarts).Spans...)
	}
	return t
}

// facts are the short ones that explain the incident. There is always one: it parts what is read first from the rest.
func (i *Incident) facts() bot.Fields {
	f := bot.Fields{bot.F("Alerts", i.alertsText())}
	if name := i.shownJob(); name != "" && !strings.Contains(i.Title, name) {
		f = append(f, bot.F("Job", name))
	}
	if c := i.nextStep(); c != nil && i.Open() {
		f = append(f, bot.F("Escalates", bot.Textf("%v, step %d of %d", moment(c.Due), c.Next+1, c.Steps)))
	}
	if i.Maintenance != nil && i.Open() {
		f = append(f, bot.F("Maintenance", i.Maintenance.text()))
	}
	return f
}

// alertsText says how many alerts fire, and which where there are several.
func (i *Incident) alertsText() string {
	n, all := i.FiringCount(), len(i.Alerts)
	if !i.Open() {
		if all == 1 {
			return "1, over"
		}
		return fmt.Sprintf("%d, all over", all)
	}
	text := fmt.Sprintf("%d of %d fire", n, all)
	if n == 1 {
		text += "s"
	}
	if all > 1 {
		text += ": " + i.members(nil)
	}
	if i.Cut > 0 {
		text += fmt.Sprintf("; %d more not sent", i.Cut)
	}
	return text
}

// shownJob is the job as people call it; empty for an incident of none.
func (i *Incident) shownJob() string {
	switch {
	case i.Facts != nil && i.Facts.Name != "":
		return i.Facts.Ref.Cluster + "/" + i.Facts.Name
	case i.Facts != nil:
		return i.Facts.Ref.String()
	case i.Job != nil:
		return i.Job.String()
	}
	return ""
}

// summaryBlock is what broke, in the alert's own words; none for an alert without.
func summaryBlock(shown []Alert) []bot.Block {
	if s := summary(shown); s != "" {
		return []bot.Block{bot.Textf("**%s**", s)}
	}
	return nil
}

// descriptionBlocks are the alert's own words on what it means and what to do about it.
func (i *Incident) descriptionBlocks(shown []Alert) []bot.Block {
	var out []bot.Block
	if s := annotation(shown, "description", "message"); s != "" && s != annotation(shown, "summary") {
		out = append(out, bot.Textf("%s", clip(s, maxDescription)))
	}
	if s := annotation(shown, "runbook"); s != "" && i.Open() && !strings.Contains(s, "://") {
		out = append(out, bot.Textf("**What to do:** %s", clip(s, maxDescription)))
	}
	return out
}

// ownJob is the incident's job as causes name it.
func (i *Incident) ownJob() string {
	if i.Facts == nil {
		return ""
	}
	return i.Facts.Ref.Cluster + "/" + cmp.Or(i.Facts.Name, i.Facts.Ref.Job)
}
