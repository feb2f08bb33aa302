// Package discordtest is a Discord for tests: the REST API v10, the gateway, and the people in front of their clients.
//
//	people ─ Slash, Click, Submit ─ interaction ─ signed request or gateway event ─ drey
//	drey ─ REST ─ token ─ rate limits ─ schema ─ documented rules ─ state ┄ See
//
// It is strict where Discord is: what Discord would refuse is refused with Discord's own error, and fails the test.
//
// # Design
//
// Every body is judged twice: by the JSON schema that Discord publishes, where it is at hand (see Specs), and by the rules
// that only its documentation states. Where the documentation is silent the stricter reading holds: lengths are counted in
// UTF-16 units, and a message that may ping everybody because it does not say whom is an offence.
//
// An answer that depends on the state of the world, such as a message that a person has deleted, is no offence of the one
// who asked: it gets Discord's error, and the test goes on.
package discordtest
