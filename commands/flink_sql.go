package commands

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/ops"
	"github.com/drey-ops/drey/platform/sqltext"
	"github.com/drey-ops/drey/storage"
)

type sqlArgs struct {
	Text        string        `json:"text" help:"one or more statements; leave it out for an editor" rest:"true" optional:"true"`
	Cluster     string        `json:"cluster" help:"where to run it" complete:"cluster" optional:"true"`
	Name        string        `json:"name" help:"the job's name; the default is the table it writes to" optional:"true"`
	Parallelism int           `json:"parallelism" help:"of the job" min:"1" max:"32768" optional:"true"`
	Savepoint   string        `json:"savepoint" help:"path to start the job from" complete:"savepoint" optional:"true"`
	Rows        int           `json:"rows" help:"most rows of a SELECT" default:"200" min:"1" max:"10000"`
	Time        time.Duration `json:"time" help:"longest time of a SELECT" default:"30s"`
	Edit        bool          `json:"edit" help:"open the editor with the text, and run nothing" hidden:"true"`
	Review      bool          `json:"review" help:"show what it would do before it changes anything" hidden:"true"`
}

// sqlTimeMax keeps a SELECT within the time that one call may take.
const sqlTimeMax = 90 * time.Second

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
		Opens: true, Files: []string{".sql"},
		Shortcut: &bot.Shortcut{Label: "Run as Flink SQL", Text: "text", Args: json.RawMessage(`{"edit":true}`)},
		Resolve:  ResolveArgs(d.resolveSQL),
	}, func(ctx context.Context, e *Env, a sqlArgs) (bot.Message, error) {
		stmts, err := statements(a.Text)
		if err != nil {
			return bot.Message{}, d.inEditor(e, a, "text", err)
		}
		c, err := d.Clusters.Cluster(a.Cluster)
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

func zeroEmpty(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// script is one text of statements being run for a person.
type script struct {
	d       Deps
	e       *Env
	c       *platform.Cluster
	a       sqlArgs
	session sqlSession
	done    []bot.Block // what the statements so far came to
	started []string    // names of the jobs
	kept    int         // statements that the session has more
}

func (s *script) run(ctx context.Context, stmts []sqltext.Statement) (bot.Message, error) {
	for i, st := range stmts {
		if err := s.one(ctx, st, len(stmts) > 1); err != nil {
			return bot.Message{}, s.failed(err, st, i, len(stmts))
		}
	}
	if len(s.started)+s.kept < len(stmts) {
		return s.message("SQL on "+s.c.Name, bot.Good), nil
	}
	// Cards tell the channel of the jobs, and what was defined is the person's own.
	m := s.message("", bot.Plain)
	if s.kept > 0 {
		m.Blocks = append(m.Blocks, bot.Notef("Kept for your next statements in this channel; `/flink session` shows them."))
	}
	m.Private = true
	return m, nil
}

func (s *script) message(title string, tone bot.Tone, more ...bot.Block) bot.Message {
	return bot.Message{Title: title, Tone: tone, Blocks: append(s.done[:len(s.done):len(s.done)], more...)}
}

func (s *script) one(ctx context.Context, st sqltext.Statement, several bool) error {
	switch st.Kind {
	case sqltext.Setting, sqltext.Define:
		return s.define(ctx, st)
	case sqltext.Write:
		return s.submit(ctx, st)
	}
	var last platform.Page
	err := s.query(ctx, st, func(p platform.Page) {
		last = p
		if st.Kind == sqltext.Query && !p.Done {
			s.e.Show(s.message("SQL on "+s.c.Name, bot.Busy, pageBlocks(p, s.limits())...))
		}
	})
	if err != nil {
		return err
	}
	if several {
		s.did(st)
	}
	s.done = append(s.done, pageBlocks(last, s.limits())...)
	return nil
}

// define runs a statement whose effect is for those after it.
func (s *script) define(ctx context.Context, st sqltext.Statement) error {
	if err := s.session.room(); err != nil {
		return err
	}
	if err := s.query(ctx, st, func(platform.Page) {}); err != nil {
		return err
	}
	if err := s.session.keep(ctx, st); err != nil {
		return err
	}
	s.kept++
	s.did(st)
	return nil
}

// did notes a statement that ran.
func (s *script) did(st sqltext.Statement) {
	s.done = append(s.done, bot.Textf("✓ `%s`", headOf(st)))
}

// headOf is what a statement begins with, up to the list or the options that make it long.
func headOf(st sqltext.Statement) string {
	text := strings.Join(strings.Fields(RedactTyped(st.Text)), " ")
	if st.Kind == sqltext.Define {
		text, _, _ = strings.Cut(text, "(")
		text = strings.TrimSpace(text)
	}
	return clip(text, 80)
}

func (s *script) limits() platform.QueryLimits {
	return platform.QueryLimits{Rows: s.a.Rows, Time: min(s.a.Time, sqlTimeMax)}
}

func (s *script) query(ctx context.Context, st sqltext.Statement, emit func(platform.Page)) error {
	q := platform.SQLStatement{Prelude: s.session.Statements, Text: st.Text}
	return s.inScript(s.c.Query(ctx, q, s.limits(), emit), st, 0)
}

// submit checks a statement by having it explained, so that what is wrong with it is said in private, and starts the
// operation that submits it.
func (s *script) submit(ctx context.Context, st sqltext.Statement) error {
	if text, ok := explainable(st); ok {
		q := platform.SQLStatement{Prelude: s.session.Statements, Text: "EXPLAIN\n" + text}
		if err := s.c.Query(ctx, q, platform.QueryLimits{}, func(platform.Page) {}); err != nil {
			return s.inScript(err, st, 1)
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
	s.started = append(s.started, name)
	s.done = append(s.done, m.Blocks...)
	return nil
}

// explainable is the text of st as it goes after EXPLAIN, each character where it stood; false when Flink explains none of
// its kind.
func explainable(st sqltext.Statement) (string, bool) {
	switch st.Verb() {
	case "INSERT", "STATEMENT":
		return st.Text, true
	case "EXECUTE": // STATEMENT SET
		i := strings.Index(strings.ToUpper(st.Text), "STATEMENT")
		if i < 0 {
			return "", false
		}
		blank := strings.Map(func(r rune) rune {
			if r == '\n' {
				return r
			}
			return ' '
		}, st.Text[:i])
		return blank + st.Text[i:], true
	}
	return "", false
}

// name chooses the job's name: the one asked for, or the table it writes to, with a number where it is taken. The choice is
// written down under the gesture, so that a gesture that comes twice comes to the same operation.
func (s *script) name(ctx context.Context, st sqltext.Statement) (string, error) {
	id := "sqlname-" + digest(s.e.key(), strconv.Itoa(len(s.started)))
	names := storage.Table[string]{DB: s.d.DB, Name: "sqlname", TTL: 24 * time.Hour}
	chosen, _, err := names.Get(ctx, id)
	if !errors.Is(err, storage.ErrNotFound) {
		return chosen, err
	}
	if chosen, err = s.freeName(ctx, st); err != nil {
		return "", err
	}
	err = names.Update(ctx, id, func(_ *storage.Tx, v *string, _ storage.Version) error {
		if *v == "" {
			*v = chosen
		}
		chosen = *v // of the same gesture, elsewhere at the same time
		return nil
	})
	return chosen, err
}

func (s *script) freeName(ctx context.Context, st sqltext.Statement) (string, error) {
	base := cmp.Or(s.a.Name, sqltext.JobName(st), "sql")
	jobs, err := s.c.Jobs(ctx)
	if err != nil {
		return "", err
	}
	taken := map[string]bool{}
	for _, j := range jobs {
		taken[j.Name] = taken[j.Name] || !j.State.Terminal()
	}
	if s.a.Name != "" && taken[base] && len(s.started) == 0 {
		return "", platform.Errorf(platform.Invalid, "", "a job %s runs on %s already; give another name, or stop it first", base, s.c.Name)
	}
	for _, n := range s.started { // the cluster may not know them yet
		taken[n] = true
	}
	name := base
	for n := 2; taken[name] || s.a.Name == "" && s.beingMade(ctx, name); n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	return name, nil
}

// beingMade says whether an operation has a job of that name, which the cluster may not know yet.
func (s *script) beingMade(ctx context.Context, name string) bool {
	_, err := s.d.Ops.Live(ctx, ops.Target{Cluster: s.c.Name, Name: name})
	return err == nil
}
