package alerts

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/diagnosis"
	"github.com/drey-ops/drey/storage"
)

const (
	// sightingJobs bounds the jobs that a sighting tells apart, and sightingRuns the runs.
	sightingJobs = 50
	sightingRuns = 64
	// sightingDays is for how many days they are counted one by one.
	sightingDays = 90
	// deployWithin is how long after a change a cause that was never seen before counts as its consequence.
	deployWithin = 2 * time.Hour
	// thrownMax is how many exceptions of a job are read: Flink keeps 16 unless told otherwise.
	thrownMax = 16
)

// sighting is what is known of one root cause, by its fingerprint.
//
// An exception is counted once, however often it is read: for each run of a job the time of the newest one counted is kept, and
// only what came after counts. The runs are bounded; what is older than all that was forgotten of them does not count.
type sighting struct {
	Fingerprint string                       `json:"fingerprint"`
	Masked      string                       `json:"masked"` // what the fingerprint is made of, for people
	Text        string                       `json:"text"`   // as it was seen last
	Count       int                          `json:"count"`
	First       time.Time                    `json:"first"`
	Last        time.Time                    `json:"last"`
	After       *deploy                      `json:"after,omitempty"` // what it was first seen after
	Jobs        map[string]int               `json:"jobs"`            // how often, by "cluster/name"
	MoreJobs    bool                         `json:"more_jobs,omitempty"`
	Days        map[string]int               `json:"days"` // how often, by "2026-11-21" in UTC
	Runs        map[platform.JobID]time.Time `json:"runs"`
	Floor       time.Time                    `json:"floor,omitzero"`
}

// deploy is the operation of drey's that a cause was first seen after.
type deploy struct {
	Kind      string    `json:"kind"`
	Job       string    `json:"job"`
	At        time.Time `json:"at"`
	Operation string    `json:"op,omitempty"`
}

// counts says whether an exception of a run is not counted yet.
func (s *sighting) counts(run platform.JobID, at time.Time) bool {
	newest, known := s.Runs[run]
	if !known {
		newest = s.Floor
	}
	return at.After(newest)
}

// add counts an exception. They are given the oldest first.
func (s *sighting) add(job string, run platform.JobID, at time.Time) {
	if s.Jobs == nil {
		s.Jobs, s.Days, s.Runs = map[string]int{}, map[string]int{}, map[platform.JobID]time.Time{}
	}
	s.Count++
	if s.First.IsZero() || at.Before(s.First) {
		s.First = at
	}
	if at.After(s.Last) {
		s.Last = at
	}
	if _, known := s.Jobs[job]; known || len(s.Jobs) < sightingJobs {
		s.Jobs[job]++
	} else {
		s.MoreJobs = true
	}
	s.Days[at.UTC().Format(time.DateOnly)]++
	if days := slices.Sorted(maps.Keys(s.Days)); len(days) > sightingDays {
		delete(s.Days, days[0])
	}
	s.Runs[run] = at
	for len(s.Runs) > sightingRuns {
		oldest := run
		for r, t := range s.Runs {
			if t.Before(s.Runs[oldest]) {
				oldest = r
			}
		}
		if s.Runs[oldest].After(s.Floor) {
			s.Floor = s.Runs[oldest]
		}
		delete(s.Runs, oldest)
	}
}

func (s *Service) sightings() storage.Table[sighting] {
	return storage.Table[sighting]{DB: s.db, Name: "causes", TTL: s.options.Keep}
}

// causeRoot is the storage root of a fingerprint.
func causeRoot(fingerprint string) string { return "cause-" + fingerprint }

// sighted counts the exceptions of a run, the newest first, and returns what is known of the newest one's cause. Told twice they
// count once.
func (s *Service) sighted(ctx context.Context, job platform.JobRef, run platform.JobID, exs []platform.Exception) (sighting, error) {
	byPrint := map[string][]platform.Exception{}
	prints := map[string]diagnosis.Print{}
	newest := ""
	for _, x := range exs {
		if x.At.IsZero() || x.Root == "" {
			continue
		}
		p := diagnosis.Fingerprint(x)
		if newest == "" {
			newest = p.ID
		}
		byPrint[p.ID], prints[p.ID] = append(byPrint[p.ID], x), p
	}
	var out sighting
	for _, id := range slices.Sorted(maps.Keys(byPrint)) {
		list := byPrint[id]
		slices.SortStableFunc(list, func(a, b platform.Exception) int { return a.At.Compare(b.At) })
		got, err := s.sightedOne(ctx, job, run, prints[id], list)
		if err != nil {
			return out, err
		}
		if id == newest {
			out = got
		}
	}
	return out, nil
}

