package commands

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/ops"
	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/storagetest"
)

// The secrets that people type; the second word betrays a redaction that stops at a blank.
const (
	hot    = "hunter2 correct-horse"
	hotSQL = "CREATE TABLE src (a INT) WITH ('connector' = 'jdbc', 'password' = '" + hot + "')"
)

// sqlFake is a cluster that takes SQL and remembers it; what is submitted runs.
type sqlFake struct {
	mu   sync.Mutex
	jobs []platform.Job
	subs []platform.SubmitSQL
	runs []platform.SQLStatement
	fail error
}

func (f *sqlFake) Describe(context.Context) (platform.Info, error) {
	return platform.Info{Kind: "fake", Version: "2.3.0", SlotsTotal: 8, SlotsFree: 8}, nil
}

func (f *sqlFake) Jobs(context.Context) ([]platform.Job, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.jobs), nil
}

func (f *sqlFake) Job(_ context.Context, id platform.JobID) (platform.Job, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, j := range f.jobs {
		if j.ID == id {
			return j, nil
		}
	}
	return platform.Job{}, platform.Errorf(platform.NotFound, "", "no job")
}

func (f *sqlFake) Begin(_ context.Context, id string, c platform.Change) (platform.Ticket, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	sub, ok := c.(platform.SubmitSQL)
	if !ok {
		return platform.Ticket{}, platform.Errorf(platform.Unsupported, "", "only SQL")
	}
	if f.subs = append(f.subs, sub); f.fail != nil {
		return platform.Ticket{}, f.fail
	}
	f.jobs = append(f.jobs, platform.Job{ID: sub.JobID, Name: sub.Name, State: platform.Running, Parallelism: 1, Tasks: platform.Tasks{Total: 1, Running: 1}})
	return platform.Ticket{Op: c.Op(), ID: id, Job: sub.JobID}, nil
}

func (f *sqlFake) Poll(_ context.Context, t platform.Ticket) (platform.Outcome, error) {
	return platform.Outcome{Done: true, Job: t.Job}, nil
}

func (f *sqlFake) Query(_ context.Context, q platform.SQLStatement, _ platform.QueryLimits, emit func(platform.Page)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.runs = append(f.runs, q)
	page := platform.Page{Done: true}
	if strings.HasPrefix(q.Text, "SHOW CREATE") {
		page.Columns, page.Rows = []platform.Column{{Name: "result"}}, [][]string{{hotSQL + "\n"}}
	}
	emit(page)
	return nil
}

func (f *sqlFake) Complete(context.Context, platform.SQLStatement, int) ([]string, error) {
	return nil, nil
}

func (f *sqlFake) Close() error { return nil }

// end lets every job end.
func (f *sqlFake) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.jobs {
		f.jobs[i].State = platform.Canceled
	}
}

func (f *sqlFake) submitted() []platform.SubmitSQL {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.subs)
}

type oneCluster struct{ c *platform.Cluster }

func (o oneCluster) Names() []string { return []string{"prod"} }
func (o oneCluster) Cluster(name string) (*platform.Cluster, error) {
	if name != "prod" {
		return nil, platform.Errorf(platform.NotFound, "", "no cluster %q", name)
	}
	return o.c, nil
}

// whole is drey from the router to the store, over a fake cluster.
type whole struct {
	t      *testing.T
	db     *storage.DB
	router *Router
	ops    *ops.Ops
	fake   *sqlFake
	binder *bot.Binder
	log    *bytes.Buffer
	end    func()
}

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	b  *bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func sealOptions() Options {
	o := testOptions()
	o.Policy = []Rule{
		{Allow: []string{"*"}, Roles: []string{"operator", "reviewer"}},
		{Require: RequireApproval, For: []string{"sql.code"}, By: []string{"reviewer"}, Within: time.Hour},
		{Require: RequireConfirm, For: []string{"sql.write"}},
	}
	return o
}

func newWhole(t *testing.T, o storage.Options, fake *sqlFake) *whole {
	t.Helper()
	w := &whole{t: t, fake: fake, log: &bytes.Buffer{}}
	log := slog.New(slog.NewTextHandler(&lockedBuffer{b: w.log}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if w.db, err = storage.Open(t.Context(), o, log); err != nil {
		t.Fatal(err)
	}
	cs := oneCluster{platform.Open("prod", nil, fake, platform.Options{})}
	out := bot.NewOutbox(w.db, log, bot.OutboxOptions{})
	w.ops = ops.New(w.db, cs, log, ops.Options{Observe: ObserveOps(out)})
	d := Deps{DB: w.db, Clusters: cs, Ops: w.ops}
	p, err := NewPolicy(sealOptions())
	if err != nil {
		t.Fatal(err)
	}
	tree := NewTree(append(Builtin(), flinkSQL(d), flinkSession(d), flinkRestart(d))...)
	w.router = NewRouter(w.db, log, tree, p, out, RouterOptions{})
	w.binder = bot.NewBinder(w.db)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = w.ops.Run(ctx) })
	wg.Go(func() { _ = w.router.Run(ctx) })
	w.end = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
		_ = cs.c.Close()
		if err := w.db.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(w.end)
	return w
}

