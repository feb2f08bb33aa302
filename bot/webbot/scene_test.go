package webbot

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"math"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/bottest"
)

func web(channel, thread string) bot.Place {
	return bot.Place{Network: Network, Channel: channel, Thread: thread}
}

func (s *stage) post(at bot.Place, key string, m bot.Message) bot.MessageRef {
	s.t.Helper()
	ref, err := s.bot.Post(context.Background(), at, key, m)
	if err != nil {
		s.t.Fatal(err)
	}
	return ref
}

func chart() []byte {
	m := image.NewRGBA(image.Rect(0, 0, 560, 180))
	for x := range 560 {
		for y := range 180 {
			m.Set(x, y, color.RGBA{250, 250, 250, 255})
		}
		h := int(90 + 50*math.Sin(float64(x)/40) + 20*math.Sin(float64(x)/9))
		for y := h; y < min(h+3, 180); y++ {
			m.Set(x, y, color.RGBA{154, 68, 16, 255})
		}
	}
	var b bytes.Buffer
	png.Encode(&b, m)
	return b.Bytes()
}

func alertHead(resolved bool) bot.Message {
	m := bot.Message{
		Title: "FlinkJobRestartLoop: payments-fraud", Tone: bot.Bad,
		Blocks: []bot.Block{
			bot.Textf("**critical**, firing since %v. The job restarted 14 times in 10 minutes.", bot.Span{Text: "10:02", At: time.Now().Add(-17 * time.Minute)}),
			bot.Fields{
				bot.F("Job", "payments-fraud"), bot.F("State", "RESTARTING"), bot.F("Cluster", "prod-session"),
				bot.F("Last checkpoint", "9 min ago, 1.2 GB"), bot.F("Newest savepoint", "2 h ago"), bot.F("Owner", "team-payments"),
			},
			bot.Code{Lang: "root cause", Body: "java.lang.IllegalStateException: amount is negative: -17.50\n    at com.acme.fraud.Score.map(Score.java:88)\n    at org.apache.flink.streaming.api.operators.StreamMap.processElement(StreamMap.java:38)"},
			bot.Note{Spans: []bot.Span{{Text: "Flink UI", URL: "http://127.0.0.1:8081/#/job/1"}, {Text: " · "}, {Text: "Runbook", URL: "https://wiki.example.com/flink"}, {Text: " · state safety: replay of about 9 minutes from the last checkpoint"}}},
			bot.Actions{
				{ID: "b-ack", Label: "Ack", Style: bot.Primary}, {ID: "b-silence", Label: "Silence…"},
				{ID: "b-save", Label: "Savepoint payments-fraud"}, {ID: "b-restart", Label: "Restart"},
				{ID: "b-stop", Label: "Stop payments-fraud", Style: bot.Danger, Confirm: "Stop payments-fraud with a savepoint?"},
			},
		},
	}
	if resolved {
		m.Tone, m.Title = bot.Good, "Resolved: FlinkJobRestartLoop: payments-fraud"
		m.Blocks = m.Blocks[:2]
	}
	return m
}

func stepsCard(at int) bot.Message {
	names := []string{"Check the slots", "Take a savepoint", "Stop orders-enrichment", "Submit at parallelism 8", "Wait for RUNNING", "First checkpoint"}
	notes := []string{"8 of 12 free", "s3://savepoints/orders/sp-4411, 1.2 GB in 14 s", "", "", "", ""}
	var steps bot.Steps
	for i, n := range names {
		st := bot.ToDo
		switch {
		case i < at:
			st = bot.Did
		case i == at:
			st = bot.Doing
		}
		steps = append(steps, bot.StepLine{Label: n, State: st, Note: notes[i]})
	}
	return bot.Message{Title: "Scale orders-enrichment 4 → 8", Tone: bot.Busy, Blocks: []bot.Block{
		bot.Textf("Operation `7F3`, asked by olga."), steps,
		bot.Actions{{ID: "b-abort", Label: "Stop here", Style: bot.Danger, Confirm: "Stop the operation? orders-enrichment goes back to parallelism 4."}},
	}}
}

// scene fills the channels with one of everything.
func (s *stage) scene() (alert, card bot.MessageRef) {
	ctx := context.Background()
	alert = s.post(web("oncall", ""), "alert/1", alertHead(false))
	s.post(web("oncall", alert.ID), "alert/1/a", bot.Message{Blocks: []bot.Block{bot.Textf("The job behind the labels is **payments-fraud** on `prod-session`.")}})
	s.post(web("oncall", alert.ID), "alert/1/b", bot.Message{Title: "Restart rate", Blocks: []bot.Block{bot.Image{Name: "restarts.png", Alt: "Restarts per minute, rising since 10:02", PNG: chart()}}})
	s.post(web("oncall", ""), "alert/2", alertHead(true))
	s.post(web("oncall", ""), "storm/1", bottest.Digest())
	ev := func(id, who, line string) bot.Event {
		return bot.Event{ID: id, Actor: bot.Actor{Network: Network, ID: who}, Place: web("ops", ""), Call: bot.Call{Line: line}}
	}
	s.reply(ev("1", "olga", "/flink jobs"), jobsTable(24))
	s.reply(ev("2", "vera", "/flink sql CREATE TABLE t (id INT);\nINSERT INTO t\nSELECT id FROM orders;"), bot.Message{
		Title: "The statement was refused", Tone: bot.Bad, Blocks: []bot.Block{
			bot.Textf("Line 2, column 13: table `t` has no connector, so nothing can be written to it."),
			bot.Code{Lang: "sql", Body: "INSERT INTO t\n            ^\nSELECT id FROM orders;"},
			bot.Note{Spans: []bot.Span{{Text: "Nothing was started. Add WITH ('connector' = …) to CREATE TABLE, then run it again."}}},
		}})
	s.reply(ev("3", "olga", "/flink scale orders-enrichment 8"), bot.Message{Title: "Scale orders-enrichment: started", Tone: bot.Good, Blocks: []bot.Block{bot.Textf("Operation `7F3`; its card follows.")}})
	card = s.post(web("ops", ""), "op/7F3", stepsCard(3))
	s.reply(ev("4", "olga", "/drey stop everything"), bot.Message{Private: true, Title: "Unknown command", Tone: bot.Bad, Blocks: []bot.Block{
		bot.Textf("There is no `/drey stop`. Nearest: `/flink stop`, `/drey operations`."),
		bot.Actions{{ID: "b-help", Label: "Show help"}}}})
	if _, err := s.bot.feeds["ops"].write(ctx, "n-1", func(r *record, _ bool) (map[string]blob, error) {
		*r = record{ID: "n-1", At: time.Now(), Who: "rita", Note: "I look at the plan now. This is what it does to the keys:\n```\nkeyBy(order.customer)  // 128 max\n```"}
		return nil, nil
	}); err != nil {
		s.t.Fatal(err)
	}
	return alert, card
}

func TestScene(t *testing.T) {
	s := newStage(t, Options{})
	alert, _ := s.scene()
	head, replies, _ := s.bot.feeds["oncall"].thread(alert.ID, "vera")
	if head == nil || len(replies) != 2 || head.Replies != 2 {
		t.Fatalf("thread of the alert: head %v, %d replies", head, len(replies))
	}
}
