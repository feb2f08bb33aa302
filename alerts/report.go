package alerts

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/storage"
)

// Report is what happened in a period, and how things stand at its end. The numbers:
//
//   - Opened are the incidents that drey heard of first in the period; Resolved those that were over in it, whenever they
//     began. An incident that paused and fired again in its thread is one.
//   - Ack is from when drey heard of an incident until a person first took it, over those first taken in the period. One
//     that was resolved untaken is not counted; Untaken counts those that were over in the period so.
//   - Resolve is from when drey heard of an incident until it was over, pauses between its episodes included, over those
//     that were over in the period.
//
// The period holds its beginning and not its end.
type Report struct {
	From, To time.Time

	Opened, Resolved, Untaken int
	Severities                []Tally
	Ack, Resolve              Durations
	Names                     []Tally    // alert names of what opened, the most frequent first
	Causes                    []Tally    // root causes of what opened
	Open                      []Incident // at the end, the oldest first
	Noisy                     []Incident // of those heard of in the period that fired again and again, the worst first
	Windows                   []Window   // maintenance, at present or to come
	Bare                      []JobPoint // jobs without a savepoint for long
	BareAfter                 time.Duration
	Cut                       bool // there are more incidents than are looked at

	rows []Incident // all that were open in the period
	acks map[string]time.Time
}

// Tally is how often something was.
type Tally struct {
	What string
	N    int
	In   []string // the jobs that it was in, the most frequent first
}

// Durations are the mean and the median of N times.
type Durations struct {
	N            int
	Mean, Median time.Duration
}

// JobPoint is a running job with its newest savepoint.
type JobPoint struct {
	Cluster, Job string
	At           time.Time // zero: drey knows of none
}

const (
	// reportMost is how many incidents of each table a report looks at, those that changed last: it bounds its cost.
	reportMost  = 20000
	noisyFrom   = 3 // episodes
	reportLines = 5 // of each list that is shown
)

// tale is an incident as a report needs it.
type tale struct {
	lean
	Seen   time.Time `json:"seen"`
	Lines  []Line    `json:"lines"`
	Alerts map[string]struct {
		Labels struct {
			Name string `json:"alertname"`
		} `json:"labels"`
	} `json:"alerts"`
}

// taken is when a person first took the incident, as far as its record goes back; zero when nobody did.
func (t tale) taken() time.Time {
	for _, l := range t.Lines {
		if l.Kind == storyAcked || l.Kind == storyAssigned {
			return l.At
		}
	}
	if t.Acked != nil {
		return t.Acked.At
	}
	return time.Time{}
}

