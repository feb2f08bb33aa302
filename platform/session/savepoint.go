package session

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/flinkrest"
)

// syncSavepoint is the type of the savepoint that a stop writes.
const syncSavepoint = "SYNC_SAVEPOINT"

func format(canonical bool) string {
	if canonical {
		return "CANONICAL"
	}
	// Not Flink's default: a canonical savepoint of a 2.x job with asynchronous state fails and restarts the job.
	return "NATIVE"
}

func (d *Driver) beginSavepoint(ctx context.Context, id string, c platform.Savepoint) (platform.Ticket, error) {
	op := "savepoint of job " + short(c.Job)
	t := platform.Ticket{Op: platform.OpSavepoint, Job: c.Job, ID: id}
	if known, err := d.readyForSavepoint(ctx, op, "a savepoint", id, c.Job); err != nil || known {
		return t, err
	}
	_, err := d.jm.TriggerSavepoint(ctx, string(c.Job), flinkrest.SavepointRequest{
		Dir: c.Dir, Format: format(c.Canonical), TriggerID: id,
	})
	if err != nil {
		return platform.Ticket{}, noTarget(mapped(op, err))
	}
	return t, nil
}

func (d *Driver) beginStop(ctx context.Context, id string, c platform.Stop) (platform.Ticket, error) {
	op := "stop job " + short(c.Job)
	t := platform.Ticket{Op: platform.OpStop, Job: c.Job, ID: id}
	known, err := d.readyForSavepoint(ctx, op, "a stop with savepoint", id, c.Job)
	if err != nil && platform.KindOf(err) == platform.Invalid {
		// What is asked for is there already: the trigger is forgotten, or somebody else stopped the job.
		if path, _ := d.stopTraces(ctx, c.Job); path != "" {
			return t, nil
		}
	}
	if err != nil || known {
		return t, err
	}
	_, err = d.jm.TriggerStop(ctx, string(c.Job), flinkrest.StopRequest{
		Drain: c.Drain, Dir: c.Dir, Format: format(false), TriggerID: id,
	})
	if err != nil {
		return platform.Ticket{}, noTarget(mapped(op, err))
	}
	return t, nil
}

// noTarget rewords the refusal of a savepoint that has nowhere to go.
func noTarget(err error) error {
	if e, ok := err.(*platform.Error); ok && strings.Contains(e.Error(), "savepoint-dir] is not set") { //nolint:errorlint // made by mapped
		e.Err = reason{words: "the cluster has no savepoint folder configured (execution.checkpointing.savepoint-dir); name one"}
	}
	return err
}

// readyForSavepoint says whether the job can take a savepoint, or the trigger id is known already. Flink itself accepts the
// trigger for any job, even one that does not exist, and words the failure in a misleading way.
func (d *Driver) readyForSavepoint(ctx context.Context, op, what, id string, job platform.JobID) (known bool, err error) {
	s, err := d.state(ctx, op, job)
	if err != nil {
		return false, err
	}
	if s == platform.Running {
		return false, nil
	}
	if _, err := d.jm.Savepoint(ctx, string(job), id); err == nil {
		return true, nil
	}
	switch s {
	case platform.Restarting:
		return false, refuse(platform.Busy, op, "the job is restarting; %s needs it running", what)
	case platform.Created, platform.Initializing:
		return false, refuse(platform.Busy, op, "the job is waiting to start (%s); %s needs it running", s, what)
	}
	return false, refuse(platform.Invalid, op, "the job is %s; %s needs it running", s, what)
}

func (d *Driver) pollSavepoint(ctx context.Context, t platform.Ticket) (platform.Outcome, error) {
	op := "savepoint of job " + short(t.Job)
	tr, err := d.jm.Savepoint(ctx, string(t.Job), t.ID)
	switch {
	case unknown(err):
		return platform.Outcome{}, d.forgottenSavepoint(ctx, op, t.Job)
	case err != nil:
		return platform.Outcome{}, mapped(op, err)
	case !tr.Completed():
		return platform.Outcome{Note: "the savepoint is being written"}, nil
	case tr.Failure() != nil:
		return platform.Outcome{}, fromTrace(op, tr.Failure().Stack)
	}
	return platform.Outcome{Done: true, Savepoint: tr.Location()}, nil
}

