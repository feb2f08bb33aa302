package slacktest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// sockets are the connections of Socket Mode. The lock of Slack guards it.
type sockets struct {
	conns   []*conn
	tickets map[string]bool
	waiting map[string]chan Ack // by envelope
}

func newSockets() sockets {
	return sockets{tickets: map[string]bool{}, waiting: map[string]chan Ack{}}
}

// conn is one connection.
type conn struct {
	ws     *websocket.Conn
	done   chan struct{}
	writes sync.Mutex
	frozen bool // guarded by writes
}

const (
	connectionsMax = 10
	ackBytesMax    = 20 << 10
	writeWait      = 5 * time.Second
)

func (s *sockets) live() []*conn {
	var out []*conn
	for _, c := range s.conns {
		c.writes.Lock()
		if !c.frozen {
			out = append(out, c)
		}
		c.writes.Unlock()
	}
	return out
}

func (s *Slack) connectionsOpen(params) (object, *refusal) {
	if len(s.sockets.conns) >= connectionsMax {
		return nil, refuse("too_many_websockets")
	}
	ticket := s.id("ticket-")
	s.sockets.tickets[ticket] = true
	return object{"url": strings.Replace(s.base, "http", "ws", 1) + "/link?ticket=" + ticket + "&app_id=" + appID}, nil
}

// serveSocket is one connection, from the hello to its end.
func (s *Slack) serveSocket(w http.ResponseWriter, r *http.Request) {
	ticket := r.URL.Query().Get("ticket")
	s.mu.Lock()
	known := s.sockets.tickets[ticket]
	delete(s.sockets.tickets, ticket)
	s.mu.Unlock()
	if !known {
		http.Error(w, "invalid ticket", http.StatusForbidden)
		return
	}
	up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	ws, err := up.Upgrade(w, r, nil)
	if err != nil {
		s.violate("socket: %v", err)
		return
	}
	c := &conn{ws: ws, done: make(chan struct{})}
	ws.SetPingHandler(c.pong)
	defer c.end()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	hello := object{
		"type": "hello", "num_connections": len(s.sockets.conns) + 1, "connection_info": object{"app_id": appID},
		"debug_info": object{"host": "applink-1", "build_number": 1, "approximate_connection_time": 18060},
	}
	// The hello goes first: whatever is delivered waits for it.
	c.write(encode(hello))
	s.sockets.conns = append(s.sockets.conns, c)
	s.mu.Unlock()
	s.wg.Go(func() { c.ping(s.o.PingEvery) })
	s.readAcks(c)
	close(c.done)
	s.mu.Lock()
	s.sockets.conns = slices.DeleteFunc(s.sockets.conns, func(x *conn) bool { return x == c })
	s.mu.Unlock()
}

// end closes the connection. It may be gone already, which is as well.
func (c *conn) end() { _ = c.ws.Close() }

// write drops what goes into a frozen connection. A connection that is gone is found by its reader.
func (c *conn) write(frame []byte) {
	c.writes.Lock()
	defer c.writes.Unlock()
	if c.frozen {
		return
	}
	if c.ws.SetWriteDeadline(time.Now().Add(writeWait)) != nil || c.ws.WriteMessage(websocket.TextMessage, frame) != nil {
		c.end()
	}
}

// pong answers a ping of drey's.
func (c *conn) pong(data string) error {
	c.writes.Lock()
	defer c.writes.Unlock()
	if !c.frozen && c.ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(writeWait)) != nil {
		c.end()
	}
	return nil
}