// says has a line answered and stored as a network has it; the typed word confirms where that is asked for.
func (w *whole) says(who, line string) bot.Message {
	w.t.Helper()
	ev := bot.Event{ID: storage.NewID(), Actor: web(who), Place: webOps(), Call: bot.Call{Line: line}}
	m := w.router.Handle(w.t.Context(), ev, nil)
	bound := w.bind(m)
	if m.Form == nil || bound.Form == nil {
		return m
	}
	typed := map[string]string{}
	for _, f := range m.Form.Fields {
		typed[f.Name] = f.Match
	}
	call, again, err := w.binder.Find(w.t.Context(), bound.Form.ID, typed)
	if err != nil || again != nil {
		w.t.Fatalf("form: %v %v", again, err)
	}
	m = w.router.Handle(w.t.Context(), bot.Event{
		ID: storage.NewID(), Actor: web(who), Place: webOps(), Call: call, Button: bound.Form.ID, Form: typed,
	}, nil)
	w.bind(m)
	return m
}

func (w *whole) bind(m bot.Message) bot.Message {
	w.t.Helper()
	bound, err := w.binder.Bind(w.t.Context(), m)
	if err != nil {
		w.t.Fatal(err)
	}
	if s := shown(m); strings.Contains(s, "hunter2") || strings.Contains(s, "correct-horse") {
		w.t.Errorf("a message shows the secret:\n%s", s)
	}
	return bound
}

// clean fails when the secret stands in any key of the store, or in the log.
func (w *whole) clean() {
	w.t.Helper()
	var dump bytes.Buffer
	if err := w.db.Backup(w.t.Context(), &dump); err != nil {
		w.t.Fatal(err)
	}
	for _, word := range []string{"hunter2", "correct-horse"} {
		for line := range strings.Lines(dump.String()) {
			if strings.Contains(line, word) {
				w.t.Errorf("the store holds %s: %.1500s", word, line)
			}
		}
		if strings.Contains(w.log.String(), word) {
			w.t.Errorf("the log holds %s:\n%s", word, w.log)
		}
	}
	if !strings.Contains(dump.String(), `\"job\"`) && !strings.Contains(dump.String(), "oplock") && dump.Len() < 500 {
		w.t.Errorf("the dump is empty: %s", &dump)
	}
}

func (w *whole) ends(n int) {
	w.t.Helper()
	eventually(w.t, "the operations end", func() bool {
		all, err := w.ops.List(w.t.Context(), 0)
		return err == nil && len(all) == n && !slices.ContainsFunc(all, func(o ops.Operation) bool { return !o.Status.Final() })
	})
}

// live types SQL with a password everywhere it can be typed.
func (w *whole) live() {
	wants(w.t, w.says("olga", "/flink sql "+hotSQL), "CREATE TABLE src")
	wants(w.t, w.says("olga", "/flink sql SET 'fs.s3a.secret.key' = '"+hot+"'"), "SET")
	wants(w.t, w.says("olga", "/flink session"), "CREATE TABLE src", "***")
	wants(w.t, w.says("olga", "/flink sql SHOW CREATE TABLE src"), "***")
	wants(w.t, w.says("olga", "/flink slq "+hotSQL), "not quite a command")
	wants(w.t, w.says("olga", "/flink sql name=orders INSERT INTO t SELECT a FROM src /*+ OPTIONS('password'='"+hot+"') */"), "orders")
	w.ends(1)
	m := w.says("olga", "/flink sql CREATE CATALOG c WITH ('type' = 'jdbc', 'password' = '"+hot+"')")
	wants(w.t, m, "Waiting for approval")
	w.clean()
	id := ""
	for _, f := range m.Blocks[1].(bot.Fields) {
		if f.Name == "Request" {
			id = f.Value.Plain()
		}
	}
	wants(w.t, w.says("rita", "/drey approve "+id), "Approved")
	eventually(w.t, "the approved statement runs", func() bool {
		w.fake.mu.Lock()
		defer w.fake.mu.Unlock()
		return slices.ContainsFunc(w.fake.runs, func(q platform.SQLStatement) bool {
			return strings.HasPrefix(q.Text, "CREATE CATALOG") && strings.Contains(q.Text, hot)
		})
	})
	w.clean()
}

