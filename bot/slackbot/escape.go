package slackbot

import (
	"strings"

	"github.com/slack-go/slack"
)

// escape makes s plain text where Slack reads mrkdwn: the top-level text of a message. Only &, < and > begin anything that
// acts there.
func escape(s string) string {
	if !strings.ContainsAny(s, "&<>") {
		return s
	}
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// inert is escape for the label of a link in mrkdwn, where signs of style and names of emoji act as well: a word joiner,
// which nobody sees, keeps each of them from it. It is for labels alone, since what is copied from it is not what it was.
func inert(s string) string {
	var b strings.Builder
	for _, r := range escape(s) {
		if strings.ContainsRune("*_~`:|", r) {
			b.WriteRune('\u2060')
		}
		b.WriteRune(r)
		if r == '@' || r == '#' {
			b.WriteRune('\u2060')
		}
	}
	return b.String()
}

// plain is text that Slack shows as it is: without styles, mentions or names of emoji.
func plain(s string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, s, false, false)
}
