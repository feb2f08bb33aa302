package alerts

import (
	"context"
	"errors"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
)

// ExpandMax is how many incidents of a storm get threads of their own in one go.
const ExpandMax = 10

// Expansion says which incidents of storms are to have threads of their own.
type Expansion struct {
	What string // a storm's id: its most urgent incidents; or that of an incident
	// May says whether a person may; what they may not is left out.
	May func(i *Incident) bool
}

// Expanded is what became of an Expansion.
type Expanded struct {
	Incidents []Incident // those that have a thread now and had none
	Left      int        // open ones of the storm that have none
}

// Expand gives incidents that a storm represents threads of their own. The error is of kind platform.NotFound when there is no
// such storm or incident.
func (s *Service) Expand(ctx context.Context, x Expansion) (Expanded, error) {
	var out Expanded
	if _, ok := stormKey(x.What); !ok {
		i, err := s.Get(ctx, x.What)
		if err != nil {
			return out, err
		}
		return out, s.expand(ctx, &out, x, i)
	}
	r, err := s.storm(ctx, x.What)
	if err != nil {
		return out, err
	}
	left := r.waiting()
	out.Left = len(left)
	for _, m := range left {
		if len(out.Incidents) == ExpandMax {
			break
		}
		i, err := s.Get(ctx, m.ID)
		if errors.Is(err, storage.ErrNotFound) || platform.KindOf(err) == platform.NotFound {
			continue
		}
		if err == nil {
			err = s.expand(ctx, &out, x, i)
		}
		if err != nil {
			return out, err
		}
	}
	out.Left -= len(out.Incidents)
	return out, nil
}

// expand gives one incident a thread wherever a storm represents it.
func (s *Service) expand(ctx context.Context, out *Expanded, x Expansion, i Incident) error {
	if !x.May(&i) {
		return nil
	}
	any := false
	for n := range i.Targets {
		if t := &i.Targets[n]; t.represented() && (t.Storm == x.What || i.ID == x.What) {
			did, err := s.ownThread(ctx, t.Storm, i.ID)
			if err != nil {
				return err
			}
			any = any || did
		}
	}
	if any {
		out.Incidents = append(out.Incidents, i)
	}
	return nil
}

// ackers is how many incidents of a storm are acknowledged at once.
const ackers = 8

// AckStorm acknowledges the incidents of a storm that fire, as far as the person may, and says how many. They stay in the
// digest: hundreds of threads would be the next storm.
func (s *Service) AckStorm(ctx context.Context, id string, actor bot.Actor, may func(i *Incident) bool) (acked, firing int, err error) {
	r, err := s.storm(ctx, id)
	if err != nil {
		return 0, 0, err
	}
	var done atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(ackers)
	for _, e := range r.members {
		if e.Value.State != Firing {
			continue
		}
		firing++
		g.Go(func() error {
			i, err := s.Get(ctx, e.Value.ID)
			if err != nil || !may(&i) {
				return notInvalid(err)
			}
			a, err := s.Ack(ctx, i.ID, actor)
			if err == nil && !a.Already {
				done.Add(1)
			}
			return notInvalid(err)
		})
	}
	err = g.Wait()
	return int(done.Load()), firing, err
}

// notInvalid is err unless it says that an incident ended or went away meanwhile.
func notInvalid(err error) error {
	if kind := platform.KindOf(err); kind == platform.Invalid || kind == platform.NotFound {
		return nil
	}
	return err
}

// storm reads a storm by its id.
func (s *Service) storm(ctx context.Context, id string) (roll, error) {
	key, ok := stormKey(id)
	if !ok {
		return roll{}, platform.Errorf(platform.Invalid, "", "%q is not the id of a storm", clip(id, 40))
	}
	st, _, err := s.storms.Get(ctx, key)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return roll{}, platform.Errorf(platform.NotFound, "find storm "+id, "no such storm")
	case errors.Is(err, storage.ErrUnavailable):
		return roll{}, platform.Errorf(platform.Unavailable, "find storm "+id, "the store does not answer")
	case err != nil:
		return roll{}, err
	}
	return s.muster(ctx, st, storage.Root(key))
}
