package commands

import (
	"slices"
	"strings"
	"testing"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
)

func TestRouterRuns(t *testing.T) {
	b := newBench(t, testOptions())
	wants(t, b.says("olga", "/flink stop orders drain"), "Started", "stop prod/orders")
	wants(t, b.presses("olga", Button("Stop orders", "flink stop", stopTestArgs{Job: platform.JobRef{Job: "orders"}}).Call), "Started")
	wants(t, b.says("vera", "/flink jobs"), "jobs")
	if got := strings.Join(b.runs(), "; "); got != "olga stop prod/orders; olga stop prod/orders; vera jobs" {
		t.Error(got)
	}
	wants(t, b.says("olga", "/flink savepoint two"), "Which one?")
	wants(t, b.says("olga", "/flink savepoint gone"), "Not found", `No job "gone"`, "Nothing was changed")
	wants(t, b.says("olga", "/flink savepoint dev/orders"), "You may not do that here", "savepoint.create", "dev/orders")
}

func TestRefusalComesBeforeAnyLook(t *testing.T) {
	b := newBench(t, testOptions())
	m := b.says("vera", "/flink stop orders")
	wants(t, m, "You may not do that here", "job.stop", "operator, reviewer", "Your roles: viewer", "Nothing was changed")
	if !m.Private {
		t.Error("the refusal is not private")
	}
	// Neither the existence of a job nor the usage is told to whoever has no right.
	if a, c := shown(b.says("vera", "/flink stop gone")), shown(m); a != c {
		t.Errorf("differs by job:\n%s\n%s", a, c)
	}
	wants(t, b.says("vera", "/flink stop"), "You may not do that here")
	if b.looks() != 0 || len(b.runs()) != 0 {
		t.Errorf("%d looks, ran %v", b.looks(), b.runs())
	}
	trail := b.trail()
	i := slices.IndexFunc(trail, func(en Entry) bool { return en.Line == "/flink stop orders" })
	if len(trail) != 3 || i < 0 || trail[i].Allowed || trail[i].Actor != "web:vera" || trail[i].Permission != "job.stop" {
		t.Errorf("trail: %+v", trail)
	}
}

func TestAuditKeepsNoSecrets(t *testing.T) {
	b := newBench(t, testOptions())
	b.presses("olga", bot.Call{Path: "flink sql", Args: []byte(`{"cluster":"prod","token":"hunter2","text":"SELECT 1"}`)})
	en := b.trail()[0]
	if !en.Allowed || en.Rule != "policy[0]" || strings.Contains(string(en.Args)+en.Line, "hunter2") || !strings.Contains(string(en.Args), "***") {
		t.Errorf("entry: %+v %s", en, en.Args)
	}
}

func TestAReadCostsOneRoundTrip(t *testing.T) {
	b := newBench(t, testOptions())
	before := b.trips.Load()
	b.says("vera", "/flink jobs")
	if n := b.trips.Load() - before; n != 1 {
		t.Errorf("%d round trips to the store", n)
	}
}

func TestNothingRunsUnrecorded(t *testing.T) {
	b := newBench(t, testOptions())
	if err := b.db.Close(); err != nil {
		t.Fatal(err)
	}
	m := b.says("olga", "/flink stop orders")
	if len(b.runs()) != 0 {
		t.Error("it ran")
	}
	if m.Title == "" || !m.Private {
		t.Errorf("answer: %s", shown(m))
	}
	wants(t, b.says("vera", "/flink stop orders"), "You may not do that here")
}

func TestConfirm(t *testing.T) {
	b := newBench(t, testOptions())
	m := b.says("olga", "/flink cancel orders")
	wants(t, m, "Cancel a job: prod/orders?", "All is lost.", "/flink cancel confirm=orders prod/orders")
	f := m.Form
	if f == nil || !f.Danger || len(f.Fields) != 1 || f.Fields[0].Match != "orders" || f.Fields[0].Name != "confirm" {
		t.Fatalf("form: %+v", f)
	}
	submit := func(who, word string) bot.Message {
		return b.Handle(t.Context(), bot.Event{ID: storage.NewID(), Actor: web(who), Place: webOps(), Call: f.Call, Form: map[string]string{"confirm": word}}, nil)
	}
	if m := submit("olga", "order"); m.Form == nil || !strings.Contains(m.Form.Fields[0].Error, "Nothing was changed") {
		t.Errorf("wrong word: %s", shown(m))
	}
	wants(t, submit("vera", "orders"), "You may not")
	if len(b.runs()) != 0 {
		t.Fatalf("ran %v", b.runs())
	}
	wants(t, submit("olga", "orders"), "Started", "cancel prod/orders")
	wants(t, b.says("olga", "/flink cancel confirm=orders orders"), "Started")
	wants(t, b.says("olga", "/flink cancel orders confirm=orders"), "Started")
}

