package alerts

import (
	"cmp"
	"context"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
)

// The bounds of maintenance windows.
const (
	minWindow  = time.Minute
	maxWindow  = 30 * 24 * time.Hour
	maxAhead   = 90 * 24 * time.Hour // how far ahead one may begin
	maxWindows = 200                 // that have not ended
	// windowAgain is when a change of a window is gone through once more: by then every replica has read it.
	windowAgain = 3 * time.Second
)

const maintainQueue storage.Queue = "alerts-maintain"

// Window is a maintenance window: from From until Until nothing new is posted about what its Scope covers. It is drey's own;
// Alertmanager knows nothing of it.
type Window struct {
	ID    string    `json:"id"`
	Key   string    `json:"key"` // of the request that made it: asked for again it is the same window
	Scope Scope     `json:"scope"`
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	By    bot.Actor `json:"by"`
	At    time.Time `json:"at"` // when it was asked for
	Why   string    `json:"why,omitempty"`
	// Places are the channels that are told when it begins and ends: where it was asked for.
	Places []bot.Place `json:"places,omitempty"`
	Began  bool        `json:"began,omitempty"` // told, and gone through
	Ended  time.Time   `json:"ended,omitzero"`  // by a person, before its time
	EndBy  *bot.Actor  `json:"end_by,omitempty"`
	Closed bool        `json:"closed,omitempty"` // the end is told
	Swept  int         `json:"swept,omitempty"`  // how often the present state was gone through
}

// Live says whether it holds at a time.
func (w Window) Live(now time.Time) bool {
	return w.Ended.IsZero() && !now.Before(w.From) && now.Before(w.Until)
}

// Over says whether it has ended.
func (w Window) Over(now time.Time) bool { return !w.Ended.IsZero() || !now.Before(w.Until) }

// Who is the name of the person who asked for it.
func (w Window) Who() string { return who(w.By) }

// Maintenance is what an incident shows of the window that it is in.
type Maintenance struct {
	Window string    `json:"window"`
	By     string    `json:"by"`
	Until  time.Time `json:"until"`
	Why    string    `json:"why,omitempty"`
}

func (m Maintenance) text() bot.Text {
	t := bot.Textf("by %s until %v", m.By, moment(m.Until))
	if m.Why != "" {
		t.Spans = append(t.Spans, bot.Span{Text: ": " + clip(m.Why, 200)})
	}
	return t
}

func (s *Service) windowTable() storage.Table[Window] {
	return storage.Table[Window]{DB: s.db, Name: "maintenance"}
}

func (s *Service) windowsPast() storage.Table[Window] {
	return storage.Table[Window]{DB: s.db, Name: "maintenance-past", TTL: s.options.Keep}
}

// windowID makes a short id of the request that asks for a window.
func windowID(key string, salt int) string {
	raw, _ := hex.DecodeString(hashOf(key, strings.Repeat("+", salt))) // of hashOf: cannot fail
	return "w" + strings.ToLower(base32.StdEncoding.EncodeToString(raw)[:5])
}

// Mute opens a maintenance window, now or at w.From. w.Key names the request: asked again it is the same window. The
// error is of kind Invalid for times that cannot be.
func (s *Service) Mute(ctx context.Context, w Window) (Window, error) {
	now := s.hooks.Now()
	w.By, w.At, w.Why = plainActor(w.By), now, clip(w.Why, 300)
	if w.From.Before(now) {
		w.From = now
	}
	w.From, w.Until = w.From.UTC().Truncate(time.Second), w.Until.UTC().Truncate(time.Second)
	if err := w.check(now); err != nil {
		return w, err
	}
	if n, err := s.windowTable().Len(ctx); err != nil {
		return w, windowError("open the window", err)
	} else if n >= maxWindows {
		return w, platform.Errorf(platform.Busy, "", "there are %d maintenance windows already; end some of them first", n)
	}
	for salt := range maxSalt {
		w.ID = windowID(w.Key, salt)
		have, _, err := s.windowTable().Get(ctx, w.ID)
		switch {
		case err == nil && have.Key == w.Key:
			return have, nil
		case err == nil:
			continue
		case !errors.Is(err, storage.ErrNotFound):
			return w, windowError("open the window", err)
		}
		tx := s.db.Begin(w.ID)
		s.windowTable().Put(tx, w.ID, w, storage.New)
		tx.EnqueueAfter(maintainQueue, w.ID, max(0, w.From.Sub(now)))
		if err = s.db.Commit(ctx, tx); !errors.Is(err, storage.ErrConflict) {
			s.windows.forget()
			return w, windowError("open the window", err)
		}
	}
	return w, platform.Errorf(platform.Busy, "", "no short id is free for the window; try again")
}

// check refuses times that cannot be.
func (w Window) check(now time.Time) error {
	switch d := w.Until.Sub(w.From); {
	case d < minWindow || d > maxWindow:
		return platform.Errorf(platform.Invalid, "", "a maintenance window lasts from 1 min to 30 days, not %s", span(d))
	case w.From.Sub(now) > maxAhead:
		return platform.Errorf(platform.Invalid, "", "a maintenance window begins at most 90 days ahead")
	}
	return w.Scope.valid()
}

