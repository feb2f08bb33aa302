package discordtest

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// The operations of the gateway.
const (
	opDispatch       = 0
	opHeartbeat      = 1
	opIdentify       = 2
	opPresence       = 3
	opResume         = 6
	opReconnect      = 7
	opMembers        = 8
	opInvalidSession = 9
	opHello          = 10
	opAck            = 11
)

// The limits of what a client sends.
const (
	frameMax   = 4096
	framesMax  = 120
	framesTime = time.Minute
)

// gateway is the state of the sessions. The lock of the Discord guards it.
type gateway struct {
	sessions []*session
	lines    map[*line]bool // every open connection
	opened   int
}

// session outlives its connection: events are kept for the one who resumes it.
type session struct {
	id      string
	seq     int
	intents int
	events  []event
	line    *line // nil while nobody is connected
}

// event is a dispatched event; the same bytes are sent again.
type event struct {
	seq  int
	body []byte
}

const eventsKept = 500

// line is one connection to the gateway.
type line struct {
	d       *Discord
	ws      *websocket.Conn
	session *session // nil before identify
	frozen  bool     // it is dead without being closed
	path    string
	frames  []time.Time

	queue  chan parcel   // to the writer, in the order of the events
	done   chan struct{} // closed when nothing more is read
	single atomic.Bool   // every payload is compressed by itself
	stream *zlib.Writer  // or all of them together
	buf    bytes.Buffer
}

// parcel is a payload to be written, or the end of the connection.
type parcel struct {
	body []byte
	code int // not 0: close with it
	why  string
}

const queueMax = 1000

// frame is what goes over the gateway.
type frame struct {
	Op   int             `json:"op"`
	Data json.RawMessage `json:"d"`
	Seq  *int            `json:"s"`
	Name *string         `json:"t"`
}

func (d *Discord) serveGateway(w http.ResponseWriter, r *http.Request) {
	d.sockets.Add(1)
	defer d.sockets.Done()
	up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	ws, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer ws.Close()                                         //nolint:errcheck // nothing can be done about it
	defer context.AfterFunc(d.done, func() { ws.Close() })() //nolint:errcheck // nothing can be done about it
	l := &line{d: d, ws: ws, path: r.URL.Path, queue: make(chan parcel, queueMax), done: make(chan struct{})}
	if r.URL.Query().Get("compress") == "zlib-stream" {
		l.stream = zlib.NewWriter(&l.buf)
	}
	d.mu.Lock()
	if d.gateway.lines == nil {
		d.gateway.lines = map[*line]bool{}
	}
	d.gateway.lines[l] = true
	d.mu.Unlock()
	defer d.hangUp(l)
	var writer sync.WaitGroup
	writer.Go(l.writer)
	defer writer.Wait()
	defer close(l.done)
	q := r.URL.Query()
	if v := q.Get("v"); v != "9" && v != "10" || q.Get("encoding") != "json" {
		d.offend("gateway: connected with %q: the version has to be 10 and the encoding json", r.URL.RawQuery)
		l.close(4012, "Invalid API version")
		return
	}
	l.send(opHello, object{"heartbeat_interval": d.o.Heartbeat.Milliseconds()})
	l.read()
}

// hangUp takes a connection off its session.
func (d *Discord) hangUp(l *line) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.gateway.lines, l)
	if l.session != nil && l.session.line == l {
		l.session.line = nil
	}
	d.notify()
}

// read takes what the client sends until the connection ends.
func (l *line) read() {
	for {
		l.ws.SetReadDeadline(time.Now().Add(2*l.d.o.Heartbeat + time.Second)) //nolint:errcheck // the next read tells
		_, raw, err := l.ws.ReadMessage()
		if err != nil {
			if websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway) {
				l.d.forget(l) // such an end ends the session as well
			}
			l.close(4009, "Session timed out")
			return
		}
		now := time.Now()
		l.frames = append(slices.DeleteFunc(l.frames, func(t time.Time) bool { return now.Sub(t) > framesTime }), now)
		var f frame
		switch err := json.Unmarshal(raw, &f); {
		case len(raw) > frameMax:
			l.d.offend("gateway: a payload of %d bytes", len(raw))
			l.close(4002, "Decode error")
			return
		case err != nil:
			l.d.offend("gateway: a payload that is no JSON: %s", cut(string(raw), 200))
			l.close(4002, "Decode error")
			return
		case len(l.frames) > framesMax:
			l.d.offend("gateway: more than %d payloads in %s", framesMax, framesTime)
			l.close(4008, "Rate limited")
			return
		}
		if !l.take(f) {
			return
		}
	}
}

