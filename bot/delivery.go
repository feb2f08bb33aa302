package bot

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"github.com/drey-ops/drey/storage"
)

const (
	parentPoll   = 30 * time.Second // a key that waits for another is woken; this is for when the one who wakes died
	parentAbsent = time.Minute      // after it, a parent that nobody put is not waited for
	plainAfter   = 10               // failed tries from which on a plain message is tried
	clocksApart  = time.Minute      // how far a network's clock may be from the store's
	unknownState = "?"              // no Hash
)

// job is one key in the hands of a worker that is in the lane of its channel and holds its lease.
type job struct {
	o    *Outbox
	c    claimed
	lane string
	n    Network

	want    wish
	wantV   storage.Version
	posted  posted
	postedV storage.Version
	changed bool // posted differs from what is stored
	first   bool // the next post is the first try
}

// letter is what the log of dead letters keeps.
type letter struct {
	Key    string    `json:"key"`
	To     Place     `json:"to"`
	Title  string    `json:"title"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// deliver brings the message into its newest state, or gives the item back for later.
func (j *job) deliver(ctx context.Context) {
	ok, err := j.load(ctx)
	if err != nil {
		j.o.log.Error("delivery not read", "key", j.c.ID, "error", err)
		return // due again when its lease ends
	}
	if !ok {
		return
	}
	if j.n == nil {
		j.bury(ctx, "no network "+string(j.want.To.Network)+" is configured")
		return
	}
	at, ok := j.place(ctx)
	if !ok {
		return
	}
	parts := Fit(j.want.Message, j.n.Caps())
	for i := range max(len(parts), len(j.posted.Parts)) {
		m := Message{Tone: Muted, Blocks: []Block{Textf("–")}} // the message became shorter; what was posted cannot be taken back
		if i < len(parts) {
			m = parts[i]
		} else if j.isNew(i) {
			continue
		}
		if !j.part(ctx, i, len(parts), m, at) {
			return
		}
		if i+1 < len(parts) && j.changed {
			j.save(ctx)
		}
	}
	j.posted.Dead = ""
	j.settle(ctx, nil)
}

// load reads the newest state and where the message stands. It is false when there is nothing to do for this worker.
func (j *job) load(ctx context.Context) (bool, error) {
	key := j.c.ID
	if !j.keep(ctx) {
		return false, nil
	}
	var err error
	r := j.c.read
	fresh := !r.at.IsZero() && time.Since(r.at) < readFor
	if j.want, j.wantV = r.want, r.wantV; !fresh {
		j.want, j.wantV, err = j.o.wish(ctx, key)
	}
	if errors.Is(err, storage.ErrNotFound) {
		j.o.finish(ctx, j.c)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if j.posted, j.postedV = r.posted, r.postedV; !fresh {
		j.posted, j.postedV, err = j.o.posted.Get(ctx, key)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return false, err
		}
	}
	j.o.mu.Lock()
	if p, ok := j.o.unsaved[key]; ok && p.standing() > j.posted.standing() {
		j.posted, j.changed = p, true
	} else if ok {
		delete(j.o.unsaved, key) // another replica took over meanwhile
	}
	j.o.mu.Unlock()
	if lost := j.c.Lost; !lost.IsZero() && (j.posted.Lost.IsZero() || lost.Before(j.posted.Lost)) {
		j.posted.Lost, j.changed = lost.UTC(), true
	}
	j.n = j.o.networks[j.want.To.Network]
	return true, nil
}

// place says where the message goes, once what it needs is posted; until then it gives the item back.
func (j *job) place(ctx context.Context) (Place, bool) {
	if j.posted.standing() > 0 {
		return j.posted.Parts[0].Ref.Place, true
	}
	d := j.want.Delivery
	at := d.To
	for _, need := range []string{d.Parent, d.After} {
		if need == "" {
			continue
		}
		p, ready, err := j.needs(ctx, need)
		if err != nil {
			j.o.log.Error("delivery waits for a message that cannot be looked up", "key", d.Key, "needs", need, "error", err)
		}
		if !ready || err != nil {
			j.release(ctx, parentPoll)
			return Place{}, false
		}
		if need == d.Parent && p.standing() > 0 && j.n.Caps().Threads {
			root := p.Parts[0].Ref
			at = root.Place
			if at.Thread == "" {
				at.Thread = root.ID
			}
		}
	}
	return at, true
}

var errReady = errors.New("bot: it is posted by now")

// needs looks whether the message of key is posted, and else registers to be woken when it is.
func (j *job) needs(ctx context.Context, key string) (p posted, ready bool, err error) {
	err = j.o.wait.Update(ctx, key, func(tx *storage.Tx, w *waiting, _ storage.Version) error {
		var err error
		var v storage.Version
		p, v, err = j.o.posted.Get(ctx, key)
		switch {
		case err == nil && (p.standing() > 0 || p.Dead != ""):
			return errReady
		case err != nil && !errors.Is(err, storage.ErrNotFound):
			return err
		}
		if !slices.Contains(w.Keys, j.c.ID) {
			w.Keys = append(w.Keys, j.c.ID)
		}
		j.o.posted.Check(tx, key, v) // what is posted from now on finds this registration
		return nil
	})
	if errors.Is(err, errReady) {
		return p, true, nil
	}
	if err != nil || time.Since(j.want.PutAt) < parentAbsent {
		return p, false, err
	}
	if _, _, err := j.o.want.Get(ctx, key); errors.Is(err, storage.ErrNotFound) {
		j.o.log.Warn("delivery goes without the message it needs: nobody put that", "key", j.c.ID, "needs", key)
		return p, true, nil
	}
	return p, false, nil
}

// part brings part i of so many of the message into state m. It is false when the item was given back or buried.
func (j *job) part(ctx context.Context, i, parts int, m Message, at Place) bool {
	sum := j.want.Sum
	if sum == "" || parts > 1 || i >= parts { // else the part is all of the message
		sum = Sum(m)
	}
	if !j.isNew(i) && j.posted.Parts[i].Hash == sum {
		return true
	}
	plain := j.o.lanes.tried(j.c.ID) >= plainAfter
	for {
		if plain {
			m = fitOne(plainest(m), j.n.Caps())
		}
		if wait := j.pace(i); wait > 0 {
			j.release(ctx, wait)
			return false
		}
		if !j.keep(ctx) {
			return false
		}
		if j.isNew(i) {
			j.intend(i, sum)
		}
		ref, err := j.send(ctx, i, at, m)
		if j.isNew(i) && IsUnsent(err) {
			j.posted.Parts[i].Trying, j.posted.Parts[i].Since, j.changed = "", time.Time{}, true
		}
		se := new(SendError)
		known := errors.As(err, &se)
		switch {
		case err == nil:
			if j.sent(i, ref, sum) {
				return true
			}
		case known && se.Gone && !j.isNew(i) && j.posted.Parts[i].Again == 0:
			j.o.log.Info("message was removed, posting it anew", "key", j.c.ID)
			j.posted.Parts[i].Gone, j.posted.Parts[i].Again, j.posted.Parts[i].Trying = true, 1, ""
			j.changed = true
		case known && (se.Gone || se.Rejected && plain):
			return j.bury(ctx, err.Error())
		case known && se.Rejected:
			j.o.log.Warn("message rejected, sending a plain one", "key", j.c.ID, "error", err)
			plain = true
		default:
			j.later(ctx, err, se)
			return false
		}
	}
}

// isNew says whether part i must be posted rather than edited.
func (j *job) isNew(i int) bool {
	return i >= len(j.posted.Parts) || j.posted.Parts[i].Gone || j.posted.Parts[i].Ref.ID == ""
}

func (j *job) pace(i int) time.Duration {
	if j.isNew(i) {
		return j.o.lanes.post(j.lane, j.c.ID, j.n.Caps().PostEvery, time.Now())
	}
	return j.o.lanes.edit(j.lane, j.posted.Parts[i].Ref.ID, j.n.Caps().EditEvery, time.Now())
}

// later gives the item back after an error that may pass.
func (j *job) later(ctx context.Context, err error, se *SendError) {
	now := time.Now()
	pause, tries := se.After, 0
	switch {
	case se.Alone && pause > 0:
	case pause > 0:
		j.o.lanes.block(j.lane, j.c.ID, se.Paced, now.Add(pause), now)
	default:
		tries, pause = j.o.lanes.failed(j.lane, j.c.ID, now)
		pause = jitter(pause)
	}
	j.o.log.Warn("message not sent, will try again", "key", j.c.ID, "to", j.lane, "error", err, "tries", tries, "after", pause)
	j.release(ctx, pause)
}

// send posts or edits part i.
func (j *job) send(ctx context.Context, i int, at Place, m Message) (ref MessageRef, err error) {
	method := MethodEdit
	if j.isNew(i) {
		method = MethodPost
	}
	defer func() {
		if p := recover(); p != nil {
			j.o.log.Error("panic while sending", "key", j.c.ID, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("%s %s: panic: %v", method, j.c.ID, p)
		}
		j.o.o.OnDelivered(Try{j.n.ID(), j.want.Key, method, time.Since(j.want.PutAt), err})
	}()
	m, err = j.o.binder.Bind(ctx, m)
	if err != nil {
		return ref, err
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	ctx, end := j.hold(ctx)
	defer end()
	if method == MethodPost {
		ref, err = j.post(ctx, i, at, m)
	} else {
		ref = j.posted.Parts[i].Ref
		err = j.n.Edit(ctx, ref, m)
	}
	if err != nil {
		return ref, fmt.Errorf("%s %s: %w", method, j.c.ID, err)
	}
	return ref, nil
}

// post makes part i. A network that is Tracked relies on the lease, and on the record that settle makes of the post: after a
// crash between the two, whoever comes next lets the network look.
func (j *job) post(ctx context.Context, i int, at Place, m Message) (MessageRef, error) {
	tried, first := j.posted.Parts[i].Since, j.first
	j.first = false
	t, ok := j.n.(Tracked)
	switch {
	case !ok, !first && tried.IsZero():
		return j.n.Post(ctx, at, j.key(i), m)
	case first:
		tried = time.Time{}
	}
	return t.PostTracked(ctx, at, j.key(i), tried, m)
}

// key names the post of part i for the network: KEY, KEY#2 …, and KEY~1 when it is posted anew.
func (j *job) key(i int) string {
	key := j.c.ID
	if i > 0 {
		key += "#" + strconv.Itoa(i+1)
	}
	if i < len(j.posted.Parts) && j.posted.Parts[i].Again > 0 {
		key += "~" + strconv.Itoa(j.posted.Parts[i].Again)
	}
	return key
}

// intend notes what is going to be posted, unless an earlier try has. It is the lease that is written down before a post: whoever
// claims the item after a lease that was not given back takes it that there was one.
func (j *job) intend(i int, sum string) {
	if i >= len(j.posted.Parts) {
		j.posted.Parts = append(j.posted.Parts, part{})
	}
	p := &j.posted.Parts[i]
	if p.Trying != "" {
		return
	}
	p.Trying, p.Since, j.first, j.changed = sum, time.Now().UTC(), j.posted.Lost.IsZero(), true
	if !j.first {
		p.Trying, p.Since = unknownState, j.posted.Lost.Add(-clocksApart)
	}
}

// sent notes that part i stands at ref. It is false when that may show an earlier state, which has to be edited.
func (j *job) sent(i int, ref MessageRef, sum string) bool {
	j.o.lanes.well(j.lane, j.c.ID, time.Now())
	p := &j.posted.Parts[i]
	if p.Trying != "" {
		p.Hash, p.Trying = p.Trying, ""
	} else {
		p.Hash = sum
	}
	p.Ref, p.Since, p.Gone, j.changed = ref, time.Time{}, false, true
	return p.Hash == sum
}
