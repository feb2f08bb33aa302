package alerts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

// windowsFor is how old what a replica knows of the windows may be: what another replica changed counts here that much later,
// and windowAgain mends what was decided meanwhile.
const windowsFor = time.Second

// windowCache is what a replica knows of the windows.
type windowCache struct {
	load func(ctx context.Context) ([]openWindow, error)

	mu   sync.Mutex
	at   time.Time
	list []openWindow
}

// openWindow is a Window made ready to be asked.
type openWindow struct {
	Window
	ready ready
}

// now returns the windows that have not ended, as of a second ago at most. While the store is away it is what was known last.
func (c *windowCache) now(ctx context.Context) []openWindow {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.at) < windowsFor {
		return c.list
	}
	if list, err := c.load(ctx); err == nil {
		c.at, c.list = time.Now(), list
	}
	return c.list
}

// forget makes the next look read anew.
func (c *windowCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = time.Time{}
}

func (s *Service) loadWindows(ctx context.Context) ([]openWindow, error) {
	list, err := s.Windows(ctx)
	var out []openWindow
	for _, w := range list {
		out = append(out, openWindow{w, w.Scope.ready()})
	}
	return out, err
}

// upkeep is the window that an incident is in: of several the one that ends last.
func (rs *routes) upkeep(i *Incident, windows []openWindow, now time.Time) *Maintenance {
	var out *Maintenance
	for _, w := range windows {
		if w.Live(now) && (out == nil || w.Until.After(out.Until)) && w.ready.covers(i, rs.knows) {
			out = &Maintenance{Window: w.ID, By: w.Who(), Until: w.Until, Why: w.Why}
		}
	}
	return out
}

// maintain works on the windows whose time has come.
func (s *Service) maintain(ctx context.Context, items []storage.Item) {
	for _, it := range items {
		s.warn(ctx, it, s.maintainOne(ctx, it))
	}
}

// maintainOne goes through the incidents that a window covers, and then notes that and tells its beginning and its end. What a
// crash repeats changes nothing.
func (s *Service) maintainOne(ctx context.Context, it storage.Item) error {
	w, was, err := s.windowTable().Get(ctx, it.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return s.finish(ctx, it)
	}
	if err != nil {
		return err
	}
	now := s.hooks.Now()
	tx := s.db.Begin(w.ID)
	if now.Before(w.From) && w.Ended.IsZero() {
		tx.ReleaseAfter(it, w.From.Sub(now))
		return s.db.Commit(ctx, tx)
	}
	s.windows.forget()
	open, err := s.sweep(ctx, w)
	if err != nil {
		return err
	}
	first := w.Swept == 0
	w.Swept++
	switch over := w.Over(now); {
	case over && !w.Closed:
		w.Closed = true
		s.tellWindow(tx, w, "end", w.endMessage(open))
		s.windowTable().Put(tx, w.ID, w, was)
		tx.ReleaseAfter(it, windowAgain)
	case over:
		s.windowTable().Delete(tx, w.ID, was)
		s.windowsPast().Put(tx, w.ID, w, storage.Any)
		tx.Finish(it)
	default:
		if !w.Began && w.From.After(w.At.Add(time.Second)) { // of one that began when it was asked for the answer has told
			s.tellWindow(tx, w, "begin", w.beginMessage(open))
		}
		w.Began = true
		s.windowTable().Put(tx, w.ID, w, was)
		pause := w.Until.Sub(now)
		if first {
			pause = min(pause, windowAgain)
		}
		tx.ReleaseAfter(it, pause)
	}
	err = s.db.Commit(ctx, tx)
	if errors.Is(err, storage.ErrConflict) { // a person changed it meanwhile
		return s.again(ctx, it)
	}
	return err
}

