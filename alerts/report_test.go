package alerts

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/storage"
)

func TestReportSlots(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	local := func(month time.Month, day, hour, min int) time.Time {
		return time.Date(2026, month, day, hour, min, 0, 0, berlin)
	}
	for _, tt := range []struct {
		at, days                string
		now, last, next, before time.Time // before: where the period of last begins
	}{
		{"09:00", "", local(11, 21, 12, 0), local(11, 21, 9, 0), local(11, 22, 9, 0), local(11, 20, 9, 0)},
		{"09:00", "", local(11, 21, 9, 0), local(11, 21, 9, 0), local(11, 22, 9, 0), local(11, 20, 9, 0)},
		{"09:00", "", local(11, 21, 8, 59), local(11, 20, 9, 0), local(11, 21, 9, 0), local(11, 19, 9, 0)},
		{"00:00", "", local(11, 21, 0, 0), local(11, 21, 0, 0), local(11, 22, 0, 0), local(11, 20, 0, 0)},
		{"09:00", "monday friday", local(11, 22, 9, 0), local(11, 20, 9, 0), local(11, 23, 9, 0), local(11, 16, 9, 0)},
		{"09:00", "sunday", local(11, 22, 9, 0), local(11, 22, 9, 0), local(11, 29, 9, 0), local(11, 15, 9, 0)},
		{"09:00", "", local(3, 29, 9, 0), local(3, 29, 9, 0), local(3, 30, 9, 0), local(3, 28, 9, 0)},         // 23 hours
		{"09:00", "", local(10, 25, 9, 0), local(10, 25, 9, 0), local(10, 26, 9, 0), local(10, 24, 9, 0)},     // 25 hours
		{"02:30", "", local(3, 29, 12, 0), local(3, 29, 2, 30), local(3, 30, 2, 30), local(3, 28, 2, 30)},     // a time that is not
		{"02:30", "", local(10, 25, 12, 0), local(10, 25, 2, 30), local(10, 26, 2, 30), local(10, 24, 2, 30)}, // one that is twice
	} {
		var p Problems
		plan := compilePlan(ReportPlan{To: []string{"web:ops"}, At: tt.at, Weekdays: strings.Fields(tt.days), TimeZone: "Europe/Berlin"}, Options{}, "x", &p)
		if len(p) > 0 {
			t.Fatal(p)
		}
		if last, next := plan.slot(tt.now, -1), plan.slot(tt.now, 1); !last.Equal(tt.last) || !next.Equal(tt.next) || !plan.since(last).Equal(tt.before) {
			t.Errorf("%s %s at %s: last %s, next %s, since %s", tt.at, tt.days, tt.now, last, next, plan.since(last).In(berlin))
		}
	}
}

func TestDurations(t *testing.T) {
	m := time.Minute
	for _, tt := range []struct {
		in   []time.Duration
		want string
	}{
		{nil, "median 0 s, mean 0 s (0 incidents)"},
		{[]time.Duration{3 * m}, "3 min (1 incident)"},
		{[]time.Duration{10 * m, 2 * m}, "median 6 min, mean 6 min (2 incidents)"},
		{[]time.Duration{60 * m, 2 * m, 4 * m}, "median 4 min, mean 22 min (3 incidents)"},
	} {
		if got := durations(tt.in).String(); got != tt.want {
			t.Errorf("%v: %s", tt.in, got)
		}
	}
}

