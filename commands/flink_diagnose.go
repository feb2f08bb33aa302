package commands

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/diagnosis"
	"github.com/drey-ops/drey/platform/ops"
)

func flinkDiagnose(d Deps) *Command {
	return New(Spec{
		Path: "flink diagnose", Help: "Name the likely cause of a job's trouble, and what to do next",
		Examples:   []string{"/flink diagnose orders"},
		Permission: "job.read", Effect: Reads,
		Resolve:  ResolveJobs(d.findJob),
		Shortcut: &bot.Shortcut{Label: "Diagnose"},
	}, func(ctx context.Context, e *Env, a jobArgs) (bot.Message, error) {
		c, j, err := d.lookUp(ctx, a.Job)
		if platform.KindOf(err) == platform.NotFound {
			if k, ok := d.remembered(ctx, []string{a.Job.Cluster}, a.Job.Job); ok {
				return forgottenJob(e, k), nil
			}
		}
		if err != nil {
			return bot.Message{}, err
		}
		s := d.symptoms(ctx, c, j)
		s.ref, s.now = a.Job, e.Now
		s.cause = d.seen(ctx, e, c.Name, j, s.exceptions)
		return s.message(e, d.Links.job(c.Name, j.ID)), nil
	})
}

// symptoms is what the cluster tells of a job in trouble. An error is a look that had no answer in its time.
type symptoms struct {
	ref   platform.JobRef
	now   time.Time
	job   platform.Job
	known ops.Known
	cause bot.Text // what is known of the newest exception's cause
	jobReads
	info    platform.Info
	infoErr error
}

// symptoms asks for everything at once, each look with its own deadline.
func (d Deps) symptoms(ctx context.Context, c *platform.Cluster, j platform.Job) symptoms {
	s := symptoms{job: j}
	var wg sync.WaitGroup
	wg.Go(func() { s.info, s.infoErr = c.DescribeNow(ctx) })
	wg.Go(func() { s.checkpoints, s.cpErr = c.Checkpoints(ctx, j.ID) })
	wg.Go(func() { s.exceptions, s.exErr = c.Exceptions(ctx, j.ID, errorsMax) })
	wg.Go(func() { s.known = d.knownAs(ctx, c.Name, j) })
	wg.Wait()
	return s
}

// finding is one thing that is wrong: what it is, and what to do about it.
type finding struct {
	what bot.Text
	next bot.Text
	tone bot.Tone
}

// findings lists what is wrong, the likely cause of the rest first.
func (s *symptoms) findings() []finding {
	var out []finding
	for _, look := range []func() (finding, bool){s.ended, s.noSlots, s.falling, s.bottleneck, s.failingCheckpoints, s.slowCheckpoints, s.unprotected} {
		if f, ok := look(); ok {
			out = append(out, f)
		}
	}
	return out
}

func (s *symptoms) name() string { return s.ref.String() }

// ended is a job that does not run any more.
func (s *symptoms) ended() (finding, bool) {
	if !s.job.State.Terminal() {
		return finding{}, false
	}
	next := bot.Textf("Whoever submitted it has to do so again; drey does not have its source.")
	if s.known.Source != nil {
		next = bot.Textf("`/flink restart %s` submits it again from its newest restore point.", s.name())
	}
	if s.job.State != platform.Failed {
		return finding{what: bot.Textf("The job is %s since %s: it was ended, it did not fail.", s.job.State, ago(s.now, s.job.End)), next: next, tone: bot.Muted}, true
	}
	what := bot.Textf("The job failed for good %s.", ago(s.now, s.job.End))
	if root := s.root(); root != "" {
		what = bot.Textf("The job failed for good %s: `%s`", ago(s.now, s.job.End), root)
		next.Spans = append(next.Spans, bot.Span{Text: " If the cause is in the program or its data, it will fail again: mend that first."})
	}
	return finding{what: what, next: next, tone: bot.Bad}, true
}