// forgottenSavepoint is the error for a trigger that the JobManager does not know (any more). The newest savepoint is
// named but not claimed: another person's looks the same.
func (d *Driver) forgottenSavepoint(ctx context.Context, op string, job platform.JobID) error {
	hint := ""
	if cp, err := d.jm.Checkpoints(ctx, string(job)); err == nil && cp.Latest.Savepoint != nil {
		hint = "; the newest savepoint that it knows of is " + cp.Latest.Savepoint.Path
	}
	return refuse(platform.Ambiguous, op, "the cluster no longer knows of this savepoint, which may or may not have been written%s", hint)
}

func (d *Driver) pollStop(ctx context.Context, t platform.Ticket) (platform.Outcome, error) {
	op := "stop job " + short(t.Job)
	tr, err := d.jm.Savepoint(ctx, string(t.Job), t.ID)
	switch {
	case unknown(err):
		return d.forgottenStop(ctx, op, t.Job)
	case err != nil:
		return platform.Outcome{}, mapped(op, err)
	case !tr.Completed():
		return platform.Outcome{Note: "the savepoint is being written"}, nil
	case tr.Failure() != nil:
		return platform.Outcome{}, fromTrace(op, tr.Failure().Stack)
	}
	out := platform.Outcome{Done: true, Savepoint: tr.Location()}
	s, err := d.jm.Status(ctx, string(t.Job))
	if err == nil && !platform.JobState(s).Terminal() {
		out.Done, out.Note = false, "the savepoint is written, the job is ending"
	}
	return out, nil
}

func (d *Driver) forgottenStop(ctx context.Context, op string, job platform.JobID) (platform.Outcome, error) {
	path, state := d.stopTraces(ctx, job)
	switch {
	case path != "":
		return platform.Outcome{Done: true, Savepoint: path, Note: "the job is stopped with a savepoint"}, nil
	case state == platform.Running:
		return platform.Outcome{}, refuse(platform.Ambiguous, op, "the cluster no longer knows of this stop, and the job runs; a savepoint may have been written")
	case state == "":
		return platform.Outcome{}, refuse(platform.Ambiguous, op, "the cluster no longer knows the job; it may have been stopped with a savepoint, or lost in a restart of the cluster")
	}
	return platform.Outcome{}, refuse(platform.Ambiguous, op, "the cluster no longer knows of this stop; the job is %s", state)
}

// staleFor is how old the JobManager's view of a job can be (web.refresh-interval, 3 s by default), and a bit.
const staleFor = 4 * time.Second

// stopTraces looks for what a stop with savepoint leaves behind: a FINISHED job whose last savepoint is a synchronous one.
// state is "" when the cluster does not know the job. Of a job that has just ended it waits for a fresh view.
func (d *Driver) stopTraces(ctx context.Context, job platform.JobID) (path string, state platform.JobState) {
	s, err := d.jm.Status(ctx, string(job))
	if err != nil || platform.JobState(s) != platform.Finished {
		return "", platform.JobState(s)
	}
	ctx, cancel := context.WithTimeout(ctx, staleFor)
	defer cancel()
	for wait := newBackoff(); ; {
		// The checkpoints' cache is another than the details', so only the job's age tells whether they are up to date.
		det, err := d.jm.Job(ctx, string(job))
		fresh := err == nil && platform.JobState(det.State).Terminal() && det.Now-det.End > staleFor.Milliseconds()
		cp, err := d.jm.Checkpoints(ctx, string(job))
		if sp := cp.Latest.Savepoint; err == nil && sp != nil && sp.Type == syncSavepoint && sp.Status == "COMPLETED" {
			return sp.Path, platform.Finished
		}
		if fresh || wait.sleep(ctx) != nil {
			return "", platform.Finished
		}
	}
}

