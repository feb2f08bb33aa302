package alerts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/drey-ops/drey/alerts/alertmanager"
	"github.com/drey-ops/drey/alerts/oncall"
	"github.com/drey-ops/drey/alerts/prometheus"
	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
)

// Outbox takes what is to be posted or edited; *bot.Outbox is one.
type Outbox interface {
	Put(tx *storage.Tx, d bot.Delivery)
}

// Hooks are what a Service tells and asks; the zero Hooks work.
type Hooks struct {
	// Jobs finds the job behind an alert; nil: nothing is added to what the alert says.
	Jobs Jobs
	// HTTP speaks to the Alertmanagers and to Prometheus; nil: a client with a time limit.
	HTTP *http.Client
	// Clusters are what alerts.watch looks at, by name.
	Clusters map[string]*platform.Cluster
	// Planned says what drey's own operations have to do with a run of a job; nil: nothing.
	Planned func(ctx context.Context, cluster, name string, id platform.JobID) (Planned, error)
	// Changes are drey's operations on a job of that name since a time, in any order; nil: none are known.
	Changes func(ctx context.Context, cluster, job string, since time.Time) ([]Change, error)
	// Operation is an operation of drey's by its id, or storage.ErrNotFound; nil: changes are not known to be planned.
	Operation func(ctx context.Context, id string) (Operation, error)
	// Savepoints are the running jobs with their newest savepoint, as far as clusters answer; nil: reports leave them out.
	Savepoints func(ctx context.Context) ([]JobPoint, error)
	// OnWebhook is told of every webhook, for drey_webhooks_total. source is "unknown" for one that is not configured.
	OnWebhook func(source, result string, d time.Duration)
	// OnUnroutable is told of incidents that no route matched.
	OnUnroutable func(source string)
	// OnLook is told of every look of alerts.watch at a cluster, and whether it answered, for drey_watch_looks_total.
	OnLook func(cluster string, ok bool)
	// CanPost says why nothing can be posted to a channel that an alert itself names (Route.ChannelFrom); nil: to every one.
	CanPost func(p bot.Place) error
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Service keeps the incidents. All methods may be called concurrently, in several replicas of drey.
type Service struct {
	db      *storage.DB
	out     Outbox
	options Options
	hooks   Hooks
	log     *slog.Logger

	pipeline *Pipeline
	windows  *windowCache
	current  storage.Table[Incident]
	past     storage.Table[Incident]
	weather  storage.Table[weather]
	regroups regroups
	storms   storage.Table[Storm]
	caller   *http.Client                      // of webhooks
	peers    map[string][]*alertmanager.Client // by source
	proms    map[string]*prometheus.Client     // by source

	mu    sync.Mutex
	skies map[string]*sky      // by placeRoot
	away  map[string]bool      // sources whose Alertmanager did not answer last time, for the log
	noted map[string]time.Time // the runs of jobs that were written down, and when
	// the planned changes as they were a moment ago
	plansAt time.Time
	plansOf []Operation
}

// The queues and the log of this package.
const (
	enrichQueue    storage.Queue = "alerts-enrich"
	reconcileQueue storage.Queue = "alerts-reconcile"
	chartQueue     storage.Queue = "alerts-chart"
	watchQueue     storage.Queue = "alerts-watch"
	storyLog                     = "alerts"
)

// Entry is one line of the log "alerts": everything that happened to any incident.
type Entry struct {
	Incident string `json:"incident"`
	Title    string `json:"title"`
	Source   string `json:"source"`
	Line
}

// New returns a Service over db that speaks through out. It returns Problems when o is not valid.
func New(db *storage.DB, out Outbox, log *slog.Logger, o Options, h Hooks) (*Service, error) {
	p, err := NewPipeline(o, slices.Sorted(maps.Keys(h.Clusters)), h.CanPost)
	if err != nil {
		return nil, err
	}
	s := &Service{
		db: db, out: out, options: p.options, hooks: h, log: log, pipeline: p, caller: newCaller(h.HTTP),
		peers: map[string][]*alertmanager.Client{}, proms: map[string]*prometheus.Client{}, away: map[string]bool{},
		skies: map[string]*sky{}, noted: map[string]time.Time{},
	}
	s.current = storage.Table[Incident]{DB: db, Name: "incidents", TTL: s.options.Keep}
	s.past = storage.Table[Incident]{DB: db, Name: "incidents-past", TTL: s.options.Keep}
	p.recall, p.names, p.down, p.planned, p.settles = s.recall, s.namesOf, s.clusterDown, s.plan, h.Jobs != nil
	s.weather = storage.Table[weather]{DB: db, Name: "weather", TTL: s.options.Keep}
	s.storms = storage.Table[Storm]{DB: db, Name: "storms", TTL: s.options.Keep}
	p.forecast = s.forecast
	s.windows = &windowCache{load: s.loadWindows}
	p.windows, p.routes.knows = s.windows, s.knows
	if s.hooks.Now == nil {
		s.hooks.Now = time.Now
	}
	return s, s.connect()
}

// connect makes the clients of the sources; nothing is asked yet.
func (s *Service) connect() (err error) {
	for name, src := range s.options.Sources {
		for _, a := range src.Alertmanager {
			c, err := alertmanager.New(a, s.hooks.HTTP)
			if err != nil {
				return err
			}
			s.peers[name] = append(s.peers[name], c)
		}
		if src.Prometheus != "" {
			if s.proms[name], err = prometheus.New(src.Prometheus, s.hooks.HTTP); err != nil {
				return err
			}
		}
	}
	return nil
}

// maxSalt is how many groups may share a stem.
const maxSalt = 8

// recall implements Recall over the store.
func (s *Service) recall(ctx context.Context, b Batch) (Batch, error) {
	var also alias
	for salt := range maxSalt {
		b.Stem = stemOf(b.Key, salt)
		found, aliases, err := storage.Both(ctx, s.current, s.aliasTable(), []string{b.Stem})
		if err != nil {
			return b, err
		}
		if a := aliases[b.Stem].Value; a.Key == b.Key {
			also = a
		}
		e, there := found[b.Stem]
		if there && e.Value.Key != b.Key {
			continue
		}
		if there {
			b.Known, b.Was = &e.Value, e.Version
		}
		if also.Stem != "" {
			if other, is, err := s.byAlias(ctx, b, also); err != nil || is {
				return other, err
			}
		}
		if there {
			b.note("incident %s is known: %s", b.Known.ID, b.Known.State())
		} else {
			b.note("the first incident of its group")
		}
		return b, nil
	}
	return b, fmt.Errorf("group %s: %d other groups have its short id", b.Key, maxSalt)
}

// commitTries bounds how often a change is decided anew because someone else was quicker.
const commitTries = 40

// Take puts one webhook through the pipeline and commits what follows. On an error nothing is kept and the same webhook
// may be given again; given twice it counts once.
func (s *Service) Take(ctx context.Context, source string, body []byte) (kind string, err error) {
	read, err := run(ctx, s.pipeline.reading(), Batch{At: s.hooks.Now(), Source: source, Body: body})
	if err != nil {
		return "", err
	}
	if n := read.Payload.odd; n > 0 {
		s.log.Warn("alerts of a webhook cannot be read", "source", source, "alerts", n)
	}
	if read.Pulse != nil {
		if err := s.beat(ctx, source, *read.Pulse); err != nil || read.Done {
			return read.Kind, err
		}
	}
	return s.parts(ctx, s.pipeline.split(read))
}

// parts commits the parts of a webhook one after the other: when one fails those before it are repeats in the next try. kind is
// that of the first that brings news.
func (s *Service) parts(ctx context.Context, parts []Batch) (kind string, err error) {
	if parts, err = s.regroup(ctx, parts); err != nil {
		return "", err
	}
	kind = kindRepeat
	for _, part := range parts {
		k, err := s.decide(ctx, part)
		if err != nil {
			return "", err
		}
		if kind == kindRepeat {
			kind = k
		}
	}
	return kind, nil
}

// decide puts a batch through the stages after reading, again and again while others change the same incident, and commits
// what follows.
func (s *Service) decide(ctx context.Context, read Batch) (kind string, err error) {
	for try := 0; ; try++ {
		b, err := run(ctx, s.pipeline.deciding(), read)
		if err != nil {
			return "", err
		}
		if b.Done {
			return b.Kind, nil
		}
		err = s.commit(ctx, b)
		if err == nil {
			s.taken(b)
			return b.Kind, nil
		}
		if !errors.Is(err, storage.ErrConflict) || try == commitTries {
			return "", err
		}
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-time.After(rand.N(time.Duration(try+1) * time.Millisecond)):
		}
	}
}

