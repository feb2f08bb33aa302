package commands

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// fakeMutes is a set of maintenance windows.
type fakeMutes struct {
	mu      sync.Mutex
	list    []alerts.Window
	covered []alerts.Incident
}

func (f *fakeMutes) Mute(_ context.Context, w alerts.Window) (alerts.Window, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w.ID = "w" + string(rune('a'+len(f.list))) + "aaaa"
	f.list = append(f.list, w)
	return w, nil
}

func (f *fakeMutes) Windows(context.Context) ([]alerts.Window, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.list), nil
}

func (f *fakeMutes) Window(_ context.Context, id string) (alerts.Window, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := slices.IndexFunc(f.list, func(w alerts.Window) bool { return w.ID == id }); n >= 0 {
		return f.list[n], nil
	}
	return alerts.Window{}, platform.Errorf(platform.NotFound, "", "there is no maintenance window %q", id)
}

func (f *fakeMutes) Unmute(ctx context.Context, id string, _ bot.Actor) (alerts.Window, error) {
	w, err := f.Window(ctx, id)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = slices.DeleteFunc(f.list, func(w alerts.Window) bool { return w.ID == id })
	return w, err
}

func (f *fakeMutes) Prolong(ctx context.Context, id string, until time.Time) (alerts.Window, error) {
	w, err := f.Window(ctx, id)
	f.mu.Lock()
	defer f.mu.Unlock()
	for n := range f.list {
		if f.list[n].ID == id {
			f.list[n].Until = until
			w = f.list[n]
		}
	}
	return w, err
}

func (f *fakeMutes) Covered(context.Context, alerts.Scope) ([]alerts.Incident, error) {
	return f.covered, nil
}

func (f *fakeMutes) Zone() *time.Location { return berlin() }

func berlin() *time.Location {
	z, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return z
}

