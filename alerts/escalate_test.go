package alerts

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/alerts/oncall"
	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

func rota() map[string]oncall.Options {
	return map[string]oncall.Options{"primary": {
		People: map[string]oncall.Person{"olga": {"slack:user:U0OLGA", "web:user:olga"}, "ben": {"slack:user:U0BEN", "discord:user:1200000000000000001"}},
		Layers: []oncall.Layer{{Turn: []string{"olga", "ben"}, Start: "2026-11-20", Handover: "00:00"}},
	}}
}

// climbing are options whose one route has an escalation of four steps. The test clock is three minutes before olga hands over.
func climbing() Options {
	o := testOptions()
	o.OnCall = rota()
	o.Routes[0].To = []string{"web:oncall", "slack:C0ONCALL"}
	o.Routes[0].Escalate = "night"
	o.Escalations = map[string]Escalation{"night": {Steps: []EscalationStep{
		{After: time.Minute, OnCall: "primary"},
		{After: 5 * time.Minute, OnCall: "primary", Mention: []string{"slack:group:S0LEADS"}},
		{After: 10 * time.Minute, To: []string{"slack:C0BOSS"}, DM: []string{"oncall:primary"}},
	}}}
	return o
}

// pass lets time go by and the worker do what is due then. It goes by the test's clock, where the queue goes by the store's.
func pass(t *testing.T, s *Service, c *clock, d time.Duration) {
	t.Helper()
	c.pass(d)
	for _, i := range list(t, s) {
		if n := i.nextStep(); n != nil && !n.Due.After(c.t) {
			s.escalate(t.Context(), []storage.Item{claimStep(t, s, i.root())})
		}
	}
}

