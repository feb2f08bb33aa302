// Package slackbot is drey in Slack: slash commands, mentions, shortcuts, buttons, modals, the home tab, unfurled links,
// threads, over HTTP requests or over Socket Mode. It is a bot.Network, and knows neither commands nor Flink.
//
//	HTTP request ─ signature ─┐
//	socket envelope ──────────┴ decode ─ gesture ─ who is it ─ Sink.Deliver ┄ Reply ─ acknowledgement, view, message
//	Outbox ─ Post, Edit ─ render ─ pacer ─ Web API
//
// # Design
//
// A gesture is what a person did together with the ways to answer it: the acknowledgement that is still open, a trigger
// for a modal, a response URL. Receiving makes it and Reply spends it; nothing else is shared by the two halves. After
// decoding nothing knows by which transport a gesture came.
//
// A private word in Slack cannot be changed or taken back. So a person who waits is told once that drey is at work, and
// the answer comes below it.
//
// A message of a tone says its state three times: as a sign and a word in its head, which everybody can tell apart, and as
// the colour of a bar. Only attachments have the bar, and Slack folds attachments that are long. So what happened and the
// buttons stand outside of it, where nothing hides them from somebody who looks at a phone at night, and the bar marks
// what explains them: facts, tables, pictures, small print. Buttons among the explanations keep their place; then there is
// no bar. Text from outside is put into rich text and plain text alone, which Slack does not parse, so that nothing in it
// acts and all of it can be copied; mrkdwn is left for links and times in small print.
package slackbot
