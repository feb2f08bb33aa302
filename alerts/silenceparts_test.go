package alerts

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/alerts/alertmanager"
	"github.com/drey-ops/drey/platform/local"
)

func lag() map[string]string {
	return map[string]string{"alertname": "FlinkLag", "cluster": "prod", "job_name": "orders", "severity": "warning"}
}

// takeFrom is take for another source.
func takeFrom(t *testing.T, s *Service, source string, body []byte) {
	t.Helper()
	if _, err := s.Take(t.Context(), source, body); err != nil {
		t.Fatal(err)
	}
}

// twoSources is an incident with an alert in each of two Alertmanagers.
func twoSources(t *testing.T) (a, b *moody, s *Service, out *kept, c *clock) {
	t.Helper()
	a, b = &moody{firing: []map[string]string{crashLoop()}}, &moody{firing: []map[string]string{lag(), {"alertname": "Other"}}}
	o := testOptions()
	for name, m := range map[string]*moody{"main": a, "b": b} {
		srv := httptest.NewServer(m)
		t.Cleanup(srv.Close)
		o.Sources[name] = Source{Token: testToken, Alertmanager: Addresses{srv.URL}}
	}
	s, out, c = newService(t, o, Hooks{})
	take(t, s, webhook("FlinkJobCrashLoop", about("orders", "critical"), Firing))
	takeFrom(t, s, "b", webhook("FlinkLag", about("orders", "warning"), Firing))
	return a, b, s, out, c
}

// set changes it between two questions.
func (m *moody) set(fn func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	fn()
}

// storiesAfter are those after the first n.
func storiesAfter(t *testing.T, out *kept, n int) []string {
	t.Helper()
	return texts(out.stories(t))[n:]
}

func live(m *moody) (out []string) {
	for _, x := range m.live() {
		out = append(out, matcherText(x.Matchers))
	}
	return out
}

