package slackbot

import (
	"encoding/json"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/drey-ops/drey/config/secret"
)

const (
	// pingEvery and silence find a connection that is half dead: Slack promises no pings of its own.
	pingEvery = 3 * time.Second
	silence   = 6 * time.Second
	// writeWait bounds one write. It ends before silence does.
	writeWait = 3 * time.Second
	// retireAfter is how long a connection that Slack is about to end is still read.
	retireAfter = 20 * time.Second
	frameMax    = 4 << 20
	acksMax     = 512 // acknowledgements that wait to be written
)

// socketLink is one connection. Its reader never waits for work or for writes, so that it always sees whether Slack is
// still there.
type socketLink struct {
	b     *Bot
	in    *reception
	conn  *websocket.Conn
	token secret.Text // that it was opened with

	acks     chan []byte
	retiring chan struct{} // closed when Slack is about to end the connection
	ended    chan struct{} // closed when nothing more will be read
	inflight sync.WaitGroup

	mu      sync.Mutex
	err     error     // why it ended
	until   time.Time // when it was given up; zero: not
	retired bool
}

func newSocketLink(b *Bot, in *reception, conn *websocket.Conn, token secret.Text) *socketLink {
	l := &socketLink{
		b: b, in: in, conn: conn, token: token,
		acks: make(chan []byte, acksMax), retiring: make(chan struct{}), ended: make(chan struct{}),
	}
	conn.SetReadLimit(frameMax)
	conn.SetPongHandler(func(string) error { return l.alive() })
	conn.SetPingHandler(func(data string) error {
		err := conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(writeWait))
		if errors.Is(err, websocket.ErrCloseSent) {
			err = nil
		}
		return errors.Join(err, l.alive())
	})
	return l
}

// alive notes a sign of life.
func (l *socketLink) alive() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	end := time.Now().Add(silence)
	if !l.until.IsZero() && l.until.Before(end) {
		end = l.until
	}
	return l.conn.SetReadDeadline(end)
}

// leave ends the connection after d, unless Slack does so before.
func (l *socketLink) leave(d time.Duration) {
	l.mu.Lock()
	until := time.Now().Add(d)
	if l.until.IsZero() || until.Before(l.until) {
		l.until = until
	}
	l.mu.Unlock()
	if d <= 0 {
		_ = l.alive() // it wakes the reader
	}
}

// reason is why the connection ended.
func (l *socketLink) reason() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

func (l *socketLink) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
	}
}

// socketFrame is what comes over the connection: an envelope around a payload, or a word about the connection itself.
type socketFrame struct {
	Type     string          `json:"type"`
	Envelope string          `json:"envelope_id"`
	Payload  json.RawMessage `json:"payload"`
	Reason   string          `json:"reason"`
}

// read takes what comes until the connection ends, and then waits for what it began.
func (l *socketLink) read() {
	defer func() {
		l.inflight.Wait()
		close(l.acks)
	}()
	defer close(l.ended)
	stop := l.stopWith()
	defer stop()
	for l.alive() == nil {
		kind, raw, err := l.conn.ReadMessage()
		if err != nil {
			l.fail(ending(err))
			return
		}
		if kind != websocket.TextMessage {
			l.b.refuse(refusedMalformed, ModeSocket)
			continue
		}
		if err := l.frame(raw); err != nil {
			l.fail(err)
			return
		}
	}
}

// stopWith ends the reading when the Receive ends.
func (l *socketLink) stopWith() (stop func()) {
	done := make(chan struct{})
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		select {
		case <-l.in.ctx.Done():
			l.leave(0)
		case <-done:
		}
	}()
	return func() {
		close(done)
		<-gone
	}
}

// ending is why a read ended, in our words where the library's say nothing.
func ending(err error) error {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return errSilent
	case websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway):
		return errRefresh
	case errors.Is(err, io.ErrUnexpectedEOF):
		return io.ErrUnexpectedEOF
	}
	return withoutAddress(err)
}

// frameOf decodes a frame; false when it is none of Slack's.
func frameOf(raw []byte) (f socketFrame, ok bool) {
	err := lenient(raw, &f)
	return f, err == nil
}