func (s *Service) taken(b Batch) {
	if b.Kind != kindRepeat && len(b.Incident.Targets) == 0 {
		s.log.Warn("alert without a route", "source", b.Source, "incident", b.Incident.ID)
		if s.hooks.OnUnroutable != nil {
			s.hooks.OnUnroutable(b.Source)
		}
	}
}

func (s *Service) commit(ctx context.Context, b Batch) error {
	tx := s.db.Begin(b.Stem)
	if b.Past != nil {
		s.past.Put(tx, pastID(b.Stem, b.Past.Seq), *b.Past, storage.Any)
	}
	s.save(tx, b.Incident, b.Was, b.Deliveries, b.Stories)
	if b.Kind != kindRepeat || len(b.Incident.Fills) > 0 || b.Known.NoAPI && !b.Incident.NoAPI {
		s.schedule(tx, b.Incident, b.At)
	}
	if b.Kind == kindNew {
		s.wantChart(tx, b.Incident)
	}
	return s.db.Commit(ctx, tx)
}

// save adds all that changes with an incident to tx.
func (s *Service) save(tx *storage.Tx, i *Incident, was storage.Version, ds []bot.Delivery, stories []story) {
	s.current.Put(tx, i.root(), *i, was)
	s.enroll(tx, i)
	for _, d := range ds {
		s.out.Put(tx, d)
	}
	for _, st := range stories {
		tx.Append(storyLog, Entry{Incident: i.ID, Title: i.Title, Source: i.Source, Line: Line{At: s.hooks.Now(), Kind: st.kind, By: st.by, Text: st.plain()}}, 0)
	}
	if now := s.hooks.Now(); !i.loudAt(now).IsZero() { // as a pause: the store's clock may go ahead of the one that mutes go by
		tx.EnqueueAfter(muteQueue, i.root(), max(0, i.loudAt(now).Sub(now)))
	}
	if at := i.dueAt(); !at.IsZero() {
		tx.Enqueue(dueQueue, i.root(), at)
	}
	if c := i.nextStep(); c != nil {
		tx.Enqueue(escalateQueue, i.root(), c.Due)
	}
}

