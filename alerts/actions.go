package alerts

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/alerts/oncall"
	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
)

// Answer is what became of an action. Say is one sentence for the person. Already means that nothing had to be done.
type Answer struct {
	Incident Incident
	Already  bool
	Pending  bool // it is stored and will be done, but Alertmanager did not answer yet
	Say      string
}

// Get returns an incident by its id. The error is of kind platform.NotFound when there is none.
func (s *Service) Get(ctx context.Context, id string) (Incident, error) {
	id = strings.ToLower(strings.Trim(id, " `#"))
	op := "show incident " + clip(id, 40)
	seq, ok := seqOf(id)
	if !ok {
		return Incident{}, platform.Errorf(platform.NotFound, op, "no such incident; an id is like k3x9q2 or k3x9q2-2")
	}
	inc, _, err := s.current.Get(ctx, stem(id))
	if err == nil && inc.ID != id {
		inc, _, err = s.past.Get(ctx, pastID(stem(id), seq))
	}
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return inc, platform.Errorf(platform.NotFound, op, "no such incident")
	case errors.Is(err, storage.ErrUnavailable):
		return inc, platform.Errorf(platform.Unavailable, op, "the store does not answer")
	}
	return inc, err
}

// Filter chooses incidents.
type Filter struct {
	States   []string // empty: those that are not resolved
	Severity string
	Text     string // part of the title, the id or a label's value, in any case
	Max      int    // 0 means 100
	Storm    string // only those that this storm counts
	// May says which the person may see; nil: all.
	May func(i *Incident) bool
}

// List returns the groups' newest incidents, the most severe first, and of these the youngest.
func (s *Service) List(ctx context.Context, f Filter) ([]Incident, error) {
	if f.Max <= 0 {
		f.Max = 100
	}
	var out []Incident
	for e, err := range s.current.Newest(ctx, 0) {
		if err != nil {
			return out, err
		}
		if f.keeps(&e.Value) {
			out = append(out, e.Value)
		}
	}
	slices.SortStableFunc(out, func(a, b Incident) int {
		return cmp.Or(severityRank(b.Severity)-severityRank(a.Severity), b.Since.Compare(a.Since))
	})
	return out[:min(f.Max, len(out))], nil
}

// place is where an incident stands in a list.
type place struct {
	id    string
	rank  int
	since time.Time
}

// Page returns up to n incidents of the groups' newest that f keeps, beginning with number from, in the order of List, and how
// many there are in all. Only these n are in memory at once: in a storm a list is long.
func (s *Service) Page(ctx context.Context, f Filter, from, n int) (list []Incident, total int, err error) {
	var all []place
	for e, err := range s.current.Newest(ctx, 0) {
		if err != nil {
			return nil, 0, err
		}
		if i := &e.Value; f.keeps(i) {
			all = append(all, place{i.root(), severityRank(i.Severity), i.Since})
		}
	}
	slices.SortFunc(all, func(a, b place) int {
		return cmp.Or(b.rank-a.rank, b.since.Compare(a.since), strings.Compare(a.id, b.id))
	})
	for _, p := range all[min(from, len(all)):min(from+n, len(all))] {
		i, _, err := s.current.Get(ctx, p.id)
		switch {
		case errors.Is(err, storage.ErrNotFound):
			continue
		case err != nil:
			return nil, 0, err
		}
		list = append(list, i)
	}
	return list, len(all), nil
}

func (f Filter) keeps(i *Incident) bool {
	if f.Storm != "" && !slices.ContainsFunc(i.Targets, func(t Target) bool { return t.Storm == f.Storm }) || f.May != nil && !f.May(i) {
		return false
	}
	if len(f.States) == 0 && !i.Open() || f.Severity != "" && !strings.EqualFold(f.Severity, i.Severity) {
		return false
	}
	if len(f.States) > 0 && !slices.Contains(f.States, i.State()) {
		return false
	}
	want := strings.ToLower(f.Text)
	if strings.Contains(strings.ToLower(i.Title+" "+i.ID), want) {
		return true
	}
	for _, v := range i.Labels {
		if strings.Contains(strings.ToLower(v), want) {
			return true
		}
	}
	return false
}

// act changes the newest incident of a group. One that was followed by another, or that is over where that matters, is an
// error of kind Invalid that says so.
func (s *Service) act(ctx context.Context, verb, id string, evenOver bool, fn func(i *Incident, tx *storage.Tx) ([]story, error)) (Incident, error) {
	inc, err := s.Get(ctx, id)
	if err != nil {
		return inc, err
	}
	op := verb + " " + inc.ID
	got, err := s.change(ctx, inc.root(), func(i *Incident, tx *storage.Tx) ([]story, error) {
		switch {
		case i.ID != inc.ID:
			return nil, platform.Errorf(platform.Invalid, op, "it is over; the group's present incident is %s", i.ID)
		case !i.Open() && !evenOver:
			return nil, platform.Errorf(platform.Invalid, op, "it is over since %s", i.Over.UTC().Format("15:04 UTC"))
		}
		return fn(i, tx)
	})
	if errors.Is(err, storage.ErrUnavailable) {
		err = platform.Errorf(platform.Unavailable, op, "the store does not answer; nothing was changed")
	}
	return got, err
}

// plainActor is what is kept of a person: not the groups, which change.
func plainActor(a bot.Actor) bot.Actor {
	a.Groups = nil
	return a
}

// Explain runs the stages over one webhook with what is stored now, and the calendars as they were read last, without any effect.
func (s *Service) Explain(ctx context.Context, source string, payload []byte) Trace {
	oncall.Keeper{DB: s.db, Log: s.log, Now: s.hooks.Now}.Recall(ctx, s.pipeline.routes.book)
	return s.pipeline.Explain(ctx, source, payload, s.hooks.Now())
}
