package alerts

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
)

func take(t *testing.T, s *Service, body []byte) string {
	t.Helper()
	kind, err := s.Take(t.Context(), "main", body)
	if err != nil {
		t.Fatal(err)
	}
	return kind
}

func one(t *testing.T, s *Service) *Incident {
	t.Helper()
	l := list(t, s)
	if len(l) != 1 {
		t.Fatalf("%d incidents", len(l))
	}
	return &l[0]
}

func at(body []byte, start string) []byte {
	return []byte(strings.ReplaceAll(string(body), `"startsAt":"2026-11-20T23:57:42Z"`, `"startsAt":"`+start+`"`))
}

func TestReopenAndNew(t *testing.T) {
	s, out, c := newService(t, testOptions(), Hooks{})
	firing, over := webhook("Down", nil, Firing), webhook("Down", nil, Resolved)
	take(t, s, firing)
	first := one(t, s).ID
	if _, err := s.Ack(t.Context(), first, olga()); err != nil {
		t.Fatal(err)
	}
	c.pass(5 * time.Minute)
	take(t, s, over)
	c.pass(14 * time.Minute)
	if kind := take(t, s, at(firing, "2026-11-21T00:16:00Z")); kind != kindReopened {
		t.Errorf("within the window it was %s", kind)
	}
	if i := one(t, s); i.ID != first || i.Episodes != 2 || i.Acked != nil || i.State() != Firing {
		t.Errorf("reopened: %+v", i)
	}
	c.pass(time.Minute)
	take(t, s, at(over, "2026-11-21T00:16:00Z"))
	c.pass(16 * time.Minute)
	if kind := take(t, s, at(firing, "2026-11-21T00:34:00Z")); kind != kindNew {
		t.Errorf("after the window it was %s", kind)
	}
	i := one(t, s)
	if i.ID != first+"-2" || i.Before != first || i.Episodes != 1 {
		t.Errorf("new: %s before %s", i.ID, i.Before)
	}
	old, err := s.Get(t.Context(), first)
	if err != nil || old.ID != first || old.State() != Resolved {
		t.Errorf("the earlier one: %s, %v", old.ID, err)
	}
	if _, err := s.Ack(t.Context(), first, olga()); platform.KindOf(err) != platform.Invalid || !strings.Contains(err.Error(), "present incident is "+first+"-2") {
		t.Errorf("ack of the earlier one: %v", err)
	}
	if n := len(out.heads(t)); n != 2 {
		t.Errorf("%d threads", n)
	}
	want := []string{"Acknowledged by Olga", "Resolved after 5 min", "Firing again, 14 min after it was over (time 2): Down", "Resolved after 60 s"}
	if d := cmp.Diff(want, texts(out.stories(t))); d != "" {
		t.Error(d)
	}
}

func TestResolveOutOfOrder(t *testing.T) {
	firing, over := webhook("Down", nil, Firing), webhook("Down", nil, Resolved)
	t.Run("without firing", func(t *testing.T) {
		s, out, _ := newService(t, testOptions(), Hooks{})
		if kind := take(t, s, over); kind != kindNew || one(t, s).State() != Resolved || len(out.heads(t)) != 1 {
			t.Errorf("%s, %d heads", kind, len(out.heads(t)))
		}
	})
	t.Run("before firing", func(t *testing.T) {
		s, _, c := newService(t, testOptions(), Hooks{})
		take(t, s, over)
		c.pass(20 * time.Second)
		if kind := take(t, s, firing); kind != kindRepeat || one(t, s).State() != Resolved {
			t.Errorf("the late firing was %s, state %s", kind, one(t, s).State())
		}
		c.pass(2 * time.Minute)
		if kind := take(t, s, firing); kind != kindReopened {
			t.Errorf("it still fires minutes later: %s", kind)
		}
	})
	t.Run("of the firing before", func(t *testing.T) {
		s, out, c := newService(t, testOptions(), Hooks{})
		take(t, s, firing)
		take(t, s, over)
		c.pass(time.Minute)
		if kind := take(t, s, at(firing, "2026-11-20T23:58:40Z")); kind != kindReopened {
			t.Fatalf("the second firing: %s", kind)
		}
		if kind := take(t, s, over); kind != kindRepeat || !one(t, s).Open() || len(out.stories(t)) != 2 {
			t.Errorf("the other half's end of the first one: %s, stories %q", kind, texts(out.stories(t)))
		}
		c.pass(time.Minute)
		end := strings.ReplaceAll(string(at(over, "2026-11-20T23:58:40Z")), `"endsAt":"2026-11-20T23:57:43Z"`, `"endsAt":"2026-11-20T23:59:40Z"`)
		if kind := take(t, s, []byte(end)); kind != kindResolved {
			t.Errorf("its own end: %s", kind)
		}
	})
	t.Run("twice", func(t *testing.T) {
		s, out, _ := newService(t, testOptions(), Hooks{})
		take(t, s, firing)
		take(t, s, over)
		if kind := take(t, s, over); kind != kindRepeat || len(out.stories(t)) != 1 {
			t.Errorf("%s, stories %q", kind, texts(out.stories(t)))
		}
	})
}