func (sc Scope) valid() error {
	if len(sc.Matchers) > 0 {
		return sc.check()
	}
	if sc.Cluster == "" {
		return platform.Errorf(platform.Invalid, "", "want a cluster, a job or labels such as team=core")
	}
	return nil
}

func windowError(op string, err error) error {
	if errors.Is(err, storage.ErrUnavailable) {
		return platform.Errorf(platform.Unavailable, op, "the store does not answer; nothing was changed")
	}
	return err
}

// Windows are the maintenance windows that have not ended, in the order of their beginning.
func (s *Service) Windows(ctx context.Context) ([]Window, error) {
	var out []Window
	now := s.hooks.Now()
	for e, err := range s.windowTable().Newest(ctx, 0) {
		if err != nil {
			return nil, windowError("list the windows", err)
		}
		if !e.Value.Over(now) {
			out = append(out, e.Value)
		}
	}
	slices.SortFunc(out, func(a, b Window) int { return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

// Window finds one that has not ended. The error is of kind NotFound when there is none.
func (s *Service) Window(ctx context.Context, id string) (Window, error) {
	id = strings.ToLower(strings.Trim(id, " `#"))
	if len(id) != 6 || strings.ContainsAny(id, "/ ") {
		return Window{}, noWindow(id)
	}
	w, _, err := s.windowTable().Get(ctx, id)
	if errors.Is(err, storage.ErrNotFound) || err == nil && w.Over(s.hooks.Now()) {
		return w, noWindow(id)
	}
	return w, windowError("find the window", err)
}

func noWindow(id string) error {
	return platform.Errorf(platform.NotFound, "", "there is no maintenance window %q; /alerts mutes lists those there are", clip(id, 40))
}

// Unmute ends a window at once; one that has not begun never does.
func (s *Service) Unmute(ctx context.Context, id string, actor bot.Actor) (Window, error) {
	return s.changeWindow(ctx, id, func(w *Window) error {
		by := plainActor(actor)
		w.Ended, w.EndBy = s.hooks.Now(), &by
		return nil
	})
}

// Prolong moves the end of a window, to later or earlier.
func (s *Service) Prolong(ctx context.Context, id string, until time.Time) (Window, error) {
	return s.changeWindow(ctx, id, func(w *Window) error {
		w.Until = until.UTC().Truncate(time.Second)
		if now := s.hooks.Now(); w.Until.Before(now.Add(minWindow)) {
			return platform.Errorf(platform.Invalid, "", "the window would end at once; /alerts unmute %s ends it", w.ID)
		}
		return w.check(s.hooks.Now())
	})
}

func (s *Service) changeWindow(ctx context.Context, id string, fn func(w *Window) error) (Window, error) {
	found, err := s.Window(ctx, id)
	if err != nil {
		return found, err
	}
	err = s.windowTable().Update(ctx, found.ID, func(tx *storage.Tx, w *Window, was storage.Version) error {
		if was == storage.New || w.Over(s.hooks.Now()) {
			return noWindow(id)
		}
		if err := fn(w); err != nil {
			return err
		}
		w.Swept, found = 0, *w
		tx.Enqueue(maintainQueue, w.ID, time.Time{})
		return nil
	})
	s.windows.forget()
	return found, windowError("change the window", err)
}

// Covered are the open incidents in a scope, the oldest first.
func (s *Service) Covered(ctx context.Context, sc Scope) ([]Incident, error) {
	var out []Incident
	r := sc.ready()
	for e, err := range (storage.Table[lean]{DB: s.db, Name: s.current.Name}).Newest(ctx, 0) {
		if err != nil {
			return nil, windowError("list the incidents", err)
		}
		if i := e.Value.incident(); i.Open() && r.covers(&i, s.knows) {
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(a, b Incident) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

func (s *Service) knows(cluster string) bool { return s.hooks.Clusters[cluster] != nil }

// Zone is the time zone that clock times are meant in: alerts.time_zone.
func (s *Service) Zone() *time.Location { return s.pipeline.routes.zone }

// lean is the part of an Incident that lists of thousands need: most of a record is its alerts and its story.
type lean struct {
	ID          string            `json:"id"`
	Source      string            `json:"source"`
	ExternalURL string            `json:"external"`
	Title       string            `json:"title"`
	Severity    string            `json:"severity"`
	Labels      map[string]string `json:"labels"`
	Since       time.Time         `json:"since"`
	First       time.Time         `json:"first"`
	Over        time.Time         `json:"over"`
	Episodes    int               `json:"episodes"`
	Acked       *Mark             `json:"acked"`
	Silences    []Silence         `json:"silences"`
	Suppressed  *Suppressed       `json:"suppressed"`
	Job         *Binding          `json:"job"`
	Facts       *JobFacts         `json:"facts"`
	Cause       *Cause            `json:"cause"`
	Maintenance *Maintenance      `json:"maintenance"`
}

// incident is the Incident with what l has of it.
func (l lean) incident() Incident {
	return Incident{
		ID: l.ID, Source: l.Source, ExternalURL: l.ExternalURL, Title: l.Title, Severity: l.Severity, Labels: l.Labels, Since: l.Since, First: l.First, Over: l.Over,
		Episodes: l.Episodes, Acked: l.Acked, Silences: l.Silences, Suppressed: l.Suppressed, Job: l.Job, Facts: l.Facts, Cause: l.Cause,
		Maintenance: l.Maintenance,
	}
}
