package slackbot

import (
	"github.com/slack-go/slack"

	"github.com/drey-ops/drey/bot"
)

// drawer makes the blocks of one message.
type drawer struct {
	pictures map[string]string
	tables   bool // table blocks can be shown where it is drawn
	terse    int  // 1: without what only makes it easier to read; 2: confirmations in short as well
	most     int  // leave out what comes when so much text is there; 0: nothing

	used  int            // length of all text so far
	table bool           // there is a table block: a message takes one
	ids   map[string]int // how often an action id was given
}

func (d *drawer) blocks(in []bot.Block) []slack.Block {
	var out []slack.Block
	for _, b := range in {
		before := d.used
		got := d.block(b)
		if d.most > 0 && d.used > d.most {
			d.used = before
			return append(out, d.small("There is more than fits in here.")...)
		}
		out = append(out, got...)
	}
	return out
}

func (d *drawer) block(b bot.Block) []slack.Block {
	switch v := b.(type) {
	case bot.Text:
		return paragraph(d.spans(v.Spans))
	case bot.Note:
		return d.context(v.Spans)
	case bot.Fields:
		return d.fields(v)
	case bot.Table:
		return d.tableOf(v)
	case bot.Code:
		if e := d.run(v.Body, false, false); e != nil {
			return rich(preformatted(e))
		}
	case bot.Image:
		return d.image(v)
	case bot.File:
		return d.small("📎 " + v.Name)
	case bot.Steps:
		return d.steps(v)
	case bot.Actions:
		return d.actions(v)
	}
	return nil
}

// fields are a line for each fact: on a phone that is read faster than columns, and on a desk it is no taller.
func (d *drawer) fields(in bot.Fields) []slack.Block {
	var out []slack.RichTextSectionElement
	for _, f := range in {
		if len(out) > 0 {
			out = append(out, d.run("\n", false, false)...)
		}
		value := d.spans(f.Value.Spans)
		if f.Name != "" {
			out = append(out, d.run(f.Name+":", true, false)...)
			if len(value) > 0 {
				out = append(out, d.run(" ", false, false)...)
			}
		}
		out = append(out, value...)
	}
	return paragraph(out)
}

// steps are a line for each step: its sign, what it is, its state in a word, and what is to be said of it.
func (d *drawer) steps(in bot.Steps) []slack.Block {
	var out []slack.RichTextSectionElement
	for i, s := range in {
		if i > 0 {
			out = append(out, d.run("\n", false, false)...)
		}
		out = append(out, d.run(stepSign(s.State)+" ", false, false)...)
		out = append(out, d.run(s.Label, s.State == bot.Doing || s.State == bot.Failed, false)...)
		more := ""
		if d.terse == 0 {
			more = " · " + s.State.Word()
		}
		if s.Note != "" {
			more += " · " + s.Note
			if d.terse > 0 {
				more = " " + s.Note
			}
		}
		out = append(out, d.run(more, false, false)...)
	}
	return paragraph(out)
}

func stepSign(s bot.StepState) string {
	switch s {
	case bot.Doing:
		return "🔵"
	case bot.Did:
		return "✅"
	case bot.Failed:
		return "❌"
	case bot.Skipped:
		return "➖"
	}
	return "⬜"
}

const (
	altMax     = 2000
	captionMax = 200
)

// image shows an uploaded picture, or what it would show.
func (d *drawer) image(in bot.Image) []slack.Block {
	alt := in.Alt
	if alt == "" {
		alt = in.Name
	}
	if alt == "" {
		alt = "picture"
	}
	id := d.pictures[in.Name]
	if id == "" {
		return d.small("🖼 The picture could not be brought to Slack. It shows: " + alt)
	}
	title := alt
	if d.terse > 0 && in.Name != "" {
		title = in.Name
	}
	title, alt = bot.Shorten(title, captionMax), bot.Shorten(alt, altMax)
	d.used += bot.Length(title) + bot.Length(alt)
	return []slack.Block{slack.NewImageBlockSlackFile(&slack.SlackFileObject{ID: id}, alt, "", plain(title))}
}
