package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot/slackbot/slacktest"
)

// stormGroups is how many groups of ten alerts come at once.
const stormGroups = 1000

// BenchmarkStorm is the whole drey, a process of its own, when 10,000 alerts in 1,000 groups come at once for one channel of a
// Slack that takes a message a second there. Half-way drey is killed (kill -9) and started again, and what was sent before is sent
// once more, as Alertmanager does.
//
//	accept-s   until all webhooks are answered, without the restart
//	digest-s   from then until the digest counts them all, each once; some of the first 20 heads may go before it
//	behind-s   from the last of 600 resolves until the digest says so
//	calls      messages posted and edited by then, of which Slack refused none
//	MB-peak    the most memory that the second process ever had (Linux only)
func BenchmarkStorm(b *testing.B) {
	for b.Loop() {
		slack, err := slacktest.Start(slacktest.Options{})
		if err != nil {
			b.Fatal(err)
		}
		s := newServed(b)
		raw, err := os.ReadFile(s.conf)
		s.check(err)
		conf := strings.NewReplacer("web:oncall", "slack:#ops", "web:ops", "slack:#ops", "storm: { from: -1 }", "storm: { from: 20 }").Replace(string(raw))
		conf += fmt.Sprintf("slack: { mode: http, bot_token: %q, signing_secret: %q, api_url: %q }\n", slack.BotToken(), peerSecret, slack.APIURL())
		s.check(os.WriteFile(s.conf, []byte(conf), 0o600))
		ann, ops := slack.User("ann"), slack.Channel("ops")
		digest := func() string {
			for _, m := range slack.See(ann, ops, "") {
				if strings.Contains(m.Text, "Storm: ") {
					return m.Text
				}
			}
			return ""
		}
		s.start()
		first, err := pourStorm(s.base, 0, stormGroups/2, "firing")
		s.check(err)
		s.check(s.cmd.Process.Kill())
		_ = s.cmd.Wait()
		s.start()
		_, err = pourStorm(s.base, 0, stormGroups/2, "firing")
		s.check(err)
		second, err := pourStorm(s.base, stormGroups/2, stormGroups, "firing")
		s.check(err)
		b.ReportMetric((first + second).Seconds(), "accept-s")
		b.ReportMetric(s.untilSaid(digest, "1,000 firing of 1,000 incidents").Seconds(), "digest-s")
		_, err = pourStorm(s.base, 0, 600, "resolved")
		s.check(err)
		b.ReportMetric(s.untilSaid(digest, "400 firing, 600 resolved of 1,000 incidents").Seconds(), "behind-s")
		b.ReportMetric(float64(len(slack.Calls("chat.postMessage"))+len(slack.Calls("chat.update"))), "calls")
		b.ReportMetric(s.resident("VmHWM"), "MB-peak")
		if v := slack.Violations(); len(v) > 0 {
			b.Errorf("%d calls that Slack refuses, such as %s", len(v), v[0])
		}
		s.stop()
		slack.Close()
	}
}

// untilSaid waits for words and returns how long that took.
func (s *served) untilSaid(said func() string, want string) time.Duration {
	begin := time.Now()
	for !strings.Contains(said(), want) {
		if time.Since(begin) > 2*time.Minute {
			s.check(fmt.Errorf("within two minutes the digest never said %q, but: %.300s", want, said()))
		}
		time.Sleep(20 * time.Millisecond)
	}
	return time.Since(begin)
}
