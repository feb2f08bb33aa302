package alerts

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

const (
	stormBatch = 64
	// stormEvery is the time between two looks at a storm that changes, stormIdle at one that does not.
	stormEvery = 2 * time.Second
	stormIdle  = 5 * time.Second
	// callEvery is how long people are gathered whom the thread of a digest calls.
	callEvery = 30 * time.Second
)

// storms looks after storms, and after incidents that may have missed the end of theirs.
func (s *Service) weatherReport(ctx context.Context, items []storage.Item) {
	var wg sync.WaitGroup
	for _, it := range items {
		wg.Go(func() {
			if strings.HasPrefix(it.ID, stormRoot) {
				s.warn(ctx, it, s.tendStorm(ctx, it))
			} else {
				s.warn(ctx, it, s.checkMember(ctx, it))
			}
		})
	}
	wg.Wait()
}

// tendStorm brings the digest of a storm up to date, and the storm to its end when it is time.
func (s *Service) tendStorm(ctx context.Context, it storage.Item) error {
	st, was, err := s.storms.Get(ctx, it.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return s.finish(ctx, it)
	}
	if err != nil {
		return err
	}
	root := storage.Root(it.ID)
	first := st.First
	for _, id := range first {
		if err := s.join(ctx, st, id); err != nil {
			return err
		}
	}
	r, err := s.muster(ctx, st, root)
	if err != nil {
		return err
	}
	if st.State == stormOver {
		return s.disband(ctx, it, &r)
	}
	r.First = nil
	now := s.hooks.Now()
	if r.State == stormTakes && now.Sub(r.newest()) >= s.options.Storm.Calm {
		if err := s.settle(ctx, root, st.ID); err != nil {
			return err
		}
		r.State = stormSettled
	}
	if r.State == stormSettled {
		if err := s.release(ctx, &r, now); err != nil {
			return err
		}
	}
	return s.report(ctx, it, &r, was, now, len(first) > 0 || r.State != st.State)
}

// join counts an incident in that has a thread already.
func (s *Service) join(ctx context.Context, st Storm, id string) error {
	_, err := s.change(ctx, stem(id), func(i *Incident, _ *storage.Tx) ([]story, error) {
		for n := range i.Targets {
			if t := &i.Targets[n]; i.ID == id && t.Place == st.Place && t.Storm != st.ID {
				t.Storm, t.Own, t.StormAt = st.ID, true, st.Since
				return nil, nil
			}
		}
		return nil, errSame
	})
	if errors.Is(err, errSame) || errors.Is(err, storage.ErrNotFound) {
		return nil // it is, or the one who counted it never got to write it down
	}
	return err
}

// settle makes the storm take no more incidents.
func (s *Service) settle(ctx context.Context, root, id string) error {
	err := s.weather.Update(ctx, root, func(_ *storage.Tx, w *weather, _ storage.Version) error {
		if !w.On || stormID(root, w.Storms) != id {
			return errSame
		}
		w.On = false
		return nil
	})
	if err != nil && !errors.Is(err, errSame) {
		return err
	}
	k := s.sky(root)
	select {
	case k.gate <- struct{}{}:
		k.storm = ""
		<-k.gate
	case <-ctx.Done():
	}
	return nil
}

// release gives those still open threads of their own when they are few, and ends a storm that has nobody left to speak for.
func (s *Service) release(ctx context.Context, r *roll, now time.Time) error {
	left := r.waiting()
	if len(left) > s.options.Storm.From {
		return nil
	}
	for _, m := range left {
		if _, err := s.ownThread(ctx, r.ID, m.ID); err != nil {
			return err
		}
	}
	for n := range r.members {
		if m := &r.members[n].Value; m.State != Resolved {
			m.Own = true
		}
	}
	r.State, r.Over = stormOver, now
	return nil
}

