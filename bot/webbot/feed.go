package webbot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/drey-ops/drey/storage"
)

const (
	// ringSize is how many changes another replica may miss before it reads the channel anew.
	ringSize = 64
	// trimStep bounds what one write deletes.
	trimStep = 64
	// weightMax bounds a channel's memory, here and in the store, when many answers are large tables.
	weightMax = 8 << 20
	// htmlKept is the largest HTML that is kept for the next reader; larger ones are made anew.
	htmlKept = 16 << 10
)

var errUnchanged = errors.New("nothing to change")

// meta is the counter of a channel, stored under "web:CHANNEL". Every write to the channel goes through it.
type meta struct {
	Epoch string   `json:"epoch"` // another one means that the store was lost and the numbers began again
	Seq   int64    `json:"seq"`
	Ring  []change `json:"ring"` // the newest changes, oldest first
}

type change struct {
	Seq int64  `json:"s"`
	ID  string `json:"i"`
}

// entry is a record in memory. It never changes; a change puts another entry in its place.
type entry struct {
	record
	channel string
	html    func() []byte // made when first asked for
}

// feed is one channel: what storage holds of it, kept in memory too.
type feed struct {
	channel, root string
	max           int
	metas         storage.Table[meta]
	records       storage.Table[record]
	blobs         storage.Table[blob]
	render        func(channel string, r record) []byte
	changed       func() // told after every change

	writing sync.Mutex // one writer at a time in this process; others are held off by the version of meta

	mu     sync.Mutex
	epoch  string
	seq    int64
	byID   map[string]*entry
	order  []*entry // by Pos
	weight int      // of all entries
	// dropped were let go here and await deletion in the store, with the next write.
	dropped []*entry
}

func (f *feed) entryOf(r record) *entry {
	var kept atomic.Pointer[[]byte]
	return &entry{record: r, channel: f.channel, html: func() []byte {
		if p := kept.Load(); p != nil {
			return *p
		}
		made := f.render(f.channel, r)
		if len(made) <= htmlKept {
			kept.Store(&made)
		}
		return made
	}}
}

// refresh reads what other replicas, or an earlier process, wrote.
func (f *feed) refresh(ctx context.Context) error {
	m, _, err := f.metas.Get(ctx, f.root)
	if errors.Is(err, storage.ErrNotFound) {
		f.forget()
		return nil
	}
	if err != nil {
		return fmt.Errorf("read channel %s: %w", f.channel, err)
	}
	at := f.cursor()
	if m.Epoch == at.epoch && m.Seq <= at.seq {
		return nil
	}
	if m.Epoch != at.epoch || len(m.Ring) == 0 || m.Ring[0].Seq > at.seq+1 {
		return f.reload(ctx, m)
	}
	var got []record
	seen := map[string]bool{}
	for _, c := range m.Ring {
		if c.Seq <= at.seq || seen[c.ID] {
			continue
		}
		seen[c.ID] = true
		r, _, err := f.records.Get(ctx, f.root+"/"+c.ID)
		if errors.Is(err, storage.ErrNotFound) {
			continue // trimmed since
		}
		if err != nil {
			return fmt.Errorf("read message in %s: %w", f.channel, err)
		}
		got = append(got, r)
	}
	f.apply(m, got)
	return nil
}

// reload reads the whole channel.
func (f *feed) reload(ctx context.Context, m meta) error {
	var got []record
	for e, err := range f.records.Under(ctx, f.root) {
		if err != nil {
			return fmt.Errorf("read channel %s: %w", f.channel, err)
		}
		got = append(got, e.Value)
	}
	f.forget()
	f.apply(m, got)
	return nil
}

func (f *feed) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.epoch, f.seq, f.byID, f.order, f.weight = "", 0, map[string]*entry{}, nil, 0
}

// apply takes records over into memory. A record read a moment later than m may be newer than m says; then the next
// refresh brings it once more.
func (f *feed) apply(m meta, rs []record) {
	f.mu.Lock()
	for _, r := range rs {
		old, ok := f.byID[r.ID]
		if ok && old.Seq >= r.Seq {
			continue
		}
		e := f.entryOf(r)
		f.byID[r.ID] = e
		if ok {
			i := f.index(old.Pos)
			f.order = slices.Delete(f.order, i, i+1)
			f.weight -= old.weight()
		}
		f.order = slices.Insert(f.order, f.index(r.Pos), e)
		f.weight += e.weight()
	}
	f.epoch = m.Epoch
	f.seq = max(f.seq, m.Seq)
	f.drop()
	f.mu.Unlock()
	f.changed()
}

func (f *feed) index(pos int64) int {
	i, _ := slices.BinarySearchFunc(f.order, pos, func(e *entry, p int64) int { return int(e.Pos - p) })
	return i
}

// edit is what a writer does with the record of an id, which is new when exists is false. Returning errUnchanged leaves
// everything as it is.
type edit func(r *record, exists bool) (map[string]blob, error)

