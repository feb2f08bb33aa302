package session

import (
	"context"
	"encoding/hex"

	"github.com/drey-ops/drey/platform"
)

// Begin implements platform.Driver. A submission of SQL takes as long as the gateway needs to plan it; all others return
// at once.
func (d *Driver) Begin(ctx context.Context, id string, c platform.Change) (platform.Ticket, error) {
	if !isHex32(id) {
		return platform.Ticket{}, platform.Errorf(platform.Invalid, string(c.Op()), "the id of a change must be 32 hex digits")
	}
	switch c := c.(type) {
	case platform.SubmitSQL:
		return d.beginSQL(ctx, id, c)
	case platform.SubmitJar:
		return d.beginJar(ctx, id, c)
	case platform.Stop:
		return d.beginStop(ctx, id, c)
	case platform.Savepoint:
		return d.beginSavepoint(ctx, id, c)
	case platform.Cancel:
		return d.beginCancel(ctx, id, c)
	case platform.Dispose:
		return d.beginDispose(ctx, id, c)
	case platform.Rescale:
		return d.beginRescale(ctx, id, c)
	}
	return platform.Ticket{}, platform.Errorf(platform.Unsupported, string(c.Op()), "session clusters do not know this change")
}

// Poll implements platform.Driver.
func (d *Driver) Poll(ctx context.Context, t platform.Ticket) (platform.Outcome, error) {
	switch t.Op {
	case platform.OpSubmitSQL, platform.OpSubmitJar:
		return d.pollSubmit(ctx, t)
	case platform.OpStop:
		return d.pollStop(ctx, t)
	case platform.OpSavepoint:
		return d.pollSavepoint(ctx, t)
	case platform.OpCancel:
		return d.pollCancel(ctx, t)
	case platform.OpDispose:
		return d.pollDispose(ctx, t)
	case platform.OpRescale:
		return d.pollRescale(ctx, t)
	}
	return platform.Outcome{}, platform.Errorf(platform.Unsupported, string(t.Op), "session clusters do not know this change")
}

// State implements platform.Stater.
func (d *Driver) State(ctx context.Context, id platform.JobID) (platform.JobState, error) {
	return d.state(ctx, "read the state of job "+short(id), id)
}

func (d *Driver) state(ctx context.Context, op string, id platform.JobID) (platform.JobState, error) {
	if !isHex32(string(id)) {
		return "", platform.Errorf(platform.Invalid, op, "a Flink job id has 32 hex digits")
	}
	s, err := d.jm.Status(ctx, string(id))
	if unknown(err) {
		return "", noSuchJob(op)
	}
	return platform.JobState(s), mapped(op, err)
}

func isHex32(s string) bool {
	_, err := hex.DecodeString(s)
	return len(s) == 32 && err == nil
}

// short is the part of a job id that people read.
func short(id platform.JobID) string {
	if len(id) > 8 {
		return string(id[:8])
	}
	return string(id)
}
