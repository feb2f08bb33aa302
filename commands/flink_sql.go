package commands

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/ops"
	"github.com/drey-ops/drey/platform/sqltext"
)

type sqlArgs struct {
	Text        string        `json:"text" help:"one or more statements; leave it out for an editor" rest:"true" optional:"true"`
	Cluster     string        `json:"cluster" help:"where to run it" complete:"cluster" optional:"true"`
	Name        string        `json:"name" help:"the job's name; the default is the table it writes to" optional:"true"`
	Parallelism int           `json:"parallelism" help:"of the job" min:"1" max:"32768" optional:"true"`
	Savepoint   string        `json:"savepoint" help:"path to start the job from" optional:"true"`
	Rows        int           `json:"rows" help:"most rows of a SELECT" default:"200" min:"1" max:"10000"`
	Time        time.Duration `json:"time" help:"longest time of a SELECT" default:"30s"`
}

// sqlTimeMax keeps a SELECT within the time that one call may take.
const sqlTimeMax = 90 * time.Second

// shownRows is how many rows a message shows; more come as a file.
const shownRows = 20

// Permission implements Permitter: the right that the most dangerous of the statements needs.
func (a sqlArgs) Permission() string {
	need := sqltext.Read
	stmts, err := sqltext.Split(a.Text)
	if err != nil {
		return need.Permission() // the command says what is wrong with it, and runs nothing
	}
	for _, s := range stmts {
		need = max(need, s.Need)
	}
	return need.Permission()
}

func flinkSQL(d Deps) *Command {
	return New(Spec{
		Path: "flink sql", Help: "Run SQL: show rows, define tables, submit jobs",
		Examples: []string{
			"/flink sql SELECT 1", "/flink sql SHOW TABLES", "/flink sql",
			"/flink sql name=orders INSERT INTO out SELECT * FROM orders",
		},
		Permission: "sql.read", Effect: Changes, Op: platform.OpSubmitSQL,
		Resolve: ResolveArgs(func(_ context.Context, _ *Env, a *sqlArgs) error {
			c, err := d.cluster(a.Cluster)
			if err == nil {
				a.Cluster = c.Name
			}
			return err
		}),
	}, func(ctx context.Context, e *Env, a sqlArgs) (bot.Message, error) {
		if strings.TrimSpace(a.Text) == "" {
			return e.Form("Run SQL", "Run"), nil
		}
		stmts, err := sqltext.Split(a.Text)
		if err != nil {
			return bot.Message{}, platform.Errorf(platform.Invalid, "", "%w; nothing was run", err)
		}
		if len(stmts) == 0 {
			return bot.Message{}, platform.Errorf(platform.Invalid, "", "there is no statement in this, only comments; nothing was run")
		}
		c, err := d.cluster(a.Cluster)
		if err != nil {
			return bot.Message{}, err
		}
		s, err := d.openScript(ctx, e, c, a)
		if err != nil {
			return bot.Message{}, err
		}
		return s.run(ctx, stmts)
	})
}

// script is one text of statements being run for a person.
type script struct {
	d       Deps
	e       *Env
	c       *platform.Cluster
	a       sqlArgs
	session sqlSession
	done    []bot.Block // what the statements so far came to
	started int         // jobs
}

func (s *script) run(ctx context.Context, stmts []sqltext.Statement) (bot.Message, error) {
	for i, st := range stmts {
		if err := s.one(ctx, st, len(stmts) > 1); err != nil {
			return bot.Message{}, s.failed(err, st, i, len(stmts))
		}
	}
	m := s.message("SQL on "+s.c.Name, bot.Good)
	if s.started == len(stmts) {
		m.Private = true // the operation's own card tells the channel
	}
	return m, nil
}

func (s *script) message(title string, tone bot.Tone, more ...bot.Block) bot.Message {
	return bot.Message{Title: title, Tone: tone, Blocks: append(s.done[:len(s.done):len(s.done)], more...)}
}

func (s *script) one(ctx context.Context, st sqltext.Statement, several bool) error {
	switch st.Kind {
	case sqltext.Setting, sqltext.Define:
		if err := s.query(ctx, st, func(platform.Page) {}); err != nil {
			return err
		}
		if err := s.session.keep(ctx, st); err != nil {
			return err
		}
		s.done = append(s.done, bot.Textf("✓ `%s`", clip(topLine(RedactTyped(st.Text)), 120)))
		return nil
	case sqltext.Write:
		return s.submit(ctx, st)
	}
	var last platform.Page
	err := s.query(ctx, st, func(p platform.Page) {
		last = p
		if st.Kind == sqltext.Query && !p.Done {
			s.e.Show(s.message("Running on "+s.c.Name, bot.Busy, pageBlocks(p, false)...))
		}
	})
	if err != nil {
		return err
	}
	if several {
		s.done = append(s.done, bot.Textf("✓ `%s`", clip(topLine(RedactTyped(st.Text)), 120)))
	}
	s.done = append(s.done, pageBlocks(last, true)...)
	return nil
}

func (s *script) query(ctx context.Context, st sqltext.Statement, emit func(platform.Page)) error {
	q := platform.SQLStatement{Prelude: s.session.Statements, Text: st.Text}
	lim := platform.QueryLimits{Rows: s.a.Rows, Time: min(s.a.Time, sqlTimeMax)}
	return inScript(s.c.Query(ctx, q, lim, emit), st, 0)
}

