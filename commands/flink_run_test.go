package commands

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/local"
	"github.com/drey-ops/drey/platform/session"
	"github.com/drey-ops/drey/storage/saga"
)

func TestAFileBecomesAJob(t *testing.T) {
	f := newFakeFlink()
	f.program = "Word Count"
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	file := dropped("word count (2).JAR", "bytes of a jar")
	wants(t, r.drops("olga", `/flink run entry=a.Main args="--rps 5 --topic 'big orders'"`, file), "Started: Submit of prod/Word Count")
	r.card("Submit: prod/Word Count", "Running")
	id := f.jars[0].ID
	if name := f.jars[0].Name; !hashed.MatchString(name) || !strings.HasPrefix(name, "word_count__2_-") || stemOf(name) != "word_count__2_" {
		t.Errorf("stored as %s", name)
	}
	want := []string{"upload " + id, "run " + id + ` a.Main ["--rps" "5" "--topic" "big orders"]`}
	if got := f.did(); !slices.Equal(got, want) {
		t.Errorf("did %q, want %q", got, want)
	}
	// The same file again is not stored twice.
	m := r.drops("olga", "/flink jar upload", file)
	wants(t, m, "On the cluster already", "It was not uploaded again", "[Run word_count__2_…]")
	if len(f.did()) != 2 {
		t.Errorf("did %q", f.did())
	}
	trail, _, err := Audit(t.Context(), r.deps.DB, AuditFilter{Permission: "jar.upload"}, 10)
	if err != nil || len(trail) != 2 || trail[1].Path != "flink run" {
		t.Errorf("the trail says %+v, %v", trail, err)
	}
}

func TestRunByName(t *testing.T) {
	f := newFakeFlink()
	f.program = "etl"
	f.jars = []platform.Jar{
		{ID: "3_etl-00000000aa.jar", Name: "etl-00000000aa.jar"}, {ID: "2_etl-00000000aa.jar", Name: "etl-00000000aa.jar"},
		{ID: "1_etl-00000000bb.jar", Name: "etl-00000000bb.jar"}, {ID: "0_other.jar", Name: "other.jar"},
	}
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	m := r.drops("olga", "/flink run etl")
	wants(t, m, "Which etl?", "2 JARs on prod bear this name", "1_etl-00000000bb.jar", "3_etl-00000000aa.jar")
	wants(t, r.handle(bot.Event{Actor: web("olga"), Button: "b", Call: m.Blocks[2].(bot.Actions)[1].Call}), "Started: Submit of prod/etl")
	r.card("Submit: prod/etl", "Running")
	f.program = "other"
	wants(t, r.drops("olga", "/flink run other.jar"), "Started: Submit of prod/other")
	r.card("Submit: prod/other", "Running")
	if got := f.did(); !slices.Equal(got, []string{`run 1_etl-00000000bb.jar  []`, `run 0_other.jar  []`}) {
		t.Errorf("did %q", got)
	}
	for line, want := range map[string]string{
		"/flink run ohter":                    "did you mean other?",
		"/flink run nothing-like-it":          "/flink jar list shows those there are",
		"/flink run other entry=no.Main":      "no class no.Main",
		"/flink run other args=\"'open\"":     "a quote that is not closed",
		"/flink run other args='\"open'":      "a quote that is not closed",
		"/flink jar upload":                   "No file came with the command",
		"/flink jar delete other confirm=etl": "Type other to go on",
	} {
		m := r.drops("olga", line)
		if m.Form != nil && len(m.Form.Fields) > 0 {
			m.Title += m.Form.Fields[0].Label
		}
		wants(t, m, want)
	}
	if got := f.did(); len(got) != 2 {
		t.Errorf("did %q", got)
	}
	wants(t, r.drops("olga", "/flink run etl", dropped("x.jar", "x")), "give one of them")
	wants(t, r.drops("olga", "/flink run", dropped("x.png", "x")), "takes a .jar file, and x.png is none")
}

func TestRunAsks(t *testing.T) {
	f := newFakeFlink()
	f.program = "etl"
	f.jars = []platform.Jar{{ID: "1_etl.jar", Name: "etl.jar", Entries: []string{"a.Main"}}}
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	list := r.drops("olga", "/flink jar list")
	wants(t, list, "1 JAR", "prod | etl.jar | – | a.Main | 1_etl.jar")
	lacks(t, r.drops("vera", "/flink jar list"), "Run etl…")
	m := r.handle(bot.Event{Actor: web("olga"), Button: "b", Call: buttonOf(t, list, "Run etl…").Call})
	if m.Form == nil || m.Form.Fields[0].Value != "1_etl.jar" || m.Form.Fields[0].Asks != "flink run" || !m.Form.Fields[0].Required || len(f.did()) > 0 {
		t.Fatalf("%+v, did %q", m.Form, f.did())
	}
	if again := r.sends("olga", m, map[string]string{"jar": ""}); again.Form == nil || again.Form.Fields[0].Error == "" {
		t.Errorf("nothing is asked again:\n%s", shown(again))
	}
	wants(t, r.sends("olga", m, map[string]string{"jar": "etl", "args": "--x 1", "parallelism": "2"}), "Started: Submit of prod/etl")
	r.card("Submit: prod/etl", "Running")
}

