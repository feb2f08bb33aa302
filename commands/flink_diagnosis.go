package commands

import (
	"fmt"
	"strings"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// message names the likely cause first and the next command; what else was seen stands below.
func (s *symptoms) message(e *Env, ui string) bot.Message {
	found := s.findings()
	m := bot.Message{Title: "Diagnosis: " + s.ref.Cluster + "/" + s.job.Name}
	switch {
	case len(found) > 0:
		m.Tone = found[0].tone
		m.Blocks = append(m.Blocks, lead("Likely cause: ", found[0].what), lead("Next: ", found[0].next))
		m.Fallback = fmt.Sprintf("%s: %s", m.Title, found[0].what.Plain())
	case len(s.untold()) > 0:
		m.Tone = bot.Warn
		m.Blocks = append(m.Blocks, bot.Textf("**Nothing wrong was seen in what the cluster told**, which is not all."))
	default:
		m.Tone = bot.Good
		m.Blocks = append(m.Blocks, bot.Textf("**Nothing wrong was seen.** Every task runs, nothing fails, and nothing is held back."))
	}
	for _, f := range found[min(1, len(found)):] {
		m.Blocks = append(m.Blocks, lead("Also: ", f.what))
	}
	if len(s.cause.Spans) > 0 {
		m.Blocks = append(m.Blocks, s.causeText(found))
	}
	m.Blocks = append(m.Blocks, s.facts())
	if u := s.untold(); len(u) > 0 {
		m.Blocks = append(m.Blocks, bot.Notef("Not told in time: %s. Ask again for the rest.", strings.Join(u, ", ")))
	}
	m.Blocks = append(m.Blocks, s.buttons(e, ui))
	return m
}

// causeText says how often the cause of the newest exception was seen, and names it where nothing above does.
func (s *symptoms) causeText(found []finding) bot.Text {
	if root := s.root(); len(found) == 0 || !strings.Contains(found[0].what.Plain(), root) {
		return bot.Textf("**Last exception** `%s`: %v", root, s.cause)
	}
	return s.cause
}

// lead puts a word in bold before a text.
func lead(word string, t bot.Text) bot.Text {
	return bot.Text{Spans: append([]bot.Span{{Text: word, Bold: true}}, t.Spans...)}
}

// untold lists the looks that had no answer. What the cluster has not at all is not missed.
func (s *symptoms) untold() []string {
	var out []string
	for _, l := range []struct {
		what string
		err  error
	}{{"slots", s.infoErr}, {"checkpoints", s.cpErr}, {"exceptions", s.exErr}} {
		if l.err != nil && platform.KindOf(l.err) != platform.Unsupported {
			out = append(out, l.what)
		}
	}
	return out
}

func (s *symptoms) facts() bot.Fields {
	f := bot.Fields{
		bot.F("State", stateWord(s.job)), bot.F("Since", stamp(firstTime(s.job.End, s.job.Start))),
		bot.F("Tasks", fmt.Sprintf("%d of %d running", s.job.Tasks.Running, s.job.Tasks.Total)),
	}
	if s.job.Restarts >= 0 {
		f = append(f, bot.F("Restarts", s.job.Restarts))
	}
	if len(s.exceptions) > 0 {
		f = append(f, bot.F("Last exception", ago(s.now, s.exceptions[0].At)))
	}
	f = append(f, checkpointFacts(s.now, s.jobReads)...)
	if s.infoErr == nil && s.info.SlotsFree >= 0 {
		f = append(f, bot.F("Free slots", fmt.Sprintf("%d of %d", s.info.SlotsFree, s.info.SlotsTotal)))
	}
	return f
}

// buttons are what is done most often next.
func (s *symptoms) buttons(e *Env, ui string) bot.Actions {
	var acts bot.Actions
	may := func(perm string) bool { return e.Allowed(perm, s.ref.Cluster, s.ref.Job) }
	thread := e.Event.Call.InThread
	add := func(b bot.Button) {
		b.Call.InThread = thread
		acts = append(acts, b)
	}
	if s.job.Healthy() && may("savepoint.create") {
		add(Button("Savepoint", "flink savepoint", savepointArgs{Job: s.ref}))
	}
	if s.known.Source != nil && may("job.restart") {
		add(bot.Button{Label: "Restart…", Call: CallOf("flink restart", restartArgs{Job: s.ref}), Opens: true})
	}
	if !s.job.State.Terminal() && may("job.scale") {
		add(bot.Button{Label: "Scale…", Call: CallOf("flink scale", scaleArgs{Job: s.ref}), Opens: true})
	}
	if len(s.exceptions) > 0 {
		add(Button("Errors", "flink errors", jobArgs{Job: s.ref}))
	}
	add(Button("Show job", "flink job", jobArgs{Job: s.ref}))
	if ui != "" {
		acts = append(acts, bot.Button{Label: "Open in Flink", URL: ui})
	}
	return acts
}
