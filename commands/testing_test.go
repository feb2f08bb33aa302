package commands

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The commands of the tests.

type jobTestArgs struct {
	Job platform.JobRef `json:"job" help:"the job" complete:"job"`
	Dir string          `json:"dir" help:"where it goes" optional:"true"`
}

type stopTestArgs struct {
	Job   platform.JobRef `json:"job" help:"the job" complete:"job"`
	Drain bool            `json:"drain" help:"for good"`
}

type scaleTestArgs struct {
	Job  platform.JobRef `json:"job" help:"the job" complete:"job"`
	N    int             `json:"n" help:"the new parallelism" min:"1" max:"128"`
	Mode string          `json:"mode" help:"how" default:"auto" choices:"auto,inplace,restart"`
	Wait time.Duration   `json:"wait" help:"how long to wait" default:"5m"`
}

type sqlTestArgs struct {
	Cluster string `json:"cluster" help:"where it runs" optional:"true" complete:"cluster"`
	Token   string `json:"token" help:"a secret" optional:"true" secret:"true" hidden:"true"`
	Text    string `json:"text" help:"the statements" optional:"true" rest:"true"`
}

// Permission implements Permitter.
func (a sqlTestArgs) Permission() string {
	if strings.HasPrefix(a.Text, "INSERT") {
		return "sql.write"
	}
	return "sql.read"
}

type tagTestArgs struct {
	Tags []string `json:"tags" help:"some words"`
}

// bench is a router over real storage in memory, with what its commands did.
type bench struct {
	*Router
	t    *testing.T
	db   *storage.DB
	out  *recorder
	mu   sync.Mutex
	ran  []string // "olga flink stop prod/orders"
	asks int      // looks at a cluster

	trips atomic.Int64 // to the store
}

// recorder is an Outbox that keeps the newest message of each key.
type recorder struct {
	mu   sync.Mutex
	sent map[string]bot.Delivery
}

func (r *recorder) Put(_ *storage.Tx, d bot.Delivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent[d.Key] = d
}

func (r *recorder) find(part string) (bot.Delivery, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, d := range r.sent {
		if strings.HasSuffix(k, part) {
			return d, true
		}
	}
	return bot.Delivery{}, false
}

func testOptions() Options {
	return Options{
		Roles: map[string]Role{
			"operator": {WebUsers: []string{"olga"}, SlackUsers: []string{"U1"}, SlackGroups: []string{"S0OPS"}, DiscordRoles: []string{"77"}},
			"reviewer": {WebUsers: []string{"rita", "rob"}},
			"viewer":   {Everyone: true},
		},
		Policy: []Rule{
			{Allow: []string{"*.read"}, Roles: []string{"viewer"}},
			{Allow: []string{"job.*", "sql.*", "savepoint.*"}, Roles: []string{"operator", "reviewer"}, Channels: []string{"web:ops", "slack:C1"}, Clusters: []string{"prod"}},
			{Require: RequireApproval, For: []string{"job.scale"}, Clusters: []string{"prod"}, By: []string{"reviewer"}, Within: 15 * time.Minute},
		},
	}
}

func (b *bench) did(e *Env, what string) bot.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ran = append(b.ran, e.Actor.ID+" "+what)
	return bot.Message{Title: "Started", Blocks: []bot.Block{bot.Textf("%s", what)}}
}

func (b *bench) resolve(_ context.Context, _ *Env, ref *platform.JobRef) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asks++
	if ref.Job == "two" && ref.Cluster == "" {
		return Tell(bot.Message{Title: "Which one?", Private: true})
	}
	if ref.Job == "gone" {
		return platform.Errorf(platform.NotFound, "", "no job %q", ref.Job)
	}
	if ref.Cluster == "" {
		ref.Cluster = "prod"
	}
	return nil
}

