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
package slackbot