func (d *Driver) beginCancel(ctx context.Context, id string, c platform.Cancel) (platform.Ticket, error) {
	op := "cancel job " + short(c.Job)
	t := platform.Ticket{Op: platform.OpCancel, Job: c.Job, ID: id}
	if !isHex32(string(c.Job)) {
		return t, platform.Errorf(platform.Invalid, op, "a Flink job id has 32 hex digits")
	}
	err := d.jm.Cancel(ctx, string(c.Job))
	switch status(err) {
	case 404:
		return platform.Ticket{}, noSuchJob(op)
	case 409: // it has ended in another way; Poll says how
		return t, nil
	}
	if err != nil {
		return platform.Ticket{}, mapped(op, err)
	}
	return t, nil
}

func (d *Driver) pollCancel(ctx context.Context, t platform.Ticket) (platform.Outcome, error) {
	op := "cancel job " + short(t.Job)
	s, err := d.jm.Status(ctx, string(t.Job))
	if unknown(err) {
		// Not "done": a highly available cluster that fails over may still bring the job back.
		return platform.Outcome{}, refuse(platform.Ambiguous, op, "the cluster no longer knows the job; it has been cancelled, or lost in a restart of the cluster")
	}
	if err != nil {
		return platform.Outcome{}, mapped(op, err)
	}
	switch platform.JobState(s) {
	case platform.Canceled:
		return platform.Outcome{Done: true}, nil
	case platform.Finished:
		return platform.Outcome{Done: true, Note: "the job had already finished"}, nil
	case platform.Failed:
		return platform.Outcome{Done: true, Note: "the job had already failed"}, nil
	}
	return platform.Outcome{Note: "the job is " + s}, nil
}

// disposal is a Dispose ticket's own data: Flink takes no trigger id of ours here.
type disposal struct {
	Trigger string `json:"trigger"`
	Path    string `json:"path"`
}

func (d *Driver) beginDispose(ctx context.Context, id string, c platform.Dispose) (platform.Ticket, error) {
	op := "delete savepoint " + platform.Redact(c.Path)
	if strings.TrimSpace(c.Path) == "" {
		return platform.Ticket{}, platform.Errorf(platform.Invalid, "delete savepoint", "no path is given")
	}
	trigger, err := d.jm.TriggerDisposal(ctx, c.Path)
	if err != nil {
		return platform.Ticket{}, mapped(op, err)
	}
	data, err := json.Marshal(disposal{Trigger: trigger, Path: c.Path})
	return platform.Ticket{Op: platform.OpDispose, ID: id, Data: data}, mapped(op, err)
}

func (d *Driver) pollDispose(ctx context.Context, t platform.Ticket) (platform.Outcome, error) {
	var data disposal
	if err := json.Unmarshal(t.Data, &data); err != nil || data.Trigger == "" {
		return platform.Outcome{}, platform.Errorf(platform.Invalid, "delete savepoint", "the ticket is not one of a deletion")
	}
	op := "delete savepoint " + platform.Redact(data.Path)
	tr, err := d.jm.Disposal(ctx, data.Trigger)
	switch {
	case unknown(err):
		return platform.Outcome{}, refuse(platform.Ambiguous, op, "the cluster no longer knows of this deletion; deleting again is harmless")
	case err != nil:
		return platform.Outcome{}, mapped(op, err)
	case !tr.Completed():
		return platform.Outcome{Note: "the savepoint is being deleted"}, nil
	case tr.Failure() == nil:
		return platform.Outcome{Done: true}, nil
	case strings.Contains(tr.Failure().Stack, "FileNotFoundException"):
		// The same id twice must end alike, and Flink cannot tell the second attempt from a first.
		return platform.Outcome{Done: true, Note: "there was no savepoint at this path (any more)"}, nil
	}
	return platform.Outcome{}, fromTrace(op, tr.Failure().Stack)
}
