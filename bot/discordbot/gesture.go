package discordbot

import (
	"sync"
	"time"

	"github.com/drey-ops/drey/bot"
)

// gestureAge is how long Discord takes answers to an interaction.
const gestureAge = 15 * time.Minute

// gesture is an interaction, and the ways to answer it. Its first part is set by the decoder and never changes.
type gesture struct {
	id      string // of the interaction
	token   string
	born    time.Time
	kind    kind
	guild   string // empty: a direct message
	user    string
	channel string // where the answer belongs: a thread is a channel of its own
	origin  string // id of the message that bore the button
	hidden  bool   // that message is one for the person alone
	opens   bool   // the answer is going to be a form, which only the first response can open

	// first takes the first response, where the transport waits for one (an HTTP request); nil: it goes by REST.
	first chan any

	mu        sync.Mutex
	answered  bool           // the first response was given
	deferred  bool           // and it was only a promise
	private   bool           // the first response is for the person alone, for good
	aside     bool           // the first response was no answer (it put a question away): answers are follow-ups
	followups []string       // ids of messages sent after it
	over      bool           // the first response is the message of the button itself, or was taken back
	posted    bot.MessageRef // the public answer, where it is an ordinary message
	below     bot.MessageRef // the answer in the thread under the message, where it belongs there
	posts     int            // such answers that were taken back
	byToken   string         // id of the first response, where everybody sees it

	replying sync.Mutex // one Reply at a time
	since    time.Time  // when the first response was given
}

// kind is what a person did.
type kind uint8

const (
	slash   kind = iota // a slash command
	press               // a button, or a choice from a menu
	submit              // a sent modal
	message             // a command on a message
)

// respond gives the first response, and says whether none had been given. Where the transport waits it goes there, else
// the caller sends it by REST.
func (g *gesture) respond(body any) (first, sent bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.answered {
		return false, false
	}
	g.answered = true
	if g.first == nil {
		return true, false
	}
	g.first <- body // it has room for one
	return true, true
}

// promise gives a deferred first response in place of one that did not come in time, and says whether that was still
// to be given.
func (g *gesture) promise() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.answered {
		return false
	}
	g.answered, g.deferred, g.private = true, true, true
	return true
}

// gesturesMax bounds memory: more gestures than that within gestureAge lose their oldest.
const gesturesMax = 20_000

// gestures are those that can still be answered, and those that were lately, by the Token of their event: where their
// answers stand is known a while longer.
type gestures = bot.Kept[*gesture]
