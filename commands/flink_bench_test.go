package commands

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/bottest"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/ops"
	"github.com/drey-ops/drey/storage"
)

// rig is the whole road of a call over fake clusters, a fake Alertmanager's worth of incidents and a chat in memory.
type rig struct {
	t      *testing.T
	chat   *bottest.Memory
	router *Router
	deps   Deps
	alerts *fakeAlerts
	mutes  *fakeMutes
}

// rigOptions is who may do what: olga all of it in #ops, vera may look, dora may look at and stop dev's orders.
func rigOptions() Options {
	return Options{
		Roles: map[string]Role{
			"operator": {WebUsers: []string{"olga"}},
			"viewer":   {WebUsers: []string{"olga", "vera"}},
			"owner":    {WebUsers: []string{"dora"}},
		},
		Policy: []Rule{
			{Allow: []string{"*.read"}, Roles: []string{"viewer"}},
			{Allow: []string{"job.*", "savepoint.*", "sql.read", "sql.write", "jar.*", "alert.*", "operation.*"}, Roles: []string{"operator"}, Channels: []string{"web:ops"}},
			{Allow: []string{"job.read", "job.stop", "operation.*", "alert.*"}, Roles: []string{"owner"}, Clusters: []string{"dev"}, Jobs: []string{"orders*"}},
		},
	}
}

func newRig(t *testing.T, clusters map[string]*fakeFlink) *rig {
	t.Helper()
	ds := map[string]platform.Driver{}
	for name, f := range clusters {
		ds[name] = f
	}
	return newRigOver(t, rigOptions(), ds)
}

// newRigOver is a rig over any drivers, with other rights.
func newRigOver(t *testing.T, rights Options, clusters map[string]platform.Driver) *rig {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	db, err := storage.Open(t.Context(), storage.Options{Memory: true}, log)
	if err != nil {
		t.Fatal(err)
	}
	cs := fleet{names: slices.Sorted(maps.Keys(clusters)), byName: map[string]*platform.Cluster{}}
	for name, f := range clusters {
		cs.byName[name] = platform.Open(name, nil, f, platform.Options{})
	}
	policy, err := NewPolicy(rights)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, chat: bottest.NewMemory("web", bottest.Roomy()), alerts: &fakeAlerts{}, mutes: &fakeMutes{}}
	outbox := bot.NewOutbox(db, log, bot.OutboxOptions{}, r.chat)
	r.deps = Deps{
		DB: db, Clusters: cs, Alerts: r.alerts, Bulk: r.alerts, Mutes: r.mutes, Reports: r.mutes, Ops: ops.New(db, cs, log, ops.Options{Observe: ObserveOps(outbox)}),
		Links:  Links{External: "https://drey.example.com", Clusters: map[string]ClusterLinks{"prod": {UI: "https://flink.example.com/prod/", API: "http://jm.internal:8081"}}},
		Status: func(context.Context) []bot.Field { return []bot.Field{bot.F("Version", "test")} },
	}
	r.router = NewRouter(db, log, All(r.deps), policy, outbox, RouterOptions{Completers: r.deps.Completers()})
	dispatch := bot.NewDispatcher(db, log, bot.DispatcherOptions{}, r.router, r.chat)
	r.chat.Attach(dispatch)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, work := range []func(context.Context) error{outbox.Run, r.deps.Ops.Run, r.router.Run} {
		wg.Go(func() { _ = work(ctx) })
	}
	t.Cleanup(func() {
		dispatch.Drain(ctx)
		cancel()
		wg.Wait()
		_ = db.Close()
	})
	return r
}

// says is a person typing a line in #ops, and the answer to it.
func (r *rig) says(who, line string) bot.Message { return r.saysIn("ops", who, line) }

func (r *rig) saysIn(channel, who, line string) bot.Message {
	r.t.Helper()
	return r.chat.Answer(r.t, r.chat.Type(who, channel, line))
}

// agrees is a person typing a line that asks first, and saying yes; it is the answer to that.
func (r *rig) agrees(who, line string) bot.Message {
	r.t.Helper()
	ev := r.chat.Type(who, "ops", line)
	r.chat.Answer(r.t, ev)
	return r.chat.Answer(r.t, r.chat.Submit(r.t, who, ev, nil))
}

// presses is a person pressing a button of the newest answer to ev.
func (r *rig) presses(who string, ev bot.Event, label string) bot.Message {
	r.t.Helper()
	return r.chat.Answer(r.t, r.chat.PressAnswer(r.t, who, ev, label))
}

// card waits until the channel has a message that begins with title and says all of parts.
func (r *rig) card(title string, parts ...string) bottest.Said {
	r.t.Helper()
	var got bottest.Said
	r.chat.Until(r.t, "card "+title+" with "+strings.Join(parts, ", "), func() bool {
		for _, s := range r.chat.Said("ops") {
			plain := s.Message.Plain()
			if s.Message.Title == title && !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(plain, p) }) {
				got = s
				return true
			}
		}
		return false
	})
	return got
}

// env is a person's Env of a command, for functions that are tested alone.
func (r *rig) env(who, path string) *Env {
	return r.router.env(bot.Event{Actor: web(who), Place: webOps()}, r.router.tree.Find(path), nil)
}

func lacks(t *testing.T, m bot.Message, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if strings.Contains(bottest.Plain(m), p) {
			t.Errorf("message must not say %q:\n%s", p, bottest.Plain(m))
		}
	}
}

func labels(m bot.Message) []string {
	var out []string
	for _, b := range m.Blocks {
		if as, ok := b.(bot.Actions); ok {
			for _, a := range as {
				out = append(out, a.Label)
			}
		}
	}
	return out
}

func values(cs []bot.Choice) []string {
	var out []string
	for _, c := range cs {
		out = append(out, c.Value)
	}
	return out
}