// A silenced member vanishes from the webhook. With nobody to ask, the group's end is its end.
func TestVanishedMember(t *testing.T) {
	s, _, c := newService(t, testOptions(), Hooks{})
	take(t, s, webhookOf("Down", Firing, map[string]string{"instance": "a"}, map[string]string{"instance": "b"}))
	c.pass(time.Minute)
	if kind := take(t, s, webhookOf("Down", Resolved, map[string]string{"instance": "a"})); kind != kindResolved {
		t.Errorf("without an API: %s", kind)
	}
	o := testOptions()
	o.Sources["main"] = Source{Token: testToken, Alertmanager: Addresses{"http://127.0.0.1:1"}}
	s, _, _ = newService(t, o, Hooks{})
	take(t, s, webhookOf("Down", Firing, map[string]string{"instance": "a"}, map[string]string{"instance": "b"}))
	if kind := take(t, s, webhookOf("Down", Resolved, map[string]string{"instance": "a"})); kind != kindChanged {
		t.Errorf("with an API: %s", kind)
	}
}

func TestRouting(t *testing.T) {
	o := testOptions()
	o.Routes = []Route{
		{Name: "page", Match: `severityAtLeast("critical")`, To: []string{"web:oncall"}, Continue: true},
		{Name: "orders", Match: `job == "orders" && cluster == "prod"`, To: []string{"web:orders", "web:oncall"}},
		{Name: "rest", Match: `true`, To: []string{"web:ops"}},
	}
	for _, tt := range []struct {
		labels map[string]string
		want   string
	}{
		{map[string]string{"severity": "critical", "job_name": "orders", "cluster": "prod"}, "web:oncall web:orders"},
		{map[string]string{"severity": "warning", "job_name": "orders", "cluster": "prod"}, "web:orders web:oncall"},
		{map[string]string{"severity": "critical"}, "web:oncall web:ops"},
		{map[string]string{"severity": "info"}, "web:ops"},
	} {
		s, _, _ := newService(t, o, Hooks{})
		take(t, s, webhook("Down", tt.labels, Firing))
		var got []string
		for _, x := range one(t, s).Targets {
			got = append(got, x.Place.String())
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%v goes to %q, want %q", tt.labels, got, tt.want)
		}
	}
}

