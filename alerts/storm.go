package alerts

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

// StormOptions say when a channel gets one digest instead of a thread for each incident.
type StormOptions struct {
	// From is how many incidents may begin in a channel within Within, each with a thread of its own; the next one begins a
	// storm. 0 means 20, -1 that there are no storms.
	From int `yaml:"from"`
	// Within is the time in which they are counted; 0 means 1 minute.
	Within time.Duration `yaml:"within"`
	// Calm is how long nothing new may have come before a storm takes no more incidents; 0 means 5 minutes. Those still open
	// get threads of their own once they are no more than From.
	Calm time.Duration `yaml:"calm"`
}

func (o StormOptions) withDefaults() StormOptions {
	if o.From == 0 {
		o.From = 20
	}
	if o.Within == 0 {
		o.Within = time.Minute
	}
	if o.Calm == 0 {
		o.Calm = 5 * time.Minute
	}
	return o
}

func (o StormOptions) validate(p *Problems) {
	if o.From < -1 || o.From > 1000 {
		p.add("storm.from", "%d: want 1 to 1000 incidents, or -1 for no storms", o.From)
	}
	for key, d := range map[string]time.Duration{"storm.within": o.Within, "storm.calm": o.Calm} {
		if d < 0 || d > 24*time.Hour {
			p.add(key, "%s: want at most 24h", d)
		}
	}
}

// The states of a Storm.
const (
	stormTakes   = ""        // what is new in the channel goes into it
	stormSettled = "settled" // takes nothing more, but its incidents are not all over
	stormOver    = "over"
)

// Storm is one storm in one channel.
type Storm struct {
	ID    string    `json:"id"`
	Place bot.Place `json:"place"`
	Since time.Time `json:"since"`
	State string    `json:"state,omitempty"`
	Over  time.Time `json:"over,omitzero"`
	First []string  `json:"first,omitempty"` // the incidents before it that are taken in, though they have threads

	Head    string    `json:"head,omitempty"`   // digest of its message as last put
	Called  []string  `json:"called,omitempty"` // whom the message calls, and
	Also    []string  `json:"also,omitempty"`   // whom its thread called later
	AlsoAt  time.Time `json:"also_at,omitzero"`
	Stories int       `json:"stories,omitempty"`
	Changed time.Time `json:"changed,omitzero"`

	Climbs []Ascent `json:"climbs,omitempty"` // how far it has come in each escalation that its incidents ask for
	Echoes []echo   `json:"echoes,omitempty"` // where else it was told of
}

// weather is what is known of a channel: the incidents that began in it lately, and its newest storm.
type weather struct {
	Place  bot.Place            `json:"place"`
	Recent map[string]time.Time `json:"recent,omitempty"` // by id
	Storms int                  `json:"storms,omitempty"` // how many there were
	On     bool                 `json:"on,omitempty"`     // that the newest takes incidents
}

const stormQueue storage.Queue = "alerts-storm"

const (
	stormRoot = "storm-"
	// stormFor is how long what was read of a storm is taken for true.
	stormFor = time.Second
)

// placeRoot is the storage root of a channel's weather and storms.
func placeRoot(p bot.Place) string {
	h := sha256.Sum256([]byte(hashOf(string(p.Network), p.Space, p.Channel)))
	return stormRoot + strings.ToLower(base32.StdEncoding.EncodeToString(h[:5]))
}

func stormID(root string, n int) string { return root + "-" + strconv.Itoa(n) }

// stormKey is the storage id of a storm, false for what cannot be the id of one.
func stormKey(id string) (string, bool) {
	n := strings.LastIndexByte(id, '-')
	if !strings.HasPrefix(id, stormRoot) || n <= len(stormRoot) {
		return "", false
	}
	seq, err := strconv.Atoi(id[n+1:])
	return id[:n] + "/" + id[n+1:], err == nil && seq > 0
}

// sky is what this process knows of a channel.
type sky struct {
	gate  chan struct{} // holds one: who is in asks the store, the others wait for the answer
	storm string        // id of the storm that takes incidents, as of at
	at    time.Time
}

