package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drey-ops/drey/storage"
)

const (
	outboxQueue storage.Queue = "outbox"
	outboxLease               = 6 * time.Second // how soon others take on what one that died had in hand; kept while an item is being sent
	sendTimeout               = 15 * time.Second
	storeLimit                = 5 * time.Second
	outboxTTL                 = 60 * 24 * time.Hour // a message can be edited for so long
	deadLog                   = "outbox-dead"
)

// Delivery is a message on its way to a place. Key is "ROOT/…" with the root of the record it speaks of, so that both
// commit together; a second Delivery of the same Key edits the message of the first.
type Delivery struct {
	Key     string  `json:"key"`
	Parent  string  `json:"parent,omitempty"` // Key of the message in whose thread this one goes
	After   string  `json:"after,omitempty"`  // Key of a message that must be posted before this one
	To      Place   `json:"to"`
	Message Message `json:"message"`
	Sum     string  `json:"-"` // of the Message, where it is known already
}

// The methods of a Try.
const (
	MethodPost = "post"
	MethodEdit = "edit"
	MethodDead = "dead" // the message was given up
)

// Try is one try to post or edit a message.
type Try struct {
	Network NetworkID
	Key     string        // of the Delivery
	Method  string        // MethodPost, MethodEdit or MethodDead
	Waited  time.Duration // since its Delivery was put
	Err     error
}

// OutboxOptions tune an Outbox; the zero value works.
type OutboxOptions struct {
	Workers int // posts under way at once; 0 means 16. In a backlog half as many more are claimed, ready to follow
	// OnDelivered is told of every try to post or edit, with the time since its Delivery was put (metrics). A message
	// given up for good comes once more, with method "dead".
	OnDelivered func(t Try)
}

// Outbox is the one road out for everything that is not an immediate reply. Any number of them, in any number of
// replicas, share the work. Records by key:
//
//	want    the newest Delivery that is not yet delivered
//	posted  where the message stands, part by part, and what was last sent
//	wait    the keys that wait for this one to be posted
type Outbox struct {
	db       *storage.DB
	log      *slog.Logger
	o        OutboxOptions
	networks map[NetworkID]Network
	binder   *Binder
	lanes    *lanes
	lease    time.Duration
	want     storage.Table[wanted]
	posted   storage.Table[posted]
	wait     storage.Table[waiting]

	mu      sync.Mutex
	unsaved map[string]posted // posted, but the store could not be told yet
	skew    time.Duration     // how far the store's clock is ahead of ours
	asked   time.Time         // when that was found out
	closing bool
}

// posted is a message as it stands, in the parts that Fit made of it.
type posted struct {
	Parts []part `json:"parts,omitempty"`
	Dead  string `json:"dead,omitempty"` // why the newest state was given up
	Told  bool   `json:"told,omitempty"` // those that waited for this one were woken
	// Lost is since when it may have been posted without being known here: a lease was lost then.
	Lost time.Time `json:"lost,omitzero"`
}

type part struct {
	Ref  MessageRef `json:"ref"`  // without an ID while it is not known to be posted
	Hash string     `json:"hash"` // of what was last sent
	// Trying is the Hash of what was first given to Post, where nobody knows what became of it: a network that knows the key
	// from then shows that state, whatever a later Post holds.
	Trying string `json:"trying,omitempty"`
	// Since is when that was, at the latest; what is Tracked looks for the message from then on.
	Since time.Time `json:"since,omitzero"`
	Gone  bool      `json:"gone,omitempty"`  // the message was removed and is to be posted anew
	Again int       `json:"again,omitempty"` // posted anew so often
}

// standing counts the parts that are known to be posted.
func (p posted) standing() int {
	n := 0
	for _, x := range p.Parts {
		if x.Ref.ID != "" {
			n++
		}
	}
	return n
}

// waiting are the keys that wait for one to be posted.
type waiting struct {
	Keys []string `json:"keys"`
}

// NewOutbox returns an Outbox that posts to the given networks.
func NewOutbox(db *storage.DB, log *slog.Logger, o OutboxOptions, networks ...Network) *Outbox {
	if o.Workers <= 0 {
		o.Workers = 16
	}
	if o.OnDelivered == nil {
		o.OnDelivered = func(Try) {}
	}
	return &Outbox{
		db: db, log: log, o: o, networks: byID(networks), binder: NewBinder(db), lanes: newLanes(), lease: outboxLease,
		want:    storage.Table[wanted]{DB: db, Name: "outbox-want", TTL: outboxTTL, Unlisted: true},
		posted:  storage.Table[posted]{DB: db, Name: "outbox-posted", TTL: outboxTTL, Unlisted: true},
		wait:    storage.Table[waiting]{DB: db, Name: "outbox-wait", TTL: 24 * time.Hour, Unlisted: true},
		unsaved: map[string]posted{},
	}
}

