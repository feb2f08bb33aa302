package slackbot

import (
	"fmt"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/bottest"
)

// id is an id as the Binder gives it.
func id(s string) string { return (s + strings.Repeat("a", 24))[:24] }

func act(label string, more ...func(*bot.Button)) bot.Button {
	b := bot.Button{ID: id(strings.ToLower(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, label))), Label: label}
	for _, f := range more {
		f(&b)
	}
	return b
}

func primary(b *bot.Button) { b.Style = bot.Primary }
func opens(b *bot.Button)   { b.Opens = true }
func danger(ask string) func(*bot.Button) {
	return func(b *bot.Button) { b.Style, b.Confirm = bot.Danger, ask }
}
func asks(ask string) func(*bot.Button) { return func(b *bot.Button) { b.Confirm = ask } }

func at(minute int) bot.Span {
	t := time.Date(2026, 11, 20, 2, minute, 0, 0, time.UTC)
	return bot.Span{At: t, Text: t.Format("2006-01-02 15:04 UTC")}
}

func toURL(label, to string) bot.Button { return bot.Button{Label: label, URL: to} }

// stories are messages as drey says them.
func stories() map[string]bot.Message {
	out := map[string]bot.Message{
		"alert-firing": {
			Title: "Firing: FlinkJobRestartLoop payments-fraud", Tone: bot.Bad, State: "firing", Stated: true,
			Fallback: "Firing: FlinkJobRestartLoop payments-fraud (critical). The job restarted 14 times in 10 minutes",
			Blocks: []bot.Block{
				bot.Textf("**The job restarted 14 times in 10 minutes**"),
				bot.Textf("Checkpoints stop while it restarts, so lag and the replay after a restore grow. %v", bot.Span{Text: "@payments-oncall", Mention: "group:S0PAYMENTS"}),
				bot.Fields{
					bot.F("Severity", "critical"), bot.F("Since", at(2)), bot.F("Firing", "2 of 2"),
					bot.F("Job", bot.Textf("`prod/payments-fraud`, RESTARTING")), bot.F("Last checkpoint", "9 min ago, 1.2 GB"), bot.F("Owner", "team-payments"),
				},
				bot.Textf("**Root cause:** `java.lang.IllegalStateException: amount is negative: -17.50`"),
				bot.Notef("A restart now would replay about 9 minutes. Newest savepoint: 2 h ago."),
				bot.Actions{
					act("Acknowledge", primary), act("Silence 1 h"), act("Restart job", opens), act("Diagnose job"), act("Show errors"),
					act("Stop job", danger("Stop payments-fraud with a savepoint?")), act("Savepoint job"), act("Assign…", opens),
					toURL("Flink UI", "https://flink.example.com/#/job/1"), toURL("Runbook", "https://wiki.example.com/flink"),
				},
			},
		},
		"alert-storm": bottest.Digest(),
		"alert-resolved": {
			Title: "Resolved: FlinkJobRestartLoop payments-fraud", Tone: bot.Good, State: "resolved", Closed: true, Stated: true,
			Fallback: "Resolved: FlinkJobRestartLoop payments-fraud (critical)",
			Blocks: []bot.Block{
				bot.Textf("**The job restarted 14 times in 10 minutes**"),
				bot.Fields{bot.F("Severity", "critical"), bot.F("Over", bot.Textf("%v after 17 min", at(19))), bot.F("Acknowledged by", bot.Textf("olga, %v", at(4)))},
				bot.Actions{toURL("Flink UI", "https://flink.example.com/#/job/1")},
			},
		},
		"alert-story": {Tone: bot.Muted, Blocks: []bot.Block{bot.Textf("**olga** acknowledged this")}},
		"job": {
			Title: "prod/orders-enrichment", Tone: bot.Good, Fallback: "Job prod/orders-enrichment is RUNNING.",
			Blocks: []bot.Block{
				bot.Fields{
					bot.F("State", "RUNNING"), bot.F("Since", at(0)), bot.F("Tasks", "12 of 12 running"), bot.F("Restarts", 0),
					bot.F("Last checkpoint", "40 s ago, 3.1 GB in 4 s"), bot.F("Parallelism", "4 (at most 128)"), bot.F("Newest restore point", "savepoint, 2 h ago"),
				},
				bot.Table{
					Columns: []string{"Vertex", "Parallelism", "Busy", "Backpressure", "Records/s"}, Numeric: []bool{false, true, true, true, true},
					Rows: [][]string{{"Source: orders", "4", "12 %", "0 %", "18,200"}, {"Enrich with customers -> Filter cancelled", "4", "93 %", "4 %", "18,180"}, {"Sink: enriched_orders", "4", "31 %", "", "17,950"}},
				},
				bot.Notef("Job id `5f2c7e0aa1b34d8c9e1f00112233aabb`"),
				bot.Actions{act("Savepoint job"), act("Restart job", opens), act("Scale job", opens), act("Show errors"), act("Stop job", danger("Stop orders-enrichment with a savepoint? It can be started again from it.")), act("Cancel job", opens, danger(""))},
			},
		},
		"jobs": jobs(14),
		"sql-rows": {
			Title: "3 rows", Tone: bot.Good, Fallback: "SELECT gave 3 rows.",
			Blocks: []bot.Block{
				bot.Code{Lang: "sql", Body: "SELECT customer, count(*) AS orders, sum(amount) AS total\nFROM orders GROUP BY customer"},
				bot.Table{Columns: []string{"customer", "orders", "total"}, Numeric: []bool{false, true, true}, Rows: [][]string{{"ann", "12", "120.50"}, {"bob", "3", "17.00"}, {"", "1", "NULL"}}, Foot: "3 rows in 1.2 s"},
				bot.Table{Columns: []string{"customer", "note"}, Rows: [][]string{{"ann", "has paid every invoice in time so far"}, {"bob", "was called twice about the open one"}}, Foot: "2 rows"},
				bot.Table{Columns: []string{"n", "word"}, Numeric: []bool{true}, Rows: [][]string{{"1", "one"}, {"12", "twelve"}}},
				bot.File{Name: "rows.csv", MIME: "text/csv", Data: []byte("a,b\n")},
			},
		},
		"sql-error": {
			Title: "SQL error in line 2", Tone: bot.Warn, Private: true,
			Blocks: []bot.Block{
				bot.Textf("Table `t` has no connector, so nothing can be written to it. Nothing was started."),
				bot.Code{Lang: "sql", Body: "INSERT INTO t\n            ^\nSELECT id FROM orders;"},
				bot.Notef("Add WITH ('connector' = …) to CREATE TABLE, then run it again."),
				bot.Actions{act("Open the editor", primary, opens)},
			},
		},
		"errors": {
			Title: "Errors of prod/payments-fraud", Tone: bot.Bad, Fallback: "prod/payments-fraud failed: amount is negative: -17.50",
			Blocks: []bot.Block{
				bot.Textf("**4 min ago**, in *Score*: `java.lang.IllegalStateException: amount is negative: -17.50`"),
				bot.Code{Body: "java.lang.IllegalStateException: amount is negative: -17.50\n    at com.acme.fraud.Score.map(Score.java:88)\n    at org.apache.flink.streaming.api.operators.StreamMap.processElement(StreamMap.java:38)\n    at org.apache.flink.streaming.runtime.tasks.CopyingChainingOutput.pushToOperator(CopyingChainingOutput.java:75)"},
				bot.File{Name: "trace.txt", MIME: "text/plain", Data: []byte("at\n")},
				bot.Actions{act("Restart job", opens), act("Diagnose job")},
			},
		},
		"operation": {
			Title: "Scale to 8: prod/orders-enrichment", Tone: bot.Busy, State: "running",
			Blocks: []bot.Block{
				bot.Textf("Taking a savepoint before the job is stopped"),
				bot.Steps{
					{Label: "Check the slots", State: bot.Did, Note: "8 of 12 free"}, {Label: "Take a savepoint", State: bot.Did, Note: "s3://savepoints/orders/sp-4411, 1.2 GB in 14 s"},
					{Label: "Stop the job", State: bot.Doing}, {Label: "Submit at parallelism 8"}, {Label: "Wait for RUNNING"}, {Label: "Drop the old savepoint", State: bot.Skipped, Note: "kept for 7 days"},
				},
				bot.Notef("Last checkpoint 40 s ago; about 40 s would be replayed."),
				bot.Note{Spans: append(bot.Notef("Operation `7F3` · olga · started ").Spans, at(2))},
				bot.Actions{act("Stop here", danger("Stop the operation? orders-enrichment goes back to parallelism 4.")), act("Show operation")},
			},
		},
		"operation-failed": {
			Title: "Restart: prod/payments-fraud", Tone: bot.Bad,
			Blocks: []bot.Block{
				bot.Textf("**Failed.** The job did not reach RUNNING within 5 min. It is stopped; its savepoint is kept."),
				bot.Steps{{Label: "Take a savepoint", State: bot.Did, Note: "1.2 GB in 14 s"}, {Label: "Start from it", State: bot.Failed, Note: "slot request timed out"}, {Label: "First checkpoint"}},
				bot.Textf("Savepoint: `s3://savepoints/payments/sp-4412`"),
				bot.Note{Spans: append(bot.Notef("Operation `7F4` · olga · started ").Spans, at(2), bot.Span{Text: " · "}, bot.Span{Text: "Flink UI", URL: "https://flink.example.com/?a=1&b=2"})},
				bot.Actions{act("Try again", primary, asks("Start payments-fraud again from the savepoint?")), act("Show errors")},
			},
		},
		"help": {
			Title: "What you may do here", Private: true,
			Blocks: []bot.Block{
				bot.Textf("**Jobs**\n`/flink jobs` all jobs of every cluster\n`/flink job NAME` one job, with what can be done to it\n`/flink sql` write SQL and run it"),
				bot.Textf("**Alerts**\n`/alerts list` what is open\n`/alerts silence` for a while"),
				bot.Notef("In a thread say @drey in place of the slash: @drey savepoint orders."),
				bot.Actions{act("Show jobs", primary), act("Run SQL", opens), act("Open alerts"), act("What may I do")},
			},
		},
		"approval": {
			Title: "Approval wanted: Stop a job with a savepoint", Tone: bot.Warn,
			Blocks: []bot.Block{
				bot.Textf("**olga** asks for a second person's consent."),
				bot.Code{Body: "/flink stop prod/orders-enrichment"},
				bot.Textf("The job is RUNNING; its last checkpoint is 40 s old. A savepoint of about 3.1 GB is taken first."),
				bot.Fields{bot.F("Request", "K7Q2"), bot.F("Asked by", "olga"), bot.F("On", "prod/orders-enrichment"), bot.F("May agree", "platform-leads"), bot.F("Waits until", at(45))},
				bot.Actions{act("Approve", primary, asks("Run this now for olga?")), act("Reject", danger(""))},
			},
		},
		"plan": {
			Title: "Plan of an INSERT", Blocks: []bot.Block{
				bot.Textf("Nothing was run."),
				bot.Image{Name: "plan.png", Alt: "The operators of the plan, from the sources at the top to the sink at the bottom", PNG: []byte("png")},
				bot.Image{Name: "lost.png", Alt: "Lag over an hour, rising", PNG: []byte("png")},
			},
		},
		"refused": {
			Title: "You may not do that here", Tone: bot.Warn, Private: true,
			Blocks: []bot.Block{bot.Textf("`job.stop` on `prod/orders` needs the role **platform**. Nothing was changed."), bot.Textf("Ask in #platform, or let one of them run it.")},
		},
		"pending": {Pending: true, Private: true, Tone: bot.Busy, Blocks: []bot.Block{bot.Textf("Working on it…")}},
		"interim": {Pending: true, Title: "Savepoint of prod/orders", Tone: bot.Busy, Blocks: []bot.Block{bot.Textf("Triggered; 40 s so far.")}},
		"choose": {
			Title: "Which orders?", Tone: bot.Warn, Private: true,
			Blocks: []bot.Block{bot.Textf("2 jobs have this name."), bot.Fields{bot.F("prod", "RUNNING")}, bot.Actions{act("On prod")}, bot.Fields{bot.F("staging", "FAILED")}, bot.Actions{act("On staging")}},
		},
	}
	return out
}

