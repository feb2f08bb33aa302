package alerts

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
)

// story is one message for the thread.
type story struct {
	kind string
	by   string // who, where a person did it
	tone bot.Tone
	text bot.Text
	// again replaces the newest message of the thread instead of adding one.
	again bool
	quiet bool       // is written down, but not posted
	rings bool       // calls the people of the routes, and is seen in the channel too
	calls *bot.Actor // a person who took the incident or was given it: called where they are
	acts  bot.Actions
	shown bool      // is seen in the channel too
	pages []Mention // people and groups of an escalation, called each in the threads of their network
}

// The kinds of story, as the log knows them.
const (
	storyFired    = "fired"
	storyReopened = "reopened"
	storyMembers  = "members"
	storyResolved = "resolved"
	storyAcked    = "acked"
	storyUnacked  = "unacked"
	storyAssigned = "assigned"
	storyReminded = "reminded"
	storySilenced = "silenced"
	storyUnsilent = "unsilenced"
	storyBlind    = "blind"
	storyMuted    = "muted"
	storyUnmuted  = "unmuted"
	storyAlso     = "also"
	storySettled  = "settled"

	storyOperation = "operation"
)

// membersEvery is how long joins and leaves are gathered in one message of the thread.
const membersEvery = time.Minute

// quietStage decides what the thread is told of the news, and what would only disturb.
func quietStage(_ context.Context, b Batch) (Batch, error) {
	inc := b.Incident
	if inc == nil || b.Kind == kindRepeat {
		return b, nil
	}
	switch b.Kind {
	case kindNew:
		b.Stories = append(b.Stories, story{kind: storyFired, quiet: true, text: bot.Textf("%s fires", inc.Title)})
	case kindReopened:
		since := b.At.Sub(b.Known.Over)
		b.Stories = append(b.Stories, story{kind: storyReopened, tone: toneOf(inc), text: bot.Textf("**Firing again**, %s after it was over (time %d): %s", span(since), inc.Episodes, inc.members(b.Joined))})
	case kindResolved:
		b.Stories = append(b.Stories, story{kind: storyResolved, tone: bot.Good, text: bot.Textf("**Resolved** after %s", span(inc.Over.Sub(inc.Since)))})
	case kindChanged:
		if also := b.alsoStory(); also != nil {
			b.Stories = append(b.Stories, also...)
			break
		}
		b.Stories = append(b.Stories, b.membersStory()...)
	}
	return b, nil
}

func (b *Batch) membersStory() []story {
	inc := b.Incident
	if !inc.Open() || len(b.Joined)+len(b.Left) == 0 {
		return nil
	}
	s := story{kind: storyMembers, tone: bot.Plain, text: bot.Textf("Now %d of %d fire: %s", inc.FiringCount(), len(inc.Alerts), inc.members(nil))}
	if ended := inc.ended(); len(ended) > 0 {
		s.text.Spans = append(s.text.Spans, bot.Textf("; ended: %s", inc.members(ended)).Spans...)
	}
	if inc.State() == Silenced {
		b.note("silenced: who joined and left is not told in the thread")
		s.quiet = true
	}
	last := len(inc.Lines) - 1
	if b.breaks() {
		s.rings, s.tone = true, toneOf(inc)
		s.text.Spans = append(s.text.Spans, bot.Textf(". No silence hides all of it any more.").Spans...)
	} else if last >= 0 && inc.Lines[last].Kind == storyMembers && b.At.Sub(inc.Members) < membersEvery {
		b.note("told less than %s ago who fires: that message is replaced", membersEvery)
		s.again = true
	} else if !s.quiet {
		inc.Members = b.At
	}
	return []story{s}
}

func composeStage(_ context.Context, b Batch) (Batch, error) {
	if b.Incident == nil {
		return b, nil
	}
	b.Deliveries = b.Incident.deliveries(b.At, b.Stories...)
	for _, d := range b.Deliveries {
		b.note("to %s: %q", d.To, d.Message.Fallback)
		b.noteHead(d.Message)
	}
	if len(b.Deliveries) == 0 {
		b.note("no message changes")
	}
	return b, nil
}

