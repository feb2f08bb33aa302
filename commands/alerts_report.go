package commands

import (
	"context"
	"time"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// AlertReports counts the incidents of a period.
type AlertReports interface {
	Report(ctx context.Context, from, to time.Time, bareAfter time.Duration, keep func(i *alerts.Incident) bool) (alerts.Report, error)
	Zone() *time.Location
}

type reportArgs struct {
	Since string `json:"since" help:"how far back, such as 12h or 7d, or since when, such as 18:00" default:"24h" suggest:"8h,12h,24h,3d,7d,30d"`
}

const (
	// reportLongest is how far back a report goes at most: incidents are kept no longer by default.
	reportLongest = 90 * 24 * time.Hour
	// reportBare is for how long a job must have had no savepoint to be in the report.
	reportBare = 24 * time.Hour
)

func alertsReport(d Deps) *Command {
	return New(Spec{
		Path: "alerts report", Help: "Sum up the incidents of a shift: what happened, what is still open",
		Examples:   []string{"/alerts report", "/alerts report 7d", "/alerts report 18:00"},
		Permission: "alert.read", Effect: Reads,
	}, func(ctx context.Context, e *Env, a reportArgs) (bot.Message, error) {
		from, err := sinceWhen(a.Since, e.Now, d.Reports.Zone())
		if err != nil {
			return bot.Message{}, err
		}
		r, err := d.Reports.Report(ctx, from, e.Now, reportBare, func(i *alerts.Incident) bool { return d.maySee(e, "alert.read", i) })
		if err != nil {
			return bot.Message{}, err
		}
		return r.Message(), nil
	})
}

// sinceWhen reads a duration before now, or the last time that a clock showed.
func sinceWhen(s string, now time.Time, zone *time.Location) (time.Time, error) {
	var from time.Time
	if d, err := parseDuration(s); err == nil {
		from = now.Add(-d)
	} else if from, err = clockTime(s, now.In(zone).AddDate(0, 0, -1), zone); err != nil {
		return from, err
	}
	if d := now.Sub(from); d < time.Minute || d > reportLongest {
		return from, platform.Errorf(platform.Invalid, "", "a report is about the last 1 min to 90 days")
	}
	return from, nil
}
