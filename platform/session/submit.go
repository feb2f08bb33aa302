package session

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/flinkrest"
	"github.com/drey-ops/drey/platform/sqlgateway"
	"github.com/drey-ops/drey/platform/sqltext"
)

// cleanup bounds what is done after the caller's ctx has ended: closing operations and sessions, looking a job up.
const cleanup = 5 * time.Second

// fixedJobID makes the SQL Gateway submit a job under our id. It is internal to Flink but the gateway's own client path
// depends on it; seen to work on 1.20.3 and 2.3.0, for INSERT, STATEMENT SET and CREATE TABLE AS.
const fixedJobID = "$internal.pipeline.job-id"

func (d *Driver) beginSQL(ctx context.Context, id string, c platform.SubmitSQL) (platform.Ticket, error) {
	const op = "submit SQL"
	if c.JobID == "" {
		c.JobID = platform.JobID(id)
	}
	t := platform.Ticket{Op: platform.OpSubmitSQL, Job: c.JobID, ID: id}
	switch {
	case d.gw == nil:
		return platform.Ticket{}, platform.Errorf(platform.Unsupported, op, noGateway)
	case !isHex32(string(c.JobID)):
		return platform.Ticket{}, platform.Errorf(platform.Invalid, op, "a Flink job id has 32 hex digits")
	}
	// The gateway would run a query, and cancelling its job at once can take a TaskManager down: see opened.
	kind, err := kindOfSQL(op, c.Statement)
	if err == nil && (kind == sqltext.Query || kind == sqltext.Look || kind == sqltext.Setting) {
		err = platform.Errorf(platform.Invalid, op, "the statement starts no job that stays; INSERT, EXECUTE STATEMENT SET and CREATE TABLE AS do")
	}
	if err != nil {
		return platform.Ticket{}, err
	}
	if taken, err := d.taken(ctx, op, c.JobID); err != nil || taken {
		return t, err
	}
	err = d.submitSQL(ctx, op, c)
	if err == nil || isDuplicate(err) {
		return t, nil
	}
	if k := platform.KindOf(err); k == platform.Unavailable || ctx.Err() != nil {
		// The answer is lost, perhaps not the job.
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanup)
		defer cancel()
		if taken, lookErr := d.taken(late, op, c.JobID); lookErr == nil && taken {
			return t, nil
		}
	}
	return platform.Ticket{}, err
}

// taken says whether the JobManager has a job of this id.
func (d *Driver) taken(ctx context.Context, op string, id platform.JobID) (bool, error) {
	_, err := d.jm.Status(ctx, string(id))
	if unknown(err) {
		return false, nil
	}
	return err == nil, mapped(op, err)
}

func (d *Driver) submitSQL(ctx context.Context, op string, c platform.SubmitSQL) error {
	s, err := d.gw.Open(ctx, "drey submit", nil)
	if err != nil {
		return mappedSQL(op, err)
	}
	defer func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanup)
		defer cancel()
		// A session that cannot be closed times out by itself; the job does not depend on it.
		_ = d.gw.CloseSession(late, s)
	}()
	if err := prepare(ctx, d.gw, s, op, c.Prelude); err != nil {
		return err
	}
	o, err := d.gw.Execute(ctx, s, c.Statement, submitConfig(c))
	if err != nil {
		return mappedSQL(op, err)
	}
	defer closeOperation(ctx, d.gw, o)
	page, err := firstPage(ctx, d.gw, o)
	if err != nil {
		return mappedSQL(op, err)
	}
	if page.Job == "" {
		return platform.Errorf(platform.Invalid, op, "the statement starts no job")
	}
	if page.Job != string(c.JobID) {
		return platform.Errorf(platform.Ambiguous, op, "the cluster gave the job another id (%s) than asked for", page.Job)
	}
	return nil
}

func submitConfig(c platform.SubmitSQL) map[string]string {
	conf := maps.Clone(c.Config)
	if conf == nil {
		conf = map[string]string{}
	}
	conf[fixedJobID] = string(c.JobID)
	// With true, which a prelude may set, the statement would end with the job and not with its submission.
	conf["table.dml-sync"] = "false"
	if c.Name != "" {
		conf["pipeline.name"] = c.Name
	}
	if c.Parallelism > 0 {
		conf["parallelism.default"] = strconv.Itoa(c.Parallelism)
	}
	if c.Savepoint != "" {
		conf["execution.state-recovery.path"] = c.Savepoint
	}
	return conf
}

