package alerts

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/drey-ops/drey/alerts/guard"
	"github.com/drey-ops/drey/storage"
)

// Deadman is an alert that always fires: while its webhooks come, the way from Prometheus over Alertmanager to drey is open.
type Deadman struct {
	// Match is the condition for that alert, such as labels.alertname == "Watchdog"; a route's match says what it can look at.
	Match string `yaml:"match"`
	// Within is how long none may come before drey alarms; 0 means 5 minutes. Alertmanager repeats it every repeat_interval of
	// its route: let that be a fifth of it, or less.
	Within time.Duration `yaml:"within"`
}

const (
	deadmanQueue storage.Queue = "alerts-deadman"
	deadmanBatch               = 16
	deadmanKeep                = 30 * 24 * time.Hour
	pathSilent                 = "AlertsPathSilent"
	// deadmanFloor is the shortest Within: below it the pace of Alertmanager itself would alarm.
	deadmanFloor = 10 * time.Second
)

// pulse is what a webhook said about the alert that proves the path alive.
type pulse struct {
	firing bool
	ended  time.Time // of a resolved one, as Alertmanager has it
}

// deadman is a Deadman made ready.
type deadman struct {
	rule   *guard.Rule[Env]
	within time.Duration
}

// every is the time between two looks.
func (d deadman) every() time.Duration { return min(max(d.within/10, time.Second), 15*time.Second) }

// deadmen are the ready ones by source.
type deadmen map[string]deadman

// compileDeadmen makes the sources' conditions ready. p is told what is wrong, unless it is nil.
func compileDeadmen(o Options, c *guard.Compiler[Env], p *Problems) deadmen {
	out := deadmen{}
	for _, name := range slices.Sorted(maps.Keys(o.Sources)) {
		d, key := o.Sources[name].Deadman, "sources."+name+".deadman"
		if d.Match == "" && d.Within == 0 {
			continue
		}
		rule, err := c.Compile(d.Match)
		if p != nil && err != nil {
			p.add(key+".match", "%v", err)
		}
		if p != nil && d.Within != 0 && (d.Within < deadmanFloor || d.Within > 24*time.Hour) {
			p.add(key+".within", "want %s to 24h, have %s", deadmanFloor, d.Within)
		}
		if d.Within == 0 {
			d.Within = 5 * time.Minute
		}
		out[name] = deadman{rule, d.Within}
	}
	return out
}

func (o Options) validateDeadmen(p *Problems) {
	made := compileDeadmen(o, guard.New[Env](), p)
	if _, taken := o.Sources[ownSource]; taken && len(made) > 0 && !o.Watch.Enabled {
		p.add("sources."+ownSource, "with a deadman the name %q is drey's own; give the source another one", ownSource)
	}
}

// deadmanStage takes the alert that always fires out of a webhook: it is counted and told nowhere.
func (p *Pipeline) deadmanStage(_ context.Context, b Batch) (Batch, error) {
	d, ok := p.deadmen[b.Source]
	if !ok {
		return b, nil
	}
	var rest []PayloadAlert
	for _, a := range b.Payload.Alerts {
		env := p.routes.env(&Incident{
			Source: b.Source, Receiver: b.Payload.Receiver, Labels: a.Labels, Severity: a.Labels["severity"],
			Alerts: map[string]Alert{a.Fingerprint: {Status: a.Status, Labels: a.Labels, Annotations: a.Annotations}},
		}, b.At)
		if is, err := d.rule.Eval(env); err != nil || !is {
			rest = append(rest, a)
			continue
		}
		if b.Pulse == nil {
			b.Pulse = &pulse{}
		}
		b.Pulse.firing = b.Pulse.firing || a.Status == Firing
		if a.EndsAt.After(b.Pulse.ended) {
			b.Pulse.ended = a.EndsAt
		}
	}
	if b.Pulse == nil {
		return b, nil
	}
	b.note("%d of its alerts are the watchdog (%s): counted, no incident", len(b.Payload.Alerts)-len(rest), d.rule)
	b.Payload.Alerts = rest
	if len(rest) == 0 {
		b.Done, b.Kind = true, kindWatchdog
	}
	return b, nil
}