// A day as a person would see it the next morning.
func TestReport(t *testing.T) {
	h := Hooks{Savepoints: func(context.Context) ([]JobPoint, error) {
		return []JobPoint{{"prod", "fresh", newClock().t}, {"prod", "orders", newClock().t.Add(-50 * time.Hour)}, {"prod", "payments", time.Time{}}}, nil
	}}
	s, _, c := newService(t, testOptions(), h)
	start := c.t
	job := func(name, severity string) map[string]string {
		return map[string]string{"cluster": "prod", "job_name": name, "severity": severity}
	}
	take(t, s, webhook("OldLag", job("ancient", "warning"), Firing))
	c.pass(30 * time.Hour)
	from := c.t
	take(t, s, webhook("Down", job("orders", "critical"), Firing))
	c.pass(4 * time.Minute)
	if _, err := s.Ack(t.Context(), findOne(t, s, "prod/orders").ID, olga()); err != nil {
		t.Fatal(err)
	}
	c.pass(26 * time.Minute)
	take(t, s, webhook("Down", job("orders", "critical"), Resolved))
	for n := range 3 { // comes and goes
		take(t, s, at(webhook("Lag", job("payments", "warning"), Firing), c.t.UTC().Format(time.RFC3339)))
		c.pass(2 * time.Minute)
		if n < 2 {
			take(t, s, at(webhook("Lag", job("payments", "warning"), Resolved), c.t.Add(-time.Minute).UTC().Format(time.RFC3339)))
			c.pass(2 * time.Minute)
		}
	}
	take(t, s, webhook("Down", job("billing", "critical"), Firing))
	if _, err := s.Ack(t.Context(), findOne(t, s, "prod/billing").ID, olga()); err != nil {
		t.Fatal(err)
	}
	muteIt(t, s, c, "prod/orders", 20*time.Hour, time.Hour)
	c.t = from.Add(12 * time.Hour)
	r, err := s.Report(t.Context(), from, c.t, 24*time.Hour, nil)
	if err != nil {
		t.Fatal(err)
	}
	plain := r.Message().Plain()
	for _, i := range r.rows {
		plain = strings.ReplaceAll(plain, i.ID, "ID")
	}
	want := `Alerts of the last 12 h
3 incidents opened, 1 resolved, 3 still open at 2026-11-22 17:57 UTC.
Severity: 2 critical, 1 warning
Time to acknowledge: median 2 min, mean 2 min (2 incidents)
Time to resolve: 30 min (1 incident)
Still open, the oldest first
• OldLag on prod/ancient, 1 d 18 h, warning; nobody has it (ID)
• Lag on prod/payments, 11 h 30 min, warning; nobody has it (ID)
• Down on prod/billing, 11 h 20 min, critical; with Olga for 11 h 20 min (ID)
Most frequent
• 2× Down in prod/billing, prod/orders
• 1× Lag in prod/payments
Came and went
• Lag on prod/payments: fired 3 times (ID)
No savepoint for more than 24 h
• prod/payments: none that drey knows of
• prod/orders: the last is 3 d 20 h old
• prod/fresh: the last is 1 d 18 h old
Maintenance
• prod/orders from 2026-11-23 02:37 UTC until 2026-11-23 03:37 UTC by Olga
(file: alerts-2026-11-22-1757.csv)`
	if d := cmp.Diff(want, plain); d != "" {
		t.Error(d)
	}
	if lines := strings.Split(strings.TrimSpace(string(r.csv())), "\n"); len(lines) != 5 || !strings.Contains(lines[2], ",240,1800,1,resolved,") {
		t.Errorf("%q", lines)
	}
	quiet, err := s.Report(t.Context(), start.Add(-48*time.Hour), start.Add(-24*time.Hour), 0, nil)
	if err != nil || !strings.HasPrefix(quiet.Message().Plain(), "Alerts of the last 24 h\nA quiet time: no incident until 2026-11-19 23:57 UTC.") {
		t.Errorf("%s, %v", quiet.Message().Plain(), err)
	}
	for d, want := range map[time.Duration]string{8 * time.Hour: "8 h", 24 * time.Hour: "24 h", 72 * time.Hour: "3 days", 25 * time.Hour: "1 d 1 h"} {
		if got := stretch(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
	mine, err := s.Report(t.Context(), from, c.t, 24*time.Hour, func(i *Incident) bool { return i.Job.Name == "billing" })
	if err != nil || mine.Opened != 1 || len(mine.Open) != 1 || len(mine.Bare) != 0 || len(mine.Windows) != 0 {
		t.Errorf("%+v, %v", mine, err)
	}
}

func findOne(t *testing.T, s *Service, title string) Incident {
	t.Helper()
	list, err := s.List(t.Context(), Filter{Text: title})
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	return list[0]
}

func TestReportIsPostedOnce(t *testing.T) {
	o := testOptions()
	o.Reports = []ReportPlan{{To: []string{"web:ops", "web:lead"}, At: "09:00", TimeZone: "Europe/Berlin"}}
	s, out, c := newService(t, o, Hooks{}) // 23:57 UTC
	id, plan := reportRoot(o.Reports[0]), compilePlan(o.Reports[0], o, "", &Problems{})
	s.enlist(t.Context(), reportQueue, id)
	due := func() {
		t.Helper()
		it, err := s.db.Take(t.Context(), reportQueue, id, time.Minute)
		if err == nil {
			err = s.reportOne(t.Context(), it, plan)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	due()
	if n := len(out.all(t)); n != 0 {
		t.Fatalf("a plan that is new posts %d at once", n)
	}
	c.pass(9 * time.Hour) // 08:57 UTC, 09:57 there
	due()
	due()
	if n := len(out.all(t)); n != 2 {
		t.Errorf("%d messages, want one in each channel", n)
	}
	c.pass(5 * 24 * time.Hour) // drey was down
	due()
	due()
	all := out.all(t)
	slot := time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)
	m, ok := all[fmt.Sprintf("%s/%d/web:ops", id, slot.Unix())]
	if len(all) != 4 || !ok || !strings.Contains(m.Message.Plain(), "Alerts of the last 24 h") {
		t.Errorf("%d messages; %s", len(all), m.Message.Plain())
	}
	// A lease that was lost commits nothing.
	it, err := s.db.Take(t.Context(), reportQueue, id, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	c.pass(24 * time.Hour)
	due()
	if err := s.reportOne(t.Context(), it, plan); err == nil {
		t.Error("posted with a lost lease")
	}
	if n := len(out.all(t)); n != 6 {
		t.Errorf("%d messages", n)
	}
}

func TestReportsAreValidated(t *testing.T) {
	o := testOptions()
	o.Reports = []ReportPlan{{At: "9", Weekdays: []string{"mon"}, TimeZone: "Mars", Period: -time.Hour}}
	err := o.Validate()
	for _, want := range []string{"reports[0].to: no channel", "reports[0].at: want a time", "reports[0].weekdays[0]: unknown day", "reports[0].time_zone: unknown", "reports[0].period: want"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want %q", err, want)
		}
	}
}

func BenchmarkReport(b *testing.B) {
	s, _, c := newService(b, testOptions(), Hooks{})
	for n := range 5000 {
		id := fmt.Sprintf("%s%d", strings.Repeat("a", 5), n)
		i := Incident{ID: id, Title: "Lag on prod/orders", First: c.t.Add(-time.Duration(n) * time.Minute), Labels: map[string]string{"alertname": "Lag"}, Alerts: map[string]Alert{}}
		for a := range 3 {
			i.Alerts[fmt.Sprint(a)] = Alert{Status: Resolved, Labels: map[string]string{"alertname": "Lag", "instance": fmt.Sprint(a)}, Annotations: map[string]string{"description": strings.Repeat("x", 300)}}
		}
		for range 10 {
			i.Lines = append(i.Lines, Line{At: c.t, Kind: storyMembers, Text: strings.Repeat("y", 80)})
		}
		tx := s.db.Begin(id)
		s.past.Put(tx, id, i, storage.Any)
		if err := s.db.Commit(b.Context(), tx); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if r, err := s.Report(b.Context(), c.t.Add(-90*24*time.Hour), c.t, 0, nil); err != nil || r.Opened == 0 {
			b.Fatal(r.Opened, err)
		}
	}
}
