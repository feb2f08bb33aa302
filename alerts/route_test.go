package alerts

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// calls are the mentions of a delivery, with the block they stand in.
func calls(d bot.Delivery) (out []string) {
	for n, b := range d.Message.Blocks {
		x, ok := b.(bot.Text)
		if !ok {
			continue
		}
		for _, s := range x.Spans {
			if s.Mention != "" {
				out = append(out, fmt.Sprintf("%d %s", n, s.Mention))
			}
		}
	}
	return out
}

func byPlace(ds []bot.Delivery, place string) bot.Delivery {
	for _, d := range ds {
		if d.To.String() == place {
			return d
		}
	}
	return bot.Delivery{}
}

func TestMentions(t *testing.T) {
	o := testOptions()
	o.Routes = []Route{
		{Name: "page", Match: `severity == "critical"`, To: []string{"slack:C1", "discord:7"}, Continue: true, Mention: []string{"slack:group:S0ONCALL", "slack:user:U0OLGA", "discord:group:12"}},
		{Name: "team", Match: `labels.team == "core"`, To: []string{"slack:C1", "web:ops"}, Mention: []string{"slack:user:U0OLGA", "slack:user:U0ROB"}},
	}
	s, out, c := newService(t, o, Hooks{})
	l := map[string]string{"severity": "critical", "team": "core"}
	firing, over := webhook("Down", l, Firing), webhook("Down", l, Resolved)
	take(t, s, firing)
	heads := out.heads(t)
	for place, want := range map[string][]string{"slack:C1": {"0 group:S0ONCALL", "0 user:U0OLGA", "0 user:U0ROB"}, "discord:7": {"0 group:12"}, "web:ops": nil} {
		if d := cmp.Diff(want, calls(byPlace(heads, place))); d != "" {
			t.Errorf("%s: %s", place, d)
		}
	}
	// Once somebody has taken it, or it is over, no state of the head calls anybody; nor does the thread.
	id := one(t, s).ID
	if _, err := s.Ack(t.Context(), id, olga()); err != nil {
		t.Fatal(err)
	}
	quiet := func(when string) {
		t.Helper()
		for _, d := range out.all(t) {
			if got := calls(d); got != nil {
				t.Errorf("%s: %s calls %q", when, d.Key, got)
			}
		}
	}
	quiet("acknowledged")
	c.pass(time.Minute)
	take(t, s, over)
	quiet("resolved")
	// An edit notifies nobody, so what fires again calls from the thread.
	c.pass(5 * time.Minute)
	if kind := take(t, s, at(firing, "2026-11-21T00:03:00Z")); kind != kindReopened {
		t.Fatal(kind)
	}
	var again []string
	for _, d := range out.stories(t) {
		if strings.HasPrefix(d.Message.Fallback, "Firing again") {
			again = append(again, d.To.String()+" "+strings.Join(calls(d), " "))
		}
	}
	slices.Sort(again)
	if d := cmp.Diff([]string{"discord:7 0 group:12", "slack:C1 0 group:S0ONCALL 0 user:U0OLGA 0 user:U0ROB", "web:ops "}, again); d != "" {
		t.Error(d)
	}
}

// A head without a summary still has a text in front that calls.
func TestMentionWithoutSummary(t *testing.T) {
	i := Incident{ID: "a", Alerts: map[string]Alert{"f": {Status: Firing}}}
	m := i.headIn(head(&i), &Target{Mentions: []string{"user:U1"}})
	if d := cmp.Diff([]string{"0 user:U1"}, calls(bot.Delivery{Message: m})); d != "" {
		t.Error(d)
	}
	if first := m.Blocks[0].(bot.Text).Plain(); first != "@U1" {
		t.Errorf("first text %q", first)
	}
}

func TestRouteButtons(t *testing.T) {
	for _, tt := range []struct {
		buttons []string
		want    string
	}{
		{nil, "Ack Diagnose Restart… Savepoint Logs Scale… Stop… Assign…"},
		{[]string{"ack", "silence", "diagnose"}, "Ack Diagnose"},
		{[]string{"savepoint"}, "Savepoint"},
		{[]string{}, ""},
	} {
		o := testOptions()
		o.Routes[0].Buttons = tt.buttons
		s, out, _ := newService(t, o, Hooks{})
		take(t, s, webhook("Down", orders(), Firing))
		if got := labels(out.heads(t)[0]); got != tt.want {
			t.Errorf("%q shows %q, want %q", tt.buttons, got, tt.want)
		}
		// The next webhook reads the incident back from the store.
		take(t, s, webhookOf("Down", Firing, orders(), map[string]string{"job_name": "orders", "job_id": "a1", "cluster": "prod", "severity": "critical", "instance": "b"}))
		if got := labels(out.heads(t)[0]); got != tt.want {
			t.Errorf("after an edit %q shows %q, want %q", tt.buttons, got, tt.want)
		}
	}
}

