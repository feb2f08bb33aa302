package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/alerts/alertmanager"
	"github.com/drey-ops/drey/alerts/oncall"
	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// fakeAlerts is a set of incidents with what was asked about them.
type fakeAlerts struct {
	mu   sync.Mutex
	list []alerts.Incident
	did  []string

	expanded []string // what Expand was called with
	hides    *alerts.Hidden
	silences alerts.SilenceList
}

func (f *fakeAlerts) Silences(context.Context) (alerts.SilenceList, error) {
	out := f.silences
	out.Lines = slices.Clone(out.Lines)
	return out, nil
}

func (f *fakeAlerts) List(_ context.Context, flt alerts.Filter) ([]alerts.Incident, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.list), func(i alerts.Incident) bool {
		return !strings.Contains(i.Title, flt.Text) || len(flt.States) > 0 && !slices.Contains(flt.States, i.State())
	}), nil
}

func (f *fakeAlerts) Get(_ context.Context, id string) (alerts.Incident, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range f.list {
		if i.ID == id {
			return i, nil
		}
	}
	return alerts.Incident{}, platform.Errorf(platform.NotFound, "show incident "+id, "no such incident")
}

func (f *fakeAlerts) note(format string, args ...any) (alerts.Answer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	what := fmt.Sprintf(format, args...)
	already := slices.Contains(f.did, what)
	f.did = append(f.did, what)
	return alerts.Answer{Already: already, Say: "said: " + what}, nil
}

func (f *fakeAlerts) Ack(_ context.Context, id string, a bot.Actor) (alerts.Answer, error) {
	return f.note("%s acks %s", a.ID, id)
}

func (f *fakeAlerts) Unack(_ context.Context, id string, a bot.Actor) (alerts.Answer, error) {
	return f.note("%s unacks %s", a.ID, id)
}

func (f *fakeAlerts) Assign(_ context.Context, id string, to, by bot.Actor) (alerts.Answer, error) {
	return f.note("%s assigns %s to %s", by.ID, id, to)
}

func (f *fakeAlerts) Plan(_ context.Context, id string, w alerts.Wish) (alerts.SilencePlan, error) {
	ms, err := alertmanager.ParseMatchers(w.Matchers)
	if err != nil {
		return alerts.SilencePlan{}, &alerts.FieldError{Field: "matchers", Err: platform.Errorf(platform.Invalid, "silence", "%w", err)}
	}
	p := alerts.SilencePlan{Incident: incident(id, "Crash", "", ""), Matchers: ms, Exact: len(ms) == 0, Comment: w.Comment, Keep: w.Until == "resolved"}
	if d, err := time.ParseDuration(w.Until); err == nil && d < 31*24*time.Hour && d >= time.Minute {
		p.Until = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(d)
	} else if w.Until == "tomorrow 09:00" {
		p.Until = time.Date(2026, 1, 2, 9, 0, 0, 0, time.UTC)
	} else if t, err := time.Parse(time.RFC3339, w.Until); err == nil {
		p.Until = t
	} else if !p.Keep {
		return p, &alerts.FieldError{Field: "duration", Err: platform.Errorf(platform.Invalid, "silence", "%q is no time", w.Until)}
	}
	return p, nil
}

func (f *fakeAlerts) Preview(_ context.Context, p alerts.SilencePlan) (alerts.SilencePlan, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p.Hides = f.hides
	return p, nil
}

func (f *fakeAlerts) Silence(_ context.Context, p alerts.SilencePlan, a bot.Actor) (alerts.Answer, error) {
	return f.note("%s silences %s until %s: %s %s", a.ID, p.Incident.ID, p.Until.Format("01-02 15:04"), p.Comment, p.Matchers)
}

func (f *fakeAlerts) Unsilence(_ context.Context, id string, a bot.Actor) (alerts.Answer, error) {
	return f.note("%s unsilences %s", a.ID, id)
}

