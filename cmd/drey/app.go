package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/discordbot"
	"github.com/drey-ops/drey/bot/slackbot"
	"github.com/drey-ops/drey/bot/webbot"
	"github.com/drey-ops/drey/commands"
	"github.com/drey-ops/drey/config"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/ops"
	"github.com/drey-ops/drey/platform/session"
	"github.com/drey-ops/drey/storage"
)

// app is a whole drey, wired. It is built by newApp, runs once, and two may live in one process.
type app struct {
	cfg      config.Config
	log      *slog.Logger
	db       *storage.DB
	clusters *clusters
	metrics  *metrics
	networks []bot.Network
	web      *webbot.Bot
	slack    *slackbot.Bot
	discord  *discordbot.Bot
	outbox   *bot.Outbox
	ops      *ops.Ops
	alerts   *alerts.Service
	router   *commands.Router
	dispatch *bot.Dispatcher
	policy   *commands.Policy
}

// newApp opens the store and builds everything on it. Nothing moves and nothing listens until run. The caller closes it.
func newApp(ctx context.Context, cfg config.Config, log *slog.Logger) (*app, error) {
	a := &app{cfg: cfg, log: log, metrics: newMetrics()}
	cfg.Storage.OnCall = a.metrics.onRedis
	var err error
	if a.db, err = storage.Open(ctx, cfg.Storage, log); err != nil {
		return nil, err
	}
	if err := a.build(ctx); err != nil {
		return nil, errors.Join(err, a.close())
	}
	return a, nil
}

func (a *app) build(ctx context.Context) (err error) {
	a.buildNetworks()
	if a.cfg, err = a.resolve(ctx, a.cfg); err != nil {
		return err
	}
	if a.policy, err = commands.NewPolicy(a.cfg.Rights); err != nil {
		return err
	}
	if a.clusters, err = openClusters(a.cfg.Clusters, a.metrics.onFlink); err != nil {
		return err
	}
	a.outbox = bot.NewOutbox(a.db, a.log, bot.OutboxOptions{OnDelivered: a.metrics.onDelivered}, a.networks...)
	a.ops = ops.New(a.db, a.clusters, a.log, ops.Options{Observe: planning(a.metrics.onOperation(commands.ObserveOps(a.outbox)))})
	a.alerts, err = alerts.New(a.db, a.outbox, a.log, a.cfg.Alerts, alerts.Hooks{
		Jobs:       alerts.NewLookup(a.clusters.byName, interfaces(a.cfg.Clusters)),
		CanPost:    a.cfg.CanPost,
		Savepoints: a.savepoints,
		Clusters:   a.clusters.byName,
		Planned:    a.planned,
		Operation:  a.operation,
		Changes:    a.changes,
		OnLook:     a.metrics.onLook,
		OnWebhook:  func(source, result string, _ time.Duration) { a.metrics.webhooks.WithLabelValues(source, result).Inc() },
	})
	if err != nil {
		return err
	}
	deps := commands.Deps{
		DB: a.db, Clusters: a.clusters, Ops: a.ops, Alerts: a.alerts, Mutes: a.alerts, Reports: a.alerts, Status: a.status, Links: links(a.cfg), People: a.cfg.Web.People(),
		Bulk: a.alerts, Causes: a.alerts, Profile: a.profile,
	}
	tree := commands.All(deps)
	a.router = commands.NewRouter(a.db, a.log, tree, a.policy, a.outbox, commands.RouterOptions{Completers: deps.Completers()})
	a.dispatch = bot.NewDispatcher(a.db, a.log, bot.DispatcherOptions{OnHandled: a.metrics.onHandled}, a.router, a.networks...)
	a.metrics.registry.MustRegister(newLooks(a.db, a.ops, a.alerts))
	return nil
}

// changes tells what drey's operations did to a job of late.
func (a *app) changes(ctx context.Context, cluster, job string, since time.Time) ([]alerts.Change, error) {
	list, err := a.ops.Recent(ctx, ops.Target{Cluster: cluster, Name: job}, since)
	if err != nil {
		return nil, err
	}
	out := make([]alerts.Change, 0, len(list))
	for _, c := range list {
		out = append(out, alerts.Change{At: c.At, Ended: c.Ended, Kind: string(c.Kind), By: c.By, Outcome: c.Outcome, Operation: c.Operation, Line: c.Line})
	}
	return out, nil
}

// planned says for the watcher what drey's own operations have to do with a run of a job. The operation at work is looked for
// first: what it has ended is written down before it lets go of the job.
func (a *app) planned(ctx context.Context, cluster, name string, id platform.JobID) (alerts.Planned, error) {
	job := ops.Target{Cluster: cluster, Name: name, JobID: id}
	_, err := a.ops.Live(ctx, job)
	if err == nil {
		return alerts.Planned{Live: true}, nil
	}
	if !errors.Is(err, storage.ErrNotFound) {
		return alerts.Planned{}, err
	}
	known, err := a.ops.Known(ctx, job)
	if errors.Is(err, storage.ErrNotFound) {
		return alerts.Planned{}, nil
	}
	by := func(r ops.Run) bool { return r.JobID == id && r.Why != ops.WithoutDrey }
	return alerts.Planned{Ended: slices.ContainsFunc(known.Past, by)}, err
}

func (a *app) close() error {
	var err error
	if a.clusters != nil {
		err = a.clusters.Close()
	}
	return errors.Join(err, a.db.Close())
}

