package alerts

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drey-ops/drey/storage"
)

const (
	// regroupFor is how long after the last sign of it the alerts of a receiver may come in other groups than before: it outlasts
	// Alertmanager's repeat_interval.
	regroupFor = 24 * time.Hour
	// groupingAgain is how often a replica reads what others have seen of a receiver.
	groupingAgain = time.Minute
	// membersAgain is how old the list of the incidents' members may be.
	membersAgain = time.Second
	// maxShapes bounds the ways of grouping that are remembered of a receiver.
	maxShapes = 64
	// endedAgain is how long the end of an alert may come again, by a retry or the other half of a pair.
	endedAgain = time.Hour
)

// grouping is by which labels the groups of a receiver were made. A way that was not seen before is the sign of another
// configuration: the same alerts may then come anew, in groups that have no incident.
type grouping struct {
	Shapes map[string]time.Time `json:"shapes"`         // names of labels, and when they were first seen
	Until  time.Time            `json:"until,omitzero"` // until when alerts are looked for in incidents of other groups
}

// regroups is what a replica remembers of that.
type regroups struct {
	mu   sync.Mutex
	of   map[string]grouping // by source and receiver
	read map[string]time.Time

	listing sync.Mutex
	members map[string][]groupMember // by source, receiver and fingerprint
	listed  time.Time
}

// groupMember is an alert's place in an incident.
type groupMember struct {
	key    string
	labels map[string]string
	rank   int
	ended  bool // the incident takes no more firings
}

func groupingRoot(source, receiver string) string {
	return "grouping-" + hashOf(source, receiver)[:16]
}

func (s *Service) groupingTable() storage.Table[grouping] {
	return storage.Table[grouping]{DB: s.db, Name: "alerts-groupings", TTL: s.options.Keep, Unlisted: true}
}

// regroup leads alerts that come in another group since Alertmanager's configuration changed to the incidents that they are in
// already, so that these go on, and end, in their threads. In quiet times it is a look into memory.
func (s *Service) regroup(ctx context.Context, parts []Batch) ([]Batch, error) {
	at := slices.IndexFunc(parts, func(b Batch) bool { return b.subject.about == aboutGroup })
	if at < 0 || parts[at].Source == ownSource {
		return parts, nil
	}
	now := s.hooks.Now()
	source, p := parts[at].Source, parts[at].Payload
	root := groupingRoot(source, p.Receiver)
	g, err := s.groupingOf(ctx, root, strings.Join(slices.Sorted(maps.Keys(p.GroupLabels)), "\x00"), now)
	if err != nil || !now.Before(g.Until) {
		return parts, err
	}
	members, err := s.listMembers(ctx, now)
	if err != nil {
		return nil, err
	}
	var out []Batch
	moved := false
	for _, b := range parts {
		led := []Batch{b}
		if b.subject.about == aboutGroup {
			led = lead(b, members)
		}
		moved = moved || len(led) > 1 || led[0].Key != b.Key
		out = append(out, led...)
	}
	for n := range out {
		out[n].Lead = n == 0
	}
	if moved && g.Until.Sub(now) < regroupFor/2 {
		err = s.noteGrouping(ctx, root, now, func(g *grouping) { g.Until = now.Add(regroupFor) })
	}
	return out, err
}

// lead parts a batch by the incidents that its alerts are in.
func lead(b Batch, members map[string][]groupMember) []Batch {
	var out []Batch
	at := map[string]int{}
	for _, a := range b.Payload.Alerts {
		to := groupMember{key: b.Key, labels: b.subject.labels}
		best := 0
		for _, m := range members[memberKey(b.Source, b.Payload.Receiver, a.Fingerprint)] {
			rank := 2 * m.rank
			if m.key == b.Key {
				rank++
			}
			if rank > best && (a.Status == Resolved || !m.ended) {
				best, to = rank, m
			}
		}
		n, there := at[to.key]
		if !there {
			part := b
			part.Key, part.subject.labels, part.Payload.Alerts = to.key, to.labels, nil
			n = len(out)
			at[to.key], out = n, append(out, part)
		}
		out[n].Payload.Alerts = append(out[n].Payload.Alerts, a)
	}
	return out
}

func memberKey(source, receiver, fingerprint string) string {
	return source + "\x00" + receiver + "\x00" + fingerprint
}

// groupingOf is what is known of a receiver, with the way in which its present group is made.
func (s *Service) groupingOf(ctx context.Context, root, shape string, now time.Time) (grouping, error) {
	if g, ok := s.regroups.recall(root, shape, now); ok {
		return g, nil
	}
	g, _, err := s.groupingTable().Get(ctx, root)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return g, err
	}
	if _, known := g.Shapes[shape]; known {
		s.regroups.remember(root, g, now)
		return g, nil
	}
	err = s.noteGrouping(ctx, root, now, func(g *grouping) { g.add(shape, now) })
	if err == nil {
		g, _ = s.regroups.recall(root, shape, now)
	}
	return g, err
}

// recall is false when the store is to be asked.
func (r *regroups) recall(root, shape string, now time.Time) (grouping, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, known := r.of[root].Shapes[shape]
	return r.of[root], known && now.Sub(r.read[root]) < groupingAgain
}

// add notes a way of grouping. The first one of a receiver is no change.
func (g *grouping) add(shape string, now time.Time) {
	if _, known := g.Shapes[shape]; known {
		return
	}
	if g.Shapes == nil {
		g.Shapes = map[string]time.Time{}
	}
	if len(g.Shapes) > 0 {
		g.Until = now.Add(regroupFor)
	}
	g.Shapes[shape] = now
	for len(g.Shapes) > maxShapes {
		oldest := shape
		for x, t := range g.Shapes {
			if t.Before(g.Shapes[oldest]) {
				oldest = x
			}
		}
		delete(g.Shapes, oldest)
	}
}

func (s *Service) noteGrouping(ctx context.Context, root string, now time.Time, fn func(g *grouping)) error {
	var out grouping
	err := s.groupingTable().Update(ctx, root, func(_ *storage.Tx, g *grouping, _ storage.Version) error {
		fn(g)
		out = *g
		return nil
	})
	if err == nil {
		s.regroups.remember(root, out, now)
	}
	return err
}

func (r *regroups) remember(root string, g grouping, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil {
		r.of, r.read = map[string]grouping{}, map[string]time.Time{}
	}
	r.of[root], r.read[root] = g, now
}

// listMembers reads which alerts are in which incidents of groups.
func (s *Service) listMembers(ctx context.Context, now time.Time) (map[string][]groupMember, error) {
	r := &s.regroups
	r.listing.Lock()
	defer r.listing.Unlock()
	if r.members != nil && now.Sub(r.listed) < membersAgain {
		return r.members, nil
	}
	members := map[string][]groupMember{}
	for e, err := range s.current.Newest(ctx, 0) {
		if err != nil {
			return nil, err
		}
		i := &e.Value
		if i.About != aboutGroup || i.Source == ownSource || !i.Open() && now.Sub(i.Over) >= endedAgain && !s.pipeline.reopens(i, now) {
			continue
		}
		for fp, a := range i.Alerts {
			m := groupMember{key: i.Key, labels: i.GroupLabels, rank: 1, ended: !i.Open() && !s.pipeline.reopens(i, now)}
			if i.Open() {
				m.rank = 2
			}
			if a.Status == Firing {
				m.rank = 3
			}
			k := memberKey(i.Source, i.Receiver, fp)
			members[k] = append(members[k], m)
		}
	}
	r.members, r.listed = members, now
	return members, nil
}
