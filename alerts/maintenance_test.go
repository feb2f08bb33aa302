package alerts

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

func opsPlace() bot.Place { return bot.Place{Network: "web", Channel: "ops"} }

// muteIt opens a window of the given scope from now, or later.
func muteIt(t *testing.T, s *Service, c *clock, scope string, in, lasts time.Duration) Window {
	t.Helper()
	sc, err := ParseScope(scope, []string{"prod"})
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.Mute(t.Context(), Window{
		Key: t.Name() + scope, Scope: sc, From: c.t.Add(in), Until: c.t.Add(in + lasts), By: olga(), Why: "broker upgrade", Places: []bot.Place{opsPlace()},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// maintainDue does what the worker does when a window's time has come, as often as is due at once.
func maintainDue(t *testing.T, s *Service, w Window) {
	t.Helper()
	it, err := s.db.Take(t.Context(), maintainQueue, w.ID, time.Minute)
	if err == nil {
		err = s.maintainOne(t.Context(), it)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// told are the messages about windows, by key.
func (k *kept) told(t testing.TB, key string) string {
	t.Helper()
	d, ok := k.all(t)[key]
	if !ok {
		return ""
	}
	return d.Message.Plain()
}

func TestMaintenanceKeepsBack(t *testing.T) {
	o := testOptions()
	o.OneThreadPer = perGroup
	s, out, c := newService(t, o, Hooks{})
	take(t, s, webhook("Before", orders(), Firing))
	before := out.heads(t)[0].Key
	w := muteIt(t, s, c, "prod/orders", 0, time.Hour)
	if again := muteIt(t, s, c, "prod/orders", 0, time.Hour); again.ID != w.ID {
		t.Errorf("asked for again it is another window: %s, %s", w.ID, again.ID)
	}
	maintainDue(t, s, w)
	if got := plainHead(out.all(t)[before]); !strings.Contains(got, "Maintenance: by Olga until 2026-11-21 00:57 UTC: broker upgrade") {
		t.Errorf("the head does not tell: %s", got)
	}
	take(t, s, webhook("During", orders(), Firing))
	take(t, s, webhook("Other", map[string]string{"cluster": "prod", "job_name": "payments"}, Firing))
	if got := len(out.heads(t)); got != 2 {
		t.Errorf("%d heads, want that of before and that of the other job", got)
	}
	if _, err := s.ownAlert(t, c); err != nil {
		t.Fatal(err)
	}
	if got := len(out.heads(t)); got != 2 {
		t.Errorf("drey's own watcher is not quiet: %d heads", got)
	}
	if got := out.told(t, w.ID+"/web:ops/begin"); got != "" {
		t.Errorf("what was just asked for is told again: %s", got)
	}
	c.pass(30 * time.Minute)
	take(t, s, webhook("Before", orders(), Resolved))
	if got := plainHead(out.all(t)[before]); !strings.HasPrefix(got, "Resolved: Before") || len(out.stories(t)) != 0 {
		t.Errorf("%s %q", got, texts(out.stories(t)))
	}
	c.pass(30 * time.Minute)
	maintainDue(t, s, w)
	var titles []string
	for _, h := range out.heads(t) {
		titles = append(titles, h.Message.Title)
		if strings.Contains(plainHead(h), "Maintenance") {
			t.Errorf("still in maintenance: %s", plainHead(h))
		}
	}
	if len(titles) != 4 {
		t.Errorf("told at the end: %q", titles)
	}
	want := "Maintenance of prod/orders ended\n2 incidents still open, told from now on: "
	if got := out.told(t, w.ID+"/web:ops/end"); !strings.HasPrefix(got, want) || !strings.Contains(got, "During on prod/orders (") || !strings.Contains(got, "FlinkJobFailed on prod/orders (") {
		t.Errorf("%s", got)
	}
	maintainDue(t, s, w)
	if _, err := s.db.Take(t.Context(), maintainQueue, w.ID, time.Minute); err == nil {
		t.Error("worked on for ever")
	}
	if _, err := s.Window(t.Context(), w.ID); platform.KindOf(err) != platform.NotFound {
		t.Error(err)
	}
}

// ownAlert has the watcher see something wrong with orders.
func (s *Service) ownAlert(t *testing.T, c *clock) (string, error) {
	t.Helper()
	group := map[string]string{"cluster": "prod", "job_name": "orders"}
	return s.own(t.Context(), group, []PayloadAlert{labelled("FlinkJobFailed", "critical", "orders failed", "", c.t, "x", group)})
}

func TestMaintenanceIsPlanned(t *testing.T) {
	s, out, c := newService(t, testOptions(), Hooks{})
	w := muteIt(t, s, c, "team=core", 2*time.Hour, time.Hour)
	maintainDue(t, s, w)
	take(t, s, webhook("Early", map[string]string{"team": "core"}, Firing))
	if len(out.heads(t)) != 1 {
		t.Error("muted before its time")
	}
	list, err := s.Windows(t.Context())
	if err != nil || len(list) != 1 || list[0].Live(c.t) {
		t.Errorf("%+v, %v", list, err)
	}
	c.pass(2 * time.Hour)
	maintainDue(t, s, w)
	i := one(t, s)
	want := "Maintenance of {team=\"core\"} begins\nUntil 2026-11-21 02:57 UTC nothing new is posted about it. Asked for by Olga: broker upgrade\n" +
		"1 incident open now: Early (" + i.ID + ")\nWindow " + w.ID + "\n[End now] [Extend…]"
	if d := cmp.Diff(want, out.told(t, w.ID+"/web:ops/begin")); d != "" {
		t.Error(d)
	}
	c.pass(10 * time.Minute)
	if _, err := s.Prolong(t.Context(), w.ID, c.t.Add(3*time.Hour)); err != nil {
		t.Fatal(err)
	}
	maintainDue(t, s, w)
	if got := plainHead(out.heads(t)[0]); !strings.Contains(got, "until 2026-11-21 05:07 UTC") {
		t.Errorf("not longer: %s", got)
	}
	c.pass(time.Minute)
	if _, err := s.Unmute(t.Context(), w.ID, olga()); err != nil {
		t.Fatal(err)
	}
	maintainDue(t, s, w)
	want = "Maintenance of {team=\"core\"} ended\nEnded by Olga, 2 h 59 min before its time.\n1 incident still open, told from now on: Early (" + i.ID + ")"
	if d := cmp.Diff(want, out.told(t, w.ID+"/web:ops/end")); d != "" {
		t.Error(d)
	}
	if q := one(t, s).Targets[0].Quiet; !q.IsZero() {
		t.Errorf("quiet until %s", q)
	}
	if _, err := s.Unmute(t.Context(), w.ID, olga()); platform.KindOf(err) != platform.NotFound {
		t.Error("ended twice", err)
	}
}

func TestMaintenanceIsCalledOff(t *testing.T) {
	s, out, c := newService(t, testOptions(), Hooks{})
	w := muteIt(t, s, c, "prod", 2*time.Hour, time.Hour)
	if _, err := s.Unmute(t.Context(), w.ID, olga()); err != nil {
		t.Fatal(err)
	}
	maintainDue(t, s, w)
	want := "Maintenance of prod is called off\nIt was planned for 2026-11-21 01:57 UTC; called off by Olga."
	if d := cmp.Diff(want, out.told(t, w.ID+"/web:ops/end")); d != "" {
		t.Error(d)
	}
}

// drey was down for the whole of a planned window: it is told that it ended, and nothing else.
func TestMaintenanceThatNobodySaw(t *testing.T) {
	s, out, c := newService(t, testOptions(), Hooks{})
	w := muteIt(t, s, c, "prod", time.Hour, time.Hour)
	c.pass(5 * time.Hour)
	maintainDue(t, s, w)
	maintainDue(t, s, w)
	if got := out.told(t, w.ID+"/web:ops/end"); got != "Maintenance of prod ended\nNo incident is open." || len(out.all(t)) != 1 {
		t.Errorf("%d: %s", len(out.all(t)), got)
	}
}

// A replica that has not read the window yet undoes what another one did; the second sweep mends it.
func TestMaintenanceIsSweptTwice(t *testing.T) {
	s, _, c := newService(t, testOptions(), Hooks{})
	take(t, s, webhook("Lag", orders(), Firing))
	w := muteIt(t, s, c, "prod/orders", 0, time.Hour)
	maintainDue(t, s, w)
	stale, err := New(s.db, newKept(s.db), quietLog(), testOptions(), Hooks{Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	stale.windows.at = time.Now().Add(time.Hour)
	if _, err := stale.Ack(t.Context(), one(t, s).ID, olga()); err != nil {
		t.Fatal(err)
	}
	if !one(t, s).Targets[0].Quiet.IsZero() {
		t.Fatal("it knew the window after all")
	}
	maintainDue(t, s, w)
	if i := one(t, s); i.Targets[0].Quiet.IsZero() || i.Maintenance == nil {
		t.Error("not mended")
	}
}

// A mute time that outlasts the window goes on.
func TestMaintenanceAndMuteTimes(t *testing.T) {
	s, out, c := newService(t, muted(), Hooks{}) // 00:00 to 06:00
	c.t = c.t.Add(-time.Hour)                    // 22:57
	w := muteIt(t, s, c, "prod/orders", 0, 2*time.Hour)
	take(t, s, webhook("Down", orders(), Firing))
	if q := one(t, s).Targets[0].Quiet; !q.Equal(w.Until) {
		t.Errorf("quiet until %s", q)
	}
	c.t = w.Until
	maintainDue(t, s, w)
	if q := one(t, s).Targets[0].Quiet; q.Hour() != 6 || len(out.heads(t)) != 0 {
		t.Errorf("quiet until %s, %d heads", q, len(out.heads(t)))
	}
}

func TestMaintenanceBounds(t *testing.T) {
	s, _, c := newService(t, testOptions(), Hooks{})
	for _, tt := range []struct {
		in, lasts time.Duration
		scope     Scope
		say       string
	}{
		{0, 10 * time.Second, Scope{Cluster: "prod"}, "lasts from 1 min to 30 days, not 10 s"},
		{0, -time.Hour, Scope{Cluster: "prod"}, "lasts from 1 min"},
		{0, 31 * 24 * time.Hour, Scope{Cluster: "prod"}, "not 31 d"},
		{91 * 24 * time.Hour, time.Hour, Scope{Cluster: "prod"}, "at most 90 days ahead"},
		{0, time.Hour, Scope{}, "want a cluster"},
	} {
		_, err := s.Mute(t.Context(), Window{Key: "x", Scope: tt.scope, From: c.t.Add(tt.in), Until: c.t.Add(tt.in + tt.lasts), By: olga()})
		if platform.KindOf(err) != platform.Invalid || !strings.Contains(err.Error(), tt.say) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
	w := muteIt(t, s, c, "prod", 0, time.Hour)
	if _, err := s.Prolong(t.Context(), w.ID, c.t); platform.KindOf(err) != platform.Invalid {
		t.Error(err)
	}
	for _, id := range []string{"", "nope", "waaaaa", "w/../x", strings.Repeat("x", 500)} {
		if _, err := s.Unmute(t.Context(), id, olga()); platform.KindOf(err) != platform.NotFound {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// Another process over the same store keeps to the window, after a restart too.
func TestMaintenanceInAnotherReplica(t *testing.T) {
	s, out, c := newService(t, testOptions(), Hooks{})
	w := muteIt(t, s, c, "prod/orders", 0, time.Hour)
	other, err := New(s.db, out, quietLog(), testOptions(), Hooks{Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	take(t, other, webhook("Down", orders(), Firing))
	if n := len(out.heads(t)); n != 0 {
		t.Errorf("%d heads", n)
	}
	if _, err := other.Unmute(t.Context(), w.ID, olga()); err != nil {
		t.Fatal(err)
	}
	maintainDue(t, other, w)
	if n := len(out.heads(t)); n != 1 {
		t.Errorf("ended, but %d heads", n)
	}
}