// take acts on one payload; false: the connection is over.
func (l *line) take(f frame) bool {
	switch f.Op {
	case opHeartbeat:
		l.d.mu.Lock()
		frozen := l.frozen
		l.d.mu.Unlock()
		if !frozen {
			l.send(opAck, nil)
		}
		return true
	case opIdentify:
		return l.identify(f.Data)
	case opResume:
		return l.resume(f.Data)
	case opPresence, opMembers:
		if l.identified() {
			return true
		}
		l.d.offend("gateway: operation %d before identify", f.Op)
		return l.close(4003, "Not authenticated")
	}
	l.d.offend("gateway: unknown operation %d", f.Op)
	return l.close(4001, "Unknown opcode")
}

// send writes a payload that is no event.
func (l *line) send(op int, data any) {
	l.write(mustJSON(object{"op": op, "d": data, "s": nil, "t": nil}))
}

// write puts a payload into the queue. It never blocks: who does not read loses the connection.
func (l *line) write(body []byte) { l.put(parcel{body: body}) }

func (l *line) put(p parcel) {
	select {
	case l.queue <- p:
	default:
		l.ws.Close() //nolint:errcheck // it may be gone
	}
}

// close ends the connection with a code, after what was written before; it returns false, for take.
func (l *line) close(code int, why string) bool {
	l.put(parcel{code: code, why: why})
	return false
}

// writer writes what is in the queue until the connection ends.
func (l *line) writer() {
	for {
		select {
		case p := <-l.queue:
			if !l.hand(p) {
				return
			}
		case <-l.done:
			for len(l.queue) > 0 {
				if !l.hand(<-l.queue) {
					return
				}
			}
			return
		}
	}
}

// hand writes one parcel; false: it was the last.
func (l *line) hand(p parcel) bool {
	if p.code != 0 {
		l.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(p.code, p.why), time.Now().Add(time.Second)) //nolint:errcheck // it may be gone
		l.ws.Close()                                                                                                        //nolint:errcheck // it may be gone
		return false
	}
	kind, body := websocket.TextMessage, p.body
	switch {
	case l.stream != nil:
		l.buf.Reset()
		l.stream.Write(body) //nolint:errcheck // memory takes all
		l.stream.Flush()     //nolint:errcheck // memory takes all
		kind, body = websocket.BinaryMessage, bytes.Clone(l.buf.Bytes())
	case l.single.Load():
		var buf bytes.Buffer
		z := zlib.NewWriter(&buf)
		z.Write(body) //nolint:errcheck // memory takes all
		z.Close()     //nolint:errcheck // memory takes all
		kind, body = websocket.BinaryMessage, buf.Bytes()
	}
	l.ws.SetWriteDeadline(time.Now().Add(5 * time.Second)) //nolint:errcheck // the write tells
	l.ws.WriteMessage(kind, body)                          //nolint:errcheck // the reader notices
	return true
}

// identified says whether the connection has a session.
func (l *line) identified() bool {
	l.d.mu.Lock()
	defer l.d.mu.Unlock()
	return l.session != nil
}

// forget ends the session of a connection. It takes the lock.
func (d *Discord) forget(l *line) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gateway.sessions = slices.DeleteFunc(d.gateway.sessions, func(s *session) bool { return s == l.session })
	d.notify()
}

// dispatch sends an event to every session, and keeps it for those that are not connected; false: there is none.
func (d *Discord) dispatch(name string, body []byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.gateway.sessions {
		b := s.note(name, body)
		if s.line != nil && !s.line.frozen {
			s.line.write(b)
		}
	}
	return len(d.gateway.sessions) > 0
}

// note gives an event its number and keeps it. It needs the lock.
func (s *session) note(name string, data []byte) []byte {
	s.seq++
	body := mustJSON(object{"op": opDispatch, "d": json.RawMessage(data), "s": s.seq, "t": name})
	s.events = append(s.events, event{s.seq, body})
	s.events = s.events[max(0, len(s.events)-eventsKept):]
	return body
}

// bare is a token without the word that REST wants before it.
func bare(token string) string { return strings.TrimPrefix(token, "Bot ") }
