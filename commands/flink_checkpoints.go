package commands

import (
	"context"
	"fmt"
	"strings"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// checkpointsShown is how many checkpoints a list shows; Flink itself keeps 10 unless told otherwise.
const checkpointsShown = 15

func flinkCheckpoints(d Deps) *Command {
	return New(Spec{
		Path: "flink checkpoints", Help: "List the newest checkpoints of a job, with how long they took and why they failed",
		Examples:   []string{"/flink checkpoints orders"},
		Permission: "job.read", Effect: Reads,
		Resolve: ResolveJobs(d.findJob),
	}, func(ctx context.Context, e *Env, a jobArgs) (bot.Message, error) {
		c, j, err := d.lookUp(ctx, a.Job)
		if err != nil {
			return bot.Message{}, err
		}
		cps, err := c.Checkpoints(ctx, j.ID)
		if err != nil {
			return bot.Message{}, err
		}
		return checkpointsMessage(e, a.Job, j, cps), nil
	})
}

func checkpointsMessage(e *Env, ref platform.JobRef, j platform.Job, cps platform.Checkpoints) bot.Message {
	m := bot.Message{Title: "Checkpoints of " + ref.Cluster + "/" + j.Name}
	var facts bot.Fields
	if cps.Interval > 0 {
		facts = append(facts, bot.F("Every", span(cps.Interval)))
	}
	if cps.Timeout > 0 && cps.Interval > 0 {
		facts = append(facts, bot.F("Timeout", span(cps.Timeout)))
	}
	facts = append(facts, bot.F("Completed", cps.Completed), bot.F("Failed", cps.Failed))
	if cps.Failed > 0 {
		m.Tone = bot.Warn
	}
	if len(cps.History) == 0 {
		text := bot.Textf("None was taken yet.")
		if cps.Interval == 0 {
			text = bot.Textf("Checkpoints are off: a restart of the job begins afresh.")
		}
		m.Blocks = []bot.Block{text}
	} else {
		t := bot.Table{Columns: []string{"Id", "State", "When", "Took", "Size", "Why it failed"}, Numeric: []bool{true, false, false, true, true}}
		for _, c := range cps.History[:min(len(cps.History), checkpointsShown)] {
			state := strings.ToLower(strings.ReplaceAll(c.Status, "_", " "))
			if c.Savepoint {
				state += " (savepoint)"
			}
			t.Rows = append(t.Rows, []string{fmt.Sprint(c.ID), state, ago(e.Now, c.At), span(c.Duration), size(c.Size), clip(topLine(c.Failure), 120)})
		}
		m.Blocks = []bot.Block{facts, t}
	}
	m.Blocks = append(m.Blocks, bot.Actions{Button("Diagnose", "flink diagnose", jobArgs{Job: ref}), Button("Show job", "flink job", jobArgs{Job: ref})})
	return m
}
