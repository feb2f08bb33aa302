package commands

import (
	"encoding/csv"
	"fmt"
	"image/png"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// rowsOf answers a query with n rows in two pages.
func rowsOf(n int, elapsed time.Duration) func(platform.SQLStatement, platform.QueryLimits) ([]platform.Page, error) {
	return func(_ platform.SQLStatement, lim platform.QueryLimits) ([]platform.Page, error) {
		p := platform.Page{Columns: []platform.Column{{Name: "id", Type: "BIGINT NOT NULL"}, {Name: "name", Type: "STRING"}}, Elapsed: elapsed}
		for i := range min(n, lim.Rows) {
			p.Rows = append(p.Rows, []string{fmt.Sprint(i), "n"})
		}
		half := p
		half.Rows = p.Rows[:len(p.Rows)/2]
		p.Done, p.More = true, n > lim.Rows
		return []platform.Page{half, p}, nil
	}
}

// wrongAt answers every statement that holds word as Flink does a wrong name, at a position that counts from the text.
func wrongAt(word, format string, args ...any) func(platform.SQLStatement, platform.QueryLimits) ([]platform.Page, error) {
	return func(q platform.SQLStatement, _ platform.QueryLimits) ([]platform.Page, error) {
		if strings.Contains(q.Text, word) {
			return nil, &platform.Error{Op: "query", Kind: platform.Invalid, Err: fmt.Errorf(format, args...), Detail: "org.apache.calcite.runtime.CalciteContextException\n\tat a.b.C(D.java:1)"}
		}
		return nil, nil
	}
}

func TestSQLShowsRowsAsTheyComeAndThenAll(t *testing.T) {
	f := newFakeFlink()
	f.answer = rowsOf(50, 2*time.Second)
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	ev := r.chat.Type("vera", "ops", "/flink sql rows=30 SELECT id, name FROM gen")
	m := r.chat.Answer(t, ev)
	wants(t, m, "SQL on prod", "20 of 30 rows in 2 s; stopped at rows=30, and its job was cancelled", "29,n\r\n")
	if m.Private || !slices.Equal(tableOf(t, m).Numeric, []bool{true, false}) {
		t.Errorf("private %v, numeric %v", m.Private, tableOf(t, m).Numeric)
	}
	for _, interim := range r.chat.Replies(ev) {
		if interim.Pending && interim.Title != "" {
			wants(t, interim, "15 rows in 2 s so far; stops at 30 rows or 30 s")
		}
	}
	f.answer = rowsOf(2, 5*time.Second)
	wants(t, r.says("vera", "/flink sql time=5s SELECT 1"), "2 rows in 5 s; stopped at time=5s")
	wants(t, r.says("vera", "/flink sql SELECT 1"), "2 rows in 5 s")
}

func TestSQLSessionIsAPersonsInAChannel(t *testing.T) {
	f := newFakeFlink()
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	m := r.says("olga", "/flink sql CREATE TABLE gen (id INT) WITH ('connector' = 'jdbc', 'password' = 'hunter2'); SET 'a' = 'b'")
	wants(t, m, "✓ CREATE TABLE gen\n", "✓ SET 'a' = 'b'", "Kept for your next statements")
	lacks(t, m, "hunter2", "jdbc")
	if !m.Private {
		t.Error("what a person defines is told to all")
	}
	r.says("olga", "/flink sql SET 'a' = 'b'") // a repeat adds nothing
	r.says("olga", "/flink sql SELECT 1")
	create := "CREATE TABLE gen (id INT) WITH ('connector' = 'jdbc', 'password' = 'hunter2')"
	ran := f.ran()
	if got := ran[len(ran)-1]; got != create+"; SET 'a' = 'b'; SELECT 1" {
		t.Errorf("ran %q", got)
	}
	r.says("vera", "/flink sql SELECT 2")
	r.saysIn("analytics", "olga", "/flink sql SELECT 3")
	if got := f.ran()[len(ran):]; !slices.Equal(got, []string{"SELECT 2", "SELECT 3"}) {
		t.Errorf("others ran %q", got)
	}
	m = r.says("olga", "/flink session")
	wants(t, m, "Your session on prod", "'password' = '***'", "SET 'a' = 'b';")
	lacks(t, m, "hunter2")
	wants(t, r.says("vera", "/flink session"), "Nothing defined yet")
	wants(t, r.says("olga", "/flink session clear=true"), "Forgotten", "2 statements")
	wants(t, r.says("olga", "/flink session"), "Nothing defined yet")
	trail, _, err := Audit(t.Context(), r.deps.DB, AuditFilter{}, 100)
	if err != nil || strings.Contains(fmt.Sprintf("%+v", trail), "hunter2") {
		t.Errorf("the password is in the audit trail, %v", err)
	}
}

func TestSQLSessionIsBounded(t *testing.T) {
	f := newFakeFlink()
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	var script strings.Builder
	for i := range sessionMax {
		fmt.Fprintf(&script, "SET 'k%d' = 'v';\n", i)
	}
	r.says("olga", "/flink sql "+script.String())
	n := len(f.ran())
	wants(t, r.says("olga", "/flink sql SET 'one' = 'more'"), "That cannot be done", "clear=true")
	if len(f.ran()) != n {
		t.Error("what cannot be kept was run")
	}
}

func TestSQLErrorsStandWhereThePersonWroteThem(t *testing.T) {
	f := newFakeFlink()
	f.answer = wrongAt("nope", "SQL validation failed. SQL validation failed. From line 2, column 3 to line 2, column 6: Column 'nope' not found in any table")
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	m := r.says("olga", "/flink sql SELECT 1; SELECT 2;\n\n  SELECT id,\n  nope FROM gen; SELECT 4")
	wants(t, m, "SQL error in line 4", "Statement 3 of 4, SELECT: From line 4, column 3 to line 4, column 6: Column 'nope' not found",
		"4 |   nope FROM gen; SELECT 4\n  |   ^^^^", "✓ SELECT 1", "✓ SELECT 2", "The 2 statements before it ran, and keep their effect; the rest did not run.")
	lacks(t, m, "calcite", "SQL validation failed")
	if !m.Private {
		t.Error("an error is told to all")
	}
	if got := f.ran(); len(got) != 3 {
		t.Errorf("ran %q", got)
	}
	f.answer = wrongAt("nope", "From line 1, column 8 to line 1, column 11: Column 'nope' not found")
	wants(t, r.says("olga", "/flink sql SELECT 1; SELECT nope FROM gen"), "line 1, column 18 to line 1, column 21", "  |                  ^^^^", "The statement before it ran")
	wants(t, r.says("olga", "/flink sql SELECT nope FROM gen"), "SQL error in line 1", "line 1, column 8", "Nothing was run.")

	// What an INSERT is checked with stands a line above it.
	f.answer = wrongAt("nope", "From line 2, column 22 to line 2, column 25: Column 'nope' not found")
	wants(t, r.says("olga", "/flink sql INSERT INTO s SELECT nope FROM gen"), "1 | INSERT INTO s SELECT nope FROM gen\n  |                      ^^^^")
	f.answer = wrongAt("nope", "From line 2, column 50 to line 2, column 53: Column 'nope' not found")
	wants(t, r.says("olga", "/flink sql EXECUTE STATEMENT SET BEGIN INSERT INTO s SELECT nope FROM gen; END"), "column 50", "  |                                                  ^^^^")
	if len(f.did()) > 0 {
		t.Errorf("effects %v", f.did())
	}
	// A statement of the session has no place in what was typed now.
	f.answer = func(platform.SQLStatement, platform.QueryLimits) ([]platform.Page, error) {
		return nil, platform.Errorf(platform.Invalid, "query: statement 1 of the prelude", "line 1, column 1: Table exists")
	}
	wants(t, r.says("olga", "/flink sql SELECT 5"), "That cannot be done", "kept for you in this channel", "Line 1, column 1")
	wants(t, r.says("olga", "/flink sql SELECT 'a"), "string is not closed")
	wants(t, r.says("olga", "/flink sql -- only a comment"), "only comments")
}

func TestSQLSubmitsJobs(t *testing.T) {
	f := newFakeFlink(running(1, "taken"))
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	// Two of one name in one script, beside a job that has it.
	m := r.says("olga", "/flink sql SET 'a' = 'b'; INSERT INTO taken SELECT 1; INSERT INTO taken SELECT 2")
	wants(t, m, "✓ SET", "Submit of prod/taken-2", "Submit of prod/taken-3")
	if !m.Private {
		t.Error("the cards tell the channel")
	}
	r.card("Submit: prod/taken-2", "Running, parallelism", "Job id")
	r.card("Submit: prod/taken-3", "Running, parallelism", "Job id")
	got := f.did()
	slices.Sort(got)
	if !slices.Equal(got, []string{"submit taken-2: SET 'a' = 'b'; INSERT INTO taken SELECT 1", "submit taken-3: SET 'a' = 'b'; INSERT INTO taken SELECT 2"}) {
		t.Errorf("effects %q", got)
	}
	wants(t, r.says("olga", "/flink sql name=taken INSERT INTO x SELECT 1"), "A job taken runs on prod already")
	// The same gesture twice is one job, though its name is taken by then.
	ev := bot.Event{ID: "gesture", Actor: web("olga"), Place: webOps(), Call: bot.Call{Line: "/flink sql INSERT INTO once SELECT 1"}}
	wants(t, r.router.Handle(t.Context(), ev, nil), "prod/once")
	r.card("Submit: prod/once", "Running")
	wants(t, r.router.Handle(t.Context(), ev, nil), "prod/once,")
	if got := f.did(); len(got) != 3 {
		t.Errorf("effects %q", got)
	}
}

func TestSQLNeedsTheRightOfItsMostDangerousStatement(t *testing.T) {
	f := newFakeFlink()
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	wants(t, r.says("vera", "/flink sql SELECT 1; INSERT INTO a SELECT 1"), "You may not do that here", "sql.write")
	wants(t, r.says("olga", "/flink sql SELECT 1; CREATE FUNCTION f AS 'a.b.C'"), "You may not do that here", "sql.code")
	if len(f.ran()) > 0 {
		t.Errorf("ran %q", f.ran())
	}
}

func TestSQLEditorAndTheChoiceOfACluster(t *testing.T) {
	dev, prod := newFakeFlink(), newFakeFlink()
	r := newRig(t, map[string]*fakeFlink{"dev": dev, "prod": prod})
	ev := r.chat.Type("vera", "ops", "/flink sql rows=5")
	f := r.chat.Answer(t, ev).Form
	if f == nil || f.Title != "Run SQL" || len(f.Fields) != 5 || !f.Fields[0].Required || f.Fields[1].Name != "cluster" || f.Fields[1].Kind != "choice" || f.Fields[2].Required {
		t.Fatalf("form %+v", f)
	}
	prod.answer = rowsOf(50, time.Second)
	wants(t, r.chat.Answer(t, r.chat.Submit(t, "vera", ev, map[string]string{"text": "SELECT 7", "cluster": "prod"})), "SQL on prod", "5 rows") // what was typed before holds
	ev = r.chat.Type("vera", "ops", "/flink sql SELECT 8")
	wants(t, r.chat.Answer(t, ev), "On which cluster?", "Nothing was run yet")
	wants(t, r.presses("vera", ev, "On prod"), "SQL on prod")
	if got := append(dev.ran(), prod.ran()...); !slices.Equal(got, []string{"SELECT 7", "SELECT 8"}) {
		t.Errorf("ran %q", got)
	}
}

func TestCSVIsSafeToOpen(t *testing.T) {
	p := platform.Page{
		Columns: []platform.Column{{Name: "=cmd()", Type: "STRING"}, {Name: "n", Type: "INT"}, {Name: "i", Type: "INTERVAL DAY TO SECOND"}, {Name: "r", Type: "ROW<a INT>"}},
		Rows:    [][]string{{"=1+1", "-5", "+1 00:00", "@x"}, {`say "hi", you`, "7", "\tx", "two\nlines"}, {"", "", "-", "ok"}},
	}
	raw := string(csvOf(p))
	if !strings.HasPrefix(raw, "'=cmd(),n,i,r\r\n") || strings.Count(raw, "\r\n") != 5 {
		t.Errorf("%q", raw)
	}
	rows, err := csv.NewReader(strings.NewReader(raw)).ReadAll()
	want := [][]string{{"'=cmd()", "n", "i", "r"}, {"'=1+1", "-5", "'+1 00:00", "'@x"}, {`say "hi", you`, "7", "'\tx", "two\nlines"}, {"", "", "'-", "ok"}}
	if err != nil || fmt.Sprint(rows) != fmt.Sprint(want) {
		t.Errorf("%v, %v", rows, err)
	}
}

func TestExplainShowsThePlan(t *testing.T) {
	text, err := os.ReadFile("testdata/explain-2.3.0.txt") // of a real Flink
	if err != nil {
		t.Fatal(err)
	}
	f := newFakeFlink()
	f.answer = func(platform.SQLStatement, platform.QueryLimits) ([]platform.Page, error) {
		return []platform.Page{{Columns: []platform.Column{{Name: "result", Type: "STRING"}}, Rows: [][]string{{string(text)}}, Done: true}}, nil
	}
	r := newRig(t, map[string]*fakeFlink{"prod": f})
	m := r.says("vera", "/flink explain INSERT INTO s SELECT id FROM gen")
	wants(t, m, "Plan on prod", "+- Calc(select=[id])")
	lacks(t, m, "Abstract Syntax Tree", `"nodes"`)
	img, ok := m.Blocks[0].(bot.Image)
	if !ok {
		t.Fatalf("no picture: %s", shown(m))
	}
	if _, err := png.Decode(strings.NewReader(string(img.PNG))); err != nil {
		t.Error(err)
	}
	if got := f.ran(); got[0] != "EXPLAIN JSON_EXECUTION_PLAN\nINSERT INTO s SELECT id FROM gen" {
		t.Errorf("ran %q", got)
	}
	f.answer = func(platform.SQLStatement, platform.QueryLimits) ([]platform.Page, error) {
		return []platform.Page{{Rows: [][]string{{"a plan in other words"}}, Done: true}}, nil
	}
	wants(t, r.says("vera", "/flink explain SELECT 1"), "a plan in other words")
	wants(t, r.says("vera", "/flink explain SELECT 1; SELECT 2"), "Give one SELECT")
	f.answer = wrongAt("nope", "From line 2, column 8 to line 2, column 11: Column 'nope' not found")
	wants(t, r.says("vera", "/flink explain SELECT nope"), "SQL error in line 1", "column 8")
}
