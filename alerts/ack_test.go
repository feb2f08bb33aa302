package alerts

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

func vera() bot.Actor { return bot.Actor{Network: "web", ID: "vera", Name: "Vera"} }

// dueNow makes the due worker look at the incident at a time, however the store's clock stands.
func dueNow(t *testing.T, s *Service, c *clock, pass time.Duration) {
	t.Helper()
	c.pass(pass)
	tx := s.db.Begin(one(t, s).root())
	tx.Enqueue(dueQueue, one(t, s).root(), time.Time{})
	if err := s.db.Commit(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	items, _, err := s.db.Claim(t.Context(), dueQueue, 10, time.Minute)
	if err != nil || len(items) != 1 {
		t.Fatal(len(items), err)
	}
	s.due(t.Context(), items)
}

// called are the people whom a message mentions.
func called(d bot.Delivery) string {
	var out []string
	for _, b := range d.Message.Blocks {
		if text, ok := b.(bot.Text); ok {
			for _, s := range text.Spans {
				if s.Mention != "" {
					out = append(out, s.Mention)
				}
			}
		}
	}
	return strings.Join(out, " ")
}

func TestReminders(t *testing.T) {
	s, out, c := newService(t, testOptions(), Hooks{})
	take(t, s, webhook("Down", nil, Firing))
	id := one(t, s).ID
	if _, err := s.Ack(t.Context(), id, olga()); err != nil {
		t.Fatal(err)
	}
	if got := labels(out.heads(t)[0]); got != "Un-ack Assign…" {
		t.Errorf("buttons %q", got)
	}
	dueNow(t, s, c, 29*time.Minute)
	if n := len(out.stories(t)); n != 1 {
		t.Errorf("woken too early it told %d stories", n)
	}
	dueNow(t, s, c, time.Minute)
	dueNow(t, s, c, 0)
	dueNow(t, s, c, 59*time.Minute)
	dueNow(t, s, c, time.Minute)
	want := []string{"Acknowledged by Olga", "Reminder for Olga: yours for 30 min, and it still fires @Olga", "Reminder for Olga: yours for 1 h 30 min, and it still fires @Olga"}
	st := out.stories(t)
	if got := texts(st); !slices.Equal(got, want) {
		t.Fatalf("stories %q", got)
	}
	if called(st[0]) != "" || called(st[1]) != "user:olga" || labels(st[1]) != "Still on it Un-ack" {
		t.Errorf("calls %q %q, buttons %q", called(st[0]), called(st[1]), labels(st[1]))
	}
	a, err := s.Ack(t.Context(), id, olga())
	if err != nil || a.Already || one(t, s).Acked.Reminded != 0 || len(out.stories(t)) != 3 {
		t.Errorf("still on it: %+v, %v", a, err)
	}
	dueNow(t, s, c, 31*time.Minute)
	if n := len(out.stories(t)); n != 4 {
		t.Errorf("%d stories after she said that she is on it", n)
	}
	take(t, s, webhook("Down", nil, Resolved))
	dueNow(t, s, c, 24*time.Hour)
	if n := len(out.stories(t)); n != 5 {
		t.Errorf("a resolved incident reminds: %q", texts(out.stories(t)))
	}
}

func TestAckExpires(t *testing.T) {
	o := testOptions()
	o.Ack = AckOptions{RemindAfter: -1, ExpireAfter: time.Hour}
	o.Routes[0].Mention, o.Routes[0].To = []string{"slack:group:S1"}, []string{"slack:C1"}
	s, out, c := newService(t, o, Hooks{})
	take(t, s, webhook("Down", nil, Firing))
	a, err := s.Ack(t.Context(), one(t, s).ID, olga())
	if err != nil || !strings.HasSuffix(a.Say, "It holds until 2026-11-21 00:57 UTC; then the incident calls again.") {
		t.Errorf("%q, %v", a.Say, err)
	}
	dueNow(t, s, c, 59*time.Minute)
	if i := one(t, s); i.State() != Acked {
		t.Error(i.State())
	}
	dueNow(t, s, c, time.Minute)
	dueNow(t, s, c, 0)
	st := out.stories(t)
	want := []string{"Acknowledged by Olga, until 2026-11-21 00:57 UTC: then it calls again", "No longer acknowledged: Olga took it 1 h ago and it still fires. Who takes it?"}
	for n := range st {
		if !strings.HasPrefix(texts(st)[n], want[n]) {
			t.Errorf("story %q", texts(st)[n])
		}
	}
	if i := one(t, s); len(st) != 2 || i.State() != Firing || called(st[1]) != "group:S1" || labels(st[1]) != "Ack" {
		t.Errorf("%d stories, %s, calls %q, %q", len(st), i.State(), called(st[1]), labels(st[1]))
	}
}

func TestAssign(t *testing.T) {
	s, out, c := newService(t, testOptions(), Hooks{})
	take(t, s, webhook("Down", nil, Firing))
	id := one(t, s).ID
	a, err := s.Assign(t.Context(), id, vera(), olga())
	if err != nil || a.Already || a.Say != id+" is assigned to Vera." {
		t.Fatalf("%+v, %v", a, err)
	}
	if a, err = s.Assign(t.Context(), id, vera(), olga()); err != nil || !a.Already || a.Say != id+" is already with Vera." {
		t.Errorf("again: %+v, %v", a, err)
	}
	st := out.stories(t)
	if got := texts(st); !slices.Equal(got, []string{"Assigned to Vera by Olga @Vera"}) || called(st[0]) != "user:vera" {
		t.Errorf("stories %q", got)
	}
	if got := out.heads(t)[0].Message.Plain(); !strings.Contains(got, "by Vera, assigned by Olga, 2026-11-20 23:57 UTC") {
		t.Error(got)
	}
	if a, err = s.Ack(t.Context(), id, olga()); err != nil || !a.Already || !strings.HasSuffix(a.Say, "To take it over: /alerts assign "+id+" me") {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err = s.Assign(t.Context(), id, olga(), olga()); err != nil || one(t, s).Acked.From != nil {
		t.Errorf("taken over: %v", err)
	}
	slack := bot.Actor{Network: "slack", ID: "U0OLGA"}
	if _, err = s.Assign(t.Context(), id, slack, olga()); err != nil {
		t.Fatal(err)
	}
	st = out.stories(t)
	if got := texts(st[1:]); !slices.Equal(got, []string{"Taken over by Olga from Vera", "Assigned to U0OLGA by Olga"}) || called(st[2]) != "" {
		t.Errorf("stories %q: somebody of another network is called %q", got, called(st[2]))
	}
	take(t, s, webhook("Down", nil, Resolved))
	c.pass(time.Minute)
	if _, err = s.Assign(t.Context(), id, vera(), olga()); platform.KindOf(err) != platform.Invalid || !strings.Contains(err.Error(), "it is over") {
		t.Error(err)
	}
}

// silenceFor is a person silencing an incident for d.
func silenceFor(t *testing.T, s *Service, id string, by bot.Actor, d time.Duration, comment string) (Answer, error) {
	t.Helper()
	p, err := s.Plan(t.Context(), id, Wish{Until: d.String(), Comment: comment})
	if err != nil {
		return Answer{}, err
	}
	return s.Silence(t.Context(), p, by)
}