// names are the names of its alerts.
func (t tale) names() []string {
	var out []string
	for _, a := range t.Alerts {
		out = append(out, cmp.Or(a.Labels.Name, "(no name)"))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// job names what the incident is about: its job, or else its cluster.
func (t tale) job() string {
	switch {
	case t.Facts != nil && t.Facts.Ref.Job != "":
		return t.Facts.Ref.String()
	case t.Job != nil:
		return t.Job.String()
	}
	return t.Labels["cluster"]
}

// Report counts the incidents of a period. keep leaves out what the reader may not see; nil keeps all. bareAfter is how long a
// job may be without a savepoint; 0 leaves that out.
func (s *Service) Report(ctx context.Context, from, to time.Time, bareAfter time.Duration, keep func(i *Incident) bool) (Report, error) {
	r := Report{From: from, To: to, BareAfter: bareAfter}
	var tales []tale
	for _, table := range []string{s.current.Name, s.past.Name} {
		n := 0
		for e, err := range (storage.Table[tale]{DB: s.db, Name: table}).Newest(ctx, reportMost) {
			if err != nil {
				return r, windowError("count the incidents", err)
			}
			n++
			if t := e.Value; t.First.Before(to) && (t.Over.IsZero() || !t.Over.Before(from)) {
				if i := t.incident(); keep == nil || keep(&i) {
					tales = append(tales, t)
				}
			}
		}
		r.Cut = r.Cut || n == reportMost
	}
	r.count(tales)
	windows, err := s.Windows(ctx)
	if err != nil {
		return r, err
	}
	r.Windows = slices.DeleteFunc(windows, func(w Window) bool {
		cluster, job := w.Scope.Target()
		return keep != nil && !keep(&Incident{Job: &Binding{Cluster: cluster, Name: job}})
	})
	if bareAfter > 0 && s.hooks.Savepoints != nil {
		points, err := s.hooks.Savepoints(ctx)
		if err != nil {
			s.log.Warn("report without savepoints", "err", err)
		}
		r.bare(points, keep)
	}
	return r, nil
}

// count fills in all that the incidents say. tales were all open at some time in the period.
func (r *Report) count(tales []tale) {
	in := func(t time.Time) bool { return !t.Before(r.From) && t.Before(r.To) }
	var acks, resolves []time.Duration
	severities, names, causes := tallies{}, tallies{}, tallies{}
	r.acks = map[string]time.Time{}
	for _, t := range tales {
		i := t.incident()
		r.rows = append(r.rows, i)
		taken := t.taken()
		r.acks[i.ID] = taken
		if in(taken) {
			acks = append(acks, max(0, taken.Sub(t.First)))
		}
		if in(t.First) {
			r.Opened++
			severities.add(cmp.Or(clip(strings.ToLower(t.Severity), 40), "without severity"), "")
			for _, n := range t.names() {
				names.add(clip(n, 80), t.job())
			}
			if t.Cause != nil && t.Cause.Text != "" {
				causes.add(clip(t.Cause.Text, 100), t.job())
			}
		}
		if t.Episodes >= noisyFrom && (in(t.First) || in(t.Seen) || in(t.Over)) {
			r.Noisy = append(r.Noisy, i)
		}
		switch {
		case in(t.Over):
			r.Resolved++
			resolves = append(resolves, max(0, t.Over.Sub(t.First)))
			if taken.IsZero() {
				r.Untaken++
			}
		case t.Over.IsZero() || !t.Over.Before(r.To):
			r.Open = append(r.Open, i)
		}
	}
	r.Ack, r.Resolve = durations(acks), durations(resolves)
	r.Severities, r.Names, r.Causes = severities.sorted(), names.sorted(), causes.sorted()
	slices.SortFunc(r.Severities, func(a, b Tally) int {
		return cmp.Or(severityRank(b.What)-severityRank(a.What), b.N-a.N, cmp.Compare(a.What, b.What))
	})
	oldest := func(a, b Incident) int { return cmp.Or(a.First.Compare(b.First), cmp.Compare(a.ID, b.ID)) }
	slices.SortFunc(r.rows, oldest)
	slices.SortFunc(r.Open, oldest)
	slices.SortFunc(r.Noisy, func(a, b Incident) int { return cmp.Or(b.Episodes-a.Episodes, oldest(a, b)) })
}

// bare keeps the jobs that have had no savepoint for long, those without any first, then the oldest.
func (r *Report) bare(points []JobPoint, keep func(i *Incident) bool) {
	for _, p := range points {
		if (p.At.IsZero() || r.To.Sub(p.At) > r.BareAfter) && (keep == nil || keep(&Incident{Job: &Binding{Cluster: p.Cluster, Name: p.Job}})) {
			r.Bare = append(r.Bare, p)
		}
	}
	slices.SortFunc(r.Bare, func(a, b JobPoint) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Job, b.Job))
	})
}

func durations(ds []time.Duration) Durations {
	out := Durations{N: len(ds)}
	if out.N == 0 {
		return out
	}
	slices.Sort(ds)
	var sum time.Duration
	for _, d := range ds {
		sum += d
	}
	out.Mean = sum / time.Duration(out.N)
	out.Median = (ds[(out.N-1)/2] + ds[out.N/2]) / 2
	return out
}

// tallies counts by name, and each by job.
type tallies map[string]map[string]int

func (t tallies) add(what, in string) {
	if t[what] == nil {
		t[what] = map[string]int{}
	}
	t[what][in]++
}

// sorted are the counts, the most frequent first.
func (t tallies) sorted() []Tally {
	var out []Tally
	for _, what := range slices.Sorted(maps.Keys(t)) {
		c := Tally{What: what}
		for in, n := range t[what] {
			c.N += n
			if in != "" {
				c.In = append(c.In, in)
			}
		}
		slices.SortFunc(c.In, func(a, b string) int { return cmp.Or(t[what][b]-t[what][a], cmp.Compare(a, b)) })
		out = append(out, c)
	}
	slices.SortStableFunc(out, func(a, b Tally) int { return b.N - a.N })
	return out
}
