package slackbot

import (
	"strconv"
	"strings"

	"github.com/slack-go/slack"

	"github.com/drey-ops/drey/bot"
)

// Rich text is not parsed: what stands in a text element is shown letter by letter. So it carries everything that comes
// from outside, and only elements of other types are links, times or mentions.

// dateFormat shows a time in the reader's zone and words: "today at 14:02".
const dateFormat = "{date_short_pretty} at {time}"

// style is nil for plain text, which Slack takes for no style.
func style(bold, code bool) *slack.RichTextSectionTextStyle {
	if !bold && !code {
		return nil
	}
	return &slack.RichTextSectionTextStyle{Bold: bold, Code: code}
}

// run is text in a style; nothing for empty text, which Slack refuses.
func (d *drawer) run(s string, bold, code bool) []slack.RichTextSectionElement {
	if s == "" {
		return nil
	}
	d.used += bot.Length(s)
	return []slack.RichTextSectionElement{slack.NewRichTextSectionTextElement(s, style(bold, code))}
}

// spans are the elements of a paragraph.
func (d *drawer) spans(in []bot.Span) []slack.RichTextSectionElement {
	var out []slack.RichTextSectionElement
	for _, s := range in {
		switch user, group := mentioned(s); {
		case user != "":
			d.used += bot.Length(s.Text)
			out = append(out, slack.NewRichTextSectionUserElement(user, style(s.Bold, false)))
		case group != "":
			d.used += bot.Length(s.Text)
			out = append(out, slack.NewRichTextSectionUserGroupElement(group))
		case !s.At.IsZero():
			out = append(out, d.date(s))
		case isChannel(s.In):
			d.used += bot.Length(s.Text)
			out = append(out, slack.NewRichTextSectionChannelElement(s.In.Channel, style(s.Bold, false)))
		case s.In.Network == Network && s.In.Channel == homeChannel:
			out = append(out, d.run("drey's home tab", s.Bold, false)...)
		case isDirect(s.In):
			out = append(out, d.run("direct messages with drey", s.Bold, false)...)
		case isWeb(s.URL):
			d.used += bot.Length(s.Text)
			out = append(out, slack.NewRichTextSectionLinkElement(s.URL, s.Text, style(s.Bold, s.Code)))
		default:
			out = append(out, d.run(s.Text, s.Bold, s.Code)...)
		}
	}
	return out
}

// isChannel says whether p is a channel of Slack's that has a name.
func isChannel(p bot.Place) bool {
	return p.Network == Network && len(p.Channel) > 1 && strings.ContainsAny(p.Channel[:1], "CG") && strings.Trim(p.Channel, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

// isDirect says whether p is a person's direct messages with drey.
func isDirect(p bot.Place) bool {
	return p.Network == Network && strings.HasPrefix(p.Channel, "D") && channelID.MatchString(p.Channel)
}

func (d *drawer) date(s bot.Span) slack.RichTextSectionElement {
	text := whenText(s)
	d.used += bot.Length(text) + len(dateFormat)
	e := slack.NewRichTextSectionDateElement(s.At.Unix(), dateFormat, nil, &text)
	e.Style = style(s.Bold, false)
	return e
}

// whenText is a time for those who cannot be shown it in their own zone.
func whenText(s bot.Span) string {
	if s.Text != "" {
		return s.Text
	}
	return s.At.UTC().Format("2006-01-02 15:04 UTC")
}

// mentioned is the user or the group that a span calls. An id that Slack does not give calls nobody.
func mentioned(s bot.Span) (user, group string) {
	kind, id, _ := strings.Cut(s.Mention, ":")
	if id == "" || strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
		return "", ""
	}
	switch {
	case kind == "user" && (id[0] == 'U' || id[0] == 'W'):
		return id, ""
	case kind == "group" && id[0] == 'S':
		return "", id
	}
	return "", ""
}

func isWeb(u string) bool { return strings.HasPrefix(u, "https://") || strings.HasPrefix(u, "http://") }

func section(e []slack.RichTextSectionElement) slack.RichTextElement {
	return slack.NewRichTextSection(e...)
}

func preformatted(e []slack.RichTextSectionElement) slack.RichTextElement {
	return &slack.RichTextPreformatted{Type: slack.RTEPreformatted, Elements: e}
}

// rich is one block of rich text, or none when it would be empty.
func rich(elements ...slack.RichTextElement) []slack.Block {
	if len(elements) == 0 {
		return nil
	}
	return []slack.Block{slack.NewRichTextBlock("", elements...)}
}

// paragraph is one block of rich text in one section.
func paragraph(e []slack.RichTextSectionElement) []slack.Block {
	if len(e) == 0 {
		return nil
	}
	return rich(section(e))
}

// context is small print. Text from outside stands there in plain_text, so it can be copied as it is; a link or a time
// needs mrkdwn, and is an element of its own.
func (d *drawer) context(in []bot.Span) []slack.Block {
	var out []slack.MixedElement
	text := ""
	flush := func() {
		// Slack leaves a gap between elements; what separated them is superfluous then.
		if t := strings.Trim(text, " ·\n\t"); t != "" {
			d.used += bot.Length(t)
			out = append(out, plain(t))
		}
		text = ""
	}
	for _, s := range in {
		if m := markup(s); m != "" {
			flush()
			d.used += bot.Length(m)
			t := slack.NewTextBlockObject(slack.MarkdownType, m, false, true)
			out = append(out, t)
			continue
		}
		text += s.Text
	}
	flush()
	switch {
	case len(out) == 0:
		return nil
	case len(out) > contextMax:
		return paragraph(d.spans(in))
	}
	return []slack.Block{slack.NewContextBlock("", out...)}
}

// markup is the mrkdwn of a link, a time or a mention; empty for text.
func markup(s bot.Span) string {
	switch user, group := mentioned(s); {
	case user != "":
		return "<@" + user + ">"
	case group != "":
		return "<!subteam^" + group + ">"
	case !s.At.IsZero():
		return "<!date^" + strconv.FormatInt(s.At.Unix(), 10) + "^" + dateFormat + "|" + strings.ReplaceAll(inert(whenText(s)), "^", " ") + ">"
	case isWeb(s.URL) && !strings.ContainsAny(s.URL, "<>| \n"):
		return "<" + escape(s.URL) + "|" + inert(s.Text) + ">"
	}
	return ""
}

// small is a line of small print in drey's own words.
func (d *drawer) small(s string) []slack.Block { return d.context([]bot.Span{{Text: s}}) }
