package alerts

import (
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// Each head of an incident names the other channels where it stands, and no others.
func TestElsewhere(t *testing.T) {
	at := func(network, channel string) Target {
		return Target{Place: bot.Place{Network: bot.NetworkID(network), Channel: channel}}
	}
	muted := at("web", "night")
	muted.Quiet = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
	stormy := at("web", "flood")
	stormy.Storm = "storm-a/1"
	for _, tt := range []struct {
		targets []Target
		want    string
	}{
		{[]Target{at("web", "oncall")}, ""},
		{[]Target{at("web", "oncall"), at("web", "data")}, "Also in web:data"},
		{[]Target{at("web", "oncall"), at("slack", "C0DATA"), at("discord", "12")}, "Also in slack:C0DATA, discord:12"},
		{[]Target{at("web", "oncall"), at("web", "a"), at("web", "b"), at("web", "c"), at("web", "d"), at("web", "e")}, "Also in web:a, web:b, web:c, and 2 more"},
		{[]Target{at("web", "oncall"), muted, stormy, {Place: bot.Direct("slack", "U0OLGA")}}, ""},
	} {
		i := Incident{ID: "aaaaaa", Targets: tt.targets}
		if got := i.elsewhere(&i.Targets[0]).Plain(); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

// A warning's channel and that of a critical alert that joins later name each other, as channels rather than as words.
func TestJoinedChannelsNameEachOther(t *testing.T) {
	o := testOptions()
	o.Routes = []Route{
		{Name: "data", Match: `severity == "warning"`, To: []string{"web:data"}},
		{Name: "page", Match: `severity == "critical"`, To: []string{"web:oncall"}},
	}
	s, out, c := newService(t, o, Hooks{})
	take(t, s, webhook("FlinkBackpressure", about("orders", "warning"), Firing))
	if got := plainHead(out.heads(t)[0]); strings.Contains(got, "Also in") {
		t.Error(got)
	}
	c.pass(time.Minute)
	take(t, s, webhook("FlinkJobCrashLoop", about("orders", "critical"), Firing))
	heads := out.heads(t)
	if len(heads) != 2 {
		t.Fatalf("%d heads", len(heads))
	}
	for n, other := range []string{"oncall", "data"} {
		notes := notesOf(heads[n].Message)
		if len(notes) < 2 {
			t.Fatalf("%+v", notes)
		}
		also := notes[len(notes)-2]
		if want := (bot.Place{Network: "web", Channel: other}); also.Plain() != "Also in web:"+other || also.Spans[len(also.Spans)-1].In != want {
			t.Errorf("in %s: %+v", heads[n].To, also)
		}
	}
}

func notesOf(m bot.Message) []bot.Note {
	var out []bot.Note
	for _, b := range m.Blocks {
		if n, ok := b.(bot.Note); ok {
			out = append(out, n)
		}
	}
	return out
}

// What is over asks for no change of its job, unless that was not seen to be well since.
func TestButtonsAfterTheEnd(t *testing.T) {
	over := time.Date(2026, 11, 21, 1, 0, 0, 0, time.UTC)
	facts := &JobFacts{Ref: platform.JobRef{Cluster: "prod", Job: "orders"}}
	for _, tt := range []struct {
		name string
		i    Incident
		want string
	}{
		{"settled", Incident{About: aboutJob, Over: over, Settled: over, Facts: facts}, "Diagnose Logs"},
		{"not yet well", Incident{About: aboutJob, Over: over, Facts: facts}, "Diagnose Restart… Logs"},
		{"nothing known", Incident{About: aboutJob, Over: over}, "Diagnose Logs"},
		{"a group's", Incident{Over: over, Facts: facts}, "Diagnose Logs"},
		{"its job is gone", Incident{About: aboutJob, Over: over, Gone: true, Facts: facts}, ""},
	} {
		tt.i.ID, tt.i.Job = "aaaaaa", &Binding{Cluster: "prod", Name: "orders"}
		if got := labels(bot.Delivery{Message: head(&tt.i)}); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
