package alerts

import (
	"cmp"

	"github.com/drey-ops/drey/bot"
)

// What can become of a part of a silence.
const (
	turnRefused = iota
	turnStays   // Alertmanager refused to change it
	turnOutside // somebody ended it in Alertmanager
	turnLost    // and made again
	turnMoved   // somebody changed its end there
	turnMade
	turnEnded // after the end of the others was told
)

// turn is what became of parts of one silence: parts with the same fate are told in one line.
type turn struct {
	kind    int
	silence Silence  // the last of the parts
	sources []string // of the parts
	word    string   // of Alertmanager, where it refused
	late    bool     // the others were told before
}

// turns collects what became of silences.
type turns []turn

func (ts *turns) add(i *Incident, kind int, s Silence, word string) *turn {
	for n := range *ts {
		t := &(*ts)[n]
		if t.kind == kind && (t.silence.Op == s.Op || s.With != "" && t.silence.With == s.With) {
			t.silence, t.sources, t.word = s, append(t.sources, i.at(s)), cmp.Or(t.word, word)
			return t
		}
	}
	*ts = append(*ts, turn{kind: kind, silence: s, sources: []string{i.at(s)}, word: word})
	return &(*ts)[len(*ts)-1]
}

// refused adds what became of a silence that Alertmanager does not take as it was wanted.
func (ts *turns) refused(i *Incident, s Silence, word string) {
	kind := turnStays
	if s.Ended {
		kind = turnRefused
	}
	ts.add(i, kind, s, word)
}

// stories tells them.
func (ts turns) stories(i *Incident) []story {
	var out []story
	for _, t := range ts {
		out = append(out, t.story(i))
	}
	return out
}

func (t turn) story(i *Incident) story {
	s := t.silence
	all, missing := i.among(s)
	where := theirs(t.sources, all)
	switch t.kind {
	case turnRefused:
		text := bot.Textf("**Not silenced**: %s", t.word)
		if len(all) > 1 {
			text = bot.Textf("**Not silenced** in %s: %s", where, t.word)
		}
		return story{kind: storyUnsilent, tone: bot.Warn, text: text}
	case turnStays:
		text := bot.Textf("**The silence is not changed**: %s. It holds %v", t.word, s.endText())
		if len(all) > 1 {
			text = bot.Textf("**The silence is not changed** in %s: %s. It holds %v", where, t.word, s.endText())
		}
		return story{kind: storySilenced, tone: bot.Warn, text: text}
	case turnOutside:
		return story{kind: storyUnsilent, tone: bot.Warn, text: bot.Textf("**The silence** of %s was ended in %s", who(s.By), where)}
	case turnLost:
		return story{kind: storySilenced, tone: bot.Muted, text: bot.Textf("**Silenced again**: %s had lost the silence of %s %v", where, who(s.By), s.endText())}
	case turnMoved:
		return story{kind: storySilenced, tone: bot.Muted, text: bot.Textf("**The silence** of %s was changed in %s: it ends %v", who(s.By), where, moment(s.Until))}
	}
	if t.kind == turnEnded {
		return story{kind: storyUnsilent, tone: bot.Muted, text: bot.Textf("The silence of %s is ended in %s too", who(s.By), where)}
	}
	text := bot.Textf("**%s** by %s %v", t.word, who(s.By), s.endText())
	if t.late {
		text = bot.Textf("**%s** in %s too, by %s %v", t.word, where, who(s.By), s.endText())
	} else if s.Comment != "" {
		text.Spans = append(text.Spans, bot.Span{Text: ": " + s.Comment})
	}
	if len(missing) > 0 {
		text.Spans = append(text.Spans, bot.Textf("; not yet in %s, which %s", theirs(missing, all), doNotAnswer(missing)).Spans...)
	}
	return story{kind: storySilenced, by: s.By.String(), tone: bot.Muted, text: text}
}

func doNotAnswer(sources []string) string {
	if len(sources) > 1 {
		return "do not answer"
	}
	return "does not answer"
}

// made notes the ids that parts of silences have in Alertmanager, by op, and what is to be told of it: once.
func (i *Incident) made(ids map[string]string, ts *turns) {
	told := map[string]bool{} // the ops of which other parts were told before
	for _, s := range i.Silences {
		for _, n := range i.together(s) {
			x := i.Silences[n]
			told[s.Op] = told[s.Op] || x.Op != s.Op && x.ID != "" && x.Asked.Equal(s.Asked) && x.Told.Equal(x.Until)
		}
	}
	for n := range i.Silences {
		s := &i.Silences[n]
		id := ids[s.Op]
		if id == "" || s.Ended || s.ID == id && s.Told.Equal(s.Until) {
			continue
		}
		word := "Silenced"
		if s.ID != "" {
			word = "Silence changed"
		}
		s.made(id)
		ts.add(i, turnMade, *s, word).late = told[s.Op]
	}
}

// applySilences notes what became of the silences, and returns those that are over. The incident may have changed since they
// were tended.
func (i *Incident) applySilences(did map[string]silenced) (out []story, over []Silence) {
	var ts turns
	ids := map[string]string{}
	for n := range i.Silences {
		s := &i.Silences[n]
		d, ok := did[s.Op]
		switch {
		case !ok || s.Ended:
		case d.refused != "" && !s.Asked.Equal(d.asked): // the same
		case d.refused != "":
			s.refuse(d.lives)
			ts.refused(i, *s, d.refused)
		case d.outside:
			s.Ended = true
			ts.add(i, turnOutside, *s, "")
		case d.ended:
			if i.endPart(s) {
				over = append(over, *s)
			} else if s.EndedBy != nil { // who asked for it was told that it would be said
				ts.add(i, turnEnded, *s, "")
			}
		case d.renewed && !s.Asked.Equal(d.asked): // somebody has asked for something else meanwhile
		case d.renewed:
			s.Until = d.until
			s.made(d.id)
		case d.lost:
			if s.Keep {
				s.Until = d.until
			}
			s.made(d.id)
			s.Remade++
			ts.add(i, turnLost, *s, "")
		default:
			if s.Keep {
				s.Until = d.until
			}
			if s.ID == d.id && d.until.Sub(s.Until).Abs() >= timeSlack {
				s.Until, s.Told = d.until, d.until
				ts.add(i, turnMoved, *s, "")
			}
			ids[s.Op] = d.id
		}
	}
	i.made(ids, &ts)
	return ts.stories(i), over
}

// endPart notes that a part of a silence is over, and says whether that is to be told: once for all of it. What ran out with it at
// other sources is over as well, whether their Alertmanagers answer or not.
func (i *Incident) endPart(s *Silence) (tell bool) {
	tell, ran := true, !s.Ending
	for _, n := range i.together(*s) {
		x := &i.Silences[n]
		tell = tell && (x.Op == s.Op || !x.Ended)
		if ran && !x.Ending && x.Until.Sub(s.Until) < timeSlack {
			x.Ended = true
		}
	}
	s.Ended, s.Ending = true, false
	return tell
}
