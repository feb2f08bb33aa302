package session

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"maps"
	"time"
	"unicode/utf16"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/sqlgateway"
	"github.com/drey-ops/drey/platform/sqltext"
)

// Defaults of platform.QueryLimits, and how often a growing page is told.
const (
	queryRows = 1000
	queryTime = time.Minute
	tellEvery = time.Second
)

// queryConfig is what makes a query of a person's quick and harmless; the statement's own settings win.
func queryConfig(q platform.SQLStatement, job string) map[string]string {
	conf := map[string]string{
		// Rows of a streaming query come with checkpoints; exactly-once would hold them back for one more.
		"execution.checkpointing.mode":                              "AT_LEAST_ONCE",
		"execution.checkpointing.interval":                          "1s",
		"execution.checkpointing.externalized-checkpoint-retention": "DELETE_ON_CANCELLATION",
		// A query that fails and restarts for ever shows no rows and no error.
		"restart-strategy.type": "none",
		"pipeline.name":         "drey query",
	}
	maps.Copy(conf, q.Config)
	// Our id, so that the job can be found when the gateway's answer is lost.
	conf[fixedJobID] = job
	return conf
}

// Query implements platform.Queryer.
func (d *Driver) Query(ctx context.Context, q platform.SQLStatement, lim platform.QueryLimits, emit func(platform.Page)) error {
	const op = "" // what is wrong with a statement needs no other words than the gateway's
	if d.gw == nil {
		return platform.Errorf(platform.Unsupported, op, noGateway)
	}
	kind, err := kindOfSQL(op, q.Text)
	if err != nil {
		return err
	}
	if kind == sqltext.Write {
		return platform.Errorf(platform.Invalid, op, "the statement starts a job that stays; submit it instead")
	}
	if lim.Rows <= 0 {
		lim.Rows = queryRows
	}
	if lim.Time <= 0 {
		lim.Time = queryTime
	}
	s, reused, err := d.pool.take(ctx, op, q.Prelude)
	if err != nil {
		return mappedSQL(op, err)
	}
	r := d.newQuery(s, q, lim, emit)
	err = r.run(ctx)
	if reused && sqlgateway.SessionLost(err) && !r.told {
		// The gateway was restarted or the session timed out: nothing has happened yet.
		if s, err = d.pool.open(ctx, op, q.Prelude); err != nil {
			return mappedSQL(op, err)
		}
		r = d.newQuery(s, q, lim, emit)
		err = r.run(ctx)
	}
	switch {
	case err != nil && (kind != sqltext.Query && kind != sqltext.Look || sqlgateway.SessionLost(err)):
		d.pool.drop(ctx, s)
	case kind == sqltext.Query || kind == sqltext.Look:
		d.pool.put(ctx, s, q.Prelude)
	case kind == sqltext.Setting || kind == sqltext.Define:
		// Whoever keeps the statement finds the session again.
		d.pool.put(ctx, s, append(q.Prelude[:len(q.Prelude):len(q.Prelude)], q.Text))
	default:
		d.pool.drop(ctx, s)
	}
	return mappedSQL(op, err)
}

// kindOfSQL classes exactly one statement. What cannot be read is left to the gateway, which says it better.
func kindOfSQL(op, text string) (sqltext.Kind, error) {
	stmts, err := sqltext.Split(text)
	if err == nil && len(stmts) > 1 {
		return 0, platform.Errorf(platform.Invalid, op, "these are %d statements; one is wanted", len(stmts))
	}
	if err == nil && len(stmts) == 1 {
		return stmts[0].Kind, nil
	}
	return sqltext.Other, nil
}

