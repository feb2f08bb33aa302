package alerts

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/drey-ops/drey/alerts/alertmanager"
	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
)

// Operation is an operation of drey's on a job, as far as planned changes need to know it.
type Operation struct {
	ID      string           `json:"id"`    // its record's, "ROOT/SHORT"
	Short   string           `json:"short"` // for people
	Title   string           `json:"title"` // "Restart"
	Kind    string           `json:"kind"`
	Cluster string           `json:"cluster"`
	Job     string           `json:"job"`  // its name
	Runs    []platform.JobID `json:"runs"` // of the job, those that the operation had to do with
	By      string           `json:"by,omitempty"`
	Started time.Time        `json:"started"`
	Ended   time.Time        `json:"ended,omitzero"`   // zero while it is not over
	Failed  bool             `json:"failed,omitempty"` // it failed, or waits for a person: alerts about the job must speak
	// Card is where the operation's own message stands, and CardKey its key in the outbox; zero for none.
	Card    bot.Place `json:"card,omitzero"`
	CardKey string    `json:"card_key,omitempty"`
}

const plannedQueue storage.Queue = "alerts-planned"

const (
	plannedBatch = 16
	// plannedEvery is how often a live operation is looked at.
	plannedEvery = 5 * time.Second
	// plannedFor is how long a silence lasts; it is renewed from the middle on. Without drey it ends by itself.
	plannedFor = 5 * time.Minute
	// plannedCheck is how often it is looked whether Alertmanager still has it, and whether it hides others.
	plannedCheck = 30 * time.Second
	// plannedWithin bounds one look at all Alertmanagers; less than lease.
	plannedWithin = 10 * time.Second
	// plannedMost is how long an operation may keep its job's alerts back: what takes longer somebody has to know of.
	plannedMost = time.Hour
	// plannedGrace is how long after the end of an operation its job's incidents are still kept back: until what it caused is
	// seen to be over.
	plannedGrace = 90 * time.Second
	// plannedKeep is how long it is remembered what was done for an operation.
	plannedKeep = 24 * time.Hour
)

// PlanChange makes an operation looked at now: whether its job's alerts are to be silent, or to speak again, and what to tell of it
// in the job's episode. It belongs into every
// transaction that starts or changes the operation; op is its id, and kind what it does.
func PlanChange(tx *storage.Tx, op, kind string) {
	if tells(kind) {
		tx.Enqueue(plannedQueue, op, time.Time{})
	}
}

// disturbs says whether a kind of operation interrupts its job.
func disturbs(kind string) bool {
	return slices.Contains([]string{"stop", "cancel", "scale", "restart"}, kind)
}

// quiet says whether the operation wants its job's alerts kept quiet in Alertmanager.
func (o Operation) quiet(now time.Time) bool {
	return disturbs(o.Kind) && o.Ended.IsZero() && !o.Failed && now.Sub(o.Started) < plannedMost
}

// keepsBack says whether drey keeps incidents of the job back: until a while after the operation is done.
func (o Operation) keepsBack(now time.Time) bool {
	return o.quiet(now) || disturbs(o.Kind) && !o.Failed && !o.Ended.IsZero() && now.Sub(o.Ended) < plannedGrace
}

// names are those of its job's runs.
func (o Operation) names() map[platform.JobID]string {
	out := map[platform.JobID]string{}
	for _, id := range o.Runs {
		out[id] = o.Job
	}
	return out
}

// why names the operation for people.
func (o Operation) why() string {
	s := "a planned change"
	if o.By != "" {
		s += " of " + clip(o.By, 60)
	}
	return s + " (operation " + o.Short + ")"
}

// planned is what drey does in Alertmanager for one operation.
type planned struct {
	Operation Operation             `json:"operation"`
	Places    map[string]plannedFix `json:"places,omitempty"` // by source
}

// plannedFix is a silence for a planned change at one source. It is found again by the operation's id in its comment.
type plannedFix struct {
	Matchers []alertmanager.Matcher `json:"matchers,omitempty"`
	ID       string                 `json:"id,omitempty"`
	Until    time.Time              `json:"until,omitzero"`
	Checked  time.Time              `json:"checked,omitzero"`
	Refused  string                 `json:"refused,omitempty"` // why there is none
	Ended    bool                   `json:"ended,omitempty"`
}

func (s *Service) plannedTable() storage.Table[planned] {
	return storage.Table[planned]{DB: s.db, Name: "alerts-planned", TTL: plannedKeep}
}

// tendPlans looks at operations: while they live their jobs' alerts are silenced, and no longer.
func (s *Service) tendPlans(ctx context.Context, items []storage.Item) {
	for _, it := range items {
		s.warn(ctx, it, s.tendPlan(ctx, it))
	}
}

