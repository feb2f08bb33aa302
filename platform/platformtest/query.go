package platformtest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/platform"
)

// asked is what one query has shown.
type asked struct {
	pages []platform.Page
	err   error
	took  time.Duration
}

func (a asked) last() platform.Page {
	if len(a.pages) == 0 {
		return platform.Page{}
	}
	return a.pages[len(a.pages)-1]
}

func (a asked) rows() string {
	var b strings.Builder
	for _, r := range a.last().Rows {
		b.WriteString(strings.Join(r, "|") + "\n")
	}
	return b.String()
}

func ask(ctx context.Context, d platform.Driver, q platform.SQLStatement, lim platform.QueryLimits) asked {
	var a asked
	start := time.Now()
	a.err = d.(platform.Queryer).Query(ctx, q, lim, func(p platform.Page) { a.pages = append(a.pages, p) })
	a.took = time.Since(start)
	return a
}

func (s *suite) query(t *testing.T) {
	d := s.open(t)
	workers := s.info.TaskManagers
	prelude := s.Job("").Prelude
	t.Run("Bounded", func(t *testing.T) { s.queryBounded(t, d) })
	t.Run("Limits", func(t *testing.T) { s.queryLimits(t, d, prelude) })
	t.Run("ContextEnds", func(t *testing.T) { s.queryContextEnds(t, d, prelude) })
	t.Run("Looks", func(t *testing.T) { s.queryLooks(t, d, prelude) })
	t.Run("Errors", func(t *testing.T) { s.queryErrors(t, d, prelude) })
	t.Run("Complete", func(t *testing.T) {
		list, err := d.(platform.Queryer).Complete(t.Context(), platform.SQLStatement{Prelude: prelude, Text: "SELECT * FROM ord"}, 17)
		if err != nil || len(list) == 0 || !strings.Contains(list[0], "orders") {
			t.Errorf("%v, %v", list, err)
		}
	})
	info, err := d.Describe(t.Context())
	if err != nil || info.TaskManagers != workers {
		t.Errorf("after all queries there are %d TaskManagers of %d, %v", info.TaskManagers, workers, err)
	}
}

func (s *suite) queryBounded(t *testing.T, d platform.Driver) {
	a := ask(t.Context(), d, platform.SQLStatement{Text: "SELECT id, name FROM (VALUES (1, 'a|b'), (9007199254740993, CAST(NULL AS STRING))) AS v (id, name)"}, platform.QueryLimits{})
	if p := a.last(); a.err != nil || !p.Done || p.More || len(p.Columns) != 2 || p.Columns[0].Name != "id" || p.Columns[0].Type != "BIGINT" {
		t.Errorf("page %+v, %v", p, a.err)
	}
	if got := a.rows(); !strings.Contains(got, "9007199254740993|NULL\n") || !strings.Contains(got, "1|a|b\n") {
		t.Errorf("rows %q", got)
	}
	s.gone(t, d, a)
	a = ask(t.Context(), d, platform.SQLStatement{Text: "SELECT k, COUNT(*) AS n FROM (VALUES ('a'), ('b'), ('a'), ('a')) AS v (k) GROUP BY k"}, platform.QueryLimits{})
	if got := a.rows(); a.err != nil || strings.Count(got, "\n") != 2 || !strings.Contains(got, "a|3\n") || !strings.Contains(got, "b|1\n") {
		t.Errorf("folded to %q, %v", got, a.err)
	}
	s.gone(t, d, a)
}

func (s *suite) queryLimits(t *testing.T, d platform.Driver, prelude []string) {
	a := ask(t.Context(), d, platform.SQLStatement{Prelude: prelude, Text: "SELECT * FROM orders"}, platform.QueryLimits{Rows: 5, Time: time.Minute})
	if p := a.last(); a.err != nil || len(p.Rows) != 5 || !p.More || !p.Done || p.Job == "" {
		t.Errorf("page %+v, %v", p, a.err)
	}
	t.Logf("5 rows of a stream after %s", a.took)
	s.gone(t, d, a)
	a = ask(t.Context(), d, platform.SQLStatement{Prelude: prelude, Text: "SELECT id, COUNT(*) AS n FROM orders GROUP BY id"}, platform.QueryLimits{Time: 8 * time.Second})
	if p := a.last(); a.err != nil || len(p.Rows) == 0 || len(p.Rows) > 10 || !p.Done || p.Elapsed < 8*time.Second {
		t.Errorf("page %+v, %v", p, a.err)
	}
	if n := len(a.pages); n < 2 || n > 10 {
		t.Errorf("%d pages in %s", n, a.took)
	}
	s.gone(t, d, a)
}

