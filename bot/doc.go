// Package bot is the vocabulary of chat and the two roads through it: the Dispatcher brings a person's gestures to the
// Handler, the Outbox brings drey's words to the networks. It knows no command and no Flink.
//
//	gesture ─ Network.Receive ─ Dispatcher ─ Binder.Find ─ Handler ─ Fit ─ Binder.Bind ─ Network.Reply
//	record changed ─ Outbox.Put ─ one transaction ─ Outbox.Run ─ Fit ─ Binder.Bind ─ Network.Post or Edit
//
// # Design
//
// Text is made of spans rather than of markup: what comes from outside can never become markup, because no network
// parses it. Receive takes a Sink rather than a function, because autocompletion is a question that wants an answer on
// the same connection.
//
// Lengths in Caps are UTF-16 units: networks count in different ways, and none counts less than that; cuts fall between
// graphemes.
//
// A reply is one message. Fit may make several of a Delivery, but a second reply could be neither private nor kept in
// step when a later one replaces the first; what does not fit into a reply is named and attached as a file.
//
// The first word to a person who has to wait is private, since only the command knows who may see its answer.
//
// An event that could not be marked as seen, because the store is away, is answered and never acted on. A refused event
// is marked too: its transport's retry is not a second gesture.
//
// What the Outbox is going to post is written down before it does: it is the lease under which the item is claimed. Whoever
// claims an item whose last lease was not given back takes it that a post may have been made since that began: a network that
// knows the key shows the state of the first try, which is then edited; one that is Tracked looks for the message; one that
// can do neither may show it twice after such a crash, and only then. A record of its own before each post would say no more,
// and cost every message a write.
//
// The calls behind the buttons of what is posted commit together with it, under the root of its Key; those of replies, and
// calls that hold secrets, lie under ids of their own.
//
// Nobody waits while holding a worker: an item that has to wait for its channel's pace, for a pause the network asked
// for, or for its parent goes back into the queue until then. One channel has one worker at most, and what comes for it
// meanwhile is held in memory for that worker, its lease running; the lease ends before long, so that nothing is lost
// with the process. Pace is kept by each replica for itself: together they may be faster than the network likes, and its
// refusals slow them down.
package bot
