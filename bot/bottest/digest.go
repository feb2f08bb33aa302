package bottest

import (
	"time"

	"github.com/drey-ops/drey/bot"
)

// Digest is the message of a storm of alerts as package alerts makes it, for tests of how networks show it.
func Digest() bot.Message {
	at := func(minute, second int) bot.Span {
		t := time.Date(2026, 11, 20, 9, minute, second, 0, time.UTC)
		return bot.Span{At: t, Text: t.Format("2006-01-02 15:04 UTC")}
	}
	button := func(label, ask string) bot.Button {
		return bot.Button{ID: (label[:3] + "aaaaaaaaaaaaaaaaaaaaaaaa")[:24], Label: label, Confirm: ask}
	}
	firing := "Storm: 214 firing, 3 acknowledged, 783 resolved of 1,000 incidents"
	counts := bot.Textf("**12 critical**, 202 warning")
	counts.Spans = append(counts.Spans, bot.Span{Text: " "}, bot.Span{Text: "@S0ONCALL", Mention: "group:S0ONCALL"})
	return bot.Message{
		Title: firing, Tone: bot.Bad, State: "firing", Stated: true, Fallback: firing + ". 12 critical, 202 warning.",
		Blocks: []bot.Block{
			counts,
			bot.Textf("**Root cause:** java.net.ConnectException: Connection refused: kafka-2.prod.example/10.1.0.7:9092 ×109\n" +
				"**Alert:** FlinkJobRestartLoop ×109, FlinkJobLagging ×86, FlinkCheckpointsFail ×22\n" +
				"**Cluster:** prod-eu ×195, prod-us ×22\n" +
				"**Owner:** team-0 ×31, team-1 ×31, team-2 ×31, 4 more"),
			bot.Fields{bot.F("Since", at(10, 0)), bot.F("Newest", at(14, 9)), bot.F("Alerts firing", "2,170"), bot.F("With own thread", "20")},
			bot.Textf("**Most urgent:**\n" +
				"`k00198` FlinkJobRestartLoop on prod-eu/orders-enrichment-198, critical\n" +
				"`k00180` FlinkJobRestartLoop on prod-eu/orders-enrichment-180, critical\n" +
				"`k00162` FlinkJobRestartLoop on prod-eu/orders-enrichment-162, critical\n" +
				"`k00144` FlinkJobRestartLoop on prod-eu/orders-enrichment-144, critical\n" +
				"`k00126` FlinkJobRestartLoop on prod-eu/orders-enrichment-126, critical"),
			bot.Notef("Too much at once for a thread each: this message counts them all and follows their state. An incident that is acknowledged or expanded gets its own thread. Storm `storm-k3x9q2ab-1`"),
			bot.Actions{button("Show firing", ""), button("Expand top 10", ""), button("Ack all", "Acknowledge all incidents of this storm that fire?")},
		},
	}
}