func (b *bench) tree() Tree {
	run := func(name string) func(context.Context, *Env, jobTestArgs) (bot.Message, error) {
		return func(_ context.Context, e *Env, a jobTestArgs) (bot.Message, error) {
			return b.did(e, name+" "+a.Job.String()), nil
		}
	}
	return NewTree(append(Builtin(),
		New(Spec{Path: "flink jobs", Help: "List the jobs", Examples: []string{"/flink jobs"}, Permission: "job.read"},
			func(_ context.Context, e *Env, _ struct{}) (bot.Message, error) { return b.did(e, "jobs"), nil }),
		New(Spec{Path: "flink savepoint", Help: "Write a savepoint", Examples: []string{"/flink savepoint orders", "/flink savepoint prod/orders dir=s3://b/x"},
			Permission: "savepoint.create", Effect: Changes, Op: platform.OpSavepoint, Resolve: ResolveJobs(b.resolve)}, run("savepoint")),
		New(Spec{Path: "flink savepoint list", Help: "List savepoints", Examples: []string{"/flink savepoint list orders"}, Permission: "savepoint.read"}, run("savepoint list")),
		New(Spec{Path: "flink stop", Help: "Stop a job", Examples: []string{"/flink stop orders", "/flink stop orders drain"}, Permission: "job.stop", Effect: Changes,
			Resolve: ResolveJobs(b.resolve)}, func(_ context.Context, e *Env, a stopTestArgs) (bot.Message, error) {
			return b.did(e, "stop "+a.Job.String()), nil
		}),
		New(Spec{Path: "flink cancel", Help: "Cancel a job", Examples: []string{"/flink cancel orders"}, Permission: "job.cancel", Effect: Destroys,
			Resolve: ResolveJobs(b.resolve), Warn: WarnArgs(func(context.Context, *Env, jobTestArgs) (Confirmation, error) {
				return Confirmation{Intro: bot.Textf("All is lost.")}, nil
			})}, run("cancel")),
		New(Spec{Path: "flink scale", Help: "Change the parallelism", Examples: []string{"/flink scale orders 4", "/flink scale orders 4 mode=restart wait=1m"}, Permission: "job.scale",
			Effect: Changes, Resolve: ResolveJobs(b.resolve)}, func(_ context.Context, e *Env, a scaleTestArgs) (bot.Message, error) {
			if a.N == 66 {
				panic("boom")
			}
			return b.did(e, "scale "+a.Job.String()), nil
		}),
		New(Spec{Path: "flink sql", Help: "Run SQL", Examples: []string{"/flink sql SELECT 1", "/flink sql cluster=prod SELECT a = 1"}, Permission: "sql.read"},
			func(_ context.Context, e *Env, a sqlTestArgs) (bot.Message, error) {
				if a.Text == "" {
					return e.Form("Run SQL", "Run"), nil
				}
				return b.did(e, "sql "+a.Text), nil
			}),
		New(Spec{Path: "flink tag", Help: "Tag something", Examples: []string{"/flink tag a b"}},
			func(_ context.Context, e *Env, a tagTestArgs) (bot.Message, error) {
				return b.did(e, strings.Join(a.Tags, ",")), nil
			}),
		New(Spec{Path: "flink fail", Help: "Fail", Examples: []string{"/flink fail"}, Hidden: true},
			func(context.Context, *Env, struct{}) (bot.Message, error) {
				return bot.Message{}, errors.New("dial tcp 10.1.2.3:8081: token=hunter2 at http://jm:8081")
			}),
	)...)
}

func newBench(t *testing.T, o Options) *bench {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	b := &bench{t: t, out: &recorder{sent: map[string]bot.Delivery{}}}
	db, err := storage.Open(t.Context(), storage.Options{Memory: true, OnCall: func(string, time.Duration, error) { b.trips.Add(1) }}, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	p, err := NewPolicy(o)
	if err != nil {
		t.Fatal(err)
	}
	b.db = db
	b.Router = NewRouter(db, log, b.tree(), p, b.out, RouterOptions{})
	return b
}

// start runs the router until the test ends.
func (b *bench) start() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = b.Run(ctx)
	}()
	b.t.Cleanup(func() { cancel(); <-done })
}

func web(id string) bot.Actor { return bot.Actor{Network: "web", ID: id} }

func webOps() bot.Place { return bot.Place{Network: "web", Channel: "ops"} }

func (b *bench) says(who, line string) bot.Message {
	return b.Handle(b.t.Context(), bot.Event{ID: storage.NewID(), Actor: web(who), Place: webOps(), Call: bot.Call{Line: line}}, nil)
}

func (b *bench) presses(who string, call bot.Call) bot.Message {
	return b.Handle(b.t.Context(), bot.Event{ID: storage.NewID(), Actor: web(who), Place: webOps(), Call: call}, nil)
}

func (b *bench) runs() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.ran)
}

func (b *bench) looks() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.asks
}

func (b *bench) trail() []Entry {
	b.t.Helper()
	es, _, err := Audit(b.t.Context(), b.db, AuditFilter{}, 1000)
	if err != nil {
		b.t.Fatal(err)
	}
	return es
}

// shown is all text of a message.
func shown(m bot.Message) string {
	var s strings.Builder
	s.WriteString(m.Title + "\n")
	for _, bl := range m.Blocks {
		switch x := bl.(type) {
		case bot.Text:
			s.WriteString(x.Plain() + "\n")
		case bot.Note:
			s.WriteString(x.Plain() + "\n")
		case bot.Code:
			s.WriteString(x.Body + "\n")
		case bot.File:
			s.Write(x.Data)
		case bot.Fields:
			for _, f := range x {
				s.WriteString(f.Name + ": " + f.Value.Plain() + "\n")
			}
		case bot.Table:
			s.WriteString(strings.Join(x.Columns, " | ") + "\n")
			for _, r := range x.Rows {
				s.WriteString(strings.Join(r, " | ") + "\n")
			}
			s.WriteString(x.Foot + "\n")
		case bot.Actions:
			for _, a := range x {
				s.WriteString("[" + a.Label + "] ")
			}
		}
	}
	if m.Form != nil {
		s.WriteString("form " + m.Form.Title)
	}
	return s.String()
}

func wants(t *testing.T, m bot.Message, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(shown(m), p) {
			t.Errorf("message lacks %q:\n%s", p, shown(m))
		}
	}
}

func buttonOf(t *testing.T, m bot.Message, label string) bot.Button {
	t.Helper()
	for _, bl := range m.Blocks {
		if as, ok := bl.(bot.Actions); ok {
			for _, a := range as {
				if a.Label == label {
					return a
				}
			}
		}
	}
	t.Fatalf("no button %q in:\n%s", label, shown(m))
	return bot.Button{}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

type ctx = context.Context
