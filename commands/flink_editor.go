package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/sqltext"
	"github.com/drey-ops/drey/storage"
)

// resolveSQL finds the text and the cluster of a call. SQL that was not typed as a command, but comes from the editor or a
// file, is shown for what it would do before it changes anything.
func (d Deps) resolveSQL(ctx context.Context, e *Env, a *sqlArgs) error {
	if err := d.sqlOfFile(ctx, e, a); err != nil {
		return err
	}
	if a.Edit || strings.TrimSpace(a.Text) == "" {
		return Tell(d.sqlEditor(e, *a, fault{}))
	}
	if err := mistyped(a.Text); err != nil {
		return d.inEditor(e, *a, "text", err)
	}
	e.args = Encode(a) // the choice of a cluster is the same call, file and all
	if err := d.pickCluster(e, &a.Cluster); err != nil {
		return err
	}
	review := a.Review
	a.Review = false // what is run, and asked consent for, is the same whichever way it came
	if !review || !e.Allowed(a.Permission(), a.Cluster, "") {
		return nil
	}
	return d.reviewSQL(ctx, e, *a)
}

// sqlFileMax is the largest file of SQL: as long as a line may be.
const sqlFileMax = LineMax

// sqlOfFile takes the text from the file that came with the gesture, if one did.
func (d Deps) sqlOfFile(ctx context.Context, e *Env, a *sqlArgs) error {
	file, err := e.file(".sql")
	switch {
	case err != nil || file == nil:
		return err
	case strings.TrimSpace(a.Text) != "":
		return platform.Errorf(platform.Invalid, "", "there is SQL in the command and in %s; give one of them. Nothing was run", clip(file.Name, 80))
	case file.Size > sqlFileMax:
		return platform.Errorf(platform.Invalid, "", "%s has %s, at most %s are read; nothing was run", clip(file.Name, 80), size(file.Size), size(sqlFileMax))
	}
	r, err := file.Open(ctx)
	if err != nil {
		return unreadFile(file, err)
	}
	defer r.Close()
	raw, err := io.ReadAll(io.LimitReader(r, sqlFileMax+1))
	switch {
	case err != nil:
		return unreadFile(file, err)
	case len(raw) > sqlFileMax:
		return platform.Errorf(platform.Invalid, "", "%s has more than %s; nothing was run", clip(file.Name, 80), size(sqlFileMax))
	case !utf8.Valid(raw) || strings.ContainsRune(string(raw), 0):
		return platform.Errorf(platform.Invalid, "", "%s is not text in UTF-8; nothing was run", clip(file.Name, 80))
	}
	a.Text = strings.TrimPrefix(string(raw), "\ufeff")
	if strings.TrimSpace(a.Text) == "" {
		return platform.Errorf(platform.Invalid, "", "%s is empty; nothing was run", clip(file.Name, 80))
	}
	a.Review = true
	return nil
}

// unreadFile says that a file could not be fetched. What the network says may hold an address, and stays in the log.
func unreadFile(f *bot.Upload, err error) error {
	return &platform.Error{Kind: platform.Unavailable, Err: fmt.Errorf("%s could not be fetched from the chat; nothing was done", clip(f.Name, 80)), Detail: err.Error()}
}

// file is the one file with that ending that came with the gesture; nil: none came.
func (e *Env) file(ending string) (*bot.Upload, error) {
	files := e.Event.Files
	if len(files) == 0 {
		return nil, nil
	}
	var found *bot.Upload
	for i, f := range files {
		if !strings.HasSuffix(strings.ToLower(f.Name), ending) {
			continue
		}
		if found != nil {
			return nil, platform.Errorf(platform.Invalid, "", "there are several %s files; give one. Nothing was run", ending)
		}
		found = &files[i]
	}
	if found == nil {
		return nil, platform.Errorf(platform.Invalid, "", "/%s takes a %s file, and %s is none. Nothing was run", e.cmd.Path, ending, clip(files[0].Name, 80))
	}
	return found, nil
}

// fault is what was wrong with a field of the editor.
type fault struct{ field, text string }