// root is the newest exception in one line.
func (s *symptoms) root() string {
	if len(s.exceptions) == 0 {
		return ""
	}
	return clip(topLine(s.exceptions[0].Root), 300)
}

// noSlots is a job whose tasks wait for slots.
func (s *symptoms) noSlots() (finding, bool) {
	waits := s.job.State == platform.Created || s.job.State == platform.Running && !s.job.Healthy()
	if !waits || s.infoErr != nil || s.info.SlotsFree < 0 {
		return finding{}, false
	}
	switch need := max(s.job.Parallelism, 1); {
	case s.info.TaskManagers == 0:
		return finding{tone: bot.Bad, what: bot.Textf("The cluster has no TaskManager, so no task can run."),
			next: bot.Textf("Bring the TaskManagers back; the job then goes on by itself.")}, true
	case s.info.SlotsFree < need && s.job.Tasks.Running == 0, s.info.SlotsFree == 0:
		return finding{tone: bot.Bad, what: bot.Textf("The job waits for slots: it needs %s, and %d of %d are free.", count(need, "slot"), s.info.SlotsFree, s.info.SlotsTotal),
			next: bot.Textf("Add a TaskManager, stop a job that is not needed (`/flink jobs`), or run this one at a smaller parallelism.")}, true
	}
	return finding{}, false
}

// fallingWithin is how recent an exception must be to count as the present trouble of a job that runs.
const fallingWithin = 15 * time.Minute

// falling is a job that fails and is started again.
func (s *symptoms) falling() (finding, bool) {
	down := s.job.State == platform.Restarting || s.job.State == platform.Failing
	lately := len(s.exceptions) > 0 && s.now.Sub(s.exceptions[0].At) < fallingWithin
	if s.job.State.Terminal() || !down && !lately {
		return finding{}, false
	}
	times := ""
	if s.job.Restarts > 0 {
		times = ", " + count(s.job.Restarts, "restart") + " so far"
	}
	next := bot.Textf("`/flink errors %s` has the whole stack. A restart does not help against bad data or a fault of the program.", s.name())
	root := s.root()
	if root == "" {
		return finding{tone: bot.Bad, what: bot.Textf("The job fails and is started again%s.", times), next: next}, true
	}
	what := bot.Textf("The job fails and is started again%s. The newest cause, %s: `%s`", times, ago(s.now, s.exceptions[0].At), root)
	if strings.Contains(root, "no longer reachable") || strings.Contains(root, "TaskManager") && strings.Contains(root, "lost") {
		next = bot.Textf("A TaskManager was lost: look at its machine or pod, and its memory. The job goes on by itself when there are slots again.")
	}
	if strings.Contains(root, "OutOfMemoryError") {
		next = bot.Textf("The TaskManagers lack memory: give them more, or spread the job over more of them with `/flink scale %s N`.", s.name())
	}
	tone := bot.Bad
	if !down {
		tone = bot.Warn
	}
	return finding{tone: tone, what: what, next: next}, true
}

// bottleneck is the first vertex that works all the time while those before it are held back.
func (s *symptoms) bottleneck() (finding, bool) {
	jam, found := diagnosis.Bottleneck(s.job.Vertices)
	held := clip(jam.Held.Name, 80)
	switch v := jam.Slow; {
	case !found:
		return finding{}, false
	case v != nil:
		return finding{tone: bot.Warn, what: bot.Textf("**%s** cannot keep up: it is busy %s of the time and holds back %s.", clip(v.Name, 80), percent(v.Busy), held),
			next: s.widen(*v)}, true
	}
	return finding{tone: bot.Warn, what: bot.Textf("Something after **%s** cannot keep up: it is backpressured most of the time.", held),
		next: bot.Textf("Most often a sink or what it writes to is slow; more parallelism helps when it is not: `/flink scale %s N`.", s.name())}, true
}