// heartbeat is what is known of a source's watchdog.
type heartbeat struct {
	Source string    `json:"source"`
	Match  string    `json:"match"` // what it was found by: with another one everything begins anew
	Seen   time.Time `json:"seen,omitzero"`
	Count  int       `json:"count,omitempty"`
	Ended  time.Time `json:"ended,omitzero"`  // when it came as resolved, and not again since
	Looked time.Time `json:"looked,omitzero"` // when any replica last looked at it
	Grace  time.Time `json:"grace,omitzero"`  // until when nobody was there to be told
	Told   bool      `json:"told,omitempty"`  // that it is silent
}

func deadmanRoot(source string) string { return "deadman-" + hashOf(source)[:12] }

func deadmanTable(db *storage.DB) storage.Table[heartbeat] {
	return storage.Table[heartbeat]{DB: db, Name: "deadman", TTL: deadmanKeep}
}

// hear takes in a webhook. It returns false when nothing is to be looked at sooner because of it.
func (h *heartbeat) hear(p pulse, now time.Time) (urgent bool) {
	switch {
	case p.firing:
		h.Seen, h.Ended = now, time.Time{}
		h.Count++
		return h.Told
	case h.Ended.IsZero() && (p.ended.IsZero() || !p.ended.Before(h.Seen)): // else one that came since says otherwise
		h.Ended = now
		return true
	}
	return false
}

// look judges whether the path is silent now, and says why. Nobody looked for a while where drey was down: then it waits a
// whole within from now on, since Alertmanager could not tell anybody either.
func (h *heartbeat) look(d deadman, now time.Time) (say string, silent bool) {
	if !h.Looked.IsZero() && now.Sub(h.Looked) > 2*d.every()+2*time.Second {
		h.Grace = now
	}
	h.Looked = now
	since := h.Seen
	if h.Grace.After(since) {
		since = h.Grace
	}
	switch {
	case h.Seen.IsZero():
		return "", false
	case !h.Ended.IsZero():
		return fmt.Sprintf("The watchdog of %s has ended: Prometheus no longer sends it", h.Source), true
	case now.Sub(since) > d.within:
		return fmt.Sprintf("No watchdog from %s for %s", h.Source, span(now.Sub(h.Seen))), true
	}
	return "", false
}

// beat notes that a webhook about the watchdog came.
func (s *Service) beat(ctx context.Context, source string, p pulse) error {
	id, d := deadmanRoot(source), s.pipeline.deadmen[source]
	return deadmanTable(s.db).Update(ctx, id, func(tx *storage.Tx, h *heartbeat, _ storage.Version) error {
		h.begin(source, d)
		if h.hear(p, s.hooks.Now()) {
			tx.Enqueue(deadmanQueue, id, time.Time{})
		} else {
			tx.EnqueueAfter(deadmanQueue, id, d.every())
		}
		return nil
	})
}

// begin makes h that of a source. With another condition it begins anew, but for what was told.
func (h *heartbeat) begin(source string, d deadman) {
	if h.Match != d.rule.String() {
		*h = heartbeat{Source: source, Match: d.rule.String(), Told: h.Told}
	}
}

// listen looks at the watchdogs until ctx ends: each is an item of a queue, which one replica at a time holds.
func (s *Service) listen(ctx context.Context) {
	sources := map[string]string{}
	for name := range s.pipeline.deadmen {
		sources[deadmanRoot(name)] = name
		s.enlist(ctx, deadmanQueue, deadmanRoot(name))
	}
	s.work(ctx, deadmanQueue, deadmanBatch, func(ctx context.Context, items []storage.Item) {
		for _, it := range items {
			s.warn(ctx, it, s.lookAtDeadman(ctx, it, sources[it.ID]))
		}
	})
}

