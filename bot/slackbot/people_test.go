package slackbot

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/bot"
)

// actor is who a slash command of a user comes from.
func (w *bench) actor(user string) bot.Actor {
	w.t.Helper()
	if rec := w.post(pathCommands, slashBody(user, "/flink jobs")); rec.Code != http.StatusOK {
		w.t.Fatalf("answered with %d", rec.Code)
	}
	return w.sink.next(w.t).Actor
}

func TestWhoItIs(t *testing.T) {
	want := map[string]bot.Actor{
		"U1":     {Network: Network, ID: "U1", Name: "ann", Groups: []string{"S0OPS"}},
		"U2":     {Network: Network, ID: "U2", Name: "bob"},
		"UGUEST": {Network: Network, ID: "UGUEST", Name: "guest", Outside: true},
		"UOTHER": {Network: Network, ID: "UOTHER", Name: "other", Outside: true},
		"UGRID":  {Network: Network, ID: "UGRID", Name: "grid"},
	}
	w := newBench(t)
	guests := newBench(t, func(o *Options) { o.Guests = true })
	for id, a := range want {
		if diff := cmp.Diff(a, w.actor(id)); diff != "" {
			t.Errorf("%s: %s", id, diff)
		}
		a.Outside = false
		if diff := cmp.Diff(a, guests.actor(id)); diff != "" {
			t.Errorf("%s, guests are welcome: %s", id, diff)
		}
	}
	w.post(pathCommands, slashBody("UGONE", "/flink jobs"))
	w.stop() // waits for what is under way
	w.sink.none(t)
	if n := w.count(refusedPerson); n != 1 {
		t.Errorf("%d refused", n)
	}
}

func TestPeopleAreRemembered(t *testing.T) {
	w := newBench(t)
	w.pass(0)
	for range 10 {
		w.actor("U1")
	}
	if n := w.people.count(); n != 3 {
		t.Errorf("asked %d times for one person", n)
	}
	w.pass(groupsFresh)
	w.actor("U1")
	if n := w.people.count(); n != 4 {
		t.Errorf("asked %d times, once the groups are old", n)
	}
	w.pass(userFresh - groupsFresh)
	w.actor("U1")
	if n := w.people.count(); n != 6 {
		t.Errorf("asked %d times, once all is old", n)
	}
}

func TestChangesCountAtOnce(t *testing.T) {
	w := newBench(t)
	w.actor("U1")
	w.people.change(func() { w.people.groupd = map[string][]string{} })
	if a := w.actor("U1"); len(a.Groups) != 1 {
		t.Errorf("groups %v before the event", a.Groups)
	}
	for _, kind := range []string{"subteam_created", "subteam_updated", "subteam_members_changed"} {
		w.post(pathEvents, eventOf(kind, ``))
	}
	if a := w.actor("U1"); len(a.Groups) != 0 {
		t.Errorf("groups %v after the event", a.Groups)
	}
	w.people.change(func() { w.people.users["U1"] = member{id: "U1", name: "ann", team: "T1", guest: true} })
	w.post(pathEvents, []byte(`{"type":"event_callback","event_id":"E2","event":{"type":"user_change","user":{"id":"U1"}}}`))
	if a := w.actor("U1"); !a.Outside {
		t.Errorf("%+v after the event", a)
	}
	w.sink.none(t)
}

func TestPeopleWhileSlackIsDown(t *testing.T) {
	w := newBench(t)
	w.pass(0)
	known := w.actor("U1")
	w.people.change(func() { w.people.down = true })
	w.pass(staleMax - time.Minute)
	if diff := cmp.Diff(known, w.actor("U1")); diff != "" {
		t.Errorf("somebody known lately: %s", diff)
	}
	if a := w.actor("U2"); !a.Outside || a.Groups != nil {
		t.Errorf("somebody new: %+v", a)
	}
	w.pass(2 * time.Minute)
	if a := w.actor("U1"); !a.Outside || a.Groups != nil {
		t.Errorf("somebody known long ago: %+v", a)
	}
	w.people.change(func() { w.people.down = false })
	w.pass(lookupPause)
	if diff := cmp.Diff(known, w.actor("U1")); diff != "" {
		t.Errorf("afterwards: %s", diff)
	}
}

func TestLookupOutrunByAChange(t *testing.T) {
	w := newBench(t)
	w.actor("U1")
	hold := make(chan struct{})
	w.people.change(func() { w.people.hold = hold })
	w.post(pathEvents, eventOf("subteam_updated", ``))
	before := w.people.count()
	w.post(pathCommands, slashBody("U1", "/flink jobs"))
	eventually(t, "the lookup begins", func() bool { return w.people.count() > before })
	w.bot.people.regrouped()
	close(hold)
	w.sink.next(t)
	if _, ok := w.bot.people.known("U1"); ok {
		t.Error("what was looked up before the change counts as new")
	}
}

func TestReceiveWaitsForLookups(t *testing.T) {
	w := newBench(t)
	hold := make(chan struct{})
	w.people.change(func() { w.people.hold = hold })
	w.post(pathCommands, slashBody("U1", "/flink jobs"))
	stopped := make(chan struct{})
	go func() { defer close(stopped); w.stop() }()
	select {
	case <-stopped:
		t.Error("Receive returned before its work was done")
	case <-time.After(10 * time.Millisecond):
	}
	close(hold)
	<-stopped
	if a := w.sink.next(t).Actor; a.Name != "ann" {
		t.Errorf("actor %+v", a)
	}
}

func TestPeopleAreForgotten(t *testing.T) {
	now := time.Now()
	p := newPeople(newRegister(), false, func() time.Time { return now })
	c := newCrew(nil, nil)
	defer c.wait()
	c.begin()
	defer c.end()
	for i := range peopleMax {
		u := &memo[member]{at: now}
		if i%2 == 0 {
			u.at = now.Add(-userFresh)
		}
		p.users[string(rune('A'+i%26))+time.Duration(i).String()] = u
	}
	p.find(context.Background(), c, "U1")
	if n := len(p.users); n != peopleMax/2+1 {
		t.Errorf("%d people", n)
	}
}
