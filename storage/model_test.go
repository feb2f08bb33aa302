package storage_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drey-ops/drey/storage"
)

// modelItem is one item of a queue as the doc comments promise it.
type modelItem struct {
	due   time.Time
	fence int64     // of the present lease; 0: none
	again time.Time // zero: was not enqueued during the lease
}

// model is a queue in plain Go.
type model map[string]*modelItem

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

func (m model) enqueue(id string, at time.Time) {
	switch it := m[id]; {
	case it == nil:
		m[id] = &modelItem{due: at}
	case it.fence != 0:
		it.again = earlier(it.again, at)
	default:
		it.due = earlier(it.due, at)
	}
}

// giveBack says whether the lease was still held. The zero time takes the item out.
func (m model) giveBack(it storage.Item, at time.Time) bool {
	have := m[it.ID]
	if have == nil || have.fence != it.Fence {
		return false
	}
	if !have.again.IsZero() {
		at = earlier(at, have.again)
	}
	if at.IsZero() {
		delete(m, it.ID)
	} else {
		*have = modelItem{due: at}
	}
	return true
}

func (m model) due(now time.Time) (n int) {
	for _, it := range m {
		if !it.due.After(now) {
			n++
		}
	}
	return n
}

// FuzzQueue compares the scripts with the model, in a bubble whose clock stands still but for the sleeps of the test.
func FuzzQueue(f *testing.F) {
	f.Add([]byte{0, 0, 1, 1, 5, 5, 2, 0, 1, 9, 3, 0})
	f.Add([]byte{0, 3, 0, 7, 5, 2, 1, 200, 0, 3, 2, 0, 1, 1, 5, 200, 1, 1, 3, 0, 4, 1})
	f.Add([]byte{0, 1, 1, 0, 0, 1, 5, 250, 1, 0, 2, 1, 3, 0, 0, 33, 1, 9, 0, 161, 3, 1, 1, 9})
	f.Fuzz(func(t *testing.T, ops []byte) {
		if len(ops) > 200 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			db, err := storage.Open(t.Context(), storage.Options{Memory: true}, nil)
			must(t, err)
			defer db.Close()
			m, held := model{}, []storage.Item{}
			for i := 0; i+1 < len(ops); i += 2 {
				held = turn(t, db, m, held, ops[i]%6, int(ops[i+1]))
			}
			n, _, err := db.Depth(t.Context(), "q")
			must(t, err)
			if n != len(m) {
				t.Errorf("depth %d, want %d", n, len(m))
			}
		})
	})
}

const modelLease = 300 * time.Millisecond

func turn(t *testing.T, db *storage.DB, m model, held []storage.Item, op byte, arg int) []storage.Item {
	now := time.Now()
	at := now.Add(time.Duration(arg/8) * 10 * time.Millisecond)
	switch op {
	case 0:
		id := fmt.Sprint("r", arg%8)
		tx := db.Begin(id)
		tx.Enqueue("q", id, at)
		must(t, db.Commit(t.Context(), tx))
		m.enqueue(id, at)
	case 1:
		max := 1 + arg%9
		got, _, err := db.Claim(t.Context(), "q", max, modelLease)
		must(t, err)
		if want := min(max, m.due(now)); len(got) != want {
			t.Fatalf("claimed %d, want %d", len(got), want)
		}
		for _, it := range got {
			have := m[it.ID]
			if have == nil || have.due.After(now) || it.Fence <= have.fence {
				t.Fatalf("claimed %+v, which is %+v", it, have)
			}
			have.due, have.fence = now.Add(modelLease), it.Fence
			if !have.again.After(now) {
				have.again = time.Time{}
			}
		}
		return append(held, got...)
	case 2, 3, 4:
		if len(held) > 0 {
			give(t, db, m, held[arg%len(held)], op, at)
		}
	case 5:
		time.Sleep(time.Duration(arg) * 10 * time.Millisecond)
	}
	return held
}

func give(t *testing.T, db *storage.DB, m model, it storage.Item, op byte, at time.Time) {
	var want bool
	var err error
	tx := db.Begin(it.ID)
	switch op {
	case 2:
		tx.Release(it, at)
		err, want = db.Commit(t.Context(), tx), m.giveBack(it, at)
	case 3:
		tx.Finish(it)
		err, want = db.Commit(t.Context(), tx), m.giveBack(it, time.Time{})
	case 4:
		err = db.Extend(t.Context(), it, modelLease)
		if want = m[it.ID] != nil && m[it.ID].fence == it.Fence; want {
			m[it.ID].due = time.Now().Add(modelLease)
		}
	}
	if want != (err == nil) || !want && !errors.Is(err, storage.ErrConflict) {
		t.Fatalf("op %d on %+v: %v, want success %v", op, it, err, want)
	}
}