// enlist puts an item into a queue, to be due now, and does not give up before ctx ends.
func (s *Service) enlist(ctx context.Context, q storage.Queue, id string) {
	for ctx.Err() == nil {
		tx := s.db.Begin(id)
		tx.Enqueue(q, id, time.Time{})
		if s.db.Commit(ctx, tx) == nil {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// lookAtDeadman tells what is new about one watchdog, and then writes it down: told again after a crash between the two, it
// changes nothing. source is empty for one that the configuration no longer has.
func (s *Service) lookAtDeadman(ctx context.Context, it storage.Item, source string) error {
	d, configured := s.pipeline.deadmen[source]
	tx := s.db.Begin(it.ID)
	h, was, err := deadmanTable(s.db).Get(ctx, it.ID)
	switch {
	case errors.Is(err, storage.ErrNotFound) && !configured:
		tx.Finish(it)
		return s.db.Commit(ctx, tx)
	case errors.Is(err, storage.ErrNotFound):
		was = storage.New
	case err != nil:
		return err
	}
	pause := time.Minute
	say, silent := "", false
	if configured {
		h.begin(source, d)
		say, silent = h.look(d, s.hooks.Now())
		pause = d.every()
	}
	if silent != h.Told {
		if err := s.tellPath(ctx, h, say, silent); err != nil {
			return err
		}
		h.Told = silent
	}
	tx.ReleaseAfter(it, pause)
	if configured || was != storage.New {
		deadmanTable(s.db).Put(tx, it.ID, h, was)
	}
	err = s.db.Commit(ctx, tx)
	if errors.Is(err, storage.ErrConflict) { // a webhook came meanwhile: look again
		return s.again(ctx, it)
	}
	return err
}

// again gives an item back to be looked at at once.
func (s *Service) again(ctx context.Context, it storage.Item) error {
	tx := s.db.Begin(it.ID)
	tx.Release(it, time.Time{})
	if err := s.db.Commit(ctx, tx); !errors.Is(err, storage.ErrConflict) { // the lease is lost: another one looks
		return err
	}
	return nil
}

// tellPath opens or resolves the incident of a silent path.
func (s *Service) tellPath(ctx context.Context, h heartbeat, say string, silent bool) error {
	now := s.hooks.Now()
	group := map[string]string{"source": h.Source}
	what := "Alerts of this source may not arrive. Look at Prometheus, at Alertmanager, and at the way from there to drey. The last watchdog came at " + clockText(h.Seen) + "."
	a := labelled(pathSilent, "critical", say, what, h.Seen, hashOf(pathSilent, h.Source)[:16], group)
	if !silent {
		a.Status, a.EndsAt = Resolved, now
		a.Annotations = map[string]string{"summary": "The watchdog of " + h.Source + " comes again"}
	}
	_, err := s.own(ctx, group, []PayloadAlert{a})
	return err
}

// Watchdog is how the proof of life of a source stands.
type Watchdog struct {
	Source string
	Within time.Duration
	Seen   time.Time // zero: none has come yet
	Count  int
	Silent bool // alarmed
}

// String says it in a few words.
func (w Watchdog) String() string {
	switch {
	case w.Seen.IsZero():
		return "none has come yet; drey alarms only after the first"
	case w.Silent:
		return "silent; the last came at " + clockText(w.Seen)
	}
	return fmt.Sprintf("alive; the last came at %s", clockText(w.Seen))
}

// Watchdogs tells of every source with a deadman how it stands, by name.
func Watchdogs(ctx context.Context, db *storage.DB, o Options) ([]Watchdog, error) {
	var out []Watchdog
	made := compileDeadmen(o, guard.New[Env](), nil)
	for _, name := range slices.Sorted(maps.Keys(made)) {
		h, _, err := deadmanTable(db).Get(ctx, deadmanRoot(name))
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return out, err
		}
		h.begin(name, made[name])
		out = append(out, Watchdog{Source: name, Within: made[name].within, Seen: h.Seen, Count: h.Count, Silent: h.Told})
	}
	return out, nil
}

// Watchdogs tells of every source with a deadman how it stands.
func (s *Service) Watchdogs(ctx context.Context) ([]Watchdog, error) {
	return Watchdogs(ctx, s.db, s.options)
}
