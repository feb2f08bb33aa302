package bot

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/drey-ops/drey/storage"
)

// settle records that the newest state is delivered, or buried in a letter, and lets go of the item: all in one Tx, with
// waking those that waited.
func (j *job) settle(ctx context.Context, dead *letter) {
	ctx, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	key, told := j.c.ID, j.posted.Told
	tx := j.o.db.Begin(storage.Root(key))
	if !told {
		j.o.wait.Check(tx, key, storage.New) // mostly nobody waits
	}
	err := j.record(ctx, tx, dead)
	var others []string
	if !told && errors.Is(err, storage.ErrConflict) {
		tx = j.o.db.Begin(storage.Root(key))
		if others, err = j.wake(ctx, tx); err == nil {
			err = j.record(ctx, tx, dead)
		}
	}
	if err != nil {
		j.posted.Told = told
		j.failed(ctx, err)
		return
	}
	j.saved()
	j.o.lanes.done(j.lane, key, time.Now())
	for _, k := range others {
		tx := j.o.db.Begin(storage.Root(k))
		tx.Enqueue(outboxQueue, k, time.Time{})
		j.o.commit(ctx, tx, k) // when this is lost, k looks again by itself
	}
}

// record commits tx with what is posted and the end of the item.
func (j *job) record(ctx context.Context, tx *storage.Tx, dead *letter) error {
	key := j.c.ID
	if !j.posted.Told {
		j.posted.Told, j.changed = true, true
	}
	if !j.posted.Lost.IsZero() {
		j.posted.Lost, j.changed = time.Time{}, true
	}
	if j.changed || dead != nil {
		j.o.posted.Put(tx, key, j.posted, j.postedV)
	}
	if dead != nil {
		tx.Append(deadLog, dead, 0)
	}
	j.o.want.Delete(tx, key, j.wantV)
	tx.Finish(j.c.Item)
	return j.o.db.Commit(ctx, tx)
}

// wake makes those due that waited for this message, as far as they share its root, and returns the others.
func (j *job) wake(ctx context.Context, tx *storage.Tx) (others []string, err error) {
	w, v, err := j.o.wait.Get(ctx, j.c.ID)
	if errors.Is(err, storage.ErrNotFound) {
		j.o.wait.Check(tx, j.c.ID, storage.New) // else somebody registers between this look and the commit
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	j.o.wait.Delete(tx, j.c.ID, v)
	for _, k := range w.Keys {
		if storage.Root(k) == tx.Root() {
			tx.Enqueue(outboxQueue, k, time.Time{})
		} else {
			others = append(others, k)
		}
	}
	return others, nil
}

// failed is for when settle could not commit. After a conflict (a newer state was put, somebody registered, or the lease
// was lost) what is posted is written down all the same, and the item looked at again. When the store is away, it is kept
// in mind, so that this process at least does not post it again.
func (j *job) failed(ctx context.Context, err error) {
	if errors.Is(err, storage.ErrConflict) && j.release(ctx, 0) {
		return
	}
	if errors.Is(err, storage.ErrConflict) {
		j.save(ctx)
		return
	}
	j.o.log.Error("delivery not recorded", "key", j.c.ID, "error", err)
	j.unsaved()
}

// save writes down where the message stands by now, and says whether it could.
func (j *job) save(ctx context.Context) bool {
	if !j.changed {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	tx := j.o.db.Begin(storage.Root(j.c.ID))
	j.o.posted.Put(tx, j.c.ID, j.posted, j.postedV)
	switch err := j.o.db.Commit(ctx, tx); {
	case err == nil:
		j.saved()
		j.postedV++
		return true
	case errors.Is(err, storage.ErrConflict):
		j.o.log.Warn("another replica delivered the same message", "key", j.c.ID)
	default:
		j.o.log.Error("delivery not recorded", "key", j.c.ID, "error", err)
		j.unsaved()
	}
	return false
}

// release gives the item back for later, with what is posted so far. It is false when the lease was lost.
func (j *job) release(ctx context.Context, wait time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	tx := j.o.db.Begin(storage.Root(j.c.ID))
	if j.changed {
		j.o.posted.Put(tx, j.c.ID, j.posted, j.postedV)
	}
	tx.Release(j.c.Item, j.o.due(wait))
	err := j.o.db.Commit(ctx, tx)
	switch {
	case err == nil:
		j.saved()
		return true
	case errors.Is(err, storage.ErrConflict):
		return false
	}
	j.o.log.Error("delivery not given back", "key", j.c.ID, "error", err)
	j.unsaved()
	return true // nothing else would help: it is due again when its lease ends
}

func (j *job) saved() {
	j.changed = false
	j.o.mu.Lock()
	defer j.o.mu.Unlock()
	delete(j.o.unsaved, j.c.ID)
}

func (j *job) unsaved() {
	if !j.changed || j.posted.standing() == 0 {
		return
	}
	j.o.mu.Lock()
	defer j.o.mu.Unlock()
	j.o.unsaved[j.c.ID] = j.posted
}

// bury gives the newest state up for good. A later state of the same key is tried again. It returns false, for part.
func (j *job) bury(ctx context.Context, reason string) bool {
	d := j.want.Delivery
	j.o.log.Error("message given up", "key", d.Key, "to", d.To.String(), "title", d.Message.Title, "reason", reason)
	j.o.o.OnDelivered(Try{d.To.Network, d.Key, MethodDead, time.Since(j.want.PutAt), errors.New(reason)})
	j.posted.Dead = reason
	j.settle(ctx, &letter{Key: d.Key, To: d.To, Title: d.Message.Title, Reason: reason, At: time.Now().UTC()})
	return false
}

// jitter adds up to a fifth, so that those who failed together do not come back together.
func jitter(d time.Duration) time.Duration {
	if d < 5 {
		return d
	}
	return d + rand.N(d/5)
}
