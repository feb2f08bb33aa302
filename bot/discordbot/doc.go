// Package discordbot is drey in Discord: slash commands with typed options and autocompletion, buttons, modals, threads
// and forum posts, over the gateway or over the interactions endpoint. It is a bot.Network, and knows neither commands
// nor Flink.
//
//	interaction request ─ Ed25519 ─┐
//	gateway event ─────────────────┴ decode ─ gesture ─ Sink.Deliver ┄ Reply ─ first response, follow-up, message
//	Outbox ─ Post, Edit ─ render ─ buckets ─ REST
//
// # Design
//
// A gesture is an interaction together with the ways to answer it: its first response, which is due within 3 s and can be
// given once, and its token, which is good for 15 minutes. Receiving makes it and Reply spends it; nothing else is shared
// by the two halves. After decoding nothing knows by which transport an interaction came.
//
// discordgo gives Discord's constants and nothing that runs. Calls go through a sender of our own, because discordgo's keeps
// a bucket for every interaction for ever, repeats without end, and does not heed its context while it waits. The gateway is
// a client of our own, because discordgo's connects again for ever after a refused token, owns no goroutine that it
// starts, and takes a silent connection for a living one over five heartbeats. Interactions are decoded into structs of our
// own, because discordgo's fail as a whole on one component that they do not know.
package discordbot