func TestMuteTimes(t *testing.T) {
	at := func(month time.Month, day, hour, min int) time.Time {
		return time.Date(2026, month, day, hour, min, 0, 0, berlin())
	}
	noon := at(11, 21, 12, 0)
	for _, tt := range []struct {
		now         time.Time
		For, why    string
		from, until time.Time
		rest        string
	}{
		{noon, "2h", "broker upgrade", noon, at(11, 21, 14, 0), "broker upgrade"},
		{noon, "until", "18:00", noon, at(11, 21, 18, 0), ""},
		{noon, "until", "18:00 from 16:00 new nodes", at(11, 21, 16, 0), at(11, 21, 18, 0), "new nodes"},
		{noon, "18:00", "from next week on", noon, at(11, 21, 18, 0), "from next week on"},
		{noon, "until", "11:00", noon, at(11, 22, 11, 0), ""},
		{noon, "2h", "from 23:00 night work", at(11, 21, 23, 0), at(11, 22, 1, 0), "night work"},
		{noon, "06:00", "from 22:00", at(11, 21, 22, 0), at(11, 22, 6, 0), ""},
		{noon, "for", "1d holiday", noon, noon.Add(24 * time.Hour), "holiday"},
		{noon, "2026-12-24T18:00", "from 2026-12-24T08:00 x", at(12, 24, 8, 0), at(12, 24, 18, 0), "x"},
		{noon, "2026-11-21T18:00Z", "", noon, at(11, 21, 19, 0), ""},
		{at(3, 28, 23, 0), "06:00", "", at(3, 28, 23, 0), at(3, 28, 23, 0).Add(6 * time.Hour), ""},    // clocks go forward
		{at(10, 24, 23, 0), "06:00", "", at(10, 24, 23, 0), at(10, 24, 23, 0).Add(8 * time.Hour), ""}, // and back
	} {
		a := muteArgs{For: tt.For, Why: tt.why}
		a.words()
		from, until, err := a.times(tt.now, berlin())
		if err != nil || !from.Equal(tt.from) || !until.Equal(tt.until) || a.Why != tt.rest {
			t.Errorf("%s %s: from %s until %s, %q, %v", tt.For, tt.why, from.In(berlin()), until.In(berlin()), a.Why, err)
		}
	}
	for _, bad := range []string{"soon", "25:00", "18", "until"} {
		a := muteArgs{For: bad}
		a.words()
		if _, _, err := a.times(noon, berlin()); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestAlertsMute(t *testing.T) {
	r := newRig(t, map[string]*fakeFlink{"dev": newFakeFlink(running(1, "orders")), "prod": newFakeFlink(running(2, "payments"), running(3, "billing"))})
	r.mutes.covered = []alerts.Incident{incident("aaa111", "Crash on dev/orders", "dev", "orders")}
	m := r.says("olga", "/alerts mute orders 2h broker upgrade")
	wants(t, m, "Maintenance of dev/orders", "nothing new is posted about it", "Why: broker upgrade", "Open now: 1 incident", "[End now] [Extend…]", "Window waaaaa")
	if m.Private {
		t.Error("told to one person alone")
	}
	w := r.mutes.list[0]
	if d := w.Until.Sub(w.From); d != 2*time.Hour || w.Key == "" || len(w.Places) != 1 || w.By.ID != "olga" {
		t.Errorf("%+v", w)
	}
	// All of a cluster, and patterns, are asked about first.
	wants(t, r.says("olga", "/alerts mute prod 1h"), "Mute all of prod?", "1 open incident and 2 jobs")
	if len(r.mutes.list) != 1 {
		t.Fatal("muted without a word")
	}
	wants(t, r.says("olga", "/alerts mute confirm=prod prod 1h new nodes"), "Maintenance of prod", "Why: new nodes")
	wants(t, r.says("olga", `/alerts mute job_name=~"pay.*" 1h`), `Mute all of {job_name=~"pay.*"}?`, "whatever else comes with these labels")
	wants(t, r.says("olga", "/alerts mute team=core,env=test 1h"), `Maintenance of {team="core",env="test"}`)
	wants(t, r.says("olga", `/alerts mute {team="data eng"} 1h`), "A quote is not closed")
	wants(t, r.says("olga", "/alerts mute team=~.* 1h"), "would cover everything")
	wants(t, r.says("olga", "/alerts mute nojob 1h"), "no job")
	wants(t, r.says("olga", "/alerts mute orders soon"), "Want a duration such as 2h or a time such as 18:00")
	wants(t, r.says("vera", "/alerts mute orders 2h"), "You may not do that here", "alert.mute")
	wants(t, r.says("dora", "/alerts mute prod/payments 2h"), "You may not do that here")
	wants(t, r.says("dora", "/alerts mute team=core 2h"), "You may not do that here") // could be of any cluster
	wants(t, r.says("dora", "/alerts mute orders until 23:59 mine"), "Maintenance of dev/orders")

	m = r.says("olga", "/alerts mutes")
	wants(t, m, "4 maintenance windows", "dev/orders until ", "by olga: broker upgrade waaaaa", "[End waaaaa] [Extend waaaaa…]")
	before := r.mutes.list[0].Until
	wants(t, r.says("olga", "/alerts remute waaaaa 1h"), "Maintenance of dev/orders goes on")
	if got := r.mutes.list[0].Until.Sub(before).Round(time.Minute); got != time.Hour {
		t.Errorf("longer by %s", got)
	}
	wants(t, r.says("dora", "/alerts unmute wbaaaa"), "You may not do that here")
	wants(t, r.says("dora", "/alerts unmute wcaaaa"), "You may not do that here") // {team="core",env="test"}, of any cluster
	wants(t, r.says("dora", "/alerts remute wcaaaa 1h"), "You may not do that here")
	wants(t, r.says("olga", "/alerts unmute waaaaa"), "The maintenance of dev/orders is over")
	wants(t, r.says("olga", "/alerts unmute waaaaa"), "Not found")
	if m := r.says("olga", "/alerts mute"); m.Form == nil || len(m.Form.Fields) != 4 {
		t.Errorf("no form: %s", shown(m))
	}
}
