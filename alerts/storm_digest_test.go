package alerts

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/bottest"
)

// sampleRoll is a storm of a thousand incidents: what bottest.Digest shows.
func sampleRoll() *roll {
	since := time.Date(2026, 11, 20, 9, 10, 0, 0, time.UTC)
	r := &roll{Storm: Storm{ID: "storm-k3x9q2ab-1", Since: since, Called: []string{"group:S0ONCALL"}}}
	for n := range 1000 {
		m := member{
			Storm: r.ID, ID: fmt.Sprintf("k%05d", n), State: Firing, Severity: "warning", Since: since.Add(time.Duration(n) * time.Second / 4), Joined: since.Add(time.Duration(n) * time.Second / 4),
			Own: n < 20, Firing: 10, Alert: "FlinkJobLagging", Cluster: "prod-eu", Owner: fmt.Sprintf("team-%d", n%7), Ack: true,
		}
		switch {
		case n%2 == 0:
			m.Alert, m.Cause, m.Says = "FlinkJobRestartLoop", "f1", "java.net.ConnectException: Connection refused: kafka-2.prod.example/10.1.0.7:9092"
		case n%5 == 0:
			m.Alert, m.Cluster = "FlinkCheckpointsFail", "prod-us"
		}
		switch {
		case n%1000 >= 217:
			m.State, m.Firing = Resolved, 0
		case n%1000 >= 214:
			m.State = Acked
		case n%18 == 0:
			m.Severity = "critical"
		}
		m.Title = fmt.Sprintf("%s on %s/orders-enrichment-%d", m.Alert, m.Cluster, n)
		r.members = append(r.members, rowEntry{ID: m.ID + "/1", Value: m})
	}
	r.sort()
	return r
}

func TestStormDigest(t *testing.T) {
	r := sampleRoll()
	m := r.digest()
	if d := cmp.Diff(bottest.Digest().Plain(), m.Plain()); d != "" {
		t.Errorf("bottest.Digest is not what is said (-it +this):\n%s", d)
	}
	if m.Fallback != m.Title+". 12 critical, 202 warning." {
		t.Error(m.Fallback)
	}
	for n := range r.members {
		r.members[n].Value.State, r.members[n].Value.Firing = Resolved, 0
	}
	r.sort()
	if m = r.digest(); m.Title != "Storm: all 1,000 incidents resolved" || m.Tone != bot.Good || m.Closed || m.State != Resolved {
		t.Errorf("%+v", m)
	}
	if plain := m.Plain(); strings.Contains(plain, "[") || !strings.Contains(plain, "Alert: FlinkJobRestartLoop ×500") {
		t.Error(plain)
	}
	r.Storm.State, r.Over = stormOver, r.Since.Add(90*time.Minute)
	if m = r.digest(); m.Title != "Storm over: all 1,000 incidents resolved" || !m.Closed || !strings.Contains(m.Plain(), "after 1 h 30 min") {
		t.Error(m.Plain())
	}
}

// People are called by the first message or in the thread, once.
func TestStormCalls(t *testing.T) {
	r := sampleRoll()
	r.Called = nil
	r.members[0].Value.Mentions = []string{"user:U1"}
	now := r.Since
	if got := r.call(now); got != nil || !slices.Equal(r.Called, []string{"user:U1"}) {
		t.Fatal(got, r.Called)
	}
	r.Head = bot.Sum(r.digest())
	r.members[1].Value.Mentions = []string{"user:U1", "user:U2"}
	if got := r.call(now); !slices.Equal(got, []string{"user:U2"}) {
		t.Fatal(got)
	}
	if d := r.calling([]string{"user:U2"}); d.Parent != "storm-k3x9q2ab/1/digest" || d.Message.Fallback != "1 of the storm's incidents fires for @U2" {
		t.Errorf("%+v", d)
	}
	r.members[2].Value.Mentions = []string{"user:U3"}
	if got := r.call(now.Add(10 * time.Second)); got != nil {
		t.Error("called within half a minute:", got)
	}
	if got := r.call(now.Add(time.Minute)); !slices.Equal(got, []string{"user:U3"}) {
		t.Error(got)
	}
	if got := r.call(now.Add(time.Hour)); got != nil {
		t.Error("called twice:", got)
	}
}