// Complete implements platform.Queryer.
func (d *Driver) Complete(ctx context.Context, q platform.SQLStatement, at int) ([]string, error) {
	const op = "complete SQL"
	if d.gw == nil {
		return nil, platform.Errorf(platform.Unsupported, op, noGateway)
	}
	if at < 0 || at > len(q.Text) {
		return nil, platform.Errorf(platform.Invalid, op, "the position is outside the text")
	}
	s, reused, err := d.pool.take(ctx, op, q.Prelude)
	if err != nil {
		return nil, mappedSQL(op, err)
	}
	// The gateway counts as Java does.
	position := len(utf16.Encode([]rune(q.Text[:at])))
	list, err := d.gw.Complete(ctx, s, q.Text, position)
	if reused && sqlgateway.SessionLost(err) {
		if s, err = d.pool.open(ctx, op, q.Prelude); err != nil {
			return nil, mappedSQL(op, err)
		}
		list, err = d.gw.Complete(ctx, s, q.Text, position)
	}
	if err != nil {
		d.pool.drop(ctx, s)
		return nil, mappedSQL(op, err)
	}
	d.pool.put(ctx, s, q.Prelude)
	return list, nil
}

// query is one run of Query in one session.
type query struct {
	d    *Driver
	s    sqlgateway.Session
	q    platform.SQLStatement
	lim  platform.QueryLimits
	emit func(platform.Page)

	job   platform.JobID // ours; there may come to be none
	began time.Time
	page  platform.Page
	view  *view
	last  time.Time // of the latest emit
	told  bool
}

func (d *Driver) newQuery(s sqlgateway.Session, q platform.SQLStatement, lim platform.QueryLimits, emit func(platform.Page)) *query {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	now := time.Now()
	return &query{d: d, s: s, q: q, lim: lim, emit: emit, job: platform.JobID(hex.EncodeToString(id[:])), began: now, last: now, view: newView()}
}

// run executes the statement and shows its rows until its end, the limits', or ctx's.
func (r *query) run(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, r.lim.Time)
	defer cancel()
	o, err := r.d.gw.Execute(limited, r.s, r.q.Text, queryConfig(r.q, string(r.job)))
	if err == nil {
		err = r.pages(limited, o)
	}
	if sqlgateway.SessionLost(err) && r.page.Job == "" {
		return err
	}
	endErr := r.end(ctx, o)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		err = nil // its time is over, which is no error
		if r.page.Columns == nil {
			err = platform.Errorf(platform.Unavailable, "", "no result within %s", r.lim.Time)
		}
	}
	if err == nil || r.page.Columns != nil {
		r.page.Done = true
		r.tell()
	}
	if err == nil {
		err = endErr
	}
	return err
}

// pages fetches until there are no more pages or the view is full.
func (r *query) pages(ctx context.Context, o sqlgateway.Operation) error {
	wait, token := newBackoff(), int64(0)
	for {
		p, err := r.d.gw.Fetch(ctx, o, token)
		if err != nil {
			return err
		}
		if p.Type != sqlgateway.NotReady {
			r.take(p)
		}
		if r.view.full(r.lim.Rows) {
			r.page.More = true
			return nil
		}
		next, more := p.NextToken()
		switch {
		case p.Type == sqlgateway.NotReady:
		case !more:
			return nil
		default:
			token = next
		}
		if len(p.Results.Rows) > 0 {
			wait = newBackoff()
			continue
		}
		if err := wait.sleep(ctx); err != nil {
			return err
		}
	}
}

// take adds a page and tells it, if it is time.
func (r *query) take(p sqlgateway.Page) {
	if r.page.Columns == nil {
		r.page.Columns = []platform.Column{}
		for _, c := range p.Results.Columns {
			r.page.Columns = append(r.page.Columns, platform.Column{Name: c.Name, Type: c.Type.String()})
		}
	}
	if p.Job != "" {
		r.page.Job = platform.JobID(p.Job)
	}
	for _, row := range p.Results.Rows {
		r.view.apply(row)
	}
	if len(p.Results.Rows) > 0 && time.Since(r.last) >= tellEvery {
		r.tell()
	}
}

func (r *query) tell() {
	r.last, r.told = time.Now(), true
	r.page.Rows = r.view.show(r.lim.Rows)
	r.page.Elapsed = time.Since(r.began)
	r.emit(r.page)
}
