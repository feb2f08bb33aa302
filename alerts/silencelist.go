package alerts

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drey-ops/drey/alerts/alertmanager"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
)

// SilenceLine is a silence as a list shows it: one in Alertmanager, or one that drey is still to make there.
type SilenceLine struct {
	Source   string
	ID       string // in Alertmanager; empty: it is not there yet, or nobody answered
	Matchers alertmanager.Matchers
	By       string
	Comment  string
	From     time.Time
	Until    time.Time // where Keep holds, the latest
	Keep     bool      // until its incident resolves
	Pending  bool      // it has not begun
	Ending   bool      // drey is to end it
	Hides    int       // alerts that it keeps quiet now; less than 0: not known
	// Incident is the one that drey made it for, and Operation what drey made it for else. Both nil: it was made elsewhere, and
	// is ended there, at URL where drey knows the address that people use.
	Incident  *Incident
	Operation *Operation
	URL       string
}

// SilenceList is what all sources' Alertmanagers keep quiet.
type SilenceList struct {
	Lines []SilenceLine // those until resolved, the oldest first; then by their end; those to come last
	Away  []AwaySource
}

// AwaySource is a source of whose Of Alertmanagers Silent do not answer.
type AwaySource struct {
	Source     string
	Silent, Of int
}

// listWithin is how long a person waits for the list.
const listWithin = 4 * time.Second

// Silences lists the silences of every source's Alertmanager that are in force or to come, whoever made them. Of a source that
// does not answer there are drey's own, as they were asked for.
func (s *Service) Silences(ctx context.Context) (SilenceList, error) {
	own, links, err := s.ownSilences(ctx)
	if err != nil {
		return SilenceList{}, err
	}
	ops, err := s.plannedOps(ctx)
	if err != nil {
		return SilenceList{}, err
	}
	limit, cancel := context.WithTimeout(ctx, listWithin)
	defer cancel()
	var out SilenceList
	seen := map[string]bool{} // ids: two sources may share an Alertmanager
	made := map[string]bool{} // ops
	for _, sh := range s.shelves(limit) {
		if sh.away.Silent > 0 {
			out.Away = append(out.Away, sh.away)
		}
		for _, x := range sh.silences {
			if seen[x.ID] {
				continue
			}
			seen[x.ID], made[opOf(x)] = true, true
			l := lineOf(sh.away.Source, x)
			l.Hides = sh.hides(x.ID)
			if l.owned(own[opOf(x)]); l.Incident == nil {
				l.Operation, l.URL = ops[opOf(x)], links[l.Source]
			}
			out.Lines = append(out.Lines, l)
		}
	}
	now := s.hooks.Now()
	for _, o := range own {
		if !made[o.silence.Op] && !o.silence.Ending && (o.silence.ID == "" || out.silent(o.incident.at(o.silence))) && now.Before(later(o.silence.Until, o.silence.Bound)) {
			l := SilenceLine{Source: o.incident.at(o.silence), Matchers: o.silence.Matchers, From: o.silence.From, Until: o.silence.Until, Hides: -1}
			l.owned(o)
			out.Lines = append(out.Lines, l)
		}
	}
	slices.SortFunc(out.Lines, SilenceLine.order)
	return out, nil
}

// silent says whether nobody answers for a source.
func (l SilenceList) silent(source string) bool {
	return slices.ContainsFunc(l.Away, func(a AwaySource) bool { return a.Source == source && a.Silent == a.Of })
}

func (l SilenceLine) order(o SilenceLine) int {
	group := func(l SilenceLine) int {
		switch {
		case l.Pending:
			return 2
		case l.Keep:
			return 0
		}
		return 1
	}
	by := l.From.Compare(o.From)
	if group(l) == 1 {
		by = l.Until.Compare(o.Until)
	}
	return cmp.Or(group(l)-group(o), by, cmp.Compare(l.ID, o.ID), cmp.Compare(l.Source, o.Source))
}

