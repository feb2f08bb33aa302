package discordbot

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bwmarrin/discordgo"
	"github.com/gorilla/websocket"
)

// The operations of the gateway.
const (
	opDispatch  = 0
	opHeartbeat = 1
	opIdentify  = 2
	opResume    = 6
	opReconnect = 7
	opInvalid   = 9
	opHello     = 10
	opAck       = 11
)

const (
	frameMax    = 32 << 20        // bytes; what Discord tells of a large server is several megabytes
	beatLongest = 2 * time.Minute // a gateway that wants them rarer is not Discord's
	beatLeast   = 10 * time.Millisecond
	closeRetry  = 4900 // a close code of ours, after which the session can be resumed
)

// frame is one message of the gateway.
type frame struct {
	Op   int             `json:"op"`
	Data json.RawMessage `json:"d"`
	Seq  *int64          `json:"s"`
	Name string          `json:"t"`
}

// link is one connection of a gateway. One goroutine reads, another keeps the heart beating.
type link struct {
	g    *gateway
	conn *websocket.Conn

	write sync.Mutex
	seq   atomic.Int64 // of the gateway, for the heartbeat
	beats atomic.Int32 // heartbeats without an answer
	mute  atomic.Bool  // the heart found nobody
}

// run begins or resumes the session and reads until the connection ends.
func (l *link) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { l.close(websocket.CloseNormalClosure) })
	defer stop()
	defer l.close(closeRetry)
	l.conn.SetReadLimit(frameMax)
	every, err := l.greet()
	if err != nil {
		return err
	}
	l.seq.Store(l.g.seq)
	if err := l.introduce(); err != nil {
		return fmt.Errorf("begin the session: %w", err)
	}
	done, beating := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(beating)
		l.beat(every, done)
	}()
	err = l.read(ctx, every)
	close(done)
	<-beating
	if l.mute.Load() && ctx.Err() == nil {
		return errSilent
	}
	return err
}

// greet reads the first frame, which says how often the heart is to beat.
func (l *link) greet() (time.Duration, error) {
	f, err := l.next(gatewayTimeout)
	if err != nil {
		return 0, fmt.Errorf("wait for the greeting: %w", err)
	}
	var hello struct {
		Interval int64 `json:"heartbeat_interval"`
	}
	if f.Op != opHello || json.Unmarshal(f.Data, &hello) != nil || hello.Interval <= 0 {
		return 0, fmt.Errorf("wait for the greeting: %w", errMalformed)
	}
	return max(beatLeast, min(beatLongest, time.Duration(hello.Interval)*time.Millisecond)), nil
}

// introduce sends who we are, or which session is to go on.
func (l *link) introduce() error {
	token := string(l.g.token)
	if l.g.session != "" {
		return l.send(opResume, map[string]any{"token": token, "session_id": l.g.session, "seq": l.g.seq})
	}
	return l.send(opIdentify, map[string]any{
		"token": token, "intents": int(discordgo.IntentsGuilds), "compress": false,
		"properties": map[string]string{"os": "linux", "browser": "drey", "device": "drey"},
	})
}

// read handles frames until the connection ends.
func (l *link) read(ctx context.Context, every time.Duration) error {
	for {
		// Every heartbeat is answered, so a connection that is silent for two of them is dead.
		f, err := l.next(2*every + gatewayTimeout)
		if err != nil {
			return err
		}
		switch f.Op {
		case opDispatch:
			if f.Seq != nil {
				l.g.seq = *f.Seq
				l.seq.Store(*f.Seq)
			}
			if err := l.dispatch(ctx, f); err != nil {
				return err
			}
		case opHeartbeat:
			if err := l.send(opHeartbeat, l.last()); err != nil {
				return fmt.Errorf("heartbeat: %w", err)
			}
		case opAck:
			l.beats.Store(0)
		case opReconnect:
			return errReconnect
		case opInvalid:
			var resumable bool
			if json.Unmarshal(f.Data, &resumable) != nil || !resumable {
				l.g.forget()
			}
			return errInvalidSession
		}
	}
}

// dispatch handles one event. Of all that Discord tells of servers, drey wants the interactions alone.
func (l *link) dispatch(ctx context.Context, f frame) error {
	switch f.Name {
	case "READY":
		var ready struct {
			Session string `json:"session_id"`
			Resume  string `json:"resume_gateway_url"`
		}
		if err := json.Unmarshal(f.Data, &ready); err != nil || ready.Session == "" {
			return fmt.Errorf("begin the session: %w", errMalformed)
		}
		l.g.session, l.g.resume = ready.Session, ready.Resume
		l.g.b.log.Info("gateway session begun", "network", Network)
	case "RESUMED":
		l.g.b.log.Info("gateway session resumed", "network", Network)
	case "INTERACTION_CREATE":
		l.g.take(ctx, f.Data)
	}
	return nil
}

// next reads one frame, within a time.
func (l *link) next(within time.Duration) (frame, error) {
	var f frame
	if err := l.conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		return f, err
	}
	kind, raw, err := l.conn.ReadMessage()
	if err != nil {
		return f, err
	}
	if err := json.Unmarshal(raw, &f); err != nil || kind != websocket.TextMessage {
		return f, errMalformed
	}
	return f, nil
}

// beat keeps the heart beating until done. When Discord does not answer it closes the connection.
func (l *link) beat(every time.Duration, done <-chan struct{}) {
	timer := time.NewTimer(rand.N(every)) // the first one at a random time, as Discord asks
	defer timer.Stop()
	for {
		select {
		case <-done:
			return
		case <-timer.C:
		}
		if l.beats.Add(1) > 1 {
			l.mute.Store(true)
			l.close(closeRetry)
			return
		}
		if err := l.send(opHeartbeat, l.last()); err != nil {
			l.close(closeRetry)
			return
		}
		timer.Reset(every)
	}
}

// last is what a heartbeat carries: the number of the last event, or null.
func (l *link) last() any {
	if n := l.seq.Load(); n > 0 {
		return n
	}
	return nil
}

func (l *link) send(op int, data any) error {
	l.write.Lock()
	defer l.write.Unlock()
	if err := l.conn.SetWriteDeadline(time.Now().Add(gatewayTimeout)); err != nil {
		return err
	}
	return l.conn.WriteJSON(map[string]any{"op": op, "d": data})
}

// close says why, and ends the connection. It may be called again.
func (l *link) close(code int) {
	// The other end may be gone.
	_ = l.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(time.Second))
	_ = l.conn.Close()
}