// frame takes one frame. Its error ends the connection.
func (l *socketLink) frame(raw []byte) error {
	f, ok := frameOf(raw)
	if !ok {
		l.b.refuse(refusedMalformed, ModeSocket)
		return nil
	}
	switch f.Type {
	case "hello":
		return nil
	case "disconnect":
		return l.disconnect(f.Reason)
	}
	if f.Envelope == "" {
		l.b.refuse(refusedUnknown, ModeSocket)
		return nil
	}
	l.inflight.Add(1)
	if !l.in.crew.run(func() {
		defer l.inflight.Done()
		l.envelope(f)
	}) {
		l.inflight.Done()
		l.b.refuse(refusedBusy, ModeSocket) // not acknowledged: Slack tries again, or tells the person
	}
	return nil
}

// disconnect takes Slack's word that the connection ends, or is about to.
func (l *socketLink) disconnect(reason string) error {
	switch reason {
	case "link_disabled":
		return errDisabled
	case "warning", "refresh_requested":
		// What comes until Slack closes the connection is still for drey.
		if !l.retired {
			l.retired = true
			close(l.retiring)
		}
		return nil
	}
	return errRefresh
}

// envelope acknowledges an envelope and takes its payload. It acknowledges first, but where the acknowledgement says
// something.
func (l *socketLink) envelope(f socketFrame) {
	acked := false
	ack := func(body any) {
		if !acked {
			acked = true
			l.acknowledge(f.Envelope, body)
		}
	}
	took := true
	switch f.Type {
	case "slash_commands":
		ack(nil)
		var c slashCommand
		if err := lenient(f.Payload, &c); err != nil {
			l.b.refuse(refusedMalformed, ModeSocket)
			return
		}
		took = l.b.takeSlash(l.in, c)
	case "events_api":
		ack(nil)
		took = l.b.takeEvent(l.in, f.Payload)
	case "interactive":
		if !waits(f.Payload) {
			ack(nil)
		}
		defer ack(nil) // after a panic, too
		var body any
		body, took = l.b.takeInteraction(l.in, f.Payload, ackMax)
		ack(body)
	default:
		ack(nil)
		l.b.refuse(refusedUnknown, ModeSocket)
	}
	if !took {
		l.b.refuse(refusedBusy, ModeSocket)
	}
}

// waits says whether the acknowledgement of an interaction has a body.
func waits(payload []byte) bool {
	var p struct {
		Type string `json:"type"`
	}
	if err := lenient(payload, &p); err != nil {
		return false
	}
	return p.Type == "view_submission" || p.Type == "block_suggestion"
}

// socketAck is an acknowledgement.
type socketAck struct {
	Envelope string          `json:"envelope_id"`
	Payload  json.RawMessage `json:"payload,omitempty"`
}

// acknowledge hands an acknowledgement to the writer.
func (l *socketLink) acknowledge(envelope string, body any) {
	payload, err := encodeAck(body)
	if err != nil || len(payload) > ackMax {
		l.b.log.Error("acknowledgement without its body", "network", Network, "size", len(payload), "error", err)
		payload = nil
	}
	raw, err := json.Marshal(socketAck{Envelope: envelope, Payload: payload})
	if err != nil {
		l.b.log.Error("acknowledgement not encoded", "network", Network, "error", err)
		return
	}
	l.acks <- raw // the writer empties it as long as something is under way
}

// write sends acknowledgements and pings until there is nothing more to say, and closes the connection.
func (l *socketLink) write() {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	defer func() { _ = l.conn.Close() }() // it may be closed already
	for {
		var err error
		select {
		case raw, more := <-l.acks:
			if !more {
				l.goodbye()
				return
			}
			_ = l.conn.SetWriteDeadline(time.Now().Add(writeWait)) // the write tells
			err = l.conn.WriteMessage(websocket.TextMessage, raw)
		case <-ping.C:
			err = l.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeWait))
		}
		if err != nil {
			l.fail(ending(err))
			_ = l.conn.Close() // it ends the reader
			for range l.acks {
				// until the reader is done: nobody hears them any more
			}
			return
		}
	}
}

// goodbye tells Slack that nothing more is read.
func (l *socketLink) goodbye() {
	text := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	_ = l.conn.WriteControl(websocket.CloseMessage, text, time.Now().Add(writeWait)) // it may be gone already
}