func TestPermissionByArguments(t *testing.T) {
	b := newBench(t, testOptions())
	wants(t, b.says("vera", "/flink sql cluster=prod SELECT 1"), "Started")
	wants(t, b.says("vera", "/flink sql cluster=prod INSERT INTO a SELECT 1"), "You may not", "sql.write", "prod")
	wants(t, b.says("olga", "/flink sql cluster=prod INSERT INTO a SELECT 1"), "Started")
	e := b.env(bot.Event{Actor: web("vera"), Place: webOps()}, b.tree().Find("flink jobs"), nil)
	if as := e.Actions(Button("Go", "flink sql", sqlTestArgs{Cluster: "prod", Text: "INSERT"}), Button("See", "flink sql", sqlTestArgs{Cluster: "prod", Text: "SELECT"})); len(as) != 1 || as[0].Label != "See" {
		t.Errorf("%+v", as)
	}
}

func TestForms(t *testing.T) {
	b := newBench(t, testOptions())
	m := b.says("vera", "/flink sql")
	if m.Form == nil || len(m.Form.Fields) != 2 || m.Form.Fields[1].Kind != "text" {
		t.Fatalf("form: %+v", m.Form)
	}
	m = b.Handle(t.Context(), bot.Event{ID: "1", Actor: web("vera"), Place: webOps(), Call: m.Form.Call, Form: map[string]string{"cluster": "", "text": "SELECT 1"}}, nil)
	wants(t, m, "sql SELECT 1")
	m = b.Handle(t.Context(), bot.Event{ID: "2", Actor: web("olga"), Place: webOps(), Call: bot.Call{Path: "flink scale"}, Form: map[string]string{"job": "dev/a", "n": "zero"}}, nil)
	if m.Form == nil || m.Form.Fields[1].Error == "" || m.Form.Fields[0].Value != "dev/a" {
		t.Errorf("the form does not come back: %s %+v", shown(m), m.Form)
	}
}

func TestUnknownCommandOffersButtons(t *testing.T) {
	b := newBench(t, testOptions())
	m := b.says("olga", "/flink stpo orders")
	call := buttonOf(t, m, "/flink stop orders").Call
	if err := b.tree().Resolves(call); err != nil {
		t.Error(err)
	}
	wants(t, b.presses("olga", call), "Started")
	wants(t, b.says("olga", "what is this"), "no command", "/drey help")
	wants(t, b.presses("olga", bot.Call{Path: "flink gone"}), "no command")
}

func TestErrorsAreExplainedOnceWithAReference(t *testing.T) {
	b := newBench(t, testOptions())
	m := b.says("olga", "/flink fail")
	wants(t, m, "Something went wrong inside drey", "Reference")
	if s := shown(m); strings.Contains(s, "hunter2") || strings.Contains(s, "8081") || strings.Contains(s, "jm") {
		t.Error(s)
	}
}

func TestBareRootIsAQuestion(t *testing.T) {
	b := newBench(t, testOptions())
	for _, line := range []string{"/flink", "/flink help", "@drey flink"} {
		m := b.says("vera", line)
		wants(t, m, "What you may do here", "/flink jobs")
		if strings.Contains(shown(m), "/drey audit") || strings.Contains(shown(m), "/flink stop") {
			t.Errorf("%s: %s", line, shown(m))
		}
	}
	for _, line := range []string{"/", "@drey", "/drey help", "", "/drey"} {
		wants(t, b.says("vera", line), "What you may do here", "/drey audit")
	}
	m := b.says("vera", "/flink stpo orders")
	if strings.Contains(shown(m), "[/flink stop") {
		t.Errorf("offers what vera may not: %s", shown(m))
	}
}

func TestResolves(t *testing.T) {
	tree := testTree()
	for call, ok := range map[*bot.Call]bool{
		{Path: "flink stop", Args: []byte(`{"job":"a"}`)}:          true,
		{Path: "flink stop"}:                                       true,
		{Path: "flink stop", Args: []byte(`{"jbo":"a"}`)}:          false,
		{Path: "flink scale", Args: []byte(`{"job":"a","n":"x"}`)}: false,
		{Path: "flink stpo"}:                                       false,
		{Line: "/flink stop a"}:                                    true,
		{Line: "/flink stpo a"}:                                    false,
	} {
		if err := tree.Resolves(*call); (err == nil) != ok {
			t.Errorf("%+v: %v", call, err)
		}
	}
}