func jobs(n int) bot.Message {
	t := bot.Table{Columns: []string{"Job", "State", "Uptime", "Restarts", "Last checkpoint"}, Numeric: []bool{false, false, true, true, true}, Foot: fmt.Sprintf("%d of 38 jobs", n)}
	for i := range n {
		row := []string{fmt.Sprintf("prod/orders-enrichment-%d", i), "RUNNING", fmt.Sprintf("%d h", i*7), "0", "40 s ago"}
		if i == 3 {
			row[1], row[3], row[4] = "RESTARTING", "14", "9 min ago"
		}
		t.Rows = append(t.Rows, row)
	}
	return bot.Message{Title: "38 live jobs", Blocks: []bot.Block{t, bot.Notef("1 is not well: prod/orders-enrichment-3."), bot.Actions{act("Next page"), act("Show orders enrichment")}}}
}

// forms are forms as drey asks them.
func forms() map[string]*bot.Form {
	text := "SELECT 1"
	return map[string]*bot.Form{
		"form-sql": {ID: id("sql"), Title: "Run SQL", Submit: "Run", Fields: []bot.Input{
			{Name: "text", Label: "SQL", Kind: "text", Required: true, Value: text, Help: "SELECT shows rows, INSERT becomes a job. Several statements end in semicolons."},
			{Name: "cluster", Label: "Cluster", Kind: "choice", Required: true, Value: "prod", Choices: []bot.Choice{{Value: "prod", Label: "Production", Help: "12 of 40 slots free"}, {Value: "staging"}}},
			{Name: "name", Label: "Job name", Kind: "line", Help: "Of an INSERT; left empty, the table that it writes to."},
			{Name: "parallelism", Label: "Parallelism", Kind: "choice", Choices: []bot.Choice{{Value: "1"}, {Value: "2"}, {Value: "4"}}, Value: "2"},
			{Name: "savepoint", Label: "Start from savepoint", Kind: "line", Asks: "flink sql", Help: "Its path; left empty, an INSERT starts without state."},
		}},
		"form-sql-long": {ID: id("sql"), Title: "Run SQL", Submit: "Run", Fields: []bot.Input{
			{Name: "text", Label: "SQL", Kind: "text", Required: true, Value: strings.Repeat("SELECT * FROM orders;\n", 200)},
		}},
		"form-confirm": {ID: id("cancel"), Title: "Cancel prod/orders-enrichment without a savepoint", Submit: "Cancel it", Danger: true,
			Intro:  bot.Textf("The job is stopped at once, **without a savepoint**. What came after its last checkpoint, %v, is read again if it is started from there.", at(1)),
			Fields: []bot.Input{{Name: "confirm", Label: "Type orders-enrichment to go on", Kind: "line", Required: true, Match: "orders-enrichment"}}},
		"form-confirm-again": {ID: id("cancel"), Title: "Cancel the job", Submit: "Cancel it", Danger: true, Intro: bot.Textf("State is lost."),
			Fields: []bot.Input{{Name: "confirm", Label: "The job's name", Kind: "line", Required: true, Match: "orders-enrichment", Value: "orders", Error: `This must be "orders-enrichment" to confirm.`}}},
		"form-silence": {ID: id("silence"), Title: "Silence", Submit: "Silence", Fields: []bot.Input{
			{Name: "for", Label: "For", Kind: "choice", Required: true, Value: "1h", Choices: []bot.Choice{{Value: "1h"}, {Value: "4h"}, {Value: "24h"}}},
			{Name: "why", Label: "Why", Kind: "text", Help: "Everybody in the thread reads it."},
		}},
	}
}