// truth fails unless the newest submission is the text as it was typed.
func (w *whole) truth(n int) {
	w.t.Helper()
	eventually(w.t, "it is submitted", func() bool { return len(w.fake.submitted()) >= n })
	got := w.fake.submitted()[n-1]
	if !strings.Contains(got.Statement, hot) || len(got.Prelude) < 2 || got.Prelude[0] != hotSQL {
		w.t.Errorf("submitted %+v", got)
	}
}

const (
	keyA = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	keyB = "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
)

func TestSecretsStaySealed(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		w := newWhole(t, storage.Options{Memory: true}, &sqlFake{})
		w.live()
		w.truth(1)
	})
	t.Run("embedded", func(t *testing.T) {
		dir, fake := t.TempDir(), &sqlFake{}
		w := newWhole(t, storage.Options{Dir: dir}, fake)
		w.live()
		w.end()
		fake.end()
		w = newWhole(t, storage.Options{Dir: dir}, fake)
		wants(t, w.says("olga", "/flink restart prod/orders fresh=true"), "Started: Restart")
		w.ends(2)
		w.truth(2)
		wants(t, w.says("olga", "/flink sql SELECT 1"), "SQL on prod")
		if last := fake.runs[len(fake.runs)-1]; len(last.Prelude) < 2 || last.Prelude[0] != hotSQL {
			t.Errorf("the session is %q", last.Prelude)
		}
		w.clean()
	})
	t.Run("another key", func(t *testing.T) {
		url, _ := storagetest.Redis(t)
		fake := &sqlFake{}
		w := newWhole(t, storage.Options{Redis: url, Key: keyA}, fake)
		w.live()
		w.end()
		fake.end()
		w = newWhole(t, storage.Options{Redis: url, Key: keyB}, fake)
		wants(t, w.says("olga", "/flink restart prod/orders fresh=true"), "sealed with another key: set storage.key", "Nothing was changed")
		wants(t, w.says("olga", "/flink sql SELECT 1"), "sealed with another key", "clear=true")
		wants(t, w.says("olga", "/flink session clear=true"), "Forgotten")
		wants(t, w.says("olga", "/flink sql SELECT 1"), "SQL on prod")
		w.clean()
	})
	t.Run("no key", func(t *testing.T) {
		url, _ := storagetest.Redis(t)
		w := newWhole(t, storage.Options{Redis: url}, &sqlFake{})
		for _, line := range []string{hotSQL, "CREATE CATALOG c WITH ('password' = '" + hot + "')", "SET 'fs.s3a.secret.key' = '" + hot + "'"} {
			wants(t, w.says("olga", "/flink sql "+line), "holds a secret", "storage.key", "openssl rand -hex 32", "nothing was run")
		}
		w.says("olga", "/flink slq "+hotSQL)
		_, err := w.ops.Check(t.Context(), ops.SubmitSQL{Cluster: "prod", Name: "x", Statement: "INSERT INTO t SELECT 1", Prelude: []string{hotSQL}})
		if platform.KindOf(err) != platform.Invalid || !strings.Contains(err.Error(), "storage.key") || !strings.Contains(err.Error(), "Nothing was started") {
			t.Errorf("check: %v", err)
		}
		wants(t, w.says("olga", "/flink sql SET 'parallelism.default' = '2'"), "SET")
		wants(t, w.says("olga", "/flink sql name=plain INSERT INTO t SELECT 1"), "plain")
		w.ends(1)
		k, err := w.ops.Known(t.Context(), ops.Target{Cluster: "prod", Name: "plain"})
		if err != nil || k.Source.SQL.Statement != "plain:INSERT INTO t SELECT 1" {
			raw, _ := json.Marshal(k)
			t.Errorf("known %s: %v", raw, err)
		}
		if got := w.fake.submitted(); len(got) != 1 || got[0].Statement != "INSERT INTO t SELECT 1" {
			t.Errorf("submitted %+v", got)
		}
		w.clean()
	})
	t.Run("quoted by an error", func(t *testing.T) {
		w := newWhole(t, storage.Options{Memory: true}, &sqlFake{fail: platform.Errorf(platform.Invalid, "", "bad options: 'password' = '%s'", hot)})
		w.says("olga", "/flink sql name=orders INSERT INTO t SELECT 1")
		w.ends(1)
		w.clean()
	})
}
