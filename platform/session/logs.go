package session

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/flinkrest"
)

var _ platform.LogReader = (*Driver)(nil)

const (
	// logsAtOnce is how many TaskManagers are asked for their logs.
	logsAtOnce = 2
	// logMost is the largest log that is read for its end. Flink's own configuration begins a new one at 100 MB.
	logMost = 128 << 20
)

// errTooLong says that a log is not worth reading whole for its end.
var errTooLong = errors.New("the log is too long")

// Logs implements platform.LogReader.
func (d *Driver) Logs(ctx context.Context, id platform.JobID, most int) ([]platform.Log, error) {
	op := "read the logs of job " + short(id)
	if !isHex32(string(id)) {
		return nil, platform.Errorf(platform.Invalid, op, "a Flink job id has 32 hex digits")
	}
	tms, err := d.whereItRan(ctx, string(id))
	if unknown(err) {
		return nil, noSuchJob(op)
	}
	if err != nil {
		return nil, mapped(op, err)
	}
	out := make([]platform.Log, len(tms)+1)
	var wg sync.WaitGroup
	for i, tm := range tms {
		wg.Go(func() {
			out[i] = tail(op, "TaskManager "+platform.Redact(tm), most, func(take func(int64, io.Reader) error) error { return d.jm.TaskManagerLog(ctx, tm, take) })
		})
	}
	wg.Go(func() {
		out[len(tms)] = tail(op, "JobManager", most, func(take func(int64, io.Reader) error) error { return d.jm.JobManagerLog(ctx, take) })
	})
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, mapped(op, platform.Errorf(platform.Unavailable, op, "the logs did not come in time"))
	}
	return out, nil
}

// whereItRan lists the TaskManagers of a job's newest failure, or else those of its first vertex that has any, the ones
// whose tasks failed first. The adaptive scheduler does not say where a job failed.
func (d *Driver) whereItRan(ctx context.Context, id string) ([]string, error) {
	h, err := d.jm.Exceptions(ctx, id, 1)
	if err != nil {
		return nil, err
	}
	if es := h.History.Entries; len(es) > 0 && named(es[0].TaskManager) {
		return []string{es[0].TaskManager}, nil
	}
	job, err := d.jm.Job(ctx, id)
	if err != nil {
		return nil, err
	}
	vs := slices.Clone(job.Vertices)
	failed := func(v flinkrest.Vertex) int {
		if v.Status == string(platform.Failed) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(vs, func(a, b flinkrest.Vertex) int { return cmp.Compare(failed(a), failed(b)) })
	for _, v := range vs[:min(len(vs), busyVertices)] {
		at, err := d.jm.VertexTaskManagers(ctx, id, v.ID)
		if err != nil {
			return nil, err
		}
		var tms []string
		for _, tm := range at.TaskManagers {
			if named(tm.ID) && !slices.Contains(tms, tm.ID) {
				tms = append(tms, tm.ID)
			}
		}
		if len(tms) > 0 {
			return tms[:min(len(tms), logsAtOnce)], nil
		}
	}
	return nil, nil
}

// named says whether a TaskManager's id is one: Flink writes "(unassigned)" for none.
func named(tm string) bool { return tm != "" && !strings.HasPrefix(tm, "(") }

// tail reads one log to its end.
func tail(op, source string, most int, read func(take func(size int64, body io.Reader) error) error) platform.Log {
	l := platform.Log{Source: source}
	err := read(func(size int64, body io.Reader) error {
		if size > logMost {
			l.Size = size
			return errTooLong
		}
		end, n, err := lastOf(body, most)
		l.Tail, l.Size = platform.Redact(end), n
		return err
	})
	var pe *platform.Error
	switch {
	case err == nil:
	case errors.Is(err, errTooLong):
		l.Tail, l.Missed = "", fmt.Sprintf("its log has more than %d MB, and Flink gives it only whole", logMost>>20)
	case unknown(err) || strings.Contains(err.Error(), "UnknownTaskExecutor") || strings.Contains(err.Error(), "No TaskExecutor registered"):
		l.Tail, l.Missed = "", "it is gone, and its log with it"
	case errors.As(mapped(op, err), &pe):
		l.Tail, l.Missed = "", "it does not give its log: "+pe.Err.Error()
	}
	return l
}

// lastOf reads r to its end and returns its last whole lines of at most most bytes, and how many bytes there were.
func lastOf(r io.Reader, most int) (string, int64, error) {
	// Twice as much as is wanted is kept, so that each byte is moved at most once on average.
	kept := make([]byte, 0, 2*most)
	var n int64
	buf := make([]byte, 64<<10)
	for {
		k, err := r.Read(buf)
		for part := buf[:k]; len(part) > 0; {
			if len(kept) == cap(kept) {
				kept = kept[:copy(kept, kept[len(kept)-most:])]
			}
			m := min(len(part), cap(kept)-len(kept))
			kept, part = append(kept, part[:m]...), part[m:]
		}
		if n += int64(k); n > logMost {
			return "", n, errTooLong
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", n, err
		}
	}
	if cut := len(kept) - most; cut > 0 {
		kept = kept[cut:]
	}
	if n > int64(len(kept)) { // the first line is cut, and with it perhaps the word that says that a secret follows
		kept = kept[bytes.IndexByte(kept, '\n')+1:]
	}
	return strings.ToValidUTF8(string(kept), "�"), n, nil
}