func TestAJarIsDeletedOnItsNameOnly(t *testing.T) {
	f := newFakeFlink()
	f.program = "etl"
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	wants(t, r.drops("olga", "/flink run", dropped("etl.jar", "x")), "Started")
	r.card("Submit: prod/etl", "Running")
	wants(t, r.drops("vera", "/flink jar delete etl confirm=etl"), "You may not do that here")
	m := r.drops("olga", "/flink jar delete etl")
	wants(t, m, "Delete etl?", "drey cannot start these again then: etl", "confirm=etl")
	wants(t, r.drops("olga", "/flink jar delete etl confirm=etl"), "Deleted", "run on")
	if len(f.jars) > 0 {
		t.Errorf("%+v is left", f.jars)
	}
}

func TestUploadsNeedTheirRight(t *testing.T) {
	f := newFakeFlink()
	f.program = "etl"
	rights := rigOptions()
	rights.Policy = []Rule{
		{Allow: []string{"jar.run", "operation.read"}, Roles: []string{"viewer", "owner"}},
		{Allow: []string{"jar.upload"}, Roles: []string{"operator"}},
		{Name: "programs need two", Require: RequireApproval, For: []string{"jar.run"}, By: []string{"owner"}},
	}
	r := newRigOver(t, rights, map[string]platform.Driver{"prod": f})
	file := dropped("etl.jar", "x")
	opened := 0
	open := file.Open
	file.Open = func(ctx context.Context) (io.ReadCloser, error) { opened++; return open(ctx) }
	wants(t, r.drops("vera", "/flink run", file), "You may not do that here", "jar.upload")
	wants(t, r.drops("nobody", "/flink run", file), "You may not do that here", "jar.run")
	if opened > 0 || len(f.did()) > 0 {
		t.Fatalf("opened %d times, did %q", opened, f.did())
	}
	// Who may upload does; what waits for consent names the JAR that is there.
	wants(t, r.drops("olga", "/flink run", file), "Waiting for approval", f.did()[0][len("upload "):])
	card := r.card("Approval wanted: Run a program from a JAR as a job", f.jars[0].ID)
	r.chat.Answer(t, r.chat.Press(t, "dora", card.Ref, "Approve"))
	r.card("Submit: prod/etl", "Running")
	if got := f.did(); len(got) != 2 || !strings.HasPrefix(got[1], "run "+f.jars[0].ID) {
		t.Errorf("did %q", got)
	}
	rights.Policy = append(rights.Policy, Rule{Name: "no files", Require: RequireConfirm, For: []string{"jar.upload"}})
	p, err := NewPolicy(rights)
	if err != nil {
		t.Fatal(err)
	}
	r.router.SetPolicy(p)
	wants(t, r.drops("olga", "/flink jar upload", file), "The rule no files asks for a consent")
}

func TestAFileThatIsNotWhatItSays(t *testing.T) {
	f := newFakeFlink()
	r := newRig(t, map[string]*fakeFlink{"dev": newFakeFlink(), "prod": f})
	up := func(file bot.Upload) bot.Message { return r.drops("olga", "/flink jar upload cluster=prod", file) }
	wants(t, r.drops("olga", "/flink jar upload", dropped("x.jar", "x")), "cluster=dev, or prod")
	huge := dropped("x.jar", "x")
	huge.Size = jarFileMax + 1
	wants(t, up(huge), "at most 536.9 MB are taken")
	wants(t, up(dropped("x.jar", "")), "is empty")
	other := dropped("x.jar", "x")
	n := 0
	other.Open = func(context.Context) (io.ReadCloser, error) {
		n++
		return io.NopCloser(strings.NewReader(string(rune('a' + n)))), nil
	}
	wants(t, up(other), "changed while it was read")
	if len(f.jars) > 0 {
		t.Errorf("%+v stays", f.jars)
	}
}

// TestRunOnRealFlink uploads the examples of Flink as a file and runs one.
func TestRunOnRealFlink(t *testing.T) {
	if testing.Short() || os.Getenv("DREY_TEST_SHORT") != "" {
		t.Skip("needs a Flink cluster")
	}
	home, err := local.Fetch(t.Context(), local.DefaultVersion, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := local.Start(t.Context(), local.Options{Home: home, Slots: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	d, err := session.New(session.Options{URL: c.URL(), SQLGateway: c.GatewayURL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	path, err := local.ExamplesJar(t.Context(), c.Version(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := newRigOver(t, rigOptions(), map[string]platform.Driver{"prod": d})
	file := dropped("examples.jar", string(body))
	wants(t, r.drops("olga", "/flink run", file), "The JAR does not say which class to run")
	wants(t, r.drops("olga", "/flink run examples entry=no.such.Main"), "no.such.Main")
	wants(t, r.drops("olga", `/flink run examples entry=org.apache.flink.streaming.examples.statemachine.StateMachineExample args="--rps 5"`), "Started: Submit of prod/State machine job")
	settled(t, "the job", func() bool {
		list, err := r.deps.Ops.List(t.Context(), 0)
		return err == nil && len(list) == 1 && list[0].Status == saga.Done
	})
	wants(t, r.drops("olga", `/flink diagnose "State machine job"`), "Diagnosis: prod/State machine job", "Tasks:")
	wants(t, r.drops("olga", "/flink jar list"), "1 JAR")
	wants(t, r.drops("olga", "/flink jar delete examples"), "drey cannot start these again then: State machine job")
	wants(t, r.drops("olga", `/flink cancel "State machine job" confirm="State machine job"`), "Started")
	settled(t, "its end", func() bool {
		jobs, err := d.Jobs(t.Context())
		return err == nil && len(jobs) == 1 && jobs[0].State == platform.Canceled
	})
	wants(t, r.drops("olga", "/flink jar delete examples confirm=examples"), "Deleted")
}

// settled waits until a real cluster has come so far.
func settled(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}
