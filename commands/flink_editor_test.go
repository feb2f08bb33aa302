package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
)

// dropped is a file that came with a gesture.
func dropped(name, body string) bot.Upload {
	return bot.Upload{Name: name, Size: int64(len(body)), Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }}
}

// drops is a person giving a command with files.
func (r *rig) drops(who, line string, files ...bot.Upload) bot.Message {
	r.t.Helper()
	return r.handle(bot.Event{Actor: web(who), Call: bot.Call{Line: line}, Files: files})
}

func (r *rig) handle(ev bot.Event) bot.Message {
	r.t.Helper()
	ev.ID, ev.Place = storage.NewID(), webOps()
	return r.router.Handle(r.t.Context(), ev, nil)
}

// sends is a person sending the form of m with values.
func (r *rig) sends(who string, m bot.Message, values map[string]string) bot.Message {
	r.t.Helper()
	if m.Form == nil {
		r.t.Fatalf("no form:\n%s", shown(m))
	}
	return r.handle(bot.Event{Actor: web(who), Call: m.Form.Call, Form: values, Button: "f"})
}

func TestWhatTheEditorSendsIsShownBeforeItChangesAnything(t *testing.T) {
	f := newFakeFlink()
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	ev := r.chat.Type("olga", "ops", "/flink sql")
	r.chat.Answer(t, ev)
	sent := r.chat.Submit(t, "olga", ev, map[string]string{"text": "SELECT 1;\nINSERT INTO out SELECT id FROM gen", "parallelism": "2"})
	m := r.chat.Answer(t, sent)
	wants(t, m, "Run this SQL?", "2 statements on prod.", "• SELECT 1: its rows are shown", "• INSERT becomes the job out at parallelism 2, which starts without state",
		"Flink has planned INSERT and found nothing wrong.", "Nothing was run yet.", "INSERT INTO out SELECT id FROM gen")
	if m.Form == nil || m.Form.Submit != "Run" || len(m.Form.Fields) != 0 || !m.Private {
		t.Fatalf("form %+v", m.Form)
	}
	if len(f.did()) > 0 || !slices.Equal(f.ran(), []string{"EXPLAIN\nINSERT INTO out SELECT id FROM gen"}) {
		t.Fatalf("did %v, ran %q", f.did(), f.ran())
	}
	r.chat.Answer(t, r.chat.Submit(t, "olga", sent, map[string]string{}))
	r.card("Submit: prod/out", "Running, parallelism 2")
	if got := f.did(); len(got) != 1 || !strings.HasPrefix(got[0], "submit out") {
		t.Errorf("did %v", got)
	}
}

func TestWhatOnlyLooksRunsAtOnceFromTheEditor(t *testing.T) {
	f := newFakeFlink()
	f.answer = rowsOf(2, time.Second)
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	m := r.sends("vera", r.drops("vera", "/flink sql"), map[string]string{"text": "SET 'a' = 'b'; SELECT 1"})
	wants(t, m, "SQL on prod", "2 rows")
	// Who may not write is told so, and not what the text would do.
	m = r.sends("vera", r.drops("vera", "/flink sql"), map[string]string{"text": "INSERT INTO out SELECT 1"})
	wants(t, m, "You may not do that here", "sql.write")
}

func TestWrongSQLComesBackInTheEditor(t *testing.T) {
	f := newFakeFlink(running(1, "orders"))
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	f.answer = wrongAt("nope", "From line 2, column 3 to line 2, column 6: Column 'nope' not found")
	editor := r.drops("olga", "/flink sql")
	field := func(text, name, column string) {
		t.Helper()
		m := r.sends("olga", editor, map[string]string{"text": text, "name": name})
		if m.Form == nil || !m.Private {
			t.Fatalf("no editor for %q:\n%s", text, shown(m))
		}
		for _, in := range m.Form.Fields {
			if in.Name == "text" && in.Value != text {
				t.Errorf("the text became %q", in.Value)
			}
			if want := in.Name == column; (in.Error != "") != want {
				t.Errorf("%q: field %s says %q", text, in.Name, in.Error)
			}
		}
	}
	field("SELEC 1", "", "text")
	field("SELECT 'open", "", "text")
	field("-- nothing", "", "text")
	field("SELECT id,\n  nope FROM gen", "", "text")                 // at the run
	field("INSERT INTO out SELECT id,\n  nope FROM gen", "", "text") // at the review
	field("INSERT INTO out SELECT 1", "orders", "name")
	m := r.sends("olga", editor, map[string]string{"text": "SELECT nope"})
	if got := m.Form.Fields[0].Error; !strings.Contains(got, "Column 'nope' not found") || !strings.HasPrefix(got, "Line ") {
		t.Errorf("error %q", got)
	}
	if len(f.did()) > 0 {
		t.Errorf("did %v", f.did())
	}
	// Typed, the mistake has a way into the editor.
	m = r.says("olga", "/flink sql SELECT nope")
	b := buttonOf(t, m, "Edit…")
	if !b.Opens {
		t.Error("the button does not say that it opens a form")
	}
	lacks(t, r.says("vera", "/flink explain SELECT nope"), "Edit…")
	typed := r.chat.Type("olga", "ops", "/flink sql SELECT nope")
	r.chat.Answer(t, typed)
	if m = r.presses("olga", typed, "Edit…"); m.Form == nil || m.Form.Fields[0].Value != "SELECT nope" {
		t.Errorf("no editor with the text:\n%s", shown(m))
	}
}

