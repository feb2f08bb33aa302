package commands

import (
	"context"
	"testing"
	"time"

	"github.com/drey-ops/drey/alerts"
)

// Report is a report on what the reader may see of two incidents.
func (f *fakeMutes) Report(_ context.Context, from, to time.Time, _ time.Duration, keep func(i *alerts.Incident) bool) (alerts.Report, error) {
	r := alerts.Report{From: from, To: to}
	for _, i := range []alerts.Incident{incident("aaa111", "Crash on dev/orders", "dev", "orders"), incident("bbb222", "Crash on prod/payments", "prod", "payments")} {
		if keep(&i) {
			r.Opened, r.Open = r.Opened+1, append(r.Open, i)
		}
	}
	return r, nil
}

func TestSinceWhen(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, berlin())
	for in, want := range map[string]time.Time{
		"24h": now.Add(-24 * time.Hour), "7d": now.Add(-7 * 24 * time.Hour),
		"08:00":            time.Date(2026, 11, 21, 8, 0, 0, 0, berlin()),
		"18:00":            time.Date(2026, 11, 20, 18, 0, 0, 0, berlin()),
		"2026-11-01T00:00": time.Date(2026, 11, 1, 0, 0, 0, 0, berlin()),
	} {
		if got, err := sinceWhen(in, now, berlin()); err != nil || !got.Equal(want) {
			t.Errorf("%s: %s, %v", in, got, err)
		}
	}
	for _, bad := range []string{"soon", "0s", "91d", "2027-01-01T00:00"} {
		if _, err := sinceWhen(bad, now, berlin()); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

func TestAlertsReport(t *testing.T) {
	r := alertsRig(t)
	wants(t, r.says("vera", "/alerts report"), "Alerts of the last 24 h", "2 incidents opened, 0 resolved, 2 still open", "Crash on prod/payments")
	m := r.says("dora", "/alerts report 12h")
	wants(t, m, "Alerts of the last 12 h", "1 incident opened")
	lacks(t, m, "payments")
	wants(t, r.says("vera", "/alerts report soon"), "Want a duration such as 2h")
}
