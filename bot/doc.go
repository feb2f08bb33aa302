// Package bot is the vocabulary of chat and the two roads through it: the Dispatcher brings a person's gestures to the
// Handler, the Outbox brings drey's words to the networks. It knows no command and no Flink.
//
// # Design
//
// Text is made of spans rather than of markup: what comes from outside can never become markup, because no network
// parses it. Receive takes a Sink rather than a function, because autocompletion is a question that wants an answer on
// the same connection.
package bot