func TestCheckTellsMistakes(t *testing.T) {
	type bad struct {
		A float64 `json:"a" help:"x"`
		B string  `json:"B" help:"x"`
		C string  `json:"confirm" help:"x"`
		D int     `json:"d" help:"x" default:"many"`
		E string  `json:"e"`
		F string  `json:"f" help:"x" rest:"true"`
		G string  `json:"g" help:"x"`
	}
	none := New(Spec{Path: "x y", Help: "Do", Examples: []string{"/x y z"}, Permission: "job.fly"}, func(_ ctx, _ *Env, _ struct{}) (bot.Message, error) { return bot.Message{}, nil })
	err := NewTree(none, none,
		New(Spec{Path: "X", Help: "Do."}, func(_ ctx, _ *Env, _ bad) (bot.Message, error) { return bot.Message{}, nil })).Check()
	for _, part := range []string{"field A: type float64", "field B: json name", `field C: name "confirm" is taken`, "parameter d: its default", "field E: no help",
		"parameter g comes after f", "path must be", "help must be", "path repeats", `permission "job.fly" is not known`, `example "/x y z": "z" was not expected`} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("not told: %s\n%v", part, err)
		}
	}
}

func TestHelpAndWhoami(t *testing.T) {
	b := newBench(t, testOptions())
	m := b.says("vera", "/drey help")
	wants(t, m, "/flink jobs", "List the jobs", "/drey audit", "[/flink jobs]")
	if strings.Contains(shown(m), "/flink stop") || strings.Contains(shown(m), "/flink fail") {
		t.Errorf("help shows what vera may not run:\n%s", shown(m))
	}
	wants(t, b.says("olga", "/drey help"), "/flink stop JOB")
	wants(t, b.says("vera", "/drey help flink stop"), "/flink stop JOB [drain]", "for good", "You may not use it here", "operator, reviewer")
	wants(t, b.says("olga", "/drey help savepoint"), "/flink savepoint JOB [DIR]")
	wants(t, b.says("olga", "/drey help flink stpo"), "[/drey help flink stop]")
	wants(t, b.says("olga", "/drey whoami"), "You are olga", "operator, viewer", "job.*, sql.*, savepoint.* | prod | policy[1] | operator", "approval by reviewer within 15m | job.scale | prod | policy[2]")
	m = b.Handle(t.Context(), bot.Event{Actor: web("olga"), Place: bot.Place{Network: "web", Channel: "x"}, Call: bot.Call{Line: "/drey whoami"}}, nil)
	wants(t, m, "You may elsewhere", "web:ops, slack:C1")
}

func TestAuditCommand(t *testing.T) {
	b := newBench(t, testOptions())
	b.says("olga", "/flink stop orders")
	b.says("vera", "/flink stop orders")
	b.says("rita", "/flink savepoint prod/clicks")
	rows := func(line string) int {
		t.Helper()
		n := 0
		for _, bl := range b.says("vera", line).Blocks {
			if tb, ok := bl.(bot.Table); ok {
				n = len(tb.Rows)
			}
		}
		return n
	}
	for line, want := range map[string]int{
		"/drey audit denied": 1, "/drey audit person=olga": 1, "/drey audit person=web:olga": 1, "/drey audit permission=job.*  permission=x": 0,
		"/drey audit job=prod/orders": 1, "/drey audit job=orders": 1, "/drey audit clicks": 2, "/drey audit permission=job.stop": 2, "/drey audit person=nobody": 0,
	} {
		if got := rows(line); got != want {
			t.Errorf("%s: %d rows, want %d", line, got, want)
		}
	}
	m := b.says("vera", "/drey audit person=olga")
	wants(t, m, "/flink stop prod/orders", "allowed by policy[1]", "web:ops")
	wants(t, b.says("vera", "/drey audit denied"), "refused")
}

func TestActionsKeepWhatWorks(t *testing.T) {
	b := newBench(t, testOptions())
	e := b.env(bot.Event{Actor: web("olga"), Place: webOps()}, b.tree().Find("flink jobs"), nil)
	ref := platform.JobRef{Cluster: "prod", Job: "a"}
	got := e.Actions(
		Button("Stop a", "flink stop", stopTestArgs{Job: ref}),
		Button("Stop b", "flink stop", stopTestArgs{Job: platform.JobRef{Cluster: "dev", Job: "b"}}),
		Button("Scale a", "flink scale", map[string]any{"job": ref.String()}),
		Button("Gone", "flink gone", nil),
		bot.Button{Label: "UI", URL: "https://x"},
	)
	if len(got) != 3 || got[0].Label != "Stop a" || got[1].Label != "Scale a" || got[2].Label != "UI" {
		t.Errorf("%+v", got)
	}
}