// prepare runs the prelude in a session. Its errors say which statement failed.
func prepare(ctx context.Context, gw *sqlgateway.Client, s sqlgateway.Session, op string, prelude []string) error {
	for i, text := range prelude {
		err := gw.Configure(ctx, s, text)
		if sqlgateway.NotForConfigure(err) {
			err = runToEnd(ctx, gw, s, text)
		}
		if err != nil {
			if sqlgateway.SessionLost(err) {
				return err
			}
			return mappedSQL(op+": statement "+strconv.Itoa(i+1)+" of the prelude", err)
		}
	}
	return nil
}

// runToEnd executes a statement for its effect.
func runToEnd(ctx context.Context, gw *sqlgateway.Client, s sqlgateway.Session, text string) error {
	o, err := gw.Execute(ctx, s, text, nil)
	if err != nil {
		return err
	}
	defer closeOperation(ctx, gw, o)
	_, err = firstPage(ctx, gw, o)
	return err
}

// firstPage waits until a statement has its first page, or its error.
func firstPage(ctx context.Context, gw *sqlgateway.Client, o sqlgateway.Operation) (sqlgateway.Page, error) {
	wait := newBackoff()
	for {
		page, err := gw.Fetch(ctx, o, 0)
		if err != nil || page.Type != sqlgateway.NotReady {
			return page, err
		}
		if err := wait.sleep(ctx); err != nil {
			return page, err
		}
	}
}

func closeOperation(ctx context.Context, gw *sqlgateway.Client, o sqlgateway.Operation) {
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanup)
	defer cancel()
	// Closing the session, now or by its timeout, closes it too.
	_ = gw.CloseOperation(late, o)
}

// isDuplicate says whether the JobManager refused a second job of one id: the first attempt got through.
func isDuplicate(err error) bool {
	e, ok := err.(*platform.Error) //nolint:errorlint // made by mapped
	return ok && (strings.Contains(e.Detail, "DuplicateJobSubmissionException") || strings.Contains(e.Detail, "DuplicateApplicationSubmissionException"))
}

func (d *Driver) beginJar(ctx context.Context, id string, c platform.SubmitJar) (platform.Ticket, error) {
	const op = "run JAR"
	if c.JobID == "" {
		c.JobID = platform.JobID(id)
	}
	t := platform.Ticket{Op: platform.OpSubmitJar, Job: c.JobID, ID: id}
	switch {
	case !isHex32(string(c.JobID)):
		return platform.Ticket{}, platform.Errorf(platform.Invalid, op, "a Flink job id has 32 hex digits")
	case c.Jar == "":
		return platform.Ticket{}, platform.Errorf(platform.Invalid, op, "no JAR is named")
	}
	if taken, err := d.taken(ctx, op, c.JobID); err != nil || taken {
		return t, err
	}
	_, err := d.jm.RunJar(ctx, c.Jar, flinkrest.RunRequest{
		EntryClass:  c.EntryClass,
		Args:        c.Args,
		Parallelism: c.Parallelism,
		JobID:       string(c.JobID),
		Savepoint:   c.Savepoint,
		Config:      c.Config,
	})
	if unknown(err) {
		return platform.Ticket{}, platform.Errorf(platform.Unsupported, op, noUpload)
	}
	err = noJar(c.Jar, mapped(op, err))
	if err != nil && !isDuplicate(err) {
		return platform.Ticket{}, err
	}
	return t, nil
}

func (d *Driver) pollSubmit(ctx context.Context, t platform.Ticket) (platform.Outcome, error) {
	op := "submit job " + short(t.Job)
	s, err := d.jm.Status(ctx, string(t.Job))
	if unknown(err) {
		return platform.Outcome{}, platform.Errorf(platform.NotFound, op, "the cluster knows no job of this id; it was not taken, or lost in a restart of the cluster")
	}
	if err != nil {
		return platform.Outcome{}, mapped(op, err)
	}
	return platform.Outcome{Done: true, Job: t.Job, Note: "the job is " + s}, nil
}