func (s *suite) queryContextEnds(t *testing.T, d platform.Driver, prelude []string) {
	// Early ends are the dangerous ones: the job is just starting.
	for _, after := range []time.Duration{50 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, 3 * time.Second} {
		ctx, cancel := context.WithTimeout(t.Context(), after)
		a := ask(ctx, d, platform.SQLStatement{Prelude: prelude, Text: "SELECT * FROM orders"}, platform.QueryLimits{Rows: 1000})
		cancel()
		wantError(t, a.err, platform.Unavailable)
		s.gone(t, d, a)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(2*time.Second, cancel)
	a := ask(ctx, d, platform.SQLStatement{Prelude: prelude, Text: "SELECT * FROM orders"}, platform.QueryLimits{Rows: 1000})
	wantError(t, a.err, platform.Unavailable)
	s.gone(t, d, a)
}

func (s *suite) queryLooks(t *testing.T, d platform.Driver, prelude []string) {
	for text, want := range map[string]string{
		"SHOW TABLES":     "orders\ntotals\n",
		"DESCRIBE orders": "id|BIGINT",
		"EXPLAIN INSERT INTO totals SELECT id, COUNT(*) FROM orders GROUP BY id": "GroupAggregate",
		"SET 'parallelism.default' = '2'":                                        "OK",
		"CREATE TEMPORARY VIEW v AS SELECT 1 AS a":                               "OK",
	} {
		a := ask(t.Context(), d, platform.SQLStatement{Prelude: prelude, Text: text}, platform.QueryLimits{})
		if a.err != nil || !strings.Contains(a.rows(), want) || !a.last().Done {
			t.Errorf("%s: %q, %v", text, a.rows(), a.err)
		}
		if a.took > 5*time.Second {
			t.Errorf("%s took %s", text, a.took)
		}
	}
	// The view of the last one must not be seen without it.
	a := ask(t.Context(), d, platform.SQLStatement{Prelude: prelude, Text: "SHOW VIEWS"}, platform.QueryLimits{})
	if a.err != nil || a.rows() != "" {
		t.Errorf("views %q, %v", a.rows(), a.err)
	}
}

func (s *suite) queryErrors(t *testing.T, d platform.Driver, prelude []string) {
	for text, want := range map[string]string{
		"SELECT * FROM nope": "Object 'nope' not found",
		"SELECT FROM orders": "line 1, column",
		"SELECT 1; SELECT 2": "2 statements",
		"SELECT CAST(k AS INT) FROM (VALUES ('1'), ('boom')) AS v (k)": "boom",
		"INSERT INTO totals SELECT id, 1 FROM orders":                  "submit",
	} {
		a := ask(t.Context(), d, platform.SQLStatement{Prelude: prelude, Text: text}, platform.QueryLimits{})
		wantError(t, a.err, platform.Invalid)
		if a.err != nil && !strings.Contains(a.err.Error(), want) {
			t.Errorf("%s: error %q does not say %q", text, a.err, want)
		}
		s.gone(t, d, a)
	}
	a := ask(t.Context(), d, platform.SQLStatement{Prelude: []string{"SET 'a' = 'b'", "CREATE NONSENSE"}, Text: "SELECT 1"}, platform.QueryLimits{})
	wantError(t, a.err, platform.Invalid)
	if a.err != nil && !strings.Contains(a.err.Error(), "statement 2") {
		t.Errorf("error %q does not name the statement", a.err)
	}
}

// gone checks that nothing of a query runs on.
func (s *suite) gone(t testing.TB, d platform.Driver, a asked) {
	t.Helper()
	jobs, err := d.Jobs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		if (j.ID == a.last().Job || j.Name == "drey query") && !j.State.Terminal() {
			t.Errorf("job %s of a query that has ended is %s", j.ID, j.State)
		}
	}
}