func (f *fakeAlerts) Page(ctx context.Context, flt alerts.Filter, from, n int) ([]alerts.Incident, int, error) {
	all, err := f.List(ctx, flt)
	all = slices.DeleteFunc(all, func(i alerts.Incident) bool { return flt.May != nil && !flt.May(&i) })
	return all[min(from, len(all)):min(from+n, len(all))], len(all), err
}

func (f *fakeAlerts) Expand(ctx context.Context, x alerts.Expansion) (alerts.Expanded, error) {
	f.expanded = append(f.expanded, x.What)
	var out alerts.Expanded
	list, err := f.List(ctx, alerts.Filter{})
	for _, i := range list {
		if (x.What == i.ID || strings.HasPrefix(x.What, "storm-")) && x.May(&i) {
			out.Incidents = append(out.Incidents, i)
		}
	}
	out.Left = len(list) - len(out.Incidents)
	return out, err
}

func (f *fakeAlerts) AckStorm(ctx context.Context, _ string, a bot.Actor, may func(*alerts.Incident) bool) (acked, firing int, err error) {
	list, err := f.List(ctx, alerts.Filter{})
	for _, i := range list {
		if may(&i) {
			_, err = f.Ack(ctx, i.ID, a)
			acked++
		}
	}
	return acked, len(list), err
}

func (f *fakeAlerts) Escalate(_ context.Context, id string, a bot.Actor, chain string, step int) (alerts.Answer, error) {
	return f.note("%s escalates %s by %q, step %d", a.ID, id, chain, step)
}

func (f *fakeAlerts) Schedules() *oncall.Book {
	b, _ := oncall.New(map[string]oncall.Options{
		"primary": {TimeZone: "Europe/Berlin", People: map[string]oncall.Person{"olga": {"web:user:olga"}, "ben": {"web:user:ben"}},
			Layers: []oncall.Layer{{Turn: []string{"olga", "ben"}, Start: "2026-01-05", Handover: "monday 09:00"}}},
		"calendar": {People: map[string]oncall.Person{"olga": {"web:user:olga"}}, Ical: "https://calendar.example/x.ics"},
	})
	return b
}

func (f *fakeAlerts) Test(ctx context.Context, q alerts.Question) (alerts.Trace, error) {
	p, err := alerts.NewPipeline(alerts.Options{
		Routes: []alerts.Route{
			{Name: "page", Match: `severity == "critical"`, To: []string{"web:oncall"}, Buttons: []string{"ack"}},
			{Name: "rest", Match: `labels.team == "core"`, To: []string{"web:ops"}, Mute: []string{"nights"}},
		},
		MuteTimes: map[string][]alerts.TimeInterval{"nights": {{Times: []alerts.TimeRange{{StartTime: "22:00", EndTime: "24:00"}}}}},
	}, nil, nil)
	if err != nil {
		return alerts.Trace{}, err
	}
	if q.Incident != "" {
		i, err := f.Get(ctx, q.Incident)
		if err != nil {
			return alerts.Trace{}, err
		}
		q.Labels = map[string]string{"severity": i.Severity}
	}
	return p.Test(ctx, q), nil
}

func TestAlertsTest(t *testing.T) {
	r := alertsRig(t)
	m := r.says("vera", "/alerts test severity=critical team=core")
	wants(t, m, "Goes to 1 channel", "would be posted to web:oncall.", `route "page" matches: severity == "critical"`, "does not say continue: the 1 below", "buttons: Ack")
	if !m.Private {
		t.Error("told to everybody")
	}
	wants(t, r.says("vera", "/alerts test at=2026-12-24T22:30Z severity=info team=core"), "Muted", "web:ops from 2026-12-25 00:00 UTC",
		`route "page" does not match: severity == "critical", but it is "info"`, "web:ops is muted by nights")
	wants(t, r.says("vera", `/alerts test {severity="info", team="data eng"}`), "Goes nowhere", `labels.team == "core", but it is "data eng"`)
	wants(t, r.says("vera", "/alerts test aaa111"), "aaa111, if it were new,", "web:oncall")
	wants(t, r.says("dora", "/alerts test bbb222"), "You may not do that here")
	wants(t, r.says("vera", "/alerts test zzz999"), "Not found")
	wants(t, r.says("vera", "/alerts test nonsense!"), "Want labels such as")
	wants(t, r.says("vera", "/alerts test at=soon a=b"), "Want a time such as 2026-12-24T22:30Z")
	wants(t, r.says("vera", "/alerts test"), "alert")
}

