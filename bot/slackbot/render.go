package slackbot

import (
	"strings"

	"github.com/slack-go/slack"

	"github.com/drey-ops/drey/bot"
)

// Slack's limits, in the strictest way to count.
const (
	textsMax    = 12_900 // all text of a message's blocks; above some 13,000 Slack refuses it
	blocksMax   = 50     // of a message
	headerMax   = 150
	contextMax  = 10 // elements
	fallbackMax = 3000
	partMax     = 20 // blocks of one attachment
)

// rendered is a message as Slack takes it. Every edit has to send Attachments too, also when there are none: those of the
// earlier state stay otherwise.
type rendered struct {
	Text        string // for notifications and screen readers
	Blocks      []slack.Block
	Attachments []slack.Attachment
}

// render makes a posted message or an ephemeral of m. pictures are the ids of the files uploaded for Images, by
// Image.Name; without one the alt text is shown.
func render(m bot.Message, pictures map[string]string) rendered {
	for terse := range 3 {
		d := &drawer{pictures: pictures, terse: terse, tables: true}
		out := d.message(m)
		if d.used <= textsMax && out.blocks() <= blocksMax {
			return out
		}
	}
	// Fit leaves so much room that this is never reached by a message of drey's.
	d := &drawer{pictures: pictures, terse: 2, tables: true, most: textsMax - 100}
	return d.message(m)
}

func (r rendered) blocks() int {
	n := len(r.Blocks)
	for _, a := range r.Attachments {
		n += len(a.Blocks.BlockSet)
	}
	return n
}

// all is every block in one row, for where there are no attachments: unfurled links.
func (r rendered) all() []slack.Block {
	out := r.Blocks[:len(r.Blocks):len(r.Blocks)]
	for _, a := range r.Attachments {
		out = append(out, a.Blocks.BlockSet...)
	}
	return out
}

// message lays m out: what happened and what one can do first, then, beside the coloured bar, what explains it.
func (d *drawer) message(m bot.Message) rendered {
	out := rendered{Text: summary(m)}
	lead, actions, rest := parts(m)
	out.Blocks = append(d.head(m, lead), d.blocks(actions)...)
	out.Blocks = append(out.Blocks, d.pending(m)...)
	details := d.blocks(rest)
	for len(details) > 0 {
		n := min(len(details), partMax)
		out.Attachments = append(out.Attachments, slack.Attachment{
			Color: color(m.Tone), Fallback: "Details", Blocks: slack.Blocks{BlockSet: details[:n:n]},
		})
		details = details[n:]
	}
	if len(out.Blocks)+len(out.Attachments) == 0 {
		out.Blocks = d.small("–")
	}
	return out
}

// parts tells what leads in a message of a tone from what explains it.
func parts(m bot.Message) (lead, actions, rest []bot.Block) {
	if color(m.Tone) == "" {
		return m.Blocks, nil, nil
	}
	return bot.Lead(m.Blocks)
}

// head is the title and the first blocks. A state without a title stands before the first text.
func (d *drawer) head(m bot.Message, lead []bot.Block) []slack.Block {
	state := state(m)
	if m.Title != "" {
		title := state + " " + m.Title
		if m.Word() != "" {
			title = state + " · " + m.Title
		}
		title = bot.Shorten(strings.TrimSpace(title), headerMax)
		d.used += bot.Length(title)
		return append([]slack.Block{slack.NewHeaderBlock(plain(title))}, d.blocks(lead)...)
	}
	if state == "" {
		return d.blocks(lead)
	}
	spans := []bot.Span{{Text: state, Bold: true}}
	if len(lead) > 0 {
		if t, ok := lead[0].(bot.Text); ok {
			spans, lead = append(spans, bot.Span{Text: " · "}), lead[1:]
			if word := m.Tone.Word(); strings.HasPrefix(t.Plain(), word) { // the text says the state itself
				spans = []bot.Span{{Text: strings.TrimSuffix(state, word)}}
			}
			spans = append(spans, t.Spans...)
		}
	}
	return append(paragraph(d.spans(spans)), d.blocks(lead)...)
}

const working = "Working on it…"

// pending says that more is to come, where the message does not say so.
func (d *drawer) pending(m bot.Message) []slack.Block {
	if !m.Pending || strings.Contains(m.Plain(), working) {
		return nil
	}
	return d.small("⏳ " + working)
}

// state is a tone as a sign and a word; empty for Plain.
func state(m bot.Message) string {
	sign := ""
	switch m.Tone {
	case bot.Good:
		sign = "✅"
	case bot.Busy:
		sign = "🔵"
	case bot.Warn:
		sign = "🟡"
	case bot.Bad:
		sign = "🔴"
	case bot.Muted:
		sign = "⚪"
	}
	return strings.TrimSpace(sign + " " + m.Word())
}

// color is that of the bar; empty for Plain.
func color(t bot.Tone) string {
	switch t {
	case bot.Good:
		return "#2e7d32"
	case bot.Busy:
		return "#1565c0"
	case bot.Warn:
		return "#f9a825"
	case bot.Bad:
		return "#c62828"
	case bot.Muted:
		return "#9e9e9e"
	}
	return ""
}

// summary is one complete sentence: screen readers read it instead of the blocks.
func summary(m bot.Message) string {
	s := strings.TrimSpace(m.Summary())
	if word := m.Word(); m.Fallback == "" && word != "" && !strings.HasPrefix(s, word) {
		s = strings.TrimSuffix(word+": "+s, ": ")
	}
	if s == "" {
		s = "drey"
	}
	for limit := fallbackMax; ; limit = limit * 3 / 4 {
		if out := escape(bot.Shorten(s, limit)); bot.Length(out) <= fallbackMax {
			return out
		}
	}
}

// renderHome makes the home tab of m. It has neither tables nor a bar.
func renderHome(m bot.Message, pictures map[string]string) slack.HomeTabViewRequest {
	d := &drawer{pictures: pictures}
	return slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: d.flat(m, viewBlocks)}}
}

// flat is m in one row of at most a number of blocks, for views.
func (d *drawer) flat(m bot.Message, most int) []slack.Block {
	out := d.head(m, m.Blocks)
	out = append(out, d.pending(m)...)
	if len(out) == 0 {
		out = d.small("–")
	}
	return out[:min(len(out), most)]
}
