package main

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/webbot"
	"github.com/drey-ops/drey/platform/ops"
	"github.com/drey-ops/drey/storage"
)

// metrics are the series of the contract, in a registry of their own: two apps may live in one process.
type metrics struct {
	registry *prometheus.Registry

	commands       *prometheus.CounterVec
	commandSeconds *prometheus.HistogramVec
	webhooks       *prometheus.CounterVec
	watchLooks     *prometheus.CounterVec
	alertDelivery  prometheus.Histogram
	chat           *prometheus.CounterVec
	refused        *prometheus.CounterVec
	flink          *prometheus.CounterVec
	flinkSeconds   *prometheus.HistogramVec
	redis          *prometheus.HistogramVec

	operationSeconds *prometheus.HistogramVec
}

func newMetrics() *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	quick := []float64{.0002, .0005, .001, .002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "drey_" + name, Help: help}, labels)
		m.registry.MustRegister(c)
		return c
	}
	histogram := func(name, help string, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "drey_" + name, Help: help, Buckets: quick}, labels)
		m.registry.MustRegister(h)
		return h
	}
	m.commands = counter("commands_total", "Calls of commands by outcome.", "network", "command", "result")
	m.commandSeconds = histogram("command_seconds", "From a gesture to its last answer.", "network", "command")
	m.webhooks = counter("webhooks_total", "Webhooks received by outcome.", "source", "result")
	m.watchLooks = counter("watch_looks_total", "Looks of alerts.watch at clusters by outcome: ok or silent.", "cluster", "result")
	m.alertDelivery = prometheus.NewHistogram(prometheus.HistogramOpts{Name: "drey_alert_delivery_seconds", Help: "From an accepted webhook to its message in the chat.", Buckets: quick})
	m.chat = counter("chat_requests_total", "Calls of chat services by outcome.", "network", "method", "code")
	m.refused = counter("chat_refused_total", "Requests that came in from a chat service and were refused.", "network", "reason")
	m.flink = counter("flink_requests_total", "Calls of clusters by outcome.", "cluster", "call", "code")
	m.flinkSeconds = histogram("flink_request_seconds", "Duration of calls of clusters.", "cluster", "call")
	m.redis = histogram("redis_seconds", "Duration of round trips to the store.", "call")
	m.operationSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "drey_operation_seconds", Help: "Duration of operations from start to end.", Buckets: []float64{.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600},
	}, []string{"kind", "state"})
	m.registry.MustRegister(m.operationSeconds, m.alertDelivery, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) onRedis(call string, d time.Duration, _ error) {
	m.redis.WithLabelValues(call).Observe(d.Seconds())
}

func (m *metrics) onFlink(cluster, call, code string, d time.Duration) {
	m.flink.WithLabelValues(cluster, call, code).Inc()
	m.flinkSeconds.WithLabelValues(cluster, call).Observe(d.Seconds())
}

func (m *metrics) onHandled(n bot.NetworkID, path, result string, d time.Duration) {
	m.commands.WithLabelValues(string(n), path, result).Inc()
	m.commandSeconds.WithLabelValues(string(n), path).Observe(d.Seconds())
}

func (m *metrics) onDelivered(t bot.Try) {
	code := "ok"
	if t.Err != nil {
		code = "error"
	}
	if t.Network == webbot.Network || t.Method == bot.MethodDead { // the others count each of their calls
		m.chat.WithLabelValues(string(t.Network), t.Method, code).Inc()
	}
	if t.Err == nil && t.Method == bot.MethodPost && strings.HasSuffix(t.Key, "/head") {
		m.alertDelivery.Observe(t.Waited.Seconds())
	}
}

func (m *metrics) onChat(n bot.NetworkID) func(method, code string) {
	return func(method, code string) { m.chat.WithLabelValues(string(n), method, code).Inc() }
}

func (m *metrics) onRefused(n bot.NetworkID) func(reason string) {
	return func(reason string) { m.refused.WithLabelValues(string(n), reason).Inc() }
}

// onLook counts a look of the watcher at a cluster.
func (m *metrics) onLook(cluster string, ok bool) {
	result := "ok"
	if !ok {
		result = "silent"
	}
	m.watchLooks.WithLabelValues(cluster, result).Inc()
}

// onOperation wraps what observes operations: it takes the time of each that ends. A commit that is tried again counts
// once.
func (m *metrics) onOperation(next func(tx *storage.Tx, op ops.Operation) error) func(tx *storage.Tx, op ops.Operation) error {
	var mu sync.Mutex
	var ended [256]string
	at := 0
	return func(tx *storage.Tx, op ops.Operation) error {
		mu.Lock()
		if op.Status.Final() && !slices.Contains(ended[:], op.ID) {
			ended[at], at = op.ID, (at+1)%len(ended)
			m.operationSeconds.WithLabelValues(string(op.Kind), string(op.Status)).Observe(op.Ended.Sub(op.Started).Seconds())
		}
		mu.Unlock()
		return next(tx, op)
	}
}

// looks are read when somebody scrapes: counts over the store, each within a second.
type looks struct {
	db     *storage.DB
	ops    *ops.Ops
	alerts *alerts.Service

	pending, oldest, operations, incidents, watchdog *prometheus.Desc
}

func newLooks(db *storage.DB, o *ops.Ops, a *alerts.Service) *looks {
	return &looks{
		db: db, ops: o, alerts: a,
		pending:    prometheus.NewDesc("drey_outbox_pending", "Messages waiting to be posted or edited.", nil, nil),
		oldest:     prometheus.NewDesc("drey_outbox_oldest_seconds", "Age of the oldest due message.", nil, nil),
		operations: prometheus.NewDesc("drey_operations", "Operations among the newest 500.", []string{"kind", "state"}, nil),
		incidents:  prometheus.NewDesc("drey_incidents", "Incidents remembered.", []string{"state"}, nil),
		watchdog:   prometheus.NewDesc("drey_alerts_watchdog_age_seconds", "Time since the last watchdog of a source came; none for one that never did.", []string{"source"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (l *looks) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{l.pending, l.oldest, l.operations, l.incidents, l.watchdog} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. What cannot be read in time is left out of this scrape.
func (l *looks) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	if n, oldest, err := l.db.Depth(ctx, "outbox"); err == nil {
		age := 0.0
		if now, err := l.db.Now(ctx); err == nil && !oldest.IsZero() {
			age = max(0, now.Sub(oldest).Seconds())
		}
		gauge(l.pending, float64(n))
		gauge(l.oldest, age)
	}
	if list, err := l.ops.List(ctx, 500); err == nil {
		type key struct{ kind, state string }
		n := map[key]int{}
		for _, op := range list {
			n[key{string(op.Kind), string(op.Status)}]++
		}
		for k, v := range n {
			gauge(l.operations, float64(v), k.kind, k.state)
		}
	}
	if dogs, err := l.alerts.Watchdogs(ctx); err == nil {
		for _, w := range dogs {
			if !w.Seen.IsZero() {
				gauge(l.watchdog, time.Since(w.Seen).Seconds(), w.Source)
			}
		}
	}
	if counts, err := l.alerts.Counts(ctx); err == nil {
		for state, n := range counts {
			gauge(l.incidents, float64(n), state)
		}
	}
}