// sightedOne counts the exceptions of one cause, the oldest first.
func (s *Service) sightedOne(ctx context.Context, job platform.JobRef, run platform.JobID, p diagnosis.Print, exs []platform.Exception) (sighting, error) {
	id := causeRoot(p.ID)
	known, _, err := s.sightings().Get(ctx, id)
	fresh := errors.Is(err, storage.ErrNotFound)
	if err != nil && !fresh {
		return sighting{}, err
	}
	exs = slices.Clone(exs)
	if exs = slices.DeleteFunc(exs, func(x platform.Exception) bool { return !known.counts(run, x.At) }); len(exs) == 0 {
		return known, nil
	}
	var after *deploy
	if fresh {
		if err := s.beginCauses(ctx); err != nil {
			return sighting{}, err
		}
		after = s.deployBefore(ctx, job, exs[0].At)
	}
	var out sighting
	err = s.sightings().Update(ctx, id, func(_ *storage.Tx, v *sighting, was storage.Version) error {
		if was == storage.New {
			v.After = after
		}
		v.Fingerprint, v.Masked = p.ID, clip(p.String(), maxDescription)
		for _, x := range exs {
			if v.counts(run, x.At) {
				v.add(job.String(), run, x.At)
				v.Text = clip(x.Root, maxDescription)
			}
		}
		out = *v
		return nil
	})
	return out, err
}

// deployBefore is the newest change of drey's that a cause seen first at a time may come from; nil when none is known.
func (s *Service) deployBefore(ctx context.Context, job platform.JobRef, at time.Time) *deploy {
	if s.hooks.Changes == nil {
		return nil
	}
	changes, err := s.hooks.Changes(ctx, job.Cluster, job.Job, at.Add(-deployWithin))
	if err != nil {
		s.log.Info("what changed before a new cause is not known", "cluster", job.Cluster, "job", job.Job, "err", err)
		return nil
	}
	var out *deploy
	for _, c := range changes {
		if deployWord(c.Kind) != "" && !c.At.After(at) && at.Sub(c.At) < deployWithin && (out == nil || c.At.After(out.At)) {
			out = &deploy{Kind: c.Kind, Job: job.String(), At: c.At, Operation: c.Operation}
		}
	}
	return out
}

// deployWord names what a change was, for those after which a job runs; else it is empty.
func deployWord(kind string) string {
	switch kind {
	case "submit", "deploy", "upgrade":
		return "deploy"
	case "restart":
		return "restart"
	case "scale":
		return "scaling"
	}
	return ""
}

// began is since when causes are counted at all.
type began struct {
	At time.Time `json:"at"`
}

const beganID = "causes-began"

func (s *Service) causesBegan() storage.Table[began] {
	return storage.Table[began]{DB: s.db, Name: "causes-began"}
}

// beginCauses notes when the first cause was counted, once.
func (s *Service) beginCauses(ctx context.Context) error {
	tx := s.db.Begin(beganID)
	s.causesBegan().Put(tx, beganID, began{s.hooks.Now()}, storage.New)
	if err := s.db.Commit(ctx, tx); err != nil && !errors.Is(err, storage.ErrConflict) {
		return err
	}
	return nil
}

// watchedFor is for how long causes are counted and kept.
func (s *Service) watchedFor(ctx context.Context) time.Duration {
	b, _, err := s.causesBegan().Get(ctx, beganID)
	if err != nil {
		return 0
	}
	return min(s.hooks.Now().Sub(b.At), s.options.Keep)
}

// CauseCount is how often a root cause was seen.
type CauseCount struct {
	Fingerprint string
	Text        string // as it was seen last
	Count       int    // since the day of the time asked for
	Jobs        []string
	First, Last time.Time
}

// Causes are the root causes seen since a time, counted in whole days of UTC, the most frequent first, up to max (0: all).
func (s *Service) Causes(ctx context.Context, since time.Time, max int) ([]CauseCount, error) {
	var out []CauseCount
	for e, err := range s.sightings().Newest(ctx, 0) {
		if err != nil {
			return nil, err
		}
		v := e.Value
		if v.Last.Before(since) {
			continue
		}
		c := CauseCount{Fingerprint: v.Fingerprint, Text: v.Text, Jobs: slices.Sorted(maps.Keys(v.Jobs)), First: v.First, Last: v.Last}
		for day, n := range v.Days {
			if day >= since.UTC().Format(time.DateOnly) {
				c.Count += n
			}
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b CauseCount) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		return strings.Compare(a.Fingerprint, b.Fingerprint)
	})
	if max > 0 && len(out) > max {
		out = out[:max]
	}
	return out, nil
}