// noteHead tells whom a message calls, and its buttons.
func (b *Batch) noteHead(m bot.Message) {
	if b.trace == nil {
		return
	}
	var labels []string
	for _, block := range m.Blocks {
		switch x := block.(type) {
		case bot.Text:
			for _, s := range x.Spans {
				if s.Mention != "" {
					b.note("mentions %s", s.Mention)
				}
			}
		case bot.Actions:
			for _, btn := range x {
				labels = append(labels, btn.Label)
			}
		}
	}
	if len(labels) > 0 {
		b.note("buttons: %s", strings.Join(labels, ", "))
	}
}

// deliveries writes the stories down and returns what is to be posted or edited: the head where it changed, and the
// stories in each thread. Where the incident is muted nothing new is posted; a head that stands there goes on being edited,
// which disturbs nobody.
func (i *Incident) deliveries(now time.Time, stories ...story) []bot.Delivery {
	var out []bot.Delivery
	base := head(i)
	for n := range i.Targets {
		t := &i.Targets[n]
		if !i.stands(t) {
			t.Held = t.Held || !t.represented() && !t.Quiet.IsZero()
			continue
		}
		m := i.headIn(base, t)
		if d := bot.Sum(m); !t.Headed || d != t.Head {
			t.Headed, t.Held, t.Head, i.HeadAt = true, false, d, now
			out = append(out, bot.Delivery{Key: i.HeadKey(t.Place), To: t.Place, Message: m, Sum: d})
		}
		if t.Missed > 0 && t.Quiet.IsZero() {
			if i.Open() {
				out = append(out, i.storyDelivery(t, i.missed(t.Missed)))
			}
			t.Missed = 0
		}
	}
	for _, s := range stories {
		l := s.line(now)
		if n := len(i.Lines); s.again && n > 0 {
			i.Lines[n-1] = l
		} else {
			i.tell(l)
		}
		if s.quiet {
			continue
		}
		for n := range i.Targets {
			switch t := &i.Targets[n]; {
			case !t.Headed:
			case !t.Quiet.IsZero():
				t.Missed++
			default:
				out = append(out, i.storyDelivery(t, s))
			}
		}
	}
	return out
}

func (i *Incident) storyDelivery(t *Target, s story) bot.Delivery {
	if !s.again || t.Stories == 0 {
		t.Stories++
	}
	if s.rings || s.kind == storyReopened && i.State() == Firing { // an edit of the head would notify nobody
		s.text.Spans = append(slices.Clip(s.text.Spans), t.mentions()...)
	}
	if p := s.calls; p != nil && p.Network == t.Place.Network {
		s.text.Spans = append(slices.Clip(s.text.Spans), bot.Span{Text: " "}, bot.Span{Text: "@" + who(*p), Mention: "user:" + p.ID})
	}
	s.text.Spans = append(slices.Clip(s.text.Spans), t.called(s.pages)...)
	d := bot.Delivery{
		Key: i.key(t.Place, fmt.Sprintf("story/%d", t.Stories)), Parent: i.HeadKey(t.Place), To: t.Place,
		Message: bot.Message{Tone: s.tone, Blocks: []bot.Block{s.text}, Fallback: s.text.Plain(), Broadcast: (s.rings || s.shown) && !t.direct()},
	}
	if acts := t.allowed(s.acts); len(acts) > 0 {
		d.Message.Blocks = append(d.Message.Blocks, acts)
	}
	if t.Stories > 1 {
		d.After = i.key(t.Place, fmt.Sprintf("story/%d", t.Stories-1))
	}
	return d
}

// span is a duration for people: "45 s", "12 min", "3 h 5 min", "2 d 4 h".
func span(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < 100*time.Second:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 24*time.Hour:
		return twoUnits(int(d.Hours()), "h", int(d.Minutes())%60, "min")
	}
	return twoUnits(int(d.Hours())/24, "d", int(d.Hours())%24, "h")
}

func twoUnits(a int, ua string, b int, ub string) string {
	if b == 0 {
		return fmt.Sprintf("%d %s", a, ua)
	}
	return fmt.Sprintf("%d %s %d %s", a, ua, b, ub)
}

// ended are the alerts that no longer fire, by fingerprint.
func (i *Incident) ended() []string {
	var out []string
	for fp, a := range i.Alerts {
		if a.Status != Firing {
			out = append(out, fp)
		}
	}
	slices.Sort(out)
	return out
}