// ownThread gives an incident that a storm represents a thread of its own. did is false when it had one.
func (s *Service) ownThread(ctx context.Context, storm, id string) (did bool, err error) {
	_, err = s.change(ctx, stem(id), func(i *Incident, _ *storage.Tx) ([]story, error) {
		did = false
		for n := range i.Targets {
			if t := &i.Targets[n]; i.ID == id && t.represented() && t.Storm == storm {
				t.Own, t.Hushed, did = true, true, true
			}
		}
		if !did {
			return nil, errSame
		}
		return nil, nil
	})
	if errors.Is(err, errSame) || errors.Is(err, storage.ErrNotFound) {
		err = nil
	}
	return did, err
}

// report puts the digest where it changed, and makes the storm come again.
func (s *Service) report(ctx context.Context, it storage.Item, r *roll, was storage.Version, now time.Time, changed bool) error {
	tx := s.db.Begin(it.ID)
	climbs := slices.Clone(r.Climbs)
	s.escalateStorm(tx, r, now)
	changed = changed || !slices.Equal(climbs, r.Climbs)
	fresh := r.call(now)
	m := r.digest()
	if d := bot.Sum(m); d != r.Head {
		r.Head, r.Changed, changed = d, now, true
		s.out.Put(tx, bot.Delivery{Key: r.key("digest"), To: r.Place, Message: m, Sum: d})
	}
	if len(fresh) > 0 {
		changed = true
		s.out.Put(tx, r.calling(fresh))
	}
	if s.echoed(tx, r) {
		changed = true
	}
	if changed {
		s.storms.Put(tx, it.ID, r.Storm, was)
	}
	tx.ReleaseAfter(it, r.again(now, changed))
	err := s.db.Commit(ctx, tx)
	if errors.Is(err, storage.ErrConflict) {
		tx = s.db.Begin(it.ID)
		tx.Release(it, time.Time{})
		err = s.db.Commit(ctx, tx)
	}
	return err
}

// again is when the storm is to be looked at next.
func (r *roll) again(now time.Time, changed bool) time.Duration {
	wait := stormIdle
	if changed || now.Sub(r.Changed) < time.Minute {
		wait = stormEvery
	}
	if a := r.nextStep(); a != nil {
		wait = min(wait, max(a.Due.Sub(now), 0))
	}
	return wait
}

// tellStorm tells a story in the threads about a storm, in one transaction with what also adds. It is storage.ErrNotFound when the
// storm is no more.
func (s *Service) tellStorm(ctx context.Context, key string, st story, also func(tx *storage.Tx)) error {
	return s.storms.Update(ctx, key, func(tx *storage.Tx, kept *Storm, was storage.Version) error {
		if was == 0 {
			return storage.ErrNotFound
		}
		also(tx)
		r := roll{Storm: *kept}
		for _, d := range r.tell(st) {
			s.out.Put(tx, d)
		}
		*kept = r.Storm
		return nil
	})
}

// disband takes the rows of a storm away that is over. One that became open meanwhile gets a thread of its own.
func (s *Service) disband(ctx context.Context, it storage.Item, r *roll) error {
	table := s.membersOf(storage.Root(it.ID))
	for _, e := range r.members {
		if e.Value.State != Resolved && !e.Value.Own {
			if _, err := s.ownThread(ctx, r.ID, e.Value.ID); err != nil {
				return err
			}
		}
		tx := s.db.Begin(storage.Root(e.ID))
		table.Delete(tx, e.ID, e.Version)
		if err := s.db.Commit(ctx, tx); err != nil && !errors.Is(err, storage.ErrConflict) {
			return err // one that changed is written anew; its time will run out
		}
	}
	return s.finish(ctx, it)
}

// checkMember gives an incident a thread of its own whose storm is over.
func (s *Service) checkMember(ctx context.Context, it storage.Item) error {
	inc, _, err := s.current.Get(ctx, it.ID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	for n := range inc.Targets {
		t := &inc.Targets[n]
		if !t.represented() || !inc.Open() {
			continue
		}
		key, _ := stormKey(t.Storm)
		st, _, err := s.storms.Get(ctx, key)
		switch {
		case errors.Is(err, storage.ErrNotFound), err == nil && st.State == stormOver:
			_, err = s.ownThread(ctx, t.Storm, inc.ID)
		}
		if err != nil {
			return err
		}
	}
	return s.finish(ctx, it)
}
