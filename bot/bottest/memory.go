package bottest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/drey-ops/drey/bot"
)

// Memory is a chat network kept in memory. It does what the contract of bot.Network asks, and remembers every call.
// It may be used by many goroutines.
type Memory struct {
	id   bot.NetworkID
	caps bot.Caps

	mu        sync.Mutex
	changed   chan struct{} // closed and replaced at every change
	sink      bot.Sink
	commands  []bot.CommandSpec
	said      []*Said
	byKey     map[string]*Said
	replies   map[string][]bot.Message
	asked     map[string]asked
	calls     []Call
	next      map[string][]error
	script    func(ctx context.Context, c Call) error
	lastID    int
	lastEvent int
	seq       int // counts posts and gestures
}

// asked is a gesture, with its place among everything in the order it happened.
type asked struct {
	ev  bot.Event
	seq int
}

// Said is one posted message as it stands now.
type Said struct {
	Ref     bot.MessageRef
	Key     string // the key it was first posted with
	Message bot.Message
	Edits   int
	At      time.Time // when it was posted
	seq     int
}

// Call is one call of Post, Edit or Reply.
type Call struct {
	Method  string // "post", "edit", "reply"
	Key     string // of a post
	Event   string // of a reply: the event's ID
	Place   bot.Place
	Ref     bot.MessageRef // of an edit; of a post that had its effect
	Message bot.Message
	At      time.Time
	Err     error
}

// Roomy are the Caps of a network that can do everything, with limits that only a test of limits will meet.
func Roomy() bot.Caps {
	return bot.Caps{
		TitleMax: 300, TextMax: 12_000, BlocksMax: 100, ButtonsMax: 25, LabelMax: 80, FieldsMax: 25, TableRows: 200,
		TableCols: 20, FileMax: 1 << 20, Threads: true, Private: true, Forms: true, Images: true, AckWithin: 3 * time.Second,
	}
}

// NewMemory returns an empty network.
func NewMemory(id bot.NetworkID, c bot.Caps) *Memory {
	return &Memory{
		id: id, caps: c, changed: make(chan struct{}), byKey: map[string]*Said{}, replies: map[string][]bot.Message{},
		asked: map[string]asked{}, next: map[string][]error{},
	}
}

// ID implements bot.Network.
func (m *Memory) ID() bot.NetworkID { return m.id }

// Caps implements bot.Network.
func (m *Memory) Caps() bot.Caps { return m.caps }

// Publish implements bot.Network.
func (m *Memory) Publish(_ context.Context, cmds []bot.CommandSpec) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.commands = slices.Clone(cmds)
	return nil
}

// Receive implements bot.Network.
func (m *Memory) Receive(ctx context.Context, s bot.Sink) error {
	m.Attach(s)
	<-ctx.Done()
	return nil
}

// Reply implements bot.Network.
func (m *Memory) Reply(ctx context.Context, ev bot.Event, msg bot.Message) error {
	c := Call{Method: "reply", Event: ev.ID, Place: ev.Place, Message: msg}
	return m.call(ctx, c, func(*Call) error {
		m.replies[ev.ID] = append(m.replies[ev.ID], msg)
		return nil
	})
}

// Post implements bot.Network.
func (m *Memory) Post(ctx context.Context, at bot.Place, key string, msg bot.Message) (bot.MessageRef, error) {
	var ref bot.MessageRef
	c := Call{Method: "post", Key: key, Place: at, Message: msg}
	err := m.call(ctx, c, func(c *Call) error {
		s := m.byKey[key]
		if s == nil {
			m.lastID++
			s = &Said{Ref: bot.MessageRef{Place: at, ID: "m" + strconv.Itoa(m.lastID)}, Key: key, Message: msg, At: time.Now(), seq: m.count()}
			m.said = append(m.said, s)
			m.byKey[key] = s
		}
		ref, c.Ref = s.Ref, s.Ref
		return nil
	})
	return ref, err
}

// Edit implements bot.Network.
func (m *Memory) Edit(ctx context.Context, ref bot.MessageRef, msg bot.Message) error {
	c := Call{Method: "edit", Place: ref.Place, Ref: ref, Message: msg}
	return m.call(ctx, c, func(*Call) error {
		s := m.find(ref.ID)
		if s == nil {
			return &bot.SendError{Gone: true, Err: fmt.Errorf("edit %s: no such message", ref.ID)}
		}
		s.Message = msg
		s.Edits++
		return nil
	})
}

func (m *Memory) find(id string) *Said {
	for _, s := range m.said {
		if s.Ref.ID == id {
			return s
		}
	}
	return nil
}

// call asks the script what becomes of the call, lets it take effect, and notes it.
func (m *Memory) call(ctx context.Context, c Call, effect func(*Call) error) error {
	c.At = time.Now()
	m.mu.Lock()
	script := m.script
	if q := m.next[c.Method]; len(q) > 0 {
		err := q[0]
		m.next[c.Method] = q[1:]
		script = func(context.Context, Call) error { return err }
	}
	m.mu.Unlock()
	var err error
	if script != nil {
		err = script(ctx, c) // may block, so it is called without the lock
	}
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil || errors.Is(err, ErrLost) {
		if e := effect(&c); e != nil {
			err = e
		}
	}
	c.Err = err
	m.calls = append(m.calls, c)
	m.notify()
	return err
}

func (m *Memory) count() int {
	m.seq++
	return m.seq
}

func (m *Memory) notify() {
	close(m.changed)
	m.changed = make(chan struct{})
}