func claimStep(t *testing.T, s *Service, root string) storage.Item {
	t.Helper()
	tx := s.db.Begin(root)
	tx.Enqueue(escalateQueue, root, time.Time{})
	if err := s.db.Commit(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	it, err := s.db.Take(t.Context(), escalateQueue, root, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return it
}

// whom are the people whom a message mentions.
func whom(d bot.Delivery) (out []string) {
	for _, c := range calls(d) {
		_, who, _ := strings.Cut(c, " ")
		out = append(out, who)
	}
	return out
}

// escalated are the lines about steps.
func escalated(i *Incident) (out []string) {
	for _, l := range i.Lines {
		if l.Kind == storyEscalated {
			out = append(out, l.Text)
		}
	}
	return out
}

func TestEscalation(t *testing.T) {
	s, out, c := newService(t, climbing(), Hooks{})
	take(t, s, webhook("Down", nil, Firing))
	if f := plainHead(out.heads(t)[0]); !strings.Contains(f, "step 1 of 3") {
		t.Errorf("the head does not say when it escalates: %s", f)
	}
	pass(t, s, c, 59*time.Second)
	if got := escalated(one(t, s)); len(got) != 0 {
		t.Errorf("too early: %q", got)
	}
	for range 11 {
		pass(t, s, c, time.Minute)
	}
	want := []string{
		"Escalated (step 1 of 3): nobody acknowledged for 119 s. On call in primary: olga. Calls slack:user:U0OLGA, web:user:olga.",
		"Escalated (step 2 of 3): nobody acknowledged for 5 min. On call in primary: ben. Calls discord:user:1200000000000000001, slack:group:S0LEADS, slack:user:U0BEN.",
		"Escalated (step 3 of 3): nobody acknowledged for 10 min. Posted to slack:C0BOSS. Direct message to who is on call in primary: ben.",
	}
	want[0] = strings.Replace(want[0], "119 s", "1 min", 1)
	if d := cmp.Diff(want, escalated(one(t, s))); d != "" {
		t.Error(d)
	}
	// In the thread of each network only its own people are called, and the escalation stands in the channel too.
	for place, who := range map[string][]string{"web:oncall": {"user:olga"}, "slack:C0ONCALL": {"user:U0OLGA", "group:S0LEADS", "user:U0BEN"}} {
		var got []string
		for _, d := range out.stories(t) {
			if d.To.String() == place {
				got = append(got, whom(d)...)
				if !d.Message.Broadcast {
					t.Errorf("%s is hidden in the thread", d.Key)
				}
			}
		}
		if d := cmp.Diff(who, got); d != "" {
			t.Errorf("%s: %s", place, d)
		}
	}
	heads := map[string]bool{}
	for _, h := range out.heads(t) {
		heads[h.To.String()] = true
	}
	if d := cmp.Diff(map[string]bool{"web:oncall": true, "slack:C0ONCALL": true, "slack:C0BOSS": true, "slack:user:U0BEN": true, "discord:user:1200000000000000001": true}, heads); d != "" {
		t.Error(d)
	}
}

func TestEscalationStopsAndStartsAgain(t *testing.T) {
	s, _, c := newService(t, climbing(), Hooks{})
	take(t, s, webhook("Down", nil, Firing))
	id := one(t, s).ID
	pass(t, s, c, 2*time.Minute)
	if _, err := s.Ack(t.Context(), id, olga()); err != nil {
		t.Fatal(err)
	}
	pass(t, s, c, time.Hour)
	i := one(t, s)
	if n := len(escalated(i)); n != 1 || i.nextStep() != nil {
		t.Errorf("acknowledged it goes on: %d steps", n)
	}
	if _, err := s.Unack(t.Context(), id, olga()); err != nil {
		t.Fatal(err)
	}
	if n := one(t, s).nextStep(); n == nil || n.Next != 0 || n.Due != c.t.Add(time.Minute) {
		t.Errorf("it does not begin anew: %+v", n)
	}
	pass(t, s, c, 5*time.Minute)
	if n := len(escalated(one(t, s))); n != 3 {
		t.Errorf("%d steps", n)
	}
	take(t, s, webhook("Down", nil, Resolved))
	pass(t, s, c, 10*time.Minute)
	if i := one(t, s); len(escalated(i)) != 3 || i.nextStep() != nil {
		t.Errorf("over it goes on: %q", escalated(i))
	}
	take(t, s, at(webhook("Down", nil, Firing), c.t.Format(time.RFC3339)))
	pass(t, s, c, time.Minute)
	if got := escalated(one(t, s)); len(got) != 4 || !strings.Contains(got[3], "step 1 of 3") {
		t.Errorf("fired again: %q", got)
	}
}

func TestEscalationIsMuted(t *testing.T) {
	o := climbing()
	o.MuteTimes = map[string][]TimeInterval{"nights": {{Times: []TimeRange{{"00:00", "06:00"}}}}}
	o.Routes[0].Mute = []string{"nights"}
	s, _, c := newService(t, o, Hooks{})
	take(t, s, webhook("Down", nil, Firing))
	pass(t, s, c, time.Minute) // 23:58:43
	pass(t, s, c, time.Hour)
	if got := escalated(one(t, s)); len(got) != 1 {
		t.Errorf("in the night: %q", got)
	}
	unmuteDue(t, s, c, time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC))
	pass(t, s, c, time.Minute)
	if got := escalated(one(t, s)); len(got) != 2 || !strings.Contains(got[1], "step 1 of 3") {
		t.Errorf("in the morning: %q", got)
	}
}

// What is overdue after a pause is done at once, in order and each once; and not again when a worker that has committed it
// dies before anybody knows, nor when two replicas have the same in hand.
func TestEscalationAfterAPause(t *testing.T) {
	s, out, c := newService(t, climbing(), Hooks{})
	take(t, s, webhook("Down", nil, Firing))
	root := one(t, s).root()
	c.pass(3 * time.Hour)
	first := claimStep(t, s, root)
	var wg sync.WaitGroup
	for range 2 { // the second has lost its lease to the first
		wg.Go(func() { s.escalate(t.Context(), []storage.Item{first}) })
	}
	wg.Wait()
	s.escalate(t.Context(), []storage.Item{claimStep(t, s, root)})
	got := escalated(one(t, s))
	if len(got) != 3 {
		t.Fatalf("%q", got)
	}
	for n, l := range got {
		if !strings.Contains(l, []string{"step 1 of 3", "step 2 of 3", "step 3 of 3"}[n]) {
			t.Errorf("%q", got)
		}
	}
	if n := len(out.stories(t)); n != 5*3 {
		t.Errorf("%d stories in five channels", n)
	}
	if n, _, err := s.db.Depth(t.Context(), escalateQueue); n != 0 || err != nil {
		t.Errorf("%d left in the queue: %v", n, err)
	}
}

// Two services over one store, both with their workers running: every step once.
func TestEscalationOfTwoReplicas(t *testing.T) {
	o := climbing()
	for n := range o.Escalations["night"].Steps {
		o.Escalations["night"].Steps[n].After = 0
	}
	s, out, _ := newService(t, o, Hooks{})
	s.hooks.Now = time.Now
	other, err := New(s.db, out, quietLog(), o, Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 10 {
		take(t, s, webhook("Down"+string(rune('A'+n)), nil, Firing))
	}
	var wg sync.WaitGroup
	for _, x := range []*Service{s, other} {
		wg.Go(func() {
			for range 10 {
				items, _, err := x.db.Claim(t.Context(), escalateQueue, 3, time.Minute)
				if err != nil {
					t.Error(err)
				}
				x.escalate(t.Context(), items)
			}
		})
	}
	wg.Wait()
	for _, i := range list(t, s) {
		if got := escalated(&i); len(got) != 3 {
			t.Errorf("%s: %q", i.ID, got)
		}
	}
}

func TestEscalateByHand(t *testing.T) {
	s, _, c := newService(t, climbing(), Hooks{})
	take(t, s, webhook("Down", nil, Firing))
	id := one(t, s).ID
	say := func(name string, step int) string {
		t.Helper()
		a, err := s.Escalate(t.Context(), id, olga(), name, step)
		if err != nil {
			return err.Error()
		}
		return a.Say
	}
	if got := say("", 1); !strings.Contains(got, "step 1 of 3 of night is done") {
		t.Error(got)
	}
	if got := say("", 1); !strings.Contains(got, "Step 1 of night is done already; step 2 is next") {
		t.Error(got)
	}
	if got := say("day", 0); !strings.Contains(got, "there is no escalation day; there are: night") {
		t.Error(got)
	}
	// Its own time comes, and it is not done a second time.
	pass(t, s, c, 2*time.Minute)
	if got := escalated(one(t, s)); len(got) != 1 || !strings.HasPrefix(got[0], "Escalated by Olga (step 1 of 3). On call in primary: olga.") {
		t.Errorf("%q", got)
	}
	if _, err := s.Ack(t.Context(), id, olga()); err != nil {
		t.Fatal(err)
	}
	for want := range slices.Values([]string{"step 2 of 3 of night is done", "step 3 of 3 of night is done", "All 3 steps of night are done"}) {
		if got := say("", 0); !strings.Contains(got, want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
	i := one(t, s)
	if b := buttons(i); slices.ContainsFunc(b, func(b bot.Button) bool { return b.Label == "Escalate" }) {
		t.Error("a button that does nothing")
	}
	take(t, s, webhook("Down", nil, Resolved))
	if got := say("", 0); !strings.Contains(got, "it is over since") {
		t.Error(got)
	}
}

// Where no route asks for an escalation, one begun by hand goes on by the clock until somebody acknowledges.
func TestEscalateByHandWithoutARoute(t *testing.T) {
	o := climbing()
	o.Routes[0].Escalate = ""
	s, _, c := newService(t, o, Hooks{})
	take(t, s, webhook("Down", nil, Firing))
	i := one(t, s)
	if len(i.Climbs) != 0 || slices.ContainsFunc(buttons(i), func(b bot.Button) bool { return b.Label == "Escalate" }) {
		t.Errorf("%+v", i.Climbs)
	}
	if a, err := s.Escalate(t.Context(), i.ID, olga(), "", 0); err != nil || a.Already {
		t.Fatal(a.Say, err)
	}
	pass(t, s, c, 5*time.Minute)
	if got := escalated(one(t, s)); len(got) != 2 {
		t.Errorf("%q", got)
	}
	if _, err := s.Ack(t.Context(), i.ID, olga()); err != nil {
		t.Fatal(err)
	}
	pass(t, s, c, time.Hour)
	if got := escalated(one(t, s)); len(got) != 2 {
		t.Errorf("acknowledged: %q", got)
	}
}

func TestEscalationUntilResolved(t *testing.T) {
	o := climbing()
	o.Escalations["night"] = Escalation{Until: "resolve", Steps: []EscalationStep{{After: time.Minute, OnCall: "primary", RepeatEvery: 10 * time.Minute, Repeat: 2}}}
	s, _, c := newService(t, o, Hooks{})
	take(t, s, webhook("Down", nil, Firing))
	if _, err := s.Ack(t.Context(), one(t, s).ID, olga()); err != nil {
		t.Fatal(err)
	}
	for range 40 {
		pass(t, s, c, time.Minute)
	}
	if got := escalated(one(t, s)); len(got) != 3 || !strings.Contains(got[2], "step 3 of 3): nobody resolved it for 21 min") {
		t.Errorf("%q", got)
	}
}

// The first post calls who is on call by then.
func TestRouteMentionsWhoIsOnCall(t *testing.T) {
	o := climbing()
	o.Routes[0].Mention = []string{"oncall:primary", "web:user:rita"}
	s, out, c := newService(t, o, Hooks{})
	take(t, s, webhook("Down", nil, Firing))
	if got := whom(byPlace(out.heads(t), "web:oncall")); !slices.Equal(got, []string{"user:olga", "user:rita"}) {
		t.Errorf("%q", got)
	}
	c.pass(5 * time.Minute)
	take(t, s, webhook("Up", nil, Firing))
	for _, h := range out.heads(t) {
		if got := whom(h); strings.Contains(h.Message.Title, "Up") && h.To.Network == "slack" && !slices.Equal(got, []string{"user:U0BEN"}) {
			t.Errorf("after the handover: %q", got)
		}
	}
}

func TestExplainEscalation(t *testing.T) {
	o := climbing()
	o.Escalations["night"].Steps[0].Webhook = "https://pager.example/token"
	p, err := NewPipeline(o, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := p.Explain(t.Context(), "main", webhook("Down", nil, Firing), newClock().t).String()
	for _, want := range []string{
		`escalation "night"`,
		`step 1 of 3 after 1m0s: mentions who is on call in primary then, olga; calls the webhook`,
		`step 2 of 3 after 5m0s: mentions slack:group:S0LEADS; mentions who is on call in primary then, ben`,
		`step 3 of 3 after 10m0s: posts to slack:C0BOSS; sends a direct message to who is on call in primary then, ben`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %s:\n%s", want, got)
		}
	}
	if strings.Contains(got, "token") {
		t.Error("it tells the webhook's address")
	}
}