// sweep makes every open incident that the window covers, or covered, look again at whether it is muted, and returns those
// that it covers.
func (s *Service) sweep(ctx context.Context, w Window) ([]Incident, error) {
	var covered []Incident
	r := w.Scope.ready()
	for e, err := range (storage.Table[lean]{DB: s.db, Name: s.current.Name}).Newest(ctx, 0) {
		if err != nil {
			return nil, err
		}
		i := e.Value.incident()
		in := i.Open() && r.covers(&i, s.knows)
		if in {
			covered = append(covered, i)
		}
		if !in && (i.Maintenance == nil || i.Maintenance.Window != w.ID) {
			continue
		}
		_, err := s.change(ctx, e.ID, func(i *Incident, _ *storage.Tx) ([]story, error) {
			if !i.Open() {
				return nil, errSame
			}
			return nil, nil
		})
		if err := unchanged(err); err != nil {
			return nil, err
		}
	}
	return covered, nil
}

// tellWindow tells the channels where the window was asked for.
func (s *Service) tellWindow(tx *storage.Tx, w Window, what string, m bot.Message) {
	for _, p := range w.Places {
		s.out.Put(tx, bot.Delivery{Key: fmt.Sprintf("%s/%s/%s", w.ID, p, what), To: p, Message: m})
	}
}

func (w Window) beginMessage(open []Incident) bot.Message {
	m := bot.Message{Title: "Maintenance of " + w.Scope.String() + " begins", Tone: bot.Muted}
	text := bot.Textf("Until %v nothing new is posted about it. Asked for by %s", moment(w.Until), w.Who())
	if w.Why != "" {
		text.Spans = append(text.Spans, bot.Span{Text: ": " + w.Why})
	}
	m.Blocks = []bot.Block{text}
	if len(open) > 0 {
		m.Blocks = append(m.Blocks, bot.Textf("%s open now: %s", incidents(len(open)), named(open)))
	}
	m.Blocks = append(m.Blocks, bot.Notef("Window `%s`", w.ID), w.Buttons())
	m.Fallback = fmt.Sprintf("%s until %s", m.Title, clockText(w.Until))
	return m
}

func (w Window) endMessage(open []Incident) bot.Message {
	m := bot.Message{Title: "Maintenance of " + w.Scope.String() + " ended", Tone: bot.Good}
	if w.EndBy != nil {
		m.Blocks = append(m.Blocks, bot.Textf("Ended by %s, %s before its time.", who(*w.EndBy), span(w.Until.Sub(w.Ended))))
	}
	if !w.Ended.IsZero() && w.Ended.Before(w.From) {
		m.Title, m.Tone = "Maintenance of "+w.Scope.String()+" is called off", bot.Muted
		m.Blocks = []bot.Block{bot.Textf("It was planned for %v; called off by %s.", moment(w.From), who(*w.EndBy))}
		open = nil
	}
	switch {
	case len(open) > 0:
		m.Tone = bot.Warn
		m.Blocks = append(m.Blocks, bot.Textf("%s still open, told from now on: %s", incidents(len(open)), named(open)))
	case m.Tone == bot.Good:
		m.Blocks = append(m.Blocks, bot.Textf("No incident is open."))
	}
	m.Fallback = m.Plain()
	return m
}

// Buttons are those of a window that has not ended.
func (w Window) Buttons() bot.Actions {
	return bot.Actions{
		{Label: "End now", Call: bot.Call{Path: "alerts unmute", Args: []byte(fmt.Sprintf(`{"window":%q}`, w.ID))}},
		{Label: "Extend…", Opens: true, Call: bot.Call{Path: "alerts remute", Args: []byte(fmt.Sprintf(`{"window":%q}`, w.ID))}},
	}
}

func incidents(n int) string {
	if n == 1 {
		return "1 incident"
	}
	return fmt.Sprintf("%d incidents", n)
}

// maxNamed bounds the incidents that a sentence names.
const maxNamed = 5

func named(list []Incident) string {
	var out []string
	for _, i := range list[:min(len(list), maxNamed)] {
		out = append(out, fmt.Sprintf("%s (%s)", clip(i.Title, 80), i.ID))
	}
	if n := len(list) - maxNamed; n > 0 {
		out = append(out, fmt.Sprintf("%d more", n))
	}
	return strings.Join(out, ", ")
}