// lineOf is a silence as Alertmanager tells it.
func lineOf(source string, x alertmanager.Silence) SilenceLine {
	comment := x.Comment
	if at := strings.LastIndex(comment, "["+marker("")); at >= 0 && opOf(x) != "" {
		comment = strings.TrimSpace(comment[:at])
	}
	return SilenceLine{
		Source: source, ID: x.ID, Matchers: x.Matchers, By: clip(x.CreatedBy, 80), Comment: clip(comment, 300), From: x.StartsAt, Until: x.EndsAt,
		Pending: x.Status != nil && x.Status.State == "pending",
	}
}

// owned fills in what the incident's record knows of a silence of drey's.
func (l *SilenceLine) owned(o ownedSilence) {
	if o.incident == nil {
		return
	}
	x := o.silence
	l.Incident, l.By, l.Comment, l.Keep, l.Ending = o.incident, who(x.By), x.Comment, x.Keep, x.Ending
	if x.Keep {
		l.Until = x.Bound
	}
}

// ownedSilence is a silence of drey's with the incident it is for.
type ownedSilence struct {
	incident *Incident
	silence  Silence
}

// ownSilences are drey's by op, and by source where people find its Alertmanager's silences. What the last incident of a group
// still wanted, the present one has taken over.
func (s *Service) ownSilences(ctx context.Context) (own map[string]ownedSilence, links map[string]string, err error) {
	own, links = map[string]ownedSilence{}, map[string]string{}
	for e, err := range (storage.Table[lean]{DB: s.db, Name: s.current.Name}).Newest(ctx, 0) {
		if err != nil {
			return nil, nil, storeError("list the silences", err)
		}
		i := e.Value.incident()
		if u, err := url.Parse(i.ExternalURL); links[i.Source] == "" && err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil {
			links[i.Source] = strings.TrimSuffix(i.ExternalURL, "/") + "/#/silences"
		}
		for _, x := range i.Silences {
			if !x.Ended {
				own[x.Op] = ownedSilence{&i, x}
			}
		}
	}
	return own, links, nil
}

// plannedOps are drey's operations by the op of their silences.
func (s *Service) plannedOps(ctx context.Context) (map[string]*Operation, error) {
	out := map[string]*Operation{}
	for e, err := range s.plannedTable().Newest(ctx, 0) {
		if err != nil {
			return nil, storeError("list the silences", err)
		}
		op := e.Value.Operation
		out[plannedMark(op)] = &op
	}
	return out, nil
}

func storeError(op string, err error) error {
	if errors.Is(err, storage.ErrUnavailable) {
		return platform.Errorf(platform.Unavailable, op, "the store does not answer")
	}
	return err
}

// shelf is what the Alertmanagers of a source have.
type shelf struct {
	away     AwaySource
	silences []alertmanager.Silence // those that live, by id
	alerts   []alertmanager.Alert   // those kept quiet
	blind    bool                   // nobody said which alerts
}

// hides counts the alerts that a silence keeps quiet.
func (sh shelf) hides(id string) int {
	if sh.blind {
		return -1
	}
	fps := map[string]bool{} // each member of a cluster tells of an alert
	for _, a := range sh.alerts {
		if slices.Contains(a.Status.SilencedBy, id) {
			fps[a.Fingerprint] = true
		}
	}
	return len(fps)
}

// shelves asks every Alertmanager at once; the answers come by the names of the sources.
func (s *Service) shelves(ctx context.Context) []shelf {
	var mu sync.Mutex
	var wg sync.WaitGroup
	got := map[string]*shelf{}
	for source, peers := range s.peers {
		sh := &shelf{away: AwaySource{Source: source, Of: len(peers)}, blind: true}
		got[source] = sh
		for _, c := range peers {
			wg.Go(func() {
				silences, err := c.Silences(ctx)
				var alerts []alertmanager.Alert
				blind := true
				if err == nil {
					var aerr error
					alerts, aerr = c.Suppressed(ctx)
					blind = aerr != nil
				}
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					sh.away.Silent++
					return
				}
				sh.silences = append(sh.silences, slices.DeleteFunc(silences, func(x alertmanager.Silence) bool { return !x.Live() })...)
				sh.alerts, sh.blind = append(sh.alerts, alerts...), sh.blind && blind
			})
		}
	}
	wg.Wait()
	var out []shelf
	for _, source := range slices.Sorted(maps.Keys(got)) {
		out = append(out, *got[source])
	}
	return out
}
