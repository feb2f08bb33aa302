package alerts

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

// Batch is one webhook on its way through the stages. Stages add to it and take nothing away.
type Batch struct {
	At     time.Time
	Source string
	Body   []byte

	Payload Payload
	Pulse   *pulse // the alert that proves the path alive, which was among its alerts
	Group   string // identity of the alert group, of which this may be a part
	Key     string // identity of the incident
	Lead    bool   // the first part of its webhook
	subject subject
	names   map[jobRun]jobAt // of jobs that its alerts name by their ids alone

	Stem  string // root of what is kept about the group
	Known *Incident
	Was   storage.Version // of the record of Known
	Past  *Incident       // to be put away: the group's previous incident

	Fresh    map[string]Alert // alerts whose status is news, by fingerprint
	Incident *Incident        // as it will be; nil: nothing to keep
	Kind     string           // what the batch is: "new", "reopened", "changed", "resolved", "repeat"
	Joined   []string
	Left     []string
	before   ringing
	asked    bool // it is what the API said at the time of the batch
	late     bool // a firing came that looks like old news: to be asked about later

	Stories    []story
	Deliveries []bot.Delivery
	Done       bool // the stages after this one are not needed

	trace *Trace
}

// The kinds of batch.
const (
	kindNew      = "new"
	kindReopened = "reopened"
	kindChanged  = "changed"
	kindResolved = "resolved"
	kindRepeat   = "repeat"
	kindWatchdog = "watchdog" // only the alert that proves the path alive
)

// note explains a decision to whoever asked for a trace.
func (b *Batch) note(format string, args ...any) {
	if b.trace != nil {
		s := &b.trace.Steps[len(b.trace.Steps)-1]
		s.Lines = append(s.Lines, fmt.Sprintf(format, args...))
	}
}

// Stage is one step of the pipeline. Only name, recall, mute and storm read anything outside the Batch, and none has an effect but
// that storm counts what is new in a channel, each incident once.
type Stage struct {
	Name string
	Run  func(ctx context.Context, b Batch) (Batch, error)
}

// Recall finds the newest incident of a group, by its key. Nothing known is no error.
type Recall func(ctx context.Context, b Batch) (Batch, error)

// Pipeline turns a webhook into an incident and deliveries.
type Pipeline struct {
	options  Options
	routes   routes
	clusters []string // those that drey knows, sorted
	recall   Recall
	names    func(ctx context.Context, ask []jobRun) (map[jobRun]jobAt, error)  // what is known of runs of jobs
	down     func(ctx context.Context, cluster string) (*Incident, error)       // the incident of a cluster that is down, or was a moment ago
	planned  func(ctx context.Context, cluster, job string) (*Operation, error) // drey's own operation on a job, its name mangled
	settles  bool                                                               // somebody looks whether a job is well again
	canPost  func(bot.Place) error
	deadmen  deadmen
	// forecast finds out which channels are in a storm, and counts the incident there unless peek is set; nil: none is.
	forecast func(ctx context.Context, i *Incident, again, peek bool, note func(format string, args ...any)) error
	windows  *windowCache // nil: there are none
}

// NewPipeline returns a Pipeline without a memory: to it every webhook is the first of its group. Options must be valid. clusters
// are the names of those that drey knows, canPost is Hooks.CanPost.
func NewPipeline(o Options, clusters []string, canPost func(bot.Place) error) (*Pipeline, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	r, _ := compileRoutes(o)
	return &Pipeline{
		options: o.withDefaults(), routes: r, clusters: clusters, recall: forgetful, names: noNames, down: noneDown, planned: noPlan, canPost: canPost, deadmen: compileDeadmen(o, r.compiler, nil),
	}, nil
}

func forgetful(_ context.Context, b Batch) (Batch, error) {
	b.Stem = stemOf(b.Key, 0)
	b.note("no store was asked: taken as the first webhook of its group")
	return b, nil
}

func noneDown(context.Context, string) (*Incident, error) { return nil, nil }

// reading are the stages that depend on the webhook alone, but for the names of jobs; what is left of it then is split.
func (p *Pipeline) reading() []Stage {
	return []Stage{{"decode", decodeStage}, {"deadman", p.deadmanStage}, {"name", p.nameStage}}
}

// deciding are the stages that depend on what is known, and run again when that changed meanwhile.
func (p *Pipeline) deciding() []Stage {
	return []Stage{
		{"recall", p.recall},
		{"dedupe", dedupeStage},
		{"update", p.updateStage},
		{"bind", bindStage},
		{"hold", p.holdStage},
		{"planned", p.plannedStage},
		{"match", p.matchStage},
		{"quiet", quietStage},
		{"mute", p.muteStage},
		{"storm", p.stormStage},
		{"escalate", p.escalateStage},
		{"compose", composeStage},
	}
}

func run(ctx context.Context, stages []Stage, b Batch) (Batch, error) {
	for _, s := range stages {
		if b.trace != nil {
			b.trace.Steps = append(b.trace.Steps, TraceStep{Stage: s.Name})
		}
		var err error
		if b, err = s.Run(ctx, b); err != nil {
			return b, fmt.Errorf("%s: %w", s.Name, err)
		}
		if b.Done {
			break
		}
	}
	return b, nil
}

// Trace says stage by stage what becomes of a webhook, and why.
type Trace struct {
	Steps      []TraceStep
	Err        error
	Incident   *Incident // of the first part
	Deliveries []bot.Delivery
}

// TraceStep is what one stage decided.
type TraceStep struct {
	Stage string
	Lines []string
}

// Explain runs the stages over one webhook without any effect.
func (p *Pipeline) Explain(ctx context.Context, source string, payload []byte, now time.Time) Trace {
	t := &Trace{}
	read, err := run(ctx, p.reading(), Batch{At: now, Source: source, Body: payload, trace: t})
	t.Err = err
	parts := p.split(read)
	for n, b := range parts {
		if t.Err != nil {
			break
		}
		if len(parts) > 1 {
			t.Steps = append(t.Steps, TraceStep{Stage: fmt.Sprintf("part %d", n+1), Lines: []string{fmt.Sprintf("%d of the %d parts of the webhook", n+1, len(parts))}})
		}
		t.Steps = append(t.Steps, TraceStep{Stage: "identify"})
		b.identify()
		b, t.Err = run(ctx, p.deciding(), b)
		if t.Incident == nil {
			t.Incident = b.Incident
		}
		t.Deliveries = append(t.Deliveries, b.Deliveries...)
	}
	return *t
}

// String is the trace for a terminal.
func (t Trace) String() string {
	var b strings.Builder
	for _, s := range t.Steps {
		for i, l := range s.Lines {
			name := s.Stage
			if i > 0 {
				name = ""
			}
			fmt.Fprintf(&b, "%-9s %s\n", name, l)
		}
	}
	if t.Err != nil {
		fmt.Fprintf(&b, "%-9s %v\n", "stopped", t.Err)
	}
	return b.String()
}
