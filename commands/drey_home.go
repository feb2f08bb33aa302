package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/ops"
)

// How much of each part the home page shows, and how long it is waited for.
const (
	homeRows    = 10
	homeButtons = 3
	homeTime    = 2500 * time.Millisecond
)

type homeArgs struct {
	Again bool `json:"again" help:"in place of the page whose button was pressed" hidden:"true"`
}

func dreyHome(d Deps) *Command {
	return New(Spec{
		Path: "drey home", Help: "Show what runs, what is wrong, and what waits for you",
		Examples: []string{"/drey home"},
	}, func(ctx context.Context, e *Env, _ homeArgs) (bot.Message, error) {
		h := d.look(ctx, e)
		m := h.message(e)
		m.Instead = e.pressedWith("again")
		return m, nil
	})
}

// home is what a person may see of everything, as it stands now.
type home struct {
	clusters  []string // that they may read
	jobs      map[string][]platform.Job
	silent    map[string]error
	incidents []alerts.Incident
	asked     []approval // that they asked for
	decide    []approval // that they may decide on
	ops       []ops.Operation
	withheld  []withheld
	unread    []string // parts that did not come
}

// withheld is a part that the person has no right to see.
type withheld struct {
	what  string
	perm  string
	roles []string // that have it here
}

// look asks for every part at once.
func (d Deps) look(ctx context.Context, e *Env) *home {
	ctx, cancel := context.WithTimeout(ctx, homeTime)
	defer cancel()
	h := &home{}
	var wg sync.WaitGroup
	var mu sync.Mutex
	part := func(what, perm string, ask func() error) {
		if dec := e.decide(perm, "", ""); perm != "" && !dec.Allowed {
			h.withheld = append(h.withheld, withheld{what, perm, dec.Here})
			return
		}
		wg.Go(func() {
			if err := ask(); err != nil {
				mu.Lock()
				defer mu.Unlock()
				h.unread = append(h.unread, what)
			}
		})
	}
	part("jobs", "job.read", func() (err error) {
		if h.clusters, err = d.readable(e, ""); err == nil {
			h.jobs, h.silent = each(ctx, d.Clusters, h.clusters, func(ctx context.Context, c *platform.Cluster) ([]platform.Job, error) { return c.Jobs(ctx) })
		}
		return err
	})
	part("incidents", "alert.read", func() (err error) {
		h.incidents, err = d.Alerts.List(ctx, alerts.Filter{})
		h.incidents = slices.DeleteFunc(h.incidents, func(i alerts.Incident) bool { return !d.maySee(e, "alert.read", &i) })
		return err
	})
	part("operations", "operation.read", func() (err error) {
		h.ops, err = d.Ops.List(ctx, operationsRead)
		h.ops = slices.DeleteFunc(h.ops, func(op ops.Operation) bool {
			return op.Status.Final() || !e.Allowed("operation.read", op.Cluster, op.Job)
		})
		return err
	})
	part("approvals", "", func() (err error) {
		h.asked, h.decide, err = e.router.pending(ctx, e)
		return err
	})
	wg.Wait()
	slices.Sort(h.unread)
	return h
}

// pending are the requests that wait: those of the person, and those that they may decide on.
func (r *Router) pending(ctx context.Context, e *Env) (asked, decide []approval, err error) {
	for en, err := range r.approvals().Newest(ctx, 100) {
		if err != nil {
			return nil, nil, err
		}
		a := en.Value
		switch {
		case a.State != stateAsked || !r.now().Before(a.Expires):
		case a.Requester.Network == e.Actor.Network && a.Requester.ID == e.Actor.ID:
			asked = append(asked, a)
		case r.mayDecide(e, &a, rejectArgs{}, true) == nil:
			decide = append(decide, a)
		}
	}
	return asked, decide, nil
}

// health sorts the jobs that the person may read: how many live, and which of them, or failed lately, need a look.
func (h *home) health(e *Env) (live int, sick []found) {
	for _, n := range h.clusters {
		for _, j := range h.jobs[n] {
			if !e.Allowed("job.read", n, j.Name) {
				continue
			}
			if !j.State.Terminal() {
				live++
			}
			if urgency(e.Now, j) == 0 {
				sick = append(sick, found{n, j})
			}
		}
	}
	slices.SortStableFunc(sick, func(a, b found) int {
		return firstTime(b.job.End, b.job.Start).Compare(firstTime(a.job.End, a.job.Start))
	})
	return live, sick
}