// An incident that grows more severe reaches the channels of its severity too, and keeps those it had.
func TestRoutesGrow(t *testing.T) {
	o := testOptions()
	o.Routes = []Route{
		{Name: "page", Match: `severity == "critical"`, To: []string{"web:oncall"}},
		{Name: "rest", Match: `true`, To: []string{"web:ops"}},
	}
	s, out, c := newService(t, o, Hooks{})
	take(t, s, webhookOf("Lag", Firing, map[string]string{"severity": "warning", "instance": "a"}))
	c.pass(time.Minute)
	take(t, s, webhookOf("Lag", Firing, map[string]string{"severity": "warning", "instance": "a"}, map[string]string{"severity": "critical", "instance": "b"}))
	if n := len(out.heads(t)); n != 2 {
		t.Errorf("%d heads", n)
	}
	c.pass(time.Minute)
	take(t, s, webhookOf("Lag", Resolved, map[string]string{"severity": "warning", "instance": "a"}, map[string]string{"severity": "critical", "instance": "b"}))
	for _, h := range out.heads(t) {
		if !strings.HasPrefix(h.Message.Title, "Resolved: ") {
			t.Errorf("%s: %s", h.To, h.Message.Title)
		}
	}
}

func TestUnroutedIsKept(t *testing.T) {
	o := testOptions()
	o.Routes[0].Match = `severity == "never"`
	n := 0
	s, out, _ := newService(t, o, Hooks{OnUnroutable: func(string) { n++ }})
	take(t, s, webhook("Down", nil, Firing))
	if one(t, s).State() != Firing || len(out.all(t)) != 0 || n != 1 {
		t.Errorf("%d deliveries, counted %d times", len(out.all(t)), n)
	}
}

func TestSilenceNeedsAnAPI(t *testing.T) {
	s, out, _ := newService(t, testOptions(), Hooks{})
	take(t, s, webhook("Down", nil, Firing))
	if got := labels(out.heads(t)[0]); got != "Ack Assign…" {
		t.Errorf("buttons %q", got)
	}
	if _, err := silenceFor(t, s, one(t, s).ID, olga(), time.Hour, ""); platform.KindOf(err) != platform.Unsupported {
		t.Errorf("got %v", err)
	}
}

// What Alertmanager does not answer stays wanted.
func TestSilencePending(t *testing.T) {
	o := testOptions()
	o.Sources["main"] = Source{Token: testToken, Alertmanager: Addresses{"http://127.0.0.1:1"}}
	s, out, _ := newService(t, o, Hooks{})
	take(t, s, webhook("Down", nil, Firing))
	a, err := silenceFor(t, s, one(t, s).ID, olga(), time.Hour, "")
	if err != nil || !a.Pending || one(t, s).State() != Firing {
		t.Errorf("%+v, %v", a, err)
	}
	if got := labels(out.heads(t)[0]); got != "Ack Silence… Assign…" {
		t.Errorf("buttons %q", got)
	}
	if i := one(t, s); len(i.Silences) != 1 || i.Silences[0].ID != "" {
		t.Errorf("silences %+v", i.Silences)
	}
}