// write changes one record and, with it, the head of its thread.
func (f *feed) write(ctx context.Context, id string, do edit) (record, error) {
	f.writing.Lock()
	defer f.writing.Unlock()
	var m meta
	var touched []record
	var result record
	var gone int
	err := f.metas.Update(ctx, f.root, func(tx *storage.Tx, now *meta, was storage.Version) error {
		touched = nil
		if was == storage.New {
			now.Epoch = storage.NewID()
		}
		r, version, err := f.read(ctx, id)
		if err != nil {
			return err
		}
		before := r
		blobs, err := do(&r, version != storage.New)
		result = r
		if err != nil {
			return err
		}
		if version != storage.New && sameContent(before, r) {
			return errUnchanged
		}
		r.ID, r.Shown = id, r.Shown || r.Only == ""
		// A form may have been open for long: its answer stands where people read now, and not where the form stood.
		now.touch(&r, version == storage.New || !before.answered() && r.answered())
		f.records.Put(tx, f.root+"/"+id, r, version)
		f.putBlobs(tx, before, r, blobs)
		result, touched = r, append(touched, r)
		head, err := f.countReply(ctx, tx, now, before, r)
		if err != nil {
			return err
		}
		if head != nil {
			touched = append(touched, *head)
		}
		gone = f.trim(tx)
		m = *now
		return nil
	})
	if errors.Is(err, errUnchanged) {
		return result, nil
	}
	if err != nil {
		return record{}, fmt.Errorf("write to channel %s: %w", f.channel, err)
	}
	f.trimmed(gone)
	if at := f.cursor(); at.epoch == m.Epoch && at.seq == m.Seq-int64(len(touched)) {
		f.apply(m, touched)
		return result, nil
	}
	return result, f.refresh(ctx)
}

func (f *feed) read(ctx context.Context, id string) (record, storage.Version, error) {
	r, version, err := f.records.Get(ctx, f.root+"/"+id)
	if errors.Is(err, storage.ErrNotFound) {
		return record{}, storage.New, nil
	}
	return r, version, err
}

// touch numbers a change of r, and gives it its place when it comes or is answered.
func (m *meta) touch(r *record, place bool) {
	m.Seq++
	r.Seq = m.Seq
	if place {
		r.Pos = m.Seq
	}
	m.Ring = append(m.Ring, change{m.Seq, r.ID})
	if n := len(m.Ring) - ringSize; n > 0 {
		m.Ring = slices.Clone(m.Ring[n:])
	}
}

func (f *feed) putBlobs(tx *storage.Tx, before, r record, blobs map[string]blob) {
	for _, ref := range before.Files {
		if _, kept := r.file(ref.ID); !kept {
			f.blobs.Delete(tx, f.root+"/"+ref.ID, storage.Any)
		}
	}
	for _, ref := range r.Files {
		if _, had := before.file(ref.ID); !had {
			f.blobs.Put(tx, f.root+"/"+ref.ID, blobs[ref.ID], storage.Any)
		}
	}
}

// countReply keeps the number of public replies on the head of the thread.
func (f *feed) countReply(ctx context.Context, tx *storage.Tx, m *meta, before, r record) (*record, error) {
	counts := func(r record) bool { return r.ID != "" && r.Only == "" && !r.Removed }
	if r.Thread == "" || counts(before) == counts(r) {
		return nil, nil
	}
	head, version, err := f.read(ctx, r.Thread)
	if err != nil || version == storage.New {
		return nil, err
	}
	if counts(r) {
		head.Replies++
		head.LastReply = r.At
	} else {
		head.Replies--
	}
	m.touch(&head, false)
	f.records.Put(tx, f.root+"/"+head.ID, head, version)
	return &head, nil
}

// drop lets the oldest entries beyond the bounds go; the newest always stays.
func (f *feed) drop() {
	n := 0
	for n < len(f.order)-1 && (len(f.order)-n > f.max || f.weight > weightMax) {
		e := f.order[n]
		delete(f.byID, e.ID)
		f.weight -= e.weight()
		f.dropped = append(f.dropped, e)
		n++
	}
	f.order = slices.Delete(f.order, 0, n)
}

// trim deletes in the store what was dropped; it returns how many it took. Another replica may have done so before.
func (f *feed) trim(tx *storage.Tx) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := min(len(f.dropped), trimStep)
	for _, e := range f.dropped[:n] {
		f.records.Delete(tx, f.root+"/"+e.ID, storage.Any)
		for _, ref := range e.Files {
			f.blobs.Delete(tx, f.root+"/"+ref.ID, storage.Any)
		}
	}
	return n
}

func (f *feed) trimmed(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dropped = slices.Delete(f.dropped, 0, min(n, len(f.dropped)))
}

// blob reads the bytes of a file.
func (f *feed) blob(ctx context.Context, id string) ([]byte, error) {
	b, _, err := f.blobs.Get(ctx, f.root+"/"+id)
	if err != nil {
		return nil, fmt.Errorf("read file in %s: %w", f.channel, err)
	}
	return b.Data, nil
}
