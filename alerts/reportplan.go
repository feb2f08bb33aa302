package alerts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

// ReportPlan posts a report at a time of the day.
type ReportPlan struct {
	// To are the channels, as "web:ops".
	To []string `yaml:"to"`
	// At is the time of the day, such as "09:00".
	At string `yaml:"at"`
	// Weekdays are the days on which it is posted, such as [monday, friday]; empty: every day.
	Weekdays []string `yaml:"weekdays"`
	// TimeZone is that of At, such as Europe/Berlin; the default is alerts.time_zone.
	TimeZone string `yaml:"time_zone"`
	// Period is how much time it tells of; 0 means since the report before: of Monday's after Friday's three days.
	Period time.Duration `yaml:"period"`
	// SavepointOlder lists the running jobs whose newest savepoint is older; 0 means 24 hours.
	SavepointOlder time.Duration `yaml:"savepoint_older"`
}

const (
	reportQueue storage.Queue = "alerts-report"
	reportKeep                = 60 * 24 * time.Hour
	// savepointOlder is the default of ReportPlan.SavepointOlder, and that of a report that a person asks for.
	savepointOlder = 24 * time.Hour
)

// reportPlan is a ReportPlan made ready.
type reportPlan struct {
	places         []bot.Place
	hour, minute   int
	days           []time.Weekday // empty: every day
	zone           *time.Location
	period, barren time.Duration
}

// compilePlan makes a plan ready. key is where it stands in the configuration.
func compilePlan(in ReportPlan, o Options, key string, p *Problems) reportPlan {
	out := reportPlan{places: parsePlaces(in.To, key+".to", p), period: in.Period, barren: in.SavepointOlder}
	if len(in.To) == 0 {
		p.add(key+".to", `no channel; write to: ["web:ops"]`)
	}
	at, err := time.Parse("15:04", in.At)
	if err != nil {
		p.add(key+".at", `want a time of the day such as "09:00", have %q`, in.At)
	}
	out.hour, out.minute = at.Hour(), at.Minute()
	for n, name := range in.Weekdays {
		day := slices.IndexFunc([]time.Weekday{0, 1, 2, 3, 4, 5, 6}, func(d time.Weekday) bool { return strings.EqualFold(d.String(), name) })
		if day < 0 {
			p.add(fmt.Sprintf("%s.weekdays[%d]", key, n), "unknown day %q; want a name such as monday", name)
		}
		out.days = append(out.days, time.Weekday(day))
	}
	name := in.TimeZone
	if name == "" {
		name = o.TimeZone
	}
	if out.zone, err = time.LoadLocation(name); err != nil || name == "Local" {
		p.add(key+".time_zone", "unknown time zone %q; want a name such as Europe/Berlin", name)
		out.zone = time.UTC
	}
	if out.period < 0 || out.period > 90*24*time.Hour {
		p.add(key+".period", "want at most 2160h (90 days), have %s", out.period)
	}
	if out.barren < 0 {
		p.add(key+".savepoint_older", "%s is negative", out.barren)
	}
	if out.barren == 0 {
		out.barren = savepointOlder
	}
	return out
}

func (o Options) validateReports(p *Problems) {
	for n, r := range o.Reports {
		compilePlan(r, o, fmt.Sprintf("reports[%d]", n), p)
	}
}

// slot searches day by day for a time of the plan: the first after now for step 1, the last that is not after now for -1. An
// hour that the clocks skip or repeat is meant once on its day, as time.Date has it.
func (r reportPlan) slot(now time.Time, step int) time.Time {
	here := now.In(r.zone)
	for day := -step; day*step <= 8; day += step {
		at := time.Date(here.Year(), here.Month(), here.Day()+day, r.hour, r.minute, 0, 0, r.zone)
		if at.After(now) == (step > 0) && (len(r.days) == 0 || slices.Contains(r.days, time.Date(here.Year(), here.Month(), here.Day()+day, 12, 0, 0, 0, r.zone).Weekday())) {
			return at
		}
	}
	return now.Add(time.Duration(step) * 7 * 24 * time.Hour) // cannot be: a week has every day
}

// since is where the period of a slot begins.
func (r reportPlan) since(slot time.Time) time.Time {
	if r.period > 0 {
		return slot.Add(-r.period)
	}
	return r.slot(slot.Add(-time.Second), -1)
}

// posting is what is known of a planned report.
type posting struct {
	Next time.Time `json:"next"` // the slot to be posted next
}

func (s *Service) postings() storage.Table[posting] {
	return storage.Table[posting]{DB: s.db, Name: "reports", TTL: reportKeep}
}

// reportRoot is that of a plan as it stands in the configuration: changed, it is another, which begins with its next slot.
func reportRoot(in ReportPlan) string {
	return "report-" + hashOf(append([]string{in.At, in.TimeZone, in.Period.String(), strings.Join(in.Weekdays, " ")}, in.To...)...)[:12]
}

// postReports posts the planned reports until ctx ends. Each is an item of a queue.
func (s *Service) postReports(ctx context.Context) {
	plans := map[string]reportPlan{}
	for _, in := range s.options.Reports {
		id := reportRoot(in)
		plans[id] = compilePlan(in, s.options, "", &Problems{}) // valid, or New had refused it
		s.enlist(ctx, reportQueue, id)
	}
	s.work(ctx, reportQueue, deadmanBatch, func(ctx context.Context, items []storage.Item) {
		for _, it := range items {
			plan, ok := plans[it.ID]
			if !ok {
				s.warn(ctx, it, s.otherPlan(ctx, it))
				continue
			}
			s.warn(ctx, it, s.reportOne(ctx, it, plan))
		}
	})
}

// otherPlan leaves a plan that this replica does not have to one that may.
func (s *Service) otherPlan(ctx context.Context, it storage.Item) error {
	tx := s.db.Begin(it.ID)
	if _, _, err := s.postings().Get(ctx, it.ID); errors.Is(err, storage.ErrNotFound) {
		tx.Finish(it)
	} else {
		tx.ReleaseAfter(it, time.Minute)
	}
	return s.db.Commit(ctx, tx)
}

// reportOne posts a report when its slot has come, in one transaction with the note of the next one: over replicas and restarts
// once. Of several that were missed the last one is posted, with its own period.
func (s *Service) reportOne(ctx context.Context, it storage.Item, plan reportPlan) error {
	now := s.hooks.Now()
	p, was, err := s.postings().Get(ctx, it.ID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	tx := s.db.Begin(it.ID)
	if err == nil && !now.Before(p.Next) {
		slot := plan.slot(now, -1)
		r, err := s.Report(ctx, plan.since(slot), slot, plan.barren, nil)
		if err != nil {
			return err
		}
		for _, to := range plan.places {
			s.out.Put(tx, bot.Delivery{Key: fmt.Sprintf("%s/%d/%s", it.ID, slot.Unix(), to), To: to, Message: r.Message()})
		}
	}
	p.Next = plan.slot(now, 1)
	s.postings().Put(tx, it.ID, p, was)
	tx.ReleaseAfter(it, min(p.Next.Sub(now), 12*time.Hour)) // the clocks of drey and of the store may drift apart
	return s.db.Commit(ctx, tx)
}

// reportRoutes are the channels of the reports, as Places takes them.
func (o Options) reportRoutes() []Route {
	var out []Route
	for _, r := range o.Reports {
		out = append(out, Route{To: r.To})
	}
	return out
}