func (h *home) message(e *Env) bot.Message {
	live, sick := h.health(e)
	m := bot.Message{Title: "All is well", Tone: bot.Good, Private: true}
	var wrong []string
	if len(h.incidents) > 0 {
		wrong, m.Tone = append(wrong, count(len(h.incidents), "open incident")), bot.Warn
		if slices.ContainsFunc(h.incidents, func(i alerts.Incident) bool { return i.State() == alerts.Firing && i.Severity == "critical" }) {
			m.Tone = bot.Bad
		}
	}
	if len(sick) > 0 {
		wrong = append(wrong, count(len(sick), "job")+" not well")
	}
	if len(h.silent) > 0 {
		wrong = append(wrong, count(len(h.silent), "cluster")+" not answering")
	}
	switch {
	case len(wrong) > 0:
		m.Title = strings.Join(wrong, ", ")
		if m.Tone == bot.Good {
			m.Tone = bot.Warn
		}
	case len(h.withheld) == 3:
		m.Title, m.Tone = "Nothing that you may see here", bot.Plain
	case len(h.unread) > 0:
		m.Title, m.Tone = "Not everything could be read", bot.Warn
	}
	m.Fallback = m.Title + "."
	m.Blocks = append(m.Blocks, h.jobBlocks(e, live, sick)...)
	m.Blocks = append(m.Blocks, h.incidentBlocks(e)...)
	m.Blocks = append(m.Blocks, h.approvalBlocks()...)
	m.Blocks = append(m.Blocks, h.operationBlocks(e)...)
	m.Blocks = append(m.Blocks, h.rightBlocks(e)...)
	m.Blocks = append(m.Blocks, e.Actions(
		bot.Button{Label: "Run SQL…", Call: CallOf("flink sql", map[string]bool{"edit": true}), Opens: true},
		Button("Jobs", "flink jobs", nil), Button("Alerts", "alerts list", nil), Button("Operations", "drey operations", nil),
		Button("Help", "drey help", nil), Button("Refresh", "drey home", homeArgs{Again: true}),
	), bot.Notef("As of %v", stamp(e.Now)))
	return m
}

func (h *home) jobBlocks(e *Env, live int, sick []found) []bot.Block {
	if h.missing("jobs") {
		return nil
	}
	var out []bot.Block
	text := bot.Textf("**Jobs**: %d live, all well", live)
	if len(sick) > 0 {
		text = bot.Textf("**Jobs**: %d live, %d that need a look", live, len(sick))
	}
	if live+len(sick) == 0 {
		text = bot.Textf("**Jobs**: none")
	}
	out = append(out, text)
	for _, n := range h.clusters {
		if err := h.silent[n]; err != nil {
			out = append(out, bot.Textf("**%s** is left out: %s", n, saidOf(err)))
		}
	}
	if len(sick) == 0 {
		return out
	}
	shown := sick[:min(len(sick), homeRows)]
	t := jobsTable(e.Now, shown, len(h.clusters) > 1, 1, 1, len(sick))
	if len(sick) > len(shown) {
		t.Foot = fmt.Sprintf("%d of %d; /flink jobs has all", len(shown), len(sick))
	}
	var acts bot.Actions
	for _, f := range shown[:min(len(shown), homeButtons)] {
		ref := platform.JobRef{Cluster: f.cluster, Job: f.job.Name}
		if sameName(sick, f) > 1 {
			ref.Job = string(f.job.ID)
		}
		acts = append(acts, Button("Diagnose "+clip(f.job.Name, 24), "flink diagnose", jobArgs{Job: ref}))
	}
	return append(out, t, acts)
}

func (h *home) incidentBlocks(e *Env) []bot.Block {
	switch {
	case h.missing("incidents"):
		return nil
	case len(h.incidents) == 0:
		return []bot.Block{bot.Textf("**Incidents**: none open")}
	}
	t := bot.Table{Columns: []string{"Incident", "State", "Severity", "Since", "Owner", "Id"}}
	var acts bot.Actions
	for _, i := range h.incidents[:min(len(h.incidents), homeRows)] {
		owner := "nobody yet"
		if i.Acked != nil {
			owner = i.Acked.Who()
		}
		t.Rows = append(t.Rows, []string{clip(i.Title, 80), i.State(), i.Severity, ago(e.Now, i.Since), owner, i.ID})
		if len(acts) < homeButtons {
			acts = append(acts, Button("Show "+i.ID, "alerts show", incidentArgs{Incident: i.ID}))
		}
	}
	if len(h.incidents) > homeRows {
		t.Foot = fmt.Sprintf("%d of %d, the most severe first; /alerts list has all", homeRows, len(h.incidents))
	}
	return []bot.Block{bot.Textf("**Incidents**: %d open", len(h.incidents)), t, acts}
}

func (h *home) operationBlocks(e *Env) []bot.Block {
	if len(h.ops) == 0 {
		return nil
	}
	t := bot.Table{Columns: []string{"Operation", "Job", "State", "By", "Started", "Id"}}
	for _, op := range h.ops[:min(len(h.ops), homeRows)] {
		t.Rows = append(t.Rows, []string{op.Title, jobOf(op), opWord(op), op.By, ago(e.Now, op.Started), op.Short})
	}
	if len(h.ops) > homeRows {
		t.Foot = fmt.Sprintf("%d of %d; /drey operations has all", homeRows, len(h.ops))
	}
	return []bot.Block{bot.Textf("**Under way**: %s", count(len(h.ops), "operation")), t}
}

// missing says whether a part is not there, for want of a right or of an answer.
func (h *home) missing(what string) bool {
	return slices.Contains(h.unread, what) || slices.ContainsFunc(h.withheld, func(w withheld) bool { return w.what == what })
}
