package slackbot

import (
	"context"
	"sync"
	"time"

	"github.com/drey-ops/drey/bot"
)

// kind is what a person did.
type kind uint8

const (
	slash    kind = iota // typed a slash command
	mention              // spoke to drey in a channel, a thread or a direct message
	press                // pressed a button
	submit               // sent a modal
	shortcut             // chose a shortcut on a message
	home                 // opened the home tab, or looks at it while something changes
	link                 // posted a link that can be unfurled
)

// gestureAge is how long a gesture can be answered: as long as Slack keeps its response URL alive.
const gestureAge = 30 * time.Minute

// ackSettles is how long an acknowledgement is on its way and takes effect.
const ackSettles = 400 * time.Millisecond

// responseUses is how often a response URL can be used.
const responseUses = 5

// gesture is what a person did, and the ways to answer it. Its first part is set by the decoder and never changes.
type gesture struct {
	kind    kind
	born    time.Time
	user    string
	channel string // where the answer belongs
	thread  string // the root of the thread where it belongs; empty in the channel
	origin  string // ts of the message that bore the button, or that the shortcut was called on
	hidden  bool   // that message is one for the person alone
	trigger string // opens a modal, once, within 3 s
	respond string // response URL
	links   []sharedLink
	unfurl  unfurlTarget
	opens   bool // what was asked for opens a modal: it is opened at once, and filled later

	// ack takes the body of the acknowledgement, where the transport waits for one (a sent modal); nil elsewhere.
	ack chan any
	// ackMax is the longest body that the transport can take, in bytes; 0: any.
	ackMax int

	mu      sync.Mutex
	below   string // the thread of the public answer, where thread is empty
	acked   bool
	ackedAt time.Time
	uses    int            // of respond
	view    openView       // the modal that shows the answer, if one is open
	posted  bot.MessageRef // the public answer, once there is one
	told    bool           // a private word was said

	opening chan struct{} // closed once the modal of opens is open, or could not be opened; nil: nothing is under way
	since   time.Time     // when the public answer was first sent, while it is not known whether it arrived
	barred  bool          // drey cannot speak in the channel
}

// openView is a modal as Slack knows it.
type openView struct {
	id   string
	hash string
	form string // id of the form it shows; empty: none
	// external is a name of our own, for a modal whose id is not known: Slack's answer to its opening was lost.
	external string
}

// shown says whether there is a modal, as far as is known.
func (v openView) shown() bool { return v.id != "" || v.external != "" }

// sharedLink is a link in somebody's message.
type sharedLink struct{ url, domain string }

// unfurlTarget says which message the links stand in.
type unfurlTarget struct{ channel, ts, id, source string }

// acknowledge gives the body of the acknowledgement, and says whether the transport still waited for it and could take it.
// nil is an empty one.
func (g *gesture) acknowledge(body any) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ack == nil || g.acked {
		return false
	}
	g.acked, g.ackedAt = true, time.Now()
	if g.ackMax > 0 && !encodesWithin(body, g.ackMax) {
		g.ack <- tooLong{}
		return false
	}
	g.ack <- body // it has room for one
	return true
}

// expire ends the wait for a body: the transport acknowledges by itself now, with a view that says drey is at work. It says
// whether none had been given.
func (g *gesture) expire() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.acked {
		return false
	}
	g.acked, g.ackedAt = true, time.Now()
	g.view.hash, g.view.form = "", ""
	return true
}

// settle waits until Slack has seen to the acknowledgement: it takes another way than a call, which must not overtake it.
func (g *gesture) settle(ctx context.Context) {
	g.mu.Lock()
	at := g.ackedAt
	g.mu.Unlock()
	if !at.IsZero() {
		wait(ctx, ackSettles-time.Since(at))
	}
}

// respondable takes one use of the response URL, and says whether there was one.
func (g *gesture) respondable(now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.respond == "" || g.uses >= responseUses || now.Sub(g.born) > gestureAge-time.Minute {
		return false
	}
	g.uses++
	return true
}

// gesturesMax bounds memory: more gestures than that within gestureAge lose their oldest.
const gesturesMax = 20_000

// gestures are those that can still be answered, by the Token of their event.
type gestures = bot.Kept[*gesture]