func (c *conn) ping(every time.Duration) {
	send := func() {
		c.writes.Lock()
		defer c.writes.Unlock()
		if !c.frozen && c.ws.WriteControl(websocket.PingMessage, []byte("Ping from applink-1"), time.Now().Add(writeWait)) != nil {
			c.end()
		}
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for send(); ; send() {
		select {
		case <-tick.C:
		case <-c.done:
			return
		}
	}
}

// readAcks runs until the connection ends.
func (s *Slack) readAcks(c *conn) {
	for {
		_, frame, err := c.ws.ReadMessage()
		if err != nil {
			return
		}
		c.writes.Lock()
		frozen := c.frozen
		c.writes.Unlock()
		if frozen {
			continue
		}
		var ack struct {
			EnvelopeID string          `json:"envelope_id"`
			Payload    json.RawMessage `json:"payload"`
		}
		switch err := json.Unmarshal(frame, &ack); {
		case err != nil || ack.EnvelopeID == "":
			s.violate("socket: no acknowledgement: %s", shorten(string(frame), 200))
			continue
		case len(frame) >= ackBytesMax:
			s.violate("socket: an acknowledgement of %d bytes, which Slack drops", len(frame))
			continue
		}
		if string(ack.Payload) == "null" {
			ack.Payload = nil
		}
		s.mu.Lock()
		if ch := s.sockets.waiting[ack.EnvelopeID]; ch != nil {
			delete(s.sockets.waiting, ack.EnvelopeID)
			ch <- Ack{Status: http.StatusOK, Body: ack.Payload} // it has room for one
		}
		s.mu.Unlock()
	}
}

// deliverSocket gives an envelope to one of the connections, whichever.
func (s *Slack) deliverSocket(d *delivery, retry int) (Ack, error) {
	s.mu.Lock()
	conns := s.sockets.live()
	if len(conns) == 0 {
		s.mu.Unlock()
		return Ack{}, errNobody
	}
	id := s.id("envelope-")
	envelope := object{"envelope_id": id, "payload": d.payload, "type": d.kind, "accepts_response_payload": d.replies}
	if d.kind == "events_api" {
		envelope["retry_attempt"], envelope["retry_reason"] = retry, ""
		if retry > 0 {
			envelope["retry_reason"] = "timeout"
		}
	}
	ch := make(chan Ack, 1)
	s.sockets.waiting[id] = ch
	c := conns[rand.IntN(len(conns))]
	s.mu.Unlock()
	c.write(encode(envelope))
	timer := time.NewTimer(s.o.AckWithin)
	defer timer.Stop()
	select {
	case ack := <-ch:
		if len(ack.Body) > 0 && !d.replies {
			s.violate("socket: %s was acknowledged with a payload, which it does not take", d.kind)
		}
		return ack, nil
	case <-timer.C:
	case <-s.done:
	}
	s.mu.Lock()
	delete(s.sockets.waiting, id)
	s.mu.Unlock()
	return Ack{}, fmt.Errorf("slack: %s %s was not acknowledged within %s", d.kind, id, s.o.AckWithin)
}

// Sockets is how many connections there are, frozen ones among them.
func (s *Slack) Sockets() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sockets.conns)
}

func (s *Slack) eachSocket(fn func(*conn)) {
	s.mu.Lock()
	conns := slices.Clone(s.sockets.conns)
	s.mu.Unlock()
	for _, c := range conns {
		fn(c)
	}
}

func (c *conn) disconnect(reason string) {
	c.write(encode(object{"type": "disconnect", "reason": reason, "debug_info": object{"host": "applink-1"}}))
}

// WarnSockets tells every connection that it will be refreshed soon.
func (s *Slack) WarnSockets() { s.eachSocket(func(c *conn) { c.disconnect("warning") }) }

// RefreshSockets asks every connection to be made anew, and closes it, as Slack does every few hours.
func (s *Slack) RefreshSockets() {
	s.eachSocket(func(c *conn) {
		c.disconnect("refresh_requested")
		c.writes.Lock()
		defer c.writes.Unlock()
		// A gentle end: what was sent still arrives. The reader ends when drey closes its side.
		if c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(writeWait)) != nil {
			c.end()
		}
	})
}

// LinkDisabled tells every connection that Socket Mode was switched off for the app.
func (s *Slack) LinkDisabled() { s.eachSocket(func(c *conn) { c.disconnect("link_disabled") }) }

// KillSockets breaks every connection without a word.
func (s *Slack) KillSockets() {
	s.eachSocket(func(c *conn) { c.end() })
}

// FreezeSockets leaves every connection half dead: no ping comes, and nothing is read or sent any more.
func (s *Slack) FreezeSockets() {
	s.eachSocket(func(c *conn) {
		c.writes.Lock()
		defer c.writes.Unlock()
		c.frozen = true
	})
}

// MalformedFrame sends something that is no JSON over every connection.
func (s *Slack) MalformedFrame() {
	s.eachSocket(func(c *conn) { c.write([]byte(`{"type":"events_api","payload":`)) })
}