func (s *Service) sky(root string) *sky {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.skies[root] == nil {
		s.skies[root] = &sky{gate: make(chan struct{}, 1)}
	}
	return s.skies[root]
}

// forecast decides for each channel where i would get a head now whether it gets one, or is represented in the digest of a
// storm. peek only looks. note is told where a storm is.
func (s *Service) forecast(ctx context.Context, i *Incident, again, peek bool, note func(format string, args ...any)) error {
	if s.options.Storm.From < 0 {
		return nil
	}
	for n := range i.Targets {
		t := &i.Targets[n]
		switch {
		case t.Headed || !t.Quiet.IsZero() || t.Held && !i.Open():
			continue // it has a thread, or gets none now
		case t.Storm != "" && (t.Own || !again):
			continue // decided already; one that fires anew, or worse, is decided anew
		}
		id, err := s.shelter(ctx, t.Place, i.ID, peek)
		if err != nil {
			return fmt.Errorf("is there a storm in %s: %w", t.Place, err)
		}
		switch {
		case id != "":
			note("%s is in a storm: represented in the digest %s", t.Place, id)
			if t.Storm != id {
				t.Storm, t.StormAt = id, s.hooks.Now()
			}
		case t.Storm != "":
			t.Own = true
		}
	}
	return nil
}

// shelter returns the storm that takes a new incident in a place, "" when it may have its own head: then it is counted,
// once however often it is asked.
func (s *Service) shelter(ctx context.Context, p bot.Place, incident string, peek bool) (string, error) {
	root := placeRoot(p)
	k := s.sky(root)
	select {
	case k.gate <- struct{}{}:
		defer func() { <-k.gate }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	if k.storm != "" && time.Since(k.at) < stormFor {
		return k.storm, nil
	}
	k.storm, k.at = "", time.Now()
	var on string
	err := s.weather.Update(ctx, root, func(tx *storage.Tx, w *weather, _ storage.Version) error {
		on = ""
		switch {
		case w.On:
			on = stormID(root, w.Storms)
			return errSame
		case peek || !w.count(p, incident, s.hooks.Now(), s.options.Storm):
			return errSame
		case len(w.Recent) > s.options.Storm.From:
			on = s.begin(tx, w, root, incident)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errSame) {
		return "", err
	}
	k.storm = on
	return on, nil
}

// count notes a new incident; it is false when that is known already.
func (w *weather) count(p bot.Place, incident string, now time.Time, o StormOptions) bool {
	if _, known := w.Recent[incident]; known {
		return false
	}
	maps.DeleteFunc(w.Recent, func(_ string, at time.Time) bool { return now.Sub(at) >= o.Within })
	if w.Recent == nil {
		w.Recent = map[string]time.Time{}
	}
	w.Place, w.Recent[incident] = p, now
	return true
}

// begin starts a storm with the incident that is one too many; those before it have threads, and are counted in.
func (s *Service) begin(tx *storage.Tx, w *weather, root, incident string) string {
	delete(w.Recent, incident)
	st := Storm{Place: w.Place, Since: s.hooks.Now(), First: slices.Sorted(maps.Keys(w.Recent))}
	for _, at := range w.Recent {
		if at.Before(st.Since) {
			st.Since = at
		}
	}
	w.Storms++
	w.On, w.Recent = true, nil
	st.ID, st.Changed = stormID(root, w.Storms), s.hooks.Now()
	key, _ := stormKey(st.ID)
	s.storms.Put(tx, key, st, storage.Any)
	tx.Enqueue(stormQueue, key, time.Time{})
	return st.ID
}

// stormStage finds out which of the channels are in a storm.
func (p *Pipeline) stormStage(ctx context.Context, b Batch) (Batch, error) {
	if b.Incident == nil || p.forecast == nil {
		return b, nil
	}
	again := b.Kind == kindReopened || slices.ContainsFunc(b.Stories, func(s story) bool { return s.rings })
	return b, p.forecast(ctx, b.Incident, again, b.trace != nil, b.note)
}