func (s *Service) tendPlan(ctx context.Context, it storage.Item) error {
	op, err := s.hooks.Operation(ctx, it.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return s.finish(ctx, it)
	}
	if err == nil {
		err = errors.Join(s.noteRuns(ctx, op.Cluster, op.names()), s.tellOperation(ctx, op))
	}
	if err != nil {
		return err // the lease runs out, and somebody looks again
	}
	if !disturbs(op.Kind) {
		return s.finish(ctx, it) // its next change brings it again
	}
	p, _, err := s.plannedTable().Get(ctx, it.ID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	p.Operation, p.Places = op, maps.Clone(p.Places)
	if p.Places == nil {
		p.Places = map[string]plannedFix{}
	}
	now := s.hooks.Now()
	limit, cancel := context.WithTimeout(ctx, plannedWithin)
	defer cancel()
	pending := false
	var words []string
	for _, source := range slices.Sorted(maps.Keys(s.peers)) {
		if !s.options.Sources[source].silencesPlanned() {
			continue
		}
		was := p.Places[source]
		fix, left := was, false
		if op.quiet(now) {
			fix, left = s.quieten(limit, source, op, was), true
		} else {
			fix, left = s.speak(limit, source, op, was)
		}
		if fix.Refused != "" && was.Refused == "" {
			words = append(words, fix.Refused)
		}
		p.Places[source], pending = fix, pending || left
	}
	if ctx.Err() != nil {
		return nil // drey stops: the lease runs out, and somebody looks again
	}
	tx := s.db.Begin(it.ID)
	s.plannedTable().Put(tx, it.ID, p, storage.Any)
	if len(words) > 0 && op.CardKey != "" {
		s.out.Put(tx, bot.Delivery{Key: op.ID + "/planned", Parent: op.CardKey, To: op.Card, Message: bot.Message{
			Tone: bot.Muted, Blocks: []bot.Block{bot.Notef("Alerts about the job are not silenced in Alertmanager meanwhile: %s.", words[0])},
		}})
	}
	if op.quiet(now) || pending {
		tx.ReleaseAfter(it, plannedEvery)
	} else {
		tx.Finish(it)
	}
	return s.db.Commit(ctx, tx)
}

// plannedMark is the op of a planned silence in Alertmanager.
func plannedMark(op Operation) string { return "plan-" + op.Short }

// quieten makes sure that a source's Alertmanager is silent about the operation's job. What could not be done comes again.
func (s *Service) quieten(ctx context.Context, source string, op Operation, fix plannedFix) plannedFix {
	now := s.hooks.Now()
	if fix.Refused != "" || fix.ID != "" && now.Sub(fix.Checked) < plannedCheck && fix.Until.Sub(now) > plannedFor/2 {
		return fix
	}
	v := s.view(ctx, source)
	ms, refused, err := s.planMatchers(ctx, v, op)
	if err == nil && refused != "" {
		if v.end(ctx, plannedMark(op)) == nil {
			fix.Refused = refused
			s.log.Info("no silence for a planned change", "op", op.ID, "source", source, "err", refused)
		}
		return fix
	}
	if err != nil {
		return fix
	}
	found, at := v.find(plannedMark(op))
	switch {
	case at != nil && found.Live() && found.EndsAt.Sub(now) > plannedFor/2:
		fix.ID, fix.Until, fix.Checked = found.ID, found.EndsAt, now
		return fix
	case at == nil || !found.Live():
		fix.Matchers = ms
	default:
		fix.Matchers = found.Matchers // to lengthen it under its id
	}
	want := Silence{
		Op: plannedMark(op), Matchers: fix.Matchers, From: now.UTC().Truncate(time.Second), Until: now.Add(plannedFor).UTC().Truncate(time.Second),
		By: bot.Actor{Name: "drey"}, Comment: "planned change: " + op.Title + " of " + op.Cluster + "/" + op.Job,
	}
	if op.By != "" {
		want.Comment += " by " + clip(op.By, 80)
	}
	id, err := v.place(ctx, want)
	switch {
	case err == nil:
		fix.ID, fix.Until, fix.Checked = id, want.Until, now
	case platform.KindOf(err) == platform.Invalid:
		fix.Refused = "Alertmanager refuses the silence: " + reason(err)
	}
	return fix
}

// speak ends the silence of an operation that is over. left says that Alertmanager did not answer; such a silence ends by itself.
func (s *Service) speak(ctx context.Context, source string, op Operation, fix plannedFix) (out plannedFix, left bool) {
	if fix.Ended || fix.Refused != "" {
		return fix, false
	}
	if s.view(ctx, source).end(ctx, plannedMark(op)) == nil {
		fix.Ended = true
		return fix, false
	}
	return fix, s.hooks.Now().Sub(op.Ended) < 2*plannedFor
}