func TestChannelFrom(t *testing.T) {
	o := testOptions()
	o.Routes[0].ChannelFrom = "labels.slack_channel"
	check := func(p bot.Place) error {
		if p.Network != "slack" {
			return errors.New("drey is not there")
		}
		return nil
	}
	for label, want := range map[string]string{"slack:C0X": "slack:C0X", "": "web:oncall", "C0X": "web:oncall", "teams:x": "web:oncall"} {
		s, out, _ := newService(t, o, Hooks{CanPost: check})
		take(t, s, webhook("Down", map[string]string{"slack_channel": label}, Firing))
		if h := out.heads(t); len(h) != 1 || h[0].To.String() != want {
			t.Errorf("%q goes to %v, want %s", label, h, want)
		}
	}
}

func TestDefaultRoute(t *testing.T) {
	o := testOptions()
	o.Routes[0].Match, o.DefaultTo = `severity == "never"`, []string{"web:rest"}
	n := 0
	s, out, _ := newService(t, o, Hooks{OnUnroutable: func(string) { n++ }})
	take(t, s, webhook("Down", nil, Firing))
	if h := out.heads(t); len(h) != 1 || h[0].To.String() != "web:rest" || n != 0 {
		t.Errorf("heads %v, counted %d times", h, n)
	}
}