// run serves on ln and works until ctx ends; then it takes nothing new, waits for what is under way for at most
// Server.Drain, and returns. An error is what ended it before.
func (a *app) run(ctx context.Context, ln net.Listener) error {
	for _, n := range a.networks {
		if err := n.Publish(ctx, a.router.Tree().Specs()); err != nil {
			return fmt.Errorf("publish commands to %s: %w", n.ID(), err)
		}
	}
	// Work ends after the listeners: what a last request started still finds its workers.
	work, endWork := context.WithCancel(context.WithoutCancel(ctx))
	defer endWork()
	var g errgroup.Group
	for _, worker := range []func(context.Context) error{a.outbox.Run, a.ops.Run, a.alerts.Run, a.router.Run} {
		g.Go(func() error { return ended(work, worker(work)) })
	}
	receiving, endReceiving := context.WithCancel(ctx)
	defer endReceiving()
	for _, n := range a.networks {
		g.Go(func() error { a.receive(receiving, n); return nil })
	}
	srv := a.server()
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(ln) }()

	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.cfg.Server.Drain)
	defer cancel()
	a.log.Info("stopping", "drain", a.cfg.Server.Drain.String())
	endReceiving()
	a.dispatch.Drain(drain)
	_ = srv.Shutdown(drain) // streams stay open until the time is over; Close ends them
	_ = srv.Close()
	endWork()
	return errors.Join(err, g.Wait())
}

// ended makes nothing of an error that is only the end of ctx.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

func (a *app) server() *http.Server {
	return &http.Server{
		Handler: a.routes(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
}

// status is what /drey status shows.
func (a *app) status(ctx context.Context) []bot.Field {
	fields := []bot.Field{bot.F("Version", version), bot.F("Store", a.db.Kind())}
	if n, oldest, err := a.db.Depth(ctx, "outbox"); err == nil {
		s := fmt.Sprintf("%d waiting", n)
		if now, err := a.db.Now(ctx); err == nil && !oldest.IsZero() && now.After(oldest) {
			s += fmt.Sprintf(", the oldest for %s", now.Sub(oldest).Round(time.Second))
		}
		fields = append(fields, bot.F("Outbox", s))
	}
	if dogs, err := a.alerts.Watchdogs(ctx); err == nil {
		for _, w := range dogs {
			fields = append(fields, bot.F("Watchdog of "+w.Source, w.String()))
		}
	}
	for _, name := range a.clusters.Names() {
		fields = append(fields, bot.F("Cluster "+name, a.clusters.state(ctx, name)))
	}
	return fields
}

// clusters are the configured ones; they never change while drey runs.
type clusters struct {
	byName map[string]*platform.Cluster
	names  []string
}

func openClusters(cfg map[string]config.Cluster, observe func(cluster, call, code string, d time.Duration)) (*clusters, error) {
	cs := &clusters{byName: map[string]*platform.Cluster{}, names: slices.Sorted(maps.Keys(cfg))}
	for _, name := range cs.names {
		d, err := session.New(cfg[name].Options)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("clusters.%s: %w", name, err), cs.Close())
		}
		cs.byName[name] = platform.Open(name, cfg[name].Labels, d, platform.Options{Observe: observe})
	}
	return cs, nil
}

// interfaces are the addresses of the clusters' web interfaces as people reach them.
func interfaces(cfg map[string]config.Cluster) map[string]string {
	out := map[string]string{}
	for name, c := range cfg {
		if c.UI != "" {
			out[name] = c.UI
		}
	}
	return out
}

// links are the addresses that /drey link knows.
func links(cfg config.Config) commands.Links {
	l := commands.Links{External: cfg.Server.ExternalURL, Clusters: map[string]commands.ClusterLinks{}}
	for name, c := range cfg.Clusters {
		l.Clusters[name] = commands.ClusterLinks{UI: c.UI, API: c.URL}
	}
	return l
}

// Cluster implements commands.Clusters and ops.Clusters.
func (cs *clusters) Cluster(name string) (*platform.Cluster, error) {
	if c, ok := cs.byName[name]; ok {
		return c, nil
	}
	return nil, platform.Errorf(platform.NotFound, "", "there is no cluster %q", name)
}

// Names implements commands.Clusters.
func (cs *clusters) Names() []string { return cs.names }

// Close closes every cluster at once: each may have SQL sessions to end.
func (cs *clusters) Close() error {
	var g errgroup.Group
	for _, c := range cs.byName {
		g.Go(c.Close)
	}
	return g.Wait()
}

// state says in a few words how a cluster is.
func (cs *clusters) state(ctx context.Context, name string) string {
	info, err := cs.byName[name].Describe(ctx)
	if err != nil {
		return "does not answer"
	}
	return fmt.Sprintf("Flink %s, %d jobs running, %d of %d slots free", info.Version, info.JobsRunning, info.SlotsFree, info.SlotsTotal)
}

// check is one line of /readyz.
type check struct {
	Name string `json:"check"`
	OK   bool   `json:"ok"`
	Note string `json:"note,omitempty"`
}

// ready asks what drey itself needs. A cluster that is down does not make drey unready: /drey status tells of it.
func (a *app) ready(ctx context.Context) []check {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	redis := check{Name: "redis", OK: true, Note: a.db.Kind()}
	if err := a.db.Ping(ctx); err != nil {
		redis.OK, redis.Note = false, err.Error()
	}
	return []check{redis, {Name: "configuration", OK: true}}
}