// What alerts have in common is not enough for a silence where some name their job by its id and some by its name.
func TestPartsByJob(t *testing.T) {
	i := Incident{About: aboutJob, Source: "main", Alerts: map[string]Alert{}}
	add := func(fp, source string, l map[string]string) {
		i.Alerts[fp] = Alert{Status: Firing, Source: source, Labels: l}
	}
	add("1", "main", map[string]string{"alertname": "A", "cluster": "prod", "job_name": "my_orders"})
	add("2", "main", map[string]string{"alertname": "B", "cluster": "prod", "job_id": "a1"})
	add("3", "b", map[string]string{"alertname": "C", "flink_cluster": "prod", "job_name": "my-orders", "job_id": "a1"})
	add("4", "b", map[string]string{"alertname": "D", "flink_cluster": "prod", "job_id": "a1"})
	add("5", ownSource, map[string]string{"alertname": "E", "cluster": "prod", "job_name": "my-orders"})
	var got []string
	for _, p := range i.parts() {
		got = append(got, p.Source+": "+p.Matchers.String())
	}
	want := []string{
		`main: alertname="B", cluster="prod", job_id="a1"`, `main: alertname="A", cluster="prod", job_name="my_orders"`,
		`b: flink_cluster="prod", job_id="a1", alertname=~"C|D"`,
	}
	slices.Sort(got)
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// A silence is made, lengthened and ended in every Alertmanager that has alerts of the incident, and told once.
func TestSilenceOfTwoSources(t *testing.T) {
	a, b, s, out, c := twoSources(t)
	id, before := one(t, s).ID, len(out.stories(t))
	p, err := s.Plan(t.Context(), id, Wish{Until: "1h"})
	if err != nil {
		t.Fatal(err)
	}
	if p, err = s.Preview(t.Context(), p); err != nil || p.Hides.Alerts != 2 || p.Hides.Own != 2 || p.Hides.OwnAll != 2 || len(p.Away) != 0 {
		t.Errorf("%+v, %v", p.Hides, err)
	}
	if _, err := s.Silence(t.Context(), p, olga()); err != nil {
		t.Fatal(err)
	}
	if got := slices.Concat(live(a), live(b)); !slices.Equal(got, []string{`alertname="FlinkJobCrashLoop", cluster="prod", job_name="orders"`, `alertname="FlinkLag", cluster="prod", job_name="orders"`}) {
		t.Errorf("silences %q", got)
	}
	if x, err := silenceFor(t, s, id, olga(), 50*time.Minute, ""); err != nil || !x.Already {
		t.Error(x.Say, err)
	}
	if x, err := silenceFor(t, s, id, olga(), 3*time.Hour, ""); err != nil || len(a.live()) != 1 || len(b.live()) != 1 || b.live()[0].EndsAt.Sub(c.t) < 2*time.Hour {
		t.Error(x.Say, err)
	}
	b.set(func() { b.silences = nil }) // it crashed
	c.pass(20 * time.Second)
	reconcileNow(t, s)
	if len(b.live()) != 1 {
		t.Error("not made again")
	}
	if x, err := s.Unsilence(t.Context(), id, olga()); err != nil || len(a.live())+len(b.live()) != 0 || x.Say != id+" is no longer silenced." {
		t.Error(x.Say, err)
	}
	want := []string{
		"Silenced by Olga until 2026-11-21 00:57 UTC", "Silence changed by Olga until 2026-11-21 02:57 UTC",
		"Silenced again: the Alertmanager of b had lost the silence of Olga until 2026-11-21 02:57 UTC", "Silence ended by Olga: 2 of 2 still fire",
	}
	if d := cmp.Diff(want, storiesAfter(t, out, before)); d != "" {
		t.Error(d)
	}
}

// What one of two Alertmanagers does not answer is said, and done when it answers.
func TestSilenceOfTwoSourcesInPart(t *testing.T) {
	a, b, s, out, c := twoSources(t)
	id, before := one(t, s).ID, len(out.stories(t))
	b.set(func() { b.away = true })
	p, err := s.Plan(t.Context(), id, Wish{Until: "1h"})
	if err != nil {
		t.Fatal(err)
	}
	if p, err = s.Preview(t.Context(), p); err != nil || p.Hides.Own != 1 || !strings.Contains(p.Text().Plain(), "What it hides in the Alertmanager of b is not known") {
		t.Errorf("%s, %v", p.Text().Plain(), err)
	}
	x, err := s.Silence(t.Context(), p, olga())
	if err != nil || x.Pending || !strings.HasSuffix(x.Say, "The Alertmanager of b did not answer. Drey tries on, and the thread tells when it is silenced there too.") {
		t.Error(x.Say, err)
	}
	if h := plainHead(out.heads(t)[0]); !strings.Contains(h, "1 of 2, by Olga until 2026-11-21 00:57 UTC; not yet in the Alertmanager of b") {
		t.Error(h)
	}
	c.pass(20 * time.Second)
	reconcileNow(t, s)
	again(t, s, c)
	c.pass(time.Minute)
	reconcileNow(t, s)
	if h := plainHead(out.heads(t)[0]); !strings.Contains(h, "The Alertmanager of b does not answer since") {
		t.Error(h)
	}
	b.set(func() { b.away = false })
	again(t, s, c)
	reconcileNow(t, s)
	if i := one(t, s); len(b.live()) != 1 || !i.Blind.IsZero() {
		t.Errorf("%q, blind %s", live(b), i.Blind)
	}
	a.set(func() { a.away = true })
	if x, err = s.Unsilence(t.Context(), id, vera()); err != nil || !strings.HasSuffix(x.Say, "The Alertmanager of main did not answer. Drey tries on, and the thread tells when the silence is ended there too.") {
		t.Error(x.Say, err)
	}
	a.set(func() { a.away = false })
	c.pass(20 * time.Second)
	again(t, s, c)
	reconcileNow(t, s)
	if len(a.live())+len(b.live()) != 0 || one(t, s).wantedSilence() != nil {
		t.Errorf("%q %q", live(a), live(b))
	}
	want := []string{
		"Silenced by Olga until 2026-11-21 00:57 UTC; not yet in the Alertmanager of b, which does not answer",
		"Silenced in the Alertmanager of b too, by Olga until 2026-11-21 00:57 UTC", "Silence ended by Vera: 2 of 2 still fire",
		"The silence of Olga is ended in the Alertmanager of main too",
	}
	if d := cmp.Diff(want, storiesAfter(t, out, before)); d != "" {
		t.Error(d)
	}
}

// What nobody took rings once when the silence runs out, though one of the two is away then; one that refuses is named.
func TestSilenceOfTwoSourcesRunsOut(t *testing.T) {
	a, b, s, out, c := twoSources(t)
	id, before := one(t, s).ID, len(out.stories(t))
	b.set(func() { b.refuse = true })
	x, err := silenceFor(t, s, id, olga(), 10*time.Minute, "")
	if err != nil || !strings.Contains(x.Say, "The Alertmanager of b: ") {
		t.Error(x.Say, err)
	}
	b.set(func() { b.refuse = false })
	if x, err = silenceFor(t, s, id, olga(), 10*time.Minute, ""); err != nil || x.Already || len(b.live()) != 1 {
		t.Error(x.Say, err)
	}
	c.pass(11 * time.Minute)
	a.set(func() { a.silences[0].Status.State = "expired" })
	b.set(func() { b.away = true })
	reconcileNow(t, s)
	b.set(func() { b.away = false })
	b.set(func() { b.silences[0].Status.State = "expired" })
	again(t, s, c)
	reconcileNow(t, s)
	want := []string{
		"Not silenced in the Alertmanager of b: Alertmanager answers 400: matchers are no good", "Silenced by Olga until 2026-11-21 00:07 UTC",
		"Silenced in the Alertmanager of b too, by Olga until 2026-11-21 00:07 UTC", "The silence of Olga is over: 2 of 2 still fire",
	}
	if d := cmp.Diff(want, storiesAfter(t, out, before)); d != "" || one(t, s).State() != Firing {
		t.Error(d)
	}
}

// An incident is silenced by others only when nothing of it is heard at any source.
func TestSuppressedAtTwoSources(t *testing.T) {
	a, b, s, _, c := twoSources(t)
	_, _ = a, b
	i := *one(t, s)
	hide := func(source, state string) *look {
		l := looking()
		for fp, x := range i.Alerts {
			if x.Source == source {
				got := seen(fp, state)
				got.Labels = x.Labels
				l.alerts[fp] = got
			}
		}
		return l
	}
	i.compare(map[string]*look{"main": hide("main", "suppressed"), "b": hide("b", "active")}, c.t, every)
	if i.State() != Firing {
		t.Error("silenced though an alert of the other source speaks")
	}
	i.compare(map[string]*look{"main": hide("main", "suppressed"), "b": hide("b", "suppressed")}, c.t, every)
	if i.State() != Silenced {
		t.Error("not silenced")
	}
	i.compare(map[string]*look{"main": hide("main", "suppressed"), "b": {view: &view{}}}, c.t, every)
	if i.State() != Silenced {
		t.Error("heard again because nobody answers")
	}
}

// With two real Alertmanagers, one of which is killed in between and forgets its silences.
func TestSilenceInTwoAlertmanagers(t *testing.T) {
	r := newRigOf(t, 2, local.AlertmanagerOptions{}, "main", "b")
	r.send(0, time.Minute, crashLoop())
	r.send(1, time.Minute, lag())
	r.until("one thread", func() bool { l := list(t, r.service); return len(l) == 1 && l[0].FiringCount() == 2 })
	silences := func(am int) (out []alertmanager.Silence) {
		c, err := alertmanager.New(r.ams[am].URL(), nil)
		if err == nil {
			out, err = c.Silences(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		return slices.DeleteFunc(out, func(x alertmanager.Silence) bool { return !x.Live() })
	}
	a, err := silenceFor(t, r.service, r.one().ID, olga(), time.Hour, "broker")
	if err != nil || a.Pending || len(silences(0)) != 1 || len(silences(1)) != 1 {
		t.Fatal(a.Say, err)
	}
	r.ams[1].Kill()
	a, err = silenceFor(t, r.service, r.one().ID, olga(), 2*time.Hour, "")
	if err != nil || !strings.Contains(a.Say, "The Alertmanager of b did not answer") {
		t.Fatal(a.Say, err)
	}
	t.Log(a.Say)
	if err := r.ams[1].Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.until("it is made again, and longer", func() bool {
		l := silences(1)
		return len(l) == 1 && time.Until(l[0].EndsAt) > time.Hour+30*time.Minute && len(silences(0)) == 1
	})
	if a, err = r.service.Unsilence(t.Context(), r.one().ID, olga()); err != nil || len(silences(0))+len(silences(1)) != 0 {
		t.Error(a.Say, err)
	}
	r.until("it is told", func() bool { l := r.said("story"); return strings.HasPrefix(l[len(l)-1], "Silence ended by Olga") })
	t.Log(strings.Join(r.said("story"), "\n"))
}