func TestEnvOfTimeAndOwner(t *testing.T) {
	// Saturday, 21 November 2026, 23:30 UTC.
	now := time.Date(2026, 11, 21, 23, 30, 0, 0, time.UTC)
	for _, tt := range []struct {
		match string
		want  bool
	}{
		{`hour == 0 && weekday == "sunday"`, true}, // in Berlin
		{`hourIn("UTC") == 23 && weekdayIn("UTC") == "saturday"`, true},
		{`hourIn("Asia/Tokyo") == 8`, true},
		{`during("weekend")`, true},
		{`during("nights") || not during("weekend")`, false},
		{`owner == "core"`, true},
		{`owner in ["data", "core"] && cluster == "prod" && job == "orders"`, true},
		{`annotations.summary contains "x"`, false},
	} {
		o := Options{TimeZone: "Europe/Berlin", MuteTimes: weekends(), Routes: []Route{{Name: "r", Match: tt.match, To: []string{"web:ops"}}}}
		o.MuteTimes["nights"] = []TimeInterval{{Times: []TimeRange{{"00:00", "06:00"}}}}
		p, err := NewPipeline(o, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		tr := p.Test(t.Context(), Question{At: now, Labels: map[string]string{"team": "core", "job_name": "orders", "cluster": "prod"}})
		if got := len(tr.Incident.Targets) > 0; got != tt.want {
			t.Errorf("%s: %v\n%s", tt.match, got, tr)
		}
	}
	e := (&routes{zone: time.UTC}).env(&Incident{Labels: map[string]string{"team": "core", "owner": "olga"}}, now)
	if e.Owner != "olga" {
		t.Errorf("owner %q", e.Owner)
	}
}

func TestTestQuestion(t *testing.T) {
	o := testOptions()
	o.Routes = []Route{
		{Name: "page", Match: `severity == "critical"`, To: []string{"web:oncall"}, Continue: true, Mention: []string{"web:user:olga"}, Buttons: []string{"ack"}},
		{Name: "data", Match: `labels.team == "data" && firing > 0`, To: []string{"web:data"}},
		{Name: "rest", Match: `not (cluster == "dev")`, To: []string{"web:ops"}, ChannelFrom: "labels.channel", Mute: []string{"weekend"}},
		{Name: "last", Match: `true`, To: []string{"web:last"}},
	}
	o.MuteTimes = weekends()
	s, out, _ := newService(t, o, Hooks{})
	take(t, s, webhook("Down", map[string]string{"severity": "critical", "team": "core", "cluster": "prod"}, Firing))
	i := one(t, s)
	before := len(out.all(t))
	tr, err := s.Test(t.Context(), Question{Incident: i.ID, At: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	want := `bind      no job_id and no job_name common to its alerts: not about one job
match     route "page" matches: severity == "critical"
          it says continue
          route "data" does not match: labels.team == "data", but it is "core"
          route "rest" matches: not (cluster == "dev")
          it does not say continue: the 1 below are not looked at
          to web:oncall; mentions web:user:olga; buttons ack
          route "rest": labels.channel is empty: to its own channels
          to web:ops; muted by weekend
mute      web:ops is muted by weekend until 2026-11-23 00:00 UTC: posted then, if it is still open
compose   to web:oncall: "Firing: Down on prod (critical). Down happened"
          mentions user:olga
          buttons: Ack
`
	if d := cmp.Diff(want, tr.String()); d != "" {
		t.Error(d)
	}
	if n := len(out.all(t)); n != before || len(one(t, s).Targets) != len(i.Targets) {
		t.Errorf("%d messages, %d before", n, before)
	}
	if _, err := s.Test(t.Context(), Question{Incident: "zzzzzz"}); platform.KindOf(err) != platform.NotFound {
		t.Error(err)
	}
}

// A trace of very many routes stays short.
func TestTraceIsBounded(t *testing.T) {
	o := testOptions()
	o.Routes = manyRoutes(1000)
	p, err := NewPipeline(o, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := p.Test(t.Context(), Question{At: newClock().t, Labels: map[string]string{"service": "svc-900"}})
	if s := tr.String(); strings.Count(s, "\n") > 60 || !strings.Contains(s, "880 more routes do not match") || !strings.Contains(s, `route "r900" matches`) {
		t.Error(s)
	}
}

func TestParseLabels(t *testing.T) {
	for in, want := range map[string]string{
		"a=b":                           "map[a:b]",
		`a="b c" d=e`:                   "map[a:b c d:e]",
		`{a="b", "k8s.pod/name"="x=y"}`: "map[a:b k8s.pod/name:x=y]",
		"a=,b=c":                        "map[a: b:c]",
		"":                              "error",
		"nonsense":                      "error",
		`a="b`:                          "error",
		"a!=b":                          "error",
		"a=~b":                          "error",
		`emoji🔥=yes severity=критично`: "map[emoji🔥:yes severity:критично]",
	} {
		m, err := ParseLabels(in)
		got := fmt.Sprint(m)
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestValidateRoutes(t *testing.T) {
	o := Options{
		TimeZone: "Mars/Base", DefaultTo: []string{"nowhere"},
		MuteTimes: map[string][]TimeInterval{
			"a": {{Times: []TimeRange{{"22:00", "06:00"}}}, {Weekdays: []string{"friday:monday"}}, {Location: "Nowhere/City", Weekdays: []string{"monday"}}, {}},
			"b": nil,
			"c": {{Weekdays: []string{"Monday"}, Months: []string{"1:3", "december"}, DaysOfMonth: []string{"-3:-1"}, Years: []string{"2026"}}},
		},
		Routes: []Route{{
			Name: "r", Match: `hourIn("Nope/Zone") > 3 && during("z")`, To: []string{"web:ops"}, ChannelFrom: "firing",
			Mention: []string{"slack:U1", "slack:team:U1", "slack:user:<!here>", "slack:user:U1"}, Buttons: []string{"ack", "explode"}, Mute: []string{"c", "d"},
		}, {Name: "s", Match: `weekdayIn(labels.zone) == "monday"`, To: []string{"web:ops"}}},
	}
	want := []string{
		`alerts.default_to[0]: want NETWORK:CHANNEL such as web:ops, have "nowhere"`,
		"alerts.mute_times.a[0]: start time cannot be equal or greater than end time",
		"alerts.mute_times.a[1]: start day cannot be before end day",
		"alerts.mute_times.a[2]: unknown time zone Nowhere/City",
		"alerts.mute_times.a[3]: empty: it would hold always",
		"alerts.mute_times.b: no interval: it would never hold",
		`alerts.routes[0].buttons[1]: unknown button "explode"; allowed: ack, assign, diagnose, escalate, logs, restart, savepoint, scale, silence, stop`,
		"alerts.routes[0].channel_from: expected string, but got int",
		`alerts.routes[0].match: there is no alerts.mute_times.z`,
		`alerts.routes[0].match: unknown time zone "Nope/Zone"`,
		`alerts.routes[1].match: what weekdayIn() is asked must be written out (1:18)`,
		"alerts.routes[0].mention[0]: want NETWORK:user:ID",
		"alerts.routes[0].mention[1]: want NETWORK:user:ID",
		"alerts.routes[0].mention[2]: want NETWORK:user:ID",
		"alerts.routes[0].mute[1]: there is no alerts.mute_times.d",
		`alerts.time_zone: unknown time zone "Mars/Base"`,
	}
	err := o.Validate()
	if err == nil {
		t.Fatal("valid")
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("lacks %s", w)
		}
	}
	if t.Failed() {
		t.Log(err)
	}
}
