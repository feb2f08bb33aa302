package alerts

import (
	"slices"

	"github.com/drey-ops/drey/bot"
)

// maxElsewhere is how many other channels a head names.
const maxElsewhere = 3

// stands says whether the incident has a message in the place, or gets one now.
func (i *Incident) stands(t *Target) bool {
	switch {
	case t.represented():
		return false
	case t.Headed:
		return true
	case !t.Quiet.IsZero():
		return false
	}
	return i.Open() || !t.Held // over before anybody was to be told
}

// elsewhere names the channels beside t in which the incident stands, so that those who read of it here find those who talk there;
// empty where there is none. Somebody's direct messages are nobody else's.
func (i *Incident) elsewhere(t *Target) bot.Text {
	var out bot.Text
	more := 0
	for n := range i.Targets {
		x := &i.Targets[n]
		switch {
		case x.Place == t.Place || x.direct() || !i.stands(x):
		case len(out.Spans) >= 2*maxElsewhere:
			more++
		default:
			sep := ", "
			if len(out.Spans) == 0 {
				sep = "Also in "
			}
			out.Spans = append(out.Spans, bot.Textf("%s%v", sep, x.Place).Spans...)
		}
	}
	if more > 0 {
		out.Spans = append(out.Spans, bot.Textf(", and %d more", more).Spans...)
	}
	return out
}

// withElsewhere is a copy of a head's blocks with a line in small print about where else the incident stands, above the last such
// line.
func (i *Incident) withElsewhere(blocks []bot.Block, t *Target) []bot.Block {
	out := slices.Clone(blocks)
	also := i.elsewhere(t)
	if len(also.Spans) == 0 {
		return out
	}
	for n := len(out) - 1; n >= 0; n-- {
		if _, ok := out[n].(bot.Note); ok {
			return slices.Insert(out, n, bot.Block(bot.Note(also)))
		}
	}
	return out
}
