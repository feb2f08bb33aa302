package webbot

import (
	"slices"
)

// get returns the entry as of the last refresh.
func (f *feed) get(id string) (*entry, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e, ok := f.byID[id]
	return e, ok
}

// cursor is where a reader stands who has seen everything.
func (f *feed) cursor() cursor {
	f.mu.Lock()
	defer f.mu.Unlock()
	return cursor{f.epoch, f.seq}
}

// entries returns all entries by position, with the cursor that belongs to them.
func (f *feed) entries() ([]*entry, cursor) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.order), cursor{f.epoch, f.seq}
}

// since returns what changed after c, in the order of change. ok is false when c is of another epoch.
func (f *feed) since(c cursor) (out []*entry, now cursor, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now = cursor{f.epoch, f.seq}
	if c != (cursor{}) && (c.epoch != f.epoch || c.seq > f.seq) {
		return nil, now, false
	}
	if c.seq == f.seq {
		return nil, now, true
	}
	for _, e := range f.order {
		if e.Seq > c.seq {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b *entry) int { return int(a.Seq - b.Seq) })
	return out, now, true
}

// thread returns the head and what user sees of its replies.
func (f *feed) thread(id, user string) (head *entry, replies []*entry, at cursor) {
	all, at := f.entries()
	for _, e := range all {
		switch {
		case e.ID == id && e.visibleTo(user):
			head = e
		case e.Thread == id && e.visibleTo(user):
			replies = append(replies, e)
		}
	}
	return head, replies, at
}

// page returns the newest n messages of the channel that came before pos (0: at all) and whether there are older ones.
func (f *feed) page(user string, before int64, n int) (out []*entry, more bool, at cursor) {
	all, at := f.entries()
	for _, e := range slices.Backward(all) {
		if !e.listed() || !e.visibleTo(user) || before > 0 && e.Pos >= before {
			continue
		}
		if len(out) == n {
			more = true
			break
		}
		out = append(out, e)
	}
	slices.Reverse(out)
	return out, more, at
}

// unread counts what came to the channel after pos, with a bound beyond which nobody counts.
func (f *feed) unread(user string, pos int64) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, e := range slices.Backward(f.order) {
		if e.Pos <= pos || n > 99 {
			break
		}
		if e.listed() && e.visibleTo(user) && e.Who != user {
			n++
		}
	}
	return n
}

// last is the position of the newest message.
func (f *feed) last() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.order) == 0 {
		return 0
	}
	return f.order[len(f.order)-1].Pos
}