func TestTheShortcutOpensTheEditor(t *testing.T) {
	f := newFakeFlink()
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	s := r.router.Tree().Find("flink sql").Shortcut
	args := strings.TrimSuffix(string(s.Args), "}") + `,"text":"INSERT INTO out SELECT 1"}`
	m := r.handle(bot.Event{Actor: web("olga"), Call: bot.Call{Path: "flink sql", Args: []byte(args)}})
	if m.Form == nil || m.Form.Fields[0].Value != "INSERT INTO out SELECT 1" || len(f.ran()) > 0 {
		t.Fatalf("%s, ran %q", shown(m), f.ran())
	}
	wants(t, r.sends("olga", m, map[string]string{"text": "INSERT INTO out SELECT 2"}), "Run this SQL?", "INSERT INTO out SELECT 2")
}

func TestSQLOfAFile(t *testing.T) {
	f := newFakeFlink()
	f.answer = rowsOf(2, time.Second)
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	wants(t, r.drops("vera", "/flink sql", dropped("Look.SQL", "\ufeffSELECT 1")), "SQL on prod", "2 rows")
	m := r.drops("olga", "/flink sql name=mine", dropped("job.sql", "CREATE TABLE t (id INT) WITH ('connector'='datagen');\nINSERT INTO out SELECT id FROM t"))
	wants(t, m, "Run this SQL?", "• CREATE TABLE t: kept for your next statements here", "• INSERT becomes the job mine")
	r.sends("olga", m, map[string]string{})
	r.card("Submit: prod/mine")
	broken := dropped("x.sql", "SELECT 1")
	broken.Open = func(context.Context) (io.ReadCloser, error) {
		return nil, errors.New("https://files.example.com/secret: 403")
	}
	ran := len(f.ran())
	for want, m := range map[string]bot.Message{
		"There is SQL in the command and in job.sql": r.drops("olga", "/flink sql SELECT 1", dropped("job.sql", "SELECT 2")),
		"There are several .sql files":               r.drops("olga", "/flink sql", dropped("a.sql", "SELECT 2"), dropped("b.sql", "SELECT 2")),
		"takes a .sql file, and a.png is none":       r.drops("olga", "/flink sql", dropped("a.png", "x")),
		"is not text in UTF-8":                       r.drops("olga", "/flink sql", dropped("a.sql", "SELECT '\xff'")),
		"At most":                                    r.drops("olga", "/flink sql", dropped("a.sql", strings.Repeat("x", sqlFileMax+1))),
		"a.sql is empty":                             r.drops("olga", "/flink sql", dropped("a.sql", " \n")),
		"could not be fetched":                       r.drops("olga", "/flink sql", broken),
	} {
		if !strings.Contains(strings.ToLower(shown(m)), strings.ToLower(want)) {
			t.Errorf("want %q in:\n%s", want, shown(m))
		}
		lacks(t, m, "files.example.com")
	}
	if len(f.ran()) != ran {
		t.Errorf("ran %q", f.ran()[ran:])
	}
}

func TestAFileWaitsForTheChoiceOfACluster(t *testing.T) {
	dev, prod := newFakeFlink(), newFakeFlink()
	r := newRig(t, map[string]*fakeFlink{"dev": dev, "prod": prod})
	m := r.drops("olga", "/flink sql", dropped("job.sql", "INSERT INTO out SELECT 1"))
	wants(t, m, "On which cluster?")
	m = r.handle(bot.Event{Actor: web("olga"), Call: buttonOf(t, m, "On prod").Call, Button: "b"})
	wants(t, m, "Run this SQL?", "on prod")
}

func TestTheSummaryIsBounded(t *testing.T) {
	r := newRig(t, map[string]*fakeFlink{"prod": newFakeFlink()})
	var text strings.Builder
	for i := range 40 {
		fmt.Fprintf(&text, "INSERT INTO out SELECT %d;\n", i)
	}
	m := r.sends("olga", r.drops("olga", "/flink sql"), map[string]string{"text": text.String()})
	wants(t, m, "40 statements on prod", "the job out-12,", "and 28 more")
	lacks(t, m, "the job out-13,")
}

func TestASilentClusterDoesNotHoldTheSummaryUp(t *testing.T) {
	f := newFakeFlink()
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	f.silent = []string{"query", "jobs"}
	f.answer = func(platform.SQLStatement, platform.QueryLimits) ([]platform.Page, error) { return nil, nil }
	m := r.sends("olga", r.drops("olga", "/flink sql"), map[string]string{"text": "INSERT INTO out SELECT 1"})
	wants(t, m, "Run this SQL?", "Flink has not planned it in time")
}
