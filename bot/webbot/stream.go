package webbot

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	heartbeat = 15 * time.Second
	// writeWait is how long a reader may take for one batch before it is left; it comes back with its cursor.
	writeWait = 15 * time.Second
	// replayMax is how many changes are worth replaying; beyond it the page reads the channel anew.
	replayMax  = 200
	streamsMax = 12 // of one session; the oldest makes room
)

// stream is one open page. It has no buffer: woken, it reads what changed since its cursor.
type stream struct {
	session string
	since   time.Time
	wake    chan struct{}
	cancel  context.CancelFunc
}

func (b *Bot) join(ctx context.Context, session string) (*stream, context.Context, bool) {
	ctx, cancel := context.WithCancel(ctx)
	st := &stream{session: session, since: time.Now(), wake: make(chan struct{}, 1), cancel: cancel}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sink == nil {
		cancel()
		return nil, nil, false
	}
	var oldest *stream
	n := 0
	for s := range b.streams {
		if s.session != session {
			continue
		}
		n++
		if oldest == nil || s.since.Before(oldest.since) {
			oldest = s
		}
	}
	if n >= streamsMax {
		oldest.cancel()
	}
	b.streams[st] = struct{}{}
	return st, ctx, true
}

func (b *Bot) leave(st *stream) {
	st.cancel()
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.streams, st)
}

// events is the stream of changes. The cursor comes in the query, or as Last-Event-ID when the browser itself reconnects.
func (b *Bot) events(w http.ResponseWriter, r *http.Request, u User) {
	st, ctx, ok := b.join(r.Context(), sessionID(r))
	if !ok {
		starting(w)
		return
	}
	defer b.leave(st)
	if err := b.refresh(ctx); err != nil {
		b.storeDown(w, r, err)
		return
	}
	at := parseCursors(r.URL.Query().Get("since"))
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		at = parseCursors(id)
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	out := &sse{w: w, rc: http.NewResponseController(w)}
	out.rc.SetReadDeadline(time.Time{}) // the stream has no end of its own
	out.event("hello", "", u.ID+" "+b.assets.hash)
	b.stream(ctx, st, u, at, out)
}

func (b *Bot) stream(ctx context.Context, st *stream, u User, at cursors, out *sse) {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	specs := ""
	for {
		if _, v := b.published(); v != specs {
			specs = v
			out.event("commands", "", v)
		}
		for _, ch := range b.o.Channels {
			b.changes(ch, u, at, out)
		}
		if out.flush() != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-st.wake:
		case <-beat.C:
			out.event("beat", "", "-")
			if _, ok, err := b.sessionUser(ctx, st.session); err == nil && !ok {
				out.event("bye", "", "signed out")
				_ = out.flush()
				return
			}
		}
	}
}

// changes writes what changed in a channel since the cursor, and moves the cursor.
func (b *Bot) changes(ch string, u User, at cursors, out *sse) {
	list, now, ok := b.feeds[ch].since(at[ch])
	if !ok || len(list) > replayMax {
		at[ch] = now
		out.event("reset", at.format(b.o.Channels), ch)
		return
	}
	for _, e := range list {
		at[ch] = cursor{now.epoch, e.Seq}
		switch {
		case e.visibleTo(u.ID):
			out.event("message", at.format(b.o.Channels), string(e.html()))
		case e.Shown || e.Removed && e.Only == u.ID:
			out.event("gone", at.format(b.o.Channels), e.ID)
		}
	}
	at[ch] = now
}

// sse writes server-sent events. The first error stays.
type sse struct {
	w   io.Writer
	rc  *http.ResponseController
	buf bytes.Buffer
	err error
}

func (s *sse) event(name, id, data string) {
	fmt.Fprintf(&s.buf, "event: %s\n", name)
	if id != "" {
		fmt.Fprintf(&s.buf, "id: %s\n", id)
	}
	// A carriage return would end the line for the browser too.
	for line := range strings.SplitSeq(strings.ReplaceAll(strings.ReplaceAll(data, "\r\n", "\n"), "\r", "\n"), "\n") {
		fmt.Fprintf(&s.buf, "data: %s\n", line)
	}
	s.buf.WriteByte('\n')
}

func (s *sse) flush() error {
	if s.err != nil || s.buf.Len() == 0 {
		return s.err
	}
	s.rc.SetWriteDeadline(time.Now().Add(writeWait))
	if _, s.err = s.w.Write(s.buf.Bytes()); s.err == nil {
		s.err = s.rc.Flush()
	}
	s.buf.Reset()
	return s.err
}