func incident(id, title, cluster, job string) alerts.Incident {
	i := alerts.Incident{ID: id, Title: title, Severity: "critical", Since: time.Now().Add(-7 * time.Minute), Alerts: map[string]alerts.Alert{"a": {Status: alerts.Firing}}}
	if cluster != "" {
		i.Job = &alerts.Binding{Cluster: cluster, Name: job}
	}
	return i
}

func alertsRig(t *testing.T) *rig {
	r := newRig(t, map[string]*fakeFlink{"dev": newFakeFlink(running(1, "orders")), "prod": newFakeFlink()})
	r.alerts.list = []alerts.Incident{incident("aaa111", "Crash on dev/orders", "dev", "orders"), incident("bbb222", "Crash on prod/payments", "prod", "payments"), incident("ccc333", "Disk full", "", "")}
	r.alerts.list[0].Lines = []alerts.Line{{At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Text: "it fired", By: "web:olga"}}
	return r
}

func TestAlertsList(t *testing.T) {
	r := alertsRig(t)
	m := r.says("vera", "/alerts list")
	wants(t, m, "3 open incidents", "Crash on dev/orders | firing | 7 min ago | critical | 1 | aaa111", "[Show aaa111]")
	lacks(t, m, "Owner", "Times are in")
	r.alerts.list[0].Acked = &alerts.Mark{By: web("olga"), At: time.Now().Add(-130 * time.Minute)}
	r.alerts.list[1].Targets = []alerts.Target{{Quiet: time.Now().Add(48 * time.Hour)}}
	wants(t, r.says("vera", "/alerts list"), "Crash on dev/orders | acked | olga, 2 h | 7 min ago", "Crash on prod/payments | firing, muted until ", "Times are in Europe/Berlin")
	wants(t, r.says("vera", "/alerts list payments"), "1 open incident")
	r.alerts.list[0].Targets = []alerts.Target{{Place: webOps(), Quiet: time.Now().Add(time.Hour)}}
	wants(t, r.says("vera", "/alerts list"), "Crash on dev/orders | acked, muted until ")
	wants(t, r.says("vera", "/alerts list zzz"), "No open incident", "No incident matches")
	wants(t, r.says("vera", "/alerts list state=silenced"), "No silenced incident", "Nothing to look at")
	wants(t, r.says("vera", "/alerts show aaa111"), "Crash on dev/orders", "2026-01-02 03:04 UTC it fired, by olga")
	wants(t, r.says("vera", "/alerts show zzz999"), "Not found")
}

func TestAlertsHonourTheRightsOnTheirJob(t *testing.T) {
	r := alertsRig(t)
	m := r.says("dora", "/alerts list") // dora has to do with dev's orders alone
	wants(t, m, "Crash on dev/orders", "Disk full")
	lacks(t, m, "payments")
	wants(t, r.says("dora", "/alerts show bbb222"), "You may not do that here")
	wants(t, r.says("dora", "/alerts ack bbb222"), "You may not do that here", "alert.ack", "prod/payments")
	wants(t, r.says("dora", "/alerts silence bbb222 2h"), "You may not do that here", "alert.silence")
	wants(t, r.says("vera", "/alerts ack aaa111"), "You may not do that here", "owner")
	if len(r.alerts.did) > 0 {
		t.Fatalf("did %v", r.alerts.did)
	}
	wants(t, r.says("dora", "/alerts ack aaa111"), "said: dora acks aaa111")
	got := values(r.deps.completeIncidents(t.Context(), r.env("dora", "alerts ack"), ""))
	if strings.Join(got, " ") != "aaa111 ccc333" {
		t.Errorf("completes %v", got)
	}
	if got := r.deps.completeIncidents(t.Context(), r.env("vera", "alerts ack"), ""); len(got) > 0 {
		t.Errorf("completes for vera %v", got)
	}
}

