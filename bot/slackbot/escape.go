package slackbot

import (
	"strings"

	"github.com/rivo/uniseg"
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

// length is how long s is for Slack at the most: it counts code points, and UTF-16 units are never fewer.
func length(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}

// shorten cuts s to at most limit, ending in "…", between two graphemes.
func shorten(s string, limit int) string {
	if len(s) <= limit || length(s) <= limit {
		return s
	}
	end, n, state := 0, 1, -1
	for rest := s; rest != ""; {
		var g string
		g, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if n += length(g); n > limit {
			break
		}
		end += len(g)
	}
	return strings.TrimRight(s[:end], " \n\t") + "…"
}
