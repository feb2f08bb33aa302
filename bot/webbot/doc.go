// Package webbot is drey's own web console, the chat that is built into the binary: channels, threads, private replies,
// forms and buttons in a browser, with nothing to install and no request that leaves the machine.
//
// # Design
//
// A channel is a [feed]: bounded records in storage, each with the position at which it came and the number of its last
// change. One counter per channel numbers the changes, so "what did I miss" is a comparison and not a queue: a stream
// that was cut, a reader that is slow and a second replica of drey all ask for the records changed after a number, and get
// each in its newest state. No buffer grows with a reader's slowness.
//
// What the browser shows is HTML made here by html/template; the scripts move fragments into their place, and never
// build markup from data. A message's HTML is made once per change, whoever reads it.
//
// A person's gesture is stored before it is delivered, as a record that only they see; the Reply takes its place. So a
// line that was accepted never vanishes from the screen, and the id that the browser gave the gesture makes a retry of
// the request the same gesture.
//
// Files that come with a line are streamed into temporary files of this replica, since it handles the gesture; the store
// never sees them.
//
// Every POST names the person the page was made for. A page left open after somebody else signed in cannot act in their
// name.
package webbot