// Who has to do with one job silences nothing else: neither a whole cluster nor, from their own incident, what is of others.
func TestSilenceHonoursTheRightsOnWhatItHides(t *testing.T) {
	r := alertsRig(t)
	whole := incident("ddd444", "Cluster prod is down", "", "")
	whole.Labels = map[string]string{"cluster": "prod"}
	own := &r.alerts.list[0]
	own.Labels = map[string]string{"alertname": "Crash", "cluster": "dev", "job_name": "orders"}
	own.GroupLabels = map[string]string{"alertname": "Crash", "cluster": "dev"}
	r.alerts.list = append(r.alerts.list, whole)
	for _, line := range []string{
		"/alerts ack ddd444", "/alerts silence ddd444 1h", "/alerts unsilence ddd444", "/alerts show ddd444",
		`/alerts silence aaa111 1h matchers="cluster=\"prod\", alertname=\"Crash\""`, `/alerts silence aaa111 1h matchers="alertname=\"Disk\""`,
		`/alerts silence aaa111 1h matchers="job_name=\"payments\""`, `/alerts silence aaa111 1h matchers="cluster=\"dev\", job_name=~\"orders|billing\""`,
	} {
		wants(t, r.says("dora", line), "You may not do that here")
	}
	lacks(t, r.says("dora", "/alerts list"), "Cluster prod is down")
	wants(t, r.says("dora", `/alerts silence aaa111 1h matchers="alertname=\"Crash\", cluster=\"dev\", instance=\"a\""`), "Silence this?")
	wants(t, r.says("dora", `/alerts silence aaa111 1h matchers="cluster=\"dev\", job_name=\"orders\""`), "Silence this?")
	wants(t, r.says("olga", `/alerts silence aaa111 1h matchers="cluster=\"prod\", alertname=\"Crash\""`), "Silence this?")
	wants(t, r.says("olga", "/alerts ack ddd444"), "said: olga acks ddd444")
	if n := len(r.alerts.did); n != 1 {
		t.Errorf("did %q", r.alerts.did)
	}
}

func TestAlertsActions(t *testing.T) {
	r := alertsRig(t)
	wants(t, r.says("olga", "/alerts ack aaa111"), "said: olga acks aaa111")
	wants(t, r.says("olga", "/alerts ack aaa111"), "Nothing to do")
	wants(t, r.says("olga", "/alerts unack aaa111"), "said: olga unacks")
	wants(t, r.says("olga", "/alerts silence aaa111 90m the broker is moved"), "until 01-01 01:30: the broker is moved")
	wants(t, r.says("olga", "/alerts unsilence aaa111"), "said: olga unsilences")
	for _, d := range []string{"30s", "900h", "soon"} {
		m := r.says("olga", "/alerts silence aaa111 "+d)
		if !m.Private || m.Tone != bot.Warn {
			t.Errorf("%s: %s", d, shown(m))
		}
	}
	if n := len(r.alerts.did); n != 5 {
		t.Errorf("did %q", r.alerts.did)
	}
}