// Put adds d to tx: the newest state of a Key wins, and is posted or edited in by Run, after a crash too.
func (o *Outbox) Put(tx *storage.Tx, d Delivery) {
	if d.Sum == "" {
		d.Sum = Sum(d.Message)
	}
	d.Message = o.binder.bindIn(tx, d.Message)
	o.want.Put(tx, d.Key, wantedOf(d), storage.Any)
	tx.Enqueue(outboxQueue, d.Key, time.Time{})
}

// Posted returns where the message of key stands, or storage.ErrNotFound while it is not posted. Of a message in several
// parts it is the first.
func (o *Outbox) Posted(ctx context.Context, key string) (MessageRef, error) {
	p, _, err := o.posted.Get(ctx, key)
	if err != nil {
		return MessageRef{}, fmt.Errorf("message %s: %w", key, err)
	}
	if p.standing() == 0 {
		return MessageRef{}, fmt.Errorf("message %s: %w", key, storage.ErrNotFound)
	}
	return p.Parts[0].Ref, nil
}

// Depth counts the keys that have something to be delivered or that wait for their turn, and tells since when the oldest
// one could have been delivered (zero: none).
func (o *Outbox) Depth(ctx context.Context) (n int, oldest time.Time, err error) {
	n, oldest, err = o.db.Depth(ctx, outboxQueue)
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("outbox: %w", err)
	}
	// Items that wait for their channel's pace are not due in the queue; this replica knows since when its own wait.
	if at := o.lanes.oldest(time.Now()); !at.IsZero() && (oldest.IsZero() || at.Before(oldest)) {
		oldest = at
	}
	return n, oldest, nil
}

