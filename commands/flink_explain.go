package commands

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/chart"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/sqltext"
)

type explainArgs struct {
	Text    string `json:"text" help:"one statement" rest:"true"`
	Cluster string `json:"cluster" help:"where to plan it" complete:"cluster" optional:"true"`
}

func flinkExplain(d Deps) *Command {
	return New(Spec{
		Path: "flink explain", Help: "Show how Flink would run a statement, as a picture where possible",
		Examples:   []string{"/flink explain SELECT name, COUNT(*) FROM orders GROUP BY name"},
		Permission: "sql.read", Effect: Reads,
		Resolve: ResolveArgs(func(_ context.Context, e *Env, a *explainArgs) error { return d.pickCluster(e, &a.Cluster) }),
	}, func(ctx context.Context, e *Env, a explainArgs) (bot.Message, error) {
		stmts, err := sqltext.Split(a.Text)
		switch {
		case err != nil:
			return bot.Message{}, platform.Errorf(platform.Invalid, "", "%w", err)
		case len(stmts) != 1 || stmts[0].Kind != sqltext.Query && stmts[0].Kind != sqltext.Write:
			return bot.Message{}, platform.Errorf(platform.Invalid, "", "give one SELECT, INSERT or STATEMENT SET to explain; nothing was run")
		}
		c, err := d.Clusters.Cluster(a.Cluster)
		if err != nil {
			return bot.Message{}, err
		}
		s, err := d.openScript(ctx, e, c, sqlArgs{Text: a.Text})
		if err != nil {
			return bot.Message{}, err
		}
		text, err := s.plan(ctx, stmts[0])
		if err != nil {
			return bot.Message{}, s.failed(err, stmts[0], 0, 1)
		}
		return planMessage(c.Name, text), nil
	})
}

// plan has a statement explained.
func (s *script) plan(ctx context.Context, st sqltext.Statement) (text string, err error) {
	body := st.Text
	if st.Kind == sqltext.Write {
		var ok bool
		if body, ok = explainable(st); !ok {
			return "", platform.Errorf(platform.Unsupported, "", "Flink explains no %s; nothing was run", st.Verb())
		}
	}
	q := platform.SQLStatement{Prelude: s.session.Statements, Text: "EXPLAIN JSON_EXECUTION_PLAN\n" + body}
	err = s.c.Query(ctx, q, platform.QueryLimits{}, func(p platform.Page) {
		if len(p.Rows) > 0 && len(p.Rows[0]) > 0 {
			text = p.Rows[0][0]
		}
	})
	return text, s.inScript(err, st, 1)
}

// planMessage shows the optimised plan as text and the execution plan as a picture.
func planMessage(cluster, text string) bot.Message {
	m := bot.Message{Title: "Plan on " + cluster}
	sections := planSections(text)
	if png, err := planPicture(sections["Physical Execution Plan"]); err == nil {
		m.Blocks = append(m.Blocks, bot.Image{Name: "plan.png", Alt: "The operators of the plan, from the sources at the top to the sink at the bottom", PNG: png})
	}
	if opt := cmp.Or(sections["Optimized Execution Plan"], sections["Optimized Physical Plan"]); opt != "" {
		m.Blocks = append(m.Blocks, bot.Code{Body: opt})
	}
	if len(m.Blocks) == 0 { // told in a way that drey does not know
		m.Blocks = append(m.Blocks, bot.Code{Body: cmp.Or(strings.TrimSpace(text), "Flink gave no plan.")})
	}
	return m
}

var (
	planHead   = regexp.MustCompile(`(?m)^== (.+) ==$`)
	nodeNumber = regexp.MustCompile(`^\[\d+\]:`) // which the title has as well
)

func planSections(text string) map[string]string {
	out := map[string]string{}
	at := planHead.FindAllStringSubmatchIndex(text, -1)
	for i, m := range at {
		end := len(text)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		out[text[m[2]:m[3]]] = strings.TrimSpace(text[m[1]:end])
	}
	return out
}

// planPicture draws the JSON execution plan that EXPLAIN JSON_EXECUTION_PLAN gives.
func planPicture(raw string) ([]byte, error) {
	var plan struct {
		Nodes []struct {
			ID           int    `json:"id"`
			Type         string `json:"type"`
			Contents     string `json:"contents"`
			Parallelism  int    `json:"parallelism"`
			Predecessors []struct {
				ID           int    `json:"id"`
				ShipStrategy string `json:"ship_strategy"`
			} `json:"predecessors"`
		} `json:"nodes"`
	}
	if err := json.Unmarshal([]byte(raw), &plan); err != nil {
		return nil, fmt.Errorf("execution plan: %w", err)
	}
	var nodes []chart.Node
	var edges []chart.Edge
	for _, n := range plan.Nodes {
		note := fmt.Sprintf("parallelism %d", n.Parallelism)
		if c := nodeNumber.ReplaceAllString(strings.TrimSpace(n.Contents), ""); c != "" && c != n.Type {
			note += " · " + c
		}
		nodes = append(nodes, chart.Node{ID: fmt.Sprint(n.ID), Title: n.Type, Note: note})
		for _, p := range n.Predecessors {
			edges = append(edges, chart.Edge{From: fmt.Sprint(p.ID), To: fmt.Sprint(n.ID), Label: p.ShipStrategy})
		}
	}
	return chart.Graph(nodes, edges)
}
