package alerts

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

// stormy are options under which the fourth incident of a channel begins a storm.
func stormy() Options {
	o := testOptions()
	o.Storm = StormOptions{From: 3}
	return o
}

// tendNow looks at the storms once, as the worker does, whether they are due or not.
func tendNow(t testing.TB, s *Service) {
	t.Helper()
	for e, err := range s.storms.Newest(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		it, err := s.db.Take(t.Context(), stormQueue, e.ID, time.Minute)
		if err != nil {
			continue // it is over
		}
		if err := s.tendStorm(t.Context(), it); err != nil {
			t.Fatal(err)
		}
	}
}

// digests are the messages of storms, by key.
func digests(t testing.TB, out *kept) []bot.Delivery { return out.kind(t, "digest") }

func theDigest(t testing.TB, out *kept) bot.Message {
	t.Helper()
	ds := digests(t, out)
	if len(ds) != 1 {
		t.Fatalf("%d digests", len(ds))
	}
	return ds[0].Message
}

func storm(t testing.TB, s *Service, from, to int, status string) {
	t.Helper()
	for n := from; n <= to; n++ {
		l := map[string]string{"cluster": "prod", "severity": "warning"}
		if n%4 == 0 {
			l["severity"] = "critical"
		}
		if _, err := s.Take(t.Context(), "main", webhook(fmt.Sprintf("Down%d", n), l, status)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStormLife(t *testing.T) {
	s, out, c := newService(t, stormy(), Hooks{})
	storm(t, s, 1, 10, Firing)
	tendNow(t, s)
	if n := len(out.heads(t)); n != 3 {
		t.Fatalf("%d heads", n)
	}
	m := theDigest(t, out)
	if m.Title != "Storm: 10 firing of 10 incidents" || m.Tone != bot.Bad || m.State != Firing || m.Closed {
		t.Errorf("%+v", m)
	}

	storm(t, s, 4, 6, Resolved)
	tendNow(t, s)
	if got := theDigest(t, out).Title; got != "Storm: 7 firing, 3 resolved of 10 incidents" {
		t.Error(got)
	}
	// One that fires again goes on being represented.
	c.pass(2 * time.Minute)
	storm(t, s, 4, 4, Firing)
	if n := len(out.heads(t)); n != 3 {
		t.Errorf("%d heads", n)
	}

	c.pass(5 * time.Minute)
	tendNow(t, s)
	if got := theDigest(t, out); got.Title != "Storm: 8 firing, 2 resolved of 10 incidents" || !strings.Contains(got.Plain(), "Nothing new joins") {
		t.Errorf("settled: %s", got.Plain())
	}
	// What is new now has a thread again.
	storm(t, s, 11, 11, Firing)
	if n := len(out.heads(t)); n != 4 {
		t.Errorf("%d heads after the storm settled", n)
	}
	// Few are left: they get threads, and the digest ends.
	storm(t, s, 4, 8, Resolved)
	tendNow(t, s)
	if n := len(out.heads(t)); n != 6 {
		t.Errorf("%d heads at the end", n)
	}
	m = theDigest(t, out)
	if m.Title != "Storm over: 5 of 10 incidents resolved, 5 open in threads of their own" || !m.Closed || m.Tone != bot.Good {
		t.Errorf("%+v", m)
	}
	tendNow(t, s)
	if n, err := s.membersOf(placeRoot(bot.Place{Network: "web", Channel: "oncall"})).Len(t.Context()); n != 0 || err != nil {
		t.Errorf("%d rows left, %v", n, err)
	}
	if n, _, err := s.db.Depth(t.Context(), stormQueue); err != nil || n != 7 {
		t.Errorf("%d items left, %v; want the checks of the 7 represented", n, err)
	}
	// The next storm is another one.
	storm(t, s, 20, 30, Firing)
	tendNow(t, s)
	if ds := digests(t, out); len(ds) != 2 || ds[0].Key == ds[1].Key {
		t.Errorf("%d digests", len(ds))
	}
}

func TestStormTellsWhy(t *testing.T) {
	s, _, _ := newService(t, stormy(), Hooks{})
	storm(t, s, 1, 3, Firing)
	if got := s.Explain(t.Context(), "main", webhook("New", nil, Firing)).String(); strings.Contains(got, "in a storm") {
		t.Error(got)
	}
	storm(t, s, 4, 4, Firing)
	got := s.Explain(t.Context(), "main", webhook("New", nil, Firing))
	if !strings.Contains(got.String(), "web:oncall is in a storm: represented in the digest storm-") || len(got.Deliveries) != 0 {
		t.Error(got)
	}
	trace, err := s.Test(t.Context(), Question{Labels: map[string]string{"a": "b"}})
	if err != nil || !strings.Contains(trace.String(), "is in a storm") {
		t.Error(err, trace)
	}
}

// A storm in one channel is none in another, and neither is what a mute keeps back.
func TestStormIsOfOneChannel(t *testing.T) {
	o := stormy()
	o.Routes = append([]Route{{Name: "calm", Match: `labels.team == "calm"`, To: []string{"web:calm"}}}, o.Routes...)
	s, out, _ := newService(t, o, Hooks{})
	storm(t, s, 1, 30, Firing)
	for n := range 3 {
		take(t, s, webhook(fmt.Sprintf("Calm%d", n), map[string]string{"team": "calm"}, Firing))
	}
	calm := slices.DeleteFunc(out.heads(t), func(d bot.Delivery) bool { return d.To.Channel != "calm" })
	if len(calm) != 3 {
		t.Errorf("%d heads", len(calm))
	}
}

func TestStormOff(t *testing.T) {
	o := stormy()
	o.Storm.From = -1
	s, out, _ := newService(t, o, Hooks{})
	storm(t, s, 1, 30, Firing)
	if n := len(out.heads(t)); n != 30 {
		t.Errorf("%d heads", n)
	}
}

// A webhook that read of a storm just before its end is found by its check.
func TestStormMissedEnd(t *testing.T) {
	s, out, c := newService(t, stormy(), Hooks{})
	storm(t, s, 1, 4, Firing)
	storm(t, s, 1, 4, Resolved)
	c.pass(6 * time.Minute)
	tendNow(t, s)
	tendNow(t, s)
	p := bot.Place{Network: "web", Channel: "oncall"}
	k := s.sky(placeRoot(p))
	k.storm, k.at = stormID(placeRoot(p), 1), time.Now().Add(time.Hour)
	storm(t, s, 9, 9, Firing)
	if n := len(out.heads(t)); n != 3 {
		t.Fatalf("%d heads", n)
	}
	l := list(t, s)
	i := &l[slices.IndexFunc(l, func(i Incident) bool { return strings.HasPrefix(i.Title, "Down9") })]
	it, err := s.db.Take(t.Context(), stormQueue, i.root(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	s.weatherReport(t.Context(), []storage.Item{it})
	if n := len(out.heads(t)); n != 4 {
		t.Errorf("%d heads", n)
	}
}