func TestExplain(t *testing.T) {
	p, err := NewPipeline(testOptions(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := p.Explain(t.Context(), "main", webhook("FlinkJobCrashLoop", orders(), Firing), newClock().t).String()
	want := `decode    1 alerts, 1 of them firing, for receiver "drey"
identify  about the job orders, whatever group it comes in
recall    no store was asked: taken as the first webhook of its group
dedupe    1 of 1 alerts are news
update    incident ID: new, firing, 1 firing, episode 1
bind      about the job prod/orders
match     route "all" matches: true
          to web:oncall
compose   to web:oncall: "Firing: FlinkJobCrashLoop on prod/orders (critical). FlinkJobCrashLoop happened"
          buttons: Ack, Diagnose, Restart…, Savepoint, Logs, Scale…, Stop…, Assign…
`
	id := stemOf(hashOf("job", "prod", "orders"), 0)
	if d := cmp.Diff(want, strings.ReplaceAll(got, id, "ID")); d != "" {
		t.Error(d)
	}
	bad := p.Explain(t.Context(), "main", []byte("{}"), newClock().t)
	if bad.Err == nil || bad.String() != "stopped   decode: not a webhook of Alertmanager: it has no alerts\n" {
		t.Errorf("%s", bad)
	}
}

// Two groups whose short ids are equal are two incidents.
func TestStemCollision(t *testing.T) {
	s, out, _ := newService(t, testOptions(), Hooks{})
	body := webhook("Down", nil, Firing)
	key := hashOf("main", "drey", "alertname", "Down")
	tx := s.db.Begin(stemOf(key, 0))
	s.current.Put(tx, stemOf(key, 0), Incident{ID: stemOf(key, 0), Key: "another", Seq: 1}, storage.New)
	if err := s.db.Commit(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	take(t, s, body)
	if kind := take(t, s, body); kind != kindRepeat {
		t.Errorf("the second was %s", kind)
	}
	if h := out.heads(t); len(h) != 1 || !strings.HasPrefix(h[0].Key, stemOf(key, 1)+"/1/") {
		t.Errorf("heads %v", h)
	}
}

func TestHostileText(t *testing.T) {
	s, out, _ := newService(t, testOptions(), Hooks{})
	l := map[string]string{"k8s.pod/name": "p", "emoji🔥": "\x00\u202e", "instance": strings.Repeat("é", 5000), "severity": "**bold**"}
	body := webhook("Höhe\nüber", l, Firing)
	body = []byte(strings.Replace(string(body), `"generatorURL":"http`, `"generatorURL":"javascript`, 1))
	take(t, s, body)
	h := plainHead(out.heads(t)[0])
	if strings.Contains(h, "Prometheus") || len(h) > 2000 || strings.Contains(out.heads(t)[0].Message.Title, "\n") {
		t.Errorf("%.3000s", h)
	}
	if i := one(t, s); i.Labels["k8s.pod/name"] != "p" {
		t.Errorf("labels %v", i.Labels)
	}
}

func TestListAndUnack(t *testing.T) {
	s, out, c := newService(t, testOptions(), Hooks{})
	take(t, s, webhook("Minor", map[string]string{"severity": "warning"}, Firing))
	c.pass(time.Minute)
	take(t, s, webhook("Major", map[string]string{"severity": "critical", "team": "Core"}, Firing))
	all, err := s.List(t.Context(), Filter{})
	if err != nil || len(all) != 2 || all[0].Severity != "critical" {
		t.Fatal(all, err)
	}
	if got, _ := s.List(t.Context(), Filter{Text: "core"}); len(got) != 1 {
		t.Errorf("by a label's value: %d", len(got))
	}
	id := all[0].ID
	if a, err := s.Unack(t.Context(), id, olga()); err != nil || !a.Already {
		t.Error(a, err)
	}
	if _, err := s.Ack(t.Context(), id, olga()); err != nil {
		t.Fatal(err)
	}
	if got, _ := s.List(t.Context(), Filter{States: []string{Acked}}); len(got) != 1 || got[0].ID != id {
		t.Errorf("acked: %v", got)
	}
	if _, err := s.Unack(t.Context(), id, olga()); err != nil || !strings.HasPrefix(labels(out.heads(t)[0])+labels(out.heads(t)[1]), "Ack") {
		t.Error(err)
	}
	if _, err := s.Get(t.Context(), "zzzzzz-3"); platform.KindOf(err) != platform.NotFound {
		t.Errorf("unknown: %v", err)
	}
	if _, err := s.Ack(t.Context(), "", olga()); platform.KindOf(err) != platform.NotFound {
		t.Errorf("empty id: %v", err)
	}
}

// Every button names a command of the list that the wiring checks.
func TestButtonPaths(t *testing.T) {
	i := Incident{ID: "a", Job: &Binding{Name: "orders"}, Alerts: map[string]Alert{"f": {Status: Firing}}, Silences: []Silence{{ID: "x"}}}
	j := Incident{ID: "a", Alerts: i.Alerts, Climbs: []Climb{{Chain: "night", Steps: 1}}}
	k := Incident{ID: "a", Alerts: i.Alerts, Acked: &Mark{}}
	var got []string
	for _, b := range slices.Concat(buttons(&i), buttons(&j), buttons(&k)) {
		got = append(got, b.Call.Path)
	}
	slices.Sort(got)
	want := slices.Sorted(slices.Values(ButtonPaths()))
	if d := cmp.Diff(want, slices.Compact(got)); d != "" {
		t.Error(d)
	}
}