// schedule makes the workers look at a firing incident, and at one whose job is not yet well again.
func (s *Service) schedule(tx *storage.Tx, i *Incident, now time.Time) {
	if i.Job != nil && s.hooks.Jobs != nil && (i.Open() || i.unsettled(now)) {
		at := time.Time{}
		if next := i.FactsAt.Add(enrichEvery); next.After(now) {
			at = next
		}
		tx.Enqueue(enrichQueue, i.root(), at)
	}
	if at := i.fillAt(); !at.IsZero() {
		tx.Enqueue(reconcileQueue, i.root(), at)
	}
	if i.Open() && slices.ContainsFunc(i.sources(), func(name string) bool { return len(s.peers[name]) > 0 }) {
		tx.Enqueue(reconcileQueue, i.root(), now.Add(s.options.ReconcileEvery))
	}
}

// Run does the work that webhooks leave behind until ctx ends, and waits for what is under way.
func (s *Service) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { s.work(ctx, muteQueue, muteBatch, s.unmute) })
	wg.Go(func() { s.work(ctx, dueQueue, dueBatch, s.due) })
	wg.Go(func() { s.work(ctx, stormQueue, stormBatch, s.weatherReport) })
	wg.Go(func() { s.work(ctx, maintainQueue, muteBatch, s.maintain) })
	if s.hooks.Operation != nil {
		wg.Go(func() { s.work(ctx, plannedQueue, plannedBatch, s.tendPlans) })
	}
	if len(s.pipeline.routes.chains) > 0 {
		wg.Go(func() { s.work(ctx, escalateQueue, escalateBatch, s.escalate) })
		wg.Go(func() { s.work(ctx, calloutQueue, calloutBatch, s.callouts) })
	}
	wg.Go(func() { oncall.Keeper{DB: s.db, Log: s.log, Now: s.hooks.Now}.Run(ctx, s.pipeline.routes.book) })
	if s.hooks.Jobs != nil {
		wg.Go(func() { s.work(ctx, enrichQueue, enrichBatch, s.enrich) })
	}
	if len(s.peers) > 0 {
		wg.Go(func() {
			s.learnAPI(ctx)
			s.work(ctx, reconcileQueue, reconcileBatch, s.reconcile)
		})
	}
	if len(s.proms) > 0 {
		wg.Go(func() { s.work(ctx, chartQueue, chartBatch, s.charts) })
	}
	if len(s.options.Reports) > 0 {
		wg.Go(func() { s.postReports(ctx) })
	}
	if len(s.pipeline.deadmen) > 0 {
		wg.Go(func() { s.listen(ctx) })
	}
	if s.options.Watch.Enabled && len(s.hooks.Clusters) > 0 {
		wg.Go(func() { s.watch(ctx) })
	}
	wg.Wait()
	return nil
}

// errSame stops a change that would change nothing.
var errSame = errors.New("alerts: nothing to change")

// change reads the newest incident of a stem, changes it, and commits it with what is to be said and what fn added to tx. fn
// may run several times; it returns errSame to leave all as it is.
func (s *Service) change(ctx context.Context, stem string, fn func(i *Incident, tx *storage.Tx) ([]story, error)) (Incident, error) {
	for try := 0; ; try++ {
		inc, was, err := s.current.Get(ctx, stem)
		if err != nil {
			return inc, err
		}
		tx := s.db.Begin(stem)
		stories, err := fn(&inc, tx)
		if err != nil {
			return inc, err
		}
		stories = append(stories, s.pipeline.routes.hush(&inc, s.windows.now(ctx), s.hooks.Now())...)
		if err := s.forecast(ctx, &inc, false, false, func(string, ...any) {}); err != nil {
			return inc, err
		}
		s.pipeline.routes.startEscalation(&inc, s.hooks.Now())
		s.save(tx, &inc, was, inc.deliveries(s.hooks.Now(), stories...), stories)
		err = s.db.Commit(ctx, tx)
		if err == nil || !errors.Is(err, storage.ErrConflict) || try == commitTries {
			return inc, err
		}
		select {
		case <-ctx.Done():
			return inc, context.Cause(ctx)
		case <-time.After(rand.N(time.Duration(try+1) * time.Millisecond)):
		}
	}
}