func TestSilenceForm(t *testing.T) {
	r := alertsRig(t)
	r.alerts.list[0].GroupLabels = map[string]string{"alertname": "Crash"}
	n := 0
	handle := func(call bot.Call, form map[string]string) bot.Message {
		n++
		return r.router.Handle(t.Context(), bot.Event{ID: fmt.Sprint("e", n), Actor: web("olga"), Place: webOps(), Button: "b", Call: call, Form: form}, nil)
	}
	m := handle(CallOf("alerts silence", map[string]string{"incident": "aaa111"}), nil)
	f := m.Form
	if f == nil || f.Title != "Silence aaa111" || f.Submit != "Silence" || len(f.Fields) != 3 {
		t.Fatalf("form %+v", f)
	}
	if d := f.Fields[0]; d.Kind != "line" || !d.Required || strings.Join(values(d.Choices), " ") != "1h 2h 4h 8h 1d 3d 7d resolved" {
		t.Errorf("duration %+v", d)
	}
	if x := f.Fields[2]; x.Value != `alertname="Crash"` || x.Required {
		t.Errorf("matchers %+v", x)
	}
	wants(t, handle(f.Call, map[string]string{"duration": "4h", "comment": "", "matchers": ""}), "silences aaa111 until 01-01 04:00")

	// A mistake comes back beside its field, with all that was typed.
	m = handle(f.Call, map[string]string{"duration": "soon", "comment": "why", "matchers": ""})
	if m.Form == nil || m.Form.Fields[0].Error != `"soon" is no time.` || m.Form.Fields[0].Value != "soon" || m.Form.Fields[1].Value != "why" {
		t.Fatalf("after a mistake: %s, %+v", shown(m), m.Form)
	}
	m = handle(f.Call, map[string]string{"duration": "4h", "matchers": "a~b"})
	if m.Form == nil || !strings.Contains(m.Form.Fields[2].Error, "ot understood") || m.Form.Fields[2].Value != "a~b" {
		t.Fatalf("after wrong matchers: %s, %+v", shown(m), m.Form)
	}
	if len(r.alerts.did) != 1 {
		t.Fatalf("did %q", r.alerts.did)
	}

	// Other matchers than the incident's: what they hide is shown first, and confirmed.
	r.alerts.hides = &alerts.Hidden{Alerts: 3, Own: 1, OwnAll: 1, Others: []alerts.HiddenOf{{ID: "bbb222", Title: "Other", Alerts: 2}}}
	m = handle(f.Call, map[string]string{"duration": "tomorrow 09:00", "matchers": `alertname=~"Crash|Other"`})
	wants(t, m, "Silence this?", "Hides 3 alerts of 2 incidents", "bbb222 Other (2 alerts)", "Nothing was silenced yet")
	if m.Form == nil || len(m.Form.Fields) != 0 || len(r.alerts.did) != 1 {
		t.Fatalf("review %+v", m.Form)
	}
	wants(t, handle(m.Form.Call, map[string]string{}), `silences aaa111 until 01-02 09:00:  alertname=~"Crash|Other"`)
}

func TestSilenceTyped(t *testing.T) {
	r := alertsRig(t)
	wants(t, r.says("olga", "/alerts silence aaa111 tomorrow 09:00 for lunch"), "until 01-02 09:00: for lunch")
	wants(t, r.says("olga", `/alerts silence aaa111 "tomorrow 09:00"`), "until 01-02 09:00")
	wants(t, r.says("olga", `/alerts silence aaa111 1h matchers="alertname=\"x\"" why`), "Silence this?", "What it hides is not known")
	r.alerts.hides = &alerts.Hidden{Alerts: 2, Own: 1, OwnAll: 1, Others: []alerts.HiddenOf{{ID: "bbb222", Title: "Other", Alerts: 1}}}
	ev := r.chat.Type("olga", "ops", "/alerts silence aaa111 resolved")
	m := r.chat.Answer(t, ev)
	wants(t, m, "Silence this?", "until aaa111 resolves")
	wants(t, r.says("olga", "/alerts silence aaa111"), "duration", "is missing")
	s := r.router.Suggest(t.Context(), bot.Ask{Actor: web("olga"), Place: webOps(), Line: "/alerts silence aaa111 1", At: 24})
	if got := values(s.Choices); !slices.Equal(got[:2], []string{"1h", "1d"}) {
		t.Errorf("suggests %v", got)
	}
}