// sqlEditor is the form to write SQL in. What is typed less often than a statement is left to the command line.
func (d Deps) sqlEditor(e *Env, a sqlArgs, wrong fault) bot.Message {
	a.Edit, a.Review = false, true
	f := &bot.Form{Title: "Run SQL", Submit: "Run", Call: e.cmd.callAgain(e.Event.Call, Encode(a))}
	f.Fields = append(f.Fields, bot.Input{
		Name: "text", Label: "SQL", Kind: "text", Required: true, Value: a.Text,
		Help: "SELECT shows rows, INSERT becomes a job. Several statements end in semicolons.",
	})
	if names := d.usable(e); len(names) > 1 {
		in := bot.Input{Name: "cluster", Label: "Cluster", Kind: "choice", Required: true, Value: cmp.Or(a.Cluster, names[0]), Asks: e.cmd.Path}
		for _, n := range names {
			in.Choices = append(in.Choices, bot.Choice{Value: n})
		}
		f.Fields = append(f.Fields, in)
	}
	line := func(in bot.Input) {
		in.Kind = "line"
		f.Fields = append(f.Fields, in)
	}
	line(bot.Input{Name: "name", Label: "Job name", Help: "Of an INSERT; left empty, the table that it writes to.", Value: a.Name})
	line(bot.Input{Name: "parallelism", Label: "Parallelism", Help: "Of an INSERT; left empty, the cluster's default.", Value: zeroEmpty(a.Parallelism)})
	line(bot.Input{Name: "savepoint", Label: "Start from savepoint", Help: "Its path; left empty, an INSERT starts without state.", Value: a.Savepoint, Asks: e.cmd.Path})
	for i := range f.Fields {
		if f.Fields[i].Name == wrong.field {
			f.Fields[i].Error = wrong.text
		}
	}
	return bot.Message{Private: true, Form: f, Title: f.Title, Fallback: "Run SQL: fill in the form, or type /flink sql and the statement"}
}

// fromEditor says whether the call is the editor's, whose text comes back with what is wrong about it.
func (e *Env) fromEditor() bool {
	g, err := givenOf(e.Event.Call.Args, nil)
	return err == nil && e.Event.Form != nil && len(g["review"]) == 1 && g["review"][0] == "true"
}

// inEditor answers an error of SQL that came from the editor with the editor, the mistake beside its field.
func (d Deps) inEditor(e *Env, a sqlArgs, field string, err error) error {
	var told *Told
	if !e.fromEditor() || unexpected(err) {
		return err
	}
	m := Explain(err)
	text := sentence(m)
	if errors.As(err, &told) && told.fault != "" {
		text = told.fault
	}
	m.Form, m.Private = d.sqlEditor(e, a, fault{field, text}).Form, true
	return Tell(m)
}

// changesMuch says whether any of the statements has an effect that stays.
func changesMuch(stmts []sqltext.Statement) bool {
	for _, st := range stmts {
		switch st.Kind {
		case sqltext.Define, sqltext.Write, sqltext.Other:
			return true
		default:
		}
	}
	return false
}

// reviewTime bounds what is asked of the cluster for a summary: people wait for it.
const reviewTime = 2 * time.Second

// reviewSQL asks whether to run what changes something, and says what it would do. What only looks runs at once.
func (d Deps) reviewSQL(ctx context.Context, e *Env, a sqlArgs) error {
	stmts, err := statements(a.Text)
	if err != nil {
		return d.inEditor(e, a, "text", err)
	}
	if !changesMuch(stmts) {
		return nil
	}
	if e.cmd.secretArgs(Encode(a)) && !e.router.db.CanSeal() {
		return noKey(storage.ErrNoKey)
	}
	c, err := d.Clusters.Cluster(a.Cluster)
	if err != nil {
		return err
	}
	s, err := d.openScript(ctx, e, c, a)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, reviewTime)
	defer cancel()
	intro, err := s.summary(ctx, stmts)
	if err != nil {
		return err
	}
	f := &bot.Form{Title: "Run this SQL?", Submit: "Run", Intro: intro, Call: e.cmd.callAgain(e.Event.Call, Encode(a))}
	return Tell(bot.Message{
		Title: f.Title, Private: true, Form: f, Fallback: f.Title + " Nothing was run yet.",
		Blocks: []bot.Block{intro, bot.Code{Lang: "sql", Body: clip(RedactTyped(a.Text), redactedMax)}, bot.Notef("Nothing was run yet.")},
	})
}