// submit checks a statement by having it explained, so that what is wrong with it is said in private, and starts the
// operation that submits it.
func (s *script) submit(ctx context.Context, st sqltext.Statement) error {
	if plan, ok := explained(st); ok {
		q := platform.SQLStatement{Prelude: s.session.Statements, Text: plan}
		if err := s.c.Query(ctx, q, platform.QueryLimits{}, func(platform.Page) {}); err != nil {
			return inScript(err, st, 1)
		}
	}
	name, err := s.name(ctx, st)
	if err != nil {
		return err
	}
	m, err := s.d.start(ctx, s.e, ops.SubmitSQL{
		Cluster: s.c.Name, Name: name, Prelude: s.session.Statements, Statement: st.Text, Parallelism: s.a.Parallelism, Savepoint: s.a.Savepoint,
	})
	if err != nil {
		return err
	}
	s.started++
	s.done = append(s.done, m.Blocks...)
	return nil
}

// explained is the statement that explains st, which stands on the lines from the second on; false when Flink explains
// none of its kind.
func explained(st sqltext.Statement) (string, bool) {
	text := st.Text
	switch st.Verb() {
	case "INSERT":
	case "EXECUTE": // EXECUTE STATEMENT SET
		text = text[strings.Index(strings.ToUpper(text), "STATEMENT"):]
	default:
		return "", false
	}
	return "EXPLAIN\n" + text, true
}

// name chooses the job's name: the one asked for, or the table it writes to, with a number where a live job has it.
func (s *script) name(ctx context.Context, st sqltext.Statement) (string, error) {
	base := firstOf(s.a.Name, sqltext.JobName(st), "sql")
	jobs, err := s.c.Jobs(ctx)
	if err != nil {
		return "", err
	}
	taken := map[string]bool{}
	for _, j := range jobs {
		taken[j.Name] = taken[j.Name] || !j.State.Terminal()
	}
	if s.a.Name != "" && taken[s.a.Name] {
		return "", platform.Errorf(platform.Invalid, "", "a job %s runs on %s already; give another name, or stop it first", s.a.Name, s.c.Name)
	}
	name := base
	for n := 2; taken[name]; n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	return name, nil
}

// failed says which statement of several failed, and what became of the others.
func (s *script) failed(err error, st sqltext.Statement, i, of int) error {
	if of == 1 {
		return err
	}
	kept := "no statement ran before it"
	if i > 0 {
		kept = fmt.Sprintf("%s before it ran and keep their effect", count(i, "statement"))
	}
	var pe *platform.Error
	if errors.As(err, &pe) {
		return &platform.Error{Kind: pe.Kind, Detail: pe.Detail, Err: fmt.Errorf("statement %d of %d, %s: %w (%s; the rest did not run)", i+1, of, st.Verb(), pe.Err, kept)}
	}
	return fmt.Errorf("statement %d of %d, %s: %w (%s; the rest did not run)", i+1, of, st.Verb(), err, kept)
}

// pageBlocks shows the rows of a query; with whole set also as a file where they do not fit.
func pageBlocks(p platform.Page, whole bool) []bot.Block {
	if len(p.Columns) == 0 {
		return nil
	}
	p = withoutSecrets(p)
	if text, ok := soleText(p); ok {
		return []bot.Block{bot.Code{Body: text}}
	}
	t := bot.Table{Rows: p.Rows[:min(len(p.Rows), shownRows)]}
	for _, c := range p.Columns {
		t.Columns = append(t.Columns, c.Name)
		t.Numeric = append(t.Numeric, numeric(c.Type))
	}
	t.Foot = count(len(p.Rows), "row")
	if len(p.Rows) > shownRows {
		t.Foot = fmt.Sprintf("%d of %d rows", shownRows, len(p.Rows))
	}
	t.Foot += " in " + span(p.Elapsed)
	switch {
	case p.More && whole:
		t.Foot += "; stopped at the limit, and its job was cancelled"
	case !whole:
		t.Foot += " so far"
	}
	out := []bot.Block{t}
	if whole && len(p.Rows) > shownRows {
		out = append(out, bot.File{Name: "result.csv", MIME: "text/csv", Data: csvOf(p)})
	}
	return out
}

// withoutSecrets hides what a cluster tells of the options of tables, such as SHOW CREATE TABLE.
func withoutSecrets(p platform.Page) platform.Page {
	rows := make([][]string, len(p.Rows))
	for i, row := range p.Rows {
		rows[i] = slices.Clone(row)
		for j, cell := range row {
			if strings.Contains(cell, "=") && sqltext.HasSecret(cell) {
				rows[i][j] = RedactTyped(cell)
			}
		}
	}
	p.Rows = rows
	return p
}

// soleText recognises a result that is one long text, such as a plan.
func soleText(p platform.Page) (string, bool) {
	if len(p.Columns) == 1 && len(p.Rows) == 1 && strings.Contains(p.Rows[0][0], "\n") {
		return strings.TrimSpace(p.Rows[0][0]), true
	}
	return "", false
}

func numeric(typ string) bool {
	t := strings.ToUpper(typ)
	for _, n := range []string{"INT", "DECIMAL", "DOUBLE", "FLOAT", "NUMERIC"} {
		if strings.Contains(t, n) {
			return true
		}
	}
	return false
}

// csvOf writes the rows as RFC 4180; cells that a spreadsheet would run as a formula are quoted with an apostrophe.
func csvOf(p platform.Page) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	row := make([]string, len(p.Columns))
	for i, c := range p.Columns {
		row[i] = c.Name
	}
	_ = w.Write(row) // a bytes.Buffer takes everything
	for _, r := range p.Rows {
		row = row[:0]
		for i, cell := range r {
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) && (i >= len(p.Columns) || !numeric(p.Columns[i].Type)) {
				cell = "'" + cell
			}
			row = append(row, cell)
		}
		_ = w.Write(row)
	}
	w.Flush()
	return b.Bytes()
}
