package main

import (
	"os"
	"testing"
)

// smallStorm is how many groups the tests of every run kill drey among: enough to be in the midst of them.
const smallStorm = 40

// TestKilledAmongAlerts: a drey that is killed while it tells of alerts, and started again, tells of each once.
func TestKilledAmongAlerts(t *testing.T) {
	survives(t, 1)
}

// TestReplicaKilledAmongAlerts: of two dreys on one Redis one is killed for good; the other tells of what that had in hand, and
// of nothing a second time.
func TestReplicaKilledAmongAlerts(t *testing.T) {
	survives(t, 2)
}

func survives(t *testing.T, replicas int) {
	if os.Getenv("DREY_TEST_SHORT") != "" {
		t.Skip("DREY_TEST_SHORT is set")
	}
	s := newDreySide(t, sideOptions{unpaced: true, replicas: replicas})
	groups := s.fresh(smallStorm)
	got, took := s.killDrey(t, groups)
	t.Logf("all told %s after the kill", took)
	if got.lost > 0 || got.doubled > 0 {
		t.Errorf("%d lost, %d doubled", got.lost, got.doubled)
	}
	if replicas > 1 {
		return
	}
	if got := s.killAlertmanager(t, groups); got.lost > 0 || got.doubled > 0 {
		t.Errorf("sent again by an Alertmanager that forgot: %d lost, %d doubled", got.lost, got.doubled)
	}
}