// Run delivers until ctx ends, then waits for the posts under way. It never gives up on the store: while that is away, it
// asks again. Run may be called once.
func (o *Outbox) Run(ctx context.Context) error {
	// In a backlog items are claimed a batch at a time, while those of the last one are still being worked on: a claim costs the
	// store as much for one as for several.
	free, items := make(chan struct{}, 3*o.o.Workers/2), make(chan claimed, 3*o.o.Workers/2)
	for range cap(free) {
		free <- struct{}{}
	}
	var workers sync.WaitGroup
	for range o.o.Workers {
		workers.Go(func() {
			for c := range items {
				o.work(context.WithoutCancel(ctx), c)
				free <- struct{}{}
			}
		})
	}
	defer workers.Wait()
	defer close(items)
	defer o.close()
	wake := o.db.Wake(outboxQueue)
	down, least := false, 1
	for {
		n := take(ctx, free, least)
		if n == 0 {
			return nil
		}
		o.compareClocks(ctx)
		now := time.Now()
		got, next, err := o.db.Claim(ctx, outboxQueue, n, o.lease)
		if ctx.Err() != nil {
			o.giveBack(context.WithoutCancel(ctx), got...)
			return nil
		}
		if err != nil && !down {
			o.log.Error("outbox cannot read its queue", "error", err)
		}
		if down = err != nil; down {
			next = time.Second/2 + rand.N(time.Second)
		}
		read := o.read(context.WithoutCancel(ctx), got)
		for _, it := range got {
			items <- claimed{it, now, read[it.ID]}
		}
		for range n - len(got) {
			free <- struct{}{}
		}
		if len(got) == n {
			least = o.o.Workers
			continue
		}
		least = 1
		timer := time.NewTimer(next)
		select {
		case <-wake:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// take waits until least are free and takes all that are; 0 when ctx ended.
func take(ctx context.Context, free chan struct{}, least int) int {
	for range least {
		select {
		case <-free:
		case <-ctx.Done():
			return 0
		}
	}
	for n := least; ; n++ {
		select {
		case <-free:
		default:
			return n
		}
	}
}

func (o *Outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closing = true
}

func (o *Outbox) isClosing() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closing
}

// records are those of one key as they were read after it was claimed: as long as the lease holds, nobody else writes down where
// the message stands, and what is put meanwhile makes it due again. That does not hold where a post was tried already, by somebody
// who may be at it still: those are read in their lane, after whoever was in it with an older lease has written down what came of it.
type records struct {
	at      time.Time // zero: they were not read
	want    wish
	wantV   storage.Version
	posted  posted
	postedV storage.Version
}

// readFor is how long they are taken for the newest: an item may have to wait for its turn.
const readFor = time.Second

// read looks up the records of items in one round trip. Those that are missing in the result are to be read one by one.
func (o *Outbox) read(ctx context.Context, items []storage.Item) map[string]records {
	if len(items) == 0 {
		return nil
	}
	ids := make([]string, len(items))
	for i, it := range items {
		ids[i] = it.ID
	}
	wants, stands, err := storage.Both(ctx, o.want, o.posted, ids)
	if err != nil {
		return nil // whoever works on one of them reads it, and tells what is wrong
	}
	out := make(map[string]records, len(items))
	now := time.Now()
	for _, it := range items {
		w, ok := wants[it.ID]
		p := stands[it.ID]
		if ok && it.Lost.IsZero() && !slices.ContainsFunc(p.Value.Parts, func(x part) bool { return x.Trying != "" }) {
			out[it.ID] = records{now, w.Value.wish(), w.Version, p.Value, p.Version}
		}
	}
	return out
}

// work delivers one item, and whatever is held for the same channel by the time it is done.
func (o *Outbox) work(ctx context.Context, c claimed) {
	if o.isClosing() {
		o.giveBack(ctx, c.Item)
		return
	}
	var err error
	if c.read.at.IsZero() {
		c.read.want, c.read.wantV, err = o.wish(ctx, c.ID)
	}
	if errors.Is(err, storage.ErrNotFound) {
		o.finish(ctx, c) // woken without a cause: it was delivered already
		return
	}
	if err != nil {
		o.log.Error("delivery not read", "key", c.ID, "error", err)
		return // due again when its lease ends
	}
	to := c.read.want.To
	lane := strings.TrimSpace(to.String() + " " + to.Space)
	j := &job{o: o, c: c, lane: lane}
	for ok := o.lanes.enter(lane, c, time.Now()); ok; {
		j.deliver(ctx)
		if o.isClosing() {
			for _, h := range o.lanes.unhold(lane, time.Now()) {
				o.giveBack(ctx, h.Item)
			}
		}
		c, ok = o.lanes.leave(lane, time.Now())
		j = &job{o: o, c: c, lane: lane}
	}
}

func (o *Outbox) wish(ctx context.Context, key string) (wish, storage.Version, error) {
	w, v, err := o.want.Get(ctx, key)
	return w.wish(), v, err
}

func (o *Outbox) finish(ctx context.Context, c claimed) {
	tx := o.db.Begin(storage.Root(c.ID))
	tx.Finish(c.Item)
	o.commit(ctx, tx, c.ID)
}

func (o *Outbox) giveBack(ctx context.Context, items ...storage.Item) {
	for _, it := range items {
		if !it.Lost.IsZero() {
			continue // that must not be forgotten: the next claim, when this lease has ended, tells it again
		}
		tx := o.db.Begin(storage.Root(it.ID))
		tx.Release(it, time.Time{})
		o.commit(ctx, tx, it.ID)
	}
}

// commit is for what a later claim would mend: an error is logged, no more. A lost lease is none.
func (o *Outbox) commit(ctx context.Context, tx *storage.Tx, key string) {
	ctx, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	if err := o.db.Commit(ctx, tx); err != nil && !errors.Is(err, storage.ErrConflict) {
		o.log.Error("outbox record not written", "key", key, "error", err)
	}
}

// compareClocks asks the store for its time now and then: it is the store's clock that decides when an item is due, and
// with a slower one of our own, items given back for later would be due at once, round and round.
func (o *Outbox) compareClocks(ctx context.Context) {
	o.mu.Lock()
	old := time.Since(o.asked) > time.Minute
	o.mu.Unlock()
	if !old {
		return
	}
	now := time.Now()
	theirs, err := o.db.Now(ctx)
	if err != nil {
		return // Claim will tell
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked, o.skew = now, theirs.Sub(now)
}

// due is the store's time after a pause.
func (o *Outbox) due(wait time.Duration) time.Time {
	if wait <= 0 {
		return time.Time{}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return time.Now().Add(wait + o.skew)
}