// summaryMax is how many statements a summary tells one by one.
const summaryMax = 12

// summary says what statements would do, and what the cluster says of the first that starts a job.
func (s *script) summary(ctx context.Context, stmts []sqltext.Statement) (bot.Text, error) {
	out := bot.Textf("**%s on %s.**", count(len(stmts), "statement"), s.c.Name)
	add := func(format string, args ...any) { out.Spans = append(out.Spans, bot.Textf(format, args...).Spans...) }
	planned, alone := "", true
	for i, st := range stmts {
		says := bot.Textf("`%s`: kept for your next statements here", headOf(st))
		switch st.Kind {
		case sqltext.Write:
			name, err := s.freeName(ctx, st)
			switch {
			case platform.KindOf(err) == platform.Invalid:
				return out, s.d.inEditor(s.e, s.a, "name", err)
			case err != nil:
				name = cmp.Or(s.a.Name, sqltext.JobName(st), "sql")
			}
			s.started = append(s.started, name)
			says = s.jobToBe(st, name)
			if alone && planned == "" {
				if planned, err = s.planned(ctx, st); err != nil {
					return out, s.failed(err, st, i, len(stmts))
				}
			}
		case sqltext.Query, sqltext.Look:
			says = bot.Textf("`%s`: its rows are shown", headOf(st))
		case sqltext.Setting:
			says = bot.Textf("`%s`: holds for what comes after it", headOf(st))
		case sqltext.Other:
			says = bot.Textf("`%s`", headOf(st))
		default:
		}
		alone = alone && (st.Kind == sqltext.Query || st.Kind == sqltext.Look || st.Kind == sqltext.Write)
		if i < summaryMax {
			add("\n• %v", says)
		}
		if st.Need == sqltext.Code && st.Why != "" && i < summaryMax {
			add(" (%s)", st.Why)
		}
	}
	if n := len(stmts) - summaryMax; n > 0 {
		add("\n• and %d more", n)
	}
	if planned != "" {
		add("\n%s", planned)
	}
	if r := s.e.decide(s.a.Permission(), s.c.Name, ""); r.Require == RequireApproval {
		add("\nA second person with role %s will be asked to agree.", strings.Join(r.By, " or "))
	}
	return out, nil
}

// jobToBe says what job a statement becomes.
func (s *script) jobToBe(st sqltext.Statement, name string) bot.Text {
	out := bot.Textf("%s becomes the job **%s**", st.Verb(), name)
	if s.a.Parallelism > 0 {
		out.Spans = append(out.Spans, bot.Textf(" at parallelism %d", s.a.Parallelism).Spans...)
	}
	if s.a.Savepoint != "" {
		return bot.Text{Spans: append(out.Spans, bot.Textf(", which starts from `%s`", clip(s.a.Savepoint, 200)).Spans...)}
	}
	return bot.Text{Spans: append(out.Spans, bot.Span{Text: ", which starts without state"})}
}

// planned has a statement explained and says how that went; its error is what is wrong with the statement.
func (s *script) planned(ctx context.Context, st sqltext.Statement) (string, error) {
	text, ok := explainable(st)
	if !ok {
		return "", nil
	}
	q := platform.SQLStatement{Prelude: s.session.Statements, Text: "EXPLAIN\n" + text}
	err := s.c.Query(ctx, q, platform.QueryLimits{}, func(platform.Page) {})
	switch k := platform.KindOf(err); {
	case err == nil:
		return "Flink has planned " + strings.ToUpper(st.Verb()) + " and found nothing wrong.", nil
	case k == platform.Unavailable || ctx.Err() != nil:
		return "Flink has not planned it in time; it is checked again before it is submitted.", nil //nolint:nilerr // what was not answered in time is no mistake of the statement
	}
	return "", s.inScript(err, st, 1)
}

// statements cuts a script, which must hold at least one.
func statements(text string) ([]sqltext.Statement, error) {
	stmts, err := sqltext.Split(text)
	if err != nil {
		return nil, platform.Errorf(platform.Invalid, "", "%w; nothing was run", err)
	}
	if len(stmts) == 0 {
		return nil, platform.Errorf(platform.Invalid, "", "there is no statement in this, only comments; nothing was run")
	}
	return stmts, nil
}
