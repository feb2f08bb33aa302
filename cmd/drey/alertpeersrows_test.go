package main

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// peerOutage: the chat answers status for a while, when 100 groups come. They go to 20 channels, which is what drey's own
// pace allows: five seconds for each channel's five, and seven for what it sends in one workspace (75 at once, 225 a minute).
func peerOutage(status int) func(t testing.TB, table *peerTable) {
	return func(t testing.TB, table *peerTable) {
		const groups, pace, watched = 100, 7 * time.Second, 45 * time.Second
		var mu sync.Mutex
		after := map[bool]time.Duration{}
		d, n := sides(t, sideOptions{}, func(s *side) peerCount {
			s.chat.be(func(c *peerChat) { c.outage = status })
			g := s.fresh(groups)
			time.Sleep(time.Until(s.send(t, g, manyChannels, false).Add(outage())))
			s.chat.be(func(c *peerChat) { c.outage = 0 })
			well := time.Now()
			got := s.chat.until(g, well.Add(watched))
			mu.Lock()
			defer mu.Unlock()
			after[len(s.drey) > 0] = got.last.Sub(well)
			return got
		})
		say := func(c peerCount, took time.Duration) string {
			if c.lost > 0 {
				return fmt.Sprintf("%d of %d in %.0f s", c.told, groups, watched.Seconds())
			}
			return fmt.Sprintf("%.1f s", took.Seconds())
		}
		table.add(fmt.Sprintf("%.0f s of %d, 100 groups: all told after it", outage().Seconds(), status), say(d, after[true]), say(n, after[false]), "",
			fmt.Sprintf("≤ %.0f s (pace) + 2 s", pace.Seconds()), d.lost == 0 && d.doubled == 0 && after[true] <= pace+2*time.Second)
		table.add("  calls that failed", fmt.Sprint(d.fail), fmt.Sprint(n.fail), "", "", true)
	}
}

// peerInside: alerts that fire and resolve while the chat is away.
func peerInside(t testing.TB, table *peerTable) {
	const groups = 10
	d, n := sides(t, sideOptions{interval: 5 * time.Second}, func(s *side) peerCount {
		s.chat.be(func(c *peerChat) { c.outage = 503 })
		g := s.fresh(groups)
		at := s.send(t, g, 1, false)
		time.Sleep(3 * time.Second)
		s.send(t, g, 1, true)
		time.Sleep(time.Until(at.Add(outage())))
		s.chat.be(func(c *peerChat) { c.outage = 0 })
		well := time.Now()
		for got := s.chat.count(g); got.resolved < groups && time.Since(well) < 30*time.Second; got = s.chat.count(g) {
			time.Sleep(20 * time.Millisecond)
		}
		return s.chat.count(g)
	})
	say := func(c peerCount) string { return fmt.Sprintf("%d of %d", c.resolved, groups) }
	table.add(fmt.Sprintf("10 groups fire and resolve within %.0f s of 503: told as resolved", outage().Seconds()), say(d), say(n), "", "10 of 10", d.resolved == groups && d.doubled == 0)
}

func lostDoubled(c peerCount) string { return fmt.Sprintf("%d lost, %d doubled", c.lost, c.doubled) }

// peerKill: drey is killed while it tells of 100 groups and started again; then Alertmanager is, and the alerts are sent anew.
func peerKill(t testing.TB, table *peerTable) {
	const groups = 100
	o := sideOptions{unpaced: true}
	s := newDreySide(t, o)
	g := s.fresh(groups)
	got, took := s.killDrey(t, g)
	table.add("kill -9 of drey among 100 groups", lostDoubled(got), "", "", "0 lost, 0 doubled", got.lost+got.doubled == 0)
	table.add("  all told after it", fmt.Sprintf("%.1f s", took.Seconds()), "", "", "", true)

	n := newNativeSide(t, o)
	m := n.fresh(groups)
	n.send(t, m, manyChannels, false)
	n.chat.until(m, time.Now().Add(20*time.Second))
	d, native := s.killAlertmanager(t, g), n.killAlertmanager(t, m)
	table.add("kill -9 of Alertmanager, 100 alerts sent again", lostDoubled(d), lostDoubled(native), "", "0 lost, 0 doubled", d.lost+d.doubled == 0)
}

// killDrey kills the first of the dreys when a third of the groups is told; one that is alone is started again. It returns when
// all are told and nothing more can come, with the time from the kill to the last message.
func (s *side) killDrey(t testing.TB, groups []string) (got peerCount, took time.Duration) {
	t.Helper()
	s.chat.be(func(c *peerChat) { c.delay = 10 * time.Millisecond })
	s.send(t, groups, manyChannels, false)
	for end := time.Now().Add(20 * time.Second); s.chat.count(groups).told < len(groups)/3; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no third of the groups was told: %+v", s.chat.count(groups))
		}
	}
	s.drey[0].kill()
	killed := time.Now()
	if len(s.drey) == 1 {
		s.drey[0].start(t)
	}
	s.chat.until(groups, killed.Add(50*time.Second))
	s.drained(t)
	got = s.chat.count(groups)
	return got, got.last.Sub(killed)
}

// drained waits until the last of the dreys has nothing left to tell.
func (s *side) drained(t testing.TB) {
	t.Helper()
	d := s.drey[len(s.drey)-1]
	for end := time.Now().Add(50 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		_, body, err := fetch(t.Context(), d.url+"/metrics")
		if err == nil && metric(body, "drey_outbox_pending") == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("drey has still something to tell: %v", err)
		}
	}
}

// killAlertmanager kills it after its work is done, starts it again and sends the alerts anew, as Prometheus would.
func (s *side) killAlertmanager(t testing.TB, groups []string) peerCount {
	t.Helper()
	s.am.kill()
	s.am.start(t)
	s.send(t, groups, manyChannels, false)
	if len(s.drey) == 0 {
		time.Sleep(3 * time.Second)
		return s.chat.count(groups)
	}
	time.Sleep(3 * time.Second)
	s.drained(t)
	return s.chat.count(groups)
}

// peerReplicas: two dreys on one Redis, one killed for good in the midst of 300 groups.
func peerReplicas(t testing.TB, table *peerTable) {
	s := newDreySide(t, sideOptions{unpaced: true, replicas: 2})
	got, took := s.killDrey(t, s.fresh(300))
	table.add("two replicas, one killed among 300 groups", lostDoubled(got), "", "", "0 lost, 0 doubled", got.lost+got.doubled == 0)
	table.add("  all told by the other after it", fmt.Sprintf("%.1f s", took.Seconds()), "", "", "≤ 10 s", got.lost == 0 && took <= 10*time.Second)
}