func (s *symptoms) widen(v platform.Vertex) bot.Text {
	n := 2 * max(v.Parallelism, 1)
	if s.job.MaxParallelism > 0 {
		n = min(n, s.job.MaxParallelism)
	}
	if n <= v.Parallelism {
		return bot.Textf("It has its highest parallelism already: make its work lighter, or look at what it writes to.")
	}
	if s.infoErr == nil && s.info.SlotsFree >= 0 && n-s.job.Parallelism > s.info.SlotsFree {
		return bot.Textf("More parallelism needs more slots, and %d are free: add a TaskManager, then `/flink scale %s %d`.", s.info.SlotsFree, s.name(), n)
	}
	return bot.Textf("`/flink scale %s %d` gives it more hands, unless what it writes to is what is slow.", s.name(), n)
}

// failingCheckpoints is a job whose newest checkpoints did not complete.
func (s *symptoms) failingCheckpoints() (finding, bool) {
	if s.cpErr != nil || s.job.State.Terminal() {
		return finding{}, false
	}
	n, why := diagnosis.Failing(s.checkpoints)
	if n == 0 {
		return finding{}, false
	}
	return s.checkpointsFail(n, clip(topLine(why), 200)), true
}

func (s *symptoms) checkpointsFail(n int, why string) finding {
	f := finding{tone: bot.Warn, what: bot.Textf("The newest checkpoint failed")}
	if n > 1 {
		f.what = bot.Textf("The newest %d checkpoints failed", n)
	}
	if why != "" {
		f.what.Spans = append(f.what.Spans, bot.Textf(": `%s`", strings.TrimSuffix(why, ".")).Spans...)
	}
	f.what.Spans = append(f.what.Spans, bot.Span{Text: s.lastGood()})
	f.next = bot.Textf("See whether the store of the checkpoints can be written to and has room. `/flink checkpoints %s` lists them.", s.name())
	if strings.Contains(strings.ToLower(why), "expired") {
		f.next = bot.Textf("They take longer than their timeout of %s: relieve the job of its backpressure, or raise the timeout.", span(s.checkpoints.Timeout))
	}
	return f
}

// lastGood ends a sentence on checkpoints with what a failure of the job would cost now.
func (s *symptoms) lastGood() string {
	if s.checkpoints.Latest == nil {
		return ". None has completed yet: a failure now would begin afresh."
	}
	return fmt.Sprintf(". The last good one is from %s: a failure now would replay what came since.", ago(s.now, s.checkpoints.Latest.At))
}

// slowCheckpoints is a job whose checkpoints take ever longer, before they hit their timeout.
func (s *symptoms) slowCheckpoints() (finding, bool) {
	trend, known := diagnosis.Checkpoints(s.checkpoints)
	if s.cpErr != nil || !known || !trend.Slower || s.job.State.Terminal() {
		return finding{}, false
	}
	newest, oldest := trend.Newest, trend.Oldest
	what := bot.Textf("Checkpoints become slower: %s now, %s %s before; they fail at %s.", span(newest.Duration), span(oldest.Duration), span(newest.At.Sub(oldest.At)), span(s.checkpoints.Timeout))
	next := bot.Textf("Look for backpressure, or raise the timeout before it is hit.")
	if trend.Grows {
		next = bot.Textf("The state grows too, from %s to %s: see whether it is ever cleaned up (time to live, windows).", size(oldest.Size), size(newest.Size))
	}
	return finding{tone: bot.Warn, what: what, next: next}, true
}

// unprotected is a job without checkpoints.
func (s *symptoms) unprotected() (finding, bool) {
	if s.cpErr != nil || s.job.State.Terminal() || s.checkpoints.Interval > 0 || s.checkpoints.Latest != nil || len(s.checkpoints.History) > 0 {
		return finding{}, false
	}
	return finding{tone: bot.Plain, what: bot.Textf("Checkpoints are off: a restart of the job begins afresh."),
		next: bot.Textf("`SET 'execution.checkpointing.interval' = '1min'` before the INSERT switches them on.")}, true
}
