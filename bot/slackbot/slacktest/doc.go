// Package slacktest is a strict Slack for tests: a Web API over HTTP and Socket Mode over WebSocket, on this machine, that
// the real client library talks to.
//
// It keeps state rather than stubs. Channels hold messages with their threads, people see what their client would show
// them, modals lie on a stack, tokens can be revoked. Everything drey sends is judged: by the JSON schema of Slack's own
// types where the specifications are at hand (Specs), by the documented sizes, and by rules that hold for a whole
// message. What the real Slack refuses is refused with the real error.
//
// A violation is what a correct client could have known to be wrong: a payload beyond a limit, an unknown field, a
// message that screen readers cannot read, a call faster than the rate limits allow. It is reported whether or not Slack
// would have refused it. What only Slack can know (a deleted message, an archived channel, a stale hash, an expired
// trigger) is answered with its error and is no violation.
//
// # Design
//
// Payloads stay decoded JSON and never become the types of the client library: the judge has to see fields that
// library would drop, and a mistake of its types must not hide itself.
package slacktest
